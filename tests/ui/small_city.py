"""A small made city for tests of the screen: two districts of two subdistricts each, squares as boundaries, follow-ups in some rows.

Made by plain loops, so that a test can count the same rows again without the code under test.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AREAS = (
    ("110101001", "东华门街道", "110101", "东城区", 116.39, 39.90),
    ("110101002", "景山街道", "110101", "东城区", 116.41, 39.90),
    ("110102001", "西长安街街道", "110102", "西城区", 116.35, 39.90),
    ("110102003", "新街口街道", "110102", "西城区", 116.37, 39.90),
)
PROBLEMS = ("供暖问题", "房屋漏水", "占道停车", "市容环卫", "噪声扰民", "施工管理", "物业服务")
UNITS = ("市住建委", "市交通委", "热力集团")
FIRST_DAY = datetime.fromisoformat("2024-09-01T09:00")
LAST_DAY = datetime.fromisoformat("2025-11-20T09:00")
SIDE = 0.018


def rows() -> list[dict[str, str]]:
    """Every ticket, as delivered."""
    made: list[dict[str, str]] = []
    day, number = FIRST_DAY, 0
    while day <= LAST_DAY:
        for turn in range(3 + day.day % 4 + (day.year == 2024)):
            number += 1
            _code, subdistrict, _parent, district, _lon, _lat = AREAS[(number + turn) % len(AREAS)]
            asked = number % 2 == 0
            made.append(
                {
                    "工单编号": f"T{number:06d}",
                    "工单类型": "咨询" if number % 5 == 0 else "投诉",
                    "渠道": "电话" if number % 3 else "微信",
                    "创建时间": f"{day + timedelta(minutes=turn):%Y-%m-%d %H:%M:%S}",
                    "办结时间": "" if number % 7 == 0 else f"{day + timedelta(hours=5):%Y-%m-%d %H:%M:%S}",
                    "问题分类": f"{PROBLEMS[(number + number // 3) % len(PROBLEMS)]}->细类{number % 3}",
                    "被反映区": district,
                    "被反映街乡镇": "不在册的地方" if number % 50 == 0 else subdistrict,
                    "承办单位": UNITS[number % len(UNITS)],
                    "是否响应": "是" if asked else "",
                    "是否解决": ("解决" if number % 10 else "未解决") if asked else "",
                    "是否满意": ("满意" if number % 8 else "不满意") if asked else "",
                }
            )
        day += timedelta(days=1)
    return made


def write_tickets(path: Path) -> None:
    """The rows as CSV, and two that cannot be kept; one of them would be a formula in a spreadsheet."""
    made = rows()
    broken = [made[0] | {"工单编号": "B1", "创建时间": "=1+1"}, made[0] | {"工单编号": "B2", "创建时间": "不详"}]
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.DictWriter(handle, list(made[0]))
        writer.writeheader()
        writer.writerows(made + broken)


def write_boundaries(path: Path) -> None:
    """The four squares."""
    features = []
    for code, name, parent, district, west, south in AREAS:
        ring = [[west, south], [west + SIDE, south], [west + SIDE, south + SIDE], [west, south + SIDE], [west, south]]
        properties = {"code": code, "name": name, "district_code": parent, "district": district}
        features.append({"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False), encoding="utf-8")


def manage(home: Path, *words: str, seconds: int = 180) -> subprocess.CompletedProcess[str]:
    """Run a command of ``manage.py`` on a home."""
    environment = {**os.environ, "WEISU_HOME": str(home), "OMP_NUM_THREADS": "1"}  # on small panels two threads only wait for each other
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=seconds
    )


def build(folder: Path, *, boundaries: bool = True) -> Path:
    """Ingest the small city and return its home."""
    home, tickets, shapes = folder / "home", folder / "tickets.csv", folder / "areas.geojson"
    write_tickets(tickets)
    write_boundaries(shapes)
    more = ["--boundaries", str(shapes)] if boundaries else []
    done = manage(home, "ingest", str(tickets), "--city", "beijing", *more)
    assert done.returncode == 0, done.stdout + done.stderr
    return home

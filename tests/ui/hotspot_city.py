"""A made city of nine streets with planted hot spots: what was planted, where and since when is known, so that a test can count it again by itself.

* ``LONG``: four times the usual from ten weeks before the end on, around one compound, handled by one unit.
* ``FRESH``: five times the usual from three weeks before the end on; its problem is called as a formula would be.
* ``OVER``: five times the usual for twelve weeks in spring, and nothing since.
* ``COVER``: eight tickets of two callers at one crossing; its problem has no second level.
"""

from __future__ import annotations

import csv
import json
import math
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path

import pandas as pd

from storage.focus import focus_version, open_focus, write_focus
from storage.home import Home
from storage.queries import fetch
from tests.ui import small_city

SIDE = small_city.SIDE
STREETS = (
    ("110101001", "东华门街道", "110101", "东城区"),
    ("110101002", "景山街道", "110101", "东城区"),
    ("110101003", "交道口街道", "110101", "东城区"),
    ("110102001", "西长安街街道", "110102", "西城区"),
    ("110102003", "新街口街道", "110102", "西城区"),
    ("110102007", "月坛街道", "110102", "西城区"),
    ("110105001", "建外街道", "110105", "朝阳区"),
    ("110105002", "朝外街道", "110105", "朝阳区"),
    ("110105004", "呼家楼街道", "110105", "朝阳区"),
)
NAMES = {code: name for code, name, _parent, _district in STREETS}
CORNERS = {street[0]: (116.30 + SIDE * (number % 3), 39.90 + SIDE * (number // 3)) for number, street in enumerate(STREETS)}
FIRST_DAY, LAST_DAY = date(2024, 1, 1), date(2025, 12, 31)
CUTOFF = date(2025, 12, 28)
"""The last Sunday: hot spots are looked for in whole weeks."""

UNITS = tuple(f"第{number}管理处" for number in range(1, 13))
PROBLEMS = (("噪声问题", "施工噪声"), ("噪声问题", "广场噪声"), ("停车管理", "占道停车"), ("环境卫生", "=1+1"))
A_WEEK = 3.0
"""Requests of a street and problem."""

COMPOUND, CROSSING = "幸福里小区", "和平路与建国路交叉口"
COVER_PROBLEM = "井盖破损"
CLOSE, FAR = "一社区", "二社区"
FEW_TITLE = "只有一个人来电"
FIELDS = (
    *("工单编号", "工单类型", "渠道", "创建时间", "标题", "问题分类", "被反映区", "被反映街乡镇"),
    *("社区", "小区点位", "经度", "纬度", "承办单位", "来电号码", "工单状态"),
)


@dataclass(frozen=True, slots=True)
class Planted:
    """More than usual of a problem in a street, in some weeks (Mondays; the last one is not part of it)."""

    code: str
    problem: tuple[str, str]
    first: date
    after: date
    times: float

    def holds(self, code: str, problem: tuple[str, str], day: date) -> bool:
        """Whether a ticket is part of it."""
        return (code, problem) == (self.code, self.problem) and self.first <= day < self.after


AFTER = date(2026, 1, 5)
LONG = Planted("110101002", PROBLEMS[0], CUTOFF - timedelta(days=69), AFTER, 4.0)
FRESH = Planted("110102003", PROBLEMS[3], CUTOFF - timedelta(days=20), AFTER, 5.0)
OVER = Planted("110105002", PROBLEMS[2], CUTOFF - timedelta(days=251), CUTOFF - timedelta(days=167), 5.0)
PLANTED = (LONG, FRESH, OVER)


def _poisson(chance: random.Random, expected: float) -> int:
    bound, product, count = math.exp(-expected), chance.random(), 0
    while product > bound:
        product *= chance.random()
        count += 1
    return count


def _row(chance: random.Random, street: tuple[str, str, str, str], problem: tuple[str, str], day: date, *, is_planted: bool) -> dict[str, str]:
    """One ticket; most of the planted ones lie around the compound and go to one unit."""
    code, name, _parent, district = street
    west, south = CORNERS[code]
    is_close = is_planted and code == LONG.code and chance.random() < 0.9
    spread = 0.0004 if is_close else SIDE
    east = west + (0.009 if is_close else 0.0) + spread * chance.random()
    north = south + (0.009 if is_close else 0.0) + spread * chance.random()
    moment = datetime.combine(day, time(8)) + timedelta(minutes=chance.randrange(600))
    values = (
        *("", "投诉", "电话", f"{moment:%Y-%m-%d %H:%M:%S}", f"反映{problem[1]}"),
        *(f"{problem[0]}->{problem[1]}->{'夜间' if is_planted else '白天'}{problem[1]}", district, name),
        *(CLOSE if is_close else FAR, f"{COMPOUND}{chance.randrange(1, 9)}号楼" if is_close else "", f"{east:.5f}", f"{north:.5f}"),
        *(UNITS[0] if is_planted else chance.choice(UNITS), f"139{chance.randrange(10**8):08d}", "办理中"),
    )
    return dict(zip(FIELDS, values, strict=True))


def _covers() -> list[dict[str, str]]:
    """Eight tickets at one crossing by two callers, in the second last week."""
    street = STREETS[8]
    west, south = CORNERS[street[0]]
    made = []
    for number in range(8):
        row = _row(random.Random(number), street, ("", ""), CUTOFF - timedelta(days=8 + number % 3), is_planted=False)
        made.append(
            row | {"问题分类": COVER_PROBLEM, "标题": FEW_TITLE, "小区点位": CROSSING, "来电号码": f"1380000000{number % 2}"}
            | {"经度": f"{west + 0.005:.5f}", "纬度": f"{south + 0.005:.5f}", "社区": "三社区"}
        )  # fmt: skip
    return made


@lru_cache(maxsize=1)
def rows() -> tuple[dict[str, str], ...]:
    """Every ticket, as delivered."""
    chance = random.Random(20251228)
    made: list[dict[str, str]] = []
    day = FIRST_DAY
    while day <= LAST_DAY:
        for street in STREETS:
            for problem in PROBLEMS:
                planted = next((spot for spot in PLANTED if spot.holds(street[0], problem, day)), None)
                for _usual in range(_poisson(chance, A_WEEK / 7)):
                    made.append(_row(chance, street, problem, day, is_planted=False))
                for _more in range(_poisson(chance, A_WEEK / 7 * (planted.times - 1)) if planted else 0):
                    made.append(_row(chance, street, problem, day, is_planted=True))
        day += timedelta(days=1)
    made += _covers()
    return tuple(row | {"工单编号": f"H{number:06d}"} for number, row in enumerate(made))


def tickets(planted: Planted, first: date, last: date = CUTOFF) -> list[dict[str, str]]:
    """The tickets of a planted hot spot's street and problem from one day to another, both included."""
    name, head = NAMES[planted.code], "->".join(planted.problem)
    return [
        row for row in rows() if row["被反映街乡镇"] == name and row["问题分类"].startswith(head) and first <= date.fromisoformat(row["创建时间"][:10]) <= last
    ]


def write_boundaries(path: Path) -> None:
    """Nine squares that touch."""
    features = []
    for code, name, parent, district in STREETS:
        west, south = CORNERS[code]
        ring = [[west, south], [west + SIDE, south], [west + SIDE, south + SIDE], [west, south + SIDE], [west, south]]
        properties = {"code": code, "name": name, "district_code": parent, "district": district}
        features.append({"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False), encoding="utf-8")


def build(folder: Path) -> Path:
    """The city, not yet looked through for hot spots."""
    home, delivered, shapes = folder / "home", folder / "tickets.csv", folder / "areas.geojson"
    with delivered.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.DictWriter(handle, FIELDS)
        writer.writeheader()
        writer.writerows(rows())
    write_boundaries(shapes)
    run(home, "ingest", str(delivered), "--city", "beijing", "--boundaries", str(shapes))
    return home


def run(home: Path, *words: str) -> str:
    """A command that must succeed; what it printed."""
    done = small_city.manage(home, *words, seconds=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def table(home: Path, name: str) -> pd.DataFrame:
    """A table of the hot spots in use."""
    focus = open_focus(Home(home))
    try:
        return fetch(focus, f'SELECT * FROM "{name}"')
    finally:
        focus.close()


def altered(home: Path, folder: Path, change: Callable[[dict[str, pd.DataFrame]], None]) -> Path:
    """A copy of the home whose hot spots were changed after they were found."""
    other = folder / "home"
    shutil.copytree(home, other)
    focus = open_focus(Home(other))
    try:
        names = fetch(focus, "SELECT table_name FROM information_schema.tables ORDER BY 1")["table_name"]
        tables = {str(name): fetch(focus, f'SELECT * FROM "{name}"').copy() for name in names}
    finally:
        focus.close()
    change(tables)
    write_focus(Home(other), f"{focus_version(Home(other))}x", tables)
    return other

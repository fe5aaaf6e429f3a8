"""A seeded city for recounts: nearly three years of tickets in which everything that is counted occurs, drawn by the standard library.

Three districts, eight subdistricts with residents, eight units, eight categories; consultations, repeats, exclusions, time limits,
open tickets, tickets on no place, without a unit or a category, positions and communities; a month without follow-ups and 29 February.
"""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from collections.abc import Hashable
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from tests import plain
from tests.ui import small_city

SEED = 20251120
FIRST_DAY, LAST_DAY = date(2023, 1, 15), date(2025, 11, 20)
A_DAY = 16
UNASKED_MONTH = "2024-05"
"""Nobody was called back in this month."""

AREAS = (
    # code, name, district code, district, west, south, residents
    ("110101001", "东华门街道", "110101", "东城区", 116.39, 39.90, 41_000),
    ("110101002", "景山街道", "110101", "东城区", 116.41, 39.90, 23_500),
    ("110101003", "交道口街道", "110101", "东城区", 116.43, 39.90, 36_000),
    ("110102001", "西长安街街道", "110102", "西城区", 116.35, 39.90, 52_000),
    ("110102003", "新街口街道", "110102", "西城区", 116.37, 39.90, 88_000),
    ("110102007", "月坛街道", "110102", "西城区", 116.33, 39.90, 102_000),
    ("110105001", "建外街道", "110105", "朝阳区", 116.45, 39.90, 47_000),
    ("110105002", "朝外街道", "110105", "朝阳区", 116.47, 39.90, 39_000),
)
SUBDISTRICTS = {name: code for code, name, *_rest in AREAS}
DISTRICTS = {district: code for _code, _name, code, district, *_rest in AREAS}
RESIDENTS = {code: residents for code, *_rest, residents in AREAS}
PROBLEMS = ("供暖问题", "房屋漏水", "占道停车", "市容环卫", "噪声扰民", "施工管理", "物业服务", "公共交通")
KINDS = ("诉求", "投诉", "求助", "举报", "咨询", "建议", "表扬", "")
KIND_SHARES = (30, 25, 10, 5, 20, 4, 3, 3)
UNITS = ("市住建委", "市交通委", "热力集团", "城管委", "水务局", "公安局", "园林局", "市场监管局", "")
CHANNELS = {"电话": "phone", "微信": "wechat", "网站": "website", "": None}
LOST = "不在册的地方"
ANSWERED = {"是": True, "否": False, "": None}
TYPES = {"诉求": "request", "投诉": "complaint", "求助": "help", "举报": "report", "咨询": "inquiry", "建议": "suggestion", "表扬": "praise", "": None}
RESOLUTIONS = {"已解决": "resolved", "部分解决": "partly", "未解决": "unresolved", "": None}
SATISFACTIONS = {"满意": "satisfied", "基本满意": "basically", "不满意": "dissatisfied", "未评价": "not_rated", "": None}


def _weights(day: date) -> list[float]:
    """How often each problem is called about: heat in winter, noise in summer, and a burst of leaks in October 2025."""
    winter, summer = day.month in (11, 12, 1, 2, 3), day.month in (6, 7, 8)
    leaks = 9.0 if (day.year, day.month) == (2025, 10) else 2.0
    return [8.0 if winter else 0.4, leaks, 3.0, 2.5, 6.0 if summer else 2.0, 1.5, 1.0, 0.6 if day >= date(2025, 1, 1) else 0.0]


def _answers(chance: random.Random, day: date, area: str) -> dict[str, str]:
    """What was said when called back; worse in one subdistrict in the last months."""
    if f"{day:%Y-%m}" == UNASKED_MONTH or chance.random() < 0.3:
        return {"是否响应": "", "是否解决": "", "是否满意": ""}
    resolved = 0.45 if area == "月坛街道" and day >= date(2025, 8, 1) else 0.8
    return {
        "是否响应": chance.choices(("是", "否", ""), (92, 4, 4))[0],
        "是否解决": "已解决" if chance.random() < resolved else chance.choice(("部分解决", "未解决", "未解决", "")),
        "是否满意": chance.choices(("满意", "基本满意", "不满意", "未评价", ""), (60, 20, 12, 5, 3))[0],
    }


def _ticket(chance: random.Random, number: int, day: date) -> dict[str, str]:
    _code, name, _parent, district, west, south, _residents = chance.choices(AREAS, (2, 3, 4, 5, 6, 7, 4, 3))[0]
    hour = chance.choices(range(24), [1] * 7 + [5] * 12 + [2] * 5)[0]
    accepted = datetime.combine(day, time(hour, chance.randrange(60), chance.randrange(60)))
    closed = accepted + timedelta(hours=chance.randrange(1, 500)) if chance.random() < 0.9 else None
    closed = None if closed and closed.date() > LAST_DAY else closed
    dispatched = accepted + timedelta(minutes=chance.randrange(20)) if chance.random() < 0.7 else None
    dispatched = None if closed and dispatched and dispatched > closed else dispatched
    due = accepted + timedelta(days=chance.randrange(1, 20)) if chance.random() < 0.3 else None
    problem = chance.choices(PROBLEMS, _weights(day))[0]
    located = chance.random() < 0.8
    return {
        "工单编号": f"R{number:06d}",
        "工单类型": chance.choices(KINDS, KIND_SHARES)[0],
        "渠道": chance.choice(list(CHANNELS)),
        "创建时间": str(accepted),
        "派单时间": str(dispatched or ""),
        "办结时间": str(closed or ""),
        "办理时限": str(due or ""),
        "紧急等级": chance.choice(("", "", "2", "3", "4")),
        "问题分类": ""
        if chance.random() < 0.03
        else problem
        if chance.random() < 0.05
        else f"{problem}->{chance.choice(('收费', '报修', problem[:2] + '其他'))}",
        "被反映区": district,
        "被反映街乡镇": LOST if chance.random() < 0.02 else name,
        "社区": chance.choice(("", f"{name[:2]}一社区", f"{name[:2]}二社区")),
        "经度": f"{west + chance.random() * small_city.SIDE:.6f}" if located else "",
        "纬度": f"{south + chance.random() * small_city.SIDE:.6f}" if located else "",
        "承办单位": chance.choices(UNITS, (6, 5, 5, 4, 3, 3, 2, 2, 1))[0],
        **_answers(chance, day, name),
        "是否参评": chance.choices(("", "是", "否"), (50, 46, 4))[0],
        "剔除原因": "重复" if chance.random() < 0.02 else "",
        "重复来电组": f"G{day:%Y%m}{chance.randrange(25)}" if chance.random() < 0.1 else "",
    }


@cache
def rows() -> tuple[dict[str, str], ...]:
    """Every ticket, as delivered."""
    chance = random.Random(SEED)
    made: list[dict[str, str]] = []
    day = FIRST_DAY
    while day <= LAST_DAY:
        growth = 1 + 0.15 * (day.year - FIRST_DAY.year) - 0.3 * (day.weekday() >= 5)
        for _turn in range(round(chance.gauss(A_DAY * growth, 3))):
            made.append(_ticket(chance, len(made) + 1, day))
        day += timedelta(days=1)
    return tuple(made)


def _time(text: str) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def meant(row: dict[str, str]) -> dict[str, Any]:
    """One delivered row in the words of ``tests/plain.py``; an area that is not in the register leaves the district where it is known."""
    first, _arrow, second = row["问题分类"].partition("->")
    code = SUBDISTRICTS.get(row["被反映街乡镇"])
    return {
        "ticket_id": row["工单编号"],
        "request_type": TYPES[row["工单类型"]],
        "channel": CHANNELS[row["渠道"]],
        **{
            name: _time(row[head])
            for name, head in (("accepted_at", "创建时间"), ("dispatched_at", "派单时间"), ("closed_at", "办结时间"), ("due_at", "办理时限"))
        },
        "urgency": row["紧急等级"] or None,
        "category_1": first or None,
        "category_2": second or None,
        "district": DISTRICTS.get(row["被反映区"]),
        "subdistrict": code,
        "community": row["社区"] or None,
        "point": (float(row["经度"]), float(row["纬度"])) if row["经度"] else None,
        "unit": row["承办单位"] or None,
        "is_responded": ANSWERED[row["是否响应"]],
        "resolution": RESOLUTIONS[row["是否解决"]],
        "satisfaction": SATISFACTIONS[row["是否满意"]],
        "is_assessed": ANSWERED[row["是否参评"]],
        "exclusion_reason": row["剔除原因"] or None,
        "repeat_group": row["重复来电组"] or None,
    }


@cache
def tickets() -> tuple[plain.Marked, ...]:
    """Every ticket with what it adds to each count."""
    return tuple(plain.marked([meant(row) for row in rows()]))


@cache
def _by_day() -> dict[date, list[plain.Marked]]:
    found: dict[date, list[plain.Marked]] = {}
    for ticket in tickets():
        found.setdefault(ticket.row["accepted_at"].date(), []).append(ticket)
    return found


def accepted(first: date, last: date) -> list[plain.Marked]:
    """The tickets accepted from the first to the last day."""
    return [ticket for day in range((last - first).days + 1) for ticket in _by_day().get(first + timedelta(days=day), [])]


def added(first: date, last: date, **wanted: Hashable) -> Counter[str]:
    """The counts of the days' tickets that have the wanted values."""
    return plain.added(accepted(first, last), **wanted)


def write_boundaries(path: Path) -> None:
    """The squares, with their residents."""
    features = []
    for code, name, parent, district, west, south, residents in AREAS:
        side = small_city.SIDE
        ring = [[west, south], [west + side, south], [west + side, south + side], [west, south + side], [west, south]]
        properties = {"code": code, "name": name, "district_code": parent, "district": district, "residents": residents}
        features.append({"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False), encoding="utf-8")


def write_rows(path: Path, delivered: list[dict[str, str]] | tuple[dict[str, str], ...]) -> Path:
    """The rows as a delivered CSV."""
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.DictWriter(handle, list(delivered[0]))
        writer.writeheader()
        writer.writerows(delivered)
    return path


def build(folder: Path, delivered: list[dict[str, str]] | tuple[dict[str, str], ...] | None = None) -> Path:
    """Ingest the rows (all of the city, or those given) with boundaries and residents, and return the home."""
    profile, shapes = folder / "beijing.toml", folder / "areas.geojson"
    shipped = (small_city.ROOT / "cities" / "beijing.toml").read_text(encoding="utf-8")
    profile.write_text(shipped.rstrip() + '\npopulation = "residents"\n', encoding="utf-8")
    write_boundaries(shapes)
    made = write_rows(folder / "tickets.csv", rows() if delivered is None else delivered)
    done = small_city.manage(folder / "home", "ingest", str(made), "--city", str(profile), "--boundaries", str(shapes))
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "home"

"""A made city with planted hot spots, in plain rows, so that a test can count them again: twelve squares, of which one never has a ticket."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Hashable
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.refresh import refresh
from storage.home import Home
from tests.factories import load, write_csv
from tests.plain import counted

FIRST, KNOWN_UNTIL, LATER_UNTIL = date(2023, 5, 1), date(2025, 10, 26), date(2025, 11, 2)
"""A Monday and two Sundays: 130 whole weeks and one more."""

EAST, WEST = ("110101", "东城区"), ("110102", "西城区")
PLACES = tuple((f"{upper[0]}{number:03d}", f"{upper[1][0]}{number}街道", *upper) for upper in (EAST, WEST) for number in range(1, 7))
CODES = tuple(place[0] for place in PLACES)
WIDTH, SIDE, CORNER = 4, 0.03, (116.30, 39.90)

RUBBISH, TOILETS = ("市容环卫", "垃圾清运"), ("市容环卫", "公厕管理")
BUILDING, SHOPS = ("噪声", "施工噪声"), ("噪声", "商业噪声")
WATER = ("公共服务", "供水")
A_WEEK = {RUBBISH: 4.0, TOILETS: 2.0, BUILDING: 3.0, SHOPS: 2.5, WATER: 2.5}
"""Requests of a place."""

HOT, OVER, BUSY, SILENT = CODES[1], CODES[6], CODES[9], CODES[11]
BEGAN, EXTRA_A_DAY = date(2025, 9, 15), 2
"""Rubbish in ``HOT``: two more a day beside four a week."""

POINT_FROM, POINT, POINT_AT = date(2025, 10, 17), "幸福家园小区", (116.344, 39.915)
"""In the last ten days they all come from one address."""

SUB_PROBLEM, COMMUNITY = "垃圾不清运", "甲社区"
OVER_FROM, OVER_UNTIL, OVER_TIMES = date(2025, 6, 9), date(2025, 8, 17), 5.0
BUSY_FROM, BUSY_TIMES = date(2025, 8, 11), 2.0
UNITS = {"市容环卫": ("城管委", "环卫中心"), "噪声": ("生态局", "城管委"), "公共服务": ("热力集团", "水务局", "燃气公司")}
RISING, RISING_FROM = "水务局", date(2025, 7, 1)
"""From then on it has all of its category, a third before."""

REPEAT_EVERY, ASKED_EVERY = 30, 40


def square(place: int) -> tuple[float, float]:
    """South-west corner of a place."""
    return CORNER[0] + place % WIDTH * SIDE, CORNER[1] + place // WIDTH * SIDE


def write_boundaries(path: Path) -> Path:
    """The squares; neighbours share an edge or a corner."""
    features = []
    for place, (code, name, parent, district) in enumerate(PLACES):
        west, south = square(place)
        east, north = square(place + 1)[0] if place % WIDTH < WIDTH - 1 else west + SIDE, south + SIDE
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        properties = {"code": code, "name": name, "district_code": parent, "district": district}
        features.append({"type": "Feature", "properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}})
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False), encoding="utf-8")
    return path


def times(code: str, problem: tuple[str, str], day: date) -> float:
    """How many times the usual a place has."""
    if code == SILENT:
        return 0.0
    if code == OVER and problem == SHOPS and OVER_FROM <= day <= OVER_UNTIL:
        return OVER_TIMES
    return BUSY_TIMES if code == BUSY and day >= BUSY_FROM else 1.0


def ticket_of(place: int, problem: tuple[str, str], day: date, chance: random.Random) -> dict[str, str]:
    """One ordinary ticket."""
    _code, subdistrict, _parent, district = PLACES[place]
    west, south = square(place)
    is_rising = problem[0] == "公共服务" and day >= RISING_FROM
    return {
        "request_type": "投诉",
        "accepted_at": f"{day} {chance.randrange(8, 20):02d}:{chance.randrange(60):02d}:00",
        "category": f"{problem[0]}->{problem[1]}->{chance.choice((SUB_PROBLEM, '其他'))}",
        "district": district,
        "subdistrict": subdistrict,
        "community": chance.choice((COMMUNITY, "乙社区", "丙社区")),
        "place": f"{chance.choice(('光明里', '和平里', '新风苑', '翠园'))}小区",
        "longitude": f"{west + chance.random() * SIDE:.6f}",
        "latitude": f"{south + chance.random() * SIDE:.6f}",
        "caller": f"139{chance.randrange(10**8):08d}",
        "handling_unit": RISING if is_rising else chance.choice(UNITS[problem[0]]),
    }


def planted(day: date, turn: int, chance: random.Random) -> dict[str, str]:
    """One of the further tickets of the hot spot: of one kind and community, at last of one address."""
    row = ticket_of(CODES.index(HOT), RUBBISH, day, chance) | {"category": "->".join((*RUBBISH, SUB_PROBLEM)), "community": COMMUNITY}
    if POINT_FROM <= day <= KNOWN_UNTIL:
        east, north = (value + chance.uniform(-0.0003, 0.0003) for value in POINT_AT)
        row |= {"place": f"{POINT}{turn + 1}号楼", "longitude": f"{east:.6f}", "latitude": f"{north:.6f}"}
    return row


@cache
def rows_of(day: date) -> tuple[dict[str, str], ...]:
    """Every ticket of a day; now and then one that asks only, and one that repeats another, sometimes elsewhere."""
    chance, draws = random.Random(day.toordinal()), np.random.default_rng(day.toordinal())
    made = []
    for place, code in enumerate(CODES):
        for problem, usual in A_WEEK.items():
            made += [ticket_of(place, problem, day, chance) for _turn in range(draws.poisson(usual / 7 * times(code, problem, day)))]
    if day >= BEGAN:
        made += [planted(day, turn, chance) for turn in range(EXTRA_A_DAY)]
    for turn, row in enumerate(list(made)):
        if chance.randrange(ASKED_EVERY) == 0:
            made.append(row | {"request_type": "咨询"})
        if chance.randrange(REPEAT_EVERY) == 0:
            group = {"repeat_group": f"R{day:%Y%m%d}{turn}"}
            elsewhere = ticket_of(chance.randrange(11), chance.choice(list(A_WEEK)), day, chance)
            row |= group
            made.append((elsewhere if turn % 2 else row) | group | {"accepted_at": row["accepted_at"][:-2] + "30"})
    return tuple({"ticket_id": f"{day:%Y%m%d}{number:03d}", "repeat_group": ""} | row for number, row in enumerate(made))


def rows(first: date = FIRST, until: date = LATER_UNTIL) -> list[dict[str, str]]:
    """Every ticket of those days, the same ones in whatever part the days are asked for."""
    return [row for offset in range((until - first).days + 1) for row in rows_of(first + timedelta(days=offset))]


def ingest_days(home: Home, folder: Path, first: date, until: date, **options: Any) -> None:
    """Take in the tickets of some days and publish a snapshot."""
    load(home, write_csv(folder / f"{first}.csv", rows(first, until)), **options)
    refresh(home)


@cache
def counted_rows() -> tuple[tuple[date, str, tuple[str, str], str], ...]:
    """Day, place, problem and unit of every request that counts."""
    given = rows()
    types = {"投诉": "complaint", "咨询": "inquiry"}
    plain = [row | {"request_type": types[row["request_type"]], "accepted_at": datetime.fromisoformat(row["accepted_at"])} for row in given]
    codes = {name: code for code, name, *_above in PLACES}
    found = []
    for row, counts in zip(plain, counted(plain), strict=True):
        if counts:
            first, second, _third = row["category"].split("->")
            found.append((row["accepted_at"].date(), codes[row["subdistrict"]], (first, second), row["handling_unit"]))
    return tuple(found)


def recount(first: date, until: date, key: Callable[[date, str, tuple[str, str], str], Hashable]) -> Counter[Hashable]:
    """Requests of those days by what ``key`` makes of day, place, problem and unit."""
    return Counter(key(*row) for row in counted_rows() if first <= row[0] <= until)

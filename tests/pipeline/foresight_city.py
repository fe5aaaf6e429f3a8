"""A made city with two strong seasons, in plain rows, so that a test can count them again; and its forecasts, made once for all tests."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from pathlib import Path

from pipeline.refresh import refresh
from storage.home import Home
from tests.factories import load, write_csv

FIRST, KNOWN_UNTIL, LATER_UNTIL = date(2023, 7, 1), date(2025, 10, 5), date(2025, 12, 28)
PLACES = (
    ("110101001", "东华门街道", "110101", "东城区"),
    ("110101002", "景山街道", "110101", "东城区"),
    ("110102001", "西长安街街道", "110102", "西城区"),
    ("110102003", "新街口街道", "110102", "西城区"),
)
PROBLEMS = {"公共服务": ("供暖", "供水"), "市容环卫": ("垃圾", "公厕"), "噪声": ("施工", "商业")}
UNITS = {"公共服务": "热力集团", "市容环卫": "城管委", "噪声": "生态局"}
A_DAY = {("公共服务", "供暖"): 1.6, ("公共服务", "供水"): 0.8, ("市容环卫", "垃圾"): 2.4, ("市容环卫", "公厕"): 0.7, ("噪声", "施工"): 1.8, ("噪声", "商业"): 0.6}
UNPLACED_EVERY = 40


def season(problem: str, day: date) -> float:
    """How many times the year's mean: heating in the cold months, building noise in the warm ones."""
    if problem == "供暖":
        return 2.9 if (day.month, day.day) >= (11, 8) or (day.month, day.day) < (3, 16) else 0.1
    return (2.0 if 5 <= day.month <= 8 else 0.5) if problem == "施工" else 1.0


def rows(first: date = FIRST, until: date = LATER_UNTIL) -> list[dict[str, str]]:
    """Every ticket of those days, the same ones in whatever part the days are asked for."""
    made = []
    for offset in range((until - first).days + 1):
        day = first + timedelta(days=offset)
        chance = random.Random(day.toordinal())
        for (category, problem), usual in A_DAY.items():
            mean = usual * season(problem, day)
            for turn in range(int(mean) + (chance.random() < mean % 1) + chance.choice((0, 0, 0, 1, -1))):
                _code, subdistrict, _above, district = chance.choice(PLACES)
                key = f"{day:%Y%m%d}{problem}{turn}"
                is_unplaced = chance.randrange(UNPLACED_EVERY) == 0
                made.append(
                    {
                        "ticket_id": key,
                        "request_type": "投诉",
                        "accepted_at": f"{datetime(day.year, day.month, day.day, 9) + timedelta(minutes=turn)}",
                        "category": f"{category}->{problem}",
                        "district": "" if is_unplaced else district,
                        "subdistrict": "不详" if is_unplaced else subdistrict,
                        "handling_unit": UNITS[category],
                    }
                )
    return made


def ingest_days(home: Home, folder: Path, first: date, until: date) -> None:
    """Take in the tickets of some days and publish a snapshot."""
    load(home, write_csv(folder / f"{first}.csv", rows(first, until)))
    refresh(home)

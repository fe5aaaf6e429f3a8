"""A small made city with seasons: heating in winter, noise in summer, parking all year; three years, and what came after.

The day on which the first delivery ends lies some weeks before the heating season, so that a warning of it can be given, acted on, and scored later.
"""

from __future__ import annotations

import csv
import math
import random
from datetime import date, datetime, time, timedelta
from pathlib import Path

from tests.ui import small_city

FIRST_DAY, CUTOFF, LAST_DAY = date(2022, 9, 1), date(2025, 9, 28), date(2025, 12, 28)
HEATING, NOISE, PARKING = "供暖问题", "噪声扰民", "占道停车"
FIELDS = ("工单编号", "工单类型", "渠道", "创建时间", "问题分类", "被反映区", "被反映街乡镇", "承办单位")
UNITS = {HEATING: "热力集团", NOISE: "市公安局", PARKING: "市交通委"}


def mean(problem: str, day: date) -> float:
    """Requests of a day."""
    turn = 2 * math.pi * (day.timetuple().tm_yday - 15) / 365.25
    match problem:
        case "供暖问题":
            return 1.0 + 9.0 * max(math.cos(turn), 0.0) ** 2
        case "噪声扰民":
            return 1.0 + 5.0 * max(-math.cos(turn), 0.0)
        case _:
            return 3.0


def _poisson(chance: random.Random, expected: float) -> int:
    bound, product, count = math.exp(-expected), chance.random(), 0
    while product > bound:
        product *= chance.random()
        count += 1
    return count


def rows() -> list[dict[str, str]]:
    """Every ticket from the first day to the last."""
    chance = random.Random(20251005)
    made: list[dict[str, str]] = []
    day = FIRST_DAY
    while day <= LAST_DAY:
        for problem in (HEATING, NOISE, PARKING):
            for _turn in range(_poisson(chance, mean(problem, day))):
                _code, subdistrict, _parent, district, _lon, _lat = small_city.AREAS[chance.randrange(4)]
                moment = datetime.combine(day, time(8)) + timedelta(minutes=chance.randrange(600))
                values = (f"S{len(made):06d}", "投诉", "电话", f"{moment:%Y-%m-%d %H:%M:%S}", f"{problem}->常见", district, subdistrict, UNITS[problem])
                made.append(dict(zip(FIELDS, values, strict=True)))
        day += timedelta(days=1)
    return made


def count(problem: str, first: date, last: date) -> int:
    """Requests of a problem from one day to another, both included."""
    return sum(row["问题分类"].startswith(problem) and first <= date.fromisoformat(row["创建时间"][:10]) <= last for row in rows())


def write(path: Path, first: date, last: date) -> None:
    """The tickets of some days as a file."""
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.DictWriter(handle, FIELDS)
        writer.writeheader()
        writer.writerows(row for row in rows() if first <= date.fromisoformat(row["创建时间"][:10]) <= last)


def build(folder: Path) -> Path:
    """The city until the cut-off, with its foresight."""
    home, tickets, shapes = folder / "home", folder / "until.csv", folder / "areas.geojson"
    write(tickets, FIRST_DAY, CUTOFF)
    small_city.write_boundaries(shapes)
    run(home, "ingest", str(tickets), "--city", "beijing", "--boundaries", str(shapes))
    run(home, "foresee")
    return home


def run(home: Path, *words: str) -> str:
    """A command that must succeed; what it printed."""
    done = small_city.manage(home, *words, seconds=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def move_on(home: Path, folder: Path) -> str:
    """The rest of the tickets come, and the foresight is made again."""
    later = folder / "later.csv"
    write(later, CUTOFF + timedelta(days=1), LAST_DAY)
    run(home, "ingest", str(later))
    return run(home, "foresee")

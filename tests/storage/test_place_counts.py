"""Counts of places and units by whole weeks and months, counted again by loops over plain rows."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Hashable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from pipeline.refresh import refresh
from storage.home import Home
from storage.place_counts import Counts, read_place_months, read_place_weeks, read_unit_months
from storage.snapshot import Snapshot, open_snapshot
from tests.factories import load, ticket, write_csv

FIRST, LAST = date(2024, 1, 17), date(2024, 5, 28)
"""A Wednesday, and a Tuesday."""

PLACES = {"110101001": "东华门街道", "110101002": "景山街道", "110102001": "西长安街街道"}
PROBLEMS = ("噪声->施工噪声", "噪声->商业噪声", "市容环卫->垃圾清运", "市容环卫", "")
UNITS = ("城管委", "生态局", "")


def made_rows() -> list[dict[str, str]]:
    """Six hundred tickets on random days; the first and the last day have one; some ask only, some lie nowhere."""
    chance = random.Random(5)
    days = [FIRST, LAST, *(FIRST + timedelta(days=chance.randrange((LAST - FIRST).days + 1)) for _turn in range(600))]
    return [
        ticket(
            f"T{number}",
            f"{day} 09:00:00",
            request_type="咨询" if chance.randrange(10) == 0 else "投诉",
            category=chance.choice(PROBLEMS),
            district="" if chance.randrange(15) == 0 else "东城区",
            subdistrict=chance.choice([*PLACES.values(), *PLACES.values(), "不在册的地方"]),
            handling_unit=chance.choice(UNITS),
        )
        for number, day in enumerate(days)
    ]


ROWS = made_rows()


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("places")
    home = Home(folder / "home")
    load(home, write_csv(folder / "t.csv", ROWS))
    refresh(home)
    return open_snapshot(home)


def plain(starts: list[date], until: date, *, units: bool = False) -> Counter[Hashable]:
    """Requests by names of the problem, member and first day of the period."""
    codes = {name: code for code, name in PLACES.items()}
    found: Counter[Hashable] = Counter()
    for row in ROWS:
        day = date.fromisoformat(row["accepted_at"][:10])
        if row["request_type"] == "咨询" or not starts[0] <= day <= until:
            continue
        first, _sign, second = row["category"].partition("->")
        member = row["handling_unit"] if units else codes.get(row["subdistrict"])
        if member:
            found[first, "" if units else second, member, max(start for start in starts if start <= day)] += 1
    return found


def agrees(counts: Counts, wanted: Counter[Hashable]) -> None:
    found = {
        (problem.category_1, problem.category_2, code, start): int(counts.counts[number, place, period])
        for number, problem in enumerate(counts.problems.itertuples())
        for place, code in enumerate(counts.members)
        for period, start in enumerate(counts.starts.tolist())
        if counts.counts[number, place, period]
    }
    assert found == dict(wanted)
    assert found
    assert len(counts.problems.drop_duplicates()) == len(counts.problems) == counts.counts.shape[0]


@pytest.mark.parametrize(("until", "weeks", "number"), [(date(2024, 5, 26), 99, 18), (date(2024, 5, 26), 5, 5), (date(2024, 4, 30), 99, 15)])
def test_weeks_are_whole_ones_back_from_the_last_day(snapshot: Snapshot, until: date, weeks: int, number: int) -> None:
    """18 weeks and five days lie between the first day and 26 May; the days that make no week are left out."""
    counts = read_place_weeks(snapshot, until, weeks)
    starts = [until - timedelta(days=7 * back - 1) for back in range(number, 0, -1)]
    assert counts.starts.tolist() == starts
    assert starts[0] >= FIRST
    agrees(counts, plain(starts, until))


def test_members_are_all_places_of_the_register_in_order(snapshot: Snapshot) -> None:
    counts = read_place_weeks(snapshot, LAST, 10)
    assert len(counts.members) > 300
    assert list(counts.members) == sorted(counts.members)
    silent = [place for place, code in enumerate(counts.members) if code not in PLACES]
    assert not counts.counts[:, silent].any()
    assert counts.problems.to_numpy().tolist() == sorted(counts.problems.to_numpy().tolist())
    assert ["", ""] in counts.problems.to_numpy().tolist()  # without a category


@pytest.mark.parametrize(
    ("until", "months", "starts"),
    [
        (LAST, 99, [2, 3, 4]),  # January began before the first day, May is not over
        (date(2024, 4, 30), 99, [2, 3, 4]),
        (date(2024, 4, 29), 99, [2, 3]),
        (date(2024, 5, 31), 99, [2, 3, 4, 5]),
        (LAST, 2, [3, 4]),
    ],
)
def test_months_are_whole_ones(snapshot: Snapshot, until: date, months: int, starts: list[int]) -> None:
    counts = read_place_months(snapshot, until, months)
    days = [date(2024, month, 1) for month in starts]
    last = (days[-1] + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    assert counts.starts.tolist() == days
    agrees(counts, plain(days, last))
    units = read_unit_months(snapshot, until, months)
    assert units.starts.tolist() == days
    assert units.members == ("城管委", "生态局")
    assert set(units.problems["category_2"]) == {""}
    agrees(units, plain(days, last, units=True))


def test_a_first_month_that_begins_with_the_first_day_is_whole(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    rows = [ticket(f"A{day}", f"2024-02-{day:02d}", request_type="投诉", subdistrict="景山街道", handling_unit="城管委") for day in range(1, 30)]
    load(home, write_csv(tmp_path / "t.csv", rows))
    refresh(home)
    for read in (read_place_months, read_unit_months):
        counts = read(open_snapshot(home), date(2024, 2, 29), 12)
        assert counts.starts.tolist() == [date(2024, 2, 1)]
        assert counts.counts.sum() == 29


def test_without_a_whole_period_there_is_nothing(snapshot: Snapshot) -> None:
    for counts in (
        read_place_weeks(snapshot, FIRST + timedelta(days=5), 9),
        read_place_months(snapshot, date(2024, 2, 28), 9),
        read_unit_months(snapshot, date(2024, 2, 28), 9),
    ):
        assert counts.counts.shape == (0, len(counts.members), 0)
        assert counts.problems.empty
        assert len(counts.starts) == 0
        assert len(counts.members) >= 2


def test_counts_are_numbers_ready_to_add(snapshot: Snapshot) -> None:
    counts = read_place_weeks(snapshot, LAST, 99)
    assert counts.counts.dtype == np.float32
    assert counts.starts.dtype == np.dtype("datetime64[D]")

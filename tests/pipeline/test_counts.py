"""What counts, and the three rates: twelve tickets counted by hand, thousands counted by a loop."""

from __future__ import annotations

import math
import random
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.periods import Grain, Period
from governance.rates import COUNTS, three_rates
from pipeline.refresh import check, refresh
from storage.home import Home
from storage.reads import Selection, read_by_category, read_by_place, read_by_unit, read_category_days, read_totals
from storage.scope import Role, Scope
from storage.snapshot import Snapshot, open_snapshot
from tests import plain
from tests.factories import load, ticket, write_csv

HAND_COUNTED = Path(__file__).parents[1] / "reference" / "hand_counted.csv"
ALL = Scope(Role.LEADER)


def month(text: str) -> Period:
    return Period.containing(Grain.MONTH, date.fromisoformat(f"{text}-01"))


def published(home: Home) -> Snapshot:
    refresh(home)
    return open_snapshot(home)


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    home = Home(tmp_path_factory.mktemp("twelve") / "home")
    load(home, HAND_COUNTED)
    return published(home)


@pytest.mark.parametrize(
    ("selection", "when", "expected", "rates"),
    [
        # June: J3 asks only. J4 has no follow-up and counts as assessed. J2 is partly solved: in the base, not above the line. No merging yet.
        (Selection(), "2025-06", (4, 3, 3, 1, 3, 2, 1, 2, 2, 1, 2, 2, 2), (1.0, 0.5, 1.0)),
        # Overdue on 2 August: J1 (24 hours, closed after two days) and J4 (15 days, still open). J2 was in time.
        # July: K2 is merged into K1. K6 asks only and neither counts nor makes K1 a repeat. K4 and K5 are excluded. K3 is not rated.
        (Selection(), "2025-07", (7, 5, 3, 1, 2, 1, 1, 1, 2, 1, 2, 0, 1), (0.5, 0.5, 0.0)),
        # K3 was due by the time it was given, not by its grade; K7 is open and has two days left.
        # August: a repeat group begins anew with the month.
        (Selection(), "2025-08", (1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1), (1.0, 1.0, 1.0)),
        # no follow-up at all: undefined
        (Selection(subdistrict_code="110101002"), "2025-06", (1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0), (math.nan, math.nan, math.nan)),
        (Selection(subdistrict_code="110101002"), "2025-07", (3, 3, 1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 0), (0.0, 1.0, math.nan)),
        (Selection(request_type="inquiry"), "2025-06", (1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0), (math.nan, math.nan, math.nan)),
        (Selection(category_1=""), "2025-07", (1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0), (math.nan, math.nan, math.nan)),
        (Selection(), "2024-01", (0,) * len(COUNTS), (math.nan, math.nan, math.nan)),
    ],
)
def test_twelve_tickets_counted_by_hand(twelve: Snapshot, selection: Selection, when: str, expected: tuple[int, ...], rates: tuple[float, ...]) -> None:
    """Inquiries, partial answers, exclusions, repeats before and after July 2025, no answers at all."""
    found = read_totals(twelve, ALL, selection, (month(when),))
    assert dict(found.iloc[0]) == dict(zip(COUNTS, expected, strict=True))
    assert three_rates(found).iloc[0].tolist() == pytest.approx(list(rates), nan_ok=True)


def test_unknown_place_and_category_are_counted_as_such(twelve: Snapshot) -> None:
    """无名街道 is kept, counted and reported as not on the map; so is a ticket without category and unit."""
    places = read_by_place(twelve, ALL, Selection(), month("2025-07"), "subdistrict")
    assert dict(zip(places["code"].fillna("-"), places["intake_count"], strict=True)) == {"110101001": 3, "110101002": 3, "-": 1}
    units = read_by_unit(twelve, ALL, Selection(), month("2025-07"))
    assert dict(zip(units["unit_code"].fillna("-"), units["request_count"], strict=True)) == {"东华门街道办事处": 1, "景山街道办事处": 3, "-": 1}


WORDS: dict[str, dict[str, Any]] = {
    "request_type": {"诉求": "request", "投诉": "complaint", "咨询": "inquiry", "建议": "suggestion", "表扬": "praise", "": None},
    "is_responded": {"是": True, "否": False, "": None},
    "resolution": {"已解决": "resolved", "部分解决": "partly", "未解决": "unresolved", "": None},
    "satisfaction": {"满意": "satisfied", "基本满意": "basically", "不满意": "dissatisfied", "未评价": "not_rated", "": None},
    "is_assessed": {"是": True, "否": False, "": None},
    "urgency": {"1": "1", "2": "2", "3": "3", "4": "4", "": None},
    "exclusion_reason": {"重复": "重复", "": None},
    "repeat_group": {"": None} | {f"G{index}": f"G{index}" for index in range(9)},
}
DISTRICTS = {"110101001": ("东城区", "东华门街道"), "110101002": ("东城区", "景山街道"), None: ("", "不详")}


def random_tickets(number: int, seed: int, months: int) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """Delivered rows of the reference schema and what they mean."""
    chance = random.Random(seed)
    rows, meant = [], []
    for index in range(number):
        words = {name: chance.choice(list(options)) for name, options in WORDS.items()}
        accepted = datetime.fromisoformat("2025-07-01") - timedelta(days=15 * months) + timedelta(minutes=chance.randrange(months * 30 * 24 * 60))
        closed = accepted + timedelta(hours=chance.randrange(1, 400)) if chance.random() < 0.8 else None
        code = chance.choice(list(DISTRICTS))
        category = chance.choice(["住房", "市容环卫", "公共服务", ""])
        dispatched = accepted + timedelta(minutes=chance.randrange(300)) if chance.random() < 0.7 else None
        due_at = accepted + timedelta(days=chance.randrange(1, 20)) if chance.random() < 0.3 else None
        shown = {"closed_at": str(closed) if closed else "", "district": DISTRICTS[code][0], "subdistrict": DISTRICTS[code][1], "category": category}
        shown |= {"dispatched_at": str(dispatched or ""), "due_at": str(due_at or "")}
        rows.append(ticket(f"R{index:05d}", str(accepted), **words, **shown))
        values = {name: WORDS[name][word] for name, word in words.items()}
        values |= {"dispatched_at": dispatched, "due_at": due_at}
        meant.append({"ticket_id": f"R{index:05d}", "accepted_at": accepted, "closed_at": closed, "code": code, "category": category or None, **values})
    return rows, meant


def as_dict(found: pd.DataFrame, key: str) -> dict[Any, dict[str, int]]:
    return {(None if pd.isna(row[key]) else row[key]): {name: int(row[name]) for name in COUNTS} for _, row in found.iterrows()}


def test_thousands_of_random_tickets_agree_with_a_loop(tmp_path: Path) -> None:
    """Every count by month, place and category, around the day from which repeats are merged."""
    rows, meant = random_tickets(4000, 7, 6)
    home = Home(tmp_path / "home")
    load(home, write_csv(tmp_path / "a.csv", rows))
    snapshot = published(home)
    months = sorted({f"{row['accepted_at']:%Y-%m}" for row in meant})
    by_month = plain.count(meant, lambda row: f"{row['accepted_at']:%Y-%m}")
    found = read_totals(snapshot, ALL, Selection(), tuple(month(text) for text in months))
    for text, (_, row) in zip(months, found.iterrows(), strict=True):
        assert {name: int(row[name]) for name in COUNTS} == {name: by_month[text][name] for name in COUNTS}, text
    for text in ("2025-06", "2025-07"):
        by_place = plain.count(meant, lambda row: (f"{row['accepted_at']:%Y-%m}", row["code"]))
        for code, tally in as_dict(read_by_place(snapshot, ALL, Selection(), month(text), "subdistrict"), "code").items():
            assert tally == {name: by_place[text, code][name] for name in COUNTS}
        by_category = plain.count(meant, lambda row: (f"{row['accepted_at']:%Y-%m}", row["category"]))
        for category, tally in as_dict(read_by_category(snapshot, ALL, Selection(), month(text)), "category_1").items():
            assert tally == {name: by_category[text, category][name] for name in COUNTS}
        days = read_category_days(snapshot, ALL, Selection(), month(text), ("住房",))
        by_day = plain.count(meant, lambda row: (row["accepted_at"].date(), row["category"]))
        assert {row.day.date(): row.request_count for row in days.itertuples()} == {
            day: by_day[day, "住房"]["request_count"] for day, name in by_day if name == "住房" and f"{day:%Y-%m}" == text
        }
    scoped = read_totals(snapshot, Scope(Role.SUBDISTRICT, "110101001"), Selection(), (month("2025-07"),))
    assert (
        int(scoped["request_count"].iloc[0])
        == plain.count(meant, lambda row: (f"{row['accepted_at']:%Y-%m}", row["code"]))["2025-07", "110101001"]["request_count"]
    )
    assert check(home).findings == ()


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6), number=st.integers(1, 60))
def test_order_and_grouping_of_files_do_not_matter(tmp_path_factory: pytest.TempPathFactory, seed: int, number: int) -> None:
    """The same tickets in any order and in any number of files give the same counts; the whole is the sum of its parts."""
    rows, meant = random_tickets(number, seed, 2)
    folder = tmp_path_factory.mktemp("order")
    home, other = Home(folder / "one"), Home(folder / "two")
    load(home, write_csv(folder / "a.csv", rows))
    shuffled = rows.copy()
    random.Random(seed).shuffle(shuffled)
    parts = [part for part in (shuffled[: number // 2], shuffled[number // 2 :]) if part]
    load(other, *(write_csv(folder / f"{index}.csv", part) for index, part in enumerate(parts)))
    whole = Period(Grain.RANGE, date(2025, 1, 1), date(2025, 12, 31))
    answers = []
    for snapshot in (published(home), published(other)):
        places = read_by_place(snapshot, ALL, Selection(), whole, "subdistrict")
        totals = read_totals(snapshot, ALL, Selection(), (whole,))
        assert places[list(COUNTS)].sum().tolist() == totals.iloc[0].tolist()
        rates = three_rates(totals)
        assert rates.isna().to_numpy().sum() + ((rates >= 0) & (rates <= 1)).to_numpy().sum() == 3
        answers.append((as_dict(places, "code"), totals.iloc[0].tolist()))
    assert answers[0] == answers[1]
    assert answers[0][1][1] == sum(plain.counted(meant))

"""From a statement to the ledger: its name, its owner, until when, and what became of it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from forecasts.early_warnings import Rule
from governance.playbook import suggested_actions
from pipeline.foresight.issued import Names, budgeted, counted, to_issue, to_state, warning_id
from pipeline.foresight.panels import Level, build_hierarchy, category_panel
from storage.series import CellSeries

RULE = Rule(ratio=1.3, enter=0.5, leave=0.35, least_days=14, most_days=84, least_count=20, false_share=0.25)
FIRST, UNTIL = np.datetime64("2025-01-06"), date(2025, 5, 25)
CUTOFF, START, NEXT = date(2025, 3, 16), date(2025, 3, 31), date(2025, 4, 28)
CELLS = (("e", "e1", "水"), ("e", "e2", "水"), ("w", "w1", "水"), ("w", "w1", "路"), ("", "", "路"))
FINER = (("水", "漏水"), ("水", "停水"), ("路", "路灯"))
PLACES = pd.DataFrame({"code": ["e", "w", "e1", "e2", "w1"], "name": ["东城区", "西城区", "景山街道", "东华门街道", "新街口街道"]})
LEADS = pd.DataFrame(
    [
        ("水", "街道", "景山街道", 900),
        ("水", "委办局", "水务局", 40),
        ("水", "企业", "自来水集团", 50),
        ("路", "街道", "新街口街道", 9),
        ("空", None, "无类单位", 1),
    ],
    columns=["category_1", "unit_type", "unit_name", "request_count"],
)
NAMES = Names(PLACES, LEADS, "街道")
BUDGET = {"leader": 5, "planner": 2, "district": 1, "subdistrict": 1}
ABOUT = {"cutoff": CUTOFF, "budget": BUDGET, "model": "pooled_counts", "version": "v1"}


def made(gap: int | None = None) -> tuple[Level, ...]:
    """Levels of a city; the count of a day is its number plus the row, so that a sum tells what was summed."""
    days = FIRST + np.arange(140)
    counts = (np.arange(140) + 1000 * np.arange(1, 6)[:, None]).astype("float32")
    finer = (np.arange(140) + 7000 * np.arange(1, 4)[:, None]).astype("float32")
    if gap is not None:
        counts[:, gap] = finer[:, gap] = 0
    hierarchy = build_hierarchy(CellSeries(pd.DataFrame(CELLS, columns=["district", "subdistrict", "category_1"]), days, counts), UNTIL, has_districts=True)
    below = category_panel(CellSeries(pd.DataFrame(FINER, columns=["category_1", "category_2"]), days, finer), UNTIL, len(hierarchy.nodes))
    return (*(level for level in hierarchy.levels if level.name != "subdistrict"), below)


LEVELS = made()


def statement(level: str, start: date = START, **codes: Any) -> dict[str, Any]:
    series = next(item for item in LEVELS if item.name == level).series
    inside = np.ones(len(series), dtype=bool)
    for name, code in codes.items():
        inside &= (series[name] == code).to_numpy()
    (number,) = series.loc[inside, "series_id"]
    numbers = {
        "probability": 0.8,
        "expected": 60.0,
        "variance": 90.0,
        "usual": 40.0,
        "threshold": 52.0,
        "low_50": 50,
        "high_50": 70,
        "low_80": 45,
        "high_80": 75,
    }
    dates = {"window_start": pd.Timestamp(start), "window_end": pd.Timestamp(start + timedelta(days=27)), "starts_on": pd.Timestamp(start + timedelta(days=7))}
    shares = {"share_season": 0.9, "share_calendar": 0.2, "share_city": -0.15, "share_neighbours": 0.0, "share_own": 0.05}
    return {"series_id": number, "level": level, "lead_days": (start - CUTOFF).days - 1} | numbers | dates | shares


WARNED = pd.DataFrame(
    [
        statement("category_2", category_1="水", category_2="漏水"),
        statement("district_category", district="e", category_1="水"),
        statement("cell", subdistrict="w1", category_1="路"),
        statement("cell", NEXT, subdistrict="e1", category_1="水"),
    ]
)


def issued(frame: pd.DataFrame = WARNED, **about: Any) -> pd.DataFrame:
    return to_issue(frame, LEVELS, NAMES, RULE, ABOUT | about)


# Names and owners


def test_a_warning_has_one_name() -> None:
    assert warning_id("district", "e", "水", START) == "season|district|e|水|2025-03-31"
    assert warning_id("city", None, "水/漏水", START) == "season|city||水/漏水|2025-03-31"
    assert issued()["warning_id"].tolist() == [
        "season|city||水/漏水|2025-03-31",
        "season|district|e|水|2025-03-31",
        "season|subdistrict|w1|路|2025-03-31",
        "season|subdistrict|e1|水|2025-04-28",
    ]
    later = issued(cutoff=CUTOFF + timedelta(days=28), version="v2")
    assert later["warning_id"].tolist() == issued()["warning_id"].tolist()


@given(st.text(min_size=1, max_size=300), st.text(max_size=20), st.integers(0, 40))
def test_long_names_are_cut_and_stay_apart(problem: str, code: str, weeks: int) -> None:
    start = START + timedelta(weeks=weeks)
    name = warning_id("subdistrict", code, problem, start)
    assert len(name) <= 120
    assert name == warning_id("subdistrict", code, problem, start)
    others = [("district", code, problem, start), ("subdistrict", code + "x", problem, start), ("subdistrict", code, problem, start + timedelta(days=28))]
    assert name not in {warning_id(*other) for other in others}
    assert name != warning_id("subdistrict", code, problem + "x", start)


def test_very_long_names_that_differ_at_the_end_stay_apart() -> None:
    names = {warning_id("city", None, "长" * 200 + last, START) for last in "甲乙"}
    assert len(names) == 2
    assert {len(name) for name in names} == {120}


@pytest.mark.parametrize(
    ("level", "code", "category", "owner"),
    [
        ("city", None, "水", ("自来水集团", None)),  # the busiest that is no subdistrict
        ("city", None, "路", ("新街口街道", None)),  # nobody else handles it
        ("city", None, "空", ("无类单位", None)),
        ("city", None, "没有", ("待定", None)),
        ("district", "e", "水", ("东城区", "自来水集团")),
        ("subdistrict", "w1", "没有", ("新街口街道", None)),
        ("subdistrict", "x9", "水", ("x9", "自来水集团")),
    ],
)
def test_somebody_owns_every_warning(level: str, code: str | None, category: str, owner: tuple[str, str | None]) -> None:
    assert NAMES.owner(level, code, category) == owner


# Rows of the ledger


def test_a_row_says_who_what_and_until_when() -> None:
    rows = issued().astype("object")
    city, district, street, later = rows.where(rows.notna(), None).to_dict("records")
    assert (city["level"], city["place_code"], city["category_1"], city["category_2"]) == ("city", None, "水", "漏水")
    assert (city["owner"], city["partner"]) == ("自来水集团", None)
    assert (district["level"], district["place_code"], district["category_1"], district["category_2"]) == ("district", "e", "水", None)
    assert (district["owner"], district["partner"]) == ("东城区", "自来水集团")
    assert (street["level"], street["place_code"], street["owner"], street["partner"]) == ("subdistrict", "w1", "新街口街道", "新街口街道")
    assert (city["window_start"], city["window_end"], city["starts_on"]) == (START, START + timedelta(days=27), START + timedelta(days=7))
    assert (city["issued_on"], city["due_on"], later["due_on"]) == (CUTOFF, date(2025, 3, 24), date(2025, 4, 21))
    assert (city["threshold"], city["probability"], city["low_80"], city["high_50"]) == (52, 0.8, 45, 70)
    assert json.loads(city["reason"]) == {"season": 0.9, "calendar": 0.2, "city": -0.15, "neighbours": 0.0, "own": 0.05}
    assert json.loads(city["actions"]) == list(suggested_actions("水/漏水"))
    assert json.loads(city["rule"])["ratio"] == 1.3
    assert (city["model"], city["version"]) == ("pooled_counts", "v1")


@pytest.mark.parametrize(
    ("cutoff", "due"), [(date(2025, 3, 20), date(2025, 3, 24)), (date(2025, 3, 23), date(2025, 3, 25)), (date(2025, 3, 28), date(2025, 3, 30))]
)
def test_plans_are_due_a_week_before_but_not_before_the_day_after_next(cutoff: date, due: date) -> None:
    assert issued(cutoff=cutoff)["due_on"].iloc[0] == due


def test_without_warnings_there_are_no_rows() -> None:
    assert issued(WARNED.head(0)).empty


def test_a_budget_is_of_each_owner_and_of_first_windows() -> None:
    """Worth is what comes beyond usual times its probability; the later window of a listed problem is listed with it."""
    table = [  # level, code, series, window, expected - usual, probability, listed
        ("city", None, 1, 1, 50, 0.5, True),  # 25
        ("city", None, 1, 2, 90, 0.9, True),  # takes no place
        ("city", None, 2, 1, 20, 0.9, False),  # 18
        ("city", None, 3, 2, 30, 0.9, True),  # 27, its first window is the second
        ("district", "e", 4, 1, 10, 0.6, False),
        ("district", "e", 5, 1, 11, 0.6, True),
        ("district", "w", 6, 1, 1, 0.6, True),
        ("subdistrict", "e", 7, 1, 1, 0.6, True),  # a subdistrict may bear a district's code
        ("subdistrict", "e1", 8, 1, 5, 0.6, True),
        ("subdistrict", "e1", 9, 1, 5, 0.5, False),
        ("subdistrict", "e1", 9, 2, 500, 0.9, False),
    ]
    rows = pd.DataFrame(table, columns=["place_level", "place_code", "series_id", "window_start", "beyond", "probability", "listed"])
    usual = [0, 0, 500, 0, 100, 0, 0, 0, 0, 90, 0]  # many requests are no reason by themselves
    rows = rows.assign(usual=usual, expected=rows["beyond"] + usual)
    assert budgeted(rows, BUDGET).tolist() == rows["listed"].tolist()
    backwards = rows.iloc[::-1]
    assert budgeted(backwards, BUDGET).tolist() == backwards["listed"].tolist()


# What became of it


def opened(frame: pd.DataFrame) -> pd.DataFrame:
    """Warnings as the ledger gives them back."""
    kept = frame[["warning_id", "level", "place_code", "category_1", "category_2", "window_start", "window_end", "threshold"]].copy()
    return kept.assign(window_start=pd.to_datetime(kept["window_start"]), window_end=pd.to_datetime(kept["window_end"]))


def test_what_is_said_later_is_held_against_the_threshold_at_issue() -> None:
    known = opened(issued().iloc[:2]).assign(threshold=[52, 70])
    again = WARNED.assign(expected=65.0, variance=100.0, threshold=999.0)  # the last year's level has moved the present threshold
    found = to_state(known, again, LEVELS, date(2025, 3, 20), issued())
    law = stats.nbinom(65**2 / 35, 65 / 100)
    assert dict(zip(found["warning_id"], found["probability"], strict=True)) == pytest.approx(
        {known["warning_id"].iloc[0]: law.sf(51), known["warning_id"].iloc[1]: law.sf(69)}, rel=1e-9
    )
    assert set(found["stated_on"]) == {date(2025, 3, 20)}
    assert set(found["expected"]) == {65.0}


def test_a_warning_that_is_no_longer_given_leaves_the_lists() -> None:
    known, now = opened(issued()), issued(WARNED.iloc[:1])
    found = to_state(known, WARNED, LEVELS, CUTOFF, now).set_index("warning_id")["is_budgeted"]
    assert found.to_dict() == {key: key == now["warning_id"].iloc[0] for key in known["warning_id"]}


def test_counts_are_those_of_the_window_of_the_series() -> None:
    """Days 84 to 111 of the axis; the number of a day plus a thousand times the row of its cell."""
    extra = pd.DataFrame([statement("category", category_1="路")])
    known = opened(pd.concat([issued(), issued(extra)]))
    found = counted(known, LEVELS, date(2025, 4, 27)).set_index("warning_id")
    days = sum(range(84, 112))
    assert found["count"].to_dict() == {
        "season|city||水/漏水|2025-03-31": days + 28 * 7000,
        "season|district|e|水|2025-03-31": 2 * days + 28 * (1000 + 2000),
        "season|subdistrict|w1|路|2025-03-31": days + 28 * 4000,
        "season|city||路|2025-03-31": 2 * days + 28 * (4000 + 5000),
    }
    assert set(found["scored_on"]) == {date(2025, 4, 27)}


@pytest.mark.parametrize(("above", "came_true"), [(0, True), (1, False)])
def test_reaching_the_threshold_is_coming_true(above: int, came_true: bool) -> None:
    count = sum(range(84, 112)) + 28 * 7000
    known = opened(issued().iloc[:1]).assign(threshold=count + above)
    assert counted(known, LEVELS, UNTIL)["came_true"].tolist() == [came_true]


def test_only_windows_that_are_over_and_known_are_scored() -> None:
    known = opened(issued().iloc[:3])
    assert counted(known, LEVELS, date(2025, 4, 26)).empty
    assert len(counted(known, LEVELS, date(2025, 4, 27))) == 3
    assert counted(known, made(gap=100), UNTIL).empty  # a day of the window was not delivered
    assert len(counted(known, made(gap=112), UNTIL)) == 3
    assert counted(known.head(0), LEVELS, UNTIL).columns.tolist() == ["warning_id", "scored_on", "count", "came_true"]
    gone = known.assign(category_1="改名")
    assert counted(gone, LEVELS, UNTIL).empty

"""From cells to series: every level adds up to the city, and days that were not delivered are unknown, not empty."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasts.panel import Panel
from pipeline.foresight.panels import REST, Hierarchy, build_hierarchy, category_panel, weekly
from storage.series import CellSeries

FIRST = np.datetime64("2024-01-01")
UNTIL = date(2024, 12, 29)
DAYS = 364
CELLS = (
    ("d1", "d1a", "水"),
    ("d1", "d1a", "路"),
    ("d1", "d1b", "水"),
    ("d2", "d2a", "水"),
    ("d2", "d2a", "路"),
    ("d2", "", "路"),  # placed on its district alone
    ("", "", "水"),  # on no place
    ("", "", ""),  # on no place, of no category
)


def cells(counts: np.ndarray, names: tuple[tuple[str, ...], ...] = CELLS, first: np.datetime64 = FIRST) -> CellSeries:
    columns = ["district", "subdistrict", "category_1"] if len(names[0]) == 3 else ["category_1", "category_2"]
    return CellSeries(pd.DataFrame(list(names), columns=columns), first + np.arange(counts.shape[1]), counts.astype("float32"))


def some_counts(seed: int = 1, days: int = DAYS, mean: float = 4.0) -> np.ndarray:
    return np.random.default_rng(seed).poisson(mean, (len(CELLS), days)).astype(float) + 0.0


def level(hierarchy: Hierarchy, name: str) -> pd.DataFrame:
    """Counts of a level with the codes of each series as index."""
    found = next(item for item in hierarchy.levels if item.name == name)
    return pd.DataFrame(found.panel.counts, index=pd.MultiIndex.from_frame(found.series[["district", "subdistrict", "category_1"]].fillna("*")))


def test_every_level_equals_a_plain_sum() -> None:
    counts = some_counts()
    hierarchy = build_hierarchy(cells(counts), UNTIL, has_districts=True)
    assert [item.name for item in hierarchy.levels] == ["city", "category", "district", "district_category", "subdistrict", "cell"]
    masks = {"city": (), "category": (2,), "district": (0,), "district_category": (0, 2), "subdistrict": (0, 1), "cell": (0, 1, 2)}
    for name, kept in masks.items():
        wanted: dict[tuple[str, ...], np.ndarray] = {}
        for codes, row in zip(CELLS, counts, strict=True):
            key = tuple(code if place in kept else "*" for place, code in enumerate(codes))
            wanted[key] = wanted.get(key, np.zeros(DAYS)) + row
        found = level(hierarchy, name)
        assert set(found.index) == set(wanted), name
        for key, row in wanted.items():
            np.testing.assert_array_equal(found.loc[key].to_numpy(), row)
        np.testing.assert_array_equal(found.to_numpy().sum(axis=0), counts.sum(axis=0))


def test_numbers_of_series_are_rows_of_all_levels() -> None:
    hierarchy = build_hierarchy(cells(some_counts()), UNTIL, has_districts=True)
    nodes = hierarchy.nodes
    assert nodes["series_id"].tolist() == list(range(len(nodes)))
    assert hierarchy.summing.shape == (len(nodes), len(CELLS))
    every = np.concatenate([item.panel.counts for item in hierarchy.levels])
    np.testing.assert_array_equal(hierarchy.summing @ every[-len(CELLS) :], every)
    for item in hierarchy.levels:
        assert len(set(item.panel.ids)) == len(item.series)


def test_tickets_on_no_place_stay_in_the_city() -> None:
    counts = some_counts()
    hierarchy = build_hierarchy(cells(counts), UNTIL, has_districts=True)
    assert level(hierarchy, "city").to_numpy()[0].sum() == counts.sum()
    np.testing.assert_array_equal(level(hierarchy, "district").loc[("", "*", "*")], counts[6] + counts[7])
    np.testing.assert_array_equal(level(hierarchy, "category").loc[("*", "*", "")], counts[7])


def test_without_districts_two_levels_are_left_out() -> None:
    names = tuple(("", below, category) for _district, below, category in CELLS)
    counts = some_counts()
    hierarchy = build_hierarchy(cells(counts, names), UNTIL, has_districts=False)
    assert [item.name for item in hierarchy.levels] == ["city", "category", "subdistrict", "cell"]
    for item in hierarchy.levels:
        np.testing.assert_array_equal(item.panel.counts.sum(axis=0), counts.sum(axis=0))


def test_series_share_the_season_of_their_category() -> None:
    groups = {item.name: item.panel.groups for item in build_hierarchy(cells(some_counts()), UNTIL, has_districts=True).levels}
    assert groups["city"] == groups["category"] == ()
    assert groups["district"] == ("city",) * 3
    assert groups["subdistrict"] == ("city",) * 5
    assert groups["cell"] == tuple(sorted_cell[2] for sorted_cell in sorted(CELLS))
    assert set(groups["district_category"]) == {"", "水", "路"}


def test_a_stray_first_month_is_cut_off() -> None:
    counts = some_counts(days=DAYS + 31)
    counts[:, :31] = 0
    counts[0, 3] = 40  # late corrections
    hierarchy = build_hierarchy(cells(counts, first=np.datetime64("2023-12-01")), UNTIL, has_districts=True)
    panel = hierarchy.levels[0].panel
    assert (panel.days[0], panel.days[-1]) == (FIRST, np.datetime64(UNTIL))
    assert panel.counts.sum() == counts[:, 31:].sum()
    counts[:, :31] = some_counts(days=31, mean=1.2)  # nearly a third of the usual
    whole = build_hierarchy(cells(counts, first=np.datetime64("2023-12-01")), UNTIL, has_districts=True)
    assert whole.levels[0].panel.days[0] == np.datetime64("2023-12-01")


def test_days_after_the_last_are_not_there() -> None:
    counts = some_counts()
    panel = build_hierarchy(cells(counts), date(2024, 10, 31), has_districts=True).levels[0].panel
    assert panel.days[-1] == np.datetime64("2024-10-31")
    assert panel.counts.sum() == counts[:, : len(panel.days)].sum()


@pytest.mark.parametrize(("mean", "is_unknown"), [(4.0, True), (2.0, False)])
def test_days_without_delivery_are_unknown_in_a_busy_city(mean: float, is_unknown: bool) -> None:
    """32 a day, and 16: below 20 an empty day may be true."""
    counts = some_counts(mean=mean)
    counts[:, 100:103] = 0
    counts[0, 200] = 0  # one cell alone is no gap
    hierarchy = build_hierarchy(cells(counts), UNTIL, has_districts=True)
    finer = category_panel(cells(counts, tuple((category, "其他") for _d, _s, category in CELLS)), UNTIL, 0)
    for item in (*hierarchy.levels, finer):
        gaps = np.isnan(item.panel.counts)
        assert gaps[:, 100:103].all() == is_unknown
        assert gaps.sum() == (3 * len(item.series) if is_unknown else 0)


@given(st.integers(0, 30), st.integers(7, 60))
@settings(max_examples=60)
def test_weeks_are_from_monday_and_whole(first: int, size: int) -> None:
    days = FIRST + first + np.arange(size)
    counts = np.arange(1.0, size + 1)[None]
    found = weekly(Panel(("a",), days, counts, "D", ("g",)))
    plain: dict[np.datetime64, list[float]] = {}
    for day, count in zip(days, counts[0], strict=True):
        plain.setdefault(day - (day - FIRST).astype(int) % 7, []).append(count)
    whole = {monday: sum(found) for monday, found in plain.items() if len(found) == 7}
    assert dict(zip(found.days, found.counts[0], strict=True)) == whole
    assert (found.frequency, found.groups, found.ids) == ("W", ("g",), ("a",))


def test_a_week_with_an_unknown_day_is_unknown() -> None:
    counts = np.ones((1, 28))
    counts[0, 10] = np.nan
    assert np.isnan(weekly(Panel(("a",), FIRST + np.arange(28), counts)).counts[0]).tolist() == [False, True, False, False]


# Second-level categories

FINER = (("水", "漏水"), ("水", "停水"), ("水", "水价"), ("路", "路灯"), ("路", "坑洼"), ("", ""))


def finer_counts(seed: int = 2) -> np.ndarray:
    counts = np.random.default_rng(seed).poisson(3.0, (len(FINER), DAYS)).astype(float)
    counts[1] = np.arange(DAYS) % 8 == 0  # 46 in 52 weeks
    counts[2] = np.arange(DAYS) % 30 == 0
    counts[4] = np.arange(DAYS) % 7 == 0  # once a week is enough
    return counts


def test_rare_categories_are_put_together_under_their_first_level() -> None:
    counts = finer_counts()
    found = category_panel(cells(counts, FINER), UNTIL, 100)
    names = list(found.series[["category_1", "category_2"]].itertuples(index=False, name=None))
    assert names == [("", ""), ("水", "漏水"), ("水", REST), ("路", "坑洼"), ("路", "路灯")]
    assert found.series["series_id"].tolist() == list(range(100, 105))
    rows = dict(zip(names, found.panel.counts, strict=True))
    np.testing.assert_array_equal(rows["水", REST], counts[1] + counts[2])
    np.testing.assert_array_equal(rows["路", "坑洼"], counts[4])
    assert found.panel.groups == ("", "水", "水", "路", "路")
    for category in ("", "水", "路"):
        own = [place for place, name in enumerate(FINER) if name[0] == category]
        inside = (found.series["category_1"] == category).to_numpy()
        np.testing.assert_array_equal(found.panel.counts[inside].sum(axis=0), counts[own].sum(axis=0))


def test_categories_that_begin_after_the_last_day_are_not_there() -> None:
    """A new first level in the running month has no series yet, neither in the hierarchy nor below it."""
    counts = some_counts(days=DAYS + 10)
    counts[7, :DAYS] = 0
    finer = category_panel(cells(counts, tuple((category, "其他") for _d, _s, category in CELLS)), UNTIL, 0)
    hierarchy = build_hierarchy(cells(counts), UNTIL, has_districts=True)
    assert set(finer.series["category_1"]) == set(level(hierarchy, "category").index.get_level_values(2)) == {"水", "路"}

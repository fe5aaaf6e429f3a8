"""Findings: planted causes are named, largest first, nothing twice, nothing from noise, and all adds up."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.chance import Noise
from governance.day_weights import DayWeights
from governance.decomposition import Decomposition, decompose
from governance.findings import Finding, Findings, findings, possible_renames

MARCH = pd.DataFrame({"day": pd.date_range("2024-03-01", "2024-03-31"), "kind": "workday"})
MAY = pd.DataFrame({"day": pd.date_range("2024-05-01", "2024-05-31"), "kind": "workday"})
CATEGORIES = [f"c{number}" for number in range(6)]
PLACES = [f"p{number}" for number in range(12)]
Change = Callable[[str, str], float]


def counts(chance: np.random.Generator, factor: Change = lambda _category, _place: 1.0, mean: float = 60) -> pd.DataFrame:
    rows = [(category, place, chance.poisson(mean * factor(category, place))) for category in CATEGORIES for place in PLACES]
    return pd.DataFrame(rows, columns=["category", "place_code", "count"])


def taken_apart(now: pd.DataFrame, before: pd.DataFrame, level: float = 0.05) -> Decomposition:
    return decompose(now, before, days_now=MAY, days_before=MARCH, weights=DayWeights({}), noise=Noise(), level=level)


def found(now: pd.DataFrame, before: pd.DataFrame, limit: int = 3, level: float = 0.05) -> Findings:
    return findings(taken_apart(now, before, level), noise=Noise(), limit=limit, part_limit=2)


def keys(item: Finding) -> tuple[tuple[str | None, ...], tuple[str | None, ...]]:
    return item.evidence.categories, item.evidence.place_codes


def check_sums(result: Findings) -> None:
    assert result.calendar_count + sum(item.contribution_count for item in result.items) + result.rest_count == result.change_count
    for item in result.items:
        assert sum(part.contribution_count for part in item.parts) + item.rest_count == item.contribution_count


def test_category_that_rose_everywhere() -> None:
    chance = np.random.default_rng(1)
    result = found(counts(chance, lambda category, _: 1.5 if category == "c2" else 1.0), counts(chance))
    assert result.axis == "category"
    assert [keys(item) for item in result.items] == [(("c2",), ())]
    item = result.items[0]
    assert item.low < 360 < item.high
    assert item.contribution_count == pytest.approx(360, abs=100)
    assert len(item.parts) == 2
    assert all(part.evidence.categories == ("c2",) and len(part.evidence.place_codes) == 1 for part in item.parts)
    assert item.evidence.now == (MAY["day"].min().date(), MAY["day"].max().date())
    check_sums(result)


def test_place_where_everything_fell() -> None:
    chance = np.random.default_rng(2)
    result = found(counts(chance, lambda _, place: 0.4 if place == "p5" else 1.0), counts(chance))
    assert result.axis == "place_code"
    assert [keys(item) for item in result.items] == [((), ("p5",))]
    assert result.items[0].contribution_count < -150
    assert {part.evidence.place_codes for part in result.items[0].parts} == {("p5",)}
    check_sums(result)


def test_single_cell_that_its_category_and_place_hide() -> None:
    """One up and one down by as much: neither label changed, both cells did."""
    factors = {("c1", "p1"): 2.0, ("c1", "p2"): 0.1, ("c4", "p1"): 0.1, ("c4", "p2"): 2.0}
    before = counts(np.random.default_rng(3)).assign(count=60)
    now = before.assign(count=[round(60 * factors.get((row.category, row.place_code), 1.0)) for row in before.itertuples()])
    now.loc[now["count"] == 6, "count"] = 0
    result = found(now, before, limit=4)
    assert {keys(item) for item in result.items} == {((category,), (place,)) for category, place in factors}
    assert all(item.parts == () and item.rest_count == item.contribution_count for item in result.items)
    check_sums(result)


def test_two_causes_are_ordered_and_the_limit_kept() -> None:
    chance = np.random.default_rng(4)
    factor = {"c0": 2.0, "c3": 0.6}
    now, before = counts(chance, lambda category, _: factor.get(category, 1.0)), counts(chance)
    assert [item.evidence.categories for item in found(now, before).items] == [("c0",), ("c3",)]
    one = found(now, before, limit=1)
    assert [item.evidence.categories for item in one.items] == [("c0",)]
    check_sums(one)
    assert found(now, before, limit=0).items == ()


def test_no_sentence_about_noise() -> None:
    """A hundred months in which nothing changed: at level 0.05 five may have an item, both axes and the cells together.

    Four more are two standard errors of the count; over 400 months, these and 300 of another seed, 18 had one.
    """
    chance = np.random.default_rng(20240501)
    wrong = sum(bool(found(counts(chance, mean=20), counts(chance, mean=20)).items) for _month in range(100))
    assert wrong <= 5 + 4


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from([*CATEGORIES, None]), st.sampled_from([*PLACES, None]), st.integers(0, 400), st.integers(0, 400)), max_size=25))
def test_all_adds_up_and_nothing_is_in_two_items(rows: list[tuple[str | None, str | None, int, int]]) -> None:
    frame = pd.DataFrame(rows, columns=["category", "place_code", "now", "before"])
    change = taken_apart(frame.rename(columns={"now": "count"}), frame.rename(columns={"before": "count"}))
    result = findings(change, noise=Noise(), limit=3, part_limit=2)
    check_sums(result)
    assert len(result.items) <= 3
    seen: list[int] = []
    for item in result.items:
        cells = change.cells
        for column, labels in (("category", item.evidence.categories), ("place_code", item.evidence.place_codes)):
            wanted = cells[column].isin([label for label in labels if label is not None]) | (cells[column].isna() & (None in labels))
            cells = cells[wanted] if labels else cells
        seen += cells.index.tolist()
        assert (cells["now_count"].sum(), cells["before_count"].sum()) == (item.now_count, item.before_count)
        assert abs(item.contribution_count - cells["contribution_units"].sum() / change.exposure_before) < 1 + len(cells) * (not item.parts)
    assert len(seen) == len(set(seen))


def test_empty_and_one_ticket() -> None:
    nothing = counts(np.random.default_rng(0)).iloc[:0]
    assert found(nothing, nothing) == Findings(0, 0, (), 0, "category", ())
    one = pd.DataFrame({"category": ["a"], "place_code": [None], "count": [1]})
    assert found(one, nothing).rest_count == 1
    assert found(one, nothing).items == ()


def test_unknown_category_is_a_label_like_others() -> None:
    before = counts(np.random.default_rng(5))
    now = pd.concat([before, pd.DataFrame({"category": [None], "place_code": [None], "count": [300]})])
    item = found(now, before).items[0]
    assert item.contribution_count == 300
    assert None in (*item.evidence.categories, *item.evidence.place_codes)


# Renames


def renamed(frame: pd.DataFrame, old: str, new: str, share: float, chance: np.random.Generator) -> pd.DataFrame:
    """A share of the tickets of one category under another name."""
    moved = frame.assign(category=new, count=chance.binomial(frame["count"], share))[frame["category"] == old]
    rest = frame.copy()
    rest.loc[moved.index, "count"] -= moved["count"]
    return pd.concat([rest, moved], ignore_index=True)


def by_place(_category: str, place: str) -> float:
    return 0.2 + PLACES.index(place) / 6


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_rename_is_flagged_and_not_told_as_a_change(share: float) -> None:
    """Renamed before the period or in its middle: one pair, and no item about either name."""
    chance = np.random.default_rng(6)
    before = counts(chance, by_place)
    result = found(renamed(counts(chance, by_place), "c1", "c1新", share, chance), before)
    assert [(item.old, item.new) for item in result.renames] == [("c1", "c1新")]
    assert result.items == ()


def test_renamed_category_that_also_rose_is_one_item_with_both_names() -> None:
    chance = np.random.default_rng(7)
    before = counts(chance, by_place)
    now = renamed(counts(chance, lambda category, place: by_place(category, place) * (1.08 if category == "c1" else 1)), "c1", "c1新", 1.0, chance)
    result = findings(taken_apart(now, before, 0.3), noise=Noise(), limit=3, part_limit=2)
    assert [(item.old, item.new) for item in result.renames] == [("c1", "c1新")]
    named = {keys(item)[0] for item in result.items if "c1新" in keys(item)[0]}
    assert named <= {("c1新", "c1")}
    assert not any(keys(item)[0] == ("c1",) for item in result.items)
    check_sums(result)


def test_new_category_elsewhere_or_of_another_size_is_no_rename() -> None:
    """The same size in other places, half the size, or too few to tell: a new problem and a solved one."""
    chance = np.random.default_rng(8)
    before = counts(chance, by_place)
    now = before[before["category"] != "c1"]
    old = before[before["category"] == "c1"]
    elsewhere = old.assign(category="new", count=old["count"].to_numpy()[::-1])
    half = old.assign(category="new", count=old["count"] // 2)
    for other in (elsewhere, half):
        assert possible_renames(taken_apart(pd.concat([now, other]), before), noise=Noise()) == ()
    same = old.assign(category="new")
    assert len(possible_renames(taken_apart(pd.concat([now, same]), before), noise=Noise())) == 1
    few = pd.DataFrame({"category": ["x"], "place_code": ["p1"], "count": [15]})
    assert possible_renames(taken_apart(few.assign(category="y"), few), noise=Noise()) == ()


def test_two_renames_at_once_are_paired_by_size() -> None:
    chance = np.random.default_rng(9)
    size = {"c0": 3.0, "c1": 1.0}
    before = counts(chance, lambda category, place: size.get(category, 0.5) * by_place(category, place))
    now = before.replace({"category": {"c0": "甲", "c1": "乙"}})
    result = possible_renames(taken_apart(now, before), noise=Noise())
    assert {(item.old, item.new) for item in result} == {("c0", "甲"), ("c1", "乙")}

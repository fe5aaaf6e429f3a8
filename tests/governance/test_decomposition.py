"""A change taken apart: exact, by hand, blind to the calendar, and silent about noise."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.chance import Dispersion, Noise, noise
from governance.day_weights import DayWeights, day_weights
from governance.decomposition import Decomposition, decompose, whole_numbers

WEIGHTS = DayWeights({("workday", None): 11_000, ("weekend", None): 7_500})
FLAT = DayWeights({})
POISSON = Noise()
LABELS = st.sampled_from(["供暖", "停车", "噪声", None])
PLACES = st.sampled_from(["110101", "110102", None])


def cells(*rows: tuple[str | None, str | None, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["category", "place_code", "count"])


def days(start: str, end: str) -> pd.DataFrame:
    frame = pd.DataFrame({"day": pd.date_range(start, end)})
    frame["kind"] = np.where(frame["day"].dt.day_of_week >= 5, "weekend", "workday")
    return frame


JANUARY, FEBRUARY = days("2024-01-01", "2024-01-31"), days("2024-02-01", "2024-02-29")


def taken_apart(now: pd.DataFrame, before: pd.DataFrame, **other: object) -> Decomposition:
    given_ = {"days_now": FEBRUARY, "days_before": JANUARY, "weights": WEIGHTS, "noise": POISSON, "level": 0.05} | other
    return decompose(now, before, **given_)  # type: ignore[arg-type]


def by_cell(change: Decomposition, column: str) -> dict[tuple[str | None, str | None], float]:
    return {(row.category, row.place_code): getattr(row, column) for row in change.cells.itertuples()}


# Exactness


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    return cells(*draw(st.lists(st.tuples(LABELS, PLACES, st.integers(0, 10**6)), max_size=15)))


@given(frames(), frames(), st.integers(1, 20_000), st.integers(1, 20_000), st.integers(1, 400), st.integers(1, 400))
def test_parts_add_up_exactly_and_agree_with_a_loop(
    now: pd.DataFrame, before: pd.DataFrame, workday: int, weekend: int, length_now: int, length_before: int
) -> None:
    weights = DayWeights({("workday", None): workday, ("weekend", None): weekend})
    days_now = days("2024-01-01", "2025-12-31").head(length_now)
    days_before = days("2022-01-01", "2023-12-31").head(length_before)
    change = taken_apart(now, before, days_now=days_now, days_before=days_before, weights=weights)

    ratio = Fraction(
        sum(workday if kind == "workday" else weekend for kind in days_now["kind"]),
        sum(workday if kind == "workday" else weekend for kind in days_before["kind"]),
    )
    totals: dict[tuple[str | None, str | None], list[int]] = {}
    for side, frame in enumerate((now, before)):
        for category, place, count in frame.itertuples(index=False):
            key = (None if pd.isna(category) else category, None if pd.isna(place) else place)
            totals.setdefault(key, [0, 0])[side] += count
    expected = {key: a - b * ratio for key, (a, b) in totals.items() if a or b}

    assert {key: Fraction(int(units), change.exposure_before) for key, units in by_cell(change, "contribution_units").items()} == expected
    calendar = sum(b for _, b in totals.values()) * (ratio - 1)
    assert Fraction(change.calendar_units, change.exposure_before) == calendar
    assert calendar + sum(expected.values()) == change.change_count

    shown = by_cell(change, "contribution_count")
    assert change.calendar_count + sum(shown.values()) == change.change_count
    assert abs(change.calendar_count - calendar) < 1
    for category in {key[0] for key in expected}:
        exact = sum(value for key, value in expected.items() if key[0] == category)
        assert abs(sum(value for key, value in shown.items() if key[0] == category) - exact) < 1
    assert all(math.floor(value) - 1 <= shown[key] <= math.ceil(value) + 1 for key, value in expected.items())


@given(st.lists(st.integers(-(10**9), 10**9), max_size=30), st.integers(1, 10**6), st.booleans())
def test_rounding_keeps_the_sum_and_each_part_within_one(units: list[int], unit: int, up: bool) -> None:
    total = math.ceil(Fraction(sum(units), unit)) if up else math.floor(Fraction(sum(units), unit))
    shown = whole_numbers(np.array(units, dtype="int64"), unit, total)
    assert shown.sum() == total
    assert all(abs(int(number) - Fraction(part, unit)) < 1 for number, part in zip(shown, units, strict=True))


def test_largest_remainders_by_hand() -> None:
    """1.5, 2.3 and -0.8 make 3: the floors 1, 2, -1 miss one, which goes to the largest remainder, 1.5."""
    assert whole_numbers(np.array([15, 23, -8]), 10, 3).tolist() == [2, 2, -1]
    assert whole_numbers(np.array([5, 5]), 10, 1).tolist() == [1, 0]
    with pytest.raises(ValueError, match="not the sum"):
        whole_numbers(np.array([15, 23]), 10, 6)


# By hand


def test_reference_values() -> None:
    """January 2024: 23 workdays, 8 weekend days, 31.3; February: 21 and 8, 29.1. Of 1000 tickets 929.71 were to be expected."""
    change = taken_apart(cells(("供暖", "1", 700), ("停车", "1", 280)), cells(("供暖", "1", 600), ("停车", "1", 400)))
    assert (change.exposure_now, change.exposure_before) == (291_000, 313_000)
    assert change.calendar_effect == pytest.approx(1000 * (29.1 / 31.3 - 1))
    assert by_cell(change, "contribution") == pytest.approx({("供暖", "1"): 700 - 600 * 29.1 / 31.3, ("停车", "1"): 280 - 400 * 29.1 / 31.3})
    assert (change.change_count, change.calendar_count) == (-20, -70)
    assert by_cell(change, "contribution_count") == {("供暖", "1"): 142, ("停车", "1"): -92}
    assert change.now == (FEBRUARY["day"].min().date(), FEBRUARY["day"].max().date())


def test_interval_by_hand() -> None:
    """400 and 225 in equal periods with four times the variance: 175 plus or minus 1.96 times 50."""
    change = taken_apart(cells(("a", "1", 400)), cells(("a", "1", 225)), days_now=JANUARY, noise=Noise(cells=Dispersion(4.0)))
    row = change.cells.iloc[0]
    assert [row["low"], row["high"]] == pytest.approx([175 - 98, 175 + 98], abs=0.1)


def test_interval_of_unequal_periods_by_hand() -> None:
    """Twice the days: 400 - 2 x 150 with variance 400 + 4 x 150 = 1000."""
    change = taken_apart(
        cells(("a", "1", 400)), cells(("a", "1", 150)), days_now=days("2024-01-01", "2024-01-14"), days_before=days("2024-01-15", "2024-01-21")
    )
    assert change.cells["high"].iloc[0] - change.cells["contribution"].iloc[0] == pytest.approx(1.96 * math.sqrt(1000), abs=0.01)


def test_cells_too_small_to_tell_do_not_raise_the_bar() -> None:
    """Six to nothing has p = 1/32; a hundred single tickets beside it cannot be beyond chance and are not tested."""
    change = taken_apart(cells(("a", "1", 6), *((f"x{number}", "1", 1) for number in range(100))), cells(), days_now=JANUARY)
    assert [row.category for row in change.cells.itertuples() if row.is_beyond_chance] == ["a"]


def test_change_of_the_calendar_alone_is_no_contribution() -> None:
    """A leap day, two working days more or a holiday week change every cell alike: all of it is calendar, to the ticket."""
    before = cells(("a", "1", 3130), ("a", "2", 626), ("b", "1", 31_300))
    change = taken_apart(before.assign(count=[2910, 582, 29_100]), before)
    assert change.calendar_count == change.change_count == -2464
    assert not change.cells["contribution_units"].any()
    assert not change.cells["is_beyond_chance"].any()


# Edges


def test_nothing_before() -> None:
    """Without a base there is no calendar effect: all of it is contribution."""
    change = taken_apart(cells(("a", "1", 12), ("b", None, 3)), cells())
    assert (change.calendar_count, change.change_count) == (0, 15)
    assert by_cell(change, "contribution_count") == {("a", "1"): 12, ("b", None): 3}


def test_new_and_vanished_cells() -> None:
    change = taken_apart(cells(("new", "1", 50)), cells(("old", "1", 50)), days_now=JANUARY)
    assert by_cell(change, "contribution_count") == {("new", "1"): 50, ("old", "1"): -50}
    assert change.cells["is_beyond_chance"].all()


@pytest.mark.parametrize(("now", "before"), [(cells(), cells()), (cells(("a", "1", 0)), cells(("a", "1", 0)))])
def test_no_tickets_at_all(now: pd.DataFrame, before: pd.DataFrame) -> None:
    change = taken_apart(now, before)
    assert change.cells.empty
    assert (change.change_count, change.calendar_count) == (0, 0)


def test_one_ticket_is_chance() -> None:
    change = taken_apart(cells(("a", "1", 1)), cells())
    assert by_cell(change, "is_beyond_chance") == {("a", "1"): False}
    assert change.cells["contribution_count"].tolist() == [1]


def test_unknown_labels_are_one_cell() -> None:
    change = taken_apart(cells((None, None, 4)), cells((float("nan"), None, 6)), days_now=JANUARY)  # type: ignore[arg-type]
    assert by_cell(change, "contribution_count") == {(None, None): -2}


@pytest.mark.parametrize("count", [float("nan"), -1, 1.5])
def test_impossible_counts_are_refused(count: float) -> None:
    with pytest.raises(ValueError, match="whole numbers from 0"):
        taken_apart(cells(("a", "1", count)), cells())  # type: ignore[arg-type]


def test_missing_columns_and_days_are_named() -> None:
    with pytest.raises(ValueError, match="before misses columns"):
        taken_apart(cells(), cells().drop(columns="place_code"))
    with pytest.raises(ValueError, match="no days"):
        taken_apart(cells(), cells(), days_now=JANUARY.iloc[:0])


def test_input_is_untouched() -> None:
    now = cells(("a", "1", 1), (None, "1", 2))
    copy = now.copy()
    taken_apart(now, now)
    pd.testing.assert_frame_equal(now, copy)


# Chance


LEVELS = pd.DataFrame([(f"c{number}", f"p{place}", 6.0 / (number + 1) / (1 + place / 4)) for number in range(8) for place in range(40)])
LEVELS.columns = pd.Index(["category", "place_code", "level"])


def city(chance: np.random.Generator, days_: pd.DataFrame, groups: int = 1) -> pd.DataFrame:
    """Daily counts of 8 categories in 40 places, of very different size, with quiet weekends, tickets coming in groups."""
    cross = days_.merge(LEVELS, how="cross")
    mean = np.where(cross["kind"] == "weekend", 0.75, 1.1) * cross["level"] / groups
    return cross.assign(count=groups * chance.poisson(mean))[["day", "category", "place_code", "count"]]


def months(chance: np.random.Generator, groups: int) -> tuple[pd.DataFrame, pd.DataFrame, DayWeights, Noise]:
    past = days("2023-01-02", "2023-12-31")
    history = city(chance, past, groups=groups)
    weights = day_weights(history.groupby("day", as_index=False)["count"].sum().merge(past, on="day"))
    return city(chance, FEBRUARY, groups=groups), city(chance, JANUARY, groups=groups), weights, noise(history, past, weights=weights)


@pytest.mark.parametrize("groups", [1, 3])
def test_noise_alone_gives_few_discoveries(groups: int) -> None:
    """Months of a city where nothing changed: with level 0.1 at most one in ten names any cell."""
    chance = np.random.default_rng(20240229)
    wrong = 0
    _now, _before, weights, scatter = months(chance, groups)
    for _month in range(60):
        now, before = city(chance, FEBRUARY, groups=groups), city(chance, JANUARY, groups=groups)
        change = taken_apart(now, before, weights=weights, noise=scatter, level=0.1)
        wrong += bool(change.cells["is_beyond_chance"].any())
    assert wrong <= 0.1 * 60


def test_planted_changes_are_found_and_few_others() -> None:
    """Twenty cells doubled: eight in ten are named, the smallest having 55 tickets, and of those named at most a tenth is wrong, over twenty months."""
    chance = np.random.default_rng(5)
    _now, _before, weights, scatter = months(chance, 1)
    planted = {(f"c{number}", f"p{place}") for number in range(2) for place in range(10)}
    shares, power = [], []
    for _month in range(20):
        now, before = city(chance, FEBRUARY), city(chance, JANUARY)
        double = pd.Series(list(zip(now["category"], now["place_code"], strict=True))).isin(planted)
        now["count"] = now["count"].where(~double, now["count"] * 2)
        change = taken_apart(now, before, weights=weights, noise=scatter, level=0.1)
        named = {(row.category, row.place_code) for row in change.cells.itertuples() if row.is_beyond_chance}
        shares.append(len(named - planted) / max(1, len(named)))
        power.append(len(named & planted) / len(planted))
    assert np.mean(shares) <= 0.1
    assert np.mean(power) >= 0.8

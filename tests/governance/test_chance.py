"""Chance: tails agree with plain sums, dispersion is found where it was planted, false discoveries stay rare."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.chance import Dispersion, Noise, discoveries, noise, p_values
from governance.day_weights import DayWeights

FLAT = DayWeights({})


def plain_p(now: int, before: int, ratio: float) -> float:
    """Twice the smaller tail of the binomial, term by term."""
    chance, total = ratio / (1 + ratio), now + before
    terms = [math.comb(total, k) * chance**k * (1 - chance) ** (total - k) for k in range(total + 1)]
    return min(1.0, 2 * min(sum(terms[now:]), sum(terms[: now + 1])))


@given(st.integers(0, 60), st.integers(0, 60), st.floats(0.05, 20))
def test_p_is_the_binomial_tail(now: int, before: int, ratio: float) -> None:
    found = p_values(np.array([now]), np.array([before]), ratio, np.ones(1))[0]
    if now + before == 0:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(plain_p(now, before, ratio), rel=1e-8, abs=1e-14)


def test_p_by_hand() -> None:
    """Ten to nothing: 2 / 1024. Five each: nothing to see. Three to nothing is a quarter."""
    assert p_values(np.array([10, 5, 3]), np.array([0, 5, 0]), 1.0, np.ones(3)).tolist() == pytest.approx([2 / 1024, 1.0, 0.25])


def test_large_counts_meet_the_exact_tail() -> None:
    """At the change of method, two standard deviations out, both ways agree within a tenth of the p-value."""
    exact = plain_p(535, 467, 1.0)
    assert p_values(np.array([535]), np.array([467]), 1.0, np.ones(1))[0] == pytest.approx(exact, rel=0.1)
    assert p_values(np.array([10**6]), np.array([10**6]), 1.0, np.ones(1))[0] == 1.0


def test_dispersion_divides_the_evidence() -> None:
    """Four times the variance: forty tickets say as much as ten."""
    few = p_values(np.array([20]), np.array([8]), 1.0, np.ones(1))
    many = p_values(np.array([80]), np.array([32]), 1.0, np.full(1, 4.0))
    assert many == pytest.approx(few, rel=1e-9)


def test_p_is_a_p_value_under_chance_alone() -> None:
    """Of 20,000 pairs without a change at most five percent have p <= 0.05, and one percent p <= 0.01; periods differ in length."""
    chance = np.random.default_rng(3)
    for mean in (0.5, 5, 60, 900):
        p = p_values(chance.poisson(mean * 0.7, 20_000), chance.poisson(mean, 20_000), 0.7, np.ones(20_000))
        for level in (0.05, 0.01):
            assert np.mean(p <= level) <= level * 1.1


# Discoveries


def test_reference_values_of_the_paper() -> None:
    """Benjamini & Hochberg 1995, section 3.2: fifteen p-values, four named at 0.05 (Bonferroni names three)."""
    p = np.array([0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000])
    assert discoveries(p, 0.05).tolist() == [True] * 4 + [False] * 11


@given(st.lists(st.one_of(st.just(math.nan), st.floats(1e-6, 1)), max_size=40), st.floats(0.01, 0.5))
def test_discoveries_agree_with_a_loop(values: list[float], level: float) -> None:
    tested = sorted(value for value in values if not math.isnan(value))
    bar = max([p for k, p in enumerate(tested, start=1) if p <= level * k / len(tested)], default=-1.0)
    assert discoveries(np.array(values), level).tolist() == [value <= bar for value in values]


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0])
def test_impossible_level_is_refused(level: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        discoveries(np.array([0.5]), level)


# Dispersion


def history(scale: float, weeks: int = 60, seed: int = 1, trend: float = 0.0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Weekly counts of twelve cells, each day a compound Poisson of groups of ``scale`` tickets."""
    chance = np.random.default_rng(seed)
    days = pd.DataFrame({"day": pd.date_range("2024-01-01", periods=7 * weeks), "kind": "workday"})
    rows = []
    for category in "ab":
        for place in "123456":
            level = 4 * (1 + trend * np.arange(len(days)) / len(days))
            rows.append(days[["day"]].assign(category=category, place_code=place, count=scale * chance.poisson(level / scale)))
    return pd.concat(rows), days


@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize("trend", [0.0, 2.0])
def test_planted_dispersion_is_found_whatever_the_trend(scale: int, trend: float) -> None:
    """Tickets that come in threes have three times the variance, in cells and in sums of cells."""
    found = noise(*history(scale, trend=trend), weights=FLAT)
    for dispersion in (found.cells, found.categories, found.places):
        assert dispersion.pooled == pytest.approx(scale, rel=0.2)
    assert found.cells.of(["a", "unheard of"]) == pytest.approx([scale, scale], rel=0.25)


def test_days_without_tickets_may_be_missing() -> None:
    rows, days = history(3)
    assert noise(rows[rows["count"] > 0], days, weights=FLAT) == noise(rows, days, weights=FLAT)


def test_never_less_than_poisson_and_poisson_without_history() -> None:
    """Counts more even than chance are not believed; two weeks are needed."""
    rows, days = history(1)
    assert noise(rows.assign(count=5), days, weights=FLAT).cells.pooled == 1.0
    assert noise(rows.iloc[:0], days, weights=FLAT) == Noise()
    assert noise(rows, days.head(10), weights=FLAT) == Noise()


def test_unknown_labels_have_their_own_dispersion() -> None:
    rows, days = history(3)
    rows["category"] = rows["category"].where(rows["category"] == "a")
    found = noise(rows, days, weights=FLAT).cells
    assert found.of([None, float("nan")]).tolist() == [found.by_label[None]] * 2


def test_known_weekly_pattern_is_not_scatter() -> None:
    """A week of holidays halves the counts: with weights that know it the dispersion stays near 1."""
    rows, days = history(1)
    off = (days["day"].dt.day_of_year // 7) % 5 == 0
    days["kind"] = np.where(off, "holiday", "workday")
    rows = rows.merge(days, on="day")
    rows["count"] = np.where(rows["kind"] == "holiday", rows["count"] // 4, rows["count"])
    known = noise(rows, days, weights=DayWeights({("holiday", None): 1700, ("workday", None): 10_000}))
    assert known.categories.pooled < 1.5 < noise(rows, days, weights=FLAT).categories.pooled


def test_dispersion_of_labels() -> None:
    assert Dispersion(2.0, {"a": 3.0, None: 4.0}).of(["a", "b", None]).tolist() == [3.0, 2.0, 4.0]

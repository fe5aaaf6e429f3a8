"""Smoothed rates, ratios and overdispersion: against esda, scipy and simulated truth."""

from __future__ import annotations

import numpy as np
import pytest
from esda.smoothing import Empirical_Bayes, assuncao_rate
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from geodata.smoothing import SmoothingError, pooled_overdispersion, shrunk_ratio, smoothed_rates, standardised_rates, standardised_ratio

ALPHA = 0.06


def city(areas: int, maps: int, expected: float, alpha: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts, areas x maps, and what was expected of each area."""
    chance = np.random.default_rng(seed)
    population = chance.lognormal(10, 0.7, areas)
    means = population / population.mean() * expected
    scatter = chance.gamma(1 / alpha, alpha, (areas, maps)) if alpha else np.ones((areas, maps))
    return chance.poisson(means[:, None] * scatter).astype("float64"), means


@pytest.mark.parametrize("expected", [204.0, 20.0])
def test_rates_equal_esda(expected: float) -> None:
    counts, means = city(343, 12, expected, ALPHA, 1)
    found = smoothed_rates(counts, means * 100)
    reference = np.stack([Empirical_Bayes(counts[:, place], means * 100).r[:, 0] for place in range(12)], axis=1)
    np.testing.assert_allclose(found, reference, rtol=1e-12)


def test_standardised_rates_equal_esda() -> None:
    counts, means = city(343, 12, 204.0, ALPHA, 1)
    found = standardised_rates(counts, means * 100)
    reference = np.stack([assuncao_rate(counts[:, place], means * 100) for place in range(12)], axis=1)
    np.testing.assert_allclose(found, reference, rtol=1e-12)


@pytest.mark.parametrize("expected", [204.0, 4.0])
def test_standardised_rates_scatter_alike_in_large_and_small_areas(expected: float) -> None:
    """Standard deviation about 1 in the tenth of smallest and of largest areas; smoothed rates do not."""
    counts, means = city(343, 400, expected, ALPHA, 8)
    order = np.argsort(means)
    smallest, largest = order[:34], order[-34:]
    found, smooth = standardised_rates(counts, means), smoothed_rates(counts, means)
    assert found[smallest].std() == pytest.approx(1, abs=0.1)
    assert found[largest].std() == pytest.approx(1, abs=0.1)
    assert smooth[smallest].std() < smooth[largest].std() * (1 if expected > 100 else 0.5)


def test_where_areas_differ_by_chance_alone_all_have_the_mean() -> None:
    """Counts in proportion to population scatter less than Poisson: no variance is left between areas, and none is invented."""
    population = np.array([1000.0, 2000.0, 3000.0])
    found = smoothed_rates(np.array([10.0, 20.0, 31.0]), population)
    np.testing.assert_allclose(found, 61 / 6000, rtol=1e-12)


def test_small_areas_are_pulled_most() -> None:
    """The same high rate is believed of a large area and doubted of a small one."""
    population = np.array([100.0, 100_000.0, 50_000, 50_000, 60_000])
    counts = np.array([2.0, 2000.0, 500, 450, 600])
    raw, found = counts / population, smoothed_rates(counts, population)
    mean = counts.sum() / population.sum()
    pulled = (raw - found) / (raw - mean)
    assert pulled[1] < 0.01
    assert pulled[0] > 0.3


def test_areas_without_a_rate_take_no_part() -> None:
    """Unknown count, unknown or no population: NaN there, and the others as if they were not on the map."""
    counts, means = city(30, 2, 50, ALPHA, 2)
    alone = smoothed_rates(counts[3:], means[3:])
    broken, people = counts.copy(), means.copy()
    broken[0], people[1], people[2] = np.nan, np.nan, 0.0
    found = smoothed_rates(broken, people)
    assert np.isnan(found[:3]).all()
    np.testing.assert_allclose(found[3:], alone, rtol=1e-12)
    standardised = standardised_rates(broken, people)
    assert np.isnan(standardised[:3]).all()
    np.testing.assert_allclose(standardised[3:], standardised_rates(counts[3:], means[3:]), rtol=1e-9)


@pytest.mark.filterwarnings("error")
def test_empty_maps() -> None:
    assert smoothed_rates(np.zeros((4, 1)), np.ones(4)).tolist() == [[0.0]] * 4
    assert np.isnan(standardised_rates(np.zeros((4, 1)), np.ones(4))).all()
    assert smoothed_rates(np.array([3.0]), np.array([10.0])).tolist() == pytest.approx([0.3])
    assert np.isnan(smoothed_rates(np.full((2, 2), np.nan), np.ones(2))).all()
    assert smoothed_rates(np.empty((0, 3)), np.empty(0)).shape == (0, 3)


@settings(max_examples=60)
@given(hnp.arrays("float64", 12, elements=st.integers(0, 500)), hnp.arrays("float64", 12, elements=st.integers(1, 10_000)), st.permutations(range(12)))
def test_rates_lie_between_own_and_mean_in_any_order(counts: np.ndarray, people: np.ndarray, order: list[int]) -> None:
    found = smoothed_rates(counts, people)
    raw, mean = counts / people, counts.sum() / people.sum()
    assert (found >= np.minimum(raw, mean) * (1 - 1e-9)).all()
    assert (found <= np.maximum(raw, mean) * (1 + 1e-9)).all()
    np.testing.assert_allclose(smoothed_rates(counts[order], people[order]), found[order], rtol=1e-9)
    np.testing.assert_allclose(smoothed_rates(counts, people * 4), found / 4, rtol=1e-9)


# Ratios


def test_poisson_interval_is_the_published_one() -> None:
    """Garwood's limits for 0, 1, 5 and 10 cases at 95 %, as printed in every table of exact Poisson limits."""
    found = standardised_ratio(np.array([0.0, 1, 5, 10]), np.ones(4))
    np.testing.assert_allclose(found.low, [0, 0.0253, 1.6235, 4.7954], atol=5e-5)
    np.testing.assert_allclose(found.high, [3.6889, 5.5716, 11.6683, 18.3904], atol=5e-5)


@pytest.mark.parametrize("alpha", [0.0, 1e-6, ALPHA, 2.0])
def test_ends_of_the_interval_leave_the_tails(alpha: float) -> None:
    """Under the low end a count this high, and under the high end one this low, has probability 2.5 %."""
    counts, expected = np.array([1.0, 7, 60, 800]), np.array([2.0, 9, 40, 900])
    found = standardised_ratio(counts, expected, alpha)
    for count, low, high in zip(counts, found.low * expected, found.high * expected, strict=True):
        at_low, at_high = (stats.nbinom(1 / alpha, 1 / (1 + alpha * mean)) if alpha else stats.poisson(mean) for mean in (low, high))
        assert at_low.sf(count - 1) == pytest.approx(0.025, rel=1e-5)
        assert at_high.cdf(count) == pytest.approx(0.025, rel=1e-5)


@pytest.mark.parametrize(("alpha", "low", "high"), [(0.0, 0.0, 0.6), (ALPHA, 0.94, 0.98)])
def test_only_the_overdispersed_interval_covers(alpha: float, low: float, high: float) -> None:
    """Between areas with alpha 0.06 the Poisson interval of 200 cases misses 1 far too often."""
    counts, means = city(343, 60, 204, ALPHA, 3)
    found = standardised_ratio(counts, means, alpha)
    assert low < ((found.low <= 1) & (found.high >= 1)).mean() < high


def test_ratio_without_an_expectation_is_unknown() -> None:
    for found in (
        standardised_ratio(np.array([3.0, np.nan, 2.0]), np.array([0.0, 1.0, 2.0])),
        shrunk_ratio(np.array([3.0, np.nan, 2.0]), np.array([0.0, 1.0, 2.0]), 0.1),
    ):
        for part in (found.ratio, found.low, found.high):
            assert np.isnan(part).tolist() == [True, True, False]
        assert found.ratio[2] == pytest.approx(1.0)


def test_shrunk_ratio_is_the_gamma_posterior() -> None:
    """Against the same posterior by numerical integration, and nearer to the truth than the plain ratio."""
    found = shrunk_ratio(np.array([9.0]), np.array([4.0]), 0.25)
    ratio = np.linspace(1e-6, 15, 400_001)
    density = stats.gamma(4, scale=0.25).pdf(ratio) * stats.poisson(ratio * 4.0).pmf(9)
    total = np.cumsum(density) / density.sum()
    assert found.ratio[0] == pytest.approx((density * ratio).sum() / density.sum(), rel=1e-4)
    assert found.low[0] == pytest.approx(ratio[np.searchsorted(total, 0.025)], rel=1e-3)
    assert found.high[0] == pytest.approx(ratio[np.searchsorted(total, 0.975)], rel=1e-3)
    chance = np.random.default_rng(4)
    truth, expected = chance.gamma(4, 0.25, 4000), np.full(4000, 4.0)
    counts = chance.poisson(truth * expected).astype("float64")
    shrunk = shrunk_ratio(counts, expected, 0.25)
    assert ((shrunk.ratio - truth) ** 2).mean() < 0.6 * ((counts / expected - truth) ** 2).mean()
    assert ((shrunk.low <= truth) & (truth <= shrunk.high)).mean() == pytest.approx(0.95, abs=0.015)


# Overdispersion


@pytest.mark.parametrize(("expected", "tolerance"), [(204.0, 0.0033), (8.0, 0.0096)])
def test_overdispersion_of_two_years_is_found(expected: float, tolerance: float) -> None:
    """Alpha 0.06, pooled over 24 months, within three standard deviations as 60 other panels had them; single months scatter far more."""
    counts, means = city(343, 24, expected, ALPHA, 5)
    assert pooled_overdispersion(counts, means) == pytest.approx(ALPHA, abs=tolerance)
    single = np.array([pooled_overdispersion(counts[:, [month]], means) for month in range(24)])
    assert single.std() > tolerance


def test_poisson_counts_have_no_overdispersion() -> None:
    counts, means = city(343, 24, 50, 0.0, 6)
    assert pooled_overdispersion(counts, means) < 0.002


def test_fitted_totals_are_not_counted_as_evidence() -> None:
    """With totals fitted to each of many small maps alpha is too low, unless they are counted off."""
    counts, means = city(6, 600, 50, ALPHA, 7)
    expected = means[:, None] / means.sum() * counts.sum(axis=0)
    naive, counted = pooled_overdispersion(counts, expected), pooled_overdispersion(counts, expected, fitted=600)
    assert abs(counted - ALPHA) < abs(naive - ALPHA)
    assert naive < 0.9 * ALPHA


def test_overdispersion_at_its_limits() -> None:
    assert pooled_overdispersion(np.full((3, 4), 7.0), np.full(3, 7.0)) == 0.0
    assert pooled_overdispersion(np.array([1e9, 0, 0]), np.array([1e3, 1e3, 1e3])) > 1e10
    assert np.isnan(pooled_overdispersion(np.array([np.nan, 1.0]), np.array([1.0, 0.0])))
    assert np.isnan(pooled_overdispersion(np.array([2.0, 1.0]), np.array([1.0, 1.0]), fitted=2))


def test_what_cannot_be_used_is_refused() -> None:
    with pytest.raises(SmoothingError, match="件数中有 1 个负数"):
        smoothed_rates(np.array([-1.0, 2.0]), np.ones(2))
    with pytest.raises(SmoothingError, match="人口中有 1 个负数或无穷大"):
        smoothed_rates(np.ones(2), np.array([1.0, np.inf]))
    with pytest.raises(SmoothingError, match=r"\(3,\)"):
        smoothed_rates(np.ones((2, 4)), np.ones(3))
    with pytest.raises(SmoothingError, match=r"\(2, 3\)"):
        smoothed_rates(np.ones((2, 4)), np.ones((2, 3)))
    with pytest.raises(SmoothingError, match=r"置信水平为 1\.0"):
        standardised_ratio(np.ones(2), np.ones(2), confidence=1.0)
    with pytest.raises(SmoothingError, match=r"过度离散系数为 -0\.1"):
        standardised_ratio(np.ones(2), np.ones(2), -0.1)
    with pytest.raises(SmoothingError, match="应大于 0"):
        shrunk_ratio(np.ones(2), np.ones(2), 0.0)

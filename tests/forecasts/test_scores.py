"""Scores against plain loops, worked examples, and what they must come to for a distribution that is right."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from forecasts.counts import negative_binomial_quantiles
from forecasts.interface import LEVELS
from forecasts.scores import (
    coverage,
    covered,
    mean_absolute_scaled_error,
    probability_integral_transform,
    quantile_loss,
    randomised_coverage,
    totals,
    weighted_quantile_loss,
)

NAN = math.nan


@pytest.fixture
def panel() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(5)
    actual = rng.poisson(4, (5, 12)).astype("float64")
    actual[1, 3] = NAN
    actual[2] = 0
    actual[3] = NAN
    return actual, np.sort(rng.gamma(2, 2, (5, 12, len(LEVELS))), axis=-1)


def plain_pinball(actual: float, quantile: float, level: float) -> float:
    return level * (actual - quantile) if actual >= quantile else (1 - level) * (quantile - actual)


def test_quantile_loss_equals_a_plain_loop(panel):
    actual, quantiles = panel
    found = quantile_loss(actual, quantiles, LEVELS)
    for (series, step, place), value in np.ndenumerate(found):
        if math.isnan(actual[series, step]):
            assert math.isnan(value)
        else:
            assert value == pytest.approx(plain_pinball(actual[series, step], quantiles[series, step, place], LEVELS[place]), abs=1e-14)


def test_quantile_loss_of_a_worked_example():
    found = quantile_loss(np.array([[10.0]]), np.array([[[8.0, 13.0]]]), (0.1, 0.9))
    np.testing.assert_allclose(found, [[[0.1 * 2, 0.1 * 3]]])


def test_quantile_loss_names_shapes_that_do_not_fit(panel):
    with pytest.raises(ValueError, match="quantiles have shape"):
        quantile_loss(panel[0], panel[1], (0.5,))


def test_weighted_quantile_loss_equals_a_plain_loop(panel):
    actual, quantiles = panel
    found = weighted_quantile_loss(actual, quantiles, LEVELS)
    assert np.isnan(found[[2, 3]]).all()  # nothing came in; nothing is known
    for series in (0, 1, 4):
        steps = [step for step in range(12) if not math.isnan(actual[series, step])]
        weight = sum(actual[series, step] for step in steps)
        shares = []
        for place, level in enumerate(LEVELS):
            shares.append(2 * sum(plain_pinball(actual[series, step], quantiles[series, step, place], level) for step in steps) / weight)
        assert found[series] == pytest.approx(sum(shares) / len(shares), rel=1e-12)


def test_weighted_quantile_loss_of_the_median_is_the_weighted_absolute_percentage_error():
    actual, median = np.array([[4.0, 0.0, 6.0]]), np.array([[[3.0], [1.0], [9.0]]])
    np.testing.assert_allclose(weighted_quantile_loss(actual, median, (0.5,)), [5 / 10])


def test_a_missing_forecast_is_not_passed_over(panel):
    actual, quantiles = panel
    quantiles[0, 2, 1] = NAN
    quantiles[1, 3] = NAN  # here the count is not known either
    found = weighted_quantile_loss(actual, quantiles, LEVELS)
    assert math.isnan(found[0])
    assert not math.isnan(found[1])
    assert np.isnan(coverage(np.array([[1.0, 2.0]]), np.array([[NAN, 0.0]]), np.array([[1.0, 3.0]]))).all()
    assert np.isnan(mean_absolute_scaled_error(np.array([[1.0, 2.0]]), np.array([[NAN, 0.0]]), np.array([[1.0, 3.0]]), 1)).all()
    assert np.isnan(randomised_coverage(np.array([[1.0, 2.0]]), np.array([[NAN, 1.0]]), np.array([[1.0, 3.0]]), 0.8)).all()


def test_coverage_counts_the_ends():
    actual = np.array([[1.0, 2.0, 3.0, 4.0, NAN], [NAN] * 5])
    found = coverage(actual, np.full((2, 5), 2.0), np.full((2, 5), 3.0))
    assert found[0] == 0.5
    assert math.isnan(found[1])


def test_transform_is_the_distribution_below_and_at_the_count():
    actual = np.array([0.0, 3.0, 70.0, NAN])
    mean, variance = np.array([2.0, 2.0, 60.0, 1.0]), np.array([3.0, 1.0, 90.0, 1.0])
    low, high = probability_integral_transform(actual, mean, variance)
    assert low[0] == 0
    assert high[0] == pytest.approx(stats.nbinom.cdf(0, 4, 2 / 3))
    assert (low[1], high[1]) == pytest.approx((stats.poisson.cdf(2, 2), stats.poisson.cdf(3, 2)))
    assert (low[2], high[2]) == pytest.approx((stats.nbinom.cdf(69, 120, 2 / 3), stats.nbinom.cdf(70, 120, 2 / 3)))
    assert math.isnan(low[3])
    assert math.isnan(high[3])


def test_covered_shares_of_intervals():
    low = np.array([0.0, 0.2, 0.05, 0.0, 0.92, 0.3, 0.95, NAN])
    high = np.array([0.1, 0.5, 0.15, 1.0, 0.99, 0.3, 0.95, NAN])
    np.testing.assert_allclose(covered(low, high, 0.8), [0, 1, 0.5, 0.8, 0, 1, 0, NAN], atol=1e-15)
    with pytest.raises(ValueError, match="level is 80"):
        covered(low, high, 80)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.05, 0.95))
def test_covered_is_the_chance_of_the_randomised_transform(one, other, level):
    low, high = min(one, other), max(one, other)
    found = float(covered(np.array(low), np.array(high), level))
    assert 0 <= found <= 1 + 1e-12
    drawn = low + (high - low) * (np.arange(2_000) + 0.5) / 2_000
    within = np.mean((drawn >= (1 - level) / 2) & (drawn <= (1 + level) / 2))
    assert found == pytest.approx(within, abs=2e-3)


@pytest.mark.parametrize(("mean", "excess"), [(0.3, 0.0), (0.3, 1.0), (2.0, 0.5), (40.0, 2.0)])
def test_expected_coverage_of_the_right_distribution_is_the_level(mean, excess):
    # Over all counts, weighted by their probability: no sampling, so to the last digits.
    count = np.arange(2_000.0)
    size, chance = (mean / excess, 1 / (1 + excess)) if excess else (0.0, 0.0)
    weight = stats.nbinom.pmf(count, size, chance) if excess else stats.poisson.pmf(count, mean)
    low, high = probability_integral_transform(count, np.full_like(count, mean), np.full_like(count, mean * (1 + excess)))
    for level in (0.5, 0.8, 0.95):
        assert weight @ covered(low, high, level) == pytest.approx(level, abs=1e-10)


def test_plain_coverage_of_low_counts_is_above_the_level_and_the_randomised_one_is_not():
    rng = np.random.default_rng(6)
    mean, variance = np.full((20, 2_000), 0.4), np.full((20, 2_000), 0.6)
    actual = rng.negative_binomial(0.8, 2 / 3, mean.shape).astype("float64")
    ends = negative_binomial_quantiles(mean, variance, (0.1, 0.9))
    assert coverage(actual, ends[..., 0], ends[..., 1]).mean() > 0.87
    right = randomised_coverage(actual, mean, variance, 0.8)
    assert right.shape == (20,)
    assert right.mean() == pytest.approx(0.8, abs=0.01)
    # Twice the mean expects fewer zeros than there are.
    assert abs(randomised_coverage(actual, mean * 2, variance * 2, 0.8).mean() - 0.8) > 0.02


def test_scaled_error_of_a_worked_example():
    history = np.array([[1.0, 5.0, 3.0, 5.0, NAN, 9.0], [2.0] * 6, [NAN] * 6])
    actual = np.array([[4.0, NAN, 6.0], [2.0] * 3, [2.0] * 3])
    mean = np.array([[6.0, 1.0, 7.0], [3.0] * 3, [3.0] * 3])
    # Two steps apart: |3 - 1|, |5 - 5|, |9 - 5|; errors 2 and 1.
    found = mean_absolute_scaled_error(actual, mean, history, 2)
    assert found[0] == pytest.approx(1.5 / 2)
    assert np.isnan(found[1:]).all()  # the history never changes; nothing is known of it
    assert np.isnan(mean_absolute_scaled_error(actual, mean, history, 6)).all()
    with pytest.raises(ValueError, match="season is 0"):
        mean_absolute_scaled_error(actual, mean, history, 0)


def test_totals_are_sums_of_whole_blocks():
    values = np.arange(16.0).reshape(2, 8)
    values[1, 4] = NAN
    np.testing.assert_array_equal(totals(values, 3), [[3, 12], [27, NAN]])
    np.testing.assert_array_equal(totals(values[0], 8), [28])
    for window in (0, 9):
        with pytest.raises(ValueError, match="window is"):
            totals(values, window)

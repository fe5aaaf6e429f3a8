"""Negative binomial quantiles and probabilities against scipy, and against plain sums where scipy has lost its digits."""

from __future__ import annotations

import math
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecasts import counts
from forecasts.counts import negative_binomial_cdf, negative_binomial_quantiles
from forecasts.interface import LEVELS

EXTREME = (1e-6, 0.001, *LEVELS, 0.999, 1 - 1e-6)


def scipy_quantiles(mean: np.ndarray, excess: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    spread = np.where(excess > 0, excess, 1.0)
    found = [np.where(excess > 0, stats.nbinom.ppf(level, mean / spread, 1 / (1 + spread)), stats.poisson.ppf(level, mean)) for level in levels]
    return np.stack(found, axis=-1)


def plain_probabilities(mean: float, excess: float, last: int) -> list[float]:
    """P(0) to P(last) from the gamma function."""
    if excess == 0:
        return [math.exp(k * math.log(mean) - mean - math.lgamma(k + 1)) for k in range(last + 1)]
    size = mean / excess
    return [
        math.exp(math.lgamma(k + size) - math.lgamma(size) - math.lgamma(k + 1) - size * math.log1p(excess) + k * math.log(excess / (1 + excess)))
        for k in range(last + 1)
    ]


def plain_cdf(count: int, mean: float, excess: float) -> float:
    """P(at most count) as the share of the terms around the mode, each from its neighbour: no function loses digits."""
    mode = max(int(mean - excess), 0)
    deviation = math.sqrt(mean * (1 + excess))
    up, down, term = [1.0], [], 1.0
    for k in range(mode, int(mode + 40 * deviation + 40 * excess + 200)):
        up.append(up[-1] * (mean + k * excess) / ((k + 1) * (1 + excess)))
    first = max(0, int(mode - 12 * deviation))
    for k in range(mode, first, -1):
        term *= k * (1 + excess) / (mean + (k - 1) * excess)
        down.append(term)
    terms = down[::-1] + up
    return math.fsum(terms[: count - first + 1]) / math.fsum(terms)


def lognormal_cells(size: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Means around 4 a day, 40 percent below 0.5, a fortieth above 30; a tenth Poisson, others up to hundredfold variance."""
    rng = np.random.default_rng(seed)
    mean = np.exp(rng.normal(math.log(0.8), 1.855, size))
    excess = np.exp(rng.normal(-1, 2, size))
    excess[rng.random(size) < 0.1] = 0
    return mean, excess


def test_quantiles_of_low_counts_equal_scipy():
    mean, excess = lognormal_cells(6_000)
    found = negative_binomial_quantiles(mean, mean * (1 + excess), EXTREME)
    np.testing.assert_array_equal(found, scipy_quantiles(mean, excess, EXTREME))


def test_quantiles_of_high_counts_equal_scipy():
    rng = np.random.default_rng(2)
    mean = np.exp(rng.uniform(math.log(20), math.log(1e5), 3_000))
    excess = np.exp(rng.uniform(math.log(1e-3), math.log(1e4), 3_000))
    excess[:300] = 0
    found = negative_binomial_quantiles(mean, mean * (1 + excess), EXTREME)
    np.testing.assert_array_equal(found, scipy_quantiles(mean, excess, EXTREME))


@pytest.mark.parametrize("mean", [0.02, 0.7, 4.0, 22.5])
@pytest.mark.parametrize("excess", [0.0, 0.3, 8.0])
def test_quantiles_equal_a_plain_loop(mean, excess):
    probabilities = plain_probabilities(mean, excess, 2_000)
    plain = []
    for level in LEVELS:
        total, count = probabilities[0], 0
        while total < level:
            count += 1
            total += probabilities[count]
        plain.append(count)
    assert negative_binomial_quantiles(np.array(mean), np.array(mean * (1 + excess)), LEVELS).tolist() == plain


def test_rare_large_bursts_are_searched_for():
    mean, excess = np.array([20.0, 29.0, 5.0]), np.array([200.0, 3_000.0, 500.0])
    levels = (0.5, 0.975, 0.999)
    found = negative_binomial_quantiles(mean, mean * (1 + excess), levels)
    assert found.max() > counts.MOST_STEPS
    np.testing.assert_array_equal(found, scipy_quantiles(mean, excess, levels))


def test_exact_ties_reach_the_level():
    # Geometric: F(k) = 1 - (1 - p)^(k + 1) equals the level to the last digit.
    mean, variance = np.array([1.0, 3.0]), np.array([2.0, 12.0])
    assert negative_binomial_quantiles(mean, variance, (0.25, 0.5, 0.75, 0.875)).tolist() == [[0, 0, 1, 2], [0, 2, 4, 7]]


def test_zero_mean_is_zero_and_unknown_stays_unknown():
    mean = np.array([[0.0, np.nan, 2.0], [0.0, 1.0, 40.0]])
    variance = np.array([[0.0, 1.0, np.nan], [5.0, 0.0, 10.0]])
    found = negative_binomial_quantiles(mean, variance, LEVELS)
    assert found.shape == (2, 3, 7)
    assert (found[:, 0] == 0).all()
    assert np.isnan(found[0, 1:]).all()
    # A variance that is not above the mean is that of a Poisson count.
    np.testing.assert_array_equal(found[1, 1:], np.stack([stats.poisson.ppf(LEVELS, m) for m in (1.0, 40.0)]))


def test_levels_keep_their_order():
    mean, variance = np.array([3.0, 60.0]), np.array([5.0, 90.0])
    rising = negative_binomial_quantiles(mean, variance, (0.1, 0.5, 0.9))
    np.testing.assert_array_equal(negative_binomial_quantiles(mean, variance, (0.9, 0.1, 0.5)), rising[:, [2, 0, 1]])
    assert negative_binomial_quantiles(mean, variance, ()).shape == (2, 0)
    assert negative_binomial_quantiles(np.empty((0, 4)), np.empty((0, 4)), LEVELS).shape == (0, 4, 7)


@pytest.mark.parametrize(
    ("mean", "variance", "levels", "said"),
    [
        ([1.0], [1.0], (0.0, 0.5), "levels"),
        ([1.0], [1.0], (1.0,), "levels"),
        ([1.0], [1.0, 2.0], (0.5,), "variance"),
        ([-1.0], [1.0], (0.5,), "mean is -1"),
        ([np.inf], [1.0], (0.5,), "mean is inf"),
        ([1.0], [np.inf], (0.5,), "variance is inf"),
    ],
)
def test_wrong_input_is_named(mean, variance, levels, said):
    with pytest.raises(ValueError, match=said):
        negative_binomial_quantiles(np.array(mean), np.array(variance), levels)


def test_extreme_cells_come_to_an_end():
    mean, variance = np.array([1e-300, 30.0, 1e8, 1e12, 1e300]), np.array([1.0, 1e300, 1e20, 2e12, 1e300])
    found = negative_binomial_quantiles(mean, variance, (0.025, 0.5))
    assert found[:3].max() == 0
    assert found[3, 1] == pytest.approx(1e12, rel=1e-9)
    assert found[4, 1] == pytest.approx(1e300)


@given(
    mean=st.floats(1e-3, 3_000),
    excess=st.one_of(st.just(0.0), st.floats(1e-6, 50)),
    level=st.floats(1e-4, 1 - 1e-4),
)
@settings(deadline=None, max_examples=60)
def test_quantile_is_the_smallest_count_that_reaches_the_level(mean, excess, level):
    cell, variance = np.array([mean]), np.array([mean * (1 + excess)])
    count = negative_binomial_quantiles(cell, variance, (level,))[0]
    assert negative_binomial_cdf(count, cell, variance)[0] >= level * (1 - 1e-11)
    assert negative_binomial_cdf(count - 1, cell, variance)[0] < level * (1 + 1e-11)


def test_cdf_equals_scipy():
    mean, excess = lognormal_cells(20_000, seed=3)
    mean *= np.where(np.arange(mean.size) % 4 == 0, 20, 1)
    count = np.floor(mean * np.random.default_rng(4).uniform(0, 4, mean.size))
    spread = np.where(excess > 0, excess, 1.0)
    known = np.where(excess > 0, stats.nbinom.cdf(count, mean / spread, 1 / (1 + spread)), stats.poisson.cdf(count, mean))
    np.testing.assert_allclose(negative_binomial_cdf(count, mean, mean * (1 + excess)), known, atol=2e-12, rtol=0)


@pytest.mark.parametrize(("mean", "excess"), [(1_000.0, 1e-9), (50_000.0, 1e-6), (300.0, 3.0), (25.0, 1e-7), (80.0, 40.0)])
def test_cdf_keeps_its_digits_near_poisson(mean, excess):
    # scipy takes p = 1 / (1 + d) and is 1e-6 off in the first of these.
    count = int(mean * 1.01)
    variance = mean + mean * excess
    found = negative_binomial_cdf(np.array([float(count)]), np.array([mean]), np.array([variance]))[0]
    assert found == pytest.approx(plain_cdf(count, mean, (variance - mean) / mean), abs=1e-13)


def test_cdf_at_the_edges():
    count = np.array([-1.0, -0.5, 0.0, 2.7, 3.0, np.nan, 2.0, 600.0])
    mean = np.array([2.0, 50.0, 0.0, 2.0, 0.0, 1.0, np.nan, 30.0])
    found = negative_binomial_cdf(count, mean, mean * 1.5)
    assert found[:3].tolist() == [0, 0, 1]
    assert found[3] == negative_binomial_cdf(np.array([2.0]), np.array([2.0]), np.array([3.0]))[0]
    assert found[4] == 1
    assert np.isnan(found[5:7]).all()
    assert found[7] == 1
    with pytest.raises(ValueError, match="count has shape"):
        negative_binomial_cdf(count[:2], mean, mean)


def test_a_city_takes_seconds_and_little_memory():
    mean, excess = lognormal_cells(153_000)  # a tenth of 17,000 series of 90 days; a tenth of 60 CPU seconds
    variance = mean * (1 + excess)
    start = time.process_time()
    found = negative_binomial_quantiles(mean, variance, LEVELS)
    assert time.process_time() - start < 6
    tracemalloc.start()
    negative_binomial_quantiles(mean, variance, LEVELS)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The result, two copies of each cell's numbers, and chunks.
    assert peak < 3 * found.nbytes

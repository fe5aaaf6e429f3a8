"""Quantiles and probabilities of negative binomial counts, of many cells at once.

A count with mean m and variance v > m is negative binomial with size r = m^2 / (v - m) and success probability p = m / v (the mean-variance
form, NB2 of Cameron & Trivedi 2013, Regression Analysis of Count Data, section 3.3); with v <= m it is Poisson. With d = (v - m) / m the
probabilities follow

    P(0) = exp(-m log(1 + d) / d),   P(k + 1) = P(k) (m + k d) / ((k + 1) (1 + d)),

which holds for d = 0 too, so small counts of both kinds are added up alike (Panjer 1981, ASTIN Bulletin 12: 22-26). Large counts are looked
for around the Cornish-Fisher point with the incomplete beta and gamma functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betainc, betaincc, gammaincc, ndtri

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["negative_binomial_cdf", "negative_binomial_quantiles"]

MOST_ADDED = 30.0
"""Means up to this are added up from 0; above, a search takes less time, and P(0) stays far from the smallest float."""

MOST_STEPS = 512
"""A cell that is not through after so many steps (few events, in rare large bursts) is searched for."""

CELLS = 16_384
"""Cells, or values of the search, at a time: their arrays stay within a megabyte or two."""

AS_POISSON = 1e-10
"""Excess of the variance, as a share of the mean, below which it is rounding; no probability differs by more than that."""

TIE = 1e-14
"""A probability that misses a level by less than this share reaches it: exact ties (mean 1, variance 2, the median) must not hang on rounding."""


def negative_binomial_quantiles(mean: np.ndarray, variance: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Smallest counts whose cumulative probability reaches each level.

    Parameters
    ----------
    mean
        Expected counts, 0 or more, of any shape; NaN where unknown.
    variance
        Of the same shape; where it is not above the mean the count is Poisson.
    levels
        Q probabilities, each above 0 and below 1, in any order.

    Returns
    -------
    numpy.ndarray
        The shape of ``mean`` and Q: whole numbers as float64, NaN where the mean or the variance is.

    Raises
    ------
    ValueError
        A level is out of range, the shapes differ, or a mean or variance is negative or infinite.
    """
    wanted = np.asarray(levels, dtype="float64")
    if wanted.ndim != 1 or not ((wanted > 0) & (wanted < 1)).all():
        message = f"levels are {levels}; allowed is a list of probabilities above 0 and below 1"
        raise ValueError(message)
    flat_mean, excess = _cells(mean, variance)
    known = ~np.isnan(excess)
    result = np.full((flat_mean.size, wanted.size), np.nan)
    bounds = wanted * (1 - TIE)
    added = np.flatnonzero(known & (flat_mean <= MOST_ADDED))
    searched = [np.flatnonzero(known & (flat_mean > MOST_ADDED))]
    # Cells of like reach together, so that few steps are taken for cells that are through.
    added = added[np.argsort(flat_mean[added] * (2 + excess[added]))]
    for start in range(0, added.size, CELLS):
        cells = added[start : start + CELLS]
        result[cells], through = _added(flat_mean[cells], excess[cells], bounds)
        searched.append(cells[~through])
    rest = np.concatenate(searched)
    for start in range(0, rest.size, CELLS):
        cells = rest[start : start + CELLS]
        for place, level in enumerate(wanted):
            result[cells, place] = _searched(flat_mean[cells], excess[cells], level, bounds[place])
    return result.reshape(*np.shape(mean), wanted.size)


def negative_binomial_cdf(count: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Probability of at most ``count``.

    Parameters
    ----------
    count
        Of any shape; negative gives 0, fractions count as the whole number below, NaN gives NaN.
    mean, variance
        As for :func:`negative_binomial_quantiles`, of the same shape as ``count``.

    Returns
    -------
    numpy.ndarray
        Probabilities of the same shape, NaN where one of the three is.

    Raises
    ------
    ValueError
        The shapes differ, or a mean or variance is negative or infinite.
    """
    counts = np.asarray(count, dtype="float64")
    if counts.shape != np.shape(mean):
        message = f"count has shape {counts.shape}, mean {np.shape(mean)}; they must be the same"
        raise ValueError(message)
    flat_mean, excess = _cells(mean, variance)
    whole = np.floor(counts).ravel()
    added = (flat_mean <= MOST_ADDED) & (whole >= 0) & (whole < MOST_STEPS) & ~np.isnan(excess)
    result = np.empty(whole.size)
    result[~added] = _cdf(whole[~added], flat_mean[~added], excess[~added])
    cells = np.flatnonzero(added)
    cells = cells[np.argsort(whole[cells])]
    for start in range(0, cells.size, CELLS):
        some = cells[start : start + CELLS]
        result[some] = _added_cdf(whole[some], flat_mean[some], excess[some])
    return result.reshape(counts.shape)


def _cells(mean: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The mean m and the excess d = variance / mean - 1 of each cell in a row; NaN in d where either is unknown."""
    means, variances = np.asarray(mean, dtype="float64"), np.asarray(variance, dtype="float64")
    if means.shape != variances.shape:
        message = f"mean has shape {means.shape}, variance {variances.shape}; they must be the same"
        raise ValueError(message)
    for name, values in (("mean", means), ("variance", variances)):
        bad = (values < 0) | np.isinf(values)
        if bad.any():
            message = f"{name} is {values[bad][0]} in {int(bad.sum())} of {bad.size} cells; allowed are finite numbers, 0 or more, and NaN"
            raise ValueError(message)
    means, variances = means.ravel(), variances.ravel()
    excess = np.where(np.isnan(means) | np.isnan(variances), np.nan, 0.0)
    # A product, not a quotient: a mean close to 0 must not make the excess infinite.
    over = (means > 0) & (variances - means > AS_POISSON * means)
    with np.errstate(over="ignore"):
        excess[over] = np.minimum((variances[over] - means[over]) / means[over], np.finfo("float64").max / 4)
    return means, excess


def _recursion(mean: np.ndarray, excess: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """P(0), and a and b of P(k + 1) = P(k) (a + b k) / (k + 1)."""
    share = np.divide(np.log1p(excess), excess, out=np.ones_like(excess), where=excess > 0)
    return np.exp(-mean * share), mean / (1 + excess), excess / (1 + excess)


def _added(mean: np.ndarray, excess: np.ndarray, bounds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles by adding up probabilities from 0, cells x Q, and which cells were through before ``MOST_STEPS``.

    The quantile is the number of counts whose cumulative probability stays below the level.
    """
    probability, first, growth = _recursion(mean, excess)
    cumulative = probability.copy()
    below = np.zeros((bounds.size, mean.size))
    open_levels = list(range(bounds.size))
    factor = np.empty_like(mean)
    for count in range(MOST_STEPS):
        still = []
        for place in open_levels:
            short = cumulative < bounds[place]
            if short.any():
                below[place] += short
                still.append(place)
        open_levels = still
        if not open_levels:
            break
        np.multiply(growth, count, out=factor)
        factor += first
        factor /= count + 1
        probability *= factor
        cumulative += probability
    return below.T, cumulative >= bounds.max(initial=0.0)


def _added_cdf(count: np.ndarray, mean: np.ndarray, excess: np.ndarray) -> np.ndarray:
    """Cumulative probabilities by adding up from 0, of counts in rising order: the cells still adding are those from a place onward."""
    probability, first, growth = _recursion(mean, excess)
    cumulative = probability.copy()
    for step in range(int(count[-1])):
        still = slice(int(np.searchsorted(count, step, side="right")), None)
        probability[still] *= (first[still] + growth[still] * step) / (step + 1)
        cumulative[still] += probability[still]
    return np.minimum(cumulative, 1.0)


def _searched(mean: np.ndarray, excess: np.ndarray, level: float, bound: float) -> np.ndarray:
    """Quantiles of one level: from the Cornish-Fisher point outward until the quantile is enclosed, then by halves."""
    deviation = np.sqrt(mean * (1 + excess))
    skewness = (1 + 2 * excess) / deviation
    normal = ndtri(level)
    guess = np.floor(mean + deviation * (normal + skewness * (normal**2 - 1) / 6))
    step = np.maximum(1.0, np.ceil(0.05 * deviation * np.minimum(skewness**2, 1.0)))
    high = np.maximum(guess, 0.0)
    enough = _cdf(high, mean, excess) >= bound
    low = np.where(enough, high - step, high)
    high = np.where(enough, high, high + step)
    # Where the guess is enough its lower end is tried, else its upper end; the step doubles until the quantile lies in (low, high].
    cells = np.arange(mean.size)
    while cells.size:
        end = np.where(enough[cells], low[cells], high[cells])
        reached = _cdf(end, mean[cells], excess[cells]) >= bound
        cells = cells[reached == enough[cells]]
        step[cells] *= 2
        down, up = cells[enough[cells]], cells[~enough[cells]]
        high[down], low[up] = low[down], high[up]
        low[down] -= step[down]
        high[up] += step[up]
        if not np.isfinite(high[up]).all():
            message = f"no count reaches the level {level} at a mean of {mean[up][~np.isfinite(high[up])][0]}"
            raise FloatingPointError(message)
    low = np.maximum(low, -1.0)
    cells = np.flatnonzero(high - low > np.maximum(1.0, np.spacing(high)))
    while cells.size:
        middle = np.floor((low[cells] + high[cells]) / 2)
        reached = _cdf(middle, mean[cells], excess[cells]) >= bound
        high[cells[reached]] = middle[reached]
        low[cells[~reached]] = middle[~reached]
        cells = cells[high[cells] - low[cells] > np.maximum(1.0, np.spacing(high[cells]))]
    return high


def _cdf(count: np.ndarray, mean: np.ndarray, excess: np.ndarray) -> np.ndarray:
    """Probability of at most ``count`` whole events: the upper incomplete gamma function for d = 0, else a regularised incomplete beta function.

    I(1 / (1 + d); m / d, k + 1) and 1 - I(d / (1 + d); k + 1, m / d) are the same; the argument that is not close to 1 keeps its digits.
    """
    result = np.where(count < 0, 0.0, 1.0)
    result[np.isnan(count) | np.isnan(excess)] = np.nan
    some = (count >= 0) & (mean > 0)
    poisson, close, wide = some & (excess == 0), some & (excess > 0) & (excess <= 1), some & (excess > 1)
    result[poisson] = gammaincc(count[poisson] + 1, mean[poisson])
    d = excess[close]
    result[close] = betaincc(count[close] + 1, mean[close] / d, d / (1 + d))
    d = excess[wide]
    result[wide] = betainc(mean[wide] / d, count[wide] + 1, 1 / (1 + d))
    return result

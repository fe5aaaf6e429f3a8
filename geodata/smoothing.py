"""Rates and ratios of areas of unequal size: pulled towards the whole where an area is small, with an honest interval, and the scatter between areas."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, gammaincinv

__all__ = ["Ratios", "SmoothingError", "pooled_overdispersion", "shrunk_ratio", "smoothed_rates", "standardised_rates", "standardised_ratio"]

MOST_TURNS = 50
CLOSE = 1e-9


class SmoothingError(ValueError):
    """Counts, populations or expectations cannot be used; the message says what was found and what is allowed."""


@dataclass(frozen=True, slots=True)
class Ratios:
    """Ratios to the expectation with their interval, arrays of one shape.

    Attributes
    ----------
    ratio
        0 or more; 1 is as expected. NaN where the count or the expectation is unknown, or the expectation is 0.
    low, high
        Ends of the interval, 0 or more; NaN where the ratio is.
    """

    ratio: np.ndarray
    low: np.ndarray
    high: np.ndarray


def smoothed_rates(counts: np.ndarray, populations: np.ndarray) -> np.ndarray:
    """Rates shrunk towards the rate of all areas together, the more the smaller the area (global empirical Bayes).

    For a map to look at. For a test whether high values gather take ``standardised_rates``: small areas have been pulled together here, so the
    areas are not alike in scatter, which tests by permutation rest on.

    Parameters
    ----------
    counts
        N areas x M maps, or N; 0 or more, NaN where unknown.
    populations
        N, or of the shape of ``counts``; 0 or more, NaN where unknown. Persons, or whatever the counts arise from.

    Returns
    -------
    ndarray
        Shape of ``counts``, requests per unit of population, 0 or more. NaN where the count or the population is unknown or the population
        is 0: such an area has no rate and takes no part in the mean of its map. Where the rates of a map scatter no more than chance
        explains, all areas have the mean rate.

    Raises
    ------
    SmoothingError
        A value is negative or infinite, or the shapes differ.

    Notes
    -----
    With r the rates, n the populations and m the rate of the whole map, the variance between areas is
    s = sum(n (r - m)^2) / sum(n) - m / mean(n), not below 0, and the smoothed rate m + s / (s + m/n) (r - m).

    References
    ----------
    Marshall (1991), Applied Statistics 40: 283 (global empirical Bayes estimator by moments).
    """
    raw, mean, between, chance = _moments(counts, populations)
    with np.errstate(invalid="ignore"):  # maps without any request
        weight = between / (between + chance)
        smoothed = np.where(mean == 0, 0.0, weight * raw + (1.0 - weight) * mean)
    return np.where(np.isnan(raw), np.nan, smoothed).reshape(np.shape(counts))


def standardised_rates(counts: np.ndarray, populations: np.ndarray) -> np.ndarray:
    """How many standard deviations each rate lies from that of all areas together (empirical Bayes standardisation).

    The values for Gi* and local Moran I. The standard deviation is that of an area of this population, so large and small areas scatter alike
    where there is no cluster. Of 1,000 simulated maps of Beijing without a cluster (estimated populations, alpha 0.06, false discovery rate 10 %)
    7 to 9 % had a false hot spot and 7 to 10 % a false cold one, at 204, 20, 8 and 2 requests an area alike; on smoothed rates 7, 13, 18 and
    16 % had a hot one and 10, 27, 32 and 43 % a cold one.

    Parameters
    ----------
    counts
        N areas x M maps, or N; 0 or more, NaN where unknown.
    populations
        N, or of the shape of ``counts``; 0 or more, NaN where unknown.

    Returns
    -------
    ndarray
        Shape of ``counts``, standard deviations, mean about 0. NaN where the count or the population is unknown or the population is 0,
        and in a map without any request.

    Raises
    ------
    SmoothingError
        A value is negative or infinite, or the shapes differ.

    Notes
    -----
    (r - m) / root(s + m/n) with m and s as in ``smoothed_rates``.

    References
    ----------
    Assuncao & Reis (1999), Statistics in Medicine 18: 2147 (empirical Bayes index).
    """
    raw, mean, between, chance = _moments(counts, populations)
    with np.errstate(invalid="ignore"):  # maps without any request
        return np.asarray((raw - mean) / np.sqrt(between + chance)).reshape(np.shape(counts))


def _moments(counts: np.ndarray, populations: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rates (N x M, NaN where there is none), the mean rate, the variance between areas (M each), and that of chance (N x M)."""
    observed, people = _maps("件数", counts, "人口", populations)
    known = np.isfinite(observed) & np.isfinite(people) & (people > 0)
    observed, people = np.where(known, observed, 0.0), np.where(known, people, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):  # areas left out, maps without any known area
        population = people.sum(axis=0)
        mean = observed.sum(axis=0) / population
        raw = observed / people
        scatter = np.where(known, people * (raw - mean) ** 2, 0.0).sum(axis=0) / population
        between = np.maximum(scatter - mean / (population / known.sum(axis=0)), 0.0)
        return raw, mean, between, mean / people


def standardised_ratio(observed: np.ndarray, expected: np.ndarray, overdispersion: float = 0.0, confidence: float = 0.95) -> Ratios:
    """Observed over expected with an exact interval, Poisson or overdispersed.

    Parameters
    ----------
    observed
        N areas x M maps, or N; whole counts, 0 or more, NaN where unknown.
    expected
        N, or of the shape of ``observed``; 0 or more, NaN where unknown.
    overdispersion
        Alpha of the negative binomial, whose variance is mean + alpha mean^2; 0 is Poisson. As ``pooled_overdispersion`` estimates it.
    confidence
        Above 0, below 1.

    Returns
    -------
    Ratios
        With ``overdispersion`` 0 the interval of Garwood (1936): ratios under which neither as many nor as few requests would be rarer than
        (1 - confidence) / 2. It holds if nothing but chance moves a count. With ``overdispersion`` above 0 the same for the negative
        binomial: an area whose interval lies above 1 has more than chance and the usual differences between areas explain.

    Raises
    ------
    SmoothingError
        A value is negative or infinite, shapes differ, or ``overdispersion`` or ``confidence`` is out of range.

    References
    ----------
    Garwood (1936), Biometrika 28: 437. The negative binomial tail is a regularised incomplete beta function (Johnson, Kemp & Kotz 2005,
    Univariate Discrete Distributions, chapter 5): P(X >= x) = I_q(x, 1/alpha) with q = alpha m / (1 + alpha m), solved for the mean m.
    """
    counts, means = _maps("件数", observed, "期望件数", expected)
    _check_share("置信水平", confidence)
    if not (np.isfinite(overdispersion) and overdispersion >= 0):
        message = f"过度离散系数为 {overdispersion}; 应为 0 或更大"
        raise SmoothingError(message)
    tail = (1.0 - confidence) / 2
    with np.errstate(invalid="ignore", divide="ignore"):  # an expectation of 0 has no ratio
        if overdispersion == 0:
            low, high = gammaincinv(np.maximum(counts, 1.0), tail), gammaincinv(counts + 1.0, 1.0 - tail)
        else:
            size = 1.0 / overdispersion
            # the complement of a beta quantile taken as a quantile of the mirrored beta keeps its digits near 0
            kept = np.maximum(counts, 1.0)
            low = size * betaincinv(kept, size, tail) / betaincinv(size, kept, 1.0 - tail)
            high = size * betaincinv(counts + 1.0, size, 1.0 - tail) / betaincinv(size, counts + 1.0, tail)
        low = np.where(counts == 0, 0.0, low)
        return _ratios(np.shape(observed), means, (counts, low, high))


def shrunk_ratio(observed: np.ndarray, expected: np.ndarray, overdispersion: float, confidence: float = 0.95) -> Ratios:
    """Observed over expected, pulled towards 1 where little is expected (gamma-Poisson).

    Parameters
    ----------
    observed
        N areas x M maps, or N; whole counts, 0 or more, NaN where unknown.
    expected
        N, or of the shape of ``observed``; 0 or more, NaN where unknown.
    overdispersion
        Variance of the true ratios between areas, above 0.
    confidence
        Above 0, below 1.

    Returns
    -------
    Ratios
        Posterior mean of the area's true ratio and its equal-tailed credible interval.

    Raises
    ------
    SmoothingError
        A value is negative or infinite, shapes differ, or ``overdispersion`` or ``confidence`` is out of range.

    Notes
    -----
    True ratios have a gamma distribution of mean 1 and variance alpha, so that the posterior is gamma with shape O + 1/alpha and rate
    E + 1/alpha. Expectations should therefore add up to about the observed total.

    References
    ----------
    Clayton & Kaldor (1987), Biometrics 43: 671 (gamma prior).
    """
    counts, means = _maps("件数", observed, "期望件数", expected)
    _check_share("置信水平", confidence)
    if not (np.isfinite(overdispersion) and overdispersion > 0):
        message = f"过度离散系数为 {overdispersion}; 应大于 0"
        raise SmoothingError(message)
    shape, rest = counts + 1.0 / overdispersion, means + 1.0 / overdispersion
    tail = (1.0 - confidence) / 2
    ends = gammaincinv(shape, tail), gammaincinv(shape, 1.0 - tail)
    return _ratios(np.shape(observed), np.where(means > 0, rest, 0.0), (shape, *ends))


def pooled_overdispersion(observed: np.ndarray, expected: np.ndarray, fitted: int = 0) -> float:
    """Alpha of the negative binomial, variance mean + alpha mean^2, over all areas and periods together.

    Alpha from one map takes its hot spots for scatter and leaves small alpha to luck, so several periods of one kind of request are pooled.

    Parameters
    ----------
    observed
        N areas x M periods; 0 or more, NaN where unknown.
    expected
        N, or N x M, what each count would be without a hot spot; where it is 0 or NaN the cell is left out.
    fitted
        Numbers of ``expected`` that were taken from the same counts, such as one total a period: that many cells are free to fit.

    Returns
    -------
    float
        0 (Poisson, or less scatter than that) or more; NaN where no more cells are known than were fitted.

    Raises
    ------
    SmoothingError
        A value is negative or infinite, or the shapes differ.

    Notes
    -----
    Squared residuals are regressed on their expectation mean + alpha mean^2, each weighted by one over its variance, about
    mean + 2 (mean + alpha mean^2)^2, and the weights made anew until alpha stays. Over 60 panels of 343 areas with alpha 0.06 the standard
    deviation was 0.001 with 24 months of 204 requests an area, 0.003 with 24 months of 8, 0.014 with one month of 8. The unweighted regression
    had 0.002, 0.004 and 0.018.

    References
    ----------
    Davidian & Carroll (1987), Journal of the American Statistical Association 82: 1079 (weighted regression of squared residuals).
    """
    counts, means = _maps("件数", observed, "期望件数", expected)
    known = np.isfinite(counts) & np.isfinite(means) & (means > 0)
    counts, means = counts[known], means[known]
    free = len(counts) - fitted
    if free < 1:
        return float("nan")
    beyond_poisson = (counts - means) ** 2 * (len(counts) / free) - means
    alpha = 0.0
    for _turn in range(MOST_TURNS):
        weights = 1.0 / (1.0 / means + 2.0 * (1.0 + alpha * means) ** 2)
        before, alpha = alpha, max(float((weights * beyond_poisson).sum() / (weights * means**2).sum()), 0.0)
        if abs(alpha - before) <= CLOSE * alpha:
            break
    return alpha


def _ratios(shape: tuple[int, ...], divisor: np.ndarray, parts: tuple[np.ndarray, ...]) -> Ratios:
    """Parts over divisor in the shape asked for; NaN where the divisor is 0."""
    divisors = np.where(divisor > 0, divisor, np.nan)
    ratio, low, high = ((part / divisors).reshape(shape) for part in parts)
    return Ratios(ratio, low, high)


def _check_share(what: str, share: float) -> None:
    if not 0 < share < 1:
        message = f"{what}为 {share}; 应大于 0 且小于 1"
        raise SmoothingError(message)


def _maps(first_name: str, first: np.ndarray, second_name: str, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as N x M, the second repeated for each map where it has one column."""
    values, others = np.asarray(first, dtype="float64"), np.asarray(second, dtype="float64")
    if values.ndim not in (1, 2) or others.ndim not in (1, values.ndim) or len(values) != len(others) or others.shape not in (values.shape, values.shape[:1]):
        message = f"{first_name}的形状为 {values.shape}, {second_name}的形状为 {others.shape}; 应同为 (区域数,) 或 (区域数, 图数), 后者也可只有 (区域数,)"
        raise SmoothingError(message)
    for name, numbers in ((first_name, values), (second_name, others)):
        if wrong := int(((numbers < 0) | np.isinf(numbers)).sum()):
            message = f"{name}中有 {wrong} 个负数或无穷大; 应为 0 或更大, 未知为 NaN"
            raise SmoothingError(message)
    values = values if values.ndim > 1 else values[:, None]
    others = others if others.ndim > 1 else others[:, None]
    return values, np.broadcast_to(others, values.shape)

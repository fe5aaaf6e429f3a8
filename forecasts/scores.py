"""How good forecasts were: losses, coverage and errors, each of one series unless said otherwise.

Steps whose actual count is NaN are left out. A forecast that is NaN where the actual count is known makes the score NaN: what was not
forecast must not look right.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forecasts.counts import negative_binomial_cdf

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "coverage",
    "covered",
    "mean_absolute_scaled_error",
    "probability_integral_transform",
    "quantile_loss",
    "randomised_coverage",
    "totals",
    "weighted_quantile_loss",
]


def quantile_loss(actual: np.ndarray, quantiles: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Pinball loss of each quantile: level (y - q) where y is above q, (1 - level) (q - y) where it is below.

    Parameters
    ----------
    actual
        Counts, S x H; NaN where unknown.
    quantiles
        S x H x Q.
    levels
        Q probabilities.

    Returns
    -------
    numpy.ndarray
        S x H x Q in counts, 0 or more; NaN where the count or the quantile is.

    Raises
    ------
    ValueError
        The shapes do not fit.

    Notes
    -----
    Koenker & Bassett 1978, Regression quantiles, Econometrica 46: 33-50; Gneiting 2011, Quantiles as optimal point forecasts,
    International Journal of Forecasting 27: 197-207, equation 2 (without the factor 2 some use).
    """
    wanted = np.asarray(levels, dtype="float64")
    if quantiles.shape != (*actual.shape, wanted.size):
        message = f"quantiles have shape {quantiles.shape}; {(*actual.shape, wanted.size)} fits the actual counts and {wanted.size} levels"
        raise ValueError(message)
    above = actual[..., None] - quantiles
    return np.maximum(wanted * above, (wanted - 1) * above)


def weighted_quantile_loss(actual: np.ndarray, quantiles: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Twice the summed pinball loss by the summed counts, averaged over the levels.

    Parameters
    ----------
    actual
        Counts, S x H; NaN where unknown.
    quantiles
        S x H x Q.
    levels
        Q probabilities.

    Returns
    -------
    numpy.ndarray
        S shares, 0 or more; for the median alone the weighted absolute percentage error. NaN where the known counts add up to 0 (or none
        is known), as there is nothing to divide by, and where a quantile of a known step is NaN. For a group of series at once hand them in
        as one row.

    Notes
    -----
    ``mean_weighted_sum_quantile_loss`` of GluonTS (Alexandrov et al. 2020, Journal of Machine Learning Research 21 (116): 1-6). The weighted
    scaled pinball loss of the M5 competition (Makridakis et al. 2022, International Journal of Forecasting 38: 1365-1385) divides by the
    mean change from day to day instead.
    """
    known = ~np.isnan(actual)
    loss = np.where(known[..., None], quantile_loss(actual, quantiles, levels), 0.0).sum(axis=-2)
    weight = np.abs(np.where(known, actual, 0.0)).sum(axis=-1)
    return 2 * _ratio(loss.mean(axis=-1), weight)


def coverage(actual: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Share of the known steps whose count lies within the interval, its ends included.

    Of low counts this is above the nominal level even for the true distribution, as whole numbers cannot leave out exactly one share;
    :func:`randomised_coverage` is not.

    Parameters
    ----------
    actual, lower, upper
        Counts, S x H; NaN where unknown.

    Returns
    -------
    numpy.ndarray
        S shares within 0 and 1; NaN where no step is known or an end of a known step is NaN.
    """
    inside = np.where(np.isnan(lower) | np.isnan(upper), np.nan, (actual >= lower) & (actual <= upper))
    return _mean(inside, ~np.isnan(actual))


def probability_integral_transform(actual: np.ndarray, mean: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the interval on which the transform of a count is uniform: F(y - 1) and F(y).

    Of a right distribution, a number drawn evenly between the two is uniform on 0 to 1 over many counts.

    Parameters
    ----------
    actual
        Counts of any shape; NaN where unknown.
    mean, variance
        Of the negative binomial distribution, of the same shape; see :mod:`forecasts.counts`.

    Returns
    -------
    low, high
        Probabilities of the same shape, low at most high; NaN where one of the three is.

    Raises
    ------
    ValueError
        The shapes differ, or a mean or variance is negative or infinite.

    Notes
    -----
    Czado, Gneiting & Held 2009, Predictive model assessment for count data, Biometrics 65: 1254-1261, section 2.1; Brockwell 2007, Universal
    residuals: a multivariate transformation, Statistics & Probability Letters 77: 1473-1478.
    """
    counts = np.asarray(actual, dtype="float64")
    low = negative_binomial_cdf(counts - 1, mean, variance)
    high = negative_binomial_cdf(counts, mean, variance)
    # The last digits of the two may cross where the count is all but impossible.
    return np.minimum(low, high), high


def covered(low: np.ndarray, high: np.ndarray, level: float) -> np.ndarray:
    """Share of each interval of the transform that lies within the central ``level`` of 0 to 1.

    That is the chance that the randomised transform (a number drawn evenly from low to high) falls within it, so the mean over many counts of
    a right distribution is ``level``, with less noise than draws would have and the same at every run.

    Parameters
    ----------
    low, high
        As of :func:`probability_integral_transform`, of any shape.
    level
        Nominal coverage, as 0.8 for the central 80 percent.

    Returns
    -------
    numpy.ndarray
        Shares within 0 and 1; 0 or 1 where low and high are the same number; NaN where either is.

    Raises
    ------
    ValueError
        The level is not between 0 and 1.
    """
    if not 0 < level < 1:
        message = f"level is {level}; allowed are shares above 0 and below 1"
        raise ValueError(message)
    first, last = (1 - level) / 2, (1 + level) / 2
    width = high - low
    within = np.maximum(np.minimum(high, last) - np.maximum(low, first), 0.0)
    point = np.where(np.isnan(width), np.nan, (low >= first) & (high <= last))
    return np.divide(within, width, out=point, where=width > 0)


def randomised_coverage(actual: np.ndarray, mean: np.ndarray, variance: np.ndarray, level: float) -> np.ndarray:
    """Coverage of the central interval, made exact for whole numbers: the mean of :func:`covered` over the known steps.

    Parameters
    ----------
    actual
        Counts, S x H; NaN where unknown.
    mean, variance
        Of the negative binomial distribution, S x H.
    level
        Nominal coverage, above 0 and below 1.

    Returns
    -------
    numpy.ndarray
        S shares within 0 and 1, ``level`` on average where the distribution is right; NaN where no step is known or the distribution of a
        known step is NaN.
    """
    low, high = probability_integral_transform(actual, mean, variance)
    return _mean(covered(low, high, level), ~np.isnan(actual))


def mean_absolute_scaled_error(actual: np.ndarray, mean: np.ndarray, history: np.ndarray, season: int) -> np.ndarray:
    """Mean absolute error by that of the count one season before, in the history.

    Parameters
    ----------
    actual, mean
        Counts and forecasts, S x H; NaN where unknown.
    history
        Counts before the forecast, S x T; pairs with an unknown count are left out.
    season
        Steps of a season: 7 for days, 1 for the last count itself.

    Returns
    -------
    numpy.ndarray
        S ratios, 0 or more, 1 where the forecast errs as much as the seasonal naive one did in the history; NaN where no step is known, a
        forecast of a known step is NaN, or the history has no pair a season apart or none that differs.

    Raises
    ------
    ValueError
        The season is below 1.

    Notes
    -----
    Hyndman & Koehler 2006, Another look at measures of forecast accuracy, International Journal of Forecasting 22: 679-688, section 3, with
    the seasonal scale of Hyndman & Athanasopoulos 2021, Forecasting: principles and practice, section 5.8.
    """
    if season < 1:
        message = f"season is {season}; allowed are whole numbers of steps from 1"
        raise ValueError(message)
    change = np.abs(history[:, season:] - history[:, :-season])
    scale = _mean(change, ~np.isnan(change))
    return _ratio(_mean(np.abs(actual - mean), ~np.isnan(actual)), scale)


def totals(values: np.ndarray, window: int) -> np.ndarray:
    """Sums of blocks of steps, one after another from the first.

    Parameters
    ----------
    values
        Numbers whose last axis has H steps.
    window
        Steps of a block.

    Returns
    -------
    numpy.ndarray
        The same shape but for the last axis, which has H // window blocks: steps after the last whole block are left out. NaN where a step
        of the block is.

    Raises
    ------
    ValueError
        The window is below 1 or longer than the steps.
    """
    steps = values.shape[-1]
    if not 1 <= window <= steps:
        message = f"window is {window} steps; allowed are whole numbers from 1 to the {steps} there are"
        raise ValueError(message)
    blocks = steps // window
    return values[..., : blocks * window].reshape(*values.shape[:-1], blocks, window).sum(axis=-1)


def _mean(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Mean of the known values of the last axis; NaN where there are none, or one of them is NaN."""
    return _ratio(np.where(known, values, 0.0).sum(axis=-1), known.sum(axis=-1))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The quotient; NaN where the whole is 0."""
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)

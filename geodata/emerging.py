"""Emerging hot spots: what a place's history of hot and cold months amounts to, in one word, and whether it grows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.special import ndtr

__all__ = ["COLD", "HOT", "NEITHER", "Emerging", "Trend", "classify", "kendall_trend", "runs_of"]

HOT, NEITHER, COLD = 1, 0, -1
MOSTLY = 0.9
"""Share of the steps from which a place counts as hot all along."""

LEAST_STEPS = 4
"""A trend test on fewer steps can hardly be significant whatever happens."""

MOST_CORRELATION = 0.95
NO_SCATTER = 1e-9
LEAST_INFLATION = 0.05
"""Steps that alternate leave a trend little room to be chance, but some."""


class Emerging(StrEnum):
    """The classes of hot spots; cold spots have the same ones."""

    NEW = "new"
    CONSECUTIVE = "consecutive"
    INTENSIFYING = "intensifying"
    PERSISTENT = "persistent"
    DIMINISHING = "diminishing"
    SPORADIC = "sporadic"
    OSCILLATING = "oscillating"
    HISTORICAL = "historical"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Trend:
    """Mann-Kendall trends of S series.

    Attributes
    ----------
    tau
        S, Kendall's tau-b with time, -1 to 1; NaN where fewer than four steps are known or all are equal.
    z
        S, the normal score, its variance inflated by the correlation of neighbouring steps.
    p
        S, two-sided, 0 to 1; NaN where ``z`` is.
    """

    tau: np.ndarray
    z: np.ndarray
    p: np.ndarray


def kendall_trend(values: np.ndarray, correlation: float | None = 0.0) -> Trend:
    """Mann-Kendall test of a monotone trend for each series.

    Parameters
    ----------
    values
        S x T; NaN steps are left out.
    correlation
        Correlation of neighbouring steps, -1 to 1, by which the variance is inflated; None estimates one for all series together, from what is left
        of them once their least-squares line is taken away. 0 is the plain test, which calls chance a trend in one of five series where the
        correlation is 0.4.

    Notes
    -----
    S counts rising less falling pairs; var S = (n(n-1)(2n+5) - sum over ties t(t-1)(2t+5)) / 18; z = (S - sign S) / sqrt(var S).
    Under a correlation r of neighbouring steps, r^k at k steps, var S is multiplied by 1 + 2 / (n(n-1)(n-2)) sum over k of
    (n-k)(n-k-1)(n-k-2) rho_k with rho_k = 6/pi arcsin(r^k / 2), the correlation of the ranks.

    References
    ----------
    Mann (1945), Econometrica 13:245; Kendall (1975), Rank Correlation Methods; Hamed & Rao (1998), Journal of Hydrology 204:182, equations 12 and 14.
    """
    values = np.atleast_2d(np.asarray(values, dtype="float64"))
    known = np.isfinite(values)
    count = known.sum(axis=1)
    score, ties = _pairs(values, known), _ties(values, known)
    pairs = count * (count - 1) / 2
    variance = (count * (count - 1) * (2.0 * count + 5) - ties[:, 1]) / 18
    r = _correlation_left(values, known) if correlation is None else correlation
    variance = variance * _inflation(count, r)
    with np.errstate(invalid="ignore", divide="ignore"):
        tau = score / np.sqrt(pairs * (pairs - ties[:, 0]))
        z = (score - np.sign(score)) / np.sqrt(variance)
    is_known = (count >= LEAST_STEPS) & (variance > 0)
    tau, z = np.where(is_known, tau, np.nan), np.where(is_known, z, np.nan)
    return Trend(tau, z, 2 * ndtr(-np.abs(z)))


def _pairs(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Rising less falling pairs of steps."""
    score = np.zeros(len(values))
    for gap in range(1, values.shape[1]):
        both = known[:, gap:] & known[:, :-gap]
        score += np.where(both, np.sign(np.nan_to_num(values[:, gap:] - values[:, :-gap])), 0).sum(axis=1)
    return score


def _ties(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Of each series the sums over groups of equal values of t(t-1)/2 and t(t-1)(2t+5), S x 2."""
    ordered = np.sort(np.where(known, values, np.inf), axis=1)
    found = np.zeros((len(values), 2))
    start = np.zeros(len(values), dtype="int64")
    for step in range(1, values.shape[1] + 1):
        ends = np.ones(len(values), dtype=bool) if step == values.shape[1] else ordered[:, step] != ordered[:, step - 1]
        size = np.where(ends & np.isfinite(ordered[:, step - 1]), step - start, 0)
        found += np.stack([size * (size - 1) / 2, size * (size - 1.0) * (2 * size + 5)], axis=1)
        start = np.where(ends, step, start)
    return found


def _inflation(count: np.ndarray, correlation: float) -> np.ndarray:
    """By how much correlated steps inflate the variance of S."""
    r = float(np.clip(correlation, -MOST_CORRELATION, MOST_CORRELATION))
    inflation = np.ones(len(count))
    for gap in range(1, int(count.max(initial=1))):
        rank_correlation = 6 / np.pi * np.arcsin(r**gap / 2)
        left = np.maximum(count - gap, 0)
        inflation += 2 * left * np.maximum(left - 1, 0) * np.maximum(left - 2, 0) * rank_correlation / np.maximum(count * (count - 1.0) * (count - 2), 1)
    return np.maximum(inflation, LEAST_INFLATION)


def _correlation_left(values: np.ndarray, known: np.ndarray) -> float:
    """Correlation of neighbouring steps of all series together around their own lines, corrected for the bias of short series."""
    time = np.where(known, np.arange(values.shape[1], dtype="float64"), np.nan)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    with np.errstate(invalid="ignore"):
        middle, level = np.nansum(time, axis=1, keepdims=True) / count, np.nansum(values, axis=1, keepdims=True) / count
        slope = np.nansum((time - middle) * (values - level), axis=1, keepdims=True) / np.maximum(np.nansum((time - middle) ** 2, axis=1, keepdims=True), 1e-12)
        left = values - level - slope * (time - middle)
        scale = np.sqrt(np.nansum(left**2, axis=1, keepdims=True) / count)
        size = np.nanmax(np.abs(np.where(known, values, 0.0)), axis=1, keepdims=True)
    left = np.where(scale > NO_SCATTER * np.maximum(size, NO_SCATTER), left / np.where(scale > 0, scale, 1.0), np.nan)
    both = np.isfinite(left[:, 1:]) & np.isfinite(left[:, :-1])
    if not both.any():
        return 0.0
    found = float((left[:, 1:] * left[:, :-1])[both].mean())
    steps = float(count[both.any(axis=1)].mean())
    if steps <= 2 * LEAST_STEPS:
        return max(found, 0.0)  # so short a series tells too little to take a trend for more sure than the plain test does
    return (found * steps + 2) / (steps - 4)  # the mean of r for a line taken away is about r - (2 + 4r)/n


def classify(states: np.ndarray, intensity: np.ndarray, *, level: float = 0.05, correlation: float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The class of every place.

    Parameters
    ----------
    states
        S x T: HOT, COLD or NEITHER in each step, as a local statistic with its false discoveries held says.
    intensity
        S x T: that statistic, as the z of Gi*; its trend tells intensifying from diminishing. NaN where unknown.
    level
        Of the two-sided trend test.
    correlation
        As ``kendall_trend`` takes it; None estimates it from all places together.

    Returns
    -------
    kinds, sides
        S values of ``Emerging``, and S of HOT, COLD or NEITHER: whether the class is of hot or of cold spots. ``NONE`` and ``NEITHER`` go together.

    Notes
    -----
    With n steps, of which h are hot, the last step hot:

    - new: it is the only hot one of several steps;
    - consecutive: the hot steps are one unbroken run of two or more up to the last, and h < 0.9 n;
    - intensifying, persistent, diminishing: h >= 0.9 n, and the intensity rises, does not change, or falls significantly;
    - sporadic: h < 0.9 n with gaps between, and no step is cold;
    - oscillating: the same, and some step is cold.

    Historical: the last step is not hot, h >= 0.9 n; one that is newly cold is that. A class of cold spots mirrors each.

    References
    ----------
    Esri, ArcGIS Pro tool reference, "How Emerging Hot Spot Analysis works": the eight published classes.
    """
    states = np.atleast_2d(states)
    trend = kendall_trend(intensity, correlation)
    kinds = np.full(len(states), Emerging.NONE, dtype=object)
    sides = np.zeros(len(states), dtype="int64")
    for side in (HOT, COLD):
        rises = np.where(trend.p <= level, np.sign(trend.z) * side, 0)
        found = _of_side(states == side, states == -side, rises)
        is_one = (found != Emerging.NONE) & ((found != Emerging.HISTORICAL) | (kinds == Emerging.NONE))  # what is so now goes before what was
        kinds[is_one], sides[is_one] = found[is_one], side
    return kinds, sides


def _of_side(is_in: np.ndarray, is_opposite: np.ndarray, rises: np.ndarray) -> np.ndarray:
    """Classes of one side: ``rises`` is 1, 0 or -1 where its intensity grows, stays or shrinks."""
    steps = is_in.shape[1]
    total, run = is_in.sum(axis=1), runs_of(is_in)
    last, mostly = is_in[:, -1], total >= MOSTLY * steps
    kinds = np.full(len(is_in), Emerging.NONE, dtype=object)
    kinds[last & ~mostly & is_opposite.any(axis=1)] = Emerging.OSCILLATING
    kinds[last & ~mostly & ~is_opposite.any(axis=1)] = Emerging.SPORADIC
    kinds[last & ~mostly & (run == total) & (total > 1)] = Emerging.CONSECUTIVE
    kinds[last & (total == 1) & (steps > 1)] = Emerging.NEW
    for sign, kind in ((1, Emerging.INTENSIFYING), (0, Emerging.PERSISTENT), (-1, Emerging.DIMINISHING)):
        kinds[last & mostly & (total > 1) & (rises == sign)] = kind
    kinds[~last & mostly & (total > 0)] = Emerging.HISTORICAL
    return kinds


def runs_of(is_in: np.ndarray) -> np.ndarray:
    """Length of the unbroken run that ends with the last step, of each row; 0 where the last is out."""
    reverse = ~is_in[:, ::-1]
    return np.where(reverse.any(axis=1), reverse.argmax(axis=1), is_in.shape[1])

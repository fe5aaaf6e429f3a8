"""What chance alone does to the difference of two counts: how much tickets scatter, and which differences exceed it."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import betainc, erfc

from governance.day_weights import DayWeights

__all__ = ["Dispersion", "Noise", "discoveries", "noise", "p_values"]

WEEK = 7
SHRINKAGE_PAIRS = 10
"""A series counts as if so many pairs of weeks more had been seen with the dispersion of all."""

EXACT_UNTIL = 1000
"""Above so many tickets together the normal approximation is used: two standard deviations out it is then within a tenth of the exact tail."""

ANSCOMBE = 3 / 8
TINY = 1e-300


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Variance of counts as a multiple of the Poisson variance, at least 1, by label; ``pooled`` where a label is not known."""

    pooled: float = 1.0
    by_label: Mapping[Hashable, float] = field(default_factory=dict)

    def of(self, labels: Sequence[Hashable] | pd.Series) -> np.ndarray:
        """The dispersion of each label."""
        return np.array([self.by_label.get(_key(label), self.pooled) for label in labels], dtype="float64")


@dataclass(frozen=True, slots=True)
class Noise:
    """Dispersion of single cells (by category), of whole categories and of whole places; Poisson by default for no history."""

    cells: Dispersion = Dispersion()
    categories: Dispersion = Dispersion()
    places: Dispersion = Dispersion()


def _key(label: Hashable) -> Hashable:
    return None if pd.isna(label) else label  # type: ignore[call-overload]


def noise(history: pd.DataFrame, days: pd.DataFrame, *, weights: DayWeights) -> Noise:
    """How much counts scatter from one week to the next, beyond what the kinds of day explain.

    Of each series the counts y of neighbouring weeks with exposures E are compared. With a constant level and
    dispersion f, d = y_t - r y_(t+1) with r = E_t / E_(t+1) has variance f r (y_t + y_(t+1)); so f is estimated by the sum of d squared
    over the sum of r (y_t + y_(t+1)). Differences of neighbours let trend and season pass. A label's own value is
    drawn to the value of all by as much as ten more pairs of weeks would, and is at least 1.

    Parameters
    ----------
    history
        Columns ``day`` (datetime64), ``category``, ``place_code``, ``count``; days without tickets may be missing. NaN labels are
        one label, NaN counts are no tickets.
    days
        Columns ``day``, ``kind``: every day of the history, one row each. Days at the end that fill no week are left out.

    Returns
    -------
    Noise
        Poisson (1 everywhere) where there are fewer than two weeks.

    References
    ----------
    von Neumann, Kent, Bellinson & Hart, The mean square successive difference, Annals of Mathematical Statistics 12 (1941) 153-162.
    Dispersion of counts: McCullagh & Nelder, Generalized Linear Models, 2nd edition 1989, chapter 6.
    """
    if len(days) < 2 * WEEK:
        return Noise()
    first = days["day"].min()
    weeks = (days["day"] - first).dt.days // WEEK
    total = int(((days["day"].max() - first).days + 1) // WEEK)
    exposure = {int(str(week)): weights.exposure(rows) for week, rows in days.groupby(weeks)}
    counts = history.dropna(subset=["count"]).assign(week=lambda rows: (rows["day"] - first).dt.days // WEEK)
    counts = counts[(counts["week"] >= 0) & (counts["week"] < total)]
    ratio = np.array([exposure.get(week, 0) / exposure[week + 1] if week + 1 in exposure else np.nan for week in range(total - 1)])
    return Noise(
        cells=_dispersion(counts, ["category", "place_code"], ratio),
        categories=_dispersion(counts, ["category"], ratio),
        places=_dispersion(counts, ["place_code"], ratio),
    )


def _dispersion(counts: pd.DataFrame, series: list[str], ratio: np.ndarray) -> Dispersion:
    """The dispersion of the first label of the series, over all series that bear it."""
    number = counts.groupby(series, dropna=False, sort=False).ngroup().to_numpy()
    if not number.size or not len(ratio):
        return Dispersion()
    weekly = np.zeros((number.max() + 1, len(ratio) + 1))
    np.add.at(weekly, (number, counts["week"].to_numpy()), counts["count"].to_numpy(dtype="float64"))
    expected = ratio * (weekly[:, :-1] + weekly[:, 1:])
    is_pair = expected > 0  # weeks without tickets on either side say nothing; nor does a week after which nothing is known
    square = np.where(is_pair, (weekly[:, :-1] - ratio * weekly[:, 1:]) ** 2, 0.0)
    expected = np.where(is_pair, expected, 0.0)
    if not is_pair.any():
        return Dispersion()
    pooled = max(1.0, float(square.sum() / expected.sum()))
    _, first = np.unique(number, return_index=True)
    label, names = pd.factorize(counts[series[0]].iloc[first], use_na_sentinel=False)
    squares, sums, pairs = (np.bincount(label, weights=part.sum(axis=1), minlength=len(names)) for part in (square, expected, is_pair))
    own = (pairs * np.divide(squares, sums, out=np.zeros_like(sums), where=sums > 0) + SHRINKAGE_PAIRS * pooled) / (pairs + SHRINKAGE_PAIRS)
    return Dispersion(pooled, {_key(name): max(1.0, float(value)) for name, value, known in zip(names, own, pairs > 0, strict=True) if known})


def p_values(now: np.ndarray, before: np.ndarray, ratio: float, dispersion: np.ndarray) -> np.ndarray:
    """Probability of a difference at least as large in either direction when nothing but the exposure has changed.

    Given both together, ``now`` of two Poisson counts is binomial with p = ratio / (1 + ratio). Counts are first divided by their
    dispersion, which gives them the variance of Poisson counts; the binomial tail is taken as the incomplete beta function, which
    needs no whole numbers. Large counts use the square roots instead,
    z = 2 (sqrt(now + 3/8) - sqrt(ratio (before + 3/8))) / sqrt(1 + ratio).

    Parameters
    ----------
    now, before
        Counts, not negative, shape (n,).
    ratio
        Exposure now over exposure before, above 0.
    dispersion
        At least 1, shape (n,).

    Returns
    -------
    ndarray
        Shape (n,), in (0, 1]; NaN where both counts are 0, which says nothing.

    References
    ----------
    Przyborowski & Wilenski, Homogeneity of results in testing samples from Poisson series, Biometrika 31 (1940) 313-323;
    Gu, Ng, Tang & Schucany, Testing the ratio of two Poisson rates, Biometrical Journal 50 (2008) 283-298.
    """
    high, low = np.asarray(now, dtype="float64") / dispersion, np.asarray(before, dtype="float64") / dispersion
    found = np.full(high.shape, np.nan)
    some = (high + low) > 0
    large = some & (high + low > EXACT_UNTIL)
    z = 2 * (np.sqrt(high[large] + ANSCOMBE) - np.sqrt(ratio * (low[large] + ANSCOMBE))) / math.sqrt(1 + ratio)
    found[large] = erfc(np.abs(z) / math.sqrt(2))
    small = some & ~large
    chance = ratio / (1 + ratio)
    upper = _beta_tail(high[small], low[small] + 1, chance)
    lower = _beta_tail(low[small], high[small] + 1, 1 - chance)
    found[small] = np.minimum(1.0, 2 * np.minimum(upper, lower))
    return np.maximum(found, TINY)


def _beta_tail(a: np.ndarray, b: np.ndarray, x: float) -> np.ndarray:
    """The regularised incomplete beta function I_x(a, b); 1 where a is 0. DLMF 8.17."""
    return np.where(a > 0, betainc(np.where(a > 0, a, 1.0), b, x), 1.0)


def discoveries(p: np.ndarray, level: float) -> np.ndarray:
    """Which of many p-values are beyond chance, so that on average at most the share ``level`` of those named is named wrongly.

    With m values in order, all up to the largest k with p_(k) <= k / m * level are named.

    Parameters
    ----------
    p
        Shape (m,); NaN is not a test and is never named.
    level
        False discovery rate to keep, in (0, 1).

    Raises
    ------
    ValueError
        ``level`` is outside (0, 1).

    References
    ----------
    Benjamini & Hochberg, Controlling the false discovery rate, Journal of the Royal Statistical Society B 57 (1995) 289-300,
    procedure (1).
    """
    if not 0 < level < 1:
        message = f"discoveries: the level must lie between 0 and 1, found {level}"
        raise ValueError(message)
    p = np.asarray(p, dtype="float64")
    tested = np.sort(p[~np.isnan(p)])
    below = tested <= level * np.arange(1, tested.size + 1) / max(1, tested.size)
    return p <= (tested[below].max() if below.any() else -1.0)

"""What chance alone does to the difference of two counts: how much tickets scatter, and which differences exceed it."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from governance.day_weights import DayWeights

__all__ = ["Dispersion", "Noise", "discoveries", "noise", "p_values"]

WEEK = 7
SHRINKAGE_PAIRS = 10
"""A series counts as if so many pairs of weeks more had been seen with the dispersion of all."""

EXACT_UNTIL = 1000
"""Above so many tickets together the normal approximation is used: two standard deviations out it is then within a tenth of the exact tail."""

ANSCOMBE = 3 / 8
TINY = 1e-300
CONVERGED = 1e-12
MAX_TERMS = 2000


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
    weekly = counts.groupby([*series, "week"], dropna=False)["count"].sum().rename("now").reset_index()
    following = weekly.rename(columns={"now": "next"}).assign(week=weekly["week"] - 1)
    pairs = weekly.merge(following, on=[*series, "week"], how="outer").fillna({"now": 0, "next": 0})
    pairs = pairs[(pairs["week"] >= 0) & (pairs["week"] < len(ratio))]
    factor = ratio[pairs["week"].astype("int64")]
    pairs = pairs.assign(square=(pairs["now"] - factor * pairs["next"]) ** 2, expected=factor * (pairs["now"] + pairs["next"]))
    pairs = pairs[pairs["expected"] > 0]
    if pairs.empty:
        return Dispersion()
    pooled = max(1.0, float(pairs["square"].sum() / pairs["expected"].sum()))
    sums = pairs.groupby(series[0], dropna=False).agg(square=("square", "sum"), expected=("expected", "sum"), pairs=("week", "size"))
    own = (sums["pairs"] * sums["square"] / sums["expected"] + SHRINKAGE_PAIRS * pooled) / (sums["pairs"] + SHRINKAGE_PAIRS)
    return Dispersion(pooled, {_key(label): max(1.0, float(value)) for label, value in own.items()})


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
    found[large] = [math.erfc(abs(value) / math.sqrt(2)) for value in z]
    small = some & ~large
    chance = ratio / (1 + ratio)
    upper = _beta_tail(high[small], low[small] + 1, chance)
    lower = _beta_tail(low[small], high[small] + 1, 1 - chance)
    found[small] = np.minimum(1.0, 2 * np.minimum(upper, lower))
    return np.maximum(found, TINY)


def _beta_tail(a: np.ndarray, b: np.ndarray, x: float) -> np.ndarray:
    """The regularised incomplete beta function I_x(a, b); 1 where a is 0. DLMF 8.17.4 and 8.17.22."""
    value = np.ones_like(a)
    for direct in (True, False):
        # the fraction converges fast on this side of the mean; on the other I_x(a, b) = 1 - I_(1-x)(b, a)
        part = (a > 0) & ((x <= (a + 1) / (a + b + 2)) == direct)
        first, second, at = (a[part], b[part], x) if direct else (b[part], a[part], 1 - x)
        log_beta = _log_gamma(first) + _log_gamma(second) - _log_gamma(first + second)
        front = np.exp(first * math.log(at) + second * math.log1p(-at) - log_beta) / first
        tail = front * _fraction(first, second, at)
        value[part] = tail if direct else 1 - tail
    return value


def _log_gamma(values: np.ndarray) -> np.ndarray:
    return np.array([math.lgamma(value) for value in values])


def _fraction(a: np.ndarray, b: np.ndarray, x: float) -> np.ndarray:
    """The continued fraction of DLMF 8.17.22, by Lentz's method (Thompson & Barnett 1986)."""
    c = np.ones_like(a)
    d = _inverse(1 - (a + b) * x / (a + 1))
    value = d.copy()
    for m in range(1, MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        step = np.ones_like(a)
        for term in (even, odd):
            d = _inverse(1 + term * d)
            c = 1 + term / c
            c = np.where(np.abs(c) < TINY, TINY, c)
            step = c * d
            value = value * step
        if not value.size or np.abs(step - 1).max() < CONVERGED:
            break
    return value


def _inverse(values: np.ndarray) -> np.ndarray:
    return 1 / np.where(np.abs(values) < TINY, TINY, values)


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

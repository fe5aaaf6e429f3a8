"""Maps without clusters, and the highest log-likelihood ratio on each: what the one on the real map is held against.

A scan of R replicates looks at R times as many windows as there are circles and spans; with 343 areas, 26 spans and 999 replicates that is
1.5 thousand million. Three things bring this down to a few seconds without compiled code of our own. The sums of a circle are those of the
next smaller one plus one area, for all spans and replicates in one addition. The ratio is homogeneous of degree one, so the replicates are
brought to one total, and for each circle and span there is then one excess over the expected count that a window needs to beat the lowest of
the maxima: one comparison, no logarithm. And only the windows that pass are worked out, from whole counts, in double precision.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geodata.scan_ratios import poisson_ratio, thresholds_of
from geodata.scan_windows import Circles, ScanError

__all__ = ["Null", "replicate_maxima"]

ROW = 28_000
"""Spans times replicates at a time. One addition is of 100 kB then and its time that of reading them; shorter rows are ruled by the cost of
the call (all additions and comparisons for 999 replicates with 26 spans take 1.4 s at 26 x 999, 3.3 s at 26 x 125)."""

DRAWN_AT_ONCE = 64
PILOT = 16
PILOT_CENTRES = 4
"""The pilot looks at every fourth centre, and is left out where it would not be small beside the whole."""

LEAST_BAR = 0.1
RISE = 1.05
"""Limits are worked out anew when the lowest of the maxima has risen by so much: a bar that is a little too low loses nothing."""

TYPICAL_SHARE = 1 / 12
TYPICAL_RATIO = 5.0
BATCHES = (39, 160)
"""Sizes of the first draws where drawing may stop: most maps have no cluster, and are told by these."""

ROUNDING = 1e-3
"""Limits are lowered by this share, far more than sums in single precision are off, so that no window is lost."""


@dataclass(frozen=True, slots=True)
class Null:
    """What counts would do if there were no cluster, and how many maps are drawn of it.

    Attributes
    ----------
    dispersion
        Alpha of the negative binomial, whose variance is E + alpha E^2: one number, or N x 1 or N x T, 0 or more. 0 is Poisson, which
        takes ordinary scatter for clusters. None: estimated from the map (``smoothing.pooled_overdispersion``).
    replicates
        Maps drawn; the smallest p-value is 1 / (replicates + 1).
    seed
        Of the draws; the same seed gives the same p-values, whatever the order of the areas.
    is_conditioned
        Whether each replicate has the total of the real map. Otherwise totals vary as the counts do, and each replicate is held against
        its own total, as the real map is.
    enough
        Drawing stops once so many replicates are as high as the real map: what is no cluster is known soon, and the p-value of what may be one
        is as exact as ever (Besag & Clifford 1991). None draws them all.

    Raises
    ------
    ScanError
        A value is out of range.
    """

    dispersion: float | np.ndarray | None = None
    replicates: int = 999
    seed: int = 0
    is_conditioned: bool = False
    enough: int | None = None

    def __post_init__(self) -> None:
        if self.replicates < 1:
            message = f"模拟次数是 {self.replicates}; 应为 1 或更大的整数"
            raise ScanError(message)
        if self.enough is not None and self.enough < 1:
            message = f"停止模拟所需的次数是 {self.enough}; 应为 1 或更大的整数, 或不给"
            raise ScanError(message)
        if self.dispersion is not None and not (np.isfinite(self.dispersion) & (np.asarray(self.dispersion) >= 0)).all():
            message = "离散参数应为 0 或更大的有限数值, 其中有负数、空值或无穷大"
            raise ScanError(message)


def replicate_maxima(expected: np.ndarray, circles: Circles, spans: np.ndarray, null: Null, least_count: int, highest: float = float("inf")) -> np.ndarray:
    """The highest log-likelihood ratio of each replicate.

    Parameters
    ----------
    expected
        N x T, adding up to the total of the real map, which is above 0.
    circles
        Of the N areas.
    spans
        V x 2, first and last period of each.
    null
        Its ``dispersion`` is given.
    least_count
        Cases that a window must have.
    highest
        Ratio of the real map, which tells when ``null.enough`` replicates are as high.

    Returns
    -------
    ndarray
        R or fewer, 0 or more.

    References
    ----------
    Besag & Clifford (1991), Biometrika 78:301 (sequential Monte Carlo p-values).
    """
    chance = np.random.default_rng(null.seed)
    whole = np.vstack([np.zeros((1, len(expected))), np.cumsum(expected, axis=1).T])
    within = np.ascontiguousarray((whole[spans[:, 1] + 1] - whole[spans[:, 0]]).T)
    search = _Search(circles, within, float(expected.sum()), least_count, chance.permutation(len(expected)))
    maxima = np.empty(0)
    at_once = max(1, ROW // len(spans))
    soon = list(BATCHES) if null.enough is not None else []
    while len(maxima) < null.replicates and (null.enough is None or (maxima >= highest).sum() < null.enough):
        size = min(soon.pop(0) if soon else at_once, at_once, null.replicates - len(maxima))
        sums, totals = _drawn(expected, spans, null, size, chance)
        maxima = np.append(maxima, search.maxima(sums, totals))
    return maxima


def _drawn(expected: np.ndarray, spans: np.ndarray, null: Null, size: int, chance: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Sums of the spans of each area, N x V x R in single precision (exact up to 16 million), and totals, R."""
    reach = slice(int(spans[:, 0].min()), int(spans[:, 1].max()) + 1)
    spans = spans - reach.start
    alpha = np.broadcast_to(np.asarray(null.dispersion, dtype="float64"), expected.shape)
    beyond = np.delete(expected, reach, axis=1), np.delete(alpha, reach, axis=1)
    # periods that no window reaches matter by their sum alone: one count of the same mean and variance
    rest = float(beyond[0].sum())
    rest_alpha = float((beyond[1] * beyond[0] ** 2).sum()) / rest**2 if rest else 0.0
    sums = np.empty((len(expected), len(spans), size), dtype="float32")
    if null.is_conditioned:
        _draw_conditioned(sums, expected[:, reach], alpha[:, reach], (rest, rest_alpha), spans, chance)
        return sums, np.full(size, round(float(expected.sum())), dtype="float64")
    totals = chance.poisson(_rates(np.array([rest]), np.array([rest_alpha]), size, chance)[0]).astype("float64")
    for area in range(len(expected)):
        counts = chance.poisson(_rates(expected[area, reach], alpha[area, reach], size, chance))
        totals += counts.sum(axis=0)
        sums[area] = _span_sums(counts, spans)
    return sums, totals


def _rates(mean: np.ndarray, alpha: np.ndarray, size: int, chance: np.random.Generator) -> np.ndarray:
    """Means as they are drawn in each replicate, cells x R: gamma with variance alpha mean^2, so that Poisson counts of them are negative binomial."""
    rates = np.repeat(mean[:, None], size, axis=1)
    cells = np.flatnonzero(alpha > 0)
    shape = 1.0 / alpha[cells, None]
    # single precision halves the time of a draw, and is far finer than the noise of the Poisson count that follows
    rates[cells] *= chance.standard_gamma(shape.astype("float32"), (len(cells), size), dtype="float32") / shape
    return rates


def _span_sums(counts: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """Sums of the periods (first axis) of each span."""
    until = np.zeros((len(counts) + 1, *counts.shape[1:]), dtype="float32")
    np.cumsum(counts, axis=0, out=until[1:])
    return until[spans[:, 1] + 1] - until[spans[:, 0]]


def _draw_conditioned(
    sums: np.ndarray, expected: np.ndarray, alpha: np.ndarray, rest: tuple[float, float], spans: np.ndarray, chance: np.random.Generator
) -> None:
    """Fills the sums from maps that all have the expected total: drawn means, and the cases shared out by them."""
    areas, periods = expected.shape
    mean, scatter = np.append(expected.ravel(), rest[0]), np.append(alpha.ravel(), rest[1])
    for first in range(0, sums.shape[2], DRAWN_AT_ONCE):
        size = min(DRAWN_AT_ONCE, sums.shape[2] - first)
        rates = _rates(mean, scatter, size, chance).T
        counts = chance.multinomial(round(float(mean.sum())), rates / rates.sum(axis=1, keepdims=True))[:, :-1]
        by_period = counts.reshape(size, areas, periods).transpose(2, 1, 0)
        sums[:, :, first : first + size] = _span_sums(by_period, spans).transpose(1, 0, 2)


@dataclass(frozen=True, slots=True)
class _Found:
    """Windows that may be above the bar: their circle, place among spans x replicates, and excess over expected in units of the span."""

    circle: np.ndarray
    place: np.ndarray
    excess: np.ndarray


@dataclass(frozen=True, slots=True)
class _Search:
    """What is the same for all replicates: circles, expected counts of each area and span (N x V), their total, and the order of the centres.

    Centres come in random order: neighbours have the same circles, and the bar rises sooner when all parts of the map are seen early.
    """

    circles: Circles
    within: np.ndarray
    total: float
    least_count: int
    centres: np.ndarray

    def maxima(self, sums: np.ndarray, totals: np.ndarray) -> np.ndarray:
        """The highest ratio of each replicate, R; the sums, N x V x R, are used up.

        A pilot of a few replicates says how high maxima are. All are searched above the lowest of those, and the few in which nothing was
        found there once more above half of it, and so on.
        """
        scale = np.where(totals > 0, totals, self.total) / self.total
        units = self._units()
        excess = sums
        excess *= (1 / scale).astype("float32")
        excess -= self.within[:, :, None].astype("float32")
        excess /= units[:, None].astype("float32")
        bar = 0.0
        if len(scale) > PILOT * PILOT_CENTRES:
            pilot = slice(0, len(scale), len(scale) // PILOT)
            bar = float((self._above(excess[:, :, pilot].copy(), scale[pilot], 0.0, self.centres[::PILOT_CENTRES]) / scale[pilot]).min())
        highest = np.zeros(len(scale))
        left = np.arange(len(scale))
        while len(left):
            part = excess if len(left) == len(scale) else excess[:, :, left]
            highest[left] = self._above(part, scale[left], bar, self.centres)
            left = left[highest[left] == 0] if bar else left[:0]
            bar = bar / 2 if bar > LEAST_BAR else 0.0
        return highest

    def _units(self) -> np.ndarray:
        """What an excess is measured in, V: for each span about what is needed to clear the bar, so that one limit serves all spans of a circle."""
        typical = self.within.sum(axis=0) * TYPICAL_SHARE
        needed = np.interp(typical, *thresholds_of(TYPICAL_RATIO, self.total)) - typical
        return np.where(needed > 0, needed, 1.0)

    def _above(self, excess: np.ndarray, scale: np.ndarray, bar: float, centres: np.ndarray) -> np.ndarray:
        """The highest ratio of each replicate that is above ``bar`` (brought to the one total); 0 where none is."""
        units, highest = self._units(), np.zeros(len(scale))
        table = thresholds_of(bar, self.total)
        for centre in centres:
            lowest = float((highest / scale).min())
            if lowest > bar * RISE:
                bar, table = lowest, thresholds_of(lowest, self.total)
            members = self.circles.members[centre]
            expected = np.cumsum(self.within[members], axis=0)
            limits = ((np.interp(expected, *table) - expected) / units).min(axis=1) * (1 - ROUNDING)
            found = _exceeding(excess, limits, members, self.circles.is_circle[centre])
            if found is None:
                continue
            span, replicate = np.divmod(found.place, len(scale))
            base, factor = expected[found.circle, span], scale[replicate]
            whole = np.rint((found.excess * units[span] + base) * factor)
            ratio = poisson_ratio(whole, base * factor, self.total * factor)
            np.maximum.at(highest, replicate, np.where((whole >= self.least_count) & (ratio > bar * factor), ratio, 0.0))
        return highest


def _exceeding(excess: np.ndarray, limits: np.ndarray, members: np.ndarray, is_circle: np.ndarray) -> _Found | None:
    """The windows around one centre whose excess is above the limit of their circle; None where there is none."""
    rows = excess.reshape(len(excess), -1)
    held, is_over = np.zeros(rows.shape[1], dtype="float32"), np.empty(rows.shape[1], dtype=bool)
    circles, places, found = [], [], []
    for circle, (area, is_whole, limit) in enumerate(zip(members.tolist(), is_circle.tolist(), limits.astype("float32"), strict=True)):
        np.add(held, rows[area], out=held)
        if not is_whole:
            continue
        np.greater(held, limit, out=is_over)
        # argmax stops at the first that is over, and takes a quarter of the time of any() or count_nonzero() where none is
        if is_over[is_over.argmax()]:
            place = is_over.nonzero()[0]
            circles.append(circle)
            places.append(place)
            found.append(held[place])
    if not places:
        return None
    return _Found(np.repeat(circles, [len(place) for place in places]), np.concatenate(places), np.concatenate(found).astype("float64"))

"""Hot spots of counts of any kind: where, since when, of which class, and which clusters, each method held to its false alarms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import nbinom, poisson

from geodata.emerging import COLD, HOT, NEITHER, classify, kendall_trend
from geodata.local_statistics import false_discovery, getis_ord
from geodata.scan import Null, Scan, Windows, scan
from geodata.smoothing import pooled_overdispersion, standardised_rates, standardised_ratio

if TYPE_CHECKING:
    from geodata.neighbours import Neighbours

__all__ = ["FALSE_DISCOVERIES", "STATE_NAMES", "Hotspots", "Judged", "find_hotspots", "judge_maps"]

FALSE_DISCOVERIES = 0.05
"""Of each of the two tests, so that of the hot areas on a map no more than one in ten is false."""

MOST_SCANNED = 26
"""Periods the scan looks back at most: a cluster that has lasted longer is no news, and its class says so."""

MOST_SHARE = 0.25
REPLICATES = 999
LEAST_COUNT = 3
"""Requests from which an area can be hot by itself: where next to nothing is expected a single one is unlikely, and still no hot spot."""

LEAST_EXPECTED = 1e-6
MOST_DISPERSION = 5.0
"""Counts that scatter more come in bursts, and nothing of one area by itself is unlikely: its interval and probabilities are unknown then."""

STATE_NAMES = {HOT: "hot", NEITHER: "", COLD: "cold"}


@dataclass(frozen=True, slots=True)
class Judged:
    """What each area's count of each period is against what was expected of it, N areas x T periods.

    Attributes
    ----------
    ratio, low, high
        Observed to expected with its 95 % interval, overdispersed; NaN where nothing is expected or known.
    gi, p_hot, p_cold, q_hot, q_cold
        Gi* of the standardised rates, its one-sided probabilities and the false discovery rates of each period's map; NaN throughout without neighbours.
    p_many, p_few, q_many, q_few
        Probability of as many, and of as few, in the area by itself, negative binomial around the expected count, and their false discovery rates.
    states
        ``emerging.HOT``, ``NEITHER``, ``COLD``.
    intensity
        What a trend is looked for in: Gi*, or without neighbours the standardised rate.
    dispersion
        Alpha of the counts around what was expected of them, over all periods.
    """

    ratio: np.ndarray
    low: np.ndarray
    high: np.ndarray
    gi: np.ndarray
    p_hot: np.ndarray
    p_cold: np.ndarray
    q_hot: np.ndarray
    q_cold: np.ndarray
    p_many: np.ndarray
    p_few: np.ndarray
    q_many: np.ndarray
    q_few: np.ndarray
    states: np.ndarray
    intensity: np.ndarray
    dispersion: float


@dataclass(frozen=True, slots=True)
class Hotspots:
    """What was found in counts of N areas over T periods.

    Attributes
    ----------
    judged
        Every area and period.
    kinds, sides
        N: class of each area (``emerging.Emerging``), and of hot or cold spots.
    tau, trend_p
        N: trend of Gi*.
    clusters
        Of the last periods, by position of areas and period among the scanned ones; ``first_scanned`` is the position of the first of these.
    """

    judged: Judged
    kinds: np.ndarray
    sides: np.ndarray
    tau: np.ndarray
    trend_p: np.ndarray
    clusters: Scan
    first_scanned: int

    @property
    def table(self) -> pd.DataFrame:
        """The columns that are N x T, one row an area and period, area by area."""
        names = ("ratio", "low", "high", "gi", "p_hot", "p_cold", "q_hot", "q_cold", "p_many", "p_few", "q_many", "q_few")
        frame = pd.DataFrame({name: getattr(self.judged, name).ravel() for name in names})
        return frame.assign(state=[STATE_NAMES[state] for state in self.judged.states.ravel()])


def find_hotspots(
    observed: np.ndarray, expected: np.ndarray, neighbours: Neighbours, coordinates: np.ndarray, *, period_days: float = 28.0, seed: int = 0
) -> Hotspots:
    """All that the methods of this package say of counts against what was expected of them.

    Parameters
    ----------
    observed, expected
        N x T; NaN where unknown. An area of which nothing is expected in a period has no rate there.
    neighbours
        Of the N areas, in the same order.
    coordinates
        N x 2, longitude and latitude.
    period_days
        Length of a period.
    seed
        Of the scan's replicates.

    Notes
    -----
    An area is hot where the q of Gi* or that of its own count is at most 0.05: Gi* sees what an area shares with its neighbours, and hardly sees an area
    that is hot by itself. Gi* is of the rates standardised by what chance makes of them, so that small areas scatter as large ones do. The scan draws
    its null maps with the dispersion of all periods, which a cluster of the last ones hardly moves.
    """
    judged = judge_maps(observed, expected, neighbours)
    has_values = np.isfinite(judged.gi).any(axis=0)
    kinds, sides = classify(judged.states[:, has_values], judged.gi[:, has_values])
    trend = kendall_trend(judged.gi[:, has_values], None)
    known = _known(observed, expected)
    first = max(observed.shape[1] - MOST_SCANNED, int(np.argmax(known.any(axis=0))))
    scanned = np.where(known, observed, 0.0)[:, first:], np.where(known, expected, 0.0)[:, first:]
    windows = Windows(most_periods=max(scanned[0].shape[1] // 2, 1), most_share=MOST_SHARE)
    clusters = scan(*scanned, coordinates, windows, Null(judged.dispersion, REPLICATES, seed), period_days=period_days)
    return Hotspots(judged, kinds, sides, trend.tau, trend.p, clusters, first)


def judge_maps(observed: np.ndarray, expected: np.ndarray, neighbours: Neighbours | None, dispersion: float | None = None) -> Judged:
    """What is hot and what is cold on every map, false discoveries held.

    Parameters
    ----------
    observed, expected
        N x T; NaN where unknown. An area of which nothing is expected in a period has no rate there.
    neighbours
        Of the N areas, in the same order. None where there are none, as of units: each is then judged by itself alone.
    dispersion
        Alpha of the counts around what is expected; estimated from all periods where left out.

    Notes
    -----
    An area is hot where the q of Gi* or that of its own count, of three at least, is at most 0.05, as in ``find_hotspots``. Where the dispersion is above
    5 there is no interval and no probability of an area by itself.
    """
    known = _known(observed, expected)
    observed, expected = np.where(known, observed, np.nan), np.where(known, expected, np.nan)
    alpha = float(np.nan_to_num(pooled_overdispersion(observed, expected))) if dispersion is None else dispersion
    is_tame = alpha <= MOST_DISPERSION
    ratios = standardised_ratio(observed, expected, min(alpha, MOST_DISPERSION))
    rates = standardised_rates(observed, expected)
    nothing = np.full(observed.shape, np.nan)
    gi, p_hot, p_cold = nothing, nothing, nothing
    if neighbours is not None:
        found = getis_ord(rates, neighbours)
        gi, p_hot, p_cold = found.statistic, found.p_high, found.p_low
    q_hot, q_cold = false_discovery(p_hot), false_discovery(p_cold)
    p_many, p_few = _own_tails(observed, expected, alpha) if is_tame else (nothing, nothing)
    q_many, q_few = false_discovery(p_many), false_discovery(p_few)
    hot = (q_hot <= FALSE_DISCOVERIES) | ((q_many <= FALSE_DISCOVERIES) & (observed >= LEAST_COUNT))
    cold = (q_cold <= FALSE_DISCOVERIES) | (q_few <= FALSE_DISCOVERIES)
    states = np.where(hot, HOT, np.where(cold, COLD, NEITHER))
    tails = (gi, p_hot, p_cold, q_hot, q_cold, p_many, p_few, q_many, q_few)
    low, high = (ratios.low, ratios.high) if is_tame else (nothing, nothing)
    return Judged(ratios.ratio, low, high, *tails, states, rates if neighbours is None else gi, alpha)


def _known(observed: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return np.asarray(np.isfinite(observed) & np.isfinite(expected) & (expected > LEAST_EXPECTED))


def _own_tails(observed: np.ndarray, expected: np.ndarray, dispersion: float) -> tuple[np.ndarray, np.ndarray]:
    """Probability of as many and of as few as were observed; NaN where either is unknown."""
    known = np.isfinite(observed) & np.isfinite(expected)
    counts, means = np.where(known, observed, 0.0), np.where(known, expected, 1.0)
    law = nbinom(1.0 / dispersion, 1.0 / (1.0 + dispersion * means)) if dispersion > 0 else poisson(means)
    return np.where(known, law.sf(counts - 1), np.nan), np.where(known, law.cdf(counts), np.nan)

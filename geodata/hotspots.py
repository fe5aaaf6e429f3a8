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

__all__ = ["STATE_NAMES", "Hotspots", "find_hotspots"]

FALSE_DISCOVERIES = 0.05
"""Of each of the two tests, so that of the hot areas on a map no more than one in ten is false."""

MOST_SCANNED = 26
"""Periods the scan looks back at most: a cluster that has lasted longer is no news, and its class says so."""

MOST_SHARE = 0.25
REPLICATES = 999
STATE_NAMES = {HOT: "hot", NEITHER: "", COLD: "cold"}


@dataclass(frozen=True, slots=True)
class Hotspots:
    """What was found in counts of N areas over T periods.

    Attributes
    ----------
    ratio, low, high
        N x T: observed to expected with its 95 % interval, overdispersed; NaN where nothing is expected or known.
    gi, p_hot, p_cold, q_hot, q_cold
        N x T: Gi* of the standardised rates, its one-sided probabilities and the false discovery rates of each period's map.
    p_many, p_few, q_many, q_few
        N x T: probability of as many, and of as few, in the area by itself, negative binomial around the expected count, and their false discovery rates.
    states
        N x T: ``emerging.HOT``, ``NEITHER``, ``COLD``.
    kinds, sides
        N: class of each area (``emerging.Emerging``), and of hot or cold spots.
    tau, trend_p
        N: trend of Gi*.
    dispersion
        Alpha of the counts around what was expected of them, over all periods.
    clusters
        Of the last periods, by position of areas and period among the scanned ones; ``first_scanned`` is the position of the first of these.
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
    kinds: np.ndarray
    sides: np.ndarray
    tau: np.ndarray
    trend_p: np.ndarray
    dispersion: float
    clusters: Scan
    first_scanned: int

    @property
    def table(self) -> pd.DataFrame:
        """The columns that are N x T, one row an area and period, area by area."""
        names = ("ratio", "low", "high", "gi", "p_hot", "p_cold", "q_hot", "q_cold", "p_many", "p_few", "q_many", "q_few")
        frame = pd.DataFrame({name: getattr(self, name).ravel() for name in names})
        return frame.assign(state=[STATE_NAMES[state] for state in self.states.ravel()])


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
    known = np.isfinite(observed) & np.isfinite(expected) & (expected > 0)
    observed, expected = np.where(known, observed, np.nan), np.where(known, expected, np.nan)
    dispersion = float(np.nan_to_num(pooled_overdispersion(observed, expected)))
    ratios = standardised_ratio(observed, expected, dispersion)
    found = getis_ord(standardised_rates(observed, expected), neighbours)
    q_hot, q_cold = false_discovery(found.p_high), false_discovery(found.p_low)
    p_many, p_few = _own_tails(observed, expected, dispersion)
    q_many, q_few = false_discovery(p_many), false_discovery(p_few)
    hot, cold = ((neighbouring <= FALSE_DISCOVERIES) | (own <= FALSE_DISCOVERIES) for neighbouring, own in ((q_hot, q_many), (q_cold, q_few)))
    states = np.where(hot, HOT, np.where(cold, COLD, NEITHER))
    judged = np.isfinite(found.statistic).any(axis=0)
    kinds, sides = classify(states[:, judged], found.statistic[:, judged])
    trend = kendall_trend(found.statistic[:, judged], None)
    first = max(observed.shape[1] - MOST_SCANNED, int(np.argmax(known.any(axis=0))))
    scanned = np.nan_to_num(observed[:, first:]), np.nan_to_num(expected[:, first:])
    windows = Windows(most_periods=max(scanned[0].shape[1] // 2, 1), most_share=MOST_SHARE)
    clusters = scan(*scanned, coordinates, windows, Null(dispersion, REPLICATES, seed), period_days=period_days)
    gi = (found.statistic, found.p_high, found.p_low, q_hot, q_cold, p_many, p_few, q_many, q_few)
    return Hotspots(ratios.ratio, ratios.low, ratios.high, *gi, states, kinds, sides, trend.tau, trend.p, dispersion, clusters, first)


def _own_tails(observed: np.ndarray, expected: np.ndarray, dispersion: float) -> tuple[np.ndarray, np.ndarray]:
    """Probability of as many and of as few as were observed; NaN where either is unknown."""
    known = np.isfinite(observed) & np.isfinite(expected)
    counts, means = np.where(known, observed, 0.0), np.where(known, expected, 1.0)
    law = nbinom(1.0 / dispersion, 1.0 / (1.0 + dispersion * means)) if dispersion > 0 else poisson(means)
    return np.where(known, law.sf(counts - 1), np.nan), np.where(known, law.cdf(counts), np.nan)

"""Counts of problems by place and week or month, with what was expected of each: what hot spots are looked for in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geodata.expected import LEAST_PERIODS, expected_counts

if TYPE_CHECKING:
    from storage.place_counts import Counts

__all__ = ["ALL", "CATEGORY", "PROBLEM", "Panel", "build_panel", "usable_gap"]

ALL, CATEGORY, PROBLEM = "all", "category", "problem"
LEAST_A_YEAR = 100
"""Requests of the whole city in a year; of less nothing can be said place by place."""


@dataclass(frozen=True, slots=True)
class Panel:
    """M problems x N members x T periods.

    Attributes
    ----------
    problems
        M rows: ``problem_id`` from 0, ``level`` ("all", "category", "problem"), ``category_1``, ``category_2``; names empty above their level.
    members
        N codes.
    starts
        First day of each period, T.
    observed, expected
        Counts, and what would be expected were nothing special; NaN in the first periods, which have too little behind them.
    """

    problems: pd.DataFrame
    members: tuple[str, ...]
    starts: np.ndarray
    observed: np.ndarray
    expected: np.ndarray


def usable_gap(periods: int, wanted: int) -> int:
    """Periods between what is judged and what it is judged by: as many as wanted, or in a short history a third of it."""
    return max(min(wanted, (periods - LEAST_PERIODS) // 3), 1)


def build_panel(counts: Counts, periods_a_year: int, baseline: int, gap: int) -> Panel:
    """All requests, every category and every problem that has a hundred requests in some year.

    Parameters
    ----------
    counts
        By second level where places are counted, by first level where units are.
    periods_a_year
        52 or 12.
    baseline, gap
        As ``geodata.expected.expected_counts`` takes them, in periods; a gap too long for the history is shortened.
    """
    names, seen = counts.problems, counts.counts.astype("float64")
    rows: list[tuple[str, str, str]] = [(ALL, "", "")]
    sums = [seen.sum(axis=0)]
    for category in names["category_1"].unique():
        own = np.flatnonzero((names["category_1"] == category).to_numpy())
        if category:
            rows.append((CATEGORY, category, ""))
            sums.append(seen[own].sum(axis=0))
        for place in own:
            if category and names["category_2"].iloc[place]:
                rows.append((PROBLEM, category, names["category_2"].iloc[place]))
                sums.append(seen[place])
    kept = [number for number, values in enumerate(sums) if number == 0 or _busiest_year(values.sum(axis=0), periods_a_year) >= LEAST_A_YEAR]
    problems = pd.DataFrame([rows[number] for number in kept], columns=["level", "category_1", "category_2"])
    problems.insert(0, "problem_id", np.arange(len(problems)))
    observed = np.stack([sums[number] for number in kept])
    gap = usable_gap(observed.shape[2], gap)
    expected = np.concatenate([expected_counts(observed[:1], baseline, gap), _expected_of(observed[1:], baseline, gap)])
    return Panel(problems, counts.members, counts.starts, observed, expected)


def _busiest_year(totals: np.ndarray, periods: int) -> float:
    running = np.concatenate([[0.0], np.cumsum(totals)])
    return float((running[min(periods, len(totals)) :] - running[: -min(periods, len(totals))]).max()) if len(totals) else 0.0


def _expected_of(observed: np.ndarray, baseline: int, gap: int) -> np.ndarray:
    """Shares of categories lean on a place's share of all problems; without any category there is nothing to expect."""
    return expected_counts(observed, baseline, gap) if len(observed) else observed

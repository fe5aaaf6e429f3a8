"""How warnings did: which came true, which were false, what was missed, how long before, and whether the probabilities hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest

__all__ = ["BINS", "Record", "calibration", "first_warnings", "record", "records_by"]

BINS = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0)


@dataclass(frozen=True, slots=True)
class Record:
    """Counts of one rule's past.

    Attributes
    ----------
    hit_count, false_count, missed_count
        Windows that were warned of and came busy; warned of and did not; came busy without a warning.
    lead_days
        Mean days from the first warning of a hit to its window; NaN without hits.
    """

    hit_count: int
    false_count: int
    missed_count: int
    lead_days: float

    @property
    def precision(self) -> float:
        """Share of the warnings that came true; NaN without warnings."""
        return self.hit_count / warned if (warned := self.hit_count + self.false_count) else float("nan")

    @property
    def recall(self) -> float:
        """Share of the busy windows that were warned of; NaN where none was busy."""
        return self.hit_count / busy if (busy := self.hit_count + self.missed_count) else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN where neither is known."""
        whole = 2 * self.hit_count + self.false_count + self.missed_count
        return 2 * self.hit_count / whole if whole else float("nan")


def first_warnings(statements: pd.DataFrame) -> pd.DataFrame:
    """Statements of one window made at several cut-offs, made into one row a window.

    Parameters
    ----------
    statements
        ``unique_id``, ``window_start``, ``lead_days``, ``is_warned``, ``came_true`` and whatever else.

    Returns
    -------
    DataFrame
        One row a series and window: its first warning, or its last statement where there was none.
    """
    ordered = statements.sort_values(["is_warned", "lead_days"], ascending=[False, False], kind="stable")
    warned = ordered[ordered["is_warned"]].drop_duplicates(["unique_id", "window_start"])
    rest = ordered[~ordered["is_warned"]].sort_values("lead_days", kind="stable").drop_duplicates(["unique_id", "window_start"])
    both = pd.concat([warned, rest]).drop_duplicates(["unique_id", "window_start"])
    return both.sort_values(["unique_id", "window_start"], ignore_index=True)


def record(windows: pd.DataFrame) -> Record:
    """The record over windows, one row each with ``is_warned``, ``came_true`` and ``lead_days``."""
    warned, busy = windows["is_warned"].to_numpy(bool), windows["came_true"].to_numpy(bool)
    hits = warned & busy
    lead = float(windows["lead_days"].to_numpy(float)[hits].mean()) if hits.any() else float("nan")
    return Record(int(hits.sum()), int((warned & ~busy).sum()), int((busy & ~warned).sum()), lead)


def records_by(windows: pd.DataFrame, by: str) -> pd.DataFrame:
    """The record of each value of a column: ``by``, the three counts, ``precision``, ``recall``, ``lead_days``; most warned first."""
    rows = []
    for value, part in windows.groupby(by, sort=True, dropna=False):
        found = record(part)
        rows.append((value, found.hit_count, found.false_count, found.missed_count, found.precision, found.recall, found.lead_days))
    frame = pd.DataFrame(rows, columns=[by, "hit_count", "false_count", "missed_count", "precision", "recall", "lead_days"])
    return frame.sort_values(["hit_count", "false_count"], ascending=False, kind="stable", ignore_index=True)


def calibration(probability: np.ndarray, came_true: np.ndarray, bins: tuple[float, ...] = BINS) -> pd.DataFrame:
    """Whether what was said with a probability came true that often.

    Returns
    -------
    DataFrame
        One row a bin that has statements: ``low``, ``high``, ``statement_count``, ``said`` (mean probability), ``came`` (share that came true) and
        ``came_low``, ``came_high`` (95 %, Wilson score interval: Wilson 1927, Journal of the American Statistical Association 22:209; statements of one
        series are not independent, so the true interval is wider).
    """
    places = np.clip(np.digitize(probability, bins[1:-1]), 0, len(bins) - 2)
    rows = []
    for place in np.unique(places):
        inside = places == place
        count, came = int(inside.sum()), int(came_true[inside].sum())
        interval = binomtest(came, count).proportion_ci(0.95, method="wilson")
        rows.append((bins[place], bins[place + 1], count, float(probability[inside].mean()), came / count, interval.low, interval.high))
    return pd.DataFrame(rows, columns=["low", "high", "statement_count", "said", "came", "came_low", "came_high"])

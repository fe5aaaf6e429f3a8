"""Is what was delivered whole? The alarm for a fall in volume, which is about the data and never about the city.

A feed that breaks looks like a city without problems. So a day far below its like is a data alarm (数据报警): it is shown to
administrators, in a lane of its own, and is never a finding about a problem, a place or a unit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from governance.policy import PolicyBook

__all__ = ["DUPLICATE_DAYS", "DropRule", "alarm_runs", "closest_name", "delays", "drop_bound", "drop_rule", "late_days", "volume_drops"]

DUPLICATE_DAYS = 3
"""A ticket of the same caller, second-level category and place within so many days is a suspected duplicate (假定)."""

WEEK = 7
REFERENCES = 8
"""Same weekdays that a day is compared with."""

FEWEST_REFERENCES = 4
LOOK_BACK_WEEKS = 26
"""Days of alarm are no reference, but not for ever: after half a year a lower level is the new level."""

EXACT_UNTIL = 500
"""Above such a mean the normal tail is used: it is thicker than the skewed one on this side, so it alarms later, not sooner."""

MAD_TO_SD = 1.4826
OUTLIER = 3
"""Standard deviations beyond which a day of the past counts as so far off only. The square of the MAD alone, of 56 days, is too unsteady:
with it a feed of three times the Poisson variance alarmed on 0.27 % of sound days instead of 0.1 %."""
MEDIAN_VARIANCE = math.pi / 2
"""Variance of a median as a multiple of that of a mean, for normal values."""

LEAST_LIKENESS = 0.6
SKIPPED_KINDS = ("holiday", "makeup_workday")


@dataclass(frozen=True, slots=True)
class DropRule:
    """When a fall is an alarm: ``tail`` chance at most, ``share`` of the usual volume at most, ``weeks`` of history at least."""

    tail: float
    share: float
    weeks: int


def drop_rule(policies: PolicyBook, on: date) -> DropRule:
    """The rule in force on a day."""
    tail, share, weeks = (policies.entry(f"quality.drop_{name}", on).value for name in ("tail", "share", "weeks"))
    return DropRule(float(tail), float(share), int(weeks))


def late_days(policies: PolicyBook, on: date) -> int:
    """Days between acceptance and delivery above which a ticket is late, on a day."""
    return int(policies.entry("quality.late_days", on).value)


def drop_bound(mean: float, variance: float, tail: float) -> int:
    """The largest count y with P(Y <= y) < ``tail``; -1 where even 0 is not that rare.

    Y is negative binomial with this mean and variance, Poisson where the variance is not above the mean, and normal above a
    mean of 500.

    References
    ----------
    Negative binomial bounds for counts more scattered than Poisson: Noufaily et al., An improved algorithm for outbreak
    detection in multiple surveillance systems, Statistics in Medicine 32 (2013) 1206-1222, section 3.4; here the lower tail.
    """
    if mean <= 0:
        return -1
    if mean > EXACT_UNTIL:
        return max(-1, math.ceil(mean + NormalDist().inv_cdf(tail) * math.sqrt(variance)) - 1)
    steps = np.arange(1, math.ceil(mean) + 1, dtype="float64")
    if variance > mean:
        size = mean * mean / (variance - mean)
        first = size * math.log(size / (size + mean))
        logs = first + np.concatenate([[0.0], np.cumsum(np.log((steps - 1 + size) / steps) + math.log(mean / (size + mean)))])
    else:
        logs = -mean + np.concatenate([[0.0], np.cumsum(np.log(mean / steps))])
    return int(np.searchsorted(np.cumsum(np.exp(logs)), tail, side="left")) - 1


def volume_drops(days: pd.DataFrame, *, rule: DropRule) -> pd.DataFrame:
    r"""Each day's volume beside what the same weekdays before it let expect, and whether its fall is a data alarm.

    The expected volume m of a day is the median of the last 8 same weekdays that were neither holidays nor alarms. The
    scatter f is common to all weekdays: with r = (y - m) / sqrt(m) over the days compared with in the last week, drawn in to three
    standard deviations (1.4826 median|r|), f is the mean of r^2 times n / (n - 1), at least 1. A day is an alarm when its count is at most
    ``share`` of m and lies in the lower ``tail`` of a count with mean m and variance f m (1 + pi / (2 n)), the second part being the
    variance of the median itself. The last seven days together are tried in the same way, so that a feed too small to be seen in
    one day is seen in a week.

    Parameters
    ----------
    days
        Columns ``day`` (datetime64, no day twice), ``count``, and ``kind`` (text) where known: holidays and make-up workdays
        are neither tested nor compared with. Days missing between the first and the last are days without tickets.
    rule
        The rule in force.

    Returns
    -------
    DataFrame
        One row a day from the first to the last: ``day``, ``count``, ``expected`` (NaN: not tested), ``bound`` (the highest count
        that is an alarm, at least -1; NaN: not tested), ``is_alarm``.

    References
    ----------
    Comparing with the same weekdays of the weeks before: Farrington et al., A statistical algorithm for the early detection of
    outbreaks of infectious disease, Journal of the Royal Statistical Society A 159 (1996) 547-563. Median and MAD as the robust centre and scale:
    Iglewicz & Hoaglin, How to Detect and Handle Outliers, ASQC 1993. That a fall is to be read as a fault of the feed:
    practice of the CDC's syndromic surveillance programme (ESSENCE).
    """
    if days.empty:
        return pd.DataFrame({"day": pd.to_datetime([]), "count": [], "expected": [], "bound": [], "is_alarm": pd.Series([], dtype="bool")})
    whole = days.set_index("day").reindex(pd.date_range(days["day"].min(), days["day"].max(), name="day"))
    counts = whole["count"].fillna(0).to_numpy(dtype="float64")
    skipped = whole["kind"].isin(SKIPPED_KINDS).to_numpy() if "kind" in whole else np.zeros(len(counts), dtype="bool")
    series = _Series(counts, skipped, rule)
    for index in range(len(counts)):
        series.judge(index)
    found = {"count": counts.astype("int64"), "expected": series.expected, "bound": series.bounds, "is_alarm": series.alarms}
    return pd.DataFrame({"day": whole.index, **found})


class _Series:
    """A series of days judged in order: an alarm is no reference for the days after it."""

    def __init__(self, counts: np.ndarray, skipped: np.ndarray, rule: DropRule) -> None:
        self.counts, self.skipped, self.rule = counts, skipped, rule
        self.expected, self.bounds = np.full(len(counts), np.nan), np.full(len(counts), np.nan)
        self.variances = np.full(len(counts), np.nan)
        self.residuals: dict[int, np.ndarray] = {}
        self.alarms = np.zeros(len(counts), dtype="bool")

    def judge(self, index: int) -> None:
        """Fills the row of one day; the days before it are judged already."""
        own = self._references(index)
        if len(own) < FEWEST_REFERENCES:
            return
        mean = float(np.median(self.counts[own]))
        self.residuals[index] = (self.counts[own] - mean) / math.sqrt(max(mean, 1.0)) * math.sqrt(len(own) / (len(own) - 1))
        if index < self.rule.weeks * WEEK or self.skipped[index]:
            return
        variance = self._scatter(index) * mean * (1 + MEDIAN_VARIANCE / len(own))
        bound = min(drop_bound(mean, variance, self.rule.tail), math.floor(self.rule.share * mean))
        self.expected[index], self.bounds[index], self.variances[index] = mean, bound, variance
        is_below_usual = self.counts[index] <= self.rule.share * mean
        self.alarms[index] = self.counts[index] <= bound or (is_below_usual and self._week_is_low(index))

    def _references(self, index: int) -> np.ndarray:
        """The last same weekdays without alarm; all same weekdays where too few are left."""
        own = np.arange(index - WEEK, max(-1, index - LOOK_BACK_WEEKS * WEEK - 1), -WEEK)
        own = own[~self.skipped[own]]
        quiet = own[~self.alarms[own]]
        return (quiet if len(quiet) >= FEWEST_REFERENCES else own)[:REFERENCES]

    def _scatter(self, index: int) -> float:
        """Variance as a multiple of the mean over the references of a week's days, single outliers drawn in; at least 1."""
        week = np.concatenate([self.residuals[day] for day in range(index - WEEK + 1, index + 1) if day in self.residuals])
        limit = OUTLIER * max(1.0, MAD_TO_SD * float(np.median(np.abs(week))))
        return max(1.0, float(np.mean(np.clip(week, -limit, limit) ** 2)))

    def _week_is_low(self, index: int) -> bool:
        """Whether the last seven days together lie as low as a single day of alarm."""
        week = np.arange(index - WEEK + 1, index + 1)
        week = week[~np.isnan(self.expected[week])]
        if len(week) < FEWEST_REFERENCES:
            return False
        mean = float(self.expected[week].sum())
        bound = min(drop_bound(mean, float(self.variances[week].sum()), self.rule.tail), math.floor(self.rule.share * mean))
        return bool(self.counts[week].sum() <= bound)


def alarm_runs(drops: pd.DataFrame) -> pd.DataFrame:
    """Alarms as runs of days, newest first: ``start``, ``end``, ``day_count``, ``count``, ``expected``.

    Days that were not tested, and quiet days, end a run; ``drops`` is as made by `volume_drops`.
    """
    tested = drops[drops["expected"].notna()].reset_index(drop=True)
    run = (tested["is_alarm"] != tested["is_alarm"].shift()).cumsum()
    rows = tested[tested["is_alarm"]]
    runs = rows.groupby(run[tested["is_alarm"]]).agg(
        start=("day", "min"), end=("day", "max"), day_count=("day", "size"), count=("count", "sum"), expected=("expected", "sum")
    )
    return runs.sort_values("start", ascending=False, ignore_index=True)


def delays(arrivals: pd.DataFrame, late_after: int) -> pd.DataFrame:
    """How many days tickets took to arrive, by month of acceptance.

    Parameters
    ----------
    arrivals
        Columns ``month``, ``lag_days`` (whole, at least 0), ``ticket_count`` (above 0).
    late_after
        Days above which a ticket is late.

    Returns
    -------
    DataFrame
        One row a month, oldest first: ``month``, ``arrived_count``, ``median_days``, ``p90_days`` (the smallest number of days within
        which half, and nine tenths, had arrived), ``late_count``.
    """
    rows = arrivals.sort_values(["month", "lag_days"])
    running = rows.groupby("month")["ticket_count"].cumsum()
    total = rows.groupby("month")["ticket_count"].transform("sum")
    months = rows.groupby("month").agg(arrived_count=("ticket_count", "sum"))
    months["median_days"] = rows[2 * running >= total].groupby("month")["lag_days"].first()
    months["p90_days"] = rows[10 * running >= 9 * total].groupby("month")["lag_days"].first()
    months["late_count"] = rows["ticket_count"].where(rows["lag_days"] > late_after, 0).groupby(rows["month"]).sum()
    return months.reset_index()


def closest_name(label: str, names: Sequence[str]) -> str | None:
    """The known name most like a label, None where none is much like it; a suggestion for a person, never a mapping.

    References
    ----------
    Likeness 2 M / T with M matching letters: Ratcliff & Metzener, Pattern matching: the gestalt approach, Dr. Dobb's Journal 7 (1988) 46.
    """
    found = get_close_matches(label, names, n=1, cutoff=LEAST_LIKENESS)
    return found[0] if found else None

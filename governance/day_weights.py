"""How many tickets a day of each kind brings, compared with the average day of an ordinary week.

A month with ten weekend days has fewer tickets than one with eight although nothing has changed. Weights make periods
comparable: a period's exposure is the sum of its days' weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

__all__ = ["UNIT", "DayWeights", "day_weights"]

UNIT = 10_000
"""A weight of 1 in units. Weights are whole numbers of units, so that what is reckoned with them adds up exactly."""

WINDOW = 35
"""Days of the centred moving average: odd, so that it has a middle, and whole weeks, so that each weekday counts alike."""

SHRINKAGE_DAYS = 4
"""A class of days counts as if it had been seen on so many days more with the weight of its parent."""

PASSES = 3
"""Level and weights depend on each other; with counts of a Poisson city the third pass changes no weight by more than 0.1 %."""

PARENTS = {"holiday": "weekend", "makeup_workday": "workday"}
"""Rare kinds, each pooled over weekdays and leaning on the ordinary kind that it is most like; all others are split by weekday."""

ORDINARY_WEEK = [*(("workday", weekday) for weekday in range(5)), ("weekend", 5), ("weekend", 6)]

DayClass = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class DayWeights:
    """Weights of days in units; 1 (10,000 units) is the average day of an ordinary week.

    ``units`` maps (kind, weekday) and (kind, None), the kind as a whole, to whole numbers, at least 1. A class that is not
    there has the weight of its kind, else of its kind's parent, else 1.
    """

    units: Mapping[DayClass, int]

    def of(self, kind: str, weekday: int) -> int:
        """Weight in units of a day of that kind on that weekday (0 is Monday)."""
        for key in ((kind, weekday), (kind, None), (PARENTS.get(kind, kind), None)):
            if key in self.units:
                return self.units[key]
        return UNIT

    def exposure(self, days: pd.DataFrame) -> int:
        """The sum of the weights of some days, in units; columns ``day`` and ``kind``, one row a day."""
        return sum(self.of(str(kind), day.weekday()) for day, kind in zip(days["day"], days["kind"], strict=True))


def day_weights(history: pd.DataFrame) -> DayWeights:
    r"""Weights of the kinds of day, estimated from daily counts.

    Each count is compared with the level around it, so that neither trend nor season bends the weights:
    w_k = sum of counts / sum of levels over the days of class k, where the level is the centred moving average of
    ordinary days, each count divided by its own weight. Days are classed by kind and weekday, holidays and
    make-up workdays by kind alone; a class seen on n days is drawn to its parent,
    w = (n w_k + m w_parent) / (n + m) with m = 4.

    Parameters
    ----------
    history
        Columns ``day`` (datetime64), ``kind`` (text: workday, weekend, holiday, makeup_workday, or others), ``count``
        (tickets that day, 0 where there were none; NaN where nothing is known, such a day is left out). Rows of one
        day are added up.

    Returns
    -------
    DayWeights
        All weights are 1 where there is no history or it has no tickets.

    Raises
    ------
    ValueError
        A column is missing.

    References
    ----------
    Ratio to moving average: Macaulay, The Smoothing of Time Series, NBER 1931. Ratio of observed to expected sums as
    the maximum-likelihood weight of Poisson counts: Breslow & Day, Statistical Methods in Cancer Research II, 1987, chapter 2.
    """
    if missing := {"day", "kind", "count"} - set(history.columns):
        message = f"day_weights: missing columns {sorted(missing)}; found {list(history.columns)}"
        raise ValueError(message)
    days = history.dropna(subset=["count"]).groupby(["day", "kind"])["count"].sum().reset_index()
    if days.empty or not days["count"].sum():
        return DayWeights({})
    kinds, weekdays = days["kind"].astype(str), days["day"].dt.day_of_week
    days["class"] = [(kind, None if kind in PARENTS else weekday) for kind, weekday in zip(kinds, weekdays, strict=True)]
    days["kind"] = kinds
    weights: dict[DayClass, float] = {}
    for _pass in range(PASSES):
        days["level"] = _levels(days, weights)
        weights = _shrunk(days)
    mean = sum(_weight(weights, key) for key in ORDINARY_WEEK) / len(ORDINARY_WEEK)
    return DayWeights({key: max(1, round(weight / mean * UNIT)) for key, weight in weights.items()})


def _weight(weights: Mapping[DayClass, float], key: DayClass) -> float:
    return weights.get(key, weights.get((key[0], None), 1.0))


def _levels(days: pd.DataFrame, weights: Mapping[DayClass, float]) -> pd.Series:
    """The count that an average day would have had, around each day; special days do not count towards it."""
    ordinary = ~days["kind"].isin(list(PARENTS))
    if not ordinary.any():
        ordinary |= True
    weight = pd.Series([_weight(weights, key) for key in days["class"]], index=days.index)
    around = pd.DataFrame({"count": days["count"].where(ordinary), "weight": weight.where(ordinary)}).set_axis(days["day"])
    # a day may stand there twice with two kinds; the window needs each once
    sums = around.groupby(level=0).sum(min_count=1).asfreq("D").rolling(WINDOW, center=True, min_periods=1).sum()
    return (sums["count"] / sums["weight"]).reindex(days["day"]).set_axis(days.index)


def _shrunk(days: pd.DataFrame) -> dict[DayClass, float]:
    """Weight of each kind and of each class, the rare ones drawn to their parents."""
    usable = days[days["level"] > 0]
    weights: dict[DayClass, float] = {}
    kinds = sorted(set(usable["kind"]), key=lambda kind: kind in PARENTS)  # parents first
    for kind in kinds:
        rows = usable[usable["kind"] == kind]
        weights[kind, None] = _drawn(rows, weights.get((PARENTS.get(kind, kind), None), 1.0))
        if kind in PARENTS:
            continue
        for weekday, group in rows.groupby(rows["day"].dt.day_of_week):
            weights[kind, int(str(weekday))] = _drawn(group, weights[kind, None])
    return weights


def _drawn(rows: pd.DataFrame, parent: float) -> float:
    own = rows["count"].sum() / rows["level"].sum()
    return float((len(rows) * own + SHRINKAGE_DAYS * parent) / (len(rows) + SHRINKAGE_DAYS))

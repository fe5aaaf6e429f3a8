"""Which days are work days, holidays and the Spring Festival, under the arrangements of the State Council."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["DAY_KINDS", "days_to_festival", "kinds_of_days", "weekday_of", "written_day"]

DAY_KINDS = ("workday", "weekend", "holiday", "festival")
SATURDAY = 5
AFTER_DAYS = 60
EPOCH_WEEKDAY = 3
"""1 January 1970 was a Thursday."""


def weekday_of(days: np.ndarray) -> np.ndarray:
    """0 for Monday to 6 for Sunday."""
    return (days.astype("datetime64[D]").astype("int64") + EPOCH_WEEKDAY) % 7


def kinds_of_days(days: np.ndarray, holidays: pd.DataFrame) -> np.ndarray:
    """Number in ``DAY_KINDS`` of each day; weekends that are worked count as work days."""
    kinds = np.where(weekday_of(days) >= SATURDAY, 1, 0)
    for word, number in (("workday", 0), ("holiday", 2), ("festival", 3)):
        own = holidays[holidays["kind"] == word]
        for first, last in own[["first", "last"]].to_numpy().astype("datetime64[D]"):
            kinds[(days >= first) & (days <= last)] = number
    return kinds


def days_to_festival(days: np.ndarray, holidays: pd.DataFrame) -> np.ndarray:
    """Days until the next first day of the Spring Festival holiday; negative up to ``AFTER_DAYS`` after one, large where none is near."""
    starts = holidays.loc[holidays["kind"] == "festival", "first"].to_numpy().astype("datetime64[D]")
    gaps = (starts[None, :] - days.astype("datetime64[D]")[:, None]).astype("int64")
    near = np.where(gaps < -AFTER_DAYS, 10_000, np.abs(gaps))
    return gaps[np.arange(len(days)), near.argmin(axis=1)]


def written_day(year: int, month_day: str) -> np.datetime64:
    """The day written "11-07" in that year."""
    return np.datetime64(f"{year:04d}-{month_day}", "D")

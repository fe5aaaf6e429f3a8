"""Which days a chart shows for a period, and in which steps. Pure functions on dates and frames."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd

from governance.periods import Grain, Period

if TYPE_CHECKING:
    from datetime import date

__all__ = ["bucket", "for_chart", "trailing", "week_count", "week_index", "year_ago"]

WEEK = 7
DAYS_SHOWN_BY_DAY = 62  # more than two months of single days become an unreadable comb
DAYS_SHOWN_BY_WEEK = 400
SHORT_WINDOW = {Grain.DAY: 35, Grain.WEEK: 56}


def trailing(period: Period, days: int) -> Period:
    """The last ``days`` days up to the end of a period."""
    return Period(Grain.RANGE, period.end - timedelta(days=days - 1), period.end)


def for_chart(period: Period) -> tuple[Period, str]:
    """The days a volume chart shows and its step: a lone day or week is shown with the weeks before it.

    Weeks are whole: a last week of two days would look like a fall.
    """
    if period.grain in SHORT_WINDOW:
        return trailing(period, SHORT_WINDOW[period.grain]), "day"
    window = Period(Grain.RANGE, period.start, period.end)
    if window.day_count <= DAYS_SHOWN_BY_DAY:
        return window, "day"
    if window.day_count > DAYS_SHOWN_BY_WEEK:
        return window, "month"
    whole = window.day_count // WEEK * WEEK
    return Period(Grain.RANGE, window.start, window.start + timedelta(days=whole - 1)), "week"


def year_ago(window: Period, grain: Grain) -> Period:
    """The days a year ago that stand beside a chart's window, as the period's own 同比 has them: Monday beside Monday for a day or a week."""
    return Period(grain if grain in SHORT_WINDOW else Grain.RANGE, window.start, window.end).year_ago()


def week_index(days: pd.Series, start: date) -> pd.Series:
    """Number of whole weeks from ``start``, beginning with 0."""
    return (pd.to_datetime(days) - pd.Timestamp(start)).dt.days // WEEK


def week_count(window: Period) -> int:
    """Number of weeks a window touches."""
    return -(-window.day_count // WEEK)


def bucket(daily: pd.DataFrame, start: date, step: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """Sums over days, weeks from ``start`` or months.

    Returns
    -------
    DataFrame
        Index: number of the step from ``start``; ``start`` (first day of the step) and the columns. Two
        windows of different years align by this index.
    """
    days = pd.to_datetime(daily["day"])
    first = pd.Timestamp(start)
    match step:
        case "day":
            number = (days - first).dt.days
        case "week":
            number = (days - first).dt.days // WEEK
        case _:
            number = (days.dt.year - first.year) * 12 + days.dt.month - first.month
    grouped = daily[list(columns)].groupby(number.to_numpy()).sum()
    grouped.insert(0, "start", days.groupby(number.to_numpy()).min())
    return grouped.rename_axis("step")

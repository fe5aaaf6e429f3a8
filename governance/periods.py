"""Periods of reporting: a day, ISO week, month, year or free range, the one before it and the same a year ago."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

__all__ = ["Grain", "Period", "filled_until", "month_end"]

ONE_DAY = timedelta(days=1)
MONTHS_COMPARED = 24
THIN_FACTOR = 3
"""A month is thin with less than a third of the daily volume of a typical month.

Half would be too strict: in a city whose topics follow the seasons a winter month has half a summer's tickets. A third
still separates a file that fades out: New York's council file falls from 79 tickets a day to 26, 7, 6, 2 and less.
"""


class Grain(StrEnum):
    """Length of a reporting period."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"
    RANGE = "range"


def _shift_year(day: date, years: int) -> date:
    """The same date in another year; 29 February becomes 28 February."""
    last = calendar.monthrange(day.year + years, day.month)[1]
    return date(day.year + years, day.month, min(day.day, last))


@dataclass(frozen=True, slots=True)
class Period:
    """Days ``start`` to ``end``, both inclusive.

    A period may be cut short (the running month up to the last day with data). Then ``before`` and
    ``year_ago`` are cut at the same number of days from their start, so that like is compared with like.
    """

    grain: Grain
    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end < self.start:
            message = f"period ends on {self.end}, before it starts on {self.start}"
            raise ValueError(message)

    @property
    def day_count(self) -> int:
        """Number of days, at least 1."""
        return (self.end - self.start).days + 1

    @classmethod
    def containing(cls, grain: Grain, day: date, *, until: date | None = None) -> Period:
        """The period of that grain around ``day``, cut at ``until`` where it would run past it.

        Raises
        ------
        ValueError
            ``grain`` is ``RANGE``, which has no natural bounds, or ``until`` lies before the start.
        """
        match grain:
            case Grain.DAY:
                start, end = day, day
            case Grain.WEEK:
                start = day - timedelta(days=day.weekday())
                end = start + timedelta(days=6)
            case Grain.MONTH:
                start = day.replace(day=1)
                end = day.replace(day=calendar.monthrange(day.year, day.month)[1])
            case Grain.YEAR:
                start, end = date(day.year, 1, 1), date(day.year, 12, 31)
            case _:
                message = "a free range has no natural bounds; build it from its two days"
                raise ValueError(message)
        return cls(grain, start, min(end, until) if until else end)

    def _whole(self) -> Period | None:
        return None if self.grain is Grain.RANGE else Period.containing(self.grain, self.start)

    def _cut_like(self, start: date, natural_end: date) -> Period:
        whole = self._whole()
        if whole is None or self.end < whole.end:
            natural_end = min(natural_end, start + timedelta(days=self.day_count - 1))
        return Period(self.grain, start, natural_end)

    def before(self) -> Period:
        """The period just before (环比): the previous day, week, month, year, or as many days."""
        last = self.start - ONE_DAY
        if self.grain is Grain.RANGE:
            return Period(self.grain, last - timedelta(days=self.day_count - 1), last)
        whole = Period.containing(self.grain, last)
        return self._cut_like(whole.start, whole.end)

    def year_ago(self) -> Period:
        """The same period a year ago (同比).

        Days and weeks go back 364 days, so that a Monday is compared with a Monday; months, years and
        ranges go back by the calendar.
        """
        if self.grain in (Grain.DAY, Grain.WEEK):
            back = timedelta(days=364)
            return Period(self.grain, self.start - back, self.end - back)
        start, end = _shift_year(self.start, -1), _shift_year(self.end, -1)
        if self.grain is Grain.RANGE:
            return Period(self.grain, start, end)
        whole = Period.containing(self.grain, start)
        return self._cut_like(whole.start, whole.end)


def month_end(day: date) -> date:
    """The last day of the month of ``day``."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def filled_until(months: list[tuple[date, int]], data_until: date) -> date:
    """The last day of the last well-filled month, at most ``data_until``.

    Months are compared by their volume a day, the running one by the days it has so far. The typical month is the one in
    which the middle ticket of the last 24 months with tickets lies. The middle month would not do: where a file fades
    out for a year, most of its last months are the thin ones.

    Parameters
    ----------
    months
        First day and tickets of each month that has tickets, in order.
    """
    daily = [(month, total / (min(month_end(month), data_until) - month + timedelta(days=1)).days, total) for month, total in months[-MONTHS_COMPARED:]]
    half = sum(total for _month, _volume, total in daily) / 2
    typical, seen = 0.0, 0
    for _month, volume, total in sorted(daily, key=lambda item: item[1], reverse=True):
        typical, seen = volume, seen + total
        if seen >= half:
            break
    filled = [month for month, volume, _total in daily if volume * THIN_FACTOR >= typical]
    return min(month_end(filled[-1]), data_until) if filled else data_until

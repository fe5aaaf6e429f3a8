"""Periods of reporting: a day, ISO week, month, year or free range, the one before it and the same a year ago."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

__all__ = ["Grain", "Period"]

ONE_DAY = timedelta(days=1)


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

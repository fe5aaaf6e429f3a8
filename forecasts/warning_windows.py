"""The windows that season warnings speak of: four weeks each, on one grid for all time, so that a window has one name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from forecasts.level import Blocks

__all__ = ["WINDOW_DAYS", "Window", "replay_cutoffs", "spans_of", "window_of", "windows_ahead"]

WINDOW_DAYS = 28
GRID_FROM = date(2018, 1, 1)
"""A Monday: windows are whole weeks, so that weekdays weigh alike in all of them."""


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Four weeks from a Monday of the grid."""

    start: date

    @property
    def end(self) -> date:
        """Its last day."""
        return self.start + timedelta(days=WINDOW_DAYS - 1)

    @property
    def before(self) -> Window:
        """The window that ends the day before this one starts."""
        return Window(self.start - timedelta(days=WINDOW_DAYS))

    def lead_days(self, cutoff: date) -> int:
        """Days between the last day that was known and the window's first; 0 where it starts the day after."""
        return (self.start - cutoff).days - 1


def window_of(day: date) -> Window:
    """The window a day lies in."""
    return Window(day - timedelta(days=(day - GRID_FROM).days % WINDOW_DAYS))


def windows_ahead(cutoff: date, least_days: int, most_days: int) -> tuple[Window, ...]:
    """Windows that start between so many days after the cut-off, both inclusive, earliest first."""
    found = []
    window = window_of(cutoff)
    while window.lead_days(cutoff) <= most_days:
        if window.lead_days(cutoff) >= least_days:
            found.append(window)
        window = Window(window.end + timedelta(days=1))
    return tuple(found)


def spans_of(windows: tuple[Window, ...], cutoff: date) -> Blocks:
    """The windows as steps of a daily horizon after the cut-off."""
    starts = tuple(window.lead_days(cutoff) for window in windows)
    return Blocks(starts, tuple(start + WINDOW_DAYS for start in starts))


def replay_cutoffs(first: date, last: date, least_days: int) -> tuple[date, ...]:
    """Past cut-offs at which the rule can be tried: ``least_days`` before a window, whose window is over by ``last``, none before ``first``."""
    found = []
    window = window_of(last + timedelta(days=1)).before
    while (cutoff := window.start - timedelta(days=least_days + 1)) >= first:
        found.append(cutoff)
        window = window.before
    return tuple(reversed(found))

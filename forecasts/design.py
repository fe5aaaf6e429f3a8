"""The columns of the count regression: weekdays, the yearly wave, what the calendar brings, and a level that may move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecasts import city_calendar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from forecasts.weather import Weather

__all__ = ["Design", "build_design"]

WEEK = 7
YEAR = 365.2425
LEVEL_DAYS = 91
LEAST_YEARS = 1.5
"""Less history than this cannot tell a season from a trend."""


@dataclass(frozen=True, slots=True)
class Design:
    """Columns for T + H steps.

    Attributes
    ----------
    columns
        (T + H) x P, float64; the first column is 1.
    blocks
        Of each column what it belongs to: "level", "weekday", "year", "calendar", "weather", "slope".
    spreads
        Of each column how far its coefficient may lie from its group's before any count is seen (standard deviation, in logarithms).
    least_steps
        Known steps below which a series tells nothing of its own season, a year and a half.
    """

    columns: np.ndarray
    blocks: np.ndarray
    spreads: np.ndarray
    least_steps: int

    @property
    def season(self) -> np.ndarray:
        """Which columns repeat with the calendar, as against those of the level."""
        return ~np.isin(self.blocks, ("level", "slope"))


def build_design(days: np.ndarray, horizon: int, step: int, calendar: str, harmonics: int, weather: Weather | None = None) -> Design:
    """The columns for the steps ``days`` and ``horizon`` more.

    Parameters
    ----------
    days
        First days of the T steps of the history, datetime64[D].
    horizon
        Steps ahead.
    step
        Days of a step, 1 or 7.
    calendar
        Code of the city's calendar, one of ``forecasts.calendars.CALENDARS``.
    harmonics
        Of the yearly wave; none are used where the history has less than a year and a half.
    weather
        Departures from usual weather, if they are to be columns too.

    Notes
    -----
    The yearly wave is a Fourier series; its coefficients are expected to fall off with the harmonic k as 1/k^2, which keeps the curve
    and its slope smooth. The level is piecewise linear in logarithms with a knot every 91 days and stays where it is after the last day.
    """
    every = np.concatenate([days, days[-1] + step * np.arange(1, horizon + 1).astype("timedelta64[D]")])
    parts: list[tuple[np.ndarray, str, Sequence[float]]] = [(np.ones((len(every), 1)), "level", [0.0])]
    if step == 1:
        parts.append((_weekdays(every), "weekday", [0.5] * (WEEK - 1)))
    if len(days) * step >= LEAST_YEARS * YEAR and harmonics:
        parts.append((_waves(every, step, harmonics), "year", [0.7 / order**2 for order in range(1, harmonics + 1) for _part in range(2)]))
    effects = _calendar(every, step, calendar)
    if effects.shape[1]:
        parts.append((effects, "calendar", [0.4] * effects.shape[1]))
    if weather is not None:
        departures = weather.columns(every, step, len(days))
        parts.append((departures, "weather", [0.2] * departures.shape[1]))
    slopes = _slopes(every, len(days), step)
    parts.append((slopes, "slope", [0.12] * slopes.shape[1]))
    columns = np.concatenate([part for part, _block, _spread in parts], axis=1)
    blocks = np.concatenate([[block] * part.shape[1] for part, block, _spread in parts])
    spreads = np.concatenate([spread for _part, _block, spread in parts])
    used = columns[: len(days)].std(axis=0) > 0
    used[0] = True
    return Design(columns[:, used], blocks[used], spreads[used], int(LEAST_YEARS * YEAR / step))


def _weekdays(days: np.ndarray) -> np.ndarray:
    """Six columns that sum to zero over a week, so that the level is the week's."""
    number = (days.astype("int64") + 3) % WEEK
    shares = np.eye(WEEK)[number]
    return shares[:, :-1] - shares[:, -1:]


def _waves(days: np.ndarray, step: int, harmonics: int) -> np.ndarray:
    turn = 2 * np.pi * (days.astype("int64") + (step - 1) / 2) / YEAR
    return np.stack([wave(order * turn) for order in range(1, harmonics + 1) for wave in (np.cos, np.sin)], axis=1)


def _calendar(days: np.ndarray, step: int, calendar: str) -> np.ndarray:
    """Effects of the calendar, their mean over a week for weekly steps."""
    last = days[-1] + np.timedelta64(step - 1, "D")
    effects = city_calendar.effects(calendar, days[0].astype(object), last.astype(object)).to_numpy(dtype="float64")
    return effects.reshape(len(days), step, -1).mean(axis=1)


def _slopes(days: np.ndarray, history: int, step: int) -> np.ndarray:
    """Ramps that rise from 0 to 1 within a quarter, the last of them ending with the history."""
    width = max(LEVEL_DAYS // step, 1)
    ends = np.arange(history - 1, width, -width)[::-1]
    place = np.arange(len(days))
    return np.clip((place[:, None] - (ends - width)[None, :]) / width, 0.0, 1.0)

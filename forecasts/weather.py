"""What the weather was, as departures from what is usual at that time of the year: columns for the count regression."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Weather", "weather_of"]

YEAR = 365.2425
WAVES = 3
NO_SCATTER = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Weather:
    """Departures of K weather measures from their usual course of the year.

    Attributes
    ----------
    days
        N consecutive days, datetime64[D].
    departures
        N x K, in standard deviations; 0 where nothing was measured.
    known_ahead
        Whether a forecast may look at the weather after its cut-off. No forecaster can: it shows what a perfect weather forecast would be worth.
    """

    days: np.ndarray
    departures: np.ndarray
    known_ahead: bool = False

    def columns(self, days: np.ndarray, step: int, history: int) -> np.ndarray:
        """Mean departures of steps of ``step`` days that begin on ``days``, T x K; 0, usual weather, after the first ``history``."""
        every = (days[:, None] + np.arange(step).astype("timedelta64[D]")).ravel()
        place = (every - self.days[0]).astype("int64")
        known = (place >= 0) & (place < len(self.days))
        found = np.where(known[:, None], self.departures[np.clip(place, 0, len(self.days) - 1)], 0.0)
        means = found.reshape(len(days), step, -1).mean(axis=1)
        if not self.known_ahead:
            means[history:] = 0.0
        return np.asarray(means)


def weather_of(days: np.ndarray, measured: np.ndarray, until: np.datetime64, *, known_ahead: bool = False) -> Weather:
    """Departures of what was measured from its mean course of the year, a Fourier series with three waves fitted by least squares.

    Parameters
    ----------
    days
        N consecutive days.
    measured
        N x K; NaN where nothing was measured.
    until
        Last day from which the usual course and the scatter are learned, so that no cut-off after it sees its own future.
    """
    turn = 2 * np.pi * days.astype("datetime64[D]").astype("int64") / YEAR
    waves = np.stack([np.ones(len(days)), *(wave(order * turn) for order in range(1, WAVES + 1) for wave in (np.cos, np.sin))], axis=1)
    departures = np.zeros(measured.shape)
    for place, column in enumerate(measured.T):
        learned = np.isfinite(column) & (days <= until)
        usual = waves @ np.linalg.lstsq(waves[learned], column[learned], rcond=None)[0]
        scatter = (column - usual)[learned].std()
        if scatter > NO_SCATTER * max(np.abs(column[learned]).max(initial=0.0), 1.0):  # what never varied tells nothing of what it will do
            departures[:, place] = np.nan_to_num((column - usual) / scatter)
    return Weather(days, departures, known_ahead)

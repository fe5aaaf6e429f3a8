"""Weather as columns of the count regression: departures from usual, none after the cut-off, and worth something where weather rules."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from forecasts.panel import Panel
from forecasts.pooled import PooledCounts
from forecasts.weather import Weather, weather_of

DAYS = np.arange(np.datetime64("2020-01-01"), np.datetime64("2024-01-01"))
CUTOFF, HORIZON = date(2023, 8, 31), 60


def measured() -> np.ndarray:
    """Temperature with a season, and rain without; degrees and millimetres made up."""
    chance = np.random.default_rng(5)
    turn = 2 * np.pi * np.arange(len(DAYS)) / 365.2425
    return np.stack([12 - 14 * np.cos(turn) + chance.normal(0, 3, len(DAYS)), chance.exponential(2, len(DAYS))], axis=1)


@pytest.fixture(scope="module")
def weather() -> Weather:
    return weather_of(DAYS, measured(), np.datetime64(CUTOFF))


@pytest.fixture(scope="module")
def panel(weather: Weather) -> Panel:
    """Two problems that double with every two standard deviations of unusual warmth."""
    mean = 30 * np.exp(0.35 * weather.departures[:, 0])
    counts = np.random.default_rng(6).poisson(np.stack([mean, mean / 2])).astype("float64")
    return Panel(("a", "b"), DAYS, counts, groups=("heat", "heat"))


def test_departures_have_no_season_and_one_standard_deviation(weather: Weather) -> None:
    learned = weather.departures[np.datetime64(CUTOFF) >= DAYS]
    np.testing.assert_allclose(learned.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(learned.std(axis=0), 1, rtol=1e-6)
    winter = np.isin(DAYS.astype("datetime64[M]").astype(int) % 12, (0, 1))
    assert abs(weather.departures[winter, 0].mean()) < 0.15


def test_what_was_not_measured_is_usual() -> None:
    gaps = measured()
    gaps[100:120] = np.nan
    found = weather_of(DAYS, gaps, np.datetime64(CUTOFF))
    assert (found.departures[100:120] == 0).all()
    before = found.columns(np.array([np.datetime64("2019-12-30")]), 7, 1)
    np.testing.assert_allclose(before[0], found.departures[:5].sum(axis=0) / 7)


def test_weather_after_the_cutoff_changes_nothing_unless_it_is_foreseen(panel: Panel, weather: Weather) -> None:
    later = measured()
    later[np.datetime64(CUTOFF) < DAYS] += 25
    for is_foreseen in (False, True):
        first = Weather(DAYS, weather.departures, is_foreseen)
        other = weather_of(DAYS, later, np.datetime64(CUTOFF), known_ahead=is_foreseen)
        said = [PooledCounts(weather=one).fit_predict(panel, HORIZON, CUTOFF).mean for one in (first, other)]
        assert np.array_equal(*said) is not is_foreseen


def test_foreseen_weather_halves_the_error_where_weather_rules(panel: Panel, weather: Weather) -> None:
    size = len(panel.until(CUTOFF).days)
    came = 30 * np.exp(0.35 * weather.departures[size : size + HORIZON, 0]) * np.array([[1.0], [0.5]])
    errors = [
        np.abs(PooledCounts(weather=one).fit_predict(panel, HORIZON, CUTOFF).mean - came).mean()
        for one in (None, Weather(DAYS, weather.departures, known_ahead=True))
    ]
    assert errors[1] < 0.5 * errors[0]


def test_what_never_varied_until_then_tells_nothing() -> None:
    dry = np.stack([measured()[:, 0], np.full(len(DAYS), 7.3)], axis=1)
    dry[np.datetime64(CUTOFF) < DAYS, 1] = 8.0
    found = weather_of(DAYS, dry, np.datetime64(CUTOFF))
    assert (found.departures[:, 1] == 0).all()
    assert np.abs(found.departures).max() < 10

"""The plain forecasts against loops, and what no forecast may do: look past its cut-off, or be sure of nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasts.baselines import LastYearLevel, SampleMean, SeasonalNaive
from forecasts.interface import LEVELS
from forecasts.panel import Panel

START = np.datetime64("2022-01-03")
MODELS = [SampleMean(), SeasonalNaive(), LastYearLevel()]


def panel(counts: np.ndarray, frequency: str = "D") -> Panel:
    step = {"D": 1, "W": 7}[frequency]
    ids = tuple(f"s{number}" for number in range(len(counts)))
    return Panel(ids, START + np.arange(counts.shape[1]) * np.timedelta64(step, "D"), counts.astype("float64"), frequency)


def last_day(history: Panel) -> date:
    return (history.days[-1] + np.timedelta64(history.step - 1, "D")).item()


def drawn(series: int, steps: int, seed: int = 0, level: float = 20.0) -> np.ndarray:
    return np.random.default_rng(seed).negative_binomial(5, 5 / (5 + level), (series, steps)).astype("float64")


def test_days_repeat_the_last_known_count_of_the_weekday():
    counts = drawn(3, 100)
    counts[1, -3:] = np.nan
    counts[2, :96] = np.nan
    forecast = SeasonalNaive().fit_predict(panel(counts), 17, last_day(panel(counts)))
    for row in range(3):
        for ahead in range(17):
            seen = [counts[row, step] for step in range(99, -1, -1) if (step - 100 - ahead) % 7 == 0 and not math.isnan(counts[row, step])]
            assert forecast.mean[row, ahead] == (seen[0] if seen else counts[row, 99])
    assert forecast.models == ("seasonal_naive",) * 3


def test_weeks_repeat_those_of_a_year_ago_else_the_last():
    counts = drawn(2, 120)
    counts[1, :70] = np.nan
    history = panel(counts, "W")
    forecast = SeasonalNaive().fit_predict(history, 60, last_day(history))
    np.testing.assert_array_equal(forecast.mean[0], np.concatenate([counts[0, 68:], counts[0, 68:76]]))
    np.testing.assert_array_equal(forecast.mean[1], np.full(60, counts[1, -1]))


def test_naive_variance_grows_with_the_seasons_ahead():
    # 700 weeks of the same Poisson process: the spread a week ahead is that of a difference, and twice that two weeks ahead
    counts = np.random.default_rng(3).poisson(400.0, (1, 4900))
    forecast = SeasonalNaive().fit_predict(panel(counts), 14, last_day(panel(counts)), levels=(0.158655, 0.841345))
    width = (forecast.quantiles[0, :, 1] - forecast.quantiles[0, :, 0]) / 2
    assert width[:7] == pytest.approx(math.sqrt(800), rel=0.06)
    assert width[7:] == pytest.approx(math.sqrt(1600), rel=0.06)


def year_level_of(counts: list[float], ahead: int) -> float:
    """Last year's count at this year's level, by hand; all steps known."""
    end = len(counts)
    ratio = (sum(counts[end - 28 : end]) + 1) / (sum(counts[end - 392 : end - 364]) + 1)
    step = end + ahead
    while step >= end:
        step -= 364
    return counts[step] * min(5.0, max(0.2, ratio))


@pytest.mark.parametrize("growth", [1.0, 1.4, 0.01, 30.0])
def test_last_year_at_the_level_of_now(growth: float):
    counts = drawn(2, 900)
    counts[:, -364:] = np.round(counts[:, -364:] * growth)
    forecast = LastYearLevel().fit_predict(panel(counts), 400, last_day(panel(counts)))
    for row in range(2):
        assert forecast.mean[row] == pytest.approx([year_level_of(counts[row].tolist(), ahead) for ahead in range(400)])
    assert forecast.models == ("last_year_level",) * 2


def test_nothing_a_year_ago_divides_by_nothing():
    counts = drawn(1, 800)
    counts[:, 800 - 392 : 800 - 364] = 0
    forecast = LastYearLevel().fit_predict(panel(counts), 30, last_day(panel(counts)))
    assert np.isfinite(forecast.mean).all()
    assert np.isfinite(forecast.quantiles).all()


def test_a_day_unknown_a_year_ago_is_taken_two_years_ago_else_naive():
    counts = drawn(2, 1000)
    counts[0, 1000 - 364] = np.nan
    counts[1, [1000 - 364, 1000 - 728]] = np.nan
    forecast = LastYearLevel().fit_predict(panel(counts), 7, last_day(panel(counts)))
    ratio = (np.nansum(counts[:, -28:], axis=1) + 1) / (np.nansum(counts[:, -392:-364], axis=1) + 1)
    # the unknown day is no part of the year-ago window of the ratio, which ends the day before
    assert forecast.mean[0, 0] == pytest.approx(counts[0, 1000 - 728] * ratio[0])
    assert forecast.mean[1, 0] == counts[1, 1000 - 7]


def test_less_than_a_year_gets_the_naive_forecast_and_its_name():
    counts = drawn(2, 500)
    counts[1, :200] = np.nan
    history = panel(counts)
    forecast = LastYearLevel().fit_predict(history, 10, last_day(history))
    naive = SeasonalNaive().fit_predict(history, 10, last_day(history))
    assert forecast.models == ("last_year_level", "seasonal_naive")
    np.testing.assert_array_equal(forecast.quantiles[1], naive.quantiles[1])


@pytest.mark.parametrize("frequency", ["D", "W"])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_all_zero_and_all_unknown_series(model, frequency: str):
    counts = np.vstack([np.zeros(600), np.full(600, np.nan), drawn(1, 600)[0]])
    history = panel(counts, frequency)
    forecast = model.fit_predict(history, 10, last_day(history))
    assert (forecast.mean[0] == 0).all()
    assert (forecast.quantiles[0] == 0).all()
    assert np.isnan(forecast.mean[1]).all()
    assert np.isnan(forecast.quantiles[1]).all()
    assert forecast.models[1] == "none"
    assert np.isfinite(forecast.quantiles[2]).all()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_single_known_step(model):
    history = panel(np.array([[np.nan, 4.0]]))
    forecast = model.fit_predict(history, 3, last_day(history))
    assert (forecast.mean == 4).all()
    assert (np.diff(forecast.quantiles, axis=2) >= 0).all()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_forecast_of_each_series_does_not_depend_on_the_others(model):
    counts = drawn(4, 800)
    counts[1, :300] = np.nan
    counts[2, 500:520] = np.nan
    history = panel(counts)
    together = model.fit_predict(history, 20, last_day(history))
    for place in range(4):
        alone = model.fit_predict(history.of([place]), 20, last_day(history))
        np.testing.assert_array_equal(alone.mean[0], together.mean[place])
        np.testing.assert_array_equal(alone.quantiles[0], together.quantiles[place])


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(0, 599), frequency=st.sampled_from(["D", "W"]), horizon=st.integers(1, 120))
def test_later_counts_change_nothing(model, seed: int, cut: int, frequency: str, horizon: int):
    generator = np.random.default_rng(seed)
    counts = drawn(3, 600, seed, 3.0)
    counts[generator.random(counts.shape) < 0.1] = np.nan
    history = panel(counts, frequency)
    changed = counts.copy()
    changed[:, cut + 1 :] = generator.integers(0, 10_000, changed[:, cut + 1 :].shape)
    cutoff = (history.days[cut] + np.timedelta64(history.step - 1, "D")).item()
    one, other = (model.fit_predict(data, horizon, cutoff) for data in (history, replace(history, counts=changed)))
    np.testing.assert_array_equal(one.mean, other.mean)
    np.testing.assert_array_equal(one.quantiles, other.quantiles)
    assert one.models == other.models
    assert one.days[0] == history.days[cut] + np.timedelta64(history.step, "D")
    known = ~np.isnan(one.mean)
    assert (np.diff(one.quantiles[known], axis=-1) >= 0).all()
    assert (one.mean[known] >= 0).all()


@pytest.mark.parametrize("level", [0.3, 3.0, 60.0])
@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_intervals_hold_what_comes(model, level: float):
    counts = drawn(60, 1120, 11, level)
    history = panel(counts)
    forecast = model.fit_predict(history, 28, history.days[-29].item())
    actual = counts[:, -28:, None]
    lower, upper = (forecast.quantiles[:, :, [LEVELS.index(end)]] for end in (0.1, 0.9))
    assert np.mean((actual >= lower) & (actual <= upper)) > 0.76
    lower, upper = (forecast.quantiles[:, :, [LEVELS.index(end)]] for end in (0.025, 0.975))
    assert np.mean((actual >= lower) & (actual <= upper)) > 0.93


def test_nothing_yesterday_is_not_nothing_for_certain_tomorrow():
    counts = np.random.default_rng(5).poisson(0.5, (1, 800)).astype("float64")
    counts[0, -7:] = 0
    counts[0, -364:-357] = 0
    for model in (SeasonalNaive(), LastYearLevel()):
        forecast = model.fit_predict(panel(counts), 7, last_day(panel(counts)))
        assert (forecast.mean == 0).all()
        assert (forecast.quantiles[0, :, -1] >= 1).all()


def test_a_weekday_without_service_stays_without():
    counts = drawn(1, 800)
    counts[0, 5::7] = 0
    history = panel(counts)
    forecast = SeasonalNaive().fit_predict(history, 28, last_day(history))
    closed = (800 + np.arange(28)) % 7 == 5
    assert (forecast.quantiles[0, closed] == 0).all()
    assert (forecast.quantiles[0, ~closed, -1] > 0).all()

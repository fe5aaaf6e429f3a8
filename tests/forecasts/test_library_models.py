"""The models of the libraries: the same numbers as the library called directly, and a labelled way out where it cannot be used."""

from __future__ import annotations

import logging
import subprocess
import sys
import warnings
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecasts import library_models
from forecasts.baselines import LastYearLevel, SampleMean, SeasonalNaive
from forecasts.calendars import day_kinds
from forecasts.interface import LEVELS
from forecasts.library_models import PROPHET_CONFIGURATIONS, Components, Ets, ProphetModel, StlArima
from forecasts.panel import Panel

START = np.datetime64("2022-01-03")
STATSMODELS = [Ets(), StlArima(), Components()]
SEASONAL = {"D": 7, "W": 52}


def panel(counts: np.ndarray, frequency: str = "D") -> Panel:
    step = {"D": 1, "W": 7}[frequency]
    ids = tuple(f"s{number}" for number in range(len(counts)))
    return Panel(ids, START + np.arange(counts.shape[1]) * np.timedelta64(step, "D"), counts.astype("float64"), frequency)


def last_day(history: Panel) -> date:
    return (history.days[-1] + np.timedelta64(history.step - 1, "D")).item()


def drawn(series: int, steps: int, seed: int = 0, level: float = 60.0, frequency: str = "D") -> np.ndarray:
    """Counts with a season of the week and of the year."""
    generator = np.random.default_rng(seed)
    day = np.arange(steps) * {"D": 1, "W": 7}[frequency]
    mean = level * np.exp(0.3 * np.sin(2 * np.pi * day / 365.25) + 0.2 * np.cos(2 * np.pi * day / 7))
    return generator.negative_binomial(20, 20 / (20 + mean), (series, steps)).astype("float64")


def check_shape(forecast, frequency: str = "D") -> None:
    assert np.isfinite(forecast.mean).all()
    assert np.isfinite(forecast.quantiles).all()
    assert (forecast.mean >= 0).all()
    assert (forecast.quantiles >= 0).all()
    assert (np.diff(forecast.quantiles, axis=2) >= 0).all()
    assert (forecast.quantiles[:, :, 0] <= forecast.mean).all()
    assert (forecast.quantiles[:, :, -1] >= forecast.mean).all()


# The same as the library


def test_ets_is_that_of_statsmodels():
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    counts = drawn(1, 200)
    forecast = Ets().fit_predict(panel(counts), 14, last_day(panel(counts)), levels=(0.05, 0.95))
    series = pd.Series(counts[0], index=pd.date_range("2022-01-03", periods=200, freq="D"))
    model = ETSModel(series, error="add", trend="add", damped_trend=True, seasonal="add", seasonal_periods=7, initialization_method="heuristic")
    direct = model.fit(disp=False).get_prediction(start=200, end=213)
    np.testing.assert_allclose(forecast.mean[0], direct.predicted_mean, atol=1e-6)
    np.testing.assert_allclose(forecast.quantiles[0], direct.pred_int(0.1).to_numpy(), atol=1e-6)
    assert forecast.models == ("ets",)


@pytest.mark.parametrize(("steps", "season"), [(120, None), (170, 52)])
def test_weekly_ets_has_a_season_from_three_years_on(steps: int, season: int | None):
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    counts = drawn(1, steps, frequency="W")
    history = panel(counts, "W")
    forecast = Ets().fit_predict(history, 8, last_day(history))
    seasonal = {"seasonal": "add", "seasonal_periods": season} if season else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = ETSModel(pd.Series(counts[0]), error="add", trend="add", damped_trend=True, initialization_method="heuristic", **seasonal)
        direct = model.fit(disp=False).forecast(8)
    np.testing.assert_allclose(forecast.mean[0], direct, atol=1e-6)


@pytest.mark.parametrize(("frequency", "steps"), [("D", 200), ("W", 130)])
def test_stl_is_that_of_statsmodels(frequency: str, steps: int):
    from statsmodels.tsa.arima.model import ARIMA
    from statsmodels.tsa.forecasting.stl import STLForecast

    counts = drawn(1, steps, frequency=frequency)
    history = panel(counts, frequency)
    forecast = StlArima().fit_predict(history, 10, last_day(history), levels=(0.05, 0.95))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = STLForecast(pd.Series(counts[0]), ARIMA, model_kwargs={"order": (1, 1, 1)}, period=SEASONAL[frequency], robust=True).fit()
        direct = fitted.get_prediction(steps, steps + 9)
    np.testing.assert_allclose(forecast.mean[0], direct.predicted_mean, atol=1e-6)
    np.testing.assert_allclose(forecast.quantiles[0], direct.conf_int(alpha=0.1), atol=1e-6)
    assert forecast.models == ("stl_arima",)


@pytest.mark.parametrize(("frequency", "steps", "has_waves"), [("D", 200, False), ("D", 740, True), ("W", 120, True)])
def test_components_are_those_of_statsmodels(frequency: str, steps: int, has_waves: bool):
    from statsmodels.tsa.statespace.structural import UnobservedComponents

    counts = drawn(1, steps, frequency=frequency)
    counts[0, 50:55] = np.nan
    history = panel(counts, frequency)
    forecast = Components(harmonics=2).fit_predict(history, 10, last_day(history), levels=(0.05, 0.95))
    angle = 2 * np.pi / 365.25 * (np.concatenate([history.days, history.ahead(10)]) - np.datetime64("1970-01-01")).astype(int)
    waves = np.column_stack([np.sin(angle), np.cos(angle), np.sin(2 * angle), np.cos(2 * angle)])
    exog, exog_ahead = (waves[:steps], waves[steps:]) if has_waves else (None, None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = UnobservedComponents(counts[0], "llevel", seasonal=7 if frequency == "D" else None, exog=exog, mle_regression=False)
        direct = model.fit(disp=False, maxiter=200, cov_type="none").get_forecast(10, exog=exog_ahead)
    np.testing.assert_allclose(forecast.mean[0], direct.predicted_mean, atol=1e-6)
    np.testing.assert_allclose(forecast.quantiles[0], direct.conf_int(alpha=0.1), atol=1e-6)
    assert forecast.models == ("components",)


@pytest.mark.parametrize("configuration", PROPHET_CONFIGURATIONS)
def test_prophet_is_prophet(configuration: str):
    from prophet import Prophet

    counts = drawn(1, 400)
    counts[0, 100:110] = np.nan
    before = np.random.get_state()[1].copy()  # noqa: NPY002 - the generator Prophet draws from
    forecast = ProphetModel(configuration, "CN-BJ").fit_predict(panel(counts), 30, last_day(panel(counts)))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002

    days = pd.date_range("2022-01-03", periods=430)
    holidays = None
    if configuration != "prophet":
        kinds = day_kinds("CN-BJ", days[0].date(), days[-1].date())
        rows = [
            (day, name if kind == "holiday" else "makeup_workday")
            for day, kind, name in zip(kinds["day"], kinds["kind"], kinds["name"], strict=True)
            if kind in {"holiday", "makeup_workday"}
        ]
        holidays = pd.DataFrame(rows, columns=["ds", "holiday"])
    model = Prophet(holidays=holidays, seasonality_mode="multiplicative" if configuration == "prophet_multiplicative" else "additive")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(pd.DataFrame({"ds": days[:400], "y": counts[0]}))
        direct = model.predict(pd.DataFrame({"ds": days[400:]}))
    np.testing.assert_allclose(forecast.mean[0], direct["yhat"], rtol=1e-9)
    # quantiles are of other draws of the same distribution: alike over all days, on one day they may be apart
    for level, bound in ((0.1, direct["yhat_lower"]), (0.9, direct["yhat_upper"])):
        apart = forecast.quantiles[0, :, LEVELS.index(level)] - bound.to_numpy()
        assert abs(apart.mean()) < 1.5
        assert np.abs(apart).max() < 8
    assert forecast.models == (configuration,)
    check_shape(forecast)


def test_weekly_holidays_lie_on_the_first_day_of_their_week():
    days = START + np.arange(120) * np.timedelta64(7, "D")
    series = library_models._Series(np.ones(110), days[:110], days[110:], "W")
    holidays = ProphetModel("prophet_holidays", "CN-BJ")._holidays(series)
    assert set(holidays["ds"].to_numpy().astype("datetime64[D]")) <= set(days)
    assert not holidays.duplicated().any()
    # National Day 2023, Sunday 1 October, with the free days up to Friday the 6th: two weeks
    national = holidays.loc[holidays["holiday"].str.contains("国庆节"), "ds"].dt.date.tolist()
    assert [day for day in national if day.year == 2023] == [date(2023, 9, 25), date(2023, 10, 2)]
    assert "makeup_workday" in set(holidays["holiday"])
    assert ProphetModel("prophet_holidays", "none")._holidays(series) is None


# What must hold for all


@pytest.mark.parametrize("frequency", ["D", "W"])
@pytest.mark.parametrize("model", STATSMODELS, ids=lambda model: model.name)
def test_later_counts_change_nothing(model, frequency: str):
    counts = drawn(2, 170, frequency=frequency)
    counts[1, 40:45] = np.nan
    history = panel(counts, frequency)
    changed = counts.copy()
    changed[:, 140:] = 10_000.0
    cutoff = (history.days[139] + np.timedelta64(history.step - 1, "D")).item()
    one, other = (model.fit_predict(data, 12, cutoff) for data in (history, replace(history, counts=changed)))
    np.testing.assert_array_equal(one.mean, other.mean)
    np.testing.assert_array_equal(one.quantiles, other.quantiles)
    assert one.models == other.models == (model.name,) * 2
    assert one.days[0] == history.days[140]
    check_shape(one)


def test_later_counts_change_nothing_for_prophet():
    counts = drawn(1, 130)
    history = panel(counts)
    changed = counts.copy()
    changed[:, 110:] = 10_000.0
    one = ProphetModel().fit_predict(history, 12, history.days[109].item())
    np.random.random()  # noqa: NPY002 - what others draw must not matter either
    other = ProphetModel().fit_predict(replace(history, counts=changed), 12, history.days[109].item())
    np.testing.assert_array_equal(one.mean, other.mean)
    np.testing.assert_array_equal(one.quantiles, other.quantiles)


@pytest.mark.parametrize("model", [*STATSMODELS, ProphetModel("prophet_holidays", "CN-BJ")], ids=lambda model: model.name)
def test_plain_short_and_unknown_series_get_a_simpler_model_by_name(model):
    counts = np.full((6, 120), np.nan)
    counts[0] = 0
    counts[1] = 5
    counts[2, -10:] = drawn(1, 10)
    counts[3, -25:] = drawn(1, 25)
    counts[4, 5] = 3
    forecast = model.fit_predict(panel(counts), 9, last_day(panel(counts)))
    assert forecast.models == ("mean", "mean", "mean", "seasonal_naive", "mean", "none")
    check_shape(replace_rows(forecast, 5))
    assert (forecast.quantiles[0] == 0).all()
    assert (forecast.mean[1] == 5).all()
    assert (forecast.mean[4] == 3).all()
    assert np.isnan(forecast.mean[5]).all()
    mean = SampleMean().fit_predict(panel(counts), 9, last_day(panel(counts)))
    naive = SeasonalNaive().fit_predict(panel(counts), 9, last_day(panel(counts)))
    np.testing.assert_array_equal(forecast.quantiles[2], mean.quantiles[2])
    np.testing.assert_array_equal(forecast.quantiles[3], naive.quantiles[3])


def replace_rows(forecast, rows: int):
    return replace(forecast, ids=forecast.ids[:rows], mean=forecast.mean[:rows], quantiles=forecast.quantiles[:rows], models=forecast.models[:rows])


def test_stl_of_weeks_needs_two_years():
    counts = drawn(3, 103, frequency="W")
    counts[1, :53] = np.nan
    history = panel(counts, "W")
    forecast = StlArima().fit_predict(history, 5, last_day(history))
    assert forecast.models == ("seasonal_naive", "mean", "seasonal_naive")


@pytest.mark.parametrize("model", STATSMODELS, ids=lambda model: model.name)
def test_late_beginning_is_the_same_as_a_short_history(model):
    counts = drawn(1, 150)
    late = np.concatenate([np.full((1, 80), np.nan), counts], axis=1)
    short = replace(panel(counts), days=panel(late).days[80:])
    one = model.fit_predict(panel(late), 10, last_day(panel(late)))
    other = model.fit_predict(short, 10, last_day(panel(late)))
    np.testing.assert_allclose(one.mean, other.mean, atol=1e-9)
    assert one.models == (model.name,)


@pytest.mark.parametrize("model", [*STATSMODELS, ProphetModel()], ids=lambda model: model.name)
def test_missing_days_are_not_zeros(model):
    generator = np.random.default_rng(4)
    counts = generator.poisson(100 + 40 * np.cos(2 * np.pi * np.arange(210) / 7), (1, 210)).astype("float64")
    whole = model.fit_predict(panel(counts), 14, last_day(panel(counts)))
    gaps = counts.copy()
    gaps[0, generator.choice(200, 20, replace=False)] = np.nan
    gaps[0, -24:-10] = np.nan
    gaps[0, -4:] = np.nan
    holey = model.fit_predict(panel(gaps), 14, last_day(panel(gaps)))
    assert holey.models == (model.name,)
    np.testing.assert_allclose(holey.mean, whole.mean, atol=25.0)
    check_shape(holey)


@pytest.mark.parametrize("model", STATSMODELS, ids=lambda model: model.name)
def test_intervals_hold_what_comes(model):
    counts = np.random.default_rng(8).negative_binomial(20, 0.25, (3, 150)).astype("float64")
    history = panel(counts)
    forecast = model.fit_predict(history, 14, history.days[-15].item())
    check_shape(forecast)
    actual = counts[:, -14:]
    inside = (actual >= forecast.quantiles[:, :, LEVELS.index(0.1)]) & (actual <= forecast.quantiles[:, :, LEVELS.index(0.9)])
    assert 0.6 < inside.mean() < 0.98


def test_low_counts_have_no_negative_ends():
    counts = np.random.default_rng(8).poisson(0.3, (1, 200)).astype("float64")
    for model in STATSMODELS:
        forecast = model.fit_predict(panel(counts), 7, last_day(panel(counts)))
        assert forecast.models == (model.name,)
        assert (forecast.quantiles[:, :, 0] < 1).all()
        check_shape(forecast)


# When the library fails


class Failing(Ets):
    def __init__(self, outcome) -> None:
        super().__init__()
        self.outcome = outcome

    def _one(self, series, levels):
        warnings.warn("not heard", stacklevel=1)
        logging.getLogger("cmdstanpy").error("not heard")
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return np.full(series.horizon, self.outcome), np.full((series.horizon, len(levels)), self.outcome)


@pytest.mark.parametrize("outcome", [ValueError("x"), RuntimeError("x"), np.linalg.LinAlgError("x"), np.nan, np.inf, 1e6, -1e6], ids=repr)
def test_a_failed_fit_gives_way_and_says_so(outcome, caplog, recwarn):
    counts = drawn(2, 500)
    counts[1, :350] = np.nan
    history = panel(counts)
    forecast = Failing(outcome).fit_predict(history, 7, last_day(history))
    assert forecast.models == ("last_year_level", "seasonal_naive")
    served = LastYearLevel().fit_predict(history, 7, last_day(history))
    np.testing.assert_array_equal(forecast.mean, served.mean)
    np.testing.assert_array_equal(forecast.quantiles, served.quantiles)
    assert not caplog.records
    assert not recwarn.list
    assert not logging.getLogger("cmdstanpy").disabled


def test_a_missing_library_is_not_hidden():
    counts = drawn(1, 100)
    with pytest.raises(ImportError):
        Failing(ImportError("no statsmodels")).fit_predict(panel(counts), 7, last_day(panel(counts)))


@pytest.mark.parametrize(("configuration", "calendar", "words"), [("prophets", "none", "configuration is 'prophets'"), ("prophet", "XX", "calendar is 'XX'")])
def test_unknown_configurations_and_calendars_are_refused(configuration: str, calendar: str, words: str):
    with pytest.raises(ValueError, match=words):
        ProphetModel(configuration, calendar)


def test_the_libraries_are_not_imported_with_the_module():
    code = "import sys, forecasts.library_models; sys.exit(any(name in sys.modules for name in ('prophet', 'statsmodels', 'cmdstanpy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

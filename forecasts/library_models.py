"""Forecasts by the models of statsmodels and Prophet, one series after another.

All share the same care. A series begins with its first known step. One with fewer than 30 known steps, or with less than two whole cycles of
the model's season, gets the seasonal naive forecast where there are two weeks of it, else the mean; one that never changes (all 0, say) the
mean. A fit that raises an error, or that ends in numbers that are not finite or beyond ten times the largest count, gives way to last year's
level. ``Forecast.models`` says which model served each series. Means are the library's own, quantiles those of its own predictive
distribution; both are raised to 0 where they are negative, as these models do not know that counts are not.

The libraries are imported when the first series is fitted. What they warn of or log is silenced around each fit alone; while it lasts the
process's warning filters are changed, so fits run in processes, not in threads.
"""

from __future__ import annotations

import logging
import warnings
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy.special import ndtri

from forecasts.baselines import LastYearLevel, SampleMean, SeasonalNaive
from forecasts.calendars import CALENDARS, DayKind, day_kinds
from forecasts.interface import LEVELS, Forecast

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from forecasts.panel import Panel

__all__ = ["PROPHET_CONFIGURATIONS", "Components", "Ets", "ProphetModel", "StlArima"]

FEWEST_STEPS = 30
FEWEST_CYCLES = 2
FEWEST_CYCLES_OF_ETS = 3
"""Years of weeks for which exponential smoothing learns 52 weeks; with two each would rest on two counts."""

WEEKDAYS = 7
WEEKS_OF_YEAR = 52
DAYS_OF_YEAR = 365.25
LARGEST_MULTIPLE = 10.0
"""A mean beyond this multiple of the largest count so far comes from a fit that did not converge."""

FAILURES = (ArithmeticError, LookupError, RuntimeError, ValueError)
"""What the libraries raise over data they cannot fit; a missing library or a wrong call is not among them and is not hidden."""

LOGGERS = ("cmdstanpy", "prophet", "prophet.models")
SAMPLES = 1000
SEED = 20_240_229
MOST_ITERATIONS = 200

PROPHET_CONFIGURATIONS = ("prophet", "prophet_holidays", "prophet_multiplicative")


@dataclass(frozen=True, slots=True)
class _Series:
    """One series from its first known step.

    Attributes
    ----------
    counts
        T counts, NaN where unknown; the first is known.
    days
        First day of each of T steps.
    ahead
        First day of each of H steps to forecast.
    frequency
        "D" or "W".
    """

    counts: np.ndarray
    days: np.ndarray
    ahead: np.ndarray
    frequency: str

    @property
    def horizon(self) -> int:
        return len(self.ahead)

    def filled(self, season: int) -> np.ndarray:
        """Counts up to the last known one; unknown ones lie on the line between the known ones before and after of the same place in the season.

        Before the first and after the last known one of its place a count is held.
        """
        counts = self.counts[: np.flatnonzero(~np.isnan(self.counts))[-1] + 1].copy()
        for places in (slice(start, None, season) for start in range(season)):
            part = counts[places]
            known = np.flatnonzero(~np.isnan(part))
            if known.size:
                counts[places] = np.interp(np.arange(part.size), known, part[known])
        known = np.flatnonzero(~np.isnan(counts))
        return np.interp(np.arange(counts.size), known, counts[known])


class _OneByOne(ABC):
    """A model that is fitted to each series by itself."""

    name: str

    def fit_predict(self, history: Panel, horizon: int, cutoff: date, *, levels: tuple[float, ...] = LEVELS) -> Forecast:
        """Forecast the ``horizon`` steps after the last step that is over by ``cutoff``; later counts are not looked at.

        A series of which nothing is known has NaN for its forecast and the label "none".
        """
        known = history.until(cutoff)
        days = known.ahead(horizon)
        mean = np.full((len(known.ids), horizon), np.nan)
        quantiles = np.full((len(known.ids), horizon, len(levels)), np.nan)
        models = [self.name] * len(known.ids)
        for place in range(len(known.ids)):
            answer = self._fitted(known, place, days, levels)
            if answer is None:
                served = self._simpler(known, place).fit_predict(known.of([place]), horizon, cutoff, levels=levels)
                mean[place], quantiles[place], models[place] = served.mean[0], served.quantiles[0], served.models[0]
            else:
                mean[place], quantiles[place] = answer
        return Forecast(known.ids, days, mean, levels, quantiles, tuple(models))

    def _fitted(self, known: Panel, place: int, days: np.ndarray, levels: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray] | None:
        """Mean (H) and quantiles (H x Q) of one series; None where a simpler model has to serve it."""
        if not self._is_enough(known, place):
            return None
        counts = known.counts[place]
        first = int((~np.isnan(counts)).argmax())
        series = _Series(counts[first:], known.days[first:], days, known.frequency)
        try:
            with _silenced():
                mean, quantiles = self._one(series, levels)
        except FAILURES:
            return None
        if not (np.isfinite(mean).all() and np.isfinite(quantiles).all()) or np.abs(mean).max() > LARGEST_MULTIPLE * np.nanmax(counts):
            return None
        return np.maximum(mean, 0.0), np.maximum.accumulate(np.maximum(quantiles, 0.0), axis=1)

    def _is_enough(self, known: Panel, place: int) -> bool:
        counts = known.counts[place]
        seen = np.flatnonzero(~np.isnan(counts))
        if seen.size < FEWEST_STEPS or counts[seen].min() == counts[seen].max():
            return False
        steps = int(seen[-1] - seen[0]) + 1
        return steps >= FEWEST_CYCLES * self._season(known.frequency, steps)

    def _simpler(self, known: Panel, place: int) -> LastYearLevel | SampleMean | SeasonalNaive:
        counts = known.counts[place]
        seen = counts[~np.isnan(counts)]
        if self._is_enough(known, place):
            return LastYearLevel()
        fewest = FEWEST_CYCLES * WEEKDAYS if known.frequency == "D" else WEEKS_OF_YEAR + 1
        return SampleMean() if seen.size < fewest or seen.min() == seen.max() else SeasonalNaive()

    @abstractmethod
    def _season(self, frequency: str, steps: int) -> int:
        """Steps of the season this model learns from a series of so many steps; 1 where it learns none."""

    @abstractmethod
    def _one(self, series: _Series, levels: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Mean (H) and quantiles (H x Q) as the library has them."""


class Ets(_OneByOne):
    """Exponential smoothing with additive errors, a damped trend and an additive season: ETS(A,Ad,A) of statsmodels' ETSModel.

    The season has 7 days, or 52 weeks where there are three years of weeks, else there is none. The first states are found by the heuristic of
    the book, not estimated, which takes an eighth of the time. Unknown steps are filled along their weekday or week of the year; those at the
    end are forecast like the steps to come. Quantiles are Gaussian with the model's exact forecast variance.

    References
    ----------
    Hyndman, Koehler, Ord & Snyder, Forecasting with Exponential Smoothing, 2008: table 2.1, section 2.6.1 (first states), table 6.1 (variance).
    """

    def __init__(self) -> None:
        self.name = "ets"

    def _season(self, frequency: str, steps: int) -> int:
        if frequency == "D":
            return WEEKDAYS
        return WEEKS_OF_YEAR if steps >= FEWEST_CYCLES_OF_ETS * WEEKS_OF_YEAR else 1

    def _one(self, series: _Series, levels: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
        from statsmodels.tsa.exponential_smoothing.ets import ETSModel

        season = self._season(series.frequency, len(series.filled(1)))
        counts = series.filled(season)
        seasonal: dict[str, Any] = {"seasonal": "add", "seasonal_periods": season} if season > 1 else {}
        model = ETSModel(pd.Series(counts), error="add", trend="add", damped_trend=True, initialization_method="heuristic", **seasonal)
        last = len(series.counts) + series.horizon - 1
        prediction = model.fit(disp=False).get_prediction(start=len(counts), end=last)
        mean, variance = (np.asarray(part)[-series.horizon :] for part in (prediction.predicted_mean, prediction.forecast_variance))
        return mean, _gaussian(mean, np.sqrt(variance), levels)


class StlArima(_OneByOne):
    """The season taken off by robust STL and repeated, the rest an ARIMA(1,1,1): statsmodels' STLForecast.

    The season has 7 days or 52 weeks. Unknown steps are filled along their weekday or week of the year; those at the end are forecast like the
    steps to come. Quantiles are Gaussian with the variance of the ARIMA part alone, so intervals are somewhat too narrow: the season counts as
    known.

    References
    ----------
    Cleveland, Cleveland, McRae & Terpenning, STL: a seasonal-trend decomposition procedure based on loess, Journal of Official Statistics 6
    (1990) 3-73. Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd edition 2021, section 5.7.
    """

    def __init__(self) -> None:
        self.name = "stl_arima"

    def _season(self, frequency: str, steps: int) -> int:  # noqa: ARG002 - the same however long the series is
        return WEEKDAYS if frequency == "D" else WEEKS_OF_YEAR

    def _one(self, series: _Series, levels: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
        from statsmodels.tsa.arima.model import ARIMA
        from statsmodels.tsa.forecasting.stl import STLForecast

        season = self._season(series.frequency, len(series.counts))
        counts = series.filled(season)
        fitted = STLForecast(pd.Series(counts), ARIMA, model_kwargs={"order": (1, 1, 1)}, period=season, robust=True).fit(fit_kwargs={"cov_type": "none"})
        prediction = fitted.get_prediction(len(counts), len(series.counts) + series.horizon - 1)
        mean, deviation = (np.asarray(part)[-series.horizon :] for part in (prediction.predicted_mean, prediction.se_mean))
        return mean, _gaussian(mean, deviation, levels)


class Components(_OneByOne):
    """A level that wanders, a season of weekdays that changes slowly, and yearly waves: statsmodels' UnobservedComponents.

    Local level, seasonal 7 (none for weeks) and, where there are two years, sines and cosines of the year as regressors whose coefficients are
    part of the state, so that their uncertainty is in the variance. The Kalman filter passes over unknown steps. Quantiles are Gaussian.

    Parameters
    ----------
    harmonics
        Yearly waves, of 1, 1/2, ... of a year.

    References
    ----------
    Harvey, Forecasting, Structural Time Series Models and the Kalman Filter, 1989, sections 2.3 and 7.3. Durbin & Koopman, Time Series Analysis
    by State Space Methods, 2nd edition 2012, sections 3.2 and 4.10.
    """

    def __init__(self, harmonics: int = 3) -> None:
        self.name = "components"
        self.harmonics = harmonics

    def _season(self, frequency: str, steps: int) -> int:  # noqa: ARG002 - the same however long the series is
        return WEEKDAYS if frequency == "D" else 1

    def _one(self, series: _Series, levels: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
        from statsmodels.tsa.statespace.structural import UnobservedComponents

        span = (series.days[-1] - series.days[0]).astype("int64")
        harmonics = self.harmonics if span >= FEWEST_CYCLES * DAYS_OF_YEAR else 0
        waves, waves_ahead = (_yearly_waves(days, harmonics) for days in (series.days, series.ahead))
        season = self._season(series.frequency, len(series.counts))
        model = UnobservedComponents(series.counts, "llevel", seasonal=season if season > 1 else None, exog=waves if harmonics else None, mle_regression=False)
        fitted = model.fit(disp=False, maxiter=MOST_ITERATIONS, cov_type="none")
        prediction = fitted.get_forecast(series.horizon, exog=waves_ahead if harmonics else None)
        mean, deviation = np.asarray(prediction.predicted_mean), np.asarray(prediction.se_mean)
        return mean, _gaussian(mean, deviation, levels)


class ProphetModel(_OneByOne):
    """Prophet: a trend with changes of slope, Fourier series of the week and the year, and days of effect.

    Unknown steps are left out. Quantiles are those of 1,000 draws of future slopes and noise with a fixed seed; the uncertainty of the seasons is
    not in them. Holidays of all years count as known beforehand, as calendars are mostly published by the autumn before.

    Parameters
    ----------
    configuration
        "prophet": Prophet as it comes; "prophet_holidays": with one effect for each holiday by name, and one for make-up workdays;
        "prophet_multiplicative": the same with seasons and holidays as factors. It is also the model's name.
    calendar
        One of `forecasts.calendars.CALENDARS`; "prophet" does not read it. In weeks a holiday belongs to the week it lies in.

    Raises
    ------
    ValueError
        The configuration or the calendar is unknown.

    References
    ----------
    Taylor & Letham, Forecasting at scale, The American Statistician 72 (2018) 37-45.
    """

    def __init__(self, configuration: str = "prophet", calendar: str = "none") -> None:
        if configuration not in PROPHET_CONFIGURATIONS:
            message = f"configuration is {configuration!r}; allowed are {', '.join(PROPHET_CONFIGURATIONS)}"
            raise ValueError(message)
        if calendar not in CALENDARS:
            message = f"calendar is {calendar!r}; allowed are {', '.join(CALENDARS)}"
            raise ValueError(message)
        self.name = configuration
        self.calendar = calendar

    def _season(self, frequency: str, steps: int) -> int:  # noqa: ARG002 - the same however long the series is
        return WEEKDAYS if frequency == "D" else 1

    def _one(self, series: _Series, levels: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
        from prophet import Prophet

        known = ~np.isnan(series.counts)
        frame = pd.DataFrame({"ds": series.days[known].astype("datetime64[ns]"), "y": series.counts[known]})
        ahead = pd.DataFrame({"ds": series.ahead.astype("datetime64[ns]")})
        mode: Literal["additive", "multiplicative"] = "multiplicative" if self.name == "prophet_multiplicative" else "additive"
        holidays = None if self.name == "prophet" else self._holidays(series)
        model = Prophet(holidays=holidays, seasonality_mode=mode, uncertainty_samples=SAMPLES)
        with _seeded():
            model.fit(frame, seed=SEED)
            draws = model.predictive_samples(ahead)["yhat"]
            mean = model.predict(ahead)["yhat"].to_numpy()
        return mean, np.quantile(draws, levels, axis=1).T

    def _holidays(self, series: _Series) -> pd.DataFrame | None:
        """Holidays as Prophet takes them, ``ds`` and ``holiday``, on the first day of the step they lie in; None where there are none."""
        step = 7 if series.frequency == "W" else 1
        start, end = series.days[0].item(), (series.ahead[-1] + np.timedelta64(step - 1, "D")).item()
        kinds = day_kinds(self.calendar, start, end)
        chosen = kinds[kinds["kind"].isin([DayKind.HOLIDAY, DayKind.MAKEUP_WORKDAY])]
        if chosen.empty:
            return None
        offset = (chosen["day"].to_numpy().astype("datetime64[D]") - series.days[0]).astype("int64") // step * step
        names = chosen["name"].where(chosen["kind"] == DayKind.HOLIDAY, str(DayKind.MAKEUP_WORKDAY))
        days = (series.days[0] + offset.astype("timedelta64[D]")).astype("datetime64[ns]")
        return pd.DataFrame({"ds": days, "holiday": names.to_numpy(dtype="object")}).drop_duplicates(ignore_index=True)


# Pieces


def _gaussian(mean: np.ndarray, deviation: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    """Gaussian quantiles, H x Q."""
    return mean[:, None] + deviation[:, None] * ndtri(np.asarray(levels))


def _yearly_waves(days: np.ndarray, harmonics: int) -> np.ndarray:
    """Sines and cosines of the year at each day, days x 2 harmonics."""
    angle = 2 * np.pi / DAYS_OF_YEAR * days.astype("datetime64[D]").astype("int64")
    waves = [function(number * angle) for number in range(1, harmonics + 1) for function in (np.sin, np.cos)]
    return np.column_stack(waves) if waves else np.empty((len(days), 0))


@contextmanager
def _silenced() -> Iterator[None]:
    """Within, the libraries neither warn nor log."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [logger.disabled for logger in loggers]
    try:
        for logger in loggers:
            logger.disabled = True
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled


@contextmanager
def _seeded() -> Iterator[None]:
    """Within, NumPy's global generator, from which Prophet draws, starts from a fixed seed; afterwards it goes on as if nothing had been drawn."""
    state = np.random.get_state()  # noqa: NPY002 - the library knows no other generator
    try:
        np.random.seed(SEED)  # noqa: NPY002
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002

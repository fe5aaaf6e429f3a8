"""Forecasts by repetition: the mean, the same weekday, the same week a year ago. What every other model has to beat.

Their predictive distributions are negative binomial, by a mean and a variance. A single count is a poor mean where it is within one standard
deviation of 0: of nothing yesterday does not follow nothing for certain tomorrow. There the mean that goes into the quantiles (not
``Forecast.mean``, which is the repeated value) is raised to what is usual at that time, but not above one standard deviation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forecasts.counts import negative_binomial_quantiles
from forecasts.interface import LEVELS, Forecast

if TYPE_CHECKING:
    from datetime import date

    from forecasts.panel import Panel

__all__ = ["LastYearLevel", "SampleMean", "SeasonalNaive"]

WEEK = {"D": 7, "W": 1}
YEAR = {"D": 364, "W": 52}
"""Steps of 52 weeks, so that a year ago is the same weekday."""

RECENT = {"D": 28, "W": 4}
"""Steps over which the level of now is compared with that of a year ago."""

WEEKDAY_CYCLES = 52
"""So many weeks say what is usual on a weekday."""

NEIGHBOURS = tuple(range(-6, 7))
"""Weeks around a year ago, a quarter in all, that say what is usual at that time; in fewer a rare event is often not seen once."""

ORIGINS = 13
"""Past cut-offs, 28 days apart, of which the errors are taken: a year of them."""

SMALLEST_RATIO, LARGEST_RATIO = 0.2, 5.0
"""A level beyond these is another series (a renamed category, a district split), not a trend."""

ONE_COUNT = 1.0
"""Added to both totals of a ratio, which draws those of few counts to 1."""


class SampleMean:
    """The mean of all known steps, with their variance; for series that are too short or too plain for anything else.

    References
    ----------
    Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd edition 2021, section 5.2 and table 5.2.
    """

    name = "mean"

    def fit_predict(self, history: Panel, horizon: int, cutoff: date, *, levels: tuple[float, ...] = LEVELS) -> Forecast:
        """Forecast the ``horizon`` steps after the cut-off.

        A series of which nothing is known has NaN for its forecast and the label "none".
        """
        known = history.until(cutoff)
        counts = known.counts
        seen = (~np.isnan(counts)).sum(axis=1)
        mean = _mean(counts, axis=1)
        square = np.where(np.isnan(counts), 0.0, (counts - mean[:, None]) ** 2).sum(axis=1)
        variance = np.where(seen > 1, square / np.maximum(seen - 1, 1) * (1 + 1 / np.maximum(seen, 1)), mean)
        quantiles = np.repeat(negative_binomial_quantiles(mean, variance, levels)[:, None, :], horizon, axis=1)
        return Forecast(known.ids, known.ahead(horizon), np.repeat(mean[:, None], horizon, axis=1), levels, quantiles, _labels(mean, self.name))


class SeasonalNaive:
    """The last known count of the same season: of the same weekday for days; of 52 weeks ago for weeks, with less than a year the last week.

    The error variance is the mean square of the seasonal differences of the past, times the number of seasons from the count repeated to
    the step forecast. Unknown steps are passed over for the season before; a season never seen takes the last known count.

    References
    ----------
    Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd edition 2021, section 5.2 and table 5.2.
    """

    name = "seasonal_naive"

    def fit_predict(self, history: Panel, horizon: int, cutoff: date, *, levels: tuple[float, ...] = LEVELS) -> Forecast:
        """Forecast the ``horizon`` steps after the cut-off.

        A series of which nothing is known has NaN for its forecast and the label "none".
        """
        known = history.until(cutoff)
        point, variance, usual = (np.full((len(known.ids), horizon), np.nan) for _part in range(3))
        seasons = _seasons(known)
        for season in np.unique(seasons):
            rows = seasons == season
            point[rows], variance[rows], usual[rows] = _repeated(known.counts[rows], int(season), horizon)
        quantiles = _quantiles(point, variance, usual, levels)
        return Forecast(known.ids, known.ahead(horizon), point, levels, quantiles, _labels(point[:, 0], self.name))


class LastYearLevel:
    """The count 52 weeks earlier, times the ratio of the last 28 days (4 weeks) to the same steps a year before.

    One count is added to both totals of the ratio, which is kept within 0.2 and 5; only steps known in both years enter. A count that is
    unknown a year ago is taken another year earlier, and where there is none from the seasonal naive forecast. The error variance is a
    multiple of the mean (quasi-Poisson): the sum of squared errors over the sum of forecasts, had the forecast been made at cut-offs 28 days
    (4 weeks) apart in the last year, each scored as far as the horizon or the data reach. Series with less than 52 weeks and 28 days of
    history get the seasonal naive forecast and its name.

    References
    ----------
    Seasonal naive with drift in level, after Hyndman & Athanasopoulos, Forecasting: Principles and Practice, 3rd edition 2021, section 5.2.
    Variance: McCullagh & Nelder, Generalized Linear Models, 2nd edition 1989, section 6.2.3.
    """

    name = "last_year_level"

    def fit_predict(self, history: Panel, horizon: int, cutoff: date, *, levels: tuple[float, ...] = LEVELS) -> Forecast:
        """Forecast the ``horizon`` steps after the cut-off.

        A series of which nothing is known has NaN for its forecast and the label "none".
        """
        known = history.until(cutoff)
        naive = SeasonalNaive().fit_predict(known, horizon, cutoff, levels=levels)
        needed = YEAR[known.frequency] + RECENT[known.frequency]
        rows = np.flatnonzero(_length(known.counts) >= needed)
        if not rows.size:
            return naive
        point, usual = _last_year(known.counts[rows], known.frequency, horizon)
        point = np.where(np.isnan(point), naive.mean[rows], point)
        dispersion = _dispersion(known.counts[rows], known.frequency, horizon)
        likely = np.fmax(point, np.fmin(usual, np.sqrt(dispersion[:, None] * usual)))
        mean, quantiles, models = naive.mean.copy(), naive.quantiles.copy(), np.asarray(naive.models, dtype="object")
        mean[rows] = point
        quantiles[rows] = negative_binomial_quantiles(likely, dispersion[:, None] * likely, levels)
        models[rows] = np.where(np.isnan(point[:, 0]), models[rows], self.name)
        return Forecast(known.ids, known.ahead(horizon), mean, levels, quantiles, tuple(models.tolist()))


# Pieces


def _labels(first: np.ndarray, name: str) -> tuple[str, ...]:
    return tuple("none" if np.isnan(value) else name for value in first)


def _mean(values: np.ndarray, axis: int) -> np.ndarray:
    """Mean of what is known along an axis, NaN where nothing is."""
    seen = (~np.isnan(values)).sum(axis=axis)
    return np.divide(np.nansum(values, axis=axis), seen, out=np.full(seen.shape, np.nan), where=seen > 0)


def _length(counts: np.ndarray) -> np.ndarray:
    """Steps of each series from its first known one to the end; 0 where nothing is known."""
    seen = ~np.isnan(counts)
    return np.where(seen.any(axis=1), counts.shape[1] - seen.argmax(axis=1), 0)


def _seasons(known: Panel) -> np.ndarray:
    """Steps of a season of each series."""
    if known.frequency == "D":
        return np.full(len(known.ids), WEEK["D"])
    return np.where(_length(known.counts) > YEAR["W"], YEAR["W"], 1)


def _cycles(counts: np.ndarray, season: int) -> np.ndarray:
    """Counts as S x cycles x season, the last cycle ending with the last step; NaN before the beginning."""
    short = -counts.shape[1] % season
    padded = np.pad(counts, ((0, 0), (short, 0)), constant_values=np.nan)
    return padded.reshape(counts.shape[0], -1, season)


def _latest(counts: np.ndarray, season: int) -> tuple[np.ndarray, np.ndarray]:
    """The last known count at each place of the season, S x season, and how many cycles before the last one it was."""
    cycles = _cycles(counts, season)[:, ::-1]
    age = (~np.isnan(cycles)).argmax(axis=1)
    return np.take_along_axis(cycles, age[:, None], axis=1)[:, 0], age


def _repeated(counts: np.ndarray, season: int, horizon: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Repeated counts, their error variance, and what is usual at the same place of the season: S x horizon each."""
    latest, age = _latest(counts, season)
    last, _ = _latest(counts, 1)
    place = np.arange(horizon) % season
    point = np.where(np.isnan(latest), last, latest)[:, place]
    cycles = np.arange(horizon) // season + 1 + age[:, place]
    square = _mean((counts[:, season:] - counts[:, :-season]) ** 2, axis=1)
    variance = np.where(np.isnan(square)[:, None], point, square[:, None] * cycles)
    usual = _mean(_cycles(counts, season)[:, -WEEKDAY_CYCLES:], axis=1)[:, place]
    return point, variance, usual


def _quantiles(point: np.ndarray, variance: np.ndarray, usual: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    """Negative binomial quantiles around the point, or nearer to what is usual where the point is close to 0."""
    likely = np.fmax(point, np.fmin(usual, np.sqrt(variance)))
    return negative_binomial_quantiles(np.where(np.isnan(point), np.nan, likely), variance, levels)


def _last_year(counts: np.ndarray, frequency: str, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """The counts of a year ago at the level of now, and the same for the mean of the weeks around: S x horizon each, NaN where unknown."""
    year, recent = YEAR[frequency], RECENT[frequency]
    now, before = counts[:, -recent:], counts[:, -recent - year : -year]
    both = ~np.isnan(now) & ~np.isnan(before)
    totals = [np.where(both, part, 0.0).sum(axis=1) + ONE_COUNT for part in (now, before)]
    ratio = np.clip(totals[0] / totals[1], SMALLEST_RATIO, LARGEST_RATIO)[:, None]
    latest, _ = _latest(counts, year)
    # a week before the first step of the coming year is the last week: the places of the year are a ring
    around = np.stack([np.roll(latest, weeks * WEEK[frequency], axis=1) for weeks in NEIGHBOURS])
    place = np.arange(horizon) % year
    return (latest * ratio)[:, place], (_mean(around, axis=0) * ratio)[:, place]


def _dispersion(counts: np.ndarray, frequency: str, horizon: int) -> np.ndarray:
    """Error variance as a multiple of the mean, 1 or more, S of them, from the errors the forecast would have made in the last year.

    Series with fewer than 28 (4) errors take the differences from one week to the next.
    """
    year, recent, week = YEAR[frequency], RECENT[frequency], WEEK[frequency]
    squares, forecasts, errors = (np.zeros(len(counts)) for _part in range(3))
    length = _length(counts)
    for origin in range(1, ORIGINS + 1):
        back = recent * origin
        rows = np.flatnonzero(length - back >= year + recent)
        if not rows.size:
            break
        steps = min(horizon, back)
        past, actual = counts[rows, :-back], counts[rows, counts.shape[1] - back : counts.shape[1] - back + steps]
        point, _ = _last_year(past, frequency, steps)
        scored = ~np.isnan(point) & ~np.isnan(actual)
        squares[rows] += np.where(scored, (actual - point) ** 2, 0.0).sum(axis=1)
        forecasts[rows] += np.where(scored, point, 0.0).sum(axis=1)
        errors[rows] += scored.sum(axis=1)
    few = (errors < recent) | (forecasts <= 0)
    weekly = np.nan_to_num(_mean((counts[:, week:] - counts[:, :-week]) ** 2, axis=1))
    level = np.nan_to_num(_mean(counts, axis=1))
    numerator, denominator = np.where(few, weekly, squares), np.where(few, level, forecasts)
    return np.maximum(1.0, np.divide(numerator, denominator, out=np.ones(len(counts)), where=denominator > 0))

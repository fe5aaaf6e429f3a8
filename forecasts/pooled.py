"""The pooled count regression: every series learns its season from its own past and from that of its group."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from forecasts import city_calendar
from forecasts import counts as distributions
from forecasts.design import Design, build_design
from forecasts.interface import LEVELS, Forecast
from forecasts.level import Season, follow_level, horizon_blocks
from forecasts.poisson import fit_poisson, overdispersion

if TYPE_CHECKING:
    from datetime import date

    from forecasts.level import Blocks
    from forecasts.panel import Panel

__all__ = ["PooledCounts", "Shape"]

CLIP = 4.0
YEAR_DAYS = 364
LEAST_YEARS = 2.5
SERIES_AT_ONCE = 1024
MOST_SHOCKED = 1 / 3
OVER_DAYS = 14
SEASON_DAYS = 21
SEASON_BINS = 53
OWN_SEASON = 40.0
"""So many days of the same season weigh as much for the scatter in it as all other days together."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What is known of S series for H steps ahead.

    Attributes
    ----------
    mean
        S x H.
    dispersion
        S x H: variance over mean that is chance alone, 1 or more.
    spread
        S x H: variance of the relative error of the level.
    span_spread
        S x the number of spans asked for: that of a total over a span of steps, which errors that last make larger.
    season_ratio
        S x spans: how many times the last year's mean the yearly wave and weekdays alone make of a span.
    calendar_ratio
        S x spans: by how much the calendar's effects multiply that; a span's mean is the last year's times both times the change of level.
    """

    mean: np.ndarray
    dispersion: np.ndarray
    spread: np.ndarray
    span_spread: np.ndarray
    season_ratio: np.ndarray
    calendar_ratio: np.ndarray

    @property
    def variance(self) -> np.ndarray:
        """S x H: variance of the count of a step."""
        return self.dispersion * self.mean + self.spread * self.mean**2

    def totals(self, spans: Blocks) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variance of the totals over the spans the shape was made for, S x their number each."""
        pieces = [slice(start, end) for start, end in zip(spans.starts, spans.ends, strict=True)]
        mean = np.stack([self.mean[:, piece].sum(axis=1) for piece in pieces], axis=1)
        chance = np.stack([(self.dispersion * self.mean)[:, piece].sum(axis=1) for piece in pieces], axis=1)
        return mean, chance + self.span_spread * mean**2


@dataclass(frozen=True, slots=True)
class PooledCounts:
    """Count regression on calendar and yearly wave, pooled over the groups of the panel.

    Parameters
    ----------
    calendar
        Code of the city's calendar.
    harmonics
        Of the yearly wave.
    """

    calendar: str = "none"
    harmonics: int = 10
    name: str = "pooled_counts"

    def fit_predict(self, history: Panel, horizon: int, cutoff: date, *, levels: tuple[float, ...] = LEVELS) -> Forecast:
        """Forecast the ``horizon`` steps after the last step that is over by ``cutoff``."""
        past = history.until(cutoff)
        shape = self.shape(past, horizon)
        quantiles = distributions.negative_binomial_quantiles(shape.mean, shape.variance, levels)
        return Forecast(past.ids, past.ahead(horizon), shape.mean, levels, quantiles, (self.name,) * len(past.ids))

    def shape(self, past: Panel, horizon: int, spans: Blocks | None = None) -> Shape:
        """Means and their uncertainty for the steps after the panel's last, and for totals over ``spans`` of them."""
        design = build_design(past.days, horizon, past.step, self.calendar, self.harmonics)
        own, count = past.group_numbers
        learned = replace(past, counts=np.where(_shocks(past, self.calendar), np.nan, past.counts))
        order = np.argsort(own, kind="stable")
        parts = np.array_split(order, -(-len(order) // SERIES_AT_ONCE))
        ends = _replay_ends(len(past.days), past.step)
        seasons = {end: _groups(learned, design, end) for end in ends}
        done = [
            _part(past.of(part), learned.counts[part], design, {end: group[own[part]] for end, group in seasons.items()}, count == len(own), spans)
            for part in parts
        ]
        back = np.argsort(order, kind="stable")
        return Shape(**{field.name: np.concatenate([getattr(part, field.name) for part in done])[back] for field in fields(Shape)})


def _shocks(past: Panel, calendar: str) -> np.ndarray:
    """Which steps lie in a registered shock; none where that would leave less than two thirds of the history."""
    last = past.days[-1] + np.timedelta64(past.step - 1, "D")
    days = city_calendar.shock_days(calendar, past.days[0].astype(object), last.astype(object))
    shocked = days.reshape(len(past.days), past.step).any(axis=1)
    return np.asarray(shocked & (shocked.mean() < MOST_SHOCKED))


def _replay_ends(steps: int, step: int) -> tuple[int, ...]:
    """After how many steps the season is learned: all of them, and all but the last year where enough is left."""
    year = YEAR_DAYS // step
    return (steps, steps - year) if steps >= LEAST_YEARS * year else (steps,)


def _groups(past: Panel, design: Design, end: int) -> np.ndarray:
    """Coefficients of each group, G x P, learned from the first ``end`` steps and drawn towards those of all groups together."""
    own, count = past.group_numbers
    counts = past.counts[:, :end]
    city = _one_stage(np.nansum(counts, axis=0, keepdims=True), design, design.spreads * 2, None)
    grouped = counts if count == len(own) else _grouped(counts, own, count)
    return _one_stage(grouped, design, design.spreads, np.where(design.season, np.repeat(city, count, axis=0), 0.0))


def _grouped(counts: np.ndarray, own: np.ndarray, count: int) -> np.ndarray:
    sums = np.zeros((count, counts.shape[1]))
    np.add.at(sums, own, np.nan_to_num(counts))
    return sums


def _part(past: Panel, learned: np.ndarray, design: Design, groups: dict[int, np.ndarray], is_alone: bool, spans: Blocks | None) -> Shape:
    """Shape of some of the series.

    ``learned`` are their counts without shocks, from which the season is learned, and the level once a shock is over. ``groups`` has the
    coefficients of each series' group by the number of steps they were learned from.
    """
    size, horizon = len(past.days), len(design.columns) - len(past.days)
    season = design.season
    prior = {end: np.where(season | (design.blocks == "slope"), group, 0.0) for end, group in groups.items()}
    own = groups if is_alone else {end: _one_stage(learned[:, :end], design, design.spreads / 2, prior[end]) for end in groups}
    fitted = np.exp(own[size] @ design.columns[:size].T)
    scatter = overdispersion(past.counts, fitted)
    calm = np.fmin(past.counts, fitted + CLIP * np.sqrt(scatter[:, None] * fitted) + CLIP)
    is_over = not np.isnan(learned[:, -(OVER_DAYS // past.step) :]).all(axis=0).any()
    calm[np.isnan(learned if is_over else past.counts)] = np.nan  # within a shock the level follows it; after it, it is not looked back to
    waves = {end: np.exp(found[:, season] @ design.columns[:, season].T) for end, found in own.items()}
    first = min(groups)
    seasons = Season(waves[size], waves[first], first if first < size else size // 2)
    blocks = horizon_blocks(horizon, past.step)
    level = follow_level(calm, seasons, scatter, past.group_numbers, blocks, past.step)
    mean = level.value[:, blocks.of_steps] * waves[size][:, size:]
    scattered, spread = _seasonal_scatter(past, fitted, scatter, horizon), level.spread[:, blocks.of_steps]
    if spans is None:
        none = np.zeros((len(mean), 0))
        return Shape(mean, scattered, spread, none, none, none)
    is_steady = season & (design.blocks != "calendar")
    steady = np.exp(own[size][:, is_steady] @ design.columns[:, is_steady].T)
    season_ratio, whole = (_against_last_year(wave, size, past.step, spans) for wave in (steady, waves[size]))
    totals = follow_level(calm, seasons, scatter, past.group_numbers, spans, past.step).spread
    return Shape(mean, scattered, spread, totals, season_ratio, whole / season_ratio)


def _against_last_year(wave: np.ndarray, size: int, step: int, spans: Blocks) -> np.ndarray:
    """Mean of a wave over each span ahead, divided by that over the last year of the history, S x spans."""
    year = wave[:, max(size - YEAR_DAYS // step, 0) : size].mean(axis=1, keepdims=True)
    ahead = np.stack([wave[:, size + start : size + end].mean(axis=1) for start, end in zip(spans.starts, spans.ends, strict=True)], axis=1)
    return np.asarray(ahead / year)


def _one_stage(counts: np.ndarray, design: Design, spreads: np.ndarray, prior: np.ndarray | None) -> np.ndarray:
    """Coefficients of one stage, first as if Poisson, then with the scatter found and wild days held in."""
    size = counts.shape[1]
    known = ~np.isnan(counts)
    mean = (np.where(known, counts, 0).sum(axis=1) + 0.5) / np.maximum(known.sum(axis=1), 1)
    start = np.zeros((len(counts), len(spreads))) if prior is None else prior.copy()
    start[:, 0] = np.log(mean) - (start[:, 1:] @ design.columns[:size, 1:].mean(axis=0))
    looseness = np.where(design.blocks == "level", np.inf, spreads)
    precision = 1 / looseness**2
    columns = design.columns[:size]
    scatter = np.maximum(overdispersion(counts, np.broadcast_to(mean[:, None], counts.shape)), 1.0)
    found = fit_poisson(counts, columns, precision=scatter[:, None] * precision, prior=start, steps=4)
    fitted = np.exp(found @ columns.T)
    scatter = overdispersion(counts, fitted)
    calm = np.fmin(counts, fitted + CLIP * np.sqrt(scatter[:, None] * fitted) + CLIP)
    calm[~known] = np.nan
    moved = np.where(design.blocks == "slope", 2 / (looseness**2 + (found - start) ** 2), precision)
    return fit_poisson(calm, columns, precision=scatter[:, None] * moved, prior=start, steps=6)


def _seasonal_scatter(past: Panel, fitted: np.ndarray, scatter: np.ndarray, horizon: int) -> np.ndarray:
    """Scatter of each step ahead, from the days of the same season in past years and all days together."""
    squares = np.minimum((past.counts - fitted) ** 2 / np.maximum(fitted, 1e-6), CLIP**2 * 2 * scatter[:, None])
    known = np.isfinite(squares)
    bins = np.eye(SEASON_BINS)[_season_bin(past.days)]
    wide = -(-SEASON_DAYS // 7)
    near = sum(np.roll(np.eye(SEASON_BINS), shift, axis=1) for shift in range(-wide, wide + 1))
    sums, sizes = np.where(known, squares, 0.0) @ bins @ near, known @ bins @ near
    by_season = np.maximum((sums + OWN_SEASON * scatter[:, None]) / (sizes + OWN_SEASON), 1.0)
    return np.asarray(by_season[:, _season_bin(past.ahead(horizon))])


def _season_bin(days: np.ndarray) -> np.ndarray:
    of_year = (days - days.astype("datetime64[Y]")).astype("int64")
    return np.asarray(np.minimum(of_year // 7, SEASON_BINS - 1))

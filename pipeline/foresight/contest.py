"""The forecasters' contest of a city: which model serves which level, decided on past cut-offs of its own data."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecasts.baselines import LastYearLevel, SampleMean, SeasonalNaive
from forecasts.interface import LEVELS
from forecasts.library_models import Ets, ProphetModel, StlArima
from forecasts.pooled import PooledCounts
from forecasts.scores import coverage, weighted_quantile_loss

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from forecasts.interface import Model
    from forecasts.panel import Panel
    from pipeline.foresight.panels import Level

__all__ = ["contest", "serving"]

HORIZON = 28
CUTOFFS_BACK = (28, 196)
"""Days before the last: four weeks and half a year apart from it, so that both halves of the year are tried."""

LEAST_BEFORE_DAYS = 154
"""A cut-off with less history before it is not tried; the shortest history that is forecast from leaves this much to the nearer one."""

MOST_SERIES = 8
LEVELS_TRIED = ("category", "district_category", "cell")
PROPHET = "prophet_holidays"
LEAST_COVERAGE = 0.7
"""A model whose 80 % band holds fewer days does not serve; of low counts a right band holds more than 80 %, so there is no upper bound."""

CLEARLY = 0.92
"""A model takes the place of the pooled regression where its loss is at most this share of the regression's, at each of the cut-offs. Of six models no
better than it, the best was 2 percent better in more than half of simulated contests of eight series, and 8 percent at both cut-offs in few."""

MOST_SERIES_SERVED = {"last_year_level": 1_000_000, "prophet_holidays": 400}
"""Models that may serve, and of how many series. Those that know no season of the year may not: the contest is over four weeks, service reaches a year
ahead. Half a second a series for Prophet is counted in advance and not by the clock, so that the same data are served by the same model."""

INNER = (LEVELS.index(0.1), LEVELS.index(0.9))


def contest(levels: tuple[Level, ...], calendar: str, cutoff: date, tell: Callable[[str], None] = lambda _text: None) -> pd.DataFrame:
    """Scores of every model on a sample of each level.

    Of each level up to eight series are taken, evenly from the busiest to the median, and forecast for four weeks at two past cut-offs. The
    pooled regression forecasts the whole level, as it does in service; the others one series at a time. Of the models whose 80 % band held
    at least 70 % of the days, the one of least weighted quantile loss wins. It serves where it knows the seasons of the year, is clearly better than the
    pooled regression at every cut-off and can be had for the whole level; else the regression does.

    Returns
    -------
    DataFrame
        ``level``, ``model``, ``series_count``, ``cutoffs`` (as text), ``loss`` (weighted quantile loss to 28 days, mean over series and cut-offs),
        ``coverage_80``, ``seconds`` (of processor, for one series and cut-off), ``is_winner``, ``is_serving``.
    """
    rows = []
    history = len(levels[0].panel.until(cutoff).days)
    cutoffs = [cutoff - timedelta(days=back) for back in CUTOFFS_BACK if history - back >= LEAST_BEFORE_DAYS]
    text = ", ".join(map(str, cutoffs))
    for level in levels:
        if level.name not in LEVELS_TRIED:
            continue
        sample = _sample(level.panel)
        first: np.ndarray | None = None
        for model in _models(calendar):
            tell(f"{level.name} {model.name}")
            losses, held, seconds = _tried(level.panel, sample, model, cutoffs)
            each = np.array([np.nanmean(part) for part in np.split(losses, len(cutoffs))])
            first = each if first is None else first
            may = len(level.panel.ids) <= MOST_SERIES_SERVED.get(model.name, 0) and bool((each <= CLEARLY * first).all())
            rows.append((level.name, model.name, len(sample), text, float(np.nanmean(losses)), float(np.nanmean(held)), seconds, may))
    names = ["level", "model", "series_count", "cutoffs", "loss", "coverage_80", "seconds", "may_serve"]
    frame = pd.DataFrame(rows, columns=names)
    fits = frame["coverage_80"] >= LEAST_COVERAGE
    best = frame[fits].sort_values("loss").drop_duplicates("level").index
    frame = frame.assign(is_winner=frame.index.isin(best))
    return frame.assign(is_serving=_serves(frame)).drop(columns="may_serve")


def _models(calendar: str) -> list[Model]:
    """Those who contend, the one that serves unless clearly beaten first."""
    return [PooledCounts(calendar), LastYearLevel(), SeasonalNaive(), SampleMean(), Ets(), StlArima(), ProphetModel(PROPHET, calendar)]


def _serves(frame: pd.DataFrame) -> np.ndarray:
    """Which row of each level serves: the winner where it may, else the first."""
    serves = np.zeros(len(frame), dtype=bool)
    for _level, rows in frame.groupby("level", sort=False):
        winner = rows.index[rows["is_winner"] & rows["may_serve"]]
        serves[winner[0] if len(winner) else rows.index[0]] = True
    return serves


def serving(frame: pd.DataFrame, calendar: str) -> dict[str, Model]:
    """By level the model that serves there in place of the pooled regression."""
    first, *others = _models(calendar)
    names = {model.name: model for model in others}
    rows = frame[frame["is_serving"] & (frame["model"] != first.name)]
    return {str(level): names[model] for level, model in zip(rows["level"], rows["model"], strict=True)}


def _sample(panel: Panel) -> np.ndarray:
    """Rows of up to eight series, evenly from the busiest to the median one."""
    order = np.argsort(-np.nansum(panel.counts, axis=1), kind="stable")
    upper = order[: max(1, (len(order) + 1) // 2)]
    return np.unique(upper[np.linspace(0, len(upper) - 1, min(MOST_SERIES, len(upper))).astype("int64")])


def _tried(panel: Panel, sample: np.ndarray, model: Model, cutoffs: list[date]) -> tuple[np.ndarray, np.ndarray, float]:
    """Losses and coverage of the sampled series at each cut-off, and the processor seconds of one forecast."""
    is_whole = isinstance(model, PooledCounts)
    given, rows = (panel, sample) if is_whole else (panel.of(sample), np.arange(len(sample)))
    losses, held = [], []
    began = time.process_time()
    for cutoff in cutoffs:
        quantiles = model.fit_predict(given, HORIZON, cutoff).quantiles[rows]
        size = len(given.until(cutoff).days)
        came = given.counts[rows, size : size + HORIZON]
        losses.append(weighted_quantile_loss(came, quantiles, LEVELS))
        held.append(coverage(came, quantiles[:, :, INNER[0]], quantiles[:, :, INNER[1]]))
    seconds = (time.process_time() - began) / len(cutoffs) / len(given.ids)
    return np.concatenate(losses), np.concatenate(held), seconds

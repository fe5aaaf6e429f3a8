"""A forecast of any long table of counts: an analyst's way to the serving model, and the fair way to hold it against another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from threadpoolctl import threadpool_limits

from forecasts.baselines import LastYearLevel, SeasonalNaive
from forecasts.calendar_choice import fitting_calendar
from forecasts.calendars import CALENDARS
from forecasts.interface import interval_quantiles
from forecasts.library_models import PROPHET_CONFIGURATIONS, Components, Ets, ProphetModel, StlArima
from forecasts.panel import Panel, panel_of_long
from forecasts.pooled import PooledCounts
from pipeline.long_tables import check_place, read_table, write_table
from storage.home import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecasts.interface import Model

__all__ = ["AUTO", "MODELS", "ForecastOrder", "ForecastResult", "forecast_file"]

AUTO = "auto"
MOST_HORIZON = 730
SUNDAY = 6
MODELS: dict[str, Callable[[str], Model]] = {
    "pooled_counts": PooledCounts,
    "seasonal_naive": lambda _calendar: SeasonalNaive(),
    "last_year_level": lambda _calendar: LastYearLevel(),
    "ets": lambda _calendar: Ets(),
    "stl_arima": lambda _calendar: StlArima(),
    "components": lambda _calendar: Components(),
    **{name: partial(ProphetModel, name) for name in PROPHET_CONFIGURATIONS},
}
"""Every model by name, made for a calendar; the first one serves."""


@dataclass(frozen=True, slots=True)
class ForecastOrder:
    """What is asked for: ``percents`` are the central intervals, the rest as on the command line."""

    horizon: int
    percents: tuple[int, ...]
    cutoff: date | None = None
    frequency: str | None = None
    calendar: str = AUTO
    group: str | None = None
    model: str = "pooled_counts"


@dataclass(frozen=True, slots=True)
class ForecastResult:
    """What was forecast, and where it was written."""

    out: str
    series: int
    steps: int
    frequency: str
    first: date
    last: date
    cutoff: date
    calendar: str
    models: dict[str, int]
    rows: int


def forecast_file(file: Path, order: ForecastOrder, out: Path) -> ForecastResult:
    """Forecast every series of a long table and write mean and quantiles.

    Parameters
    ----------
    file
        CSV or Parquet with ``unique_id``, ``ds``, ``y``. Weeks may carry the date of their first day or, where that is a Sunday, of their
        last, as pandas names them.
    order
        ``cutoff`` is the last date that is known: rows after it are not looked at.
    out
        CSV or Parquet: ``unique_id``, ``ds``, ``model``, ``mean`` and one column a quantile, as ``q0.025``.

    Raises
    ------
    InputError
        The table, an option or the place to write to cannot be used; nothing is written.
    """
    _check(order, out)
    try:
        panel = panel_of_long(read_table(file, ("unique_id", "ds")), order.frequency, order.group)
        past = _known(panel, order.cutoff)
        calendar = fitting_calendar(past) if order.calendar == AUTO else order.calendar
        model = MODELS[order.model](calendar)
        levels = interval_quantiles(order.percents)
        shift = _label_shift(past)
        past = replace(past, days=past.days - shift)
        cutoff = (past.days[-1] + np.timedelta64(past.step - 1, "D")).astype(object)
        with threadpool_limits(limits=1):  # see pipeline.foresight.run.foresee
            found = model.fit_predict(past, order.horizon, cutoff, levels=levels)
    except ValueError as error:
        message = f"{file}: {error}"
        raise InputError(message) from error
    found = replace(found, days=found.days + shift)
    frame = found.long()
    write_table(frame, out)
    names, counts = np.unique(np.asarray(found.models), return_counts=True)
    served = dict(zip(names.tolist(), counts.tolist(), strict=True))
    known = (past.days[-1] + shift).astype(object)
    return ForecastResult(
        str(out),
        len(found.ids),
        order.horizon,
        past.frequency,
        found.days[0].astype(object),
        found.days[-1].astype(object),
        known,
        calendar,
        served,
        len(frame),
    )


def _check(order: ForecastOrder, out: Path) -> None:
    if not 1 <= order.horizon <= MOST_HORIZON:
        message = f"--horizon 是 {order.horizon}; 允许 1 到 {MOST_HORIZON} 期"
        raise InputError(message)
    if bad := [percent for percent in order.percents if not 1 <= percent <= 99]:  # noqa: PLR2004 - percentages
        message = f"--levels 中有 {bad[0]}; 允许 1 到 99 的整数, 用逗号隔开, 如 50,80,95"
        raise InputError(message)
    if order.calendar not in (AUTO, *CALENDARS):
        message = f"--calendar 是 {order.calendar}; 允许 {', '.join((AUTO, *CALENDARS))}"
        raise InputError(message)
    if order.model not in MODELS:
        message = f"--model 是 {order.model}; 允许 {', '.join(MODELS)}"
        raise InputError(message)
    check_place(out)


def _known(panel: Panel, cutoff: date | None) -> Panel:
    """The steps whose date is not after the cut-off."""
    return panel if cutoff is None else panel.until(cutoff + timedelta(days=panel.step - 1))


def _label_shift(panel: Panel) -> np.timedelta64:
    """How many days after its first day a week's date stands: six where weeks are named by a Sunday, their last day."""
    is_ends = panel.frequency == "W" and panel.days[0].astype(object).weekday() == SUNDAY
    return np.timedelta64(panel.step - 1 if is_ends else 0, "D")

"""What every model takes and gives: a panel up to a cut-off goes in, means and quantiles of the steps after it come out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from datetime import date

    from forecasts.panel import Panel

__all__ = ["LEVELS", "Forecast", "Model", "interval_quantiles"]

LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
"""Quantiles given when none are named: the median and the ends of the central 50, 80 and 95 percent."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Predictive distributions of S series over H steps.

    Attributes
    ----------
    ids
        Name of each series.
    days
        First day of each step, datetime64[D], H of them.
    mean
        Expected counts, S x H, 0 or more.
    levels
        Probabilities of the quantiles, rising, each within 0 and 1.
    quantiles
        S x H x Q, rising along the last axis.
    models
        Name of the model that served each series.
    """

    ids: tuple[str, ...]
    days: np.ndarray
    mean: np.ndarray
    levels: tuple[float, ...]
    quantiles: np.ndarray
    models: tuple[str, ...]

    def __post_init__(self) -> None:
        series, steps = len(self.ids), len(self.days)
        if self.mean.shape != (series, steps) or self.quantiles.shape != (series, steps, len(self.levels)):
            message = f"mean {self.mean.shape} and quantiles {self.quantiles.shape} do not fit {series} series, {steps} steps and {len(self.levels)} levels"
            raise ValueError(message)

    def long(self) -> pd.DataFrame:
        """One row a series and step: ``unique_id``, ``ds``, ``model``, ``mean`` and one column a quantile, as ``q0.025``."""
        series, steps = self.mean.shape
        columns: dict[str, object] = {
            "unique_id": np.repeat(np.asarray(self.ids, dtype="object"), steps),
            "ds": np.tile(self.days.astype("datetime64[us]"), series),
            "model": np.repeat(np.asarray(self.models, dtype="object"), steps),
            "mean": self.mean.ravel(),
        }
        columns |= {f"q{level:g}": self.quantiles[:, :, place].ravel() for place, level in enumerate(self.levels)}
        return pd.DataFrame(columns)


class Model(Protocol):
    """A forecaster of counts."""

    @property
    def name(self) -> str:
        """By which it is known in results and files."""
        ...

    def fit_predict(self, history: Panel, horizon: int, cutoff: date, *, levels: tuple[float, ...] = LEVELS) -> Forecast:
        """Forecast the ``horizon`` steps after the last step that is over by ``cutoff``; later counts in ``history`` are not looked at."""
        ...


def interval_quantiles(percents: tuple[int, ...]) -> tuple[float, ...]:
    """Quantiles at the ends of central intervals, and the median: (50, 80) gives 0.1, 0.25, 0.5, 0.75, 0.9.

    Raises
    ------
    ValueError
        A percentage is not within 1 and 99.
    """
    for percent in percents:
        if not 1 <= percent <= 99:  # noqa: PLR2004 - percentages
            message = f"level {percent} is not allowed; levels are whole percentages from 1 to 99"
            raise ValueError(message)
    ends = {round(0.5 + sign * percent / 200, 6) for percent in percents for sign in (-1, 1)}
    return tuple(sorted(ends | {0.5}))

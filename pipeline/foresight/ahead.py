"""Forecasts of every node of the hierarchy, day by day and week by week, that add up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecasts.counts import negative_binomial_quantiles
from forecasts.paths import Branch
from forecasts.pooled import PooledCounts, Shape
from forecasts.reconciliation import reconcile
from forecasts.shares import SHARE_MODEL, share_of_parent
from pipeline.foresight.panels import weekly

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from forecasts.interface import Model
    from forecasts.panel import Panel
    from pipeline.foresight.panels import Hierarchy, Level

__all__ = ["QUANTILES", "Ahead", "branches", "forecast_finer", "forecast_levels", "long_frame"]

QUANTILES = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
SPARSE_A_DAY = 1.0
"""Below this mean over the last year a place is forecast as a share of its parent: on the demo city and New York as accurate as a model of its own, or more."""

YEAR_DAYS = 364
PARENTS = {"cell": ("district_category", ("district", "category_1")), "subdistrict": ("district", ("district",))}


@dataclass(frozen=True, slots=True)
class Ahead:
    """Means and quantiles of all nodes, in the order of ``Hierarchy.nodes``, what the quantiles are made of, and which model served each."""

    days: np.ndarray
    mean: np.ndarray
    dispersion: np.ndarray
    spread: np.ndarray
    quantiles: np.ndarray
    models: tuple[str, ...]


def forecast_levels(
    hierarchy: Hierarchy,
    calendar: str,
    horizon: int,
    frequency: str,
    serving: Mapping[str, Model] | None = None,
    tell: Callable[[str], None] = lambda _text: None,
) -> Ahead:
    """Forecast all levels by themselves, then make them add up.

    Parameters
    ----------
    horizon
        Steps of ``frequency``: "D" or "W".
    serving
        By name of the level a model that serves there in place of the pooled regression.
    tell
        Is told which level is being worked on.
    """
    model = PooledCounts(calendar)
    shapes: dict[str, Shape] = {}
    models: list[str] = []
    panels = {level.name: level.panel if frequency == "D" else weekly(level.panel) for level in hierarchy.levels}
    for level in hierarchy.levels:
        tell(level.name)
        shapes[level.name], served = _level(level, panels, shapes, hierarchy, (serving or {}).get(level.name, model), horizon, calendar)
        models += served
    base = np.concatenate([shapes[level.name].mean for level in hierarchy.levels])
    variance = np.concatenate([shapes[level.name].variance for level in hierarchy.levels])
    added = reconcile(base, np.maximum(variance.mean(axis=1), 1e-6), hierarchy.summing)
    dispersion = np.concatenate([shapes[level.name].dispersion for level in hierarchy.levels])
    spread = np.concatenate([shapes[level.name].spread for level in hierarchy.levels])
    quantiles = negative_binomial_quantiles(added.nodes, dispersion * added.nodes + spread * added.nodes**2, QUANTILES)
    return Ahead(panels["city"].ahead(horizon), added.nodes, dispersion, spread, quantiles, tuple(models))


def forecast_finer(finer: Level, hierarchy: Hierarchy, above: Ahead, calendar: str, horizon: int, frequency: str) -> Ahead:
    """Forecast the second-level categories of the city, scaled so that those of one first level add up to it."""
    panel = finer.panel if frequency == "D" else weekly(finer.panel)
    model = PooledCounts(calendar)
    shape = model.shape(panel, horizon)
    level = next(item for item in hierarchy.levels if item.name == "category")
    rows = _parents(finer.series, level.series, ("category_1",))
    sums = np.zeros((len(level.series), horizon))
    np.add.at(sums, rows, shape.mean)
    wanted = above.mean[level.series["series_id"].to_numpy()]
    mean = shape.mean * (wanted / np.maximum(sums, 1e-12))[rows]
    quantiles = negative_binomial_quantiles(mean, shape.dispersion * mean + shape.spread * mean**2, QUANTILES)
    return Ahead(above.days, mean, shape.dispersion, shape.spread, quantiles, (model.name,) * len(mean))


def branches(hierarchy: Hierarchy, ahead: Ahead, names: tuple[str, ...]) -> tuple[Branch, ...]:
    """A chain of levels, each dividing the one before it, as ``forecasts.paths.simulate_paths`` takes them: ("city", "district", "subdistrict")."""
    levels = {level.name: level for level in hierarchy.levels}
    found = []
    for above, name in zip((None, *names), names, strict=False):
        rows = levels[name].series["series_id"].to_numpy()
        parents = np.zeros(0, dtype="int64") if above is None else _parents(levels[name].series, levels[above].series, levels[above].codes)
        found.append(Branch(ahead.mean[rows], ahead.dispersion[rows], ahead.spread[rows], parents))
    return tuple(found)


def _level(
    level: Level, panels: dict[str, Panel], shapes: dict[str, Shape], hierarchy: Hierarchy, model: Model, horizon: int, calendar: str
) -> tuple[Shape, list[str]]:
    """Shape of a level, its sparse series by the share of their parents where the level has any."""
    panel = panels[level.name]
    daily = np.nan_to_num(np.nanmean(panel.counts[:, -(YEAR_DAYS // panel.step) :], axis=1)) / panel.step
    above, codes = PARENTS.get(level.name, ("", ()))
    above = above if above in shapes else "category" if level.name == "cell" else "city"
    codes = codes if above in {"district", "district_category"} else ("category_1",) if above == "category" else ()
    is_sparse = (daily < SPARSE_A_DAY) & (level.name in PARENTS)
    if not is_sparse.any():
        return _shape(model, panel, horizon, calendar)
    names = np.full(len(panel.ids), SHARE_MODEL, dtype="object")
    parent_level = next(item for item in hierarchy.levels if item.name == above)
    parents = _parents(level.series, parent_level.series, codes)
    parts = [(np.flatnonzero(is_sparse), share_of_parent(panel.of(is_sparse), parents[is_sparse], panels[above].counts, shapes[above]))]
    if not is_sparse.all():
        shape, names[~is_sparse] = _shape(model, panel.of(~is_sparse), horizon, calendar)
        parts.append((np.flatnonzero(~is_sparse), shape))
    order = np.argsort(np.concatenate([rows for rows, _shape in parts]))
    whole = {name: np.concatenate([getattr(shape, name) for _rows, shape in parts])[order] for name in ("mean", "dispersion", "spread")}
    return replace(parts[0][1], **whole), names.tolist()


def _shape(model: Model, panel: Panel, horizon: int, calendar: str) -> tuple[Shape, list[str]]:
    """Mean and scatter of the steps ahead, and which model each series' mean is of.

    A model that serves in place of the regression gives the means; how they scatter, and how long errors last, the regression tells, whose bands and
    totals are held against what came. A mean of 0, which is a count repeated, and one that is unknown are left to the regression too.
    """
    regression = PooledCounts(calendar)
    shape = regression.shape(panel, horizon)
    names = [regression.name] * len(panel.ids)
    if isinstance(model, PooledCounts):
        return shape, names
    last = panel.days[-1] + np.timedelta64(panel.step - 1, "D")
    ahead = model.fit_predict(panel, horizon, last.astype(object))
    is_taken = np.isfinite(ahead.mean) & (ahead.mean > 0)
    served = np.where(is_taken.any(axis=1), np.asarray(ahead.models, dtype="object"), regression.name)
    return replace(shape, mean=np.where(is_taken, ahead.mean, shape.mean)), served.tolist()


def _parents(series: pd.DataFrame, above: pd.DataFrame, codes: tuple[str, ...]) -> np.ndarray:
    """Row of each series' parent."""
    if not codes:
        return np.zeros(len(series), dtype="int64")
    numbered = above[list(codes)].assign(row=np.arange(len(above)))
    return series[list(codes)].merge(numbered, on=list(codes), how="left")["row"].to_numpy(dtype="int64")


def long_frame(ahead: Ahead, series_ids: np.ndarray) -> pd.DataFrame:
    """One row a series and step: ``series_id``, ``day``, ``mean`` and one column a quantile, as ``q0.025``."""
    size, steps = ahead.mean.shape
    columns: dict[str, object] = {
        "series_id": np.repeat(series_ids.astype("int32"), steps),
        "day": np.tile(ahead.days.astype("datetime64[us]"), size),
        "mean": ahead.mean.astype("float64").ravel(),
    }
    columns |= {f"q{level:g}": ahead.quantiles[:, :, place].astype("int32").ravel() for place, level in enumerate(QUANTILES)}
    return pd.DataFrame(columns)

"""The series that are forecast: the city, its districts and subdistricts, in all and by category, from the cells up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecasts.panel import Panel
from forecasts.reconciliation import summing_matrix

if TYPE_CHECKING:
    from datetime import date

    from scipy import sparse

    from storage.series import CellSeries

__all__ = ["CODES", "Hierarchy", "Level", "build_hierarchy", "category_panel", "weekly"]

CODES = ("district", "subdistrict", "category_1")
REST = "（其余）"
"""The second-level categories too rare to be forecast by themselves, together."""

LEAST_A_WEEK = 1.0
LEAST_MONTH_SHARE = 0.2
"""A first month below this share of the median month is a stray one, of a few late corrections."""

UNKNOWN_BELOW = 20.0
"""A day without a single ticket in a city that has more than this a day was not delivered."""

WEEK = 7


@dataclass(frozen=True, slots=True)
class Level:
    """Series of one kind: which codes name them, their codes and ``series_id``, and their counts."""

    name: str
    codes: tuple[str, ...]
    series: pd.DataFrame
    panel: Panel


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """All levels, from the city to the cells, in the order of the rows of ``summing``."""

    levels: tuple[Level, ...]
    summing: sparse.csr_array

    @property
    def nodes(self) -> pd.DataFrame:
        """The series of all levels, one below the other, with ``level``."""
        return pd.concat([level.series.assign(level=level.name) for level in self.levels], ignore_index=True)


def _axis(cells: CellSeries, until: date) -> slice:
    """The days that count: from the first month that is filled to ``until``."""
    months = cells.days.astype("datetime64[M]")
    sums = pd.Series(cells.counts.sum(axis=0)).groupby(months).sum()
    filled = sums.index[sums >= LEAST_MONTH_SHARE * sums.median()]
    first = int(np.searchsorted(months, np.datetime64(filled[0], "M")))
    last = int(np.searchsorted(cells.days, np.datetime64(until, "D"), side="right"))
    return slice(first, last)


def _undelivered(total: np.ndarray) -> np.ndarray:
    """Days on which nothing came although something always does."""
    return np.asarray((total == 0) & (np.median(total) > UNKNOWN_BELOW))


def build_hierarchy(cells: CellSeries, until: date, *, has_districts: bool) -> Hierarchy:
    """Panels of every level of places and categories.

    Levels: "city" (one series), "category" (city by category), "district", "district_category", "subdistrict", and "cell" (subdistrict by
    category); without districts those two are left out. Tickets on no place stay in the city as places without a code, so that every level
    adds up to it. Series by category share the season of their category.
    """
    days = _axis(cells, until)
    known = cells.days[days]
    counts = cells.counts[:, days].astype("float64")
    kept = counts.any(axis=1)
    names, counts = cells.cells[kept].reset_index(drop=True), counts[kept]
    merged = names.groupby(list(CODES), sort=True).ngroup().to_numpy()
    bottom = np.zeros((merged.max() + 1, len(known)))
    np.add.at(bottom, merged, counts)
    names = names.assign(number=merged).drop_duplicates("number").sort_values("number")[list(CODES)].reset_index(drop=True)
    above = [("city", ()), ("category", ("category_1",))]
    above += [("district", ("district",)), ("district_category", ("district", "category_1"))] if has_districts else []
    above += [("subdistrict", ("district", "subdistrict"))]
    summing, nodes = summing_matrix(names, [list(codes) for _name, codes in above])
    every = summing @ bottom
    gaps = _undelivered(every[0])
    levels = []
    for name, codes in [*above, ("cell", CODES)]:
        inside = nodes.notna().to_numpy() == [column in codes for column in CODES]
        rows = np.flatnonzero(inside.all(axis=1))
        series = nodes.iloc[rows].reset_index(drop=True).assign(series_id=rows)
        values = np.where(gaps, np.nan, every[rows])
        groups = _groups(series, codes)
        ids = tuple("|".join(str(value) for value in row if isinstance(value, str)) or name for row in series[list(CODES)].itertuples(index=False))
        levels.append(Level(name, codes, series, Panel(_unique(ids), known, values, "D", groups)))
    return Hierarchy(tuple(levels), summing)


def _groups(series: pd.DataFrame, codes: tuple[str, ...]) -> tuple[str, ...]:
    """Places share the season of their category, or that of the city; a category of the whole city has its own."""
    if "category_1" in codes:
        return tuple(series["category_1"]) if len(codes) > 1 else ()
    return ("city",) * len(series) if codes else ()


def _unique(ids: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{place}:{name}" for place, name in enumerate(ids))


def category_panel(cells: CellSeries, until: date, first_id: int) -> Level:
    """The city by second-level category, numbered from ``first_id``; those with less than one request a week are put together under their first level."""
    days = _axis(cells, until)
    counts = cells.counts[:, days].astype("float64")
    kept = counts.any(axis=1)
    names, counts = cells.cells[kept].reset_index(drop=True), counts[kept]
    names.loc[counts.mean(axis=1) * WEEK < LEAST_A_WEEK, "category_2"] = REST
    number = names.groupby(["category_1", "category_2"], sort=True).ngroup().to_numpy()
    sums = np.zeros((number.max() + 1, counts.shape[1]))
    np.add.at(sums, number, counts)
    series = names.assign(number=number).drop_duplicates("number").sort_values("number").drop(columns="number").reset_index(drop=True)
    values = np.where(_undelivered(counts.sum(axis=0)), np.nan, sums)
    ids = tuple(series["category_1"] + "/" + series["category_2"])
    series["series_id"] = first_id + np.arange(len(series))
    return Level("category_2", ("category_1", "category_2"), series, Panel(ids, cells.days[days], values, "D", tuple(series["category_1"])))


def weekly(panel: Panel) -> Panel:
    """Whole weeks from Monday; a week with an unknown day is unknown."""
    first = int(-((panel.days[0].astype("int64") + 3) % WEEK)) % WEEK
    weeks = (len(panel.days) - first) // WEEK
    counts = panel.counts[:, first : first + weeks * WEEK].reshape(len(panel.ids), weeks, WEEK).sum(axis=2)
    return Panel(panel.ids, panel.days[first : first + weeks * WEEK : WEEK], counts, "W", panel.groups)

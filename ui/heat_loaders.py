"""Cached reads of the heat map: every area in every month, one metric; hexagons, communities and hours of a month."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from geodata import hexagons
from governance import rates
from governance.periods import Grain, Period, month_end
from storage import patterns, reads, unplaced_reads
from storage.scope import Role
from ui import loaders
from ui.kept import cached

if TYPE_CHECKING:
    from datetime import date

    from storage.queries import Selection
    from storage.scope import Scope

__all__ = [
    "CHANGE",
    "COUNT",
    "METRICS",
    "MOST_COMMUNITIES",
    "PER_10K",
    "AreaMonths",
    "area_months",
    "communities",
    "density",
    "hours",
    "month_period",
    "months",
    "populated_levels",
    "unplaced_labels",
]

COUNT, PER_10K, CHANGE = "request_count", "requests_per_10k", "against_own"
METRICS = (COUNT, PER_10K, CHANGE, *rates.RATE_COUNTS)
CLASSES = 5
CHANGE_BREAKS = (-0.3, -0.1, 0.1, 0.3)
YEARS_OF_NORMAL = 3
MOST_COMMUNITIES = 300


@dataclass(frozen=True, slots=True)
class AreaMonths:
    """One metric of every area in every month.

    ``table`` has ``month``, ``code``, ``request_count``, ``value`` (NaN: unknown, or resting on too few), ``base`` (what the value
    rests on); ``breaks`` are the inner bounds of the classes, the same for all months, so that colours can be compared.
    """

    table: pd.DataFrame
    breaks: tuple[float, ...]


def month_period(month: date) -> Period:
    """The whole month that begins on a day."""
    return Period.containing(Grain.MONTH, month)


@cached(4)
def months(version: str) -> list[date]:
    """First days of all months with data, oldest first."""
    known = loaders.facts(version)
    steps = pd.date_range(known.data_from.replace(day=1), known.data_until.replace(day=1), freq="MS")
    return [step.date() for step in steps]


def populated_levels(version: str, scope: Scope, selection: Selection) -> tuple[str, ...]:
    """Levels on which requests can be set against residents, lower first.

    A subdistrict's requests are never divided by its district's residents: within one subdistrict only its own count.
    """
    is_one = scope.role is Role.SUBDISTRICT or selection.subdistrict_code is not None
    levels = ("subdistrict",) if is_one else ("subdistrict", "district")
    return tuple(level for level in levels if loaders.register(version, scope, selection, level)["population"].notna().any())


@cached(64)
def area_months(version: str, scope: Scope, selection: Selection, level: str, metric: str) -> AreaMonths:
    """A metric of every area of a level in every month; areas without a ticket in a month count 0."""
    every = months(version)
    whole = Period(Grain.RANGE, every[0], month_period(every[-1]).end)
    counts = reads.read_place_months(loaders.snapshot(version), scope, selection, whole, level)
    register = loaders.register(version, scope, selection, level).set_index("code")
    grid = pd.MultiIndex.from_product([pd.to_datetime(pd.Series(every)), register.index], names=["month", "code"])
    counts["month"] = pd.to_datetime(counts["month"])
    full = counts.set_index(["month", "code"]).reindex(grid, fill_value=0).reset_index()
    small = loaders.small_base(version, month_period(every[-1]))
    normal = None
    if metric == CHANGE:
        covered = full["month"] >= pd.Timestamp(loaders.facts(version).data_from)
        whole_months = full.assign(request_count=full["request_count"].where(covered))
        normal = _own_normal(whole_months, _partly(version, scope, selection, level, every))
    value, base = _valued(full, metric, full["code"].map(register["population"]), normal)
    value = value.where(base >= small) if metric in (CHANGE, *rates.RATE_COUNTS) else value
    table = full[["month", "code", "request_count", "intake_count"]].assign(value=value, base=base)
    return AreaMonths(table, CHANGE_BREAKS if metric == CHANGE else _breaks(table["value"]))


def _partly(version: str, scope: Scope, selection: Selection, level: str, every: list[date]) -> dict[pd.Timestamp, list[pd.Series]]:
    """For a last month that is not over, requests by area over the same days of the years before, where the data cover them."""
    known, last = loaders.facts(version), every[-1]
    if known.data_until >= month_end(last):
        return {}
    period = Period.containing(Grain.MONTH, last, until=known.data_until)
    spans = []
    for _year in range(YEARS_OF_NORMAL):
        period = period.year_ago()
        if period.start >= known.data_from:
            counts = reads.read_by_place(loaders.snapshot(version), scope, selection, period, level).dropna(subset=["code"])
            spans.append(counts.set_index("code")["request_count"])
    return {pd.Timestamp(last): spans}


def _valued(full: pd.DataFrame, metric: str, population: pd.Series, normal: pd.Series | None) -> tuple[pd.Series, pd.Series]:
    """The metric and what it rests on; ``normal`` is given for the change against it."""
    if metric in rates.RATE_COUNTS:
        return rates.three_rates(full)[metric], full[rates.RATE_COUNTS[metric][1]]
    if metric == PER_10K:
        return rates.per_10k(full["request_count"], population), full["request_count"]
    if normal is not None:
        return rates.change(full["request_count"], normal), normal.fillna(0)
    return full["request_count"].astype("float64"), full["request_count"]


def _own_normal(full: pd.DataFrame, partly: dict[pd.Timestamp, list[pd.Series]]) -> pd.Series:
    """Mean requests of the same area in the same month of the years before, at most three; NaN in the first year.

    ``full`` has whole months, and NaN where a month is covered in part; ``partly`` has, for a month that is not over, the same
    days of the years before, by area.
    """
    wide = full.set_index(["month", "code"])["request_count"].unstack()  # noqa: PD010 - summing would make 0 of what is not known
    steps = pd.DatetimeIndex(wide.index)
    before = [wide.reindex(steps - pd.DateOffset(years=years)) for years in range(1, YEARS_OF_NORMAL + 1)]
    stacked = np.stack([frame.to_numpy(dtype="float64") for frame in before])
    for month, spans in partly.items():
        stacked[:, steps.get_loc(month), :] = np.nan
        for number, span in enumerate(spans):
            stacked[number, steps.get_loc(month), :] = span.reindex(wide.columns, fill_value=0)
    known = np.isfinite(stacked)
    total = np.where(known, stacked, 0).sum(axis=0)
    mean = np.divide(total, known.sum(axis=0), out=np.full(total.shape, np.nan), where=known.any(axis=0))
    rows, columns = wide.index.get_indexer(pd.Index(full["month"])), wide.columns.get_indexer(pd.Index(full["code"]))
    return pd.Series(mean[rows, columns], index=full.index)


def _breaks(values: pd.Series) -> tuple[float, ...]:
    """Inner bounds of five classes: quantiles over all areas and months that have any, to three digits."""
    known = values[values > 0].dropna()
    if known.empty:
        return ()
    cuts = known.quantile(np.linspace(0, 1, CLASSES + 1)[1:-1])
    return tuple(sorted({float(f"{cut:.3g}") for cut in cuts}))


@cached(64)
def density(version: str, scope: Scope, selection: Selection, month: date, resolution: int) -> tuple[pd.DataFrame, int]:
    """Requests by H3 cell: ``cell`` (its name), ``longitude``, ``latitude`` (of its centre), ``request_count``; and requests without a position."""
    found = patterns.read_hexagons(loaders.snapshot(version), scope, selection, month_period(month))
    located = found[found["hexagon"] != 0]
    coarse = located.assign(hexagon=hexagons.parents(located["hexagon"], resolution)).groupby("hexagon", as_index=False)["request_count"].sum()
    cells = hexagons.named(coarse["hexagon"]).assign(request_count=coarse["request_count"].to_numpy())
    missing = int(found.loc[found["hexagon"] == 0, "request_count"].sum())
    return cells[cells["request_count"] > 0].sort_values("request_count", ascending=False, ignore_index=True), missing


@cached(64)
def communities(version: str, scope: Scope, selection: Selection, month: date, limit: int) -> pd.DataFrame:
    """The communities with most requests: ``community``, ``street``, ``request_count``, ``longitude``, ``latitude`` (NaN: too few positions)."""
    found = patterns.read_communities(loaders.snapshot(version), scope, selection, month_period(month))
    names = loaders.place_register(version).set_index("code")["name"]
    return found.assign(street=found["subdistrict_code"].map(names)).head(limit)


@cached(64)
def hours(version: str, scope: Scope, selection: Selection, month: date) -> tuple[pd.DataFrame, bool]:
    """Intake by weekday (rows 1-7, Monday first) and hour (columns 0-23); and whether category could not narrow it."""
    found = patterns.read_hours(loaders.snapshot(version), scope, selection, month_period(month))
    table = found.pivot_table(index="weekday", columns="hour", values="intake_count", aggfunc="sum")
    return table.reindex(index=range(1, 8), columns=range(24)).fillna(0).astype("int64"), "category_1_id" in found.attrs["left_out"]


@cached(16)
def unplaced_labels(version: str, scope: Scope, selection: Selection, month: date, level: str, limit: int | None) -> pd.DataFrame:
    """Labels of the month that found no area, most frequent first; see ``storage.unplaced_reads``."""
    return unplaced_reads.read_unplaced_labels(loaders.snapshot(version), scope, selection, month_period(month), level, limit)

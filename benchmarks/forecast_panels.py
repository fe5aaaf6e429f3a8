"""Panels of counts from the real ticket files, for the forecasters' contest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchmarks.demo_ground import demo_panel, true_mean
from forecasts.panel import Panel
from forecasts.weather import weather_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from forecasts.interface import Model
    from forecasts.weather import Weather

__all__ = ["GROUNDS", "Ground", "evenly"]

SHARED = Path(__file__).resolve().parents[2] / "shared" / "tickets"
LEAST_TICKETS = 300
MONTHS = 12


@dataclass(frozen=True, slots=True)
class Ground:
    """A contest: the calendar of the city, how to make its panel for a frequency, the cut-offs, and where they are known, the truth and the weather."""

    calendar: str
    panel: Callable[[str], Panel]
    cutoffs: tuple[date, ...]
    truth: Callable[[str], Model] | None = None
    weather: Callable[[bool], Weather] | None = None


def _panel(tickets: pd.DataFrame, place: str, kind: str, frequency: str) -> Panel:
    """Series of place and kind with at least 300 tickets; each shares its season with its kind."""
    rows = tickets.dropna(subset=[place, kind, "day"])
    names = rows[place].astype("str") + "/" + rows[kind].astype("str")
    sizes = names.value_counts()
    kept = sizes.index[sizes >= LEAST_TICKETS].sort_values()
    rows, names = rows[names.isin(kept)], names[names.isin(kept)]
    first, last = rows["day"].min().normalize(), rows["day"].max().normalize()
    days = pd.date_range(first, last, freq="D")
    table = pd.crosstab(names, rows["day"].dt.normalize()).reindex(index=kept, columns=days, fill_value=0)
    counts, axis = table.to_numpy(dtype="float64"), days.to_numpy().astype("datetime64[D]")
    if frequency == "W":
        skipped = (7 - first.weekday()) % 7
        weeks = (len(axis) - skipped) // 7
        counts = counts[:, skipped : skipped + 7 * weeks].reshape(len(kept), weeks, 7).sum(axis=2)
        axis = axis[skipped : skipped + 7 * weeks : 7]
    return Panel(tuple(kept), axis, counts, frequency, tuple(name.rsplit("/", 1)[1] for name in kept))


def _new_york(place: str, frequency: str) -> Panel:
    tickets = pd.read_parquet(SHARED / "nyc_council_constituent_services.parquet").drop_duplicates("unique_key")
    day = pd.to_datetime(tickets["opendate"], errors="coerce")
    return _panel(tickets.assign(day=day)[day.between("2015-01-01", "2019-12-31")], place, "complaint_type", frequency)


def _boston(frequency: str) -> Panel:
    tickets = pd.read_parquet(SHARED / "boston_311_animal.parquet").drop_duplicates("case_enquiry_id")
    day = pd.to_datetime(tickets["open_dt"], errors="coerce")
    named = tickets["neighborhood"].where(tickets["neighborhood"].astype("str").str.strip() != "")
    return _panel(tickets.assign(day=day, neighborhood=named)[day.between("2013-01-01", "2022-12-31")], "neighborhood", "type", frequency)


def _boston_weather(known_ahead: bool) -> Weather:
    table = pd.read_parquet(SHARED.parent / "series" / "weather_boston_daily.parquet")
    days = pd.to_datetime(table["time"]).to_numpy().astype("datetime64[D]")
    measured = table[["tavg", "wspd", "prcp"]].apply(pd.to_numeric, errors="coerce").to_numpy("float64", copy=True)
    measured[:, -1] = np.log1p(measured[:, -1])
    return weather_of(days, measured, np.datetime64("2019-01-31"), known_ahead=known_ahead)


def _cutoffs(first: date, last: date, months: int) -> tuple[date, ...]:
    """Last days of every so many months."""
    found, year, month = [], first.year, first.month
    while date(year, month, 1) <= last:
        found.append(date(year, month, 1) - timedelta(days=1))
        month += months
        year, month = year + (month - 1) // MONTHS, (month - 1) % MONTHS + 1
    return tuple(found)


def _borough(frequency: str) -> Panel:
    return _new_york("borough", frequency)


def _district(frequency: str) -> Panel:
    return _new_york("council_dist", frequency)


GROUNDS = {
    "nyc_borough": Ground("US-NY", _borough, _cutoffs(date(2018, 2, 1), date(2019, 10, 1), 3)),
    "nyc_council_district": Ground("US-NY", _district, _cutoffs(date(2018, 2, 1), date(2019, 10, 1), 3)),
    "boston_neighborhood": Ground("US-MA", _boston, _cutoffs(date(2019, 2, 1), date(2022, 10, 1), 6), weather=_boston_weather),
    "demo_district": Ground("CN-BJ", demo_panel, _cutoffs(date(2025, 9, 1), date(2026, 8, 1), 1), true_mean),
}
"""Contests by name. The level break of March 2020 is left out of New York here and tried on its own."""


def evenly(cutoffs: tuple[date, ...], wanted: int) -> list[date]:
    """So many of the cut-offs, spread over all of them."""
    places = np.unique(np.linspace(0, len(cutoffs) - 1, min(wanted, len(cutoffs))).round().astype(int))
    return [cutoffs[place] for place in places]

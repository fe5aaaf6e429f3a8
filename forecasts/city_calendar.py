"""What the calendar does to daily counts: columns of effects for a regression, events for a strip of the year, and known shocks.

Weekdays and the yearly wave are not here: a column is only made for what they cannot say, such as a festival that moves, a weekend that is worked, or a
season that starts from one day to the next.
"""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecasts.calendars import CALENDARS, DayKind, day_kinds, marks

__all__ = ["effects", "events", "shock_days", "shocks"]

HERE = Path(__file__).resolve().parent
MARGIN = timedelta(days=30)
"""Days looked at on both sides of those asked for: longer than any rest of days in a row and than the trial heating before a season."""
SATURDAY = 5

SPRING_BLOCKS = {
    "spring_before_far": (-14, -8),
    "spring_before_near": (-7, -2),
    "spring_eve": (-1, -1),
    "spring_first": (0, 2),
    "spring_late": (3, 5),
    "spring_return": (6, 13),
    "lantern": (14, 16),
}
"""Days from the first day of the lunar year, both inclusive; the Lantern Festival is day 14. Days -1 to 5 were free in 2019 and 2021 to 2023; days that were
free beyond them in some years are in ``spring_extra_off`` too."""

NATIONAL_FIRST, NATIONAL_LATER = (1001, 1003), (1004, 1008)
USUAL_NATIONAL, USUAL_SPRING, USUAL_FROM = (1004, 1007), (3, 6), 2025
"""Rest expected where the arrangement of a year is not out yet, beyond the days the law gives since 2025: free alike in 2025 and 2026."""

SEASON_COLUMNS = {"汛期": "flood_season", "主汛期": "main_flood_season", "杨柳飞絮": "catkins", "高考": "gaokao", "中考": "zhongkao"}
HEATING, TRIAL = "供暖季", "试供热"
FAST, SLOW = 5.0, 20.0
"""Days in which a burst falls to 1/e. Beijing's heating line took 1600 calls on 7 November 2020, the first day of trial heating, and 413 on the 14th
(Xinhua, 2020-11-16): 7 / ln(1600 / 413) = 5.2 days."""
TRIAL_DAYS, END_DAYS = 10, 7

AMERICAN_COLUMNS = {
    "new_year": "元旦",
    "memorial_day": "阵亡将士纪念日",
    "independence_day": "独立日",
    "labor_day": "劳工节",
    "thanksgiving": "感恩节",
    "christmas": "圣诞节",
}
YEAR_END = (1224, 1231)


def effects(calendar: str, start: date, end: date) -> pd.DataFrame:
    """Calendar effects of each day, to stand beside weekdays and a yearly wave in a log-linear regression of counts.

    Parameters
    ----------
    calendar
        One of `forecasts.calendars.CALENDARS`.
    start, end
        First and last day, both inclusive.

    Returns
    -------
    DataFrame
        One row a day (index ``day``, datetime64[us], daily), one float64 column an effect, each within 0 and 1. The columns and
        their order depend on the calendar alone, and a day's values on that day alone; "none" has no columns.

    Raises
    ------
    ValueError
        The calendar is unknown, or the end lies before the start.

    Notes
    -----
    Days are as they turned out. The formal start of heating is known about a week ahead, its extension less, the holidays of a year from the November
    before: a backtest with a longer horizon than that sees a little more than was known at its cut-off.

    A holiday acts on a weekday more than on a weekend, which is quiet anyway; ``holiday_weekend`` carries the difference.
    In years without a published arrangement, the usual days of the Spring Festival and of the national week are taken as free and no weekend as worked.
    Lunar dates are those of festivals.csv, 1987 to 2099; outside them the columns that follow the lunar year are 0.
    """
    _check(calendar, start, end)
    days = np.arange(np.datetime64(start), np.datetime64(end) + 1)
    columns: dict[str, np.ndarray] = {}
    if calendar.startswith("CN"):
        columns |= _chinese(_rest_days(calendar, start, end), len(days))
        seasons = marks(calendar, start - MARGIN, end + MARGIN)
        if calendar == "CN-BJ":
            columns |= _beijing(seasons, days)
        columns |= _event_columns(calendar, seasons, days)
    elif calendar.startswith("US"):
        columns |= _american(_rest_days(calendar, start, end), len(days))
    index = pd.date_range(start, end, name="day").as_unit("us")
    return pd.DataFrame(columns, index=index, dtype="float64")


def events(calendar: str, start: date, end: date) -> pd.DataFrame:
    """Holidays, seasons and recurring events that touch the days ``start`` to ``end``.

    Returns
    -------
    DataFrame
        One row an event, by first day: ``label`` (Chinese), ``start`` and ``end`` (datetime64[us], both inclusive, whole even where they
        reach beyond the days asked for), ``kind`` (holiday, season, school, commerce or labour), ``is_assumed`` (True where no public document gives these
        days for that year), ``source`` (where the days are from).

    Raises
    ------
    ValueError
        The calendar is unknown, or the end lies before the start.
    """
    _check(calendar, start, end)
    marked = marks(calendar, start - MARGIN, end + MARGIN)
    kinds = _data()["kinds"]
    rows = [
        (label, first, last, kinds.get(label, "holiday"), source, assumed)
        for label, first, last, source, assumed in zip(
            marked["label"], marked["start"].dt.date, marked["end"].dt.date, marked["source"], marked["is_assumed"], strict=True
        )
    ]
    for entry in _entries("event", calendar):
        rows += [_row(entry, given) for given in _occurrences(entry, _anchors(marked), start, end).values()]
    return _frame(rows, start, end)


def shocks(calendar: str, start: date, end: date) -> pd.DataFrame:
    """Storms, epidemics and the like that touch the days ``start`` to ``end``: days to leave out of a fit, or to name on a chart.

    They are entered afterwards; a forecast may only use those that began before its cut-off.

    Returns
    -------
    DataFrame
        One row a shock, by first day, with the columns of `events`; ``kind`` is "storm" or "epidemic".

    Raises
    ------
    ValueError
        The calendar is unknown, or the end lies before the start.
    """
    _check(calendar, start, end)
    return _frame([_row(entry, entry) for entry in _entries("shock", calendar)], start, end)


def shock_days(calendar: str, start: date, end: date) -> np.ndarray:
    """Which days lie in a shock: bool, one a day from ``start`` to ``end``, both inclusive; errors as in `shocks`."""
    found = shocks(calendar, start, end)
    days = np.arange(np.datetime64(start), np.datetime64(end) + 1)
    return _within(days, list(zip(found["start"].dt.date, found["end"].dt.date, strict=True))) > 0


def _check(calendar: str, start: date, end: date) -> None:
    # the days are asked for with a margin further on, which would let reversed ones pass
    if calendar not in CALENDARS or end < start:
        day_kinds(calendar, start, end)  # raises, with the one message for it


def _within(days: np.ndarray, spans: list[tuple[date, date]]) -> np.ndarray:
    """1.0 on days within any of the spans (both ends inclusive), else 0.0; ``days`` are consecutive."""
    column = np.zeros(len(days))
    for first, last in spans:
        begin, stop = ((np.datetime64(day) - days[0]).astype(int) for day in (first, last))
        column[max(begin, 0) : max(stop + 1, 0)] = 1.0
    return column


# Rest days and the days beside them


@dataclass(frozen=True, slots=True)
class _Rest:
    """Days asked for with `MARGIN` on both sides: N arrays of one value a day."""

    days: np.ndarray
    """datetime64[D]."""
    names: np.ndarray
    """Chinese name of the holiday, None on other days."""
    holiday: np.ndarray
    """Free for a holiday."""
    weekend: np.ndarray
    """Free as a weekend day."""
    makeup: np.ndarray
    """Weekend day that is worked."""
    assumed: np.ndarray
    """The arrangement of the year is not known."""

    @property
    def month_day(self) -> np.ndarray:
        """Month and day as one number, 229 for 29 February."""
        index = pd.DatetimeIndex(self.days)
        return np.asarray(index.month * 100 + index.day)

    @property
    def on_weekend(self) -> np.ndarray:
        """The day is a Saturday or Sunday, worked or not."""
        return np.asarray(pd.DatetimeIndex(self.days).day_of_week >= SATURDAY)


def _rest_days(calendar: str, start: date, end: date) -> _Rest:
    frame = day_kinds(calendar, start - MARGIN, end + MARGIN)
    kinds = frame["kind"].to_numpy(dtype="object")
    holiday, weekend, makeup = (kinds == str(kind) for kind in (DayKind.HOLIDAY, DayKind.WEEKEND, DayKind.MAKEUP_WORKDAY))
    names = np.array(frame["name"], dtype="object")
    names[~holiday] = None  # a make-up workday bears the name of its holiday
    return _Rest(frame["day"].to_numpy().astype("datetime64[D]"), names, holiday, weekend, makeup, frame["is_assumed"].to_numpy(dtype=bool))


def _beside(holiday: np.ndarray, weekend: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The last working day before, and the first after, each row of free days that has a holiday in it."""
    free = holiday | weekend
    row = np.cumsum(np.diff(free, prepend=free[0]))
    touched = free & (np.bincount(row, weights=holiday) > 0)[row]
    return ~free & np.append(touched[1:], False), ~free & np.append(False, touched[:-1])


def _trimmed(columns: dict[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    return {name: values[MARGIN.days : MARGIN.days + count] for name, values in columns.items()}


# China


@cache
def _spring_festivals() -> dict[int, date]:
    with (HERE / "festivals.csv").open(encoding="utf-8", newline="") as file:
        return {int(row["year"]): date.fromisoformat(f"{row['year']}-{row['spring_festival']}") for row in csv.DictReader(file)}


def _spring_offset(days: np.ndarray) -> np.ndarray:
    """Days from the first day of the lunar year, that of the same year until July and of the next one from then on; NaN where it is not known."""
    index = pd.DatetimeIndex(days)
    years = np.asarray(index.year + (index.month > 7))  # noqa: PLR2004 - festivals fall on 21 January to 20 February
    known = _spring_festivals()
    distinct, place = np.unique(years, return_inverse=True)
    first = np.array([np.datetime64(known[year]) if year in known else np.datetime64("NaT", "D") for year in distinct.tolist()])
    offset = (days - first[place]).astype("timedelta64[D]")
    return np.where(np.isnat(offset), np.nan, offset.astype("float64"))


def _between(values: np.ndarray, ends: tuple[int, int]) -> np.ndarray:
    return (values >= ends[0]) & (values <= ends[1])


def _chinese(rest: _Rest, count: int) -> dict[str, np.ndarray]:
    offset, month_day = _spring_offset(rest.days), rest.month_day
    expected = rest.assumed & (rest.days >= np.datetime64(f"{USUAL_FROM}-01-01"))
    usual_spring = expected & _between(offset, USUAL_SPRING)
    usual_national = expected & _between(month_day, USUAL_NATIONAL)
    holiday = rest.holiday | usual_spring | usual_national
    spring = (rest.names == "春节") | usual_spring
    national = holiday & ((rest.names == "国庆节") | _between(month_day, (NATIONAL_FIRST[0], NATIONAL_LATER[1])))
    labour = rest.names == "劳动节"
    first = national & _between(month_day, NATIONAL_FIRST)
    before, after = _beside(holiday, rest.weekend)
    columns = {name: _between(offset, ends) for name, ends in SPRING_BLOCKS.items()}
    columns |= {
        "spring_extra_off": spring & ~_between(offset, (SPRING_BLOCKS["spring_eve"][0], SPRING_BLOCKS["spring_late"][1])),
        "national_day_first": first,
        "national_day_rest": national & ~first,
        "labour_day": labour,
        "short_holiday": holiday & ~spring & ~national & ~labour,
        "holiday_weekend": holiday & rest.on_weekend,
        "before_holiday": before,
        "after_holiday": after,
        "makeup_workday": rest.makeup,
    }
    return _trimmed(columns, count)


# Beijing


def _beijing(seasons: pd.DataFrame, days: np.ndarray) -> dict[str, np.ndarray]:
    spans = {label: _spans(seasons, label) for label in (HEATING, *SEASON_COLUMNS)}
    heating = spans[HEATING]
    trial = next(entry for entry in _entries("event", "CN-BJ") if entry["label"] == TRIAL)
    ignitions = {year: given["first"] for year, given in _occurrences(trial, _anchors(seasons), days[0].item(), days[-1].item()).items()}
    day = timedelta(days=1)
    columns = {
        "heating_trial": _within(days, [(first - TRIAL_DAYS * day, first - day) for first, _last in heating]),
        "heating_ignition": _decay(days, [(ignitions[first.year], last) for first, last in heating], FAST),
        "heating_onset_fast": _decay(days, heating, FAST),
        "heating_onset_slow": _decay(days, heating, SLOW),
        "heating_season": _within(days, heating),
        "heating_end": _within(days, [(last - (END_DAYS - 1) * day, last + END_DAYS * day) for _first, last in heating]),
    }
    return columns | {column: _within(days, spans[label]) for label, column in SEASON_COLUMNS.items()}


def _spans(seasons: pd.DataFrame, label: str) -> list[tuple[date, date]]:
    found = seasons[seasons["label"] == label]
    return list(zip(found["start"].dt.date, found["end"].dt.date, strict=True))


def _decay(days: np.ndarray, spans: list[tuple[date, date]], scale: float) -> np.ndarray:
    """exp(-d / ``scale``) on the d-th day of a span, counted from 0; 0 outside."""
    column = np.zeros(len(days))
    for first, last in spans:
        inside = (days >= np.datetime64(first)) & (days <= np.datetime64(last))
        column[inside] = np.exp(-(days[inside] - np.datetime64(first)).astype("float64") / scale)
    return column


# United States


def _american(rest: _Rest, count: int) -> dict[str, np.ndarray]:
    columns = {column: rest.names == name for column, name in AMERICAN_COLUMNS.items()}
    major = np.logical_or.reduce(list(columns.values()))
    friday = np.append(False, columns["thanksgiving"][:-1])
    # few offices work on that Friday, so the first working day after is the Monday
    _before, after = _beside(rest.holiday | friday, rest.weekend)
    columns |= {
        "after_thanksgiving": friday,
        "year_end": _between(rest.month_day, YEAR_END) & ~rest.holiday,
        "minor_holiday": rest.holiday & ~major,
        "holiday_weekend": rest.holiday & rest.on_weekend,
        "after_holiday": after,
    }
    return _trimmed(columns, count)


# Events and shocks


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads((HERE / "events.toml").read_text(encoding="utf-8"))


def _entries(table: str, calendar: str) -> list[dict[str, Any]]:
    return [entry for entry in _data()[table] if calendar in entry["calendars"]]


def _anchors(marked: pd.DataFrame) -> dict[str, dict[int, date]]:
    """Dates that events move with, by year; of the heating season only those among ``marked``."""
    return {"spring_festival": _spring_festivals(), "heating": {first.year: first for first, _last in _spans(marked, HEATING)}}


def _occurrences(entry: dict[str, Any], anchors: dict[str, dict[int, date]], start: date, end: date) -> dict[int, dict[str, Any]]:
    """Days, source and status of an event by year, or by year of its anchor; the days of a year that is written out replace the usual ones."""
    found = {}
    actual = {item["first"].year: item for item in entry.get("actual", [])}
    for year in range(start.year - 1, end.year + 2):
        if year in actual:
            found[year] = actual[year]
        elif "anchor" not in entry:
            days = {key: date.fromisoformat(f"{year:04}-{entry[key]}") for key in ("first", "last")}
            found[year] = {**entry, **days}
        elif year in anchors[entry["anchor"]]:
            days = {key: anchors[entry["anchor"]][year] + timedelta(days=entry[key]) for key in ("first", "last")}
            found[year] = {**entry, **days}
    return found


def _event_columns(calendar: str, seasons: pd.DataFrame, days: np.ndarray) -> dict[str, np.ndarray]:
    """The effects that events.toml names."""
    columns = {}
    anchors = _anchors(seasons)
    for entry in _entries("event", calendar):
        if "column" in entry:
            spans = [(given["first"], given["last"]) for given in _occurrences(entry, anchors, days[0].item(), days[-1].item()).values()]
            columns[entry["column"]] = _ramp(days, spans) if entry.get("ramp") else _within(days, spans)
    return columns


def _ramp(days: np.ndarray, spans: list[tuple[date, date]]) -> np.ndarray:
    """Rises over the days of a span in equal steps from one step to 1; 0 outside."""
    column = np.zeros(len(days))
    for first, last in spans:
        inside = (days >= np.datetime64(first)) & (days <= np.datetime64(last))
        column[inside] = ((days[inside] - np.datetime64(first)).astype("float64") + 1) / ((last - first).days + 1)
    return column


def _row(entry: dict[str, Any], given: dict[str, Any]) -> tuple[str, date, date, str, str, bool]:
    return entry["label"], given["first"], given["last"], entry["kind"], given["source"], given["status"] == "assumed"


def _frame(rows: list[Any], start: date, end: date) -> pd.DataFrame:
    """Rows that touch the days, by first day."""
    kept = sorted((row for row in rows if row[1] <= end and row[2] >= start), key=lambda row: (row[1], row[2], row[0]))
    frame = pd.DataFrame(kept, columns=["label", "start", "end", "kind", "source", "is_assumed"], dtype="object")
    for column in ("start", "end"):
        frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
    return frame.astype({"is_assumed": "bool"})

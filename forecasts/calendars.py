"""What kind of day each day is, and the seasons to mark on a chart.

A calendar is named by the code of a country, or of a country and one of its parts (ISO 3166-2): "CN" has the holidays
and make-up workdays (调休上班) of the State Council, "CN-BJ" also Beijing's seasons, "US" the federal holidays, "US-MA"
and "US-NY" also those of the state; "none" knows weekends only.
"""

from __future__ import annotations

import copy
import csv
import tomllib
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import chinese_calendar
import pandas as pd
from pandas.tseries.holiday import Holiday, USFederalHolidayCalendar, nearest_workday, sunday_to_monday
from pandas.tseries.offsets import DateOffset

__all__ = ["CALENDARS", "DayKind", "day_kinds", "marks"]

CALENDARS = ("CN", "CN-BJ", "US", "US-MA", "US-NY", "none")
"""Codes a city profile may name."""

ONE_DAY = timedelta(days=1)
MONDAY, TUESDAY, SATURDAY = 0, 1, 5
TWO_DAYS_OFF = date(1995, 5, 1)
"""First day on which Saturday is free in China: 国务院关于职工工作时间的规定 (国务院令第174号), article 7."""

HERE = Path(__file__).resolve().parent


class DayKind(StrEnum):
    """What a day is to those who work; a make-up workday is a Saturday or Sunday worked for a holiday."""

    WORKDAY = "workday"
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    MAKEUP_WORKDAY = "makeup_workday"


@dataclass(frozen=True, slots=True)
class _Statutory:
    """Days off by law: ``days`` from ``shift`` days after the anchor, in the years ``first`` to ``last``.

    The anchor is a month and day, or a column of festivals.csv.
    """

    name: str
    anchor: str
    days: int
    shift: int = 0
    first: int = 1950
    last: int = 9999


STATUTORY = (
    _Statutory("元旦", "01-01", 1),
    _Statutory("春节", "spring_festival", 3, last=2024),
    _Statutory("春节", "spring_festival", 4, shift=-1, first=2025),
    _Statutory("清明节", "qingming", 1, first=2008),
    _Statutory("劳动节", "05-01", 1, last=1999),
    _Statutory("劳动节", "05-01", 3, first=2000, last=2007),
    _Statutory("劳动节", "05-01", 2, first=2025),
    _Statutory("端午节", "dragon_boat", 1, first=2008),
    _Statutory("中秋节", "mid_autumn", 1, first=2008),
    _Statutory("国庆节", "10-01", 2, last=1998),
    _Statutory("国庆节", "10-01", 3, first=1999),
)
"""全国年节及纪念日放假办法, editions of 1949, 1999, 2007 and 2024, for the years whose arrangement is not in the library.

The library has 2004 to 2026, so the days of 2008 to 2024 are not spelled out where editions in between differ.
"""

CHINESE_NAMES = {
    "New Year's Day": "元旦",
    "Spring Festival": "春节",
    "Tomb-sweeping Day": "清明节",
    "Labour Day": "劳动节",
    "Dragon Boat Festival": "端午节",
    "Mid-autumn Festival": "中秋节",
    "National Day": "国庆节",
    "Anti-Fascist 70th Day": "抗战胜利70周年纪念日",
    "Birthday of Martin Luther King, Jr.": "马丁·路德·金纪念日",
    "Lincoln's Birthday": "林肯诞辰日",
    "Washington's Birthday": "华盛顿诞辰日",
    "Patriots' Day": "爱国者日",
    "Memorial Day": "阵亡将士纪念日",
    "Juneteenth National Independence Day": "六月节",
    "Independence Day": "独立日",
    "Labor Day": "劳工节",
    "Columbus Day": "哥伦布日",
    "Election Day": "选举日",
    "Veterans Day": "退伍军人节",
    "Thanksgiving Day": "感恩节",
    "Christmas Day": "圣诞节",
}

STATE_RULES = {
    "US": [],
    "US-MA": [Holiday("Patriots' Day", month=4, day=15, offset=DateOffset(weekday=MONDAY))],
    "US-NY": [
        Holiday("Lincoln's Birthday", month=2, day=12, observance=nearest_workday),
        Holiday("Election Day", month=11, day=2, offset=DateOffset(weekday=TUESDAY)),
    ],
}
"""Holidays of the state alone. The third Monday is the first one from the 15th, the Tuesday after the first Monday the first one from the 2nd.

Massachusetts General Laws chapter 4, section 7, clause 18; New York General Construction Law, section 24."""

OBSERVED = {"US": nearest_workday, "US-MA": sunday_to_monday, "US-NY": nearest_workday}
"""Which weekday is free when a fixed date falls on a weekend; Massachusetts moves Sundays only."""


def day_kinds(calendar: str, start: date, end: date) -> pd.DataFrame:
    """What kind of day each day is.

    Parameters
    ----------
    calendar
        One of `CALENDARS`.
    start, end
        First and last day, both inclusive.

    Returns
    -------
    DataFrame
        One row a day in order: ``day`` (datetime64, midnight), ``kind`` (the text of a `DayKind`), ``name`` (Chinese name of the
        holiday, or of the one a make-up workday is worked for; None otherwise), ``is_assumed`` (True where the
        arrangement of that year is not published or not known here: then only the days off by law are holidays, the
        rest of a holiday week and its make-up workdays are missing).

    Raises
    ------
    ValueError
        The calendar is unknown, or the end lies before the start.

    References
    ----------
    China: yearly notices of the State Council on holiday arrangements (国务院办公厅关于部分节假日安排的通知), as kept
    by the library chinesecalendar. Outside its years, 全国年节及纪念日放假办法 on the lunar dates of festivals.csv, on which the
    libraries holidays 0.109 and lunardate 0.3.0 agree for 1987 to 2099. United States: 5 U.S.C. 6103, as kept by pandas,
    both on the date itself and on the weekday on which it is observed.
    """
    _check(calendar, start, end)
    days = [start + timedelta(days=number) for number in range((end - start).days + 1)]
    if calendar.startswith("CN"):
        rows = [_chinese_day(day) for day in days]
    else:
        named = _american_holidays(calendar, start, end) if calendar.startswith("US") else {}
        rows = [(DayKind.HOLIDAY, named[day], False) if day in named else (_plain_kind(day), None, False) for day in days]
    return pd.DataFrame(
        {
            "day": pd.to_datetime(pd.Series(days, dtype="object")).astype("datetime64[us]"),
            "kind": pd.Series([str(kind) for kind, _name, _assumed in rows], dtype="str"),
            "name": pd.Series([name for _kind, name, _assumed in rows], dtype="object"),
            "is_assumed": pd.Series([assumed for _kind, _name, assumed in rows], dtype="bool"),
        }
    )


def marks(calendar: str, start: date, end: date) -> pd.DataFrame:
    """Holidays and seasons that touch the days ``start`` to ``end``, to be marked on a chart.

    Returns
    -------
    DataFrame
        One row a holiday or season, by first day: ``label`` (Chinese), ``start`` and ``end`` (datetime64, both
        inclusive, whole even where they reach beyond the days asked for), ``is_assumed`` (True where no public document gives these
        days for that year), ``source`` (where the days are from).

    Raises
    ------
    ValueError
        The calendar is unknown, or the end lies before the start.
    """
    _check(calendar, start, end)
    found = _holiday_marks(calendar, start, end) + [mark for driver in _drivers() if driver["calendar"] == calendar for mark in _seasons(driver, start, end)]
    found.sort(key=lambda mark: (mark[1], mark[2], mark[0]))
    frame = pd.DataFrame(found, columns=["label", "start", "end", "is_assumed", "source"], dtype="object")
    for column in ("start", "end"):
        frame[column] = pd.to_datetime(frame[column]).astype("datetime64[us]")
    return frame.astype({"is_assumed": "bool"})


def _check(calendar: str, start: date, end: date) -> None:
    if calendar not in CALENDARS:
        message = f"calendar {calendar!r} is unknown; known are {', '.join(CALENDARS)}"
        raise ValueError(message)
    if end < start:
        message = f"calendar {calendar}: the last day {end} lies before the first {start}"
        raise ValueError(message)


def _plain_kind(day: date) -> DayKind:
    return DayKind.WEEKEND if day.weekday() >= SATURDAY else DayKind.WORKDAY


# China


@cache
def _published_years() -> range:
    years = {day.year for day in chinese_calendar.holidays}
    return range(min(years), max(years) + 1)


def _chinese_day(day: date) -> tuple[DayKind, str | None, bool]:
    if day.year in _published_years():
        if day in chinese_calendar.holidays:
            return DayKind.HOLIDAY, CHINESE_NAMES[chinese_calendar.holidays[day]], False
        if day in chinese_calendar.workdays:
            return DayKind.MAKEUP_WORKDAY, CHINESE_NAMES[chinese_calendar.workdays[day]], False
        return _plain_kind(day), None, False
    if name := _statutory_days(day.year).get(day):
        return DayKind.HOLIDAY, name, True
    if day.weekday() == SATURDAY and day < TWO_DAYS_OFF:
        return DayKind.WORKDAY, None, True
    return _plain_kind(day), None, True


@cache
def _festivals() -> dict[int, dict[str, str]]:
    with (HERE / "festivals.csv").open(encoding="utf-8", newline="") as file:
        return {int(row["year"]): row for row in csv.DictReader(file)}


@cache
def _statutory_days(year: int) -> dict[date, str]:
    """The days off by law in a year; lunar festivals are missing outside the years of festivals.csv."""
    anchors = _festivals().get(year, {})
    days = {}
    for rule in STATUTORY:
        anchor = anchors.get(rule.anchor, rule.anchor)
        if rule.first <= year <= rule.last and anchor[0].isdigit():
            first = date.fromisoformat(f"{year:04}-{anchor}") + timedelta(days=rule.shift)
            days.update({first + timedelta(days=number): rule.name for number in range(rule.days)})
    return days


# United States


def _american_holidays(calendar: str, start: date, end: date) -> dict[date, str]:
    # a holiday observed on a weekday keeps its date as well: on a Saturday 4 July few people call, whoever is off on the Friday
    found: dict[date, str] = {}
    week = timedelta(days=7)
    for rule in [*USFederalHolidayCalendar.rules, *STATE_RULES[calendar]]:
        actual = copy.copy(rule)
        actual.observance = None
        observed = copy.copy(rule)
        observed.observance = OBSERVED[calendar] if rule.observance else None
        for version in (actual, observed):
            for day in version.dates(pd.Timestamp(start - week), pd.Timestamp(end + week)):
                found[day.date()] = CHINESE_NAMES[rule.name]
    return found


# Marks


def _holiday_marks(calendar: str, start: date, end: date) -> list[tuple[str, date, date, bool, str]]:
    # a fortnight more on both sides, so that a holiday at the edge is marked whole
    days = day_kinds(calendar, start - timedelta(days=14), end + timedelta(days=14))
    free = days[days["kind"] == DayKind.HOLIDAY]
    rows = [(day.date(), name, assumed) for day, name, assumed in zip(free["day"], free["name"], free["is_assumed"], strict=True)]
    found = []
    # 国庆节 and 中秋节 are often one row of free days, so days in a row make one mark, whatever their names
    for _run, group in groupby(enumerate(rows), key=lambda item: item[1][0].toordinal() - item[0]):
        spell = [row for _number, row in group]
        first, last, assumed = spell[0][0], spell[-1][0], any(row[2] for row in spell)
        label = "、".join(dict.fromkeys(row[1] for row in spell))
        if first <= end and last >= start:
            found.append((label, first, last, assumed, "法定节假日" if assumed or not calendar.startswith("CN") else "国务院办公厅节假日安排"))
    return found


@cache
def _drivers() -> tuple[dict[str, Any], ...]:
    return tuple(tomllib.loads((HERE / "drivers.toml").read_text(encoding="utf-8"))["driver"])


def _seasons(driver: dict[str, Any], start: date, end: date) -> list[tuple[str, date, date, bool, str]]:
    """The seasons of one driver, one a year; the days of a year that is written out replace the usual ones."""
    actual = {item["first"].year: item for item in driver.get("actual", [])}
    found = []
    for year in range(start.year - 1, end.year + 1):
        first = date.fromisoformat(f"{year:04}-{driver['first']}")
        last = date.fromisoformat(f"{year + (driver['last'] < driver['first']):04}-{driver['last']}")
        given = actual.get(year, {"first": first, "last": last, **{key: driver[key] for key in ("source", "status")}})
        if given["first"] <= end and given["last"] >= start:
            found.append((driver["label"], given["first"], given["last"], given["status"] == "assumed", given["source"]))
    return found

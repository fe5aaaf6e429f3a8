"""Calendars against the published table, the law outside it, and the seasons marked on charts."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasts import calendars
from forecasts.calendars import CALENDARS, DayKind, day_kinds, marks

# Arrangements of the State Council (国务院办公厅关于部分节假日安排的通知) of each year; a holiday that falls into another is in its row.
ARRANGEMENTS = {
    2019: (
        "02-04..02-10 04-05..04-07 05-01..05-04 06-07..06-09 09-13..09-15 10-01..10-07 01-01",
        "02-02 02-03 04-28 05-05 09-29 10-12",
    ),
    2020: ("01-24..02-02 04-04..04-06 05-01..05-05 06-25..06-27 10-01..10-08 01-01", "01-19 04-26 05-09 06-28 09-27 10-10"),
    2021: (
        "02-11..02-17 04-03..04-05 05-01..05-05 06-12..06-14 09-19..09-21 10-01..10-07 01-01..01-03",
        "02-07 02-20 04-25 05-08 09-18 09-26 10-09",
    ),
    2022: (
        "01-31..02-06 04-03..04-05 04-30..05-04 06-03..06-05 09-10..09-12 10-01..10-07 01-01..01-03 12-31",
        "01-29 01-30 04-02 04-24 05-07 10-08 10-09",
    ),
    2023: (
        "01-21..01-27 04-05 04-29..05-03 06-22..06-24 09-29 09-30..10-06 01-01..01-02 12-30..12-31",
        "01-28 01-29 04-23 05-06 06-25 10-07 10-08",
    ),
    2024: (
        "02-10..02-17 04-04..04-06 05-01..05-05 06-10 09-15..09-17 10-01..10-07 01-01",
        "02-04 02-18 04-07 04-28 05-11 09-14 09-29 10-12",
    ),
    2025: ("01-28..02-04 04-04..04-06 05-01..05-05 05-31..06-02 10-01..10-08 01-01", "01-26 02-08 04-27 09-28 10-11"),
    2026: (
        "02-15..02-23 04-04..04-06 05-01..05-05 06-19..06-21 09-25..09-27 10-01..10-07 01-01..01-03",
        "01-04 02-14 02-28 05-09 09-20 10-10",
    ),
}


def spelled(year: int, text: str) -> set[date]:
    days = set()
    for part in text.split():
        first, _, last = part.partition("..")
        start, end = (date.fromisoformat(f"{year}-{day}") for day in (first, last or first))
        days |= {start + timedelta(days=number) for number in range((end - start).days + 1)}
    return days


def year_of(calendar: str, year: int) -> pd.DataFrame:
    return day_kinds(calendar, date(year, 1, 1), date(year, 12, 31))


def days_of(frame: pd.DataFrame, kind: DayKind) -> set[date]:
    return {day.date() for day in frame.loc[frame["kind"] == kind, "day"]}


def named(calendar: str, year: int) -> dict[str, str]:
    frame = year_of(calendar, year)
    free = frame[frame["kind"] == DayKind.HOLIDAY]
    return {f"{day:%m-%d}": name for day, name in zip(free["day"], free["name"], strict=True)}


@pytest.mark.parametrize("year", ARRANGEMENTS)
def test_published_years_are_the_arrangement_of_the_state_council(year: int) -> None:
    holidays, makeup = (spelled(year, text) for text in ARRANGEMENTS[year])
    frame = year_of("CN", year)
    assert days_of(frame, DayKind.HOLIDAY) == holidays
    assert days_of(frame, DayKind.MAKEUP_WORKDAY) == makeup
    assert all(day.weekday() >= 5 for day in makeup | days_of(frame, DayKind.WEEKEND))
    assert not frame["is_assumed"].any()


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2019-02-05", "春节"),
        ("2020-01-25", "春节"),
        ("2021-02-12", "春节"),
        ("2022-02-01", "春节"),
        ("2023-01-22", "春节"),
        ("2024-02-10", "春节"),
        ("2025-01-29", "春节"),
        ("2026-02-17", "春节"),
        ("2023-09-29", "中秋节"),
        ("2025-10-06", "中秋节"),
        ("2026-09-20", "国庆节"),
        ("2024-02-29", None),
        ("2026-10-10", "国庆节"),
    ],
)
def test_names(day: str, name: str | None) -> None:
    """The first day of the lunar year is 春节; a make-up workday bears the name of its holiday, an ordinary day none."""
    frame = day_kinds("CN", date.fromisoformat(day), date.fromisoformat(day))
    assert frame["name"].tolist() == [name]


def test_after_the_published_years_the_law_stands_in_and_says_so() -> None:
    """2027: the thirteen days of the law of 2024 (eve to third day of the new year, two of May), nothing made up for."""
    assert named("CN", 2027) == {
        "01-01": "元旦",
        **dict.fromkeys(("02-05", "02-06", "02-07", "02-08"), "春节"),
        "04-05": "清明节",
        **dict.fromkeys(("05-01", "05-02"), "劳动节"),
        "06-09": "端午节",
        "09-15": "中秋节",
        **dict.fromkeys(("10-01", "10-02", "10-03"), "国庆节"),
    }
    frame = year_of("CN", 2027)
    assert frame["is_assumed"].all()
    assert DayKind.MAKEUP_WORKDAY not in set(frame["kind"])


def test_before_the_published_years_the_law_of_the_time_stands_in() -> None:
    """Seven days until 1999, ten from then on; Saturdays are worked until May 1995."""
    assert sorted(named("CN", 1990)) == ["01-01", "01-27", "01-28", "01-29", "05-01", "10-01", "10-02"]
    assert sorted(named("CN", 2001)) == ["01-01", "01-24", "01-25", "01-26", "05-01", "05-02", "05-03", "10-01", "10-02", "10-03"]
    saturdays = day_kinds("CN", date(1995, 4, 29), date(1995, 5, 6)).iloc[[0, 7]]
    assert saturdays["kind"].tolist() == ["workday", "weekend"]


@pytest.mark.parametrize("year", range(2014, 2025))
def test_lunar_table_agrees_with_the_arrangements(year: int) -> None:
    """The four moving dates of festivals.csv lie on days that the State Council named for them."""
    named_days = named("CN", year)
    dates = calendars._festivals()[year]
    for column, name in (("spring_festival", "春节"), ("qingming", "清明节"), ("dragon_boat", "端午节"), ("mid_autumn", "中秋节")):
        assert named_days[dates[column]] in {name, "国庆节"}


def test_far_years_have_no_lunar_days_and_no_error() -> None:
    assert sorted(named("CN", 2150)) == ["01-01", "05-01", "05-02", "10-01", "10-02", "10-03"]
    assert len(day_kinds("CN", date(2100, 2, 28), date(2100, 3, 1))) == 2


# Federal holidays of 2026 as published by the Office of Personnel Management; 4 July is a Saturday, observed on the 3rd.
FEDERAL_2026 = ["01-01", "01-19", "02-16", "05-25", "06-19", "07-03", "07-04", "09-07", "10-12", "11-11", "11-26", "12-25"]


def test_american_holidays() -> None:
    """The date and the weekday on which it is observed; states add theirs, Massachusetts moves no Saturday."""
    assert sorted(named("US", 2026)) == FEDERAL_2026
    assert sorted(named("US-NY", 2026)) == sorted([*FEDERAL_2026, "02-12", "11-03"])
    assert sorted(named("US-MA", 2026)) == sorted([*(day for day in FEDERAL_2026 if day != "07-03"), "04-20"])
    assert named("US-NY", 2022)["11-08"] == "选举日"
    assert named("US-MA", 2022)["06-20"] == "六月节"


def test_new_year_observed_on_the_last_day_before() -> None:
    """1 January 2022 is a Saturday: the Friday of the old year is free, even when asked for by itself."""
    assert day_kinds("US", date(2021, 12, 31), date(2021, 12, 31))["kind"].tolist() == ["holiday"]


def test_holidays_that_did_not_exist_yet() -> None:
    assert "06-19" not in named("US", 2019)


def test_no_calendar_knows_weekends_only() -> None:
    frame = year_of("none", 2026)
    assert frame["kind"].value_counts().to_dict() == {"workday": 261, "weekend": 104}
    assert marks("none", date(2026, 1, 1), date(2026, 12, 31)).empty


@given(st.sampled_from(CALENDARS), st.dates(date(1960, 1, 1), date(2150, 12, 31)), st.integers(0, 500))
def test_every_day_once_with_a_kind_whatever_else_is_asked(calendar: str, start: date, length: int) -> None:
    """Days are complete and in order, names belong to special days, and a day is the same asked alone."""
    end = start + timedelta(days=length)
    frame = day_kinds(calendar, start, end)
    assert frame["day"].tolist() == list(pd.date_range(start, end))
    assert set(frame["kind"]) <= {str(kind) for kind in DayKind}
    special = frame["kind"].isin([DayKind.HOLIDAY, DayKind.MAKEUP_WORKDAY])
    assert (frame["name"].notna() == special).all()
    alone = day_kinds(calendar, end, end).iloc[0]
    assert alone.to_dict() == frame.iloc[-1].to_dict()


def test_leap_day_is_a_day() -> None:
    assert day_kinds("CN", date(2024, 2, 28), date(2024, 3, 1))["day"].dt.day.tolist() == [28, 29, 1]


@pytest.mark.parametrize("ask", [day_kinds, marks])
def test_unknown_calendar_and_reversed_days_are_refused(ask: object) -> None:
    with pytest.raises(ValueError, match="'FR' is unknown; known are CN, CN-BJ"):
        ask("FR", date(2024, 1, 1), date(2024, 1, 2))  # type: ignore[operator]
    with pytest.raises(ValueError, match="before the first"):
        ask("CN", date(2024, 1, 2), date(2024, 1, 1))  # type: ignore[operator]


# Marks


def marked(calendar: str, start: str, end: str) -> dict[str, tuple[str, str, bool]]:
    frame = marks(calendar, date.fromisoformat(start), date.fromisoformat(end))
    return {row.label: (f"{row.start:%Y-%m-%d}", f"{row.end:%Y-%m-%d}", row.is_assumed) for row in frame.itertuples()}


@pytest.mark.parametrize(
    ("asked", "season"),
    [
        ("2020-01-01", ("2019-11-14", "2020-03-31", False)),
        ("2021-01-01", ("2020-11-15", "2021-03-15", False)),
        ("2021-11-10", ("2021-11-06", "2022-03-22", False)),
        ("2024-12-01", ("2024-11-15", "2025-03-15", True)),
    ],
)
def test_heating_season_as_it_was_and_as_it_usually_is(asked: str, season: tuple[str, str, bool]) -> None:
    assert marked("CN-BJ", asked, asked)["供暖季"] == season


def test_seasons_are_beijings_and_usual_days_are_assumed() -> None:
    summer = marked("CN-BJ", "2024-06-01", "2024-09-14")
    assert summer["汛期"] == ("2024-06-01", "2024-09-15", True)
    assert summer["主汛期"] == ("2024-07-20", "2024-08-10", True)
    assert marked("CN-BJ", "2020-07-01", "2020-07-31")["高考"] == ("2020-07-07", "2020-07-10", True)
    assert marked("CN-BJ", "2023-05-22", "2023-05-22")["杨柳飞絮"] == ("2023-04-04", "2023-05-22", False)
    assert set(marked("CN", "2024-06-01", "2024-09-14")) == {"端午节"}


def test_holidays_are_marked_whole_and_joined_where_they_touch() -> None:
    """The mid-autumn day inside the national week is one mark with it; a mark at the edge of the chart keeps its full length."""
    assert marked("CN", "2025-10-05", "2025-10-06") == {"国庆节、中秋节": ("2025-10-01", "2025-10-08", False)}
    assert marked("CN", "2027-02-06", "2027-02-06") == {"春节": ("2027-02-05", "2027-02-08", True)}
    assert marked("CN", "2024-03-01", "2024-03-31") == {}


def test_marks_are_in_order_and_typed() -> None:
    frame = marks("CN-BJ", date(2019, 1, 1), date(2026, 12, 31))
    assert frame["start"].is_monotonic_increasing
    assert (frame["start"] <= frame["end"]).all()
    assert frame["is_assumed"].dtype == bool
    assert marks("CN", date(2024, 3, 1), date(2024, 3, 2)).dtypes.tolist() == frame.dtypes.tolist()

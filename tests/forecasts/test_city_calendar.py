"""Calendar effects against published days, events against the marks they extend, and the register of shocks."""

from __future__ import annotations

import math
import tomllib
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import forecasts.calendars
from forecasts.calendars import CALENDARS, day_kinds, marks
from forecasts.city_calendar import effects, events, shock_days, shocks

FOLDER = Path(forecasts.calendars.__file__).parent
DATA = tomllib.loads((FOLDER / "events.toml").read_text(encoding="utf-8"))
DRIVERS = tomllib.loads((FOLDER / "drivers.toml").read_text(encoding="utf-8"))["driver"]

# First day of the lunar year, as in the holiday notices of the State Council (2027: the libraries holidays and lunardate); Lantern by lunardate.
SPRING_FESTIVALS = ["2019-02-05", "2020-01-25", "2021-02-12", "2022-02-01", "2023-01-22", "2024-02-10", "2025-01-29", "2026-02-17", "2027-02-06"]
LANTERN = ["2019-02-19", "2020-02-08", "2021-02-26", "2022-02-15", "2023-02-05", "2024-02-24", "2025-02-12", "2026-03-03", "2027-02-20"]


def span(first: str, last: str) -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in pd.date_range(first, last)]


def on_days(calendar: str, column: str, first: str, last: str) -> list[str]:
    """Days on which an effect is not 0."""
    values = effects(calendar, date.fromisoformat(first), date.fromisoformat(last))[column]
    return [f"{day:%Y-%m-%d}" for day in values.index[values > 0]]


def value(calendar: str, column: str, day: str) -> float:
    return float(effects(calendar, date.fromisoformat(day), date.fromisoformat(day))[column].iloc[0])


# Spring Festival


@pytest.mark.parametrize(("first", "lantern"), list(zip(SPRING_FESTIVALS, LANTERN, strict=True)))
def test_spring_festival_moves_with_the_moon(first: str, lantern: str) -> None:
    year, begin = first[:4], date.fromisoformat(first)
    asked = (f"{year}-01-01", f"{year}-12-31")
    assert on_days("CN", "spring_first", *asked) == span(first, str(begin + timedelta(days=2)))
    assert on_days("CN", "spring_eve", *asked) == [str(begin - timedelta(days=1))]
    assert on_days("CN", "lantern", *asked)[0] == lantern
    assert value("CN-BJ", "spring_first", first) == 1


def test_blocks_cross_the_border_of_a_month_and_do_not_overlap() -> None:
    """10 February 2024 and 22 January 2023."""
    assert on_days("CN", "spring_before_far", "2023-11-01", "2024-04-30") == span("2024-01-27", "2024-02-02")
    assert on_days("CN", "spring_before_near", "2023-11-01", "2024-04-30") == span("2024-02-03", "2024-02-08")
    assert on_days("CN", "spring_return", "2022-11-01", "2023-04-30") == span("2023-01-28", "2023-02-04")
    blocks = ["spring_before_far", "spring_before_near", "spring_eve", "spring_first", "spring_late", "spring_return", "lantern"]
    year = effects("CN", date(2024, 1, 1), date(2024, 12, 31))[blocks].sum(axis=1)
    assert year.loc["2024-01-27":"2024-02-26"].eq(1).all()
    assert year.sum() == 31


def test_days_free_beyond_the_usual_festival() -> None:
    """2024: 10 to 17 February without the eve; 2020: prolonged to 2 February; 2026: from the 15th; 2022: -1 to 5 only."""
    assert on_days("CN", "spring_extra_off", "2024-01-01", "2024-12-31") == ["2024-02-16", "2024-02-17"]
    assert on_days("CN", "spring_extra_off", "2020-01-01", "2020-12-31") == ["2020-01-31", "2020-02-01", "2020-02-02"]
    assert on_days("CN", "spring_extra_off", "2026-01-01", "2026-10-01") == ["2026-02-15", "2026-02-23"]
    assert on_days("CN", "spring_extra_off", "2022-01-01", "2022-12-31") == []


def test_wage_season_rises_to_the_tenth_day_before_the_festival_and_crosses_the_year() -> None:
    """22 January 2023, 60 days before is 23 November 2022."""
    season = effects("CN-BJ", date(2022, 11, 1), date(2023, 3, 31))["wage_season"]
    assert on_days("CN-BJ", "wage_season", "2022-11-01", "2023-03-31") == span("2022-11-23", "2023-01-12")
    np.testing.assert_allclose(season.loc["2022-11-23":"2023-01-12"], np.arange(1, 52) / 51)


# Other holidays of China


def test_makeup_workdays_are_those_of_the_state_council() -> None:
    """国务院办公厅关于2024年部分节假日安排的通知."""
    found = on_days("CN", "makeup_workday", "2024-01-01", "2024-12-31")
    assert found == ["2024-02-04", "2024-02-18", "2024-04-07", "2024-04-28", "2024-05-11", "2024-09-14", "2024-09-29", "2024-10-12"]
    assert value("CN", "holiday_weekend", "2024-02-04") == 0


def test_short_holidays_labour_day_and_the_national_week_are_apart() -> None:
    asked = ("2025-01-01", "2025-12-31")
    assert on_days("CN", "labour_day", *asked) == span("2025-05-01", "2025-05-05")
    assert on_days("CN", "national_day_first", *asked) == span("2025-10-01", "2025-10-03")
    # the Mid-autumn day of 2025 is within the national week
    assert on_days("CN", "national_day_rest", *asked) == span("2025-10-04", "2025-10-08")
    assert on_days("CN", "short_holiday", *asked) == ["2025-01-01", *span("2025-04-04", "2025-04-06"), *span("2025-05-31", "2025-06-02")]
    assert on_days("CN", "national_day_rest", "2023-09-01", "2023-10-31") == ["2023-09-30", "2023-10-04", "2023-10-05", "2023-10-06"]
    assert on_days("CN", "short_holiday", "2023-09-01", "2023-10-31") == ["2023-09-29"]


def test_working_days_beside_a_holiday() -> None:
    """2024: 清明 4 to 6 April with Sunday the 7th worked, 端午 on Monday 10 June after a plain weekend."""
    assert on_days("CN", "before_holiday", "2024-04-01", "2024-06-30") == ["2024-04-03", "2024-04-30", "2024-06-07"]
    assert on_days("CN", "after_holiday", "2024-04-01", "2024-06-30") == ["2024-04-07", "2024-05-06", "2024-06-11"]
    # an edge of the range right beside the holiday changes nothing
    assert value("CN", "before_holiday", "2024-04-03") == value("CN", "after_holiday", "2024-04-07") == 1


def test_year_without_a_published_arrangement_has_the_usual_weeks_and_no_worked_weekend() -> None:
    """2027 by the law of 2024 plus the usual rest: 5 to 12 February, 1 to 7 October."""
    assert day_kinds("CN", date(2027, 1, 1), date(2027, 12, 31))["is_assumed"].all()
    asked = ("2027-01-01", "2027-12-31")
    assert on_days("CN", "spring_extra_off", *asked) == ["2027-02-12"]
    assert on_days("CN", "national_day_rest", *asked) == span("2027-10-04", "2027-10-07")
    assert on_days("CN", "makeup_workday", *asked) == []
    assert "2027-02-15" in on_days("CN", "after_holiday", *asked)
    assert "2027-10-08" in on_days("CN", "after_holiday", *asked)
    assert on_days("CN", "holiday_weekend", "2027-02-01", "2027-02-28") == ["2027-02-06", "2027-02-07"]


def test_years_without_a_lunar_table_have_no_moving_effects_and_no_error() -> None:
    far = effects("CN-BJ", date(2150, 1, 1), date(2150, 12, 31))
    assert far.filter(like="spring_").drop(columns="spring_term_start").to_numpy().sum() == 0
    assert far["wage_season"].sum() == 0
    assert far["november_sale"].sum() == 15


# Beijing


def test_heating_follows_the_actual_start_and_end() -> None:
    """2021-22: ignition on 28 October, formal start on 6 November, end on 22 March (published)."""
    asked = ("2021-09-01", "2022-05-31")
    season = on_days("CN-BJ", "heating_season", *asked)
    assert (season[0], season[-1]) == ("2021-11-06", "2022-03-22")
    assert on_days("CN-BJ", "heating_trial", *asked) == span("2021-10-27", "2021-11-05")
    assert on_days("CN-BJ", "heating_end", *asked) == span("2022-03-16", "2022-03-29")
    assert on_days("CN-BJ", "heating_ignition", *asked)[0] == "2021-10-28"
    assert value("CN-BJ", "heating_onset_fast", "2021-11-05") == 0
    assert value("CN-BJ", "heating_onset_fast", "2021-11-06") == 1
    assert value("CN-BJ", "heating_onset_fast", "2021-11-11") == pytest.approx(math.exp(-1))
    assert value("CN-BJ", "heating_onset_slow", "2021-11-26") == pytest.approx(math.exp(-1))


def test_start_of_heating_decays_as_the_heating_line_saw() -> None:
    """1600 calls on 7 November 2020, 413 on the 14th (Xinhua, 2020-11-16)."""
    assert value("CN-BJ", "heating_ignition", "2020-11-07") == 1
    assert value("CN-BJ", "heating_ignition", "2020-11-14") == pytest.approx(413 / 1600, abs=0.02)


def test_heating_in_a_usual_year_is_by_statute() -> None:
    season = on_days("CN-BJ", "heating_season", "2029-09-01", "2030-05-31")
    assert season == span("2029-11-15", "2030-03-15")
    assert on_days("CN-BJ", "heating_ignition", "2029-09-01", "2030-05-31") == span("2029-11-07", "2030-03-15")


@pytest.mark.parametrize(
    ("column", "asked", "days"),
    [
        ("gaokao", 2020, ("2020-07-07", "2020-07-10")),
        ("gaokao", 2024, ("2024-06-07", "2024-06-10")),
        ("zhongkao", 2024, ("2024-06-24", "2024-06-26")),
        ("flood_season", 2023, ("2023-06-01", "2023-09-15")),
        ("main_flood_season", 2023, ("2023-07-20", "2023-08-10")),
        ("catkins", 2023, ("2023-04-04", "2023-05-22")),
        ("catkin_peak_first", 2023, ("2023-04-09", "2023-04-15")),
        ("enrolment", 2023, ("2023-05-01", "2023-07-15")),
        ("autumn_term_start", 2023, ("2023-08-30", "2023-09-14")),
        ("midyear_sale", 2023, ("2023-06-16", "2023-06-27")),
    ],
)
def test_seasons_of_beijing(column: str, asked: int, days: tuple[str, str]) -> None:
    assert on_days("CN-BJ", column, f"{asked}-01-01", f"{asked}-12-31") == span(*days)


def test_leap_day_lies_within_the_start_of_term() -> None:
    assert value("CN-BJ", "spring_term_start", "2024-02-29") == 1
    assert on_days("CN-BJ", "spring_term_start", "2024-01-01", "2024-12-31") == span("2024-02-20", "2024-03-05")
    assert len(effects("CN-BJ", date(2024, 2, 28), date(2024, 3, 1))) == 3
    assert len(effects("CN-BJ", date(2023, 2, 28), date(2023, 3, 1))) == 2


# United States


def test_american_holidays_have_their_own_columns() -> None:
    """5 U.S.C. 6103: 4 July 2020 is a Saturday, Christmas 2022 a Sunday."""
    assert on_days("US", "independence_day", "2020-01-01", "2020-12-31") == ["2020-07-03", "2020-07-04"]
    assert on_days("US-MA", "independence_day", "2020-01-01", "2020-12-31") == ["2020-07-04"]
    assert on_days("US", "christmas", "2022-01-01", "2022-12-31") == ["2022-12-25", "2022-12-26"]
    assert on_days("US", "year_end", "2022-12-01", "2022-12-31") == ["2022-12-24", *span("2022-12-27", "2022-12-31")]
    assert on_days("US", "thanksgiving", "2024-01-01", "2024-12-31") == ["2024-11-28"]
    assert on_days("US", "after_thanksgiving", "2024-01-01", "2024-12-31") == ["2024-11-29"]
    assert on_days("US", "after_holiday", "2024-11-15", "2024-12-31") == ["2024-12-02", "2024-12-26"]
    assert on_days("US", "holiday_weekend", "2020-07-01", "2020-07-31") == ["2020-07-04"]
    # the first day asked for is the Friday
    assert value("US", "after_thanksgiving", "2024-11-29") == 1


def test_holidays_of_less_weight_share_a_column_with_those_of_the_state() -> None:
    federal = ["2024-01-15", "2024-02-19", "2024-06-19", "2024-10-14", "2024-11-11"]
    assert on_days("US", "minor_holiday", "2024-01-01", "2024-12-31") == federal
    assert set(on_days("US-NY", "minor_holiday", "2024-01-01", "2024-12-31")) == {*federal, "2024-02-12", "2024-11-05"}
    assert set(on_days("US-MA", "minor_holiday", "2024-01-01", "2024-12-31")) == {*federal, "2024-04-15"}


# All calendars


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(CALENDARS), st.dates(date(1990, 1, 1), date(2110, 12, 31)), st.integers(0, 500), st.integers(0, 200), st.integers(0, 200))
def test_a_day_is_the_same_whatever_is_asked_around_it(calendar: str, start: date, length: int, before: int, after: int) -> None:
    end = start + timedelta(days=length)
    asked = effects(calendar, start, end)
    longer = effects(calendar, start - timedelta(days=before), end + timedelta(days=after))
    pd.testing.assert_frame_equal(asked, longer.loc[str(start) : str(end)], check_exact=True, check_freq=False)
    values = asked.to_numpy()
    assert np.isfinite(values).all()
    assert ((values >= 0) & (values <= 1)).all()


@pytest.mark.parametrize("calendar", CALENDARS)
def test_columns_depend_on_the_calendar_alone(calendar: str) -> None:
    day, years = effects(calendar, date(2024, 8, 20), date(2024, 8, 20)), effects(calendar, date(2015, 1, 1), date(2026, 12, 31))
    assert list(day.columns) == list(years.columns)
    assert years.columns.is_unique
    assert (years.dtypes == "float64").all()
    assert years.index.equals(pd.date_range("2015-01-01", "2026-12-31", unit="us"))
    assert (day.index.name, str(day.index.dtype)) == ("day", "datetime64[us]")
    # each column says something, and no two say the same
    assert (years.max() == 1).all()
    assert not years.T.duplicated().any()


def test_none_has_days_and_no_columns() -> None:
    assert effects("none", date(2024, 1, 1), date(2024, 12, 31)).shape == (366, 0)


def test_beijing_has_the_columns_of_the_country_and_more() -> None:
    day = date(2024, 1, 1)
    assert set(effects("CN", day, day)) < set(effects("CN-BJ", day, day))
    assert list(effects("US", day, day)) == list(effects("US-NY", day, day)) == list(effects("US-MA", day, day))


@pytest.mark.parametrize("ask", [effects, events, shocks, shock_days])
def test_unknown_calendar_and_reversed_days_are_refused(ask: object) -> None:
    with pytest.raises(ValueError, match="'FR' is unknown; known are CN, CN-BJ"):
        ask("FR", date(2024, 1, 1), date(2024, 1, 2))  # type: ignore[operator]
    with pytest.raises(ValueError, match="the last day 2024-01-01 lies before the first 2024-01-02"):
        ask("CN", date(2024, 1, 2), date(2024, 1, 1))  # type: ignore[operator]


# Events


def strip(calendar: str, start: str, end: str) -> dict[str, tuple[str, str, str, bool]]:
    frame = events(calendar, date.fromisoformat(start), date.fromisoformat(end))
    return {row.label: (f"{row.start:%Y-%m-%d}", f"{row.end:%Y-%m-%d}", row.kind, row.is_assumed) for row in frame.itertuples()}


def test_events_join_marks_and_recurring_events() -> None:
    found = strip("CN-BJ", "2021-10-30", "2022-02-15")
    assert found["试供热"] == ("2021-10-28", "2021-11-05", "season", False)
    assert found["供暖季"] == ("2021-11-06", "2022-03-22", "season", False)
    assert found["双11前后"] == ("2021-11-10", "2021-11-24", "commerce", True)
    assert found["节前欠薪高发期"] == ("2021-12-03", "2022-01-22", "labour", True)
    assert found["春节"] == ("2022-01-31", "2022-02-06", "holiday", False)
    assert found["元宵节"] == ("2022-02-15", "2022-02-15", "holiday", False)
    assert "国庆节" not in found


def test_a_usual_trial_heating_comes_before_the_usual_start() -> None:
    assert strip("CN-BJ", "2029-11-10", "2029-11-10")["试供热"] == ("2029-11-07", "2029-11-14", "season", True)
    assert strip("CN-BJ", "2019-11-10", "2019-11-10")["试供热"] == ("2019-11-06", "2019-11-13", "season", True)


@pytest.mark.parametrize("calendar", CALENDARS)
def test_events_hold_every_mark_in_order(calendar: str) -> None:
    start, end = date(2019, 3, 5), date(2023, 11, 20)
    found, marked = events(calendar, start, end), marks(calendar, start, end)
    keys = ["label", "start", "end", "is_assumed", "source"]
    rows = set(found[keys].itertuples(index=False, name=None))
    assert set(marked[keys].itertuples(index=False, name=None)) <= rows
    assert len(rows) == len(found)
    assert found["start"].is_monotonic_increasing
    assert (found["end"] >= pd.Timestamp(start)).all()
    assert (found["start"] <= pd.Timestamp(end)).all()
    assert set(found["kind"]) <= {"holiday", "season", "school", "commerce", "labour"}
    assert list(found.columns) == ["label", "start", "end", "kind", "source", "is_assumed"]
    assert [str(found[column].dtype) for column in ("start", "end", "is_assumed")] == ["datetime64[us]", "datetime64[us]", "bool"]
    assert found.empty == (calendar == "none")


def test_every_season_has_a_kind() -> None:
    """A season missing from the kinds would be shown as a holiday."""
    assert {driver["label"] for driver in DRIVERS} == set(DATA["kinds"])


@pytest.mark.parametrize("entry", [*DATA["event"], *DATA["shock"]], ids=lambda entry: entry["label"])
def test_every_entry_is_complete(entry: dict[str, object]) -> None:
    assert {"label", "kind", "calendars", "first", "last", "source", "status"} <= set(entry)
    assert set(entry) <= {"label", "kind", "calendars", "first", "last", "source", "status", "anchor", "column", "ramp", "actual"}
    assert set(entry["calendars"]) <= set(CALENDARS)  # type: ignore[call-overload]
    assert entry["status"] in {"published", "assumed"}
    assert entry["source"]
    assert entry["first"] <= entry["last"]  # type: ignore[operator]
    assert entry.get("anchor", "heating") in {"spring_festival", "heating"}


# Shocks


def test_shocks_are_named_with_source() -> None:
    found = shocks("CN-BJ", date(2023, 7, 31), date(2023, 12, 31))
    assert found["label"].tolist() == ["特大暴雨"]
    row = found.iloc[0]
    assert (str(row["start"].date()), str(row["end"].date()), row["kind"], row["is_assumed"]) == ("2023-07-29", "2023-08-01", "storm", False)
    assert "北京日报" in row["source"]
    assert shocks("CN-BJ", date(2022, 1, 1), date(2022, 12, 31))["is_assumed"].all()
    assert shocks("none", date(2000, 1, 1), date(2030, 1, 1)).empty


def test_shock_days_are_the_days_of_the_register() -> None:
    days = shock_days("CN-BJ", date(2023, 7, 27), date(2023, 8, 3))
    assert days.dtype == bool
    assert days.tolist() == [False, False, True, True, True, True, False, False]
    assert shock_days("CN-BJ", date(2023, 7, 30), date(2023, 7, 30)).tolist() == [True]
    assert not shock_days("US", date(2015, 1, 1), date(2026, 1, 1)).any()
    assert shock_days("US-NY", date(2020, 3, 12), date(2020, 6, 8)).tolist() == [False, *[True] * 87, False]


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(CALENDARS), st.dates(date(2019, 1, 1), date(2024, 12, 31)), st.integers(0, 400))
def test_shock_days_agree_with_a_loop(calendar: str, start: date, length: int) -> None:
    spells = [(entry["first"], entry["last"]) for entry in DATA["shock"] if calendar in entry["calendars"]]
    days = [start + timedelta(days=number) for number in range(length + 1)]
    expected = [any(first <= day <= last for first, last in spells) for day in days]
    assert shock_days(calendar, start, days[-1]).tolist() == expected

"""Formats of numbers, dates and periods."""

from __future__ import annotations

from datetime import date

import pytest

from governance.periods import Grain, Period
from governance.tickets import Channel, RequestType
from storage.scope import Role
from ui import words

NAN = float("nan")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (9_876, "9,876"),
        (10_000, "10,000"),
        (29_951, "29,951"),
        (99_999, "99,999"),
        (107_000, "10.70万"),
        (24_946_000, "2,494.60万"),
        (147_000_000, "1.47亿"),
        (NAN, "—"),
        (None, "—"),
    ],
)
def test_count(value, text):
    assert words.count(value) == text


@pytest.mark.parametrize(("rate", "text"), [(0.9677, "96.8%"), (0.0, "0.0%"), (1.0, "100.0%"), (NAN, "—（无回访）"), (None, "—（无回访）")])
def test_percent(rate, text):
    assert words.percent(rate, "无回访") == text


@pytest.mark.parametrize(("change", "text"), [(0.031, "+3.1%"), (-0.031, "-3.1%"), (0.0, "0.0%"), (-0.0001, "0.0%"), (NAN, "—")])
def test_relative_puts_the_sign_first(change, text):
    assert words.relative(change) == text


@pytest.mark.parametrize(("difference", "text"), [(0.004, "+0.4百分点"), (-0.012, "-1.2百分点"), (0.0, "0.0百分点"), (NAN, "—")])
def test_points(difference, text):
    assert words.points(difference) == text


@pytest.mark.parametrize(
    ("period", "text"),
    [
        (Period(Grain.MONTH, date(2026, 11, 1), date(2026, 11, 20)), "2026年11月（截至11月20日）"),
        (Period(Grain.MONTH, date(2026, 10, 1), date(2026, 10, 31)), "2026年10月"),
        (Period(Grain.YEAR, date(2025, 1, 1), date(2025, 12, 31)), "2025年"),
        (Period(Grain.WEEK, date(2026, 11, 16), date(2026, 11, 22)), "2026年11月16日至11月22日"),
        (Period(Grain.RANGE, date(2025, 12, 30), date(2026, 1, 2)), "2025年12月30日至2026年1月2日"),
        (Period(Grain.DAY, date(2026, 1, 2), date(2026, 1, 2)), "2026年1月2日"),
    ],
)
def test_period_name(period, text):
    assert words.period_name(period) == text


@pytest.mark.parametrize("enumeration", [Role, Grain, RequestType, Channel])
def test_every_value_has_a_chinese_name(enumeration):
    assert all(words.label(item) for item in enumeration)

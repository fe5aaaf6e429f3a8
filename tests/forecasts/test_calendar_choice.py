"""The calendar of a table is found where its holidays show, and not where there are none."""

import numpy as np
import pytest

from forecasts.calendar_choice import fitting_calendar
from forecasts.calendars import day_kinds
from forecasts.panel import Panel

DAYS = np.arange("2020-01-01", "2024-01-01", dtype="datetime64[D]")


def city(calendar, days=DAYS):
    kinds = day_kinds(calendar, days[0].astype(object), days[-1].astype(object))["kind"].to_numpy()
    mean = 300 * np.where(kinds == "holiday", 0.3, np.where(kinds == "weekend", 0.7, 1.0))
    return Panel(("a",), days, np.random.default_rng(1).poisson(mean).astype(float)[None, :])


@pytest.mark.parametrize(("calendar", "found"), [("CN", ("CN", "CN-BJ")), ("US-NY", ("US-NY",)), ("none", ("none",))])
def test_it_is_found_from_the_counts(calendar, found):
    assert fitting_calendar(city(calendar)) in found


def test_too_short_a_history_has_none():
    assert fitting_calendar(city("CN", DAYS[:500])) == "none"

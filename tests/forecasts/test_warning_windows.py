"""The grid of four weeks: every day in one window, leads counted in days, cut-offs of the past."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecasts.warning_windows import WINDOW_DAYS, Window, replay_cutoffs, spans_of, window_of, windows_ahead

DAYS = st.dates(date(2005, 1, 1), date(2045, 12, 31))
LEADS = st.integers(0, 120)
MONDAY = date(2018, 1, 1)


def day(text: str) -> date:
    return date.fromisoformat(text)


@given(DAYS)
def test_every_day_lies_in_one_window_of_the_grid(when):
    window = window_of(when)
    assert window.start <= when <= window.end
    assert (window.end - window.start).days == WINDOW_DAYS - 1
    assert (window.start - MONDAY).days % 28 == 0
    assert window.start.weekday() == 0
    others = [window_of(other) for other in (window.start, window.end)]
    assert others == [window, window]
    assert window_of(window.end + timedelta(days=1)).before == window
    assert window.before.end == window.start - timedelta(days=1)


def test_the_grid_by_hand():
    assert window_of(MONDAY) == Window(MONDAY)
    assert window_of(day("2018-01-28")) == Window(MONDAY)
    assert window_of(day("2018-01-29")) == Window(day("2018-01-29"))
    assert window_of(day("2017-12-31")) == Window(day("2017-12-04"))
    assert window_of(day("2025-11-23")) == Window(day("2025-10-27"))
    assert WINDOW_DAYS == 28


@pytest.mark.parametrize(("cutoff", "lead"), [("2025-10-26", 0), ("2025-10-25", 1), ("2025-10-12", 14), ("2025-10-27", -1)])
def test_lead_is_the_days_in_between(cutoff, lead):
    assert Window(day("2025-10-27")).lead_days(day(cutoff)) == lead


def test_both_ends_of_the_lead_count():
    cutoff = day("2025-10-12")  # windows from 10-27 (14 days between), 11-24 (42), 12-22 (70), 2026-01-19 (98)
    starts = [window.start for window in windows_ahead(cutoff, 14, 98)]
    assert starts == [day("2025-10-27"), day("2025-11-24"), day("2025-12-22"), day("2026-01-19")]
    assert [window.start for window in windows_ahead(cutoff, 15, 97)] == [day("2025-11-24"), day("2025-12-22")]
    assert windows_ahead(day("2025-10-26"), 0, 0) == (Window(day("2025-10-27")),)
    assert windows_ahead(cutoff, 15, 41) == ()


@given(DAYS, LEADS, LEADS)
def test_windows_ahead_are_those_a_search_finds(cutoff, least, more):
    most = least + more
    found = windows_ahead(cutoff, least, most)
    near = (cutoff + timedelta(days=offset) for offset in range(1, most + 2))
    assert found == tuple(Window(start) for start in near if (start - MONDAY).days % 28 == 0 and least <= (start - cutoff).days - 1 <= most)


@given(DAYS, LEADS)
def test_spans_are_the_windows_days_after_the_cutoff(cutoff, least):
    windows = windows_ahead(cutoff, least, least + 60)
    spans = spans_of(windows, cutoff)
    horizon = [cutoff + timedelta(days=step + 1) for step in range(max(spans.ends, default=0))]
    for window, start, end in zip(windows, spans.starts, spans.ends, strict=True):
        assert horizon[start:end][0] == window.start
        assert horizon[start:end][-1] == window.end


@given(DAYS | DAYS.map(lambda when: window_of(when).end), st.integers(0, 500), LEADS)
def test_replays_end_by_the_last_day(last, back, least):
    first = last - timedelta(days=back)
    found = replay_cutoffs(first, last, least)
    every = (first + timedelta(days=offset) for offset in range(back + 1))
    fits = []
    for cutoff in every:
        start = cutoff + timedelta(days=least + 1)
        if (start - MONDAY).days % 28 == 0 and start + timedelta(days=27) <= last:
            fits.append(cutoff)
    assert found == tuple(fits)


def test_replays_by_hand():
    # 10-27 to 11-23 is over on 11-23 and not the day before
    assert replay_cutoffs(day("2025-09-01"), day("2025-11-23"), 14) == (day("2025-09-14"), day("2025-10-12"))
    assert replay_cutoffs(day("2025-09-01"), day("2025-11-22"), 14) == (day("2025-09-14"),)
    assert replay_cutoffs(day("2025-09-14"), day("2025-11-22"), 14) == (day("2025-09-14"),)
    assert replay_cutoffs(day("2025-09-15"), day("2025-11-22"), 14) == ()

"""Periods: natural bounds, the one before, the same a year ago, and cuts that keep like with like."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.periods import Grain, Period

DAYS = st.dates(date(1990, 1, 1), date(2090, 12, 31))
NATURAL = st.sampled_from([Grain.DAY, Grain.WEEK, Grain.MONTH, Grain.YEAR])


def span(period: Period) -> tuple[str, str]:
    return str(period.start), str(period.end)


@pytest.mark.parametrize(
    ("grain", "day", "until", "own", "before", "year_ago"),
    [
        (Grain.DAY, "2024-03-01", None, ("2024-03-01", "2024-03-01"), ("2024-02-29", "2024-02-29"), ("2023-03-03", "2023-03-03")),
        (Grain.WEEK, "2024-01-03", None, ("2024-01-01", "2024-01-07"), ("2023-12-25", "2023-12-31"), ("2023-01-02", "2023-01-08")),
        (Grain.MONTH, "2024-02-10", None, ("2024-02-01", "2024-02-29"), ("2024-01-01", "2024-01-31"), ("2023-02-01", "2023-02-28")),
        (Grain.MONTH, "2024-03-10", "2024-03-20", ("2024-03-01", "2024-03-20"), ("2024-02-01", "2024-02-20"), ("2023-03-01", "2023-03-20")),
        (Grain.MONTH, "2024-03-10", "2024-03-30", ("2024-03-01", "2024-03-30"), ("2024-02-01", "2024-02-29"), ("2023-03-01", "2023-03-30")),
        (Grain.YEAR, "2024-07-01", None, ("2024-01-01", "2024-12-31"), ("2023-01-01", "2023-12-31"), ("2023-01-01", "2023-12-31")),
        (Grain.YEAR, "2024-07-01", "2024-02-29", ("2024-01-01", "2024-02-29"), ("2023-01-01", "2023-03-01"), ("2023-01-01", "2023-03-01")),
    ],
)
def test_periods_worked_out_by_hand(
    grain: Grain, day: str, until: str | None, own: tuple[str, str], before: tuple[str, str], year_ago: tuple[str, str]
) -> None:
    """A leap February, a week over New Year, running months and years, each with both comparisons."""
    period = Period.containing(grain, date.fromisoformat(day), until=date.fromisoformat(until) if until else None)
    assert span(period) == own
    assert span(period.before()) == before
    assert span(period.year_ago()) == year_ago


def test_free_range_goes_back_by_its_own_length_and_by_the_calendar() -> None:
    """Ten days compare with the ten before; 29 February a year ago is the 28th."""
    period = Period(Grain.RANGE, date(2024, 2, 20), date(2024, 2, 29))
    assert span(period.before()) == ("2024-02-10", "2024-02-19")
    assert span(period.year_ago()) == ("2023-02-20", "2023-02-28")


@pytest.mark.parametrize("make", [lambda: Period(Grain.RANGE, date(2024, 1, 2), date(2024, 1, 1)), lambda: Period.containing(Grain.RANGE, date(2024, 1, 1))])
def test_impossible_periods_are_refused(make: object) -> None:
    """An end before its start, and natural bounds of a free range."""
    with pytest.raises(ValueError, match=r"before it starts|no natural bounds"):
        make()  # type: ignore[operator]


@given(NATURAL, DAYS)
def test_natural_periods_tile_the_calendar(grain: Grain, day: date) -> None:
    """A period holds its day, the one before ends the day before it starts and has the same kind of bounds."""
    period = Period.containing(grain, day)
    before = period.before()
    assert period.start <= day <= period.end
    assert before.end + timedelta(days=1) == period.start
    assert before == Period.containing(grain, before.start)
    assert period.year_ago().start < period.start
    if grain in (Grain.DAY, Grain.WEEK):
        assert period.year_ago().start.weekday() == period.start.weekday()


@given(NATURAL, DAYS, st.integers(0, 400))
def test_cut_periods_compare_as_many_days_where_there_are_as_many(grain: Grain, day: date, cut: int) -> None:
    """A running period's comparisons start at natural bounds and have as many days, or all there are."""
    whole = Period.containing(grain, day)
    until = min(whole.start + timedelta(days=cut), whole.end)
    period = Period.containing(grain, day, until=until)
    for other in (period.before(), period.year_ago()):
        natural = Period.containing(grain, other.start)
        if grain not in (Grain.DAY, Grain.WEEK):
            assert other.start == natural.start
        if period.end < whole.end:
            assert other.day_count == min(period.day_count, natural.day_count) or grain is Grain.WEEK
            assert other.day_count <= period.day_count

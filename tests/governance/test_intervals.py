"""Score intervals against published values and by their properties."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.intervals import Z, change_interval, count_interval, share_interval


def ends(frame: pd.DataFrame) -> tuple[float, float]:
    return float(frame["low"].iloc[0]), float(frame["high"].iloc[0])


def of_share(part: int, whole: int) -> tuple[float, float]:
    return ends(share_interval(pd.Series([part]), pd.Series([whole])))


@pytest.mark.parametrize(
    ("part", "whole", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718), (29, 29, 0.8830, 1.0)],
)
def test_shares_of_newcombe_1998(part, whole, low, high):
    """Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3 (score without continuity correction); the last by symmetry."""
    assert of_share(part, whole) == pytest.approx((low, high), abs=6e-5)


def test_a_share_of_nothing_has_no_interval():
    assert all(math.isnan(end) for end in of_share(0, 0))


@given(st.integers(1, 10_000).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole))))
def test_the_share_lies_within_and_mirrors(pair):
    part, whole = pair
    low, high = of_share(part, whole)
    assert 0 <= low <= part / whole <= high <= 1
    assert of_share(whole - part, whole) == pytest.approx((1 - high, 1 - low))


@given(st.integers(0, 100_000))
def test_the_ends_of_a_count_solve_the_score_equation(count):
    low, high = ends(count_interval(pd.Series([count])))
    assert 0 <= low <= count <= high
    assert (count - high) ** 2 == pytest.approx(Z * Z * high)
    assert (count - low) ** 2 == pytest.approx(Z * Z * low, abs=1e-6)


@pytest.mark.parametrize(("now", "before"), [(30, 20), (200, 200), (5, 9)])
def test_a_change_turned_round(now, before):
    """From before to now and back multiply to nothing."""
    low, high = ends(change_interval(pd.Series([now]), pd.Series([before])))
    back_low, back_high = ends(change_interval(pd.Series([before]), pd.Series([now])))
    assert low <= now / before - 1 <= high
    assert (1 + low) * (1 + back_high) == pytest.approx(1)
    assert (1 + high) * (1 + back_low) == pytest.approx(1)


def test_a_change_from_nothing_has_no_interval_and_one_to_nothing_does():
    assert all(math.isnan(end) for end in ends(change_interval(pd.Series([5]), pd.Series([0]))))
    assert ends(change_interval(pd.Series([0]), pd.Series([5])))[0] == -1

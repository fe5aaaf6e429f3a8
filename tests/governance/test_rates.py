"""The three rates: undefined without a base, refused when impossible, a weighted mean of their parts."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.rates import RATE_COUNTS, change, share, three_rates
from tests import plain


def frame(*rows: tuple[int, int, int, int, int, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[name for pair in RATE_COUNTS.values() for name in pair])


@st.composite
def tallies(draw: st.DrawFn) -> tuple[int, ...]:
    row = []
    for _ in range(3):
        base = draw(st.integers(0, 10**6))
        row += [draw(st.integers(0, base)), base]
    return tuple(row)


def test_rates_of_a_published_month() -> None:
    """100 / 59.16 / 76.22 of a district's half year (大兴 2019H1), with bases of different size."""
    rates = three_rates(frame((5000, 5000, 5916, 10000, 3811, 5000))).iloc[0]
    assert rates.tolist() == pytest.approx([1.0, 0.5916, 0.7622])


def test_no_follow_up_is_undefined_not_zero() -> None:
    """0 of 0 is NaN in each rate by itself; the others are not affected."""
    rates = three_rates(frame((0, 0, 0, 0, 0, 0), (0, 3, 0, 0, 2, 2)))
    assert rates.iloc[0].isna().all()
    assert rates.iloc[1]["response_rate"] == 0.0
    assert math.isnan(rates.iloc[1]["resolution_rate"])
    assert rates.iloc[1]["satisfaction_rate"] == 1.0


@pytest.mark.parametrize("row", [(2, 1, 0, 0, 0, 0), (-1, 1, 0, 0, 0, 0), (0, 0, 5, 4, 0, 0)])
def test_impossible_counts_are_refused(row: tuple[int, int, int, int, int, int]) -> None:
    """More answers than were asked for, or fewer than none, is a mistake upstream and said so."""
    with pytest.raises(ValueError, match="must lie between 0 and"):
        three_rates(frame(row))


def test_missing_column_is_named() -> None:
    """The message names the missing column and lists those found."""
    with pytest.raises(ValueError, match="resolution_base_count"):
        three_rates(frame((0, 0, 0, 0, 0, 0)).drop(columns="resolution_base_count"))


def test_index_and_input_stay() -> None:
    """The caller's index comes back and the counts are untouched."""
    given_counts = frame((1, 2, 1, 2, 1, 2), (0, 0, 1, 4, 4, 4))
    given_counts.index = pd.Index(["甲", "乙"])
    before = given_counts.copy()
    assert three_rates(given_counts).index.tolist() == ["甲", "乙"]
    pd.testing.assert_frame_equal(given_counts, before)


@given(st.lists(tallies(), min_size=1, max_size=20))
def test_rates_lie_in_bounds_and_agree_with_a_loop(rows: list[tuple[int, ...]]) -> None:
    """Every rate is NaN or a fraction, equal to the division a clerk would do."""
    rates = three_rates(frame(*rows))
    for row, (_, found) in zip(rows, rates.iterrows(), strict=True):
        expected = [plain.rate(row[index], row[index + 1]) for index in (0, 2, 4)]
        np.testing.assert_array_equal(found.to_numpy(), expected)
    values = rates.to_numpy()
    assert ((values >= 0) & (values <= 1) | np.isnan(values)).all()


@given(st.lists(tallies(), min_size=1, max_size=20), st.randoms())
def test_whole_is_the_weighted_mean_of_the_parts_in_any_order(rows: list[tuple[int, ...]], chance: object) -> None:
    """Rates of the sum equal the parts' rates weighted by their bases, whatever the order of the parts."""
    counts = frame(*rows)
    whole = three_rates(counts.sum().to_frame().T)
    parts = three_rates(counts)
    for rate, (_, base) in RATE_COUNTS.items():
        total = counts[base].sum()
        mean = (parts[rate].fillna(0) * counts[base]).sum() / total if total else math.nan
        assert whole[rate].iloc[0] == pytest.approx(mean, nan_ok=True)
    shuffled = counts.sample(frac=1, random_state=chance.randint(0, 10**6))  # type: ignore[attr-defined]
    pd.testing.assert_frame_equal(three_rates(shuffled).sort_index(), parts)


def test_change_and_share_without_a_base_are_undefined() -> None:
    """Growth from nothing and a part of nothing have no number."""
    assert change(pd.Series([11, 5, 0]), pd.Series([10, 0, 5])).tolist()[::2] == pytest.approx([0.1, -1.0])
    assert math.isnan(change(pd.Series([5]), pd.Series([0])).iloc[0])
    assert share(pd.Series([1.0, 0.0]), pd.Series([4.0, 0.0])).tolist()[0] == 0.25
    assert math.isnan(share(pd.Series([0]), pd.Series([0])).iloc[0])

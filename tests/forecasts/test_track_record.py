"""Records of warnings counted by hand, and the interval of a share against its formula."""

from itertools import pairwise
from math import isnan, sqrt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecasts.track_record import BINS, Record, calibration, first_warnings, record, records_by

STATEMENTS = pd.DataFrame(
    [
        # a in window 1: warned of 70 and 42 days before, not 14 days before; it came true
        ("a", "2025-01-06", 70, True, True, 0.6, "x"),
        ("a", "2025-01-06", 42, True, True, 0.7, "x"),
        ("a", "2025-01-06", 14, False, True, 0.4, "x"),
        # a in window 2: never warned of, came busy; the last word was 14 days before
        ("a", "2025-02-03", 42, False, True, 0.3, "x"),
        ("a", "2025-02-03", 14, False, True, 0.45, "x"),
        # b in window 1: warned of late, and false; b in window 2: neither
        ("b", "2025-01-06", 42, False, False, 0.2, "y"),
        ("b", "2025-01-06", 14, True, False, 0.55, "y"),
        ("b", "2025-02-03", 14, False, False, 0.1, "y"),
        # c: warned of once, came true
        ("c", "2025-01-06", 14, True, True, 0.9, "y"),
    ],
    columns=["unique_id", "window_start", "lead_days", "is_warned", "came_true", "probability", "kind"],
)


def wilson(came: int, count: int) -> tuple[float, float]:
    """Wilson (1927): (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)."""
    z, share = 1.959963984540054, came / count
    middle, half = share + z**2 / (2 * count), z * sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return (middle - half) / (1 + z**2 / count), (middle + half) / (1 + z**2 / count)


def test_the_first_warning_of_a_window_counts():
    found = first_warnings(STATEMENTS)
    shown = found[["unique_id", "window_start", "lead_days", "is_warned"]].to_numpy().tolist()
    assert shown == [
        ["a", "2025-01-06", 70, True],
        ["a", "2025-02-03", 14, False],
        ["b", "2025-01-06", 14, True],
        ["b", "2025-02-03", 14, False],
        ["c", "2025-01-06", 14, True],
    ]
    assert found["probability"].tolist() == [0.6, 0.45, 0.55, 0.1, 0.9]


@given(st.permutations(range(len(STATEMENTS))))
@settings(max_examples=25)
def test_the_order_of_statements_does_not_matter(order):
    pd.testing.assert_frame_equal(first_warnings(STATEMENTS.iloc[list(order)]), first_warnings(STATEMENTS))


def test_a_record_counted_by_hand():
    found = record(first_warnings(STATEMENTS))
    assert found == Record(hit_count=2, false_count=1, missed_count=1, lead_days=(70 + 14) / 2)
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == pytest.approx(2 / 3)
    assert Record(3, 1, 5, 20.0).precision == 0.75
    assert Record(3, 1, 5, 20.0).recall == 0.375
    assert Record(3, 1, 5, 20.0).f1 == pytest.approx(2 * 0.75 * 0.375 / (0.75 + 0.375))


def test_what_is_not_known_is_not_zero():
    nothing = record(first_warnings(STATEMENTS).head(0))
    assert nothing.hit_count == nothing.false_count == nothing.missed_count == 0
    assert all(isnan(value) for value in (nothing.precision, nothing.recall, nothing.f1, nothing.lead_days))
    silent = Record(0, 0, 4, float("nan"))
    assert isnan(silent.precision)
    assert (silent.recall, silent.f1) == (0, 0)
    only_false = record(STATEMENTS[(STATEMENTS["unique_id"] == "b") & STATEMENTS["is_warned"]])
    assert (only_false.precision, only_false.f1) == (0, 0)
    assert isnan(only_false.recall)
    assert isnan(only_false.lead_days)


def test_records_by_a_column_add_up():
    found = records_by(first_warnings(STATEMENTS), "kind")
    assert found["kind"].tolist() == ["y", "x"]  # one hit each, y has a false one
    assert found[["hit_count", "false_count", "missed_count"]].to_numpy().tolist() == [[1, 1, 0], [1, 0, 1]]
    assert found["lead_days"].tolist() == [14, 70]
    assert found["precision"].tolist() == [0.5, 1.0]
    assert found["recall"].tolist() == [1.0, 0.5]


def test_calibration_of_a_published_example():
    """15 of 50: 0.191 to 0.438 (Newcombe 1998, Statistics in Medicine 17:857, method 3, and any table of Wilson's interval)."""
    said, came = np.full(50, 0.35), np.arange(50) < 15
    found = calibration(said, came)
    assert len(found) == 1
    row = found.iloc[0]
    assert (row["low"], row["high"], row["statement_count"]) == (0.3, 0.5, 50)
    assert row["said"] == pytest.approx(0.35)
    assert row["came"] == 0.3
    assert (row["came_low"], row["came_high"]) == (pytest.approx(0.191, abs=5e-4), pytest.approx(0.438, abs=5e-4))


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_calibration_equals_a_loop(pairs):
    found = calibration(np.array([said for said, _came in pairs]), np.array([came for _said, came in pairs]))
    assert found["statement_count"].sum() == len(pairs)
    rows = iter(found.itertuples())
    for low, high in pairwise(BINS):
        inside = [(said, came) for said, came in pairs if low <= said < high or (said == high == BINS[-1])]
        if not inside:
            continue
        row = next(rows)
        hits = sum(came for _said, came in inside)
        assert (row.low, row.high, row.statement_count) == (low, high, len(inside))
        assert row.said == pytest.approx(sum(said for said, _came in inside) / len(inside))
        assert row.came == hits / len(inside)
        assert (row.came_low, row.came_high) == (pytest.approx(wilson(hits, len(inside))[0], abs=1e-9), pytest.approx(wilson(hits, len(inside))[1], abs=1e-9))
    assert next(rows, None) is None

"""Panels of long frames: what a missing row means, and one sentence for whatever cannot be used."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from forecasts.panel import Panel, panel_of_long


def frame(*rows):
    return pd.DataFrame(rows, columns=["unique_id", "ds", "y"])


def test_a_step_without_a_row_is_zero_within_a_series_and_unknown_where_no_series_has_one():
    panel = panel_of_long(frame(("a", "2024-02-27", 3), ("a", "2024-03-01", 1), ("b", "2024-02-28", 2), ("b", "2024-03-01", 5)))
    assert panel.ids == ("a", "b")
    assert panel.days.astype(str).tolist() == ["2024-02-27", "2024-02-28", "2024-02-29", "2024-03-01"]
    np.testing.assert_array_equal(panel.counts, [[3, 0, np.nan, 1], [np.nan, 2, np.nan, 5]])


def test_an_empty_count_is_unknown():
    panel = panel_of_long(frame(("a", "2024-01-01", 3), ("a", "2024-01-02", None), ("a", "2024-01-03", 1)))
    np.testing.assert_array_equal(panel.counts, [[3, np.nan, 1]])


def test_weeks_are_found_from_the_distance_of_the_dates():
    rows = [("a", day, 1) for day in pd.date_range("2020-12-21", periods=54, freq="7D")]
    panel = panel_of_long(frame(*rows))
    assert (panel.frequency, panel.step, len(panel.days)) == ("W", 7, 54)
    assert panel.ahead(2).astype(str).tolist() == ["2022-01-03", "2022-01-10"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (frame(("a", "2024-13-01", 1)), "ds 列第 1 行: '2024-13-01' 不是日期"),
        (frame(("a", "2024-01-01", 1), ("a", "2024-01-02", "many")), "y 列第 2 行: 'many' 不是数"),
        (frame(("a", "2024-01-01", -1)), "y 列第 1 行: -1 不可用"),
        (frame(("a", "2024-01-01", float("inf"))), "y 列第 1 行: inf 不可用"),
        (frame(("a", "2024-01-01", 1), ("a", "2024-01-01", 2)), "序列 a 在 2024-01-01 有不止一行"),
        (frame((None, "2024-01-01", 1)), "unique_id 列第 1 行是空的"),
        (frame(), "文件没有数据行"),
        (frame(("a", "1900-01-01", 1), ("a", "2024-01-01", 1)), "最多 40000 期"),
        (pd.DataFrame({"unique_id": ["a"], "date": ["2024-01-01"], "y": [1]}), "缺少列 ds; 文件中有 unique_id, date, y"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_sentence(table, said):
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        panel_of_long(table, "D")


def test_weeks_on_two_weekdays_are_refused():
    with pytest.raises(ValueError, match="2024-01-09 与 2024-01-01 相差不是整周"):
        panel_of_long(frame(("a", "2024-01-01", 1), ("a", "2024-01-09", 1)), "W")


def test_a_series_belongs_to_one_group():
    table = frame(("a", "2024-01-01", 1), ("a", "2024-01-02", 1)).assign(kind=["x", "y"])
    with pytest.raises(ValueError, match="序列 a 写了不止一个组"):
        panel_of_long(table, group="kind")
    grouped = panel_of_long(table.assign(kind="x"), group="kind")
    assert grouped.groups == ("x",)


def test_a_week_counts_only_when_it_is_over():
    panel = Panel(("a",), np.arange("2024-01-01", "2024-01-29", 7, dtype="datetime64[D]"), np.ones((1, 4)), "W")
    assert len(panel.until(date(2024, 1, 20)).days) == 2
    assert len(panel.until(date(2024, 1, 21)).days) == 3
    with pytest.raises(ValueError, match="截止日 2024-01-06 早于第一期结束的 2024-01-07"):
        panel.until(date(2024, 1, 6))


def test_shapes_must_fit():
    days = np.arange("2024-01-01", "2024-01-04", dtype="datetime64[D]")
    with pytest.raises(ValueError, match="shape"):
        Panel(("a",), days, np.ones((2, 3)))
    with pytest.raises(ValueError, match="days apart"):
        Panel(("a",), days, np.ones((1, 3)), "W")

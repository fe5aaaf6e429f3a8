"""Figures, classes, windows and tables from small hand-made frames."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from governance.periods import Grain, Period
from ui import cards, exports, figures, identity, maps, tables, urlstate, windows
from ui.areas import clicked_code

NO_MARKS = pd.DataFrame({"label": [], "start": [], "end": []})


def volume_frame(step: str = "day") -> pd.DataFrame:
    frame = pd.DataFrame(
        {"start": pd.date_range("2025-01-01", periods=3), "intake_count": [12, 22, 3], "request_count": [10, 20, 0], "year_ago_count": [8.0, 9.0, 1.0]}
    )
    frame.attrs["step"] = step
    return frame


def test_volume_draws_both_years():
    figure = figures.volume(volume_frame(), NO_MARKS)
    assert [trace.name for trace in figure.data] == ["去年同期", "诉求量"]
    assert list(figure.data[1].y) == [10, 20, 0]
    assert figure.layout.xaxis.ticktext[0] == "1月1日"


def test_volume_without_a_year_ago_draws_one_line():
    figure = figures.volume(volume_frame().assign(year_ago_count=float("nan")), NO_MARKS)
    assert [trace.name for trace in figure.data] == ["诉求量"]


def problems_frame() -> pd.DataFrame:
    return pd.DataFrame({"problem": ["甲", "乙"], "request_count": [9, 4], "before_count": [7.0, 5.0]})


def test_problems_as_bars_begin_at_the_top_with_the_largest():
    figure = figures.problems(problems_frame(), 180)
    assert [trace.name for trace in figure.data] == ["上期", "本期"]
    assert list(figure.data[1].y) == ["乙", "甲"]
    assert list(figures.problems(problems_frame().assign(before_count=float("nan")), 180).data[0].x) == [4, 9]


@pytest.mark.parametrize(
    ("largest", "values", "texts"),
    [
        (0, [0.0, 1.0], ["0", "1"]),
        (3, [0.0, 1.0, 2.0, 3.0], ["0", "1", "2", "3"]),
        (961, [0.0, 250.0, 500.0, 750.0, 1000.0], ["0", "250", "500", "750", "1,000"]),
        (34_000, [0.0, 10_000.0, 20_000.0, 30_000.0, 40_000.0], ["0", "1万", "2万", "3万", "4万"]),
    ],
)
def test_axis_ticks(largest, values, texts):
    assert figures.axis_ticks(largest) == (values, texts)


@pytest.mark.parametrize(
    ("values", "breaks"),
    [([], [0]), ([0, 0], [0]), ([4], [0, 4]), ([1, 2, 3, 4, 5, 1000], [0, 2, 3, 4, 5])],
)
def test_class_breaks(values, breaks):
    assert maps.class_breaks(values) == breaks


def test_class_names_have_no_gap():
    assert maps.class_names([0, 1, 5, 10]) == ["0", "1–4", "5–9", "10以上"]


def places_frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "code": ["a", "b"],
            "name": ["甲街道", "乙街道"],
            "parent_name": ["某区", None],
            "longitude": [116.3, 116.4],
            "latitude": [39.9, 40.0],
            "request_count": [0, 7],
            "rank": [2, 1],
            "resolution_rate": [float("nan"), 0.5],
            "resolution_base_count": [0, 4],
        }
    )


def test_map_sends_an_address_instead_of_geometry():
    figure = maps.choropleth(places_frame(), "key1", "subdistrict", extent=None, dark=False)
    trace = figure.data[0]
    assert trace.geojson == "/geo/key1/subdistrict.geojson"
    assert list(trace.z) == [0, 1]
    assert [list(row) for row in trace.customdata] == [[0, 2, "—（无回访）", 0], [7, 1, "50.0%", 4]]
    for number in range(4):
        assert f"%{{customdata[{number}]" in trace.hovertemplate
    assert figure.layout.map.style["sources"], "an empty sources object is dropped on the way and stops the map"


def test_map_holds_its_extent():
    wide = maps.choropleth(places_frame(), "k", "district", extent=(110.0, 35.0, 120.0, 42.0), dark=True)
    near = maps.choropleth(places_frame(), "k", "district", extent=(116.3, 39.9, 116.4, 40.0), dark=True)
    assert wide.layout.map.zoom < near.layout.map.zoom
    assert near.layout.map.center.lon == pytest.approx(116.35)


class Clicked:
    """A selection as Streamlit hands it over."""

    def __init__(self, points):
        self.selection = type("Selection", (), {"points": points})()


def test_clicked_code():
    assert clicked_code(Clicked([{"location": "110101001"}])) == "110101001"
    assert clicked_code(Clicked([])) is None
    assert clicked_code(None) is None


@pytest.mark.parametrize(
    ("period", "days", "step"),
    [
        (Period(Grain.DAY, date(2025, 3, 3), date(2025, 3, 3)), 35, "day"),
        (Period(Grain.MONTH, date(2025, 3, 1), date(2025, 3, 31)), 31, "day"),
        (Period(Grain.YEAR, date(2025, 1, 1), date(2025, 12, 31)), 364, "week"),
        (Period(Grain.RANGE, date(2020, 1, 1), date(2024, 12, 31)), 1827, "month"),
    ],
)
def test_chart_window(period, days, step):
    window, found = windows.for_chart(period)
    assert (window.day_count, found) == (days, step)


@pytest.mark.parametrize("step", ["day", "week", "month"])
def test_buckets_keep_the_sum(step):
    daily = pd.DataFrame({"day": pd.date_range("2025-01-29", periods=40), "request_count": range(40)})
    assert windows.bucket(daily, date(2025, 1, 29), step, ("request_count",))["request_count"].sum() == sum(range(40))


@pytest.mark.parametrize(("rank", "before", "word"), [(1, 3.0, "▲ 升 2"), (3, 1.0, "▼ 降 2"), (2, 2.0, "＝ 持平"), (4, float("nan"), "★ 新上榜")])
def test_rank_word(rank, before, word):
    assert tables.rank_word(rank, before) == word


@pytest.mark.parametrize(("base", "word"), [(0, "— 无回访"), (29, "△ 样本不足"), (30, "● 充足")])
def test_base_word(base, word):
    assert tables.base_word(base, 30) == word


@pytest.mark.parametrize("text", ["=1+1", "+86", "-2", "@SUM(A1)", "\t=1", " =1", "＝1"])
def test_formulas_are_neutralised(text):
    assert exports.csv_bytes(pd.DataFrame({"值": [text]})).decode("utf-8-sig").splitlines()[-1].strip('"').startswith("'")


def test_csv_has_a_mark_and_keeps_plain_values():
    content = exports.csv_bytes(pd.DataFrame({"行号": [7], "值": ["不详"]}))
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.decode("utf-8-sig") == "行号,值\r\n7,不详\r\n"


def test_names_that_occur_twice_are_told_apart():
    labels = urlstate.unique_labels(["1", "2", "3"], ["马坊镇", "马坊镇", "兴谷街道"], ["平谷区", "门头沟区", None])
    assert labels == {"1": "马坊镇（平谷区）", "2": "马坊镇（门头沟区）", "3": "兴谷街道"}


@pytest.mark.parametrize(
    ("address", "url", "refuses"),
    [
        ("127.0.0.1", "http://127.0.0.1:8501/", False),
        ("localhost", None, False),
        ("::1", "http://[::1]:8501/", False),
        (None, "http://127.0.0.1:8501/", True),
        ("0.0.0.0", "http://127.0.0.1:8501/", True),
        ("10.1.2.3", "http://10.1.2.3:8501/", True),
        ("127.0.0.1", "http://weisu.example:8501/", True),
    ],
)
def test_demo_identity_stays_on_this_machine(address, url, refuses):
    assert identity.refuses_demo(address, url) is refuses


def card_row(**values: float) -> pd.Series:
    return pd.Series({"now": 0.9, "change_before": 0.0, "change_year_ago": float("nan"), "base": 100.0, "share": float("nan")} | values)


def test_a_rate_that_rose_is_better_in_word_and_colour():
    texts = cards.card_texts("resolution_rate", card_row(change_before=0.012), 30)
    assert (texts["delta"], texts["color"]) == ("+1.2百分点", "blue")
    assert "好转" in texts["year"]


def test_a_change_too_small_to_show_is_neither():
    texts = cards.card_texts("resolution_rate", card_row(change_before=-0.0001), 30)
    assert (texts["delta"], texts["color"]) == ("0.0百分点", "off")


def test_a_rate_without_follow_ups_is_a_dash_with_its_reason():
    texts = cards.card_texts("satisfaction_rate", card_row(now=float("nan"), base=0.0), 30)
    assert (texts["value"], texts["delta"]) == ("—", "无回访")


def test_a_rate_on_few_answers_says_so():
    assert "样本不足" in cards.card_texts("response_rate", card_row(base=29.0), 30)["year"]

"""Figures, sentences and files of 重点治理: what they show, what they leave out, and that names from deliveries stay text."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from governance import unit_concentration
from storage.scope import Role, Scope
from tests.ui import hotspot_city, hotspot_screen
from tests.ui.hotspot_city import FRESH, LONG, NAMES
from ui import exports, hotspot_context, hotspot_figures, hotspot_points, hotspot_units, hotspots, theme, words
from ui import hotspot_sentences as said

LEADER = Scope(Role.LEADER)
HOSTILE = '<img src=x onerror="alert(1)">'
SHAPES = {code: {"type": "Polygon", "coordinates": [[[x, 0.0], [x + 1, 0.0], [x + 1, 1.0], [x, 0.0]]]} for x, code in enumerate("abcd")}


def classes(**changes):
    made = {
        "code": list("abcd"), "name": ["甲", "乙", "丙", HOSTILE], "parent_name": "区", "longitude": 116.123456, "latitude": 39.98765,
        "observed": [30, 2, 10, 25], "expected": [10.0, 12.0, 10.0, 9.0], "ratio": [3.0, 0.17, 1.0, 2.78],
        "low": [2.0, 0.02, 0.5, 1.8], "high": [4.3, 0.6, 1.8, 4.1],
        "q_hot": 0.01, "q_many": 0.01, "kind": ["new", "persistent", "none", "historical"], "side": [1, -1, 0, 1],
    }  # fmt: skip
    return pd.DataFrame(made | changes)


def layers(deck) -> dict[str, dict]:
    return {layer["id"]: layer for layer in json.loads(deck.to_json())["layers"]}


# figures


def test_the_map_holds_the_shapes_of_hot_and_cold_places_only():
    found = layers(hotspot_figures.class_map(classes(), SHAPES, "/geo/x/subdistrict.geojson", (0.0, 0.0, 4.0, 1.0), ("c", "gone"), dark=False))
    assert found["all"]["data"] == "/geo/x/subdistrict.geojson"
    features = {item["properties"]["code"]: item["properties"] for item in found["classes"]["data"]["features"]}
    assert sorted(features) == ["a", "b", "d"]
    assert features["a"]["w"] == "★ 新增"
    assert features["b"]["w"] == "■ 冷·持续"
    assert features["a"]["s"] == "本月 30 件，预期约 10 件"
    assert len({tuple(item["c"]) for item in features.values()}) == 3
    assert [item["t"] for item in found["words"]["data"]] == ["★ 新增", "■ 冷·持续", "○ 历史"]
    assert found["words"]["data"][0]["p"] == [116.1235, 39.9877]
    assert [item["geometry"] for item in found["chosen"]["data"]["features"]] == [SHAPES["c"]]


def test_a_hostile_name_on_the_map_stays_text():
    """The note at the pointer is HTML."""
    text = hotspot_figures.class_map(classes(), SHAPES, "/x", None, (), dark=True).to_json()
    assert "<img" not in text
    assert "&lt;img" in text


def test_points_are_drawn_to_a_hundred_metres():
    rows = pd.DataFrame({"longitude": [116.1234567, 116.2], "latitude": [39.9876543, 39.9], "observed": [40.0, 10.0]})
    deck = hotspot_figures.point_map(rows, ["甲", HOSTILE], None, dark=False)
    (discs,) = layers(deck).values()
    assert [item["p"] for item in discs["data"]] == [[116.123, 39.988], [116.2, 39.9]]
    assert discs["data"][0]["r"] == pytest.approx(2 * discs["data"][1]["r"], abs=0.2), "four times the tickets, four times the area"
    single = hotspot_figures.point_map(rows.head(1), ["甲"], "/x", dark=False)
    assert list(layers(single)) == ["all", "discs"]
    assert "1234567" not in single.to_json()
    assert single._tooltip == {"text": "{s}"}, "not as HTML"


def test_the_course_marks_the_weeks_since_it_began():
    weeks = pd.DataFrame({"week": pd.date_range("2025-01-06", periods=6, freq="7D"), "observed": [3, 4, 2, 9, 8, 9], "expected": 3.0})
    figure = hotspot_figures.course(weeks, pd.Timestamp("2025-01-27"), 170)
    bars, line = figure.data
    assert list(bars.marker.color) == [theme.COMPARISON] * 3 + [theme.ACCENT] * 3
    assert list(bars.y) == [3, 4, 2, 9, 8, 9]
    assert list(line.y) == [3.0] * 6


def test_the_funnel_marks_the_unit_that_stands_out():
    observed = np.array([100, 95, 104, 99, 101, 98, 103, 97, 102, 96, 300, 2], dtype="float64")
    rows = pd.DataFrame({"code": [f"单位{number}" for number in range(12)], "observed": observed, "expected": [100.0] * 11 + [1.0]})
    found = unit_concentration.funnel(observed, rows["expected"].to_numpy())
    dots = hotspot_figures.funnel(rows, found, 320).data[-1]
    assert list(dots.text) == [""] * 10 + ["单位10"]
    assert list(dots.marker.symbol) == ["circle"] * 10 + ["diamond"]
    assert list(dots.marker.color) == [theme.NOW] * 10 + [theme.ACCENT]
    assert len(dots.x) == 11, "too little is expected of the last"
    text = hotspot_units._funnel_sentence(rows, found.z)
    assert "11 家可比单位" in text
    assert text.endswith("超出上界的 1 家：单位10。")
    calm = hotspot_units._funnel_sentence(rows.head(10), found.z[:10])
    assert calm.endswith("没有单位超出实线。")


def test_drivers_and_shares():
    rows = pd.DataFrame({"name": ["甲", "乙"], "observed": [30.0, 5.0], "usual": [4.04, 5.0]})
    usual, now = hotspot_figures.drivers(rows, 200).data
    assert (list(usual.y), list(usual.x), list(now.x)) == (["乙", "甲"], [5.0, 4.0], [5.0, 30.0])
    months = pd.DataFrame({"month": pd.date_range("2025-01-01", periods=2, freq="MS"), "top_share": [0.5, 0.61], "gini": [0.2, 0.333]})
    top, gini = hotspot_figures.shares(months, 200).data
    assert (list(top.y), list(gini.y)) == ([50.0, 61.0], [20.0, 33.3])


def test_the_strip_holds_half_a_year_with_words():
    steps = pd.DataFrame({"cutoff": pd.date_range("2025-01-05", periods=30, freq="7D"), "stage": ["new"] + ["ongoing"] * 28 + ["ended"]})
    html = hotspot_figures.strip_html(steps)
    assert html.count("<span ") == 26
    assert 'title="2025-07-27 ○ 已回落"' in html
    assert "新增" not in html


# cards and sentences


def spot(**changes):
    made = {
        "hotspot_id": "ab12cd34", "level": "problem", "category_1": "环境", "category_2": "<b>坏</b>", "areas": "x", "centre": "x",
        "since": pd.Timestamp("2025-11-03"), "first_found_on": pd.Timestamp("2025-11-16"), "last_found_on": pd.Timestamp("2025-12-28"), "stage": "new",
        "observed": 50.0, "expected": 20.0, "low": 1.5, "high": 4.0, "recent_observed": 24.0, "recent_expected": 9.94, "recurrence_days": 40_000.0,
        "mode": "focused", "sign": "place", "spells": 1, "hot_share": 0.02, "is_part": False,
    }  # fmt: skip
    return pd.Series(made | changes)


def test_hostile_names_on_a_card_stay_text():
    shown = hotspots.Hot(None, *[pd.DataFrame()] * 3, 0, {"x": HOSTILE}, ("", ""))
    html = hotspots._card_html(shown, spot())
    assert "<img" not in html
    assert "<b>坏" not in html
    assert "&lt;img" in html
    assert "&lt;b&gt;坏" in html
    assert "近四周 24 件，平时约 9.9 件" in html


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "2025年11月3日以来 50 件，预期约 20 件，多出约 30 件（95%区间 10–60 件）。"),
        ({"low": float("nan"), "high": float("nan")}, "多出约 30 件。"),
        ({"high": float("inf")}, "多出约 30 件。"),
        ({"high": 40.0}, "多出约 30 件（95%区间：至少 10 件）。"),
        ({"observed": 18.0}, "多出约 0 件"),
    ],
)
def test_the_excess_with_its_interval(changes, text):
    assert text in said.excess(spot(**changes))


@pytest.mark.parametrize(("days", "text"), [(40_000.0, "远少于百年一次"), (3650.0, "约 10 年一次"), (400.0, "约 400 天一次")])
def test_how_seldom_chance_makes_one(days, text):
    assert text in said.since(spot(recurrence_days=days))


@pytest.mark.parametrize(
    ("sign", "text"),
    [("spells", "同一地方第 1 次"), ("seasonal", "往年同期也多"), ("spread", "全市 2.0% 的地区"), ("units", "几家单位分头承办"), ("place", "集中在一处")],
)
def test_the_mode_has_its_reason(sign, text):
    assert said.mode(spot(sign=sign)).startswith("建议：**重点治理**（假定规则）——")
    assert text in said.mode(spot(sign=sign))


def test_what_size_can_be_seen():
    assert "平时四周约 4.2 件的地方（居中的一个），要到 15 件" in said.seen_size({"usual": 4.2, "least": 15.0})
    assert "件数太少" in said.seen_size(None)
    assert "件数太少" in said.seen_size({"usual": 1.0, "least": float("nan")})


def test_how_fresh_it_is():
    focus = hotspots.hotspot_loaders.Focus("v", date(2025, 12, 28), 365.0, has_neighbours=True, is_current=True)
    assert said.freshness(focus).endswith("平均 365 天才会造成一个（假定）；各地的份额是估计的，实际会多一些，演示城市回放约每月0.4个。")
    assert "没有区划边界" in said.freshness(replace(focus, has_neighbours=False))
    assert "manage.py focus" in said.freshness(replace(focus, is_current=False))


def test_the_largest_point_without_a_second_level():
    rows = pd.DataFrame({"code": ["x"], "category_1": ["井盖"], "category_2": [None], "observed": [8.0]}).astype({"category_2": "str"})
    rows["category_2"] = pd.Series([None], dtype="str")
    assert hotspot_points.sentence(rows, {"x": "甲街"}) == "最近八周有 1 处点位异常密集，最多的在甲街：井盖 8 件。"


# tables and files


def test_the_class_table_writes_no_endless_interval(hotspot_version):
    most = float(np.finfo("float32").max)
    rows = classes(low=[2.0, float("nan"), 0.5, 1.8], high=[4.3, float("nan"), 1.8, most])
    table = hotspots.class_table(rows, hotspot_screen.view(hotspot_version, LEADER)).set_index("街乡镇")
    assert table["95%区间"].to_dict() == {"甲": "2.00–4.30", "乙": words.DASH, "丙": "0.50–1.80", HOSTILE: words.DASH}
    assert table.index.tolist() == ["甲", HOSTILE, "乙", "丙"], "hot, then cold, then neither"
    assert table.loc["丙", "类别"] == words.DASH


def test_the_list_as_csv(hotspot_version, hotspot_home):
    content = hotspot_context._csv(hotspot_screen.hot(hotspot_version, LEADER))
    assert content.startswith(b"\xef\xbb\xbf")
    read = {row["地区编码"]: row for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig")))}
    stored = hotspot_city.table(hotspot_home, "hotspot").set_index("areas")
    assert sorted(read) == sorted([LONG.code, FRESH.code])
    for code, row in read.items():
        assert row["地区"] == NAMES[code]
        assert int(row["件数"]) == stored.loc[code, "observed"]
        assert int(row["近四周件数"]) == stored.loc[code, "recent_observed"]
        assert float(row["预期件数"]) == pytest.approx(stored.loc[code, "expected"], abs=0.051)
        assert row["推定起始周"] == str(stored.loc[code, "since"].date())
    assert read[FRESH.code]["问题"] == "'=1+1", "a spreadsheet must not count"
    assert read[LONG.code]["问题"] == LONG.problem[1]
    assert not [cell for row in read.values() for cell in row.values() if cell.startswith(("=", "+", "@"))]


def _refuse(name: str) -> None:
    raise AssertionError(name)


def test_the_list_as_geojson(hotspot_version, hotspot_home):
    shown = hotspot_screen.hot(hotspot_version, LEADER)
    endless = shown.shown.assign(high=float("inf"), low=float("nan"))
    for hot in (shown, replace(shown, shown=endless)):
        content = hotspot_context._geojson(hotspot_screen.view(hotspot_version, LEADER), hot)
        made = json.loads(content, parse_constant=_refuse)
        stored = hotspot_city.table(hotspot_home, "hotspot").set_index("areas")
        assert {item["properties"]["code"]: item["properties"]["件数"] for item in made["features"]} == {
            code: stored.loc[code, "observed"] for code in (LONG.code, FRESH.code)
        }
        assert all(item["geometry"]["type"] == "Polygon" for item in made["features"])
        assert made["properties"]["cutoff"] == str(hotspot_city.CUTOFF)
    assert made["features"][0]["properties"]["倍数上限"] is None


def test_files_of_nothing(hotspot_version):
    hot = hotspot_screen.hot(hotspot_version, Scope(Role.SUBDISTRICT, "110102007"))
    assert hot.shown.empty
    assert hotspot_context._csv(hot).startswith(b"\xef\xbb\xbf")
    assert json.loads(hotspot_context._geojson(hotspot_screen.view(hotspot_version, LEADER), hot))["features"] == []


def test_units_as_csv_are_no_formulas():
    pairs = pd.DataFrame(
        {
            "code": ["=A1", "乙"], "category_1": ["=1+1", "噪声"], "kind": ["new", "persistent"], "side": [1, -1], "observed": [30, 2],
            "expected": [10.04, 9.0], "ratio": [3.0, 0.222], "q_many": [0.0012, 0.9], "q_few": [0.99, 0.0301],
        }
    )  # fmt: skip
    table = hotspot_units.pair_table(pairs, pd.Series({"乙": "街道"}))
    assert table["热点类别"].tolist() == ["★ 新增", "■ 冷·持续"]
    assert table["误报率q"].tolist() == [0.001, 0.03], "the one of its side"
    rows = list(csv.reader(io.StringIO(exports.csv_bytes(table).decode("utf-8-sig"))))
    assert rows[1][:3] == ["'=A1", "", "'=1+1"]
    assert rows[2][4:6] == ["2", "9.0"]

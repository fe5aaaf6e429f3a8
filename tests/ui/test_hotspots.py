"""重点治理 on a city with planted hot spots: what is found is what was planted, and the page says what is stored."""

from __future__ import annotations

import shutil
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from storage import focus_reads
from tests.ui import hotspot_city
from tests.ui.hotspot_city import CUTOFF, FRESH, LONG, NAMES, OVER
from tests.ui.hotspot_screen import PAGE, blocks, cards, deck, sentences
from tests.ui.test_odd_data import check_screen
from ui import hotspot_loaders, words
from ui.hotspot_sentences import MODES, STAGES

UNTOLD = "热点还没有查找"


@pytest.fixture
def spots(hotspot_home: Path) -> pd.DataFrame:
    """The stored hot spots by what was planted."""
    found = hotspot_city.table(hotspot_home, "hotspot")
    names = {planted.code: name for name, planted in (("long", LONG), ("fresh", FRESH), ("over", OVER))}
    assert sorted(found["areas"]) == sorted(names)
    return found.assign(planted=found["areas"].map(names)).set_index("planted")


def shown(app, head: str) -> pd.DataFrame:
    return next(item.value for item in app.dataframe if head in item.value)


def test_before_anybody_looked(open_hotspots, hotspot_home, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(hotspot_home, home, ignore=shutil.ignore_patterns("focus"))
    app = open_hotspots(home)
    assert not app.exception
    assert not app.error
    assert [UNTOLD in item.value and "manage.py focus" in item.value for item in app.info] == [True]
    assert not app.dataframe
    assert not cards(app)
    assert "数据版本" in sentences(app)
    assert not [item for item in open_hotspots(home, page="").get("page_link") if item.proto.page == "hotspots"]


def test_what_was_planted_is_what_is_found(spots):
    for name, planted in (("long", LONG), ("fresh", FRESH), ("over", OVER)):
        row = spots.loc[name]
        assert (row["category_1"], row["category_2"]) == planted.problem
        assert row["since"].date() == planted.first
    for name, planted in (("long", LONG), ("fresh", FRESH)):
        assert spots.loc[name, "observed"] == len(hotspot_city.tickets(planted, planted.first))
        assert spots.loc[name, "recent_observed"] == len(hotspot_city.tickets(planted, CUTOFF - timedelta(days=27)))
    assert spots.loc["fresh", "stage"] == "new"
    assert spots.loc["fresh", "first_found_on"].date() == CUTOFF
    assert spots.loc["long", "first_found_on"].date() < CUTOFF
    assert spots.loc["over", "stage"] == "ended"


def test_the_verdict_says_what_is_stored(open_hotspots, spots):
    app = open_hotspots()
    assert not app.error
    active = spots[spots["stage"] != "ended"]
    counts = Counter(active["stage"])
    top = active.loc[(active["recent_observed"] - active["recent_expected"]).idxmax()]
    assert (
        f"**目前有 {len(active)} 个热点（新增 {counts['new']}，加剧 {counts['worsening']}）；近四周多出最多的是{NAMES[top['areas']]}的{top['category_2']}，"
        f"{top['recent_observed']:.0f} 件，平时约 {top['recent_expected']:.0f} 件。**"
    ) in sentences(app)


def test_cards_and_their_history(open_hotspots, spots, hotspot_home):
    app = open_hotspots()
    steps = hotspot_city.table(hotspot_home, "step")
    found = dict(zip([card.split()[0] for card in cards(app)], blocks(app), strict=True))
    assert set(found) == {NAMES[LONG.code], NAMES[FRESH.code]}
    for name, planted in (("long", LONG), ("fresh", FRESH)):
        row, block = spots.loc[name], found[NAMES[planted.code]]
        assert f">{NAMES[planted.code]} · {planted.problem[1]}</span>" in block
        assert f">{STAGES[row['stage']]}</span>" in block
        assert f"始于 {words.day(planted.first)}，近四周 {row['recent_observed']:.0f} 件，平时约 {row['recent_expected']:.0f} 件" in block
        own = steps[steps["hotspot_id"] == row["hotspot_id"]].sort_values("cutoff")
        titles = [f"{step.cutoff:%Y-%m-%d} {STAGES[step.stage]}" for step in own.itertuples()]
        assert [part.split('"')[0] for part in block.split('<span title="')[1:]] == titles
    assert len(steps[steps["hotspot_id"] == spots.loc["long", "hotspot_id"]]) > 1, "the test needs a history"


def test_the_chosen_one_in_full(open_hotspots, spots, hotspot_home):
    row = spots.loc["long"]
    app = open_hotspots(spot=row["hotspot_id"])
    text = sentences(app)
    low, high = ((row[end] - 1) * row["expected"] for end in ("low", "high"))
    assert f"##### {NAMES[LONG.code]} · {LONG.problem[1]}" in text
    assert (
        f"**{STAGES[row['stage']]}** · {words.day(LONG.first)}以来 {row['observed']:.0f} 件，预期约 {row['expected']:.0f} 件，"
        f"多出约 {row['observed'] - row['expected']:.0f} 件（95%区间 {low:.0f}–{high:.0f} 件）。"
    ) in text
    assert 0 < low < row["observed"] - row["expected"] < high
    assert f"建议：**{MODES[row['mode']]}**（假定规则）——" in text
    assert f"编号 {row['hotspot_id']}" in text
    sight = hotspot_city.table(hotspot_home, "sight").set_index("category_2").loc[""]
    assert f"平时四周约 {sight['usual']:.0f} 件的地方（居中的一个），要到 {sight['least']:.0f} 件才能与偶然分开" in text
    night = sum("夜间" in ticket["问题分类"] for ticket in hotspot_city.tickets(LONG, LONG.first))
    assert f"主要多在：夜间{LONG.problem[1]} {night} 件（平时约 0.0）" in text
    other = next(code for code in NAMES if NAMES[code] in text.split("同期同一问题")[1])
    number = len(hotspot_city.tickets(hotspot_city.Planted(other, LONG.problem, LONG.first, LONG.after, 1), LONG.first))
    assert f"{NAMES[other]} {number} 件" in text


def test_a_click_on_a_card_opens_it(open_hotspots, spots):
    app = open_hotspots()
    first = sentences(app)
    name = "long" if f"编号 {spots.loc['fresh', 'hotspot_id']}" in first else "fresh"
    app = app.button(key=f"open_{spots.loc[name, 'hotspot_id']}").click().run()
    assert f"编号 {spots.loc[name, 'hotspot_id']}" in sentences(app)
    assert app.query_params["spot"] in (spots.loc[name, "hotspot_id"], [spots.loc[name, "hotspot_id"]])


def test_an_unknown_hot_spot_in_the_link_is_the_first(open_hotspots):
    app = open_hotspots(spot="<b>nix</b>")
    assert not app.error
    assert "nix" not in sentences(app)
    note = "⚠ 链接中的热点编号不在您能看到的清单里，已改为显示第一个。"
    assert note in sentences(app)
    assert sentences(app).replace(f"{note}\n", "") == sentences(open_hotspots())


def test_a_category_in_the_link_narrows_the_page(open_hotspots, spots):
    app = open_hotspots(category=LONG.problem[0])
    assert [card.split()[0] for card in cards(app)] == [NAMES[LONG.code]]
    assert "目前有 1 个热点" in sentences(app)
    assert f"编号 {spots.loc['long', 'hotspot_id']}" in sentences(app)
    assert "件数太少" not in sentences(app), "its parts are scanned, and one of them is hot"
    assert "选定二级分类" in sentences(app)
    finer = open_hotspots(category=LONG.problem[0], category_2="广场噪声")
    assert not cards(finer)
    assert "目前没有超出偶然波动的集中问题" in sentences(finer)
    assert "才能与偶然分开" in sentences(finer)


def test_an_unknown_category_is_noted(open_hotspots):
    app = open_hotspots(category="没有的")
    assert "链接中的一级分类“没有的”不在可选范围内" in sentences(app)
    assert len(cards(app)) == 2


def test_the_list_in_place_of_the_map_month_by_month(open_hotspots, hotspot_home):
    classes = hotspot_city.table(hotspot_home, "class_month").merge(hotspot_city.table(hotspot_home, "problem"), on="problem_id")
    for month, place in ((date(2025, 6, 1), NAMES[OVER.code]), (date(2025, 12, 1), None)):
        app = open_hotspots(classes_as="列表", category=OVER.problem[0], at=words.month(month))
        assert not app.get("deck_gl_json_chart")
        table = shown(app, "诉求量").set_index("街乡镇")
        own = classes[(classes["category_1"] == OVER.problem[0]) & (classes["category_2"] == "") & (classes["month"] == pd.Timestamp(month))]
        assert table["诉求量"].to_dict() == {NAMES[code]: seen for code, seen in zip(own["code"], own["observed"], strict=True)}
        counted = sum(
            row["创建时间"].startswith(f"{month:%Y-%m}") and row["被反映街乡镇"] == "朝外街道" and "占道停车" in row["问题分类"] for row in hotspot_city.rows()
        )
        assert table.loc["朝外街道", "诉求量"] == counted
        assert list(table.index[table["类别"] != words.DASH]) == ([place] if place else [])
        assert f"{words.month(month)}，{OVER.problem[0]}：" in sentences(app)


def test_the_slider_moves_the_map(open_hotspots):
    app = open_hotspots(category=OVER.problem[0])
    assert deck(app)["classes"]["data"]["features"] == []
    app = app.select_slider(key="at").set_value("2025年6月").run()
    assert not app.error
    assert [item["properties"]["code"] for item in deck(app)["classes"]["data"]["features"]] == [OVER.code]
    assert [item["t"][:1] for item in deck(app)["words"]["data"]] != [""]
    assert "2025年6月，停车管理：1 个地区是热点" in sentences(app)


def test_what_is_over_is_listed_on_demand(open_hotspots, spots):
    app = open_hotspots(ended="true")
    assert len(cards(app)) == 3
    assert NAMES[OVER.code] in cards(app)[-1]
    assert "已回落" in cards(app)[-1]
    assert "目前有 2 个热点" in sentences(app), "what is over is no hot spot now"


@pytest.mark.parametrize("query", [{}, {"ended": "true"}])
def test_beyond_the_budget_hot_spots_are_counted_and_not_listed(open_hotspots, monkeypatch, query):
    monkeypatch.setattr(hotspot_loaders, "budget", lambda *_: 1)
    app = open_hotspots(**query)
    assert len(cards(app)) == 1 + len(query)
    assert "目前有 2 个热点" in sentences(app)
    assert "另有 1 个热点低于预算线" in sentences(app)


def test_nothing_found_is_said(open_hotspots, hotspot_home, tmp_path):
    def empty(tables):
        for name in ("hotspot", "step", "course", "driver", "alike", "point"):
            tables[name] = tables[name].head(0)

    home = hotspot_city.altered(hotspot_home, tmp_path, empty)
    app = open_hotspots(home)
    assert not app.error
    assert any("没有超出偶然波动的集中问题" in item.value for item in app.info)
    assert "才能与偶然分开" in sentences(app)
    points = open_hotspots(home, part="点位")
    assert not points.error
    assert "最近八周没有发现异常密集的点位" in sentences(points)


def test_points(open_hotspots, hotspot_home):
    app = open_hotspots(part="点位")
    assert not app.error
    stored = hotspot_city.table(hotspot_home, "point").set_index("code")
    table = shown(app, "点位").set_index("街乡镇")
    assert dict(table["件数"]) == {NAMES[code]: int(seen) for code, seen in stored["observed"].items()}
    assert table.loc[NAMES[LONG.code], "点位"] == "幸福里"
    assert (table.loc["呼家楼街道", "件数"], table.loc["呼家楼街道", "来电人"]) == (8, 2)
    assert table.loc["呼家楼街道", "点位"] == "（来电人不足5个）"
    assert f"最近八周有 {len(stored)} 处点位异常密集，最多的在{NAMES[LONG.code]}：施工噪声 {stored.loc[LONG.code, 'observed']:.0f} 件" in sentences(app)
    assert len(deck(app)["discs"]["data"]) == len(stored)
    narrowed = open_hotspots(part="点位", category=FRESH.problem[0])
    assert "最近八周没有发现异常密集的点位" in sentences(narrowed)
    assert not narrowed.dataframe


def test_units(open_hotspots, hotspot_home):
    app = open_hotspots(part="承办单位", category=LONG.problem[0])
    assert not app.error
    table = shown(app, "承办单位").set_index("承办单位")
    own = [row for row in hotspot_city.rows() if row["创建时间"].startswith("2025-12") and row["问题分类"].startswith(LONG.problem[0])]
    assert table.index.tolist() == ["第1管理处"]
    assert table["件数"].tolist() == [sum(row["承办单位"] == "第1管理处" for row in own)]
    assert "2025年12月：1 组“单位×问题”多于自己的平时" in sentences(app)
    assert f"{len(hotspot_city.UNITS)} 家可比单位" in sentences(app)
    assert "超出上界的 1 家：第1管理处。" in sentences(app)
    counts = sorted(Counter(row["承办单位"] for row in own).values())
    assert f"前五家单位承办了 {words.percent(sum(counts[-5:]) / len(own))}" in sentences(app)
    size = len(hotspot_city.UNITS)
    gini = sum((2 * rank - size - 1) * count for rank, count in enumerate([0] * (size - len(counts)) + counts, 1)) / size / len(own)
    assert f"基尼系数 {gini:.2f}" in sentences(app)


@pytest.mark.parametrize("query", [{}, {"classes_as": "列表"}, {"ended": "true"}, {"part": "点位"}, {"part": "承办单位"}])
def test_nothing_missing_is_written_as_a_computer_writes_it(open_hotspots, query):
    """Nor for the street whose densest point has a problem without a second level."""
    check_screen(open_hotspots(**query), str(query))
    check_screen(open_hotspots(role="街乡镇", unit="呼家楼街道", **query), str(query))


def test_no_read_is_made_twice_and_a_rerun_reads_nothing(open_hotspots, monkeypatch):
    asked: list[tuple[str, tuple[object, ...]]] = []
    plain = focus_reads.fetch

    def note(focus, statement, parameters=()):
        asked.append((statement, tuple(parameters)))
        return plain(focus, statement, parameters)

    monkeypatch.setattr(focus_reads, "fetch", note)
    app = open_hotspots()
    own = [item for item in asked if item[0] != focus_reads.HOTSPOTS]  # every read of one hot spot asks first whether it may be seen
    assert own
    assert [item for item, times in Counter(own).items() if times > 1] == []
    asked.clear()
    app.run()
    assert asked == []


def test_the_tickets_behind_it(open_hotspots, spots):
    row = spots.loc["long"]
    app = open_hotspots(spot=row["hotspot_id"])
    app = app.button(key="hotspot_lines").click().run()
    assert not app.error
    tickets = hotspot_city.tickets(LONG, LONG.first)
    table = shown(app, "工单编号")
    assert set(table["工单编号"]) == {ticket["工单编号"] for ticket in tickets}
    assert table["受理时间"].is_monotonic_decreasing
    assert f"{words.day(LONG.first)}至{words.day(CUTOFF)}共 {row['observed']:.0f} 件，由新到旧。" in sentences(app)


def test_the_cockpit_names_what_is_new(open_hotspots, spots):
    app = open_hotspots(page="")
    (line,) = [item.proto.label for item in app.get("page_link") if item.proto.page == "hotspots"]
    counts = Counter(spots["stage"])
    assert line.startswith(f"重点：热点新增 {counts['new']}、加剧 {counts['worsening']}：")
    assert f"{NAMES[FRESH.code]} · {FRESH.problem[1]}" in line
    assert NAMES[OVER.code] not in line
    assert app.switch_page(PAGE).run().title[0].value == "重点治理"


def test_the_cockpit_lists_what_goes_on_where_nothing_is_new(open_hotspots, hotspot_home, tmp_path):
    home = hotspot_city.altered(hotspot_home, tmp_path, lambda tables: tables["hotspot"].__setitem__("stage", "ongoing"))
    app = open_hotspots(home, page="")
    (line,) = [item.proto.label for item in app.get("page_link") if item.proto.page == "hotspots"]
    assert line.startswith("重点：3 个热点在列：")
    assert line.endswith("等")

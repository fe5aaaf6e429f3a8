"""预警台账: the record of issued warnings and of replays against hand-counted values, and the page as every role."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecasts import track_record
from storage.home import Home
from storage.records.warnings import issue_warnings, score_warnings
from storage.scope import Role, Scope
from tests.ui.test_explorer import REPLAYS, foresight_home, replayed, texts, window
from ui import exports, foresight_loaders, ledger, ledger_figures, ledger_sentences, loaders, words

__all__ = ["foresight_home"]

PAGE = "pages/foresight/ledger.py"
TODAY = date(2025, 11, 20)
ROLES = [words.label(role) for role in Role]
PARENTS = {"110101001": "110101"}


def warning(name: str, start: str, **changes: Any) -> dict[str, Any]:
    said = window(3, start)
    row: dict[str, Any] = {
        "warning_id": name, "level": "district", "place_code": "110101", "category_1": "供暖问题", "category_2": None, "issued_on": date(2025, 6, 1),
        "issued_at": datetime(2025, 6, 2, tzinfo=UTC), "probability": 0.8, "threshold": 130, "due_on": date(2025, 6, 20),
        "owner": "热力集团", "partner": None, "reason": {}, "actions": [], "model": "pooled_counts", "version": "v", "rule": {},
        **{key: float(said[key]) for key in ("expected", "usual", "low_50", "high_50", "low_80", "high_80")},
        **{key: said[key].date() for key in ("window_start", "window_end", "starts_on")},
    }  # fmt: skip
    return row | changes


ISSUED = [
    warning("hit", "2025-06-16"),
    warning("false", "2025-07-14", category_1="占道停车", probability=0.6),
    warning("city", "2025-07-14", level="city", place_code=None, category_2="细类1", issued_on=date(2025, 6, 15)),
    warning("late", "2025-10-20", level="subdistrict", place_code="110101001"),
    warning("open", "2025-12-22", level="district", place_code="110102", owner="市交通委"),
]
CAME = [("hit", 150, True), ("false", 90, False), ("city", 131, True)]


def fill(home: Path, *, scored: bool) -> None:
    issue_warnings(Home(home), pd.DataFrame(ISSUED))
    if scored:
        rows = [{"warning_id": name, "scored_on": date(2025, 8, 15), "count": count, "came_true": came} for name, count, came in CAME]
        score_warnings(Home(home), pd.DataFrame(rows))


def read(scope: Scope | None = None) -> pd.DataFrame:
    return foresight_loaders.warnings(loaders.pin_version(), scope or Scope(Role.PLANNER), TODAY)


def metrics(app) -> dict[str, str]:
    return {item.label: item.value for item in app.metric}


def table_with(app, head: str) -> pd.DataFrame:
    return next(item.value for item in app.dataframe if head in item.value)


# the record of what was issued


def test_only_warnings_that_were_counted_are_scored(foresight_home):
    fill(foresight_home, scored=True)
    track = ledger.issued_track(read(), PARENTS)
    found = track_record.record(track.windows)
    assert (found.hit_count, found.false_count) == (2, 1)
    assert found.precision == pytest.approx(2 / 3)
    # from the day after 1 June to 16 June 14 days, from the day after 15 June to 14 July 28
    assert found.lead_days == pytest.approx((14 + 28) / 2)
    assert track.cutoffs == 2
    assert not track.knows_missed
    assert sorted(zip(track.statements["probability"], track.statements["came_true"], strict=True)) == [(0.6, False), (0.8, True), (0.8, True)]


def test_outcomes_of_issued_warnings(foresight_home):
    fill(foresight_home, scored=True)
    frame = read()
    found = dict(zip(frame["warning_id"], ledger.outcomes(frame, pd.Timestamp(TODAY)), strict=True))
    assert found == {"hit": "hit", "false": "false", "city": "hit", "late": "late", "open": "open"}


def test_the_list_names_places_and_never_says_certain(foresight_home):
    fill(foresight_home, scored=True)
    frame = read().assign(probability=1.0)
    names = {"city": "全市", "110101": "东城区", "110102": "西城区", "110101001": "东华门街道"}
    table = ledger.listed(frame, ledger.outcomes(frame, pd.Timestamp(TODAY)), names)
    assert table["发出"].tolist()[0] == "2025-06-15", "newest first"
    assert table.iloc[0][["问题", "地点", "结果", "实际"]].tolist() == ["细类1", "全市", "● 命中", 131]
    assert set(table["发出时概率"]) == {99}
    assert table["地点"].value_counts().to_dict() == {"东城区": 2, "全市": 1, "东华门街道": 1, "西城区": 1}
    content = exports.csv_bytes(table)
    assert content.startswith(b"\xef\xbb\xbf")
    assert "命中" in content.decode("utf-8-sig")


# the record of replays


def test_a_window_counts_once_by_its_first_warning(foresight_home):
    scope = Scope(Role.PLANNER)
    track = ledger.replayed_track(foresight_loaders.current(loaders.pin_version()), scope)
    found = track_record.record(track.windows)
    assert (found.hit_count, found.false_count, found.missed_count) == (2, 1, 1)
    assert found.lead_days == pytest.approx((42 + 14) / 2)
    assert len(track.windows) == 5
    assert len(track.statements) == len(REPLAYS)
    assert sorted(track.windows["level"]) == ["district"] * 4 + ["subdistrict"]


def test_a_subdistrict_sees_its_own_replays(foresight_home):
    version = foresight_loaders.current(loaders.pin_version())
    assert len(ledger.replayed_track(version, Scope(Role.SUBDISTRICT, "110101001")).windows) == 1
    assert ledger.replayed_track(version, Scope(Role.DEPARTMENT, "热力集团")).windows.empty
    assert ledger.replayed_track(None, Scope(Role.PLANNER)).windows.empty


def test_the_rule_of_last_year():
    """A year is thirteen windows: of four windows of the second year two were busy the year before."""
    first = [replayed(3, day, lead=14, warned=False, came=came) for day, came in (("2024-03-18", True), ("2024-04-15", True), ("2024-05-13", False))]
    second = [
        replayed(3, "2025-03-17", lead=28, warned=True, came=True),
        replayed(3, "2025-04-14", lead=28, warned=False, came=False),
        replayed(3, "2025-05-12", lead=28, warned=True, came=True),
        replayed(3, "2025-06-09", lead=28, warned=True, came=True),  # nothing is known of the year before
    ]
    rule, simple, count = ledger.last_year_rule(pd.DataFrame(first + second))
    assert count == 3
    assert (rule.hit_count, rule.false_count, rule.missed_count) == (2, 0, 0)
    assert (simple.hit_count, simple.false_count, simple.missed_count) == (1, 1, 1)
    text = ledger_sentences.against_last_year(rule, simple, count)
    assert "“去年同期旺就报”查准率 50.0%、查全率 50.0%；本规则查准率 100.0%、查全率 100.0%" in text
    assert ledger_sentences.against_last_year(rule, simple, 0) == ""


def test_records_by_category_with_intervals():
    windows = pd.DataFrame(
        {
            "category_1": ["供暖"] * 4 + ["停车"] * 2 + ["静"],
            "is_warned": [True, True, True, False, True, False, False],
            "came_true": [True, True, False, True, False, False, False],
            "lead_days": [14, 28, 14, 14, 14, 14, 14],
        }
    )
    track = ledger.Track(ledger.REPLAYED, windows, pd.DataFrame(), 3)
    table = ledger.records_table(track, "category_1", {"停车": "占道停车"})
    assert table["分类"].tolist() == ["供暖", "占道停车"], "where nothing was warned of and nothing came there is no record"
    # Wilson 1927 for 2 of 3: (2 + 1.9208) / (3 + 3.8415) -+ 1.96 * sqrt(2/3 + 0.9604) / 6.8415
    assert table.iloc[0].tolist()[1:] == [2, 1, 1, "66.7%", "20.8–93.9%", "66.7%", "3.0"]
    assert table.iloc[1].tolist()[4:] == ["0.0%", "0.0–79.3%", words.DASH, words.DASH]
    issued = ledger.records_table(ledger.Track(ledger.ISSUED, windows[windows["is_warned"]], pd.DataFrame(), 3), "category_1", {})
    assert "漏报" not in issued
    assert "查全率" not in issued


# calibration


def calibrated() -> pd.DataFrame:
    return track_record.calibration(np.array([0.8] * 100 + [0.05] * 100), np.array([True] * 79 + [False] * 21 + [True] * 30 + [False] * 70))


def test_calibration_says_where_words_do_not_hold():
    text = ledger_sentences.calibration(calibrated(), is_replayed=True)
    assert text.startswith("说有约 80% 可能的 100 条里，实际发生 79%。")
    assert "说 5.0% 的实际 30.0%（说低了）" in text
    assert "说 80.0%" not in text, "0.79 is within its interval"


def test_the_figure_shows_said_against_came_with_its_twin():
    frame = calibrated()
    figure = ledger_figures.calibration_figure(frame)
    diagonal, dots = figure.data
    assert list(diagonal.x) == list(diagonal.y) == [0, 100]
    assert list(dots.x) == pytest.approx([5, 80])
    assert list(dots.y) == pytest.approx([30, 79])
    assert list(dots.error_y.array) == pytest.approx([100 * (frame["came_high"][row] - frame["came"][row]) for row in (0, 1)])
    assert list(dots.error_y.arrayminus) == pytest.approx([100 * (frame["came"][row] - frame["came_low"][row]) for row in (0, 1)])
    assert list(dots.text) == ["100", "100"]
    table = ledger_figures.calibration_table(frame)
    assert table["说的可能"].tolist() == ["0–10%", "70–90%"]
    assert table["实际转旺"].tolist() == ["30.0%", "79.0%"]


# sentences


def test_verdicts():
    record = track_record.Record(8, 2, 8, 56.0)
    assert ledger_sentences.verdict(record, is_replayed=True) == "每 10 条预警约 8 条成真；每 10 个旺的窗口报出约 5 个，平均提前 8.0 周。"
    assert ledger_sentences.verdict(record, is_replayed=False) == "每 10 条预警约 8 条成真，平均提前 8.0 周。"
    nothing = track_record.Record(0, 0, 0, float("nan"))
    assert ledger_sentences.verdict(nothing, is_replayed=True) == "还没有可以评分的预警。"
    assert "规则没有报过；其间有 4 个窗口转旺" in ledger_sentences.verdict(track_record.Record(0, 0, 4, float("nan")), is_replayed=True)


# the page


@pytest.mark.parametrize("role", ROLES)
def test_every_role(open_page, foresight_home, role):
    fill(foresight_home, scored=True)
    app = open_page(PAGE, home=foresight_home, role=role)
    assert not app.exception
    assert not app.error, [item.value for item in app.error]
    assert app.title[0].value == "预警台账"


def test_scored_warnings_come_first(open_page, foresight_home):
    fill(foresight_home, scored=True)
    app = open_page(PAGE, home=foresight_home, role="规划专班", calibration_as="列表")
    assert metrics(app) == {"命中": "2", "误报": "1", "漏报": words.DASH, "查准率": "66.7%", "查全率": words.DASH, "平均提前": "3.0 周"}
    text = texts(app)
    assert "只有回放知道没报的窗口" in text
    assert "已发布并已到期的 3 条评分" in text
    assert "共发布 5 条：● 命中 2，△ 误报 1，○ 未到期 1，◌ 待计数 1" in text
    assert table_with(app, "平均说")["条数"].sum() == 3
    assert len(table_with(app, "主责")) == 5


def test_without_scores_replays_are_shown_and_said_to_be(open_page, foresight_home):
    fill(foresight_home, scored=False)
    app = open_page(PAGE, home=foresight_home, role="规划专班")
    assert metrics(app) == {"命中": "2", "误报": "1", "漏报": "1", "查准率": "66.7%", "查全率": "66.7%", "平均提前": "4.0 周"}
    cutoffs = len({row["cutoff"] for row in REPLAYS})
    assert f"已发布的预警还没有到期的。以下为同一规则在过去 {cutoffs} 个时点的回放" in texts(app)
    issued = open_page(PAGE, home=foresight_home, role="规划专班", track="已发布")
    assert "已发布 5 条，都还没有到期；最早的窗口到 2025年7月13日结束" in texts(issued)
    assert not metrics(issued)


def test_the_list_by_outcome(open_page, foresight_home):
    fill(foresight_home, scored=True)
    app = open_page(PAGE, home=foresight_home, role="规划专班")
    shown = app.button_group(key="outcome").set_value("false").run()
    table = table_with(shown, "主责")
    assert set(table["结果"]) == {"△ 误报"}


def test_bound_roles_see_their_own(open_page, foresight_home):
    fill(foresight_home, scored=True)
    district = open_page(PAGE, home=foresight_home, role="区", unit="110102")
    assert table_with(district, "主责")["地点"].tolist() == ["全市", "西城区"]
    department = open_page(PAGE, home=foresight_home, role="委办局", unit="市交通委")
    assert table_with(department, "主责")["地点"].tolist() == ["西城区"]
    assert "回放按地区和分类进行，不分承办单位" in texts(open_page(PAGE, home=foresight_home, role="委办局", unit="市交通委", track="历史回放"))


def test_before_the_first_foresight(open_page):
    app = open_page(PAGE, role="规划专班")
    assert app.info[0].value == "预测正在生成或尚未生成：python manage.py foresee"

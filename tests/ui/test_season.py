"""前瞻治理: cards from the ledger's rows, their sentences, the strip of the year, and what each role may do."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from forecasts.track_record import Record
from storage.records.warning_stages import DeedKind, Stage
from storage.scope import Role, Scope
from ui import loaders, season_actions, season_figures, season_flags, season_tables
from ui import season_sentences as said

TODAY = date(2026, 11, 21)
PLACES = pd.DataFrame({"level": ["district"], "code": ["110105"], "name": ["朝阳区"], "parent_code": [None]})
NOBODY = pd.DataFrame({"level": [], "district": [], "subdistrict": [], "category_1": [], "category_2": [], "window_start": []})


def row(number: int, start: str, **changes):
    begin = pd.Timestamp(start)
    made = {
        "warning_id": f"w{number}", "level": "city", "place_code": None, "category_1": "公共服务", "category_2": "供暖", "window_start": begin,
        "window_end": begin + pd.Timedelta(days=27), "starts_on": begin, "issued_on": TODAY, "due_on": begin - pd.Timedelta(days=7),
        "stage": str(Stage.PROPOSED),
        "stated_probability": 0.97, "stated_expected": 4259.0, "usual": 1647.0, "low_80": 3859.0, "high_80": 4668.0, "threshold": 2142, "owner_now": "热力集团",
        "partner": None, "reason": {"season": 0.804, "calendar": 0.153, "city": 0.04, "own": 0.003}, "actions": ["检修"], "is_overdue": False,
        "is_snoozed": False, "snoozed_until": pd.NaT, "scored_on": pd.NaT, "count": np.nan, "came_true": None,
    }  # fmt: skip
    return made | changes


@pytest.fixture(autouse=True)
def places(monkeypatch):
    monkeypatch.setattr(loaders, "place_register", lambda _version: PLACES)


def cards(*rows, running=NOBODY):
    return season_flags.cards(pd.DataFrame(list(rows)), "v", running, TODAY, 0.35)


def test_windows_that_follow_each_other_are_one_card():
    found = cards(row(1, "2026-12-21"), row(2, "2027-01-18"), row(3, "2027-03-15"), row(4, "2026-12-21", level="district", place_code="110105"))
    assert [card.warning_ids for card in found if card.warning["level"] == "city"] == [("w1", "w2"), ("w3",)]
    first = next(card for card in found if card.key == "w1")
    assert (first.place, first.problem, first.ends_on) == ("全市", "供暖（公共服务）", date(2027, 2, 14))
    assert next(card for card in found if card.key == "w4").place == "朝阳区"


def test_a_settled_window_is_a_card_of_its_own_and_leaves_the_list():
    found = cards(row(1, "2026-10-26", stage=str(Stage.SCORED)), row(2, "2026-12-21"))
    shown, more = season_flags.ranked(found, "city", 5, whole=False)
    assert [card.key for card in shown] == ["w2"]
    assert more == 0
    assert [card.key for card in season_flags.to_review(found, "city")] == ["w1"]


@pytest.mark.parametrize(
    ("changes", "news"),
    [({}, "new"), ({"issued_on": date(2026, 11, 1)}, "ongoing"), ({"issued_on": date(2026, 11, 1), "stated_probability": 0.3}, "easing")],
)
def test_news(changes, news):
    assert cards(row(1, "2026-12-21", **changes))[0].news == news


def test_the_budget_keeps_those_worth_most_in_the_order_they_begin():
    rows = [
        row(number, "2026-12-21", category_2=f"c{number}", stated_expected=1700.0 + 100 * number, starts_on=pd.Timestamp(2026, 12, 28 - number))
        for number in range(6)
    ]
    shown, more = season_flags.ranked(cards(*rows), "city", 2, whole=False)
    assert [card.key for card in shown] == ["w5", "w4"]
    assert more == 4
    assert len(season_flags.ranked(cards(*rows), "city", 2, whole=True)[0]) == 6


def test_a_season_that_has_begun_says_so():
    running = pd.DataFrame(
        {"level": ["category_2"], "district": [None], "subdistrict": [None], "category_1": ["公共服务"], "category_2": ["供暖"], "window_start": ["2026-11-23"]}
    )
    card = cards(row(1, "2026-12-21"), running=running)[0]
    assert card.has_begun
    assert said.when(card, TODAY) == "旺季已到，将持续至2027年1月17日"
    assert said.when(cards(row(1, "2026-12-21"))[0], TODAY) == "2026年12月21日起（还有4周）"


def test_the_three_lines():
    card = cards(row(1, "2026-12-21"))[0]
    assert said.expected(card) == "预计四周 4,259 件，平时 1,647 件；10 次里约 8 次落在 3,859–4,668 件。转旺几乎肯定（97%）。"
    assert said.why(card) == "多出的部分来自：季节 81%、日历 15%、大类趋势 4%。"
    assert said.past(Record(5, 1, 2, 70.0), True) == "回放过去：同一问题预警 6 次，命中 5 次，漏报 2 次，平均提前 10 周。"
    assert said.past(Record(0, 0, 3, float("nan")), False) == "历史上这条规则没有对它发过预警，无命中记录。"


@pytest.mark.parametrize(
    "shares", [{"season": 1 / 3, "calendar": 1 / 3, "city": 1 / 3, "own": 0.0}, {"season": 1.3, "calendar": -0.304, "city": 0.002, "own": 0.002}]
)
def test_shown_shares_add_up_to_a_hundred(shares):
    assert sum(said._whole_percents(shares).values()) == 100


@pytest.mark.parametrize(
    ("probability", "text"), [(0.999, "几乎肯定（超过99%）"), (0.75, "很可能（75%）"), (0.5, "可能（50%）"), (0.005, "不太可能（不到1%）")]
)
def test_probabilities_as_words(probability, text):
    assert said.likely(probability) == text


def test_the_strip_shows_the_highest_peaks_from_the_week_of_today_on():
    weeks = np.arange(52)
    profiles = pd.concat(
        [pd.DataFrame({"series_id": number, "week": weeks, "ratio": np.where(weeks == peak, 3.0, 0.96)}) for number, peak in ((1, 46), (2, 10), (3, 30))]
    )
    seasons = pd.DataFrame(
        {
            "series_id": [1, 2, 3],
            "is_seasonal": [True, True, False],
            "peak_ratio": [2.0, 3.0, 1.0],
            "onset_week": [45.0, 9.0, np.nan],
            "name": ["供暖", "飞絮", "停车"],
        }
    )
    rows = season_figures.strip_rows(seasons, profiles, TODAY, "name")
    assert rows.names == ["飞絮", "供暖"]
    assert rows.seasonal_count == 2
    assert rows.weeks[4] == date(2026, 11, 16)
    assert rows.weeks[int(rows.ratios[1].argmax())].isocalendar().week == 47
    assert rows.onsets == [date(2027, 3, 5), date(2027, 11, 12)]
    assert season_tables.strip_sentence(rows).endswith("飞絮（3月5日前后）、供暖（11月12日前后）。")


@pytest.mark.parametrize(
    ("role", "stage", "first"),
    [
        (Role.PLANNER, Stage.PROPOSED, DeedKind.VERIFY),
        (Role.PLANNER, Stage.VERIFIED, DeedKind.ACKNOWLEDGE),
        (Role.PLANNER, Stage.ASSIGNED, DeedKind.PLAN_READY),
        (Role.PLANNER, Stage.SCORED, DeedKind.REVIEW),
        (Role.DISTRICT, Stage.PROPOSED, DeedKind.ACKNOWLEDGE),
    ],
)
def test_the_next_step_is_offered_first(role, stage, first):
    view = SimpleNamespace(scope=Scope(role, "110105" if role is Role.DISTRICT else None))
    offered = season_actions._offered(view, cards(row(1, "2026-12-21", stage=str(stage)))[0])
    assert offered[0] is first
    assert (DeedKind.VERIFY in offered) == (role is Role.PLANNER and stage is not Stage.SCORED)


def test_a_district_reviews_nothing():
    view = SimpleNamespace(scope=Scope(Role.DISTRICT, "110105"))
    assert season_actions._offered(view, cards(row(1, "2026-10-26", stage=str(Stage.SCORED)))[0]) == []

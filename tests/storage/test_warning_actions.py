"""What people do about warnings: by whom it may be done and when, and how far it brings a warning."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.home import Home
from storage.records.aliases import RecordError
from storage.records.audit import read_audit
from storage.records.warning_actions import WarningDeed, act_on_warning
from storage.records.warning_stages import STAGE_LABELS, DeedKind, Stage, Standing, is_overdue, stage_of, standing_of
from storage.records.warnings import read_actions, read_warnings, score_warnings
from storage.scope import BOUND_ROLES, Role, Scope
from tests.storage.warning_rows import (
    ACKNOWLEDGE,
    ADMIN,
    AFTER,
    ASSIGN,
    DISTRICT,
    END,
    HEATING,
    ID,
    LEADER,
    LEDGER,
    MONDAY,
    PLACES,
    PLAN_READY,
    PLANNER,
    REVIEW,
    SNOOZE,
    START,
    STREET,
    VERIFY,
    WAKE,
    day,
    issue,
    one,
    outcome,
    subjects,
    warning,
)

# Who may do what, and when


def test_the_new_owner_sees_and_acts_and_the_old_one_only_sees(either: Home) -> None:
    issue(either)
    new = Scope(Role.DEPARTMENT, "热力集团")
    assert read_warnings(either, new, today=MONDAY).empty
    act_on_warning(either, PLANNER, ASSIGN)
    assert one(either, scope=new)["owner_now"] == "热力集团"
    act_on_warning(either, new, ACKNOWLEDGE)
    act_on_warning(either, Scope(Role.DEPARTMENT, "城管委"), ACKNOWLEDGE)
    assert one(either, scope=HEATING)[["owner", "owner_now"]].tolist() == ["供热办", "热力集团"]
    with pytest.raises(RecordError, match="已改派给“热力集团”"):
        act_on_warning(either, HEATING, ACKNOWLEDGE)
    act_on_warning(either, PLANNER, replace(ASSIGN, value="燃气办"))
    assert read_warnings(either, new, today=MONDAY).empty


STEERING = [VERIFY, ASSIGN]
HANDLING = [ACKNOWLEDGE, SNOOZE, WAKE]


@pytest.mark.parametrize("scope", [LEADER, PLANNER, ADMIN, DISTRICT, HEATING])
@pytest.mark.parametrize("what", [*STEERING, *HANDLING], ids=lambda item: item.kind.value)
def test_who_may_do_what(either: Home, scope: Scope, what: WarningDeed) -> None:
    issue(either)
    if scope.role in BOUND_ROLES and what in STEERING:
        with pytest.raises(RecordError, match="由市领导、规划专班或管理员办理"):
            act_on_warning(either, scope, what, places=PLACES)
        assert subjects(either) == []
        assert read_actions(either, LEADER, ID).empty
    else:
        act_on_warning(either, scope, what, places=PLACES)
        assert subjects(either) == [f"warning.{what.kind}"]
        kept = read_actions(either, LEADER, ID).iloc[0]
        assert kept[["acted_by", "kind", "value", "reason"]].tolist() == [what.acted_by, what.kind, what.value, what.reason]
        assert kept["acted_on"].date() == what.acted_on
        assert (None if pd.isna(kept["until"]) else kept["until"].date()) == what.until
        assert abs(datetime.now(UTC) - kept["acted_at"]) < timedelta(minutes=5)


@pytest.mark.parametrize(
    ("scope", "warning_id", "said"),
    [
        (DISTRICT, "street", None),
        (STREET, "street", None),
        (DISTRICT, "city", "全市的预警"),
        (STREET, "city", "全市的预警"),
        (STREET, "own", "不在您的范围内"),
        (DISTRICT, "other", "不在您的范围内"),
        (HEATING, "other", None),
        (HEATING, "street", "不在您的范围内"),
    ],
)
def test_one_acts_for_ones_own_place(either: Home, scope: Scope, warning_id: str, said: str | None) -> None:
    issue(either, *LEDGER)
    what = replace(ACKNOWLEDGE, warning_id=warning_id)
    if said is None:
        act_on_warning(either, scope, what, places=PLACES)
    else:
        with pytest.raises(RecordError, match=said):
            act_on_warning(either, scope, what, places=PLACES)
    assert len(subjects(either)) == (said is None)


REFUSED = [
    (replace(VERIFY, warning_id="无此预警"), "没有“无此预警”"),
    (replace(VERIFY, acted_by=" "), "办理人姓名有0个字, 应为1至200个字"),
    (replace(VERIFY, acted_by="长" * 201), "办理人姓名有201个字"),
    (replace(VERIFY, value="maybe"), "“maybe”不在可选范围内, 只能是属实、误报、数据问题"),
    (replace(VERIFY, value="false"), "研判为误报时没有写理由"),
    (replace(VERIFY, value="data", reason=" "), "研判为数据问题时没有写理由"),
    (replace(VERIFY, reason="长" * 501), "填写了501个字, 内容和理由各不超过500个字"),
    (replace(VERIFY, until=day(5)), "研判填写了截止日期"),
    (replace(ASSIGN, value=" "), "主责单位名称填写了0个字, 应为1至200个字"),
    (replace(ASSIGN, value="长" * 201), "主责单位名称填写了201个字"),
    (replace(ACKNOWLEDGE, value=" 三个字 "), "措施填写了3个字, 应为4至500个字"),
    (replace(ACKNOWLEDGE, value="长" * 501), "填写了501个字"),
    (replace(PLAN_READY, value=""), "预案内容或存放位置填写了0个字"),
    (PLAN_READY, "还没有确认和填写措施"),
    (replace(SNOOZE, reason=""), "暂缓没有写理由"),
    (replace(SNOOZE, until=None), "暂缓没有填写截止日期"),
    (replace(SNOOZE, until=SNOOZE.acted_on), "暂缓至2026-11-17不可用; 应晚于今天"),
    (replace(SNOOZE, until=AFTER), "不晚于窗口期末日2027-01-03"),
    (REVIEW, "还没有计分, 不能复盘; 窗口期到2027-01-03结束"),
    (replace(REVIEW, value="true"), "“true”不在可选范围内, 只能是命中、落空、避免"),
]


@pytest.mark.parametrize(("what", "said"), REFUSED)
def test_what_is_not_allowed_is_refused_in_a_sentence(either: Home, what: WarningDeed, said: str) -> None:
    issue(either)
    with pytest.raises(RecordError, match=said) as caught:
        act_on_warning(either, PLANNER, what)
    assert str(caught.value).endswith("。")
    assert subjects(either) == []
    assert read_actions(either, LEADER, ID).empty


@pytest.mark.parametrize("what", [VERIFY, ASSIGN, ACKNOWLEDGE, PLAN_READY, SNOOZE, WAKE], ids=lambda item: item.kind.value)
def test_after_the_score_there_is_only_review(either: Home, what: WarningDeed) -> None:
    issue(either)
    act_on_warning(either, PLANNER, ACKNOWLEDGE)
    score_warnings(either, outcome())
    with pytest.raises(RecordError, match=r"已于2027-01-04计分, .*只能复盘"):
        act_on_warning(either, PLANNER, what)
    with pytest.raises(RecordError, match="复盘由市领导、规划专班或管理员办理"):
        act_on_warning(either, HEATING, REVIEW)
    act_on_warning(either, PLANNER, REVIEW)
    assert one(either, AFTER)["stage"] == "reviewed"


@pytest.mark.parametrize(("is_acted_on", "came_true", "said"), [(False, False, "没有采取措施的记录"), (True, True, "实际来了90件"), (True, False, None)])
def test_avoided_needs_measures_and_that_it_did_not_come(either: Home, is_acted_on: bool, came_true: bool, said: str | None) -> None:
    issue(either)
    if is_acted_on:
        act_on_warning(either, PLANNER, ACKNOWLEDGE)
    score_warnings(either, outcome(came_true=came_true))
    if said is None:
        act_on_warning(either, PLANNER, replace(REVIEW, value="avoided"))
    else:
        with pytest.raises(RecordError, match=said):
            act_on_warning(either, PLANNER, replace(REVIEW, value="avoided"))
    assert (one(either, AFTER)["stage"] == "reviewed") == (said is None)


def test_edges_that_are_allowed(either: Home) -> None:
    issue(either)
    act_on_warning(either, PLANNER, replace(ACKNOWLEDGE, value="四个字了", reason="长" * 500))
    act_on_warning(either, PLANNER, replace(ACKNOWLEDGE, value="长" * 500))
    act_on_warning(either, PLANNER, replace(SNOOZE, until=day(2)))
    act_on_warning(either, PLANNER, replace(SNOOZE, until=END))
    assert read_actions(either, LEADER, ID)["value"].str.len().tolist() == [0, 0, 500, 4]
    # the audit keeps the beginning, as its column is narrower
    assert read_audit(either, ADMIN, "warning").loc[lambda rows: rows["subject"] == "warning.acknowledge", "new"].str.len().tolist() == [200, 4]


def test_the_audit_says_from_what_to_what(either: Home) -> None:
    issue(either)
    deeds = [VERIFY, replace(VERIFY, value="data", reason="漏了一周"), ASSIGN, replace(ASSIGN, value="燃气办"), SNOOZE, WAKE]
    for what in deeds:
        act_on_warning(either, PLANNER, what)
    table = read_audit(either, ADMIN, "warning")
    assert set(table["label"]) == {ID}
    assert table[["subject", "old", "new", "reason"]].astype(object).where(table.notna(), None).to_numpy().tolist()[::-1] == [
        ["warning.verify", None, "true", ""],
        ["warning.verify", "true", "data", "漏了一周"],
        ["warning.assign", "供热办", "热力集团", ""],
        ["warning.assign", "热力集团", "燃气办", ""],
        ["warning.snooze", None, "2026-11-26", "等待供暖试水"],
        ["warning.wake", "2026-11-26", None, ""],
    ]
    assert read_actions(either, LEADER, ID)["kind"].tolist() == [what.kind.value for what in reversed(deeds)]


# How far it has come


def test_the_whole_life_of_a_warning(either: Home) -> None:
    issue(either)
    seen = [step(either, MONDAY)]
    for what in (VERIFY, ACKNOWLEDGE, PLAN_READY):
        act_on_warning(either, PLANNER, what)
        seen.append(step(either, day(1)))
    seen += [step(either, START), step(either, AFTER)]
    score_warnings(either, outcome())
    seen.append(step(either, AFTER))
    act_on_warning(either, PLANNER, replace(REVIEW, value="avoided"))
    seen.append(step(either, AFTER))
    assert seen == [
        ("proposed", "待研判", False),
        ("verified", "属实待派", False),
        ("assigned", "已派", False),
        ("ready", "预案就绪", False),
        ("window", "窗口期", False),
        ("window", "窗口期", False),
        ("scored", "待复盘", False),
        ("reviewed", "已复盘", False),
    ]


def step(home: Home, today: date) -> tuple[str, str, bool]:
    found = one(home, today)
    return found["stage"], found["label"], found["is_overdue"]


def test_a_rejected_warning_stays_out_of_its_window_until_thought_over(either: Home) -> None:
    issue(either)
    act_on_warning(either, PLANNER, replace(VERIFY, value="false", reason="活动取消"))
    assert step(either, START) == ("rejected", "误报/数据问题", False)
    act_on_warning(either, PLANNER, VERIFY)
    assert step(either, START) == ("window", "窗口期", True)
    assert step(either, START - timedelta(days=1)) == ("verified", "属实待派", False)


def test_a_snooze_ends_by_itself_or_is_taken_back(either: Home) -> None:
    issue(either)
    assert pd.isna(one(either)["snoozed_until"])
    act_on_warning(either, HEATING, SNOOZE)
    assert one(either)["snoozed_until"].date() == day(10)
    assert [bool(one(either, today)["is_snoozed"]) for today in (day(1), day(10), day(11))] == [True, True, False]
    act_on_warning(either, HEATING, WAKE)
    assert pd.isna(one(either)["snoozed_until"])
    assert not one(either, day(1))["is_snoozed"]
    act_on_warning(either, HEATING, replace(SNOOZE, until=day(12)))
    assert one(either, day(12))["is_snoozed"]


@pytest.mark.parametrize(("issued", "last_day"), [(0, 2), (3, 7), (4, 8), (5, 8), (6, 8)], ids=["Monday", "Thursday", "Friday", "Saturday", "Sunday"])
def test_triage_is_counted_in_working_days(either: Home, issued: int, last_day: int) -> None:
    issue(either, warning(issued_on=day(issued)))
    assert not one(either, day(last_day))["is_overdue"]
    assert one(either, day(last_day + 1))["is_overdue"]
    assert not read_warnings(either, LEADER, today=day(last_day + 1), triage_days=3)["is_overdue"].any()


def test_every_stage_has_a_label() -> None:
    assert set(STAGE_LABELS) == set(Stage)


VALUES = {DeedKind.VERIFY: ["true", "false", "data"], DeedKind.REVIEW: ["hit", "missed", "avoided"]}
DEEDS = st.lists(
    st.sampled_from(list(DeedKind)).flatmap(lambda kind: st.tuples(st.just(kind.value), st.sampled_from(VALUES.get(kind, ["甲", "乙"])), st.just(day(9))))
)


def newest(deeds: list[tuple[str, str, date]], *kinds: str) -> tuple[str, str, date] | None:
    return next((item for item in reversed(deeds) if item[0] in kinds), None)


@given(deeds=DEEDS, later=st.integers(0, 60), is_scored=st.booleans())
def test_stage_agrees_with_its_definition(deeds: list[tuple[str, str, date]], later: int, is_scored: bool) -> None:
    """Told once more by looking back for the newest deed of a kind."""
    standing, today = standing_of(deeds), day(later)
    stage = stage_of(standing, START, today, is_scored=is_scored)
    verdict, snooze, owner = newest(deeds, "verify"), newest(deeds, "snooze", "wake"), newest(deeds, "assign")
    expected = "proposed"
    for name, holds in [
        ("verified", verdict is not None and verdict[1] == "true"),
        ("assigned", newest(deeds, "acknowledge") is not None),
        ("ready", newest(deeds, "plan_ready") is not None),
        ("window", today >= START),
        ("rejected", verdict is not None and verdict[1] != "true"),
        ("scored", is_scored),
        ("reviewed", is_scored and newest(deeds, "review") is not None),
    ]:
        expected = name if holds else expected
    assert stage.value == expected
    assert standing.snoozed_until == (snooze[2] if snooze is not None and snooze[0] == "snooze" else None)
    assert standing.owner == (owner[1] if owner else None)
    assert not (is_overdue(standing, stage, MONDAY, START, today) and stage in {Stage.REJECTED, Stage.SCORED, Stage.REVIEWED})
    if stage is Stage.WINDOW:
        assert is_overdue(standing, stage, MONDAY, START, today) != standing.is_ready


def test_nothing_done_is_nothing() -> None:
    assert standing_of([]) == Standing()

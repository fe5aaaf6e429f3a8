"""The case of a watched street: every pair of lanes, every role, everything that a move needs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest

from governance.case_stages import LANE_NAMES, MOVES, Lane, Move, Need, lane_after, next_lanes, refusal

DAY = date(2026, 6, 3)
ROLES = ("rule", "leader", "planner", "department", "district", "subdistrict", "admin")
W, A, E, T, F, X, S = Lane
ALLOWED = {
    None: {W: "rp", A: "rp", E: "rp"},
    W: {A: "rp", E: "rp", X: "rp"},
    A: {W: "rp", E: "rp", X: "rp"},
    E: {T: "p", X: "p"},
    T: {F: "pd"},
    F: {T: "p", X: "p"},
    X: {W: "rp", A: "rp", E: "rp", S: "pd"},
    S: {W: "rp", A: "rp", E: "rp"},
}
"""Who may move a case where: r the rule, p the planner, d the district."""

LETTERS = {"r": "rule", "p": "planner", "d": "district"}


def full(origin: Lane | None, target: Lane, role: str = "planner") -> Move:
    return Move(origin, target, role, DAY, reason="连续三个月前十", evidence="2026年5月名单", deadline=date(2026, 6, 10))


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("target", list(Lane))
@pytest.mark.parametrize("origin", [None, *Lane])
def test_every_move_by_every_role(origin: Lane | None, target: Lane, role: str) -> None:
    """With everything written down, exactly the moves of the table by exactly its roles."""
    may = role in {LETTERS[letter] for letter in ALLOWED[origin].get(target, "")}
    assert (refusal(full(origin, target, role)) == "") is may
    assert (target in next_lanes(origin, role)) is may


NEEDED = {
    (None, W): {Need.EVIDENCE},
    (A, E): {Need.EVIDENCE},
    (W, X): {Need.REASON, Need.EVIDENCE},
    (E, X): {Need.REASON, Need.EVIDENCE},
    (E, T): {Need.REASON, Need.EVIDENCE, Need.DEADLINE},
    (T, F): {Need.EVIDENCE, Need.DEADLINE},
    (F, T): {Need.REASON, Need.EVIDENCE, Need.DEADLINE},
    (F, X): {Need.REASON, Need.EVIDENCE},
    (X, S): {Need.EVIDENCE, Need.DEADLINE},
}


@pytest.mark.parametrize(("lanes", "needs"), NEEDED.items())
def test_what_is_missing_is_named(lanes: tuple[Lane | None, Lane], needs: set[Need]) -> None:
    """Each need by itself; what is not needed may be absent."""
    move = full(*lanes)
    absent = {Need.REASON: {"reason": "  "}, Need.EVIDENCE: {"evidence": ""}, Need.DEADLINE: {"deadline": None}}
    names = {Need.REASON: "理由", Need.EVIDENCE: "依据", Need.DEADLINE: "期限"}
    for need in Need:
        said = refusal(replace(move, **absent[need]))
        assert (f"须写明{names[need]},现在空缺" in said) is (need in needs)
        assert bool(said) is (need in needs)


@pytest.mark.parametrize(
    ("move", "last_on", "said"),
    [
        (full(W, T), None, "不能从“关注”转到“约谈”;从“关注”可转到“预警”、“进入”、“退出”"),
        (full(None, S), None, "不能从“立案”转到“帮扶”;从“立案”可转到“关注”、“预警”、“进入”"),
        (full(E, T, "subdistrict"), None, "从“进入”转到“约谈”不能由街乡镇作出;可由规划专班作出"),
        (full(W, A, "stranger"), None, "从“关注”转到“预警”不能由stranger作出;可由规则引擎、规划专班作出"),
        (replace(full(E, T), reason="", deadline=None), None, "从“进入”转到“约谈”须写明理由、期限,现在空缺"),
        (full(E, T), date(2026, 6, 4), "从“进入”转到“约谈”的日期 2026-06-03 早于上一步的 2026-06-04;应不早于上一步"),
        (replace(full(E, T), deadline=date(2026, 6, 2)), None, "从“进入”转到“约谈”的期限 2026-06-02 早于当日 2026-06-03;应不早于当日"),
        (replace(full(E, T), deadline=DAY), DAY, ""),
    ],
)
def test_sentences(move: Move, last_on: date | None, said: str) -> None:
    assert refusal(move, last_on) == said


WAY = [None, W, A, E, T, F, X, S, E]


def walk(lanes: list[Lane | None]) -> list[Move]:
    return [full(origin, target) for origin, target in pairwise(lanes) if target is not None]


def test_the_whole_way_and_open_again() -> None:
    """From watched to supported, and listed once more."""
    moves = walk(WAY)
    assert [lane_after(moves[:count]) for count in range(len(moves) + 1)] == WAY


def test_a_broken_way_says_at_which_step() -> None:
    moves = walk(WAY)
    with pytest.raises(ValueError, match="第 2 步从“预警”出发,而案卷当时在“关注”;各步应首尾相接"):
        lane_after([moves[0], *moves[2:]])
    with pytest.raises(ValueError, match="第 3 步:从“预警”转到“进入”的日期 2026-06-02 早于上一步的 2026-06-03"):
        lane_after([*moves[:2], replace(moves[2], on=date(2026, 6, 2))])
    with pytest.raises(ValueError, match="第 1 步:不能从“立案”转到“约谈”"):
        lane_after([full(None, T)])


def test_no_lane_is_a_dead_end_or_out_of_reach() -> None:
    assert {target for _origin, target in MOVES} == set(Lane)
    assert {origin for origin, _target in MOVES} == {None, *Lane}
    assert list(LANE_NAMES.values()) == ["关注", "预警", "进入", "约谈", "跟踪", "退出", "帮扶"]

"""The case of a watched street (未进先治): its lanes from 关注 to 帮扶, who may move it from one to the next, and what must be written down when they do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

__all__ = ["LANE_NAMES", "MOVES", "Lane", "Move", "Need", "Passage", "lane_after", "next_lanes", "refusal"]

RULE = "rule"
"""The role of the engine itself, which moves a case by numbers alone and never beyond the first ten."""

PLANNER, DISTRICT = "planner", "district"


class Lane(StrEnum):
    """How far the case of a street has come."""

    WATCH = "watch"
    ALERT = "alert"
    ENTERED = "entered"
    TALK = "talk"
    FOLLOW_UP = "follow_up"
    EXIT = "exit"
    SUPPORT = "support"


class Need(StrEnum):
    """What must be written down with a move, beside who and when."""

    REASON = "reason"
    EVIDENCE = "evidence"
    DEADLINE = "deadline"


LANE_NAMES: dict[Lane, str] = {
    Lane.WATCH: "关注",
    Lane.ALERT: "预警",
    Lane.ENTERED: "进入",
    Lane.TALK: "约谈",
    Lane.FOLLOW_UP: "跟踪",
    Lane.EXIT: "退出",
    Lane.SUPPORT: "帮扶",
}
NEED_NAMES = {Need.REASON: "理由", Need.EVIDENCE: "依据", Need.DEADLINE: "期限"}
ROLE_NAMES = {
    RULE: "规则引擎",
    "leader": "市领导",
    PLANNER: "规划专班",
    "department": "委办局",
    DISTRICT: "区",
    "subdistrict": "街乡镇",
    "admin": "管理员",
}
OPENING = "立案"


@dataclass(frozen=True, slots=True)
class Passage:
    """An allowed move: the roles that may make it and what it needs."""

    roles: frozenset[str]
    needs: frozenset[Need]


@dataclass(frozen=True, slots=True)
class Move:
    """One move of a case.

    Attributes
    ----------
    origin
        The lane it leaves; None where the case is opened.
    role
        Who makes it, as a role of the scope, or "rule" for the engine.
    on
        The day it is made.
    evidence
        What it rests on: the frozen list, the record of the talk, the plan, the report.
    deadline
        Day by which what the new lane asks for is due: the talk held, the plan carried out, the support ended.
    """

    origin: Lane | None
    target: Lane
    role: str
    on: date
    reason: str = ""
    evidence: str = ""
    deadline: date | None = None


def _passage(roles: Iterable[str], *needs: Need) -> Passage:
    return Passage(frozenset(roles), frozenset(needs))


_BY_NUMBERS = _passage((RULE, PLANNER), Need.EVIDENCE)
_LIFTED = _passage((RULE, PLANNER), Need.REASON, Need.EVIDENCE)
_CORRECTED = _passage((PLANNER,), Need.REASON, Need.EVIDENCE)
_TIMED = _passage((PLANNER,), Need.REASON, Need.EVIDENCE, Need.DEADLINE)
_LOOKED_AFTER = _passage((PLANNER, DISTRICT), Need.EVIDENCE, Need.DEADLINE)
_NUMBERED = (Lane.WATCH, Lane.ALERT, Lane.ENTERED)
_REOPENED = (None, Lane.EXIT, Lane.SUPPORT)

MOVES: dict[tuple[Lane | None, Lane], Passage] = {
    **{(origin, target): _BY_NUMBERS for origin in _REOPENED for target in _NUMBERED},
    (Lane.WATCH, Lane.ALERT): _BY_NUMBERS,
    (Lane.ALERT, Lane.WATCH): _BY_NUMBERS,
    (Lane.WATCH, Lane.ENTERED): _BY_NUMBERS,
    (Lane.ALERT, Lane.ENTERED): _BY_NUMBERS,
    (Lane.WATCH, Lane.EXIT): _LIFTED,
    (Lane.ALERT, Lane.EXIT): _LIFTED,
    # entered by a count that an objection has put right, so there is nothing to talk about
    (Lane.ENTERED, Lane.EXIT): _CORRECTED,
    (Lane.ENTERED, Lane.TALK): _TIMED,
    (Lane.TALK, Lane.FOLLOW_UP): _LOOKED_AFTER,
    (Lane.FOLLOW_UP, Lane.TALK): _TIMED,
    (Lane.FOLLOW_UP, Lane.EXIT): _CORRECTED,
    (Lane.EXIT, Lane.SUPPORT): _LOOKED_AFTER,
}
"""Every allowed move; None is a case that is not open. This project's own and assumed."""


def next_lanes(origin: Lane | None, role: str) -> tuple[Lane, ...]:
    """The lanes into which that role may move a case from ``origin``, in the order of ``Lane``; empty where it may do nothing."""
    return tuple(target for target in Lane if (passage := MOVES.get((origin, target))) is not None and role in passage.roles)


def refusal(move: Move, last_on: date | None = None) -> str:
    """Why a move is not allowed, as a Chinese sentence; empty where it is allowed.

    Parameters
    ----------
    move
        The move.
    last_on
        Day of the case's last move; None where it is opened.

    Returns
    -------
    str
        The first objection: the move itself, then the role, then what is missing, then the days.
    """
    passage = MOVES.get((move.origin, move.target))
    if passage is None:
        return f"不能从“{_name(move.origin)}”转到“{_name(move.target)}”;从“{_name(move.origin)}”可转到{_listed(_targets(move.origin))}"
    what = f"从“{_name(move.origin)}”转到“{_name(move.target)}”"
    if move.role not in passage.roles:
        return f"{what}不能由{ROLE_NAMES.get(move.role, move.role)}作出;可由{'、'.join(name for role, name in ROLE_NAMES.items() if role in passage.roles)}作出"
    if missing := [NEED_NAMES[need] for need in Need if need in passage.needs and not _given(move, need)]:
        return f"{what}须写明{'、'.join(missing)},现在空缺"
    if last_on is not None and move.on < last_on:
        return f"{what}的日期 {move.on} 早于上一步的 {last_on};应不早于上一步"
    if move.deadline is not None and move.deadline < move.on:
        return f"{what}的期限 {move.deadline} 早于当日 {move.on};应不早于当日"
    return ""


def lane_after(moves: Iterable[Move]) -> Lane | None:
    """The lane that a case's moves lead to, oldest first; None where there are none.

    Raises
    ------
    ValueError
        A move is not allowed, or does not start from the lane in which the one before it ended; the Chinese message names its place in the row.
    """
    lane: Lane | None = None
    last_on: date | None = None
    for place, move in enumerate(moves, start=1):
        if move.origin is not lane:
            message = f"第 {place} 步从“{_name(move.origin)}”出发,而案卷当时在“{_name(lane)}”;各步应首尾相接"
            raise ValueError(message)
        if objection := refusal(move, last_on):
            message = f"第 {place} 步:{objection}"
            raise ValueError(message)
        lane, last_on = move.target, move.on
    return lane


def _given(move: Move, need: Need) -> bool:
    value = {Need.REASON: move.reason, Need.EVIDENCE: move.evidence, Need.DEADLINE: move.deadline}[need]
    return bool(value.strip()) if isinstance(value, str) else value is not None


def _targets(origin: Lane | None) -> list[str]:
    return [LANE_NAMES[target] for target in Lane if (origin, target) in MOVES]


def _listed(names: list[str]) -> str:
    return "、".join(f"“{name}”" for name in names)


def _name(lane: Lane | None) -> str:
    return OPENING if lane is None else LANE_NAMES[lane]

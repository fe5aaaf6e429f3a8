"""How far a warning has come: its stage, owner and delays, worked out from what people did. Pure; nothing of it is stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

__all__ = ["STAGE_LABELS", "TRIAGE_DAYS", "DeedKind", "Review", "Stage", "Standing", "Verdict", "is_overdue", "stage_of", "standing_of"]

TRIAGE_DAYS = 2
"""Working days within which somebody has looked at a warning (assumed)."""


class DeedKind(StrEnum):
    """What people do about a warning."""

    VERIFY = "verify"
    ASSIGN = "assign"
    ACKNOWLEDGE = "acknowledge"
    PLAN_READY = "plan_ready"
    SNOOZE = "snooze"
    WAKE = "wake"
    REVIEW = "review"


class Verdict(StrEnum):
    """What people found on looking at a warning."""

    TRUE = "true"
    FALSE = "false"
    DATA = "data"


class Review(StrEnum):
    """What people say of a warning afterwards; avoided: measures were taken, and it did not come."""

    HIT = "hit"
    MISSED = "missed"
    AVOIDED = "avoided"


class Stage(StrEnum):
    """How far a warning has come."""

    PROPOSED = "proposed"
    VERIFIED = "verified"
    REJECTED = "rejected"
    ASSIGNED = "assigned"
    READY = "ready"
    WINDOW = "window"
    SCORED = "scored"
    REVIEWED = "reviewed"


STAGE_LABELS = {
    Stage.PROPOSED: "待研判",
    Stage.VERIFIED: "属实待派",
    Stage.REJECTED: "误报/数据问题",
    Stage.ASSIGNED: "已派",
    Stage.READY: "预案就绪",
    Stage.WINDOW: "窗口期",
    Stage.SCORED: "待复盘",
    Stage.REVIEWED: "已复盘",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What all deeds about a warning come to: of verdicts, owners and snoozes the newest counts.

    Attributes
    ----------
    owner
        Unit it was reassigned to; None where it is still the one named at issue.
    snoozed_until
        Last day of the snooze, also when it is over; None where there was none or it was taken back.
    """

    verdict: Verdict | None = None
    owner: str | None = None
    is_acknowledged: bool = False
    is_ready: bool = False
    snoozed_until: date | None = None
    is_reviewed: bool = False


def standing_of(deeds: Iterable[tuple[str, str, date | None]]) -> Standing:
    """What deeds come to, each a kind, value and last day, oldest first."""
    standing = Standing()
    for kind, value, until in deeds:
        match DeedKind(kind):
            case DeedKind.VERIFY:
                standing = replace(standing, verdict=Verdict(value))
            case DeedKind.ASSIGN:
                standing = replace(standing, owner=value)
            case DeedKind.ACKNOWLEDGE:
                standing = replace(standing, is_acknowledged=True)
            case DeedKind.PLAN_READY:
                standing = replace(standing, is_ready=True)
            case DeedKind.SNOOZE:
                standing = replace(standing, snoozed_until=until)
            case DeedKind.WAKE:
                standing = replace(standing, snoozed_until=None)
            case DeedKind.REVIEW:
                standing = replace(standing, is_reviewed=True)
    return standing


def stage_of(standing: Standing, window_start: date, today: date, *, is_scored: bool) -> Stage:
    """The stage on ``today``, the data's last day.

    A window that has ended stays the window until it is scored: nobody can prepare for it any more, and what came is not counted yet.
    """
    stage = Stage.PROPOSED
    if is_scored:
        stage = Stage.REVIEWED if standing.is_reviewed else Stage.SCORED
    elif standing.verdict in {Verdict.FALSE, Verdict.DATA}:
        stage = Stage.REJECTED
    elif today >= window_start:
        stage = Stage.WINDOW
    elif standing.is_ready:
        stage = Stage.READY
    elif standing.is_acknowledged:
        stage = Stage.ASSIGNED
    elif standing.verdict is Verdict.TRUE:
        stage = Stage.VERIFIED
    return stage


def is_overdue(standing: Standing, stage: Stage, issued_on: date, window_start: date, today: date, triage_days: int = TRIAGE_DAYS) -> bool:
    """Whether nobody has looked for more than ``triage_days`` working days (Monday to Friday) after issue, or the window is here without a plan.

    Rejected and scored warnings are never overdue: nothing is left to prepare.
    """
    if stage is Stage.PROPOSED:
        day = timedelta(days=1)
        return int(np.busday_count(issued_on + day, today + day)) > triage_days
    if stage in {Stage.REJECTED, Stage.SCORED, Stage.REVIEWED}:
        return False
    return today >= window_start and not standing.is_ready

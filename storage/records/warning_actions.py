"""What people do about a warning: kept with its audit in one transaction, and only where the rules allow it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.records.aliases import RecordError
from storage.records.audit import LONGEST_NAME, Entry, add_entry
from storage.records.database import has_records, open_records
from storage.records.models import IssuedWarning, WarningAction, WarningOutcome
from storage.records.warning_stages import DeedKind, Review, Standing, Verdict, standing_of
from storage.records.warnings import CITY, seen_by
from storage.scope import BOUND_ROLES, Role, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from storage.home import Home

__all__ = ["DEED_LABELS", "WarningDeed", "act_on_warning"]

LONGEST_TEXT = 500
SHORTEST_MEASURE = 4
LONGEST_ID = 120

DEED_LABELS = {
    DeedKind.VERIFY: "研判",
    DeedKind.ASSIGN: "改派主责",
    DeedKind.ACKNOWLEDGE: "确认并填写措施",
    DeedKind.PLAN_READY: "预案就绪",
    DeedKind.SNOOZE: "暂缓",
    DeedKind.WAKE: "取消暂缓",
    DeedKind.REVIEW: "复盘",
}

STEERING = frozenset({DeedKind.VERIFY, DeedKind.ASSIGN, DeedKind.REVIEW})
"""Deeds of those who see the whole city: who is responsible for a warning does not judge it."""

LENGTHS = {
    DeedKind.ASSIGN: (1, LONGEST_NAME, "主责单位名称"),
    DeedKind.ACKNOWLEDGE: (SHORTEST_MEASURE, LONGEST_TEXT, "措施"),
    DeedKind.PLAN_READY: (1, LONGEST_TEXT, "预案内容或存放位置"),
}
CHOICES: dict[DeedKind, dict[str, str]] = {
    DeedKind.VERIFY: {Verdict.TRUE: "属实", Verdict.FALSE: "误报", Verdict.DATA: "数据问题"},
    DeedKind.REVIEW: {Review.HIT: "命中", Review.MISSED: "落空", Review.AVOIDED: "避免"},
}


@dataclass(frozen=True, slots=True)
class WarningDeed:
    """What somebody does about a warning; ``acted_on`` is the data's last day, ``until`` the last day of a snooze."""

    warning_id: str
    kind: DeedKind
    value: str
    until: date | None
    reason: str
    acted_by: str
    acted_on: date


def act_on_warning(home: Home, scope: Scope, deed: WarningDeed, *, places: Mapping[str, str] | None = None) -> None:
    """Keeps a deed and its audit in one transaction.

    Verdicts, reassignments and reviews are for the roles that see the whole city. The others are also for the district or subdistrict the
    warning is about, for the district around that subdistrict, and for the department that owns it now or is its partner.

    Parameters
    ----------
    places
        Code of each subdistrict and of the district it lies in; a district acts for its subdistricts through it alone.

    Raises
    ------
    RecordError
        The warning is not there or not in the scope, the role or the unit may not do this, a text is missing or too long, or it is not the time.
    """
    value, reason = deed.value.strip(), deed.reason.strip()
    _check_texts(deed, value, reason)
    if not has_records(home):
        raise _unknown(deed)
    with Session(open_records(home)) as session, session.begin():
        # the lock lets one deed about a warning follow the other on a server, and a score wait; SQLite has one writer anyway
        visible = select(IssuedWarning).where(IssuedWarning.warning_id == deed.warning_id, seen_by(scope, places)).with_for_update()
        warning = session.scalars(visible).one_or_none()
        if warning is None:
            raise _unknown(deed)
        so_far = select(WarningAction).where(WarningAction.warning_id == deed.warning_id).order_by(WarningAction.action_id)
        standing = standing_of((item.kind, item.value, item.until) for item in session.scalars(so_far))
        _check_role(scope, deed, warning, standing)
        _check_time(deed, value, warning, standing, session.get(WarningOutcome, deed.warning_id))
        session.add(
            WarningAction(
                warning_id=deed.warning_id,
                acted_at=datetime.now(UTC),
                acted_on=deed.acted_on,
                acted_by=deed.acted_by.strip(),
                kind=deed.kind.value,
                value=value,
                until=deed.until,
                reason=reason,
            )
        )
        old, new = _change(deed, value, warning, standing)
        add_entry(session, Entry(deed.acted_by.strip(), f"warning.{deed.kind}", deed.warning_id, old, new, reason))


def _unknown(deed: WarningDeed) -> RecordError:
    """One sentence for both, so that nobody learns of warnings outside the scope."""
    return RecordError(f"预警台账里没有“{deed.warning_id[:LONGEST_ID]}”, 或它不在您的范围内; 请从列表中选择。")


def _check_texts(deed: WarningDeed, value: str, reason: str) -> None:
    """What can be said without looking at the warning."""
    if not 1 <= len(deed.acted_by.strip()) <= LONGEST_NAME:
        message = f"办理人姓名有{len(deed.acted_by.strip())}个字, 应为1至{LONGEST_NAME}个字。"
        raise RecordError(message)
    if max(len(value), len(reason)) > LONGEST_TEXT:
        message = f"填写了{max(len(value), len(reason))}个字, 内容和理由各不超过{LONGEST_TEXT}个字; 请缩短。"
        raise RecordError(message)
    if deed.kind in LENGTHS:
        least, most, what = LENGTHS[deed.kind]
        if not least <= len(value) <= most:
            message = f"{what}填写了{len(value)}个字, 应为{least}至{most}个字。"
            raise RecordError(message)
    choices = CHOICES.get(deed.kind)
    if choices is not None and value not in choices:
        message = f"{DEED_LABELS[deed.kind]}结论“{value}”不在可选范围内, 只能是{'、'.join(choices.values())}。"
        raise RecordError(message)
    if deed.kind is DeedKind.VERIFY and value != Verdict.TRUE and not reason:
        message = f"研判为{CHOICES[deed.kind][value]}时没有写理由; 请用1至{LONGEST_TEXT}个字说明, 它会记入审计。"
        raise RecordError(message)
    if deed.kind is DeedKind.SNOOZE and not reason:
        message = f"暂缓没有写理由; 请用1至{LONGEST_TEXT}个字说明, 它会记入审计。"
        raise RecordError(message)
    if (deed.kind is DeedKind.SNOOZE) != (deed.until is not None):
        message = f"{DEED_LABELS[deed.kind]}{'没有填写' if deed.until is None else '填写了'}截止日期; 暂缓必须填写, 其他办理不填。"
        raise RecordError(message)


def _check_role(scope: Scope, deed: WarningDeed, warning: IssuedWarning, standing: Standing) -> None:
    if scope.role not in BOUND_ROLES:
        return
    if deed.kind in STEERING:
        message = f"{DEED_LABELS[deed.kind]}由市领导、规划专班或管理员办理, 您代表“{scope.unit_code}”; 您可以确认措施、报预案就绪或暂缓。"
        raise RecordError(message)
    owner = standing.owner or warning.owner
    if scope.role is Role.DEPARTMENT and scope.unit_code not in {owner, warning.partner}:
        message = f"这条预警已改派给“{owner}”, 您代表“{scope.unit_code}”; 现由主责或协办单位办理。"
        raise RecordError(message)
    if scope.role is not Role.DEPARTMENT and warning.level == CITY:
        message = f"这是全市的预警, 您代表“{scope.unit_code}”; 区和街乡镇只办理本地的预警, 全市的由主责“{owner}”办理。"
        raise RecordError(message)


def _check_time(deed: WarningDeed, value: str, warning: IssuedWarning, standing: Standing, outcome: WarningOutcome | None) -> None:
    label = DEED_LABELS[deed.kind]
    if deed.kind is DeedKind.REVIEW:
        _check_review(value, warning, standing, outcome)
    elif outcome is not None:
        message = f"这条预警已于{outcome.scored_on}计分, 不能再办理“{label}”; 现在只能复盘。"
        raise RecordError(message)
    if deed.kind is DeedKind.PLAN_READY and not standing.is_acknowledged:
        message = "这条预警还没有确认和填写措施, 不能报预案就绪; 请先确认并填写措施。"
        raise RecordError(message)
    if deed.until is not None and not deed.acted_on < deed.until <= warning.window_end:
        message = f"暂缓至{deed.until}不可用; 应晚于今天(数据日{deed.acted_on}), 不晚于窗口期末日{warning.window_end}。"
        raise RecordError(message)


def _check_review(value: str, warning: IssuedWarning, standing: Standing, outcome: WarningOutcome | None) -> None:
    if outcome is None:
        message = f"这条预警还没有计分, 不能复盘; 窗口期到{warning.window_end}结束, 计分之后再复盘。"
        raise RecordError(message)
    if value == Review.AVOIDED and (outcome.came_true or not standing.is_acknowledged):
        found = f"实际来了{outcome.count}件, 预警已应验" if outcome.came_true else "台账里没有采取措施的记录"
        message = f"不能复盘为避免: {found}; 只有采取了措施而没有应验的才是避免, 请选择命中或落空。"
        raise RecordError(message)


def _change(deed: WarningDeed, value: str, warning: IssuedWarning, standing: Standing) -> tuple[str | None, str | None]:
    """What the audit says, from what to what; cut to the width of its columns, the whole text stands in the ledger."""
    old: str | None = None
    new: str | None = value
    match deed.kind:
        case DeedKind.VERIFY:
            old = standing.verdict.value if standing.verdict else None
        case DeedKind.ASSIGN:
            old = standing.owner or warning.owner
        case DeedKind.SNOOZE | DeedKind.WAKE:
            old, new = (str(day) if day else None for day in (standing.snoozed_until, deed.until))
    return old, new[:LONGEST_NAME] if new else None

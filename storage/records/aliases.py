"""Place aliases that administrators enter; they take effect when the counts are next made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.records.database import has_records, open_records
from storage.records.models import Alias, Audit
from storage.scope import Role, Scope, ScopeError

if TYPE_CHECKING:
    from collections.abc import Collection

    from storage.home import Home

__all__ = ["LEVELS", "AliasChange", "RecordError", "place_aliases", "read_aliases", "read_audit", "write_alias"]

LEVELS = ("district", "subdistrict")
LONGEST_LABEL = 200
LONGEST_REASON = 500
AUDIT_LIMIT = 1000
COLUMNS = {"alias": ["level", "label", "code"], "audit": ["changed_at", "changed_by", "subject", "label", "old", "new", "reason"]}


class RecordError(ValueError):
    """What was entered cannot be kept; the message is a sentence for the one who entered it."""


@dataclass(frozen=True, slots=True)
class AliasChange:
    """A label and the code it stands for from now on; without a code the alias is taken back."""

    level: str
    label: str
    code: str | None
    reason: str
    changed_by: str


def place_aliases(home: Home) -> dict[str, dict[str, str]]:
    """For each level the label and the code it stands for; empty where nobody entered anything. For the counting of tickets."""
    found: dict[str, dict[str, str]] = {level: {} for level in LEVELS}
    if has_records(home):
        with Session(open_records(home)) as session:
            for item in session.scalars(select(Alias)):
                found.setdefault(item.level, {})[item.label] = item.code
    return found


def read_aliases(home: Home, scope: Scope) -> pd.DataFrame:
    """Aliases in force: ``level``, ``label``, ``code``.

    Raises
    ------
    ScopeError
        Another role than administrator asks; so in every function here that takes a scope.
    """
    _check_administrator(scope)
    rows = [(level, label, code) for level, items in place_aliases(home).items() for label, code in sorted(items.items())]
    return pd.DataFrame(rows, columns=COLUMNS["alias"])


def read_audit(home: Home, scope: Scope) -> pd.DataFrame:
    """The last thousand changes, newest first: ``changed_at`` (UTC), ``changed_by``, ``subject``, ``label``, ``old``, ``new``, ``reason``."""
    _check_administrator(scope)
    rows: list[tuple[object, ...]] = []
    if has_records(home):
        with Session(open_records(home)) as session:
            newest = session.scalars(select(Audit).order_by(Audit.audit_id.desc()).limit(AUDIT_LIMIT))
            rows = [tuple(getattr(item, name) for name in COLUMNS["audit"]) for item in newest]
    return pd.DataFrame(rows, columns=COLUMNS["audit"])


def write_alias(home: Home, scope: Scope, change: AliasChange, known: Collection[str]) -> bool:
    """Keeps a change and its audit in one transaction; whether anything changed: the same change again changes nothing.

    Parameters
    ----------
    known
        Codes of the places of that level.

    Raises
    ------
    RecordError
        The label or the reason is empty or too long, or the code is not known.
    """
    _check_administrator(scope)
    label, reason = change.label.strip(), change.reason.strip()
    _check(change, label, reason, known)
    with Session(open_records(home)) as session, session.begin():
        present = session.scalars(select(Alias).where(Alias.level == change.level, Alias.label == label).with_for_update()).one_or_none()
        old = present.code if present else None
        if old == change.code:
            return False
        if change.code is None:
            session.delete(present)
        elif present is None:
            session.add(Alias(level=change.level, label=label, code=change.code))
        else:
            present.code = change.code
        subject = f"alias.{change.level}"
        session.add(Audit(changed_at=datetime.now(UTC), changed_by=change.changed_by, subject=subject, label=label, old=old, new=change.code, reason=reason))
    return True


def _check(change: AliasChange, label: str, reason: str, known: Collection[str]) -> None:
    if change.level not in LEVELS:
        message = f"write_alias: level is {change.level!r}, allowed are {LEVELS}"
        raise ValueError(message)
    if not label or len(label) > LONGEST_LABEL:
        message = f"请选择要对应的写法(1至{LONGEST_LABEL}个字)。"
        raise RecordError(message)
    if change.code is not None and change.code not in known:
        message = f"区划表里没有代码 {change.code[:LONGEST_LABEL]}, 请从列表中选择。"
        raise RecordError(message)
    if not reason or len(reason) > LONGEST_REASON:
        message = f"请写明理由(1至{LONGEST_REASON}个字), 它会记入审计。"
        raise RecordError(message)


def _check_administrator(scope: Scope) -> None:
    if scope.role is not Role.ADMIN:
        message = f"role {scope.role.value!r} may not read or change aliases; only {Role.ADMIN.value!r} may"
        raise ScopeError(message)

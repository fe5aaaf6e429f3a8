"""The audit: who did what, when and why. Entries are only ever added."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pandas as pd
from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.records.database import has_records, open_records
from storage.records.models import Audit
from storage.scope import Role, Scope, ScopeError

if TYPE_CHECKING:
    from storage.home import Home

__all__ = ["LONGEST_NAME", "Entry", "add_entry", "check_administrator", "read_audit", "write_entry"]

AUDIT_LIMIT = 1000
COLUMNS = ["changed_at", "changed_by", "subject", "label", "old", "new", "reason"]
LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit; ``subject`` is what was changed, with a point between kind and detail."""

    changed_by: str
    subject: str
    label: str
    old: str | None
    new: str | None
    reason: str


def add_entry(session: Session, entry: Entry) -> None:
    """Adds an entry to a transaction, so that it is kept with the change or not at all."""
    session.add(Audit(changed_at=datetime.now(UTC), **asdict(entry)))


def write_entry(home: Home, entry: Entry) -> None:
    """Keeps an entry about something that happened outside the records, such as an upload."""
    with Session(open_records(home)) as session, session.begin():
        add_entry(session, entry)


def read_audit(home: Home, scope: Scope, subject: str) -> pd.DataFrame:
    """The last thousand entries about ``subject`` (``"alias"``, ``"upload"``), newest first.

    Returns
    -------
    DataFrame
        ``changed_at`` (UTC), ``changed_by``, ``subject``, ``label``, ``old``, ``new``, ``reason``.

    Raises
    ------
    ScopeError
        Another role than administrator asks.
    """
    check_administrator(scope)
    rows: list[tuple[object, ...]] = []
    if has_records(home):
        with Session(open_records(home)) as session:
            about = select(Audit).where(Audit.subject.startswith(f"{subject}.", autoescape=True))
            newest = session.scalars(about.order_by(Audit.audit_id.desc()).limit(AUDIT_LIMIT))
            rows = [tuple(getattr(item, name) for name in COLUMNS) for item in newest]
    return pd.DataFrame(rows, columns=COLUMNS)


def check_administrator(scope: Scope) -> None:
    """Lets administrators pass.

    Raises
    ------
    ScopeError
        Another role asks.
    """
    if scope.role is not Role.ADMIN:
        message = f"role {scope.role.value!r} may not read or change records; only {Role.ADMIN.value!r} may"
        raise ScopeError(message)

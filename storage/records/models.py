"""The tables of the records: aliases as they are now; the audit of every change and the ledger of warnings, which only grow."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import DateTime, Float, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = ["Alias", "Audit", "IssuedWarning", "Record", "WarningAction", "WarningOutcome", "WarningStatement"]


class Record(DeclarativeBase):
    """Base of all tables of records."""


class Alias(Record):
    """A delivered label and what it stands for: the code of a place, the path of a category, the name of a unit."""

    __tablename__ = "alias"
    __table_args__ = (UniqueConstraint("kind", "label"),)

    alias_id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    label: Mapped[str] = mapped_column(String(200))
    target: Mapped[str] = mapped_column(String(200))


class Audit(Record):
    """One change: who, when (UTC), what, from what to what, and why. Never updated, never deleted: the database refuses."""

    __tablename__ = "audit"

    audit_id: Mapped[int] = mapped_column(primary_key=True)
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    changed_by: Mapped[str] = mapped_column(String(200))
    subject: Mapped[str] = mapped_column(String(40))
    label: Mapped[str] = mapped_column(String(200))
    old: Mapped[str | None] = mapped_column(String(200))
    new: Mapped[str | None] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(String(500))


class IssuedWarning(Record):
    """A season warning as it was issued: for which problem, place and window, how sure, and why. Never updated, never deleted; so the next three."""

    __tablename__ = "warning"

    warning_id: Mapped[str] = mapped_column(String(120), primary_key=True)
    level: Mapped[str] = mapped_column(String(20))
    place_code: Mapped[str | None] = mapped_column(String(64))
    category_1: Mapped[str] = mapped_column(String(200))
    category_2: Mapped[str | None] = mapped_column(String(200))
    window_start: Mapped[date]
    window_end: Mapped[date]
    issued_on: Mapped[date]
    issued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    probability: Mapped[float] = mapped_column(Float)
    threshold: Mapped[int]
    expected: Mapped[float] = mapped_column(Float)
    usual: Mapped[float] = mapped_column(Float)
    low_50: Mapped[float] = mapped_column(Float)
    high_50: Mapped[float] = mapped_column(Float)
    low_80: Mapped[float] = mapped_column(Float)
    high_80: Mapped[float] = mapped_column(Float)
    starts_on: Mapped[date]
    due_on: Mapped[date]
    owner: Mapped[str] = mapped_column(String(200))
    partner: Mapped[str | None] = mapped_column(String(200))
    reason: Mapped[str] = mapped_column(Text)
    actions: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(String(40))
    version: Mapped[str] = mapped_column(String(80))
    rule: Mapped[str] = mapped_column(String(200))


class WarningStatement(Record):
    """What a later run thought of a warning that was still open."""

    __tablename__ = "warning_statement"
    __table_args__ = (UniqueConstraint("warning_id", "stated_on"),)

    statement_id: Mapped[int] = mapped_column(primary_key=True)
    warning_id: Mapped[str] = mapped_column(ForeignKey("warning.warning_id"))
    stated_on: Mapped[date]
    probability: Mapped[float] = mapped_column(Float)
    expected: Mapped[float] = mapped_column(Float)
    is_budgeted: Mapped[bool]


class WarningOutcome(Record):
    """What came in a warning's window, counted once when the window had ended."""

    __tablename__ = "warning_outcome"

    warning_id: Mapped[str] = mapped_column(ForeignKey("warning.warning_id"), primary_key=True)
    scored_on: Mapped[date]
    count: Mapped[int]
    came_true: Mapped[bool]


class WarningAction(Record):
    """What somebody did about a warning."""

    __tablename__ = "warning_action"

    action_id: Mapped[int] = mapped_column(primary_key=True)
    warning_id: Mapped[str] = mapped_column(ForeignKey("warning.warning_id"), index=True)
    acted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    acted_on: Mapped[date]
    acted_by: Mapped[str] = mapped_column(String(200))
    kind: Mapped[str] = mapped_column(String(20))
    value: Mapped[str] = mapped_column(String(500))
    until: Mapped[date | None]
    reason: Mapped[str] = mapped_column(String(500))

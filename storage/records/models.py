"""The tables of the records: aliases as they are now, and the audit of every change, which only grows."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import DateTime, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

__all__ = ["Alias", "Audit", "Record"]


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

"""What a reader may see, as conditions over the rollups: scope and selection become numbers of the dimension tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pyarrow as pa

from storage.rollups import CHANNEL_IDS, TYPE_IDS
from storage.scope import Role, Scope

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from storage.snapshot import Snapshot

__all__ = ["Selection", "Where", "as_arrow", "days_sql", "dimension", "fetch", "narrow"]

_NAMES: WeakKeyDictionary[Snapshot, dict[str, pd.DataFrame]] = WeakKeyDictionary()
"""Dimension tables are a few hundred rows and never change within a snapshot, yet every grouped read needs one."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a reader chose to look at; None means all. An empty ``category_1`` means unclassified."""

    district_code: str | None = None
    subdistrict_code: str | None = None
    category_1: str | None = None
    request_type: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """Conditions over numbers of the dimension tables, and the dimensions they need."""

    conditions: tuple[str, ...]
    dimensions: frozenset[str]


MEMBERS = {
    "district_code": ("place_id", "SELECT place_id, district_code FROM place"),
    "subdistrict_code": ("place_id", "SELECT place_id, subdistrict_code FROM place"),
    "unit_code": ("unit_id", "SELECT unit_id, unit_code FROM unit"),
    "category_1": ("category_1_id", "SELECT DISTINCT category_1_id, coalesce(category_1, '') AS category_1 FROM category"),
}
"""What is chosen by code, the number that rollups hold for it, and where to look it up."""

SCOPE_CODES = {Role.DISTRICT: "district_code", Role.SUBDISTRICT: "subdistrict_code", Role.DEPARTMENT: "unit_code"}


def narrow(snapshot: Snapshot, scope: Scope, selection: Selection) -> Where:
    """The conditions that keep a reader to the scope and the selection."""
    chosen = [(name, getattr(selection, name)) for name in ("district_code", "subdistrict_code", "category_1")]
    if scope.role in SCOPE_CODES:
        chosen.append((SCOPE_CODES[scope.role], scope.unit_code))
    parts = [_member(snapshot, name, value) for name, value in chosen if value is not None]
    if selection.request_type is not None:
        parts.append(("type_id", f"type_id = {TYPE_IDS.get(selection.request_type, -1)}"))
    if selection.channel is not None:
        parts.append(("channel_id", f"channel_id = {CHANNEL_IDS.get(selection.channel, -1)}"))
    return Where(tuple(part[1] for part in parts), frozenset(part[0] for part in parts))


def _member(snapshot: Snapshot, name: str, value: str) -> tuple[str, str]:
    """Dimension and condition for a code: a list of numbers lets the engine skip row groups, a subquery does not."""
    key, statement = MEMBERS[name]
    table = dimension(snapshot, statement)
    numbers = table.loc[table[name] == value, key]
    return key, f"{key} IN ({', '.join(str(int(number)) for number in numbers) or 'NULL'})"


def days_sql(first: date, last: date) -> str:
    """SQL: the day lies in the period, both ends included."""
    return f"day BETWEEN DATE '{first}' AND DATE '{last}'"


def dimension(snapshot: Snapshot, statement: str) -> pd.DataFrame:
    """A dimension table, read once for each snapshot; must not be changed by the caller."""
    known = _NAMES.setdefault(snapshot, {})
    if statement not in known:
        known[statement] = fetch(snapshot, statement)
    return known[statement]


def fetch(snapshot: Snapshot, statement: str, parameters: tuple[Any, ...] = ()) -> pd.DataFrame:
    """The rows of a statement."""
    with snapshot.cursor() as cursor:
        return cursor.execute(statement, parameters).df()


def as_arrow(frame: pd.DataFrame) -> pa.Table:
    """A frame's columns, without its index, as an Arrow table."""
    return pa.Table.from_pandas(frame, preserve_index=False)

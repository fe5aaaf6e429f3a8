"""Aliases that administrators enter: a delivered label of a place, a category or a unit, and what it stands for.

They take effect when the counts are next made; what was delivered stays in the lake as it came.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import pandas as pd
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from storage.records.audit import Entry, add_entry, check_administrator
from storage.records.database import has_records, open_records
from storage.records.models import Alias

if TYPE_CHECKING:
    from collections.abc import Collection

    from storage.home import Home
    from storage.scope import Scope

__all__ = ["PATH_SIGN", "AliasChange", "AliasKind", "RecordError", "aliases_in_force", "leads_back", "read_aliases", "write_alias"]

LONGEST_LABEL = 200
LONGEST_REASON = 500
COLUMNS = ["kind", "label", "target"]
PATH_SIGN = "->"
"""Between the levels of a category."""


class AliasKind(StrEnum):
    """What a label is a label of."""

    DISTRICT = "district"
    SUBDISTRICT = "subdistrict"
    CATEGORY = "category"
    UNIT = "unit"


LOST = {
    AliasKind.DISTRICT: "区划表里没有代码 {target}, 请从列表中选择。",
    AliasKind.SUBDISTRICT: "区划表里没有代码 {target}, 请从列表中选择。",
    AliasKind.CATEGORY: "数据里没有分类 {target}, 请从列表中选择。",
    AliasKind.UNIT: "数据里没有单位 {target}, 请从列表中选择。",
}


class RecordError(ValueError):
    """What was entered cannot be kept; the message is a sentence for the one who entered it."""


@dataclass(frozen=True, slots=True)
class AliasChange:
    """A label and what it stands for from now on; without a target the alias is taken back."""

    kind: AliasKind
    label: str
    target: str | None
    reason: str
    changed_by: str


def aliases_in_force(home: Home) -> dict[AliasKind, dict[str, str]]:
    """For each kind the label and its target; empty where nobody entered anything. For the counting of tickets."""
    found: dict[AliasKind, dict[str, str]] = {kind: {} for kind in AliasKind}
    if has_records(home):
        with Session(open_records(home)) as session:
            for item in session.scalars(select(Alias)):
                found[AliasKind(item.kind)][item.label] = item.target
    return found


def read_aliases(home: Home, scope: Scope) -> pd.DataFrame:
    """Aliases in force: ``kind``, ``label``, ``target``.

    Raises
    ------
    ScopeError
        Another role than administrator asks; so in every function here that takes a scope.
    """
    check_administrator(scope)
    rows = [(kind.value, label, target) for kind, items in aliases_in_force(home).items() for label, target in sorted(items.items())]
    return pd.DataFrame(rows, columns=COLUMNS)


def leads_back(aliases: dict[str, str], label: str, target: str) -> bool:
    """Whether ``target``, followed through the aliases, ends where it began: then neither name would be the valid one."""
    step: str | None = target
    for _turn in range(len(aliases) + 1):
        if step is None or step == label:
            break
        step = aliases.get(step)
    return step == label


def write_alias(home: Home, scope: Scope, change: AliasChange, known: Collection[str]) -> bool:
    """Keeps a change and its audit in one transaction; whether anything changed: the same change again changes nothing.

    Parameters
    ----------
    known
        What a label of that kind may stand for.

    Raises
    ------
    RecordError
        The label or the reason is empty or too long, or the target is not known or leads back to the label.
    """
    check_administrator(scope)
    label, reason = change.label.strip(), change.reason.strip()
    _check(change, label, reason, known)
    with Session(open_records(home)) as session, session.begin():
        if session.get_bind().dialect.name == "postgresql":  # a row that is not there yet cannot be locked; SQLite has one writer anyway
            session.execute(text("LOCK TABLE alias IN SHARE ROW EXCLUSIVE MODE"))
        rows = {item.label: item for item in session.scalars(select(Alias).where(Alias.kind == change.kind))}
        present = rows.get(label)
        old = present.target if present else None
        if old == change.target:
            return False
        if change.target is None:
            session.delete(present)
        elif leads_back({item.label: item.target for item in rows.values() if item.label != label}, label, change.target):
            message = f"“{change.target}”本身已对应到“{label}”, 不能再对应回去; 请先撤销那一条。"
            raise RecordError(message)
        elif present is None:
            session.add(Alias(kind=change.kind, label=label, target=change.target))
        else:
            present.target = change.target
        add_entry(session, Entry(change.changed_by, f"alias.{change.kind}", label, old, change.target, reason))
    return True


def _check(change: AliasChange, label: str, reason: str, known: Collection[str]) -> None:
    if not label or len(label) > LONGEST_LABEL:
        message = f"请选择要对应的写法(1至{LONGEST_LABEL}个字)。"
        raise RecordError(message)
    if change.target is not None and change.target not in known:
        raise RecordError(LOST[change.kind].format(target=change.target[:LONGEST_LABEL]))
    if not reason or len(reason) > LONGEST_REASON:
        message = f"请写明理由(1至{LONGEST_REASON}个字), 它会记入审计。"
        raise RecordError(message)

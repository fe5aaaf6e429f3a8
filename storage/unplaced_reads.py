"""Which place labels stand behind the tickets that lie on no area: as delivered, by month of acceptance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.queries import fetch
from storage.scope import Role

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from governance.periods import Period
    from storage.queries import Selection
    from storage.scope import Scope
    from storage.snapshot import Snapshot

__all__ = ["read_unplaced_labels"]

NOBODY_ROLES = frozenset({Role.SUBDISTRICT, Role.DEPARTMENT})
OWN_DISTRICT = "district IN (SELECT unnest([code, name]) FROM register WHERE level = 'district' AND code = ?)"
NO_DISTRICT = "coalesce(district, '') NOT IN (SELECT unnest([code, name]) FROM register WHERE level = 'district')"


def read_unplaced_labels(snapshot: Snapshot, scope: Scope, selection: Selection, period: Period, level: str, limit: int | None = None) -> pd.DataFrame:
    """Labels that found no area of the level, most frequent first: ``district``, ``subdistrict`` (None: not given), ``ticket_count``, ``label_count`` (of all).

    Only the place narrows them: labels are not kept by category. A district sees the rows that carry its own name or code, so
    rows that reached it under an alias are missing; a subdistrict has no such ticket, and labels are not kept by
    handling unit, so both see none.

    Parameters
    ----------
    period
        Whole months.
    level
        ``"district"`` or ``"subdistrict"``: on which level the tickets lie nowhere.
    limit
        The most frequent ones only; None for all.
    """
    conditions = ["month BETWEEN ? AND ?"]
    values: list[date | str] = [period.start, period.end]
    if scope.role in NOBODY_ROLES or selection.subdistrict_code is not None:
        conditions.append("false")
    for code in (selection.district_code, scope.unit_code if scope.role is Role.DISTRICT else None):
        if code is not None:
            conditions.append(OWN_DISTRICT)
            values.append(code)
    if level == "district":
        conditions.append(NO_DISTRICT)
    return fetch(
        snapshot,
        "SELECT district, subdistrict, CAST(sum(ticket_count) AS BIGINT) AS ticket_count, count(*) OVER () AS label_count FROM quality_place "
        f"WHERE {' AND '.join(conditions)} GROUP BY district, subdistrict ORDER BY ticket_count DESC, district, subdistrict"
        + (f" LIMIT {limit:d}" if limit is not None else ""),
        tuple(values),
    )

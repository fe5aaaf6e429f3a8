"""What pages read of the hot spots, within the reader's scope."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from storage.queries import dimension, fetch
from storage.scope import BOUND_ROLES, Role, Scope, ScopeError

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping
    from datetime import date

    from storage.snapshot import Snapshot

__all__ = [
    "read_classes",
    "read_course",
    "read_drivers",
    "read_focus_facts",
    "read_focus_problems",
    "read_hotspots",
    "read_months",
    "read_near_repeats",
    "read_points",
    "read_sight",
    "read_similar",
    "read_steps",
    "read_unit_months",
    "read_unit_shares",
    "visible_places",
]

PROBLEMS = "SELECT * FROM problem ORDER BY problem_id"
UNTIL = """SELECT coalesce(min(cutoff) FILTER (WHERE cutoff > last_on), max(cutoff)) AS until
FROM (SELECT cutoff, max(cutoff) FILTER (WHERE stage <> 'ended') OVER () AS last_on FROM step WHERE hotspot_id = ?)"""
"""Up to when a hot spot is counted: where it is over, until it was found to be."""

HOTSPOTS = """SELECT * FROM hotspot
ORDER BY stage = 'ended', stage NOT IN ('new', 'worsening'), recent_observed - recent_expected DESC, hotspot_id"""
TOLD = ("new", "worsening")
WHOLE = ("category_3", "handling_unit", "problem")
"""Drivers of the whole hot spot, which say nothing of one of its places."""


def visible_places(scope: Scope, parents: Mapping[str, str]) -> frozenset[str] | None:
    """Codes of the subdistricts a scope may see; None means all. A department sees its own tickets, and no place.

    Parameters
    ----------
    parents
        District of each subdistrict.
    """
    match scope.role:
        case Role.SUBDISTRICT:
            return frozenset({str(scope.unit_code)})
        case Role.DISTRICT:
            return frozenset(code for code, parent in parents.items() if parent == scope.unit_code)
        case Role.DEPARTMENT:
            return frozenset()
        case _:
            return None


def read_focus_facts(focus: Snapshot) -> dict[str, str]:
    """What the hot spots are: ``snapshot`` they were found in, ``cutoff``, ``made_at``, ``recurrence_days``, ``islands``, ``has_neighbours``."""
    return dict(fetch(focus, "SELECT name, value FROM meta").itertuples(index=False))


def read_focus_problems(focus: Snapshot) -> pd.DataFrame:
    """The problems that classes are known of: ``problem_id``, ``level``, ``category_1``, ``category_2``."""
    return dimension(focus, PROBLEMS).copy()


def read_months(focus: Snapshot) -> list[date]:
    """The months that classes are known of, in order."""
    return [pd.Timestamp(month).date() for month in fetch(focus, "SELECT DISTINCT month FROM class_month ORDER BY month")["month"]]


def _of_problem(category_1: str, category_2: str) -> tuple[str, tuple[str, str]]:
    return "problem_id IN (SELECT problem_id FROM problem WHERE category_1 = ? AND category_2 = ?)", (category_1, category_2)


def read_classes(focus: Snapshot, visible: frozenset[str] | None, category_1: str, category_2: str, month: date) -> pd.DataFrame:
    """Every visible place in one month of a problem, as ``pipeline.focus.classes.class_months`` made it."""
    condition, values = _of_problem(category_1, category_2)
    found = fetch(focus, f"SELECT * EXCLUDE (problem_id, month) FROM class_month WHERE {condition} AND month = ? ORDER BY code", (*values, month))
    return found if visible is None else found[found["code"].isin(visible)].reset_index(drop=True)


def read_hotspots(focus: Snapshot, visible: frozenset[str] | None) -> pd.DataFrame:
    """The hot spots that touch what is visible: new and worsening ones first, then by the excess of the last four weeks.

    Returns
    -------
    DataFrame
        One row a hot spot: ``hotspot_id``, ``level``, ``category_1``, ``category_2``, ``areas`` (visible codes), ``centre`` (the first of them where it
        is not visible), ``since``, ``first_found_on``, ``last_found_on``, ``stage``, ``told_on``, ``observed`` and ``expected`` since it began, ``low`` and
        ``high`` of their ratio, the same of the last four weeks (``recent_``), ``p_value``, ``recurrence_days``, ``mode``, ``sign``, ``spells``.
        To a reader who sees a part of it the numbers are those of that part, without an interval; a part with no more than expected is left out.
    """
    found = fetch(focus, HOTSPOTS)
    if visible is None or found.empty:
        return found.assign(is_part=False)
    rows = []
    for row in found.to_dict("records"):
        own = [code for code in row["areas"].split() if code in visible]
        if own:
            rows.append(row if len(own) == len(row["areas"].split()) else _part(focus, row, own))
    # a part that has no more than it should is no hot spot to those who see that part alone
    rows = [row for row in rows if not row.get("is_part") or row["observed"] > row["expected"]]
    rows.sort(key=lambda row: (row["stage"] == "ended", row["stage"] not in TOLD, row["recent_expected"] - row["recent_observed"], row["hotspot_id"]))
    columns = [*found.columns, "is_part"]
    return pd.DataFrame([{"is_part": False} | row for row in rows], columns=columns) if rows else found.head(0).assign(is_part=False)


def _part(focus: Snapshot, row: dict[Hashable, Any], own: list[str]) -> dict[Hashable, Any]:
    """A hot spot as one sees it who sees some of its places."""
    marks = ", ".join("?" for _code in own)
    until = fetch(focus, UNTIL, (row["hotspot_id"],))["until"].iloc[0]
    sums = fetch(
        focus,
        "SELECT sum(observed) FILTER (WHERE week BETWEEN ? AND ?) AS observed, sum(expected) FILTER (WHERE week BETWEEN ? AND ?) AS expected, "
        "sum(observed) FILTER (WHERE week > last - INTERVAL 28 DAY) AS recent_observed, sum(expected) FILTER (WHERE week > last - INTERVAL 28 DAY) "
        f"AS recent_expected FROM (SELECT *, max(week) OVER () AS last FROM course WHERE hotspot_id = ?) WHERE code IN ({marks})",
        (row["since"], until, row["since"], until, row["hotspot_id"], *own),
    ).iloc[0]
    numbers = {name: float(sums[name]) if pd.notna(sums[name]) else 0.0 for name in sums.index}
    centre = row["centre"] if row["centre"] in own else own[0]
    unknown = dict.fromkeys(("low", "high", "recent_ratio"), float("nan"))
    return row | numbers | unknown | {"areas": " ".join(own), "centre": centre, "is_part": True}


def _check(focus: Snapshot, visible: frozenset[str] | None, hotspot_id: str) -> pd.Series:
    """The hot spot, where the scope may see a part of it."""
    found = read_hotspots(focus, visible)
    own = found[found["hotspot_id"] == hotspot_id]
    if own.empty:
        message = f"hot spot {hotspot_id} is not one that this scope may see"
        raise ScopeError(message)
    return own.iloc[0]


def read_course(focus: Snapshot, visible: frozenset[str] | None, hotspot_id: str) -> pd.DataFrame:
    """Its last year week by week, over its visible places: ``week``, ``observed``, ``expected``.

    Raises
    ------
    ScopeError
        The scope may not see it; so in the next functions that take a hot spot.
    """
    _check(focus, visible, hotspot_id)
    rows = fetch(focus, "SELECT * FROM course WHERE hotspot_id = ?", (hotspot_id,))
    own = rows if visible is None else rows[rows["code"].isin(visible)]
    return own.groupby("week", as_index=False)[["observed", "expected"]].sum()


def read_steps(focus: Snapshot, visible: frozenset[str] | None, hotspot_id: str) -> pd.DataFrame:
    """Its stage at each cut-off: ``cutoff``, ``stage``, and the ratio of the last four weeks with its interval (``ratio``, ``low``, ``high``).

    To a reader who sees a part of it the numbers are unknown: they are those of the whole.
    """
    spot = _check(focus, visible, hotspot_id)
    steps = fetch(focus, "SELECT * EXCLUDE (hotspot_id) FROM step WHERE hotspot_id = ? ORDER BY cutoff", (hotspot_id,))
    return steps.assign(ratio=float("nan"), low=float("nan"), high=float("nan")) if spot["is_part"] else steps


def read_drivers(focus: Snapshot, visible: frozenset[str] | None, hotspot_id: str) -> pd.DataFrame:
    """What drives it: ``kind``, ``code``, ``name``, ``observed``, ``usual``; parts that lie elsewhere, and those of places not visible, are left out."""
    spot = _check(focus, visible, hotspot_id)
    rows = fetch(focus, "SELECT * EXCLUDE (hotspot_id) FROM driver WHERE hotspot_id = ? ORDER BY kind, observed - usual DESC", (hotspot_id,))
    if visible is None:
        return rows
    allowed = rows["code"].isin(visible)
    if not spot["is_part"]:
        allowed |= rows["kind"].isin(WHOLE)
    return rows[allowed].reset_index(drop=True)


def read_similar(focus: Snapshot, visible: frozenset[str] | None, hotspot_id: str) -> pd.DataFrame:
    """Places with a like mix of problems, and how they stand in this one; of places not visible nothing is said."""
    _check(focus, visible, hotspot_id)
    rows = fetch(focus, "SELECT * EXCLUDE (hotspot_id) FROM alike WHERE hotspot_id = ? ORDER BY likeness DESC", (hotspot_id,))
    return rows if visible is None else rows[rows["code"].isin(visible)].reset_index(drop=True)


def read_points(focus: Snapshot, visible: frozenset[str] | None) -> pd.DataFrame:
    """Points of the last eight weeks, as ``pipeline.focus.points.find_points`` made them."""
    rows = fetch(focus, "SELECT * FROM point ORDER BY observed - usual DESC")
    return rows if visible is None else rows[rows["code"].isin(visible)].reset_index(drop=True)


def read_near_repeats(focus: Snapshot) -> pd.DataFrame:
    """Problems of the whole city that come back near by and soon: names, ``observed`` and ``expected`` pairs, ``ratio``, ``p_value``."""
    return fetch(focus, "SELECT * FROM near_repeat ORDER BY ratio DESC")


def read_sight(focus: Snapshot, category_1: str, category_2: str) -> pd.Series | None:
    """What size of excess a scan of the problem can see: ``usual`` requests of a middling place in four weeks, and the ``least`` found; None if not scanned."""
    rows = fetch(focus, "SELECT usual, least, critical, total FROM sight WHERE category_1 = ? AND category_2 = ?", (category_1, category_2))
    return None if rows.empty else rows.iloc[0]


def read_unit_months(focus: Snapshot, scope: Scope, category_1: str | None) -> pd.DataFrame:
    """Units by month and problem (None: every category, not their sum): ``category_1``, ``code`` (name), ``month``, counts and class as of places.

    A department sees its own row; units cover the whole city, so those who are bound to a place see none.
    """
    if scope.role in (Role.DISTRICT, Role.SUBDISTRICT):
        return fetch(focus, "SELECT '' AS category_1, * EXCLUDE (problem_id) FROM unit_month WHERE false")
    condition, values = ("level = 'category'", ()) if category_1 is None else ("category_1 = ? AND category_2 = ''", (category_1,))
    rows = fetch(focus, f"SELECT category_1, u.* EXCLUDE (problem_id) FROM unit_month u JOIN unit_problem USING (problem_id) WHERE {condition}", values)
    return rows[rows["code"] == scope.unit_code].reset_index(drop=True) if scope.role is Role.DEPARTMENT else rows


def read_unit_shares(focus: Snapshot, scope: Scope, category_1: str) -> pd.DataFrame:
    """How unevenly a problem lies on units: ``month``, ``gini``, ``top_share``; nothing for readers bound to a unit or place."""
    if scope.role in BOUND_ROLES:
        return pd.DataFrame({"month": pd.Series(dtype="datetime64[us]"), "gini": pd.Series(dtype="float64"), "top_share": pd.Series(dtype="float64")})
    return fetch(
        focus,
        "SELECT month, gini, top_share FROM unit_share JOIN unit_problem USING (problem_id) WHERE category_1 = ? AND category_2 = '' ORDER BY month",
        (category_1,),
    )

"""When and where tickets come: volumes by hour of the week, by hexagon and by community. Whole months, no rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.queries import days_sql, fetch, narrow
from storage.rollups import ROLLUPS, VOLUMES
from storage.scope import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from governance.periods import Period
    from storage.queries import Selection
    from storage.scope import Scope
    from storage.snapshot import Snapshot

__all__ = ["read_communities", "read_hexagons", "read_hours"]

FEWEST_LOCATED = 5
"""A community stands where the mean of its tickets does; the mean of fewer would point at a caller."""

DIMENSIONS = {rollup.name: frozenset(rollup.dimensions) for rollup in ROLLUPS}
VOLUME_SUMS = ", ".join(f"CAST(sum({name}) AS BIGINT) AS {name}" for name in VOLUMES)


def read_hours(snapshot: Snapshot, scope: Scope, selection: Selection, period: Period) -> pd.DataFrame:
    """Volume by ``weekday`` (1 = Monday) and ``hour`` (0-23): ``intake_count``, ``request_count``; hours without a ticket are absent.

    Hours are kept by place and by category, not by both, nor by unit, request type or channel: what cannot be
    told apart is not narrowed (``left_out`` in ``attrs`` names it). The scope of a district or a subdistrict always holds;
    a department, for which there are no hours, gets none.
    """
    where = narrow(snapshot, scope, selection)
    rollup = "place_hour" if "place_id" in where.dimensions else "category_hour"
    if scope.role is Role.DEPARTMENT:
        found = fetch(snapshot, f"SELECT weekday, hour, {', '.join(VOLUMES)} FROM {rollup} LIMIT 0")
    else:
        found = _sums(snapshot, rollup, ("weekday", "hour"), where.conditions, period)
    found.attrs["left_out"] = sorted(where.dimensions - DIMENSIONS[rollup])
    return found


def read_hexagons(snapshot: Snapshot, scope: Scope, selection: Selection, period: Period) -> pd.DataFrame:
    """Volume by ``hexagon`` (H3 cell number at the finest resolution kept; 0 = no position): ``intake_count``, ``request_count``.

    Only place and category narrow it; a department sees none.
    """
    where = narrow(snapshot, scope, selection)
    if scope.role is Role.DEPARTMENT:
        return fetch(snapshot, f"SELECT hexagon, {', '.join(VOLUMES)} FROM hexagon_month LIMIT 0")
    return _sums(snapshot, "hexagon_month", ("hexagon",), where.conditions, period)


def read_communities(snapshot: Snapshot, scope: Scope, selection: Selection, period: Period) -> pd.DataFrame:
    """Communities of the period: ``community``, ``subdistrict_code``, ``intake_count``, ``request_count``, ``longitude``, ``latitude``.

    The position is the mean over all tickets of the community that have one, in degrees; NaN where fewer than five have.
    Only the place narrows it; a department sees none.
    """
    where = narrow(snapshot, scope, selection)
    conditions = " AND ".join(_kept("community_month", where.conditions)) or "true"
    if scope.role is Role.DEPARTMENT:
        conditions = "false"
    mean = f"CASE WHEN located >= {FEWEST_LOCATED} THEN {{}} / located / 1e5 END"
    return fetch(
        snapshot,
        f"SELECT community, subdistrict_code, intake_count, request_count, {mean.format('x')} AS longitude, {mean.format('y')} AS latitude FROM ("
        f"SELECT place_id, community, {VOLUME_SUMS} FROM community_month WHERE {days_sql(period.start, period.end)} AND {conditions} AND community <> '' "
        "GROUP BY ALL) JOIN (SELECT place_id, community, sum(located_count) AS located, sum(longitude_e5_sum) AS x, sum(latitude_e5_sum) AS y "
        f"FROM community_month WHERE {conditions} GROUP BY ALL) USING (place_id, community) JOIN place USING (place_id) "
        "ORDER BY request_count DESC, intake_count DESC, community",
    )


def _kept(rollup: str, conditions: Iterable[str]) -> list[str]:
    """The conditions over dimensions that the rollup has."""
    return [condition for condition in conditions if condition.split(" ", 1)[0] in DIMENSIONS[rollup]]


def _sums(snapshot: Snapshot, rollup: str, keys: tuple[str, ...], conditions: Iterable[str], period: Period) -> pd.DataFrame:
    kept = [days_sql(period.start, period.end), *_kept(rollup, conditions)]
    columns = ", ".join(keys)
    return fetch(snapshot, f"SELECT {columns}, {VOLUME_SUMS} FROM {rollup} WHERE {' AND '.join(kept)} GROUP BY {columns} ORDER BY {columns}")

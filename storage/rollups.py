"""The rollups: which dimensions each has, and how a month of tickets is counted into them. Counts only, never rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.rates import COUNTS
from governance.tickets import Channel, RequestType, Satisfaction
from storage.sources import literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from governance.policy import Policy

__all__ = ["DIMENSIONS", "ROLLUPS", "SCHEMA", "Rollup", "cell_sql", "monthly_rollup", "rollup_sql", "smallest_rollup"]

DIMENSIONS: dict[str, str] = {
    "day": "DATE",
    "place_id": "INTEGER",
    "category_id": "INTEGER",
    "category_1_id": "INTEGER",
    "unit_id": "INTEGER",
    "type_id": "TINYINT",
    "channel_id": "TINYINT",
}
TYPE_IDS: dict[str, int] = {str(member): number for number, member in enumerate(RequestType, start=1)}
CHANNEL_IDS: dict[str, int] = {str(member): number for number, member in enumerate(Channel, start=1)}


@dataclass(frozen=True, slots=True)
class Rollup:
    """A table of counts by some dimensions; a query goes to the first table that has all it needs.

    In a monthly one ``day`` is the first of the month.
    """

    name: str
    dimensions: tuple[str, ...]
    is_monthly: bool = False


ROLLUPS: tuple[Rollup, ...] = (
    Rollup("city_day", ("day", "category_1_id", "type_id", "channel_id")),
    Rollup("unit_day", ("day", "unit_id", "category_1_id")),
    Rollup("place_day", ("day", "place_id", "category_1_id")),
    Rollup("category_day", ("day", "category_1_id", "category_id", "type_id")),
    Rollup("cell_day", tuple(DIMENSIONS)),
    Rollup("place_month", ("day", "place_id", "type_id", "channel_id"), is_monthly=True),
    Rollup("unit_month", ("day", "unit_id", "type_id", "channel_id"), is_monthly=True),
)
"""Daily ones ordered from small to large, the last of them answers everything; monthly ones serve the whole months of long periods."""

SCHEMA = "\n".join(
    [
        "CREATE TABLE meta (name VARCHAR PRIMARY KEY, value VARCHAR);",
        "CREATE TABLE month_source (month VARCHAR PRIMARY KEY, files_key VARCHAR NOT NULL, policy_key VARCHAR NOT NULL);",
        "CREATE TABLE place (place_id INTEGER PRIMARY KEY, district_code VARCHAR, subdistrict_code VARCHAR);",
        "CREATE TABLE category (category_id INTEGER PRIMARY KEY, category_1_id INTEGER NOT NULL, category_1 VARCHAR, category_2 VARCHAR);",
        "CREATE TABLE unit (unit_id INTEGER PRIMARY KEY, unit_code VARCHAR, unit_name VARCHAR, unit_type VARCHAR);",
        *(
            f"CREATE TABLE {rollup.name} ({', '.join(f'{name} {DIMENSIONS[name]} NOT NULL' for name in rollup.dimensions)}, "
            f"{', '.join(f'{name} INTEGER NOT NULL' for name in COUNTS)});"
            for rollup in ROLLUPS
        ),
    ]
)


def smallest_rollup(needed: Iterable[str]) -> str:
    """Name of the smallest rollup that has all of the dimensions."""
    wanted = set(needed)
    return next(rollup.name for rollup in ROLLUPS if not rollup.is_monthly and wanted <= set(rollup.dimensions))


def monthly_rollup(needed: Iterable[str]) -> str | None:
    """Name of a monthly rollup that has all of the dimensions; None where there is none."""
    wanted = set(needed)
    return next((rollup.name for rollup in ROLLUPS if rollup.is_monthly and wanted <= set(rollup.dimensions)), None)


def _ids(column: str, ids: dict[str, int]) -> str:
    cases = " ".join(f"WHEN {literal(word)} THEN {number}" for word, number in ids.items())
    return f"CASE {column} {cases} ELSE 0 END"


def cell_sql(placed: str, policy: Policy) -> str:
    """SQL that counts placed tickets of months under one policy at the finest grain.

    ``placed`` has the columns that counting needs, and ``district_code``, ``subdistrict_code``; dimension tables
    ``place``, ``category`` and ``unit`` must already hold all of the month's values.
    """
    types = ", ".join(map(literal, policy.dispatchable_types))
    resolved = ", ".join(map(literal, policy.resolved_answers))
    satisfied = ", ".join(map(literal, policy.satisfied_answers))
    is_type = f"coalesce(request_type IN ({types}), false)"
    window = f"PARTITION BY repeat_group, date_trunc('month', accepted_at), {is_type} ORDER BY accepted_at, ticket_id"
    first = f"(NOT {is_type} OR repeat_group IS NULL OR row_number() OVER ({window}) = 1)" if policy.merge_repeats else "true"
    measures = {
        "intake_count": "count(*)",
        "request_count": "count(*) FILTER (WHERE counted)",
        "assessed_count": "count(*) FILTER (WHERE assessed)",
        "open_count": "count(*) FILTER (WHERE counted AND closed_at IS NULL)",
        "responded_count": "count(*) FILTER (WHERE assessed AND is_responded)",
        "response_base_count": "count(*) FILTER (WHERE assessed AND is_responded IS NOT NULL)",
        "resolved_count": f"count(*) FILTER (WHERE assessed AND resolution IN ({resolved}))",
        "resolution_base_count": "count(*) FILTER (WHERE assessed AND resolution IS NOT NULL)",
        "satisfied_count": f"count(*) FILTER (WHERE assessed AND satisfaction IN ({satisfied}))",
        "satisfaction_base_count": f"count(*) FILTER (WHERE assessed AND satisfaction <> '{Satisfaction.NOT_RATED}')",
    }
    counts = ", ".join(f"CAST({measures[name]} AS INTEGER) AS {name}" for name in COUNTS)
    return (
        f"SELECT CAST(accepted_at AS DATE) AS day, p.place_id, c.category_id, c.category_1_id, u.unit_id, "
        f"CAST({_ids('request_type', TYPE_IDS)} AS TINYINT) AS type_id, CAST({_ids('channel', CHANNEL_IDS)} AS TINYINT) AS channel_id, {counts} "
        "FROM (SELECT *, counted AND coalesce(is_assessed, true) AND exclusion_reason IS NULL AS assessed "
        f"FROM (SELECT *, {is_type} AND {first} AS counted FROM {placed})) t "
        "JOIN place p ON coalesce(p.district_code, '') = coalesce(t.district_code, '') "
        "AND coalesce(p.subdistrict_code, '') = coalesce(t.subdistrict_code, '') "
        "JOIN category c ON coalesce(c.category_1, '') = coalesce(t.category_1, '') AND coalesce(c.category_2, '') = coalesce(t.category_2, '') "
        "JOIN unit u ON coalesce(u.unit_code, '') = coalesce(t.handling_unit, '') "
        "GROUP BY ALL"
    )


def rollup_sql(rollup: Rollup, cells: str) -> str:
    """SQL that sums cells to one rollup, ordered by day so that a period reads few row groups."""
    dimensions = ", ".join(rollup.dimensions)
    counts = ", ".join(f"CAST(sum({name}) AS INTEGER)" for name in COUNTS)
    if rollup.is_monthly:
        cells = f"(SELECT * REPLACE (CAST(date_trunc('month', day) AS DATE) AS day) FROM {cells})"
    return f"SELECT {dimensions}, {counts} FROM {cells} GROUP BY {dimensions} ORDER BY {dimensions}"

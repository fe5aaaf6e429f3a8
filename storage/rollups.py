"""The rollups: which dimensions each has, and how a month of tickets is counted into them. Counts only, never rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.rates import COUNTS
from governance.tickets import Channel, RequestType, Satisfaction
from storage.positions import HEXAGON_JOIN
from storage.sources import literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from governance.policy import Policy

__all__ = ["DIMENSIONS", "GRAINS", "ROLLUPS", "SCHEMA", "Rollup", "grain_sql", "judged_sql", "monthly_rollup", "rollup_sql", "smallest_rollup"]

DIMENSIONS: dict[str, str] = {
    "day": "DATE",
    "place_id": "INTEGER",
    "category_id": "INTEGER",
    "category_1_id": "INTEGER",
    "unit_id": "INTEGER",
    "type_id": "TINYINT",
    "channel_id": "TINYINT",
    "weekday": "TINYINT",
    "hour": "TINYINT",
    "hexagon": "BIGINT",
    "community": "VARCHAR",
}
CELL = ("day", "place_id", "category_id", "category_1_id", "unit_id", "type_id", "channel_id")
VOLUMES = ("intake_count", "request_count")
POSITIONS = ("located_count", "longitude_e5_sum", "latitude_e5_sum")
"""Of a community: tickets with a position, and the sums of their degrees in hundred thousandths, whole numbers so that they add up exactly."""

TYPE_IDS: dict[str, int] = {str(member): number for number, member in enumerate(RequestType, start=1)}
CHANNEL_IDS: dict[str, int] = {str(member): number for number, member in enumerate(Channel, start=1)}


@dataclass(frozen=True, slots=True)
class Rollup:
    """A table of counts by some dimensions; a query goes to the first table that has all it needs.

    In a monthly one ``day`` is the first of the month. ``grain`` is the table of finest cells it is summed from.
    """

    name: str
    dimensions: tuple[str, ...]
    is_monthly: bool = False
    counts: tuple[str, ...] = COUNTS
    grain: str = "cells"


ROLLUPS: tuple[Rollup, ...] = (
    Rollup("city_day", ("day", "category_1_id", "type_id", "channel_id")),
    Rollup("unit_day", ("day", "unit_id", "category_1_id")),
    Rollup("place_day", ("day", "place_id", "category_1_id")),
    Rollup("category_day", ("day", "category_1_id", "category_id", "type_id")),
    Rollup("cell_day", CELL),
    Rollup("place_month", ("day", "place_id", "type_id", "channel_id"), is_monthly=True),
    Rollup("unit_month", ("day", "unit_id", "type_id", "channel_id"), is_monthly=True),
    Rollup("place_hour", ("day", "place_id", "weekday", "hour"), is_monthly=True, counts=VOLUMES, grain="moments"),
    Rollup("category_hour", ("day", "category_1_id", "weekday", "hour"), is_monthly=True, counts=VOLUMES, grain="moments"),
    Rollup("hexagon_month", ("day", "hexagon", "place_id", "category_1_id"), is_monthly=True, counts=VOLUMES, grain="spots"),
    Rollup("community_month", ("day", "place_id", "community"), is_monthly=True, counts=(*VOLUMES, *POSITIONS), grain="spots"),
)
"""Daily ones ordered from small to large, the last of them answers everything; monthly ones serve the whole months of long periods.

Hours, hexagons and communities are counted by month and in volume only: they are looked at on maps and clocks, not divided into rates.
"""


def _kind(count: str) -> str:
    return "BIGINT" if count in POSITIONS else "INTEGER"


SCHEMA = "\n".join(
    [
        "CREATE TABLE meta (name VARCHAR PRIMARY KEY, value VARCHAR);",
        "CREATE TABLE month_source (month VARCHAR PRIMARY KEY, files_key VARCHAR NOT NULL, policy_key VARCHAR NOT NULL, clock_key VARCHAR NOT NULL);",
        "CREATE TABLE place (place_id INTEGER PRIMARY KEY, district_code VARCHAR, subdistrict_code VARCHAR);",
        "CREATE TABLE category (category_id INTEGER PRIMARY KEY, category_1_id INTEGER NOT NULL, category_1 VARCHAR, category_2 VARCHAR);",
        "CREATE TABLE unit (unit_id INTEGER PRIMARY KEY, unit_code VARCHAR, unit_name VARCHAR, unit_type VARCHAR);",
        *(
            f"CREATE TABLE {rollup.name} ({', '.join(f'{name} {DIMENSIONS[name]} NOT NULL' for name in rollup.dimensions)}, "
            f"{', '.join(f'{name} {_kind(name)} NOT NULL' for name in rollup.counts)});"
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
    return next((rollup.name for rollup in ROLLUPS if rollup.is_monthly and rollup.counts == COUNTS and wanted <= set(rollup.dimensions)), None)


KEPT_COLUMNS = (
    "accepted_at",
    "request_type",
    "closed_at",
    "due",
    "is_responded",
    "resolution",
    "satisfaction",
    "community",
    "longitude",
    "latitude",
    "counted",
)
"""Of placed tickets: what the counts are made from."""


def _ids(column: str, ids: dict[str, int]) -> str:
    cases = " ".join(f"WHEN {literal(word)} THEN {number}" for word, number in ids.items())
    return f"CASE {column} {cases} ELSE 0 END"


def judged_sql(placed: str, policy: Policy) -> str:
    """SQL of placed tickets of months under one policy with their numbers, and whether each counts, is assessed, and until when it is due.

    ``placed`` has the columns that counting needs, and ``district_code``, ``subdistrict_code``; dimension tables
    ``place``, ``category`` and ``unit`` must already hold all of the month's values.
    """
    types = ", ".join(map(literal, policy.dispatchable_types))
    is_type = f"coalesce(request_type IN ({types}), false)"
    counted = f"SELECT *, {is_type} AS counted FROM {placed}"
    if policy.merge_repeats:  # the tickets of no group, which are most, are spared the sorting
        window = f"PARTITION BY repeat_group, date_trunc('month', accepted_at), {is_type} ORDER BY accepted_at, ticket_id"
        counted = (
            f"{counted} WHERE repeat_group IS NULL UNION ALL "
            f"SELECT *, {is_type} AND row_number() OVER ({window}) = 1 AS counted FROM {placed} WHERE repeat_group IS NOT NULL"
        )
    limits = " ".join(f"WHEN {literal(grade)} THEN {hours}" for grade, hours in policy.time_limit_hours.items())
    due = f"coalesce(due_at, coalesce(dispatched_at, accepted_at) + to_hours(CASE urgency {limits} END))"
    return (
        f"SELECT {', '.join(KEPT_COLUMNS)}, CAST(accepted_at AS DATE) AS day, p.place_id, c.category_id, c.category_1_id, u.unit_id, "
        f"CAST({_ids('request_type', TYPE_IDS)} AS TINYINT) AS type_id, CAST({_ids('channel', CHANNEL_IDS)} AS TINYINT) AS channel_id, "
        "counted AND coalesce(is_assessed, true) AND exclusion_reason IS NULL AS assessed "
        f"FROM (SELECT *, {due} AS due FROM ({counted})) t "
        "JOIN place p ON coalesce(p.district_code, '') = coalesce(t.district_code, '') "
        "AND coalesce(p.subdistrict_code, '') = coalesce(t.subdistrict_code, '') "
        "JOIN category c ON coalesce(c.category_1, '') = coalesce(t.category_1, '') AND coalesce(c.category_2, '') = coalesce(t.category_2, '') "
        "JOIN unit u ON coalesce(u.unit_code, '') = coalesce(t.handling_unit, '')"
    )


def _measures(policy: Policy, as_of: date) -> dict[str, str]:
    """SQL of each count over judged tickets; overdue is who was late at the start of day ``as_of``."""
    resolved = ", ".join(map(literal, policy.resolved_answers))
    satisfied = ", ".join(map(literal, policy.satisfied_answers))
    return {
        "intake_count": "count(*)",
        "request_count": "count(*) FILTER (WHERE counted)",
        "assessed_count": "count(*) FILTER (WHERE assessed)",
        "open_count": "count(*) FILTER (WHERE counted AND closed_at IS NULL)",
        "due_count": "count(*) FILTER (WHERE counted AND due IS NOT NULL)",
        "overdue_count": f"count(*) FILTER (WHERE counted AND coalesce(closed_at, TIMESTAMP '{as_of}') > due)",
        "consultation_count": f"count(*) FILTER (WHERE request_type = '{RequestType.INQUIRY}')",
        "responded_count": "count(*) FILTER (WHERE assessed AND is_responded)",
        "response_base_count": "count(*) FILTER (WHERE assessed AND is_responded IS NOT NULL)",
        "resolved_count": f"count(*) FILTER (WHERE assessed AND resolution IN ({resolved}))",
        "resolution_base_count": "count(*) FILTER (WHERE assessed AND resolution IS NOT NULL)",
        "satisfied_count": f"count(*) FILTER (WHERE assessed AND satisfaction IN ({satisfied}))",
        "satisfaction_base_count": f"count(*) FILTER (WHERE assessed AND satisfaction <> '{Satisfaction.NOT_RATED}')",
        "located_count": "count(longitude + latitude)",
        "longitude_e5_sum": "coalesce(sum(CAST(round(longitude * 1e5) AS BIGINT)) FILTER (WHERE latitude IS NOT NULL), 0)",
        "latitude_e5_sum": "coalesce(sum(CAST(round(latitude * 1e5) AS BIGINT)) FILTER (WHERE longitude IS NOT NULL), 0)",
    }


MONTH_DAY = "CAST(date_trunc('month', accepted_at) AS DATE) AS day"
GRAINS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "cells": (CELL, COUNTS),
    "moments": (
        (MONTH_DAY, "place_id", "category_1_id", "CAST(isodow(accepted_at) AS TINYINT) AS weekday", "CAST(hour(accepted_at) AS TINYINT) AS hour"),
        VOLUMES,
    ),
    "spots": (
        (MONTH_DAY, "place_id", "category_1_id", "coalesce(hexagon, 0) AS hexagon", "coalesce(community, '') AS community"),
        (*VOLUMES, *POSITIONS),
    ),
}
"""The finest tables that tickets are counted into: their dimensions over judged tickets, and what is counted. Weekday 1 is Monday."""

JOINS = {"spots": HEXAGON_JOIN}


def grain_sql(grain: str, judged: str, policy: Policy, as_of: date) -> str:
    """SQL that counts judged tickets at one of the finest grains."""
    dimensions, counts = GRAINS[grain]
    measures = _measures(policy, as_of)
    counted = ", ".join(f"CAST({measures[name]} AS {_kind(name)}) AS {name}" for name in counts)
    return f"SELECT {', '.join(dimensions)}, {counted} FROM {judged} {JOINS.get(grain, '')} GROUP BY ALL"


def rollup_sql(rollup: Rollup) -> str:
    """SQL that sums the finest cells to one rollup, ordered by day so that a period reads few row groups."""
    if rollup.grain == "cells" and rollup.dimensions == CELL:
        return f"SELECT * FROM cells ORDER BY {', '.join(CELL)}"
    dimensions = ", ".join(rollup.dimensions)
    counts = ", ".join(f"CAST(sum({name}) AS {_kind(name)})" for name in rollup.counts)
    cells = rollup.grain
    if rollup.is_monthly and rollup.grain == "cells":
        cells = "(SELECT * REPLACE (CAST(date_trunc('month', day) AS DATE) AS day) FROM cells)"
    return f"SELECT {dimensions}, {counts} FROM {cells} GROUP BY {dimensions} ORDER BY {dimensions}"

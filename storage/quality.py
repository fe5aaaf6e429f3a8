"""Facts about the quality of what was delivered, counted by month of acceptance beside the rollups.

Counts only, from the lake's files of the months that changed, as the rollups are. A month's facts depend on the
month alone, so that a change in one month never leaves the facts of another out of date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.completeness import DUPLICATE_DAYS
from governance.tickets import FIELDS, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date

    from storage.engine import Connection
    from storage.places import PlaceRegister

__all__ = ["QUALITY_SCHEMA", "count_quality", "forget_quality"]

TABLES: dict[str, str] = {
    "quality_month": (
        "month DATE, ticket_count INTEGER, unplaced_count INTEGER, unclassified_count INTEGER, no_unit_count INTEGER, "
        "comparable_count INTEGER, duplicate_count INTEGER"
    ),
    "quality_field": "month DATE, field VARCHAR, filled_count INTEGER",
    "quality_place": "month DATE, district VARCHAR, subdistrict VARCHAR, ticket_count INTEGER",
    "quality_arrival": "month DATE, received_no INTEGER, accepted_on DATE, ticket_count INTEGER",
}
"""Table to columns. ``month`` is the first day of the month of acceptance; no column is a ratio.

``quality_place`` has the labels that found no subdistrict, NULL where there was none. ``quality_arrival`` has, for each day
of acceptance, the file in which the version now in the lake came; the lake does not keep in which file a ticket came first.
``comparable_count`` are tickets of which caller, second-level category and place are known, so that duplicates can be seen.
"""

QUALITY_SCHEMA = "\n".join([f"-- duplicates within {DUPLICATE_DAYS} days", *(f"CREATE TABLE {name} ({columns});" for name, columns in TABLES.items())])
"""The mart is made anew when this text changes, so it also says what the counts depend on."""

MONTH = "CAST(date_trunc('month', accepted_at) AS DATE) AS month"
NEEDED = ("ticket_id", "accepted_at", "district", "subdistrict", "district_code", "subdistrict_code", "category_1", "category_2", "handling_unit", "caller_key")


def count_quality(connection: Connection, tickets: str, register: PlaceRegister) -> None:
    """Counts the facts of whole months into the quality tables.

    Parameters
    ----------
    connection
        With the mart in use, its quality tables made and free of these months.
    tickets
        SQL relation over all tickets of the months, with the lake's columns.
    register
        Resolves the place labels.
    """
    run = connection.execute
    run(f"INSERT INTO quality_field {_fields_sql(tickets)}")
    run(f"INSERT INTO quality_arrival SELECT {MONTH}, received_no, CAST(accepted_at AS DATE), count(*) FROM {tickets} GROUP BY ALL ORDER BY ALL")
    placed = register.place_sql(connection, tickets)
    run(f"CREATE OR REPLACE TEMP TABLE quality_placed AS SELECT {MONTH}, {', '.join(NEEDED)} FROM {placed}")
    run(
        "INSERT INTO quality_place SELECT month, district, subdistrict, count(*) FROM quality_placed "
        "WHERE subdistrict_code IS NULL GROUP BY month, district, subdistrict ORDER BY month, count(*) DESC, district, subdistrict"
    )
    run(f"INSERT INTO quality_month {_months_sql('quality_placed')}")
    run("DROP TABLE quality_placed")


def forget_quality(connection: Connection, months: Iterable[date]) -> None:
    """Deletes the facts of months, given by their first days."""
    for month in months:
        for name in TABLES:
            connection.execute(f"DELETE FROM {name} WHERE month = ?", [month])


def _fields_sql(tickets: str) -> str:
    """SQL of the tickets of each month in which each field of the contract holds something; an empty list holds nothing."""
    filled = []
    for item in FIELDS:
        column = "caller_key" if item.kind is Kind.CALLER else item.name
        counted = f"count(*) FILTER (WHERE len({column}) > 0)" if item.kind is Kind.LABELS else f"count({column})"
        filled.append(f'CAST({counted} AS INTEGER) AS "{item.name}"')
    names = ", ".join(f'"{item.name}"' for item in FIELDS)
    wide = f"SELECT {MONTH}, {', '.join(filled)} FROM {tickets} GROUP BY 1"
    return f"SELECT month, field, filled_count FROM (UNPIVOT ({wide}) ON {names} INTO NAME field VALUE filled_count) ORDER BY month, field"


def _months_sql(placed: str) -> str:
    """SQL of the facts that are one number a month.

    A suspected duplicate comes at most three days after another ticket of the same caller, second-level category and place.
    Pairs over the end of a month are not seen, as repeats are not merged over it either.
    """
    place = "coalesce(subdistrict_code, subdistrict)"
    comparable = f"(caller_key IS NOT NULL AND category_2 IS NOT NULL AND {place} IS NOT NULL)"
    before = f"lag(accepted_at) OVER (PARTITION BY month, caller_key, category_2, {place} ORDER BY accepted_at, ticket_id)"
    return (
        "SELECT month, count(*), count(*) FILTER (WHERE subdistrict_code IS NULL), count(*) FILTER (WHERE category_1 IS NULL), "
        "count(*) FILTER (WHERE handling_unit IS NULL), count(*) FILTER (WHERE comparable), "
        f"count(*) FILTER (WHERE comparable AND accepted_at - before <= to_days({DUPLICATE_DAYS})) "
        f"FROM (SELECT *, {comparable} AS comparable, {before} AS before FROM {placed}) GROUP BY month ORDER BY month"
    )

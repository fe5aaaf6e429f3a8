"""Facts about the quality of what was delivered, counted by month of acceptance beside the rollups.

Counts only, from the lake's files of the months that changed, as the rollups are. A month's facts depend on the
month alone, so that a change in one month never leaves the facts of another out of date.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.completeness import DUPLICATE_DAYS
from governance.tickets import FIELDS, Kind
from storage.sources import literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from storage.engine import Connection
    from storage.lake import Lake, LakeFile

__all__ = ["PLACED_COLUMNS", "QUALITY_SCHEMA", "count_quality", "forget_quality"]

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
LISTS = [item for item in FIELDS if item.kind is Kind.LABELS]
PLACED_COLUMNS = ("ticket_id", "accepted_at", "district", "subdistrict", "category_1", "category_2", "handling_unit", "caller_key")


def count_quality(connection: Connection, lake: Lake, files: Sequence[LakeFile], placed: str) -> None:
    """Counts the facts of whole months into the quality tables.

    Parameters
    ----------
    connection
        With the mart in use, its quality tables made and free of these months.
    lake, files
        The lake and all of its files of these months.
    placed
        SQL relation over their tickets with their places resolved: at least ``PLACED_COLUMNS``, and the codes of district and subdistrict.
    """
    run = connection.execute
    tickets = lake.relation(files)
    run(f"INSERT INTO quality_field {_fields_sql(tickets, lake.filled_sql(files))}")
    run(f"INSERT INTO quality_arrival SELECT {MONTH}, received_no, CAST(accepted_at AS DATE), count(*) FROM {tickets} GROUP BY ALL ORDER BY ALL")
    run(
        f"INSERT INTO quality_place SELECT {MONTH}, district, subdistrict, count(*) FROM {placed} "
        "WHERE subdistrict_code IS NULL GROUP BY month, district, subdistrict ORDER BY month, count(*) DESC, district, subdistrict"
    )
    run(f"INSERT INTO quality_month {_months_sql(placed)}")


def forget_quality(connection: Connection, months: Iterable[date]) -> None:
    """Deletes the facts of months, given by their first days."""
    for month in months:
        for name in TABLES:
            connection.execute(f"DELETE FROM {name} WHERE month = ?", [month])


def _fields_sql(tickets: str, filled: str) -> str:
    """SQL of the tickets of each month in which each field of the contract holds something; an empty list holds nothing."""
    names = ", ".join(f"({literal('caller_key' if item.kind is Kind.CALLER else item.name)}, {literal(item.name)})" for item in FIELDS)
    lists = [f"SELECT {MONTH}, {literal(item.name)}, count(*) FILTER (WHERE len({item.name}) > 0) FROM {tickets} GROUP BY 1" for item in LISTS]
    of_footers = f"SELECT month, name, filled_count FROM ({filled}) JOIN (VALUES {names}) named(field, name) USING (field)"
    return f"{' UNION ALL '.join([of_footers, *lists])} ORDER BY 1, 2"


def _months_sql(placed: str) -> str:
    """SQL of the facts that are one number a month.

    A suspected duplicate comes at most three days after another ticket of the same caller, second-level category and place.
    Pairs over the end of a month are not seen, as repeats are not merged over it either.
    """
    same = "month, caller_key, category_2, place"
    # tickets whose caller, matter and place come once in the month, which are most, are spared the sorting
    return (
        f"WITH ticket AS (SELECT {MONTH}, ticket_id, accepted_at, caller_key, category_1, category_2, handling_unit, subdistrict_code, "
        f"coalesce(subdistrict_code, subdistrict) AS place FROM {placed}), "
        "comparable AS (SELECT * FROM ticket WHERE caller_key IS NOT NULL AND category_2 IS NOT NULL AND place IS NOT NULL), "
        f"again AS (SELECT {same} FROM comparable GROUP BY ALL HAVING count(*) > 1), "
        f"following AS (SELECT month, accepted_at - lag(accepted_at) OVER (PARTITION BY {same} ORDER BY accepted_at, ticket_id) AS gap "
        f"FROM comparable SEMI JOIN again USING ({same})), "
        f"duplicate AS (SELECT month, count(*) AS duplicates FROM following WHERE gap <= to_days({DUPLICATE_DAYS}) GROUP BY month) "
        "SELECT month, count(*), count(*) FILTER (WHERE subdistrict_code IS NULL), count(*) FILTER (WHERE category_1 IS NULL), "
        "count(*) FILTER (WHERE handling_unit IS NULL), "
        "count(*) FILTER (WHERE caller_key IS NOT NULL AND category_2 IS NOT NULL AND place IS NOT NULL), coalesce(any_value(duplicates), 0) "
        "FROM ticket LEFT JOIN duplicate USING (month) GROUP BY month ORDER BY month"
    )

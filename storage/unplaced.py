"""Tickets that have no place on the map, counted by the file they came in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.sources import literal

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from storage.places import PlaceRegister

__all__ = ["count_unplaced"]

NEEDED = "district, subdistrict, longitude, latitude, received_no"


def count_unplaced(connection: duckdb.DuckDBPyConnection, kept: str, written: list[Path], register: PlaceRegister, numbers: list[int]) -> dict[int, int]:
    """File number to its tickets without a known subdistrict, for the files asked for.

    Parameters
    ----------
    kept
        Relation over the lake files that stay.
    written
        Files about to join them.
    """
    wanted = ", ".join(map(str, numbers))
    own = f"SELECT {NEEDED} FROM {kept} WHERE received_no IN ({wanted})"
    if written:
        listed = ", ".join(literal(str(path)) for path in written)
        own += f" UNION ALL SELECT {NEEDED} FROM read_parquet([{listed}], hive_partitioning = false) WHERE received_no IN ({wanted})"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE arrived AS {own}")
    placed = register.place_sql(connection, "arrived")
    rows = connection.execute(f"SELECT received_no, count(*) FROM {placed} WHERE subdistrict_code IS NULL GROUP BY received_no").fetchall()
    return {int(number): int(count) for number, count in rows}

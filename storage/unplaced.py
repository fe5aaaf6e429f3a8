"""Tickets that have no place on the map, counted by the file they came in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

    from storage.places import PlaceRegister

__all__ = ["count_unplaced"]


def count_unplaced(connection: duckdb.DuckDBPyConnection, tickets: str, register: PlaceRegister, numbers: list[int]) -> dict[int, int]:
    """File number to its tickets in the store without a known subdistrict, for the files asked for."""
    wanted = ", ".join(map(str, numbers))
    own = f"(SELECT district, subdistrict, longitude, latitude, received_no FROM {tickets} WHERE received_no IN ({wanted}))"
    placed = register.place_sql(connection, own)
    rows = connection.execute(f"SELECT received_no, count(*) FROM {placed} WHERE subdistrict_code IS NULL GROUP BY received_no").fetchall()
    return {int(number): int(count) for number, count in rows}

"""Positions of tickets for the engine: a table of the hexagon around each position."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from geodata.hexagons import GRID_DIGITS, cells_at

if TYPE_CHECKING:
    from storage.engine import Connection

__all__ = ["HEXAGON_JOIN", "list_hexagons"]

SCALE = 10**GRID_DIGITS
# half a step goes to the even side, as where the cells are looked up
EAST, NORTH = (f"CAST(round_even({name} * {SCALE}, 0) AS INTEGER)" for name in ("longitude", "latitude"))
HEXAGON_JOIN = f"LEFT JOIN hexagon_of_position ON east = {EAST} AND north = {NORTH}"
"""SQL that gives tickets the column ``hexagon``; NULL where there is no position."""


def list_hexagons(connection: Connection, tickets: str) -> None:
    """Makes the temporary table ``hexagon_of_position``: every distinct position of the tickets, looked up once.

    Parameters
    ----------
    connection
        A worker connection.
    tickets
        SQL relation with ``longitude`` and ``latitude`` in degrees, NULL where there is no position.
    """
    known = "longitude IS NOT NULL AND latitude IS NOT NULL"
    table = connection.sql(f"SELECT DISTINCT {EAST} AS east, {NORTH} AS north FROM {tickets} WHERE {known}").to_arrow_table()
    degrees = [np.asarray(table[name], dtype="float64") / SCALE for name in ("east", "north")]
    connection.register("hexagons_found", table.append_column("hexagon", pa.array(cells_at(*degrees), pa.int64())))
    connection.execute("CREATE OR REPLACE TEMP TABLE hexagon_of_position AS SELECT * FROM hexagons_found")
    connection.unregister("hexagons_found")

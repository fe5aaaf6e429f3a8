"""Positions of tickets for the engine: the hexagon around a position, as a function in SQL."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pyarrow as pa
from duckdb.func import ARROW, SPECIAL

from geodata.hexagons import cells_at

if TYPE_CHECKING:
    from storage.engine import Connection

__all__ = ["offer_hexagons"]


def offer_hexagons(connection: Connection) -> None:
    """Gives the engine ``hexagon_at(longitude, latitude)``: a BIGINT, NULL where there is no position."""

    def hexagon_at(longitude: pa.Array, latitude: pa.Array) -> pa.Array:
        cells = cells_at(np.asarray(longitude, dtype="float64"), np.asarray(latitude, dtype="float64"))
        return pa.array(cells, pa.int64(), mask=cells == 0)

    with suppress(duckdb.InvalidInputException):  # there is no "create or replace" for functions
        connection.remove_function("hexagon_at")
    connection.create_function("hexagon_at", hexagon_at, ["DOUBLE", "DOUBLE"], "BIGINT", type=ARROW, null_handling=SPECIAL)

"""The hexagon grid (H3): which cell a position lies in, and the cell around it at a coarser step. No position is kept finer than a cell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h3.api.basic_int as h3
import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FINEST", "cells_at", "named", "outlines", "parents"]

FINEST = 8
"""Resolution at which positions are counted: cells of about 0.7 km², some hundred households at least in a city."""

GRID_DIGITS = 3
"""Decimal places to which positions are rounded before their cell is looked up; a thousandth of a degree is about 100 m."""


def cells_at(longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """The cell of each position at the finest resolution.

    Parameters
    ----------
    longitude, latitude
        Degrees (WGS 84), float64; NaN where there is no position.

    Returns
    -------
    ndarray of int64
        Cell numbers; 0 where there is no position. Positions are rounded to a thousandth of a degree first, so that
        a cell is looked up once for many; a position within 60 m of a cell's edge may be counted next door.

    References
    ----------
    Sahr, White & Kimerling (2003), "Geodesic Discrete Global Grid Systems"; H3 documentation, table of resolutions.
    """
    pairs = np.round(np.column_stack([longitude, latitude]).astype("float64"), GRID_DIGITS)
    known = np.isfinite(pairs).all(axis=1)
    found = np.zeros(len(pairs), dtype="int64")
    if known.any():
        distinct, where = np.unique(pairs[known], axis=0, return_inverse=True)
        cells = np.array([h3.latlng_to_cell(lat, lon, FINEST) for lon, lat in distinct], dtype="int64")
        found[known] = cells[where.ravel()]
    return found


def parents(cells: pd.Series, resolution: int) -> pd.Series:
    """The coarser cell that holds each cell; 0 stays 0.

    Raises
    ------
    ValueError
        The resolution is finer than that of the cells.
    """
    if not 0 <= resolution <= FINEST:
        message = f"parents: resolution is {resolution}, allowed are 0 to {FINEST}"
        raise ValueError(message)
    known = {int(cell): h3.cell_to_parent(int(cell), resolution) if cell else 0 for cell in cells.unique()}
    return cells.map(known).astype("int64")


def named(cells: Iterable[int]) -> pd.DataFrame:
    """Each cell's public name (``cell``, hexadecimal) and the ``longitude`` and ``latitude`` of its centre in degrees."""
    rows = [(h3.int_to_str(int(cell)), *reversed(h3.cell_to_latlng(int(cell)))) for cell in cells]
    return pd.DataFrame(rows, columns=["cell", "longitude", "latitude"])


def outlines(cells: Iterable[int]) -> dict[int, list[tuple[float, float]]]:
    """The closed outline of each cell as (longitude, latitude) in degrees."""
    rings = {}
    for cell in cells:
        ring = [(longitude, latitude) for latitude, longitude in h3.cell_to_boundary(int(cell))]
        rings[int(cell)] = [*ring, ring[0]]
    return rings

"""Daily counts of every cell of place and category, as arrays for forecasting. For batches, which see everything; pages read ``storage.reads``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from storage.queries import fetch

if TYPE_CHECKING:
    from storage.snapshot import Snapshot

__all__ = ["CellSeries", "read_category_series", "read_cell_series", "read_lead_units"]

UNPLACED = ""
"""Code of tickets on no district or no subdistrict: they are part of the city and of no place."""

UNCLASSIFIED = ""
OWN_YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class CellSeries:
    """Requests by cell and day.

    Attributes
    ----------
    cells
        One row a cell, its codes: ``district``, ``subdistrict``, ``category_1``; empty where not placed or not classified.
    days
        Every day from the first to the last with tickets, datetime64[D]; none where there are no tickets.
    counts
        Cells x days, float32.
    """

    cells: pd.DataFrame
    days: np.ndarray
    counts: np.ndarray


def _days(snapshot: Snapshot) -> np.ndarray:
    ends = fetch(snapshot, "SELECT min(day) AS first, max(day) AS last FROM city_day").iloc[0]
    if pd.isna(ends["first"]):
        return np.array([], dtype="datetime64[D]")
    return np.arange(np.datetime64(ends["first"], "D"), np.datetime64(ends["last"], "D") + 1)


def _filled(rows: pd.DataFrame, key: str, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct keys, and their counts by day."""
    keys, number = np.unique(rows[key].to_numpy(), return_inverse=True)
    counts = np.zeros((len(keys), len(days)), dtype="float32")
    if rows.empty:
        return keys, counts
    place = (rows["day"].to_numpy().astype("datetime64[D]") - days[0]).astype("int64")
    counts[number, place] = rows["request_count"].to_numpy()
    return keys, counts


def read_cell_series(snapshot: Snapshot) -> CellSeries:
    """Requests by place, first-level category and day."""
    days = _days(snapshot)
    rows = fetch(
        snapshot,
        "SELECT day, place_id * 100000 + category_1_id AS cell, CAST(sum(request_count) AS INTEGER) AS request_count "
        "FROM place_day GROUP BY ALL HAVING sum(request_count) > 0",
    )
    keys, counts = _filled(rows, "cell", days)
    codes = ", ".join(f"coalesce({level}_code, '{UNPLACED}') AS {level}" for level in ("district", "subdistrict"))
    places = fetch(snapshot, f"SELECT place_id, {codes} FROM place")
    names = fetch(snapshot, f"SELECT DISTINCT category_1_id, coalesce(category_1, '{UNCLASSIFIED}') AS category_1 FROM category")
    cells = pd.DataFrame({"place_id": keys // 100_000, "category_1_id": keys % 100_000})
    cells = cells.merge(places, on="place_id", how="left").merge(names, on="category_1_id", how="left")
    return CellSeries(cells[["district", "subdistrict", "category_1"]], days, counts)


def read_category_series(snapshot: Snapshot) -> CellSeries:
    """Requests of the whole city by second-level category and day; the cells have ``category_1`` and ``category_2``."""
    days = _days(snapshot)
    rows = fetch(
        snapshot,
        "SELECT day, category_id, CAST(sum(request_count) AS INTEGER) AS request_count FROM category_day GROUP BY ALL HAVING sum(request_count) > 0",
    )
    keys, counts = _filled(rows, "category_id", days)
    names = fetch(
        snapshot,
        f"SELECT category_id, coalesce(category_1, '{UNCLASSIFIED}') AS category_1, coalesce(category_2, '{UNCLASSIFIED}') AS category_2 FROM category",
    ).set_index("category_id")
    return CellSeries(names.loc[keys].reset_index(drop=True), days, counts)


def read_lead_units(snapshot: Snapshot) -> pd.DataFrame:
    """The handling unit that took most requests of each first-level category in the last year, of each type of unit.

    Returns
    -------
    DataFrame
        ``category_1``, ``unit_type`` (None where it has none), ``unit_name``, ``request_count``.
    """
    return fetch(
        snapshot,
        "WITH counted AS (SELECT category_1, unit_type, unit_name, CAST(sum(request_count) AS BIGINT) AS request_count FROM unit_day "
        "JOIN unit USING (unit_id) JOIN (SELECT DISTINCT category_1_id, category_1 FROM category) USING (category_1_id) "
        f"WHERE day > (SELECT max(day) - {OWN_YEAR_DAYS} FROM unit_day) AND unit_name IS NOT NULL AND category_1 IS NOT NULL GROUP BY ALL) "
        "SELECT * FROM counted QUALIFY row_number() OVER (PARTITION BY category_1, unit_type ORDER BY request_count DESC, unit_name) = 1 ORDER BY ALL",
    )

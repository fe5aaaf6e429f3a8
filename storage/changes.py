"""Reads behind "what changed": requests by category and place, of a period and week by week."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.queries import days_sql, fetch, narrow
from storage.rollups import smallest_rollup

if TYPE_CHECKING:
    import pandas as pd

    from governance.periods import Period
    from storage.queries import Selection
    from storage.scope import Scope
    from storage.snapshot import Snapshot

__all__ = ["read_cells", "read_weekly_cells"]

LEVELS = {"category_1": ("category_1_id", "(SELECT DISTINCT category_1_id, category_1 FROM category)"), "category_2": ("category_id", "category")}


def read_cells(snapshot: Snapshot, scope: Scope, selection: Selection, period: Period, *, category: str, place: str) -> pd.DataFrame:
    """Requests of a period by category and place.

    Parameters
    ----------
    category
        "category_1" or "category_2".
    place
        "district" or "subdistrict".

    Returns
    -------
    DataFrame
        ``category``, ``place_code`` (None where unknown) and ``count``, the requests; cells without requests are not there.
    """
    return fetch(snapshot, _cells_sql(snapshot, scope, selection, period, category, place, ()))


def read_weekly_cells(snapshot: Snapshot, scope: Scope, selection: Selection, period: Period, *, category: str, place: str) -> pd.DataFrame:
    """As ``read_cells``, by week from the period's first day: also ``day``, the first day of the week (datetime64)."""
    week = f"time_bucket(INTERVAL 7 DAY, day, DATE '{period.start}')"
    rows = fetch(snapshot, _cells_sql(snapshot, scope, selection, period, category, place, (f"CAST({week} AS TIMESTAMP) AS day",)))
    return rows.astype({"day": "datetime64[us]"})


def _cells_sql(snapshot: Snapshot, scope: Scope, selection: Selection, period: Period, category: str, place: str, more: tuple[str, ...]) -> str:
    if category not in LEVELS or place not in ("district", "subdistrict"):
        message = f"read_cells: category is {category!r} and place {place!r}; allowed are {', '.join(LEVELS)} and district, subdistrict"
        raise ValueError(message)
    number, names = LEVELS[category]
    where = narrow(snapshot, scope, selection)
    rollup = smallest_rollup({"day", "place_id", number, *where.dimensions})
    conditions = " AND ".join((days_sql(period.start, period.end), *where.conditions))
    keys = "".join(f"{item.rsplit(' AS ', 1)[-1]}, " for item in more)
    columns = "".join(f"{item}, " for item in more)
    # numbers are summed before their names are joined: there are a thousand times fewer sums than rows
    sums = f"SELECT {columns}place_id, {number}, sum(request_count) AS requests FROM {rollup} WHERE {conditions} GROUP BY ALL"
    return (
        f"SELECT {keys}{category} AS category, {place}_code AS place_code, CAST(sum(requests) AS BIGINT) AS count FROM ({sums}) "
        f"JOIN {names} USING ({number}) JOIN place USING (place_id) GROUP BY ALL HAVING sum(requests) > 0 ORDER BY ALL"
    )

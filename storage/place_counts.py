"""Counts of every problem, place and period, and of every problem, unit and month, as arrays. For batches, which see everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from storage.queries import fetch

if TYPE_CHECKING:
    from datetime import date

    from storage.snapshot import Snapshot

__all__ = ["Counts", "read_place_months", "read_place_weeks", "read_unit_months"]

WEEK = 7
PLACES = "SELECT code FROM register WHERE level = 'subdistrict' ORDER BY code"
UNITS = "SELECT unit_name AS code FROM unit WHERE unit_name IS NOT NULL GROUP BY unit_name ORDER BY unit_name"


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests of M problems, N members (places or units) and T periods.

    Attributes
    ----------
    problems
        M rows: ``category_1``, ``category_2`` (empty where not classified; of units always empty).
    members
        N codes: all places of the register, also those without tickets; or names of units.
    starts
        First day of each period, T, datetime64[D].
    counts
        M x N x T, float32.
    """

    problems: pd.DataFrame
    members: tuple[str, ...]
    starts: np.ndarray
    counts: np.ndarray


def read_place_weeks(snapshot: Snapshot, until: date, weeks: int) -> Counts:
    """Requests by category of the second level and place in up to ``weeks`` weeks, of which the last ends with day ``until``."""
    first = _first_day(snapshot)
    if first is None:
        return _empty(snapshot, PLACES)
    number = min(weeks, int((np.datetime64(until, "D") - first).astype("int64") + 1) // WEEK)
    after = np.datetime64(until, "D") + 1
    starts = after - WEEK * np.arange(number, 0, -1)
    if not number:
        return _empty(snapshot, PLACES)
    return _placed(snapshot, starts, after, f"date_diff('day', DATE '{starts[0]}', day) // {WEEK}")


def read_place_months(snapshot: Snapshot, until: date, months: int) -> Counts:
    """Requests by category of the second level and place in up to ``months`` whole months, of which the last ends by day ``until``."""
    starts, after = _months(snapshot, until, months)
    if not len(starts):
        return _empty(snapshot, PLACES)
    return _placed(snapshot, starts, after, f"date_diff('month', DATE '{starts[0]}', day)")


def read_unit_months(snapshot: Snapshot, until: date, months: int) -> Counts:
    """Requests by category of the first level and handling unit in up to ``months`` whole months, of which the last ends by day ``until``."""
    starts, after = _months(snapshot, until, months)
    if not len(starts):
        return _empty(snapshot, UNITS)
    rows = fetch(
        snapshot,
        f"SELECT coalesce(category_1, '') AS category_1, '' AS category_2, unit_name AS code, date_diff('month', DATE '{starts[0]}', day) AS period, "
        "CAST(sum(request_count) AS INTEGER) AS request_count FROM unit_day JOIN unit USING (unit_id) "
        "JOIN (SELECT DISTINCT category_1_id, category_1 FROM category) USING (category_1_id) "
        f"WHERE {_between(starts, after)} AND unit_name IS NOT NULL GROUP BY ALL",
    )
    return _filled(rows, fetch(snapshot, UNITS)["code"], starts)


def _placed(snapshot: Snapshot, starts: np.ndarray, after: np.datetime64, period: str) -> Counts:
    rows = fetch(
        snapshot,
        f"SELECT coalesce(category_1, '') AS category_1, coalesce(category_2, '') AS category_2, subdistrict_code AS code, {period} AS period, "
        "CAST(sum(request_count) AS INTEGER) AS request_count FROM cell_day JOIN place USING (place_id) JOIN category USING (category_id) "
        f"WHERE {_between(starts, after)} AND subdistrict_code IS NOT NULL GROUP BY ALL",
    )
    return _filled(rows, fetch(snapshot, PLACES)["code"], starts)


def _between(starts: np.ndarray, after: np.datetime64) -> str:
    return f"day >= DATE '{starts[0]}' AND day < DATE '{after}'"


def _first_day(snapshot: Snapshot) -> np.datetime64 | None:
    first = fetch(snapshot, "SELECT min(day) AS first FROM city_day")["first"].iloc[0]
    return None if pd.isna(first) else np.datetime64(first, "D")


def _months(snapshot: Snapshot, until: date, months: int) -> tuple[np.ndarray, np.datetime64]:
    """First days of the whole months that end by a day, and the day after them."""
    first = _first_day(snapshot)
    last = (np.datetime64(until, "D") + 1).astype("datetime64[M]")
    if first is None:
        return np.array([], dtype="datetime64[D]"), np.datetime64(until, "D")
    whole = first.astype("datetime64[M]") + int(first.astype("datetime64[M]").astype("datetime64[D]") < first)
    return np.arange(max(whole, last - months), last).astype("datetime64[D]"), last.astype("datetime64[D]")


def _filled(rows: pd.DataFrame, members: pd.Series, starts: np.ndarray) -> Counts:
    known = rows[rows["code"].isin(members)]
    problems = known[["category_1", "category_2"]].drop_duplicates().sort_values(["category_1", "category_2"], ignore_index=True)
    number = pd.MultiIndex.from_frame(problems).get_indexer(pd.MultiIndex.from_frame(known[["category_1", "category_2"]]))
    counts = np.zeros((len(problems), len(members), len(starts)), dtype="float32")
    np.add.at(counts, (number, pd.Index(members).get_indexer(known["code"]), known["period"].to_numpy()), known["request_count"].to_numpy())
    return Counts(problems, tuple(members), starts, counts)


def _empty(snapshot: Snapshot, members: str) -> Counts:
    codes = tuple(fetch(snapshot, members)["code"])
    nothing = pd.DataFrame({"category_1": pd.Series(dtype="str"), "category_2": pd.Series(dtype="str")})
    return Counts(nothing, codes, np.array([], dtype="datetime64[D]"), np.zeros((0, len(codes), 0), dtype="float32"))

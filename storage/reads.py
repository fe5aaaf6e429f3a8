"""What pages read: counts from the smallest rollup that answers, with the reader's scope applied to every query."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

import pandas as pd

from governance.periods import filled_until, month_end
from governance.rates import COUNTS
from storage.queries import Selection, days_sql, dimension, fetch, narrow
from storage.rollups import monthly_rollup, smallest_rollup
from storage.scope import Role, Scope, ScopeError

if TYPE_CHECKING:
    from governance.periods import Period
    from storage.snapshot import Snapshot

__all__ = [
    "QUARANTINE_LIMIT",
    "Facts",
    "Selection",
    "read_batches",
    "read_by_category",
    "read_by_place",
    "read_by_unit",
    "read_categories",
    "read_category_days",
    "read_daily",
    "read_facts",
    "read_place_months",
    "read_places",
    "read_quarantine",
    "read_quarantine_reasons",
    "read_totals",
    "read_units",
]

SUMS = ", ".join(f"CAST(coalesce(sum({name}), 0) AS BIGINT) AS {name}" for name in COUNTS)
QUARANTINE_LIMIT = 100_000
REASON_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Facts:
    """What a snapshot is: whose data, over which days of acceptance, how much of it is on the map."""

    city_code: str
    city_name: str
    data_from: date
    data_until: date
    filled_until: date
    built_at: datetime
    lake_version: int
    ticket_count: int
    unplaced_count: int
    is_demo: bool
    district_word: str
    subdistrict_word: str
    unit_word: str
    has_districts: bool
    boundaries_key: str | None
    calendar: str


def _counts(
    snapshot: Snapshot, scope: Scope, selection: Selection, period: Period, group: tuple[str, ...] = (), members: tuple[str, tuple[int, ...]] | None = None
) -> pd.DataFrame:
    """Counts of a period grouped by dimensions, from the smallest rollup that has what is asked."""
    where = narrow(snapshot, scope, selection)
    needed = {*group, *where.dimensions}
    conditions = list(where.conditions)
    if members is not None:
        conditions.append(f"{members[0]} IN ({', '.join(map(str, members[1])) or 'NULL'})")
    parts = [f"SELECT {', '.join((*group, *COUNTS))} FROM {rollup} WHERE {' AND '.join((days, *conditions))}" for rollup, days in _sources(period, needed)]
    keys = "".join(f"{name}, " for name in group)
    grouping = f" GROUP BY {', '.join(group)}" if group else ""
    return fetch(snapshot, f"SELECT {keys}{SUMS} FROM ({' UNION ALL '.join(parts)}){grouping}")


def _sources(period: Period, needed: set[str]) -> list[tuple[str, str]]:
    """Which rollup serves which days of a period: a monthly one its whole months, where there is one, a daily one the rest."""
    daily = smallest_rollup({"day", *needed})
    monthly = None if "day" in needed or not needed else monthly_rollup(needed)
    first = period.start if period.start.day == 1 else month_end(period.start) + timedelta(days=1)
    last = (period.end + timedelta(days=1)).replace(day=1) - timedelta(days=1)
    if monthly is None or last <= first:
        return [(daily, days_sql(period.start, period.end))]
    sources = [(monthly, days_sql(first, last))]
    if period.start < first:
        sources.append((daily, days_sql(period.start, first - timedelta(days=1))))
    if last < period.end:
        sources.append((daily, days_sql(last + timedelta(days=1), period.end)))
    return sources


def read_facts(snapshot: Snapshot) -> Facts:
    """Facts about the snapshot.

    ``filled_until`` is the last day of the last well-filled month, or ``data_until`` where that month is the newest:
    what a reader should see first. Late corrections and stray dates leave a file with months of a few tickets at its end.
    """
    meta: dict[str, str] = dict(fetch(snapshot, "SELECT name, value FROM meta").itertuples(index=False))
    city = json.loads(meta["city"])
    totals = fetch(
        snapshot,
        "SELECT coalesce(sum(intake_count), 0) AS total, coalesce(sum(intake_count) FILTER (WHERE subdistrict_code IS NULL), 0) AS unplaced, "
        "(SELECT count(*) FROM register WHERE level = 'district') AS districts FROM place_day JOIN place USING (place_id)",
    ).iloc[0]
    data_until = date.fromisoformat(meta["data_until"] or meta["built_at"][:10])
    months = fetch(snapshot, "SELECT strftime(day, '%Y-%m-01') AS month, sum(intake_count) AS total FROM city_day GROUP BY 1 ORDER BY 1")
    return Facts(
        city_code=city["code"],
        city_name=city["name"],
        data_from=date.fromisoformat(meta["data_from"] or meta["built_at"][:10]),
        data_until=data_until,
        filled_until=filled_until([(date.fromisoformat(month), int(total)) for month, total in zip(months["month"], months["total"], strict=True)], data_until),
        built_at=datetime.fromisoformat(meta["built_at"]),
        lake_version=int(meta["lake_version"]),
        ticket_count=int(totals["total"]),
        unplaced_count=int(totals["unplaced"]),
        is_demo=city["is_demo"],
        district_word=city["district_word"],
        subdistrict_word=city["subdistrict_word"],
        unit_word=city["unit_word"],
        has_districts=bool(totals["districts"]),
        boundaries_key=meta["boundaries_key"] or None,
        calendar=city["calendar"],
    )


def read_places(snapshot: Snapshot) -> pd.DataFrame:
    """The register of places: ``level``, ``code``, ``name``, ``parent_code``, ``parent_name``, ``longitude``, ``latitude``, ``area_km2``, ``population``."""
    return fetch(snapshot, "SELECT * FROM register ORDER BY level, code")


def read_categories(snapshot: Snapshot) -> pd.DataFrame:
    """Categories seen, most frequent first: ``category_1``, ``category_2``; None is unclassified."""
    return fetch(
        snapshot,
        "SELECT category_1, category_2 FROM category LEFT JOIN (SELECT category_id, sum(intake_count) AS total FROM category_day GROUP BY category_id) "
        "USING (category_id) ORDER BY total DESC",
    )


def read_units(snapshot: Snapshot) -> pd.DataFrame:
    """Handling units seen: ``unit_code``, ``unit_name``, ``unit_type``."""
    return fetch(snapshot, "SELECT unit_code, unit_name, unit_type FROM unit WHERE unit_code IS NOT NULL ORDER BY unit_type, unit_name")


def read_totals(snapshot: Snapshot, scope: Scope, selection: Selection, periods: tuple[Period, ...]) -> pd.DataFrame:
    """Counts of each period, one row each, in the order given."""
    return pd.concat([_counts(snapshot, scope, selection, period) for period in periods], ignore_index=True)


def read_daily(snapshot: Snapshot, scope: Scope, selection: Selection, period: Period) -> pd.DataFrame:
    """Counts of every day of the period: ``day`` and counts, 0 on days without tickets."""
    found = _counts(snapshot, scope, selection, period, ("day",)).set_index("day")
    days = pd.date_range(period.start, period.end, name="day", unit="us")
    return found.reindex(days, fill_value=0).reset_index()


CATEGORY_NAMES = {1: "SELECT DISTINCT category_1_id, category_1 FROM category", 2: "SELECT category_id, category_1, category_2 FROM category"}


def _category_key(level: int) -> str:
    if level not in CATEGORY_NAMES:
        message = f"category level is {level}, allowed are 1 and 2"
        raise ValueError(message)
    return "category_1_id" if level == 1 else "category_id"


def read_by_category(snapshot: Snapshot, scope: Scope, selection: Selection, period: Period, level: int = 1) -> pd.DataFrame:
    """Counts by category: ``category_1`` (and ``category_2`` at level 2), None where unclassified."""
    key = _category_key(level)
    counts = _counts(snapshot, scope, selection, period, (key,))
    return dimension(snapshot, CATEGORY_NAMES[level]).merge(counts, on=key).drop(columns=key)


def read_category_days(
    snapshot: Snapshot, scope: Scope, selection: Selection, period: Period, categories: tuple[str | tuple[str | None, ...] | None, ...], level: int = 1
) -> pd.DataFrame:
    """Daily counts of some categories: ``category_1`` (and ``category_2`` at level 2), ``day`` and counts; days without tickets are absent.

    Parameters
    ----------
    categories
        Names of the first level, or tuples with one name for each level; None is unclassified.
    """
    key = _category_key(level)
    names = dimension(snapshot, CATEGORY_NAMES[level])
    wanted = {tuple(name or "" for name in item) if isinstance(item, tuple) else (item or "",) for item in categories}
    texts = names.drop(columns=key).astype("object").fillna("")
    chosen = names[[tuple(row) in wanted for row in texts.itertuples(index=False)]]
    counts = _counts(snapshot, scope, selection, period, (key, "day"), (key, tuple(int(number) for number in chosen[key])))
    return chosen.merge(counts, on=key).drop(columns=key)


def read_by_place(snapshot: Snapshot, scope: Scope, selection: Selection, period: Period, level: str) -> pd.DataFrame:
    """Counts by place: ``code`` (None: not on the map) and counts; ``level`` is "district" or "subdistrict"."""
    if level not in ("district", "subdistrict"):
        message = f"read_by_place: level is {level!r}, allowed are 'district' and 'subdistrict'"
        raise ValueError(message)
    counts = _counts(snapshot, scope, selection, period, ("place_id",))
    codes = dimension(snapshot, f"SELECT place_id, {level}_code AS code FROM place")
    merged = codes.merge(counts, on="place_id").drop(columns="place_id")
    return merged.groupby("code", dropna=False, as_index=False, sort=True)[list(COUNTS)].sum()


def read_place_months(snapshot: Snapshot, scope: Scope, selection: Selection, period: Period, level: str) -> pd.DataFrame:
    """Counts by month and place: ``month`` (its first day), ``code`` and counts; tickets on no place are left out."""
    if level not in ("district", "subdistrict"):
        message = f"read_place_months: level is {level!r}, allowed are 'district' and 'subdistrict'"
        raise ValueError(message)
    where = narrow(snapshot, scope, selection)
    needed = {"place_id", *where.dimensions}
    rollup = monthly_rollup(needed) or smallest_rollup({"day", *needed})
    conditions = " AND ".join((days_sql(period.start, period.end), *where.conditions))
    return fetch(
        snapshot,
        f"SELECT CAST(date_trunc('month', day) AS DATE) AS month, {level}_code AS code, {SUMS} FROM {rollup} JOIN place USING (place_id) "
        f"WHERE {conditions} AND {level}_code IS NOT NULL GROUP BY ALL ORDER BY ALL",
    )


def read_by_unit(snapshot: Snapshot, scope: Scope, selection: Selection, period: Period) -> pd.DataFrame:
    """Counts by handling unit: ``unit_code``, ``unit_name``, ``unit_type`` (None where no unit was given) and counts."""
    counts = _counts(snapshot, scope, selection, period, ("unit_id",))
    return dimension(snapshot, "SELECT * FROM unit").merge(counts, on="unit_id").drop(columns="unit_id")


def read_batches(snapshot: Snapshot, scope: Scope) -> pd.DataFrame:
    """Delivered files and what became of them, newest first. For administrators.

    Raises
    ------
    ScopeError
        Another role asks.
    """
    _administrators_only(scope)
    return fetch(
        snapshot,
        "SELECT batch_no, started_at, file, read, loaded, updated, unchanged, quarantined, unplaced FROM batch ORDER BY batch_no DESC, received_no",
    )


def read_quarantine(snapshot: Snapshot, scope: Scope, batch_no: int | None = None, limit: int = QUARANTINE_LIMIT) -> pd.DataFrame:
    """Quarantined rows with their reason: ``batch_no``, ``file``, ``row``, ``column``, ``value``, ``reason``, ``ticket_id``.

    At most ``limit`` rows, and never more than 100,000; ``read_quarantine_reasons`` says how many there are.

    Raises
    ------
    ScopeError
        A role other than administrator asks.
    """
    return _quarantine(snapshot, scope, batch_no, "*", f'ORDER BY batch_no DESC, file, "row" LIMIT {min(limit, QUARANTINE_LIMIT)}')


def read_quarantine_reasons(snapshot: Snapshot, scope: Scope, batch_no: int | None = None) -> pd.DataFrame:
    """The most frequent reasons in the quarantine, at most 100: ``reason``, ``fault_count``, ``total_count`` (faults of all reasons).

    A row with several faults counts under each of them.

    Raises
    ------
    ScopeError
        A role other than administrator asks.
    """
    columns = "reason, count(*) AS fault_count, CAST(sum(count(*)) OVER () AS BIGINT) AS total_count"
    return _quarantine(snapshot, scope, batch_no, columns, f"GROUP BY reason ORDER BY fault_count DESC, reason LIMIT {REASON_LIMIT}")


def _quarantine(snapshot: Snapshot, scope: Scope, batch_no: int | None, columns: str, tail: str) -> pd.DataFrame:
    _administrators_only(scope)
    condition, parameters = ("WHERE batch_no = ?", (batch_no,)) if batch_no is not None else ("", ())
    return fetch(snapshot, f"SELECT {columns} FROM quarantine {condition} {tail}", parameters)


def _administrators_only(scope: Scope) -> None:
    if scope.role is not Role.ADMIN:
        message = f"role {scope.role.value!r} may not read batches and quarantine; only {Role.ADMIN.value!r} may"
        raise ScopeError(message)

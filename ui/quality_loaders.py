"""Cached reads of the quality page; for administrators, as the store enforces."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd

from governance import completeness, rates
from governance.periods import Grain, Period, month_end
from governance.policy import load_policy
from governance.tickets import FIELDS
from storage import quality_reads
from storage.records.aliases import PATH_SIGN
from ui import loaders
from ui.kept import cached

if TYPE_CHECKING:
    from storage.scope import Scope

__all__ = [
    "WINDOWS",
    "alike",
    "category_paths",
    "delays",
    "duplicates",
    "fields",
    "month_facts",
    "pick_window",
    "unclassified",
    "unmatched",
    "untyped",
    "volume_alarm",
]

WINDOWS = {"3": 3, "12": 12, "all": None}
"""Months looked at, up to the last well-filled one; None is all."""

JUDGED_DAYS = 730
ALARM_DAYS = 365
SHOWN_DAYS = 91
DAYS_AFTER_ALARM = 35
TREND_MONTHS = 12
SUGGESTED = 200
"""Labels for which the closest known name is looked up: 200 labels and 343 names take a fifth of a second."""

COMPARED = 400
"""Categories compared with each other, most frequent first: so many take half a second, once a snapshot."""

FIELD_NAMES = {item.name: item.chinese for item in FIELDS}


def pick_window(version: str, months: int | None) -> Period:
    """The last so many whole months up to the last well-filled one, or all days."""
    known = loaders.facts(version)
    if months is None:
        return Period(Grain.RANGE, known.data_from, known.data_until)
    end = min(month_end(known.filled_until), known.data_until)
    start = (pd.Timestamp(end).to_period("M") - (months - 1)).start_time.date()
    return Period(Grain.RANGE, start, end)


@cached(8)
def volume_alarm(version: str, scope: Scope) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Thirteen weeks day by day, and the runs of alarm in the last year; the weeks are the last ones, or those around the last run where it is older.

    Returns
    -------
    tuple of DataFrame
        As made by `governance.completeness.volume_drops` and `governance.completeness.alarm_runs`.
    """
    days = quality_reads.read_intake_days(loaders.snapshot(version), scope)
    until = pd.Timestamp(loaders.facts(version).data_until)
    rule = completeness.drop_rule(load_policy(), until.date())
    drops = completeness.volume_drops(days[days["day"] > until - timedelta(days=JUDGED_DAYS)], rule=rule)
    runs = completeness.alarm_runs(drops)
    runs = runs[runs["end"] > until - timedelta(days=ALARM_DAYS)]
    end = until
    if len(runs) and runs.iloc[0]["end"] <= until - timedelta(days=SHOWN_DAYS):
        end = runs.iloc[0]["start"] + timedelta(days=DAYS_AFTER_ALARM)
    return drops[drops["day"] <= end].tail(SHOWN_DAYS).reset_index(drop=True), runs


@cached(16)
def fields(version: str, scope: Scope, period: Period) -> tuple[pd.DataFrame, list[str]]:
    """How full each field of the contract is, emptiest first, and the Chinese names of those that never came.

    Returns
    -------
    DataFrame
        ``field``, ``name``, ``filled_count``, ``ticket_count``, ``filled`` (fraction), ``year_ago`` and ``change`` (a difference of
        fractions; NaN where the data do not reach back), ``trend`` (percent of each of the last 12 months of the period).
    """
    rows = quality_reads.read_field_months(loaders.snapshot(version), scope)
    ever = rows.groupby("field")["filled_count"].sum()
    never = [FIELD_NAMES[name] for name in FIELD_NAMES if not ever.get(name, 0)]
    rows = rows[rows["field"].isin(ever[ever > 0].index)]
    now = _shares(rows, period).rename(columns={"share": "filled"})
    past = period.year_ago()
    is_covered = past.start >= loaders.facts(version).data_from.replace(day=1)
    now["year_ago"] = _shares(rows, past)["share"].reindex(now.index) if is_covered else float("nan")
    now["change"] = now["filled"] - now["year_ago"]
    monthly = rows.assign(share=rates.share(rows["filled_count"], rows["ticket_count"]) * 100)
    monthly = monthly[_within(monthly["month"], period)]
    now["trend"] = monthly.groupby("field")["share"].apply(_last_months)
    now = now.reset_index()
    now["name"] = now["field"].map(FIELD_NAMES)
    return now.sort_values(["filled", "name"], ignore_index=True), never


def _last_months(values: pd.Series) -> list[float]:
    return [round(float(value), 1) for value in values.tail(TREND_MONTHS)]


def _within(month: pd.Series, period: Period) -> pd.Series:
    start, end = pd.Timestamp(period.start.replace(day=1)), pd.Timestamp(period.end)
    return (month >= start) & (month <= end)


def _shares(rows: pd.DataFrame, period: Period) -> pd.DataFrame:
    sums = rows[_within(rows["month"], period)].groupby("field")[["filled_count", "ticket_count"]].sum()
    return sums.assign(share=rates.share(sums["filled_count"], sums["ticket_count"]))


@cached(16)
def month_facts(version: str, scope: Scope, period: Period) -> pd.DataFrame:
    """The months of a period, newest first: ``month`` and counts of tickets, unplaced, unclassified, without unit, comparable and duplicate."""
    rows = quality_reads.read_quality_months(loaders.snapshot(version), scope)
    return rows[_within(rows["month"], period)].iloc[::-1].reset_index(drop=True)


@cached(8)
def delays(version: str, scope: Scope) -> tuple[pd.DataFrame, int]:
    """How long tickets took to arrive, newest month first, and after how many days one is late; see `governance.completeness.delays`."""
    late_after = completeness.late_days(load_policy(), loaders.facts(version).data_until)
    rows = quality_reads.read_arrivals(loaders.snapshot(version), scope)
    return completeness.delays(rows, late_after).iloc[::-1].reset_index(drop=True), late_after


@cached(16)
def unmatched(version: str, scope: Scope, period: Period) -> pd.DataFrame:
    """Place labels that found no subdistrict, most frequent first, each with the known name most like it (None: none is).

    Returns
    -------
    DataFrame
        ``district``, ``subdistrict`` (None: not given), ``ticket_count``, ``label_count`` (labels in all), ``suggestion``.
    """
    rows = quality_reads.read_unmatched_places(loaders.snapshot(version), scope, period)
    places = loaders.place_register(version)
    names = places.loc[places["level"] == "subdistrict", "name"].dropna().unique().tolist()
    labels = rows["subdistrict"].head(SUGGESTED)
    found = [completeness.closest_name(label, names) if isinstance(label, str) else None for label in labels]
    return rows.assign(suggestion=pd.Series(found, index=labels.index, dtype="object"))


@cached(16)
def unclassified(version: str, scope: Scope, period: Period) -> pd.DataFrame:
    """Tickets whose first or second category is missing: ``category_1``, ``category_2``, ``ticket_count``."""
    return quality_reads.read_unclassified(loaders.snapshot(version), scope, period)


@cached(16)
def untyped(version: str, scope: Scope, period: Period) -> pd.DataFrame:
    """Units without a type: ``unit_name`` (None: no unit given), ``ticket_count``."""
    return quality_reads.read_untyped_units(loaders.snapshot(version), scope, period)


@cached(8)
def category_paths(version: str, scope: Scope) -> pd.DataFrame:
    """Every first level and every path of two levels: ``path``, ``parent`` (None for a first level), ``name``, ``ticket_count``, first and last day."""
    rows = quality_reads.read_categories(loaders.snapshot(version), scope)
    spans = {"ticket_count": ("ticket_count", "sum"), "first_on": ("first_on", "min"), "last_on": ("last_on", "max")}
    first = rows.groupby("category_1", sort=False).agg(**spans).reset_index()
    first = first.assign(path=first["category_1"], parent=None, name=first["category_1"]).sort_values("ticket_count", ascending=False)
    second = rows[rows["category_2"].notna()]
    second = second.assign(path=second["category_1"] + PATH_SIGN + second["category_2"], parent=second["category_1"], name=second["category_2"])
    both = [part for part in (first, second) if len(part)] or [first]
    return pd.concat(both, ignore_index=True)[["path", "parent", "name", "ticket_count", "first_on", "last_on"]]


@cached(8)
def alike(version: str, scope: Scope) -> pd.DataFrame:
    """Categories named much like a more frequent one of the same level and parent, those that do not overlap in time first.

    Returns
    -------
    DataFrame
        ``path``, ``ticket_count``, ``first_on``, ``last_on``, ``other`` (path of the more frequent one), ``is_apart`` (one ended before the
        other began, as a renamed category does).
    """
    paths = category_paths(version, scope).head(COMPARED)
    found = []
    for _parent, rows in paths.groupby(paths["parent"].fillna("")):
        seen: dict[str, pd.Series] = {}
        for _index, row in rows.sort_values("ticket_count", ascending=False).iterrows():
            other = completeness.closest_name(row["name"], list(seen))
            seen[row["name"]] = row
            if other is not None:
                more = seen[other]
                is_apart = row["last_on"] < more["first_on"] or more["last_on"] < row["first_on"]
                found.append((row["path"], row["ticket_count"], row["first_on"], row["last_on"], more["path"], is_apart))
    table = pd.DataFrame(found, columns=["path", "ticket_count", "first_on", "last_on", "other", "is_apart"])
    return table.sort_values(["is_apart", "ticket_count"], ascending=False, ignore_index=True)


def duplicates(facts: pd.DataFrame) -> pd.DataFrame:
    """Suspected duplicates by month: ``month``, ``comparable_count``, ``duplicate_count``, ``share`` (of the comparable)."""
    table = facts[["month", "comparable_count", "duplicate_count"]]
    return table.assign(share=rates.share(table["duplicate_count"], table["comparable_count"]))

"""Cached reads: one short function for each number a page shows.

Every function takes the snapshot's version first, so that it is part of every cache key; the scope and
the selection are part of it too. Rates and changes come from ``governance.rates`` only.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from forecasts.calendars import marks
from governance import rates
from governance.intervals import share_interval
from governance.periods import Grain, Period, month_end
from governance.policy import load_policy
from storage import reads
from storage.home import Home
from storage.schematic import is_schematic
from storage.scope import Role
from storage.snapshot import Snapshot, current_version, open_snapshot
from ui import urlstate, windows
from ui.kept import cached

if TYPE_CHECKING:
    from storage.reads import Facts, Selection
    from storage.scope import Scope

__all__ = [
    "SnapshotMovedError",
    "batches",
    "calendar_marks",
    "categories",
    "default_period",
    "facts",
    "has_geometry",
    "has_schematic_boundaries",
    "headline",
    "pin_version",
    "place_register",
    "places",
    "problems",
    "quarantine",
    "quarantine_reasons",
    "register",
    "small_base",
    "snapshot",
    "sparks",
    "unit_register",
    "units",
    "volume",
    "whole_quarantine",
]

COUNT_MEASURES = ("intake_count", "request_count", "open_count", "unresolved_count", "overdue_count")
SHARES = {"unresolved_count": "resolution_base_count", "overdue_count": "due_count", "open_count": "request_count"}
"""Counts that are shown with their share of another count."""

SPARK_STEPS = {Grain.DAY: (28, "day"), Grain.WEEK: (84, "week")}
SPARK_MONTHS = 13
TREND_DAYS = 91
QUARANTINE_SHOWN = 1_000
"""A table on screen is for looking; a hundred thousand rows are ten megabytes on the way to the browser."""
FEWEST_PROBLEMS = 6
"""Fewer categories than this are no ranking: the level below is shown instead where it has more."""
CATEGORY_COLUMNS = ["category_1", "category_2"]


class SnapshotMovedError(RuntimeError):
    """The snapshot of this run has been replaced; the page must be run again on the new one."""


@st.cache_resource(max_entries=2, show_spinner=False, on_release=lambda snapshot: snapshot.close())
def _snapshot(root: str, version: str) -> Snapshot:
    try:
        return open_snapshot(Home(Path(root)), version)
    except FileNotFoundError as error:
        message = f"snapshot {version} under {root} was replaced"
        raise SnapshotMovedError(message) from error


def snapshot(version: str) -> Snapshot:
    """The open snapshot of a version, for reads."""
    return _snapshot(str(Home.from_environment().root), version)


def pin_version() -> str | None:
    """The version this run reads throughout; ``None`` before the first ingest."""
    return current_version(Home.from_environment())


@cached(4)
def facts(version: str) -> Facts:
    """What this snapshot is: city, first and last day, level names."""
    return reads.read_facts(snapshot(version))


@cached(4)
def place_register(version: str) -> pd.DataFrame:
    """All places: level, code, name, parent_code, parent_name, longitude, latitude."""
    return reads.read_places(snapshot(version))


@cached(4)
def unit_register(version: str) -> pd.DataFrame:
    """All handling units seen: unit_code, unit_name, unit_type."""
    return reads.read_units(snapshot(version))


@cached(4)
def categories(version: str) -> pd.DataFrame:
    """All pairs of category_1 and category_2."""
    return reads.read_categories(snapshot(version))


@cached(32)
def small_base(version: str, period: Period) -> int:
    """Valid answers below which a rate is marked as resting on too few; the policy at the period's end."""
    del version
    return load_policy().on(period.end).small_base


@cached(256)
def headline(version: str, scope: Scope, selection: Selection, period: Period) -> pd.DataFrame:
    """The measures of a period beside the period before and a year ago.

    Returns
    -------
    DataFrame
        Index: measure. Columns: ``now``, ``before``, ``year_ago`` (counts, or fractions in [0, 1]),
        ``change_before``, ``change_year_ago`` (relative for counts, a difference of fractions for
        rates), ``base`` (what a rate or share rests on; else NaN), ``share`` (of its base, for unresolved,
        overdue and open requests). NaN where the data do not reach back or nobody was asked.
    """
    known = facts(version)
    spans = {"now": period, "before": period.before(), "year_ago": period.year_ago()}
    totals = reads.read_totals(snapshot(version), scope, selection, tuple(spans.values())).set_axis(list(spans), axis="index")
    measured = _measured(totals)
    for name, span in spans.items():
        if name != "now" and span.start < known.data_from:
            measured.loc[name] = float("nan")  # a period that is only partly covered compares with nothing
    table = measured.T
    for other in ("before", "year_ago"):
        table[f"change_{other}"] = rates.change(table["now"], table[other])
        fractions = [*rates.RATE_COUNTS, "consultation_share"]
        table.loc[fractions, f"change_{other}"] = table.loc[fractions, "now"] - table.loc[fractions, other]
    bases = {rate: base for rate, (_top, base) in rates.RATE_COUNTS.items()} | SHARES
    table["base"] = pd.Series({measure: totals.loc["now", base] for measure, base in bases.items()}, dtype="float64")
    counts = table.loc[list(SHARES)]
    table["share"] = rates.share(counts["now"], counts["base"])
    return table


def _measured(counts: pd.DataFrame) -> pd.DataFrame:
    """The measures of the key figures from counts; what nobody was asked about, or has no time limit, is NaN."""
    table = counts.join(rates.three_rates(counts)).astype("float64")
    table["unresolved_count"] = (table["resolution_base_count"] - table["resolved_count"]).where(table["resolution_base_count"] > 0)
    table["overdue_count"] = table["overdue_count"].where(table["due_count"] > 0)
    table["consultation_share"] = rates.share(table["consultation_count"], table["intake_count"])
    return table[[*COUNT_MEASURES, *rates.RATE_COUNTS, "consultation_share"]]


@cached(256)
def sparks(version: str, scope: Scope, selection: Selection, period: Period) -> pd.DataFrame:
    """The key figures over the time up to the period: 28 days for a day, 12 weeks for a week, else 13 months. Columns as in ``headline``.

    A last month that is not over yet is left out: it would look like a fall.
    """
    days, step = SPARK_STEPS.get(period.grain, (0, "month"))
    first = (pd.Timestamp(period.end).replace(day=1) - pd.DateOffset(months=SPARK_MONTHS - 1)).date()
    window = windows.trailing(period, days) if days else Period(Grain.RANGE, first, period.end)
    window = Period(Grain.RANGE, max(window.start, facts(version).data_from), window.end)
    is_whole = step != "month" or window.end == month_end(window.end)
    daily = reads.read_daily(snapshot(version), scope, selection, window)
    table = _measured(windows.bucket(daily, window.start, step, rates.COUNTS)[list(rates.COUNTS)])
    return table if is_whole else table.iloc[:-1]


def _with_rates(counts: pd.DataFrame) -> pd.DataFrame:
    """The counts with the three rates, and the interval of the resolution rate."""
    ends = share_interval(counts["resolved_count"], counts["resolution_base_count"]).rename(columns="resolution_{}".format)
    return counts.join(rates.three_rates(counts)).join(ends)


@cached(256)
def problems(version: str, scope: Scope, selection: Selection, period: Period, limit: int = 10) -> pd.DataFrame:
    """The problems with most requests, their rank before and their weekly trend.

    Problems are first-level categories, or the second level where one first-level category is chosen
    or where few occur and the second level tells more apart. Unclassified tickets are not a problem of their own.

    Returns
    -------
    DataFrame
        ``problem`` (with its first level where the name occurs under several), ``rank`` (1 = most),
        ``rank_before`` (NaN = none before), ``request_count``, ``before_count``, ``change_before``, the
        three rates with their bases, ``trend`` (list of weekly request counts over 13 weeks);
        ``attrs["level"]`` is 1 or 2.
    """
    level = 1
    now = _ranked(version, scope, selection, period, level)
    if selection.category_1 or len(now) < FEWEST_PROBLEMS:
        finer = _ranked(version, scope, selection, period, 2)
        if len(finer) > len(now) or (selection.category_1 and not finer.empty):
            level, now = 2, finer
    names = CATEGORY_COLUMNS[:level]
    before = _ranked(version, scope, selection, period.before(), level)[[*names, "rank", "request_count"]]
    before = before.rename(columns={"rank": "rank_before", "request_count": "before_count"})
    top = now.head(limit).merge(before, on=names, how="left")
    top["rank_before"] = top["rank_before"].astype("float64")
    top["before_count"] = top["before_count"].fillna(0)
    top["change_before"] = rates.change(top["request_count"], top["before_count"])
    if period.before().start < facts(version).data_from:
        top[["rank_before", "before_count", "change_before"]] = float("nan")
    pairs = list(top[names].itertuples(index=False, name=None))
    trends = _weekly_trends(version, scope, selection, period, tuple(pairs))
    top["trend"] = [trends.get(pair, []) for pair in pairs]
    top["problem"] = top["category_1"] if level == 1 else list(urlstate.unique_labels(map(str, top.index), top["category_2"], top["category_1"]).values())
    top = _with_rates(top)
    top.attrs["level"] = level
    return top


def _ranked(version: str, scope: Scope, selection: Selection, period: Period, level: int) -> pd.DataFrame:
    names = CATEGORY_COLUMNS[:level]
    counts = reads.read_by_category(snapshot(version), scope, selection, period, level=level).dropna(subset=[names[-1]])
    counts[names] = counts[names].fillna("")
    order = [*reversed(names)]
    counts = counts[counts["request_count"] > 0].sort_values(["request_count", *order], ascending=[False, *[True] * level], ignore_index=True)
    counts["rank"] = counts["request_count"].rank(method="min", ascending=False).astype("int64")
    return counts


def _weekly_trends(version: str, scope: Scope, selection: Selection, period: Period, names: tuple[tuple[str, ...], ...]) -> dict[tuple[str, ...], list[int]]:
    if not names:
        return {}
    level = len(names[0])
    columns = CATEGORY_COLUMNS[:level]
    window = windows.trailing(period, TREND_DAYS)
    days = reads.read_category_days(snapshot(version), scope, selection, window, names, level)
    days[columns] = days[columns].fillna("")
    days["week"] = windows.week_index(days["day"], window.start)
    table = days.pivot_table(index=columns, columns="week", values="request_count", aggfunc="sum", fill_value=0)
    table = table.reindex(columns=range(windows.week_count(window)), fill_value=0)
    keys = [key if isinstance(key, tuple) else (key,) for key in table.index]
    return {key: [int(value) for value in row] for key, row in zip(keys, table.to_numpy(), strict=True)}


@cached(256)
def volume(version: str, scope: Scope, selection: Selection, period: Period) -> pd.DataFrame:
    """Requests over time beside the same days a year ago.

    Returns
    -------
    DataFrame
        ``start`` (first day of a step), ``intake_count``, ``request_count``, ``year_ago_count`` (NaN
        where the data do not reach back); ``attrs["step"]`` is ``"day"``, ``"week"`` or ``"month"``, ``attrs["window"]`` the
        days shown.
    """
    window, step = windows.for_chart(period)
    cursor = snapshot(version)
    now = windows.bucket(reads.read_daily(cursor, scope, selection, window), window.start, step, ("intake_count", "request_count"))
    past = windows.year_ago(window, period.grain)
    then = windows.bucket(reads.read_daily(cursor, scope, selection, past), past.start, step, ("request_count",))
    now["year_ago_count"] = then["request_count"].reindex(now.index).astype("float64")
    if past.start < facts(version).data_from:
        now["year_ago_count"] = float("nan")
    frame = now.reset_index(drop=True)
    frame.attrs |= {"step": step, "window": window}
    return frame


@cached(32)
def calendar_marks(version: str, period: Period) -> pd.DataFrame:
    """Holidays of the city's calendar within a period: ``label``, ``start``, ``end``."""
    found = marks(facts(version).calendar, period.start, period.end)
    return found[["label", "start", "end"]]


@cached(256)
def places(version: str, scope: Scope, selection: Selection, period: Period, level: str) -> tuple[pd.DataFrame, int]:
    """Every place of a level with its counts and rates, and the number of tickets on no place.

    Returns
    -------
    DataFrame
        ``code``, ``name``, ``parent_code``, ``parent_name``, ``longitude``, ``latitude``, the counts,
        the three rates, ``resolution_low`` and ``resolution_high`` (95%), ``before_count``, ``change_before``, ``rank`` by requests. Places without
        tickets are there with zeros; places outside a district's or subdistrict's scope are not.
    int
        未落图: tickets of the period whose place is unknown.
    """
    cursor = snapshot(version)
    counts = reads.read_by_place(cursor, scope, selection, period, level)
    before = reads.read_by_place(cursor, scope, selection, period.before(), level).dropna(subset=["code"]).set_index("code")
    unplaced = int(counts.loc[counts["code"].isna(), "intake_count"].sum())
    frame = register(version, scope, selection, level).merge(counts.dropna(subset=["code"]), on="code", how="left")
    numbers = [column for column in rates.COUNTS if column in frame.columns]
    frame[numbers] = frame[numbers].fillna(0).astype("int64")
    frame["before_count"] = frame["code"].map(before["request_count"]).fillna(0)
    frame["change_before"] = rates.change(frame["request_count"], frame["before_count"])
    if period.before().start < facts(version).data_from:
        frame[["before_count", "change_before"]] = float("nan")
    frame["rank"] = frame["request_count"].rank(method="min", ascending=False).astype("int64")
    return _with_rates(frame.sort_values(["request_count", "name"], ascending=[False, True], ignore_index=True)), unplaced


def register(version: str, scope: Scope, selection: Selection, level: str) -> pd.DataFrame:
    """The places of a level that scope and selection leave."""
    known = place_register(version)
    rows = known[known["level"] == level]
    district = scope.unit_code if scope.role is Role.DISTRICT else selection.district_code
    subdistrict = scope.unit_code if scope.role is Role.SUBDISTRICT else selection.subdistrict_code
    if district is not None:
        rows = rows[rows["code" if level == "district" else "parent_code"] == district]
    if subdistrict is not None and level == "subdistrict":
        rows = rows[rows["code"] == subdistrict]
    return rows.drop(columns="level")


@cached(256)
def units(version: str, scope: Scope, selection: Selection, period: Period) -> pd.DataFrame:
    """Handling units with their counts, rates and the interval of the resolution rate, most requests first."""
    frame = reads.read_by_unit(snapshot(version), scope, selection, period)
    return _with_rates(frame.sort_values(["request_count", "intake_count"], ascending=False, ignore_index=True))


@cached(8)
def batches(version: str, scope: Scope) -> pd.DataFrame:
    """Every batch with its four outcomes; for administrators."""
    return reads.read_batches(snapshot(version), scope)


@cached(16)
def quarantine(version: str, scope: Scope, batch_no: int | None = None) -> pd.DataFrame:
    """The first thousand rows set aside, with file, row, column, value and reason; for administrators."""
    return reads.read_quarantine(snapshot(version), scope, batch_no, QUARANTINE_SHOWN)


def whole_quarantine(version: str, scope: Scope, batch_no: int | None = None) -> pd.DataFrame:
    """The rows set aside for a file; not cached, as it is read once and may be large."""
    return reads.read_quarantine(snapshot(version), scope, batch_no)


@cached(16)
def quarantine_reasons(version: str, scope: Scope, batch_no: int | None = None) -> pd.DataFrame:
    """Reasons, most frequent first: reason, fault_count, total_count (faults in all); for administrators."""
    return reads.read_quarantine_reasons(snapshot(version), scope, batch_no)


def default_period(known: Facts) -> Period:
    """The last well-filled month, cut at the last day with data."""
    return Period.containing(Grain.MONTH, known.filled_until, until=known.data_until)


@cached(4)
def has_schematic_boundaries(version: str) -> bool:
    """Whether the areas on the map are cells drawn around centroids, not the official boundaries."""
    key = facts(version).boundaries_key
    return key is not None and is_schematic(Home.from_environment(), key)


def has_geometry(version: str, level: str) -> bool:
    """Whether the browser can be given boundaries of this level."""
    return facts(version).boundaries_key is not None and Home.from_environment().boundary_file(level).is_file()

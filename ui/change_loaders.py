"""Cached reads behind "what changed": the exact decomposition of the change of requests, and how chance and the calendar act."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import pandas as pd

from forecasts.calendars import day_kinds
from governance import rates
from governance.chance import noise
from governance.day_weights import day_weights
from governance.decomposition import decompose
from governance.findings import findings
from governance.periods import Grain, Period
from governance.policy import load_policy
from storage import reads
from storage.changes import read_cells, read_weekly_cells
from ui.kept import cached
from ui.loaders import facts, place_register, snapshot

if TYPE_CHECKING:
    from datetime import date

    from governance.chance import Noise
    from governance.day_weights import DayWeights
    from governance.findings import Findings
    from storage.reads import Selection
    from storage.scope import Scope

__all__ = ["Against", "Change", "axes", "changes", "names", "possible"]

Against = Literal["before", "year_ago"]

WEIGHT_DAYS = 7 * 156
"""Three years: each holiday comes once a year."""

NOISE_DAYS = 7 * 52
ITEMS, PARTS = 3, 2


@dataclass(frozen=True)
class Change:
    """Why a count is not what it was.

    ``rows`` has ``category`` (None: unclassified), ``now_count``, ``before_count`` and ``contribution_count``; with the
    calendar effect of ``found`` the contributions add up to the change. ``relative`` is the change as a part of the count
    before (NaN where that was 0), ``base`` the period compared with, and 1 - ``level`` the
    confidence of the intervals. A renamed category is one with its former name.
    """

    found: Findings
    rows: pd.DataFrame
    now_count: int
    before_count: int
    relative: float
    base: Period
    level: float


def possible(version: str, period: Period) -> list[Against]:
    """With what a period can be compared: the data must cover all of it. A year ago comes first, as it has the same season."""
    known = facts(version)
    bases: dict[Against, Period] = {"year_ago": period.year_ago(), "before": period.before()}
    return [name for name, base in bases.items() if base.start >= known.data_from]


def axes(version: str, scope: Scope, selection: Selection) -> tuple[str, str]:
    """The levels of category and place by which a change is taken apart."""
    narrow = selection.district_code or selection.subdistrict_code or scope.role in ("district", "subdistrict")
    category = "category_2" if selection.category_1 else "category_1"
    return category, "subdistrict" if narrow or not facts(version).has_districts else "district"


def _days(version: str, first: date, last: date) -> pd.DataFrame:
    return day_kinds(facts(version).calendar, first, last)


@cached(32)
def _weights(version: str, scope: Scope, selection: Selection) -> DayWeights:
    """Weights of the kinds of day, from the last three years of the data."""
    known = facts(version)
    long = Period(Grain.RANGE, max(known.data_from, known.filled_until - timedelta(days=WEIGHT_DAYS - 1)), known.filled_until)
    daily = reads.read_daily(snapshot(version), scope, selection, long)
    counts = pd.Series(daily["request_count"].to_numpy(), index=pd.to_datetime(daily["day"]).astype("datetime64[us]"))
    days = _days(version, long.start, long.end)
    history = days.assign(count=counts.reindex(days["day"]).fillna(0).to_numpy())
    return day_weights(history)


@cached(128)
def _rhythm(version: str, scope: Scope, selection: Selection) -> tuple[DayWeights, Noise]:
    """Weights of the kinds of day, and how much counts scatter from week to week, in the last year of the data.

    The weights are those of all places together: a subdistrict alone is too small to tell what a holiday does.
    """
    known = facts(version)
    category, place = axes(version, scope, selection)
    weights = _weights(version, scope, replace(selection, district_code=None, subdistrict_code=None))
    short = Period(Grain.RANGE, max(known.data_from, known.filled_until - timedelta(days=NOISE_DAYS - 1)), known.filled_until)
    weekly = read_weekly_cells(snapshot(version), scope, selection, short, category=category, place=place)
    return weights, noise(weekly, _days(version, short.start, short.end), weights=weights)


@cached(256)
def changes(version: str, scope: Scope, selection: Selection, period: Period, against: Against) -> Change:
    """The change of requests between a period and its base, taken apart.

    The base must be covered by the data (see ``possible``). The level of the tests is the policy's at the period's end.
    """
    base = period.before() if against == "before" else period.year_ago()
    category, place = axes(version, scope, selection)
    weights, scatter = _rhythm(version, scope, selection)
    now, before = (read_cells(snapshot(version), scope, selection, span, category=category, place=place) for span in (period, base))
    change = decompose(
        now,
        before,
        days_now=_days(version, period.start, period.end),
        days_before=_days(version, base.start, base.end),
        weights=weights,
        noise=scatter,
        level=load_policy().on(period.end).false_discovery_rate,
    )
    found = findings(change, noise=scatter, limit=ITEMS, part_limit=PARTS)
    merged = change.cells.assign(category=change.cells["category"].replace({item.old: item.new for item in found.renames}))
    rows = merged.groupby("category", dropna=False, as_index=False)[["now_count", "before_count", "contribution_count"]].sum()
    rows = rows.sort_values("contribution_count", key=abs, ascending=False, ignore_index=True)
    relative = float(rates.change(pd.Series([change.now_count]), pd.Series([change.before_count])).iloc[0])
    return Change(found, rows, change.now_count, change.before_count, relative, base, change.level)


def names(version: str, scope: Scope, selection: Selection) -> dict[str, str]:
    """Screen names of the places a change is taken apart by."""
    known = place_register(version)
    rows = known[known["level"] == axes(version, scope, selection)[1]]
    return dict(zip(rows["code"], rows["name"], strict=True))

"""Cached reads of the hot spots in use, and of the tickets behind one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from governance.policy import load_policy
from governance.unit_concentration import Funnel, funnel
from storage import focus_reads as reads
from storage.focus import focus_version, open_focus
from storage.home import Home
from storage.scope import Role
from storage.ticket_lines import TicketLines
from ui import foresight_loaders, loaders
from ui.kept import cached

if TYPE_CHECKING:
    from storage.scope import Scope
    from storage.snapshot import Snapshot

__all__ = [
    "FUNNEL_MONTHS",
    "Focus",
    "budget",
    "classes",
    "course",
    "current",
    "drivers",
    "funnel_of",
    "hotspots",
    "lines",
    "months",
    "near_repeats",
    "points",
    "problems",
    "sight",
    "similar",
    "steps",
    "unit_months",
    "unit_shares",
]

FUNNEL_MONTHS = 3


@dataclass(frozen=True, slots=True)
class Focus:
    """The hot spots in use: version, last day of the scans, how seldom chance makes one, and whether they were found in the snapshot that is shown."""

    version: str
    cutoff: date
    recurrence_days: float
    has_neighbours: bool
    is_current: bool


@st.cache_resource(max_entries=2, show_spinner=False, on_release=lambda snapshot: snapshot.close())
def _focus(root: str, version: str) -> Snapshot:
    try:
        return open_focus(Home(Path(root)), version)
    except FileNotFoundError as error:
        message = f"hot spots {version} under {root} were replaced"
        raise loaders.SnapshotMovedError(message) from error


def _open(version: str) -> Snapshot:
    return _focus(str(Home.from_environment().root), version)


def _visible(snapshot: str, scope: Scope) -> frozenset[str] | None:
    return reads.visible_places(scope, foresight_loaders.parents(snapshot))


@cached(4)
def _facts(version: str) -> dict[str, str]:
    return reads.read_focus_facts(_open(version))


def current(snapshot: str) -> Focus | None:
    """The hot spots in use; None before they were first looked for."""
    version = focus_version(Home.from_environment())
    if version is None:
        return None
    known = _facts(version)
    return Focus(
        version, date.fromisoformat(known["cutoff"]), float(known["recurrence_days"]), known["has_neighbours"] == "True", known["snapshot"] == snapshot
    )


@cached(4)
def problems(version: str) -> pd.DataFrame:
    """The problems that classes are known of."""
    return reads.read_focus_problems(_open(version))


@cached(4)
def months(version: str) -> list[date]:
    """The months that classes are known of."""
    return reads.read_months(_open(version))


@cached(256)
def classes(snapshot: str, version: str, scope: Scope, problem: tuple[str, str], month: date) -> pd.DataFrame:
    """Every visible place in a month of a problem, with its name: see ``storage.focus_reads.read_classes``."""
    found = reads.read_classes(_open(version), _visible(snapshot, scope), *problem, month)
    known = loaders.place_register(snapshot)
    known = known[known["level"] == "subdistrict"]
    return known[["code", "name", "parent_name", "longitude", "latitude"]].merge(found, on="code")


@cached(64)
def hotspots(snapshot: str, version: str, scope: Scope) -> pd.DataFrame:
    """The hot spots the reader may see; see ``storage.focus_reads.read_hotspots``."""
    return reads.read_hotspots(_open(version), _visible(snapshot, scope))


@cached(256)
def course(snapshot: str, version: str, scope: Scope, hotspot_id: str) -> pd.DataFrame:
    """Its last year: ``week``, ``observed``, ``expected``."""
    return reads.read_course(_open(version), _visible(snapshot, scope), hotspot_id)


@cached(256)
def steps(snapshot: str, version: str, scope: Scope, hotspot_id: str) -> pd.DataFrame:
    """Its stage at each cut-off."""
    return reads.read_steps(_open(version), _visible(snapshot, scope), hotspot_id)


@cached(256)
def drivers(snapshot: str, version: str, scope: Scope, hotspot_id: str) -> pd.DataFrame:
    """What drives it: ``kind``, ``code``, ``name``, ``observed``, ``usual``."""
    return reads.read_drivers(_open(version), _visible(snapshot, scope), hotspot_id)


@cached(256)
def similar(snapshot: str, version: str, scope: Scope, hotspot_id: str) -> pd.DataFrame:
    """Places with a like mix of problems: ``code``, ``likeness``, ``observed``, ``expected``."""
    return reads.read_similar(_open(version), _visible(snapshot, scope), hotspot_id)


@cached(64)
def points(snapshot: str, version: str, scope: Scope) -> pd.DataFrame:
    """Points of the last eight weeks."""
    return reads.read_points(_open(version), _visible(snapshot, scope))


@cached(4)
def near_repeats(version: str) -> pd.DataFrame:
    """Problems that come back near by and soon."""
    return reads.read_near_repeats(_open(version))


@cached(64)
def sight(version: str, problem: tuple[str, str]) -> dict[str, float] | None:
    """What size of excess can be seen: ``usual`` of a middling place in four weeks, and ``least``."""
    found = reads.read_sight(_open(version), *problem)
    return None if found is None else {"usual": float(found["usual"]), "least": float(found["least"])}


@cached(64)
def unit_months(version: str, scope: Scope, category_1: str | None) -> pd.DataFrame:
    """Units by month and problem; see ``storage.focus_reads.read_unit_months``."""
    return reads.read_unit_months(_open(version), scope, category_1)


@cached(64)
def unit_shares(version: str, scope: Scope, category_1: str) -> pd.DataFrame:
    """How unevenly a problem lies on units: ``month``, ``gini``, ``top_share``."""
    return reads.read_unit_shares(_open(version), scope, category_1)


@cached(64)
def funnel_of(version: str, scope: Scope, category_1: str) -> tuple[pd.DataFrame, Funnel | None]:
    """Units over the last three months: ``code``, ``observed``, ``expected``; and how far each is from what is usual, None where there are none."""
    rows = unit_months(version, scope, category_1)
    newest = rows[rows["month"] > rows["month"].max() - pd.DateOffset(months=FUNNEL_MONTHS)] if len(rows) else rows
    summed = newest.groupby("code", as_index=False)[["observed", "expected"]].sum()
    summed = summed[summed["expected"] > 0].reset_index(drop=True)
    if summed.empty:
        return summed, None
    return summed, funnel(summed["observed"].to_numpy(dtype="float64"), summed["expected"].to_numpy(dtype="float64"))


@cached(32)
def lines(snapshot: str, scope: Scope, problem: tuple[str, str], places: frozenset[str], first: date, last: date) -> pd.DataFrame:
    """The tickets behind a hot spot, newest first; ``snapshot`` is part of the key only."""
    del snapshot
    tickets = TicketLines(Home.from_environment())
    try:
        return tickets.read(scope, problem, places, first, last)
    finally:
        tickets.close()


def budget(scope: Scope, on: date) -> int:
    """How many hot spots the reader's list holds."""
    most: dict[str, Any] = load_policy().entry("focus.budget", on).value
    return int(most["leader"] if scope.role is Role.LEADER else most.get(scope.role.value, most["planner"]))

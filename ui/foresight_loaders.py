"""Cached reads of the foresight in use, and of the ledger of warnings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from forecasts import city_calendar, track_record
from governance.policy import load_policy
from storage import foresight_reads as reads
from storage.foresight import foresight_version, open_foresight
from storage.home import Home
from storage.records import warnings as ledger
from storage.scope import Role
from ui import loaders
from ui.kept import cached

if TYPE_CHECKING:
    from storage.scope import Scope
    from storage.snapshot import Snapshot

__all__ = [
    "Foresight",
    "actions",
    "ahead",
    "budget",
    "contest",
    "current",
    "events",
    "hindcast",
    "parents",
    "policy",
    "profiles",
    "replays",
    "running",
    "seasons",
    "series",
    "statements",
    "warnings",
    "window_places",
    "windows",
    "windows_replayed",
]


@dataclass(frozen=True, slots=True)
class Foresight:
    """The foresight in use: its version, the last day it knew, whose calendar, and whether it was made from the snapshot that is shown."""

    version: str
    cutoff: date
    calendar: str
    is_current: bool


@st.cache_resource(max_entries=2, show_spinner=False, on_release=lambda snapshot: snapshot.close())
def _foresight(root: str, version: str) -> Snapshot:
    try:
        return open_foresight(Home(Path(root)), version)
    except FileNotFoundError as error:
        message = f"foresight {version} under {root} was replaced"
        raise loaders.SnapshotMovedError(message) from error


def _open(version: str) -> Snapshot:
    return _foresight(str(Home.from_environment().root), version)


@cached(4)
def _facts(version: str) -> dict[str, str]:
    return reads.read_foresight_facts(_open(version))


def current(snapshot: str) -> Foresight | None:
    """The foresight in use; None before it was first made. ``snapshot`` is the version of the snapshot that is shown."""
    version = foresight_version(Home.from_environment())
    if version is None:
        return None
    known = _facts(version)
    return Foresight(version, date.fromisoformat(known["cutoff"]), known["calendar"], known["snapshot"] == snapshot)


@cached(64)
def series(version: str, scope: Scope) -> pd.DataFrame:
    """The series the reader may see; see ``storage.foresight_reads.read_series``."""
    return reads.read_series(_open(version), scope)


@cached(256)
def ahead(version: str, scope: Scope, series_id: int, frequency: str) -> pd.DataFrame:
    """Forecast of a series, "daily" or "weekly": ``day``, ``mean`` and quantiles ``q0.025`` to ``q0.975``."""
    return reads.read_ahead(_open(version), scope, series_id, frequency)


@cached(256)
def hindcast(version: str, scope: Scope, series_id: int) -> pd.DataFrame:
    """Past forecasts of a series: ``day``, ``cutoff``, ``mean``, ``q0.1``, ``q0.25``, ``q0.75``, ``q0.9``; empty where none are kept."""
    return reads.read_hindcast(_open(version), scope, series_id)


@cached(256)
def windows(version: str, scope: Scope, series_id: int) -> pd.DataFrame:
    """What is said of the four-week windows ahead of a series; see ``forecasts.early_warnings.window_statements``."""
    return reads.read_windows(_open(version), scope, series_id)


@cached(64)
def running(version: str, scope: Scope, enter: float, least_days: int) -> pd.DataFrame:
    """Series whose season has begun; see ``storage.foresight_reads.read_running``."""
    return reads.read_running(_open(version), scope, enter, least_days)


@cached(64)
def window_places(version: str, scope: Scope, category_1: str, window_start: date) -> pd.DataFrame:
    """What is said of one window of a category, place by place; see ``storage.foresight_reads.read_window_places``."""
    return reads.read_window_places(_open(version), scope, category_1, window_start)


@cached(64)
def seasons(version: str, scope: Scope) -> pd.DataFrame:
    """The season atlas with level and codes of each series; see ``forecasts.season.season_atlas``."""
    return reads.read_seasons(_open(version), scope)


@cached(64)
def profiles(version: str, scope: Scope) -> pd.DataFrame:
    """Mean course of the year: ``series_id``, ``week`` (0-51), ``ratio`` to the year's mean."""
    return reads.read_profiles(_open(version), scope)


@cached(64)
def replays(version: str, scope: Scope) -> pd.DataFrame:
    """What the rule would have said at past cut-offs, and what came; see ``storage.foresight_reads.read_replay``."""
    return reads.read_replay(_open(version), scope)


@cached(64)
def windows_replayed(version: str, scope: Scope) -> pd.DataFrame:
    """The replays with one row a series and window: its first warning, or its last statement without one."""
    return track_record.first_warnings(replays(version, scope).assign(unique_id=lambda rows: rows["series_id"]))


@cached(8)
def contest(version: str) -> pd.DataFrame:
    """The forecasters' contest by level and model."""
    return reads.read_contest(_open(version))


@cached(64)
def events(calendar: str, start: date, end: date) -> pd.DataFrame:
    """Holidays, seasons and recurring events: ``label``, ``start``, ``end``, ``kind``, ``is_assumed``, ``source``."""
    return city_calendar.events(calendar, start, end)


@cached(8)
def parents(version: str) -> dict[str, str]:
    """District of each subdistrict, by code."""
    places = loaders.place_register(version)
    below = places[(places["level"] == "subdistrict") & places["parent_code"].notna()]
    return dict(zip(below["code"], below["parent_code"], strict=True))


def policy(name: str, on: date) -> Any:
    """Value of a rule of foresight on a day."""
    return load_policy().entry(f"foresight.{name}", on).value


def budget(scope: Scope, on: date) -> int:
    """How many warnings the reader's list holds."""
    most: dict[str, int] = policy("budget", on)
    return int(most["leader"] if scope.role is Role.LEADER else most.get(scope.role.value, most["planner"]))


def warnings(snapshot: str, scope: Scope, today: date) -> pd.DataFrame:
    """The ledger as the reader may see it, read anew every time: others act on it too. See ``storage.records.warnings.read_warnings``."""
    return ledger.read_warnings(Home.from_environment(), scope, today=today, places=parents(snapshot), triage_days=policy("triage_days", today))


def statements(snapshot: str, scope: Scope, warning_id: str) -> pd.DataFrame:
    """What each run said of a warning, newest first."""
    return ledger.read_statements(Home.from_environment(), scope, warning_id, places=parents(snapshot))


def actions(snapshot: str, scope: Scope, warning_id: str) -> pd.DataFrame:
    """What people did about a warning, newest first."""
    return ledger.read_actions(Home.from_environment(), scope, warning_id, places=parents(snapshot))

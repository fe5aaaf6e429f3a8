"""What pages read of a foresight: forecasts, seasons, replays, within the reader's scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from storage.queries import dimension, fetch
from storage.scope import BOUND_ROLES, Role, Scope, ScopeError

if TYPE_CHECKING:
    from datetime import date

    from storage.snapshot import Snapshot

__all__ = [
    "read_ahead",
    "read_contest",
    "read_foresight_facts",
    "read_hindcast",
    "read_profiles",
    "read_replay",
    "read_running",
    "read_seasons",
    "read_series",
    "read_window_places",
    "read_windows",
]

SERIES = "SELECT * FROM series ORDER BY series_id"
CITY_LEVELS = ("city", "category", "category_2")
FREQUENCIES = ("daily", "weekly")


def read_foresight_facts(foresight: Snapshot) -> dict[str, str]:
    """What the foresight is: ``snapshot`` it was made from, ``cutoff`` (last day known), ``calendar``, ``made_at``, ``rule``, ``series_count``."""
    return dict(fetch(foresight, "SELECT name, value FROM meta").itertuples(index=False))


def read_series(foresight: Snapshot, scope: Scope) -> pd.DataFrame:
    """The series a scope may see: ``series_id``, ``level``, ``district``, ``subdistrict``, ``category_1``, ``category_2``, ``model``, ``mean_a_day``.

    A district sees itself and its subdistricts, a subdistrict itself; departments handle parts of many series and see none.
    """
    known = dimension(foresight, SERIES)
    match scope.role:
        case Role.DISTRICT:
            return known[known["district"] == scope.unit_code].reset_index(drop=True)
        case Role.SUBDISTRICT:
            return known[known["subdistrict"] == scope.unit_code].reset_index(drop=True)
        case Role.DEPARTMENT:
            return known.head(0)
        case _:
            return known.copy()


def _visible(foresight: Snapshot, scope: Scope, series_id: int) -> int:
    if series_id not in set(read_series(foresight, scope)["series_id"]):
        message = f"series {series_id} is not one that role {scope.role.value!r} of {scope.unit_code!r} may see"
        raise ScopeError(message)
    return int(series_id)


def read_ahead(foresight: Snapshot, scope: Scope, series_id: int, frequency: str) -> pd.DataFrame:
    """Forecast of a series: ``day`` (first of the step), ``mean`` and quantiles ``q0.025`` to ``q0.975``; ``frequency`` is "daily" or "weekly".

    Raises
    ------
    ScopeError
        The scope may not see the series; so in the next functions that take one.
    """
    if frequency not in FREQUENCIES:
        message = f"frequency is {frequency!r}, allowed are {', '.join(FREQUENCIES)}"
        raise ValueError(message)
    number = _visible(foresight, scope, series_id)
    return fetch(foresight, f"SELECT * EXCLUDE (series_id) FROM {frequency} WHERE series_id = ? ORDER BY day", (number,))


def read_hindcast(foresight: Snapshot, scope: Scope, series_id: int) -> pd.DataFrame:
    """What was forecast for each day of the past from the last cut-off before it: ``day``, ``cutoff``, ``mean``, ``q0.1``, ``q0.25``, ``q0.75``, ``q0.9``."""
    number = _visible(foresight, scope, series_id)
    return fetch(foresight, "SELECT * EXCLUDE (series_id) FROM hindcast WHERE series_id = ? ORDER BY day", (number,))


def read_windows(foresight: Snapshot, scope: Scope, series_id: int) -> pd.DataFrame:
    """What is said of the windows ahead of a series, as ``forecasts.early_warnings.window_statements`` made it."""
    number = _visible(foresight, scope, series_id)
    return fetch(foresight, "SELECT * FROM windows WHERE series_id = ? ORDER BY window_start", (number,))


def read_running(foresight: Snapshot, scope: Scope, enter: float, least_days: int) -> pd.DataFrame:
    """Series whose next window, too near for a new warning, is busy already: their season has begun, or is about to.

    Returns
    -------
    DataFrame
        Codes as in ``read_series``, and ``window_start``.
    """
    found = fetch(foresight, "SELECT series_id, window_start FROM windows WHERE lead_days < ? AND probability >= ?", (least_days, enter))
    return _seasonal_ids(foresight, scope).merge(found, on="series_id")


def read_window_places(foresight: Snapshot, scope: Scope, category_1: str, window_start: date) -> pd.DataFrame:
    """What is said of one window and first-level category of every place in the scope; subdistricts with too few requests are not there.

    Returns
    -------
    DataFrame
        ``level`` ("district_category" or "cell"), ``district``, ``subdistrict``, ``expected``, ``usual``, ``probability``, ``is_tested``.
    """
    own = read_series(foresight, scope)
    own = own[own["level"].isin(["district_category", "cell"]) & (own["category_1"] == category_1)]
    found = fetch(foresight, "SELECT series_id, expected, usual, probability, is_tested FROM windows WHERE window_start = ?", (window_start,))
    return own[["series_id", "level", "district", "subdistrict"]].merge(found, on="series_id").drop(columns="series_id")


def _seasonal_ids(foresight: Snapshot, scope: Scope) -> pd.DataFrame:
    """Series whose season a scope may see: its own, and the city's, whose course says nothing about another place's counts."""
    own = read_series(foresight, scope)
    if scope.role not in BOUND_ROLES:
        return own
    known = dimension(foresight, SERIES)
    return pd.concat([known[known["level"].isin(CITY_LEVELS)], own], ignore_index=True).drop_duplicates("series_id")


def read_seasons(foresight: Snapshot, scope: Scope) -> pd.DataFrame:
    """The season atlas, with level and codes of each series; columns as in ``forecasts.season.season_atlas``."""
    return _seasonal_ids(foresight, scope).merge(fetch(foresight, "SELECT * FROM atlas"), on="series_id")


def read_profiles(foresight: Snapshot, scope: Scope) -> pd.DataFrame:
    """Mean course of the year: ``series_id``, ``week`` (0-51), ``ratio`` to the year's mean."""
    found = fetch(foresight, "SELECT * FROM profile ORDER BY series_id, week")
    return found[found["series_id"].isin(_seasonal_ids(foresight, scope)["series_id"])].reset_index(drop=True)


def read_replay(foresight: Snapshot, scope: Scope) -> pd.DataFrame:
    """What the rule would have said at past cut-offs of the series a scope may see, and what came."""
    found = fetch(foresight, "SELECT * FROM replay ORDER BY series_id, window_start, lead_days")
    return read_series(foresight, scope)[["series_id", "level", "district", "subdistrict", "category_1", "category_2"]].merge(found, on="series_id")


def read_contest(foresight: Snapshot) -> pd.DataFrame:
    """The forecasters' contest: ``level``, ``model``, ``series_count``, ``cutoffs``, ``loss``, ``coverage_80``, ``seconds``, ``is_winner``, ``is_serving``."""
    return fetch(foresight, "SELECT * FROM contest ORDER BY level, loss")

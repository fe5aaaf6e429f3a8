"""点位: places of a few hundred metres where tickets of one problem come thick within weeks, and far more than lay there before."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree
from scipy.stats import nbinom

from geodata.point_clusters import near_repeat, space_time_clusters
from governance.pinpoints import points_of

if TYPE_CHECKING:
    from storage.ticket_lines import TicketLines

__all__ = ["EMPTY_POINTS", "NEAR_COLUMNS", "find_near_repeats", "find_points"]

METRES, SPAN_DAYS, LEAST = 200.0, 14, 6
RECENT_DAYS, BEFORE_DAYS = 56, 364
FALSE_POINTS = 0.05
"""Of all positions of all problems together (Bonferroni): clusters are picked for being thick, so each position had its chance to be one."""

DISPERSION = 0.25
"""Positions scatter more than areas do; fixed, as one position has too little of a past to tell."""

NEVER = 0.5
"""Tickets that a position without any may be expected to have had."""

FEWEST_NEAR, MOST_NEAR, FEWEST_PAIRS = 100, 50_000, 5.0
NEAR_COLUMNS = ("category_1", "category_2", "observed", "expected", "ratio", "p_value")
DEGREE_METRES = 111_195.0
KINDS = {
    **dict.fromkeys(("category_1", "category_2", "code", "community", "pinpoint"), "str"),
    **dict.fromkeys(("first_day", "last_day"), "datetime64[us]"),
    **dict.fromkeys(("longitude", "latitude", "radius_m", "observed", "usual", "callers", "p_value"), "float64"),
}
EMPTY_POINTS = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in KINDS.items()})


def find_points(lines: TicketLines, until: date) -> pd.DataFrame:
    """Points of the last eight weeks, the most surprising first.

    Returns
    -------
    DataFrame
        ``category_1``, ``category_2`` (empty where there is none), ``code`` of the subdistrict, ``community`` and ``pinpoint`` (the most frequent; None
        where none is named), ``first_day``, ``last_day``, ``longitude``, ``latitude``, ``radius_m`` (farthest ticket from the middle), ``observed``,
        ``usual`` (in as many days, from the year before, at the city's present level), ``callers``, ``p_value`` (of all positions together).
    """
    first = until - timedelta(days=RECENT_DAYS - 1)
    recent = lines.points(first, until)
    if recent.empty:
        return EMPTY_POINTS
    before = lines.spots(first - timedelta(days=BEFORE_DAYS), first - timedelta(days=1))
    middle = float(recent["latitude"].median())
    positions = len(recent[["category_1", "category_2", "longitude", "latitude"]].drop_duplicates())
    # a category without a second level has an empty one: two unknown names would never be the same
    recent, before = (frame.assign(category_2=frame["category_2"].fillna("")) for frame in (recent, before))
    known = dict(list(before.groupby(["category_1", "category_2"])))
    found = []
    for problem, own in recent.groupby(["category_1", "category_2"]):
        labels = space_time_clusters(
            own["longitude"].to_numpy(), own["latitude"].to_numpy(), own["accepted_at"].to_numpy().astype("datetime64[D]"),
            metres=METRES, span_days=SPAN_DAYS, least=LEAST,
        )  # fmt: skip
        past = known.get(problem, before.head(0))
        scale = (len(own) + 1) / (past["ticket_count"].sum() + 1)
        tree = cKDTree(_metres(past, middle))
        places = _metres(own, middle)
        for label in range(int(labels.max(initial=-1)) + 1):
            numbers = _numbers(places[labels == label], past["ticket_count"].to_numpy() * scale, tree, positions)
            if numbers[-1] <= FALSE_POINTS:
                found.append(_described(own[labels == label], numbers))
    frame = pd.DataFrame(found, columns=list(KINDS)).astype(KINDS) if found else EMPTY_POINTS
    return frame.sort_values("p_value", ignore_index=True)


def find_near_repeats(lines: TicketLines, until: date) -> pd.DataFrame:
    """Problems that come back near by and soon: pairs of tickets within 200 metres and a fortnight, against days dealt out anew.

    Returns
    -------
    DataFrame
        ``NEAR_COLUMNS``, one row a problem with enough positions in the last eight weeks, the most repeating first: ``ratio`` of observed to expected
        pairs, ``p_value`` of one problem.
    """
    recent = lines.points(until - timedelta(days=RECENT_DAYS - 1), until)
    rows = []
    for problem, own in recent.fillna({"category_2": ""}).groupby(["category_1", "category_2"]):
        if not FEWEST_NEAR <= len(own) <= MOST_NEAR:
            continue
        days = own["accepted_at"].to_numpy().astype("datetime64[D]")
        found = near_repeat(own["longitude"].to_numpy(), own["latitude"].to_numpy(), days, metres=METRES, span_days=SPAN_DAYS)
        if found.expected >= FEWEST_PAIRS:
            rows.append((*problem, found.observed, found.expected, found.ratio, found.p_value))
    return pd.DataFrame(rows, columns=list(NEAR_COLUMNS)).sort_values("ratio", ascending=False, ignore_index=True)


def _metres(rows: pd.DataFrame, middle: float) -> np.ndarray:
    return np.stack([rows["longitude"] * np.cos(np.radians(middle)), rows["latitude"]], axis=1) * DEGREE_METRES


def _numbers(places: np.ndarray, past: np.ndarray, tree: cKDTree, positions: int) -> tuple[float, float, float, float]:
    """Radius, observed, usual and probability of one cluster against what lay within its reach before."""
    centre = places.mean(axis=0)
    radius = float(np.hypot(*(places - centre).T).max())
    usual = float(past[tree.query_ball_point(centre, radius + METRES / 2)].sum()) if len(past) else 0.0
    mean, size = max(usual, NEVER), 1.0 / DISPERSION
    p_value = float(nbinom.sf(len(places) - 1, size, size / (size + mean))) * positions
    return radius, float(len(places)), usual, min(p_value, 1.0)


def _described(own: pd.DataFrame, numbers: tuple[float, float, float, float]) -> tuple[object, ...]:
    """A row of what was found."""
    radius, observed, usual, p_value = numbers
    days = own["accepted_at"].dt.floor("D")
    named = points_of(own["place"])["pinpoint"]
    callers = float(own["caller_key"].nunique() if own["caller_key"].notna().any() else len(own))
    return (
        *(own["category_1"].iloc[0], own["category_2"].iloc[0], _most(own["subdistrict_code"]), _most(own["community"]), _most(named)),
        *(days.min(), days.max(), float(own["longitude"].mean()), float(own["latitude"].mean())),
        *(radius, observed, usual, callers, p_value),
    )


def _most(values: pd.Series) -> str | None:
    """The most frequent value, of several the first by name; None where there is none."""
    counted = values[values.notna() & (values != "")].astype("str").value_counts()
    return min(counted.index[counted == counted.max()]) if len(counted) else None

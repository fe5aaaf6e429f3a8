"""Figures of 前瞻治理: the strip of the year and the map of where."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ui import maps, scales, theme, words
from ui.words import _

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["BREAKS", "Strip", "next_start", "strip", "strip_rows", "where_map"]

WEEKS = 52
WEEKS_BACK = 4
BREAKS = (0.77, 1.0, 1.3, 2.0)
"""Times usual; the third bound is that of a warning, the first its inverse."""

DIM = 0.35
MOST_ROWS = 16
LONGEST_LABEL = 4
LEAST_APART_WEEKS = 8


@dataclass(frozen=True, slots=True)
class Strip:
    """The coming year, week by week: ``weeks`` (first days), ``names`` (problems), ``ratios`` (problems x weeks, times the year's mean).

    ``onsets`` are the days on which each next begins, ``seasonal_count`` the number of all seasonal problems, shown or not.
    """

    weeks: list[date]
    names: list[str]
    ratios: np.ndarray
    onsets: list[date]
    seasonal_count: int


def strip_rows(seasons: pd.DataFrame, profiles: pd.DataFrame, today: date, name: str) -> Strip:
    """The seasonal problems with the highest peaks, in the order in which they next peak.

    Parameters
    ----------
    seasons, profiles
        As ``foresight_loaders`` gives them, for the series to be shown.
    name
        Column of ``seasons`` that names a problem.
    """
    seasonal = seasons[seasons["is_seasonal"].astype("bool")]
    strong = seasonal.sort_values("peak_ratio", ascending=False).head(MOST_ROWS)
    first = today - timedelta(days=today.weekday() + 7 * WEEKS_BACK)
    weeks = [first + timedelta(weeks=number) for number in range(WEEKS)]
    places = [min((week.timetuple().tm_yday + 2) // 7, WEEKS - 1) for week in weeks]
    table = profiles.pivot_table(index="series_id", columns="week", values="ratio").reindex(strong["series_id"])
    ratios = table.to_numpy()[:, places] if len(table) else np.zeros((0, WEEKS))
    order = np.argsort(-ratios[:, WEEKS_BACK:].argmax(axis=1), kind="stable")
    onsets = [next_start(strong["onset_week"].iloc[place], today) for place in order]
    return Strip(weeks, [strong[name].iloc[place] for place in order], ratios[order], onsets, len(seasonal))


def next_start(week: float, today: date) -> date:
    """The next day, from today on, on which a week of the atlas begins; its weeks count from 1 January."""
    start = date(today.year, 1, 1) + timedelta(weeks=int(week))
    return start if start >= today else date(today.year + 1, 1, 1) + timedelta(weeks=int(week))


def strip(rows: Strip, events: pd.DataFrame, today: date, height: int, *, dark: bool) -> go.Figure:
    """Problems by weeks, darker orange where they are busier than their year's mean, blue where quieter; today and events marked."""
    shades = theme.DIVERGING_DARK if dark else theme.DIVERGING
    logs = np.log2(np.clip(rows.ratios, 1 / 4, 4))
    colours = [(place / (len(shades) - 1), shade) for place, shade in enumerate(shades)]
    hover = _("{day}那周：平时的{n}倍")
    days = [words.short_span(week, week) for week in rows.weeks]
    texts = [[hover.format(day=day, n=f"{ratio:.1f}") for day, ratio in zip(days, row, strict=True)] for row in rows.ratios]
    traces: list[dict[str, Any]] = [
        {
            "type": "heatmap",
            "x": rows.weeks,
            "y": rows.names,
            "z": logs.round(2),
            "zmin": -1.6,
            "zmax": 1.6,
            "colorscale": colours,
            "showscale": False,
            "customdata": texts,
            "hovertemplate": "%{y}<br>%{customdata}<extra></extra>",
            "xgap": 1,
            "ygap": 2,
        }
    ]
    months = [week for week in rows.weeks if week.day <= 7]
    axis = {"tickmode": "array", "tickvals": months, "ticktext": [_("{n}月").format(n=week.month) for week in months], "tickangle": 0, "side": "bottom"}
    line = {"type": "line", "x0": today, "x1": today, "y0": 0, "y1": 1, "yref": "paper", "line": {"color": theme.ACCENT, "width": 2}}
    notes = [{"x": today, "y": 1, "yref": "paper", "yanchor": "bottom", "text": _("今天"), "showarrow": False, "font": {"size": 12, "color": theme.ACCENT}}]
    notes += _event_notes(events, rows.weeks, today)
    margin = {"l": 8, "r": 8, "t": 26, "b": 8}
    layout = {"xaxis": axis, "yaxis": {"automargin": True, "showgrid": False}, "shapes": [line], "annotations": notes, "margin": margin}
    return theme.figure(traces, layout, height)


def _event_notes(events: pd.DataFrame, weeks: list[date], today: date) -> list[dict[str, Any]]:
    """Names of events above the strip, as far as they have room."""
    notes: list[dict[str, Any]] = []
    last = today
    for label, start in zip(events["label"], events["start"].dt.date, strict=True):
        far_enough = abs((start - last).days) >= 7 * LEAST_APART_WEEKS
        if weeks[0] <= start <= weeks[-1] and far_enough and start > last and len(label) <= LONGEST_LABEL + 2:
            notes.append({"x": start, "y": 1, "yref": "paper", "yanchor": "bottom", "text": label, "showarrow": False, "font": {"size": 11}})
            last = start
    return notes


def where_map(frame: pd.DataFrame, url: str, place: dict[str, Any], height: int, *, chosen: str | None, dark: bool) -> go.Figure:
    """Places by how many times usual is expected.

    Parameters
    ----------
    frame
        ``code``, ``name``, ``times`` (NaN: too few to say), ``expected``, ``probability``.
    """
    look = scales.scale(_("预计为平时的"), BREAKS, lambda bound: f"{bound:g}" + _("倍"), dark=dark, diverging=True)
    text = _("预计 {n} 件，为平时的 {times} 倍，转旺可能 {likely}")
    numbers = zip(frame["expected"], frame["times"], frame["probability"], strict=True)
    said = [
        _("件数太少，不作判断") if math.isnan(times) else text.format(n=words.exact(round(count)), times=f"{times:.1f}", likely=f"{likely:.0%}")
        for count, times, likely in numbers
    ]
    areas = maps.Areas(frame["code"].tolist(), scales.classes(frame["times"], BREAKS), frame["name"].tolist(), "<b>%{text}</b><br>%{customdata}", said)
    return maps.area_map(areas, look, url, place=place, dark=dark, height=height, chosen=chosen)

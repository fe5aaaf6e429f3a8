"""Figures of the heat map: hexagons, communities, the clock of the week and the trend of one area."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import plotly.graph_objects as go
import pydeck

from ui import maps, theme, words
from ui.figures import axis_ticks
from ui.scales import Scale
from ui.words import _

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

__all__ = ["CELL_MARGIN", "WEEKDAYS", "CompactDeck", "communities", "density", "density_look", "density_numbers", "disc_sizes", "fit", "hours", "rgb", "trend"]

WEEKDAYS = (_("周一"), _("周二"), _("周三"), _("周四"), _("周五"), _("周六"), _("周日"))
LARGEST_POINT = 34.0  # pixels across
SMALLEST_POINT = 6.0
TELEPHONE_WIDTH = 350  # pixels of the map on a narrow telephone
CELL_MARGIN = 0.02
"""Degrees around the cells' centres that hold their outlines."""


class CompactDeck(pydeck.Deck):
    """A deck whose JSON has no indentation: a third of the bytes on the way to the browser."""

    def to_json(self) -> str:
        """The deck's JSON in its shortest form."""
        return json.dumps(json.loads(super().to_json()), ensure_ascii=False, separators=(",", ":"))


def rgb(colour: str) -> list[int]:
    """Red, green and blue of a colour written #rrggbb, 0 to 255."""
    return [int(colour[index : index + 2], 16) for index in (1, 3, 5)]


def _breaks(cells: pd.DataFrame) -> list[int]:
    """Inner bounds of at most five classes."""
    return maps.class_breaks(cells["request_count"].tolist())[1:]


def density_look(cells: pd.DataFrame, *, dark: bool) -> Scale:
    """The legend of the hexagons: one name and colour a class, from low to high."""
    shades = theme.SEQUENTIAL_DARK if dark else theme.SEQUENTIAL
    names = tuple(maps.class_names([1, *_breaks(cells)]))
    return Scale(_("诉求量（件）"), names, tuple(shades[: len(names)]))


def density_numbers(cells: pd.DataFrame) -> np.ndarray:
    """Class of each hexagon, from 0."""
    return np.searchsorted(np.asarray(_breaks(cells)), cells["request_count"].to_numpy(), side="right")


def disc_sizes(counts: np.ndarray) -> np.ndarray:
    """Pixels across of discs whose area grows with the counts."""
    return np.maximum(SMALLEST_POINT, LARGEST_POINT * np.sqrt(counts / max(counts.max(initial=0), 1)))


def density(cells: pd.DataFrame, outline_url: str | None, *, dark: bool) -> pydeck.Deck:
    """Hexagons in five classes of requests, drawn over the outline of the areas; no tile server."""
    shades, numbers = density_look(cells, dark=dark).shades, density_numbers(cells)
    rows = [
        {"h": cell, "n": int(count), "c": [*rgb(shades[number]), 210]}
        for cell, count, number in zip(cells["cell"], cells["request_count"], numbers, strict=True)
    ]
    layers = []
    if outline_url:
        line = rgb(theme.COMPARISON)
        layers.append(pydeck.Layer("GeoJsonLayer", data=outline_url, filled=False, stroked=True, get_line_color=line, line_width_min_pixels=1, pickable=False))
    layers.insert(0, pydeck.Layer("H3HexagonLayer", data=rows, get_hexagon="h", get_fill_color="c", stroked=False, extruded=False, pickable=True, opacity=0.85))
    low, high = cells[["longitude", "latitude"]].min() - CELL_MARGIN, cells[["longitude", "latitude"]].max() + CELL_MARGIN
    view = fit((float(low["longitude"]), float(low["latitude"]), float(high["longitude"]), float(high["latitude"])), 430)
    state = pydeck.ViewState(longitude=view["center"]["lon"], latitude=view["center"]["lat"], zoom=view["zoom"])
    tooltip: dict[str, Any] = {"text": _("{n} 件诉求")}
    return CompactDeck(layers=layers, initial_view_state=state, map_provider=None, tooltip=tooltip, parameters={"depthTest": False})


def fit(extent: maps.Extent | None, height: int) -> dict[str, Any]:
    """Centre and zoom that hold an extent also on a telephone: what is fitted to a wider map is cut off there.

    The browser's own fitting (``fitbounds``) leaves the map empty where the areas come from an address; seen with plotly 7.1.
    """
    view = maps.view(extent, height)
    if extent is not None:
        width = max((extent[2] - extent[0]) * maps.MARGIN, maps.SMALLEST_SPAN)
        view["zoom"] = min(view["zoom"], round(math.log2(TELEPHONE_WIDTH * 360 / (maps.TILE * width)), 2))
    return view


def communities(frame: pd.DataFrame, *, dark: bool, height: int) -> go.Figure:
    """Communities as discs whose area grows with requests."""
    counts = frame["request_count"].to_numpy(dtype="float64")
    sizes = disc_sizes(counts)
    texts = [
        _("<b>{name}</b> {street}<br>诉求量 {n} 件").format(name=name, street=street if isinstance(street, str) else "", n=words.exact(count))
        for name, street, count in zip(frame["community"], frame["street"], counts, strict=True)
    ]
    discs = {
        "type": "scattermap",
        "lon": frame["longitude"].round(4),
        "lat": frame["latitude"].round(4),
        "mode": "markers",
        "marker": {"size": sizes.round(1), "color": theme.NOW, "opacity": 0.6},
        "text": texts,
        "hovertemplate": "%{text}<extra></extra>",
    }
    low, high = frame[["longitude", "latitude"]].min(), frame[["longitude", "latitude"]].max()
    extent = (float(low["longitude"]), float(low["latitude"]), float(high["longitude"]), float(high["latitude"]))
    ground = {"style": maps.style(dark), **fit(extent, height)}
    return theme.figure([discs], {"map": ground, "margin": {"l": 0, "r": 0, "t": 0, "b": 0}, "dragmode": "pan"}, height)


def hours(table: pd.DataFrame, height: int) -> go.Figure:
    """Intake by weekday and hour, as made by ``heat_loaders.hours``."""
    cells = {
        "type": "heatmap",
        "z": table.to_numpy(),
        "x": list(range(24)),
        "y": list(WEEKDAYS),
        "colorscale": [[index / 4, shade] for index, shade in enumerate(theme.SEQUENTIAL)],
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "hovertemplate": _("%{y} %{x}时<br>受理 %{z:,} 件<extra></extra>"),
    }
    every_third = list(range(0, 24, 3))
    across = {"tickmode": "array", "tickvals": every_third, "ticktext": [_("{hour}时").format(hour=hour) for hour in every_third]}
    return theme.figure([cells], {"xaxis": across, "yaxis": {"autorange": "reversed"}}, height)


def weekdays(table: pd.DataFrame, height: int) -> go.Figure:
    """Intake by weekday, where ``heat_loaders.hours`` found no time of day."""
    bars = {
        "type": "bar",
        "x": list(WEEKDAYS),
        "y": table.sum(axis=1),
        "marker": {"color": theme.NOW},
        "hovertemplate": _("%{x}<br>受理 %{y:,} 件<extra></extra>"),
    }
    values, texts = axis_ticks(float(table.sum(axis=1).max()))
    return theme.figure([bars], {"yaxis": {"tickmode": "array", "tickvals": values, "ticktext": texts}, "bargap": 0.5}, height)


def trend(own: pd.DataFrame, month: date, height: int) -> go.Figure:
    """Requests of one area in every month, the month shown marked."""
    here = own[own["month"].dt.date == month]
    line = {"type": "scatter", "mode": "lines", "line": {"color": theme.NOW, "width": 2}, "hovertemplate": "%{x|%Y-%m}<br>%{y:,}<extra></extra>"}
    dot = {"type": "scatter", "mode": "markers", "marker": {"size": 9, "color": theme.ACCENT}, "hoverinfo": "skip"}
    traces = [line | {"x": own["month"], "y": own["request_count"]}, dot | {"x": here["month"], "y": here["request_count"]}]
    values, texts = axis_ticks(float(own["request_count"].max()))
    upright = {"tickmode": "array", "tickvals": values, "ticktext": texts, "rangemode": "tozero"}
    return theme.figure(traces, {"xaxis": {"tickformat": "%Y-%m", "nticks": 5}, "yaxis": upright, "showlegend": False}, height)

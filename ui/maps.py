"""The choropleth: areas coloured by count in five classes, drawn without any tile server.

The geometry is fetched by the browser from this server under a name with its content hash and kept in
its cache; a rerun sends only one class number for each area.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ui import theme, words
from ui.scales import Scale
from ui.words import _

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Areas", "area_map", "choropleth", "class_breaks", "class_names", "geometry_url", "style", "view"]

CLASSES = 5
TILE = 512
Extent = tuple[float, float, float, float]
MARGIN = 1.08
SMALLEST_SPAN = 0.02  # degrees; a single community still shows its surroundings
MAP_WIDTH = 480.0  # pixels assumed for the first zoom; the browser's real width only changes the margin


HOVER = _("<b>%{text}</b><br>诉求量 %{customdata[0]:,} 件，第 %{customdata[1]} 位<br>解决率 %{customdata[2]}（有效回访 %{customdata[3]:,} 件）")


@dataclass(frozen=True, slots=True)
class Areas:
    """Code, class number from 0, name and facts of each area, and the words shown when it is pointed at.

    The words are sent once, as plotly's template with ``%{text}`` for the name and ``%{customdata}`` for the facts: for three hundred
    areas they would otherwise be half of what a map weighs.
    """

    codes: list[str]
    numbers: np.ndarray
    names: list[str]
    hover: str
    facts: list[Any]


def geometry_url(boundaries_key: str, level: str) -> str:
    """Address of the boundary file on this server; see ``server.py``."""
    return f"/geo/{boundaries_key}/{level}.geojson"


def class_breaks(values: Sequence[float]) -> list[int]:
    """Lower bounds of at most five classes: 0, then rounded quantiles of the places that have any.

    Quantiles, because counts of places are skewed and equal steps would leave all but one place in the
    lowest class.
    """
    positive = np.asarray([value for value in values if value > 0], dtype="float64")
    if positive.size == 0:
        return [0]
    cuts = np.quantile(positive, np.linspace(0, 1, CLASSES + 1)[1:-1])
    return [0, *sorted({rounded for cut in cuts if (rounded := _round_two_digits(cut)) > 0})]


def _round_two_digits(value: float) -> int:
    digits = max(0, math.floor(math.log10(value)) - 1) if value >= 1 else 0
    return int(round(value / 10**digits) * 10**digits)


def _class_name(low: int, high: int) -> str:
    if low == high:
        return words.exact(low)
    return _("{low}–{high}").format(low=words.exact(low), high=words.exact(high))


def class_names(breaks: Sequence[int]) -> list[str]:
    """The legend: 0–120, 120–340, 340以上."""
    names = [_class_name(low, high - 1) for low, high in itertools.pairwise(breaks)]
    return [*names, _("{low}以上").format(low=words.exact(breaks[-1]))]


def style(dark: bool) -> dict[str, Any]:
    """A map style without tiles. An empty ``sources`` is dropped on the way and stops the map."""
    empty = {"type": "geojson", "data": {"type": "FeatureCollection", "features": []}}
    return {
        "version": 8,
        "sources": {"none": empty},
        "layers": [{"id": "ground", "type": "background", "paint": {"background-color": theme.GROUND_DARK if dark else theme.GROUND}}],
    }


def _centroid_extent(frame: pd.DataFrame) -> Extent | None:
    spots = frame[["longitude", "latitude"]].dropna()
    if spots.empty:
        return None
    low, high = spots.min(), spots.max()
    return float(low["longitude"]), float(low["latitude"]), float(high["longitude"]), float(high["latitude"])


def view(extent: Extent | None, height: int) -> dict[str, Any]:
    """Centre and zoom that hold an extent with a small margin."""
    if extent is None:
        return {"center": {"lon": 0, "lat": 0}, "zoom": 1}
    west, south, east, north = extent
    middle = (south + north) / 2
    shrink = math.cos(math.radians(middle))
    width = max((east - west) * MARGIN, SMALLEST_SPAN)
    tall = max((north - south) * MARGIN, SMALLEST_SPAN)
    zoom = min(math.log2(MAP_WIDTH * 360 / (TILE * width)), math.log2(height * 360 * shrink / (TILE * tall)))
    return {"center": {"lon": (west + east) / 2, "lat": middle}, "zoom": round(zoom, 2)}


def centred(frame: pd.DataFrame, height: int) -> dict[str, Any]:
    """Centre and zoom that hold the areas' centroids."""
    return view(_centroid_extent(frame), height)


def _legend(look: Scale, *, dark: bool) -> dict[str, Any]:
    return {
        "tickmode": "array",
        "tickvals": list(range(len(look.names))),
        "ticktext": list(look.names),
        "title": {"text": look.title, "side": "top", "font": {"size": 12}},
        "tickfont": {"size": 12},
        "thickness": 12,
        "len": 0.5,
        "x": 0.01,
        "xanchor": "left",
        "y": 0.02,
        "yanchor": "bottom",
        "outlinewidth": 0,
        "bgcolor": theme.LEGEND_DARK if dark else theme.LEGEND,
    }


def choropleth(frame: pd.DataFrame, boundaries_key: str, level: str, *, extent: Extent | None, dark: bool, height: int = 400) -> go.Figure:
    """Areas coloured by requests.

    Parameters
    ----------
    frame
        As made by ``loaders.places``; ``location`` of a clicked area is its code.
    extent
        West, south, east and north of what to show, degrees; ``None`` shows the areas' centroids.
    dark
        Whether the page is dark; the darkest class is then the lowest.
    """
    breaks = class_breaks(frame["request_count"].tolist())
    numbers = np.searchsorted(np.asarray(breaks), frame["request_count"].to_numpy(), side="right") - 1
    look = Scale(_("诉求量（件）"), tuple(class_names(breaks)), tuple(_shades(len(breaks), dark=dark)))
    where = view(extent, height) if extent else centred(frame, height)
    areas = Areas(frame["code"].tolist(), numbers, _names(frame), HOVER, _facts(frame))
    return area_map(areas, look, geometry_url(boundaries_key, level), place=where, dark=dark, height=height)


def area_map(
    areas: Areas,
    look: Scale,
    url: str,
    *,
    place: dict[str, Any],
    dark: bool,
    height: int,
    chosen: str | None = None,
) -> go.Figure:
    """Areas coloured by class number.

    Parameters
    ----------
    areas
        What is drawn, and what is said of each when pointed at.
    place
        Centre and zoom, as ``view`` gives them.
    chosen
        Code of an area to be outlined.
    """
    steps = [(edge / len(look.shades), shade) for index, shade in enumerate(look.shades) for edge in (index, index + 1)]
    traces: list[dict[str, Any]] = [
        {
            "type": "choroplethmap",
            "geojson": url,
            "featureidkey": "properties.code",
            "locations": areas.codes,
            "z": areas.numbers,
            "zmin": -0.5,
            "zmax": len(look.shades) - 0.5,
            "colorscale": steps,
            "colorbar": _legend(look, dark=dark),
            "marker": {"opacity": 0.92, "line": {"width": 0.8, "color": "#0b1726" if dark else "#ffffff"}},
            "unselected": {"marker": {"opacity": 0.55}},
            "text": areas.names,
            "hovertemplate": areas.hover + "<extra></extra>",
            **({"customdata": areas.facts} if areas.facts else {}),
        }
    ]
    if chosen in set(areas.codes):
        traces.append(
            {
                "type": "choroplethmap",
                "geojson": url,
                "featureidkey": "properties.code",
                "locations": [chosen],
                "z": [0],
                "colorscale": [(0, "rgba(0,0,0,0)"), (1, "rgba(0,0,0,0)")],
                "showscale": False,
                "marker": {"line": {"width": 3, "color": theme.ACCENT}, "opacity": 1},
                "hoverinfo": "skip",
            }
        )
    layout = {
        "map": {"style": style(dark), **place},
        "clickmode": "event+select",
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "dragmode": "pan",
        "template": "none",  # a map has no axes or series to style; the theme's own is four kilobytes a map
    }
    return theme.figure(traces, layout, height)


def _shades(count: int, *, dark: bool) -> list[str]:
    """``count`` of the five shades, spread from the lowest to the highest."""
    every = theme.SEQUENTIAL_DARK if dark else theme.SEQUENTIAL
    picks = np.linspace(0, len(every) - 1, count).round().astype(int) if count > 1 else np.array([0])
    return [every[index] for index in picks]


def _names(frame: pd.DataFrame) -> list[str]:
    parents = (f" {parent}" if isinstance(parent, str) and parent else "" for parent in frame["parent_name"])
    return [f"{name}{parent}" for name, parent in zip(frame["name"], parents, strict=True)]


def _facts(frame: pd.DataFrame) -> list[list[Any]]:
    """What ``HOVER`` names, in its order."""
    rates = [words.percent(rate, _("无回访")) for rate in frame["resolution_rate"]]
    rows = zip(frame["request_count"], frame["rank"], rates, frame["resolution_base_count"], strict=True)
    return [[int(count), int(rank), rate, int(base)] for count, rank, rate, base in rows]

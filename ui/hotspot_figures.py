"""Figures of 重点治理: the map of classes with their words, the course of one hot spot, its drivers, the funnel and the shares of units."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import pydeck

from ui import heat_figures, hotspot_sentences, theme, words
from ui.figures import axis_ticks
from ui.words import _

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from governance.unit_concentration import Funnel

__all__ = ["ALERT_Z", "MAP_HEIGHT", "class_map", "course", "drivers", "funnel", "point_map", "shares", "strip_html"]

MAP_HEIGHT = 400
OTHER = "#c9d2dc"
OTHER_DARK = "#33404f"
GRID = 60
LEAST_EXPECTED = 5.0
NAMED_UNITS = 3
ALERT_Z = 3.0902
"""The normal score of the 99.8 % limits."""

STRIP_STYLE = """<style>.weisu-strip span{display:inline-block;min-width:.9rem;height:1rem;line-height:1rem;font-size:.7rem;text-align:center;
margin-right:1px;color:#fff}</style>"""
STRIP_COLOURS = {"new": theme.ACCENT, "worsening": "#8f4a06", "ongoing": theme.ACCENT, "easing": "#e9b67f", "ended": theme.MISSING}


def class_map(
    rows: pd.DataFrame, shapes: dict[str, Any], outline_url: str, extent: tuple[float, float, float, float] | None, chosen: tuple[str, ...], *, dark: bool
) -> pydeck.Deck:
    """Areas that are hot or cold in their colour, with symbol and word; the others grey. No tile server.

    Parameters
    ----------
    rows
        As ``hotspot_loaders.classes`` gives them.
    shapes
        GeoJSON geometry by code.
    extent
        West, south, east and north of what to show, degrees.
    chosen
        Codes of the hot spot chosen, outlined.
    """
    base = _ground(outline_url, dark=dark)
    marked = [_feature(row, shapes[row["code"]]) for row in rows.to_dict("records") if row["side"] and row["code"] in shapes]
    fill = pydeck.Layer("GeoJsonLayer", data=_collection(marked), filled=True, stroked=False, get_fill_color="properties.c", pickable=True, id="classes")
    rings = _collection([{"type": "Feature", "properties": {}, "geometry": shapes[code]} for code in chosen if code in shapes])
    outline = pydeck.Layer(
        "GeoJsonLayer",
        data=rings,
        filled=False,
        stroked=True,
        get_line_color=heat_figures.rgb(theme.ACCENT),
        line_width_min_pixels=2.5,
        pickable=False,
        id="chosen",
    )
    texts = [
        {"p": [round(row["longitude"], 4), round(row["latitude"], 4)], "t": hotspot_sentences.class_word(row["kind"], row["side"])}
        for row in rows.to_dict("records")
        if row["side"]
    ]
    labels = pydeck.Layer(
        "TextLayer",
        data=texts,
        get_position="p",
        get_text="t",
        get_size=12,
        get_color=heat_figures.rgb("#ffffff" if dark else "#1b2430"),
        background=True,
        get_background_color=[*heat_figures.rgb(theme.GROUND_DARK if dark else "#ffffff"), 215],
        background_padding=[3, 1],
        get_pixel_offset=[0, -12],
        character_set=pydeck.types.String("auto"),
        font_family=pydeck.types.String("Noto Sans CJK SC, PingFang SC, Microsoft YaHei, sans-serif"),
        pickable=False,
        id="words",
    )
    tooltip: dict[str, Any] = {"html": "<b>{n}</b> {w}<br>{s}"}
    return _deck([base, fill, outline, labels], extent, tooltip)


def point_map(rows: pd.DataFrame, texts: list[str], outline_url: str | None, *, dark: bool) -> pydeck.Deck:
    """Clusters as discs whose area grows with their tickets, at the middle of each, never at one caller's position.

    Parameters
    ----------
    rows
        ``longitude``, ``latitude``, ``observed``.
    texts
        What is said of each when pointed at.
    """
    sizes = heat_figures.disc_sizes(rows["observed"].to_numpy()) / 2
    spots = zip(rows["longitude"].round(3), rows["latitude"].round(3), sizes, texts, strict=True)
    discs = pydeck.Layer(
        "ScatterplotLayer",
        data=[{"p": [x, y], "r": round(float(size), 1), "s": text} for x, y, size, text in spots],
        get_position="p",
        get_radius="r",
        radius_units=pydeck.types.String("pixels"),
        get_fill_color=[*heat_figures.rgb(theme.ACCENT), 210],
        pickable=True,
        id="discs",
    )
    layers = [discs] if outline_url is None else [_ground(outline_url, dark=dark), discs]
    return _deck(layers, _extent(rows), {"text": "{s}"})


def _ground(outline_url: str, *, dark: bool) -> pydeck.Layer:
    """All areas in grey."""
    return pydeck.Layer(
        "GeoJsonLayer",
        data=outline_url,
        filled=True,
        stroked=True,
        get_fill_color=heat_figures.rgb(OTHER_DARK if dark else OTHER),
        get_line_color=heat_figures.rgb(theme.GROUND_DARK if dark else "#ffffff"),
        line_width_min_pixels=0.6,
        pickable=False,
        id="all",
    )


def _deck(layers: list[pydeck.Layer], extent: tuple[float, float, float, float] | None, tooltip: dict[str, Any]) -> pydeck.Deck:
    """A map without any tile server."""
    view = heat_figures.fit(extent, MAP_HEIGHT)
    state = pydeck.ViewState(longitude=view["center"]["lon"], latitude=view["center"]["lat"], zoom=view["zoom"])
    return heat_figures.CompactDeck(layers=layers, initial_view_state=state, map_provider=None, tooltip=tooltip, parameters={"depthTest": False})


def _feature(row: Any, shape: dict[str, Any]) -> dict[str, Any]:
    shade = 1 if row["side"] < 0 else 3 if row["kind"] == "historical" else 4
    word = hotspot_sentences.class_word(row["kind"], row["side"])
    said = _("本月 {seen} 件，预期约 {usual} 件").format(seen=words.exact(row["observed"]), usual=hotspot_sentences.usual(row["expected"]))
    properties = {"code": row["code"], "n": escape(str(row["name"])), "w": word, "s": said, "c": [*heat_figures.rgb(theme.DIVERGING[shade]), 225]}
    return {"type": "Feature", "properties": properties, "geometry": shape}


def _collection(features: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": features}


def _extent(rows: pd.DataFrame) -> tuple[float, float, float, float] | None:
    spots = rows[["longitude", "latitude"]].dropna().round(3)  # as drawn: the middle of the view tells no more than the disc
    if spots.empty:
        return None
    low, high = spots.min() - heat_figures.CELL_MARGIN, spots.max() + heat_figures.CELL_MARGIN
    return float(low["longitude"]), float(low["latitude"]), float(high["longitude"]), float(high["latitude"])


def course(weeks: pd.DataFrame, since: pd.Timestamp, height: int) -> go.Figure:
    """Requests week by week as bars, what was expected as a line, the beginning marked."""
    begun = weeks["week"] >= since
    colours = np.where(begun, theme.ACCENT, theme.COMPARISON).tolist()
    values, texts = axis_ticks(float(max(weeks["observed"].max(), weeks["expected"].max())))
    traces: list[dict[str, Any]] = [
        {
            "type": "bar",
            "x": weeks["week"],
            "y": weeks["observed"],
            "marker": {"color": colours},
            "name": _("实际"),
            "hovertemplate": _("%{x|%Y-%m-%d} 起一周<br>%{y:,.0f} 件<extra></extra>"),
        },
        {
            "type": "scatter",
            "mode": "lines",
            "x": weeks["week"],
            "y": weeks["expected"].round(2),
            "line": {"color": theme.NOW, "width": 2, "dash": "dot"},
            "name": _("预期"),
            "hovertemplate": _("预期 %{y:.1f} 件<extra></extra>"),
        },
    ]
    axis = {"tickmode": "array", "tickvals": values, "ticktext": texts, "rangemode": "tozero"}
    return theme.figure(
        traces, {"xaxis": {"tickformat": "%Y-%m", "nticks": 6}, "yaxis": axis, "bargap": 0.15, "margin": {"l": 8, "r": 8, "t": 24, "b": 8}}, height
    )


def drivers(rows: pd.DataFrame, height: int) -> go.Figure:
    """Parts by requests since it began, beside as many days of the year before."""
    shown = rows.iloc[::-1]
    common = {"type": "bar", "orientation": "h", "y": shown["name"]}
    traces = [
        common
        | {"x": shown["usual"].round(1), "name": _("平时"), "marker": {"color": theme.COMPARISON}, "hovertemplate": _("%{y}<br>平时约 %{x} 件<extra></extra>")},
        common | {"x": shown["observed"], "name": _("现在"), "marker": {"color": theme.ACCENT}, "hovertemplate": _("%{y}<br>现在 %{x} 件<extra></extra>")},
    ]
    layout = {
        "barmode": "group",
        "yaxis": {"automargin": True, "type": "category"},
        "xaxis": {"rangemode": "tozero"},
        "margin": {"l": 8, "r": 8, "t": 24, "b": 8},
    }
    return theme.figure(traces, layout, height)


def strip_html(steps: pd.DataFrame) -> str:
    """Stages at the last scans as a row of small blocks, each with its word to be read when pointed at; the eldest on the left."""
    blocks = []
    for row in steps.tail(26).to_dict("records"):
        word = hotspot_sentences.STAGES[row["stage"]]
        title = f"{row['cutoff']:%Y-%m-%d} {word}"
        blocks.append(f'<span title="{title}" aria-label="{title}" style="background:{STRIP_COLOURS[str(row["stage"])]}">{word[0]}</span>')
    return f'{STRIP_STYLE}<div class="weisu-strip">{"".join(blocks)}</div>'


def funnel(rows: pd.DataFrame, found: Funnel, height: int) -> go.Figure:
    """Units by expected requests and how many times those they have, between the limits of chance."""
    judged = np.isfinite(found.ratio)
    expected = rows["expected"].to_numpy(dtype="float64")
    grid = np.geomspace(LEAST_EXPECTED, max(float(expected[judged].max(initial=LEAST_EXPECTED)), LEAST_EXPECTED * 2), GRID)
    limits = found.limits(grid)
    band = {"type": "scatter", "mode": "lines", "x": grid, "hoverinfo": "skip", "showlegend": False}
    lines = [
        band | {"y": edge, "line": {"color": theme.COMPARISON, "width": 1.5 if is_alert else 1, "dash": "solid" if is_alert else "dot"}}
        for edge, is_alert in ((limits.watch_low, False), (limits.watch_high, False), (limits.alert_low, True), (limits.alert_high, True))
    ]
    over = np.nan_to_num(found.z, nan=-np.inf) > ALERT_Z
    names = rows["code"].to_numpy()
    biggest = np.argsort(-np.where(over, found.z, -np.inf))[:NAMED_UNITS]
    labels = np.where(np.isin(np.arange(len(rows)), biggest) & over, names, "")
    dots = {
        "type": "scatter",
        "mode": "markers+text",
        "x": expected[judged],
        "y": found.ratio[judged],
        "text": labels[judged],
        "textposition": "top center",
        "marker": {
            "size": np.where(over[judged], 10, 6),
            "color": np.where(over[judged], theme.ACCENT, theme.NOW),
            "symbol": np.where(over[judged], "diamond", "circle"),
        },
        "customdata": names[judged],
        "hovertemplate": _("%{customdata}<br>预期 %{x:,.0f} 件，实际为 %{y:.2f} 倍<extra></extra>"),
        "showlegend": False,
    }
    across = {"type": "log", "dtick": 1, "title": {"text": _("预期件数"), "font": {"size": 12}}}
    return theme.figure([*lines, dots], {"xaxis": across, "yaxis": {"title": {"text": _("实际÷预期"), "font": {"size": 12}}, "rangemode": "tozero"}}, height)


def shares(rows: pd.DataFrame, height: int) -> go.Figure:
    """Share of the five largest units, and the Gini coefficient, month by month."""
    line = {"type": "scatter", "mode": "lines", "x": rows["month"]}
    traces = [
        line
        | {
            "y": (rows["top_share"] * 100).round(1),
            "name": _("前五家占比（%）"),
            "line": {"color": theme.NOW, "width": 2},
            "hovertemplate": "%{x|%Y-%m}<br>%{y:.1f}%<extra></extra>",
        },
        line
        | {
            "y": (rows["gini"] * 100).round(1),
            "name": _("基尼系数×100"),
            "line": {"color": theme.ACCENT, "width": 2, "dash": "dot"},
            "hovertemplate": "%{x|%Y-%m}<br>%{y:.1f}<extra></extra>",
        },
    ]
    return theme.figure(
        traces, {"xaxis": {"tickformat": "%Y-%m", "nticks": 6}, "yaxis": {"range": [0, 100]}, "margin": {"l": 8, "r": 8, "t": 24, "b": 8}}, height
    )

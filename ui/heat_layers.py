"""The map in its three layers: areas, hexagons, communities; live, or as a picture while the months are played."""

from __future__ import annotations

from functools import partial
from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from ui import areas, geometry, heat, heat_figures, heat_loaders, heat_picture, loaders, maps, scales, theme
from ui.kept import kept
from ui.words import _

if TYPE_CHECKING:
    from datetime import date

    import numpy as np
    import pandas as pd
    import plotly.graph_objects as go

    from ui.frame import View
    from ui.heat import Heat
    from ui.scales import Scale

__all__ = ["draw", "legend_html"]

HEIGHT = 430


def draw(view: View, choice: Heat, frame: pd.DataFrame, breaks: tuple[float, ...], month: date, sentence: str, *, playing: bool) -> None:
    """The map of the chosen layer; ``sentence`` is its ``alt``."""
    if playing and heat_picture.can_draw(view, choice, month):
        heat_picture.show(view, choice, frame, breaks, month, HEIGHT, sentence)
    elif choice.layer == heat.AREAS:
        _areas(view, choice, frame, breaks, month, sentence)
    elif choice.layer == heat.DENSITY:
        _density(view, choice, month, sentence)
    else:
        _communities(view, choice, month)


def _clicked(key: str) -> None:
    heat.choose(areas.clicked_code(st.session_state.get(key)))


def _described(choice: Heat, frame: pd.DataFrame, numbers: np.ndarray) -> maps.Areas:
    """Name and value of each area; the requests beside them where the value is another number."""
    is_count = choice.metric == heat_loaders.COUNT
    names = [f"{name} {choice.text(value)}" for name, value in zip(frame["name"], frame["value"], strict=True)]
    hover = _("%{text} 件") if is_count else _("%{text}<br>诉求量 %{customdata:,} 件")
    return maps.Areas(frame["code"].tolist(), numbers, names, hover, [] if is_count else frame["request_count"].tolist())


def _areas(view: View, choice: Heat, frame: pd.DataFrame, breaks: tuple[float, ...], month: date, alt: str) -> None:
    """The choropleth; colours mean the same in every month."""
    key = view.facts.boundaries_key
    if key is None or not loaders.has_geometry(view.version, choice.level):
        st.info(_("没有安装区划边界，地图暂不显示；右侧列表照常。"), icon="🗺️")
        return
    dark = st.context.theme.type == "dark"
    chosen = heat.chosen_area(choice, frame)
    figure = kept("heat_map", lambda: _area_map(choice, frame, breaks, key, chosen, dark=dark), view.version, view.scope, choice, month, chosen, dark)
    chart = f"heat_{choice.level}"
    st.plotly_chart(figure, key=chart, on_select=partial(_clicked, chart), selection_mode="points", config=theme.CONFIG, alt=alt)


def _area_map(choice: Heat, frame: pd.DataFrame, breaks: tuple[float, ...], boundaries_key: str, chosen: str | None, *, dark: bool) -> go.Figure:
    extent = geometry.extent(choice.level, frame["code"])
    return maps.area_map(
        _described(choice, frame, scales.classes(frame["value"], breaks)),
        scales.scale(choice.metric_name, breaks, choice.text, dark=dark, diverging=choice.metric == heat_loaders.CHANGE),
        maps.geometry_url(boundaries_key, choice.level),
        place=maps.centred(frame, HEIGHT) if extent is None else heat_figures.fit(extent, HEIGHT),
        dark=dark,
        height=HEIGHT,
        chosen=chosen,
    )


def legend_html(look: Scale, *, dark: bool) -> str:
    """A legend like that of the choropleth, laid over the lower left corner of a map that cannot draw its own."""
    ground, ink = (theme.LEGEND_DARK, theme.GROUND) if dark else (theme.LEGEND, theme.GROUND_DARK)
    row = '<div style="display:flex;align-items:center"><i style="width:12px;height:24px;margin-right:6px;background:{shade}"></i>{name}</div>'
    rows = "".join(row.format(shade=shade, name=escape(name)) for name, shade in reversed(list(zip(look.names, look.shades, strict=True))))
    # the element that carries the legend leaves the flow, so that the map keeps its place and height
    rule = ".st-key-heat_density{position:relative} .st-key-heat_density>*:has(.map-legend){position:absolute;left:8px;bottom:8px;width:auto;z-index:1}"
    box = f"padding:6px 10px;font-size:12px;line-height:1.2;pointer-events:none;background:{ground};color:{ink}"
    return f'<style>{rule}</style><div class="map-legend" style="{box}"><div style="margin-bottom:6px">{escape(look.title)}</div>{rows}</div>'


def _density(view: View, choice: Heat, month: date, alt: str) -> None:
    """H3 cells coloured by requests, with the outline of the areas."""
    cells, _missing = heat_loaders.density(view.version, view.scope, choice.selection, month, choice.resolution)
    if cells.empty:
        st.info(_("本月的诉求没有坐标，密度图无法显示。"), icon="🗺️")
        return
    dark = st.context.theme.type == "dark"
    with st.container(key="heat_density"):
        st.pydeck_chart(heat_figures.density(cells, _outline(view), dark=dark), height=HEIGHT, alt=alt, key="density")
        st.html(legend_html(heat_figures.density_look(cells, dark=dark), dark=dark))


def _outline(view: View) -> str | None:
    level = areas.DISTRICT if view.facts.has_districts else areas.SUBDISTRICT
    key = view.facts.boundaries_key
    return maps.geometry_url(key, level) if key is not None and loaders.has_geometry(view.version, level) else None


def _communities(view: View, choice: Heat, month: date) -> None:
    """Points at community level: the mean of the community's tickets, never one caller's position."""
    frame = heat_loaders.communities(view.version, view.scope, choice.selection, month, heat_loaders.MOST_COMMUNITIES)
    located = frame.dropna(subset=["longitude", "latitude"])
    if located.empty:
        st.info(_("本月的诉求没有社区坐标，社区图无法显示。"), icon="🗺️")
        return
    figure = heat_figures.communities(located, dark=st.context.theme.type == "dark", height=HEIGHT)
    st.plotly_chart(figure, key="communities", config=theme.CONFIG, alt=_("社区诉求量分布，最多的是{name}。").format(name=located["community"].iloc[0]))

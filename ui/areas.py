"""The area panel: level switch, map, table twin, and the click that narrows the page to one area."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from storage.scope import Role
from ui import geometry, loaders, maps, sentences, tables, theme, urlstate
from ui.filters import DISTRICT_KEY, SUBDISTRICT_KEY
from ui.kept import kept
from ui.words import _

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go

    from ui.filters import Choice
    from ui.frame import View

__all__ = ["clicked_code", "draw_map", "draw_table", "level_word", "pick_level", "where_line"]

LEVEL_KEY = "level"
DISTRICT = "district"
SUBDISTRICT = "subdistrict"


def level_word(view: View, level: str) -> str:
    """What this city calls the level: 区 or 街乡镇, or its own words."""
    return view.facts.district_word if level == DISTRICT else view.facts.subdistrict_word


def pick_level(view: View, choice: Choice) -> str:
    """The level switch; there is nothing to switch within one district, or in a city without districts."""
    if not view.facts.has_districts or view.scope.role is Role.SUBDISTRICT or choice.selection.district_code:
        return SUBDISTRICT
    names = {level: level_word(view, level) for level in (DISTRICT, SUBDISTRICT)}
    default = DISTRICT
    chosen = st.segmented_control(
        _("层级"), list(names), default=default, required=True, format_func=names.__getitem__, key=LEVEL_KEY, bind="query-params", label_visibility="collapsed"
    )
    return chosen or default


def _narrow(version: str, level: str, code: str) -> None:
    if level == DISTRICT:
        urlstate.put(DISTRICT_KEY, code)
        urlstate.put(SUBDISTRICT_KEY, None)
        return
    register = loaders.place_register(version)
    row = register[(register["level"] == SUBDISTRICT) & (register["code"] == code)]
    if row.empty:
        return
    parent = row["parent_code"].iloc[0]
    if isinstance(parent, str) and loaders.facts(version).has_districts:
        urlstate.put(DISTRICT_KEY, parent)
    urlstate.put(SUBDISTRICT_KEY, code)


def clicked_code(state: object) -> str | None:
    """The code of the area in a map's selection state."""
    points = getattr(getattr(state, "selection", None), "points", None) or []
    return str(points[0].get("location")) if points and points[0].get("location") is not None else None


def _map_clicked(version: str, level: str, key: str) -> None:
    code = clicked_code(st.session_state.get(key))
    if code is not None:
        _narrow(version, level, code)


def _row_clicked(version: str, level: str, key: str, codes: tuple[str, ...]) -> None:
    cells = st.session_state[key].selection.cells
    if cells and cells[0][0] < len(codes):
        _narrow(version, level, codes[cells[0][0]])


def _widen() -> None:
    if st.session_state.get(SUBDISTRICT_KEY):
        urlstate.put(SUBDISTRICT_KEY, None)
    else:
        urlstate.put(DISTRICT_KEY, None)


def where_line(view: View, choice: Choice) -> None:
    """What the page shows in words, and the way one level up where a place is chosen."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"**{choice.words}**", width="content")
        _back_button(view, choice)
        notes = [choice.note] if choice.note else []
        notes += [sentences.schematic()] if loaders.has_schematic_boundaries(view.version) else []
        if notes:
            st.caption(_("ⓘ {note}").format(note="".join(notes)), width="content")


def _back_button(view: View, choice: Choice) -> None:
    chosen = choice.selection
    can_widen = (chosen.subdistrict_code is not None and view.scope.role is not Role.SUBDISTRICT) or (
        chosen.district_code is not None and view.scope.role is not Role.DISTRICT
    )
    if can_widen:
        st.button(_("返回上一级"), icon="↩", on_click=_widen, type="tertiary")


def draw_map(view: View, choice: Choice, frame: pd.DataFrame, unplaced: int, level: str, height: int = 400) -> None:
    """The choropleth, or the sentence that says why there is none."""
    word = level_word(view, level)
    key = view.facts.boundaries_key
    if key is None or not loaders.has_geometry(view.version, level):
        st.info(sentences.no_boundaries(view.facts, word), icon="🗺️")
        return
    chart = f"map_{level}"
    dark = st.context.theme.type == "dark"

    def make() -> go.Figure:
        return maps.choropleth(frame, key, level, extent=geometry.extent(level, frame["code"]), dark=dark, height=height)

    figure = kept("choropleth", make, view.version, view.scope, choice.selection, choice.period, level, dark, height)
    st.plotly_chart(
        figure,
        key=chart,
        on_select=partial(_map_clicked, view.version, level, chart),
        selection_mode="points",
        config=theme.CONFIG,
        alt=_("分{word}诉求量地图。{text}").format(word=word, text=sentences.places(frame, word, unplaced)),
    )


def draw_table(view: View, choice: Choice, frame: pd.DataFrame, level: str, height: int = 400) -> None:
    """The map's table twin."""
    key = f"areas_{level}"
    word = level_word(view, level)
    base = loaders.small_base(view.version, choice.period)
    callback = partial(_row_clicked, view.version, level, key, tuple(frame["code"]))
    tables.places(frame, word, base, _("分{word}诉求量与三率").format(word=word), key=key, on_select=callback, height=height)

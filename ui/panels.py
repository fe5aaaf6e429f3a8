"""The head of a panel: its name on the left, its switches on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui import figures, sentences, theme
from ui.kept import kept
from ui.words import _

if TYPE_CHECKING:
    from collections.abc import Hashable

    import pandas as pd
    from streamlit.delta_generator import DeltaGenerator

__all__ = ["LEAST_WIDTH", "fill", "head", "pick_twin", "pick_units", "volume"]

PICTURE = "picture"
TABLE = "table"
EVERY_KIND = ""
LEAST_WIDTH = 460  # pixels below which panels stand one below the other
LEAST_BARS = 110  # pixels below which bars cannot be read


def head(name: str) -> DeltaGenerator:
    """Draw the name and return the row to the right of it."""
    row = st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small")
    row.markdown(f"##### {name}", width="content")
    return row.container(horizontal=True, vertical_alignment="center", width="content", gap="small")


def pick_twin(key: str, picture: str) -> bool:
    """The switch between a picture and its table twin; true for the picture."""
    names = {PICTURE: picture, TABLE: _("列表")}
    chosen = st.segmented_control(
        _("显示方式"), list(names), default=PICTURE, required=True, format_func=names.__getitem__, key=key, bind="query-params", label_visibility="collapsed"
    )
    return chosen != TABLE


def pick_units(units: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The switch between kinds of unit (街乡镇, 委办局, 国企 ...) where there are several; the units of the kind chosen, and the kind."""
    kinds = units["unit_type"].dropna().unique().tolist()
    if len(kinds) < 2:
        st.caption(sentences.columns_shown(units), width="content")
        return units, EVERY_KIND
    chosen = st.segmented_control(
        _("单位类别"),
        [EVERY_KIND, *kinds],
        default=EVERY_KIND,
        required=True,
        format_func=lambda kind: kind or _("全部"),
        key="units_of",
        bind="query-params",
        label_visibility="collapsed",
    )
    kind = chosen or EVERY_KIND
    return (units if kind == EVERY_KIND else units[units["unit_type"] == kind].reset_index(drop=True)), kind


def volume(shows: tuple[Hashable, ...], frame: pd.DataFrame, marks: pd.DataFrame, height: int) -> None:
    """The chart of requests over time; ``shows`` is what ``frame`` depends on."""
    figure = kept("volume", lambda: figures.volume(frame, marks, height), *shows, height)
    st.plotly_chart(figure, config=theme.CONFIG, alt=sentences.volume_chart(frame, marks), key="volume")


def fill(shows: tuple[Hashable, ...], problems: pd.DataFrame, room: int) -> None:
    """Put the same problems as bars into the room a short table has left beside the map."""
    if room >= LEAST_BARS:
        figure = kept("problems", lambda: figures.problems(problems, room), *shows, room)
        st.plotly_chart(figure, config=theme.CONFIG, alt=sentences.problems(problems), key="problems")

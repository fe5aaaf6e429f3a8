"""The head of a panel: its name on the left, its switches on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui import figures, sentences, theme
from ui.words import _

if TYPE_CHECKING:
    import pandas as pd
    from streamlit.delta_generator import DeltaGenerator

__all__ = ["fill", "head", "pick_twin"]

PICTURE = "picture"
TABLE = "table"
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


def fill(problems: pd.DataFrame, room: int) -> None:
    """Put the same problems as bars into the room a short table has left beside the map."""
    if room >= LEAST_BARS:
        st.plotly_chart(figures.problems(problems, room), config=theme.CONFIG, alt=sentences.problems(problems), key="problems")

"""Wall mode (``?mode=wall``): the cockpit for a big screen nobody touches. Dark, larger type, renews itself, turns its focus.

Streamlit takes the dark theme and the bare frame from the address (``embed``); a screen that was opened without them
is sent there once.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import streamlit as st

from storage.scope import Role
from ui import areas, change_loaders, changes, figures, frame, loaders, sentences, tables, theme
from ui import change_sentences as said
from ui.words import _

if TYPE_CHECKING:
    from collections.abc import Callable

    from ui.filters import Choice
    from ui.frame import View

__all__ = ["draw", "is_on"]

MODE_KEY = "mode"
WALL = "wall"
TURN_SECONDS = 20
"""How long one focus stands: long enough to read six lines from across a room."""

HEIGHT = 510
BARS_HEIGHT = 240
STYLE = """<style>
html { font-size: 19px !important; }
[data-testid="stSidebar"], [data-testid="stExpandSidebarButton"], [data-testid="stHeader"] { display: none !important; }
[data-testid="stMainBlockContainer"] { padding-top: 0.8rem; max-width: none; }
</style>"""
WIDE, HIGH = 1920, 1080
"""The screen all of this is laid out for, pixels; on others it is enlarged or reduced as a whole."""

FIT = f"""<script>
const fit = () => {{
  document.documentElement.style.zoom = Math.min(window.innerWidth / {WIDE}, window.innerHeight / {HIGH});
}};
fit();
window.onresize = fit;
</script>"""
DARKEN = """<script>
const wanted = new URLSearchParams(window.location.search);
if (!wanted.has("embed")) {
  wanted.set("embed", "true");
  wanted.append("embed_options", "dark_theme");
  window.location.replace(window.location.pathname + "?" + wanted.toString());
}
</script>"""


def is_on() -> bool:
    """Whether the address asks for the wall."""
    return st.query_params.get(MODE_KEY) == WALL


def draw(view: View, choice: Choice) -> None:
    """What stands below the key figures: two panels that change together, and the watch over new data."""
    st.html(STYLE)
    st.html(FIT, unsafe_allow_javascript=True)
    if not st.context.is_embedded:
        st.html(DARKEN, unsafe_allow_javascript=True)
    _turning(view, choice)


@st.fragment(run_every=TURN_SECONDS)
def _turning(view: View, choice: Choice) -> None:
    if loaders.pin_version() != view.version:
        st.rerun(scope="app")  # a new snapshot: every number is read again
    scenes = (_where_and_why, _what_and_when, _streets_and_units)
    number = int(time.time() // TURN_SECONDS) % len(scenes)  # by the clock, so that screens in one hall turn together
    with frame.guarded(), st.grid(2, gap="small"):  # a turn does not pass the door, where errors become a sentence
        scenes[number](view, choice)
    steps = _(" ").join("●" if index == number else "○" for index in range(len(scenes)))
    st.caption(_("{steps}　每 {n} 秒轮换，数据更新后自动刷新").format(steps=steps, n=TURN_SECONDS))


def _panel(title: str, body: Callable[[], None]) -> None:
    with st.container(border=True, height=HEIGHT + 90, gap="small"):
        st.markdown(f"### {title}")
        body()


def _map(view: View, choice: Choice, level: str) -> None:
    word = areas.level_word(view, level)
    places, unplaced = loaders.places(view.version, view.scope, choice.selection, choice.period, level)
    areas.draw_map(view, choice, places, unplaced, level, height=HEIGHT - 40)
    st.caption(sentences.places(places, word, unplaced))


def _reasons(view: View, choice: Choice) -> None:
    bases = change_loaders.possible(view.version, choice.period)
    if not bases:
        st.markdown(_("数据未覆盖上期和去年同期，无从比较。"))
        return
    change = change_loaders.changes(view.version, view.scope, choice.selection, choice.period, bases[0])
    names = change_loaders.names(view.version, view.scope, choice.selection)
    first, *others = said.spoken(change, bases[0], names)
    st.markdown(first)
    st.markdown("\n".join(f"- {line}" for line in others))
    changes.draw_bars(view, choice, change, height=BARS_HEIGHT)


def _ranking(view: View, choice: Choice) -> None:
    problems = loaders.problems(view.version, view.scope, choice.selection, choice.period)
    if problems.empty:
        st.markdown(_("所选范围内没有已分类的诉求。"))
        return
    tables.wrapped(tables.ranking(problems), sentences.problems(problems))
    st.markdown(sentences.problems(problems))


def _trend(view: View, choice: Choice) -> None:
    volume = loaders.volume(view.version, view.scope, choice.selection, choice.period)
    marks = loaders.calendar_marks(view.version, volume.attrs["window"])
    text = sentences.volume_chart(volume, marks)
    figure = figures.volume(volume, marks, height=HEIGHT - 90)
    figure.update_layout(font_size=17)
    st.plotly_chart(figure, config=theme.CONFIG, alt=text, key="wall_volume")
    st.caption(text)


def _units(view: View, choice: Choice) -> None:
    units = loaders.units(view.version, view.scope, choice.selection, choice.period)
    small_base = loaders.small_base(view.version, choice.period)
    tables.wrapped(tables.unit_ranking(units, view.facts.unit_word, small_base), sentences.units(units, small_base))


def _where_and_why(view: View, choice: Choice) -> None:
    is_one_street = view.scope.role is Role.SUBDISTRICT
    upper = "district" if view.facts.has_districts and not choice.selection.district_code and not is_one_street else "subdistrict"
    _panel(_("在哪里"), lambda: _map(view, choice, upper))
    _panel(_("变化原因"), lambda: _reasons(view, choice))


def _what_and_when(view: View, choice: Choice) -> None:
    _panel(_("前十类问题"), lambda: _ranking(view, choice))
    _panel(_("诉求量走势"), lambda: _trend(view, choice))


def _streets_and_units(view: View, choice: Choice) -> None:
    _panel(_("各{word}").format(word=view.facts.subdistrict_word), lambda: _map(view, choice, "subdistrict"))
    _panel(view.facts.unit_word, lambda: _units(view, choice))

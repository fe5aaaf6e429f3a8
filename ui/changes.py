"""The panel "what changed": sentences that add up, each with the way to its evidence, and their table twin."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from ui import change_loaders, figures, panels, tables, theme, urlstate, words
from ui import change_sentences as said
from ui.filters import CATEGORY_KEY, DISTRICT_KEY, SUBDISTRICT_KEY
from ui.kept import kept
from ui.words import _

if TYPE_CHECKING:
    from governance.findings import Evidence
    from ui.change_loaders import Against, Change
    from ui.filters import Choice
    from ui.frame import View

__all__ = ["draw", "draw_bars"]

AGAINST_KEY = "against"
FEW_ITEMS = 2
"""With so few sentences there is room for the bars of all categories."""

BARS = 5
BARS_HEIGHT = 132
TABLE_HEIGHT = 362


def draw(view: View, choice: Choice) -> None:
    """The panel of a page: its switches, and sentences or table."""
    bases = change_loaders.possible(view.version, choice.period)
    against: Against | None = bases[0] if bases else None
    with panels.head(_("变化原因")):
        if len(bases) > 1:
            against = st.segmented_control(
                _("与何时相比"),
                bases,
                default=bases[0],
                required=True,
                format_func=said.AGAINST.__getitem__,
                key=AGAINST_KEY,
                bind="query-params",
                label_visibility="collapsed",
            )
        shows_words = panels.pick_twin("changes_as", _("说明")) if bases else True
    if against is None:
        st.caption(_("数据未覆盖上期和去年同期，无从比较。"))
        return
    change = change_loaders.changes(view.version, view.scope, choice.selection, choice.period, against)
    if shows_words:
        _draw_sentences(view, choice, change, against)
    else:
        _draw_table(change, against)


def _draw_sentences(view: View, choice: Choice, change: Change, against: Against) -> None:
    names = change_loaders.names(view.version, view.scope, choice.selection)
    st.markdown(said.head(change, against))
    if said.calendar(change):
        st.markdown(said.calendar(change))
    for number, finding in enumerate(change.found.items):
        text, link = st.columns([6, 1], gap="small")
        text.markdown(said.item(finding, names, change.level))
        target = _target(view, choice, finding.evidence)
        if target:
            link.button(_("看依据"), key=f"evidence_{number}", type="tertiary", on_click=partial(_follow, target), help=_("把本页筛选到这一类、这一地"))
    st.markdown(said.rest(change))
    for line in said.renames(change):
        st.caption(line)
    if len(change.found.items) <= FEW_ITEMS:
        draw_bars(view, choice, change, height=BARS_HEIGHT)


def draw_bars(view: View, choice: Choice, change: Change, height: int) -> None:
    """What each category added or took, as bars; nothing where there is one category alone."""
    if len(change.rows) > 1:
        shows = (view.version, view.scope, choice.selection, choice.period, change.base, height)
        figure = kept("contributions", lambda: figures.contributions(change.rows.head(BARS), height=height), *shows)
        st.plotly_chart(figure, config=theme.CONFIG, alt=_("各分类诉求量增减。{text}").format(text=said.largest(change)), key="contributions")


def _target(view: View, choice: Choice, evidence: Evidence) -> dict[str, str]:
    """The filters that show the tickets of a finding; none where they cannot be chosen, as for what was not recorded."""
    category, place = change_loaders.axes(view.version, view.scope, choice.selection)
    found: dict[str, str] = {}
    asked = bool(evidence.categories) + bool(evidence.place_codes)
    if category == "category_1" and len(evidence.categories) == 1 and evidence.categories[0] is not None:
        found[CATEGORY_KEY] = evidence.categories[0]
    if len(evidence.place_codes) == 1 and evidence.place_codes[0] is not None:
        found[DISTRICT_KEY if place == "district" else SUBDISTRICT_KEY] = evidence.place_codes[0]
    return found if len(found) == asked else {}  # half a finding would show other numbers than the sentence


def _follow(target: dict[str, str]) -> None:
    for key, value in target.items():
        urlstate.put(key, value)


def _draw_table(change: Change, against: Against) -> None:
    """Every category's part; with the calendar's they add up to the change."""
    before = {"year_ago": _("去年同期"), "before": _("上期")}[against]
    rows = change.rows
    shown = pd.DataFrame(
        {
            _("分类"): [said.name_of(label if isinstance(label, str) else None, {}, _("未分类")) for label in rows["category"]],
            _("本期"): rows["now_count"],
            before: rows["before_count"],
            _("增减件数"): [words.signed(value) for value in rows["contribution_count"]],
        }
    )
    last = [_("日历影响"), None, None, words.signed(change.found.calendar_count)]
    total = [_("合计"), change.now_count, change.before_count, words.signed(change.now_count - change.before_count)]
    shown = pd.concat([shown, pd.DataFrame([last, total], columns=shown.columns)], ignore_index=True)
    tables.plain(shown, said.head(change, against).replace("**", ""), height=tables.fit(TABLE_HEIGHT, len(shown)))

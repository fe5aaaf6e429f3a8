"""未落图: how many tickets of the month lie on no area, and behind it the list of the labels they came with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from storage.scope import Role
from ui import exports, heat_loaders, heat_sentences, loaders, tables, words
from ui.words import _

if TYPE_CHECKING:
    from datetime import date

    from ui.frame import View
    from ui.heat import Heat

__all__ = ["draw", "label_table", "list_sentence"]

QUALITY_PAGE = "pages/admin/quality.py"
SHOWN = 1_000
"""Labels on screen, most frequent first; the file has all."""
HEIGHT = 360


def draw(view: View, heat: Heat, month: date) -> None:
    """The number under the map, and the button that opens the list."""
    missing = loaders.places(view.version, view.scope, heat.selection, heat_loaders.month_period(month), heat.level)[1]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(heat_sentences.unplaced(view, missing), width="content")
        has_list = missing and view.scope.role is not Role.DEPARTMENT and heat.selection.subdistrict_code is None
        if has_list and st.button(_("未落图名单"), key="unplaced_list", type="tertiary", icon=":material/list_alt:"):
            _show(view, heat, month, missing)


def label_table(view: View, labels: pd.DataFrame, *, blank: str = "") -> pd.DataFrame:
    """The labels under the city's own words; ``blank`` stands where none was given."""
    known = view.facts
    columns = {"district": known.district_word, "subdistrict": known.subdistrict_word} if known.has_districts else {"subdistrict": known.subdistrict_word}
    heads = {name: _("送来的{word}").format(word=word) for name, word in columns.items()}
    shown = labels[list(heads)].astype("object").where(labels[list(heads)].notna(), blank)
    return shown.rename(columns=heads).assign(**{_("工单（件）"): labels["ticket_count"]})


def list_sentence(heat: Heat, labels: pd.DataFrame, month: date, missing: int) -> str:
    """How many labels carry how many tickets, what is not in the list, and why."""
    listed, every = int(labels["ticket_count"].sum()), int(labels["label_count"].iloc[0]) if len(labels) else 0
    text = _("{place}{month}：下列 {n} 种写法共 {listed} 件，按件数由多到少。").format(
        place=heat.place_name, month=words.month(month), n=words.exact(len(labels)), listed=words.exact(listed)
    )
    if every > len(labels):
        text += _("全部 {every} 种见文件。").format(every=words.exact(every))
    if heat.selection.category_1 is not None:
        return text + _("地名不按分类统计，名单含全部分类。")
    if every == len(labels) and listed < missing:
        text += _("另有 {rest} 件以别名送来，未列入。").format(rest=words.exact(missing - listed))
    return text


@st.dialog(_("未落图的工单写了什么地名"), width="large")
def _show(view: View, heat: Heat, month: date, missing: int) -> None:
    """The list with its file, and for administrators the way to the page where labels are mapped."""
    key = (view.version, view.scope, heat.selection, month, heat.level)
    labels = heat_loaders.unplaced_labels(*key, SHOWN)
    sentence = list_sentence(heat, labels, month, missing)
    st.caption(sentence)
    tables.plain(label_table(view, labels, blank=_("（未填）")), sentence, height=HEIGHT)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.download_button(
            "CSV",
            data=lambda: exports.csv_bytes(label_table(view, heat_loaders.unplaced_labels(*key, None))),
            file_name=_("未落图_{place}_{month}.csv").format(place=heat.place_name, month=f"{month:%Y-%m}"),
            mime="text/csv",
            on_click="ignore",
            icon="⬇",
            key="unplaced_csv",
        )
        if view.scope.role is Role.ADMIN:
            st.page_link(QUALITY_PAGE, label=_("到数据质量页把地名对应到区划"), icon=":material/fact_check:")
        else:
            st.caption(_("由管理员在数据质量页把地名对应到区划；对应后下次更新即落图。"), width="content")

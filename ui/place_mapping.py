"""地名对应: the form in which an administrator says which place a delivered label stands for, and the record of what was said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from storage.home import Home
from storage.records.aliases import AliasChange, RecordError, read_aliases, read_audit, write_alias
from ui import loaders, quality, urlstate, words
from ui.words import _

if TYPE_CHECKING:
    from ui.frame import View

__all__ = ["form", "history"]

LEVEL = "subdistrict"


def _known(view: View) -> dict[str, str]:
    """Screen name by code of every subdistrict."""
    places = loaders.place_register(view.version)
    rows = places[places["level"] == LEVEL]
    return urlstate.unique_labels(rows["code"], rows["name"], rows["parent_name"])


def _keep(view: View, label: str | None, code: str | None, reason: str, known: dict[str, str]) -> None:
    """Keeps what was entered and says what became of it."""
    who = _("{role}（演示身份）").format(role=words.label(view.scope.role))
    change = AliasChange(LEVEL, label or "", code, reason, who)
    try:
        is_new = write_alias(Home.from_environment(), view.scope, change, known)
    except RecordError as error:
        st.error(str(error), icon="✋")
        return
    if not is_new:
        st.info(_("这一条已经记录过，没有重复记录。"), icon="✔")
    elif code is None:
        st.success(_("已撤销“{label}”的对应，下次统计（refresh）时生效。").format(label=label), icon="✔")
    else:
        text = _("已记录：“{label}”对应{name}，下次统计（refresh）时生效，以前的月份一并重算。")
        st.success(text.format(label=label, name=known[code]), icon="✔")


def form(view: View, unmatched: pd.DataFrame) -> None:
    """Choose a label that found no place, or one mapped before, and the place it stands for; a reason is needed."""
    known = _known(view)
    mapped = read_aliases(Home.from_environment(), view.scope)
    mapped = mapped[mapped["level"] == LEVEL]
    labels = list(dict.fromkeys([*unmatched["subdistrict"].dropna(), *mapped["label"]]))
    if not labels or not known:
        st.caption(_("没有需要对应的写法。") if known else _("还没有区划表，无法对应。"))
        return
    st.caption(_("对应按写法生效，不分所在的区；记录后下次统计（refresh）时生效。不选区域表示撤销已有的对应。"))
    with st.form("place_mapping", border=False):
        label = st.selectbox(_("交付的写法"), labels, index=None, placeholder=_("请选择"))
        code = st.selectbox(
            _("对应的{word}").format(word=view.facts.subdistrict_word), list(known), index=None, format_func=known.__getitem__, placeholder=_("不对应")
        )
        reason = st.text_input(_("理由"), max_chars=500)
        is_sent = st.form_submit_button(_("记录"))
    if is_sent:
        _keep(view, label, code, reason, known)


def history(view: View) -> None:
    """Who changed what, when and why."""
    rows = read_audit(Home.from_environment(), view.scope)
    if rows.empty:
        st.caption(_("还没有人改过对应。"))
        return
    known = _known(view)
    names = rows[["old", "new"]].map(lambda code: known.get(code, code) if isinstance(code, str) else _("（无）"))
    shown = pd.DataFrame(
        {
            _("时间（UTC）"): pd.to_datetime(rows["changed_at"]).dt.strftime("%Y-%m-%d %H:%M:%S"),
            _("谁"): rows["changed_by"],
            _("写法"): rows["label"],
            _("原来"): names["old"],
            _("改为"): names["new"],
            _("理由"): rows["reason"],
        }
    )
    quality.listed(shown, _("最近的 {n} 次改动，只增不改。").format(n=len(shown)), _("地名对应记录"), "audit")

"""写法对应: the form in which an administrator says what a delivered label stands for, and the record of what was said.

One form for places, categories and units: they differ in what may be chosen, not in what happens then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from storage.home import Home
from storage.records.aliases import AliasChange, AliasKind, RecordError, read_aliases, write_alias
from ui import loaders, quality, quality_loaders, records, urlstate
from ui.words import _

if TYPE_CHECKING:
    from ui.frame import View

__all__ = ["form", "history", "pick_kind"]

KINDS: dict[str, str] = {AliasKind.SUBDISTRICT: _("地名"), AliasKind.CATEGORY: _("分类"), AliasKind.UNIT: _("单位")}
SUBJECTS: dict[str, str] = {f"alias.{kind}": name for kind, name in KINDS.items()} | {f"alias.{AliasKind.DISTRICT}": _("地名")}


@dataclass(frozen=True, slots=True)
class Choice:
    """What one kind offers: labels to map, screen name by target, and the words around them."""

    labels: list[str]
    targets: dict[str, str]
    target_word: str
    hint: str


def pick_kind() -> AliasKind:
    """Place, category or unit."""
    chosen = st.segmented_control(
        _("对应什么"),
        list(KINDS),
        default=AliasKind.SUBDISTRICT,
        required=True,
        format_func=KINDS.__getitem__,
        key="alias_kind",
        bind="query-params",
        label_visibility="collapsed",
    )
    return AliasKind(chosen or AliasKind.SUBDISTRICT)


def _places(view: View) -> dict[str, str]:
    """Screen name by code of every subdistrict."""
    places = loaders.place_register(view.version)
    rows = places[places["level"] == AliasKind.SUBDISTRICT]
    return urlstate.unique_labels(rows["code"], rows["name"], rows["parent_name"])


def _choice(view: View, kind: AliasKind, unmatched: pd.DataFrame, mapped: list[str]) -> Choice:
    """What can be chosen; labels mapped before are offered too, so that a mapping can be changed or taken back."""
    match kind:
        case AliasKind.CATEGORY:
            paths = quality_loaders.category_paths(view.version, view.scope)["path"].tolist()
            odd = quality_loaders.alike(view.version, view.scope)["path"].tolist()
            labels, targets, word = [*odd, *mapped, *paths], {path: path for path in paths}, _("分类")
            hint = _("一级分类的对应连同其下各级；写明二级的只动这一条。名称相近的排在最前。")
        case AliasKind.UNIT:
            names = sorted(loaders.unit_register(view.version)["unit_name"])
            period = quality_loaders.pick_window(view.version, None)
            odd = quality_loaders.untyped(view.version, view.scope, period)["unit_name"].dropna().tolist()
            labels, targets, word = [*odd, *mapped, *names], {name: name for name in names}, view.facts.unit_word
            hint = _("没有类型的单位排在最前。")
        case _:
            labels, targets, word = [*unmatched["subdistrict"].dropna(), *mapped], _places(view), view.facts.subdistrict_word
            hint = _("对应按写法生效，不分所在的区。")
    return Choice(list(dict.fromkeys(labels)), targets, word, hint)


def _keep(view: View, kind: AliasKind, chosen: tuple[str | None, str | None, str], targets: dict[str, str]) -> None:
    """Keeps what was entered and says what became of it."""
    label, target, reason = chosen
    change = AliasChange(kind, label or "", target, reason, records.who(view.scope))
    try:
        is_new = write_alias(Home.from_environment(), view.scope, change, targets)
    except RecordError as error:
        st.error(str(error), icon="✋")
        return
    if not is_new:
        st.info(_("这一条已经记录过，没有重复记录。"), icon="✔")
    elif target is None:
        st.success(_("已撤销“{label}”的对应，下次统计（refresh）时生效。").format(label=label), icon="✔")
    else:
        text = _("已记录：“{label}”对应{name}，下次统计（refresh）时生效，以前的月份一并重算。")
        st.success(text.format(label=label, name=targets[target]), icon="✔")


def form(view: View, kind: AliasKind, unmatched: pd.DataFrame) -> None:
    """Choose a label and what it stands for; a reason is needed."""
    aliases = read_aliases(Home.from_environment(), view.scope)
    mapped = aliases.loc[aliases["kind"] == kind, "label"].tolist()
    choice = _choice(view, kind, unmatched, mapped)
    if not choice.targets:
        st.caption(_("还没有可以对应到的名称，无法对应。"))
        return
    if not choice.labels:
        st.caption(_("没有需要对应的写法。"))
        return
    st.caption(choice.hint + _("记录后下次统计（refresh）时生效。不选对应的名称表示撤销已有的对应。"))
    with st.form(f"mapping_{kind}", border=False):
        label = st.selectbox(_("交付的写法"), choice.labels, index=None, placeholder=_("请选择"))
        target = st.selectbox(
            _("对应的{word}").format(word=choice.target_word),
            list(choice.targets),
            index=None,
            format_func=choice.targets.__getitem__,
            placeholder=_("不对应"),
        )
        reason = st.text_input(_("理由"), max_chars=500)
        is_sent = st.form_submit_button(_("记录"))
    if is_sent:
        _keep(view, kind, (label, target, reason), choice.targets)


def history(view: View) -> None:
    """Who changed what, when and why."""
    rows = records.read(view.scope, "alias")
    if rows.empty:
        st.caption(_("还没有人改过对应。"))
        return
    known = _places(view)
    names = rows[["old", "new"]].map(lambda code: known.get(code, code) if isinstance(code, str) else _("（无）"))
    shown = pd.DataFrame(
        {
            **records.heads(rows),
            _("类别"): rows["subject"].map(SUBJECTS),
            _("写法"): rows["label"],
            _("原来"): names["old"],
            _("改为"): names["new"],
            _("理由"): rows["reason"],
        }
    )
    quality.listed(shown, _("最近的 {n} 次改动，只增不改。").format(n=len(shown)), _("写法对应记录"), "audit")

"""处置: what a reader may do about a warning, and what was done so far."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from storage.home import Home
from storage.records.aliases import RecordError
from storage.records.warning_actions import CHOICES, DEED_LABELS, WarningDeed, act_on_warning
from storage.records.warning_stages import DeedKind, Stage
from storage.scope import BOUND_ROLES
from ui import foresight_loaders, loaders, records, tables, words
from ui.words import _

if TYPE_CHECKING:
    from datetime import date

    from ui.frame import View
    from ui.season_flags import Card

__all__ = ["form", "history"]

STEERING = (DeedKind.VERIFY, DeedKind.ASSIGN, DeedKind.ACKNOWLEDGE, DeedKind.PLAN_READY, DeedKind.SNOOZE, DeedKind.WAKE)
BOUND = (DeedKind.ACKNOWLEDGE, DeedKind.PLAN_READY, DeedKind.SNOOZE, DeedKind.WAKE)
NEXT = {
    Stage.PROPOSED: DeedKind.VERIFY,
    Stage.VERIFIED: DeedKind.ACKNOWLEDGE,
    Stage.ASSIGNED: DeedKind.PLAN_READY,
    Stage.SCORED: DeedKind.REVIEW,
}
SAID_KEY = "_deed_said"


def _offered(view: View, card: Card) -> list[DeedKind]:
    """What the role may do at this stage, the next step first."""
    stage = Stage(card.warning["stage"])
    if stage in (Stage.SCORED, Stage.REVIEWED):
        return [] if view.scope.role in BOUND_ROLES else [DeedKind.REVIEW]
    kinds = [*(BOUND if view.scope.role in BOUND_ROLES else STEERING)]
    if not card.warning["is_snoozed"]:
        kinds.remove(DeedKind.WAKE)
    first = NEXT.get(stage)
    return sorted(kinds, key=lambda kind: kind is not first)


def _units(view: View) -> list[str]:
    """Units a warning may be assigned to, those that are no subdistrict first."""
    units = loaders.unit_register(view.version)
    is_street = units["unit_type"] == view.facts.subdistrict_word
    return [*units.loc[~is_street, "unit_name"], *units.loc[is_street, "unit_name"]]


def _conclusion(name: str, kind: DeedKind) -> str:
    """One of the conclusions there are for a deed."""
    words_of = CHOICES[kind]
    return str(st.radio(name, list(words_of), format_func=lambda value: _(words_of[value]), horizontal=True))


def _ask(view: View, kind: DeedKind, card: Card, today: date) -> tuple[str, date | None]:
    """The field of a deed, and the last day of a snooze."""
    match kind:
        case DeedKind.VERIFY:
            return _conclusion(_("研判结论"), DeedKind.VERIFY), None
        case DeedKind.REVIEW:
            return _conclusion(_("复盘结论（避免：已采取措施，没有发生）"), DeedKind.REVIEW), None
        case DeedKind.ASSIGN:
            return str(st.selectbox(_("主责单位"), _units(view), index=None, placeholder=_("请选择")) or ""), None
        case DeedKind.SNOOZE:
            last = pd.Timestamp(card.warning["window_end"]).date()
            soon = min(today + timedelta(days=7), last)
            until = st.date_input(_("暂缓到"), value=soon, min_value=min(today + timedelta(days=1), last), max_value=last, format="YYYY-MM-DD")
            return "", until if not isinstance(until, tuple) else until[0]
        case DeedKind.WAKE:
            return "", None
        case DeedKind.PLAN_READY:
            return st.text_input(_("预案内容或存放位置"), max_chars=500), None
        case _:
            return st.text_area(_("将采取的措施"), value="\n".join(f"{n}. {text}" for n, text in enumerate(card.warning["actions"], 1)), max_chars=500), None


def form(view: View, card: Card, today: date) -> None:
    """One form: what to do, its field, a reason."""
    said = st.session_state.pop(SAID_KEY, None)
    if said:
        st.success(said, icon="✔")
    offered = _offered(view, card)
    if not offered:
        st.caption(_("当前身份在这一阶段没有可办的事项。"))
        return
    kind = st.segmented_control(
        _("办理"), offered, default=offered[0], required=True, format_func=lambda item: _(DEED_LABELS[item]), key=f"deed_{card.key}_{card.warning['stage']}"
    )
    kind = DeedKind(kind or offered[0])
    with st.form(f"form_{card.key}_{kind}", border=False):
        value, until = _ask(view, kind, card, today)
        reason = st.text_input(_("说明（研判为误报或数据问题、暂缓时必填）"), max_chars=500)
        is_sent = st.form_submit_button(_("提交"))
    if is_sent:
        _keep(view, card, kind, (value, until, reason), today)


def _keep(view: View, card: Card, kind: DeedKind, entered: tuple[str, date | None, str], today: date) -> None:
    """Keeps the deed for every window of the card, and says so after the next run; the first refusal is shown."""
    value, until, reason = entered
    kept = 0
    for warning_id in card.warning_ids:
        deed = WarningDeed(warning_id, kind, value.strip(), until, reason.strip(), records.who(view.scope), today)
        try:
            act_on_warning(Home.from_environment(), view.scope, deed, places=foresight_loaders.parents(view.version))
        except RecordError as error:
            if warning_id == card.key:
                st.error(str(error), icon="✋")
                return
            continue  # a later window of the run may be at another stage; what was entered is about the one shown
        kept += 1
    st.session_state[SAID_KEY] = _("已记录：{deed}（涉及 {n} 个四周窗口），已记入审计。").format(deed=_(DEED_LABELS[kind]), n=kept)
    st.rerun()


def history(view: View, card: Card) -> None:
    """What people did, newest first, and what each run said."""
    rows = foresight_loaders.actions(view.version, view.scope, card.key)
    said = foresight_loaders.statements(view.version, view.scope, card.key)
    if len(said) > 1:
        newest = said.head(4)
        pairs = zip(pd.to_datetime(newest["stated_on"]).dt.date, newest["probability"], strict=True)
        steps = _("；").join(_("{day} {share}").format(day=words.day(day), share=f"{share:.0%}") for day, share in pairs)
        st.caption(_("历次判断：{steps}。").format(steps=steps))
    if rows.empty:
        st.caption(_("还没有人处置过。"))
        return
    names = {value: _(text) for choices in CHOICES.values() for value, text in choices.items()}
    shown = pd.DataFrame(
        {
            _("日期"): [words.day(pd.Timestamp(day).date()) for day in rows["acted_on"]],
            _("谁"): rows["acted_by"],
            _("办理"): [_(DEED_LABELS[DeedKind(kind)]) for kind in rows["kind"]],
            _("内容"): [names.get(value, value) for value in rows["value"]],
            _("说明"): rows["reason"],
        }
    )
    tables.wrapped(shown, _("处置记录，共{n}条").format(n=len(shown)))

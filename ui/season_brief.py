"""前瞻 in one line, for the cockpit: what will be busy, and the way to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui import foresight_loaders, identity, season_flags
from ui.kept import cached
from ui.words import _

if TYPE_CHECKING:
    from storage.scope import Scope
    from ui.foresight_loaders import Foresight
    from ui.frame import View

__all__ = ["draw"]

SEASON_PAGE = "pages/foresight/season.py"
NAMED = 2


@cached(64)
def _words(snapshot: str, foresight: Foresight, scope: Scope) -> str:
    """The line; not read anew for every visitor, as it does not say what people did."""
    today = foresight.cutoff
    every = season_flags.cards_of(snapshot, foresight, scope)
    levels = [level for level in ("subdistrict", "district", "city") if level == scope.role.value] or ["city"]
    shown, more = season_flags.ranked(every, levels[0], foresight_loaders.budget(scope, today), whole=False)
    if not shown:
        return ""
    names = _("、").join(card.problem for card in shown[:NAMED])
    weeks = foresight_loaders.policy("lead_weeks", today)["most"]
    return _("前瞻：未来{weeks}周 {n} 个问题转旺：{names}等").format(weeks=weeks, n=len(shown) + more, names=names)


def draw(view: View) -> None:
    """A link with what comes; nothing where no foresight was made or nothing comes."""
    foresight = foresight_loaders.current(view.version)
    if foresight is None:
        return
    text = _words(view.version, foresight, view.scope)
    if text:
        query = {key: st.query_params[key] for key in (identity.ROLE_KEY, identity.UNIT_KEY) if key in st.query_params}
        st.page_link(SEASON_PAGE, label=text, icon=":material/event_upcoming:", query_params=query, width="content")

"""重点 in one line, for the cockpit: new and worsening hot spots, and the way to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from geodata.hotspot_life import NOTIFIED, Stage
from storage.scope import Role
from ui import hotspot_loaders, identity, loaders
from ui import hotspot_sentences as said
from ui.kept import cached
from ui.words import _

if TYPE_CHECKING:
    from storage.scope import Scope
    from ui.frame import View
    from ui.hotspot_loaders import Focus

__all__ = ["draw"]

HOTSPOT_PAGE = "pages/focus/hotspots.py"
NAMED = 2


@cached(64)
def _words(snapshot: str, focus: Focus, scope: Scope) -> str:
    spots = hotspot_loaders.hotspots(snapshot, focus.version, scope)
    active = spots[spots["stage"] != Stage.ENDED]
    if active.empty:
        return ""
    told = active[active["stage"].isin(NOTIFIED)]
    places = loaders.place_register(snapshot)
    names = dict(zip(places["code"], places["name"], strict=True))
    listed = told if len(told) else active
    text = _("、").join(said.spot_name(row, names) for row in listed.head(NAMED).to_dict("records"))
    more = _("等") if len(listed) > NAMED else ""
    if told.empty:
        return _("重点：{n} 个热点在列：{names}{more}").format(n=len(active), names=text, more=more)
    counts = [int((told["stage"] == stage).sum()) for stage in (Stage.NEW, Stage.WORSENING)]
    return _("重点：热点新增 {new}、加剧 {worse}：{names}{more}").format(new=counts[0], worse=counts[1], names=text, more=more)


def draw(view: View) -> None:
    """A link with what is new or worse; nothing where nobody looked yet or nothing is hot."""
    if view.scope.role is Role.DEPARTMENT:
        return
    focus = hotspot_loaders.current(view.version)
    text = _words(view.version, focus, view.scope) if focus is not None else ""
    if text:
        query = {key: st.query_params[key] for key in (identity.ROLE_KEY, identity.UNIT_KEY) if key in st.query_params}
        st.page_link(HOTSPOT_PAGE, label=text, icon=":material/local_fire_department:", query_params=query, width="content")

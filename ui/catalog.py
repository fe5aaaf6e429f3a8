"""The pages: file, title, address, group and who may see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from storage.scope import Role
from ui import frame
from ui.words import _

if TYPE_CHECKING:
    from streamlit.navigation.page import StreamlitPage

__all__ = ["PAGES", "PageEntry", "navigation_for"]

EVERYONE = frozenset(Role)


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One page; the first one of the list is the home page and has the empty address."""

    file: str
    title: str
    url_path: str
    group: str
    icon: str
    roles: frozenset[Role] = EVERYONE


PAGES: tuple[PageEntry, ...] = (
    PageEntry("pages/overview/cockpit.py", _("数据驾驶舱"), "", _("总览"), ":material/speed:"),
    PageEntry("pages/overview/checkup.py", _("城市体检"), "checkup", _("总览"), ":material/stethoscope:"),
    PageEntry("pages/overview/heatmap.py", _("民生数据热力图"), "heatmap", _("总览"), ":material/map:"),
    PageEntry("pages/overview/definitions.py", _("指标口径"), "definitions", _("总览"), ":material/menu_book:"),
    PageEntry("pages/foresight/season.py", _("前瞻治理"), "season", _("前瞻"), ":material/event_upcoming:"),
    PageEntry("pages/foresight/explorer.py", _("预测查询"), "explorer", _("前瞻"), ":material/query_stats:", EVERYONE - {Role.DEPARTMENT}),
    PageEntry("pages/foresight/ledger.py", _("预警台账"), "ledger", _("前瞻"), ":material/fact_check:"),
    PageEntry("pages/focus/hotspots.py", _("重点治理"), "hotspots", _("重点"), ":material/local_fire_department:"),
    PageEntry("pages/admin/batches.py", _("数据接入"), "batches", _("管理"), ":material/database:", frozenset({Role.ADMIN})),
    PageEntry("pages/admin/quality.py", _("数据质量"), "quality", _("管理"), ":material/fact_check:", frozenset({Role.ADMIN})),
)


def _page(entry: PageEntry, role: Role | None) -> StreamlitPage:
    """The page itself, or under the same address the sentence that refuses it."""
    default = entry is PAGES[0]
    if role in entry.roles:
        return st.Page(entry.file, title=entry.title, icon=entry.icon, url_path=entry.url_path or None, default=default)
    return st.Page(frame.forbidden, title=_("无权查看"), url_path=entry.url_path or None, default=default, visibility="hidden")


def navigation_for(role: Role | None) -> StreamlitPage:
    """Register all pages for a role (``None``: nobody is let in) and return the one asked for."""
    groups: dict[str, list[StreamlitPage]] = {}
    for entry in PAGES:
        groups.setdefault(entry.group, []).append(_page(entry, role))
    return st.navigation(groups, position="top")

"""Who is looking: the demo role picker, bound to the URL, and the ``Scope`` it stands for.

Demo identity is a development mode: anybody may choose any role. It therefore works on this machine
only; with another server address the app refuses to show anything.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import streamlit as st

from storage.scope import BOUND_ROLES, Role, Scope
from ui import urlstate, words
from ui.words import _

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ROLE_KEY", "UNIT_KEY", "current_role", "is_loopback", "pick_scope", "refuse", "refuses_demo", "unit_options"]

ROLE_KEY = "role"
UNIT_KEY = "unit"


def is_loopback(host: str | None) -> bool:
    """Whether a host name or address means this very machine."""
    if not host:
        return False
    name = host.strip("[]").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def refuses_demo(server_address: str | None, page_url: str | None) -> bool:
    """Whether demo identity must refuse: the server listens, or was reached, beyond this machine.

    ``server_address`` empty means all interfaces. ``page_url`` is empty in tests without a browser.
    """
    if not is_loopback(server_address):
        return True
    return bool(page_url) and not is_loopback(urlsplit(str(page_url)).hostname)


def unit_options(role: Role, places: pd.DataFrame, units: pd.DataFrame) -> dict[str, str]:
    """Code and screen name of every unit a bound role may be; empty for a free role."""
    match role:
        case Role.DISTRICT | Role.SUBDISTRICT:
            rows = places[places["level"] == role.value]
            return urlstate.unique_labels(rows["code"], rows["name"], rows["parent_name"])
        case Role.DEPARTMENT:
            return urlstate.unique_labels(units["unit_code"], units["unit_name"], units["unit_type"])
        case _:
            return {}


def current_role() -> Role:
    """The role the picker will show, known before it is drawn.

    The pages must be registered before any widget runs: a run that ends before loses the page asked for.
    """
    names = {words.label(role): role for role in Role} | {role.value: role for role in Role}
    asked = st.session_state.get(ROLE_KEY) or st.query_params.get(ROLE_KEY, "")
    return names.get(asked, Role.LEADER)


def pick_scope(places: pd.DataFrame, units: pd.DataFrame) -> Scope | None:
    """Draw the role picker and return the scope; ``None`` where a bound role has no unit to be."""
    roles = {role.value: words.label(role) for role in Role}
    st.caption(_("演示身份，仅限本机使用"))
    chosen = Role(urlstate.select(_("身份"), roles, key=ROLE_KEY, required=True) or Role.LEADER)
    if chosen not in BOUND_ROLES:
        return Scope(chosen)
    options = unit_options(chosen, places, units)
    if not options:
        st.caption(_("当前数据中没有可选的单位。"))
        return None
    unit = urlstate.select(_("单位"), options, key=UNIT_KEY, required=True)
    return Scope(chosen, unit or next(iter(options)))


def refuse() -> None:
    """The sentence shown instead of everything where demo identity must not run."""
    st.title(_("演示身份只能在本机使用"), anchor=False)
    st.error(_("演示身份允许任何人选择任何角色，因此只在本机地址（127.0.0.1）上工作；当前服务地址不是本机。请改用本机地址启动，或配置正式登录。"), icon="🔒")

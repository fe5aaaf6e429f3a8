"""The door: who is looking, which pages there are for them, and the frame around every page."""

import streamlit as st

from ui import catalog, chinese_shim, frame, identity, loaders, turns, urlstate
from ui.words import _

SIDEBAR_WIDTH = 288  # pixels; five period buttons fit in one row

st.set_page_config(page_title=_("未诉先办"), page_icon="🏙️", layout="wide", initial_sidebar_state=SIDEBAR_WIDTH)
frame.install_style()
chinese_shim.install()
urlstate.begin()

with frame.guarded():
    if identity.refuses_demo(st.get_option("server.address"), st.context.url):
        catalog.navigation_for(None)
        identity.refuse()
        st.stop()
    version = loaders.pin_version()
    if version is None:
        catalog.navigation_for(None)
        frame.first_steps()
        st.stop()
    page = catalog.navigation_for(identity.current_role())
    with st.sidebar:
        scope = identity.pick_scope(loaders.place_register(version), loaders.unit_register(version))
    if scope is None:
        frame.forbidden()
        st.stop()
    frame.set_view(frame.View(version, scope, loaders.facts(version)))
    with turns.turn():
        page.run()

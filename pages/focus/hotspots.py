"""重点治理: where do problems gather, since when, is it more than chance, and what drives it? For every role within its scope."""

import streamlit as st

from ui import frame, hotspot_context, hotspot_points, hotspot_sentences, hotspot_units, hotspots, panels
from ui.words import _

view = frame.begin(_("重点治理"), _("问题集中在哪里、从什么时候起，是真的多还是偶然？"))
hot = hotspots.begin(view)
if hot is None:
    st.info(_("热点还没有查找，或正在查找。管理员可在命令行运行：python manage.py focus"), icon="⏳")
    frame.foot(view, "hotspot_class", "hotspot_recurrence")
    st.stop()
part = hotspots.pick_tab(view)
if part == hotspots.POINTS:
    hotspot_points.draw(view, hot)
elif part == hotspots.UNITS:
    hotspot_units.draw(view, hot)
else:
    spot = hotspots.pick_spot(hot)
    st.markdown(f"**{hotspot_sentences.verdict(hot.active, hot.names)}**")
    left, right = st.columns([3, 2], gap="small")
    with left, st.container(border=True, height="stretch", gap="small"):
        with panels.head(_("各地月度类别")):
            as_map = panels.pick_twin("classes_as", _("地图"))
        hotspots.draw_map(view, hot, hotspots.pick_month(hot), spot, as_map=as_map)
    with right, st.container(border=True, height="stretch", gap="small"):
        with panels.head(_("热点")):
            hotspot_context.downloads(view, hot)
        hotspots.draw_list(view, hot, 430)
    if spot is not None:
        with st.container(border=True, gap="small"):
            left, middle, right = st.columns([4, 3, 3], gap="medium")
            with left:
                hotspots.draw_chosen(view, hot, spot, 170)
            with middle:
                hotspots.draw_drivers(view, hot, spot, 260)
            with right:
                hotspot_context.draw(view, hot, spot)
    st.caption(hotspot_sentences.freshness(hot.focus))
frame.foot(view, "request_count", "local_expected", "hotspot_class", "hotspot_recurrence", "hotspot_q")

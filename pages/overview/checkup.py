"""城市体检: how is the city, a place, a unit or an industry, and which indicators are on alert? For every role within its scope."""

import streamlit as st

from ui import checkup, checkup_loaders, checkup_sentences, frame, panels
from ui.words import _

view = frame.begin(_("城市体检"), _("体检结果如何，哪几项亮红灯？"))
target = checkup.pick(view)
if target is None:
    st.info(_("当前数据中没有可以体检的对象。"), icon="🔎")
    st.stop()
result = checkup_loaders.checked(view.version, view.scope, target.kind, target.code, target.period)

with st.container(horizontal=True, vertical_alignment="center", gap="small"):
    st.markdown(f"**{target.words}**", width="content")
    if target.note:
        st.caption(_("ⓘ {note}").format(note=target.note), width="content")
if checkup.has_no_tickets(result):
    st.info(_("所选对象在这个月没有工单，请换一个月份或对象。"), icon="🔎")
    st.stop()
st.markdown(f"#### {checkup_sentences.verdict(result)}")

left, right = st.columns([1, 1], gap="small")
with left, st.container(border=True, height="stretch", gap="small"):
    with panels.head(_("体检发现")):
        st.caption(_("由重到轻"), width="content")
    checkup.draw_findings(view, result, target)

with right, st.container(border=True, height="stretch", gap="small"):
    with panels.head(checkup.chart_title(result)):
        shows_chart = panels.pick_twin("strips_as", _("图"))
    if shows_chart:
        checkup.draw_chart(view, result, target)
    else:
        checkup.draw_peers(result, target)
    st.caption(checkup_sentences.strip(result, target.name, target.word))

with st.container(border=True, gap="small"):
    with panels.head(_("体检表")):
        checkup.download(result, target)
    checkup.draw_table(result, target)

frame.foot(view, *result.table.index, "checkup_status", "small_base")

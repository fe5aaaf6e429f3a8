"""数据质量: can the delivered data be trusted, and what is missing? For 管理员."""

import streamlit as st

from ui import frame, mapping, panels, quality, quality_loaders, quality_sentences, tables, theme
from ui.words import _

view = frame.begin(_("数据质量"), _("送来的数据可信吗，缺什么？"))
period = quality.pick_period(view)
key = (view.version, view.scope, period)
drops, runs = quality_loaders.volume_alarm(view.version, view.scope)
facts = quality_loaders.month_facts(*key)
if drops.empty:
    st.info(_("票仓里还没有工单。"), icon="📥")
    st.stop()
if runs.empty:
    st.success(quality_sentences.verdict(runs, facts, period), icon="✔")
else:
    st.warning(quality_sentences.verdict(runs, facts, period), icon="⚠")

with st.container(border=True, gap="small"):
    with panels.head(_("数据报警")):
        shows_chart = panels.pick_twin("alarm_as", _("走势图"))
    days = quality.alarm_table(drops)
    sentence = quality_sentences.alarm(drops, runs, view.facts.data_until)
    if shows_chart:
        st.plotly_chart(quality.alarm_figure(drops), config=theme.CONFIG, alt=sentence, key="alarm")
    else:
        tables.plain(days, _("每日受理量、往常、报警线与判断"), height=quality.HEIGHT)
    st.caption(sentence)
    quality.download(days, _("数据报警"), "download_alarm")

left, right = st.columns([1, 1], gap="small")
with left, st.container(border=True, height="stretch", gap="small"):
    panels.head(_("字段完整度"))
    quality.fields(*quality_loaders.fields(*key), period)
with right, st.container(border=True, height="stretch", gap="small"):
    panels.head(_("未匹配地名"))
    unmatched = quality_loaders.unmatched(*key)
    quality.places(unmatched, facts, view)

left, right = st.columns([1, 1], gap="small")
with left, st.container(border=True, height="stretch", gap="small"):
    panels.head(_("未分类"))
    quality.unclassified(quality_loaders.unclassified(*key), facts)
with right, st.container(border=True, height="stretch", gap="small"):
    panels.head(_("晚到"))
    quality.arrivals(*quality_loaders.delays(view.version, view.scope))

left, right = st.columns([1, 1], gap="small")
with left, st.container(border=True, height="stretch", gap="small"):
    panels.head(_("疑似重复"))
    quality.duplicates(quality_loaders.duplicates(facts))
with right, st.container(border=True, height="stretch", gap="small"):
    panels.head(_("无类型单位"))
    quality.units(quality_loaders.untyped(*key), view.facts.unit_word)

with st.container(border=True, gap="small"):
    panels.head(_("相近的分类"))
    quality.alike(quality_loaders.alike(view.version, view.scope))

left, right = st.columns([1, 1], gap="small")
with left, st.container(border=True, height="stretch", gap="small"):
    with panels.head(_("写法对应")):
        kind = mapping.pick_kind()
    mapping.form(view, kind, unmatched)
with right, st.container(border=True, height="stretch", gap="small"):
    panels.head(_("对应记录"))
    mapping.history(view)

frame.foot(view, "intake_count", "unplaced")

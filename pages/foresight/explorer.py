"""预测查询: of any category and place, what comes, how sure is it, and how good were such words so far? For every role but departments."""

import streamlit as st

from ui import explorer, explorer_sentences, foresight_loaders, frame, panels
from ui.words import _

view = frame.begin(_("预测查询"), _("某类问题、某个地方接下来会来多少，有多大把握，过去准不准？"))
foresight = foresight_loaders.current(view.version)
if foresight is None:
    st.info(explorer_sentences.none_yet(), icon=":material/hourglass_empty:")
    frame.foot(view, "request_count", "usual_count", "expected_count", "busy_probability")
    st.stop()
target, name = explorer.pick(view, foresight)
if not foresight.is_current:
    st.caption(explorer_sentences.stale(foresight))
if target is None:
    st.info(explorer_sentences.not_forecast(name), icon="🔎")
    frame.foot(view, "request_count", "usual_count", "expected_count", "busy_probability")
    st.stop()
st.markdown(f"**{name}**")
st.markdown(f"#### {explorer.verdict(view, foresight, target)}")

with st.container(border=True, gap="small"):
    with panels.head(_("过去与未来")):
        step = explorer.pick_step()
        shows_chart = panels.pick_twin("course_as", _("走势图"))
    explorer.draw_course(view, foresight, target, step, as_chart=shows_chart)

left, right = st.columns([1, 1], gap="small")
with left, st.container(border=True, height="stretch", gap="small"):
    with panels.head(_("为什么")):
        shows_chart = explorer.has_windows(view, foresight, target) and panels.pick_twin("causes_as", _("图"))
    explorer.draw_causes(view, foresight, target, as_chart=shows_chart)
with right, st.container(border=True, height="stretch", gap="small"):
    with panels.head(_("往年走势")):
        shows_chart = panels.pick_twin("season_as", _("图"))
    explorer.draw_season(view, foresight, target, as_chart=shows_chart)

left, right = st.columns([1, 1], gap="small")
with left, st.container(border=True, height="stretch", gap="small"):
    panels.head(_("异常日"))
    explorer.draw_odd(view, foresight, target)
with right, st.container(border=True, height="stretch", gap="small"):
    panels.head(_("模型与成绩"))
    explorer.draw_model(view, foresight, target)

frame.foot(view, "request_count", "usual_count", "expected_count", "busy_probability")

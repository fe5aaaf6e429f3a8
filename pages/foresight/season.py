"""前瞻治理: what will be busy in the next twelve weeks, where, how sure, and who must be ready by when? For every role."""

import streamlit as st

from ui import frame, panels, season, season_actions, season_sentences
from ui.words import _

view = frame.begin(_("前瞻治理"), _("未来十二周什么会多起来，谁该提前准备？"))
flags = season.begin(view)
if flags is None:
    st.info(_("预测还没有生成，或正在生成。管理员可在命令行运行：python manage.py foresee"), icon="⏳")
    st.stop()
chosen = season.pick_card(flags)
st.markdown(f"**{season_sentences.verdict(flags.shown, flags.more, flags.today, flags.weeks)}**")
st.caption(season_sentences.freshness(flags.foresight))

left, right = st.columns([3, 2], gap="small")
with left, st.container(border=True, height="stretch", gap="small"):
    with panels.head(_("全年日历")):
        as_chart = panels.pick_twin("strip_as", _("日历"))
    season.draw_strip(view, flags, 430, as_chart=as_chart)
with right, st.container(border=True, height="stretch", gap="small"):
    with panels.head(_("季节预警")):
        season.download(flags)
    season.draw_cards(view, flags, 430)

if chosen is not None:
    with st.container(border=True, gap="small"):
        left, middle, right = st.columns([3, 3, 3], gap="medium")
        with left:
            season.draw_chosen(view, flags, chosen)
        with middle:
            season.draw_where(view, flags, chosen, 300)
        with right:
            season_actions.form(view, chosen, flags.today)
            season_actions.history(view, chosen)

frame.foot(view, "request_count", "usual_count", "expected_count", "busy_probability", "warning_precision", "warning_lead")

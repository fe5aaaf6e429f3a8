"""民生数据热力图: where do people call about what, and when? For everybody, within their scope."""

import streamlit as st

from ui import areas, frame, heat, heat_exports, heat_layers, heat_sentences, heat_unplaced, panels
from ui.words import _

view = frame.begin(_("民生数据热力图"), _("哪里的诉求多，比自己的常年高还是低？"))
choice = heat.begin(view)
st.markdown(f"**{choice.place_name} · {choice.metric_name}**")
month, playing = heat.pick_month(view)
table, everything = heat.shown_areas(view, choice, month)
word = areas.level_word(view, choice.level)
sentence = heat_sentences.layer(view, choice, table, word, month)

left, right = st.columns([3, 2], gap="small")
with left, st.container(border=True, gap="small"):
    heat_layers.draw(view, choice, table, everything.breaks, month, sentence, playing=playing)
    st.caption(sentence)
    heat_unplaced.draw(view, choice, month)

with right, st.container(border=True, gap="small"):
    with panels.head(_("区域详情")):
        heat_exports.downloads(view, choice, table, everything.breaks, month, sentence)
    heat.draw_panel(view, choice, table, everything, month, height=120)
    heat.draw_table(choice, table, word, _("各{word}的{metric}").format(word=word, metric=choice.metric_name), height=196)

with st.container(border=True, gap="small"):
    panels.head(_("什么时候打来"))
    heat.draw_hours(view, choice, month, height=210)

frame.foot(view, "request_count", "requests_per_10k", "against_own", "response_rate", "resolution_rate", "satisfaction_rate", "unplaced", "small_base")

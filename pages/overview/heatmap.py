"""民生数据热力图: where do people call about what, and when? For everybody, within their scope."""

import streamlit as st

from ui import areas, frame, heat, heat_exports, heat_sentences, panels, words
from ui.words import _

view = frame.begin(_("民生数据热力图"), _("哪里的诉求多，比自己的常年高还是低？"))
choice = heat.begin(view)
st.markdown(f"**{choice.place_name} · {choice.metric_name}**")
month = heat.pick_month(view)
table, everything = heat.shown_areas(view, choice, month)
word = areas.level_word(view, choice.level)

left, right = st.columns([3, 2], gap="small")
with left, st.container(border=True, gap="small"):
    if choice.layer == heat.AREAS:
        sentence = heat_sentences.areas(table, word, choice, words.month(month))
        heat.draw_map(view, choice, table, everything.breaks, sentence, height=430)
        st.caption(sentence)
    elif choice.layer == heat.DENSITY:
        cells, missing = heat.draw_density(view, choice, month, height=430)
        st.caption(heat.density_sentence(cells, missing))
    else:
        spots = heat.draw_communities(view, choice, month, height=430)
        st.caption(heat_sentences.communities(spots))
    st.caption(heat_sentences.unplaced(view, choice, month))

with right, st.container(border=True, gap="small"):
    with panels.head(_("区域详情")):
        heat_exports.downloads(view, choice, table, month)
    heat.draw_panel(view, choice, table, everything, month, height=120)
    heat.draw_table(choice, table, word, _("各{word}的{metric}").format(word=word, metric=choice.metric_name), height=196)

with st.container(border=True, gap="small"):
    panels.head(_("什么时候打来"))
    heat.draw_hours(view, choice, month, height=210)

frame.foot(view, "request_count", "requests_per_10k", "against_own", "response_rate", "resolution_rate", "satisfaction_rate", "unplaced", "small_base")

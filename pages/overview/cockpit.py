"""数据驾驶舱: is the city better or worse than usual, and where must I look? For 市领导; every role within its scope."""

import streamlit as st

from ui import areas, cards, changes, filters, frame, hotspot_brief, loaders, panels, season_brief, sentences, tables, wall
from ui.words import _

view = frame.begin(_("数据驾驶舱"), _("比平时好还是差，该看哪里？"))
choice = filters.pick(view)
key = (view.version, view.scope, choice.selection, choice.period)
small_base = loaders.small_base(view.version, choice.period)
headline = loaders.headline(*key)

with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="small"):
    areas.where_line(view, choice)
    season_brief.draw(view)
    hotspot_brief.draw(view)
if not headline.loc["intake_count", "now"]:
    st.info(_("所选条件下没有工单，请放宽时段或筛选条件。"), icon="🔎")
    st.stop()
cards.headline_row(headline, loaders.sparks(*key), small_base)
if wall.is_on():
    wall.draw(view, choice)
    st.stop()

with st.grid(3, min_column_width=panels.LEAST_WIDTH, gap="small"):
    with st.container(border=True, height="stretch", gap="small"):
        with panels.head(_("在哪里")):
            level = areas.pick_level(view, choice)
            shows_map = panels.pick_twin("areas_as", _("地图"))
        places, unplaced = loaders.places(*key, level)
        if shows_map:
            areas.draw_map(view, choice, places, unplaced, level, height=320)
        else:
            areas.draw_table(view, choice, places, level, height=320)
        st.caption(sentences.places(places, areas.level_word(view, level), unplaced))

    with st.container(border=True, height="stretch", gap="small"):
        changes.draw(view, choice)

    with st.container(border=True, height="stretch", gap="small"):
        with panels.head(_("前十类问题")):
            problems = loaders.problems(*key)
            st.caption(sentences.ranking(problems), width="content")
        if problems.empty:
            st.caption(_("所选范围内没有已分类的诉求。"))
        else:
            panels.fill(key, problems, tables.problems(problems, _("前十类问题"), shows=key, height=340))
            st.caption(sentences.problems(problems))

with st.grid(2, min_column_width=panels.LEAST_WIDTH, gap="small"):
    with st.container(border=True, height="stretch", gap="small"):
        with panels.head(_("诉求量走势")):
            shows_chart = panels.pick_twin("volume_as", _("走势图"))
        volume = loaders.volume(*key)
        marks = loaders.calendar_marks(view.version, volume.attrs["window"])
        said = sentences.volume(volume)
        if shows_chart:
            panels.volume(key, volume, marks, height=124)
        else:
            tables.volume(volume, _("诉求量走势数据"), height=124)
        st.caption(said)

    with st.container(border=True, height="stretch", gap="small"):
        with panels.head(view.facts.unit_word):
            units, kind = panels.pick_units(loaders.units(*key))
        if units.empty:
            st.caption(_("所选范围内的工单没有记录承办单位。"))
        else:
            tables.units(units, view.facts.unit_word, small_base, _("各单位诉求量与三率"), shows=(*key, kind), height=124)
            st.caption(sentences.units(units, small_base))

frame.foot(
    view,
    *("intake_count", "request_count", "response_rate", "resolution_rate", "satisfaction_rate", "unresolved_count"),
    *("overdue_count", "consultation_share", "open_count", "contribution", "unplaced", "small_base"),
)

"""指标口径: how is each number defined, and which policy is in force? For everyone who quotes a number."""

import streamlit as st

from ui import frame, measures, tables
from ui.words import _

view = frame.begin(_("指标口径"), _("每个数字怎么算，依据哪条规则？"))

st.subheader(_("指标定义"), anchor=False)
tables.wrapped(measures.measure_table(), _("各指标的定义与单位"))

st.subheader(_("现行政策取值"), anchor=False)
st.caption(_("● 已公布：有公开文件依据；○ 假定：文件未公布，由本系统取值，请以本市正式口径替换。每个月按当月生效的规则计算。"))
tables.wrapped(measures.policy_table(view.facts.data_until), _("政策各规则的取值、依据、生效日期与来源"))

glossary = measures.glossary_table()
if not glossary.empty:
    st.subheader(_("术语表"), anchor=False)
    tables.plain(glossary, _("术语的中文、标识、英文、定义、单位与来源"), height=420)

frame.foot(view, "change_before", "change_year_ago")

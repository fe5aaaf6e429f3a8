"""数据接入: did every delivered row arrive, and why not? For 管理员."""

import streamlit as st

from ui import frame, intake, loaders, panels, tables, upload
from ui.words import _

view = frame.begin(_("数据接入"), _("送来的每一行都去了哪里？"))
with st.container(border=True, gap="small"):
    panels.head(_("上传工单"))
    upload.panel(view.scope)

batches = loaders.batches(view.version, view.scope)
if batches.empty:
    st.info(_("还没有导入批次。"), icon="📥")
    st.stop()

intake.totals_row(batches)
st.subheader(_("批次"), anchor=False)
st.caption(_("读入 = 新增 + 更新 + 未变 + 隔离；未落图的工单已入库，只是不画在图上。"))
tables.plain(intake.batch_table(batches), _("各批次读入、新增、更新、未变、隔离与未落图件数"))

st.subheader(_("隔离的行"), anchor=False)
batch_no = intake.pick_batch(batches)
quarantine = loaders.quarantine(view.version, view.scope, batch_no)
if quarantine.empty:
    st.success(_("所选批次没有被隔离的行。"), icon="✔")
else:
    shown = intake.quarantine_table(quarantine)
    st.caption(intake.reason_sentence(loaders.quarantine_reasons(view.version, view.scope, batch_no), len(shown)))
    tables.plain(shown, _("被隔离的行：文件、行号、列、值与原因"))
    intake.download(view, batch_no)

st.subheader(_("上传记录"), anchor=False)
upload.history(view.scope)

frame.foot(view, "unplaced")

"""上传工单: hand in a file, look at a rehearsal, confirm or give up; the work itself is done by a process of its own."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from governance.tickets import FIELDS
from storage.home import Home, InputError
from storage.sources import READABLE
from storage.uploads import Stage, Upload, discard_upload, keep_upload, read_upload, request_work
from ui import intake, quality, records, words
from ui.words import _

if TYPE_CHECKING:
    from storage.scope import Scope

__all__ = ["fault_table", "history", "panel", "reason_table"]

MANAGE = Path(__file__).resolve().parent.parent / "manage.py"
MOST_MEGABYTES = 200
"""The browser's file passes through this process's memory; what is larger goes over the command line."""
POLL_SECONDS = 1
SHOWN_HASH = 12
NARROW = st.column_config.TextColumn(width="small")
WIDE = st.column_config.TextColumn(width="large")
NARROW_NUMBER = st.column_config.NumberColumn(width=60, format="localized")
FIELD_NAMES = {item.name: item.chinese for item in FIELDS}
RESULTS: dict[str, str] = {
    "upload.confirm": _("确认入库"),
    "upload.done": _("✔ 已入库"),
    "upload.failed": _("✘ 未完成"),
    "upload.discard": _("放弃"),
}


def _start(scope: Scope, token: str, stage: Stage) -> None:
    """Asks for a piece of work and starts the process that does it; a second press finds it asked for and starts nothing."""
    if not request_work(Home.from_environment(), scope, token, stage, records.who(scope)):
        return
    process = subprocess.Popen([sys.executable, str(MANAGE), "upload", token], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True)
    threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no entry in the table of processes


def _discard(scope: Scope, token: str) -> None:
    discard_upload(Home.from_environment(), scope, token, records.who(scope))


def panel(scope: Scope) -> None:
    """The file in hand, whatever state it is in; without one, the place to hand one in."""
    upload = read_upload(Home.from_environment(), scope)
    match upload.stage if upload else None:
        case Stage.REHEARSING | Stage.STORING:
            _watch(scope)
        case Stage.RECEIVED | Stage.REHEARSED | Stage.DONE if upload:
            _show(scope, upload)
        case _:
            _offer(scope)


def _offer(scope: Scope) -> None:
    st.caption(_("先试运行看结果，确认后才写入。文件只在处理期间保存，入库或放弃后即删除。更大的文件请用命令行导入。"))
    with st.form("upload_offer", clear_on_submit=True, border=False):
        given = st.file_uploader(_("工单文件"), [ending.removeprefix(".") for ending in READABLE], max_upload_size=MOST_MEGABYTES)
        is_sent = st.form_submit_button(_("试运行（不写入）"), icon=":material/science:")
    if not is_sent:
        return
    if given is None:
        st.error(_("请先选择一个文件。"), icon="✋")
        return
    try:
        upload = keep_upload(Home.from_environment(), scope, given.name, given, records.who(scope))
    except InputError as error:
        st.error(str(error), icon="✋")
        return
    _start(scope, upload.token, Stage.REHEARSING)
    st.rerun()


@st.fragment(run_every=POLL_SECONDS)
def _watch(scope: Scope) -> None:
    """How far the work is, once a second; the whole page again when it is over."""
    upload = read_upload(Home.from_environment(), scope)
    if upload is None or upload.stage not in (Stage.REHEARSING, Stage.STORING):
        st.rerun()
        return
    doing = _("正在试运行“{file}”，不写入。") if upload.stage is Stage.REHEARSING else _("正在入库“{file}”，随后更新统计。")
    st.markdown(doing.format(file=upload.file))
    task = upload.task or _("正在启动")
    if upload.total_rows:
        text = _("{task}：{done} / {total} 行").format(task=task, done=words.exact(upload.done_rows), total=words.exact(upload.total_rows))
        st.progress(min(1.0, upload.done_rows / upload.total_rows), text)
    else:
        st.progress(0.0, _("{task}：已处理 {done} 行").format(task=task, done=words.exact(upload.done_rows)) if upload.done_rows else task)
    st.caption(_("可以离开本页，处理会继续。"))


def _show(scope: Scope, upload: Upload) -> None:
    """A file that nobody works on just now: its outcome or what went wrong, and what can be done."""
    size = words.exact(max(1, upload.bytes // 1024))
    st.caption(_("“{file}”，{size} KB，校验码 {hash}…，{who}").format(file=upload.file, size=size, hash=upload.sha256[:SHOWN_HASH], who=upload.sent_by))
    if upload.message:
        st.error(upload.message, icon="✋")
    if upload.outcome:
        _counts(upload)
    again = {Stage.RECEIVED: (_("再试一次"), Stage.REHEARSING), Stage.REHEARSED: (_("确认入库"), Stage.STORING)}.get(upload.stage)
    with st.container(horizontal=True, gap="small"):
        if again:
            st.button(again[0], type="primary", key="upload_go", on_click=_start, args=(scope, upload.token, again[1]))
        end = _("再传一份") if upload.stage is Stage.DONE else _("放弃")
        st.button(end, key="upload_end", on_click=_discard, args=(scope, upload.token))
    if upload.outcome.get("fault_count"):
        _faults(upload.outcome)


def _counts(upload: Upload) -> None:
    outcome = upload.outcome
    if upload.stage is Stage.DONE:
        text = _("第 {n} 批已入库，统计已更新（重算 {months} 个月），上传的文件已删除。")
        st.success(text.format(n=outcome["batch_no"], months=len(outcome["months"])), icon="✔")
    else:
        st.info(_("试运行结果，尚未写入。确认入库后结果应与此相同，除非其间另有文件入库。"), icon=":material/science:")
    intake.totals_row(pd.DataFrame([{name: outcome[name] for name in intake.OUTCOMES}]))
    if outcome["absent"]:
        st.caption(_("文件里没有的 {n} 项：{names}。").format(n=len(outcome["absent"]), names=_("、").join(FIELD_NAMES[name] for name in outcome["absent"])))


def _faults(outcome: dict[str, Any]) -> None:
    """Why rows are quarantined, and the first of them."""
    faults, reasons = fault_table(outcome), reason_table(outcome)
    left, right = st.columns([2, 3], gap="small")
    with left:
        said = _("共 {n} 处不合格，按原因：").format(n=words.exact(outcome["fault_count"]))
        quality.listed(reasons, said, _("隔离原因"), "upload_reasons", {_("列"): NARROW, _("处数"): NARROW_NUMBER})
    with right:
        said = _("最先出现的 {n} 处，号码已遮蔽；改好后可再次上传，重复的行不会重复入库。").format(n=len(faults))
        quality.listed(faults, said, _("隔离的行"), "upload_faults", {_("行号"): NARROW_NUMBER, _("列"): NARROW, _("值"): NARROW})


def reason_table(outcome: dict[str, Any]) -> pd.DataFrame:
    """Reasons of an outcome, most frequent first."""
    return pd.DataFrame(outcome["reasons"])[["column", "reason", "count"]].rename(columns={"column": _("列"), "reason": _("原因"), "count": _("处数")})


def fault_table(outcome: dict[str, Any]) -> pd.DataFrame:
    """The first faulty rows of an outcome."""
    rows = pd.DataFrame(outcome["faults"])
    return rows[["record", "column", "value", "reason"]].rename(columns=intake.HEADS | {"record": intake.HEADS["row"]})


def history(scope: Scope) -> None:
    """Who confirmed which file, when, and what it came to."""
    rows = records.read(scope, "upload")
    if rows.empty:
        st.caption(_("还没有从页面上传过文件。"))
        return
    shown = pd.DataFrame(
        {
            **records.heads(rows),
            _("文件"): rows["label"],
            _("动作"): rows["subject"].map(RESULTS),
            _("结果"): rows["new"],
            _("校验码"): rows["reason"].str.removeprefix("sha256 "),
        }
    )
    quality.listed(shown, _("最近的 {n} 条，只增不改。").format(n=len(shown)), _("上传记录"), "uploads", {_("校验码"): NARROW, _("结果"): WIDE})

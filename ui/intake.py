"""The parts of 数据接入: batch totals, batch table, quarantined rows and their download."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from storage.reads import QUARANTINE_LIMIT
from ui import exports, loaders, urlstate, words
from ui.words import _

if TYPE_CHECKING:
    from storage.scope import Scope
    from ui.frame import View

__all__ = ["batch_table", "download", "pick_batch", "quarantine_table", "reason_sentence", "totals_row"]

OUTCOMES: dict[str, str] = {
    "read": _("读入"),
    "loaded": _("新增"),
    "updated": _("更新"),
    "unchanged": _("未变"),
    "quarantined": _("隔离"),
    "unplaced": _("未落图"),
}
HEADS: dict[str, str] = {
    "batch_no": _("批次"),
    "started_at": _("开始时间"),
    "file": _("文件"),
    "row": _("行号"),
    "column": _("列"),
    "value": _("值"),
    "reason": _("原因"),
    **OUTCOMES,
}


def totals_row(batches: pd.DataFrame) -> None:
    """The sums over all batches as cards."""
    with st.grid(len(OUTCOMES), min_column_width=120, gap="small"):
        for column, name in OUTCOMES.items():
            st.metric(name, words.count(float(batches[column].sum())), border=True, height="stretch")


def batch_table(batches: pd.DataFrame) -> pd.DataFrame:
    """Batches, newest first, under Chinese heads; says for each whether the four outcomes add up."""
    shown = batches.sort_values("batch_no", ascending=False, ignore_index=True)
    sums = shown[["loaded", "updated", "unchanged", "quarantined"]].sum(axis="columns")
    shown["started_at"] = pd.to_datetime(shown["started_at"]).dt.strftime("%Y-%m-%d %H:%M")
    check = [_("✔ 相符") if same else _("✘ 不符") for same in shown["read"] == sums]
    return shown[["batch_no", "started_at", "file", *OUTCOMES]].rename(columns=HEADS).assign(**{_("核对"): check})


def pick_batch(batches: pd.DataFrame) -> int | None:
    """One batch, or all."""
    numbers = sorted({int(number) for number in batches["batch_no"]}, reverse=True)
    chosen = urlstate.select(_("批次"), {str(number): _("第 {n} 批").format(n=number) for number in numbers}, key="batch", everything=_("全部批次"), width=240)
    return int(chosen) if chosen else None


def quarantine_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Quarantined rows under Chinese heads."""
    return rows[["batch_no", "file", "row", "column", "value", "reason"]].rename(columns=HEADS)


def reason_sentence(reasons: pd.DataFrame, shown: int) -> str:
    """How many faults in all, the most frequent reason, and how many of them the table lists."""
    top = reasons.iloc[0]
    text = _("共 {n} 处不合格；最多的原因：{reason}（{count} 处）。").format(
        n=words.exact(top["total_count"]), reason=top["reason"], count=words.exact(top["fault_count"])
    )
    cut = _("下表只列前 {shown} 处，下载的文件最多含 {most} 处。").format(shown=words.exact(shown), most=words.exact(QUARANTINE_LIMIT))
    return text + (cut if shown < top["total_count"] else "")


def _csv(version: str, scope: Scope, batch_no: int | None) -> bytes:
    return exports.csv_bytes(quarantine_table(loaders.whole_quarantine(version, scope, batch_no)))


def download(view: View, batch_no: int | None) -> None:
    """All quarantined rows as CSV; made when clicked, under the scope of the one who looks."""
    name = _("隔离行_第{n}批.csv").format(n=batch_no) if batch_no else _("隔离行_全部.csv")
    st.download_button(_("下载 CSV"), data=partial(_csv, view.version, view.scope, batch_no), file_name=name, mime="text/csv", on_click="ignore", icon="⬇")

"""Sentences of 预警台账: how good the warnings were, whether their probabilities hold, and what the simple rule would have done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from storage.scope import Role
from ui import words
from ui.words import _

if TYPE_CHECKING:
    from forecasts.track_record import Record
    from storage.scope import Scope

__all__ = ["OUTCOMES", "against_last_year", "calibration", "ledger", "none_issued", "origin", "records", "verdict", "weeks"]

DAYS_OF_A_WEEK = 7
SHOWN_BIN = 0.8
OUTCOMES = {"hit": _("● 命中"), "false": _("△ 误报"), "open": _("○ 未到期"), "late": _("◌ 待计数")}


def weeks(days: float, unit: str = _(" 周")) -> str:
    """Days as weeks."""
    return words.DASH if pd.isna(days) else f"{days / DAYS_OF_A_WEEK:.1f}{unit}"


def verdict(found: Record, *, is_replayed: bool) -> str:
    """The record in one sentence."""
    warned = found.hit_count + found.false_count
    if not warned and not found.missed_count:
        return _("还没有可以评分的预警。")
    if not warned:
        return _("规则没有报过；其间有 {missed} 个窗口转旺。").format(missed=words.exact(found.missed_count))
    text = _("每 10 条预警约 {hits} 条成真").format(hits=f"{found.precision * 10:.0f}")
    if is_replayed and found.hit_count + found.missed_count:
        text += _("；每 10 个旺的窗口报出约 {caught} 个").format(caught=f"{found.recall * 10:.0f}")
    return text + (_("，平均提前 {weeks}。").format(weeks=weeks(found.lead_days).strip()) if found.hit_count else _("。"))


def origin(warnings: pd.DataFrame, *, is_replayed: bool, cutoffs: int, scope: Scope) -> str:
    """Where the record comes from, and why."""
    scored = int(warnings["scored_on"].notna().sum())
    if not is_replayed:
        if scored:
            return _("以下按已发布并已到期的 {n} 条评分：发出时是什么样，就按什么样评。").format(n=words.exact(scored))
        return _waiting(warnings)
    if not cutoffs:
        whole = _("回放按地区和分类进行，不分承办单位；") if scope.role is Role.DEPARTMENT else ""
        return whole + _("没有可用的历史回放（至少需要两年以上的历史，且四周件数达到政策规定的下限）。")
    text = _("以下为同一规则在过去 {n} 个时点的回放：只用当时已有的数据，再与后来实际相比。").format(n=cutoffs)
    return text if scored else _("已发布的预警还没有到期的。") + text


def _waiting(warnings: pd.DataFrame) -> str:
    if warnings.empty:
        return none_issued()
    first = warnings["window_end"].min()
    return _("已发布 {n} 条，都还没有到期；最早的窗口到 {day}结束，结束后自动评分。").format(n=words.exact(len(warnings)), day=words.day(first.date()))


def none_issued() -> str:
    """Nothing is in the ledger."""
    return _("当前身份范围内还没有发布过预警。")


def calibration(frame: pd.DataFrame, *, is_replayed: bool) -> str:
    """Whether what was said about 80 % of the time came about that often, and where it did not."""
    if frame.empty:
        return _("还没有说法可以对照。")
    row = frame.loc[(frame["said"] - SHOWN_BIN).abs().idxmin()]
    text = _("说有约 {said} 可能的 {n} 条里，实际发生 {came}。").format(
        said=f"{row['said']:.0%}", n=words.exact(row["statement_count"]), came=f"{row['came']:.0%}"
    )
    off = frame[(frame["said"] < frame["came_low"]) | (frame["said"] > frame["came_high"])]
    parts = [
        _("说 {said} 的实际 {came}（{word}）").format(said=words.percent(said), came=words.percent(came), word=_("说高了") if said > came else _("说低了"))
        for said, came in zip(off["said"], off["came"], strict=True)
    ]
    text += _("在 95% 区间之外的几档：{parts}。").format(parts=_("，").join(parts)) if parts else _("各档都在 95% 区间之内。")
    every = _("回放里每次说法都计入，不论是否达到预警线；") if is_replayed else _("只含已发布的，因此没有低的一端；")
    return text + every + _("同一序列的各次并不独立，真实区间更宽。")


def records(table: pd.DataFrame, by: str) -> str:
    """Which has most hits; what the columns mean."""
    if table.empty:
        return _("没有可以评分的窗口。")
    top = table.iloc[0]
    return _("命中最多的{by}是{name}：命中 {hits}、误报 {false}，查准率 {precision}。次数少的区间很宽，不宜排名。").format(
        by=by, name=top.iloc[0], hits=words.exact(top[_("命中")]), false=words.exact(top[_("误报")]), precision=top[_("查准率")]
    )


def against_last_year(rule: Record, simple: Record, windows: int) -> str:
    """The rule beside the simplest one; empty where no window has the one a year before."""
    if not windows:
        return ""
    return _("与最简单的办法比：在知道去年同期的 {n} 个窗口上，“去年同期旺就报”查准率 {p}、查全率 {r}；本规则查准率 {precision}、查全率 {recall}。").format(
        n=words.exact(windows),
        p=words.percent(simple.precision),
        r=words.percent(simple.recall),
        precision=words.percent(rule.precision),
        recall=words.percent(rule.recall),
    )


def ledger(warnings: pd.DataFrame, outcomes: list[str]) -> str:
    """How many were issued, and what became of them."""
    parts = [_("{word} {n}").format(word=word, n=words.exact(outcomes.count(key))) for key, word in OUTCOMES.items() if key in outcomes]
    return _("共发布 {n} 条：{parts}。概率、转旺线和预计是发出时写下的，此后不改；“最新概率”是最近一次运行对同一条转旺线的说法；概率只写 1% 到 99%。").format(
        n=words.exact(len(warnings)), parts=_("，").join(parts)
    )

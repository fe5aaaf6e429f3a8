"""Generated sentences of the quality page: the verdict, and what each section shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from governance import rates
from ui import words
from ui.words import _

if TYPE_CHECKING:
    from datetime import date

    from governance.periods import Period

__all__ = ["alarm", "arrivals", "duplicates", "fields", "places", "unclassified", "units", "verdict"]

NAMED = 3


def _percent(facts: pd.DataFrame, count: str) -> str:
    sums = facts[[count, "ticket_count"]].sum().to_frame().T
    return words.percent(float(rates.share(sums[count], sums["ticket_count"]).iloc[0]))


def _run(row: pd.Series) -> str:
    return _("{days}共 {n} 天，受理 {count} 件，往常约 {expected} 件").format(
        days=words.span(row["start"].date(), row["end"].date()), n=row["day_count"], count=words.exact(row["count"]), expected=words.exact(row["expected"])
    )


def verdict(runs: pd.DataFrame, facts: pd.DataFrame, period: Period) -> str:
    """Whether there is an alarm, and how much of the period's tickets lacks what."""
    first = _("近一年有 {n} 次数据报警，最近一次：{run}。").format(n=len(runs), run=_run(runs.iloc[0])) if len(runs) else _("近一年没有数据报警。")
    if facts.empty:
        return first
    rest = _("{span}的 {n} 件工单中，未落图 {unplaced}，未分类 {unclassified}，无承办单位 {no_unit}，疑似重复{duplicates}。")
    found = _(" {n} 件").format(n=words.exact(facts["duplicate_count"].sum())) if facts["comparable_count"].sum() else _("无法查找")
    return first + rest.format(
        span=words.span(period.start, period.end),
        n=words.exact(facts["ticket_count"].sum()),
        unplaced=_percent(facts, "unplaced_count"),
        unclassified=_percent(facts, "unclassified_count"),
        no_unit=_percent(facts, "no_unit_count"),
        duplicates=found,
    )


def alarm(drops: pd.DataFrame, runs: pd.DataFrame, until: date) -> str:
    """What the figure shows, whether the alarm lasts to the last day of data, and that it is about the data."""
    note = _("数据报警说的是数据可能没有送全，不是问题减少；请先核对来源系统与交付文件。节假日和调休上班日不判断。")
    shown = _("图中是{span}。").format(span=words.span(drops["day"].min().date(), drops["day"].max().date()))
    if drops["expected"].isna().all():
        return shown + _("历史不足八周，暂不判断。") + note
    if runs.empty:
        return shown + _("近一年的每日受理量都没有远低于往常（前八个同星期几的中位数）。") + note
    tail = _("报警延续到数据的最后一天，也可能只是最后一天尚未送完。") if runs.iloc[0]["end"].date() == until else ""
    return shown + _("近一年 {n} 次，最近一次：{run}。").format(n=len(runs), run=_run(runs.iloc[0])) + tail + note


def fields(frame: pd.DataFrame, never: list[str]) -> str:
    """Which fields are emptiest, and which never came."""
    partly = frame[frame["filled"] < 1].head(NAMED)
    shares = [words.percent(share) for share in partly["filled"].astype("float64")]
    named = _("、").join(_("{name}（{share}）").format(name=name, share=share) for name, share in zip(partly["name"], shares, strict=True))
    first = _("最不完整的字段：{named}。").format(named=named) if named else _("送来的字段都完整。")
    rest = _("从未送来的 {n} 项：{names}。").format(n=len(never), names=_("、").join(never)) if never else ""
    return first + rest


def arrivals(frame: pd.DataFrame, late_after: int) -> str:
    """How many came late, and what is measured."""
    if frame.empty:
        return _("目前只有首次装载的一批，装载的是过去的数据，尚不能衡量晚到；从第二批起按受理日到该批开始入库的天数计。")
    sums = frame[["late_count", "arrived_count"]].sum().to_frame().T
    share = words.percent(float(rates.share(sums["late_count"], sums["arrived_count"]).iloc[0]))
    return _("首次装载之后到达的 {n} 件中，{share}在受理 {days} 天以后到达。量的是现存版本：补送的办结、回访结果也算一次到达，因此偏大。").format(
        n=words.exact(sums["arrived_count"].iloc[0]), share=share, days=late_after
    )


def places(frame: pd.DataFrame, facts: pd.DataFrame) -> str:
    """How many tickets are on no place, under how many labels, and the most frequent one."""
    if frame.empty:
        return _("所有工单都找到了所在区域。")
    text = _("未落图 {n} 件（{share}），写法 {labels} 种").format(
        n=words.exact(facts["unplaced_count"].sum()), share=_percent(facts, "unplaced_count"), labels=words.exact(frame["label_count"].iloc[0])
    )
    named = frame.dropna(subset=["subdistrict"])
    top = _("，最多的是“{label}”（{n} 件）").format(label=named.iloc[0]["subdistrict"], n=words.exact(named.iloc[0]["ticket_count"])) if len(named) else ""
    return text + top + _("。最相近的名称只是提示，需要人来确认。")


def unclassified(frame: pd.DataFrame, facts: pd.DataFrame) -> str:
    """How many tickets have no category, and how many no second level."""
    if frame.empty:
        return _("所有工单都有分类。")
    first = int(frame.loc[frame["category_1"].isna(), "ticket_count"].sum())
    second = int(frame.loc[frame["category_1"].notna(), "ticket_count"].sum())
    return _("没有一级分类 {n} 件（{share}）；有一级而没有二级 {m} 件。").format(
        n=words.exact(first), share=_percent(facts, "unclassified_count"), m=words.exact(second)
    )


def units(frame: pd.DataFrame) -> str:
    """How many units have no type, and how many tickets no unit."""
    if frame.empty:
        return _("所有承办单位都有类型。")
    named = frame.dropna(subset=["unit_name"])
    nobody = int(frame["ticket_count"].sum() - named["ticket_count"].sum())
    return _("{n} 个单位在城市配置里没有类型，涉及 {m} 件；没有写承办单位的 {k} 件。").format(
        n=words.exact(len(named)), m=words.exact(named["ticket_count"].sum()), k=words.exact(nobody)
    )


def alike(frame: pd.DataFrame) -> str:
    """How many categories are named much like another, and how many of them look renamed."""
    if frame.empty:
        return _("没有名称相近的分类。")
    return _("{n} 个分类与件数更多的另一个名称相近，其中 {m} 个在时间上前后相接，可能是改了名。相近不等于相同，需要人来确认。").format(
        n=words.exact(len(frame)), m=words.exact(frame["is_apart"].sum())
    )


def duplicates(frame: pd.DataFrame, days: int) -> str:
    """How many suspected duplicates, of how many that can be compared."""
    sums = frame[["duplicate_count", "comparable_count"]].sum()
    if not sums["comparable_count"]:
        return _("来源没有来电人或二级分类，无法查找疑似重复。")
    share = rates.share(pd.Series([sums["duplicate_count"]]), pd.Series([sums["comparable_count"]]))
    return _("可比的 {n} 件中，疑似重复 {m} 件（{share}）：同一来电人、同一二级分类、同一区域，受理月内相隔不超过 {days} 天；不删除，也不并计。").format(
        n=words.exact(sums["comparable_count"]), m=words.exact(sums["duplicate_count"]), share=words.percent(float(share.iloc[0])), days=days
    )

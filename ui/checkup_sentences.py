"""Sentences of the check-up: verdict, status words and findings, each with what, how much, against what and since when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pandas as pd

from governance.checkup import INDICATORS, MONTHS_READ, Reason, Status, past_months
from governance.rates import RATE_COUNTS
from ui import words
from ui.measures import MEASURES
from ui.words import _

if TYPE_CHECKING:
    from governance.checkup import Checkup
    from governance.periods import Period

__all__ = ["Finding", "change_text", "findings", "interval_text", "rank_text", "reason_text", "status_text", "strip", "value_text", "verdict"]

KINDS = {item.key: item.kind for item in INDICATORS}
WORSE = {item.key: item.worse for item in INDICATORS}
STATUS = {Status.NORMAL: _("● 正常"), Status.WATCH: _("▲ 关注"), Status.ALERT: _("■ 预警"), Status.UNJUDGED: _("— 不评")}
MOST_MARKED = 5
MOST = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence, and the category its evidence is narrowed to; ``None`` for all."""

    text: str
    category: str | None = None


def status_text(status: Status) -> str:
    """A status as symbol and word."""
    return STATUS[status]


def value_text(key: str, value: float) -> str:
    """A value of an indicator in its own unit; a dash where unknown."""
    if pd.isna(value):
        return words.DASH
    match key, KINDS[key]:
        case "requests_per_10k", _:
            return f"{value:,.2f}"
        case _, "amount":
            return words.exact(value)
        case _, "change":
            return words.relative(value)
        case _:
            return words.percent(value)


def interval_text(key: str, row: pd.Series) -> str:
    """The 95 percent interval; a dash where there is none, an open end where nothing bounds it."""
    if pd.isna(row["value"]) or pd.isna(row["low"]):
        return words.DASH
    high = value_text(key, row["high"]) if row["high"] != float("inf") else _("无上限")
    return _("{low} 至 {high}").format(low=value_text(key, row["low"]), high=high)


def change_text(key: str, difference: float) -> str:
    """How far a value is from its reference: 高 3.1百分点, 低 12.0%."""
    size = abs(difference)
    text = words.relative(size).lstrip("+") if KINDS[key] == "amount" else words.points(size).lstrip("+")
    return _("高 {size}").format(size=text) if difference >= 0 else _("低 {size}").format(size=text)


def _compared(what: str, key: str, difference: float) -> str:
    change = change_text(key, difference)
    return _("比{what}{change}").format(what=what, change=change) if any(digit in change for digit in "123456789") else _("与{what}持平").format(what=what)


def rank_text(row: pd.Series) -> str:
    """Rank among the peers and itself, 1 the largest: 3/17."""
    return words.DASH if pd.isna(row["rank"]) else f"{row['rank']:.0f}/{row['peer_count'] + 1:.0f}"


def _no_data(key: str) -> str:
    if key in RATE_COUNTS or key == "unresolved_count":
        return _("无回访")
    return {"request_change": _("去年同月无数据"), "requests_per_10k": _("无人口数据"), "overdue_share": _("无办理时限")}.get(key, _("无工单"))


def reason_text(key: str, row: pd.Series) -> str:
    """Against what an indicator was judged, or why it was not."""
    match row["reason"]:
        case Reason.NO_DATA:
            return _no_data(key)
        case Reason.FEW:
            return _("样本不足")
        case Reason.NO_REFERENCE:
            return _("只与同级比，同级太少") if key == "open_share" else _("可比的过去或同级太少")
        case Reason.PEERS:
            return _compared(_("同级中位数"), key, row["difference"])
        case _ if KINDS[key] == "change":
            return _("与去年同月比")
        case _:
            return _compared(_("近12个月中位数"), key, row["difference"])


def verdict(result: Checkup) -> str:
    """How many indicators are normal, to watch, on alert, and not judged."""
    counts = [(status, result.count(status)) for status in (Status.NORMAL, Status.WATCH, Status.ALERT, Status.UNJUDGED)]
    said = [_("{n} 项{word}").format(n=n, word=STATUS[status][2:]) for status, n in counts if n]
    return _("{total} 项中 {said}。").format(total=len(result.table), said=_("、").join(said))


def _since(row: pd.Series, period: Period) -> str:
    months = int(row["since"])
    if months <= 1:
        return _("；本月首次越线")
    start = words.month(past_months(period, months)[months - 1].start)
    if months > MONTHS_READ:
        return _("；至少自{month}起连续 {n} 个月越线").format(month=start, n=months)
    return _("；自{month}起连续 {n} 个月越线").format(month=start, n=months)


def _marked(key: str, row: pd.Series, period: Period, word: str) -> str:
    text = _("**{status} · {name}** {value}（95%区间 {interval}）").format(
        status=STATUS[row["status"]], name=MEASURES[key].name, value=value_text(key, row["value"]), interval=interval_text(key, row)
    )
    if KINDS[key] == "change":
        text += _("，去年同月 {count} 件").format(count=words.exact(row["base"]))
    compared = row["reference"] if row["reason"] == Reason.PEERS or KINDS[key] != "change" else float("nan")
    if not pd.isna(compared):
        what = _("同级中位数") if row["reason"] == Reason.PEERS else _("近12个月中位数")
        text += _("，比{what} {value} {change}").format(what=what, value=value_text(key, compared), change=change_text(key, row["difference"]))
    other = "past_median" if row["reason"] == Reason.PEERS else "peer_median"
    if not pd.isna(row[other]):
        name = _("近12个月中位数") if other == "past_median" else _("同级中位数")
        text += _("，{name} {value}").format(name=name, value=value_text(key, row[other]))
    if not pd.isna(row["rank"]):
        text += _("，{n} 个{word}中由高到低第 {rank}").format(n=int(row["peer_count"]) + 1, word=word, rank=int(row["rank"]))
    return text + _since(row, period) + _("。")


def _names(keys: list[str]) -> str:
    return _("、").join(MEASURES[key].name for key in keys)


def _steady(result: Checkup) -> list[Finding]:
    rows = result.table[result.table["status"] == Status.NORMAL]
    if rows.empty:
        return []
    found = [Finding(_("**● 正常**：{names}，与自己的过去、与同级相比都未越线。").format(names=_names(list(rows.index))))]
    for key, row in result.nearest.iterrows():
        text = _("**离关注线最近**的是{name} {value}，{reason}。").format(
            name=MEASURES[str(key)].name, value=value_text(str(key), row["value"]), reason=reason_text(str(key), row)
        )
        found.insert(0, Finding(text))
    return found


def _unjudged(result: Checkup) -> list[Finding]:
    rows = result.table[result.table["status"] == Status.UNJUDGED]
    if rows.empty:
        return []
    by_reason: dict[str, list[str]] = {}
    for key, row in rows.iterrows():
        by_reason.setdefault(reason_text(str(key), row), []).append(str(key))
    parts = [_("{names}（{reason}）").format(names=_names(keys), reason=reason) for reason, keys in by_reason.items()]
    return [Finding(_("**— 不评** {n} 项：{parts}。").format(n=len(rows), parts=_("；").join(parts)))]


def _growth(growing: pd.DataFrame) -> list[Finding]:
    if growing.empty:
        return []
    top = growing.iloc[0]
    change = words.relative(top["change"]) if not pd.isna(top["change"]) else _("去年同月没有")
    text = _("**增长最多的问题**是{name}：{count} 件，比去年同月多 {more} 件（{change}）；同比增长超出偶然波动的问题共 {n} 类。").format(
        name=top["problem"], count=words.exact(top["request_count"]), more=words.exact(top["more_count"]), change=change, n=len(growing)
    )
    return [Finding(text, str(top["problem"]))]


def _top(problems: pd.DataFrame, result: Checkup) -> list[Finding]:
    if problems.empty:
        return []
    row = cast("pd.Series", result.table.loc["top_problem_share"])
    text = _("**诉求最多的问题**是{name}：{count} 件，占诉求量 {total} 件的 {share}；去年同月首位问题占 {past}。").format(
        name=problems["problem"].iloc[0],
        count=words.exact(problems["request_count"].iloc[0]),
        total=words.exact(row["base"]),
        share=words.percent(row["value"]),
        past=words.percent(row["year_ago"]),
    )
    return [Finding(text, str(problems["problem"].iloc[0]))]


def findings(result: Checkup, growing: pd.DataFrame, problems: pd.DataFrame, period: Period, word: str) -> list[Finding]:
    """At most eight findings, the most severe first."""
    marked = [Finding(_marked(str(key), row, period, word)) for key, row in result.marked.head(MOST_MARKED).iterrows()]
    rest = [*_growth(growing), *_top(problems, result), *_steady(result), *_unjudged(result)]
    return [*marked, *rest][:MOST]


def strip(result: Checkup, name: str, word: str) -> str:
    """What the chart shows."""
    marked = _names([str(key) for key in result.marked.index]) or _("无")
    if result.peers.empty:
        return _("◆ {name}本月，○ 近12个月各月，竖线为近12个月中位数；每行各有刻度，只看相对位置。关注或预警：{marked}。").format(name=name, marked=marked)
    return _(
        "◆ {name}本月，圆点为其他{word}同月（没有可比的同级时为自己近12个月，○），竖线为自己近12个月中位数；每行各有刻度，只看相对位置。关注或预警：{marked}。"
    ).format(name=name, word=word, marked=marked)

"""重点治理 in words: classes, stages, modes, and the sentences of one hot spot."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from geodata.emerging import Emerging
from geodata.hotspot_life import Stage
from governance.mode_advice import Mode
from ui import words
from ui.words import _

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from ui.hotspot_loaders import Focus

__all__ = [
    "KINDS",
    "MODES",
    "STAGES",
    "area_names",
    "class_sentence",
    "class_word",
    "driven",
    "excess",
    "freshness",
    "mode",
    "problem_name",
    "seen_size",
    "since",
    "spot_name",
    "usual",
    "verdict",
]

KINDS = {
    Emerging.NEW: ("★", _("新增")),
    Emerging.CONSECUTIVE: ("▲", _("连续")),
    Emerging.INTENSIFYING: ("⬆", _("加剧")),
    Emerging.PERSISTENT: ("■", _("持续")),
    Emerging.DIMINISHING: ("▼", _("减弱")),
    Emerging.SPORADIC: ("•", _("零星")),
    Emerging.OSCILLATING: ("≈", _("震荡")),
    Emerging.HISTORICAL: ("○", _("历史")),
    Emerging.NONE: ("", _("无")),
}
"""Symbol and word of a class; cold spots have the same ones after 冷."""

STAGES = {
    Stage.NEW: _("★ 新增"),
    Stage.WORSENING: _("⬆ 加剧"),
    Stage.ONGOING: _("■ 持续"),
    Stage.EASING: _("▼ 减弱"),
    Stage.ENDED: _("○ 已回落"),
}
MODES = {
    Mode.ANTICIPATORY: _("前瞻治理"),
    Mode.FOCUSED: _("重点治理"),
    Mode.SPECIAL: _("专项治理"),
    Mode.SOURCE: _("源头治理"),
    Mode.COLLABORATIVE: _("协同治理"),
}
SIGNS = {
    "spells": _("同一地方第 {spells} 次成为热点，要从源头找原因"),
    "seasonal": _("往年同期也多，宜在下一季前准备"),
    "spread": _("全市 {share} 的地区同时偏多，是面上的问题"),
    "units": _("由几家单位分头承办，要一起办"),
    "place": _("集中在一处，宜就地专盯"),
}
NAMED = 3
BOUNDLESS = 10.0
"""An upper end so many times the excess itself says nothing but that counts come in bursts."""

DRIVER_KINDS = {
    "problem": _("问题"),
    "category_3": _("细分问题"),
    "community": _("社区"),
    "pinpoint": _("点位"),
    "handling_unit": _("承办单位"),
}


def class_word(kind: str, side: int) -> str:
    """Symbol and word of a class."""
    symbol, word = KINDS[Emerging(kind)]
    if not symbol:
        return words.DASH
    return f"{symbol} {word}" if side > 0 else _("{symbol} 冷·{word}").format(symbol=symbol, word=word)


def problem_name(category_1: str, category_2: str) -> str:
    """The finer name, or the coarser one, or everything."""
    return category_2 or category_1 or _("全部诉求")


def area_names(codes: str, names: Mapping[str, str]) -> str:
    """The places of a hot spot, at most three by name."""
    every = [names.get(code, code) for code in codes.split()]
    if len(every) <= NAMED:
        return _("、").join(every)
    return _("{names}等 {n} 个").format(names=_("、").join(every[:NAMED]), n=len(every))


def spot_name(spot: Mapping[Any, Any] | pd.Series, names: Mapping[str, str]) -> str:
    """Places and problem of a hot spot."""
    return f"{area_names(spot['areas'], names)} · {problem_name(spot['category_1'], spot['category_2'])}"


def freshness(focus: Focus) -> str:
    """Up to when it was looked for, and how seldom chance makes one."""
    text = _("按周扫描，截至 {day}。列入的门槛：全部问题合在一起，偶然波动平均 {days} 天才会造成一个（假定）；").format(
        day=words.day(focus.cutoff), days=f"{focus.recurrence_days:,.0f}"
    )
    text += _("各地的份额是估计的，实际会多一些，演示城市回放约每月0.4个。")
    text += "" if focus.has_neighbours else _("没有区划边界，各地单独判断，不看相邻。")
    return text if focus.is_current else text + _("数据已更新，热点将在下次运行 python manage.py focus 后更新。")


def verdict(spots: pd.DataFrame, names: Mapping[str, str]) -> str:
    """The page in one sentence."""
    active = spots[spots["stage"] != Stage.ENDED]
    if active.empty:
        return _("目前没有超出偶然波动的集中问题。")
    counts = {stage: int((active["stage"] == stage).sum()) for stage in (Stage.NEW, Stage.WORSENING)}
    top = active.loc[(active["recent_observed"] - active["recent_expected"]).idxmax()]
    text = _("目前有 {n} 个热点（新增 {new}，加剧 {worse}）；近四周多出最多的是{place}的{problem}，{seen} 件，平时约 {usual} 件。")
    return text.format(
        n=len(active),
        new=counts[Stage.NEW],
        worse=counts[Stage.WORSENING],
        place=area_names(top["areas"], names),
        problem=problem_name(top["category_1"], top["category_2"]),
        seen=words.exact(top["recent_observed"]),
        usual=usual(top["recent_expected"]),
    )


def usual(count: float) -> str:
    """An expected count: whole above ten, one decimal below."""
    return f"{count:,.0f}" if count >= 10 else f"{count:.1f}"


def excess(spot: pd.Series) -> str:
    """How many more than expected since it began, with the interval."""
    more = spot["observed"] - spot["expected"]
    text = _("{since}以来 {seen} 件，预期约 {usual} 件，多出约 {more} 件").format(
        since=words.day(spot["since"].date()), seen=words.exact(spot["observed"]), usual=usual(spot["expected"]), more=words.exact(max(more, 0))
    )
    if math.isnan(spot["low"]) or math.isinf(spot["high"]):
        return text + _("。")
    low, high = ((ratio - 1) * spot["expected"] for ratio in (spot["low"], spot["high"]))
    if not spot["low"] > 1:
        return text + _("；起伏大，按合计看还不能与平时分开。")
    if high > BOUNDLESS * max(more, 1.0):
        return text + _("（95%区间：至少 {low} 件）。").format(low=words.exact(round(low)))
    return text + _("（95%区间 {low}–{high} 件）。").format(low=words.exact(round(low)), high=words.exact(round(high)))


def since(spot: pd.Series) -> str:
    """When it began and was found, and how seldom chance makes one like it."""
    text = _("推定始于 {since} 那一周，{found}的扫描首次发现").format(since=words.day(spot["since"].date()), found=words.day(spot["first_found_on"].date()))
    days = spot["recurrence_days"]
    years = days / 365
    rare = _("远少于百年一次") if years > 100 else _("约 {n} 年一次").format(n=f"{years:,.0f}") if years >= 2 else _("约 {n} 天一次").format(n=f"{days:,.0f}")
    return text + _("；偶然出现这样的集中{rare}。").format(rare=rare)


def mode(spot: pd.Series) -> str:
    """The mode it calls for, and why."""
    reason = SIGNS[spot["sign"]].format(spells=int(spot["spells"]), share=words.percent(spot["hot_share"]))
    return _("建议：**{mode}**（假定规则）——{reason}。").format(mode=MODES[Mode(spot["mode"])], reason=reason)


def driven(drivers: pd.DataFrame, kind: str) -> str:
    """Which parts drive it."""
    own = drivers[drivers["kind"] == kind]
    own = own[own["observed"] > own["usual"]].head(NAMED)
    if own.empty:
        return ""
    text = _("{name} {seen} 件（平时约 {usual}）")
    parts = [text.format(name=row["name"], seen=words.exact(row["observed"]), usual=usual(row["usual"])) for row in own.to_dict("records")]
    return _("主要多在：") + _("；").join(parts)


def seen_size(sight: dict[str, float] | None) -> str:
    """What size of excess can be seen of a problem."""
    if sight is None or math.isnan(sight["least"]):
        return _("这一问题的件数太少，扫描分不清集中与偶然。")
    return _("能看出多大的集中：平时四周约 {usual} 件的地方（居中的一个），要到 {least} 件才能与偶然分开；再小的集中看不出来。").format(
        usual=usual(sight["usual"]), least=words.exact(sight["least"])
    )


def class_sentence(rows: pd.DataFrame, problem: str, month: date) -> str:
    """The class map in words."""
    hot, cold = rows[rows["side"] > 0], rows[rows["side"] < 0]
    if hot.empty and cold.empty:
        return _("{month}，{problem}：没有哪个地区与自己的平时相比明显偏多或偏少。").format(month=words.month(month), problem=problem)
    text = _("{month}，{problem}：{hot} 个地区是热点，{cold} 个是冷点").format(month=words.month(month), problem=problem, hot=len(hot), cold=len(cold))
    top = hot.sort_values("observed", ascending=False).head(NAMED)
    listed = _("、").join(_("{name}（{word}）").format(name=row["name"], word=class_word(row["kind"], row["side"])[2:]) for row in top.to_dict("records"))
    return text + (_("；件数最多的热点：{listed}。").format(listed=listed) if listed else _("。"))

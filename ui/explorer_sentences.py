"""Sentences of 预测查询: what comes and how sure, why, when every year, which days were odd, and how good it was so far."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd

from governance import rates
from ui import words
from ui.explorer_figures import week_start
from ui.words import _

if TYPE_CHECKING:
    from datetime import date

    from forecasts.track_record import Record
    from ui.explorer import Course, Season, Target
    from ui.foresight_loaders import Foresight

__all__ = [
    "CONTEST_LEVELS",
    "MODEL_NAMES",
    "chance",
    "course",
    "model",
    "none_yet",
    "not_forecast",
    "not_yet",
    "odd",
    "record",
    "season",
    "stale",
    "verdict",
    "why",
]

CERTAIN = 0.99
DAYS_OF_A_WEEK = 7
WEEKS_OF_A_YEAR = 52
SIX_DAYS = timedelta(days=6)
CHANCE_OUTSIDE = 0.2
"""Of the days outside an 80 % band, by its meaning."""

MODEL_NAMES = {
    "pooled_counts": _("合并计数回归"),
    "share_of_parent": _("按上级份额"),
    "last_year_level": _("去年同期×当前水平"),
    "seasonal_naive": _("重复上周同日"),
    "mean": _("历史均值"),
    "ets": _("指数平滑"),
    "stl_arima": _("季节分解加ARIMA"),
    "prophet_holidays": _("Prophet（含节假日）"),
}
CONTEST_LEVELS = {
    "city": "category",
    "category": "category",
    "category_2": "category",
    "district": "district_category",
    "district_category": "district_category",
    "subdistrict": "cell",
    "cell": "cell",
}
"""Of each level the one on which the forecasters were compared."""

LEVEL_NAMES = {"category": _("全市各分类"), "district_category": _("各区各分类"), "cell": _("街乡镇各分类")}


def none_yet() -> str:
    """What to do before the first foresight."""
    return _("预测正在生成或尚未生成：python manage.py foresee")


def stale(foresight: Foresight) -> str:
    """Which data the forecast knows, where it is not the snapshot shown; else empty."""
    return "" if foresight.is_current else _("预测基于截至 {day} 的数据。").format(day=words.day(foresight.cutoff))


def not_forecast(name: str) -> str:
    """Why there is nothing to see."""
    return _("{name}没有诉求记录，因此没有预测；请换一个区域或分类。").format(name=name)


def chance(probability: float) -> str:
    """A probability as a number, never more certain than the model can be."""
    if probability > CERTAIN:
        return _("超过 99%")
    return _("不到 1%") if probability < 1 - CERTAIN else _("约 {share}").format(share=f"{probability:.0%}")


def _against(change: float) -> str:
    """More or less than the mean of the last year."""
    if pd.isna(change):
        return ""
    text = f"{abs(change) * 100:.0f}%"
    if text == "0%":
        return _("；与近一年均值持平")
    return _("；比近一年均值高 {share}").format(share=text) if change > 0 else _("；比近一年均值低 {share}").format(share=text)


def verdict(causes: pd.DataFrame, daily: pd.DataFrame) -> str:
    """How many in the next four weeks, how sure, against usual.

    Parameters
    ----------
    causes
        As made by ``explorer.causes``; where it is empty, no window of this series has bands.
    daily
        Forecast by day.
    """
    if causes.empty:
        days = daily.head(28)
        text = _("{span}预计合计约 {n} 件（逐日均值相加）；这条序列不判断四周窗口，因此没有合计的区间。")
        return text.format(span=words.span(days["day"].iloc[0].date(), days["day"].iloc[-1].date()), n=words.exact(days["mean"].sum()))
    row = causes.iloc[0]
    return _("{span}这四周预计 {n} 件，10 次里约 8 次落在 {low}–{high} 件{against}。").format(
        span=words.span(row["window_start"].date(), row["window_end"].date()),
        n=words.exact(row["expected"]),
        low=words.exact(row["low_80"]),
        high=words.exact(row["high_80"]),
        against=_against(row["change"]),
    )


def course(shown: Course, marks: pd.DataFrame) -> str:
    """What the chart shows: the highest step ahead, how the bands did before, and the events ahead."""
    ahead = shown.ahead
    word = _("天") if shown.by_day else _("周")
    if ahead["mean"].max() < 1:
        few = _("件数很少：未来 {n} {word}平均每{word} {mean} 件，最多的一{word} 10 次里约 9 次不超过 {high} 件。")
        few = few.format(n=len(ahead), word=word, mean=f"{ahead['mean'].mean():.2f}", high=words.exact(ahead["q0.9"].max()))
        return few + _held(shown) + _coming(shown, marks)
    peak = ahead.loc[ahead["q0.5"].idxmax()]
    text = _("未来 {n} {word}里最高的是 {day}{since}，预计 {count} 件，10 次里约 8 次落在 {low}–{high} 件。").format(
        n=len(ahead),
        word=word,
        day=words.day(peak["day"].date()),
        since="" if shown.by_day else _("起的一周"),
        count=words.exact(peak["mean"]),
        low=words.exact(peak["q0.1"]),
        high=words.exact(peak["q0.9"]),
    )
    return text + _held(shown) + _coming(shown, marks)


def _held(shown: Course) -> str:
    """How many of the past days the bands of then held; by week only the middle is drawn."""
    if shown.back.empty:
        return _("这一层级不保留过去的逐日预测，没有回放可比。")
    if not shown.by_day:
        return _("点线是当时逐日预计按周相加；区间不能相加，因此按周不画。")
    both = shown.past.merge(shown.back, on="day")
    inside = both["count"].between(both["q0.1"], both["q0.9"])
    share = rates.share(pd.Series([float(inside.sum())]), pd.Series([float(len(both))])).iloc[0]
    return _("灰带是当时作出的 80% 区间：{n} 天里有 {share}的实际落在其中。").format(n=words.exact(len(both)), share=words.percent(share))


def _coming(shown: Course, marks: pd.DataFrame) -> str:
    """Events ahead, at most four."""
    after, last = pd.Timestamp(shown.cutoff), shown.ahead["day"].iloc[-1]
    rows = marks[(marks["start"] > after) & (marks["start"] <= last)].head(4)
    named = [
        _("{label}（{span}）").format(label=label, span=words.short_span(start.date(), end.date()))
        for label, start, end in zip(rows["label"], rows["start"], rows["end"], strict=True)
    ]
    return _("期间有{named}。").format(named=_("、").join(named)) if named else ""


def why(causes: pd.DataFrame, names: dict[str, str]) -> str:
    """What makes the first window ahead differ from usual, in shares that add up to 100 %."""
    if causes.empty:
        return _("件数较少的序列（以及街乡镇的全部诉求）不判断四周窗口，也就不拆分原因；可改看上级区域。")
    row = causes.iloc[0]
    text = _("{span}：预计 {n} 件，平时 {usual} 件。").format(
        span=words.short_span(row["window_start"].date(), row["window_end"].date()), n=words.exact(row["expected"]), usual=words.exact(row["usual"])
    )
    if pd.notna(row["share_season"]):
        parts = [
            _("{name} {count} 件（{share}）").format(name=name, count=words.signed(row[f"count_{cause}"]), share=f"{row[f'share_{cause}']:.0f}%")
            for cause, name in names.items()
        ]
        text += _("相差的 {n} 件中：{parts}。").format(n=words.signed(row["expected"] - row["usual"]), parts=_("，").join(parts))
        text += _("占比为负的，作用与合计相反。") if any(row[f"share_{cause}"] < 0 for cause in names) else ""
    return text + _("转旺（达到 {threshold} 件）的可能{chance}。").format(threshold=words.exact(row["threshold"]), chance=chance(row["probability"]))


def _span(week: float, year: int) -> str:
    first = week_start(week, year)
    return words.short_span(first, _end(week, year))


def _end(week: float, year: int) -> date:
    """Last day of a week of the atlas; the last week of the year takes what is left of it."""
    first = week_start(week, year)
    return first.replace(day=31) if int(week) % WEEKS_OF_A_YEAR == WEEKS_OF_A_YEAR - 1 else first + SIX_DAYS


def _day(value: date) -> str:
    return words.short_span(value, value)


def _interval(facts: pd.Series, what: str, year: int, *, is_end: bool = False) -> str:
    """The 80 % interval of a week as days, where it is wider than the week itself."""
    low, high = facts[f"{what}_week_low"], facts[f"{what}_week_high"]
    if low == high:
        return ""
    first, last = (_end(low, year), _end(high, year)) if is_end else (week_start(low, year), week_start(high, year))
    return _("（80%区间 {first}–{last}）").format(first=_day(first), last=_day(last))


def season(shown: Season, year: int) -> str:
    """The season of the year in dates, and when works against it can be done."""
    facts = shown.facts
    if facts is None:
        return _("没有可用的季节图谱。")
    of = _("街乡镇不单独估计季节，以下为{of}：").format(of=shown.of) if shown.of else ""
    if facts["reason"]:
        few = _("每周不足一件") if "week" in facts["reason"] else _("历史不足三年（现有 {n} 个整年）").format(n=int(facts["years"]))
        return of + _("{few}，不判断季节。").format(few=few)
    share = _("99% 以上") if facts["strength"] > CERTAIN else f"{facts['strength']:.0%}"
    strength = _("{n} 年的波动中每年重复的占 {share}").format(n=int(facts["years"]), share=share)
    if not facts["is_seasonal"]:
        return of + _("没有明显而稳定的旺季：{strength}，高峰不突出或可能出于偶然。").format(strength=strength)
    text = _("每年约 {onset}{onset_in}转旺，{peak}最高（平滑后为全年均值的 {ratio} 倍），{end}{end_in}前后回落；{strength}。").format(
        onset=_day(week_start(facts["onset_week"], year)),
        onset_in=_interval(facts, "onset", year),
        peak=_span(facts["peak_week"], year),
        ratio=f"{facts['peak_ratio']:.1f}",
        end=_day(_end(facts["end_week"], year)),
        end_in=_interval(facts, "end", year, is_end=True),
        strength=strength,
    )
    return of + text + _works(facts, year)


def _works(facts: pd.Series, year: int) -> str:
    if pd.isna(facts["works_from_week"]):
        return _("旺季之间没有留出施工的时间。")
    first, last = week_start(facts["works_from_week"], year), _end(facts["works_until_week"], year)
    text = _("错季施工（冬病夏治）的窗口约为 {first}至次年 {last}。") if last < first else _("错季施工（冬病夏治）的窗口约为 {first}至 {last}。")
    return text.format(first=_day(first), last=_day(last))


def odd(days: pd.DataFrame, known: int) -> str:
    """How many days lay outside the band, how many would by chance, and the farthest one."""
    if not known:
        return _("这一层级不保留过去的逐日预测，无法判断异常日；可改看区或全市。")
    share = rates.share(pd.Series([float(len(days))]), pd.Series([float(known)])).iloc[0]
    text = _("近一年有回放的 {known} 天中 {n} 天（{share}）落在 80% 区间之外；即使预测完全准确，也会有约 {chance}。").format(
        known=words.exact(known), n=words.exact(len(days)), share=words.percent(share), chance=f"{CHANCE_OUTSIDE:.0%}"
    )
    if days.empty:
        return text
    top = days.iloc[0]
    mark = _("，{mark}").format(mark=top["mark"]) if top["mark"] else ""
    return text + _("偏离最大的是{day}：{count} 件，区间 {low}–{high} 件{mark}。").format(
        day=words.day(top["day"].date()), count=words.exact(top["count"]), low=words.exact(top["low"]), high=words.exact(top["high"]), mark=mark
    )


def not_yet(back: pd.Series, cutoff: date) -> str:
    """From which day on nothing can be said, as windows must be over before they are replayed; empty where all is known."""
    if back.empty or (last := back.max().date()) >= cutoff:
        return ""
    return _("{day}之后还没有回放，暂不判断。").format(day=words.short_span(last, last))


def model(target: Target, contest: pd.DataFrame) -> str:
    """Which model served the series, which was best on its level, and how good it was."""
    explained = {
        "pooled_counts": _("同类序列合并在一起的计数回归：季节、日历、水平共用，件数各自"),
        "share_of_parent": _("平均每天不足 1 件，按上级预测乘以近期份额"),
    }
    text = _("本序列由“{name}”预测（{about}）。").format(name=MODEL_NAMES.get(target.model, target.model), about=explained.get(target.model, target.model))
    level = CONTEST_LEVELS[target.level]
    rows = contest[contest["level"] == level].sort_values("loss")
    best = rows[rows["is_winner"]]
    if best.empty:
        return text + _("这一层级没有比选记录。")
    first = best.iloc[0]
    text += _("在{level}上用 {n} 条序列、两个过去的时点比选：误差最小的是“{name}”（损失 {loss}，80% 区间实际包住 {held}）。").format(
        level=LEVEL_NAMES[level], n=int(first["series_count"]), name=MODEL_NAMES.get(first["model"], first["model"]), loss=f"{first['loss']:.3f}",
        held=words.percent(first["coverage_80"]),
    )  # fmt: skip
    if target.model not in set(rows["model"]):
        text += _("按份额预测的序列太稀疏，没有单独比选。")
    elif target.model != first["model"]:
        loss = rows.loc[rows["model"] == target.model, "loss"].iloc[0]
        text += _("所用模型的损失为 {loss}；").format(loss=f"{loss:.3f}")
        text += _("胜出者领先不够明显，或不懂全年的季节，或全层级算得太慢，所以没有换。") if target.level == level else _("这一层级没有单独比选，不换模型。")
    elif target.model != "pooled_counts":
        text += _("它只给出均值；起伏、原因和回放仍出自合并计数回归。")
    return text


def record(found: Record, windows: int) -> str:
    """How warnings on this series would have done."""
    if not windows:
        return _("历史不足或件数较少，这条序列没有预警回放。")
    text = _("预警回放：过去 {n} 个四周窗口里发出预警 {warned} 次，命中 {hits}、误报 {false}；另有 {missed} 个旺的窗口没有报出。").format(
        n=windows, warned=found.hit_count + found.false_count, hits=found.hit_count, false=found.false_count, missed=found.missed_count
    )
    return text + (_("命中的平均提前 {weeks} 周。").format(weeks=f"{found.lead_days / DAYS_OF_A_WEEK:.1f}") if found.hit_count else "")

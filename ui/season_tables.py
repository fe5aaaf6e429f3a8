"""Tables of 前瞻治理, in words: the atlas, where, and the cards as a file."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ui import season_sentences as said
from ui import words
from ui.words import _

if TYPE_CHECKING:
    from ui.season_figures import Strip
    from ui.season_flags import Card

__all__ = ["atlas_table", "cards_table", "strip_sentence", "week_day", "where_sentence", "where_table"]

SHOWN_PEAKS = 4
BUSY = 1.3


def week_day(week: float, year: int) -> date:
    """First day of a week of the atlas, which counts weeks from 1 January."""
    return date(year, 1, 1) + timedelta(days=7 * (int(week) % 52))


def _month_day(week: float) -> str:
    if np.isnan(week):
        return words.DASH
    day = week_day(week, 2023)
    return _("{month}月{day}日").format(month=day.month, day=day.day)


def atlas_table(seasons: pd.DataFrame) -> pd.DataFrame:
    """The season atlas in words, the strongest first; what could not be judged says why."""
    rows = seasons.sort_values(["is_seasonal", "strength"], ascending=False)
    reasons = {"": "", "history is shorter than three years": _("历史不足三年"), "fewer than one ticket a week": _("每周不足一件")}
    is_seasonal = rows["is_seasonal"].astype("bool")
    return pd.DataFrame(
        {
            _("问题"): rows["name"],
            _("季节性"): [
                _("● 有") if yes else (_("— {why}").format(why=reasons.get(why, why)) if why else _("○ 无"))
                for yes, why in zip(is_seasonal, rows["reason"], strict=True)
            ],
            _("强度"): [words.percent(value) for value in rows["strength"]],
            _("起"): [_month_day(week) for week in rows["onset_week"]],
            _("峰"): [_month_day(week) for week in rows["peak_week"]],
            _("止"): [_month_day(week) for week in rows["end_week"]],
            _("峰值为年均的"): [words.DASH if np.isnan(ratio) else _("{n}倍").format(n=f"{ratio:.1f}") for ratio in rows["peak_ratio"]],
            _("淡季治理窗口（冬病夏治）"): [
                words.DASH if np.isnan(start) else f"{_month_day(start)}–{_month_day(end)}"
                for start, end in zip(rows["works_from_week"], rows["works_until_week"], strict=True)
            ],
        }
    )


def strip_sentence(rows: Strip) -> str:
    """Which problems' seasons begin next, in that order."""
    coming = sorted(zip(rows.onsets, rows.names, strict=True))[:SHOWN_PEAKS]
    named = [_("{name}（{day}前后）").format(name=name, day=words.short_span(day, day)) for day, name in coming]
    text = _("橙色比全年平均多，蓝色少。{n} 个问题有每年重复的季节，列出起伏最大的 {shown} 个；").format(n=rows.seasonal_count, shown=len(rows.names))
    return text + (_("按往年，接下来依次进入旺季：{names}。").format(names=_("、").join(named)) if named else "")


def where_sentence(known: pd.DataFrame, card: Card) -> str:
    """Where the problem will be busiest."""
    problem = str(card.warning["category_1"])
    if known.empty:
        return _("{problem}在各地的件数都太少，不作分地区判断。").format(problem=problem)
    top = known.head(3)
    names = _("、").join(_("{name} {times} 倍").format(name=name, times=f"{times:.1f}") for name, times in zip(top["name"], top["times"], strict=True))
    busy = int((known["times"] >= BUSY).sum())
    return _("{problem}这四周：{n} 个地区中 {busy} 个预计超过平时的 1.3 倍，最高为 {names}。").format(problem=problem, n=len(known), busy=busy, names=names)


def where_table(known: pd.DataFrame) -> pd.DataFrame:
    """Places by how many times usual."""
    return pd.DataFrame(
        {
            _("地区"): known["name"],
            _("预计件数"): known["expected"].round().astype("int64"),
            _("平时件数"): known["usual"].round().astype("int64"),
            _("倍数"): known["times"].round(2),
            _("转旺可能"): [words.percent(value) for value in known["probability"]],
        }
    )


def cards_table(shown: list[Card]) -> pd.DataFrame:
    """The cards, one row each."""
    return pd.DataFrame(
        {
            _("编号"): [card.key for card in shown],
            _("问题"): [card.problem for card in shown],
            _("地区"): [card.place for card in shown],
            _("起"): [str(card.starts_on) for card in shown],
            _("止"): [str(card.ends_on) for card in shown],
            _("首个窗口预计件数"): [round(card.warning["stated_expected"]) for card in shown],
            _("平时件数"): [round(card.warning["usual"]) for card in shown],
            _("转旺可能"): [round(float(card.warning["stated_probability"]), 3) for card in shown],
            _("原因"): [said.why(card) for card in shown],
            _("阶段"): [said.stage_text(card.warning) for card in shown],
            _("主责"): [card.warning["owner_now"] for card in shown],
            _("预案时限"): [str(pd.Timestamp(card.warning["due_on"]).date()) for card in shown],
        }
    )

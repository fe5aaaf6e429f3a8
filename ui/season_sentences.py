"""Sentences of 前瞻治理: what comes, how sure, why, how often such words came true."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from storage.records.warning_stages import STAGE_LABELS, Stage
from ui import words
from ui.words import _

if TYPE_CHECKING:
    from datetime import date

    from forecasts.track_record import Record
    from ui.foresight_loaders import Foresight
    from ui.season_flags import Card

__all__ = ["CAUSE_NAMES", "expected", "freshness", "likely", "lines", "outcome", "past", "stage_text", "times", "verdict", "when", "why"]

OF_A_CATEGORY = {"city": _("大类趋势"), "own": _("自身趋势")}
"""For the whole city's finer categories, whose trend is split into that of their first level and their own."""

CAUSE_NAMES = {"season": _("季节"), "calendar": _("日历"), "city": _("全市趋势"), "neighbours": _("本区趋势"), "own": _("本地趋势")}
SMALL_SHARE = 0.005
STAGE_SIGNS = {
    Stage.PROPOSED: "○",
    Stage.VERIFIED: "◔",
    Stage.REJECTED: "✕",
    Stage.ASSIGNED: "◑",
    Stage.READY: "●",
    Stage.WINDOW: "▶",
    Stage.SCORED: "■",
    Stage.REVIEWED: "✔",
}
LIKELY = ((0.9, _("几乎肯定")), (0.7, _("很可能")), (0.5, _("可能")), (0.0, _("不太可能")))
"""Words for probabilities, always with the number beside them."""

CERTAIN = 0.99
DAYS_OF_A_WEEK = 7


def verdict(shown: list[Card], more: int, today: date, weeks: int) -> str:
    """The page in one sentence."""
    if not shown:
        return _("未来{weeks}周没有达到预警线的问题。").format(weeks=weeks)
    first = shown[0]
    overdue = sum(bool(card.warning["is_overdue"]) for card in shown)
    text = _("未来{weeks}周有 {n} 个问题转旺，最早的是{place}{problem}：{when}，四周预计为平时的 {times} 倍。").format(
        weeks=weeks, n=len(shown) + more, place=first.place, problem=first.problem, when=when(first, today), times=times(first)
    )
    return text + (_("其中 {n} 条已超过处置时限。").format(n=overdue) if overdue else "")


def when(card: Card, today: date) -> str:
    """When it begins, and how long from now."""
    if card.has_begun:
        return _("旺季已到，将持续至{day}").format(day=words.day(card.ends_on))
    weeks, days = divmod(card.lead_days(today), DAYS_OF_A_WEEK)
    starts = words.day(card.starts_on)
    if card.lead_days(today) < 0:
        return _("{day}起（窗口期）").format(day=starts)
    return _("{day}起（还有{n}周）").format(day=starts, n=weeks) if weeks else _("{day}起（还有{n}天）").format(day=starts, n=days)


def times(card: Card) -> str:
    """How many times usual."""
    return f"{card.times_usual:.1f}"


def likely(probability: float) -> str:
    """A probability as a word and a number; never more certain than the model can be."""
    word = next(text for bound, text in LIKELY if probability >= bound)
    number = _("超过99%") if probability > CERTAIN else _("不到1%") if probability < 1 - CERTAIN else f"{probability:.0%}"
    return _("{word}（{number}）").format(word=word, number=number)


def expected(card: Card) -> str:
    """Line one: how many against how many, and how sure."""
    row = card.warning
    return _("预计四周 {n} 件，平时 {usual} 件；10 次里约 8 次落在 {low}–{high} 件。转旺{likely}。").format(
        n=words.exact(round(row["stated_expected"])),
        usual=words.exact(round(row["usual"])),
        low=words.exact(row["low_80"]),
        high=words.exact(row["high_80"]),
        likely=likely(float(row["stated_probability"])),
    )


def why(card: Card) -> str:
    """Line two: the causes with their shares, largest first; they add up to 100 %."""
    shares = sorted(_whole_percents(card.shares).items(), key=lambda item: -abs(item[1]))
    names = CAUSE_NAMES | (OF_A_CATEGORY if card.warning["level"] == "city" else {})
    parts = [_("{cause} {share}%").format(cause=names[cause], share=share) for cause, share in shares if share]
    return _("多出的部分来自：{parts}。").format(parts=_("、").join(parts)) if parts else _("与平时相差很小，不作分解。")


def _whole_percents(shares: dict[str, float]) -> dict[str, int]:
    """Whole percentages that add up to 100: what rounding leaves goes to the largest."""
    whole = {cause: round(share * 100) for cause, share in shares.items() if share == share}  # noqa: PLR0124 - NaN
    if whole and any(whole.values()):
        largest = max(whole, key=lambda cause: abs(whole[cause]))
        whole[largest] += 100 - sum(whole.values())
    return whole


def past(found: Record, is_own: bool) -> str:
    """Line three: how often the same rule was right."""
    warned = found.hit_count + found.false_count
    if not warned:
        return _("历史上这条规则没有对它发过预警，无命中记录。")
    whose = _("同一问题") if is_own else _("同类问题")
    lead = _("，平均提前 {n} 周").format(n=f"{found.lead_days / DAYS_OF_A_WEEK:.0f}") if found.hit_count else ""
    missed = _("，漏报 {n} 次").format(n=found.missed_count) if found.missed_count else ""
    return _("回放过去：{whose}预警 {n} 次，命中 {hits} 次{missed}{lead}。").format(whose=whose, n=warned, hits=found.hit_count, missed=missed, lead=lead)


def lines(card: Card, found: tuple[Record, bool]) -> list[str]:
    """The three lines of a card."""
    return [expected(card), why(card), past(*found)]


def outcome(row: pd.Series) -> str:
    """What came in a window that is over."""
    text = _("实际 {n} 件，预警线 {line} 件，{verdict}").format(
        n=words.exact(row["count"]), line=words.exact(row["threshold"]), verdict=_("● 命中") if row["came_true"] else _("○ 未转旺")
    )
    return _("{start}至{end}：").format(start=words.day(row["window_start"]), end=words.day(row["window_end"])) + text


def stage_text(row: pd.Series) -> str:
    """The stage as sign and word, and whether it is late or put off."""
    stage = Stage(row["stage"])
    text = f"{STAGE_SIGNS[stage]} {_(STAGE_LABELS[stage])}"
    if row["is_snoozed"]:
        text += _(" · ⏸ 暂缓至{day}").format(day=words.day(pd.Timestamp(row["snoozed_until"]).date()))
    elif row["is_overdue"]:
        text += _(" · ⚠ 已超时限")
    return text


def freshness(foresight: Foresight) -> str:
    """Up to which day the forecasts knew the data."""
    text = _("预测基于截至{day}的数据").format(day=words.day(foresight.cutoff))
    return text if foresight.is_current else text + _("，此后又有新数据，等待下一次计算（foresee）")

"""The row of key numbers with 环比 and 同比."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import streamlit as st

from governance.rates import RATE_COUNTS
from ui import sparkline, theme, words
from ui.loaders import COUNT_MEASURES
from ui.measures import MEASURES
from ui.words import _

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["card_texts", "headline_row"]

ORDER = ("intake_count", "request_count", *RATE_COUNTS, "unresolved_count", "overdue_count", "consultation_share")

HALF = 4
HALF_WIDTH = 640  # pixels below which four cards in a row cut their words


def card_texts(measure: str, row: pd.Series, small_base: int) -> dict[str, str | None]:
    """The texts of one card: ``value``, ``delta`` (sign first, ``None`` without), ``color``, ``note``, ``year``."""
    if measure in RATE_COUNTS:
        return _rate_texts(row, small_base)
    if measure == "unresolved_count":
        return _part_texts(row, _("无回访"), _("占 {share} · 同比 {change}"))
    if measure == "overdue_count":
        return _part_texts(row, _("无时限"), _("占 {share} · 同比 {change}"))
    write, moved = (words.percent, words.points) if measure == "consultation_share" else (words.count, words.relative)
    year = _("同比 {change}").format(change=moved(row["change_year_ago"]))
    return {"value": write(row["now"]), "delta": moved(row["change_before"]), "color": "gray", "note": _("环比"), "year": year}


def _part_texts(row: pd.Series, without: str, share: str) -> dict[str, str | None]:
    """A count that is part of another: unresolved of the answers, overdue of those with a time limit."""
    if not row["base"] > 0:
        return {"value": words.DASH, "delta": without, "color": "off", "note": _("不计算"), "year": " "}
    year = share.format(share=words.percent(row["share"]), change=words.relative(row["change_year_ago"]))
    return {"value": words.count(row["now"]), "delta": words.relative(row["change_before"]), "color": "gray", "note": _("环比"), "year": year}


def _rate_texts(row: pd.Series, small_base: int) -> dict[str, str | None]:
    if not row["base"] > 0:
        return {"value": words.DASH, "delta": _("无回访"), "color": "off", "note": _("不计算"), "year": _("有效回访 0 件")}
    year = _("同比 {change}").format(change=words.points(row["change_year_ago"]))
    moved = words.points(row["change_before"])
    color = theme.BETTER if moved.startswith("+") else theme.WORSE if moved.startswith("-") else "off"
    direction = _("好转 · ") if moved.startswith("+") else _("恶化 · ") if moved.startswith("-") else ""
    third = _("△ 样本不足") if row["base"] < small_base else direction + year  # both would take a second line in a narrow card
    return {"value": words.percent(row["now"]), "delta": moved, "color": color, "note": _("环比"), "year": third}


def headline_row(table: pd.DataFrame, history: pd.DataFrame, small_base: int) -> None:
    """Draw the cards, each with the line of its recent past: eight in a row, four and four on a laptop, two and two on a phone."""
    with st.grid(len(ORDER) // HALF, min_column_width=HALF_WIDTH, gap="small"):
        for first in range(0, len(ORDER), HALF):
            with st.grid(HALF, min_column_width=140, gap="small"):
                for measure in ORDER[first : first + HALF]:
                    _card(measure, card_texts(measure, cast("pd.Series", table.loc[measure]), small_base), history[measure].dropna().tolist())


def _card(measure: str, texts: dict[str, str | None], past: list[float]) -> None:
    delta = texts["delta"]
    plain = delta is None or delta[0] not in "+-"
    arrow: Literal["auto", "off"] = "off" if plain else "auto"
    with st.container(border=True, height="stretch", gap=None):
        st.metric(
            MEASURES[measure].name,
            texts["value"],
            delta=delta,
            delta_color=texts["color"],  # type: ignore[arg-type]
            delta_arrow=arrow,
            delta_description=texts["note"],
            help=MEASURES[measure].definition,
        )
        if len(past) > 1:
            st.html(sparkline.picture(past, _past_words(measure, past)))
        st.caption(texts["year"] or " ")


def _past_words(measure: str, past: list[float]) -> str:
    """The line of the recent past in a sentence."""
    write = words.count if measure in COUNT_MEASURES else words.percent
    first, last, least, most = (write(value) for value in (past[0], past[-1], min(past), max(past)))
    text = _("{name}近期走势，{n} 个时点：从 {first} 到 {last}，最低 {least}，最高 {most}")
    return text.format(name=MEASURES[measure].name, n=len(past), first=first, last=last, least=least, most=most)

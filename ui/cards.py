"""The row of key numbers with 环比 and 同比."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, cast

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

TONES = {"better": ("#1f5fa8", "#e4eef8"), "worse": ("#a8560f", "#fbeee0"), "even": ("inherit", "rgba(128,140,155,0.16)")}
TONES_DARK = {"better": ("#8cbde9", "#16304d"), "worse": ("#f0a35a", "#3d2a16"), "even": ("inherit", "rgba(128,140,155,0.24)")}
STYLE = """
.weisu-room{container-type:inline-size;margin-bottom:1rem}
.weisu-cards{display:grid;grid-template-columns:repeat(8,minmax(0,1fr));gap:0.6rem}
@container (max-width:1290px){.weisu-cards{grid-template-columns:repeat(4,minmax(0,1fr))}}
@container (max-width:640px){.weisu-cards{grid-template-columns:repeat(2,minmax(0,1fr))}}
.weisu-card{border:1px solid rgba(128,140,155,0.35);border-radius:6px;padding:0.7rem 0.8rem 0.6rem;line-height:1.5}
.weisu-value{font-size:1.7rem;line-height:1.35}
.weisu-delta{border-radius:1rem;padding:0.1rem 0.45rem;font-size:0.9rem;white-space:nowrap}
.weisu-note{font-size:0.9rem;opacity:0.75}
.weisu-year{min-height:1.35rem}
.weisu-help{position:relative;display:inline-block;width:1.1em;margin-left:0.35em;border:1px solid currentColor;border-radius:50%;font-size:0.75em;
line-height:1.1em;text-align:center;opacity:0.75;cursor:help}
.weisu-about{display:none;position:absolute;z-index:9;top:1.6em;left:-4em;width:16rem;padding:0.5rem 0.7rem;border-radius:6px;background:#13243a;color:#fff;
font-size:0.9rem;line-height:1.5;text-align:left;white-space:normal}
.weisu-help:hover,.weisu-help:focus{opacity:1}
.weisu-help:hover .weisu-about,.weisu-help:focus .weisu-about{display:block}
.weisu-card:nth-child(4n) .weisu-about,.weisu-card:nth-child(4n+3) .weisu-about{left:auto;right:-2em}
@container (max-width:640px){.weisu-about{width:11rem} .weisu-card:nth-child(odd) .weisu-about{left:-4em;right:auto}
.weisu-card:nth-child(even) .weisu-about{left:auto;right:-2em}}
"""


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
    """Draw the cards, each with the line of its recent past: eight in a row, four and four on a laptop, two and two on a phone.

    One element of HTML within markdown, which a browser has at once: Streamlit's own metric is fetched and laid out card by card, after the charts, and the key
    figures are what a reader waits for first.
    """
    texts = {measure: card_texts(measure, cast("pd.Series", table.loc[measure]), small_base) for measure in ORDER}
    drawn = "".join(_card(measure, texts[measure], history[measure].dropna().tolist()) for measure in ORDER)
    tones = TONES_DARK if st.context.theme.type == "dark" else TONES
    colors = "".join(f".weisu-{name}{{color:{ink};background:{ground}}}" for name, (ink, ground) in tones.items())
    st.html(f"<style>{STYLE}{colors}</style>")
    st.markdown(f'<div class="weisu-room"><div class="weisu-cards">{drawn}</div></div>', unsafe_allow_html=True)


def _card(measure: str, texts: dict[str, str | None], past: list[float]) -> str:
    item = MEASURES[measure]
    delta, note = texts["delta"] or words.DASH, texts["note"] or ""
    arrow = {"+": "↑ ", "-": "↓ "}.get(delta[0], "")
    tone = {theme.BETTER: "better", theme.WORSE: "worse"}.get(texts["color"] or "", "even")
    line = sparkline.picture(past, _past_words(measure, past)) if len(past) > 1 else ""
    about = escape(item.definition, quote=True)
    return (
        f'<div class="weisu-card" role="group" aria-label="{escape(item.name)}">'
        f'<div class="weisu-name">{escape(item.name)}<span class="weisu-help" tabindex="0" role="note" aria-label="{about}">?'
        f'<span class="weisu-about" aria-hidden="true">{about}</span></span></div>'
        f'<div class="weisu-value">{escape(texts["value"] or words.DASH)}</div>'
        f'<div><span class="weisu-delta weisu-{tone}">{arrow}{escape(delta)}</span> <span class="weisu-note">{escape(note)}</span></div>'
        f'{line}<div class="weisu-note weisu-year">{escape(texts["year"] or "")}</div></div>'
    )


def _past_words(measure: str, past: list[float]) -> str:
    """The line of the recent past in a sentence."""
    write = words.count if measure in COUNT_MEASURES else words.percent
    first, last, least, most = (write(value) for value in (past[0], past[-1], min(past), max(past)))
    text = _("{name}近期走势，{n} 个时点：从 {first} 到 {last}，最低 {least}，最高 {most}")
    return text.format(name=MEASURES[measure].name, n=len(past), first=first, last=last, least=least, most=most)

"""Tables: loader frames under Chinese heads, sortable, each with an ``alt`` sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from governance.rates import RATE_COUNTS
from storage.queries import as_arrow
from ui import sentences, words
from ui.kept import kept
from ui.measures import MEASURES
from ui.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["base_word", "fit", "places", "plain", "problems", "rank_word", "ranking", "unit_ranking", "units", "volume", "wrapped"]

NUMBER = st.column_config.NumberColumn
TEXT = st.column_config.TextColumn
HEAD = 35  # pixels of the head row, as Streamlit draws it
ROW = 28
BORDER = 2


def rank_word(rank: int, before: float) -> str:
    """Movement in rank as symbol and word; who was not there before, or not among the first ten, is new."""
    if pd.isna(before) or (rank <= sentences.LISTED < before):
        return _("★ 新上榜")
    moved = int(before) - int(rank)
    if moved == 0:
        return _("＝ 持平")
    return _("▲ 升 {n}").format(n=moved) if moved > 0 else _("▼ 降 {n}").format(n=-moved)


def base_word(base: int, small_base: int) -> str:
    """Whether a rate rests on enough answers, as symbol and word."""
    if base == 0:
        return _("— 无回访")
    return _("△ 样本不足") if base < small_base else _("● 充足")


def _percents(frame: pd.DataFrame) -> pd.DataFrame:
    """The three rates on a scale of 0 to 100 for a number column."""
    return pd.DataFrame({rate: frame[rate] * 100 for rate in RATE_COUNTS})


def _rate_columns(frame: pd.DataFrame) -> dict[str, Any]:
    """The columns of the three rates; none where nobody was asked, as dashes alone would take the room of the names."""
    if frame[list(RATE_COUNTS)].isna().all(axis=None):
        return {}
    return {rate: NUMBER(MEASURES[rate].name, format="%.1f%%", width=60, help=MEASURES[rate].definition) for rate in RATE_COUNTS}


def _count_column(measure: str) -> Any:
    return NUMBER(MEASURES[measure].name, format="localized", width=64, help=MEASURES[measure].definition)


def fit(height: int, rows: int) -> int:
    """At most ``height``; less where there are few rows, so that no empty rows are drawn."""
    return min(height, HEAD + ROW * max(rows, 1) + BORDER)


def plain(frame: pd.DataFrame, alt: str, *, height: int | str = "auto", key: str | None = None) -> None:
    """A table whose heads are already in Chinese."""
    st.dataframe(frame, hide_index=True, height=height, alt=alt, key=key, placeholder=words.DASH)  # type: ignore[arg-type]


def _name_width(names: pd.Series, *, least: int = 96, most: int = 220) -> int:
    """Pixels that show the longest name in full, within bounds: a Chinese character is about 14 wide, a Latin letter 6.6."""
    longest = max((sum(14 if ord(letter) > 0x2E80 else 6.6 for letter in str(name)) for name in names), default=0)
    return int(min(most, max(least, longest + 22)))


def problems(frame: pd.DataFrame, alt: str, *, shows: tuple[Hashable, ...], height: int = 400) -> int:
    """The top problems with movement, rates and trend; returns the pixels it left free.

    The resolution rate is left out where nobody was asked.
    """
    shown, columns = kept("problems_table", lambda: _as_sent(*_problems_shown(frame)), *shows)
    used = fit(height, len(shown))
    st.dataframe(shown, hide_index=True, height=used, column_config=columns, alt=alt, placeholder=words.DASH, row_height=ROW)
    return height - used


def _as_sent(shown: pd.DataFrame, columns: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The table in the form in which it travels; from pandas it would be converted anew for every visitor."""
    return as_arrow(shown), columns


def _problems_shown(frame: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, Any]]:
    shown = frame[["rank", "problem", "request_count"]].copy()
    known = frame["before_count"].notna()
    shown["change"] = [words.relative(value) for value in frame["change_before"]]
    ranks = zip(frame["rank"], frame["rank_before"], known, strict=True)
    shown["moved"] = [rank_word(rank, before) if is_known else words.DASH for rank, before, is_known in ranks]
    columns = {
        "rank": NUMBER(_("位次"), width=36),
        "problem": TEXT(_("问题"), width=_name_width(shown["problem"])),
        "request_count": NUMBER(MEASURES["request_count"].name, format="localized", width=60),
        "change": TEXT(_("环比"), width=64, alignment="right"),
        "moved": TEXT(_("位次变化"), width=70),
    }
    if frame["trend"].map(len).max():
        shown["trend"] = frame["trend"]
        columns["trend"] = st.column_config.LineChartColumn(_("近13周"), width=64, y_min=0)
    if frame["resolution_rate"].notna().any():
        shown["resolution_rate"] = _percents(frame)["resolution_rate"]
        columns["resolution_rate"] = NUMBER(MEASURES["resolution_rate"].name, format="%.1f%%", width=60)
    return shown, columns


def places(frame: pd.DataFrame, word: str, small_base: int, alt: str, *, key: str, on_select: Callable[[], None], height: int = 400) -> None:
    """The map's table twin; a click on a row does what a click on the area does."""
    shown = pd.DataFrame(
        {
            "rank": frame["rank"],
            "name": frame["name"],
            "parent": frame["parent_name"],
            "request_count": frame["request_count"],
            "change": [words.relative(value) for value in frame["change_before"]],
            **_percents(frame),
            "interval": _interval(frame),
            "base": frame["resolution_base_count"],
            "note": [base_word(base, small_base) for base in frame["resolution_base_count"]],
        }
    )
    columns = {
        "rank": NUMBER(_("位次"), width=36),
        "name": TEXT(word, width=_name_width(frame["name"]), pinned=True),
        "parent": TEXT(_("上级"), width=_name_width(frame["parent_name"].dropna(), least=70)),
        "request_count": _count_column("request_count"),
        "change": TEXT(_("环比"), width=72, alignment="right"),
        **_rate_columns(frame),
        **_interval_column(frame),
        "base": NUMBER(_("有效回访"), format="localized", width=66),
        "note": TEXT(_("样本"), width=84),
    }
    if frame["parent_name"].isna().all():
        columns.pop("parent")
    st.dataframe(
        shown[list(columns)],
        hide_index=True,
        height=fit(height, len(shown)),
        row_height=ROW,
        column_config=columns,
        alt=alt,
        key=key,
        on_select=on_select,
        selection_mode="single-cell",
        placeholder=words.DASH,
    )


def _interval(frame: pd.DataFrame) -> list[str]:
    """The interval of the resolution rate in words."""
    ends = zip(frame["resolution_low"], frame["resolution_high"], strict=True)
    return [words.DASH if pd.isna(low) else f"{low * 100:.1f}–{high * 100:.1f}%" for low, high in ends]


def _interval_column(frame: pd.DataFrame) -> dict[str, Any]:
    if frame["resolution_low"].isna().all():
        return {}
    return {"interval": TEXT(_("解决率95%区间"), width=92, alignment="right", help=_("Wilson 得分区间：回访再做一遍，解决率大致落在这里。"))}


def units(frame: pd.DataFrame, word: str, small_base: int, alt: str, *, shows: tuple[Hashable, ...], height: int = 250) -> None:
    """Handling units: counts beside rates with an interval, and whether the rates rest on enough answers; ``shows`` is what ``frame`` depends on."""
    shown, columns = kept("units_table", lambda: _as_sent(*_units_shown(frame, word, small_base)), *shows)
    st.dataframe(shown, hide_index=True, height=fit(height, len(shown)), column_config=columns, alt=alt, placeholder=words.DASH, row_height=ROW)


def _units_shown(frame: pd.DataFrame, word: str, small_base: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    shown = pd.DataFrame(
        {
            "name": frame["unit_name"].fillna(_("未记录单位")),
            "request_count": frame["request_count"],
            "open_count": frame["open_count"],
            **_percents(frame),
            "interval": _interval(frame),
            "base": frame["resolution_base_count"],
            "note": [base_word(base, small_base) for base in frame["resolution_base_count"]],
        }
    )
    columns = {
        "name": TEXT(word, width=_name_width(frame["unit_name"].dropna()), pinned=True),
        "request_count": _count_column("request_count"),
        "open_count": _count_column("open_count"),
        **_rate_columns(frame),
        **_interval_column(frame),
        "base": NUMBER(_("有效回访"), format="localized", width=66),
        "note": TEXT(_("样本"), width=84),
    }
    return shown[list(columns)], columns


def volume(frame: pd.DataFrame, alt: str, height: int = 250) -> None:
    """The table twin of the volume chart."""
    shown = frame.assign(start=frame["start"].dt.strftime("%Y-%m-%d"))[["start", "request_count", "intake_count", "year_ago_count"]]
    columns = {
        "start": TEXT(_("起始日")),
        "request_count": _count_column("request_count"),
        "intake_count": _count_column("intake_count"),
        "year_ago_count": NUMBER(_("去年同期诉求量"), format="localized"),
    }
    st.dataframe(shown, hide_index=True, height=fit(height, len(shown)), column_config=columns, alt=alt, placeholder=words.DASH, row_height=ROW)


WALL_ROWS = 10


def ranking(frame: pd.DataFrame) -> pd.DataFrame:
    """The top problems as words, for a screen read from afar."""
    known = frame["before_count"].notna()
    return pd.DataFrame(
        {
            _("位次"): frame["rank"],
            _("问题"): frame["problem"],
            MEASURES["request_count"].name: [words.exact(value) for value in frame["request_count"]],
            _("环比"): [words.relative(value) for value in frame["change_before"]],
            _("位次变化"): [
                rank_word(rank, before) if is_known else words.DASH for rank, before, is_known in zip(frame["rank"], frame["rank_before"], known, strict=True)
            ],
        }
    )


def unit_ranking(frame: pd.DataFrame, word: str, small_base: int) -> pd.DataFrame:
    """The units with most requests as words, for a screen read from afar."""
    rows = frame.head(WALL_ROWS)
    return pd.DataFrame(
        {
            word: rows["unit_name"].fillna(_("未记录单位")),
            MEASURES["request_count"].name: [words.exact(value) for value in rows["request_count"]],
            MEASURES["resolution_rate"].name: [words.percent(value) for value in rows["resolution_rate"]],
            _("解决率95%区间"): _interval(rows),
            _("样本"): [base_word(base, small_base) for base in rows["resolution_base_count"]],
        }
    )


def wrapped(frame: pd.DataFrame, alt: str) -> None:
    """A small table of prose, its cells wrapped; not sortable."""
    st.table(frame, border="horizontal", hide_index=True, alt=alt)

"""The parts of 数据质量: tables under Chinese heads with their sentence and file, and the figure of the data alarm."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from governance.completeness import DUPLICATE_DAYS
from ui import exports, figures, quality_loaders, quality_sentences, tables, theme, urlstate, words
from ui.words import _

if TYPE_CHECKING:
    from governance.periods import Period
    from ui.frame import View

__all__ = ["alarm_figure", "alarm_table", "alike", "arrivals", "download", "duplicates", "fields", "listed", "pick_period", "places", "unclassified", "units"]

HEIGHT = 260
NUMBER = st.column_config.NumberColumn
WINDOW_NAMES = {"3": _("近3个月"), "12": _("近12个月"), "all": _("全部时间")}


def pick_period(view: View) -> Period:
    """The months looked at."""
    chosen = urlstate.select(_("时段"), WINDOW_NAMES, key="window", required=True, default="12", width=160)
    return quality_loaders.pick_window(view.version, quality_loaders.WINDOWS[chosen or "12"])


def download(table: pd.DataFrame, name: str, key: str) -> None:
    """The table as a file; made when clicked."""
    st.download_button(_("下载 CSV"), data=partial(exports.csv_bytes, table), file_name=f"{name}.csv", mime="text/csv", on_click="ignore", icon="⬇", key=key)


def listed(table: pd.DataFrame, sentence: str, name: str, key: str, columns: dict[str, Any] | None = None) -> None:
    """Sentence, table and file of one section."""
    st.caption(sentence)
    heads: dict[str, Any] = {str(column): NUMBER(format="localized") for column in table.select_dtypes("number")}
    height = tables.fit(HEIGHT, len(table))
    st.dataframe(table, hide_index=True, height=height, row_height=tables.ROW, column_config=heads | (columns or {}), alt=sentence, placeholder=words.DASH)
    download(table, name, f"download_{key}")


def alarm_figure(drops: pd.DataFrame, height: int = HEIGHT) -> go.Figure:
    """Daily intake (line) beside the usual one (dotted) and the bound of alarm (dashed); days of alarm are stars.

    Parameters
    ----------
    drops
        As made by `governance.completeness.volume_drops`.
    """
    lines = [
        (_("往常"), drops["expected"], {"color": theme.COMPARISON, "width": 2, "dash": "dot"}),
        (_("报警线"), drops["bound"].clip(lower=0), {"color": theme.ACCENT, "width": 1.5, "dash": "dash"}),
        (_("受理量"), drops["count"], {"color": theme.NOW, "width": 2.5}),
    ]
    hover = {"type": "scatter", "hovertemplate": "%{y:,.0f}"}
    traces = [hover | {"x": drops["day"], "y": values, "name": name, "mode": "lines", "line": line} for name, values, line in lines]
    alarms = drops[drops["is_alarm"]]
    if not alarms.empty:
        marker = {"symbol": "star", "size": 13, "color": theme.ACCENT}
        traces.append(hover | {"x": alarms["day"], "y": alarms["count"], "name": _("★ 数据报警"), "mode": "markers", "marker": marker})
    ticks, texts = figures.axis_ticks(float(drops[["count", "expected"]].max().max()))
    shown = drops["day"][:: max(1, len(drops) // figures.TICKS_ACROSS)]
    step = figures.STEP_FORMATS["day"]
    counts = {"tickmode": "array", "tickvals": ticks, "ticktext": texts, "rangemode": "tozero"}
    days = {"tickmode": "array", "tickvals": list(shown), "ticktext": [day.strftime(step) for day in shown], "tickangle": 0, "hoverformat": step}
    return theme.figure(traces, {"xaxis": days, "yaxis": counts, "hovermode": "x unified"}, height)


def alarm_table(drops: pd.DataFrame) -> pd.DataFrame:
    """The days of the figure, newest first, and what each is."""
    rows = drops.iloc[::-1]
    state = [
        _("★ 数据报警") if alarm else (_("— 未判断") if unknown else _("● 正常"))
        for alarm, unknown in zip(rows["is_alarm"], rows["expected"].isna(), strict=True)
    ]
    return pd.DataFrame(
        {
            _("日期"): rows["day"].dt.strftime("%Y-%m-%d"),
            _("受理量"): rows["count"],
            _("往常"): rows["expected"].round(),
            _("报警线"): rows["bound"].clip(lower=0),
            _("判断"): state,
        }
    )


def fields(frame: pd.DataFrame, never: list[str], period: Period) -> None:
    """How full each field is."""
    shown = pd.DataFrame(
        {
            _("字段"): frame["name"],
            _("完整度"): (frame["filled"] * 100).round(2),
            _("同比"): [words.points(value) for value in frame["change"]],
            _("各月走势"): frame["trend"],
            _("有值"): frame["filled_count"],
            _("工单"): frame["ticket_count"],
        }
    )
    columns = {
        _("完整度"): NUMBER(format="%.1f%%", width=70),
        _("各月走势"): st.column_config.LineChartColumn(width=90, y_min=0, y_max=100),
    }
    if frame["change"].isna().all():
        shown = shown.drop(columns=_("同比"))
    listed(shown, quality_sentences.fields(frame, never), _("字段完整度_{start}_{end}").format(start=period.start, end=period.end), "fields", columns)


def arrivals(frame: pd.DataFrame, late_after: int) -> None:
    """How long tickets took to arrive, by month."""
    sentence = quality_sentences.arrivals(frame, late_after)
    if frame.empty:
        st.info(sentence, icon=":material/schedule:")
        return
    shown = pd.DataFrame(
        {
            _("受理月"): frame["month"].dt.strftime("%Y-%m"),
            _("到达件数"): frame["arrived_count"],
            _("半数到达（天）"): frame["median_days"],
            _("九成到达（天）"): frame["p90_days"],
            _("超过{n}天").format(n=late_after): frame["late_count"],
        }
    )
    listed(shown, sentence, _("晚到"), "arrivals")


def places(frame: pd.DataFrame, facts: pd.DataFrame, view: View) -> None:
    """Labels that found no place, with the closest known name."""
    sentence = quality_sentences.places(frame, facts)
    if frame.empty:
        st.success(sentence, icon="✔")
        return
    empty = _("（未填写）")
    shown = pd.DataFrame(
        {
            view.facts.district_word: frame["district"].fillna(empty),
            view.facts.subdistrict_word: frame["subdistrict"].fillna(empty),
            _("件数"): frame["ticket_count"],
            _("最相近的名称"): frame["suggestion"],
        }
    )
    if frame["district"].isna().all():
        shown = shown.drop(columns=view.facts.district_word)
    listed(shown, sentence, _("未匹配地名"), "places")


def unclassified(frame: pd.DataFrame, facts: pd.DataFrame) -> None:
    """Tickets without a category."""
    sentence = quality_sentences.unclassified(frame, facts)
    if frame.empty:
        st.success(sentence, icon="✔")
        return
    empty = _("（未填写）")
    shown = pd.DataFrame({_("一级分类"): frame["category_1"].fillna(empty), _("二级分类"): frame["category_2"].fillna(empty), _("件数"): frame["ticket_count"]})
    listed(shown, sentence, _("未分类"), "unclassified")


def alike(frame: pd.DataFrame) -> None:
    """Categories that may be one under two names."""
    sentence = quality_sentences.alike(frame)
    if frame.empty:
        st.success(sentence, icon="✔")
        return
    shown = pd.DataFrame(
        {
            _("分类"): frame["path"],
            _("最相近的分类"): frame["other"],
            _("件数"): frame["ticket_count"],
            _("最早"): frame["first_on"].dt.strftime("%Y-%m-%d"),
            _("最晚"): frame["last_on"].dt.strftime("%Y-%m-%d"),
            _("时间"): [_("⇢ 前后相接") if apart else _("＝ 同时在用") for apart in frame["is_apart"]],
        }
    )
    listed(shown, sentence, _("相近的分类"), "alike")


def units(frame: pd.DataFrame, word: str) -> None:
    """Units without a type, and tickets without a unit."""
    sentence = quality_sentences.units(frame)
    if frame.empty:
        st.success(sentence, icon="✔")
        return
    listed(pd.DataFrame({word: frame["unit_name"].fillna(_("（未填写）")), _("件数"): frame["ticket_count"]}), sentence, _("无类型单位"), "units")


def duplicates(frame: pd.DataFrame) -> None:
    """Suspected duplicates by month."""
    sentence = quality_sentences.duplicates(frame, DUPLICATE_DAYS)
    if not frame["comparable_count"].sum():
        st.info(sentence, icon=":material/call:")
        return
    shown = pd.DataFrame(
        {
            _("受理月"): frame["month"].dt.strftime("%Y-%m"),
            _("可比件数"): frame["comparable_count"],
            _("疑似重复"): frame["duplicate_count"],
            _("占比"): [words.percent(value) for value in frame["share"]],
        }
    )
    listed(shown, sentence, _("疑似重复"), "duplicates")

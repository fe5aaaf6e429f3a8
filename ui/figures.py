"""Figures: a frame in, a plotly figure out. No reading, no Streamlit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from ui import theme, words
from ui.words import _

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["axis_ticks", "contributions", "problems", "volume"]

STEP_FORMATS = {"day": _("%-m月%-d日"), "week": _("%-m月%-d日"), "month": _("%Y年%-m月")}
TICKS = 4
MARKS_NAMED = 4
LONGEST_HOLIDAY = 12
"""Days; what lasts longer is a season, and shading it would shade the chart."""

TICKS_ACROSS = 6  # more would be turned by 30 degrees on a laptop


def axis_ticks(largest: float) -> tuple[list[float], list[str]]:
    """Round tick values from 0 up and their 万/亿 texts; plotly itself would write 34k."""
    if not largest > 0:
        return [0.0, 1.0], ["0", "1"]
    rough = largest / TICKS
    magnitude = 10.0 ** len(str(int(rough))) / 10
    step = next(factor * magnitude for factor in (1, 2, 2.5, 5, 10) if factor * magnitude >= rough)
    step = max(step, 1.0)
    values = [step * index for index in range(int(-(-largest // step)) + 1)]
    return values, [_tick_text(value) for value in values]


def _tick_text(value: float) -> str:
    """A round number of an axis: 0, 500, 1万, 1.5万."""
    for unit, word in ((words.HUNDRED_MILLION, _("亿")), (words.TEN_THOUSAND, _("万"))):
        if value >= unit:
            return f"{value / unit:g}{word}"
    return f"{value:,.0f}"


def volume(frame: pd.DataFrame, marks: pd.DataFrame, height: int = 250) -> go.Figure:
    """Requests over time (line) beside the same days a year ago (dotted), holidays shaded.

    Parameters
    ----------
    frame
        As made by ``loaders.volume``.
    marks
        As made by ``loaders.calendar_marks``: short ones are shaded over their days, of long ones the first day is marked.
    """
    step = STEP_FORMATS[frame.attrs.get("step", "day")]
    names = [start.strftime(step) for start in frame["start"]]
    traces: list[dict[str, Any]] = []
    if frame["year_ago_count"].notna().any():
        traces.append(
            {
                "type": "scatter",
                "x": frame["start"],
                "y": frame["year_ago_count"],
                "name": _("去年同期"),
                "mode": "lines",
                "line": {"color": theme.COMPARISON, "width": 2, "dash": "dot"},
                "hovertemplate": "%{y:,.0f}",
            }
        )
    traces.append(
        {
            "type": "scatter",
            "x": frame["start"],
            "y": frame["request_count"],
            "name": _("诉求量"),
            "mode": "lines+markers",
            "line": {"color": theme.NOW, "width": 2.5},
            "marker": {"size": 5},
            "customdata": names,
            "hovertemplate": "%{y:,.0f}",
        }
    )
    values, texts = axis_ticks(float(frame[["request_count", "year_ago_count"]].max().max()))
    every = max(1, len(names) // TICKS_ACROSS)
    days = {"tickmode": "array", "tickvals": list(frame["start"][::every]), "ticktext": names[::every], "tickangle": 0, "hoverformat": step}
    counts = {"tickmode": "array", "tickvals": values, "ticktext": texts, "rangemode": "tozero"}
    layout = {"xaxis": days, "yaxis": counts, "hovermode": "x unified"} | _marked(marks, frame["start"])
    return theme.figure(traces, layout, height)


def _marked(marks: pd.DataFrame, days: pd.Series) -> dict[str, Any]:
    """Shaded holidays and the first days of seasons, for a layout; names are written while they have room."""
    half = pd.Timedelta(hours=12)  # a day's point stands in the middle of its day
    shapes: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    for label, first, last in zip(marks["label"], marks["start"], marks["end"], strict=True):
        upright = {"xref": "x", "yref": "y domain", "y0": 0, "y1": 1}
        if (last - first).days < LONGEST_HOLIDAY:
            shapes.append({"type": "rect", "x0": first - half, "x1": last + half, "fillcolor": theme.ACCENT, "opacity": 0.16, "line": {"width": 0}, **upright})
            at = first - half
        elif first >= days.iloc[0]:
            shapes.append({"type": "line", "x0": first, "x1": first, "line": {"color": theme.ACCENT, "width": 1, "dash": "dash"}, **upright})
            at = first
        else:
            continue
        place = {"xref": "x", "yref": "y domain", "x": at, "y": 1, "xanchor": "left", "yanchor": "top"}
        labels.append({"text": label, "showarrow": False, "font": {"size": 11}, **place})
    return {"shapes": shapes, "annotations": labels if len(marks) <= MARKS_NAMED else []}


def contributions(frame: pd.DataFrame, height: int) -> go.Figure:
    """Bars of what each category added to the change or took from it; the largest at the top.

    Parameters
    ----------
    frame
        ``category`` and ``contribution_count``, as in ``change_loaders.Change.rows``.
    """
    rows = frame.iloc[::-1]
    counts = rows["contribution_count"]
    bars = {
        "type": "bar",
        "y": [name if isinstance(name, str) else _("未分类") for name in rows["category"]],
        "x": counts,
        "orientation": "h",
        "marker": {"color": [theme.ACCENT if count > 0 else theme.NOW for count in counts]},
        "text": [words.signed(count) for count in counts],
        "textposition": "outside",
        "cliponaxis": False,
        "hovertemplate": "%{x:+,.0f}<extra></extra>",
    }
    reach = float(counts.abs().max()) * 1.25 or 1.0
    across = {"visible": False, "range": [-reach if (counts < 0).any() else 0, reach if (counts > 0).any() else 0]}
    return theme.figure([bars], {"xaxis": across, "yaxis": {"automargin": True}, "bargap": 0.3, "showlegend": False}, height)


def problems(frame: pd.DataFrame, height: int) -> go.Figure:
    """Bars of the problems' requests beside the period before; most at the top.

    Parameters
    ----------
    frame
        As made by ``loaders.problems``.
    """
    rows = frame.iloc[::-1]
    pairs = [(_("上期"), rows["before_count"], theme.COMPARISON), (_("本期"), rows["request_count"], theme.NOW)]
    traces = [
        {"type": "bar", "y": rows["problem"], "x": counts, "name": name, "orientation": "h", "marker": {"color": colour}, "hovertemplate": "%{x:,.0f}"}
        for name, counts, colour in pairs
        if counts.notna().any()
    ]
    values, texts = axis_ticks(float(frame[["request_count", "before_count"]].max().max()))
    across = {"tickmode": "array", "tickvals": values, "ticktext": texts, "range": [0, values[-1]]}
    layout = {"xaxis": across, "yaxis": {"automargin": True}, "barmode": "group", "bargap": 0.25}
    legend = {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "reversed"}
    return theme.figure(traces, layout | {"legend": legend}, height)

"""Figures: a frame in, a plotly figure out. No reading, no Streamlit."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from ui import theme, words
from ui.words import _

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
    figure = go.Figure()
    if frame["year_ago_count"].notna().any():
        figure.add_scatter(
            x=frame["start"],
            y=frame["year_ago_count"],
            name=_("去年同期"),
            mode="lines",
            line={"color": theme.COMPARISON, "width": 2, "dash": "dot"},
            hovertemplate="%{y:,.0f}",
        )
    figure.add_scatter(
        x=frame["start"],
        y=frame["request_count"],
        name=_("诉求量"),
        mode="lines+markers",
        line={"color": theme.NOW, "width": 2.5},
        marker={"size": 5},
        customdata=names,
        hovertemplate="%{y:,.0f}",
    )
    largest = float(frame[["request_count", "year_ago_count"]].max().max())
    values, texts = axis_ticks(largest)
    every = max(1, len(names) // TICKS_ACROSS)
    figure.update_yaxes(tickmode="array", tickvals=values, ticktext=texts, rangemode="tozero", title=None)
    figure.update_xaxes(tickmode="array", tickvals=list(frame["start"][::every]), ticktext=names[::every], title=None, tickangle=0, hoverformat=step)
    figure.update_layout(hovermode="x unified")
    _mark(figure, marks, frame["start"])
    return theme.apply(figure, height)


def _mark(figure: go.Figure, marks: pd.DataFrame, days: pd.Series) -> None:
    """Shade holidays and mark the first day of seasons; names are written while they have room."""
    half = pd.Timedelta(hours=12)  # a day's point stands in the middle of its day
    named = len(marks) <= MARKS_NAMED
    for label, first, last in zip(marks["label"], marks["start"], marks["end"], strict=True):
        text = {"annotation_text": label, "annotation_position": "top left", "annotation_font_size": 11} if named else {}
        if (last - first).days < LONGEST_HOLIDAY:
            figure.add_vrect(x0=first - half, x1=last + half, fillcolor=theme.ACCENT, opacity=0.16, line_width=0, **text)
        elif first >= days.iloc[0]:
            figure.add_vline(x=first.timestamp() * 1000, line={"color": theme.ACCENT, "width": 1, "dash": "dash"}, **text)


def contributions(frame: pd.DataFrame, height: int) -> go.Figure:
    """Bars of what each category added to the change or took from it; the largest at the top.

    Parameters
    ----------
    frame
        ``category`` and ``contribution_count``, as in ``change_loaders.Change.rows``.
    """
    rows = frame.iloc[::-1]
    counts = rows["contribution_count"]
    colours = [theme.ACCENT if count > 0 else theme.NOW for count in counts]
    figure = go.Figure()
    figure.add_bar(
        y=[name if isinstance(name, str) else _("未分类") for name in rows["category"]],
        x=counts,
        orientation="h",
        marker={"color": colours},
        text=[words.signed(count) for count in counts],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{x:+,.0f}<extra></extra>",
    )
    reach = float(counts.abs().max()) * 1.25 or 1.0
    figure.update_xaxes(visible=False, range=[-reach if (counts < 0).any() else 0, reach if (counts > 0).any() else 0])
    figure.update_yaxes(automargin=True, title=None)
    figure.update_layout(bargap=0.3, showlegend=False)
    return theme.apply(figure, height)


def problems(frame: pd.DataFrame, height: int) -> go.Figure:
    """Bars of the problems' requests beside the period before; most at the top.

    Parameters
    ----------
    frame
        As made by ``loaders.problems``.
    """
    rows = frame.iloc[::-1]
    pairs = [(_("上期"), rows["before_count"], theme.COMPARISON), (_("本期"), rows["request_count"], theme.NOW)]
    figure = go.Figure()
    for name, counts, colour in pairs:
        if counts.notna().any():
            figure.add_bar(y=rows["problem"], x=counts, name=name, orientation="h", marker={"color": colour}, hovertemplate="%{x:,.0f}")
    largest = float(frame[["request_count", "before_count"]].max().max())
    values, texts = axis_ticks(largest)
    figure.update_xaxes(tickmode="array", tickvals=values, ticktext=texts, range=[0, values[-1]], title=None)
    figure.update_yaxes(automargin=True, title=None)
    figure.update_layout(barmode="group", bargap=0.25, legend_traceorder="reversed")
    return theme.apply(figure, height)

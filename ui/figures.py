"""Figures: a frame in, a plotly figure out. No reading, no Streamlit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from ui import theme, words
from ui.words import _

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["axis_ticks", "problems", "volume"]

STEP_FORMATS = {"day": _("%-m月%-d日"), "week": _("%-m月%-d日"), "month": _("%Y年%-m月")}
TICKS = 4
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


def volume(frame: pd.DataFrame, height: int = 250) -> go.Figure:
    """Requests over time (line) beside the same days a year ago (dotted).

    Parameters
    ----------
    frame
        As made by ``loaders.volume``.
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

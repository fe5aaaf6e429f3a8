"""Figure of 预警台账 and its table twin: what was said against what came."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from ui import theme, words
from ui.words import _

if TYPE_CHECKING:
    import plotly.graph_objects as go

__all__ = ["bin_name", "calibration_figure", "calibration_table"]

HEIGHT = 340
TICKS = [0, 20, 40, 60, 80, 100]
LEAST_SIZE, MOST_SIZE = 9.0, 26.0


def bin_name(low: float, high: float) -> str:
    """A bin of probabilities."""
    return f"{low * 100:.0f}–{high * 100:.0f}%"


def calibration_figure(frame: pd.DataFrame, height: int = HEIGHT) -> go.Figure:
    """Share that came true over the probability said, with 95 % intervals; on the diagonal both are the same. Larger dots rest on more statements.

    Parameters
    ----------
    frame
        As made by ``forecasts.track_record.calibration``.
    """
    said, came = frame["said"] * 100, frame["came"] * 100
    diagonal = {"color": theme.COMPARISON, "width": 1.5, "dash": "dash"}
    traces: list[dict[str, Any]] = [
        {"type": "scatter", "mode": "lines", "x": [0, 100], "y": [0, 100], "name": _("说多少就来多少"), "line": diagonal, "hoverinfo": "skip"}
    ]
    root = frame["statement_count"] ** 0.5
    size = LEAST_SIZE + (MOST_SIZE - LEAST_SIZE) * root / root.max() if len(frame) else root
    hover = _("说 {said}，实际 {came}，共 {count} 条").format(said="%{x:.0f}%", came="%{y:.0f}%", count="%{customdata:,.0f}")
    bars = {"type": "data", "array": frame["came_high"] * 100 - came, "arrayminus": came - frame["came_low"] * 100, "symmetric": False, "thickness": 2}
    dots = {"type": "scatter", "mode": "lines+markers+text", "x": said, "y": came, "name": _("实际（95%区间）"), "customdata": frame["statement_count"]}
    text = {"text": [words.exact(count) for count in frame["statement_count"]], "textposition": "bottom right", "textfont": {"size": 11}, "cliponaxis": False}
    look = {"marker": {"size": size, "color": theme.NOW}, "line": {"color": theme.NOW, "width": 1.5}, "error_y": bars | {"color": theme.NOW}}
    traces.append(dots | text | look | {"hovertemplate": hover + "<extra></extra>"})
    axis = {"range": [-3, 106], "tickvals": TICKS, "ticktext": [f"{tick}%" for tick in TICKS], "zeroline": False}
    layout = {"xaxis": axis | {"title": {"text": _("说的可能")}}, "yaxis": axis | {"title": {"text": _("实际转旺")}}, "hovermode": "closest"}
    return theme.figure(traces, layout, height)


def calibration_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The bins of the figure."""
    ends = zip(frame["came_low"], frame["came_high"], strict=True)
    return pd.DataFrame(
        {
            _("说的可能"): [bin_name(low, high) for low, high in zip(frame["low"], frame["high"], strict=True)],
            _("平均说"): [words.percent(value) for value in frame["said"]],
            _("实际转旺"): [words.percent(value) for value in frame["came"]],
            _("95%区间"): [f"{low * 100:.1f}–{high * 100:.1f}%" for low, high in ends],
            _("条数"): frame["statement_count"],
        }
    )

"""Colours by meaning and the look of plotly figures.

Blue and orange stay apart for every common colour blindness; red and green never mean good and bad.
The mid tones have at least 3:1 against both the white and the dark page (measured with WCAG's formula),
so that a figure need not know the theme it is shown in.
"""

from __future__ import annotations

from typing import Any, Final

import plotly.graph_objects as go

__all__ = [
    "ACCENT",
    "BETTER",
    "COMPARISON",
    "CONFIG",
    "DIVERGING",
    "DIVERGING_DARK",
    "EMPTY",
    "EMPTY_DARK",
    "FONT",
    "GROUND",
    "GROUND_DARK",
    "LEGEND",
    "LEGEND_DARK",
    "MISSING",
    "NOW",
    "SEQUENTIAL",
    "SEQUENTIAL_DARK",
    "WORSE",
    "figure",
]

NOW: Final = "#3b82c4"
COMPARISON: Final = "#8494a6"
ACCENT: Final = "#c2701e"
BETTER: Final = "blue"
WORSE: Final = "orange"
MISSING: Final = "#9aa7b4"
SEQUENTIAL: Final = ("#d3e4f4", "#93bde1", "#4b8fc8", "#1f64a3", "#0c3a68")
SEQUENTIAL_DARK: Final = ("#1b4069", "#2a66a3", "#4e91d1", "#8cbde9", "#d6e8f8")
DIVERGING: Final = ("#1f64a3", "#93bde1", "#e8e8e8", "#e9b67f", "#b35c0f")
DIVERGING_DARK: Final = ("#6fb1ee", "#2f6ba8", "#44505e", "#a3641f", "#f0a24e")
"""Blue is less, orange is more; the middle is grey."""

EMPTY: Final = "#dfe3e8"
EMPTY_DARK: Final = "#2a3441"
GROUND: Final = "#f3f6fa"
GROUND_DARK: Final = "#13243a"
LEGEND: Final = "rgba(243,246,250,0.88)"
LEGEND_DARK: Final = "rgba(19,36,58,0.88)"
FONT: Final = "'PingFang SC','Microsoft YaHei','Noto Sans CJK SC','Source Han Sans SC',sans-serif"

CONFIG: Final = {
    "displaylogo": False,
    "displayModeBar": False,
    "showSendToCloud": False,
    "scrollZoom": True,
    "locale": "zh-CN",
}


class Finished(go.Figure):
    """A figure that is sent often and no longer changes: its plain form is made once, the first time it is asked for."""

    _plain: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The plain form; it is shared and must not be changed."""
        if self._plain is None:
            # past plotly's own setter, which takes only what a figure has
            object.__setattr__(self, "_plain", super().to_dict())
        return self._plain or {}


def figure(traces: list[dict[str, Any]], layout: dict[str, Any], height: int) -> go.Figure:
    """A figure with the common margins, font and transparent ground.

    Made in one go from plain values: building it up by ``add_`` and ``update_`` steps takes five times as long.

    Parameters
    ----------
    traces
        Each with its ``type``.
    layout
        What differs from the common look.
    height
        Pixels.
    """
    common = {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "font": {"family": FONT, "size": 13},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "hoverlabel": {"font": {"family": FONT, "size": 13}},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "dragmode": False,
    }
    return Finished({"data": traces, "layout": common | layout})

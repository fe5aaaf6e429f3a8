"""The strip chart of a check-up: one row an indicator, the peers as dots, the own value as a diamond."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from ui import theme
from ui.checkup_sentences import status_text, value_text
from ui.measures import MEASURES
from ui.words import _

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from governance.checkup import Checkup

__all__ = ["strips"]

ROW = 34  # pixels of one indicator
MARGINS = 8


@dataclass(frozen=True, slots=True)
class _Layer:
    """One kind of mark: its name and how it is drawn."""

    name: str
    marker: dict[str, Any]

    def trace(self, axes: dict[str, str], values: list[float], texts: list[str]) -> dict[str, Any]:
        """The marks of one row."""
        marks = {"type": "scatter", "mode": "markers", "name": self.name, "marker": self.marker, "hoverinfo": "text"}
        return marks | axes | {"x": values, "y": [0] * len(values), "text": texts}


PEERS = _Layer(_("同级"), {"size": 9, "color": theme.COMPARISON, "opacity": 0.55})
PAST = _Layer(_("近12月各月"), {"symbol": "circle-open", "size": 9, "color": theme.COMPARISON})
MEDIAN = _Layer(_("近12月中位"), {"symbol": "line-ns-open", "size": 18, "color": theme.ACCENT, "line": {"width": 3}})
NOW = _Layer(_("本月"), {"symbol": "diamond", "size": 14, "color": theme.NOW})


def _row(axes: dict[str, str], key: str, row: pd.Series, result: Checkup, names: dict[str, str]) -> list[dict[str, Any]]:
    """The peers, or where there are none the own past; then the own median and the own value."""
    peers = result.peers[result.peers["indicator"] == key]
    past = result.past[(result.past["indicator"] == key) & (result.past["months_back"] > 0)]
    traces = []
    if peers.empty and not past.empty:
        told = zip(past["months_back"], past["value"], strict=True)
        texts = [_("{n} 个月前 {value}").format(n=back, value=value_text(key, value)) for back, value in told]
        traces.append(PAST.trace(axes, list(past["value"]), texts))
    elif not peers.empty:
        told = zip(peers["code"], peers["value"], strict=True)
        traces.append(PEERS.trace(axes, list(peers["value"]), [f"{names.get(code, code)} {value_text(key, value)}" for code, value in told]))
    for layer, column in ((MEDIAN, "past_median"), (NOW, "value")):
        if pd.notna(row[column]):
            traces.append(layer.trace(axes, [row[column]], [f"{layer.name} {value_text(key, row[column])}"]))
    return traces


def strips(result: Checkup, names: dict[str, str]) -> go.Figure:
    """The figure; indicators without a value have no row. What the marks mean is said in the caption: a legend takes half a phone.

    Parameters
    ----------
    names
        Screen name of each peer by its code.
    """
    table = result.table[result.table["value"].notna()]
    count = max(len(table), 1)
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {"margin": {"l": 96, "r": 132, "t": 4, "b": 4}, "hovermode": "closest", "showlegend": False, "annotations": []}
    for number, (label, row) in enumerate(table.iterrows()):
        key = str(label)
        suffix = str(number + 1) if number else ""  # each row has axes of its own: x and y, x2 and y2 ...
        traces += _row({"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}, key, row, result, names)
        layout[f"xaxis{suffix}"] = {"anchor": f"y{suffix}", "showticklabels": False, "showgrid": False, "zeroline": False, "fixedrange": True}
        layout[f"yaxis{suffix}"] = {
            "anchor": f"x{suffix}",
            "domain": [max(0.0, 1 - (number + 1) / count), 1 - number / count],
            "tickvals": [0],
            "ticktext": [MEASURES[key].name],
            "range": [-1, 1],
            "fixedrange": True,
            "showgrid": True,
            "zeroline": False,
        }
        said = _("{value} {status}").format(value=value_text(key, row["value"]), status=status_text(row["status"]))
        place = {"xref": "paper", "x": 1.0, "xanchor": "left", "yref": f"y{suffix} domain", "y": 0.5, "showarrow": False}
        layout["annotations"].append({"text": said} | place)
    return theme.figure(traces, layout, count * ROW + MARGINS)

"""The strip chart of a check-up: one row an indicator, the peers as dots, the own value as a diamond."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from ui import theme
from ui.checkup_sentences import status_text, value_text
from ui.measures import MEASURES
from ui.words import _

if TYPE_CHECKING:
    from governance.checkup import Checkup

__all__ = ["strips"]

ROW = 34  # pixels of one indicator
MARGINS = 8


@dataclass(frozen=True, slots=True)
class _Layer:
    """One kind of mark: its name and how it is drawn."""

    name: str
    marker: dict[str, Any]

    def draw(self, figure: go.Figure, number: int, values: list[float], texts: list[str]) -> None:
        """Put the marks into one row."""
        figure.add_scatter(
            x=values,
            y=[0] * len(values),
            mode="markers",
            name=self.name,
            text=texts,
            hoverinfo="text",
            marker=self.marker,
            row=number,
            col=1,
        )


PEERS = _Layer(_("同级"), {"size": 9, "color": theme.COMPARISON, "opacity": 0.55})
PAST = _Layer(_("近12月各月"), {"symbol": "circle-open", "size": 9, "color": theme.COMPARISON})
MEDIAN = _Layer(_("近12月中位"), {"symbol": "line-ns-open", "size": 18, "color": theme.ACCENT, "line": {"width": 3}})
NOW = _Layer(_("本月"), {"symbol": "diamond", "size": 14, "color": theme.NOW})


def _draw_row(figure: go.Figure, number: int, key: str, row: pd.Series, result: Checkup, names: dict[str, str]) -> None:
    """The peers, or where there are none the own past; then the own median and the own value."""
    peers = result.peers[result.peers["indicator"] == key]
    past = result.past[(result.past["indicator"] == key) & (result.past["months_back"] > 0)]
    if peers.empty and not past.empty:
        told = zip(past["months_back"], past["value"], strict=True)
        PAST.draw(figure, number, list(past["value"]), [_("{n} 个月前 {value}").format(n=back, value=value_text(key, value)) for back, value in told])
    elif not peers.empty:
        told = zip(peers["code"], peers["value"], strict=True)
        PEERS.draw(figure, number, list(peers["value"]), [f"{names.get(code, code)} {value_text(key, value)}" for code, value in told])
    for layer, column in ((MEDIAN, "past_median"), (NOW, "value")):
        if pd.notna(row[column]):
            layer.draw(figure, number, [row[column]], [f"{layer.name} {value_text(key, row[column])}"])


def strips(result: Checkup, names: dict[str, str]) -> go.Figure:
    """The figure; indicators without a value have no row. What the marks mean is said in the caption: a legend takes half a phone.

    Parameters
    ----------
    names
        Screen name of each peer by its code.
    """
    table = result.table[result.table["value"].notna()]
    count = max(len(table), 1)
    figure = make_subplots(rows=count, cols=1, vertical_spacing=0)
    for number, (label, row) in enumerate(table.iterrows(), start=1):
        key = str(label)
        _draw_row(figure, number, key, row, result, names)
        said = _("{value} {status}").format(value=value_text(key, row["value"]), status=status_text(row["status"]))
        figure.update_yaxes(tickvals=[0], ticktext=[MEASURES[key].name], range=[-1, 1], fixedrange=True, showgrid=True, zeroline=False, row=number, col=1)
        domain = "y domain" if number == 1 else f"y{number} domain"
        figure.add_annotation(text=said, xref="paper", x=1.0, xanchor="left", yref=domain, y=0.5, showarrow=False)
    figure.update_xaxes(showticklabels=False, showgrid=False, zeroline=False, fixedrange=True)
    theme.apply(figure, count * ROW + MARGINS)
    figure.update_layout(margin={"l": 96, "r": 132, "t": 4, "b": 4}, hovermode="closest", showlegend=False)
    return figure

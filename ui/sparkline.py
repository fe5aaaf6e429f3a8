"""The line of a figure's recent past: a picture of a hundred points and no axes, drawn without a chart library.

Streamlit draws such lines with Vega, whose parts take a first visitor two seconds to load before any key figure can be read.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import quote

from ui import theme

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["picture"]

WIDTH, HEIGHT, EDGE = 100, 24, 2
"""Of the drawing, stretched to the card's width; ``EDGE`` leaves room for the line's own width."""


def picture(values: Sequence[float], said: str) -> str:
    """HTML of a picture of the values from left to right, from their least at the bottom to their greatest at the top.

    Parameters
    ----------
    values
        At least two, without NaN; all equal gives a line in the middle.
    said
        What the picture shows, for those who cannot see it.
    """
    least, span = min(values), max(values) - min(values)
    step = WIDTH / (len(values) - 1)
    heights = [(value - least) / span if span else 0.5 for value in values]
    points = " ".join(f"{number * step:.1f},{HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE):.1f}" for number, share in enumerate(heights))
    drawn = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">'
        f'<polygon points="0,{HEIGHT} {points} {WIDTH},{HEIGHT}" fill="{theme.NOW}" fill-opacity="0.12"/>'
        f'<polyline points="{points}" fill="none" stroke="{theme.NOW}" stroke-width="1.5" vector-effect="non-scaling-stroke"/></svg>'
    )
    # an image, as Streamlit takes drawings out of the HTML it is given
    return f'<img alt="{escape(said, quote=True)}" src="data:image/svg+xml,{quote(drawn)}" style="display:block;width:100%;height:{HEIGHT}px"/>'

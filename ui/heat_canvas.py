"""Drawing of the heat map on the server: areas, hexagons or discs in a picture, without browser, tiles or network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, ImageDraw

from ui import fonts, theme

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ui.maps import Extent
    from ui.scales import Scale

__all__ = ["Disc", "Drawing", "paint", "rings"]

FINER = 2
"""Drawn at twice the size and scaled down: borders of a pixel come out smooth."""
MARGIN = 0.03
LEGEND_FONT = 17
LEGEND_STEP = 27
INK, INK_DARK = "#26323f", "#dde6f0"
BORDER, BORDER_DARK = "#ffffff", "#0b1726"

Ring = np.ndarray
"""Longitude and latitude of the corners, degrees, shape (corners, 2)."""


@dataclass(frozen=True, slots=True)
class Disc:
    """A place of the size of its requests; ``radius`` in pixels of the finished picture."""

    longitude: float
    latitude: float
    radius: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a map shows: filled rings (largest first), lines over them, discs over all; the legend; the part of the earth."""

    filled: Sequence[tuple[Ring, str]]
    lines: Sequence[Ring]
    discs: Sequence[Disc]
    look: Scale
    extent: Extent | None


def rings(shape: dict[str, Any]) -> list[Ring]:
    """The outer rings of a GeoJSON polygon or of several. What lies in a hole is another area and is drawn over it."""
    parts = [shape["coordinates"]] if shape["type"] == "Polygon" else shape["coordinates"]
    return [np.asarray(part[0], dtype="float64")[:, :2] for part in parts]


def _mercator(points: np.ndarray) -> np.ndarray:
    """Web Mercator in radians, as the map on the screen; south is down as rows of a picture run."""
    longitude, latitude = np.radians(points[..., 0]), np.radians(points[..., 1])
    return np.stack([longitude, -np.arcsinh(np.tan(latitude))], axis=-1)


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where a point of the earth lies in the picture."""

    origin: np.ndarray
    scale: float
    shift: np.ndarray

    def __call__(self, points: np.ndarray) -> list[tuple[float, float]]:
        return [(float(x), float(y)) for x, y in (_mercator(points) - self.origin) * self.scale + self.shift]


def _frame(extent: Extent, width: int, height: int) -> _Frame:
    west, south, east, north = extent
    corners = _mercator(np.array([[west, north], [east, south]]))
    span = np.maximum(corners[1] - corners[0], 1e-9)
    room = np.array([width, height]) * (1 - 2 * MARGIN)
    scale = float((room / span).min())
    return _Frame(corners[0], scale, (np.array([width, height]) - span * scale) / 2)


def paint(drawing: Drawing, width: int, height: int, *, dark: bool = False) -> Image.Image:
    """The map with its legend in the lower left corner; width and height in pixels."""
    image = Image.new("RGB", (width * FINER, height * FINER), theme.GROUND_DARK if dark else theme.GROUND)
    if drawing.extent is not None:
        _fill(image, drawing, _frame(drawing.extent, *image.size), dark=dark)
    small = image.resize((width, height), Image.Resampling.LANCZOS)
    _legend(small, drawing.look, dark=dark)
    return small


def _fill(image: Image.Image, drawing: Drawing, place: _Frame, *, dark: bool) -> None:
    pen = ImageDraw.Draw(image)
    edge = BORDER_DARK if dark else BORDER
    for ring, shade in drawing.filled:
        pen.polygon(place(ring), fill=shade, outline=edge, width=FINER)
    for ring in drawing.lines:
        pen.line(place(ring), fill=theme.COMPARISON, width=FINER)
    if not drawing.discs:
        return
    over = Image.new("RGBA", image.size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(over)
    for disc in drawing.discs:
        x, y = place(np.array([[disc.longitude, disc.latitude]]))[0]
        radius = disc.radius * FINER
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=theme.NOW + "99", outline=edge, width=FINER)
    image.paste(over, mask=over)


def _legend(image: Image.Image, look: Scale, *, dark: bool) -> None:
    """Title above, then one box and its words a class, the highest on top, as beside the map on the screen."""
    pen = ImageDraw.Draw(image, "RGBA")
    font = fonts.chinese_font(LEGEND_FONT)
    wide = max(_widths(font, (look.title, *look.names))) + 34
    tall = LEGEND_STEP * (len(look.names) + 1) + 12
    top = image.height - tall - 10
    pen.rectangle((10, top, 10 + wide + 14, image.height - 10), fill=(theme.GROUND_DARK if dark else theme.GROUND) + "e0")
    ink = INK_DARK if dark else INK
    pen.text((20, top + 6), look.title, font=font, fill=ink)
    for place, (name, shade) in enumerate(reversed(list(zip(look.names, look.shades, strict=True)))):
        y = top + 8 + LEGEND_STEP * (place + 1)
        pen.rectangle((20, y, 36, y + LEGEND_STEP), fill=shade)
        pen.text((44, y + LEGEND_STEP // 2), name, font=font, fill=ink, anchor="lm")


def _widths(font: Any, texts: Iterable[str]) -> list[int]:
    return [int(font.getlength(text)) + 1 for text in texts]

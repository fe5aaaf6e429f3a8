"""The map as a picture: in the PNG with title, definition and date, and on the page while the months are played."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from PIL import Image, ImageDraw

from geodata import hexagons
from governance.periods import Grain, Period
from ui import areas, fonts, geometry, heat_canvas, heat_figures, heat_loaders, loaders, scales, sentences, words
from ui.heat_canvas import Disc, Drawing
from ui.measures import MEASURES
from ui.scales import Scale
from ui.words import _

if TYPE_CHECKING:
    from datetime import date

    import pandas as pd

    from ui.frame import View
    from ui.heat import Heat

__all__ = ["can_draw", "drawing", "png", "show"]

WIDTH = 1600
MAP_HEIGHT = 900
EDGE = 48
TITLE, LINE, SMALL = 40, 26, 21
PAPER, INK, GREY, BADGE = "#ffffff", "#16202b", "#55616e", "#b35c0f"
SHOWN_WIDTH, SHOWN_HEIGHT = 720, 600
"""Pixels of the picture shown while playing; scaled by the browser to the room of the map."""


def can_draw(view: View, heat: Heat, month: date) -> bool:
    """Whether there is a font to write with, and something to draw in this layer and month."""
    if not fonts.has_chinese():
        return False
    if heat.layer == "density":
        return not heat_loaders.density(view.version, view.scope, heat.selection, month, heat.resolution)[0].empty
    if heat.layer == "communities":
        return not _located(view, heat, month).empty
    return loaders.has_geometry(view.version, heat.level)


def _located(view: View, heat: Heat, month: date) -> pd.DataFrame:
    found = heat_loaders.communities(view.version, view.scope, heat.selection, month, heat_loaders.MOST_COMMUNITIES)
    return found.dropna(subset=["longitude", "latitude"])


def drawing(view: View, heat: Heat, frame: pd.DataFrame, breaks: tuple[float, ...], month: date, *, dark: bool = False) -> Drawing:
    """What the map shows in this month and layer, with the colours of the screen.

    Parameters
    ----------
    frame, breaks
        The areas of the month and the bounds of the classes, as ``heat.shown_areas`` gives them.
    """
    if heat.layer == "density":
        return _density(view, heat, month, dark=dark)
    if heat.layer == "communities":
        return _communities(view, heat, month, frame)
    look = scales.scale(heat.metric_name, breaks, heat.text, dark=dark, diverging=heat.metric == heat_loaders.CHANGE)
    shapes = geometry.shapes(heat.level)
    numbers = scales.classes(frame["value"], breaks)
    parts = [
        (ring, look.shades[number]) for code, number in zip(frame["code"], numbers, strict=True) if code in shapes for ring in heat_canvas.rings(shapes[code])
    ]
    parts.sort(key=lambda part: -float(np.prod(np.ptp(part[0], axis=0))))
    return Drawing(parts, (), (), look, geometry.extent(heat.level, frame["code"]))


def _outlines(view: View) -> list[np.ndarray]:
    level = areas.DISTRICT if view.facts.has_districts else areas.SUBDISTRICT
    return [ring for shape in geometry.shapes(level).values() for ring in heat_canvas.rings(shape)]


def _box(frame: pd.DataFrame) -> tuple[float, float, float, float] | None:
    if frame.empty:
        return None
    low, high = frame[["longitude", "latitude"]].min() - heat_figures.CELL_MARGIN, frame[["longitude", "latitude"]].max() + heat_figures.CELL_MARGIN
    return float(low["longitude"]), float(low["latitude"]), float(high["longitude"]), float(high["latitude"])


def _density(view: View, heat: Heat, month: date, *, dark: bool) -> Drawing:
    cells, _missing = heat_loaders.density(view.version, view.scope, heat.selection, month, heat.resolution)
    look = heat_figures.density_look(cells, dark=dark)
    outlines = hexagons.outlines(int(cell, 16) for cell in cells["cell"])
    numbers = heat_figures.density_numbers(cells)
    filled = [(np.asarray(outlines[int(cell, 16)]), look.shades[number]) for cell, number in zip(cells["cell"], numbers, strict=True)]
    return Drawing(filled, _outlines(view), (), look, _box(cells))


def _communities(view: View, heat: Heat, month: date, frame: pd.DataFrame) -> Drawing:
    spots = _located(view, heat, month)
    sizes = heat_figures.disc_sizes(spots["request_count"].to_numpy(dtype="float64"))
    discs = [Disc(*spot) for spot in zip(spots["longitude"], spots["latitude"], sizes / 2, strict=True)]
    most = words.exact(spots["request_count"].max() if len(spots) else 0)
    look = Scale(_("圆的面积与诉求量成正比，最大的 {n} 件").format(n=most), (), ())
    return Drawing((), _outlines(view), discs, look, geometry.extent(heat.level, frame["code"]) or _box(spots))


def show(view: View, heat: Heat, frame: pd.DataFrame, breaks: tuple[float, ...], month: date, height: int, alt: str) -> None:
    """Draw the map as a picture of the height of the live map.

    Streamlit makes a map anew whenever its data change, and it is blank until the graphics are set up again:
    measured in a browser without a graphics card, most of the time of a month. A picture is exchanged in place.
    """
    dark = st.context.theme.type == "dark"
    image = heat_canvas.paint(drawing(view, heat, frame, breaks, month, dark=dark), SHOWN_WIDTH, SHOWN_HEIGHT, dark=dark)
    ground = "rgb({},{},{})".format(*image.getpixel((0, 0)))  # type: ignore[misc]
    st.html(f"<style>.st-key-heat_played img {{height: {height}px; object-fit: contain; background: {ground};}}</style>")
    with st.container(key="heat_played"):
        st.image(image, width="stretch", output_format="PNG", alt=alt)


def _wrapped(text: str, size: int, room: int) -> list[str]:
    """The text in lines that fit, broken at any character as Chinese is."""
    font = fonts.chinese_font(size)
    lines = [""]
    for letter in text:
        if font.getlength(lines[-1] + letter) > room:
            lines.append("")
        lines[-1] += letter
    return lines


def _notes(view: View, heat: Heat, sentence: str) -> list[str]:
    """The lines under the map: what it shows, by which definition, of which data, and what is not real."""
    measure = MEASURES[heat.metric]
    known = view.facts
    notes = [
        sentence,
        _("口径：{name}（{unit}），{definition}").format(name=measure.name, unit=measure.unit, definition=measure.definition),
        _("数据截至 {day} · 来源：{city} · 数据版本 {version}").format(day=words.day(known.data_until), city=known.city_name, version=view.version[:12]),
    ]
    if known.is_demo:
        notes.append(_("演示数据：全部工单为虚构，不能当作真实情况引用。"))
    if loaders.has_schematic_boundaries(view.version):
        notes.append(_("示意边界：") + sentences.schematic())
    return notes


def png(view: View, heat: Heat, frame: pd.DataFrame, breaks: tuple[float, ...], month: date, sentence: str) -> bytes:
    """The map as a PNG that explains itself: title, period, legend, definition, 数据截至, and what is demo or schematic."""
    period = words.period_name(Period.containing(Grain.MONTH, month, until=view.facts.data_until))
    below = [line for note in _notes(view, heat, sentence) for line in _wrapped(note, SMALL, WIDTH - 2 * EDGE)]
    step = SMALL + 11
    top = EDGE + TITLE + LINE + 40
    page = Image.new("RGB", (WIDTH, top + MAP_HEIGHT + 20 + step * len(below) + EDGE // 2), PAPER)
    pen = ImageDraw.Draw(page)
    head = _("民生数据热力图 · {place} · {metric}").format(place=heat.place_name, metric=heat.metric_name)
    room = WIDTH - 2 * EDGE - 200
    pen.text((EDGE, EDGE - 8), _wrapped(head, TITLE, room)[0], font=fonts.chinese_font(TITLE, bold=True), fill=INK)
    parts = [period, heat.layer_name, *([areas.level_word(view, heat.level)] if heat.layer == "areas" else [])]
    parts += [heat.selection.category_1] if heat.selection.category_1 else []
    pen.text((EDGE, EDGE + TITLE + 14), " · ".join(parts), font=fonts.chinese_font(LINE), fill=GREY)
    if view.facts.is_demo:
        pen.text((WIDTH - EDGE, EDGE), _("演示数据"), font=fonts.chinese_font(LINE, bold=True), fill=BADGE, anchor="ra")
    page.paste(heat_canvas.paint(drawing(view, heat, frame, breaks, month), WIDTH - 2 * EDGE, MAP_HEIGHT), (EDGE, top))
    for place, line in enumerate(below):
        pen.text((EDGE, top + MAP_HEIGHT + 20 + step * place), line, font=fonts.chinese_font(SMALL), fill=GREY)
    made = BytesIO()
    page.save(made, "PNG", optimize=True)
    return made.getvalue()

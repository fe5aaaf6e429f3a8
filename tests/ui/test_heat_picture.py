"""The PNG of the heat map: its size, its colours, its words; and what happens without a Chinese font."""

from __future__ import annotations

from collections import Counter
from datetime import date
from io import BytesIO

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageColor

from storage.home import Home
from storage.queries import Selection
from storage.schematic import mark_schematic
from storage.scope import Role, Scope
from ui import fonts, geometry, heat, heat_canvas, heat_picture, loaders, scales, theme
from ui.frame import View
from ui.kept import forget
from ui.scales import Scale

MONTH = date(2025, 10, 1)
PAGE = "pages/overview/heatmap.py"
SQUARE = np.array([[116.3, 39.9], [116.4, 39.9], [116.4, 40.0], [116.3, 40.0], [116.3, 39.9]])
LOOK = Scale("诉求量", ("少", "多"), ("#d3e4f4", "#0c3a68"))

pytestmark = pytest.mark.skipif(not fonts.has_chinese(), reason="no Chinese font on this machine")


@pytest.fixture
def view(city_home, clear_caches, monkeypatch) -> View:
    monkeypatch.setenv("WEISU_HOME", str(city_home))
    version = loaders.pin_version() or ""
    return View(version, Scope(Role.LEADER), loaders.facts(version))


def picture(view: View, metric: str = "request_count") -> Image.Image:
    choice = heat.Heat(Selection(), metric, "areas", "subdistrict", "北京")
    table, everything = heat.shown_areas(view, choice, MONTH)
    return Image.open(BytesIO(heat_picture.png(view, choice, table, everything.breaks, MONTH, "一句话。")))


def colours(image: Image.Image) -> Counter:
    return Counter(map(tuple, np.asarray(image.convert("RGB")).reshape(-1, 3).tolist()))


def test_a_png_with_title_map_and_notes(view):
    image = picture(view)
    assert image.format == "PNG"
    assert image.width == heat_picture.WIDTH
    assert image.height > heat_picture.MAP_HEIGHT + 200
    top = image.crop((0, 0, image.width, 140))
    notes = image.crop((0, image.height - 110, image.width, image.height))
    for words in (top, notes):
        dark = (np.asarray(words.convert("L")) < 128).sum()
        assert dark > 500, "no words are written there"
    body = colours(image.crop((0, 150, image.width, 150 + heat_picture.MAP_HEIGHT - 50)))
    choice = heat.Heat(Selection(), "request_count", "areas", "subdistrict", "北京")
    table, everything = heat.shown_areas(view, choice, MONTH)
    look = scales.scale(choice.metric_name, everything.breaks, choice.text, dark=False)
    for number in set(scales.classes(table["value"], everything.breaks)):
        assert body[ImageColor.getrgb(look.shades[number])] > 20_000, "an area is not filled"


def test_what_is_schematic_is_said_in_the_picture(view, city_home):
    """One more line under the map."""
    plain = picture(view).height
    mark_schematic(Home(city_home), view.facts.boundaries_key or "")
    try:
        forget()
        assert picture(view).height > plain
    finally:
        (city_home / "geo" / "schematic.json").unlink()


def test_north_is_up_and_shapes_keep_their_proportions():
    """A square of equal degrees is taller than wide at 40 degrees north; its northern half lies above."""
    north = SQUARE + np.array([0, 0.1])
    drawing = heat_canvas.Drawing([(SQUARE, "#ff0000"), (north, "#0000ff")], (), (), LOOK, (116.3, 39.9, 116.4, 40.1))
    pixels = np.asarray(heat_canvas.paint(drawing, 800, 600))
    red, blue = ((pixels == ImageColor.getrgb(name)).all(axis=2) for name in ("#ff0000", "#0000ff"))
    rows, columns = np.nonzero(red)
    assert np.nonzero(blue)[0].mean() < rows.mean()
    assert (np.ptp(rows) + 1) / (np.ptp(columns) + 1) == pytest.approx(1 / np.cos(np.radians(39.95)), rel=0.02)


def test_the_legend_has_every_class_highest_on_top():
    pixels = np.asarray(heat_canvas.paint(heat_canvas.Drawing((), (), (), LOOK, None), 400, 300))
    where = [np.nonzero((pixels == ImageColor.getrgb(shade)).all(axis=2))[0].mean() for shade in LOOK.shades]
    assert where[1] < where[0]
    assert tuple(pixels[5, 390]) == ImageColor.getrgb(theme.GROUND)


def test_a_disc_lies_where_its_community_does():
    drawing = heat_canvas.Drawing((), (), [heat_canvas.Disc(116.4, 40.0, 10)], Scale("", (), ()), (116.3, 39.9, 116.5, 40.1))
    pixels = np.asarray(heat_canvas.paint(drawing, 400, 400)).astype(int)
    blue = pixels[:300, :, 2] - pixels[:300, :, 0] > 60
    assert np.nonzero(blue)[1].mean() == pytest.approx(200, abs=1)
    assert blue.sum() == pytest.approx(np.pi * 100, rel=0.2)


def test_an_area_in_the_hole_of_another_is_not_covered(view, monkeypatch):
    """The larger is drawn first, whatever the order of the codes."""
    ring = SQUARE.tolist()
    inner = (SQUARE.mean(axis=0) + (SQUARE - SQUARE.mean(axis=0)) * 0.3).tolist()
    shapes = {"a": {"type": "Polygon", "coordinates": [inner]}, "b": {"type": "MultiPolygon", "coordinates": [[ring, inner]]}}
    monkeypatch.setattr(geometry, "shapes", lambda level: shapes)
    choice = heat.Heat(Selection(), "request_count", "areas", "subdistrict", "北京")
    drawing = heat_picture.drawing(view, choice, pd.DataFrame({"code": ["a", "b"], "value": [1.0, 9.0]}), (5.0,), MONTH)
    assert [len(ring) for ring, _shade in drawing.filled] == [5, 5]
    assert np.ptp(drawing.filled[0][0]) > np.ptp(drawing.filled[1][0])


def test_without_a_chinese_font_the_page_says_so(open_page, monkeypatch):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(fonts, "KNOWN_FILES", ())
    fonts._found.cache_clear()
    try:
        app = open_page(PAGE, playing="true")
        assert not app.exception
        assert any("没有中文字体" in item.value for item in app.caption)
    finally:
        monkeypatch.undo()
        fonts._found.cache_clear()
        assert fonts.has_chinese()


def test_while_playing_the_map_is_a_picture_of_the_month(open_page):
    app = open_page(PAGE)
    assert len(app.get("image")) == 0
    app = app.toggle(key="playing").set_value(True).run()
    assert not app.exception
    assert len(app.get("image")) == 1

"""What the pages may send and what must arrive: bytes of every run, bytes of a map update, and twenty of twenty clicks on the map.

Times are measured by ``python -m benchmarks --browser``: a test that waits for a busy machine says nothing about the pages.
"""

from __future__ import annotations

from urllib.parse import parse_qs, quote, urlsplit

import pytest

from benchmarks.watched import Wire, click_like_a_hand, map_box, wait_for_map, wait_until, wait_until_idle
from tests.ui import small_city

pytestmark = pytest.mark.browser

RUN_BYTES = 400_000
MAP_BYTES = 50_000
CLICKS = 20
MONTH = quote("2025年10月")
ADMIN = f"?role={quote('管理员')}"
PAGES = ["/", f"/?month={MONTH}&areas_as={quote('列表')}", "/heatmap", "/checkup", "/definitions", f"/quality{ADMIN}", f"/batches{ADMIN}"]
ASSUMED_WIDTH = 350.0 / 1.08  # pixels the four squares take on the heat map, which is fitted to a telephone (ui/heat_figures.py)


def watched(visit, server, path: str):
    seen = visit(server)
    wire = Wire(seen.page)
    page = seen.open(path, "数据版本")
    wait_until_idle(page, wire)
    return page, wire


def squares() -> list[tuple[str, float]]:
    """Code of each square and how far its middle lies from the map's, pixels."""
    west = min(area[4] for area in small_city.AREAS)
    span = max(area[4] for area in small_city.AREAS) + small_city.SIDE - west
    return [(area[0], ((area[4] + small_city.SIDE / 2 - west) / span - 0.5) * ASSUMED_WIDTH) for area in small_city.AREAS]


def area_in(url: str) -> str:
    return parse_qs(urlsplit(url).query).get("area", [""])[0]


@pytest.mark.parametrize("path", PAGES)
def test_opening_a_page_sends_little(server, visit, path):
    _page, wire = watched(visit, server, path)
    assert 1_000 < wire.received <= RUN_BYTES


def test_a_filter_sends_little(server, visit):
    page, wire = watched(visit, server, f"/?month={MONTH}")
    wait_for_map(page)
    wire.reset()
    page.get_by_role("combobox", name="月份").first.click()
    page.get_by_role("option", name="2025年9月", exact=True).click()
    page.get_by_text("· 2025年9月").first.wait_for(timeout=15_000)
    wait_until_idle(page, wire)
    assert 1_000 < wire.received <= RUN_BYTES


def test_another_measure_on_the_heat_map_sends_little(server, visit):
    page, wire = watched(visit, server, "/heatmap")
    wait_for_map(page)
    wire.reset()
    page.get_by_role("combobox", name="指标").first.click()
    page.get_by_role("option", name="解决率", exact=True).click()
    page.get_by_text("· 解决率").first.wait_for(timeout=15_000)
    wait_until_idle(page, wire)
    assert 1_000 < wire.received <= MAP_BYTES


def test_twenty_clicks_on_the_map_arrive(server, visit):
    page, wire = watched(visit, server, "/heatmap")
    wait_for_map(page)
    names = {area[0]: area[1] for area in small_city.AREAS}
    arrived, sizes = [], []
    spots = squares()
    for turn in range(CLICKS):
        code, offset = spots[turn % len(spots)]
        box = map_box(page)
        wire.reset()
        click_like_a_hand(page, box["x"] + box["width"] / 2 + offset, box["y"] + box["height"] / 2)
        try:
            wait_until(page, lambda wanted=code: area_in(page.url) == wanted, f"the panel of {code}", 10)
        except TimeoutError:
            continue
        page.get_by_text(names[code]).first.wait_for(timeout=10_000)
        wait_until_idle(page, wire)
        arrived.append(code)
        sizes.append(wire.received)
    assert len(arrived) == CLICKS
    assert max(sizes) <= MAP_BYTES

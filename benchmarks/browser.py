"""Times and bytes of the pages in a real browser with software WebGL, on a warm server."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.sessions import wait_until_settled
from benchmarks.watched import Wire, click_spot, wait_for_map, wait_until, wait_until_idle
from tests.browser.conftest import FLAGS, Server

__all__ = ["measure_pages"]

REPEATS = 5
MONTHS = 5
METRICS = 5
CLICKS = 20
CLICK_SECONDS = 6.0
WAIT_MS = 60_000
SIZE = {"width": 1366, "height": 768}
PAGES = {"cockpit": "/", "heatmap": "/heatmap", "checkup": "/checkup"}
MAPS = ("cockpit", "heatmap")
TITLES = {"cockpit": "数据驾驶舱", "heatmap": "民生数据热力图", "checkup": "城市体检"}
BOUNDS = {
    "heading": (3.0, "s"),
    "drawn": (6.0, "s"),
    "filter": (0.6, "s"),
    "switch": (1.2, "s"),
    "click": (1.5, "s"),
    "map kB": (50.0, "kB"),
    "run kB": (400.0, "kB"),
}
SPOTS = [(0.43 + 0.035 * column, 0.42 + 0.08 * row) for row in range(4) for column in range(5)]
"""Shares of the map's width and height, all of them within the demo city."""

Values = dict[str, list[float]]


@contextmanager
def _page(browser: Browser) -> Iterator[tuple[Page, Wire]]:
    context = browser.new_context(viewport=SIZE, locale="zh-CN")
    page = context.new_page()
    yield page, Wire(page)
    context.close()


def _take(values: Values, name: str, value: float) -> None:
    values.setdefault(name, []).append(value)


def _open(page: Page, wire: Wire, base: str, name: str, values: Values | None = None, visit: str = "") -> None:
    """Opens a page; times its heading and its pictures from the navigation on. ``visit`` goes into the names of the figures."""
    wire.reset()
    began = time.monotonic()
    page.goto(base + PAGES[name], wait_until="commit")
    page.get_by_role("heading", name=TITLES[name]).first.wait_for(timeout=WAIT_MS)
    if name == "cockpit":
        page.locator(".weisu-value").nth(5).wait_for(timeout=WAIT_MS)
    heading = time.monotonic() - began
    page.locator(".js-plotly-plot .main-svg").first.wait_for(timeout=WAIT_MS)
    if name in MAPS:
        wait_for_map(page)
    drawn = time.monotonic() - began
    wait_until_idle(page, wire)
    if values is not None:
        _take(values, f"heading {visit}{name}", heading)
        _take(values, f"drawn {visit}{name}", drawn)
        _take(values, f"run kB open {visit}{name}", wire.received / 1000)


def _timed(page: Page, wire: Wire, act: Callable[[], object], is_there: Callable[[], bool], what: str, limit: float = 30.0) -> tuple[float, float]:
    """Seconds until what was asked for is there, and kB the run sent."""
    wire.reset()
    began = time.monotonic()
    act()
    wait_until(page, is_there, what, limit)
    seconds = time.monotonic() - began
    wait_until_idle(page, wire)
    return seconds, wire.received / 1000


def _text(page: Page) -> str:
    """All words of the page below its filters."""
    return page.locator("[data-testid=stMain]").inner_text()


def _choose(page: Page, label: str, place: int) -> tuple[Callable[[], object], str]:
    """Opens the list now, so that the click on the option alone is timed; the click, and the option's words."""
    page.get_by_role("combobox", name=label).first.click()
    option = page.get_by_role("option").nth(place)
    option.wait_for(timeout=WAIT_MS)
    return option.click, option.inner_text().strip()


def _cockpit_filters(page: Page, wire: Wire, values: Values) -> None:
    for turn in range(1, MONTHS + 1):
        act, month = _choose(page, "月份", turn)
        seconds, kilobytes = _timed(page, wire, act, lambda wanted=month: f"· {wanted}" in _text(page), f"the cockpit of {month}")
        _take(values, "filter month cockpit", seconds)
        _take(values, "run kB month cockpit", kilobytes)
    for name in ("街乡镇", "区") * 2:
        switch = page.get_by_role("radio", name=name, exact=True).first
        seconds, kilobytes = _timed(page, wire, switch.click, lambda: wire.frames > 0, f"the level {name}")
        _take(values, "map kB level cockpit", kilobytes)


def _heat_filters(page: Page, wire: Wire, values: Values) -> None:
    for turn in range(1, METRICS + 1):
        act, metric = _choose(page, "指标", turn)
        seconds, kilobytes = _timed(page, wire, act, lambda wanted=metric: f"· {wanted}" in _text(page), f"the heat map of {metric}")
        _take(values, "filter metric heatmap", seconds)
        _take(values, "map kB metric heatmap", kilobytes)


def _heat_clicks(page: Page, wire: Wire, values: Values) -> int:
    """How many of the clicks on the map changed the panel beside it; spots are taken so that neighbours differ."""
    arrived = 0
    for turn in range(CLICKS):
        before = _panel(page)
        act = partial(click_spot, page, *SPOTS[turn * 7 % len(SPOTS)])
        try:
            seconds, kilobytes = _timed(page, wire, act, lambda was=before: _panel(page) not in ("", was), "a new panel", CLICK_SECONDS)
        except TimeoutError:
            continue
        arrived += 1
        _take(values, "click heatmap", seconds)
        _take(values, "map kB click heatmap", kilobytes)
    return arrived


def _panel(page: Page) -> str:
    """The sentence that names the area in the panel."""
    return page.locator("[data-testid=stMarkdown]").filter(has_text="诉求量").filter(has_text="件").first.inner_text().strip()


def _switches(page: Page, wire: Wire, values: Values) -> None:
    for name in ("heatmap", "checkup", "cockpit") * 2:
        page.get_by_test_id("stTopNavSection").first.click()
        link = page.get_by_test_id("stTopNavDropdownLink").filter(has_text=TITLES[name]).first
        link.wait_for(timeout=WAIT_MS)
        heading = page.get_by_role("heading", name=TITLES[name], level=1)
        seconds, kilobytes = _timed(page, wire, link.click, lambda wanted=heading: wanted.count() > 0, f"the heading of {name}")
        _take(values, f"switch to {name}", seconds)
        _take(values, f"run kB switch to {name}", kilobytes)


def _opens(browser: Browser, base: str, values: Values) -> None:
    """Every page in a browser that has never been here, then in one that has and keeps Streamlit's scripts."""
    for name in PAGES:
        for turn in range(REPEATS + 1):
            with _page(browser) as (page, wire):
                _open(page, wire, base, name, values if turn else None)  # the first one warms the server
    with _page(browser) as (page, wire):
        for turn in range(REPEATS + 1):
            for name in PAGES:
                _open(page, wire, base, name, values if turn else None, "again ")


def measure_pages(home: Path) -> Iterator[str]:
    """Lines of a table, a part at a time: opening, filters and page switches, the heat map."""
    server = Server(home)
    wait_until_settled(server.process.pid)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS)
            yield f"  {'':<32}{'times':>6}{'median':>9}{'worst':>9}"
            values: Values = {}
            _opens(browser, server.base, values)
            yield from _lines(values)
            values = {}
            with _page(browser) as (page, wire):
                _open(page, wire, server.base, "cockpit")
                _cockpit_filters(page, wire, values)
                _switches(page, wire, values)
            yield from _lines(values)
            values = {}
            with _page(browser) as (page, wire):
                _open(page, wire, server.base, "heatmap")
                _heat_filters(page, wire, values)
                arrived = _heat_clicks(page, wire, values)
            yield from _lines(values)
            yield f"  clicks on the map that arrived: {arrived} of {CLICKS} [{CLICKS}]"
            browser.close()
    finally:
        server.close()


def _lines(values: Values) -> Iterator[str]:
    for name, taken in values.items():
        bound, unit = next(limit for start, limit in BOUNDS.items() if name.startswith(start))
        yield f"  {name:<32}{len(taken):>6}{statistics.median(taken):>9.2f}{max(taken):>9.2f} {unit} [<= {bound:g} {unit}]"

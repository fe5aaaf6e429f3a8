"""A browser page whose WebSocket bytes are counted, and the waits that tell when a page is drawn."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["Wire", "click_like_a_hand", "click_spot", "map_box", "wait_for_map", "wait_until", "wait_until_idle"]

MAP = ".maplibregl-canvas"
COLOURS_OF_A_DRAWN_MAP = 12
LOOK_SECONDS = 0.05
TEXT_FRAME = 1
POINTER_RESTS_MS = 100


class Wire:
    """Counts what the server sends over the WebSocket, by Chromium's own network log."""

    def __init__(self, page: Page) -> None:
        self.received = 0
        self.frames = 0
        self.last_at = 0.0
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.webSocketFrameReceived", self._frame)

    def _frame(self, event: dict) -> None:
        frame = event["response"]
        payload = frame["payloadData"]
        self.received += len(payload.encode()) if frame["opcode"] == TEXT_FRAME else len(base64.b64decode(payload))
        self.frames += 1
        self.last_at = time.monotonic()

    def reset(self) -> None:
        """Begin to count anew."""
        self.received = self.frames = 0


def wait_until(page: Page, is_true: Callable[[], bool], what: str, seconds: float = 30.0) -> float:
    """Seconds until something is so.

    Raises
    ------
    TimeoutError
        It was not so in time.
    """
    began = time.monotonic()
    while not is_true():
        if time.monotonic() - began > seconds:
            message = f"not within {seconds:.0f} s: {what}"
            raise TimeoutError(message)
        page.wait_for_timeout(LOOK_SECONDS * 1000)
    return time.monotonic() - began


def wait_until_idle(page: Page, wire: Wire, quiet: float = 0.4) -> None:
    """Waits until the script is over and nothing has come for ``quiet`` seconds."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=30_000)
    wait_until(page, lambda: time.monotonic() - wire.last_at > quiet, "a quiet wire")


def map_box(page: Page) -> dict[str, float]:
    """Where the first map lies.

    Raises
    ------
    LookupError
        There is no map.
    """
    box = page.locator(MAP).first.bounding_box()
    if box is None:
        message = "no map on the page"
        raise LookupError(message)
    return dict(box)


def wait_for_map(page: Page) -> None:
    """Waits until the first map shows more than its ground."""
    page.locator(MAP).first.wait_for(timeout=30_000)

    def is_drawn() -> bool:
        picture = Image.open(io.BytesIO(page.locator(MAP).first.screenshot())).convert("RGB")
        return len(picture.getcolors(maxcolors=1_000_000) or []) > COLOURS_OF_A_DRAWN_MAP

    wait_until(page, is_drawn, "a drawn map")


def click_like_a_hand(page: Page, x: float, y: float) -> None:
    """Clicks after the pointer has come over and rested for a moment, as a hand's does.

    A pointer that is there and pressed within the same millisecond is nobody's: the map takes a click for the area it
    last saw under the pointer, and looks for that area at most twenty times a second.
    """
    page.mouse.move(x, y, steps=5)
    page.wait_for_timeout(POINTER_RESTS_MS)
    page.mouse.down()
    page.mouse.up()


def click_spot(page: Page, west_to_east: float, north_to_south: float) -> None:
    """Clicks a spot of the first map, by shares of its width and height."""
    box = map_box(page)
    click_like_a_hand(page, box["x"] + box["width"] * west_to_east, box["y"] + box["height"] * north_to_south)

"""``python -m benchmarks.screens``: takes the pictures of docs/screens.md, every page of three cities on three screens, and the wall.

``--home demo=DIR --home nyc=DIR --home boston=DIR``; one home alone renews its pictures alone.
"""

from __future__ import annotations

import argparse
import io
import os
from pathlib import Path
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from benchmarks.watched import Wire, wait_until, wait_until_idle
from tests.browser.conftest import FLAGS, Server

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
SCREENS = {"1920": (1920, 1080), "1366": (1366, 768), "phone": (390, 844)}
PLANNER = f"?role={quote('规划专班')}"
PAGES = {
    "cockpit": "/",
    "heatmap": "/heatmap",
    "checkup": "/checkup",
    "season": f"/season{PLANNER}",
    "explorer": f"/explorer{PLANNER}",
    "ledger": f"/ledger{PLANNER}",
    "quality": f"/quality?role={quote('管理员')}",
}
WALL = "/?mode=wall"
FOOT, TURN = "数据版本", "轮换"
SHOWN_WIDTH = 1280
LONGEST = 2400
QUALITY = 80
WAIT_MS = 60_000


def _settle(page: Page, wire: Wire, word: str) -> None:
    """Waits until the page is there, the wire is quiet, and two pictures a second apart are the same."""
    page.get_by_text(word).first.wait_for(timeout=WAIT_MS)
    wait_until_idle(page, wire)
    seen = [b""]

    def is_still() -> bool:
        page.wait_for_timeout(1500)
        seen.append(page.screenshot())
        return seen[-1] == seen[-2]

    wait_until(page, is_still, "a page that stands still", seconds=60.0)


def _take(browser: Browser, address: str, word: str, size: tuple[int, int], path: Path) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="zh-CN")
    page = context.new_page()
    wire = Wire(page)
    page.goto(address)
    _settle(page, wire, word)
    if size == SCREENS["phone"]:  # a phone is scrolled: the picture shows how far
        height = page.locator("[data-testid=stMain]").evaluate("element => element.scrollHeight")
        page.set_viewport_size({"width": size[0], "height": min(height + 60, LONGEST)})
        _settle(page, wire, word)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    if picture.width > SHOWN_WIDTH:
        picture = picture.resize((SHOWN_WIDTH, round(picture.height * SHOWN_WIDTH / picture.width)), Image.Resampling.LANCZOS)
    picture.save(path, "WEBP", quality=QUALITY)
    context.close()
    print(path.name, f"{path.stat().st_size / 1000:.0f} kB", flush=True)


def main() -> None:
    """Takes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", action="append", required=True, metavar="NAME=DIR", help="a city's WEISU_HOME under the name used in file names")
    parser.add_argument("--page", action="append", choices=[*PAGES, "wall"], help="renew the pictures of these pages alone")
    options = parser.parse_args()
    wanted = options.page or [*PAGES, "wall"]
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS)
        for name, folder in (item.split("=", 1) for item in options.home):
            server = Server(Path(folder).resolve())
            try:
                for page, path in ((page, path) for page, path in PAGES.items() if page in wanted):
                    for screen, size in SCREENS.items():
                        _take(browser, server.base + path, FOOT, size, FOLDER / f"{name}-{page}-{screen}.webp")
                if "wall" in wanted:
                    _take(browser, server.base + WALL, TURN, SCREENS["1920"], FOLDER / f"{name}-wall-1920.webp")
            finally:
                server.close()
        browser.close()


if __name__ == "__main__":
    main()

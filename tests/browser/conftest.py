"""A served small city, and a browser that can reach nothing but this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.ui import small_city

FLAGS = [
    *["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"],
    *["--disable-component-update", "--disable-sync", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
START_SECONDS = 60
ATTEMPT_SECONDS = 0.3


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """``manage.py serve`` on a free port, ended by its own process id."""

    def __init__(self, home: Path) -> None:
        self.base = f"http://127.0.0.1:{(port := free_port())}"
        environment = {**os.environ, "WEISU_HOME": str(home)}
        command = [sys.executable, str(small_city.ROOT / "manage.py"), "serve", "--port", str(port)]
        self.process = subprocess.Popen(command, cwd=small_city.ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self._wait()

    def _wait(self) -> None:
        limit = time.monotonic() + START_SECONDS
        while time.monotonic() < limit:
            try:
                with urllib.request.urlopen(f"{self.base}/_stcore/health", timeout=1) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                time.sleep(ATTEMPT_SECONDS)
        self.close()
        message = f"server at {self.base} did not answer within {START_SECONDS} s"
        raise TimeoutError(message)

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="session")
def city_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_city.build(tmp_path_factory.mktemp("city"))


@pytest.fixture(scope="session")
def server(city_home: Path) -> Iterator[Server]:
    running = Server(city_home)
    yield running
    running.close()


@pytest.fixture
def cold_server(city_home: Path) -> Iterator[Server]:
    """A server nobody has visited yet."""
    running = Server(city_home)
    yield running
    running.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS)
        yield running
        running.close()


class Visit:
    """A page with what went wrong on it."""

    def __init__(self, page: Page, base: str) -> None:
        self.page = page
        self.base = base
        self.wrong: list[str] = []
        page.on("request", self._request)
        page.on("requestfailed", lambda request: self.wrong.append(f"failed: {request.url}"))
        page.on("response", self._response)
        page.on("pageerror", lambda error: self.wrong.append(f"script error: {error}"))

    def _request(self, request) -> None:
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.wrong.append(f"outside: {request.url}")

    def _response(self, response) -> None:
        # a deep link makes Streamlit try its two probes below the page's own address first; it then asks at the root
        probes = response.url.endswith(("/_stcore/health", "/_stcore/host-config"))
        if response.status >= 400 and not probes:
            self.wrong.append(f"{response.status}: {response.url}")

    def open(self, path: str, wait_for: str) -> Page:
        self.page.goto(self.base + path)
        self.page.get_by_text(wait_for, exact=False).first.wait_for(timeout=30_000)
        self.page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=30_000)
        return self.page


@pytest.fixture(scope="session")
def contexts(browser: Browser) -> Iterator[Callable[[int, int, str], BrowserContext]]:
    """One context for each size and theme, so that the app's own files are fetched and compiled once."""
    known: dict[tuple[int, int, str], BrowserContext] = {}

    def get(width: int, height: int, scheme: str) -> BrowserContext:
        key = (width, height, scheme)
        if key not in known:
            known[key] = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, locale="zh-CN")
        return known[key]

    yield get
    for context in known.values():
        context.close()


@pytest.fixture
def visit(contexts: Callable[[int, int, str], BrowserContext]) -> Iterator[Callable[..., Visit]]:
    pages: list[Page] = []

    def start(server: Server, width: int = 1366, height: int = 768, scheme: str = "light") -> Visit:
        pages.append(contexts(width, height, scheme).new_page())
        return Visit(pages[-1], server.base)

    yield start
    for page in pages:
        page.close()

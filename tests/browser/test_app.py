"""The app in a real browser that can reach this machine only."""

from __future__ import annotations

import io
import re
import time
from urllib.parse import quote, unquote

import pytest
from PIL import Image

from storage.scope import Role
from ui import words
from ui.chinese_shim import WORDS

pytestmark = pytest.mark.browser

ROLES = [words.label(role) for role in Role]
TITLES = {"/": "数据驾驶舱", "/definitions": "指标口径", "/batches": "数据接入"}
MAP = ".maplibregl-canvas"
MONTH = quote("2025年10月")
SIZES = [(1920, 1080, "light"), (1366, 768, "dark"), (390, 844, "light")]
COLOURS_OF_A_DRAWN_MAP = 12


def title_for(path: str, role: str) -> str:
    return "无权查看" if path == "/batches" and role != "管理员" else TITLES[path]


def map_colours(page) -> int:
    picture = Image.open(io.BytesIO(page.locator(MAP).first.screenshot())).convert("RGB")
    return len(picture.getcolors(maxcolors=1_000_000) or [])


def wait_for_map(page) -> None:
    page.locator(MAP).first.wait_for(timeout=30_000)
    limit = time.monotonic() + 30
    while map_colours(page) <= COLOURS_OF_A_DRAWN_MAP:
        assert time.monotonic() < limit, "the map stayed blank"
        page.wait_for_timeout(300)


def click_area(page, west_to_east: float, north_to_south: float) -> None:
    box = page.locator(MAP).first.bounding_box()
    page.mouse.click(box["x"] + box["width"] * west_to_east, box["y"] + box["height"] * north_to_south)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("path", list(TITLES))
def test_every_page_as_every_role(server, visit, path, role):
    seen = visit(server)
    page = seen.open(f"{path}?role={quote(role)}", title_for(path, role))
    if path == "/":
        wait_for_map(page)
    assert page.locator("[data-testid=stException]").count() == 0
    assert "页面出错" not in page.inner_text("body")
    assert seen.wrong == []


@pytest.mark.parametrize(("width", "height", "scheme"), SIZES)
def test_no_sideways_scrolling_and_no_english(server, visit, width, height, scheme):
    page = visit(server, width, height, scheme).open(f"/?month={MONTH}", "前十类问题")
    wait_for_map(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.documentElement.lang") == "zh-CN"
    seen = set(re.findall(r"[^\n]+", page.locator("body").inner_text()))
    assert not seen & set(WORDS), "words of Streamlit that the shim should have translated"


def test_a_cold_server_shows_no_content_to_others(cold_server, visit):
    page = visit(cold_server).open("/batches", "无权查看")
    text = page.locator("[data-testid=stMain]").inner_text()
    assert "隔离" not in text
    assert "批次" not in text


def test_a_cold_server_serves_a_deep_link(cold_server, visit):
    seen = visit(cold_server)
    messages: list[str] = []
    seen.page.on("console", lambda message: messages.append(message.text))
    page = seen.open("/definitions", "现行政策取值")
    assert page.get_by_text("没有这个页面").count() == 0
    assert not [text for text in messages if "does not seem to exist" in text]


def test_one_click_on_the_map_narrows_the_page(server, visit):
    page = visit(server).open(f"/?month={MONTH}", "前十类问题")
    wait_for_map(page)
    click_area(page, 0.62, 0.5)
    page.wait_for_url("**district=**", timeout=15_000)
    assert "district=东城区" in unquote(page.url)
    page.get_by_text("东城区 · 2025年10月").wait_for(timeout=15_000)


def test_a_row_does_what_the_area_does(server, visit):
    page = visit(server).open(f"/?month={MONTH}&areas_as={quote('列表')}&level={quote('街乡镇')}", "前十类问题")
    box = page.locator("[data-testid=stDataFrame] canvas").first.bounding_box()
    page.mouse.click(box["x"] + 80, box["y"] + 50)
    page.wait_for_url("**subdistrict=**", timeout=15_000)
    page.get_by_text("返回上一级").click()
    page.wait_for_url(lambda url: "subdistrict" not in url, timeout=15_000)


def test_the_filters_in_the_link_survive_a_reload(server, visit):
    page = visit(server).open(f"/?month={MONTH}&district={quote('西城区')}&channel={quote('微信')}", "西城区 · 2025年10月 · 微信")
    page.locator(".weisu-value").nth(5).wait_for(timeout=30_000)
    before = page.locator(".weisu-value").all_inner_texts()
    page.reload()
    page.get_by_text("西城区 · 2025年10月 · 微信").wait_for(timeout=30_000)
    page.locator(".weisu-value").nth(5).wait_for(timeout=30_000)
    assert page.locator(".weisu-value").all_inner_texts() == before


def test_an_update_of_the_map_is_small(server, visit):
    seen = visit(server)
    received: list[int] = []
    seen.page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))))
    page = seen.open(f"/?month={MONTH}", "前十类问题")
    wait_for_map(page)
    received.clear()
    page.get_by_role("radio", name="街乡镇", exact=True).click()
    page.wait_for_url("**level=**", timeout=15_000)
    page.wait_for_timeout(1_500)
    assert 0 < sum(received) <= 50_000


@pytest.mark.parametrize("path", ["/geo/x/../../keys/caller.key", "/geo/x/city.toml", "/geo/x/areas.geojson", "/geo/%2e%2e/district.geojson.key"])
def test_the_boundary_route_gives_nothing_else(server, visit, path):
    answer = visit(server).page.request.get(server.base + path)
    assert answer.status == 404 or "text/html" in answer.headers["content-type"]


def test_boundaries_are_compressed_and_kept(server, visit):
    seen = visit(server)
    with seen.page.expect_response(lambda response: response.url.endswith("/district.geojson")) as caught:
        seen.open("/", "前十类问题")
    assert caught.value.headers["content-encoding"] == "gzip"
    assert "immutable" in caught.value.headers["cache-control"]


@pytest.mark.parametrize("query", [f"month={MONTH}", f"month={MONTH}&category={quote('供暖问题')}", f"grain={quote('年')}"])
def test_the_cockpit_fits_a_large_screen(server, visit, query):
    page = visit(server, 1920, 1080).open(f"/?{query}", "数据版本")
    wait_for_map(page)
    main = page.locator("[data-testid=stMain]")
    assert main.evaluate("(item) => item.scrollHeight") <= 1080
    foot = page.get_by_text("数据版本").last.bounding_box()
    assert foot["y"] + foot["height"] <= 1080


OTHER_PLACE = f"district={quote('西城区')}&subdistrict={quote('新街口街道')}"


@pytest.mark.parametrize(
    ("who", "own", "others"),
    [
        (f"role={quote('街乡镇')}&unit={quote('景山街道')}", "景山街道", ("新街口街道", "西长安街街道", "东华门街道", "西城区")),
        (f"role={quote('区')}&unit={quote('东城区')}", "东城区", ("新街口街道", "西长安街街道", "西城区")),
        (f"role={quote('委办局')}&unit={quote('市交通委')}", "市交通委", ("市住建委", "热力集团")),
    ],
)
@pytest.mark.parametrize("view", ["", f"&areas_as={quote('列表')}&level={quote('街乡镇')}"])
def test_a_link_to_another_place_shows_nothing_of_it(server, visit, who, own, others, view):
    page = visit(server).open(f"/?month={MONTH}&{who}&{OTHER_PLACE}{view}", "数据版本")
    page.locator(".weisu-value").nth(5).wait_for(timeout=30_000)
    page.wait_for_timeout(1_000)
    main = page.locator("[data-testid=stMain]")
    everything = main.evaluate("(item) => item.textContent + ' ' + [...item.querySelectorAll('[aria-label]')].map((one) => one.ariaLabel).join(' ')")
    assert own in everything
    assert [name for name in others if name in everything] == []

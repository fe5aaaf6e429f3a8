"""What Streamlit says by itself is Chinese too: menus, select boxes, date pickers and the tools of a table, all opened."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

pytestmark = pytest.mark.browser

MONTH = quote("2025年10月")
OUR_LATIN = re.compile(r"^(方向键移动，回车选定，Esc 关闭。|CSV|下载 CSV.*|Streamlit|由 Streamlit 制作 v|v?[\d.]+)$")
ICON = re.compile(r"^[a-z]+(_[a-z0-9]+)*$")
"""Names of the icon font are drawn as pictures; they are hidden from readers of the screen."""

SAID = """() => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (parent && !parent.closest("script,style,noscript,canvas,[data-testid=stIconMaterial]")) found.push(walker.currentNode.nodeValue.trim());
  }
  for (const element of document.querySelectorAll("[title],[aria-label],[placeholder]"))
    for (const name of ["title", "aria-label", "placeholder"]) found.push(element.getAttribute(name) ?? "");
  return found.filter((text) => /[A-Za-z]{2}/.test(text));
}"""


def english(page) -> list[str]:
    page.wait_for_function("window.weisuChinese")  # the shim is a module of its own and may arrive after the page
    page.wait_for_timeout(500)
    return sorted({text for text in page.evaluate(SAID) if not OUR_LATIN.match(text) and not ICON.match(text)})


def hover_table(page) -> None:
    page.locator("[data-testid=stDataFrame]").first.hover()


def test_a_page_at_rest(server, visit):
    page = visit(server).open(f"/?month={MONTH}", "数据版本")
    assert english(page) == []


def test_the_menu_of_the_app(server, visit):
    page = visit(server).open(f"/?month={MONTH}", "数据版本")
    page.locator("[data-testid=stMainMenu]").click()
    page.get_by_text("打印").first.wait_for()
    assert english(page) == []


def test_a_select_box_without_a_result(server, visit):
    page = visit(server).open(f"/?month={MONTH}", "数据版本")
    box = page.locator("[data-testid=stSelectbox] input").nth(2)
    box.click()
    assert english(page) == []
    box.fill("没有的")
    page.get_by_text("没有符合的选项").first.wait_for()
    assert english(page) == []


def test_the_tools_of_a_table(server, visit):
    page = visit(server).open(f"/?month={MONTH}", "数据版本")
    for word in ("显示或隐藏列", "下载 CSV", "搜索", "全屏"):
        hover_table(page)
        assert page.locator(f"[data-testid=stElementToolbarButton] button[aria-label^='{word}']").count() >= 1
    page.locator("[data-testid=stElementToolbarButton] button[aria-label^='搜索']").first.click()
    page.keyboard.type("供暖")
    page.get_by_text("1 处").first.wait_for()
    assert english(page) == []
    page.keyboard.press("Escape")
    hover_table(page)
    page.locator("[data-testid=stElementToolbarButton] button[aria-label^='显示或隐藏列']").first.click()
    page.get_by_text("全选").first.wait_for()
    assert english(page) == []


def test_the_menu_of_a_column(server, visit):
    page = visit(server).open(f"/?month={MONTH}", "数据版本")
    box = page.locator("[data-testid=stDataFrame] canvas").first.bounding_box()
    page.mouse.move(box["x"] + 36, box["y"] + 16)
    page.wait_for_timeout(300)
    for right in range(30, 90, 6):
        page.mouse.click(box["x"] + right, box["y"] + 17)
        page.wait_for_timeout(250)
        if page.get_by_text("升序").count():
            break
    assert english(page) == []
    for word in ("列统计", "格式"):
        if page.get_by_text(word, exact=True).count():
            page.get_by_text(word, exact=True).first.hover()
            assert english(page) == []


@pytest.mark.parametrize("grain", ["日", "周", "自定"])
def test_a_date_picker(server, visit, grain):
    page = visit(server).open(f"/?grain={quote(grain)}", "数据版本")
    assert english(page) == []
    page.locator("[data-testid=stDateInput] button").first.click()
    page.get_by_role("grid").first.wait_for()
    assert english(page) == []


def test_the_search_for_a_page_that_is_not_there(server, visit):
    page = visit(server).open("/nosuchpage", "没有这个页面")
    page.get_by_text("数据版本").first.wait_for(timeout=30_000)
    assert english(page) == []


def test_a_name_in_the_data_is_never_translated(server, visit):
    """The shim leaves options, cells and prose alone: a category may be called "Light" or "Search"."""
    page = visit(server).open(f"/?month={MONTH}", "数据版本")
    page.wait_for_function("window.weisuChinese")
    marks = page.evaluate(
        """async () => {
          const host = document.createElement("div");
          host.innerHTML = "<div role=option>Light</div><div data-testid=stMarkdownContainer>Search</div>"
            + "<table data-testid=stTable><td>Dark</td></table><i>Rerun</i>";
          document.body.append(host);
          await new Promise((done) => setTimeout(done, 200));
          const said = [...host.querySelectorAll("[role=option],[data-testid=stMarkdownContainer],td,i")].map((item) => item.textContent);
          host.remove();
          return said;
        }"""
    )
    assert marks == ["Light", "Search", "Dark", "重新运行"]

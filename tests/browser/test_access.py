"""Every page with the keyboard alone, for a reader of the screen aloud, and for eyes that need contrast."""

from __future__ import annotations

from urllib.parse import quote

import pytest

pytestmark = pytest.mark.browser

ADMIN = f"?role={quote('管理员')}"
MONTH = quote("2025年10月")
PAGES = {
    "cockpit": f"/?month={MONTH}",
    "cockpit as tables": f"/?month={MONTH}&areas_as={quote('列表')}&volume_as={quote('列表')}",
    "heatmap": "/heatmap",
    "checkup": "/checkup",
    "definitions": "/definitions",
    "quality": f"/quality{ADMIN}",
    "batches": f"/batches{ADMIN}",
}
MOST_TABS = 220
CHARTS = "[data-testid=stPlotlyChart], [data-testid=stDeckGlJsonChart], [data-testid=stDataFrame], [data-testid=stVegaLiteChart], [data-testid=stEChartsChart]"

UNNAMED = """(charts) => [...document.querySelectorAll(charts)].filter((chart) => {
    const inside = [...chart.querySelectorAll('table, [role=grid], [role=img], [role=figure], [role=region]:not(canvas)')];
    const around = chart.closest('[role=figure], [role=img], [role=region], [role=group], figure');
    return ![chart, around, ...inside].some((item) => item && (item.getAttribute('aria-label') || item.getAttribute('aria-labelledby')));
}).map((chart) => chart.dataset.testid + ' ' + (chart.innerText || '').slice(0, 60))"""

# A control that is shown and may be used. Of a group of radio buttons the keyboard reaches one, and the arrows the others; what
# floats over a table or chart only while the mouse is there, the cells inside a table's canvas, and the arrow of a list whose box
# opens by itself are not controls of the page.
CONTROLS = """() => {
    const shown = (item) => {
        const box = item.getBoundingClientRect();
        const style = getComputedStyle(item);
        return box.width > 1 && box.height > 1 && style.visibility !== 'hidden' && style.display !== 'none' && !item.closest('[inert], [aria-hidden=true]');
    };
    const kinds = 'a[href], button, input, select, textarea, summary, [role=button], [role=radio], [role=slider], [role=combobox]';
    const left = '[data-testid=stElementToolbar], .modebar, .maplibregl-control-container, [data-testid=stDataFrame], [data-testid=stToolbar]';
    const part = (item) => item.tabIndex < 0 && item.closest('[data-baseweb], [data-testid]').querySelector('[role=combobox], input') !== null;
    const items = [...document.querySelectorAll(kinds)].filter((item) => shown(item) && !item.disabled && !item.closest(left) && !part(item));
    const groups = new Set();
    const wanted = [];
    for (const item of items) {
        const group = item.getAttribute('role') === 'radio' || item.type === 'radio' ? item.closest('[role=radiogroup]') : null;
        if (group) {
            if (groups.has(group)) continue;
            groups.add(group);
            group.dataset.wanted = '1';
            wanted.push(group);
        } else {
            item.dataset.wanted = '1';
            wanted.push(item);
        }
    }
    return wanted.length;
}"""
TABBED = """() => {
    const mark = document.activeElement && document.activeElement.closest('[data-wanted]');
    if (mark) mark.dataset.reached = '1';
    return document.activeElement === document.body || document.activeElement === null;
}"""
UNREACHED = """() => [...document.querySelectorAll('[data-wanted]:not([data-reached])')]
    .filter((item) => !item.querySelector('[data-reached]') && !item.closest('[data-reached]'))
    .map((item) => [item.tagName, item.getAttribute('role'), (item.getAttribute('aria-label') || item.innerText || item.title || '').slice(0, 60)].join(' '))"""

PALE = """() => {
    const numbers = (text) => { const found = text.match(/[\\d.]+/g); return found ? found.map(Number) : [0, 0, 0, 0]; };
    const colour = (text) => { const [r, g, b, a] = numbers(text); return [r, g, b, a === undefined ? 1 : a]; };
    const over = (top, under) => [0, 1, 2].map((part) => top[part] * top[3] + under[part] * (1 - top[3])).concat(1);
    const ground = (item) => {
        const layers = [];
        const own = item.getBoundingClientRect();
        const middle = { x: own.left + own.width / 2, y: own.top + own.height / 2 };
        for (let one = item; one; one = one.parentElement) {
            const layer = colour(getComputedStyle(one).backgroundColor);
            const around = one.getBoundingClientRect();  // a label may hang outside the box it belongs to
            if (middle.x < around.left || middle.x > around.right || middle.y < around.top || middle.y > around.bottom) continue;
            if (layer[3] > 0) layers.push(layer);
            if (layer[3] === 1) break;
        }
        // what is scrolled out of the window lies outside the app's box, but on its ground
        const app = colour(getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor);
        return layers.reverse().reduce((under, top) => over(top, under), over(app, [255, 255, 255, 1]));
    };
    const opacity = (item) => { let all = 1; for (let one = item; one; one = one.parentElement) all *= Number(getComputedStyle(one).opacity); return all; };
    const light = (rgb) => {
        const [r, g, b] = rgb.map((part) => { const share = part / 255; return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4; });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = new Map();
    const check = (item, text, ink) => {
        const style = getComputedStyle(item);
        const box = item.getBoundingClientRect();
        if (box.width < 2 || box.height < 2 || style.visibility === 'hidden' || item.closest('[aria-hidden=true], [disabled], [aria-disabled=true]')) return;
        const under = ground(item);
        const top = colour(ink);
        top[3] *= opacity(item);
        if (top[3] < 0.05) return;  // shown only while the mouse is there
        const pair = [light(over(top, under)), light(under)].sort((a, b) => b - a);
        const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
        const size = parseFloat(style.fontSize);
        const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
        if (ratio >= (large ? 3 : 4.5) - 0.01) return;
        const where = item.closest('[data-testid]');
        found.set([ratio.toFixed(2), ink, 'on', under.slice(0, 3).map(Math.round), where && where.dataset.testid].join(' '), text);
    };
    const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let count = 0;
    while (walk.nextNode()) {
        const text = walk.currentNode.nodeValue.trim();
        const item = walk.currentNode.parentElement;
        if (!text || !item || ['SCRIPT', 'STYLE', 'NOSCRIPT'].includes(item.tagName) || getComputedStyle(item).fontFamily.includes('Material')) continue;
        const drawn = item.closest('svg');
        if (drawn && !item.closest('.xtick, .ytick, .legendtext, .xtitle, .ytitle')) continue;
        count += 1;
        check(item, text.slice(0, 40), drawn ? getComputedStyle(item).fill : getComputedStyle(item).color);
    }
    return { count, pale: [...found].map(([key, text]) => `${key}: ${text}`) };
}"""


def opened(visit, server, name: str, scheme: str = "light"):
    page = visit(server, scheme=scheme).open(PAGES[name], "数据版本")
    page.wait_for_timeout(1_500)
    return page


@pytest.mark.parametrize("name", list(PAGES))
def test_every_chart_and_table_has_a_name(server, visit, name):
    page = opened(visit, server, name)
    page.locator(CHARTS).first.wait_for(timeout=30_000)
    assert page.evaluate(UNNAMED, CHARTS) == []


@pytest.mark.parametrize("name", list(PAGES))
def test_the_keyboard_reaches_every_control(server, visit, name):
    page = opened(visit, server, name)
    assert page.evaluate(CONTROLS) > 1
    for turn in range(MOST_TABS):
        page.keyboard.press("Tab")
        if page.evaluate(TABBED) and turn > 5:
            break
    assert page.evaluate(UNREACHED) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", list(PAGES))
def test_text_stands_out_from_its_ground(server, visit, name, scheme):
    found = opened(visit, server, name, scheme).evaluate(PALE)
    assert found["count"] > 10  # texts seen at all; the plainest page has about twenty
    assert found["pale"] == []

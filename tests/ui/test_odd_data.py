"""Every page on odd data: it opens without an exception, writes no nan, None or inf, and says in words what is missing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from tests.ui import seeded_city
from tests.ui.key_figures import key_figures
from ui import words
from ui.catalog import PAGES

pytestmark = pytest.mark.slow

COCKPIT, CHECKUP, HEATMAP = "pages/overview/cockpit.py", "pages/overview/checkup.py", "pages/overview/heatmap.py"
BATCHES = "pages/admin/batches.py"
MISSING = re.compile(r"(?<![A-Za-z])(nan|NaN|None|inf|-inf|NaT|<NA>|null)(?![A-Za-z])")
RATES = ("响应率", "解决率", "满意率")

Row = dict[str, str]


def accepted_in(*months: str) -> list[Row]:
    return [dict(row) for row in seeded_city.rows() if row["创建时间"][:7] in months]


def spoken(app: AppTest) -> str:
    """Every sentence of the page."""
    kinds = (app.title, app.header, app.subheader, app.markdown, app.caption, app.info, app.success, app.warning, app.error, app.code)
    figures = [f"{item.label} {item.value} {item.delta} {item.year}" for item in key_figures(app)]
    return "\n".join([*(str(item.value) for kind in kinds for item in kind if "weisu-card" not in str(item.value)), *figures])


def hover_texts(app: AppTest) -> str:
    """The strings of the charts, numbers left out: a gap in a line is null by right."""
    return "\n".join(text for item in app.get("plotly_chart") for text in re.findall(r'"((?:[^"\\]|\\.)*)"', item.proto.spec))


def check_screen(app: AppTest, where: str) -> None:
    """No exception, no error, and nothing that is missing written as a computer writes it."""
    assert not app.exception, where
    assert not app.error, (where, [item.value for item in app.error])
    for text in (spoken(app), hover_texts(app)):
        assert not (found := MISSING.search(text)), (where, text[max(0, found.start() - 60) : found.end() + 60])
    for item in app.dataframe:
        cells = [cell for column in item.value for cell in item.value[column] if isinstance(cell, str)]
        assert not [cell for cell in cells if MISSING.search(cell)], where
        if item.value.isna().to_numpy().any():
            assert item.proto.placeholder == "—", (where, list(item.value))


@pytest.fixture
def every_page(open_page: Callable[..., AppTest]) -> Callable[..., dict[str, AppTest]]:
    """Open every page of a home as an administrator, check its screen, and return the pages by file."""

    def run(home: Path, **query: str) -> dict[str, AppTest]:
        pages = {}
        for entry in PAGES:
            app = open_page("" if entry.file == COCKPIT else entry.file, home=home, role="管理员", **query)
            check_screen(app, entry.file)
            assert app.title[0].value == entry.title
            pages[entry.file] = app
        return pages

    return run


def metric(app: AppTest, name: str) -> Any:
    return next(item for item in key_figures(app) if item.label == name)


def table(app: AppTest, head: str) -> pd.DataFrame:
    return next(item.value for item in app.dataframe if head in item.value)


def test_a_month_without_follow_ups(every_page, open_page, tmp_path):
    """Dashes with 无回访 in place of rates, on the cards, in the tables, in the check-up; no rate is coloured on the map."""
    home = seeded_city.build(tmp_path, accepted_in("2024-03", "2024-04", seeded_city.UNASKED_MONTH))
    pages = every_page(home)
    cockpit = pages[COCKPIT]
    for name in RATES:
        assert (metric(cockpit, name).value, metric(cockpit, name).delta) == ("—", "无回访")
    assert metric(cockpit, "未解决件数").value == "—"
    assert metric(cockpit, "未解决件数").delta == "无回访"
    assert "本时段无回访，三率不计算" in spoken(cockpit)
    assert set(table(cockpit, "open_count")["note"]) == {"— 无回访"}
    checked = table(pages[CHECKUP], "指标").set_index("指标")
    for name in (*RATES, "未解决件数"):
        assert tuple(checked.loc[name, ["状态", "本月", "判断依据"]]) == ("— 不评", "—", "无回访")
    heat = open_page(HEATMAP, home=home, metric="解决率")
    check_screen(heat, "rates on the heat map")
    assert "2024年5月没有一个街乡镇算得出解决率" in spoken(heat)


def test_a_street_without_tickets(every_page, open_page, tmp_path):
    """It stays on the map and in the lists with zero and dashes; its own pages say that there is nothing."""
    made = [row for row in accepted_in("2025-08", "2025-09", "2025-10") if row["被反映街乡镇"] != "建外街道"]
    home = seeded_city.build(tmp_path, made)
    every_page(home, level="街乡镇", areas_as="列表")
    places = table(open_page(home=home, level="街乡镇", areas_as="列表"), "parent").set_index("name")
    assert places.loc["建外街道", "request_count"] == 0
    assert places.loc["建外街道", "change"] == "—"
    assert places.loc["建外街道", "note"] == "— 无回访"
    assert places.loc["建外街道", "rank"] == len(seeded_city.AREAS)
    own = open_page(home=home, subdistrict="建外街道")
    check_screen(own, "cockpit of the street")
    assert "没有工单" in spoken(own)
    heat = open_page(HEATMAP, home=home, area="110105001", at="2025年10月", level="街乡镇")
    check_screen(heat, "heat map of the street")
    assert "**建外街道** · 诉求量 0 件" in spoken(heat)
    assert "主要问题：无" in spoken(heat)
    app = open_page(CHECKUP, home=home)
    app = app.selectbox(key="object").select("subdistrict").run()
    app = app.selectbox(key="subdistrict").select("110105001").run()
    check_screen(app, "check-up of the street")
    assert "没有工单" in spoken(app)


def test_a_single_ticket(every_page, open_page, tmp_path):
    """One ticket in the whole home: nothing to compare with, and every page says so rather than failing."""
    row = next(row for row in accepted_in("2025-06") if row["工单类型"] == "投诉" and row["被反映街乡镇"] == "景山街道" and row["是否解决"] == "已解决")
    home = seeded_city.build(tmp_path, [row | {"是否参评": "是", "剔除原因": "", "重复来电组": "", "问题分类": "供暖问题->收费"}])
    pages = every_page(home)
    cockpit = pages[COCKPIT]
    assert (metric(cockpit, "受理量").value, metric(cockpit, "诉求量").value, metric(cockpit, "解决率").value) == ("1", "1", "100.0%")
    assert metric(cockpit, "诉求量").delta == "—"
    assert "数据未覆盖去年同期" in spoken(cockpit)
    assert "△ 样本不足" in spoken(cockpit)
    assert "10 项中 10 项不评" in spoken(pages[CHECKUP])
    checked = table(pages[CHECKUP], "指标").set_index("指标")["判断依据"]
    assert checked["解决率"] == "样本不足"
    assert checked["诉求量同比"] == "去年同月无数据"
    for grain in ("日", "周", "年", "自定"):
        check_screen(open_page(home=home, grain=grain), grain)
    for chosen in ("与常年同期相比", "万人诉求比（估计）", "解决率"):
        check_screen(open_page(HEATMAP, home=home, metric=chosen), chosen)
    for layer in ("密度", "社区"):
        check_screen(open_page(HEATMAP, home=home, layer=layer), layer)


def up_to_yesterday() -> list[Row]:
    """Seeded rows of two months, moved so that the last day is yesterday."""
    made = accepted_in("2025-09", "2025-10")
    move = (datetime.now(UTC).date() - timedelta(days=1)) - date(2025, 10, 31)
    moved = []
    for row in made:
        times = {head: str(datetime.fromisoformat(row[head]) + move) if row[head] else "" for head in ("创建时间", "派单时间", "办理时限")}
        moved.append(row | times | {"办结时间": ""})
    return moved


def test_a_ticket_from_the_future_and_data_until_yesterday(every_page, tmp_path):
    """It is set aside with its reason; the data end yesterday and every page says so."""
    made = up_to_yesterday()
    ahead = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=10)
    home = seeded_city.build(tmp_path, [*made, made[0] | {"工单编号": "AHEAD", "创建时间": f"{ahead:%Y-%m-%d %H:%M:%S}", "派单时间": "", "办理时限": ""}])
    pages = every_page(home)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    until = f"数据截至 {yesterday.year}年{yesterday.month}月{yesterday.day}日"
    assert all(until in spoken(app) for app in pages.values())
    assert metric(pages[BATCHES], "隔离").value == "1"
    assert metric(pages[BATCHES], "新增").value == f"{len(made):,}"
    aside = table(pages[BATCHES], "原因")
    assert aside["原因"].tolist() == ["时间在未来"]
    assert f"{ahead:%Y-%m-%d}" in aside["值"].iloc[0]
    month = [row for row in made if row["创建时间"][:7] == f"{yesterday:%Y-%m}"]
    assert metric(pages[COCKPIT], "受理量").value == f"{len(month):,}"
    is_whole = (yesterday + timedelta(days=1)).day == 1
    assert is_whole or f"（截至{yesterday.month}月{yesterday.day}日）" in spoken(pages[COCKPIT])


@pytest.mark.parametrize("first_day", ["2025-07-01", "2025-07-15"])
def test_a_category_renamed_in_mid_year(every_page, open_page, tmp_path, first_day):
    """Totals do not move; the new name is 新上榜, or grows from nothing, with the old one beside it; where the change is explained it may be a rename."""
    old, new = "噪声扰民", "噪声污染防治"
    made = accepted_in(*(f"{year}-{month:02d}" for year in (2024, 2025) for month in range(1, 13) if (year, month) >= (2024, 5) and (year, month) <= (2025, 8)))
    renamed = [row | {"问题分类": row["问题分类"].replace(old, new)} if row["创建时间"] >= first_day else row for row in made]
    home = seeded_city.build(tmp_path, renamed)
    every_page(home, month="2025年7月")
    app = open_page(home=home, month="2025年7月")
    july = [seeded_city.meant(row) for row in renamed if row["创建时间"].startswith("2025-07")]
    assert metric(app, "受理量").value == f"{len(july):,}"
    shown = table(app, "problem").set_index("problem")
    assert shown.loc[new, "moved"] == "★ 新上榜"
    assert "新上榜 1 类" in spoken(app)
    before = seeded_city.build(_folder(tmp_path, "as it was"), made)
    same = table(open_page(home=before, month="2025年7月"), "problem").set_index("problem")
    both = [name for name in (old, new) if name in shown.index]
    assert shown.loc[both, "request_count"].sum() == same.loc[old, "request_count"]
    rest = Counter(shown["request_count"].drop(both).to_dict())
    assert rest == Counter(same["request_count"].drop(old).to_dict())
    if first_day == "2025-07-01":
        assert list(both) == [new]
        assert f"“{new}”可能由“{old}”改名而来" in spoken(app)
        august = table(open_page(home=home, month="2025年8月"), "problem").set_index("problem")
        assert august.loc[new, "moved"] != "★ 新上榜", "in its second month the name is known"


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder


def test_29_february(every_page, open_page, tmp_path):
    """The day, its week and its month open; the day a year ago is a Thursday too, and February has 29 days beside 28."""
    made = [dict(row) for row in seeded_city.rows() if "2023-02-01" <= row["创建时间"][:10] <= "2024-02-29"]
    home = seeded_city.build(tmp_path, made)
    pages = every_page(home)
    assert "数据截至 2024年2月29日" in spoken(pages[COCKPIT])
    assert "2024年2月" in spoken(pages[COCKPIT])
    assert "（截至" not in spoken(pages[COCKPIT]), "the month is over"

    def requests(first: str, last: str) -> int:
        return seeded_city.added(date.fromisoformat(first), date.fromisoformat(last))["request_count"]

    for grain, now, then in (
        ("月", ("2024-02-01", "2024-02-29"), ("2023-02-01", "2023-02-28")),
        ("日", ("2024-02-29", "2024-02-29"), ("2023-03-02", "2023-03-02")),
        ("周", ("2024-02-26", "2024-02-29"), ("2023-02-27", "2023-03-02")),
    ):
        app = open_page(home=home, grain=grain)
        check_screen(app, grain)
        assert metric(app, "诉求量").value == str(requests(*now))
        assert f"同比 {words.relative(requests(*now) / requests(*then) - 1)}" in spoken(app), grain
    chosen = open_page(home=home, grain="自定", range="2024-02-29,2024-02-29")
    check_screen(chosen, "the day as a range")
    heat = open_page(HEATMAP, home=home, at="2024年2月", metric="与常年同期相比")
    check_screen(heat, "February against its own past")


def test_what_is_missing_is_seen():
    """The net has no holes: each way to write a missing value is found, words that hold one are not."""
    assert [text for text in ("nan%", "（None）", "-inf", "NaT", "+nan", "null 件") if not MISSING.search(text)] == []
    assert [text for text in ("information", "Nancy", "nonexistent", "info", "NoneType") if MISSING.search(text)] == []

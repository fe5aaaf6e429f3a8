"""未落图名单: the labels agree with a plain loop over the rows, and nobody sees another's."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from storage.queries import Selection
from storage.scope import Role, Scope
from tests.ui import small_city
from ui import heat_loaders, loaders

LEADER = Scope(Role.LEADER)
MONTH = date(2025, 10, 1)
PAGE = "pages/overview/heatmap.py"
KNOWN = {name for _code, name, *_rest in small_city.AREAS}


@pytest.fixture
def version(city_home, clear_caches, monkeypatch) -> str:
    monkeypatch.setenv("WEISU_HOME", str(city_home))
    return loaders.pin_version() or ""


def lost(month: str = "2025-10", district: str | None = None) -> Counter:
    rows = [row for row in small_city.rows() if row["创建时间"].startswith(month) and row["被反映街乡镇"] not in KNOWN]
    return Counter((row["被反映区"], row["被反映街乡镇"]) for row in rows if district in (None, row["被反映区"]))


def found(version: str, scope: Scope, selection: Selection | None = None, month: date = MONTH, level: str = "subdistrict") -> Counter:
    table = heat_loaders.unplaced_labels(version, scope, selection or Selection(), month, level, None)
    return Counter({(row.district, row.subdistrict): row.ticket_count for row in table.itertuples()})


def test_the_list_is_what_the_rows_say(version):
    every = {f"{year}-{number:02d}" for year, number in [(2024, 11), (2025, 3), (2025, 10)]}
    for name in every:
        assert found(version, LEADER, month=date.fromisoformat(f"{name}-01")) == lost(name)
    assert sum(lost().values()) == loaders.places(version, LEADER, Selection(), heat_loaders.month_period(MONTH), "subdistrict")[1] > 0


def test_largest_first_and_the_number_of_all(version):
    busy = next(month for month in heat_loaders.months(version) if len(lost(f"{month:%Y-%m}")) > 1)
    table = heat_loaders.unplaced_labels(version, LEADER, Selection(), busy, "subdistrict", None)
    assert table["ticket_count"].is_monotonic_decreasing
    one = heat_loaders.unplaced_labels(version, LEADER, Selection(), busy, "subdistrict", 1)
    assert len(one) == 1
    assert one["label_count"].iloc[0] == len(table) > 1


def test_nobody_sees_the_rows_of_another(version):
    """A district sees its own, also when it asks for another; who has no such rows or none that can be told apart sees none."""
    east = Scope(Role.DISTRICT, "110101")
    assert found(version, east) == lost(district="东城区") != lost()
    assert found(version, LEADER, Selection(district_code="110102")) == lost(district="西城区")
    assert not found(version, east, Selection(district_code="110102"))
    for scope in (Scope(Role.SUBDISTRICT, "110101001"), Scope(Role.DEPARTMENT, "市住建委")):
        assert not found(version, scope)
    assert not found(version, LEADER, Selection(subdistrict_code="110101001"))


def test_a_district_that_is_known_is_not_lost_on_its_own_level(version):
    """All labels of the small city name a district, so on that level nothing is lost."""
    assert not found(version, LEADER, level="district")


@pytest.mark.parametrize(("role", "has_link"), [("leader", False), ("admin", True)])
def test_the_page_opens_the_list(open_page, role, has_link):
    app = open_page(PAGE, at="2025年10月", role=role, level="街乡镇")
    assert not any("送来的街乡镇" in table.value.columns for table in app.dataframe)
    app = app.button(key="unplaced_list").click().run()
    assert not app.exception
    table = next(table.value for table in app.dataframe if "送来的街乡镇" in table.value.columns)
    assert Counter(dict(zip(zip(table["送来的区"], table["送来的街乡镇"], strict=True), table["工单（件）"], strict=True))) == lost()
    captions = " ".join(item.value for item in app.caption)
    assert f"{len(lost())} 种写法共 {sum(lost().values())} 件" in captions
    assert ("由管理员在数据质量页" in captions) is not has_link


def test_who_has_no_list_gets_no_button(open_page):
    app = open_page(PAGE, at="2025年10月", role="department", unit="市住建委")
    assert not app.exception
    assert not any(button.key == "unplaced_list" for button in app.button)


def test_a_category_does_not_narrow_labels_and_the_list_says_so(open_page):
    category = next(row["问题分类"].split("->")[0] for row in small_city.rows() if row["创建时间"].startswith("2025-10") and row["被反映街乡镇"] not in KNOWN)
    app = open_page(PAGE, at="2025年10月", level="街乡镇", category=category)
    app.button(key="unplaced_list").click().run()
    assert any("名单含全部分类" in item.value for item in app.caption)

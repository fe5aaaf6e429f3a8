"""A planner's walk: from what comes in the next twelve weeks to an acknowledged, owned warning, and with the clock moved on to its score."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from storage.home import Home
from storage.records.warnings import read_warnings
from storage.scope import Role, Scope
from tests.browser.conftest import Server
from tests.ui import season_city

pytestmark = pytest.mark.browser

PLANNER = "role=规划专班"
WAIT = 120_000
WINDOW = date(2025, 11, 24), date(2025, 12, 21)
WARNING = f"season|city||{season_city.HEATING}|{WINDOW[0]}"


@pytest.fixture(scope="module")
def walk_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return season_city.build(tmp_path_factory.mktemp("season"))


@pytest.fixture(scope="module")
def walk_server(walk_home: Path) -> Iterator[Server]:
    running = Server(walk_home)
    yield running
    running.close()


def idle(page) -> None:
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for(timeout=WAIT)
    page.wait_for_timeout(500)


def submit(page, said: str) -> None:
    idle(page)  # a press on the form of the run before is nobody's
    page.get_by_role("button", name="提交").click()
    page.get_by_text(f"已记录：{said}").first.wait_for(timeout=WAIT)


def test_from_what_comes_to_its_score(walk_server, walk_home: Path, visit):
    walk = visit(walk_server)
    page = walk.open(f"/season?{PLANNER}", "数据版本")
    page.get_by_text("供暖问题 · 全市").first.wait_for(timeout=WAIT)
    assert "热力集团" in page.locator(".weisu-flag").first.inner_text()
    page.locator("[data-testid=stPlotlyChart]").nth(1).wait_for(timeout=WAIT)  # the strip of the year and the map of where
    page.get_by_text("○ 待研判").first.wait_for(timeout=WAIT)
    submit(page, "研判")
    page.get_by_text("◔ 属实待派").first.wait_for(timeout=WAIT)
    submit(page, "确认并填写措施")
    page.get_by_text("◑ 已派").first.wait_for(timeout=WAIT)
    idle(page)
    page.get_by_label("预案内容或存放位置").fill("预案库2025-07号")
    submit(page, "预案就绪")
    page.get_by_text("● 预案就绪").first.wait_for(timeout=WAIT)
    page.get_by_text("预案库2025-07号").first.wait_for(timeout=WAIT)

    said = season_city.move_on(walk_home, walk_home.parent)
    assert "计分" in said
    page = walk.open(f"/season?{PLANNER}&flag={WARNING}", "数据版本")
    came = season_city.count(season_city.HEATING, *WINDOW)
    # the folded list of windows to review says so too
    page.get_by_text(f"实际 {came} 件").locator("visible=true").first.wait_for(timeout=WAIT)
    page.get_by_text("● 命中").locator("visible=true").first.wait_for(timeout=WAIT)
    submit(page, "复盘")
    page.get_by_text("✔ 已复盘").locator("visible=true").first.wait_for(timeout=WAIT)
    page = walk.open(f"/ledger?{PLANNER}", "数据版本")
    page.get_by_text("命中").first.wait_for(timeout=WAIT)
    assert not walk.wrong
    rows = read_warnings(Home(walk_home), Scope(Role.PLANNER), today=season_city.LAST_DAY).set_index("warning_id")
    assert rows.loc[WARNING, "count"] == came
    assert rows.loc[WARNING, "came_true"] == (came >= rows.loc[WARNING, "threshold"])
    assert rows.loc[WARNING, "stage"] == "reviewed"


def test_a_street_sees_its_own_and_may_not_judge(walk_server, visit):
    page = visit(walk_server, 390, 844).open("/season?role=街乡镇&unit=景山街道", "数据版本")
    page.get_by_text("季节预警").first.wait_for(timeout=WAIT)
    assert page.get_by_text("新街口街道").count() == 0
    assert page.get_by_role("button", name="研判").count() == 0


def test_a_department_sees_the_whole_city_and_is_told_so(walk_server, visit):
    page = visit(walk_server).open("/season?role=委办局&unit=热力集团", "数据版本")
    page.get_by_text("供暖问题 · 全市").first.wait_for(timeout=WAIT)
    page.get_by_text("只看全市合计").wait_for(timeout=WAIT)
    assert "件数都太少" not in page.locator("[data-testid=stMain]").inner_text()

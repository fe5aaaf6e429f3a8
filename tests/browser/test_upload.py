"""上传工单 in a real browser: a real file, its rehearsal, one batch for two presses, and nothing left lying."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.home import Home
from storage.ledger import Ledger
from storage.records.audit import read_audit
from storage.scope import Role, Scope
from tests.browser.conftest import Server
from tests.ui import small_city

pytestmark = pytest.mark.browser

ADDRESS = "/batches?role=管理员"
WAIT = 90_000


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[tuple[Server, Home]]:
    """A city of its own, as the test changes it."""
    home = small_city.build(tmp_path)
    running = Server(home)
    yield running, Home(home)
    running.close()


def write_delivery(path: Path) -> None:
    """One row known already, two new, one faulty."""
    first = small_city.rows()[0]
    rows = [first, first | {"工单编号": "N1"}, first | {"工单编号": "N2"}, first | {"工单编号": "N3", "创建时间": "不详"}]
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.DictWriter(handle, list(first))
        writer.writeheader()
        writer.writerows(rows)


def test_a_file_is_rehearsed_confirmed_once_and_removed(own_server, visit, tmp_path: Path):
    server, home = own_server
    delivery = tmp_path / "今日.csv"
    write_delivery(delivery)
    walk = visit(server)
    page = walk.open(ADDRESS, "上传记录")
    page.locator("input[type=file]").set_input_files(str(delivery))
    page.get_by_text("今日.csv").wait_for()
    with home.writing():
        page.get_by_role("button", name="试运行").click()
        page.get_by_text("正由另一进程写入").wait_for(timeout=WAIT)
    page.get_by_role("button", name="再试一次").click()
    page.get_by_text("试运行结果，尚未写入").wait_for(timeout=WAIT)
    cards = page.locator("[data-testid=stMetric]").all_inner_texts()[:6]
    assert [card.split() for card in cards] == [["读入", "4"], ["新增", "2"], ["更新", "0"], ["未变", "1"], ["隔离", "1"], ["未落图", "0"]]
    assert len(Ledger(home, 2).batches()) == 1
    page.get_by_role("button", name="确认入库").dblclick()
    page.get_by_text("第 2 批已入库").wait_for(timeout=WAIT)
    page.get_by_text("最近的 2 条").wait_for()
    assert len(Ledger(home, 9).batches()) == 2
    assert read_audit(home, Scope(Role.ADMIN), "upload")["subject"].tolist() == ["upload.done", "upload.confirm"]
    assert not list((home.root / "uploads").rglob("*.csv"))
    page.get_by_role("button", name="再传一份").click()
    page.get_by_role("button", name="试运行").wait_for()
    assert page.get_by_text("选择文件").count() == 1, "the uploader speaks Chinese"
    assert walk.wrong == []

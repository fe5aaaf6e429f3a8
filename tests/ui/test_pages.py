"""Every page as every role, on a small city that the test counts again by itself."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from storage.scope import Role
from tests.ui import small_city
from tests.ui.key_figures import key_figures
from ui import words

ROLES = [words.label(role) for role in Role]
COCKPIT, DEFINITIONS, HOTSPOTS, BATCHES = "", "pages/overview/definitions.py", "pages/focus/hotspots.py", "pages/admin/batches.py"
MONTH = "2025年10月"


def metric(app, name: str):
    return next(item for item in key_figures(app) if item.label == name)


def texts(app) -> str:
    return "\n".join(str(item.value) for kind in (app.title, app.markdown, app.caption, app.info, app.warning, app.error) for item in kind)


def tickets_of(month: str, **wanted: str) -> list[dict[str, str]]:
    return [row for row in small_city.rows() if row["创建时间"].startswith(month) and all(row[key] == value for key, value in wanted.items())]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("page", [COCKPIT, DEFINITIONS, HOTSPOTS])
def test_open_to_every_role(open_page, role, page):
    app = open_page(page, role=role)
    assert not app.exception
    assert not app.error, [item.value for item in app.error]
    assert "数据截至 2025年11月20日" in texts(app)
    assert "无权查看" not in texts(app)


def test_batches_for_administrators(open_page):
    app = open_page(BATCHES, role="管理员")
    assert not app.exception
    assert not app.error
    assert app.title[0].value == "数据接入"
    kept = len(small_city.rows())
    assert metric(app, "读入").value == words.count(kept + 2)
    assert metric(app, "新增").value == words.count(kept)
    assert metric(app, "隔离").value == "2"
    assert "=1+1" in app.dataframe[1].value["值"].tolist()


@pytest.mark.parametrize("role", [name for name in ROLES if name != "管理员"])
def test_batches_refused_to_others(open_page, role):
    app = open_page(role=role)
    with pytest.raises(ValueError, match="batches"):
        app.switch_page(BATCHES).run()


def test_headline_equals_a_recount(open_page):
    app = open_page(month=MONTH)
    month = tickets_of("2025-10")
    requests = [row for row in month if row["工单类型"] != "咨询"]
    assert metric(app, "受理量").value == words.count(len(month))
    assert metric(app, "诉求量").value == words.count(len(requests))
    answered = [row["是否解决"] for row in requests if row["是否解决"]]
    resolved = Counter(answered)["解决"]
    assert metric(app, "解决率").value == f"{resolved / len(answered) * 100:.1f}%"
    assert metric(app, "未解决件数").value == words.count(len(answered) - resolved)
    assert metric(app, "咨询占比").value == f"{(len(month) - len(requests)) / len(month) * 100:.1f}%"
    assert metric(app, "超期").value == words.DASH, "no ticket of the small city has a time limit: unknown, not none"
    units = next(item.value for item in app.dataframe if "open_count" in item.value)
    assert units["open_count"].sum() == sum(not row["办结时间"] for row in requests)


def test_changes_compare_with_the_month_before_and_a_year_ago(open_page):
    app = open_page(month=MONTH)
    now, before, year_ago = (sum(row["工单类型"] != "咨询" for row in tickets_of(month)) for month in ("2025-10", "2025-09", "2024-10"))
    assert len({now, before, year_ago}) == 3, "the test needs three different counts"
    shown = metric(app, "诉求量")
    assert shown.delta == f"{(now - before) / before * 100:+.1f}%"
    assert f"同比 {(now - year_ago) / year_ago * 100:+.1f}%" in shown.year


def test_top_problems_equal_a_recount(open_page):
    app = open_page(month=MONTH)
    counted = Counter(row["问题分类"].split("->")[0] for row in tickets_of("2025-10") if row["工单类型"] != "咨询")
    table = next(item.value for item in app.dataframe if "problem" in item.value)
    assert dict(zip(table["problem"], table["request_count"], strict=True)) == dict(counted)
    assert table["request_count"].is_monotonic_decreasing


def test_a_place_in_the_link_narrows_every_number(open_page):
    app = open_page(month=MONTH, district="东城区", subdistrict="景山街道")
    assert metric(app, "受理量").value == words.count(len(tickets_of("2025-10", 被反映街乡镇="景山街道")))


def test_a_code_in_the_link_means_the_same_as_its_name(open_page):
    app = open_page(month=MONTH, district="110101")
    assert metric(app, "受理量").value == words.count(
        sum(row["被反映街乡镇"] in ("东华门街道", "景山街道") or (row["被反映区"] == "东城区") for row in tickets_of("2025-10"))
    )
    assert dict(app.query_params)["district"] == "东城区"


def test_an_unknown_value_in_the_link_falls_back_with_a_note(open_page):
    app = open_page(month=MONTH, district="不存在的区")
    assert "不存在的区" in texts(app)
    assert metric(app, "受理量").value == words.count(len(tickets_of("2025-10")))


def test_a_bound_role_sees_its_own_rows_only(open_page):
    app = open_page(role="街乡镇", unit="景山街道", month=MONTH)
    assert metric(app, "受理量").value == words.count(len(tickets_of("2025-10", 被反映街乡镇="景山街道")))
    pickers = {box.label: box.options for box in app.selectbox}
    assert pickers["街乡镇"] == ["景山街道"]


def test_a_department_sees_its_own_rows_only(open_page):
    app = open_page(role="委办局", unit="市交通委", month=MONTH)
    assert metric(app, "受理量").value == words.count(len(tickets_of("2025-10", 承办单位="市交通委")))


def test_unplaced_tickets_are_counted_under_the_map(open_page):
    app = open_page(month=MONTH, level="街乡镇")
    unplaced = len(tickets_of("2025-10", 被反映街乡镇="不在册的地方"))
    assert unplaced
    assert f"未落图 {unplaced} 件" in texts(app)


@pytest.mark.parametrize("grain", ["日", "周", "月", "年", "自定"])
def test_every_period(open_page, grain):
    app = open_page(grain=grain)
    assert not app.exception
    assert not app.error


def test_a_day_without_tickets_says_so(open_page):
    app = open_page(month=MONTH, type="表扬")
    assert any("没有工单" in item.value for item in app.info)


@pytest.mark.parametrize("page", [COCKPIT, "pages/overview/definitions.py"])
def test_first_steps_without_data(open_page, tmp_path: Path, page):
    app = open_page(home=tmp_path / "empty")
    assert app.title[0].value == "第一步：导入工单"
    assert any("manage.py ingest" in item.value for item in app.code)
    assert not key_figures(app)


def test_without_boundaries_the_map_is_a_sentence(open_page, tmp_path: Path):
    app = open_page(home=small_city.build(tmp_path, boundaries=False))
    assert any("尚未安装" in item.value for item in app.info)
    assert not app.error


def test_demo_identity_refuses_beyond_this_machine(open_page, monkeypatch):
    monkeypatch.setattr("ui.identity.refuses_demo", lambda *_: True)
    app = open_page()
    assert app.title[0].value == "演示身份只能在本机使用"
    assert not key_figures(app)
    assert not app.selectbox


def test_an_error_is_one_sentence_without_traceback(open_page, monkeypatch):
    def fail(*_):
        raise RuntimeError("secret path /etc/x")

    monkeypatch.setattr("ui.loaders.headline", fail)
    app = open_page()
    assert "页面出错" in app.error[0].value
    assert "secret" not in texts(app)
    assert not app.exception

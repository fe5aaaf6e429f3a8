"""数据质量 on the small city: numbers counted again from the delivered rows, for administrators only, and a silent week seen."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from storage.scope import BOUND_ROLES, Role, Scope, ScopeError
from tests.ui import small_city
from ui import exports, loaders, quality, quality_loaders, words

PAGE = "pages/admin/quality.py"
ROLES = [words.label(role) for role in Role]


def texts(app) -> str:
    return "\n".join(str(item.value) for kind in (app.title, app.markdown, app.caption, app.info, app.success, app.warning, app.error) for item in kind)


def delivered() -> list[dict[str, str]]:
    """The rows of the twelve months up to the last well-filled one, which the page shows at first."""
    return [row for row in small_city.rows() if "2024-12" <= row["创建时间"][:7] <= "2025-11"]


def table_with(app, head: str):
    return next(item.value for item in app.dataframe if head in item.value)


def test_every_section_for_administrators(open_page):
    app = open_page(PAGE, role="管理员")
    assert not app.exception
    assert not app.error, [item.value for item in app.error]
    assert app.title[0].value == "数据质量"
    text = texts(app)
    for name in ("数据报警", "字段完整度", "未匹配地名", "未分类", "无类型单位", "疑似重复", "晚到", "相近的分类", "写法对应"):
        assert f"##### {name}" in text
    assert "近一年没有数据报警" in text


def test_numbers_equal_a_recount(open_page):
    app = open_page(PAGE, role="管理员")
    made = delivered()
    fields = table_with(app, "完整度").set_index("字段")
    filled = {name: sum(bool(row[name]) for row in made) for name in ("办结时间", "是否解决", "承办单位")}
    assert fields.loc[list(filled), "有值"].to_dict() == filled
    assert set(fields["工单"]) == {len(made)}
    assert fields.loc["是否解决", "完整度"] == pytest.approx(100 * filled["是否解决"] / len(made), abs=0.005)
    places = table_with(app, "最相近的名称")
    odd = Counter(row["被反映区"] for row in made if row["被反映街乡镇"] == "不在册的地方")
    assert dict(zip(places.iloc[:, 0], places["件数"], strict=True)) == dict(odd)
    assert f"{len(made):,} 件工单中，未落图 {odd.total() / len(made) * 100:.1f}%" in texts(app)


@pytest.mark.parametrize("window", ["近3个月", "近12个月", "全部时间"])
def test_every_period(open_page, window):
    app = open_page(PAGE, role="管理员", window=window)
    assert not app.exception
    assert not app.error


@pytest.mark.parametrize("role", [name for name in ROLES if name != "管理员"])
def test_refused_to_others(open_page, role):
    app = open_page(role=role)
    with pytest.raises(ValueError, match="quality"):
        app.switch_page(PAGE).run()


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_nobody_else_can_load_it(city_home, clear_caches, monkeypatch, role):
    monkeypatch.setenv("WEISU_HOME", str(city_home))
    version = loaders.pin_version()
    period = quality_loaders.pick_window(version, 12)
    scope = Scope(role, "110101" if role in BOUND_ROLES else None)
    for load in (quality_loaders.volume_alarm, quality_loaders.delays, quality_loaders.category_paths, quality_loaders.alike):
        with pytest.raises(ScopeError):
            load(version, scope)
    for load in (quality_loaders.fields, quality_loaders.month_facts, quality_loaders.unmatched, quality_loaders.unclassified, quality_loaders.untyped):
        with pytest.raises(ScopeError):
            load(version, scope, period)


def test_a_silent_week_is_a_data_alarm_on_screen(open_page, tmp_path: Path):
    kept = [row for row in small_city.rows() if not "2025-11-03" <= row["创建时间"][:10] <= "2025-11-12"]
    path, home = tmp_path / "t.csv", tmp_path / "home"
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.DictWriter(handle, list(kept[0]))
        writer.writeheader()
        writer.writerows(kept)
    assert small_city.manage(home, "ingest", str(path), "--city", "beijing").returncode == 0
    app = open_page(PAGE, home=home, role="管理员")
    assert not app.error
    assert "近一年有 1 次数据报警" in app.warning[0].value
    assert "至12日" in app.warning[0].value or "至11月12日" in app.warning[0].value
    shown = open_page(PAGE, home=home, role="管理员", alarm_as="列表")
    table = table_with(shown, "判断")
    assert (table["判断"] == "★ 数据报警").sum() >= 5, "five tickets a day: seen from the fifth silent day on"


def picker(app, label: str):
    return next(box for box in app.selectbox if box.label == label)


def test_an_administrator_maps_a_label_once(open_page, tmp_path: Path):
    home = small_city.build(tmp_path)
    app = open_page(PAGE, home=home, role="管理员")
    app.button[0].click().run()
    assert "请选择要对应的写法" in app.error[0].value
    picker(app, "交付的写法").select("不在册的地方")
    picker(app, "对应的街乡镇").select("110101002")
    app.button[0].click().run()
    assert "请写明理由" in app.error[0].value
    app.text_input[0].input("与街道核对过")
    app.button[0].click().run()
    assert not app.error
    assert any("“不在册的地方”对应景山街道" in item.value for item in app.success)
    app.button[0].click().run()
    assert any("没有重复记录" in item.value for item in app.info)
    audit = table_with(app, "改为")
    assert audit[["写法", "原来", "改为", "理由", "谁"]].to_numpy().tolist() == [["不在册的地方", "（无）", "景山街道", "与街道核对过", "管理员（演示身份）"]]
    assert small_city.manage(home, "refresh").returncode == 0
    again = open_page(PAGE, home=home, role="管理员")
    assert "所有工单都找到了所在区域" in texts(again)
    assert "不在册的地方" in picker(again, "交付的写法").options, "a mapping can be taken back"


def test_an_administrator_maps_a_category_and_takes_it_back(open_page, tmp_path: Path):
    """A whole first level by its name; a department's unit the same way."""
    home = small_city.build(tmp_path)
    made = Counter(row["问题分类"].split("->")[0] for row in small_city.rows())
    for kind, label, target, word in (("分类", "占道停车", "市容环卫", "分类"), ("单位", "热力集团", "市住建委", "承办单位")):
        app = open_page(PAGE, home=home, role="管理员", alias_kind=kind)
        picker(app, "交付的写法").select(label)
        picker(app, f"对应的{word}").select(target)
        app.text_input[0].input("改名")
        app.button[0].click().run()
        assert any(f"“{label}”对应{target}" in item.value for item in app.success), texts(app)
    assert small_city.manage(home, "refresh").returncode == 0
    app = open_page(PAGE, home=home, role="管理员", alias_kind="分类")
    audit = table_with(app, "改为")
    assert audit[["类别", "写法", "改为"]].to_numpy().tolist() == [["单位", "热力集团", "市住建委"], ["分类", "占道停车", "市容环卫"]]
    paths = quality_loaders.category_paths(loaders.pin_version(), Scope(Role.ADMIN))
    counted = paths[paths["parent"].isna()].set_index("path")["ticket_count"].to_dict()
    assert "占道停车" not in counted
    assert counted["市容环卫"] == made["市容环卫"] + made["占道停车"]
    picker(app, "交付的写法").select("占道停车")
    app.text_input[0].input("还是两类")
    app.button[0].click().run()
    assert any("已撤销" in item.value for item in app.success)


def test_categories_alike_are_listed_with_those_renamed_first(clear_caches, monkeypatch, tmp_path: Path):
    """供热问题 became 供暖问题 in July 2025; 噪声扰民 and 噪音扰民 are used side by side."""
    rows = small_city.rows()
    for number, row in enumerate(rows):
        first, _sign, second = row["问题分类"].partition("->")
        if first == "供暖问题" and row["创建时间"] < "2025-07":
            first = "供热问题"
        if first == "噪声扰民" and number % 3 == 0:
            first = "噪音扰民"
        row["问题分类"] = f"{first}->{second}"
    path = tmp_path / "t.csv"
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    assert small_city.manage(tmp_path / "home", "ingest", str(path), "--city", "beijing").returncode == 0
    monkeypatch.setenv("WEISU_HOME", str(tmp_path / "home"))
    found = quality_loaders.alike(loaders.pin_version(), Scope(Role.ADMIN))
    pairs = [(row.path, row.other, row.is_apart) for row in found.itertuples() if "->" not in row.path]
    assert pairs == [("供暖问题", "供热问题", True), ("噪音扰民", "噪声扰民", False)]


def test_the_file_opens_in_a_spreadsheet(city_home, clear_caches, monkeypatch):
    monkeypatch.setenv("WEISU_HOME", str(city_home))
    version = loaders.pin_version()
    drops, _runs = quality_loaders.volume_alarm(version, Scope(Role.ADMIN))
    content = exports.csv_bytes(quality.alarm_table(drops))
    assert content.startswith(b"\xef\xbb\xbf")
    assert "判断" in content.decode("utf-8-sig").splitlines()[0]

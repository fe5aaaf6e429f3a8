"""城市体检 as every role, on the small city that the test counts again by itself."""

from __future__ import annotations

import codecs
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from governance.checkup import Status
from storage.scope import Role, Scope
from tests import plain
from tests.ui import small_city
from tests.ui.test_walk import ticket
from ui import checkup, checkup_figures, checkup_loaders, checkup_sentences, exports, loaders, words

PAGE = "pages/overview/checkup.py"
MONTH = "2025-10"
ROLES = [words.label(role) for role in Role]
TICKETS = [ticket(row) | {"unit": row["承办单位"], "district": row["被反映区"]} for row in small_city.rows()]
YEAR = [f"{year}-{month:02d}" for year, month in [(2025, month) for month in range(9, 0, -1)] + [(2024, 12), (2024, 11), (2024, 10)]]


@pytest.fixture
def open_checkup(open_page) -> Callable[..., AppTest]:
    """Open the page and pick by code; ``link`` is put into the address. The month of the home page stays, so it is picked too."""

    def run(*, role: str = "市领导", unit: str | None = None, month: str = MONTH, link: dict[str, str] | None = None, **picks: str) -> AppTest:
        app = open_page(role=role, **({"unit": unit} if unit else {})).switch_page(PAGE)
        for key, value in (link or {}).items():
            app.query_params[key] = value
        app.run()
        for key, value in (picks | {"month": month}).items():
            app = app.selectbox(key=key).select(value).run()
        return app

    return run


def texts(app) -> str:
    return "\n".join(str(item.value) for kind in (app.title, app.markdown, app.caption, app.info, app.warning, app.error) for item in kind)


def table(app) -> pd.DataFrame:
    return next(item.value for item in app.dataframe if "指标" in item.value).set_index("指标")


def tally(month: str, **wanted: str) -> Counter[str]:
    chosen = [row for row in TICKETS if f"{row['accepted_at']:%Y-%m}" == month and all(row[key] == value for key, value in wanted.items())]
    return plain.count(chosen)[None]


def percent(top: int, base: int) -> str:
    return f"{plain.rate(top, base) * 100:.1f}%"


@pytest.mark.parametrize("role", ROLES)
def test_open_to_every_role(open_checkup, role):
    app = open_checkup(role=role)
    assert not app.exception
    assert not app.error, [item.value for item in app.error]
    assert app.title[0].value == "城市体检"
    assert "10 项中" in texts(app)
    assert len(table(app)) == 10


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({}, {}),
        ({"object": "district", "district": "110102"}, {"district": "西城区"}),
        ({"object": "subdistrict", "subdistrict": "110101002"}, {"subdistrict": "景山街道"}),
        ({"object": "handler", "handler": "市交通委"}, {"unit": "市交通委"}),
        ({"object": "category", "category": "供暖问题"}, {"category_1": "供暖问题"}),
    ],
    ids=["city", "district", "subdistrict", "unit", "category"],
)
def test_the_table_equals_a_recount(open_checkup, query, wanted):
    shown = table(open_checkup(**query))
    now, before, year_ago = (tally(month, **wanted) for month in ("2025-10", "2025-09", "2024-10"))
    for name, top, base in (
        ("响应率", "responded_count", "response_base_count"),
        ("解决率", "resolved_count", "resolution_base_count"),
        ("满意率", "satisfied_count", "satisfaction_base_count"),
        ("未办结占比", "open_count", "request_count"),
        ("咨询占比", "consultation_count", "intake_count"),
    ):
        assert shown.loc[name, "本月"] == percent(now[top], now[base])
        assert shown.loc[name, "上月"] == percent(before[top], before[base])
        assert shown.loc[name, "去年同月"] == percent(year_ago[top], year_ago[base])
    change = (now["request_count"] - year_ago["request_count"]) / year_ago["request_count"]
    assert shown.loc["诉求量同比", "本月"] == words.relative(change)
    assert shown.loc["未解决件数", "本月"] == str(now["resolution_base_count"] - now["resolved_count"])
    assert shown.loc["万人诉求比", "判断依据"] == "无人口数据"
    assert shown.loc["超期占比", "判断依据"] == "无办理时限"


def test_the_median_of_the_last_twelve_months(open_checkup):
    shown = table(open_checkup())
    months = [tally(month) for month in YEAR]
    shares = [plain.rate(one["consultation_count"], one["intake_count"]) for one in months if one["intake_count"] >= 30]
    assert len(shares) == 12
    assert shown.loc["咨询占比", "近12月中位"] == f"{median(shares) * 100:.1f}%"


def test_the_first_problem_of_a_unit(open_checkup):
    app = open_checkup(object="handler", handler="热力集团")
    chosen = [row for row in TICKETS if f"{row['accepted_at']:%Y-%m}" == "2025-10" and row["unit"] == "热力集团" and row["request_type"] == "complaint"]
    name, count = min(Counter(row["category_1"] for row in chosen).items(), key=lambda item: (-item[1], item[0]))
    assert table(app).loc["首位问题占比", "本月"] == percent(count, len(chosen))
    assert f"**诉求最多的问题**是{name}：{count} 件" in texts(app)


def test_the_verdict_counts_the_statuses(open_checkup):
    app = open_checkup()
    counts = Counter(text.split(" ")[1] for text in table(app)["状态"])
    assert "10 项中 " + "、".join(f"{counts[word]} 项{word}" for word in ("正常", "关注", "预警", "不评") if counts[word]) + "。" in texts(app)


def test_findings_lead_to_the_same_selection(open_checkup):
    app = open_checkup(object="subdistrict", subdistrict="110101002", role="规划专班")
    links = [item.proto for item in app.get("page_link")]
    queries = [link.query_string for link in links if "month" in link.query_string]
    assert 3 <= len(queries) <= 8
    assert all("subdistrict=" in query and "role=" in query for query in queries)


SUBDISTRICTS = [area[1] for area in small_city.AREAS]


@pytest.mark.parametrize("query", [{}, {"object": "city"}, {"object": "区", "district": "西城区"}, {"object": "街乡镇", "subdistrict": "新街口街道"}])
def test_a_subdistrict_sees_itself_only(open_checkup, query):
    app = open_checkup(role="街乡镇", unit="景山街道", link=query)
    assert not app.error
    sent = "\n".join(
        [
            *(item.value.to_csv() for item in app.dataframe),
            *(str(item.value) for kind in (app.title, app.markdown, app.caption) for item in kind if "链接中的" not in str(item.value)),
            *(" ".join(box.options) for box in app.selectbox if box.key not in ("unit", "role")),
            *(json.dumps(json.loads(item.proto.spec), ensure_ascii=False) for item in app.get("plotly_chart")),
        ]
    )
    assert "景山街道" in sent
    assert [name for name in (*SUBDISTRICTS, "西城区") if name != "景山街道" and name in sent] == []
    now = tally("2025-10", subdistrict="景山街道")
    assert table(app).loc["咨询占比", "本月"] == percent(now["consultation_count"], now["intake_count"])


def test_a_department_sees_its_own_unit_only(open_checkup):
    app = open_checkup(role="委办局", unit="市交通委", link={"object": "承办单位", "handler": "热力集团"})
    assert next(box.options for box in app.selectbox if box.key == "handler") == ["市交通委"]
    now = tally("2025-10", unit="市交通委")
    assert table(app).loc["咨询占比", "本月"] == percent(now["consultation_count"], now["intake_count"])


def test_another_unit_is_never_read_for_a_bound_role():
    scope, _selection = checkup_loaders._narrowed(Scope(Role.DISTRICT, "110101"), "handler", "市交通委")
    assert scope == Scope(Role.DISTRICT, "110101")


@pytest.mark.parametrize("as_picture", ["图", "列表"])
@pytest.mark.parametrize(
    ("query", "head", "first"),
    [({"object": "district", "district": "110102"}, "区", ["西城区", "东城区"]), ({}, "月份", ["本月", "1 个月前", "2 个月前"])],
    ids=["peers", "own past"],
)
def test_the_chart_and_its_twin(open_checkup, as_picture, query, head, first):
    app = open_checkup(link={"strips_as": as_picture}, **query)
    assert not app.error
    assert len(app.get("plotly_chart")) == (as_picture == "图")
    twins = [item.value for item in app.dataframe if head in item.value]
    assert len(twins) == (as_picture == "列表")
    for twin in twins:
        assert twin[head].tolist()[: len(first)] == first
        assert twin["咨询占比"].iloc[0] == table(app).loc["咨询占比", "本月"]


def test_a_running_month_and_one_at_the_edge_of_the_data(open_checkup):
    for month in ("2025-11", "2024-09"):
        app = open_checkup(month=month)
        assert not app.exception
        assert not app.error
        assert len(table(app)) == 10
    assert table(app).loc["诉求量同比", "判断依据"] == "去年同月无数据"


def test_first_steps_without_data(open_page, tmp_path: Path):
    assert open_page(home=tmp_path / "empty").title[0].value == "第一步：导入工单"


def test_an_object_without_tickets_says_so(open_checkup, monkeypatch):
    plain_read = checkup_loaders.reads.read_totals
    monkeypatch.setattr("ui.checkup_loaders.reads.read_totals", lambda *given: plain_read(*given).map(lambda _count: 0))
    app = open_checkup()
    assert not app.error
    assert any("没有工单" in item.value for item in app.info)


@pytest.fixture
def result(city_home, clear_caches, monkeypatch):
    monkeypatch.setenv("WEISU_HOME", str(city_home))
    version = loaders.pin_version()
    known = loaders.facts(version)
    return checkup_loaders.checked(version, Scope(Role.LEADER), "category", "供暖问题", loaders.default_period(known))


def test_the_download_opens_in_a_spreadsheet(result):
    content = exports.csv_bytes(checkup.result_table(result))
    assert content.startswith(codecs.BOM_UTF8)
    assert content.decode("utf-8-sig").startswith("指标,状态,本月,95%区间,上月,去年同月,近12月中位,同级中位,位次,判断依据\r\n")


def test_the_figure_has_a_row_for_each_known_value(result):
    figure = checkup_figures.strips(result, {})
    known = int(result.table["value"].notna().sum())
    assert len(figure.layout.annotations) == known
    now = [trace for trace in figure.data if trace.name == "本月"]
    assert [trace.x[0] for trace in now] == result.table["value"].dropna().tolist()


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [("requests_per_10k", 12.345, "12.35"), ("unresolved_count", 1234, "1,234"), ("request_change", 0.5, "+50.0%"), ("overdue_share", 0.031, "3.1%")],
)
def test_value_text(key, value, text):
    assert checkup_sentences.value_text(key, value) == text
    assert checkup_sentences.value_text(key, float("nan")) == "—"


@pytest.mark.parametrize("status", list(Status))
def test_a_status_is_a_symbol_and_a_word(status):
    symbol, word = checkup_sentences.status_text(status).split(" ")
    assert (len(symbol), len(word)) == (1, 2)

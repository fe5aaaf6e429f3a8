"""A bound role whose link names another place or unit sees its own rows and nothing else."""

from __future__ import annotations

import json

import pytest

from storage.scope import Role, Scope, ScopeError
from tests.ui import small_city
from tests.ui.key_figures import key_figures
from ui import loaders, words

MONTH = "2025年10月"
SUBDISTRICTS = {area[1]: area for area in small_city.AREAS}
CODES = {area[0] for area in small_city.AREAS}
OTHER_PLACE = {"district": "西城区", "subdistrict": "新街口街道"}


def shown(app) -> str:
    """Everything a browser would be sent, apart from the picker of demo units and the note that repeats the link."""
    tables = [item.value.to_csv() for item in app.dataframe]
    texts = [
        str(item.value) for kind in (app.title, app.markdown, app.caption, app.info, key_figures(app)) for item in kind if "链接中的" not in str(item.value)
    ]
    options = [" ".join(box.options) for box in app.selectbox if box.key not in ("unit", "role")]
    charts = [item.proto.spec for item in app.get("plotly_chart")]
    return "\n".join([*tables, *texts, *options, *(json.dumps(json.loads(chart), ensure_ascii=False) for chart in charts)])


def intake(app) -> str:
    return next(item.value for item in key_figures(app) if item.label == "受理量")


def count(**wanted: str) -> str:
    return words.count(sum(row["创建时间"].startswith("2025-10") and all(row[key] == value for key, value in wanted.items()) for row in small_city.rows()))


@pytest.mark.parametrize(
    "query", [{}, OTHER_PLACE, {"district": "110102"}, {"subdistrict": "110102003"}, {**OTHER_PLACE, "level": "街乡镇", "areas_as": "列表"}]
)
def test_a_subdistrict_sees_itself_only(open_page, query):
    app = open_page(role="街乡镇", unit="景山街道", month=MONTH, **query)
    assert not app.error
    assert intake(app) == count(被反映街乡镇="景山街道")
    text = shown(app)
    assert "景山街道" in text
    assert [name for name in SUBDISTRICTS if name != "景山街道" and name in text] == []
    assert [code for code in CODES - {"110101002"} if f'"{code}"' in text] == []
    assert "西城区" not in text


@pytest.mark.parametrize("query", [{}, OTHER_PLACE, {"district": "110102"}, {**OTHER_PLACE, "level": "街乡镇", "areas_as": "列表"}])
def test_a_district_sees_itself_only(open_page, query):
    app = open_page(role="区", unit="东城区", month=MONTH, **query)
    assert not app.error
    assert intake(app) == count(被反映区="东城区")
    text = shown(app)
    assert "景山街道" in text
    assert "西城区" not in text
    assert [name for name, area in SUBDISTRICTS.items() if area[3] == "西城区" and name in text] == []


def test_a_district_keeps_its_bounds_under_a_foreign_subdistrict(open_page):
    app = open_page(role="区", unit="东城区", month=MONTH, subdistrict="新街口街道")
    assert intake(app) == count(被反映区="东城区")
    assert "新街口街道" not in shown(app)


@pytest.mark.parametrize("query", [{}, OTHER_PLACE])
def test_a_department_sees_its_own_tickets_only(open_page, query):
    app = open_page(role="委办局", unit="市交通委", month=MONTH, **query)
    places = {"被反映街乡镇": "新街口街道"} if query else {}
    assert intake(app) == count(承办单位="市交通委", **places)
    text = shown(app)
    assert "市交通委" in text
    assert [unit for unit in small_city.UNITS if unit != "市交通委" and unit in text] == []


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_nobody_else_can_load_what_administrators_download(city_home, clear_caches, monkeypatch, role):
    monkeypatch.setenv("WEISU_HOME", str(city_home))
    version = loaders.pin_version()
    unit = {Role.DISTRICT: "110101", Role.SUBDISTRICT: "110101001", Role.DEPARTMENT: "市交通委"}.get(role)
    for load in (loaders.whole_quarantine, loaders.quarantine, loaders.quarantine_reasons, loaders.batches):
        with pytest.raises(ScopeError):
            load(version, Scope(role, unit))

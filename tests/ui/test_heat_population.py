"""万人诉求比: only where residents are known, on the level they are known on, and marked as an estimate."""

from __future__ import annotations

from datetime import date

import pytest

from storage.home import Home
from storage.places import load_register
from storage.profiles import CITIES, load_profile
from storage.queries import Selection
from storage.scope import Role, Scope
from tests.ui import small_city
from ui import heat_loaders, loaders

PAGE = "pages/overview/heatmap.py"
NAME = "万人诉求比（估计）"
RESIDENTS = {"110101": 708_829, "110102": 1_106_214}


@pytest.fixture(scope="module")
def counted_home(tmp_path_factory):
    """The small city with the residents of its districts."""
    folder = tmp_path_factory.mktemp("counted")
    profile, tickets = folder / "counted.toml", folder / "tickets.csv"
    text = (CITIES / "beijing.toml").read_text(encoding="utf-8")
    given = 'register_file = "beijing_places.csv"\n'
    assert given in text
    profile.write_text(text.replace(given, f'{given}population_file = "beijing_population.csv"\n'), encoding="utf-8")
    small_city.write_tickets(tickets)
    done = small_city.manage(folder / "home", "ingest", str(tickets), "--city", str(profile))
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "home"


def test_the_census_total_of_the_districts(tmp_path):
    """The sixteen districts add up to the published total of the census of 2020; nothing is made up below them."""
    table = load_register(Home(tmp_path), load_profile("demo")).table()
    assert table.loc[table["level"] == "district", "population"].sum() == 21_893_095
    assert table.loc[table["level"] == "subdistrict", "population"].isna().all()


def test_not_offered_without_residents(open_page):
    app = open_page(PAGE)
    assert NAME not in app.selectbox(key="metric").options


def test_shown_by_district_where_only_they_are_known(open_page, counted_home):
    app = open_page(PAGE, home=counted_home, metric=NAME, at="2025年10月")
    assert not app.exception
    assert app.selectbox(key="metric").value == "requests_per_10k"
    assert not any(box.key == "level" for box in app.selectbox)
    assert any("常住人口只有区一级（估计值）" in item.value for item in app.sidebar.caption)
    rows = [row for row in small_city.rows() if row["创建时间"].startswith("2025-10") and row["工单类型"] != "咨询"]
    expected = {name: sum(row["被反映区"] == name for row in rows) / RESIDENTS[code] * 10_000 for _c, _n, code, name, *_rest in small_city.AREAS}
    table = app.dataframe[0].value
    shown = dict(zip(table["区"], table[NAME], strict=True))
    assert {name: shown[name] for name in expected} == {name: f"{value:,.1f}" for name, value in expected.items()}


def test_one_subdistrict_is_never_divided_by_its_district(counted_home, clear_caches, monkeypatch):
    monkeypatch.setenv("WEISU_HOME", str(counted_home))
    version = loaders.pin_version() or ""
    leader = Scope(Role.LEADER)
    assert heat_loaders.populated_levels(version, leader, Selection()) == ("district",)
    assert heat_loaders.populated_levels(version, leader, Selection(district_code="110101", subdistrict_code="110101001")) == ()
    assert heat_loaders.populated_levels(version, Scope(Role.SUBDISTRICT, "110101001"), Selection()) == ()
    values = heat_loaders.area_months(version, leader, Selection(district_code="110101"), "district", heat_loaders.PER_10K).table
    assert set(values["code"]) == {"110101"}
    assert values.loc[values["month"].dt.date == date(2025, 10, 1), "value"].notna().all()

"""How a ticket finds its place: code, alias, spelling, name within its district, point; and what stays unknown."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from shapely.geometry import box, mapping

from governance.periods import Grain, Period
from pipeline.refresh import check, refresh
from storage.home import Home
from storage.places import PlaceRegister, load_register
from storage.profiles import Profile, load_profile, parse_profile
from storage.reads import Selection, read_by_place, read_facts, read_places
from storage.scope import Role, Scope
from storage.snapshot import open_snapshot
from tests.factories import load, ticket, write_csv, write_profile


def profile(places: str) -> Profile:
    head = '[city]\ncode = "x"\nname = "x"\ntimezone = "Asia/Shanghai"\ncalendar = "CN"\n[columns]\nticket_id = "a"\naccepted_at = "b"\n'
    return parse_profile(head + places, "x.toml")


AREAS = pd.DataFrame(
    [("101", "中心", "1", "东区"), ("102", "河东", "1", "东区"), ("201", "中心", "2", "西区"), ("301", "孤岛", None, None)],
    columns=["code", "name", "parent_code", "parent_name"],
)
RULES = """
[places.aliases]
"老城" = "201"
[places.district_aliases]
"东" = "东区"
[[places.patterns]]
match = '^0*(\\d{1,2})号$'
code = "{district}{1:0>2}"
"""


@pytest.mark.parametrize(
    ("district", "subdistrict", "expected"),
    [
        ("东区", "河东", ("1", "102")),
        (None, "河东", ("1", "102")),
        ("1", "102", ("1", "102")),
        ("东区", "中心", ("1", "101")),
        ("西区", "中心", ("2", "201")),
        (None, "中心", (None, None)),
        ("东", "中心", ("1", "101")),
        ("东区", "老城", ("2", "201")),
        ("东区", "2号", ("1", "102")),
        ("东区", "002号", ("1", "102")),
        ("东区", "9号", ("1", None)),
        (None, "2号", (None, None)),
        ("东区", None, ("1", None)),
        ("东区", "不详", ("1", None)),
        ("南区", "河东", ("1", "102")),
        ("南区", "不详", (None, None)),
        (None, "孤岛", (None, "301")),
        (None, None, (None, None)),
    ],
)
def test_labels(district: str | None, subdistrict: str | None, expected: tuple[str | None, str | None]) -> None:
    """Names shared by two districts need theirs; the subdistrict overrules a wrong district; nothing is guessed."""
    assert PlaceRegister(profile(RULES), AREAS, None).resolve(district, subdistrict) == expected


def test_shipped_register_of_beijing() -> None:
    """343 subdistricts under 16 districts, every one found by its own name within its district."""
    register = load_register(Home(Path("/nonexistent")), load_profile("beijing"))
    table = register.table()
    assert table["level"].value_counts().to_dict() == {"subdistrict": 343, "district": 16}
    lower = table[table["level"] == "subdistrict"]
    for row in lower.itertuples():
        assert register.resolve(row.parent_name, row.name) == (row.parent_code, row.code)


def write_areas(path: Path, *areas: tuple[str, str, float]) -> Path:
    items = [
        {
            "type": "Feature",
            "properties": {"code": code, "name": name, "parent": "1", "parent_name": "东区"},
            "geometry": mapping(box(west, 39, west + 0.1, 39.1)),
        }
        for code, name, west in areas
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": items}, ensure_ascii=False), encoding="utf-8")
    return path


def test_points_before_labels_and_new_boundaries_without_new_tickets(tmp_path: Path) -> None:
    """The profile's order decides; corrected boundaries place tickets that were delivered before."""
    columns = 'ticket_id = "工单编号"\naccepted_at = "创建时间"\nsubdistrict = "被反映街乡镇"\nlongitude = "经度"\nlatitude = "纬度"'
    rest = '[places]\norder = ["coordinates", "label"]\n[places.boundaries]\nparent_code = "parent"\nparent_name = "parent_name"'
    city = str(write_profile(tmp_path / "p.toml", columns, rest=rest))
    rows = [
        ticket("A1", subdistrict="乙", longitude="116.05", latitude="39.05"),
        ticket("A2", subdistrict="乙", longitude="117", latitude="39.05"),
        ticket("A3", subdistrict="丙"),
        ticket("A4", longitude="116.25", latitude="39.05"),
    ]
    home = Home(tmp_path / "home")
    path = write_csv(tmp_path / "a.csv", rows)
    result = load(home, path, city=city, boundaries=write_areas(tmp_path / "1.geojson", ("101", "甲", 116.0), ("102", "乙", 116.1)))
    assert result.total("unplaced") == 2
    refresh(home)
    facts = read_facts(open_snapshot(home))
    assert (facts.ticket_count, facts.unplaced_count, facts.has_districts) == (4, 2, True)
    day = Period.containing(Grain.DAY, date.fromisoformat("2024-03-01"))
    found = read_by_place(open_snapshot(home), Scope(Role.LEADER), Selection(), day, "subdistrict")
    assert dict(zip(found["code"].fillna("-"), found["intake_count"], strict=True)) == {"101": 1, "102": 1, "-": 2}
    better = write_areas(tmp_path / "2.geojson", ("101", "甲", 116.0), ("102", "乙", 116.1), ("103", "丙", 116.2))
    assert load(home, path, city=city, boundaries=better).total("unplaced") == 0
    refresh(home)
    snapshot = open_snapshot(home)
    assert read_facts(snapshot).unplaced_count == 0
    assert read_places(snapshot)["code"].tolist() == ["1", "101", "102", "103"]
    assert check(home).findings == ()

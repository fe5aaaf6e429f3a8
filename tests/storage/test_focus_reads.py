"""What each reader sees of the hot spots, on tables made by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from storage import focus_reads as reads
from storage.focus import focus_version, open_focus, write_focus
from storage.home import Home
from storage.published import KEPT_VERSIONS, Shelf
from storage.scope import Role, Scope, ScopeError
from storage.snapshot import Snapshot

PARENTS = {"ea": "e", "eb": "e", "wa": "w", "wb": "w"}
ALL, EAST, WEST = Scope(Role.LEADER), Scope(Role.DISTRICT, "e"), Scope(Role.DISTRICT, "w")
EAST_A, OFFICE = Scope(Role.SUBDISTRICT, "ea"), Scope(Role.DEPARTMENT, "城管委")
WEEKS = pd.date_range("2025-07-07", periods=16, freq="7D")
CUTOFF, OVER_ON = date(2025, 10, 26), pd.Timestamp("2025-10-12")
SPOTS = {"own": "ea eb", "both": "ea wa", "west": "wa wb", "over": "ea wb"}
"""Of the east alone, of both districts, of the west alone; and one of both that is over since the middle of October."""


def spot_rows() -> pd.DataFrame:
    rows = []
    for number, (name, areas) in enumerate(SPOTS.items()):
        stage = {"own": "ongoing", "both": "worsening", "west": "easing", "over": "ended"}[name]
        numbers = {"observed": 500.0 + number, "expected": 100.0, "low": 1.5, "high": 3.0, "recent_ratio": 2.0, "recent_expected": 10.0, "p_value": 1e-4}
        names = {"level": "problem", "category_1": "水", "category_2": "管", "areas": areas, "centre": areas.split()[-1], "since": pd.Timestamp("2025-09-01")}
        rows.append({"hotspot_id": name, "problem_id": 0, "stage": stage, "recent_observed": 30.0 - number} | names | numbers)
    return pd.DataFrame(rows)


def course_rows() -> pd.DataFrame:
    """Every place and week has a count of its own: ten for each week so far, and one to four by place."""
    rows = [
        (name, code, week, 10.0 * (place + 1) + sorted(PARENTS).index(code) + 1, 5.0 + sorted(PARENTS).index(code))
        for name, areas in SPOTS.items()
        for code in areas.split()
        for place, week in enumerate(WEEKS)
    ]
    return pd.DataFrame(rows, columns=["hotspot_id", "code", "week", "observed", "expected"])


def tables() -> dict[str, pd.DataFrame]:
    months = [pd.Timestamp("2025-08-01"), pd.Timestamp("2025-09-01")]
    stages = {name: ["new", "ongoing", "ongoing", "ongoing", "ongoing"] for name in SPOTS} | {"over": ["new", "ended", "worsening", "ended", "ended"]}
    days = [pd.Timestamp(day) for day in ("2025-09-14", "2025-09-28", "2025-10-05", OVER_ON, CUTOFF)]
    steps = [(name, day, stage, 2.0, 1.5, 3.0) for name, own in stages.items() for day, stage in zip(days, own, strict=True)]
    drivers = [(name, kind, code, f"{kind}{code}", 9.0, 1.0) for name, areas in SPOTS.items()
               for kind, codes in (("category_3", [""]), ("handling_unit", [""]), ("community", areas.split()), ("pinpoint", areas.split()))
               for code in codes]  # fmt: skip
    units = [(number, name, month, 10 * (number + 1), 5.0, 1) for number in (0, 1) for name in ("城管委", "生态局") for month in months]
    return {
        "problem": pd.DataFrame({"problem_id": [0, 1], "level": ["problem", "all"], "category_1": ["水", ""], "category_2": ["管", ""]}),
        "class_month": pd.DataFrame(
            [(number, code, month, place + 10 * number) for number in (0, 1) for place, code in enumerate(sorted(PARENTS)) for month in months],
            columns=["problem_id", "code", "month", "observed"],
        ),
        "hotspot": spot_rows(),
        "course": course_rows(),
        "step": pd.DataFrame(steps, columns=["hotspot_id", "cutoff", "stage", "ratio", "low", "high"]),
        "driver": pd.DataFrame(drivers, columns=["hotspot_id", "kind", "code", "name", "observed", "usual"]),
        "alike": pd.DataFrame({"hotspot_id": "both", "code": ["wb", "eb"], "likeness": [0.9, 0.95], "observed": 1.0, "expected": 1.0}),
        "point": pd.DataFrame({"code": ["ea", "wa", "wb"], "observed": [8.0, 20.0, 9.0], "usual": [1.0, 2.0, 0.0]}),
        "sight": pd.DataFrame({"category_1": ["水"], "category_2": ["管"], "usual": [3.0], "least": [9.0], "critical": [8.0], "total": [900.0]}),
        "unit_problem": pd.DataFrame({"problem_id": [0, 1], "level": ["all", "category"], "category_1": ["", "水"], "category_2": ["", ""]}),
        "unit_month": pd.DataFrame(units, columns=["problem_id", "code", "month", "observed", "expected", "state"]),
        "unit_share": pd.DataFrame({"problem_id": [1, 0, 1], "month": [months[1], months[0], months[0]], "gini": [0.2, 0.9, 0.1], "top_share": 1.0}),
        "meta": pd.DataFrame({"name": ["cutoff"], "value": [str(CUTOFF)]}),
    }


@pytest.fixture(scope="module")
def focus(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    home = Home(tmp_path_factory.mktemp("focus") / "home")
    write_focus(home, "v1", tables())
    return open_focus(home)


def seen(scope: Scope) -> frozenset[str] | None:
    return reads.visible_places(scope, PARENTS)


def ids(frame: pd.DataFrame) -> list[str]:
    return frame["hotspot_id"].tolist()


# Places


def test_each_role_sees_its_places() -> None:
    assert seen(EAST) == {"ea", "eb"}
    assert seen(EAST_A) == {"ea"}
    assert seen(OFFICE) == frozenset()
    assert [seen(Scope(role)) for role in (Role.LEADER, Role.PLANNER, Role.ADMIN)] == [None] * 3
    assert seen(Scope(Role.DISTRICT, "nowhere")) == frozenset()


def test_classes_of_a_month_are_those_of_visible_places(focus: Snapshot) -> None:
    rows = reads.read_classes(focus, seen(ALL), "水", "管", date(2025, 9, 1))
    assert rows[["code", "observed"]].to_numpy().tolist() == [["ea", 0], ["eb", 1], ["wa", 2], ["wb", 3]]
    assert reads.read_classes(focus, seen(ALL), "", "", date(2025, 9, 1))["observed"].tolist() == [10, 11, 12, 13]
    assert reads.read_classes(focus, seen(EAST), "水", "管", date(2025, 9, 1))["code"].tolist() == ["ea", "eb"]
    assert reads.read_classes(focus, seen(OFFICE), "水", "管", date(2025, 9, 1)).empty
    assert reads.read_months(focus) == [date(2025, 8, 1), date(2025, 9, 1)]
    assert reads.read_focus_problems(focus)["category_2"].tolist() == ["管", ""]
    assert reads.read_focus_facts(focus) == {"cutoff": "2025-10-26"}


# Hot spots


def test_the_list_begins_with_what_people_are_told_of(focus: Snapshot) -> None:
    found = reads.read_hotspots(focus, seen(ALL))
    assert ids(found) == ["both", "own", "west", "over"]
    assert not found["is_part"].any()


def test_a_reader_sees_those_that_touch_its_places(focus: Snapshot) -> None:
    assert ids(reads.read_hotspots(focus, seen(EAST))) == ["both", "own", "over"]
    assert ids(reads.read_hotspots(focus, seen(WEST))) == ["both", "west", "over"]
    assert ids(reads.read_hotspots(focus, seen(EAST_A))) == ["both", "own", "over"]
    for nobody in (OFFICE, Scope(Role.DISTRICT, "nowhere")):
        found = reads.read_hotspots(focus, seen(nobody))
        assert found.empty
        assert "is_part" in found


def test_the_whole_of_ones_own_is_as_everybody_sees_it(focus: Snapshot) -> None:
    mine, all_of_it = (reads.read_hotspots(focus, seen(scope)).set_index("hotspot_id").loc["own"] for scope in (EAST, ALL))
    pd.testing.assert_series_equal(mine, all_of_it)


@pytest.mark.parametrize(("scope", "own"), [(EAST, "ea"), (WEST, "wa")])
def test_numbers_of_a_part_are_sums_over_its_places(focus: Snapshot, scope: Scope, own: str) -> None:
    part = reads.read_hotspots(focus, seen(scope)).set_index("hotspot_id").loc["both"]
    assert (part["areas"], part["centre"], part["is_part"]) == (own, own, True)
    rows = course_rows().query(f"hotspot_id == 'both' and code == '{own}'")
    since, recent = rows[rows["week"] >= "2025-09-01"], rows.tail(4)
    assert len(since) == 8
    assert (part["observed"], part["expected"]) == (since["observed"].sum(), since["expected"].sum())
    assert (part["recent_observed"], part["recent_expected"]) == (recent["observed"].sum(), recent["expected"].sum())
    assert np.isnan([part["low"], part["high"], part["recent_ratio"]]).all()


def test_a_part_of_what_is_over_is_counted_until_it_was(focus: Snapshot) -> None:
    """From September to 12 October, when it ended for the second time; its last weeks are the last weeks all the same."""
    part = reads.read_hotspots(focus, seen(WEST)).set_index("hotspot_id").loc["over"]
    rows = course_rows().query("hotspot_id == 'over' and code == 'wb'")
    assert part["observed"] == rows[(rows["week"] >= "2025-09-01") & (rows["week"] <= OVER_ON)]["observed"].sum()
    assert part["recent_observed"] == rows.tail(4)["observed"].sum()


def test_of_another_s_hot_spot_nothing_is_said(focus: Snapshot) -> None:
    calls: tuple[Callable[..., Any], ...] = (reads.read_course, reads.read_steps, reads.read_drivers, reads.read_similar)
    for call in calls:
        assert len(call(focus, seen(ALL), "both"))
        for scope, name in ((EAST, "west"), (WEST, "own"), (EAST_A, "west"), (OFFICE, "both"), (ALL, "nothing")):
            with pytest.raises(ScopeError, match=name):
                call(focus, seen(scope), name)


def test_the_course_is_that_of_visible_places(focus: Snapshot) -> None:
    rows = course_rows().query("hotspot_id == 'both'")
    for scope, codes in ((ALL, ["ea", "wa"]), (EAST, ["ea"]), (WEST, ["wa"])):
        wanted = rows[rows["code"].isin(codes)].groupby("week")["observed"].sum()
        found = reads.read_course(focus, seen(scope), "both")
        assert found["week"].tolist() == WEEKS.tolist()
        assert found["observed"].tolist() == wanted.tolist()


def test_steps_are_in_order(focus: Snapshot) -> None:
    steps = reads.read_steps(focus, seen(EAST), "over")
    assert steps["stage"].tolist() == ["new", "ended", "worsening", "ended", "ended"]
    assert steps["cutoff"].is_monotonic_increasing


def test_drivers_of_elsewhere_and_of_the_whole_are_left_out(focus: Snapshot) -> None:
    def kinds(scope: Scope, name: str) -> set[str]:
        return set(reads.read_drivers(focus, seen(scope), name)["name"])

    assert kinds(ALL, "both") == {"category_3", "handling_unit", "communityea", "communitywa", "pinpointea", "pinpointwa"}
    assert kinds(EAST, "both") == {"communityea", "pinpointea"}
    assert kinds(EAST, "own") == kinds(ALL, "own") == {"category_3", "handling_unit", "communityea", "communityeb", "pinpointea", "pinpointeb"}
    assert kinds(EAST_A, "own") == {"communityea", "pinpointea"}


def test_similar_places_and_points_are_visible_ones(focus: Snapshot) -> None:
    assert reads.read_similar(focus, seen(ALL), "both")["code"].tolist() == ["eb", "wb"]
    assert reads.read_similar(focus, seen(EAST), "both")["code"].tolist() == ["eb"]
    assert reads.read_points(focus, seen(ALL))["code"].tolist() == ["wa", "wb", "ea"]
    assert reads.read_points(focus, seen(EAST))["code"].tolist() == ["ea"]
    assert reads.read_points(focus, seen(OFFICE)).empty


def test_sight_is_of_scanned_problems(focus: Snapshot) -> None:
    sight = reads.read_sight(focus, "水", "管")
    assert sight is not None
    assert (sight["usual"], sight["least"]) == (3.0, 9.0)
    assert reads.read_sight(focus, "水", "") is None


# Units


def test_units_are_seen_by_those_who_see_all_and_each_sees_itself(focus: Snapshot) -> None:
    everybody = reads.read_unit_months(focus, ALL, "水")
    assert set(everybody["code"]) == {"城管委", "生态局"}
    assert (everybody["observed"] == 20).all()
    assert (reads.read_unit_months(focus, ALL, "")["observed"] == 10).all()  # all requests
    assert set(reads.read_unit_months(focus, ALL, None)["category_1"]) == {"水"}
    own = reads.read_unit_months(focus, OFFICE, "水")
    assert set(own["code"]) == {"城管委"}
    assert len(own) == 2
    for scope in (EAST, EAST_A):
        none = reads.read_unit_months(focus, scope, "水")
        assert none.empty
        assert none.columns.tolist() == everybody.columns.tolist()


def test_shares_of_units_are_for_those_who_see_all(focus: Snapshot) -> None:
    assert reads.read_unit_shares(focus, ALL, "水")["gini"].tolist() == [0.1, 0.2]
    for scope in (OFFICE, EAST, EAST_A):
        none = reads.read_unit_shares(focus, scope, "水")
        assert none.empty
        assert none.columns.tolist() == ["month", "gini", "top_share"]


# The shelf


def test_versions_are_kept_and_another_layout_is_not_shown(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = Home(tmp_path_factory.mktemp("shelf") / "home")
    assert focus_version(home) is None
    with pytest.raises(FileNotFoundError, match="focus None"):
        open_focus(home)
    for number in range(5):
        write_focus(home, f"v{number}", {"meta": pd.DataFrame({"name": ["mark"], "value": [str(number)]})})
    assert len(list(home.focus.glob("*.duckdb"))) == KEPT_VERSIONS == 3
    assert focus_version(home) == "v4"
    assert reads.read_focus_facts(open_focus(home)) == {"mark": "4"}
    assert Shelf(home.focus, "another", "problem_id").version() is None
    (home.focus / "v4.duckdb").write_bytes(b"spoilt")
    with pytest.raises(OSError, match="v4"):
        open_focus(home)

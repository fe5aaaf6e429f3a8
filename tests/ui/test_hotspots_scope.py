"""重点治理 as every role: who is bound to a place or unit sees what is theirs, whatever the link says."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from storage.scope import Role, Scope, ScopeError
from tests.ui import hotspot_city, hotspot_screen
from tests.ui.hotspot_city import CUTOFF, FRESH, LONG, NAMES, STREETS, UNITS
from tests.ui.hotspot_screen import cards, deck, drawn, sentences
from ui import hotspot_context, hotspot_loaders, loaders, words

QUERIES: tuple[dict[str, str], ...] = (
    {}, {"classes_as": "列表"}, {"ended": "true"}, {"part": "点位"}, {"part": "承办单位"}, {"category": LONG.problem[0]}
)  # fmt: skip
OWN, OTHER = NAMES[LONG.code], NAMES[FRESH.code]


def others(*own: str) -> list[str]:
    """Names and codes of the streets that are not among these, as a page could write them."""
    return [text for code, name, *_district in STREETS if name not in own for text in (name, f'"{code}"', f" {code}")]


def seen(app: Any, texts: list[str]) -> list[str]:
    everything = drawn(app)
    return [text for text in texts if text in everything]


def tabs(app: Any) -> list[str]:
    return next((list(item.options) for item in app.get("segmented_control") if item.key == "part"), [])


@pytest.mark.parametrize("role", ["市领导", "规划专班", "管理员"])
def test_who_is_free_sees_the_city(open_hotspots, role):
    app = open_hotspots(role=role, classes_as="列表")
    assert not app.error
    assert tabs(app) == ["地区热点", "点位", "承办单位"]
    assert seen(app, list(NAMES.values())) == list(NAMES.values())


@pytest.mark.parametrize("query", QUERIES)
def test_a_subdistrict_sees_itself_only(open_hotspots, query):
    app = open_hotspots(role="街乡镇", unit=OWN, **query)
    assert not app.error
    assert tabs(app) == ["地区热点", "点位"]
    assert OWN in drawn(app)
    assert seen(app, others(OWN)) == []
    assert "单位 × 问题" not in sentences(app)


def test_another_streets_hot_spot_in_the_link_shows_nothing_of_it(open_hotspots, hotspot_home):
    spots = hotspot_city.table(hotspot_home, "hotspot").set_index("areas")["hotspot_id"]
    app = open_hotspots(role="街乡镇", unit=OWN, spot=spots[FRESH.code])
    assert not app.error
    assert f"编号 {spots[LONG.code]}" in sentences(app)
    assert seen(app, [*others(OWN), FRESH.problem[1], spots[FRESH.code]]) == []


def test_nor_do_its_numbers_come_by_the_loaders(hotspot_version, hotspot_home):
    version = hotspot_loaders.current(hotspot_version).version
    spots = hotspot_city.table(hotspot_home, "hotspot").set_index("areas")["hotspot_id"]
    for scope in (Scope(Role.SUBDISTRICT, LONG.code), Scope(Role.DISTRICT, "110101"), Scope(Role.DEPARTMENT, UNITS[0])):
        for load in (hotspot_loaders.course, hotspot_loaders.steps, hotspot_loaders.drivers, hotspot_loaders.similar):
            with pytest.raises(ScopeError):
                load(hotspot_version, version, scope, spots[FRESH.code])
    assert len(hotspot_loaders.course(hotspot_version, version, Scope(Role.SUBDISTRICT, LONG.code), spots[LONG.code]))
    with pytest.raises(ScopeError):
        hotspot_loaders.lines(hotspot_version, Scope(Role.DEPARTMENT, UNITS[0]), LONG.problem, frozenset({LONG.code}), LONG.first, CUTOFF)


@pytest.mark.parametrize("query", [{"classes_as": "列表"}, {"part": "点位"}, {"part": "承办单位"}, {"spot": "fresh"}])
def test_a_district_sees_itself_only(open_hotspots, hotspot_home, query):
    spots = hotspot_city.table(hotspot_home, "hotspot").set_index("areas")["hotspot_id"]
    app = open_hotspots(role="区", unit="东城区", **{key: spots[FRESH.code] if key == "spot" else value for key, value in query.items()})
    assert not app.error
    assert tabs(app) == ["地区热点", "点位"]
    own = [name for _code, name, _parent, district in STREETS if district == "东城区"]
    assert OWN in drawn(app)
    assert seen(app, [*others(*own), "西城区", "朝阳区"]) == []
    assert "classes_as" not in query or seen(app, own) == own


def test_a_street_without_hot_spots(open_hotspots):
    app = open_hotspots(role="街乡镇", unit="月坛街道")
    assert not app.error
    assert not cards(app)
    assert "目前没有超出偶然波动的集中问题" in sentences(app)
    assert deck(app)["classes"]["data"]["features"] == []
    assert not app.get("plotly_chart")
    points = open_hotspots(role="街乡镇", unit="月坛街道", part="点位")
    assert "最近八周没有发现异常密集的点位" in sentences(points)


@pytest.mark.parametrize("query", [{}, {"part": "点位", "ended": "true"}, {"category": LONG.problem[0]}])
def test_a_department_sees_its_own_units_only(open_hotspots, query):
    app = open_hotspots(role="委办局", unit=UNITS[0], **query)
    assert not app.error
    assert not tabs(app)
    assert not cards(app)
    assert not app.get("deck_gl_json_chart")
    (table,) = [item.value for item in app.dataframe]
    assert set(table["承办单位"]) == {UNITS[0]}
    december = [row for row in hotspot_city.rows() if row["创建时间"].startswith("2025-12") and row["承办单位"] == UNITS[0]]
    assert dict(zip(table["问题"], table["件数"], strict=True))[LONG.problem[0]] == sum(row["问题分类"].startswith(LONG.problem[0]) for row in december)
    assert seen(app, [*others(), *UNITS[1:], "前五家"]) == []


def test_a_hot_spot_over_two_districts_shows_each_its_part(open_hotspots, hotspot_home, tmp_path):
    """The other district's street and its numbers stay out of name, counts, course and files, and a part has no interval."""
    neighbour = "110102001"

    def widen(tables: dict[str, pd.DataFrame]) -> None:
        spots, course = tables["hotspot"], tables["course"]
        own = spots["areas"] == LONG.code
        spots.loc[own, "areas"] = f"{LONG.code} {neighbour}"
        spots.loc[own, ["observed", "recent_observed"]] += 1000
        more = course[course["code"] == LONG.code].assign(code=neighbour, observed=1000.0)
        tables["course"] = pd.concat([course, more], ignore_index=True)

    home = hotspot_city.altered(hotspot_home, tmp_path, widen)
    seen_now, recent = (len(hotspot_city.tickets(LONG, first)) for first in (LONG.first, pd.Timestamp(CUTOFF).date() - pd.Timedelta(days=27)))
    for role, unit in (("区", "东城区"), ("街乡镇", OWN)):
        app = open_hotspots(home, role=role, unit=unit)
        assert not app.error
        (card,) = cards(app)
        assert f"近四周 {recent} 件" in card
        assert "（仅计本辖区）" in card
        assert f"{words.day(LONG.first)}以来 {seen_now} 件" in sentences(app)
        assert "95%区间" not in sentences(app)
        assert seen(app, [NAMES[neighbour], neighbour]) == []
    version = loaders.pin_version()
    focus, key = hotspot_loaders.current(version).version, hotspot_city.table(home, "hotspot").set_index("centre").loc[LONG.code, "hotspot_id"]
    weekly = [hotspot_loaders.course(version, focus, scope, key)["observed"].max() for scope in (Scope(Role.DISTRICT, "110101"), Scope(Role.LEADER))]
    assert weekly[0] < 1000 < weekly[1]
    whole = open_hotspots(home)
    assert f"{OWN}、{NAMES[neighbour]}" in "".join(cards(whole))
    assert "（仅计本辖区）" not in "".join(cards(whole))


@pytest.mark.parametrize(
    ("query", "named", "unnamed"),
    [
        ({"role": "街乡镇", "unit": OWN}, [OWN], [OTHER]),
        ({"role": "区", "unit": "西城区"}, [OTHER], [OWN]),
        ({"role": "街乡镇", "unit": "月坛街道"}, [], []),
        ({"role": "委办局", "unit": UNITS[0]}, [], []),
    ],
)
def test_the_line_in_the_cockpit(open_hotspots, query, named, unnamed):
    app = open_hotspots(page="", **query)
    assert not app.error
    lines = [item.proto.label for item in app.get("page_link") if item.proto.page == "hotspots"]
    assert len(lines) == len(named)
    assert [name for name in named if name not in lines[0]] == []
    assert [name for name in unnamed if name in "".join(lines)] == []


def test_lines_are_those_of_the_readers_places(hotspot_version):
    both = frozenset({LONG.code, FRESH.code})
    known = {}
    for name, scope in (("city", Scope(Role.PLANNER)), ("district", Scope(Role.DISTRICT, "110101")), ("street", Scope(Role.SUBDISTRICT, FRESH.code))):
        known[name] = hotspot_loaders.lines(hotspot_version, scope, LONG.problem, both, LONG.first, CUTOFF)
    assert set(known["city"]["subdistrict_code"]) == both
    assert set(known["district"]["subdistrict_code"]) == {LONG.code}
    assert set(known["street"]["subdistrict_code"]) == {FRESH.code}
    assert len(known["district"]) == len(hotspot_city.tickets(LONG, LONG.first))


@pytest.mark.parametrize(
    ("scope", "may"),
    [
        (Scope(Role.LEADER), False),
        (Scope(Role.PLANNER), False),
        (Scope(Role.ADMIN), False),
        (Scope(Role.DISTRICT, "110105"), True),
        (Scope(Role.SUBDISTRICT, "110105004"), True),
    ],
)
def test_words_of_few_callers_are_for_who_is_responsible(hotspot_version, scope, may):
    """Eight tickets of two callers: titles and the crossing are read by the street and its district alone."""
    lines = hotspot_loaders.lines(hotspot_version, scope, (hotspot_city.COVER_PROBLEM, ""), frozenset({"110105004"}), CUTOFF.replace(day=1), CUTOFF)
    assert (len(lines), lines["caller_key"].nunique()) == (8, 2)
    table, hidden = hotspot_context.line_table(hotspot_screen.view(hotspot_version, scope), lines)
    assert hidden == (0 if may else 8)
    assert (table["标题"] == hotspot_city.FEW_TITLE).tolist() == [may] * 8
    assert table["点位"].notna().tolist() == [may] * 8
    assert set(table["社区"]) == {"三社区"}
    assert (hotspot_city.FEW_TITLE in table.to_csv()) == may


def test_words_of_many_callers_are_read_by_planners(hotspot_version):
    """Counted by community: of five callers all titles are shown, of four none; who calls twice counts once."""
    planner = Scope(Role.PLANNER)
    lines = hotspot_loaders.lines(hotspot_version, planner, LONG.problem, frozenset({LONG.code}), LONG.first, CUTOFF)
    close = lines[lines["community"] == hotspot_city.CLOSE].head(6).assign(caller_key=["a", "b", "c", "d", "e", "a"])
    far = lines[lines["community"] == hotspot_city.FAR].head(5).assign(caller_key=["a", "b", "c", "d", "a"])
    table, hidden = hotspot_context.line_table(hotspot_screen.view(hotspot_version, planner), pd.concat([close, far]))
    assert hidden == 5
    assert table["标题"].notna().tolist() == [True] * 6 + [False] * 5

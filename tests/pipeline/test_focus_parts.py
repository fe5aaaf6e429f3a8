"""Parts of the search for hot spots on counts made by hand: panels, clusters without positions, lives that come back, points and their past."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from geodata.hotspot_life import Stage
from pipeline.focus.classes import class_months
from pipeline.focus.clusters import EMPTY_FOUND, Rule, find_clusters, least_seen, scanned_problems
from pipeline.focus.lives import live
from pipeline.focus.panels import Panel, build_panel, usable_gap
from pipeline.focus.points import NEAR_COLUMNS, find_near_repeats, find_points
from storage.home import Home
from storage.place_counts import Counts
from storage.records.aliases import AliasChange, AliasKind, write_alias
from storage.scope import Role, Scope
from storage.ticket_lines import TicketLines
from tests.factories import load, ticket, write_csv

MONDAY, WEEKS, PLACES = np.datetime64("2023-10-02"), 100, tuple("abcdefghijkl")
PROBLEMS = [("all", "", ""), ("category", "水", ""), ("problem", "水", "管"), ("problem", "水", "表"), ("category", "路", "")]
EVERYTHING, WATER, PIPE, METER, ROAD = range(5)
RULE = Rule(365.0, 1.2)


def panel_of(pipe: np.ndarray, meter: np.ndarray, road: np.ndarray, expected: float = 4.0) -> Panel:
    """A panel whose levels add up; as much is expected of each of the three everywhere."""
    observed = np.stack([pipe + meter + road, pipe + meter, pipe, meter, road]).astype("float64")
    means = np.array([3.0, 2.0, 1.0, 1.0, 1.0])[:, None, None] * np.full(pipe.shape, expected)
    problems = pd.DataFrame(PROBLEMS, columns=["level", "category_1", "category_2"])
    problems.insert(0, "problem_id", np.arange(len(problems)))
    return Panel(problems, PLACES, MONDAY + 7 * np.arange(WEEKS), observed, means)


def calm(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).poisson(4.0, (len(PLACES), WEEKS))


def cutoff(week: int) -> pd.Timestamp:
    """Sunday of a week."""
    return pd.Timestamp(MONDAY) + pd.Timedelta(days=7 * week + 6)


def finding(week: int, since: int, strength: float = 20.0, problem: int = PIPE, **changed: object) -> dict[str, object]:
    level, first, second = PROBLEMS[problem]
    row = {"level": level, "category_1": first, "category_2": second, "areas": "c", "centre": "c", "since": pd.Timestamp(MONDAY) + pd.Timedelta(weeks=since)}
    numbers = dict.fromkeys(("radius_km", "observed", "expected", "relative_risk", "p_value", "recurrence_days"), 1.0)
    return row | numbers | {"is_folded": False, "strength": strength, "cutoff": cutoff(week)} | changed


def found(*rows: dict[str, object]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=[*EMPTY_FOUND.columns, "cutoff"]).astype(EMPTY_FOUND.dtypes.to_dict())


# Panels


def test_the_gap_shrinks_with_the_history() -> None:
    assert [usable_gap(periods, 26) for periods in (200, 81, 80, 40, 9, 6, 1)] == [26, 26, 25, 12, 2, 1, 1]


def test_levels_are_sums_and_rare_problems_are_left_to_them() -> None:
    names = pd.DataFrame([("", ""), ("水", ""), ("水", "管"), ("水", "表"), ("路", "")], columns=["category_1", "category_2"])
    chance = np.random.default_rng(1)
    counts = chance.poisson([[[0.5]], [[0.5]], [[2.0]], [[0.05]], [[0.3]]], (5, 8, 60)).astype("float32")
    counts[4], counts[4, 0, :50] = 0, 2
    panel = build_panel(Counts(names, tuple("abcdefgh"), MONDAY + 7 * np.arange(60), counts), 52, 52, 26)
    rows = panel.problems[["level", "category_1", "category_2"]].itertuples(index=False, name=None)
    assert list(rows) == [("all", "", ""), ("category", "水", ""), ("problem", "水", "管"), ("category", "路", "")]
    np.testing.assert_array_equal(panel.observed[0], counts.sum(axis=0))
    np.testing.assert_array_equal(panel.observed[1], counts[1:4].sum(axis=0))
    np.testing.assert_array_equal(panel.observed[2], counts[2])
    gap = usable_gap(60, 26)
    assert np.isnan(panel.expected[:, :, : gap + 3]).all()
    np.testing.assert_allclose(panel.expected[:, :, gap + 3 :].sum(axis=1), panel.observed[:, :, gap + 3 :].sum(axis=1), rtol=1e-6)


def test_classes_of_a_member_that_is_alone_and_of_no_months() -> None:
    nothing = Counts(pd.DataFrame(columns=["category_1", "category_2"]), ("a", "b"), np.array([], dtype="datetime64[D]"), np.zeros((0, 2, 0), dtype="float32"))
    panel = build_panel(nothing, 12, 24, 12)
    assert class_months(panel, None).empty


# Clusters


def test_the_finest_level_of_each_category_is_scanned() -> None:
    assert scanned_problems(panel_of(calm(1), calm(2), calm(3))).tolist() == [EVERYTHING, PIPE, METER, ROAD]


def test_without_positions_each_place_is_looked_at_by_itself() -> None:
    pipe = calm(1)
    pipe[[2, 3], 90:] += 9
    panel = panel_of(pipe, calm(2), calm(3))
    clusters, sight = find_clusters(panel, WEEKS, None, RULE)
    own = clusters[clusters["level"] == "problem"]
    assert sorted(own["areas"]) == ["c", "d"]
    assert own["since"].tolist() == [pd.Timestamp(panel.starts[90])] * 2
    assert (own["observed"] == [pipe[PLACES.index(code), 90:].sum() for code in own["areas"]]).all()
    assert not own["is_folded"].any()
    assert clusters.loc[clusters["level"] == "all", "is_folded"].all()
    assert sight["problem_id"].tolist() == [EVERYTHING, PIPE, METER, ROAD]


def test_what_comes_later_is_not_known_and_too_little_is_not_scanned() -> None:
    pipe = calm(1)
    pipe[2, 90:] += 9
    panel = panel_of(pipe, calm(2), calm(3))
    assert find_clusters(panel, 90, None, RULE)[0].empty
    assert [len(part) for part in find_clusters(panel, 7, None, RULE)] == [0, 0]
    rare = panel_of(calm(1), np.zeros((len(PLACES), WEEKS)), calm(3))
    assert METER not in find_clusters(rare, WEEKS, None, RULE)[1]["problem_id"].tolist()


def test_a_rise_of_too_small_a_part_is_no_hot_spot() -> None:
    pipe = calm(1)
    pipe[2, 90:] += 9
    panel = panel_of(pipe, calm(2), calm(3))
    (risk,) = find_clusters(panel, WEEKS, None, RULE)[0].query("level == 'problem'")["relative_risk"]
    assert find_clusters(panel, WEEKS, None, Rule(365.0, risk + 0.01))[0].query("level == 'problem'").empty
    assert len(find_clusters(panel, WEEKS, None, Rule(365.0, risk - 0.01))[0].query("level == 'problem'")) == 1


def test_false_ones_of_a_year_are_shared_among_the_scans() -> None:
    assert Rule(365.0).p_value(1) == pytest.approx(7 / 365)
    assert Rule(365.0).p_value(20) == pytest.approx(7 / 365 / 20)
    assert Rule(730.0).p_value(0) == pytest.approx(7 / 730)


def test_where_nothing_is_planted_hardly_anything_is_found() -> None:
    """One a year is allowed over weekly scans: 20 cut-offs of other counts have less than half of one."""
    number = sum(len(find_clusters(panel_of(calm(seed), calm(seed + 100), calm(seed + 200)), WEEKS, None, RULE)[0]) for seed in range(20))
    assert number <= 2


def test_the_least_count_is_the_first_that_is_critical() -> None:
    assert np.isnan(least_seen(5.0, float("nan"), 100.0))
    least = [least_seen(usual, 8.0, 1000.0) for usual in (0.0, 1.0, 5.0, 20.0)]
    assert least == sorted(least)
    assert least[2] == 17
    assert np.isnan(least_seen(90.0, 1e6, 100.0))


# Lives


def test_a_hot_spot_that_came_back_and_ended_again_is_counted_to_its_last_end() -> None:
    """Its best finding is of the second time; what it amounts to is counted from then on, not up to the first end."""
    pipe = np.full((len(PLACES), WEEKS), 4)
    pipe[2, 60:68], pipe[2, 74:84] = 20, 30
    panel = panel_of(pipe, pipe * 0, pipe * 0)
    cutoffs = [cutoff(week) for week in range(65, 100, 4)]
    rows = [finding(week, 60, 20.0) for week in (65, 69, 73)] + [finding(week, 74, 90.0) for week in (77, 81, 85)]
    lives = live(panel, found(*rows), cutoffs)
    (spot,) = lives.spots.to_dict("records")
    stages = dict(zip(lives.steps["cutoff"], lives.steps["stage"], strict=True))
    assert [stages[cutoff(week)] for week in (65, 69, 73, 77, 81)] == [Stage.NEW, Stage.EASING, Stage.ENDED, Stage.WORSENING, Stage.ONGOING]
    assert spot["stage"] == Stage.ENDED
    over = next(week for week in range(85, 100, 4) if stages[cutoff(week)] == Stage.ENDED)
    assert spot["observed"] == pipe[2, 74 : over + 1].sum() > 300
    assert spot["expected"] == 4 * (over + 1 - 74)
    assert spot["since"] == panel.starts[74]
    assert spot["told_on"] == cutoff(77)


def test_folded_findings_and_those_of_names_that_are_gone_are_no_hot_spots() -> None:
    """Somebody declared a name another's: what was found under it before must not stop the run."""
    pipe = np.full((len(PLACES), WEEKS), 4)
    pipe[2, 90:] = 20
    panel = panel_of(pipe, pipe * 0, pipe * 0)
    rows = [finding(99, 90), finding(99, 90, problem=EVERYTHING, is_folded=True), finding(95, 90, category_1="旧名"), finding(95, 90, category_2="旧名")]
    lives = live(panel, found(*rows), [cutoff(95), cutoff(99)])
    assert lives.spots[["category_1", "category_2"]].to_numpy().tolist() == [["水", "管"]]
    assert set(lives.steps["hotspot_id"]) == set(lives.course["hotspot_id"]) == set(lives.spots["hotspot_id"])
    nothing = live(panel, found(), [cutoff(99)])
    assert nothing.spots.empty
    assert nothing.steps.empty
    assert nothing.course.empty


def test_one_not_found_for_long_is_over_and_leaves_the_list_after_half_a_year() -> None:
    pipe = np.full((len(PLACES), WEEKS), 4)
    pipe[2, 40:] = 20  # it goes on, and is not found: other places are worse
    panel = panel_of(pipe, pipe * 0, pipe * 0)
    for last, is_shown in ((79, True), (80, False)):
        lives = live(panel, found(finding(44, 40)), [cutoff(week) for week in range(44, last + 1)])
        steps = lives.steps.set_index("cutoff")["stage"]
        assert steps.index[-1] == cutoff(53)  # nine weeks later
        assert steps.iloc[-1] == Stage.ENDED
        assert (steps.iloc[:-1] != Stage.ENDED).all()
        assert (len(lives.spots) == 1) == is_shown


# Points

UNTIL = date(2025, 10, 26)


def lines_of(folder: Path, categories: tuple[str, str], *, is_new: bool) -> tuple[Home, TicketLines]:
    """Three tickets a week at one address for eight weeks, under a name; in the year before under another one, unless it is new."""
    home = Home(folder / "home")
    rows = [
        ticket(
            f"P{week}{turn}",
            f"{UNTIL - timedelta(days=7 * week + turn)} 09:00:00",
            request_type="投诉",
            category=categories[week < 8],
            subdistrict="景山街道",
            place="景山公园",
            longitude="116.40",
            latitude="39.92",
        )
        for week in range(8 if is_new else 58)
        for turn in range(3)
    ]
    load(home, write_csv(folder / "t.csv", rows))
    return home, TicketLines(home)


@pytest.mark.parametrize("category", ["噪声", "噪声->施工噪声"])
@pytest.mark.parametrize("is_new", [False, True])
def test_a_point_is_where_more_come_than_before(tmp_path: Path, category: str, is_new: bool) -> None:
    """Also of a category without a second level."""
    _home, lines = lines_of(tmp_path, (category, category), is_new=is_new)
    points = find_points(lines, UNTIL)
    assert len(points) == is_new
    if is_new:
        (point,) = points.to_dict("records")
        assert (point["observed"], point["usual"], round(point["radius_m"]), point["callers"]) == (24, 0, 0, 24)
        assert "->".join(filter(None, (point["category_1"], point["category_2"]))) == category
        assert (point["code"], point["pinpoint"], point["category_1"]) == ("110101002", "景山公园", "噪声")
        assert (point["first_day"].date(), point["last_day"].date()) == (UNTIL - timedelta(days=51), UNTIL)


def test_what_lay_there_under_another_name_of_the_problem_lay_there_before(tmp_path: Path) -> None:
    home, lines = lines_of(tmp_path, ("旧噪声", "噪声"), is_new=False)
    assert len(find_points(lines, UNTIL)) == 1
    lines.close()
    write_alias(home, Scope(Role.ADMIN), AliasChange(AliasKind.CATEGORY, "旧噪声", "噪声", "改名", "管理员"), {"噪声"})
    assert find_points(TicketLines(home), UNTIL).empty


class Repeating:
    """Two problems at forty addresses with ten tickets each: one comes in a burst of ten days, the other on any day."""

    def points(self, first: date, _last: date) -> pd.DataFrame:
        chance = np.random.default_rng(5)
        address = np.repeat(np.arange(40), 10)
        where = {"longitude": 116 + address % 8 / 100, "latitude": 39.9 + address // 8 / 100}
        burst = np.repeat(chance.integers(0, 46, 40), 10) + np.tile(np.arange(10), 40)
        rows = []
        for problem, days in (("施工", burst), ("垃圾", chance.integers(0, 56, 400))):
            rows.append(
                pd.DataFrame(where | {"accepted_at": pd.Timestamp(first) + pd.to_timedelta(days, unit="D"), "category_1": "环境", "category_2": problem})
            )
        rows.append(rows[0].head(40).assign(category_2="少"))
        return pd.concat(rows, ignore_index=True)


def test_a_problem_that_comes_back_near_by_and_soon_is_told() -> None:
    found = find_near_repeats(Repeating(), date(2025, 10, 26))  # type: ignore[arg-type]
    assert list(found.columns) == list(NEAR_COLUMNS)
    assert found["category_2"].tolist() == ["施工", "垃圾"]  # the most repeating first; of forty tickets nothing is said
    assert found["ratio"].iloc[0] > 2
    assert found["p_value"].iloc[0] == 0.005
    assert found["ratio"].iloc[1] == pytest.approx(1, abs=0.1)
    assert found["p_value"].iloc[1] > 0.01

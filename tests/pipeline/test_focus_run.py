"""A made city from ticket file to hot spots, over two runs; what is planted is found, named and dated, and nothing else is."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from geodata.hotspot_life import Stage
from governance.mode_advice import Mode
from pipeline.backup import backup, restore
from pipeline.focus import run
from pipeline.focus.run import FocusResult, focus
from pipeline.refresh import refresh
from storage.focus import focus_version, open_focus, write_focus
from storage.focus_reads import read_course, read_drivers, read_focus_facts, read_focus_problems, read_hotspots, read_sight, read_similar, read_steps
from storage.home import Home, InputError
from storage.place_counts import read_place_weeks
from storage.queries import fetch
from storage.snapshot import Snapshot, current_version, open_snapshot
from tests.factories import load, ticket, write_csv
from tests.pipeline import focus_city as made
from tests.pipeline.focus_city import BUSY, HOT, OVER, RUBBISH, SHOPS, recount

CUTOFFS = [made.KNOWN_UNTIL - timedelta(weeks=back) for back in (16, 12, 8, 4, 0)]
SCANNED = 6
"""Everything, and five problems."""

EVERYTHING = ("", "")


@dataclass(frozen=True)
class City:
    """Homes as after the first run and as after the second, and what the runs said."""

    before: Home
    home: Home
    first: FocusResult
    told: list[str]
    stale: FocusResult
    second: FocusResult


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """One key of the code for all tests, though others may be editing it."""
    folder = tmp_path_factory.mktemp("focus")
    home, told = Home(folder / "home"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "code_key", lambda patterns: f"code of {len(patterns)}")
        made.ingest_days(home, folder, made.FIRST, made.KNOWN_UNTIL, boundaries=made.write_boundaries(folder / "areas.geojson"))
        first, stale = focus(home, replays=16, tell=told.append), focus(home, if_stale=True, replays=16)
        before = copied(home, tmp_path_factory.mktemp("before"))
        made.ingest_days(home, folder, made.KNOWN_UNTIL + timedelta(days=1), made.LATER_UNTIL)
        yield City(before, home, first, told, stale, focus(home, if_stale=True, replays=16))


@pytest.fixture(scope="module")
def found(city: City) -> Snapshot:
    return open_focus(city.before)


@pytest.fixture(scope="module")
def spots(found: Snapshot) -> pd.DataFrame:
    """By place."""
    return read_hotspots(found, None).set_index("areas")


def copied(home: Home, folder: Path) -> Home:
    return Home(Path(shutil.copytree(home.root, folder / "home")))


def table(snapshot: Snapshot, name: str) -> pd.DataFrame:
    return fetch(snapshot, f'SELECT * FROM "{name}"')


# What is found


def test_the_run_says_what_it_did(city: City, found: Snapshot) -> None:
    result = city.first
    assert (result.cutoff, result.is_new, result.places, result.scans) == (made.KNOWN_UNTIL, True, 12, SCANNED * len(CUTOFFS))
    assert result.problems == 1 + 3 + 5
    assert (result.hotspots, result.new, result.worsening, result.points) == (2, 0, 1, 1)
    assert result.version == found.version == focus_version(city.before)
    assert [day for day in CUTOFFS if f"扫描 {day}" in city.told] == CUTOFFS
    facts = read_focus_facts(found)
    assert (facts["cutoff"], facts["has_neighbours"], facts["islands"], facts["first_week"]) == ("2025-10-26", "True", "", "2023-05-01")
    assert facts["snapshot"] == current_version(city.before)


def test_only_what_is_planted_is_found(spots: pd.DataFrame) -> None:
    assert set(spots.index) == {HOT, OVER, BUSY}
    assert spots["centre"].tolist() == spots.index.tolist()
    assert set(zip(spots["category_1"], spots["category_2"], strict=True)) == {RUBBISH, SHOPS, EVERYTHING}


@pytest.mark.parametrize(
    ("place", "problem", "began", "is_over"),
    [(HOT, RUBBISH, made.BEGAN, False), (OVER, SHOPS, made.OVER_FROM, True), (BUSY, EVERYTHING, made.BUSY_FROM, False)],
)
def test_each_is_named_dated_and_counted(spots: pd.DataFrame, place: str, problem: tuple[str, str], began: date, is_over: bool) -> None:
    spot = spots.loc[place]
    assert (spot["category_1"], spot["category_2"]) == problem
    assert abs((spot["since"].date() - began).days) <= 14
    assert (spot["stage"] == Stage.ENDED) == is_over
    assert (spot["recent_ratio"] > 1.3) == (not is_over)
    assert 1 < spot["low"] < spot["observed"] / spot["expected"] < spot["high"]
    assert spot["recurrence_days"] > 365
    until = spots_until(spot)
    wanted = recount(spot["since"].date(), until, lambda _day, code, one, _unit: (code, one if problem != EVERYTHING else EVERYTHING))
    assert spot["observed"] == wanted[place, problem]
    recent = recount(made.KNOWN_UNTIL - timedelta(days=27), made.KNOWN_UNTIL, lambda _day, code, one, _unit: (code, one if any(problem) else EVERYTHING))
    assert spot["recent_observed"] == recent[place, problem]


def spots_until(spot: pd.Series) -> date:
    """The ended one was found to be over at the cut-off of 28 September."""
    return date(2025, 9, 28) if spot["stage"] == Stage.ENDED else made.KNOWN_UNTIL


def test_the_stages_follow_the_planted_course(found: Snapshot, spots: pd.DataFrame) -> None:
    stages = {place: read_steps(found, None, spots.loc[place, "hotspot_id"]) for place in spots.index}
    assert stages[OVER]["stage"].tolist()[0] == Stage.NEW
    assert stages[OVER]["stage"].tolist()[-2:] == [Stage.ENDED, Stage.ENDED]
    assert stages[HOT]["cutoff"].dt.date.tolist() == CUTOFFS[3:]
    assert stages[HOT]["stage"].tolist() == [Stage.NEW, Stage.WORSENING]
    assert stages[BUSY]["cutoff"].dt.date.tolist() == CUTOFFS[2:]
    assert stages[BUSY]["stage"].tolist() == [Stage.NEW, Stage.ONGOING, Stage.ONGOING]
    assert spots.loc[HOT, "told_on"].date() == made.KNOWN_UNTIL


def test_a_place_with_more_of_everything_is_one_hot_spot(found: Snapshot) -> None:
    """Its problems are folded into it; and a place with one problem is no place with more of everything."""
    rows = table(found, "found")
    busy = rows[rows["areas"] == BUSY]
    assert (busy["level"] == "all").eq(~busy["is_folded"]).all()
    assert (busy["level"] == "problem").any(), "nothing was there to fold"
    hot = rows[rows["areas"].isin([HOT, OVER])]
    assert (hot["level"] == "problem").eq(~hot["is_folded"]).all()
    assert (hot["level"] == "all").any(), "nothing was there to fold"
    assert set(rows["areas"]) == {HOT, OVER, BUSY}


def test_drivers_name_what_was_planted(found: Snapshot, spots: pd.DataFrame) -> None:
    drivers = read_drivers(found, None, spots.loc[HOT, "hotspot_id"])
    first = drivers.groupby("kind", sort=False).first()
    assert first.loc["category_3", "name"] == made.SUB_PROBLEM
    assert tuple(first.loc["community", ["code", "name"]]) == (HOT, made.COMMUNITY)
    assert first.loc["pinpoint", "name"] == "幸福家园"
    assert (first.loc["pinpoint", "observed"], first.loc["pinpoint", "usual"]) == (20, 0)
    assert set(drivers.loc[drivers["kind"] == "handling_unit", "name"]) == {"城管委", "环卫中心"}
    for kind, total in drivers[drivers["kind"].isin(["category_3", "community"])].groupby("kind")["observed"].sum().items():
        assert total == spots.loc[HOT, "observed"], kind
    general = read_drivers(found, None, spots.loc[BUSY, "hotspot_id"])
    assert set(general["kind"]) == {"problem"}
    assert set(general["name"]) == {problem[1] for problem in made.A_WEEK}
    assert general["observed"].sum() == spots.loc[BUSY, "observed"]
    assert general["usual"].sum() == pytest.approx(spots.loc[BUSY, "expected"], rel=0.05)


def test_usual_is_the_year_before_brought_to_what_the_rest_of_the_city_has(found: Snapshot, spots: pd.DataFrame) -> None:
    since = spots.loc[HOT, "since"].date()
    year = recount(since - timedelta(days=364), since - timedelta(days=1), lambda _day, code, one, _unit: (code, one))
    now = recount(since, made.KNOWN_UNTIL, lambda _day, code, one, _unit: (code, one))
    rest, rest_now = (sum(count for (code, one), count in counts.items() if code and code != HOT and one == RUBBISH) for counts in (year, now))
    drivers = read_drivers(found, None, spots.loc[HOT, "hotspot_id"])
    assert drivers.loc[drivers["kind"] == "category_3", "usual"].sum() == pytest.approx(year[HOT, RUBBISH] * rest_now / rest)


def test_similar_places_are_others_and_modes_follow_the_rule(found: Snapshot, spots: pd.DataFrame) -> None:
    similar = read_similar(found, None, spots.loc[HOT, "hotspot_id"])
    assert len(similar) == 5
    assert not set(similar["code"]) & {HOT, made.SILENT}
    assert similar["likeness"].between(0.9, 1).all()
    wanted = recount(spots.loc[HOT, "since"].date(), made.KNOWN_UNTIL, lambda _day, code, one, _unit: (code, one))
    assert similar["observed"].tolist() == [wanted[code, RUBBISH] for code in similar["code"]]
    assert set(spots["mode"]) == {Mode.FOCUSED}
    assert spots["spells"].tolist() == [1, 1, 1]


def test_the_point_is_found_with_its_name(found: Snapshot) -> None:
    (point,) = table(found, "point").to_dict("records")
    assert (point["category_1"], point["category_2"], point["code"]) == (*RUBBISH, HOT)
    assert (point["pinpoint"], point["community"]) == ("幸福家园", made.COMMUNITY)
    assert 20 <= point["observed"] <= 26  # ordinary ones lie around it
    assert point["callers"] == point["observed"]
    assert point["last_day"].date() == made.KNOWN_UNTIL
    assert np.allclose((point["longitude"], point["latitude"]), made.POINT_AT, atol=0.001)
    assert point["usual"] < 5
    assert point["p_value"] < 0.05


def test_what_could_have_been_seen(found: Snapshot, spots: pd.DataFrame) -> None:
    sight = read_sight(found, *RUBBISH)
    assert sight is not None
    assert sight["usual"] < sight["least"] < spots.loc[HOT, "recent_observed"]
    assert read_sight(found, "市容环卫", "") is None  # a divided category is not scanned


# Counted again


def test_observed_of_every_place_and_month_are_the_plain_counts(found: Snapshot) -> None:
    problems = read_focus_problems(found).set_index(["category_1", "category_2"])["problem_id"]
    wanted = recount(made.FIRST, date(2025, 9, 30), lambda day, code, problem, _unit: (code, problem, day.strftime("%Y-%m")))
    for problem in (RUBBISH, SHOPS):
        rows = table(found, "class_month").query(f"problem_id == {problems[problem]}")
        assert len(rows) == 12 * rows["month"].nunique()
        assert rows["month"].max().date() == date(2025, 9, 1)  # October is not whole
        assert rows["observed"].tolist() == [wanted[row.code, problem, f"{row.month:%Y-%m}"] for row in rows.itertuples()]
        months = rows.groupby("month")[["observed", "expected"]].sum()
        assert (months["observed"] > 60).all()
        np.testing.assert_allclose(months["expected"], months["observed"], rtol=1e-5)


def test_the_planted_place_is_hot_and_the_silent_one_is_there(found: Snapshot) -> None:
    rows = table(found, "class_month").merge(read_focus_problems(found), on="problem_id")
    shops = rows[(rows["category_2"] == SHOPS[1]) & (rows["code"] == OVER)].set_index("month").sort_index()
    assert shops.loc["2025-05-01":, "state"].tolist() == [0, 1, 1, 0, 0]  # it was over in the middle of August
    assert shops.loc["2025-07-01", "kind"] != "none"
    silent = rows[rows["code"] == made.SILENT]
    assert len(silent)
    assert (silent["observed"] == 0).all()
    assert (silent["expected"] < 1).mean() > 0.8
    assert not (silent["state"] > 0).any()


def test_the_course_is_the_plain_count_of_a_year(found: Snapshot, spots: pd.DataFrame) -> None:
    course = read_course(found, None, spots.loc[HOT, "hotspot_id"])
    assert len(course) == 52
    wanted = recount(made.FIRST, made.KNOWN_UNTIL, lambda day, code, problem, _unit: (code, problem, day - timedelta(days=day.weekday())))
    assert course["observed"].tolist() == [wanted[HOT, RUBBISH, week.date()] for week in course["week"]]


def test_the_unit_with_a_rise_is_hot(found: Snapshot) -> None:
    rows = table(found, "unit_month").merge(table(found, "unit_problem"), on="problem_id")
    own = rows[(rows["code"] == made.RISING) & (rows["category_1"] == "公共服务")].set_index("month").sort_index()
    assert (own.loc["2025-07-01":, "state"] == 1).all()
    assert (own.loc[:"2025-06-30", "state"] == 0).all()
    assert own["gi"].isna().all()
    wanted = recount(made.FIRST, date(2025, 9, 30), lambda day, _code, problem, unit: (problem[0], unit, day.strftime("%Y-%m")))
    assert own["observed"].tolist() == [wanted["公共服务", made.RISING, f"{month:%Y-%m}"] for month in own.index]
    shares = table(found, "unit_share").merge(table(found, "unit_problem"), on="problem_id").query("category_1 == '公共服务'").set_index("month")
    assert shares["gini"].iloc[-1] > shares["gini"].iloc[0]
    assert (shares["top_share"] == 1).all()  # three units


# Later runs


def test_a_run_on_the_same_snapshot_does_nothing(city: City) -> None:
    assert (city.stale.is_new, city.stale.version, city.stale.scans) == (False, city.first.version, 0)


def test_a_week_later_names_stay_and_nothing_is_scanned_again(city: City, spots: pd.DataFrame) -> None:
    result = city.second
    assert (result.is_new, result.cutoff, result.scans) == (True, made.LATER_UNTIL, SCANNED)
    later = open_focus(city.home)
    after = read_hotspots(later, None).set_index("areas")
    assert after["hotspot_id"].to_dict() == spots["hotspot_id"].to_dict()
    assert after["first_found_on"].to_dict() == spots["first_found_on"].to_dict()
    assert after.loc[HOT, "last_found_on"].date() == made.LATER_UNTIL
    assert table(later, "cutoff")["cutoff"].dt.date.tolist() == [*CUTOFFS, made.LATER_UNTIL]
    old, new = (table(open_focus(home), "found") for home in (city.before, city.home))
    pd.testing.assert_frame_equal(new[new["cutoff"] <= pd.Timestamp(made.KNOWN_UNTIL)].reset_index(drop=True), old)
    assert (new["cutoff"] == pd.Timestamp(made.LATER_UNTIL)).any()
    old_steps, new_steps = (table(open_focus(home), "step").sort_values(["hotspot_id", "cutoff"]) for home in (city.before, city.home))
    kept = new_steps[new_steps["cutoff"] <= pd.Timestamp(made.KNOWN_UNTIL)]
    assert kept["stage"].tolist() == old_steps["stage"].tolist()


def test_weeks_in_which_nobody_looked_are_made_up_for(city: City, tmp_path: Path) -> None:
    """As if the last run had been in August: what was not looked for meanwhile is not over, and keeps its name."""
    home = copied(city.before, tmp_path)
    published = open_focus(home)
    tables = {name: table(published, name) for name in ("found", "cutoff", "meta", "hotspot")}
    august = pd.Timestamp(CUTOFFS[1])
    write_focus(home, "august", tables | {name: tables[name][tables[name]["cutoff"] <= august] for name in ("found", "cutoff")})
    result = focus(home, replays=16)
    assert result.scans == 3 * SCANNED
    again = open_focus(home)
    for name in ("found", "cutoff", "step", "hotspot"):
        pd.testing.assert_frame_equal(table(again, name), table(published, name))


def test_found_under_another_rule_is_found_again(city: City, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = copied(city.before, tmp_path)
    monkeypatch.setattr(run, "code_key", str)
    result = focus(home, if_stale=True, replays=4)
    assert result.is_new
    assert result.scans == 2 * SCANNED
    assert table(open_focus(home), "cutoff")["cutoff"].dt.date.tolist() == CUTOFFS[3:]


def test_only_one_looks_at_a_time(city: City) -> None:
    with city.before.focusing(), pytest.raises(InputError, match="正由另一进程查找热点"):
        focus(city.before)


def test_a_backup_holds_the_hot_spots_in_use(city: City, tmp_path: Path) -> None:
    assert len(list((city.home.root / "focus").glob("*.duckdb"))) == 3  # with the one that showed the first run before it had looked through the past
    backup(city.home, tmp_path / "weisu.tar")
    other = Home(tmp_path / "other")
    restore(other, tmp_path / "weisu.tar")
    assert focus_version(other) == city.second.version
    assert [path.stem for path in (other.root / "focus").glob("*.duckdb")] == [city.second.version]
    assert focus(other, if_stale=True, replays=16).is_new is False


# Where there is little or nothing


def small(folder: Path, days: int, **fields: str) -> Home:
    """A home with two tickets a day, up to a Sunday."""
    home, until = Home(folder / "home"), made.KNOWN_UNTIL
    own = {"request_type": "投诉", "category": "噪声", "district": "东城区", "subdistrict": "景山街道"} | fields
    rows = [ticket(f"{day}{turn}", f"{until - timedelta(days=day)} 09:00:00", **own) for day in range(days) for turn in "ab"]
    load(home, write_csv(folder / "t.csv", rows))
    refresh(home)
    return home


def test_without_a_snapshot_it_is_said(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with pytest.raises(InputError, match="还没有统计快照"):
        focus(home)
    assert focus_version(home) is None


def test_a_short_history_is_said(tmp_path: Path) -> None:
    home = small(tmp_path, 39 * 7)
    assert len(read_place_weeks(open_snapshot(home), made.KNOWN_UNTIL, 999).starts) == 39
    with pytest.raises(InputError, match=r"历史只有 39 周.*至少需要 40 周"):
        focus(home)
    assert focus_version(home) is None


@pytest.mark.parametrize("fields", [{"request_type": "咨询"}, {"district": "", "subdistrict": "不详"}])
def test_nothing_counted_is_said(tmp_path: Path, fields: dict[str, str]) -> None:
    with pytest.raises(InputError, match="还没有落在区划内、计入诉求量的工单"):
        focus(small(tmp_path, 300, **fields))


def test_a_city_without_boundaries_levels_and_units(tmp_path: Path) -> None:
    """The shipped register has points and no neighbours: each place is judged by itself; a rise is found all the same."""
    home = small(tmp_path, 50 * 7)
    own = {"request_type": "投诉", "category": "噪声", "district": "东城区"}
    more = [
        ticket(f"{name}{day}{turn}", f"{made.KNOWN_UNTIL - timedelta(days=day)} 10:00:00", subdistrict=name, **own)
        for name in ("交道口街道", "安定门街道", "北新桥街道", "东四街道", "朝阳门街道", "建国门街道")
        for day in range(50 * 7)
        for turn in range(6 if name == "交道口街道" and day < 28 else 2)
    ]
    load(home, write_csv(tmp_path / "more.csv", more))
    refresh(home)
    result = focus(home, replays=0)
    assert (result.is_new, result.problems, result.scans) == (True, 2, 2)
    assert result.places > 300
    snapshot = open_focus(home)
    assert read_focus_facts(snapshot)["has_neighbours"] == "False"
    (spot,) = read_hotspots(snapshot, None).to_dict("records")
    assert (spot["areas"], spot["category_1"], spot["stage"]) == ("110101003", "噪声", "new")
    assert spot["since"].date() == made.KNOWN_UNTIL - timedelta(days=27)
    classes = table(snapshot, "class_month")
    assert len(classes)
    assert classes["gi"].isna().all()
    assert table(snapshot, "unit_month").empty

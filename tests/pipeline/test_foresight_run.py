"""A made city from ticket file to forecasts, warnings and their scores, over two runs."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.backup import backup, restore
from pipeline.foresight.run import DAYS_AHEAD, WEEKS_AHEAD, ForesightResult, foresee
from pipeline.refresh import refresh
from storage.foresight import foresight_version, open_foresight
from storage.foresight_reads import (
    read_ahead,
    read_contest,
    read_foresight_facts,
    read_hindcast,
    read_profiles,
    read_replay,
    read_seasons,
    read_series,
    read_windows,
)
from storage.home import Home, InputError
from storage.queries import fetch
from storage.records.warnings import read_statements, read_warnings
from storage.scope import Role, Scope, ScopeError
from storage.snapshot import Snapshot, current_version
from tests.factories import load, ticket, write_csv
from tests.pipeline.foresight_city import FIRST, KNOWN_UNTIL, LATER_UNTIL, PLACES, ingest_days, quick_models, rows

ALL, EAST, JINGSHAN = Scope(Role.LEADER), Scope(Role.DISTRICT, "110101"), Scope(Role.SUBDISTRICT, "110101002")
FIRST_REPLAYS = [date(2025, 6, 22), date(2025, 7, 20), date(2025, 8, 17)]
"""Two weeks before the windows from 7 July, 4 August and 1 September, which are over by 5 October; two years of history before them."""

QUANTILES = ["q0.025", "q0.1", "q0.25", "q0.5", "q0.75", "q0.9", "q0.975"]


@dataclass(frozen=True)
class City:
    """Two homes, as after the first run and as after the second, and what the runs said."""

    before: Home
    home: Home
    first: ForesightResult
    stale: ForesightResult
    second: ForesightResult


def copied(home: Home, folder: Path) -> Home:
    return Home(Path(shutil.copytree(home.root, folder / "home")))


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    folder = tmp_path_factory.mktemp("foresight")
    home = Home(folder / "home")
    with quick_models(flat=False):
        ingest_days(home, folder, FIRST, KNOWN_UNTIL)
        first, stale = foresee(home), foresee(home, if_stale=True)
        before = copied(home, tmp_path_factory.mktemp("before"))
    with quick_models(flat=True):
        ingest_days(home, folder, KNOWN_UNTIL + timedelta(days=1), LATER_UNTIL)
        second = foresee(home, if_stale=True)
    return City(before, home, first, stale, second)


@pytest.fixture(scope="module")
def foresight(city: City) -> Snapshot:
    return open_foresight(city.before)


def table(snapshot: Snapshot, name: str) -> pd.DataFrame:
    return fetch(snapshot, f'SELECT * FROM "{name}"')


def counted(first: date, until: date, **wanted: str) -> int:
    """Delivered rows of those days that have these values; a category by how it begins."""
    found = [row for row in rows(first, until) if all(row[name].startswith(value) for name, value in wanted.items())]
    return len(found)


# What is made


def test_the_first_run_says_what_it_did(city: City, foresight: Snapshot) -> None:
    assert (city.first.cutoff, city.first.is_new, city.first.scored) == (KNOWN_UNTIL, True, 0)
    assert city.first.version == foresight_version(city.before) == foresight.version
    # city, 3 categories, 2 districts and none, each by category, 4 subdistricts and none, each by category; 6 second levels
    assert city.first.series == 1 + 3 + 3 + 9 + 5 + 15 + 6
    assert city.first.replays == len(FIRST_REPLAYS)
    assert city.first.issued == city.first.warned > 0
    facts = read_foresight_facts(foresight)
    assert facts["cutoff"] == "2025-10-05"
    assert facts["snapshot"] == current_version(city.before)
    assert facts["calendar"] == "CN-BJ"
    assert facts["series_count"] == str(city.first.series)
    assert {"made_at", "rule"} <= facts.keys()


def test_tables_have_the_columns_that_are_promised(foresight: Snapshot) -> None:
    series = read_series(foresight, ALL)
    assert series.columns.tolist() == ["district", "subdistrict", "category_1", "series_id", "level", "category_2", "model", "mean_a_day"]
    assert series["series_id"].tolist() == list(range(len(series)))
    assert read_ahead(foresight, ALL, 0, "daily").columns.tolist() == ["day", "mean", *QUANTILES]
    assert sorted(read_hindcast(foresight, ALL, 0).columns) == sorted(["day", "cutoff", "mean", "q0.1", "q0.25", "q0.75", "q0.9"])
    said = {
        "usual",
        "threshold",
        "expected",
        "variance",
        "probability",
        "low_80",
        "high_80",
        "starts_on",
        "is_tested",
        "is_warned",
        "share_season",
        "share_own",
    }
    assert said <= set(read_windows(foresight, ALL, 0).columns)
    assert {"strength", "is_seasonal", "onset_week", "works_until_week", "level", "category_1"} <= set(read_seasons(foresight, ALL).columns)
    assert read_profiles(foresight, ALL).columns.tolist() == ["series_id", "week", "ratio"]
    assert {"cutoff", "window_start", "lead_days", "probability", "is_warned", "came_true", "level"} <= set(read_replay(foresight, ALL).columns)
    contest = read_contest(foresight)
    assert contest.columns.tolist() == ["level", "model", "series_count", "cutoffs", "loss", "coverage_80", "seconds", "is_winner", "is_serving"]
    assert contest[contest["is_winner"]].groupby("level").size().to_dict() == {"category": 1, "district_category": 1, "cell": 1}
    fitting = contest[contest["coverage_80"] >= 0.7]
    assert contest.loc[contest["is_winner"]].set_index("level")["loss"].to_dict() == fitting.groupby("level")["loss"].min().to_dict()


def test_forecasts_begin_after_the_last_day(foresight: Snapshot) -> None:
    days = read_ahead(foresight, ALL, 0, "daily")["day"].dt.date.tolist()
    assert days == [KNOWN_UNTIL + timedelta(days=step + 1) for step in range(DAYS_AHEAD)]
    weeks = read_ahead(foresight, ALL, 0, "weekly")["day"].dt.date.tolist()
    assert weeks == [date(2025, 10, 6) + timedelta(weeks=step) for step in range(WEEKS_AHEAD)]  # 5 October is a Sunday
    with pytest.raises(ValueError, match="hourly"):
        read_ahead(foresight, ALL, 0, "hourly")


@pytest.mark.parametrize("frequency", ["daily", "weekly"])
def test_all_levels_add_up(foresight: Snapshot, frequency: str) -> None:
    """On every day and week each level comes to the city, categories to the total, second levels to their first; quantiles in order."""
    frame = table(foresight, frequency).merge(read_series(foresight, ALL), on="series_id")
    sums = frame.pivot_table(index="day", columns="level", values="mean", aggfunc="sum")
    assert len(sums) == {"daily": DAYS_AHEAD, "weekly": WEEKS_AHEAD}[frequency]
    for level in sums.columns:
        np.testing.assert_allclose(sums[level], sums["city"], rtol=1e-9)
    for codes, below in (
        (["category_1"], ["category", "district_category", "cell", "category_2"]),
        (["district"], ["district", "district_category", "subdistrict", "cell"]),
        (["district", "category_1"], ["district_category", "cell"]),
        (["district", "subdistrict"], ["subdistrict", "cell"]),
    ):
        whole, *parts = (frame[frame["level"] == level].groupby(["day", *codes])["mean"].sum() for level in below)
        for part in parts:
            pd.testing.assert_series_equal(part, whole, rtol=1e-9, atol=0)
    assert (np.diff(frame[QUANTILES].to_numpy(), axis=1) >= 0).all()
    held = (frame["q0.025"] <= frame["mean"] + 1) & (frame["mean"] <= frame["q0.975"] + 1)
    assert held.all()


def served_by(foresight: Snapshot) -> dict[str, str]:
    """Model that serves each level of the contest."""
    contest = read_contest(foresight)
    rows = contest[contest["is_serving"]].replace({"model": {"mean": "pooled_counts"}})
    return dict(zip(rows["level"], rows["model"], strict=True))


def test_sparse_places_are_shares_and_say_so(foresight: Snapshot) -> None:
    serving = served_by(foresight)
    series = read_series(foresight, ALL).set_index("level")
    assert set(series.loc[["city", "district", "category_2"], "model"]) == {"pooled_counts"}
    below = series.loc[["subdistrict", "cell"]]
    days = (KNOWN_UNTIL - FIRST).days + 1
    for row in below.itertuples():
        share = row.mean_a_day * days
        subdistrict = next((name for code, name, *_above in PLACES if code == row.subdistrict), "不详")
        category = {} if row.Index == "subdistrict" else {"category": row.category_1}
        assert share == pytest.approx(counted(FIRST, KNOWN_UNTIL, subdistrict=subdistrict, **category))
        year = counted(KNOWN_UNTIL - timedelta(days=363), KNOWN_UNTIL, subdistrict=subdistrict, **category)
        served = serving.get(row.Index, "pooled_counts")
        assert row.model == ("share_of_parent" if year < 364 else served)
    assert {"share_of_parent", "pooled_counts"} <= set(below["model"])


def test_who_won_the_contest_clearly_serves(foresight: Snapshot) -> None:
    series, serving = read_series(foresight, ALL).set_index("level")["model"], served_by(foresight)
    # the quick stand-in of the incumbent is a plain mean, which serves nowhere by itself: where it was not beaten, the regression does
    assert set(serving.values()) == {"last_year_level", "pooled_counts"}
    for level in ("category", "district_category"):
        assert set(series.loc[[level]]) == {serving[level]}


# Later runs


def test_a_run_on_the_same_snapshot_does_nothing(city: City) -> None:
    assert (city.stale.is_new, city.stale.version, city.stale.issued, city.stale.replays) == (False, city.first.version, 0, 0)
    assert city.second.is_new
    assert city.second.version != city.first.version


def test_replays_whose_counts_are_the_same_are_taken_over(city: City) -> None:
    """By 5 October the windows of 22 June alone were all over; the others are replayed again, and two new ones come to them."""
    old, new = read_replay(open_foresight(city.before), ALL), read_replay(open_foresight(city.home), ALL)
    assert sorted(set(old["cutoff"].dt.date)) == FIRST_REPLAYS
    assert sorted(set(new["cutoff"].dt.date)) == [*FIRST_REPLAYS, date(2025, 9, 14), date(2025, 10, 12)]
    assert city.second.replays == 4
    columns = ["series_id", "window_start", "lead_days", "probability", "count", "came_true"]
    taken = [frame.loc[frame["cutoff"].dt.date == FIRST_REPLAYS[0], columns].reset_index(drop=True) for frame in (old, new)]
    pd.testing.assert_frame_equal(*taken)
    assert (new.groupby("cutoff")["window_start"].max() > old.groupby("cutoff")["window_start"].max().reindex(new["cutoff"].unique())).sum() == 2


def test_replays_are_held_against_what_came(city: City) -> None:
    """Every count equals that of the ticket file, of city problems and of districts."""
    replay = read_replay(open_foresight(city.home), ALL)
    assert (replay["came_true"] == (replay["count"] >= replay["threshold"])).all()
    assert (replay["window_start"] + pd.Timedelta(days=27) <= pd.Timestamp(LATER_UNTIL)).all()
    some = replay[(replay["window_start"] == "2025-10-27") & replay["level"].isin(["category_2", "district_category"])]
    assert set(some["level"]) == {"category_2", "district_category"}
    names = {above: district for _code, _name, above, district in PLACES}
    for row in some.itertuples():
        where = {"district": names[row.district]} if row.level == "district_category" else {}
        category = f"{row.category_1}->{row.category_2}" if row.level == "category_2" else row.category_1
        assert row.count == counted(date(2025, 10, 27), LATER_UNTIL, category=category, **where)
    assert (read_hindcast(open_foresight(city.home), ALL, 0).groupby("cutoff").size() == 28).all()


def test_warnings_are_issued_once_and_scored_when_their_window_is_over(city: City) -> None:
    first, now = (read_warnings(home, ALL, today=KNOWN_UNTIL) for home in (city.before, city.home))
    assert len(first) == city.first.issued
    assert len(now) == city.first.issued + city.second.issued
    assert set(first["issued_on"].dt.date) == {KNOWN_UNTIL}
    assert first["scored_on"].isna().all()
    kept = now[now["warning_id"].isin(first["warning_id"])].sort_values("warning_id", ignore_index=True)
    issued = ["probability", "threshold", "expected", "issued_on", "owner", "due_on", "starts_on"]
    pd.testing.assert_frame_equal(kept[issued], first.sort_values("warning_id", ignore_index=True)[issued])
    over = now[now["window_end"].dt.date <= LATER_UNTIL]
    assert len(over) == city.second.scored > 0
    assert now["scored_on"].notna().sum() == len(over)
    names = {code: name for code, name, *_above in PLACES} | {above: district for _code, _name, above, district in PLACES}
    for row in over.itertuples():
        where = {} if row.level == "city" else {row.level: names[row.place_code]}
        category = f"{row.category_1}->{row.category_2}" if isinstance(row.category_2, str) else row.category_1
        assert row.count == counted(row.window_start.date(), row.window_end.date(), category=category, **where)
        assert row.came_true == (row.count >= row.threshold)


def test_heating_is_warned_of_before_its_season(city: City) -> None:
    warned = read_warnings(city.before, ALL, today=KNOWN_UNTIL)
    heating = warned[warned["category_2"] == "供暖"]
    assert heating["window_start"].dt.date.tolist() == [date(2025, 10, 27), date(2025, 11, 24), date(2025, 12, 22)]
    assert (heating["owner"] == "热力集团").all()
    assert heating["starts_on"].dt.date.iloc[0] >= date(2025, 11, 3)
    assert set(warned["category_1"]) == {"公共服务"}
    district = warned[warned["level"] == "district"]
    assert set(district["owner"]) == {"东城区", "西城区"}
    assert set(district["partner"]) == {"热力集团"}


def test_open_warnings_are_stated_again(city: City) -> None:
    warned = read_warnings(city.before, ALL, today=KNOWN_UNTIL)
    later = warned.loc[warned["window_start"].dt.date == date(2025, 12, 22), "warning_id"]
    assert len(later)
    for key in later:
        stated = read_statements(city.home, ALL, key)["stated_on"].dt.date.tolist()
        assert stated == [LATER_UNTIL, KNOWN_UNTIL]


# Scope


@pytest.mark.parametrize(("scope", "column", "levels"), [(EAST, "district", 4), (JINGSHAN, "subdistrict", 2), (Scope(Role.DEPARTMENT, "热力集团"), "", 0)])
def test_bound_roles_see_their_own_series(foresight: Snapshot, scope: Scope, column: str, levels: int) -> None:
    known, own = read_series(foresight, ALL), read_series(foresight, scope)
    assert own["level"].nunique() == levels
    mine = known[known[column] == scope.unit_code] if column else known.head(0)
    pd.testing.assert_frame_equal(own, mine.reset_index(drop=True))
    for number in known["series_id"]:
        reads = (lambda n: read_ahead(foresight, scope, n, "daily"), lambda n: read_hindcast(foresight, scope, n), lambda n: read_windows(foresight, scope, n))
        for read in reads:
            if number in set(mine["series_id"]):
                read(number)
            else:
                with pytest.raises(ScopeError, match=str(number)):
                    read(number)
    assert set(read_replay(foresight, scope)["series_id"]) <= set(mine["series_id"])
    seasons = set(read_seasons(foresight, scope)["series_id"])
    assert seasons <= set(mine["series_id"]) | set(known.loc[known["level"].isin(["city", "category", "category_2"]), "series_id"])
    assert set(read_profiles(foresight, scope)["series_id"]) <= seasons | set(mine["series_id"])


# Refusals, interruptions, backup


def test_without_data_there_is_nothing_to_forecast(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with pytest.raises(InputError, match="还没有统计快照; 请先运行"):
        foresee(home)
    load(home, write_csv(tmp_path / "a.csv", [ticket("A1", "不详")]))
    refresh(home)
    with pytest.raises(InputError, match="还没有计入诉求量的工单"):
        foresee(home)
    load(home, write_csv(tmp_path / "b.csv", [ticket("A2", request_type="咨询")]))
    refresh(home)
    with pytest.raises(InputError, match="还没有计入诉求量的工单"):
        foresee(home)
    assert foresight_version(home) is None


def test_half_a_year_is_needed_and_enough(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    ingest_days(home, tmp_path, date(2025, 1, 1), date(2025, 6, 30))
    with pytest.raises(InputError, match=r"历史只有 181 天\(截至 2025-06-30\); 预测至少需要 182 天"):
        foresee(home)
    ingest_days(home, tmp_path, date(2025, 7, 1), date(2025, 7, 1))
    with quick_models(flat=True):
        done = foresee(home)
    assert (done.replays, done.warned, done.scored) == (0, 0, 0)
    found = open_foresight(home)
    assert read_replay(found, ALL).empty
    assert read_profiles(found, ALL).empty
    assert read_hindcast(found, ALL, 0).empty
    assert (read_seasons(found, ALL)["reason"] != "").all()


def test_two_runs_at_once_are_refused(city: City) -> None:
    with city.before.foreseeing(), pytest.raises(InputError, match="正由另一进程预测"):
        foresee(city.before, if_stale=True)
    with city.before.writing(), quick_models(flat=True):  # tickets may come in meanwhile
        assert not foresee(city.before, if_stale=True).is_new


def test_the_backup_holds_the_foresight_in_use(city: City, tmp_path: Path) -> None:
    files = {path.name for path in city.home.foresight.iterdir()}
    assert {f"{city.first.version}.duckdb", f"{city.second.version}.duckdb"} <= files
    backup(city.home, tmp_path / "weisu.tar")
    other = Home(tmp_path / "other")
    restore(other, tmp_path / "weisu.tar")
    assert {path.name for path in other.foresight.iterdir()} == {"CURRENT", f"{city.second.version}.duckdb"}
    assert not (other.root / "foresight.lock").exists()
    for name in ("daily", "windows", "meta"):
        pd.testing.assert_frame_equal(table(open_foresight(other), name), table(open_foresight(city.home), name))


def test_corrected_counts_are_replayed_again(city: City, tmp_path: Path) -> None:
    """A ticket of October goes from one category to another: no total is changed, but what came in the windows of four replays is."""
    home = copied(city.home, tmp_path)
    moved = next(row for row in rows(date(2025, 10, 20), date(2025, 10, 20)) if row["category"].startswith("市容环卫"))
    load(home, write_csv(tmp_path / "moved.csv", [moved | {"category": "噪声->施工", "closed_at": "2025-10-21 10:00:00"}]))
    refresh(home)
    with quick_models(flat=True):
        done = foresee(home)
        again = foresee(home)
    assert done.version != city.second.version
    assert done.replays == 4  # the windows of 22 June alone ended before
    assert again.replays == 0
    assert (again.issued, again.scored) == (0, 0)


def test_the_contest_is_held_once_a_month(city: City, tmp_path: Path) -> None:
    """Not again on the sixth of October, but on the first of November."""
    home = copied(city.before, tmp_path)
    told: list[str] = []
    with quick_models(flat=True):
        ingest_days(home, tmp_path, KNOWN_UNTIL + timedelta(days=1), KNOWN_UNTIL + timedelta(days=1))
        foresee(home, tell=told.append)
        assert not [text for text in told if text.startswith("category ")]
        pd.testing.assert_frame_equal(read_contest(open_foresight(home)), read_contest(open_foresight(city.before)))
        ingest_days(home, tmp_path, KNOWN_UNTIL + timedelta(days=2), date(2025, 11, 1))
        foresee(home, tell=told.append)
    assert len([text for text in told if text.startswith("category ")]) == 7
    assert set(read_contest(open_foresight(home))["cutoffs"]) == {"2025-10-04, 2025-04-19"}


def test_a_run_that_failed_at_the_ledger_is_made_again(city: City, tmp_path: Path) -> None:
    home = copied(city.before, tmp_path)
    ingest_days(home, tmp_path, KNOWN_UNTIL + timedelta(days=1), KNOWN_UNTIL + timedelta(days=2))
    with quick_models(flat=True) as patch:
        with patch.context() as broken:
            broken.setattr("pipeline.foresight.run.score_warnings", lambda *_given: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                foresee(home)
        assert foresee(home, if_stale=True).is_new
        assert not foresee(home, if_stale=True).is_new


def test_a_damaged_foresight_is_made_anew(city: City, tmp_path: Path) -> None:
    home = copied(city.before, tmp_path)
    (home.foresight / f"{city.first.version}.duckdb").write_bytes(b"damaged" * 1000)
    with quick_models(flat=True):
        done = foresee(home)
    assert done.replays == len(FIRST_REPLAYS)
    assert not read_series(open_foresight(home), ALL).empty

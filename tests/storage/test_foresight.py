"""The foresight file: swapped whole, three kept, read within the reader's scope."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from storage.foresight import foresight_version, open_foresight, write_foresight
from storage.foresight_reads import (
    read_ahead,
    read_hindcast,
    read_profiles,
    read_replay,
    read_running,
    read_seasons,
    read_series,
    read_window_places,
    read_windows,
)
from storage.home import Home
from storage.published import KEPT_VERSIONS
from storage.queries import fetch
from storage.scope import Role, Scope, ScopeError
from storage.snapshot import Snapshot

LEADER, EAST, EAST_A = Scope(Role.LEADER), Scope(Role.DISTRICT, "e"), Scope(Role.SUBDISTRICT, "ea")
OFFICE = Scope(Role.DEPARTMENT, "城管委")
SERIES = [
    (0, "city", None, None, None),
    (1, "category", None, None, "水"),
    (2, "district", "e", None, None),
    (3, "district_category", "e", None, "水"),
    (4, "district_category", "w", None, "水"),
    (5, "subdistrict", "e", "ea", None),
    (6, "cell", "e", "ea", "水"),
    (7, "cell", "e", "eb", "水"),
    (8, "cell", "w", "wa", "路"),
    (9, "cell", "", "", "水"),
    (10, "category_2", None, None, "水"),
]
NUMBERS = [row[0] for row in SERIES]
FIRST, SECOND = date(2025, 10, 27), date(2025, 11, 24)


def of_each(**columns: object) -> pd.DataFrame:
    return pd.DataFrame({"series_id": NUMBERS, **columns})


def tables() -> dict[str, pd.DataFrame]:
    series = pd.DataFrame(SERIES, columns=["series_id", "level", "district", "subdistrict", "category_1"])
    day = pd.Timestamp("2025-10-06")
    both = pd.concat(
        [
            of_each(window_start=pd.Timestamp(start), lead_days=lead, probability=[0.1 * number for number in NUMBERS], expected=5.0, usual=4.0, is_tested=True)
            for start, lead in ((FIRST, 7), (SECOND, 35))
        ]
    )
    return {
        "series": series.assign(category_2=None, model="pooled_counts", mean_a_day=1.5),
        "daily": of_each(day=day, mean=[float(number) for number in NUMBERS]).sample(frac=1, random_state=1),
        "weekly": of_each(day=day, mean=7.0),
        "hindcast": of_each(day=day, mean=1.0),
        "windows": both,
        "replay": of_each(window_start=day, lead_days=14),
        "atlas": of_each(strength=0.5),
        "profile": of_each(week=0, ratio=1.0),
        "meta": pd.DataFrame({"name": ["cutoff"], "value": ["2025-10-05"]}),
    }


def marked(value: int) -> dict[str, pd.DataFrame]:
    return {"meta": pd.DataFrame({"name": ["mark"], "value": [value]})}


def mark(snapshot: Snapshot) -> int:
    return int(fetch(snapshot, "SELECT value FROM meta")["value"].iloc[0])


@pytest.fixture(scope="module")
def foresight(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    home = Home(tmp_path_factory.mktemp("foresight") / "home")
    write_foresight(home, "v1", tables())
    return open_foresight(home)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


# The file


def test_before_the_first_there_is_none(home: Home) -> None:
    assert foresight_version(home) is None
    with pytest.raises(FileNotFoundError, match="foresight None"):
        open_foresight(home)
    write_foresight(home, "v1", marked(1))
    assert foresight_version(home) == "v1"
    with pytest.raises(FileNotFoundError, match="foresight v2"):
        open_foresight(home, "v2")


def test_three_are_kept_and_readers_of_older_ones_go_on(home: Home) -> None:
    readers = []
    for number in range(1, 6):
        write_foresight(home, f"v{number}", marked(number))
        os.utime(home.foresight / f"v{number}.duckdb", ns=(number * 10**9, number * 10**9))  # written faster than a coarse clock ticks
        readers.append(open_foresight(home))
        assert len(list(home.foresight.glob("*.duckdb"))) == min(number, KEPT_VERSIONS) <= 3
    assert sorted(path.stem for path in home.foresight.glob("*.duckdb")) == ["v3", "v4", "v5"]
    assert foresight_version(home) == "v5"
    assert [mark(reader) for reader in readers] == [1, 2, 3, 4, 5]
    assert mark(open_foresight(home, "v3")) == 3


def test_a_version_made_again_replaces_its_file_and_no_other(home: Home) -> None:
    write_foresight(home, "v1", marked(1))
    write_foresight(home, "v2", marked(2))
    reader = open_foresight(home)
    write_foresight(home, "v2", marked(3))
    assert sorted(path.stem for path in home.foresight.glob("*.duckdb")) == ["v1", "v2"]
    assert (mark(reader), mark(open_foresight(home))) == (2, 3)


def test_a_version_in_use_is_kept_though_others_are_newer(home: Home) -> None:
    for number in range(1, 4):
        write_foresight(home, f"v{number}", marked(number))
    write_foresight(home, "v1", marked(9))
    os.utime(home.foresight / "v1.duckdb", ns=(1, 1))
    write_foresight(home, "v1", marked(10))
    assert mark(open_foresight(home)) == 10


def test_a_half_made_file_is_never_seen(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    write_foresight(home, "v1", marked(1))
    with monkeypatch.context() as patch:
        patch.setattr("storage.published.fsync_path", lambda _path: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            write_foresight(home, "v2", marked(2))
    assert (foresight_version(home), mark(open_foresight(home))) == ("v1", 1)
    assert (home.foresight / "next.duckdb").exists()
    (home.foresight / "next.duckdb.wal").write_bytes(b"left over")
    write_foresight(home, "v3", marked(3))
    assert mark(open_foresight(home)) == 3
    assert not list(home.foresight.glob("next*"))


def test_a_damaged_file_is_an_error_of_the_system(home: Home) -> None:
    write_foresight(home, "v1", marked(1))
    (home.foresight / "v1.duckdb").write_bytes(b"damaged" * 1000)
    with pytest.raises(OSError, match=r"foresight v1 .* cannot be read"):
        open_foresight(home)


# Scope


@pytest.mark.parametrize(
    ("scope", "numbers"),
    [(LEADER, NUMBERS), (Scope(Role.PLANNER), NUMBERS), (EAST, [2, 3, 5, 6, 7]), (EAST_A, [5, 6]), (OFFICE, []), (Scope(Role.DISTRICT, "x"), [])],
)
def test_each_role_sees_its_series_and_no_other(foresight: Snapshot, scope: Scope, numbers: list[int]) -> None:
    assert read_series(foresight, scope)["series_id"].tolist() == numbers
    assert sorted(read_replay(foresight, scope)["series_id"]) == numbers
    for number in NUMBERS:
        if number in numbers:
            assert read_ahead(foresight, scope, number, "daily")["mean"].tolist() == [number]
            assert len(read_hindcast(foresight, scope, number)) == 1
            assert read_windows(foresight, scope, number)["window_start"].dt.date.tolist() == [FIRST, SECOND]
            continue
        for read in (read_hindcast, read_windows):
            with pytest.raises(ScopeError, match=f"series {number} is not one that role '{scope.role.value}'"):
                read(foresight, scope, number)
        with pytest.raises(ScopeError):
            read_ahead(foresight, scope, number, "weekly")
    with pytest.raises(ScopeError):
        read_ahead(foresight, scope, 99, "daily")


@pytest.mark.parametrize(("scope", "numbers"), [(LEADER, NUMBERS), (EAST, [0, 1, 2, 3, 5, 6, 7, 10]), (EAST_A, [0, 1, 5, 6, 10]), (OFFICE, [0, 1, 10])])
def test_the_citys_seasons_are_for_everybody(foresight: Snapshot, scope: Scope, numbers: list[int]) -> None:
    assert sorted(read_seasons(foresight, scope)["series_id"]) == numbers
    assert read_profiles(foresight, scope)["series_id"].tolist() == numbers


def test_seasons_that_are_running_are_near_and_sure(foresight: Snapshot) -> None:
    """Probability is a tenth of the number; the first window is 7 days away, the second 35."""
    near = read_running(foresight, LEADER, 0.5, 14)
    assert sorted(near["series_id"]) == [5, 6, 7, 8, 9, 10]
    assert set(near["window_start"].dt.date) == {FIRST}
    assert read_running(foresight, LEADER, 0.5, 7).empty
    assert sorted(read_running(foresight, EAST_A, 0.5, 14)["series_id"]) == [5, 6, 10]


@pytest.mark.parametrize(("scope", "places"), [(LEADER, [("e", None), ("w", None), ("e", "ea"), ("e", "eb"), ("", "")]), (EAST_A, [("e", "ea")]), (OFFICE, [])])
def test_places_of_a_window_are_those_of_the_scope(foresight: Snapshot, scope: Scope, places: list[tuple[str, str | None]]) -> None:
    found = read_window_places(foresight, scope, "水", SECOND)
    assert found.columns.tolist() == ["level", "district", "subdistrict", "expected", "usual", "probability", "is_tested"]
    assert [(row.district, row.subdistrict if isinstance(row.subdistrict, str) else None) for row in found.itertuples()] == places
    assert read_window_places(foresight, scope, "水", date(2026, 1, 1)).empty

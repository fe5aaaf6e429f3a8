"""The demo command: the same order gives the same bytes, the home it fills, and what it refuses to touch."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import manage
from pipeline.demo import make
from pipeline.demo.assumptions import load_assumptions
from pipeline.demo.make import BATCH_ROWS, _batches, _rows, make_demo, write_files
from pipeline.demo.part import PART_ROWS, Order, parts_of, planned
from pipeline.demo.plan import fit_streets, whole_numbers
from pipeline.demo.seasons import season
from pipeline.demo.workdays import days_to_festival, kinds_of_days
from pipeline.ingest import ingest
from storage.home import Home, InputError
from storage.places import load_register
from storage.profiles import load_profile
from storage.schematic import is_schematic
from storage.snapshot import current_version
from tests.factories import ticket, write_csv

ORDER = Order(4000, date(2025, 6, 30), 5)


def hashes(order: Order, folder: Path) -> list[str]:
    folder.mkdir()
    paths = [path for files in _batches(order) for path in write_files(order, files, folder)[0]]
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def test_the_same_order_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one worker or two, and after all caches were emptied; another seed, size or day gives other bytes."""
    first = hashes(ORDER, tmp_path / "a")
    planned.cache_clear()
    monkeypatch.setattr(make, "WORKERS", 1)
    assert hashes(ORDER, tmp_path / "b") == first
    for number, other in enumerate((replace(ORDER, seed=6), replace(ORDER, tickets=4001), replace(ORDER, until=date(2025, 6, 29)))):
        assert not set(hashes(other, tmp_path / f"c{number}")) & set(first)


def test_the_home_is_filled_and_then_left_alone(tmp_path: Path) -> None:
    """Ingest and snapshot, demo flag, schematic boundaries, truth file; nothing generated remains; a second call does nothing."""
    home = Home(tmp_path / "home")
    done = make_demo(home, ORDER)
    assert (done.is_new, done.tickets, done.schematic) == (True, 4000, True)
    assert 9_700 <= done.rows <= 10_300
    assert current_version(home) == done.version
    assert load_profile("demo").city.is_demo
    register = load_register(home, load_profile("demo"))
    assert register.has_shapes
    assert is_schematic(home, register.boundaries_key)
    kinds = {item["kind"] for item in json.loads((home.root / "demo_truth.json").read_text(encoding="utf-8"))["truths"]}
    assert kinds == {"hotspot", "emerging", "group", "governed", "rising", "recovering"}
    assert not (home.root / "demo-files").exists()
    before = {path: path.stat().st_mtime_ns for path in home.root.rglob("*") if path.is_file()}
    again = make_demo(home, ORDER)
    assert (again.is_new, again.rows, again.version) == (False, done.rows, done.version)
    assert {path: path.stat().st_mtime_ns for path in home.root.rglob("*") if path.is_file()} == before


def test_another_demo_needs_replace(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    first = make_demo(home, replace(ORDER, tickets=1000))
    with pytest.raises(InputError, match="--replace"):
        make_demo(home, replace(ORDER, tickets=1100))
    assert current_version(home) == first.version
    key = (home.root / "keys" / "caller.key").read_bytes()
    assert make_demo(home, replace(ORDER, tickets=1100), replace=True).tickets == 1100
    assert (home.root / "keys" / "caller.key").read_bytes() == key


def test_a_broken_run_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed run left is a demo that is not complete: the next call clears it without being asked."""
    home = Home(tmp_path / "home")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(make, "refresh", killed)
        with pytest.raises(KeyboardInterrupt):
            make_demo(home, replace(ORDER, tickets=1000))
    assert make_demo(home, replace(ORDER, tickets=1000)).is_new


def test_if_empty_makes_a_demo_once_and_leaves_other_data_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """What `make run` asks for: made where nothing is, or where making was broken off; else silence and no change."""

    def ask(home: Home) -> str:
        monkeypatch.setenv("WEISU_HOME", str(home.root))
        monkeypatch.setattr(sys, "argv", ["manage.py", "demo", "--tickets", "1000", "--if-empty"])
        with pytest.raises(SystemExit) as end:
            manage.main()
        assert not end.value.code
        return capfd.readouterr().out

    demo = Home(tmp_path / "demo")
    demo.root.mkdir()
    (demo.root / "demo.json").write_text('{"complete": false}', encoding="utf-8")
    assert "演示城市" in ask(demo)
    made = sorted(demo.root.rglob("*"))
    assert ask(demo) == ""
    assert sorted(demo.root.rglob("*")) == made
    other = Home(tmp_path / "other")
    ingest(other, [write_csv(tmp_path / "工单.csv", [ticket("A1")])], city="beijing")
    assert ask(other) == ""
    (other.root / "demo.json").write_text('{"complete": false}', encoding="utf-8")  # a demo broken off before the city came in
    assert ask(other) == ""
    assert load_profile("beijing").source == other.profile.read_text(encoding="utf-8")


@pytest.mark.parametrize("words", [(), ("--replace",)])
def test_other_data_is_never_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    """One Chinese sentence and exit code 2, with or without --replace."""
    home = Home(tmp_path / "home")
    ingest(home, [write_csv(tmp_path / "工单.csv", [ticket("A1")])], city="beijing")
    before = sorted(path for path in home.root.rglob("*"))
    monkeypatch.setenv("WEISU_HOME", str(home.root))
    monkeypatch.setattr(sys, "argv", ["manage.py", "demo", "--tickets", "1000", *words])
    with pytest.raises(SystemExit) as end:
        manage.main()
    said = capfd.readouterr().err.strip()
    assert end.value.code == 2
    assert len(said.splitlines()) == 1
    assert "已有其他城市的数据" in said
    assert sorted(path for path in home.root.rglob("*")) == before


def test_a_day_that_is_not_over_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("WEISU_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(sys, "argv", ["manage.py", "demo", "--until", "2999-01-01"])
    with pytest.raises(SystemExit) as end:
        manage.main()
    assert end.value.code == 2
    assert "还没有过完" in capfd.readouterr().err


@pytest.mark.parametrize("tickets", [1_500_000, 20_000_000, 147_000_000])
def test_memory_is_bounded_by_a_part(tickets: int) -> None:
    """No part is larger than planned, or than one day's tickets; no batch is larger than what is delivered at a time."""
    order = Order(tickets, date(2025, 6, 30), 5)
    plan, _ = planned(order)
    busiest_day = (plan.requests + plan.others).max() / 28
    largest = max(_rows(order, part) for part in parts_of(order))
    assert largest <= max(1.05 * PART_ROWS, 1.05 * busiest_day)
    batches = list(_batches(order))
    assert [part for files in batches for file in files for part in file] == parts_of(order)
    for files in batches:
        assert sum(_rows(order, part) for file in files for part in file) <= BATCH_ROWS + make.MOST_FILE_ROWS


def test_festival_and_work_days() -> None:
    """The State Council's arrangement of 2024: 4 and 18 February worked, 10 to 17 free; 10 February is the festival's first day."""
    days = np.array(["2024-02-04", "2024-02-09", "2024-02-10", "2024-02-17", "2024-02-18", "2024-02-24", "2024-10-01"], dtype="datetime64[D]")
    holidays = load_assumptions().holidays
    assert kinds_of_days(days, holidays).tolist() == [0, 0, 3, 3, 0, 1, 2]
    assert days_to_festival(days[:4], holidays).tolist() == [6, 1, 0, -7]


def test_month_indices_are_met_on_average() -> None:
    """Over the reference years 2019-2026 every topic's months have its index."""
    assumed = load_assumptions()
    days = np.arange(np.datetime64("2019-01-01"), np.datetime64("2027-01-01"))
    found = pd.DataFrame(season(days, assumed)).groupby(pd.DatetimeIndex(days).month).mean().to_numpy().T
    assert found == pytest.approx(assumed.month_index, abs=1e-9)


def test_streets_meet_districts_and_topics() -> None:
    """Both margins of the fitted table hold, though towns complain about other things than quarters."""
    assumed = load_assumptions()
    shares = fit_streets(assumed)
    assert shares.sum(axis=1) == pytest.approx(1)
    topics = assumed.topics["share"].to_numpy(dtype="float64")
    by_street = topics @ shares / topics.sum()
    by_district = pd.Series(by_street).groupby(assumed.streets["parent_name"].to_numpy()).sum()
    wanted = assumed.districts.set_index("district")["share"] / assumed.districts["share"].sum()
    assert by_district.sort_index().to_numpy() == pytest.approx(wanted.sort_index().to_numpy(), abs=1e-4)
    urban = (assumed.streets["village_count"] == 0).to_numpy()
    rural_topic = shares[assumed.topic_number("农村管理")]
    assert rural_topic[urban].sum() < 0.03


def test_whole_numbers_keep_the_sum() -> None:
    assert whole_numbers(np.array([1.4, 2.4, 3.2])).tolist() == [2, 2, 3]
    assert whole_numbers(np.array([0.5, 0.5])).sum() == 1

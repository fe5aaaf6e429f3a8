"""The upsert by ticket id: the newest version wins, nothing is lost or doubled, and the counts always add up."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.periods import Grain, Period
from pipeline.refresh import check, refresh
from storage.home import Home, InputError
from storage.intake import Intake
from storage.reads import Selection, read_facts, read_totals
from storage.scope import Role, Scope
from storage.snapshot import open_snapshot
from tests import plain
from tests.factories import COUNTS, adds_up, clock, counts, csv_text, lake_by_id, lake_rows, load, ticket, tree, write_csv, write_profile


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def outcome(**given_counts: int) -> dict[str, int]:
    return {name: given_counts.get(name, 0) for name in COUNTS}


def test_late_closing_and_follow_up_win(home: Home, tmp_path: Path) -> None:
    """A ticket delivered open, then closed, then followed up: one copy with everything known last."""
    load(home, write_csv(tmp_path / "1.csv", [ticket("A1"), ticket("A2")]))
    closed = ticket("A1", closed_at="2024-03-09 10:00:00")
    assert counts(load(home, write_csv(tmp_path / "2.csv", [closed]))) == outcome(read=1, updated=1)
    followed = closed | {"followed_up_at": "2024-03-20 10:00:00", "resolution": "已解决", "satisfaction": "基本满意", "is_responded": "是"}
    assert counts(load(home, write_csv(tmp_path / "3.csv", [followed]))) == outcome(read=1, updated=1)
    held = lake_by_id(home)
    assert len(held) == 2
    assert (held["A1"]["resolution"], held["A1"]["satisfaction"], held["A1"]["is_responded"]) == ("resolved", "basically", True)
    assert held["A1"]["version_at"] == clock("2024-03-20 10:00:00")


@pytest.mark.parametrize("together", [True, False])
def test_files_of_one_size_are_told_apart_by_what_they_hold(home: Home, tmp_path: Path, together: bool) -> None:
    """Of two files of the same size and one delivered twice, each content is read once, in one run or in three."""
    first = write_csv(tmp_path / "1.csv", [ticket("A1", title="甲")])
    second = write_csv(tmp_path / "2.csv", [ticket("A2", title="乙")])
    assert first.stat().st_size == second.stat().st_size
    paths = [first, second, first]
    results = [load(home, *paths)] if together else [load(home, path) for path in paths]
    files = [item for result in results for item in result.batch.files]
    assert [item.received_no for item in files] == [1, 2, 1]
    assert [item.loaded for item in files] == [1, 1, 0]
    assert [item.bytes for item in files] == [path.stat().st_size for path in paths]
    assert files[0].sha256 == files[2].sha256 == hashlib.sha256(first.read_bytes()).hexdigest() != files[1].sha256


def test_a_ledger_without_sizes_is_read(home: Home, tmp_path: Path) -> None:
    """Entries written before sizes were noted: the home goes on, and a file delivered again keeps its number."""
    path = write_csv(tmp_path / "1.csv", [ticket("A1")])
    load(home, path)
    for entry in home.batches.glob("*.json"):
        raw = json.loads(entry.read_text(encoding="utf-8"))
        for item in raw["files"]:
            del item["bytes"]
        entry.write_text(json.dumps(raw), encoding="utf-8")
    again = load(home, path, write_csv(tmp_path / "2.csv", [ticket("A2"), ticket("A3")]))
    assert [item.received_no for item in again.batch.files] == [1, 2]
    assert counts(again) == outcome(read=3, loaded=2, unchanged=1)


def test_a_file_that_changes_while_it_is_read_is_refused(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the hash of what came after would stand for what was read, and the new content would count as known."""
    path = write_csv(tmp_path / "1.csv", [ticket("A1")])
    stage = Intake.stage

    def slow_writer(*arguments: Any) -> Any:
        staged = stage(*arguments)
        path.write_bytes(path.read_bytes().replace(b"A1", b"B1"))
        return staged

    monkeypatch.setattr(Intake, "stage", slow_writer)
    with pytest.raises(InputError, match="在读取时被改动"):
        load(home, path)
    monkeypatch.undo()
    assert counts(load(home, path)) == outcome(read=1, loaded=1)
    assert set(lake_by_id(home)) == {"B1"}


def test_older_version_does_not_overwrite(home: Home, tmp_path: Path) -> None:
    """Files that arrive out of order: what is older changes nothing and counts as unchanged."""
    new = ticket("A1", closed_at="2024-03-09 10:00:00", title="新")
    load(home, write_csv(tmp_path / "1.csv", [new]))
    before = lake_rows(home)
    assert counts(load(home, write_csv(tmp_path / "2.csv", [ticket("A1", title="旧")]))) == outcome(read=1, unchanged=1)
    assert lake_rows(home) == before


def test_an_open_ticket_becomes_overdue_as_days_go_by(home: Home, tmp_path: Path) -> None:
    """Nothing in its month changed, but the day up to which overdue is judged did: the month is counted anew, older ones are not."""
    load(home, write_csv(tmp_path / "1.csv", [ticket("A1", "2024-03-20 08:00:00", urgency="4", request_type="诉求"), ticket("A0", "2024-01-05", urgency="4")]))
    refresh(home)

    def overdue() -> int:
        with closing(open_snapshot(home)) as snapshot:
            march = Period(Grain.RANGE, date(2024, 3, 1), date(2024, 3, 31))
            return int(read_totals(snapshot, Scope(Role.LEADER), Selection(), (march,)).overdue_count.iloc[0])

    assert overdue() == 0
    load(home, write_csv(tmp_path / "2.csv", [ticket("A2", "2024-04-03 08:00:00")]))
    refresh(home)
    assert overdue() == 0  # judged at the end of 3 April; the fifteen days end at eight in the morning after
    load(home, write_csv(tmp_path / "3.csv", [ticket("A3", "2024-04-04 08:00:00")]))
    assert refresh(home).months == ("2024-03", "2024-04")
    assert overdue() == 1
    assert check(home).findings == ()


def test_update_time_dates_the_version_where_there_is_one(home: Home, tmp_path: Path) -> None:
    """An update time overrules the other times, also when it takes a closing back."""
    load(home, write_csv(tmp_path / "1.csv", [ticket("A1", closed_at="2024-03-09 10:00:00", updated_at="2024-03-09 11:00:00")]))
    reopened = ticket("A1", closed_at="", updated_at="2024-03-10 09:00:00")
    assert counts(load(home, write_csv(tmp_path / "2.csv", [reopened])))["updated"] == 1
    assert lake_by_id(home)["A1"]["closed_at"] is None


def test_same_time_other_content_the_later_delivery_wins_for_good(home: Home, tmp_path: Path) -> None:
    """Of two contents of one version the later delivered stays, also when the first file comes again."""
    first, second = (write_csv(tmp_path / f"{title}.csv", [ticket("A1", title=title)]) for title in ("甲", "乙"))
    load(home, first)
    assert counts(load(home, second))["updated"] == 1
    assert counts(load(home, first)) == outcome(read=1, unchanged=1)
    assert lake_by_id(home)["A1"]["title"] == "乙"


def test_same_file_twice_changes_nothing(home: Home, tmp_path: Path) -> None:
    """A repeated delivery, under any name, leaves lake files and counts as they are."""
    rows = [ticket(f"A{index}", f"2024-0{1 + index % 3}-01 08:00:00") for index in range(9)] + [ticket("B", "never")]
    path = write_csv(tmp_path / "a.csv", rows)
    assert counts(load(home, path)) == outcome(read=10, loaded=9, quarantined=1)
    refresh(home)
    files = {name: content for name, content in tree(home.lake).items() if name.endswith(".parquet")}
    facts = asdict(read_facts(open_snapshot(home)))
    copy = tmp_path / "b.csv"
    copy.write_bytes(path.read_bytes())
    for again in (path, copy):
        assert counts(load(home, again)) == outcome(read=10, unchanged=9, quarantined=1)
        result = refresh(home)
        assert result.months == ()
    assert {name: content for name, content in tree(home.lake).items() if name.endswith(".parquet")} == files
    later = asdict(read_facts(open_snapshot(home)))
    assert {key: value for key, value in later.items() if key not in ("built_at", "lake_version")} == {
        key: value for key, value in facts.items() if key not in ("built_at", "lake_version")
    }
    assert check(home).findings == ()


def test_same_file_twice_in_one_command(home: Home, tmp_path: Path) -> None:
    """Given twice at once it counts once; each mention adds up by itself."""
    path = write_csv(tmp_path / "a.csv", [ticket("A1"), ticket("A2"), ticket("A3", "x")])
    result = load(home, path, path)
    assert [(item.loaded, item.unchanged, item.quarantined) for item in result.batch.files] == [(2, 0, 1), (0, 2, 1)]
    assert adds_up(result)
    assert len(lake_rows(home)) == 2


def test_duplicates_inside_a_file(home: Home, tmp_path: Path) -> None:
    """The newest wins; of equal versions the last row; the others are unchanged."""
    rows = [
        ticket("A1", closed_at="2024-03-05 08:00:00", title="中"),
        ticket("A1", closed_at="2024-03-09 08:00:00", title="新"),
        ticket("A1", title="旧"),
        ticket("A2", title="前"),
        ticket("A2", title="后"),
        ticket("A2", "2024-02-31", title="坏"),
    ]
    assert counts(load(home, write_csv(tmp_path / "a.csv", rows))) == outcome(read=6, loaded=2, unchanged=3, quarantined=1)
    assert {key: row["title"] for key, row in lake_by_id(home).items()} == {"A1": "新", "A2": "后"}


def test_corrected_month_moves_the_ticket(home: Home, tmp_path: Path) -> None:
    """The time of acceptance was wrong: the ticket leaves its month, and the emptied month leaves the counts."""
    load(home, write_csv(tmp_path / "1.csv", [ticket("A1", "2024-03-31 23:00:00"), ticket("A2", "2024-05-01 08:00:00")]))
    refresh(home)
    moved = ticket("A1", "2024-04-01 00:30:00", updated_at="2024-04-02 08:00:00")
    assert counts(load(home, write_csv(tmp_path / "2.csv", [moved]))) == outcome(read=1, updated=1)
    assert {row["ticket_id"]: row["month"] for row in lake_rows(home)} == {"A1": "2024-04", "A2": "2024-05"}
    assert set(refresh(home).months) == {"2024-03", "2024-04"}
    facts = read_facts(open_snapshot(home))
    assert (facts.ticket_count, str(facts.data_from)) == (2, "2024-04-01")
    assert check(home).findings == ()


def test_changed_profile_reads_the_same_file_again(home: Home, tmp_path: Path) -> None:
    """A corrected value map takes effect when the same file is delivered again."""
    path = write_csv(tmp_path / "a.csv", [ticket("A1", handling_unit="城管"), ticket("A2", handling_unit="住建委")])
    columns = 'ticket_id = "工单编号"\naccepted_at = "创建时间"\nhandling_unit = "承办单位"'
    load(home, path, city=str(write_profile(tmp_path / "1.toml", columns)))
    other = write_profile(tmp_path / "2.toml", columns, rest='[values.handling_unit]\n"城管" = "城管执法局"')
    assert counts(load(home, path, city=str(other))) == outcome(read=2, updated=1, unchanged=1)
    assert {row["handling_unit"] for row in lake_rows(home)} == {"城管执法局", "住建委"}


def test_many_small_deliveries_into_one_month(home: Home, tmp_path: Path) -> None:
    """A month in many files is written anew now and then; no ticket is lost or doubled by it."""
    for index in range(14):
        rows = [ticket(f"A{index}"), ticket("SAME", closed_at=f"2024-03-{index + 2:02d} 08:00:00")]
        assert adds_up(load(home, write_csv(tmp_path / f"{index}.csv", rows)))
    held = lake_by_id(home)
    assert len(held) == 15
    assert held["SAME"]["closed_at"] == clock("2024-03-15 08:00:00")
    refresh(home)
    assert check(home).findings == ()


TIMES = ["2024-03-30 08:00:00", "2024-03-31 08:00:00", "2024-04-01 08:00:00"]
ROWS = st.fixed_dictionaries(
    {"ticket_id": st.sampled_from(["A", "B", "C", "D"]), "accepted_at": st.sampled_from([*TIMES, "31.04.2024", ""])},
    optional={
        "closed_at": st.sampled_from(["2024-04-02 08:00:00", "2024-04-03 08:00:00", "2024-03-01 08:00:00"]),
        "updated_at": st.sampled_from(["2024-04-02 09:00:00", "2024-04-03 07:00:00"]),
        "title": st.sampled_from(["甲", "乙"]),
    },
)
FILES = st.lists(ROWS, min_size=1, max_size=6)


def as_plain(row: dict[str, str]) -> dict[str, Any] | None:
    """The row with its times read; None where it cannot be kept."""
    read: dict[str, Any] = {name: value or None for name, value in row.items()}
    for name in ("accepted_at", "closed_at", "updated_at"):
        try:
            read[name] = datetime.fromisoformat(row[name]) if row.get(name) else None
        except ValueError:
            return None
    if not read["accepted_at"] or (read["closed_at"] and read["closed_at"] < read["accepted_at"]):
        return None
    return read | {"title": read.get("title")}


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(batches=st.lists(st.lists(st.tuples(st.sampled_from([0, 0, 0, 1]), st.integers(0, 9), FILES), min_size=1, max_size=2), min_size=1, max_size=4))
def test_any_sequence_of_files_agrees_with_a_dictionary(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[tuple[int, int, list[dict[str, str]]]]]
) -> None:
    """Overlapping, repeated, disordered and faulty deliveries: the lake holds what a plain dictionary holds, file by file."""
    folder = tmp_path_factory.mktemp("any")
    home, model = Home(folder / "home"), plain.PlainStore()
    delivered: list[list[dict[str, str]]] = []
    for number, batch in enumerate(batches):
        files = [delivered[pick % len(delivered)] if again and delivered else rows for again, pick, rows in batch]
        delivered += files
        if all(as_plain(row) is None for rows in files for row in rows) and not home.lake.exists():
            files = [[ticket("Z"), *files[0]]]
        paths = [write_csv(folder / f"{number}-{index}.csv", rows) for index, rows in enumerate(files)]
        result = load(home, *paths)
        expected = model.deliver([(csv_text(rows), [as_plain(row) for row in rows]) for rows in files])
        assert [{name: getattr(item, name) for name in COUNTS} for item in result.batch.files] == [{name: item[name] for name in COUNTS} for item in expected]
    held = lake_by_id(home)
    kept = {key: row for key, (_, row) in model.tickets.items()}
    assert {key: tuple(row[name] for name in ("accepted_at", "closed_at", "updated_at", "title")) for key, row in held.items()} == {
        key: tuple(row.get(name) for name in ("accepted_at", "closed_at", "updated_at", "title")) for key, row in kept.items()
    }
    assert all(row["month"] == f"{row['accepted_at']:%Y-%m}" for row in held.values())

"""Backup and restore: the round trip, and archives that must not be put back."""

from __future__ import annotations

import io
import json
import sqlite3
import stat
import tarfile
import threading
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from pipeline.backup import backup, restore
from pipeline.refresh import check, refresh
from storage.home import Home, InputError
from storage.reads import read_facts
from storage.records.aliases import AliasChange, AliasKind, aliases_in_force, write_alias
from storage.records.audit import read_audit
from storage.scope import Role, Scope
from storage.snapshot import current_version, open_snapshot
from tests.factories import counts, lake_by_id, load, ticket, tree, write_csv


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    load(made, write_csv(tmp_path / "1.csv", [ticket("A1", caller="13812345678"), ticket("A2", "2024-04-01"), ticket("A3", "x")]))
    refresh(made)
    load(made, write_csv(tmp_path / "2.csv", [ticket("A1", closed_at="2024-03-05", caller="13812345678")]))
    refresh(made)
    return made


def test_round_trip(home: Home, tmp_path: Path) -> None:
    """What comes back is the same lake, ledger, quarantine, snapshot and key; and work goes on from there."""
    done = backup(home, tmp_path / "weisu.tar")
    other = Home(tmp_path / "other")
    back = restore(other, tmp_path / "weisu.tar")
    assert asdict(back) == asdict(done) | {"archive": back.archive}
    assert current_version(other) == current_version(home)
    assert read_facts(open_snapshot(other)) == read_facts(open_snapshot(home))
    assert lake_by_id(other) == lake_by_id(home)
    assert other.caller_key() == home.caller_key()
    gone = {name for name in tree(home.root) if name not in tree(other.root)}
    assert all(name.startswith("mart/") or name in ("foresight.lock", "focus.lock") for name in gone)
    assert check(other).findings == ()
    again = load(other, write_csv(tmp_path / "3.csv", [ticket("A9", caller="13812345678"), ticket("A1", closed_at="2024-03-05", caller="13812345678")]))
    assert (counts(again)["loaded"], counts(again)["unchanged"]) == (1, 1)
    assert lake_by_id(other)["A9"]["caller_key"] == lake_by_id(home)["A1"]["caller_key"]


def rewritten(source: Path, target: Path, change: Callable[[dict[str, bytes]], None], extra: tarfile.TarInfo | None = None) -> Path:
    """The archive once more with its members changed."""
    with tarfile.open(source) as tar:
        members = {item.name: (tar.extractfile(item) or io.BytesIO()).read() for item in tar if item.isfile()}
    change(members)
    with tarfile.open(target, "w") as tar:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        if extra is not None:
            tar.addfile(extra)
    return target


def link(name: str, to: str) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type = tarfile.SYMTYPE
    entry.linkname = to
    return entry


def corrupt(members: dict[str, bytes]) -> None:
    name = next(name for name in members if name.endswith(".duckdb"))
    members[name] = members[name][:-1] + bytes([members[name][-1] ^ 1])


def drop(members: dict[str, bytes]) -> None:
    members.pop(next(name for name in members if name.startswith("lake/month")))


@pytest.mark.parametrize(
    ("change", "extra"),
    [
        (corrupt, None),
        (drop, None),
        (lambda members: members.update({"more.txt": b"x"}), None),
        (lambda members: members.update({"../escaped.txt": b"x"}), None),
        (lambda members: members.update({"/tmp/escaped-weisu.txt": b"x"}), None),
        (lambda members: members.pop("contents.json"), None),
        (lambda members: members.update({"contents.json": b"[]"}), None),
        (lambda members: members.update({"contents.json": b"{"}), None),
        (lambda members: members.update({"contents.json": json.dumps(list(json.loads(members["contents.json"]))).encode()}), None),
        (lambda members: None, link("lake/out", "/etc")),
        (lambda members: None, link("lake/up", "../../../../etc/passwd")),
    ],
)
def test_tampered_archives_are_refused(home: Home, tmp_path: Path, change: Callable[[dict[str, bytes]], None], extra: tarfile.TarInfo | None) -> None:
    """A changed byte, a missing or added file, a path or link that leads outside, a spoilt list: nothing is put back."""
    backup(home, tmp_path / "weisu.tar")
    other = Home(tmp_path / "inner" / "other")
    before = set(tmp_path.rglob("*"))
    bad = rewritten(tmp_path / "weisu.tar", tmp_path / "bad.tar", change, extra)
    with pytest.raises(InputError):
        restore(other, bad)
    assert not other.root.exists()
    assert set(tmp_path.rglob("*")) - before <= {bad, tmp_path / "inner"}
    assert not Path("/tmp/escaped-weisu.txt").exists()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_cut_archives_are_refused(home: Home, tmp_path: Path, share: float) -> None:
    """An archive that was cut off anywhere."""
    backup(home, tmp_path / "weisu.tar")
    content = (tmp_path / "weisu.tar").read_bytes().rstrip(b"\0")
    (tmp_path / "cut.tar").write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=r"cut\.tar"):
        restore(Home(tmp_path / "other"), tmp_path / "cut.tar")
    assert not (tmp_path / "other").exists()


def test_nothing_is_overwritten(home: Home, tmp_path: Path) -> None:
    """Neither an archive that is there, nor a home in use; nor is an archive put inside the home it holds."""
    archive = tmp_path / "weisu.tar"
    backup(home, archive)
    before = tree(home.root)
    for call in (
        lambda: backup(home, archive),
        lambda: restore(home, archive),
        lambda: backup(home, home.root / "inside.tar"),
        lambda: backup(home, tmp_path / "no" / "folder.tar"),
        lambda: backup(Home(tmp_path / "empty"), tmp_path / "b.tar"),
        lambda: restore(Home(tmp_path / "fresh"), tmp_path / "nowhere.tar"),
        lambda: restore(Home(tmp_path / "fresh"), tmp_path),
    ):
        with pytest.raises(InputError):
            call()
    assert tree(home.root) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1.csv", "2.csv", "home", "weisu.tar"]


ADMIN = Scope(Role.ADMIN)


def enter(home: Home, number: int) -> None:
    write_alias(home, ADMIN, AliasChange(AliasKind.UNIT, f"旧名{number}", "新名", "改名", "管理员"), {"新名"})


def test_records_are_copied_whole_while_somebody_writes(home: Home, tmp_path: Path) -> None:
    """Every alias in the archive has its entry in the audit, nothing entered before is missing, and the file is sound."""
    for number in range(20):
        enter(home, number)
    stop, entered = threading.Event(), [20]

    def write() -> None:
        while not stop.is_set():
            enter(home, entered[0])
            entered[0] += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        before = []
        for turn in range(5):
            before.append(entered[0])
            backup(home, tmp_path / f"{turn}.tar")
    finally:
        stop.set()
        writer.join()
    assert entered[0] > 20, "nobody wrote meanwhile"
    for turn in range(5):
        other = Home(tmp_path / f"other{turn}")
        restore(other, tmp_path / f"{turn}.tar")
        assert sorted(path.name for path in other.root.glob("records*")) == ["records.db"]
        assert stat.S_IMODE((other.root / "records.db").stat().st_mode) == 0o600
        with sqlite3.connect(other.root / "records.db") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = aliases_in_force(other)[AliasKind.UNIT]
        assert list(found) == [f"旧名{number}" for number in range(len(found))]
        assert len(found) >= before[turn]
        assert len(read_audit(other, ADMIN, "alias")) == len(found)
        enter(other, 9999)
    assert sorted(path.name for path in tmp_path.glob(".*")) == []


def test_no_records_are_no_obstacle_and_damaged_ones_are_said(home: Home, tmp_path: Path) -> None:
    backup(home, tmp_path / "none.tar")
    with tarfile.open(tmp_path / "none.tar") as tar:
        assert not any(name.startswith("records") for name in tar.getnames())
    (home.root / "records.db").write_bytes(b"no database" * 1000)
    with pytest.raises(InputError, match=r"records\.db"):
        backup(home, tmp_path / "bad.tar")
    assert sorted(path.name for path in tmp_path.glob(".*")) == []
    assert not (tmp_path / "bad.tar").exists()


def test_records_that_are_there_are_not_overwritten(home: Home, tmp_path: Path) -> None:
    """A log left beside other records would be played into the restored ones."""
    enter(home, 1)
    backup(home, tmp_path / "weisu.tar")
    other = Home(tmp_path / "other")
    enter(other, 2)
    with pytest.raises(InputError, match="已有数据"):
        restore(other, tmp_path / "weisu.tar")
    assert list(aliases_in_force(other)[AliasKind.UNIT]) == ["旧名2"]


def test_a_file_handed_in_is_not_backed_up(home: Home, tmp_path: Path) -> None:
    """It holds what was delivered, numbers and all."""
    (home.root / "uploads" / "ab").mkdir(parents=True)
    (home.root / "uploads" / "ab" / "t.csv").write_text("13812345678", encoding="utf-8")
    backup(home, tmp_path / "weisu.tar")
    with tarfile.open(tmp_path / "weisu.tar") as tar:
        assert not any("uploads" in name for name in tar.getnames())

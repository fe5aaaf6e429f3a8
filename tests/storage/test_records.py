"""Aliases that people enter: kept with their audit in one piece, harmless when sent twice, and counted at the next refresh."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Barrier

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError, IntegrityError

from governance.periods import Grain, Period
from pipeline.refresh import check, refresh
from storage import quality_reads
from storage.home import Home, InputError
from storage.records import database
from storage.records.aliases import AliasChange, AliasKind, RecordError, aliases_in_force, read_aliases, write_alias
from storage.records.audit import read_audit
from storage.records.database import has_records, open_records
from storage.scope import BOUND_ROLES, Role, Scope, ScopeError
from storage.snapshot import open_snapshot
from tests.factories import load, ticket, write_csv

ADMIN = Scope(Role.ADMIN)
CODE, OTHER = "110101001", "110101002"
KNOWN = {CODE, OTHER}
CHANGE = AliasChange(AliasKind.SUBDISTRICT, "东华门", CODE, "少写了街道", "管理员")


def audit(home: Home) -> list[tuple[str | None, ...]]:
    table = read_audit(home, ADMIN, "alias")
    return list(table[["subject", "label", "old", "new", "reason"]].astype("object").where(table.notna(), None).itertuples(index=False, name=None))


def test_asking_makes_no_database(home: Home) -> None:
    assert not has_records(home)
    assert aliases_in_force(home) == {kind: {} for kind in AliasKind}
    assert read_audit(home, ADMIN, "alias").empty
    assert not home.root.exists()


def test_every_change_is_kept_with_who_when_old_new_and_reason(either: Home) -> None:
    assert write_alias(either, ADMIN, CHANGE, KNOWN)
    assert write_alias(either, ADMIN, replace(CHANGE, target=OTHER, reason="写错了"), KNOWN)
    assert write_alias(either, ADMIN, replace(CHANGE, target=None, reason="撤销"), KNOWN)
    assert audit(either) == [
        ("alias.subdistrict", "东华门", OTHER, None, "撤销"),
        ("alias.subdistrict", "东华门", CODE, OTHER, "写错了"),
        ("alias.subdistrict", "东华门", None, CODE, "少写了街道"),
    ]
    table = read_audit(either, ADMIN, "alias")
    assert set(table["changed_by"]) == {"管理员"}
    assert all(abs(datetime.now(UTC).replace(tzinfo=None) - at.replace(tzinfo=None)) < timedelta(minutes=5) for at in table["changed_at"])
    assert read_aliases(either, ADMIN).empty


def test_the_same_change_twice_is_one(either: Home) -> None:
    open_records(either)
    start = Barrier(8, timeout=60)

    def send(turn: int) -> bool:
        start.wait()
        return write_alias(either, ADMIN, replace(CHANGE, label=f"东华门{turn // 8}"), KNOWN)

    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(send, range(80)))
    assert sum(made) == 10
    assert len(audit(either)) == 10
    assert read_aliases(either, ADMIN).to_numpy().tolist() == [["subdistrict", f"东华门{turn}", CODE] for turn in range(10)]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (replace(CHANGE, label="  "), "写法"),
        (replace(CHANGE, label="长" * 201), "写法"),
        (replace(CHANGE, target="999"), "999"),
        (replace(CHANGE, reason=" "), "理由"),
        (replace(CHANGE, reason="长" * 501), "理由"),
    ],
)
def test_what_cannot_be_kept_is_refused_in_a_sentence(home: Home, change: AliasChange, word: str) -> None:
    with pytest.raises(RecordError, match=word):
        write_alias(home, ADMIN, change, KNOWN)
    assert not has_records(home)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_refused_to_others(home: Home, role: Role) -> None:
    scope = Scope(role, "110101" if role in BOUND_ROLES else None)
    with pytest.raises(ScopeError):
        write_alias(home, scope, CHANGE, KNOWN)
    with pytest.raises(ScopeError):
        read_aliases(home, scope)
    with pytest.raises(ScopeError):
        read_audit(home, scope, "alias")
    assert not has_records(home)


@pytest.mark.parametrize("statement", ["UPDATE audit SET reason = 'x'", "DELETE FROM audit", "TRUNCATE audit"])
def test_the_audit_only_grows(either: Home, statement: str) -> None:
    write_alias(either, ADMIN, CHANGE, KNOWN)
    engine = open_records(either)
    said = "append-only" if engine.dialect.name == "postgresql" or "TRUNCATE" not in statement else "syntax error"
    with pytest.raises(DatabaseError, match=said), engine.begin() as connection:
        connection.execute(text(statement))
    assert len(audit(either)) == 1


def test_file_is_private_and_written_ahead(home: Home) -> None:
    write_alias(home, ADMIN, CHANGE, KNOWN)
    assert stat.S_IMODE((home.root / "records.db").stat().st_mode) == 0o600
    with open_records(home).connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0004"


def test_a_broken_file_and_a_wrong_address_are_sentences(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.root.mkdir(parents=True)
    (home.root / "records.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(InputError, match=r"records\.db"):
        open_records(home)
    monkeypatch.setenv("WEISU_RECORDS_URL", "no such address secret")
    with pytest.raises(InputError, match="WEISU_RECORDS_URL") as caught:
        open_records(home)
    assert "secret" not in str(caught.value)


def test_an_alias_counts_at_the_next_refresh(either: Home, tmp_path: Path) -> None:
    rows = [ticket(f"A{index}", f"2024-0{index}-05 08:00:00", district="东城区", subdistrict="东华门") for index in (1, 2, 3)]
    load(either, write_csv(tmp_path / "a.csv", rows))
    refresh(either)
    year = Period(Grain.RANGE, date.fromisoformat("2024-01-01"), date.fromisoformat("2024-12-31"))
    assert quality_reads.read_unmatched_places(open_snapshot(either), ADMIN, year)["ticket_count"].tolist() == [3]
    write_alias(either, ADMIN, CHANGE, KNOWN)
    assert refresh(either).months == ("2024-01", "2024-02", "2024-03")
    assert quality_reads.read_unmatched_places(open_snapshot(either), ADMIN, year).empty
    assert not refresh(either).is_new
    assert check(either).findings == ()
    write_alias(either, ADMIN, replace(CHANGE, target=None), KNOWN)
    assert refresh(either).unplaced_count == 3


def test_what_was_entered_before_stays(either: Home) -> None:
    """A database in the shape of the first version, with a mapping in it, opened by this one."""
    engine = open_records(either)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("DROP TRIGGER audit_kept_whole ON audit"))
            connection.execute(text("DROP FUNCTION ledger_is_kept() CASCADE"))
        for table in ("warning_statement", "warning_outcome", "warning_action", "warning"):
            connection.execute(text(f"DROP TABLE {table}"))
        connection.execute(text("ALTER TABLE alias RENAME COLUMN kind TO level"))
        connection.execute(text("ALTER TABLE alias RENAME COLUMN target TO code"))
        connection.execute(text("INSERT INTO alias (level, label, code) VALUES ('subdistrict', '东华门', '110101001')"))
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    database._engine.cache_clear()
    assert aliases_in_force(either)[AliasKind.SUBDISTRICT] == {"东华门": CODE}
    assert write_alias(either, ADMIN, replace(CHANGE, target=OTHER), KNOWN)
    with pytest.raises(IntegrityError), open_records(either).begin() as connection:
        connection.execute(text("INSERT INTO alias (kind, label, target) VALUES ('subdistrict', '东华门', 'x')"))


def test_neither_name_may_lead_back_to_the_other(either: Home) -> None:
    known = {"供热", "供暖", "采暖"}
    rename = AliasChange(AliasKind.CATEGORY, "供热", "供暖", "改名", "管理员")
    assert write_alias(either, ADMIN, rename, known)
    assert write_alias(either, ADMIN, replace(rename, label="供暖", target="采暖"), known)
    with pytest.raises(RecordError, match="先撤销"):
        write_alias(either, ADMIN, replace(rename, label="采暖", target="供热"), known)
    with pytest.raises(RecordError, match="先撤销"):
        write_alias(either, ADMIN, replace(rename, label="采暖", target="采暖"), known)


def test_a_server_that_is_not_there_is_a_sentence_without_its_password(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEISU_RECORDS_URL", "postgresql+psycopg://weisu:secret@127.0.0.1:1/none?connect_timeout=2")
    with pytest.raises(InputError, match="WEISU_RECORDS_URL") as caught:
        read_aliases(home, ADMIN)
    assert "secret" not in str(caught.value)

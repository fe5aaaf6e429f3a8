"""Aliases that people enter: kept with their audit in one piece, harmless when sent twice, and counted at the next refresh."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from governance.periods import Grain, Period
from pipeline.refresh import check, refresh
from storage import quality_reads
from storage.home import Home, InputError
from storage.records.aliases import AliasChange, RecordError, place_aliases, read_aliases, read_audit, write_alias
from storage.records.database import has_records, open_records
from storage.scope import BOUND_ROLES, Role, Scope, ScopeError
from storage.snapshot import open_snapshot
from tests.factories import load, ticket, write_csv

ADMIN = Scope(Role.ADMIN)
CODE, OTHER = "110101001", "110101002"
KNOWN = {CODE, OTHER}
CHANGE = AliasChange("subdistrict", "东华门", CODE, "少写了街道", "管理员")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def audit(home: Home) -> list[tuple[str | None, ...]]:
    table = read_audit(home, ADMIN)
    return list(table[["subject", "label", "old", "new", "reason"]].astype("object").where(table.notna(), None).itertuples(index=False, name=None))


def test_asking_makes_no_database(home: Home) -> None:
    assert not has_records(home)
    assert place_aliases(home) == {"district": {}, "subdistrict": {}}
    assert read_audit(home, ADMIN).empty
    assert not home.root.exists()


def test_every_change_is_kept_with_who_when_old_new_and_reason(home: Home) -> None:
    assert write_alias(home, ADMIN, CHANGE, KNOWN)
    assert write_alias(home, ADMIN, replace(CHANGE, code=OTHER, reason="写错了"), KNOWN)
    assert write_alias(home, ADMIN, replace(CHANGE, code=None, reason="撤销"), KNOWN)
    assert audit(home) == [
        ("alias.subdistrict", "东华门", OTHER, None, "撤销"),
        ("alias.subdistrict", "东华门", CODE, OTHER, "写错了"),
        ("alias.subdistrict", "东华门", None, CODE, "少写了街道"),
    ]
    table = read_audit(home, ADMIN)
    assert set(table["changed_by"]) == {"管理员"}
    assert all(abs(datetime.now(UTC).replace(tzinfo=None) - at.replace(tzinfo=None)) < timedelta(minutes=5) for at in table["changed_at"])
    assert read_aliases(home, ADMIN).empty


def test_the_same_change_twice_is_one(home: Home) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _turn: write_alias(home, ADMIN, CHANGE, KNOWN), range(16)))
    assert sum(made) == 1
    assert len(audit(home)) == 1
    assert read_aliases(home, ADMIN).to_numpy().tolist() == [["subdistrict", "东华门", CODE]]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (replace(CHANGE, label="  "), "写法"),
        (replace(CHANGE, label="长" * 201), "写法"),
        (replace(CHANGE, code="999"), "999"),
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
        read_audit(home, scope)
    assert not has_records(home)


@pytest.mark.parametrize("statement", ["UPDATE audit SET reason = 'x'", "DELETE FROM audit"])
def test_the_audit_only_grows(home: Home, statement: str) -> None:
    write_alias(home, ADMIN, CHANGE, KNOWN)
    with pytest.raises(DatabaseError, match="append-only"), open_records(home).begin() as connection:
        connection.execute(text(statement))
    assert len(audit(home)) == 1


def test_file_is_private_and_written_ahead(home: Home) -> None:
    write_alias(home, ADMIN, CHANGE, KNOWN)
    assert stat.S_IMODE((home.root / "records.db").stat().st_mode) == 0o600
    with open_records(home).connect() as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0001"


def test_a_broken_file_and_a_wrong_address_are_sentences(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.root.mkdir(parents=True)
    (home.root / "records.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(InputError, match=r"records\.db"):
        open_records(home)
    monkeypatch.setenv("WEISU_RECORDS_URL", "no such address secret")
    with pytest.raises(InputError, match="WEISU_RECORDS_URL") as caught:
        open_records(home)
    assert "secret" not in str(caught.value)


def test_an_alias_counts_at_the_next_refresh(home: Home, tmp_path: Path) -> None:
    rows = [ticket(f"A{index}", f"2024-0{index}-05 08:00:00", district="东城区", subdistrict="东华门") for index in (1, 2, 3)]
    load(home, write_csv(tmp_path / "a.csv", rows))
    refresh(home)
    year = Period(Grain.RANGE, date.fromisoformat("2024-01-01"), date.fromisoformat("2024-12-31"))
    assert quality_reads.read_unmatched_places(open_snapshot(home), ADMIN, year)["ticket_count"].tolist() == [3]
    write_alias(home, ADMIN, CHANGE, KNOWN)
    assert refresh(home).months == ("2024-01", "2024-02", "2024-03")
    assert quality_reads.read_unmatched_places(open_snapshot(home), ADMIN, year).empty
    assert not refresh(home).is_new
    assert check(home).findings == ()
    write_alias(home, ADMIN, replace(CHANGE, code=None), KNOWN)
    assert refresh(home).unplaced_count == 3

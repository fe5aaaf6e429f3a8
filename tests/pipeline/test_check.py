"""``check`` finds what was tampered with: mart rows, lake files, ledger."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from pipeline.refresh import check, refresh
from storage.home import Home
from storage.snapshot import current_version, mart_file
from tests.factories import load, ticket, write_csv


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    rows = [
        ticket(f"A{index}", f"2024-0{1 + index % 3}-01", district="东城区", subdistrict="景山街道", request_type="诉求", category="住房->漏雨")
        for index in range(30)
    ]
    load(made, write_csv(tmp_path / "a.csv", rows))
    refresh(made)
    assert check(made).findings == ()
    return made


def in_mart(home: Home, statement: str) -> None:
    with duckdb.connect(str(mart_file(home, current_version(home) or ""))) as connection:
        connection.execute(statement)


def lake_file(home: Home, month: str) -> Path:
    return next((home.lake / f"month={month}").glob("*.parquet"))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE city_day SET intake_count = intake_count + 1 WHERE day = DATE '2024-02-01'",
        "DELETE FROM place_day WHERE day = DATE '2024-02-01'",
        "INSERT INTO cell_day SELECT day + 1, * EXCLUDE (day) FROM cell_day WHERE day = DATE '2024-02-01'",
        "UPDATE category_day SET open_count = 0 WHERE day = DATE '2024-02-01'",
        "UPDATE place SET subdistrict_code = '110101001'",
    ],
)
def test_a_changed_count_is_found_in_its_month(home: Home, statement: str) -> None:
    """A number, a missing or added row, another place: reported with the month; a full refresh puts it right."""
    in_mart(home, statement)
    findings = check(home).findings
    assert findings
    assert "2024-02" in {finding.where for finding in findings}
    refresh(home, full=True)
    assert check(home).findings == ()


def test_a_changed_lake_file_is_found(home: Home) -> None:
    """Other content under the same name and size of rows: the recount differs."""
    path = lake_file(home, "2024-03")
    table = pq.read_table(path)
    column = table.schema.get_field_index("category_1")
    pq.write_table(table.set_column(column, "category_1", [["改"] * table.num_rows]), path)
    assert "2024-03" in {finding.where for finding in check(home).findings}


def test_rows_missing_from_a_lake_file_are_found(home: Home) -> None:
    """Fewer rows than the log says."""
    path = lake_file(home, "2024-03")
    pq.write_table(pq.read_table(path).slice(1), path)
    assert any("日志记为" in finding.message for finding in check(home).findings)


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_unreadable_lake_file_is_reported_not_raised(home: Home, damage: str) -> None:
    """A truncated or missing file is a finding of its own, and the check ends."""
    path = lake_file(home, "2024-03")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    else:
        path.unlink()
    assert any("无法读取" in finding.message for finding in check(home).findings)


def test_ledger_that_says_otherwise_is_found(home: Home) -> None:
    """The ledger's sum of loaded tickets is compared with the lake."""
    entry = next(home.batches.glob("*.json"))
    content = json.loads(entry.read_text(encoding="utf-8"))
    content["files"][0]["loaded"] += 1
    entry.write_text(json.dumps(content), encoding="utf-8")
    assert any(finding.where == "ledger" for finding in check(home).findings)


def test_lake_ahead_of_the_snapshot_is_found(home: Home, tmp_path: Path) -> None:
    """Tickets that were loaded and not yet counted: the check says to refresh."""
    load(home, write_csv(tmp_path / "b.csv", [ticket("B1", "2024-02-09"), ticket("B2", "2024-07-09")]))
    where = {finding.where for finding in check(home).findings}
    assert {"2024-02", "2024-07"} <= where
    refresh(home)
    assert check(home).findings == ()


def test_doubled_counts_are_reported(home: Home) -> None:
    """A chunk counted twice gives the same rows twice: a comparison of sets would not see it."""
    version = current_version(home)
    assert version is not None
    connection = duckdb.connect(str(mart_file(home, version)))
    connection.execute("INSERT INTO city_day SELECT * FROM city_day")
    connection.close()
    assert any("city_day" in finding.message for finding in check(home).findings)


def test_damaged_snapshot_is_said_and_made_anew(home: Home) -> None:
    """A mart that cannot be read is a finding, and the next refresh replaces it."""
    version = current_version(home)
    assert version is not None
    mart_file(home, version).write_bytes(b"no database")
    assert any("refresh --full" in finding.message for finding in check(home).findings)
    refresh(home)
    assert check(home).findings == ()

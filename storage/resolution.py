"""Decides about the rows a batch put aside: which are faulty, which replace what the lake holds, which change nothing.

Of several records of one ticket the newest wins: ordered by the time of the version, then by the order in
which the files were first received, then by position in the file. Receiving a file again gives it its first
number, so the outcome does not depend on how often a file comes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from storage.intake import Fault
from storage.lake import LAKE_COLUMNS, LakeFile
from storage.privacy import mask_texts
from storage.sources import literal

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from storage.intake import StagedFile
    from storage.lake import Lake

__all__ = ["Resolution", "resolve"]

CONTENT = [name for name in LAKE_COLUMNS if name not in ("version_at", "received_no")]
VALUE_LENGTH = 120
MANY_FILES = 12
"""A month in more files than this is written anew as one."""


@dataclass(slots=True)
class Resolution:
    """The outcome of a batch, by file number, and what the lake must add and remove."""

    loaded: dict[int, int] = field(default_factory=dict)
    updated: dict[int, int] = field(default_factory=dict)
    faults: dict[int, list[Fault]] = field(default_factory=dict)
    written: dict[str, list[Path]] = field(default_factory=dict)
    replaced: list[LakeFile] = field(default_factory=list)


def resolve(connection: duckdb.DuckDBPyConnection, lake: Lake, staged: list[StagedFile], staging: Path) -> Resolution:
    """Compares the rows aside with each other and with the lake, and writes the files that follow from it."""
    outcome = Resolution(loaded={item.received_no: item.clean_count for item in staged})
    for item in staged:
        for month, path in item.clean.items():
            outcome.written.setdefault(month, []).append(path)
    aside = [item.aside for item in staged if item.aside]
    if aside:
        listed = ", ".join(literal(str(path)) for path in aside)
        connection.execute(f"CREATE TEMP VIEW aside AS SELECT * FROM read_parquet([{listed}], hive_partitioning = false)")
        for item in staged:
            outcome.faults[item.received_no] = _faults(connection, item)
        _choose(connection, lake)
        _count(connection, outcome)
        _rewrite(connection, lake, staging, outcome)
    for item in staged:
        outcome.faults[item.received_no] = sorted([*outcome.faults.get(item.received_no, []), *item.structure_faults], key=lambda fault: fault.record)
    return outcome


def _record_numbers(nth: list[int], broken: list[int]) -> list[int]:
    """Record number of the n-th well-formed records: those with broken structure take numbers too."""
    well_formed_before = np.array(broken, dtype=np.int64) - np.arange(1, len(broken) + 1)
    places = np.array(nth, dtype=np.int64)
    return list(map(int, places + np.searchsorted(well_formed_before, places, side="left")))


def _faults(connection: duckdb.DuckDBPyConnection, item: StagedFile) -> list[Fault]:
    """Every fault of every faulty row of a file, values masked."""
    reading = item.reading
    delivered = f"SELECT {reading.recalled_sql('a._raw')}, a._nth FROM aside a WHERE received_no = {item.received_no} AND _raw IS NOT NULL"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE faulty AS {reading.typed_sql(delivered)}")
    broken = [fault.record for fault in item.structure_faults]
    faults = []
    for check in reading.checks:
        if check.field == "caller":
            value = "''"
        elif check.field in reading.texts:
            value = reading.shown_sql(check.field)
        else:
            value = f"CAST(v_{check.field} AS VARCHAR)" if check.field in reading.values else "''"
        rows = connection.execute(f"SELECT _nth, coalesce({value}, ''), t_ticket_id FROM faulty WHERE {check.condition}").fetchall()
        column = reading.columns.get(check.field, check.field)
        records = _record_numbers([row[0] for row in rows], broken)
        shown = mask_texts(pa.array([row[1] for row in rows], pa.string())).to_pylist()
        faults += [Fault(record, column, found[:VALUE_LENGTH], check.reason, row[2]) for record, found, row in zip(records, shown, rows, strict=True)]
    return faults


def _choose(connection: duckdb.DuckDBPyConnection, lake: Lake) -> None:
    """Table ``chosen``: the winning record of each id aside, and whether it is new, an update or nothing new."""
    columns = ", ".join(f"a.{name}" for name in LAKE_COLUMNS)
    connection.execute(
        f"CREATE TEMP TABLE winner AS SELECT {columns} FROM aside a WHERE _raw IS NULL "
        "QUALIFY row_number() OVER (PARTITION BY ticket_id ORDER BY version_at DESC, received_no DESC, _nth DESC) = 1"
    )
    connection.execute(f"CREATE TEMP TABLE existing AS SELECT * FROM {lake.relation(lake.files())} WHERE ticket_id IN (SELECT ticket_id FROM winner)")
    old = ", ".join(f"e.{name}" for name in CONTENT)
    new = ", ".join(f"w.{name}" for name in CONTENT)
    connection.execute(
        "CREATE TEMP TABLE chosen AS SELECT w.*, strftime(w.accepted_at, '%Y-%m') AS month, "
        "CASE WHEN e.ticket_id IS NULL THEN 'loaded' "
        "WHEN (w.version_at, w.received_no) >= (e.version_at, e.received_no) "
        f"AND row({new}) IS DISTINCT FROM row({old}) THEN 'updated' ELSE 'unchanged' END AS outcome "
        "FROM winner w LEFT JOIN existing e ON e.ticket_id = w.ticket_id"
    )
    connection.execute("DELETE FROM chosen WHERE outcome = 'unchanged'")


def _count(connection: duckdb.DuckDBPyConnection, outcome: Resolution) -> None:
    for number, kind, count in connection.execute("SELECT received_no, outcome, count(*) FROM chosen GROUP BY ALL").fetchall():
        counts = outcome.loaded if kind == "loaded" else outcome.updated
        counts[number] = counts.get(number, 0) + count


def _rewrite(connection: duckdb.DuckDBPyConnection, lake: Lake, staging: Path, outcome: Resolution) -> None:
    """Writes anew the months whose rows are replaced or that lie in too many files, and adds the chosen rows."""
    files: dict[str, list[LakeFile]] = {}
    for item in lake.files():
        files.setdefault(item.month, []).append(item)
    touched = {
        row[0]
        for row in connection.execute(
            "SELECT DISTINCT strftime(e.accepted_at, '%Y-%m') FROM existing e JOIN chosen c USING (ticket_id) WHERE c.outcome = 'updated'"
        ).fetchall()
    }
    touched |= {month for month, items in files.items() if len(items) > MANY_FILES and month in outcome.written}
    chosen_months = {row[0] for row in connection.execute("SELECT DISTINCT month FROM chosen").fetchall()}
    columns = ", ".join(LAKE_COLUMNS)
    folder = staging / "rewritten"
    folder.mkdir(parents=True, exist_ok=True)
    for month in sorted(touched | chosen_months):
        parts = [f"SELECT {columns} FROM chosen WHERE month = {literal(month)}"]
        if month in touched:
            outcome.replaced += files[month]
            parts.append(f"SELECT {columns} FROM {lake.relation(files[month])} WHERE ticket_id NOT IN (SELECT ticket_id FROM chosen WHERE outcome = 'updated')")
        path = folder / f"{month}.parquet"
        connection.execute(f"COPY ({' UNION ALL '.join(parts)}) TO {literal(str(path))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 61440)")
        outcome.written.setdefault(month, []).append(path)

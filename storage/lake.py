"""The ticket lake: a Delta Lake table of Parquet files by month of acceptance, the system of record.

The transaction log is kept by delta-rs; the Parquet files are written by DuckDB and added in one commit a
batch, so that a batch is visible as a whole or not at all. Each commit carries the batch number.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError
from deltalake.transaction import AddAction, CommitProperties, RemoveAction

from governance.tickets import FIELDS, Kind
from storage.home import fsync_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from storage.home import Home

__all__ = ["LAKE_COLUMNS", "Lake", "LakeFile", "lake_schema"]

SQL_TYPES: dict[Kind, str] = {
    Kind.LABEL: "VARCHAR",
    Kind.TEXT: "VARCHAR",
    Kind.ENUM: "VARCHAR",
    Kind.TIME: "TIMESTAMP",
    Kind.FLAG: "BOOLEAN",
    Kind.COUNT: "INTEGER",
    Kind.NUMBER: "DOUBLE",
    Kind.LABELS: "VARCHAR[]",
    Kind.CALLER: "BIGINT",
}
ARROW_TYPES: dict[str, pa.DataType] = {
    "VARCHAR": pa.string(),
    "TIMESTAMP": pa.timestamp("us"),
    "BOOLEAN": pa.bool_(),
    "INTEGER": pa.int32(),
    "DOUBLE": pa.float64(),
    "VARCHAR[]": pa.list_(pa.string()),
    "BIGINT": pa.int64(),
}
LAKE_COLUMNS: dict[str, str] = {("caller_key" if item.kind is Kind.CALLER else item.name): SQL_TYPES[item.kind] for item in FIELDS} | {
    "version_at": "TIMESTAMP",
    "received_no": "INTEGER",
}
"""Column to SQL type. ``version_at`` dates the record's version; ``received_no`` numbers the file it came in."""

PARTITION = "month"
KEEP_HISTORY = "interval 3650 days"
GRACE_HOURS = 24


@dataclass(frozen=True, slots=True)
class LakeFile:
    """One Parquet file of the lake: its month ("2024-03"), path below the lake, rows."""

    month: str
    path: str
    row_count: int


class Lake:
    """The lake of one home.

    Parameters
    ----------
    home
        Where it lives; the table is made at the first commit.
    """

    def __init__(self, home: Home) -> None:
        self.root = home.lake
        try:
            self._table: DeltaTable | None = DeltaTable(self.root)
        except TableNotFoundError:
            self._table = None

    @property
    def version(self) -> int:
        """Number of the last commit; -1 before the first."""
        return -1 if self._table is None else self._table.version()

    @property
    def batch_no(self) -> int:
        """Number of the last committed batch; 0 before the first. Anything numbered higher is unfinished work."""
        if self._table is None:
            return 0
        for limit in (10, None):  # the last few commits nearly always hold one; sweeping adds commits without
            for commit in self._table.history(limit):
                if "batch_no" in commit:
                    return int(commit["batch_no"])
        return 0

    def files(self) -> list[LakeFile]:
        """The files of the present version, ordered by month and path."""
        if self._table is None:
            return []
        actions = pa.table(self._table.get_add_actions(flatten=True))
        rows = zip(actions["partition.month"].to_pylist(), actions["path"].to_pylist(), actions["num_records"].to_pylist(), strict=True)
        return sorted((LakeFile(month, path, int(count)) for month, path, count in rows), key=lambda item: (item.month, item.path))

    def relation(self, files: Iterable[LakeFile]) -> str:
        """SQL over exactly these files; an empty relation of the same columns where there are none."""
        listed = self._listed(files)
        if not listed:
            nulls = ", ".join(f"NULL::{kind} AS {name}" for name, kind in LAKE_COLUMNS.items())
            return f"(SELECT {nulls} WHERE false)"
        return f"(SELECT {', '.join(LAKE_COLUMNS)} FROM read_parquet([{listed}], hive_partitioning = false))"

    def filled_sql(self, files: Iterable[LakeFile]) -> str:
        """SQL of how many values each column has by month (``month`` DATE, ``field``, ``filled_count``), from the files' footers alone.

        Whoever writes a lake file keeps these counts in it; a list has its elements counted, so lists are left out.
        """
        return (
            f"SELECT CAST(regexp_extract(file_name, '{PARTITION}=([0-9-]+)', 1) || '-01' AS DATE) AS month, path_in_schema AS field, "
            "CAST(sum(num_values - stats_null_count) AS INTEGER) AS filled_count "
            f"FROM parquet_metadata([{self._listed(files)}]) WHERE NOT contains(path_in_schema, ',') GROUP BY ALL"
        )

    def _listed(self, files: Iterable[LakeFile]) -> str:
        return ", ".join("'" + str(self.root / item.path).replace("'", "''") + "'" for item in files)

    def adopt(self, written: Mapping[str, list[Path]]) -> list[LakeFile]:
        """Moves finished Parquet files into the lake's folders, durable but not yet part of the table.

        ``written`` maps a month to the files made for it. A file is visible only once committed; one that
        never is gets swept later.
        """
        adopted = []
        for month, paths in written.items():
            folder = self.root / f"{PARTITION}={month}"
            folder.mkdir(parents=True, exist_ok=True)
            for path in paths:
                target = folder / f"{uuid.uuid4().hex}.parquet"
                fsync_path(path)
                path.rename(target)
                adopted.append(LakeFile(month, f"{PARTITION}={month}/{target.name}", pq.read_metadata(target).num_rows))
            fsync_path(folder)
        return adopted

    def commit(self, batch_no: int, add: Iterable[LakeFile], remove: Iterable[LakeFile]) -> None:
        """Makes the batch visible: one atomic log entry that adds and removes whole files."""
        table = self._table or self._create()
        now = int(datetime.now(UTC).timestamp() * 1000)
        actions: list[AddAction | RemoveAction] = [
            AddAction(
                path=item.path,
                size=(self.root / item.path).stat().st_size,
                partition_values={PARTITION: item.month},
                modification_time=now,
                data_change=True,
                stats=json.dumps({"numRecords": item.row_count}),
            )
            for item in add
        ]
        actions += [RemoveAction(path=item.path, data_change=True, deletion_timestamp=now, partition_values={PARTITION: item.month}) for item in remove]
        table.create_write_transaction(
            actions,
            mode="append",
            schema=_schema(),
            partition_by=[PARTITION],
            commit_properties=CommitProperties(custom_metadata={"batch_no": str(batch_no)}),
        )
        self._table = DeltaTable(self.root)
        fsync_path(self.root / "_delta_log" / f"{self._table.version():020d}.json")
        fsync_path(self.root / "_delta_log")

    def sweep(self) -> int:
        """Deletes files no version of the last day needs, and leftovers of killed runs; the number deleted."""
        if self._table is None:
            return 0
        return len(self._table.vacuum(retention_hours=GRACE_HOURS, dry_run=False, enforce_retention_duration=False, full=True))

    def _create(self) -> DeltaTable:
        self.root.mkdir(parents=True, exist_ok=True)
        return DeltaTable.create(
            self.root,
            schema=_schema(),
            partition_by=[PARTITION],
            configuration={"delta.logRetentionDuration": KEEP_HISTORY},
        )


def lake_schema() -> pa.Schema:
    """The columns of a lake file."""
    return pa.schema([pa.field(name, ARROW_TYPES[kind]) for name, kind in LAKE_COLUMNS.items()])


def _schema() -> deltalake.Schema:
    return deltalake.Schema.from_arrow(lake_schema().append(pa.field(PARTITION, pa.string())))

"""A batch on its way in: each file is read narrowly for its ids, then once in full, straight into month files.

Rows that need a decision (faulty, an id seen twice, an id the lake holds already) are written aside; all
others are final as they are. ``storage.resolution`` decides about the rows aside.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from storage.home import InputError
from storage.month_files import AsideFile, MonthFiles
from storage.privacy import mask_texts
from storage.sources import BUFFER_BYTES, first_line, literal
from storage.tidying import has_odd_lines, unify_newlines, write_tidy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from storage.compiling import Check
    from storage.lake import Lake
    from storage.reading import Reading
    from storage.sources import Source

__all__ = ["Fault", "Intake", "StagedFile"]

SAMPLE_ROWS = 1000
SAMPLE_MINIMUM = 20
WRONG_MAPPING_SHARE = 0.9
MAX_OPEN_QUOTES = 100
BATCH_ROWS = 61_440

STRUCTURE_FAULTS = {
    "MISSING COLUMNS": "列数少于表头",
    "TOO MANY COLUMNS": "列数多于表头",
    "UNQUOTED VALUE": "引号未闭合或引号后有多余文字",
    "LINE SIZE OVER MAXIMUM": "一行超过16 MB",
    "INVALID ENCODING": "含有不是 UTF-8 的字节",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a row was quarantined: where, what was found, what is allowed."""

    record: int
    column: str
    value: str
    reason: str
    ticket_id: str | None = None


@dataclass(slots=True)
class StagedFile:
    """What the full read of one file gave.

    ``clean`` maps a month to its finished Parquet file; ``aside`` is the file of undecided rows;
    ``read_count`` counts data records, those with broken structure included.
    """

    reading: Reading
    received_no: int
    read_count: int = 0
    clean_count: int = 0
    clean: dict[str, Path] = field(default_factory=dict)
    aside: Path | None = None
    structure_faults: list[Fault] = field(default_factory=list)


class Intake:
    """The reads of one batch.

    Parameters
    ----------
    connection
        A worker connection; this class makes its tables in it.
    lake
        The lake before the batch.
    staging
        An empty folder on the lake's file system.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection, lake: Lake, staging: Path) -> None:
        self.connection = connection
        self.lake = lake
        self.staging = staging
        self.id_files: list[Path] = []

    def read_ids(self, reading: Reading, received_no: int) -> int:
        """Reads the ids of a file in order; the number of well-formed records.

        A quote that is never closed swallows all that follows; its line is taken out and the file read again.

        Raises
        ------
        InputError
            The file has no record, is cut off in its last record, or is not CSV at all.
        """
        target = self.staging / f"ids_{received_no}.parquet"
        rejects = f"id_rejects_{received_no}"
        for _ in range(MAX_OPEN_QUOTES):
            self._drop_rejects(rejects)
            self._copy_ids(reading, rejects, target)
            if not reading.source.is_csv or not (self._take_out_open_quote(reading, rejects) or self._tidy(reading, rejects)):
                break
        else:
            message = f"文件 {reading.source.name} 有超过 {MAX_OPEN_QUOTES} 处引号未闭合, 无法按行读取"
            raise InputError(message)
        count = pq.read_metadata(target).num_rows
        self._check_whole(reading, rejects, count)
        self.id_files.append(target)
        return count

    def _copy_ids(self, reading: Reading, rejects: str, target: Path) -> None:
        def statement() -> str:
            ids = f"SELECT {reading.id_sql} AS id FROM {reading.source.relation(rejects)}"
            return f"COPY ({ids}) TO {literal(str(target))} (FORMAT parquet, COMPRESSION uncompressed)"

        self._read(reading, rejects, statement)

    def _read(self, reading: Reading, rejects: str, statement: Callable[[], str]) -> duckdb.DuckDBPyConnection:
        """Runs a statement that reads the file; what the engine cannot read is the file's fault and said so."""
        source = reading.source
        try:
            return self.connection.execute(statement())
        except duckdb.Error as error:
            if not source.is_csv or source.has_one_newline:
                message = f"文件 {source.name} 无法读取: {first_line(error)}"
                raise InputError(message) from error
        self._drop_rejects(rejects)
        self._unify_newlines(source)
        return self._read(reading, rejects, statement)

    def _unify_newlines(self, source: Source) -> None:
        copy = self.staging / f"{source.token}.newlines.csv"
        unify_newlines(source.path, copy)
        source.path = copy
        source.has_one_newline = True

    def _tidy(self, reading: Reading, rejects: str) -> bool:
        """Takes out blank lines where broken records must be numbered; whether the file is to be read again."""
        source = reading.source
        if source.is_tidy or not self._structure_faults(reading, rejects) or not has_odd_lines(source.path):
            return False
        copy = self.staging / f"{source.token}.tidy.csv"
        removed = write_tidy(source.path, copy, source.delimiter, source.removed_at)
        source.removed, source.removed_at = [number for number, _ in removed], [position for _, position in removed]
        source.path = copy
        source.is_tidy = source.has_one_newline = True
        return True

    def _take_out_open_quote(self, reading: Reading, rejects: str) -> bool:
        source = reading.source
        found = self.connection.execute(
            f"SELECT line, line_byte_position, contains(csv_line, chr(10)) FROM {rejects} WHERE error_type = 'UNQUOTED VALUE' "
            "AND regexp_matches(trim(csv_line, chr(10) || chr(13)), '[\\r\\n]') ORDER BY line LIMIT 1"
        ).fetchone()
        if found is None:
            return False
        if not found[2]:
            self._unify_newlines(source)
            return True
        record, position = int(found[0]) - 1, int(found[1]) - 1
        copy = self.staging / f"{source.token}.{len(source.removed)}.csv"
        with source.path.open("rb") as old, copy.open("wb") as new:
            remaining = position
            while remaining and (block := old.read(min(BUFFER_BYTES, remaining))):
                new.write(block)
                remaining -= len(block)
            # the engine may begin a record at the line feed before it
            while not (line := old.readline()).strip(b"\r\n") and line:
                new.write(line)
                position += len(line)
            ends_here = not old.peek(1)  # type: ignore[attr-defined]
            shutil.copyfileobj(old, new, BUFFER_BYTES)
        if ends_here and source.ends_open:
            message = f"文件 {source.name} 在第 {record + len(source.removed)} 条记录处中断 (引号未闭合且没有行尾), 可能被截断"
            raise InputError(message)
        source.removed.append(record + len(source.removed))
        source.removed_at.append(position)
        source.is_tidy = False  # blank lines that the open quote seemed to hold may have come to light
        source.path = copy
        return True

    def _check_whole(self, reading: Reading, rejects: str, count: int) -> None:
        source = reading.source
        broken = self._structure_faults(reading, rejects)
        if count + len(broken) == 0:
            message = f"文件 {source.name} 只有表头, 没有数据行"
            raise InputError(message)
        if count == 0 and len(broken) > 1:
            message = f"文件 {source.name} 的 {len(broken)} 条记录无一能按列读取 (第一条: {broken[0].reason}); 请检查分隔符 {source.delimiter!r} 和引号"
            raise InputError(message)
        if source.ends_open and broken and broken[-1].record == count + len(broken) and "多于" not in broken[-1].reason:
            message = f"文件 {source.name} 在第 {broken[-1].record} 条记录处中断 ({broken[-1].reason}, 没有行尾), 可能被截断"
            raise InputError(message)

    def check_mapping(self, reading: Reading) -> None:
        """Tries the first thousand rows; a fault in nearly all of them is a wrong mapping, not bad data.

        Raises
        ------
        InputError
            One check fails in at least nine rows of ten.
        """
        rejects = f"sample_rejects_{reading.source.token}"
        sums = ", ".join(f"count(*) FILTER (WHERE {check.condition})" for check in reading.checks)
        row = self._read(reading, rejects, lambda: f"SELECT count(*), {sums} FROM ({self._sample(reading, rejects)})").fetchone()
        self._drop_rejects(rejects)
        total, failures = (row[0], row[1:]) if row else (0, ())
        for check, failed in zip(reading.checks, failures, strict=True):
            if total >= SAMPLE_MINIMUM and failed >= WRONG_MAPPING_SHARE * total:
                column = reading.columns.get(check.field, check.field)
                example = self._example(reading, check)
                message = (
                    f"文件 {reading.source.name} 的列 {column} 作为 {check.field} 几乎全部不合格 (前 {total} 行中 {failed} 行): "
                    f"{check.reason}; 例: {example!r}; 请检查城市配置的列对应"
                )
                raise InputError(message)

    def _sample(self, reading: Reading, rejects: str) -> str:
        return reading.typed_sql(f"SELECT * FROM ({reading.text_sql(rejects)} LIMIT {SAMPLE_ROWS})")

    def _example(self, reading: Reading, check: Check) -> str:
        """A value that fails, masked: a wrong mapping may well show a phone number."""
        if check.field not in reading.texts or check.field == "caller":
            return ""
        rejects = "example_rejects"
        value = reading.shown_sql(check.field)
        row = self.connection.execute(f"SELECT {value} FROM ({self._sample(reading, rejects)}) WHERE {check.condition} LIMIT 1").fetchone()
        self._drop_rejects(rejects)
        shown = mask_texts(pa.array([str(row[0] or "") if row else ""]))
        return str(shown[0])[:60]

    def route(self) -> None:
        """Finds the ids that need a decision: seen twice in the batch, or held by the lake."""
        ids = ", ".join(literal(str(path)) for path in self.id_files)
        run = self.connection.execute
        run(f"CREATE TEMP TABLE twice_hash AS SELECT hash(id) AS h FROM read_parquet([{ids}]) WHERE id IS NOT NULL GROUP BY h HAVING count(*) > 1")
        run(f"CREATE TEMP TABLE twice AS SELECT id FROM read_parquet([{ids}]) WHERE hash(id) IN (SELECT h FROM twice_hash) GROUP BY id HAVING count(*) > 1")
        run(
            f"CREATE TEMP TABLE held AS SELECT DISTINCT ticket_id AS id FROM {self.lake.relation(self.lake.files())} "
            f"WHERE ticket_id IN (SELECT id FROM read_parquet([{ids}]))"
        )
        run("CREATE TEMP TABLE routed AS SELECT id FROM twice UNION SELECT id FROM held")

    def stage(self, reading: Reading, received_no: int, advance: Callable[[int], None]) -> StagedFile:
        """Reads the file in full: clean rows into month files, undecided rows aside; ``advance`` hears of rows done."""
        rejects = f"rejects_{received_no}"
        staged = self._stream(reading, received_no, rejects, advance)
        if reading.source.is_csv and self._tidy(reading, rejects):  # broken bytes show only where all columns are read
            self._drop_rejects(rejects)
            staged = self._stream(reading, received_no, rejects, lambda _: None)
        staged.structure_faults = self._structure_faults(reading, rejects)
        staged.read_count += len(staged.structure_faults)
        return staged

    def _stream(self, reading: Reading, received_no: int, rejects: str, advance: Callable[[int], None]) -> StagedFile:
        folder = self.staging / f"rows_{received_no}"
        shutil.rmtree(folder, ignore_errors=True)
        staged = StagedFile(reading, received_no)
        months = MonthFiles(folder)
        aside = AsideFile(folder / "aside.parquet")
        try:
            for batch in self.connection.sql(self._stage_sql(reading, received_no, rejects)).to_arrow_reader(BATCH_ROWS):
                month = batch["_month"]
                clean = batch.num_rows - aside.put(batch, month, staged.read_count)
                if clean:
                    months.put(batch.drop_columns(["_month", "_raw"]), month)
                staged.clean_count += clean
                staged.read_count += batch.num_rows
                advance(batch.num_rows)
        except duckdb.Error as error:
            message = f"文件 {reading.source.name} 无法读取: {first_line(error)}"
            raise InputError(message) from error
        finally:
            staged.clean = months.close()
            staged.aside = aside.close()
        return staged

    @staticmethod
    def _stage_sql(reading: Reading, received_no: int, rejects: str) -> str:
        rows = (
            f"SELECT *, ({reading.bad_sql}) AS is_bad, coalesce(t_ticket_id IN (SELECT id FROM routed), false) AS is_routed "
            f"FROM ({reading.typed_sql(reading.text_sql(rejects))})"
        )
        # month 0 puts a row aside
        return (
            f"SELECT {reading.lake_sql(received_no)}, CASE WHEN is_bad THEN {reading.raw_sql} END AS _raw, "
            "CASE WHEN is_bad OR is_routed THEN 0 ELSE CAST(year(v_accepted_at) * 100 + month(v_accepted_at) AS INTEGER) END AS _month "
            f"FROM ({rows})"
        )

    def _structure_faults(self, reading: Reading, rejects: str) -> list[Fault]:
        """Records whose structure is broken, in order; their text is not kept, for it may name the caller."""
        removed = reading.source.removed
        faults = {record: Fault(record, "", "", STRUCTURE_FAULTS["UNQUOTED VALUE"]) for record in removed}
        if reading.source.is_csv and self._has_table(rejects):
            found = self.connection.execute(f"SELECT line, error_type, column_name FROM {rejects} ORDER BY line, error_type").fetchall()
            for line, kind, column in found:
                record = int(line) - 1
                for gone in removed:
                    record += gone <= record
                reason = STRUCTURE_FAULTS.get(kind, f"无法按列读取({kind})")
                faults.setdefault(record, Fault(record, column or "", "", reason))
        return [faults[record] for record in sorted(faults)]

    def _has_table(self, name: str) -> bool:
        found = self.connection.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = ?", [name]).fetchone()
        return bool(found and found[0])

    def _drop_rejects(self, name: str) -> None:
        self.connection.execute(f"DROP TABLE IF EXISTS {name}")
        self.connection.execute(f"DROP TABLE IF EXISTS {name}_scan")

"""Checked rows on their way into month files: a stream of batches in, one Parquet file a month out.

Writing runs in a thread of its own beside the reading. The engine's own partitioned export cost more: its
threads each keep a part of every month (``docs/decisions.md``, 7).
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from governance.tickets import FIELDS, Kind
from storage.lake import lake_schema
from storage.privacy import masked

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["AsideFile", "MonthFiles"]

ROW_GROUP_ROWS = 122_880
WAITING_ROWS = 400_000
"""Rows kept in memory before the fullest month is written, whole row group or not."""

WAITING_BATCHES = 3
ENCODERS = 2
"""Months written at the same time: at the end of a file all that waits is written while nothing is read."""

FEW_VALUES = [item.name for item in FIELDS if item.kind is Kind.ENUM or (item.kind is Kind.LABEL and item.name != "ticket_id")]
"""Columns worth a dictionary; trying one for texts and ids costs time and is given up anyway."""


class MonthFiles:
    """Writes rows by month below a folder.

    Parameters
    ----------
    folder
        An empty folder.

    Notes
    -----
    ``put`` only queues; a fault in writing is raised by the next ``put`` or by ``close``.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._schema = lake_schema()
        self._queue: queue.Queue[tuple[pa.RecordBatch, pa.Array] | None] = queue.Queue(WAITING_BATCHES)
        self._fault: BaseException | None = None
        self._waiting: dict[str, list[pa.RecordBatch]] = {}
        self._waiting_rows: dict[str, int] = {}
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._writing: dict[str, Future[None]] = {}
        self._pool = ThreadPoolExecutor(ENCODERS)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def put(self, rows: pa.RecordBatch, months: pa.Array) -> None:
        """Takes rows of the lake's columns; ``months`` gives each row's month as 202403, 0 for rows to leave out."""
        if self._fault is not None:
            self.close()
        self._queue.put((rows, months))

    def close(self) -> dict[str, Path]:
        """Finishes all files; month ("2024-03") to file."""
        self._queue.put(None)
        self._thread.join()
        if self._fault is not None:
            raise self._fault
        return {month: self._path(month) for month in sorted(self._writers)}

    def _work(self) -> None:
        has_ended = False
        try:
            with self._pool:
                while (item := self._queue.get()) is not None:
                    self._sort_in(*item)
                has_ended = True
                for month in list(self._waiting):
                    self._write(month)
                self._wait_for(0)
        except BaseException as fault:  # noqa: BLE001 - handed to the reading thread, which raises it
            self._fault = fault
            while not has_ended and self._queue.get() is not None:
                pass
        for writer in self._writers.values():
            try:
                writer.close()
            except BaseException as fault:  # noqa: BLE001 - a file without its foot is no file; all the others are closed too
                self._fault = self._fault or fault

    def _sort_in(self, rows: pa.RecordBatch, months: pa.Array) -> None:
        rows = masked(rows)
        present = pc.unique(months).to_pylist()
        for number in present:
            if not number:
                continue
            month = f"{number // 100:04d}-{number % 100:02d}"
            own = rows if len(present) == 1 else rows.filter(pc.equal(months, number))
            self._waiting.setdefault(month, []).append(own)
            self._waiting_rows[month] = self._waiting_rows.get(month, 0) + own.num_rows
            if self._waiting_rows[month] >= ROW_GROUP_ROWS:
                self._write(month)
        while sum(self._waiting_rows.values()) > WAITING_ROWS:
            self._write(max(self._waiting_rows, key=lambda name: self._waiting_rows[name]))

    def _write(self, month: str) -> None:
        batches = self._waiting.pop(month)
        self._waiting_rows.pop(month)
        if month not in self._writers:
            self._writers[month] = pq.ParquetWriter(self._path(month), self._schema, compression="zstd", use_dictionary=FEW_VALUES)
        if month in self._writing:  # the rows of a month stay in order
            self._writing.pop(month).result()
        self._wait_for(ENCODERS - 1)
        self._writing[month] = self._pool.submit(self._encode, self._writers[month], batches)

    def _encode(self, writer: pq.ParquetWriter, batches: list[pa.RecordBatch]) -> None:
        writer.write_table(pa.Table.from_batches(batches).cast(self._schema), ROW_GROUP_ROWS)

    def _wait_for(self, most: int) -> None:
        """Waits until at most so many months are being written; raises what went wrong in writing."""
        while len(self._writing) > most:
            wait(self._writing.values(), return_when="FIRST_COMPLETED")
            for month in [month for month, future in self._writing.items() if future.done()]:
                self._writing.pop(month).result()

    def _path(self, month: str) -> Path:
        return self._folder / f"{month}.parquet"


class AsideFile:
    """Writes the rows of month 0, with their place among the well-formed records of the file (``_nth``, from 1)."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._schema = lake_schema().append(pa.field("_raw", pa.string())).append(pa.field("_nth", pa.int64()))
        self._writer: pq.ParquetWriter | None = None

    def put(self, batch: pa.RecordBatch, months: pa.Array, before: int) -> int:
        """Takes the batch's rows of month 0; ``before`` records came before it. The number taken."""
        chosen = pc.indices_nonzero(pc.equal(months, 0))
        if not len(chosen):
            return 0
        rows = pa.Table.from_batches([masked(batch.take(chosen).drop_columns(["_month"]))])
        rows = rows.append_column("_nth", pc.add(chosen.cast(pa.int64()), before + 1)).select(self._schema.names).cast(self._schema)
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, self._schema, compression="zstd")
        self._writer.write_table(rows)
        return len(chosen)

    def close(self) -> Path | None:
        """Finishes the file; None where no row was put aside."""
        if self._writer is None:
            return None
        self._writer.close()
        return self._path

"""The ledger of batches: what was delivered, what became of it, and the rows that could not be kept.

A batch's ledger entry is written before the lake commit that makes the batch visible, and counts only once
that commit carries its number; so a killed batch leaves nothing behind that anyone sees.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from storage.home import fsync_path, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from storage.home import Home
    from storage.intake import Fault

__all__ = ["QUARANTINE_SCHEMA", "Batch", "FileOutcome", "Ledger"]

QUARANTINE_SCHEMA = pa.schema(
    [
        ("batch_no", pa.int32()),
        ("file", pa.string()),
        ("row", pa.int64()),
        ("column", pa.string()),
        ("value", pa.string()),
        ("reason", pa.string()),
        ("ticket_id", pa.string()),
    ]
)


@dataclass(slots=True)
class FileOutcome:
    """What became of one delivered file; ``read`` = loaded + updated + unchanged + quarantined."""

    file: str
    sha256: str
    received_no: int
    read: int
    loaded: int
    updated: int
    unchanged: int
    quarantined: int
    unplaced: int = 0
    bytes: int | None = None


@dataclass(slots=True)
class Batch:
    """One run of ingest."""

    batch_no: int
    started_at: str
    finished_at: str
    reading: str
    files: list[FileOutcome]


class Ledger:
    """All committed batches of a home.

    Parameters
    ----------
    home
        Where the ledger lives.
    committed
        Number of the last committed batch, as the lake says.
    """

    def __init__(self, home: Home, committed: int) -> None:
        self._home = home
        self.committed = committed

    def batches(self) -> list[Batch]:
        """Committed batches in order."""
        found = []
        for number in range(1, self.committed + 1):
            path = self._entry(number)
            if path.exists():
                raw = json.loads(path.read_text(encoding="utf-8"))
                found.append(Batch(**(raw | {"files": [FileOutcome(**item) for item in raw["files"]]})))
        return found

    def received(self) -> dict[str, int]:
        """Hash of each delivered file to the number under which it was first received."""
        return {item.sha256: item.received_no for batch in self.batches() for item in batch.files}

    def sizes(self) -> set[int | None]:
        """Bytes of the delivered files: a file of another size is none of them. None is one whose size was not noted."""
        return {item.bytes for batch in self.batches() for item in batch.files}

    def settled(self, reading: str) -> dict[str, FileOutcome]:
        """Files last read in just this way, without a faulty row: to deliver one again changes nothing.

        A file with faulty rows is read again, for a fault may have passed (a time in the future).
        """
        last = {item.sha256: (batch.reading, item) for batch in self.batches() for item in batch.files}
        return {sha256: item for sha256, (way, item) in last.items() if way == reading and not item.quarantined}

    def write(self, batch: Batch, faults: dict[int, list[Fault]]) -> None:
        """Writes the entry and the quarantined rows of a batch that is about to be committed."""
        rows = [
            (batch.batch_no, item.file, fault.record, fault.column, fault.value, fault.reason, fault.ticket_id)
            for item in {item.received_no: item for item in reversed(batch.files)}.values()  # one content delivered twice has its faults once
            for fault in faults.get(item.received_no, [])
        ]
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(QUARANTINE_SCHEMA)
        table = pa.table([pa.array(column, kind.type) for column, kind in zip(columns, QUARANTINE_SCHEMA, strict=True)], schema=QUARANTINE_SCHEMA)
        path = self.quarantine_file(batch.batch_no)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, path)
        fsync_path(path)
        write_whole(self._entry(batch.batch_no), json.dumps(asdict(batch), ensure_ascii=False, indent=1).encode())

    def quarantine_file(self, batch_no: int) -> Path:
        """The quarantined rows of a batch."""
        return self._home.quarantine / f"{batch_no:06d}.parquet"

    def quarantine_files(self) -> list[Path]:
        """Quarantine files of committed batches."""
        return [path for number in range(1, self.committed + 1) if (path := self.quarantine_file(number)).exists()]

    def forget_unfinished(self) -> Iterable[Path]:
        """Deletes entries of batches that were never committed; the paths deleted."""
        gone = []
        for folder in (self._home.batches, self._home.quarantine):
            for path in folder.glob("[0-9]*.*"):
                if int(path.stem) > self.committed:
                    path.unlink()
                    gone.append(path)
        return gone

    def _entry(self, batch_no: int) -> Path:
        return self._home.batches / f"{batch_no:06d}.json"

"""The work behind an upload on the page: rehearse the file, or store it and publish a snapshot.

The page starts this as a process of its own, ``manage.py upload``, so that a long run neither slows the pages down nor ends
with the visit; what it comes to is read from the state of the upload.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from pipeline.ingest import IngestResult, ingest
from pipeline.progress import Progress
from pipeline.refresh import refresh
from storage.home import InputError
from storage.profiles import parse_profile
from storage.uploads import Stage, Upload, at_work, note_outcome, save_upload, upload_path

if TYPE_CHECKING:
    from storage.home import Home

__all__ = ["UPLOAD_COUNTS", "work_on_upload"]

UPLOAD_COUNTS = ("read", "loaded", "updated", "unchanged", "quarantined", "unplaced")
FIRST_FAULTS = 50
SECONDS_BETWEEN_NOTES = 0.5


class _Noted(Progress):
    """Writes how far the run is into the state of the upload, twice a second at most."""

    def __init__(self, home: Home, upload: Upload) -> None:
        self._home = home
        self._upload = upload
        self._told = 0.0

    def start(self, task: str, total_rows: int | None) -> None:
        """A step begins; said at once."""
        self._upload = replace(self._upload, task=task, done_rows=0, total_rows=total_rows)
        save_upload(self._home, self._upload)

    def advance(self, row_count: int) -> None:
        """Adds to the rows done."""
        self._upload = replace(self._upload, done_rows=self._upload.done_rows + row_count)
        if time.monotonic() - self._told > SECONDS_BETWEEN_NOTES:
            self._told = time.monotonic()
            save_upload(self._home, self._upload)


def work_on_upload(home: Home, token: str) -> bool:
    """Does the piece of work the upload waits for; whether it came off.

    Raises
    ------
    InputError
        Nothing waits for work under that token. What is wrong with the file itself is noted with the upload instead.
    """
    with at_work(home, token) as upload:
        is_storing = upload.stage is Stage.STORING
        outcome: dict[str, Any] = {}
        try:
            progress = _Noted(home, upload)
            result = ingest(home, [upload_path(home, upload)], city=None, dry_run=not is_storing, progress=progress)
            outcome = _outcome(home, result)
            if is_storing:
                progress.start("更新统计", None)
                snapshot = refresh(home)
                outcome |= {"version": snapshot.version, "months": list(snapshot.months)}
            said = _sentence(outcome)
        except InputError as error:
            outcome, said = {}, str(error)
        except Exception as error:
            note_outcome(home, upload, f"程序出错：{type(error).__name__}；已入库的数据不受影响", {}, is_stored=False)
            raise
        note_outcome(home, upload, said, outcome, is_stored=is_storing and bool(outcome))
    return bool(outcome)


def _outcome(home: Home, result: IngestResult) -> dict[str, Any]:
    """What the page shows: counts, fields that did not come, reasons by frequency, and the first faulty rows with masked values."""
    profile = parse_profile(home.profile.read_text(encoding="utf-8"), home.profile.name)
    fields = {key: (key,) for key in profile.columns} | {f"split:{index}": item.into for index, item in enumerate(profile.split)}
    faults = [fault for number in result.faults for fault in result.faults[number]]
    reasons = Counter((fault.column, fault.reason) for fault in faults)
    return {
        **{name: result.total(name) for name in UPLOAD_COUNTS},
        "batch_no": result.batch.batch_no,
        "absent": [name for keys in result.absent.values() for key in keys for name in fields[key]],
        "fault_count": len(faults),
        "reasons": [{"column": column, "reason": reason, "count": count} for (column, reason), count in reasons.most_common()],
        "faults": [asdict(fault) for fault in faults[:FIRST_FAULTS]],
    }


def _sentence(outcome: dict[str, Any]) -> str:
    """For the audit."""
    words = ("读入", "新增", "更新", "未变", "隔离", "未落图")
    return f"第 {outcome['batch_no']} 批：" + "，".join(f"{word} {outcome[name]}" for word, name in zip(words, UPLOAD_COUNTS, strict=True))

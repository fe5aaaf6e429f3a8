"""The one file that an administrator has handed in and that is not yet settled: kept privately, rehearsed, confirmed, removed.

One at a time: whoever opens the page sees the same file in the same state. The file holds personal data, so it lies in a folder
of its owner's alone and goes as soon as its rows are in, it is given up, or a day has passed.
"""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from filelock import FileLock, Timeout

from storage.home import InputError, open_private, write_whole
from storage.records.audit import LONGEST_NAME, Entry, check_administrator, write_entry
from storage.sources import READABLE, Digest

if TYPE_CHECKING:
    from storage.home import Home
    from storage.scope import Scope

__all__ = ["Stage", "Upload", "at_work", "discard_upload", "keep_upload", "note_outcome", "read_upload", "request_work", "save_upload", "upload_path"]

KEPT_HOURS = 24
START_SECONDS = 60
"""A process asked for that has not begun its work by then is not coming."""
BLOCK = 1 << 20
LONGEST_FILE_NAME = 120


class Stage(StrEnum):
    """How far the file is."""

    RECEIVED = "received"
    REHEARSING = "rehearsing"
    REHEARSED = "rehearsed"
    STORING = "storing"
    DONE = "done"


WORKING = (Stage.REHEARSING, Stage.STORING)
BEFORE = {Stage.REHEARSING: Stage.RECEIVED, Stage.STORING: Stage.REHEARSED}
"""Where a piece of work begins, and where the file is again when it failed."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file handed in.

    Parameters
    ----------
    token
        Names this upload, so that nobody confirms a file other than the one looked at.
    stage, changed_at
        How far it is, and since when (UTC, ISO).
    message
        Why the last piece of work failed; empty otherwise.
    task, done_rows, total_rows
        What is being done; ``total_rows`` is None where not known.
    outcome
        What the rehearsal, and later the ingest, came to.
    """

    token: str
    file: str
    sha256: str
    bytes: int
    sent_by: str
    stage: Stage
    changed_at: str
    message: str = ""
    task: str = ""
    done_rows: int = 0
    total_rows: int | None = None
    outcome: dict[str, Any] = field(default_factory=dict)


def _folder(home: Home) -> Path:
    return home.root / "uploads"


def upload_path(home: Home, upload: Upload) -> Path:
    """Where the file lies, under the name it was delivered with."""
    return _folder(home) / upload.token / upload.file


@contextmanager
def _alone(home: Home) -> Iterator[None]:
    """One change of the state at a time."""
    _folder(home).mkdir(parents=True, exist_ok=True, mode=0o700)
    with FileLock(_folder(home) / "state.lock", timeout=START_SECONDS):
        yield


def _read(home: Home) -> Upload | None:
    try:
        found = json.loads((_folder(home) / "state.json").read_text(encoding="utf-8"))
        return Upload(**found | {"stage": Stage(found["stage"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def save_upload(home: Home, upload: Upload) -> None:
    """Keeps the state; the time of the change is set here."""
    content = asdict(replace(upload, changed_at=datetime.now(UTC).isoformat(timespec="seconds")))
    write_whole(_folder(home) / "state.json", json.dumps(content, ensure_ascii=False).encode())


def _file_name(name: str) -> str:
    """The delivered name without folders and unprintable letters, not longer than file systems bear."""
    path = Path("".join(letter for letter in name.replace("\\", "/").rsplit("/", 1)[-1] if letter.isprintable()).lstrip("."))
    if path.suffix.lower() not in READABLE:
        message = f"文件类型 {path.suffix[:LONGEST_FILE_NAME] or '（无扩展名）'} 不支持；可用：{'、'.join(READABLE)}"
        raise InputError(message)
    stem = path.stem
    while len(f"{stem}{path.suffix}".encode()) > LONGEST_FILE_NAME:
        stem = stem[:-1]
    return f"{stem or 'upload'}{path.suffix}"


def keep_upload(home: Home, scope: Scope, name: str, content: BinaryIO, sent_by: str) -> Upload:
    """Copies a delivered file into the home and asks for nothing yet.

    Raises
    ------
    ScopeError
        Another role than administrator; so in every function here that takes a scope.
    InputError
        The kind of file is not read, or another file is still in hand.
    """
    check_administrator(scope)
    name = _file_name(name)
    with _alone(home):
        present = _settled(home)
        if present is not None and present.stage is not Stage.DONE:
            message = f"{present.sent_by} 上传的“{present.file}”还没有处理完；请先确认入库或放弃它"
            raise InputError(message)
        _clear(home)
        token = secrets.token_hex(8)
        folder = _folder(home) / token
        folder.mkdir(mode=0o700)
        with open_private(folder / name) as handle:
            shutil.copyfileobj(content, handle, BLOCK)
        digest = Digest(folder / name)
        save_upload(home, Upload(token, name, digest.sha256, digest.size, sent_by, Stage.RECEIVED, ""))
        return _read(home)  # type: ignore[return-value]  # written the line before


def read_upload(home: Home, scope: Scope) -> Upload | None:
    """The file in hand; work that broke off is put back to where it began, and a file left lying for a day goes."""
    check_administrator(scope)
    if not _folder(home).exists():
        return None
    with _alone(home):
        return _settled(home)


def _settled(home: Home) -> Upload | None:
    upload = _read(home)
    if upload is None:
        _clear(home)
        return None
    age = datetime.now(UTC) - datetime.fromisoformat(upload.changed_at)
    if upload.stage in WORKING:
        if age < timedelta(seconds=START_SECONDS) or _is_held(home):
            return upload
        upload = replace(upload, stage=BEFORE[upload.stage], message="处理中断，没有完成；可以再试一次，重复入库不会多出工单", task="")
        save_upload(home, upload)
    elif age > timedelta(hours=KEPT_HOURS):
        _clear(home)
        return None
    return upload


def _is_held(home: Home) -> bool:
    lock = FileLock(_folder(home) / "work.lock", timeout=0)
    try:
        with lock:
            return False
    except Timeout:
        return True


def request_work(home: Home, scope: Scope, token: str, stage: Stage, changed_by: str) -> bool:
    """Moves the file on to a stage of work; whether this call did it. A second press finds it moved and does nothing.

    Asking for the rows to be stored is itself audited, so that a run that breaks off has left its trace.
    """
    check_administrator(scope)
    with _alone(home):
        upload = _settled(home)
        if upload is None or upload.token != token or upload.stage is not BEFORE[stage]:
            return False
        if stage is Stage.STORING:
            write_entry(home, Entry(changed_by, "upload.confirm", upload.file[:LONGEST_NAME], None, None, f"sha256 {upload.sha256}"))
        save_upload(home, replace(upload, stage=stage, message="", task="", done_rows=0, total_rows=None, sent_by=changed_by))
        return True


def discard_upload(home: Home, scope: Scope, token: str, changed_by: str) -> bool:
    """Removes the file and forgets its state; refused while it is being worked on. Whether this call did it."""
    check_administrator(scope)
    with _alone(home):
        upload = _settled(home)
        if upload is None or upload.token != token or upload.stage in WORKING:
            return False
        if upload.stage is not Stage.DONE:
            write_entry(home, Entry(changed_by, "upload.discard", upload.file[:LONGEST_NAME], None, None, f"sha256 {upload.sha256}"))
        _clear(home)
        return True


@contextmanager
def at_work(home: Home, token: str) -> Iterator[Upload]:
    """The file, held by the process that works on it; it is put back where it began when the work fails with a sentence.

    Raises
    ------
    InputError
        There is no such file waiting for work.
    """
    try:
        with FileLock(_folder(home) / "work.lock", timeout=0):
            upload = _read(home)
            if upload is None or upload.token != token or upload.stage not in WORKING:
                message = f"没有等待处理的上传 {token}"
                raise InputError(message)
            yield upload
    except Timeout as error:
        message = f"上传 {token} 正由另一进程处理"
        raise InputError(message) from error


def note_outcome(home: Home, upload: Upload, said: str, outcome: Mapping[str, Any], *, is_stored: bool) -> None:
    """Ends a piece of work: done with an outcome, or back where it began with a sentence; the file goes once its rows are in."""
    if upload.stage is Stage.STORING:
        result = "upload.done" if is_stored else "upload.failed"
        write_entry(home, Entry(upload.sent_by, result, upload.file[:LONGEST_NAME], None, said[:LONGEST_NAME], f"sha256 {upload.sha256}"))
    after = Stage.DONE if is_stored else Stage.REHEARSED if outcome else BEFORE[upload.stage]
    with _alone(home):
        if after is Stage.DONE:
            shutil.rmtree(upload_path(home, upload).parent, ignore_errors=True)
        kept = dict(outcome) or upload.outcome
        save_upload(home, replace(upload, stage=after, message="" if outcome else said, task="", outcome=kept))


def _clear(home: Home) -> None:
    """Removes every file and the state; locks stay, as another process may wait at them."""
    for path in _folder(home).iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.suffix != ".lock":
            path.unlink(missing_ok=True)

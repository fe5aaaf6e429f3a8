"""Backup and restore of a home: one archive with the hash of every file, checked before anything is put back."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from storage.focus import focus_version
from storage.foresight import foresight_version
from storage.home import InputError, fsync_path, open_private
from storage.lake import Lake
from storage.records.database import RECORD_FILES, copy_records
from storage.snapshot import current_version
from storage.sources import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.home import Home

__all__ = ["BackupResult", "backup", "restore"]

CONTENTS = "contents.json"
LEFT_OUT = ("staging", "work", "uploads", "write.lock", "foresight.lock", "focus.lock", *RECORD_FILES)
"""The records are copied by the database itself, as others may be writing to them."""


@dataclass(frozen=True, slots=True)
class BackupResult:
    """An archive: where, how many files and bytes, which snapshot and batch it holds."""

    archive: str
    files: int
    bytes: int
    version: str | None
    batch_no: int


def _kept(home: Home) -> list[Path]:
    in_use = {"mart": current_version(home), "foresight": foresight_version(home), "focus": focus_version(home)}
    paths = []
    for path in sorted(home.root.rglob("*")):
        relative = path.relative_to(home.root)
        if not path.is_file() or relative.parts[0] in LEFT_OUT:
            continue
        if path.suffix == ".duckdb" and relative.parts[0] in in_use and path.stem != in_use[relative.parts[0]]:
            continue
        paths.append(path)
    return paths


@contextmanager
def _records(home: Home, archive: Path) -> Iterator[list[tuple[Path, str]]]:
    """A copy of the records and the name it gets; none where nobody entered anything, or a server keeps them."""
    copy = archive.with_name(f".{archive.name}.records")
    open_private(copy).close()
    try:
        yield [(copy, RECORD_FILES[0])] if copy_records(home, copy) else []
    finally:
        copy.unlink()


def backup(home: Home, archive: Path) -> BackupResult:
    """Writes the whole home into one tar file; holds the locks of those who take in tickets, forecast and look for hot spots: it is of one moment.

    Raises
    ------
    InputError
        There is nothing to back up, or the archive exists already.
    """
    if not home.profile.exists():
        message = f"{home.root} 还没有数据, 无可备份"
        raise InputError(message)
    if archive.exists():
        message = f"备份文件 {archive} 已存在, 不覆盖; 请换一个名字"
        raise InputError(message)
    if archive.resolve().is_relative_to(home.root):
        message = f"备份文件 {archive} 不能放在 {home.root} 里面"
        raise InputError(message)
    if not archive.parent.is_dir():
        message = f"备份文件的目录 {archive.parent} 不存在"
        raise InputError(message)
    beside = archive.with_name(f".{archive.name}.new")
    with home.writing(), home.foreseeing(), home.focusing(), _records(home, archive) as records:
        hashes = {}
        total = 0
        kept = [*((path, path.relative_to(home.root).as_posix()) for path in _kept(home)), *records]
        with open_private(beside) as handle, tarfile.open(fileobj=handle, mode="w") as tar:  # it holds the key of the callers
            for path, name in kept:
                hashes[name] = Digest(path).sha256
                total += path.stat().st_size
                tar.add(path, arcname=name, recursive=False)
            listing = json.dumps(hashes, ensure_ascii=False).encode()
            entry = tarfile.TarInfo(CONTENTS)
            entry.size = len(listing)
            tar.addfile(entry, io.BytesIO(listing))
        fsync_path(beside)
        beside.rename(archive)
        return BackupResult(str(archive), len(hashes), total, current_version(home), Lake(home).batch_no)


def restore(home: Home, archive: Path) -> BackupResult:
    """Puts a backup into an empty home, after checking the hash of every file in it.

    Raises
    ------
    InputError
        The home is in use, or the archive is missing, damaged, incomplete or holds paths outside the home.
    """
    if home.profile.exists() or home.lake.exists() or (home.root / RECORD_FILES[0]).exists():
        message = f"{home.root} 已有数据, 不覆盖; 请恢复到一个空的 WEISU_HOME"
        raise InputError(message)
    home.root.parent.mkdir(parents=True, exist_ok=True)
    beside = home.root.with_name(f".{home.root.name}.restoring")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        with tarfile.open(archive, "r:") as tar:
            tar.extractall(beside, filter="data")
        hashes = json.loads((beside / CONTENTS).read_text(encoding="utf-8"))
        if not isinstance(hashes, dict):
            message = f"备份文件 {archive} 的清单不可用"
            raise InputError(message)
        (beside / CONTENTS).unlink()
        _check_contents(beside, hashes, archive)
    except (tarfile.TarError, OSError, ValueError) as error:
        shutil.rmtree(beside, ignore_errors=True)
        if isinstance(error, InputError):
            raise
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        message = f"备份文件 {archive} 无法恢复: {said[:160]}"
        raise InputError(message) from error
    with home.writing():
        for item in beside.iterdir():
            target = home.root / item.name
            shutil.rmtree(target, ignore_errors=True)
            item.rename(target)
    total = sum((home.root / name).stat().st_size for name in hashes)
    beside.rmdir()
    return BackupResult(str(archive), len(hashes), total, current_version(home), Lake(home).batch_no)


def _check_contents(folder: Path, hashes: dict[str, str], archive: Path) -> None:
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    if found != set(hashes):
        odd = sorted(found ^ set(hashes))[:3]
        message = f"备份文件 {archive} 内容与清单不符: {', '.join(odd)}"
        raise InputError(message)
    for name, expected in hashes.items():
        if Digest(folder / PurePosixPath(name)).sha256 != expected:
            message = f"备份文件 {archive} 中的 {name} 已损坏"
            raise InputError(message)

"""Where one city's state lives: everything below ``WEISU_HOME`` (default ``data/``), so several cities can live side by side."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Home", "InputError", "fsync_path", "open_private", "write_whole"]

KEY_BYTES = 32


class InputError(ValueError):
    """What a person delivered (file, option, profile, state) cannot be used.

    The message is one Chinese sentence for that person: what, where, what was found, what is allowed.
    Command lines print it and exit with 2; nothing has been changed.
    """


@dataclass(frozen=True, slots=True)
class Home:
    """Paths of one city's state."""

    root: Path

    @classmethod
    def from_environment(cls) -> Home:
        """The home named by ``WEISU_HOME``, or ``data/`` below the working folder."""
        root = Path(os.environ.get("WEISU_HOME") or "data").resolve()
        if odd := set(str(root)) & set("*?["):
            message = f"WEISU_HOME {root} 不能含有 {' '.join(sorted(odd))}: 读取时会被当作通配符"
            raise InputError(message)
        return cls(root)

    @property
    def lake(self) -> Path:
        """The ticket lake: a Delta Lake table of Parquet files by month of acceptance."""
        return self.root / "lake"

    @property
    def staging(self) -> Path:
        """Half-made files of a running ingest; emptied when one starts and when it ends."""
        return self.root / "staging"

    @property
    def batches(self) -> Path:
        """One JSON file a batch of ingest: which files, which outcome."""
        return self.root / "batches"

    @property
    def quarantine(self) -> Path:
        """One Parquet file a batch: the rows that could not be kept, with the reason."""
        return self.root / "quarantine"

    @property
    def mart(self) -> Path:
        """Snapshots of rollups, one DuckDB file each, and ``CURRENT`` that names the one in use."""
        return self.root / "mart"

    @property
    def foresight(self) -> Path:
        """Forecasts and season warnings, one DuckDB file a version, and ``CURRENT`` that names the one in use."""
        return self.root / "foresight"

    @property
    def focus(self) -> Path:
        """Hot spots, one DuckDB file a version, and ``CURRENT`` that names the one in use."""
        return self.root / "focus"

    @property
    def profile(self) -> Path:
        """The city profile in use: a copy of the one given at the first ingest."""
        return self.root / "city.toml"

    @property
    def boundaries(self) -> Path:
        """The city's boundaries as installed (full detail)."""
        return self.root / "geo" / "areas.parquet"

    def boundary_file(self, level: str) -> Path:
        """The simplified boundaries for the browser; ``level`` is ``"district"`` or ``"subdistrict"``."""
        if level not in ("district", "subdistrict"):
            message = f"boundary_file: level is {level!r}, allowed are 'district' and 'subdistrict'"
            raise ValueError(message)
        return self.root / "geo" / f"{level}.geojson"

    def caller_key(self, *, keep: bool = True) -> bytes:
        """The local secret under which callers are hashed; made at first use, readable by the owner only.

        With ``keep`` false a missing secret is made up and forgotten: a rehearsal leaves nothing behind.
        """
        path = self.root / "keys" / "caller.key"
        if not path.exists():
            key = secrets.token_bytes(KEY_BYTES)
            if keep:
                write_whole(path, key)
            return key
        key = path.read_bytes()
        if len(key) != KEY_BYTES:
            message = f"来电人密钥 {path} 长度为 {len(key)} 字节, 应为 {KEY_BYTES}; 请从备份恢复, 换新密钥会使重复来电无法识别"
            raise InputError(message)
        return key

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Holds the one writer's lock; a killed process lets go of it by itself.

        Raises
        ------
        InputError
            Another process is writing.
        """
        with self._alone("write.lock", "写入"):
            yield

    @contextmanager
    def foreseeing(self) -> Iterator[None]:
        """Holds the lock of the one who makes forecasts; tickets may be taken in meanwhile.

        Raises
        ------
        InputError
            Another process is making them.
        """
        with self._alone("foresight.lock", "预测"):
            yield

    @contextmanager
    def focusing(self) -> Iterator[None]:
        """Holds the lock of the one who looks for hot spots; tickets may be taken in meanwhile.

        Raises
        ------
        InputError
            Another process is at it.
        """
        with self._alone("focus.lock", "查找热点"):
            yield

    @contextmanager
    def _alone(self, lock: str, doing: str) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self.root / lock, timeout=0):
                yield
        except Timeout as error:
            message = f"{self.root} 正由另一进程{doing}, 请等它结束后再试"
            raise InputError(message) from error


def fsync_path(path: Path) -> None:
    """Makes a file or folder survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def open_private(path: Path) -> BinaryIO:
    """A new file that only its owner can read, open for writing."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def write_whole(path: Path, content: bytes) -> None:
    """Writes a small file, readable by its owner, so that readers see the old or the new content, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    with open_private(beside) as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    beside.replace(path)
    fsync_path(path.parent)

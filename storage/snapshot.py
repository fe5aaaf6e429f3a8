"""A published snapshot, opened for reading: attached read-only to an in-memory connection, so no reader blocks a writer."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from storage.home import Home

__all__ = ["Snapshot", "current_version", "mart_file", "open_snapshot"]

READER_MEMORY = "512MB"


def current_version(home: Home) -> str | None:
    """Version of the snapshot in use; None before the first ingest. Part of every cache key."""
    try:
        return (home.mart / "CURRENT").read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None


def mart_file(home: Home, version: str) -> Path:
    """The file of that version."""
    return home.mart / f"{version}.duckdb"


class Snapshot:
    """One version of the mart. Safe to share between threads: each read takes its own cursor."""

    def __init__(self, path: Path, version: str) -> None:
        self.version = version
        self._connection = duckdb.connect(config={"memory_limit": READER_MEMORY, "threads": 2})
        quoted = str(path).replace("'", "''")
        self._connection.execute(f"ATTACH '{quoted}' AS mart (READ_ONLY)")
        # nothing in a read may touch any other file or host
        self._connection.execute("SET enable_external_access = false")
        self._connection.execute("SET lock_configuration = true")

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor on the mart, closed afterwards."""
        cursor = self._connection.cursor()
        try:
            cursor.execute("USE mart")
            yield cursor
        finally:
            cursor.close()

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()


def open_snapshot(home: Home, version: str | None = None) -> Snapshot:
    """Opens the given version, or the one in use.

    Raises
    ------
    FileNotFoundError
        There is no snapshot yet, or the version is gone.
    """
    version = version or current_version(home)
    if version is None:
        message = f"no snapshot in {home.mart}"
        raise FileNotFoundError(message)
    path = mart_file(home, version)
    if not path.exists():
        message = f"snapshot {version} is gone"
        raise FileNotFoundError(message)
    return Snapshot(path, version)

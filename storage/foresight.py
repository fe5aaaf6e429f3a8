"""The foresight of a snapshot: forecasts, atlas and replays, in one DuckDB file beside the marts, swapped in by rename like them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from storage.home import fsync_path, write_whole
from storage.queries import as_arrow
from storage.snapshot import Snapshot
from storage.sources import literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd

    from storage.home import Home

__all__ = ["KEPT_FORESIGHTS", "foresight_version", "open_foresight", "write_foresight"]

KEPT_FORESIGHTS = 3
"""The one in use and two before it, for readers that opened them."""

CURRENT = "CURRENT"
LAYOUT = "2"
"""Raised when a table or column changes: a foresight of another layout is not shown, but made again."""


def _file(home: Home, version: str) -> Path:
    return home.foresight / f"{version}.duckdb"


def foresight_version(home: Home) -> str | None:
    """Version of the foresight in use; None before it was first made by a program of this layout. Part of every cache key."""
    try:
        version, *layout = (home.foresight / CURRENT).read_text(encoding="utf-8").split()
    except (FileNotFoundError, ValueError):
        return None
    return version if layout == [LAYOUT] else None


def open_foresight(home: Home, version: str | None = None) -> Snapshot:
    """Opens the given version, or the one in use, for reading.

    Raises
    ------
    FileNotFoundError
        There is none yet, or the version is gone.
    OSError
        Its file is damaged.
    """
    version = version or foresight_version(home)
    if version is None or not _file(home, version).exists():
        message = f"foresight {version} is not in {home.foresight}"
        raise FileNotFoundError(message)
    try:
        return Snapshot(_file(home, version), version)
    except duckdb.Error as error:
        message = f"foresight {version} in {home.foresight} cannot be read: {error}"
        raise OSError(message) from error


def write_foresight(home: Home, version: str, tables: Mapping[str, pd.DataFrame]) -> None:
    """Publishes the tables as a version; readers see the one before it or this one, never a part."""
    home.foresight.mkdir(parents=True, exist_ok=True)
    beside = home.foresight / "next.duckdb"
    for leftover in home.foresight.glob("next.duckdb*"):
        leftover.unlink()
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"ATTACH {literal(str(beside))} AS made")
        for name, frame in tables.items():
            connection.register("given", as_arrow(frame))
            order = " ORDER BY series_id" if "series_id" in frame.columns else ""
            connection.execute(f'CREATE TABLE made."{name}" AS SELECT * FROM given{order}')
            connection.unregister("given")
        connection.execute("CHECKPOINT made")
        connection.execute("DETACH made")
    fsync_path(beside)
    beside.replace(_file(home, version))
    fsync_path(home.foresight)
    write_whole(home.foresight / CURRENT, f"{version}\n{LAYOUT}\n".encode())
    newest = sorted(home.foresight.glob("*.duckdb"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for old in [path for path in newest if path.stem != version][KEPT_FORESIGHTS - 1 :]:
        old.unlink(missing_ok=True)

"""What a batch publishes beside the marts: one DuckDB file of tables a version, swapped in by rename like them."""

from __future__ import annotations

from dataclasses import dataclass
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

__all__ = ["KEPT_VERSIONS", "Shelf"]

KEPT_VERSIONS = 3
"""The one in use and two before it, for readers that opened them."""

CURRENT = "CURRENT"


@dataclass(frozen=True, slots=True)
class Shelf:
    """The versions of one kind of publication.

    Attributes
    ----------
    folder
        Where they lie, with ``CURRENT`` that names the one in use.
    layout
        Raised when a table or column changes: a version of another layout is not shown, but made again.
    order
        Column by which the rows of a table that has it are kept, so that a read of one of its values touches few of them.
    """

    folder: Path
    layout: str
    order: str

    def _file(self, version: str) -> Path:
        return self.folder / f"{version}.duckdb"

    def version(self) -> str | None:
        """The version in use; None before the first was made by a program of this layout. Part of every cache key."""
        try:
            version, *layout = (self.folder / CURRENT).read_text(encoding="utf-8").split()
        except (FileNotFoundError, ValueError):
            return None
        return version if layout == [self.layout] else None

    def open(self, version: str | None = None) -> Snapshot:
        """Opens the given version, or the one in use, for reading.

        Raises
        ------
        FileNotFoundError
            There is none yet, or the version is gone.
        OSError
            Its file is damaged.
        """
        version = version or self.version()
        if version is None or not self._file(version).exists():
            message = f"{self.folder.name} {version} is not in {self.folder}"
            raise FileNotFoundError(message)
        try:
            return Snapshot(self._file(version), version)
        except duckdb.Error as error:
            message = f"{self.folder.name} {version} in {self.folder} cannot be read: {error}"
            raise OSError(message) from error

    def write(self, version: str, tables: Mapping[str, pd.DataFrame]) -> None:
        """Publishes the tables as a version; readers see the one before it or this one, never a part."""
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / "next.duckdb"
        for leftover in self.folder.glob("next.duckdb*"):
            leftover.unlink()
        with duckdb.connect(":memory:") as connection:
            connection.execute(f"ATTACH {literal(str(beside))} AS made")
            for name, frame in tables.items():
                connection.register("given", as_arrow(frame))
                order = f" ORDER BY {self.order}" if self.order in frame.columns else ""
                connection.execute(f'CREATE TABLE made."{name}" AS SELECT * FROM given{order}')
                connection.unregister("given")
            connection.execute("CHECKPOINT made")
            connection.execute("DETACH made")
        fsync_path(beside)
        beside.replace(self._file(version))
        fsync_path(self.folder)
        write_whole(self.folder / CURRENT, f"{version}\n{self.layout}\n".encode())
        newest = sorted(self.folder.glob("*.duckdb"), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for old in [path for path in newest if path.stem != version][KEPT_VERSIONS - 1 :]:
            old.unlink(missing_ok=True)

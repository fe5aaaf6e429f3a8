"""The hot spots of a snapshot: findings, lives, classes and units, in one DuckDB file beside the marts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage.published import Shelf

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from storage.home import Home
    from storage.snapshot import Snapshot

__all__ = ["focus_version", "open_focus", "write_focus"]

LAYOUT = "3"


def _shelf(home: Home) -> Shelf:
    return Shelf(home.focus, LAYOUT, "problem_id")


def focus_version(home: Home) -> str | None:
    """Version of the hot spots in use; see ``storage.published.Shelf.version``."""
    return _shelf(home).version()


def open_focus(home: Home, version: str | None = None) -> Snapshot:
    """Opens the given version, or the one in use; see ``storage.published.Shelf.open``."""
    return _shelf(home).open(version)


def write_focus(home: Home, version: str, tables: Mapping[str, pd.DataFrame]) -> None:
    """Publishes the tables as a version; see ``storage.published.Shelf.write``."""
    _shelf(home).write(version, tables)

"""Whether the boundaries in use are schematic cells (示意边界) and no boundaries: a note beside them, bound to their fingerprint."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from storage.home import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from storage.home import Home

__all__ = ["is_schematic", "mark_schematic"]


def _note(home: Home) -> Path:
    return home.root / "geo" / "schematic.json"


def mark_schematic(home: Home, boundaries_key: str) -> None:
    """Notes that the boundaries with this fingerprint are schematic; other boundaries installed later are not."""
    write_whole(_note(home), json.dumps({"boundaries_key": boundaries_key}).encode())


def is_schematic(home: Home, boundaries_key: str | None) -> bool:
    """Whether the boundaries with this fingerprint were noted as schematic."""
    path = _note(home)
    if not boundaries_key or not path.exists():
        return False
    return bool(json.loads(path.read_text(encoding="utf-8")).get("boundaries_key") == boundaries_key)

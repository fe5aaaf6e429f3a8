"""CSV lines put in order: a copy with one kind of line end and no blank lines, so that line numbers are record numbers.

The engine counts blank lines where it says which record is broken, and skips them where it reads; and it stops
where line ends are mixed. Files like that are rare, so they alone are copied.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["has_odd_lines", "unify_newlines", "write_tidy"]

BLOCK = 33_554_432
LINE = re.compile(rb"[^\r\n]*(?:\r\n|\r|\n|$)")


def has_odd_lines(path: Path) -> bool:
    """Whether there may be blank lines, or line ends of more than one kind."""
    feeds = returns = pairs = 0
    last = b""
    with path.open("rb") as handle:
        while block := handle.read(BLOCK):
            joined = last + block
            if b"\n\n" in joined or b"\r\r" in joined or b"\n\r" in joined:
                return True
            feeds += block.count(b"\n")
            returns += block.count(b"\r")
            pairs += joined.count(b"\r\n")
            last = block[-1:]
    return bool(feeds and returns) and not feeds == returns == pairs


def unify_newlines(path: Path, target: Path) -> None:
    """A copy in which every line ends in a line feed. Bytes, so that broken ones stay broken."""
    with path.open("rb") as old, target.open("wb") as new:
        while block := old.read(BLOCK):
            if block.endswith(b"\r"):
                block += old.read(1)
            new.write(block.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))


def write_tidy(path: Path, target: Path, delimiter: str, removed_at: list[int]) -> list[tuple[int, int]]:
    """A copy without blank lines between records; blank lines inside quoted values stay.

    Parameters
    ----------
    path, target
        The file and its copy.
    delimiter
        Between columns.
    removed_at
        Byte positions of ``path`` at which a record was taken out before.

    Returns
    -------
    list of tuple
        Of each record taken out its number, the first after the header being 1, and where it stood in the copy.
    """
    inside = False
    records = -1
    removed: list[tuple[int, int]] = []
    pending = sorted(removed_at)
    with target.open("wb") as new:
        for offset, line in _lines(path):
            if not inside:
                if not line:
                    continue
                while len(removed) < len(pending) and pending[len(removed)] <= offset:
                    removed.append((records + 1 + len(removed), new.tell()))
                records += 1
            new.write(line + b"\n")
            inside = _ends_inside(line, delimiter.encode(), inside=inside)
        while len(removed) < len(pending):
            removed.append((records + 1 + len(removed), new.tell()))
    return removed


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each line without its end, and where it begins."""
    offset = 0
    with path.open("rb") as handle:
        for raw in handle:
            if b"\r" not in raw[:-2]:
                yield offset, raw.rstrip(b"\r\n")
            else:
                yield from ((offset + found.start(), found[0].rstrip(b"\r\n")) for found in LINE.finditer(raw) if found[0])
            offset += len(raw)


def _ends_inside(line: bytes, delimiter: bytes, *, inside: bool) -> bool:
    """Whether a quoted value is still open after the line."""
    if b'"' not in line:
        return inside
    position = 0
    if not inside and line.startswith(b'"'):
        inside, position = True, 1
    while True:
        if inside:
            position = line.find(b'"', position) + 1
            if not position:
                return True
            if line[position : position + 1] == b'"':
                position += 1
                continue
            inside = False
        position = line.find(delimiter, position)
        if position < 0:
            return False
        position += len(delimiter)
        if line[position : position + 1] == b'"':
            inside, position = True, position + 1

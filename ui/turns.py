"""One script at a time: fifty visitors in a line are each answered sooner than fifty who share one interpreter.

Python runs one thread at a time; scripts that run side by side make one another, and the thread that sends their messages,
wait for the interpreter after every few milliseconds. A page takes about a tenth of a second, so a line moves on quickly.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["idle_turn", "somebody_is_here", "turn"]

PATIENCE_SECONDS = 10
"""After this long in the line a script runs anyway: one that hangs must not close the house."""
QUIET_SECONDS = 2
"""So long nobody must have asked for anything before work that can wait goes on: it also slows down the sending of files."""

_TURN = threading.Lock()
_LAST = [0.0]


def somebody_is_here() -> None:
    """Something was asked for just now."""
    _LAST[0] = time.monotonic()


@contextmanager
def turn() -> Iterator[None]:
    """Wait for one's turn; it ends with the block, however the block ends."""
    somebody_is_here()
    has_turn = _TURN.acquire(timeout=PATIENCE_SECONDS)
    try:
        yield
    finally:
        if has_turn:
            _TURN.release()


@contextmanager
def idle_turn() -> Iterator[bool]:
    """Take the turn only where nobody has it and all has been quiet; tells whether it was taken. For work that can wait."""
    has_turn = time.monotonic() - _LAST[0] > QUIET_SECONDS and _TURN.acquire(blocking=False)
    try:
        yield has_turn
    finally:
        if has_turn:
            _TURN.release()

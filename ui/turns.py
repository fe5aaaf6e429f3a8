"""One script at a time: fifty visitors in a line are each answered sooner than fifty who share one interpreter.

Python runs one thread at a time; scripts that run side by side make one another, and the thread that sends their messages,
wait for the interpreter after every few milliseconds. A page takes about a tenth of a second, so a line moves on quickly.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["idle_turn", "turn"]

PATIENCE_SECONDS = 10
"""After this long in the line a script runs anyway: one that hangs must not close the house."""

_TURN = threading.Lock()


@contextmanager
def turn() -> Iterator[None]:
    """Wait for one's turn; it ends with the block, however the block ends."""
    has_turn = _TURN.acquire(timeout=PATIENCE_SECONDS)
    try:
        yield
    finally:
        if has_turn:
            _TURN.release()


@contextmanager
def idle_turn() -> Iterator[bool]:
    """Take the turn only where nobody has it; tells whether it was taken. For work that can wait."""
    has_turn = _TURN.acquire(blocking=False)
    try:
        yield has_turn
    finally:
        if has_turn:
            _TURN.release()

"""How a long run shows itself: a bar with rows per second on a terminal, plain lines otherwise."""

from __future__ import annotations

import time
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

__all__ = ["Lines", "Progress", "TerminalBar", "progress_for"]


class Progress:
    """Hears how far a run is; this one keeps silent."""

    def start(self, task: str, total_bytes: int) -> None:
        """A step over files of that size begins."""

    def advance(self, byte_count: int, row_count: int) -> None:
        """A file of that size and that many rows is done."""

    def finish(self) -> None:
        """The step is done."""


class Lines(Progress):
    """One plain line a finished step."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._task = ""
        self._rows = self._bytes = 0
        self._began = 0.0

    def start(self, task: str, total_bytes: int) -> None:
        """Says what begins and over how much."""
        self._task, self._rows, self._bytes, self._began = task, 0, 0, time.monotonic()
        self._stream.write(f"{task}: {total_bytes / 1e6:.1f} MB\n")

    def advance(self, byte_count: int, row_count: int) -> None:
        """Adds a file to the sums."""
        self._rows += row_count
        self._bytes += byte_count

    def finish(self) -> None:
        """Says how much was done and how fast."""
        seconds = max(time.monotonic() - self._began, 1e-3)
        self._stream.write(f"{self._task}: {self._rows:,} 行, {seconds:.1f} 秒, {self._rows / seconds:,.0f} 行/秒, {self._bytes / seconds / 1e6:.0f} MB/秒\n")


class TerminalBar(Progress):
    """A bar over the bytes of the files, with rows per second."""

    def __init__(self, console: Console) -> None:
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[rows]:,} 行  {task.fields[speed]:,.0f} 行/秒"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task: TaskID | None = None
        self._rows = 0
        self._began = 0.0

    def start(self, task: str, total_bytes: int) -> None:
        """Draws the bar."""
        self._rows, self._began = 0, time.monotonic()
        self._bar.start()
        self._task = self._bar.add_task(task, total=total_bytes, rows=0, speed=0.0)

    def advance(self, byte_count: int, row_count: int) -> None:
        """Moves the bar."""
        if self._task is None:
            return
        self._rows += row_count
        seconds = max(time.monotonic() - self._began, 1e-3)
        self._bar.update(self._task, advance=byte_count, rows=self._rows, speed=self._rows / seconds)

    def finish(self) -> None:
        """Leaves the full bar standing."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._bar.stop()


def progress_for(stream: TextIO) -> Progress:
    """A bar where ``stream`` is a terminal, lines otherwise."""
    return TerminalBar(Console(file=stream)) if stream.isatty() else Lines(stream)

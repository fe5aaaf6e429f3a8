"""How a long run shows itself: a bar with rows per second on a terminal, plain lines otherwise."""

from __future__ import annotations

import time
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

SECONDS_BETWEEN_LINES = 30

__all__ = ["Lines", "Progress", "TerminalBar", "progress_for"]


class Progress:
    """Hears how far a run is; this one keeps silent."""

    def start(self, task: str, total_rows: int | None) -> None:
        """A step begins over that many rows, where known."""

    def advance(self, row_count: int) -> None:
        """So many more rows are done."""

    def finish(self) -> None:
        """The step is done."""


class Lines(Progress):
    """A plain line when a step begins and when it is done, and one every half minute between."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._task = ""
        self._rows = 0
        self._began = self._told = 0.0

    def start(self, task: str, total_rows: int | None) -> None:
        """Says what begins and over how much."""
        self._task, self._rows = task, 0
        self._began = self._told = time.monotonic()
        self._stream.write(f"{task}: 开始\n" if total_rows is None else f"{task}: 开始, 共 {total_rows:,} 行\n")

    def advance(self, row_count: int) -> None:
        """Adds to the sum."""
        self._rows += row_count
        if time.monotonic() - self._told > SECONDS_BETWEEN_LINES:
            self._told = time.monotonic()
            self._tell()

    def finish(self) -> None:
        """Says how much was done and how fast."""
        self._tell()

    def _tell(self) -> None:
        seconds = max(time.monotonic() - self._began, 1e-3)
        self._stream.write(f"{self._task}: {self._rows:,} 行, {seconds:.1f} 秒, {self._rows / seconds:,.0f} 行/秒\n")
        self._stream.flush()


class TerminalBar(Progress):
    """A bar over the rows, with rows per second."""

    def __init__(self, console: Console) -> None:
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} 行  {task.fields[speed]:,.0f} 行/秒"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task: TaskID | None = None
        self._rows = 0
        self._began = 0.0

    def start(self, task: str, total_rows: int | None) -> None:
        """Draws the bar; one without an end where the number of rows is not known yet."""
        self._rows, self._began = 0, time.monotonic()
        self._bar.start()
        self._task = self._bar.add_task(task, total=total_rows, speed=0.0)

    def advance(self, row_count: int) -> None:
        """Moves the bar."""
        if self._task is None:
            return
        self._rows += row_count
        seconds = max(time.monotonic() - self._began, 1e-3)
        self._bar.update(self._task, advance=row_count, speed=self._rows / seconds)

    def finish(self) -> None:
        """Leaves the full bar standing."""
        self._bar.stop()
        self._bar = Bar(*self._bar.columns, console=self._bar.console)


def progress_for(stream: TextIO) -> Progress:
    """A bar where ``stream`` is a terminal, lines otherwise."""
    return TerminalBar(Console(file=stream)) if stream.isatty() else Lines(stream)

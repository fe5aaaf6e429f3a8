"""Many visitors at once on one server process: how long a click takes, what it costs, and what a session weighs."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.visitor import ACTIONS, PAGES, Run, Visitor
from tests.browser.conftest import Server

__all__ = ["Level", "measure_sessions", "report", "wait_until_settled"]

THINK_SECONDS = 10.0
JITTER = 0.5
MOST_SESSIONS = 200
BOUNDS_MS = {50: 300, 100: 600}
MB_A_SESSION = 2.0
CPU_MS_A_RUN = 60
SETTLE_SECONDS = 6.0
"""Longer than the server itself waits after a visitor before it goes on reading ahead."""
IDLE_SHARE = 0.05
MOST_SETTLE_SECONDS = 400.0
TICKS_A_SECOND = 100
BYTES_A_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Level:
    """What ``sessions`` visitors saw during ``seconds``: every run, the server's processor seconds, and its memory in MB.

    ``stolen`` is the share of the processors' time that other guests of the same host had: above a few percent, times say little.
    """

    sessions: int
    seconds: float
    opened: list[Run]
    runs: list[Run]
    cpu_seconds: float
    before_mb: float
    after_mb: float
    stolen: float

    @property
    def faults(self) -> list[str]:
        """Everything that went wrong."""
        return [run.fault for run in [*self.opened, *self.runs] if run.fault]

    @property
    def mb_a_session(self) -> float:
        """Memory the server took on while the visitors were there, a visitor."""
        return (self.after_mb - self.before_mb) / self.sessions


def resident_mb(pid: int) -> float:
    """Resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    kib = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    return kib * 1024 / BYTES_A_MB


def cpu_seconds(pid: int) -> float:
    """Processor seconds a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_A_SECOND


def _processors() -> tuple[int, int]:
    """Ticks of all processors so far that other guests of the host had, and all ticks."""
    ticks = [int(field) for field in Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()[1:9]]
    return ticks[7], sum(ticks)


def wait_until_settled(pid: int) -> float:
    """Waits until the server has nothing left to do, as after its start, when it reads ahead; gives the seconds waited."""
    began = time.monotonic()
    while time.monotonic() - began < MOST_SETTLE_SECONDS:
        before = cpu_seconds(pid)
        time.sleep(SETTLE_SECONDS)
        if cpu_seconds(pid) - before < IDLE_SHARE * SETTLE_SECONDS:
            break
    return time.monotonic() - began


async def _walk(address: str) -> None:
    """One visitor sees every page, so that what is loaded once is not counted as a session's."""
    visitor = Visitor(address, random.Random(0))
    await visitor.open()
    for page in (*PAGES[1:], PAGES[0]):
        await visitor.go(page)
        for action in ACTIONS:
            if action != "page":
                await visitor.act(action)
    await visitor.close()


async def _visit(visitor: Visitor, wait: float, until: float, level: tuple[list[Run], list[Run]]) -> None:
    """Opens the cockpit after ``wait`` seconds and acts after every think time, until the level is over."""
    opened, runs = level
    await asyncio.sleep(wait)
    try:
        opened.append(await visitor.open())
        while True:
            think = THINK_SECONDS * visitor.chance.uniform(1 - JITTER, 1 + JITTER)
            if time.monotonic() + think >= until:
                return
            await asyncio.sleep(think)
            runs.append(await visitor.act())
    except Exception as error:  # noqa: BLE001 - one visitor's failure is a result, not the end of the level
        runs.append(Run("broken", 0.0, 0, f"{type(error).__name__}: {error}"))


async def _level(server: Server, sessions: int, seconds: float) -> Level:
    address, pid = server.base, server.process.pid
    await _walk(address)
    await asyncio.to_thread(wait_until_settled, pid)
    before, cpu_before = resident_mb(pid), cpu_seconds(pid)
    stolen_before, ticks_before = _processors()
    began = time.monotonic()
    visitors = [Visitor(address, random.Random(number)) for number in range(sessions)]
    level: tuple[list[Run], list[Run]] = ([], [])
    until = began + THINK_SECONDS + seconds
    await asyncio.gather(*(_visit(visitor, THINK_SECONDS * number / sessions, until, level) for number, visitor in enumerate(visitors)))
    cpu, after, taken = cpu_seconds(pid) - cpu_before, resident_mb(pid), time.monotonic() - began
    stolen, ticks = _processors()
    await asyncio.gather(*(visitor.close() for visitor in visitors), return_exceptions=True)
    return Level(sessions, taken, *level, cpu, before, after, (stolen - stolen_before) / (ticks - ticks_before))


def measure_sessions(home: Path, sessions: int, seconds: float) -> tuple[Level, Level]:
    """So many visitors for so long on a server of their own, and the same visitors once more.

    In the first round nearly every selection is asked for the first time; in the second all have been asked for before, as the
    usual ones have on a server that has been up for a morning.

    Raises
    ------
    ValueError
        More than 200 visitors: this is a measurement, not a siege.
    """
    if not 0 < sessions <= MOST_SESSIONS:
        message = f"sessions must be 1 to {MOST_SESSIONS}, got {sessions}"
        raise ValueError(message)
    server = Server(home)
    try:
        return asyncio.run(_level(server, sessions, seconds)), asyncio.run(_level(server, sessions, seconds))
    finally:
        server.close()


def _row(name: str, runs: Sequence[Run]) -> str:
    taken = sorted(run.seconds * 1000 for run in runs)
    p95 = statistics.quantiles(taken, n=20, method="inclusive")[-1] if len(taken) > 1 else taken[0]
    kilobytes = [run.received / 1000 for run in runs]
    return (
        f"  {name:<8}{len(runs):>6}{statistics.median(taken):>10.0f}{p95:>10.0f}{taken[-1]:>10.0f}{statistics.median(kilobytes):>10.0f}{max(kilobytes):>10.0f}"
    )


def report(level: Level, name: str) -> list[str]:
    """The level as lines of a table, with the bounds it must keep."""
    lines = [f"{name}: {level.sessions} sessions, {level.seconds:.0f} s, one thing every {THINK_SECONDS:.0f} s or so"]
    lines.append(f"  {'':<8}{'runs':>6}{'p50 ms':>10}{'p95 ms':>10}{'max ms':>10}{'p50 kB':>10}{'max kB':>10}")
    groups = {name: [run for run in level.runs if run.action == name] for name in ACTIONS}
    lines += [_row(name, runs) for name, runs in {"open": level.opened, **groups, "all": level.runs}.items() if runs]
    count = len(level.runs) + len(level.opened)
    bound = BOUNDS_MS.get(level.sessions)
    lines.append(f"  p95 of all [{'<= ' + str(bound) + ' ms' if bound else 'no bound for this number'}]; 'open' includes the connection")
    lines.append(f"  processor: {level.cpu_seconds * 1000 / count:.0f} ms a run [<= {CPU_MS_A_RUN}], {level.cpu_seconds / level.seconds:.0%} of one core")
    lines.append(f"  the host gave other guests {level.stolen:.1%} of the processors' time")
    lines.append(f"  memory: {level.before_mb:.0f} -> {level.after_mb:.0f} MB, {level.mb_a_session:.2f} MB a session [<= {MB_A_SESSION:.0f}]")
    lines.append(f"  errors: {len(level.faults)} [0]" + "".join(f"\n    {fault}" for fault in sorted(set(level.faults))[:5]))
    return lines

"""Killed with -9 at random moments of ingest and refresh: nothing lost, nothing doubled, no half batch, readers never blocked."""

from __future__ import annotations

import csv
import multiprocessing
import random
import threading
import time
from pathlib import Path

import pytest

from pipeline.ingest import ingest
from pipeline.refresh import check, refresh
from storage.engine import connect_worker
from storage.home import Home
from storage.lake import Lake
from storage.reads import read_facts
from storage.snapshot import open_snapshot

KILLS = 50
BATCHES = 12
TICKETS_A_BATCH = 300
COLUMNS = ["工单编号", "工单类型", "创建时间", "更新时间", "问题分类", "被反映区", "被反映街道", "承办单位"]

Content = dict[str, tuple[str, str]]


def _write_batches(folder: Path, seed: int) -> tuple[list[Path], list[Content]]:
    """Files of overlapping tickets, and what the lake must hold after each of them: id to (update time, unit)."""
    chance = random.Random(seed)
    held: Content = {}
    paths, states = [], [dict(held)]
    for batch in range(BATCHES):
        path = folder / f"batch_{batch:02d}.csv"
        with path.open("w", encoding="utf-8-sig", newline="") as handle:
            writer = csv.writer(handle)
            writer.writerow(COLUMNS)
            for row in range(TICKETS_A_BATCH):
                old = bool(held) and chance.random() < 0.4
                ticket = chance.choice(sorted(held)) if old else f"T{batch:02d}{row:04d}"
                number = int(ticket[1:])
                accepted = f"2025-{1 + number % 6:02d}-{1 + number % 28:02d} 08:00:00"
                updated = f"2025-09-{1 + batch:02d} {chance.randrange(24):02d}:{chance.randrange(60):02d}:{row % 60:02d}"
                unit = f"单位{chance.randrange(9)}"
                writer.writerow([ticket, "诉求", accepted, updated, "住房->漏雨", "东城区", "景山街道", unit])
                if ticket not in held or updated >= held[ticket][0]:
                    held[ticket] = (updated, unit)
        paths.append(path)
        states.append(dict(held))
    return paths, states


def _run(root: str, path: str, acknowledged: str) -> None:
    """One writer process: a batch, its acknowledgement, a refresh."""
    home = Home(Path(root))
    ingest(home, [Path(path)], city="beijing")
    Path(acknowledged).write_text("committed")
    refresh(home)


def _held(home: Home, spill: Path) -> Content:
    """What the lake holds now."""
    lake = Lake(home)
    connection = connect_worker(spill)
    rows = connection.execute(f"SELECT ticket_id, strftime(updated_at, '%Y-%m-%d %H:%M:%S'), handling_unit FROM {lake.relation(lake.files())}").fetchall()
    connection.close()
    content = {ticket: (updated, unit) for ticket, updated, unit in rows}
    assert len(content) == len(rows), "a ticket stands twice in the lake"
    return content


class _Reader(threading.Thread):
    """Opens whatever snapshot is published, again and again, and notes each total and each fault."""

    def __init__(self, home: Home) -> None:
        super().__init__(daemon=True)
        self.home = home
        self.totals: list[int] = []
        self.faults: list[str] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.wait(0.02):
            if not (self.home.mart / "CURRENT").exists():
                continue
            try:
                snapshot = open_snapshot(self.home)
                facts = read_facts(snapshot)
                snapshot.close()
            except Exception as fault:  # noqa: BLE001 - any fault at all is what the test is about
                self.faults.append(repr(fault))
            else:
                self.totals.append(facts.ticket_count)


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path) -> None:
    """Fifty kills: every acknowledged batch is there, every state is one between whole batches, readers see only such."""
    home = Home(tmp_path / "home")
    paths, states = _write_batches(tmp_path, seed=20251121)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pipeline.ingest", "pipeline.refresh"])
    chance = random.Random(7)
    reader = _Reader(home)
    reader.start()
    kills, longest, batch, turn = 0, 1.0, 0, 0
    while kills < KILLS or batch < BATCHES:
        turn += 1
        acknowledged = tmp_path / f"acknowledged_{turn}"
        writer = context.Process(target=_run, args=(str(home.root), str(paths[min(batch, BATCHES - 1)]), str(acknowledged)))
        began = time.monotonic()
        writer.start()
        writer.join(chance.uniform(0, longest) if kills < KILLS else None)
        if writer.exitcode is None:
            writer.kill()
            writer.join()
            kills += 1
        else:
            assert writer.exitcode == 0
            longest = max(min(longest, time.monotonic() - began), 0.2)
        committed = Lake(home).batch_no
        content = _held(home, tmp_path / "spill")
        if acknowledged.exists():
            assert content == states[min(batch + 1, BATCHES)], "an acknowledged batch is not there as a whole"
        assert content in (states[min(batch, BATCHES)], states[min(batch + 1, BATCHES)]), f"half a batch is visible after {committed} commits"
        if batch < BATCHES and content == states[batch + 1]:
            batch += 1
    reader.stopped.set()
    reader.join()
    refresh(home)
    assert check(home).findings == ()
    snapshot = open_snapshot(home)
    facts = read_facts(snapshot)
    assert facts.ticket_count == len(states[-1])
    snapshot.close()
    assert not reader.faults
    assert set(reader.totals) <= {len(state) for state in states}, "a reader saw a state between batches"
    assert reader.totals, "the reader never read"

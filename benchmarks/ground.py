"""Ingest against the engine's own typed reader, refresh against rebuild, and the page queries, on one generated city."""

from __future__ import annotations

import os
import shutil
import statistics
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from benchmarks.measure import Figure, run_python
from benchmarks.ticket_file import write_ticket_file
from governance.periods import Grain, Period
from governance.tickets import Channel, RequestType
from storage import reads
from storage.home import Home
from storage.scope import Role, Scope
from storage.snapshot import open_snapshot

__all__ = ["Ground", "measure_ingest", "measure_queries", "measure_refresh"]

REPEATS = 30

READ_CSV = """
import duckdb
c = duckdb.connect()
c.execute("SET threads = 2; SET memory_limit = '1GB'; SET enable_progress_bar = false")
c.execute("COPY (SELECT * FROM read_csv('{path}', header = true, store_rejects = true, sample_size = 20000)) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
"""
INGEST = """
from pathlib import Path
from pipeline.ingest import ingest
from storage.home import Home
result = ingest(Home.from_environment(), [Path('{path}')], city='beijing')
print(result.total('read'), result.total('loaded'), result.total('updated'), result.total('unchanged'), result.total('quarantined'))
"""
REFRESH = """
import time
from pipeline.refresh import refresh
from storage.home import Home
began = time.perf_counter()
result = refresh(Home.from_environment(), full={full})
print(time.perf_counter() - began, len(result.months), result.ticket_count)
"""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a benchmark works, and on how many tickets."""

    folder: Path
    rows: int

    @property
    def home(self) -> Home:
        """The generated city's home."""
        return Home(self.folder / "home")

    @property
    def environment(self) -> dict[str, str]:
        """Environment of the steps; compiled modules are kept, as they are where the project is installed."""
        return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {"WEISU_HOME": str(self.home.root)}


def measure_ingest(ground: Ground) -> tuple[list[Figure], Figure]:
    """The engine's own typed read to Parquet, before and after our checked ingest of the same file."""
    path = ground.folder / f"tickets_{ground.rows}.csv"
    if not path.exists():
        write_ticket_file(path, ground.rows)
    shutil.rmtree(ground.home.root, ignore_errors=True)
    target = ground.folder / "plain.parquet"
    plain = READ_CSV.format(path=path, target=target)
    before = run_python(plain, ground.environment)
    ours = run_python(INGEST.format(path=path), ground.environment)
    after = run_python(plain, ground.environment)
    target.unlink()
    return [before, after], ours


def measure_refresh(ground: Ground) -> tuple[Figure, Figure]:
    """A full rebuild of the mart, and a refresh after one more day of tickets."""
    rebuild = run_python(REFRESH.format(full=True), ground.environment)
    path = ground.folder / "day.csv"  # numbered on from what is there, so that the tickets are new
    write_ticket_file(path, max(ground.rows // 1278, 10), first=int(rebuild.output.split()[-1]) + ground.rows, day=1277)
    run_python(INGEST.format(path=path), ground.environment)
    path.unlink()
    return rebuild, run_python(REFRESH.format(full=False), ground.environment)


def measure_queries(ground: Ground) -> dict[str, list[float]]:
    """Milliseconds of every page query, warm, under several filters."""
    snapshot = open_snapshot(ground.home)
    leader = Scope(Role.LEADER)
    facts = reads.read_facts(snapshot)
    last = facts.data_until
    month = Period.containing(Grain.MONTH, last - timedelta(days=40))
    year = Period(Grain.RANGE, last - timedelta(days=364), last)
    street = reads.read_places(snapshot).query("level == 'subdistrict'").iloc[30]
    selections = {
        "全部": reads.Selection(),
        "一区": reads.Selection(district_code=street.parent_code),
        "一街": reads.Selection(subdistrict_code=street.code),
        "一类": reads.Selection(category_1="一级3"),
        "诉求": reads.Selection(request_type=str(RequestType.REQUEST)),
        "电话": reads.Selection(channel=str(Channel.PHONE)),
        "一区+诉求+电话": reads.Selection(district_code=street.parent_code, request_type=str(RequestType.REQUEST), channel=str(Channel.PHONE)),
    }
    categories = tuple(reads.read_by_category(snapshot, leader, reads.Selection(), month).category_1.head(10))
    timings: dict[str, list[float]] = {}
    for label, selection in selections.items():
        for span, period in (("月", month), ("年", year)):
            calls = {
                "totals": lambda s=selection, p=period: reads.read_totals(snapshot, leader, s, (p,)),
                "by_category": lambda s=selection, p=period: reads.read_by_category(snapshot, leader, s, p),
                "by_place": lambda s=selection, p=period: reads.read_by_place(snapshot, leader, s, p, "subdistrict"),
                "by_unit": lambda s=selection, p=period: reads.read_by_unit(snapshot, leader, s, p),
            }
            for name, call in calls.items():
                timings[f"{name} {span} {label}"] = _milliseconds(call)
        timings[f"daily 年 {label}"] = _milliseconds(lambda s=selection: reads.read_daily(snapshot, leader, s, year))
        timings[f"category_days 年 {label}"] = _milliseconds(lambda s=selection: reads.read_category_days(snapshot, leader, s, year, categories))
    snapshot.close()
    return timings


def _milliseconds(call) -> list[float]:
    call()
    taken = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        call()
        taken.append((time.perf_counter() - began) * 1000)
    return taken


def percentile(values: list[float], share: float) -> float:
    """The value below which that share of the values lies."""
    return statistics.quantiles(values, n=100, method="inclusive")[round(share * 100) - 1]

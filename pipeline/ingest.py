"""Ingest: delivered files into the lake, as one batch that is visible as a whole or not at all."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from governance.tickets import CONTRACT
from pipeline.progress import Progress
from storage.engine import connect_worker
from storage.home import Home, InputError, write_whole
from storage.intake import Intake
from storage.lake import Lake
from storage.ledger import Batch, FileOutcome, Ledger
from storage.places import install_boundaries, load_register
from storage.profiles import Profile, load_profile, parse_profile
from storage.reading import plan_reading
from storage.resolution import resolve
from storage.sources import Source, open_source
from storage.unplaced import count_unplaced

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from storage.engine import Connection
    from storage.intake import Fault, StagedFile
    from storage.lake import LakeFile
    from storage.reading import Reading
    from storage.resolution import Resolution

__all__ = ["IngestResult", "ingest"]


@dataclass(slots=True)
class IngestResult:
    """Outcome of one ingest: the batch, whether it was a rehearsal, what the files did not carry, and the faults by number of file."""

    batch: Batch
    dry_run: bool
    seconds: float
    absent: dict[str, list[str]] = field(default_factory=dict)
    faults: dict[int, list[Fault]] = field(default_factory=dict)

    def total(self, name: str) -> int:
        """Sum of one count over the files."""
        return sum(getattr(item, name) for item in self.batch.files)


def ingest(
    home: Home,
    paths: Sequence[Path],
    *,
    city: str | None,
    boundaries: Path | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> IngestResult:
    """Reads, checks and stores the files as one batch.

    Parameters
    ----------
    home
        The city's state.
    paths
        Files of the city, in order of delivery.
    city
        Name of a shipped profile or path of a profile; None takes the one the home was set up with.
    boundaries
        Boundary file to install with the batch.
    dry_run
        Everything but the commit.
    progress
        Hears how far the run is.

    Raises
    ------
    InputError
        Something delivered cannot be used; nothing has been changed.
    """
    started = time.monotonic()
    began_at = datetime.now(UTC)
    progress = progress or Progress()
    with home.writing(), _staging(home) as staging:
        profile = _profile(home, city)
        lake = Lake(home)
        ledger = Ledger(home, lake.batch_no)
        ledger.forget_unfinished()
        connection = connect_worker(staging)
        run = _Run(home, profile, lake, ledger, connection, staging, progress, dry_run=dry_run)
        if boundaries is not None:
            install_boundaries(run.incoming, profile, boundaries)
        result_files, faults = run.read_all(paths)
        batch = Batch(ledger.committed + 1, began_at.isoformat(timespec="seconds"), "", run.fingerprint, result_files)
        if not dry_run:
            run.commit(batch, faults)
        connection.close()
    return IngestResult(batch, dry_run, time.monotonic() - started, run.absent, faults)


@contextmanager
def _staging(home: Home) -> Iterator[Path]:
    """An empty staging folder, removed afterwards; a killed run's leftovers go first."""
    shutil.rmtree(home.staging, ignore_errors=True)
    home.staging.mkdir(parents=True, mode=0o700)  # copies made for reading still hold what was delivered
    try:
        yield home.staging
    finally:
        shutil.rmtree(home.staging, ignore_errors=True)


def _profile(home: Home, city: str | None) -> Profile:
    """The profile asked for; a home belongs to one city for good."""
    known = parse_profile(home.profile.read_text(encoding="utf-8"), home.profile.name) if home.profile.exists() else None
    if city is None:
        if known is None:
            message = f"{home.root} 还没有城市; 请用 --city 指定"
            raise InputError(message)
        return known
    profile = load_profile(city)
    if known is not None and known.city.code != profile.city.code:
        message = f"{home.root} 已用于城市 {known.city.code}, 不能再装入 {profile.city.code}; 请另设 WEISU_HOME"
        raise InputError(message)
    return profile


class _Run:
    """One batch in progress."""

    def __init__(
        self, home: Home, profile: Profile, lake: Lake, ledger: Ledger, connection: Connection, staging: Path, progress: Progress, *, dry_run: bool
    ) -> None:
        self.home = home
        self.profile = profile
        self.lake = lake
        self.ledger = ledger
        self.connection = connection
        self.staging = staging
        self.progress = progress
        self.dry_run = dry_run
        self.fingerprint = hashlib.sha256(f"{CONTRACT}\0{profile.source}".encode()).hexdigest()[:16]
        self.incoming = Home(staging / "incoming")
        self.absent: dict[str, list[str]] = {}
        self.written: dict[str, list[Path]] = {}
        self.replaced: list[LakeFile] = []

    def read_all(self, paths: Sequence[Path]) -> tuple[list[FileOutcome], dict[int, list[Fault]]]:
        """Stages every file and decides every row; nothing of it is visible yet."""
        intake = Intake(self.connection, self.lake, self.staging)
        sources = [open_source(path, self.profile, self.staging) for path in paths]
        key = self.home.caller_key(keep=not self.dry_run)
        order = self._numbered(sources)
        settled = self.ledger.settled(self.fingerprint)
        known = {item.received_no: item for item in settled.values()}
        readings: dict[int, Reading] = {}
        for source, number in order:
            if number not in readings and number not in known:
                readings[number] = plan_reading(source, self.profile, self.connection, key)
        for reading in readings.values():
            intake.check_mapping(reading)
            self.absent[reading.source.name] = list(reading.absent)
        staged = self._stage(intake, readings) if readings else []
        decided = resolve(self.connection, self.lake, staged, self.staging)
        self.written, self.replaced = decided.written, decided.replaced
        by_number = {item.received_no: item for item in staged}
        outcomes = [
            _outcome(source, number, by_number[number], decided, first) if number in by_number else _nothing_new(source, known[number])
            for source, number, first in _firsts(order)
        ]
        self._count_unplaced(outcomes)
        return outcomes, decided.faults

    def _numbered(self, sources: list[Source]) -> list[tuple[Source, int]]:
        """Each file with the number under which its content was first received.

        Only where an earlier file has the same size must the hash be waited for; otherwise it is reckoned beside the reading.
        """
        received = self.ledger.received()
        unused = itertools.count(max(received.values(), default=0) + 1)
        sizes = self.ledger.sizes()
        seen = Counter([*sizes, *(source.digest.size for source in sources)])
        order = []
        for source in sources:
            if seen[source.digest.size] == 1 and None not in sizes:
                order.append((source, next(unused)))
                continue
            if source.digest.sha256 not in received:
                received[source.digest.sha256] = next(unused)
            order.append((source, received[source.digest.sha256]))
        return order

    def _stage(self, intake: Intake, readings: dict[int, Reading]) -> list[StagedFile]:
        self.progress.start("读取编号", None)
        rows = 0
        for number, reading in readings.items():
            found = intake.read_ids(reading, number)
            self.progress.advance(found)
            rows += found
        self.progress.finish()
        intake.route()
        self.progress.start("检查入库", rows)
        staged = [intake.stage(reading, number, self.progress.advance) for number, reading in readings.items()]
        self.progress.finish()
        return staged

    def _count_unplaced(self, outcomes: list[FileOutcome]) -> None:
        kept = self.lake.relation(item for item in self.lake.files() if item not in self.replaced)
        register = load_register(self.incoming if self.incoming.boundaries.exists() else self.home, self.profile, self.home)
        written = [path for paths in self.written.values() for path in paths]
        unplaced = count_unplaced(self.connection, kept, written, register, [item.received_no for item in outcomes])
        for item in outcomes:
            item.unplaced = unplaced.get(item.received_no, 0)

    def commit(self, batch: Batch, faults: dict[int, list[Fault]]) -> None:
        """Makes the batch durable and visible."""
        if not self.home.profile.exists() or self.home.profile.read_text(encoding="utf-8") != self.profile.source:
            write_whole(self.home.profile, self.profile.source.encode())
        added = self.lake.adopt(self.written)
        batch.finished_at = datetime.now(UTC).isoformat(timespec="seconds")
        self.ledger.write(batch, faults)
        self.lake.commit(batch.batch_no, added, self.replaced)
        self.ledger.committed = batch.batch_no
        for path in sorted((self.incoming.root / "geo").glob("*")):
            target = self.home.root / "geo" / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            path.replace(target)


def _outcome(source: Source, number: int, item: StagedFile, decided: Resolution, first: bool) -> FileOutcome:
    quarantined = len({fault.record for fault in decided.faults.get(number, [])})
    loaded = decided.loaded.get(number, 0) if first else 0
    updated = decided.updated.get(number, 0) if first else 0
    unchanged = item.read_count - quarantined - loaded - updated
    return FileOutcome(source.name, source.digest.sha256, number, item.read_count, loaded, updated, unchanged, quarantined, bytes=source.digest.size)


def _nothing_new(source: Source, before: FileOutcome) -> FileOutcome:
    return FileOutcome(source.name, source.digest.sha256, before.received_no, before.read, 0, 0, before.read, 0, bytes=source.digest.size)


def _firsts(order: list[tuple[Source, int]]) -> Iterator[tuple[Source, int, bool]]:
    """Each file with whether it is the first of its content in this batch."""
    seen: set[int] = set()
    for source, number in order:
        yield source, number, number not in seen
        seen.add(number)

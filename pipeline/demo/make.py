"""Making the demo city: delivered files are drawn, go in through the normal ingest, and are removed; then a snapshot is published."""

from __future__ import annotations

import json
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from geodata.boundaries import BoundarySchema
from geodata.cells import schematic_cells, write_boundary_file
from pipeline.demo.assumptions import load_assumptions
from pipeline.demo.city import build_city
from pipeline.demo.part import Order, Part, draw_part, parts_of, planned
from pipeline.demo.truths import truth_list
from pipeline.ingest import ingest
from pipeline.progress import Progress
from pipeline.refresh import refresh
from storage.extracts import ExtractWriter
from storage.home import Home, InputError, write_whole
from storage.places import load_register
from storage.profiles import load_profile, parse_profile
from storage.schematic import mark_schematic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["DemoResult", "is_empty", "make_demo", "write_files"]

CITY = "demo"
CONTRACT = 1
"""Raised when the same order gives other data than before, so that an older demo is not taken for the same."""

WORKERS = 2
LEAST_FILE_ROWS = 300_000
MOST_FILE_ROWS = 1_500_000
BATCH_ROWS = 9_000_000
"""Rows delivered at a time: bounds the room on disk that generated files take, and the ids an ingest holds."""

OWN_FOLDERS = ("lake", "mart", "batches", "quarantine", "geo", "staging", "work")
OWN_FILES = ("city.toml", "demo.json", "demo_truth.json")


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What was made: rows, requests among them, the snapshot, and seconds by step. ``is_new`` is false where it was there already."""

    is_new: bool
    tickets: int
    rows: int
    version: str
    schematic: bool
    seconds: dict[str, float]


def make_demo(home: Home, order: Order, *, replace: bool = False, boundaries: Path | None = None, progress: Progress | None = None) -> DemoResult:
    """Fills an empty home with the demo city and publishes a snapshot.

    Parameters
    ----------
    home
        The city's state: empty, or holding a demo.
    order
        How many requests until when under which seed; the same order gives the same delivered bytes.
    replace
        Whether a demo of another order may be removed. Other data never is.
    boundaries
        A boundary file to install; None makes schematic cells.
    progress
        Hears how far the run is.

    Raises
    ------
    InputError
        The home holds other data, or a demo of another order and ``replace`` is false.
    """
    progress = progress or Progress()
    known = _present(home)
    wanted = _marker(order, boundaries)
    if known is not None and known.get("complete") and known | wanted == known and not replace:
        result = known["result"]
        return DemoResult(False, result["tickets"], result["rows"], result["version"], result["schematic"], {})
    if known is not None and known.get("complete") and not replace:
        made = f"{known['tickets']:,} 件诉求, 截至 {known['until']}, 种子 {known['seed']}"
        message = f"{home.root} 已有另一个演示城市({made}); 要换成新的, 请加 --replace"
        raise InputError(message)
    if boundaries is not None and not boundaries.is_file():
        message = f"边界文件 {boundaries} 不存在"
        raise InputError(message)
    if known is not None:
        _clear(home)
    write_whole(home.root / "demo.json", json.dumps(wanted | {"complete": False}).encode())
    result = _fill(home, order, boundaries, progress)
    write_whole(home.root / "demo.json", json.dumps(wanted | {"complete": True, "result": asdict(result)}, ensure_ascii=False).encode())
    return result


def is_empty(home: Home) -> bool:
    """Whether the home holds no city yet; the rest of a demo whose making was broken off counts as nothing."""
    path = home.root / "demo.json"
    if path.exists() and not _holds_other_city(home):
        return not json.loads(path.read_text(encoding="utf-8")).get("complete")
    return not (home.profile.exists() or home.lake.exists() or home.mart.exists())


def _holds_other_city(home: Home) -> bool:
    """Whether tickets of a city lie here that is not the demo: after a demo broke off early, another may have been taken in."""
    if not home.profile.exists():
        return False
    return parse_profile(home.profile.read_text(encoding="utf-8"), home.profile.name).city.code != load_profile(CITY).city.code


def _marker(order: Order, boundaries: Path | None) -> dict[str, Any]:
    return {"contract": CONTRACT, "tickets": order.tickets, "until": str(order.until), "seed": order.seed, "boundaries": str(boundaries or "")}


def _present(home: Home) -> dict[str, Any] | None:
    """The demo that the home holds, or None for an empty home.

    Raises
    ------
    InputError
        It holds something else.
    """
    path = home.root / "demo.json"
    if path.exists() and not _holds_other_city(home):
        return dict(json.loads(path.read_text(encoding="utf-8")))
    if not is_empty(home):
        message = f"{home.root} 已有其他城市的数据, 不能装入演示城市; 请另设 WEISU_HOME, 例: WEISU_HOME=data-demo python manage.py demo"
        raise InputError(message)
    return None


def _clear(home: Home) -> None:
    """Removes a demo; the key of callers stays."""
    with home.writing():
        for name in OWN_FOLDERS:
            shutil.rmtree(home.root / name, ignore_errors=True)
        for name in OWN_FILES:
            (home.root / name).unlink(missing_ok=True)


def _fill(home: Home, order: Order, boundaries: Path | None, progress: Progress) -> DemoResult:
    seconds = {"generate": 0.0, "ingest": 0.0, "refresh": 0.0}
    rows = 0
    with _scratch(home) as folder, ThreadPoolExecutor(1) as beside:
        drawing = beside.submit(_cells, folder) if boundaries is None else None
        for number, files in enumerate(_batches(order)):
            began = time.monotonic()
            progress.start("生成演示工单", sum(_rows(order, part) for file in files for part in file))
            paths, made = write_files(order, files, folder, progress)
            progress.finish()
            seconds["generate"] += time.monotonic() - began
            began = time.monotonic()
            given = drawing.result() if drawing else boundaries
            done = ingest(home, paths, city=CITY, boundaries=given if number == 0 else None, progress=progress)
            seconds["ingest"] += time.monotonic() - began
            rows += made
            if done.total("quarantined"):
                message = f"演示工单有 {done.total('quarantined')} 行不合格, 生成程序与工单约定不符"
                raise RuntimeError(message)
            for path in paths:
                path.unlink()
    began = time.monotonic()
    plan, planted = planned(order)
    truths = truth_list(load_assumptions(), build_city(), plan, planted)
    about = {"order": _marker(order, boundaries), "truths": truths}
    write_whole(home.root / "demo_truth.json", json.dumps(about, ensure_ascii=False, indent=1).encode())
    if boundaries is None:
        mark_schematic(home, load_register(home, load_profile(CITY)).boundaries_key or "")
    version = refresh(home).version
    seconds["refresh"] = time.monotonic() - began
    return DemoResult(True, order.tickets, rows, version, boundaries is None, {name: round(value, 2) for name, value in seconds.items()})


def _cells(folder: Path) -> Path:
    path = folder / "cells.geojson"
    write_boundary_file(schematic_cells(load_assumptions().streets), path, _schema())
    return path


@contextmanager
def _scratch(home: Home) -> Iterator[Path]:
    """A folder for delivered files, removed afterwards; it is not the staging of ingest, which that empties."""
    folder = home.root / "demo-files"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _schema() -> BoundarySchema:
    names = load_profile(CITY).places.boundaries
    return BoundarySchema(names.code, names.name, names.parent_code, names.parent_name)


def _rows(order: Order, part: Part) -> int:
    """About how many rows a part has: its share of the month's days."""
    plan, _ = planned(order)
    days = int((plan.span.month_of_day == part.month).sum())
    return int(plan.requests[part.month] + plan.others[part.month]) * (part.last - part.first + 1) // days


def _batches(order: Order) -> Iterator[list[list[Part]]]:
    """The parts in files, the files in batches: few files, because each costs the ingest a plan of its own."""
    plan, _ = planned(order)
    wanted = min(max(int(plan.requests.sum() + plan.others.sum()) // (2 * WORKERS), LEAST_FILE_ROWS), MOST_FILE_ROWS)
    batch: list[list[Part]] = []
    file: list[Part] = []
    in_batch = in_file = 0
    for part in parts_of(order):
        rows = _rows(order, part)
        if file and in_file + rows > wanted:
            batch.append(file)
            file, in_file = [], 0
        if batch and not file and in_batch + rows > BATCH_ROWS:
            yield batch
            batch, in_batch = [], 0
        file.append(part)
        in_file += rows
        in_batch += rows
    yield [*batch, file]


def write_files(order: Order, files: list[list[Part]], folder: Path, progress: Progress | None = None) -> tuple[list[Path], int]:
    """Draws the files' parts and writes them, several files at a time; their paths in order, and the rows in all."""
    told = progress or Progress()

    def write(parts: list[Part]) -> tuple[Path, int]:
        path = folder / f"演示工单-{parts[0].month:03d}-{parts[0].number:03d}.parquet"
        writer = ExtractWriter(path)
        rows = 0
        try:
            for part in parts:
                made = writer.write(draw_part(order, part))
                told.advance(made)
                rows += made
        finally:
            writer.close()
        return path, rows

    planned(order)  # once, before the threads ask for it
    with ThreadPoolExecutor(WORKERS) as pool:
        written = list(pool.map(write, files))
    return [path for path, _ in written], sum(rows for _, rows in written)

"""Boundary files for the browser: compressed once, kept by content."""

from __future__ import annotations

import gzip
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from storage.home import Home
from ui import loaders

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["LEVELS", "compressed", "extent", "is_current", "shapes"]

LEVELS = ("district", "subdistrict")


@lru_cache(maxsize=4)
def _compressed(path: str, changed_at: int, size: int) -> bytes:
    del changed_at, size  # part of the key: a replaced file is read again
    with open(path, "rb") as handle:  # noqa: PTH123 - the path is the cache key
        return gzip.compress(handle.read(), mtime=0)


def compressed(level: str) -> bytes | None:
    """The gzipped GeoJSON of a level; ``None`` where none is installed."""
    file = Home.from_environment().boundary_file(level)
    if not file.is_file():
        return None
    state = file.stat()
    return _compressed(str(file), state.st_mtime_ns, state.st_size)


def is_current(boundaries_key: str) -> bool:
    """Whether a key names the boundaries of the snapshot in use, so that the answer may be kept for good."""
    version = loaders.pin_version()
    return version is not None and loaders.facts(version).boundaries_key == boundaries_key


def _corners(geometry: dict[str, Any]) -> np.ndarray:
    rings = geometry["coordinates"] if geometry["type"] == "Polygon" else [ring for part in geometry["coordinates"] for ring in part]
    points = np.concatenate([np.asarray(ring, dtype="float64")[:, :2] for ring in rings])
    return np.array([*points.min(axis=0), *points.max(axis=0)])


def _shapes(path: str) -> dict[str, dict[str, Any]]:
    with open(path, encoding="utf-8") as handle:  # noqa: PTH123 - the path is a cache key
        features = json.load(handle)["features"]
    return {str(item["properties"]["code"]): item["geometry"] for item in features if item.get("geometry")}


@lru_cache(maxsize=4)
def _extents(path: str, changed_at: int) -> dict[str, np.ndarray]:
    del changed_at
    return {code: _corners(shape) for code, shape in _shapes(path).items()}


def shapes(level: str) -> dict[str, dict[str, Any]]:
    """GeoJSON geometry of each area of a level by code; empty where no boundaries are installed."""
    file = Home.from_environment().boundary_file(level)
    return _shapes(str(file)) if file.is_file() else {}


def extent(level: str, codes: Iterable[str]) -> tuple[float, float, float, float] | None:
    """West, south, east and north that hold the areas of these codes; ``None`` where none has a shape."""
    file = Home.from_environment().boundary_file(level)
    if not file.is_file():
        return None
    known = _extents(str(file), file.stat().st_mtime_ns)
    boxes = np.array([known[code] for code in codes if code in known])
    if boxes.size == 0:
        return None
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])

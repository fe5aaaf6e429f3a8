"""The embedded engine with this project's settings: bounded memory, two threads, spilling below the home."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Connection", "connect_worker"]

Connection = duckdb.DuckDBPyConnection
"""The engine's connection, for annotations in rooms that do not know the engine."""

WORKER_MEMORY = "1GB"
"""Ingest of ten million rows stays within 2 GB for the whole process with this limit on the engine's buffers."""


def connect_worker(spill: Path) -> duckdb.DuckDBPyConnection:
    """An in-memory connection for one writing command; larger-than-memory steps spill below ``spill``."""
    spill.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect()
    connection.execute(f"SET memory_limit = '{os.environ.get('WEISU_MEMORY', WORKER_MEMORY)}'")
    connection.execute(f"SET threads = {min(os.cpu_count() or 2, 8)}")
    # rows wait here while a batch of them is written
    connection.execute("SET streaming_buffer_size = '64MB'")
    connection.execute("SET temp_directory = ?", [str(spill / "spill")])
    # the engine draws its own bar on standard output otherwise, into the middle of machine-readable results
    connection.execute("SET enable_progress_bar = false")
    return connection

"""Runs a step in a process of its own and tells its wall time and peak memory."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from dataclasses import dataclass

__all__ = ["Figure", "run_python"]

KIB_PER_MB = 1000 * 1000 / 1024


@dataclass(frozen=True, slots=True)
class Figure:
    """Wall seconds, processor seconds, peak resident memory in MB (10^6 bytes), and what was printed."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str


def run_python(code: str, environment: dict[str, str]) -> Figure:
    """Runs Python code in a fresh interpreter.

    Raises
    ------
    RuntimeError
        The step failed; the message is what it printed.
    """
    tail = "\nimport resource as _r; print('PEAK', _r.getrusage(_r.RUSAGE_SELF).ru_maxrss)"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code + tail], env=environment, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - began
    if done.returncode:
        message = f"step failed:\n{done.stderr[-2000:]}"
        raise RuntimeError(message)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    output, _, peak = done.stdout.rpartition("PEAK ")
    return Figure(seconds, cpu, int(peak) / KIB_PER_MB, output.strip())

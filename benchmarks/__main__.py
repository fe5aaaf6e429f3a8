"""``python -m benchmarks``: prints one line a figure, with the bound it must keep.

``[--rows N] [--folder DIR]`` measures the pipeline on a generated city; ``--home DIR`` with ``--sessions N ...`` or ``--browser``
measures the served pages on a home that is there.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import fmean

from benchmarks.ground import Ground, measure_ingest, measure_queries, measure_refresh, percentile

SESSION_SECONDS = 60.0


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=None, help="the WEISU_HOME whose pages are measured")
    parser.add_argument("--sessions", type=int, nargs="+", default=[], help="numbers of visitors, one after the other")
    parser.add_argument("--seconds", type=float, default=SESSION_SECONDS, help="how long each number of visitors stays")
    parser.add_argument("--browser", action="store_true", help="times and bytes in a real browser")
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--skip-ingest", action="store_true", help="use the home a run left in --folder")
    options = parser.parse_args()
    if options.sessions or options.browser:
        if options.home is None:
            parser.error("--sessions and --browser need --home")
        _measure_pages(options)
        return
    _measure_pipeline(options)


def _measure_pages(options: argparse.Namespace) -> None:
    from benchmarks import sessions  # the pipeline's figures need no browser

    for number in options.sessions:
        for name, level in zip(("asked for the first time", "asked for before"), sessions.measure_sessions(options.home, number, options.seconds), strict=True):
            print("\n".join(sessions.report(level, name)), flush=True)
    if options.browser:
        from benchmarks import browser

        for line in browser.measure_pages(options.home):
            print(line, flush=True)


def _measure_pipeline(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        ground = Ground(folder, options.rows)
        print(f"tickets: {options.rows:,}")
        if not options.skip_ingest:
            plain, ours = measure_ingest(ground)
            for one in plain:
                print(f"typed read_csv -> Parquet: {one.seconds:.1f} s wall, {one.cpu_seconds:.1f} s cpu, {one.peak_mb:.0f} MB")
            print(f"ingest with full checking: {ours.seconds:.1f} s wall, {ours.cpu_seconds:.1f} s cpu, {ours.peak_mb:.0f} MB [<= 2000 MB]; {ours.output}")
            wall, cpu = fmean(one.seconds for one in plain), fmean(one.cpu_seconds for one in plain)
            print(f"speed ratio ingest / read_csv: {wall / ours.seconds:.2f} wall, {cpu / ours.cpu_seconds:.2f} cpu [>= 0.5]")
        rebuild, refresh = measure_refresh(ground)
        (full, months, tickets), (part, changed, _) = rebuild.output.split(), refresh.output.split()
        print(f"full rebuild of {months} months, {tickets} tickets: {float(full):.2f} s (command {rebuild.seconds:.1f} s, {rebuild.peak_mb:.0f} MB)")
        print(f"refresh after one new day, {changed} month: {float(part):.2f} s (command {refresh.seconds:.1f} s)")
        print(f"ratio refresh / rebuild: {float(part) / float(full):.3f} [<= 0.1]")
        timings = measure_queries(ground)
        for name, values in sorted(timings.items(), key=lambda item: -percentile(item[1], 0.95)):
            print(f"  {name}: median {percentile(values, 0.5):.1f} ms, p95 {percentile(values, 0.95):.1f} ms")
        everything = [value for values in timings.values() for value in values]
        worst = max(percentile(values, 0.95) for values in timings.values())
        print(f"page queries: p95 of all {percentile(everything, 0.95):.1f} ms, worst query's p95 {worst:.1f} ms [<= 50 ms]")


if __name__ == "__main__":
    main()

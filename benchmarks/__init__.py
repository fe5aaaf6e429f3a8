"""Measurements, as ratios taken side by side in one run. Results with date and machine stand in ``docs/benchmarks.md``."""

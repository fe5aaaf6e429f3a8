"""Zeros that are no chance: before a series began, and after it ended.

A table of tickets has no rows for what did not happen, so a category that came in last month has years of zeros before it, and one that was renamed has
zeros ever since. Neither is a season, and neither comes back of itself.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from forecasts.panel import Panel

__all__ = ["begun", "ended"]

BEFORE_DAYS = 182
AFTER_DAYS = 28
EXPECTED = 30.0
"""Counts that should have come in a silence: of a Poisson count with this mean, 0 has the probability 1e-13; far more scatter leaves it small."""

YEAR_DAYS = 364


def begun(panel: Panel) -> Panel:
    """The panel with the steps before a series began unknown.

    A series began with its first count where at least half a year of zeros stands before it in which, at the mean of what followed, 30 or more
    counts should have come. A series of zeros alone stays as it is.
    """
    is_count = panel.counts > 0
    first = np.where(is_count.any(axis=1), is_count.argmax(axis=1), 0)
    before = np.arange(len(panel.days)) < first[:, None]
    known = ~np.isnan(panel.counts)
    after = known & ~before
    mean = np.where(after, panel.counts, 0).sum(axis=1) / np.maximum(after.sum(axis=1), 1)
    silent = (known & before).sum(axis=1)
    late = (silent * panel.step >= BEFORE_DAYS) & (silent * mean >= EXPECTED)
    if not late.any():
        return panel
    return replace(panel, counts=np.where(before & late[:, None], np.nan, panel.counts))


def ended(counts: np.ndarray, wave: np.ndarray, step: int) -> np.ndarray:
    """By how much the mean of each series is to be lowered for the zeros at its end, S: 1 where they may be chance or season.

    Parameters
    ----------
    counts
        S x T; NaN where unknown.
    wave
        The season, S x T: a problem of spring is silent in winter.
    step
        Days of a step.

    Notes
    -----
    With the level of the year before the silence E counts should have come in it. From 30 on, and four weeks, the level is taken to be 1 / E of what
    it was: the mean of a gamma posterior that has seen no count where E were due.
    """
    size = counts.shape[1]
    known = ~np.isnan(counts)
    is_count = np.nan_to_num(counts) > 0
    last = np.where(is_count.any(axis=1), size - 1 - is_count[:, ::-1].argmax(axis=1), size)
    place = np.arange(size)
    silent = known & (place > last[:, None])
    before = known & (place <= last[:, None]) & (place > last[:, None] - YEAR_DAYS // step)
    level = np.where(before, counts, 0).sum(axis=1) / np.maximum(np.where(before, wave, 0).sum(axis=1), 1e-9)
    due = level * np.where(silent, wave, 0).sum(axis=1)
    is_over = (silent.sum(axis=1) * step >= AFTER_DAYS) & (due >= EXPECTED)
    return np.asarray(np.where(is_over, 1.0 / np.maximum(due, 1.0), 1.0), dtype="float64")

"""Which city's calendar a table of counts lives by, where nobody says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from forecasts.calendars import CALENDARS
from forecasts.pooled import PooledCounts

if TYPE_CHECKING:
    from forecasts.panel import Panel

__all__ = ["fitting_calendar"]

LEAST_DAYS = 728
HELD_OUT_DAYS = 364
NONE = "none"
LEAST_GAIN = 0.05
"""A calendar is only taken where it brings the deviance of the held-out year down by this share."""


def fitting_calendar(panel: Panel) -> str:
    """The calendar that best foretells the last year of all series together from the years before; "none" where none does.

    All calendars are tried on the sum of the series with its last 364 days held out, and compared by Poisson deviance after the
    forecast has been brought to the level of that year, so that only the shape counts. Fewer than two years give "none".
    """
    held_out = HELD_OUT_DAYS // panel.step
    size = len(panel.days)
    if size * panel.step < LEAST_DAYS:
        return NONE
    known = ~np.isnan(panel.counts).all(axis=0)
    total = replace(panel, ids=("total",), counts=np.where(known, np.nansum(panel.counts, axis=0), np.nan)[None, :], groups=())
    past = replace(total, days=total.days[:-held_out], counts=total.counts[:, :-held_out])
    came = total.counts[0, -held_out:]
    losses = {name: _deviance(came, PooledCounts(name).shape(past, held_out).mean[0]) for name in CALENDARS}
    best = min(losses, key=lambda name: losses[name])
    return best if losses[best] < (1 - LEAST_GAIN) * losses[NONE] else NONE


def _deviance(came: np.ndarray, mean: np.ndarray) -> float:
    known = ~np.isnan(came)
    counts, shape = came[known], np.maximum(mean[known], 1e-9)
    expected = shape * max(counts.sum(), 1e-9) / shape.sum()
    logs = np.log(np.where(counts > 0, counts, 1.0) / expected)
    return float(2 * (np.where(counts > 0, counts * logs, 0.0) - counts + expected).sum())

"""Series too sparse to have a season of their own: a share of what their parent will have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forecasts.pooled import Shape

if TYPE_CHECKING:
    from forecasts.panel import Panel

__all__ = ["SHARE_MODEL", "share_of_parent"]

SHARE_MODEL = "share_of_parent"
HALF_LIFE_DAYS = 182.0
PRIOR_COUNT = 10.0
"""So many counts of the discounted past weigh as much for a share as the whole past."""

SCATTER_COUNT = 50.0
"""So many expected counts weigh as much for a series' scatter as Poisson's."""


def share_of_parent(past: Panel, parents: np.ndarray, history: np.ndarray, ahead: Shape) -> Shape:
    """Shape of sparse series, each a share of the shape of its parent.

    The share is that of the last half year, roughly, drawn towards that of the whole past: a series of one request a month says nothing about its
    own season, but its district's has it.

    Parameters
    ----------
    past
        Counts of the S series up to the cut-off.
    parents
        Of each series the row of its parent.
    history
        Counts of the parents on the days of ``past``.
    ahead
        Shape of the parents over H steps; its totals are not used.

    Returns
    -------
    Shape
        S x H, without spans.

    Notes
    -----
    With discounted counts y of the series and Y of its parent, their sums y0 and Y0 over the whole past, and a = ``PRIOR_COUNT``:
    share = (y + a) / (Y + a Y0 / y0), the mean of a gamma posterior; its relative variance 1 / (y + a) adds to that of the parent's level.
    """
    known = ~np.isnan(past.counts) & ~np.isnan(history[parents])
    own, whole = np.where(known, past.counts, 0.0), np.where(known, history[parents], 0.0)
    age = (len(past.days) - 1 - np.arange(len(past.days))) * past.step
    weight = 0.5 ** (age / HALF_LIFE_DAYS)
    lately, offered = own @ weight, whole @ weight
    before = (own.sum(axis=1) + 0.5) / (whole.sum(axis=1) + 1.0)
    share = (lately + PRIOR_COUNT) / (offered + PRIOR_COUNT / before)
    expected = share[:, None] * whole
    squares = ((own - expected) ** 2).sum(axis=1)
    sizes = expected.sum(axis=1)
    scatter = np.maximum((squares + SCATTER_COUNT) / (sizes + SCATTER_COUNT), 1.0)
    mean = share[:, None] * ahead.mean[parents]
    dispersion = np.broadcast_to(scatter[:, None], mean.shape)
    spread = ahead.spread[parents] + (1.0 / (lately + PRIOR_COUNT))[:, None]
    none = np.zeros((len(mean), 0))
    return Shape(mean, dispersion, spread, none, none, none)

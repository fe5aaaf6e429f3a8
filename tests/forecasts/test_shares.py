"""Sparse series as shares of their parents, against the formula in a plain loop."""

from math import isnan

import numpy as np
import pytest

from forecasts.panel import Panel
from forecasts.pooled import Shape
from forecasts.shares import HALF_LIFE_DAYS, PRIOR_COUNT, SCATTER_COUNT, share_of_parent

STEPS, AHEAD = 400, 5


def made(seed=1, *, frequency="D", size=6, scatter=0.0):
    """Two parents of three sparse series each; the parents are the sums of theirs."""
    chance = np.random.default_rng(seed)
    mean = chance.uniform(0.05, 0.6, (size, 1)) * (1 + scatter * chance.gamma(0.2, 5, (size, STEPS)))
    counts = chance.poisson(mean).astype(float)
    parents = np.arange(size) % 2
    history = np.stack([counts[parents == row].sum(axis=0) for row in (0, 1)])
    step = 7 if frequency == "W" else 1
    days = np.datetime64("2020-01-06") + step * np.arange(STEPS)
    none = np.zeros((2, 0))
    ahead = Shape(chance.uniform(1, 3, (2, AHEAD)), np.full((2, AHEAD), 1.4), np.full((2, AHEAD), 0.03), none, none, none)
    return Panel(tuple(f"s{row}" for row in range(size)), days, counts, frequency), parents, history, ahead


def by_a_loop(panel, parents, history, ahead):
    """Mean, dispersion and spread of each series and step, one number at a time."""
    rows = []
    for row, parent in enumerate(parents):
        lately = offered = own = whole = 0.0
        pairs = []
        for step, (count, above) in enumerate(zip(panel.counts[row], history[parent], strict=True)):
            if isnan(count) or isnan(above):
                continue
            weight = 0.5 ** ((STEPS - 1 - step) * panel.step / HALF_LIFE_DAYS)
            lately, offered = lately + weight * count, offered + weight * above
            own, whole = own + count, whole + above
            pairs.append((count, above))
        before = (own + 0.5) / (whole + 1)
        share = (lately + PRIOR_COUNT) / (offered + PRIOR_COUNT / before)
        squares = sum((count - share * above) ** 2 for count, above in pairs)
        scatter = max((squares + SCATTER_COUNT) / (share * whole + SCATTER_COUNT), 1)
        rows.append(([share * mean for mean in ahead.mean[parent]], scatter, ahead.spread[parent] + 1 / (lately + PRIOR_COUNT)))
    return rows


@pytest.mark.parametrize(("frequency", "gaps", "scatter"), [("D", False, 0.0), ("W", False, 2.0), ("D", True, 2.0)])
def test_it_equals_the_formula_in_a_loop(frequency, gaps, scatter):
    panel, parents, history, ahead = made(frequency=frequency, scatter=scatter)
    if gaps:
        panel.counts[:, 100:130] = np.nan  # days that were not delivered
        panel.counts[2, :250] = np.nan
        history[1, 300:320] = np.nan
    found = share_of_parent(panel, parents, history, ahead)
    assert found.mean.shape == (6, AHEAD)
    assert found.span_spread.shape == (6, 0)
    for row, (mean, scattered, spread) in enumerate(by_a_loop(panel, parents, history, ahead)):
        np.testing.assert_allclose(found.mean[row], mean, rtol=1e-12)
        np.testing.assert_allclose(found.dispersion[row], scattered, rtol=1e-12)
        np.testing.assert_allclose(found.spread[row], spread, rtol=1e-12)
    assert (found.dispersion > 1).any() == bool(scatter)


def test_all_children_of_a_parent_come_to_about_the_parent():
    panel, parents, history, ahead = made(3)
    found = share_of_parent(panel, parents, history, ahead)
    for parent in (0, 1):
        np.testing.assert_allclose(found.mean[parents == parent].sum(axis=0), ahead.mean[parent], rtol=0.03)


def test_an_only_child_is_its_parent():
    panel, _parents, _history, ahead = made(4)
    found = share_of_parent(panel.of([0]), np.array([1]), np.stack([panel.counts[1], panel.counts[0]]), ahead)
    np.testing.assert_allclose(found.mean[0], ahead.mean[1], rtol=0.01)


def test_unknown_days_say_nothing():
    """Only the last half year is known: the same share as with that half year alone."""
    panel, parents, history, ahead = made(5)
    panel.counts[:, :220] = np.nan
    short = Panel(panel.ids, panel.days[220:], panel.counts[:, 220:], "D")
    found, alone = share_of_parent(panel, parents, history, ahead), share_of_parent(short, parents, history[:, 220:], ahead)
    np.testing.assert_allclose(found.mean, alone.mean, rtol=1e-12)
    np.testing.assert_allclose(found.dispersion, alone.dispersion, rtol=1e-12)


def test_a_share_that_grew_is_followed_and_a_silent_series_keeps_a_little():
    panel, parents, history, ahead = made(6)
    panel.counts[0, :200] = 0
    panel.counts[0, 200:] += 1
    panel.counts[1] = 0
    history[:] = np.stack([panel.counts[parents == row].sum(axis=0) for row in (0, 1)])
    found = share_of_parent(panel, parents, history, ahead)
    ever = panel.counts[0].sum() / history[0].sum()
    lately = panel.counts[0, 200:].sum() / history[0, 200:].sum()
    assert ever < found.mean[0, 0] / ahead.mean[0, 0] < lately + 0.02
    assert 0 < found.mean[1, 0] / ahead.mean[1, 0] < 0.01

"""Simulated futures: they add up, they scatter as each node says it does, and a total's scatter is that of errors that last."""

from __future__ import annotations

import numpy as np
import pytest

from forecasts.counts import negative_binomial_quantiles
from forecasts.paths import Branch, simulate_paths

PATHS, STEPS = 4000, 28


def branch(means: list[float], dispersion: list[float], spread: list[float], parents: list[int]) -> Branch:
    wave = 1 + 0.3 * np.cos(2 * np.pi * np.arange(STEPS) / 7)
    columns = [np.array(values)[:, None] * np.ones(STEPS) for values in (means, dispersion, spread)]
    return Branch(columns[0] * wave, columns[1], columns[2], np.array(parents, dtype="int64"))


LEVELS = (
    branch([600.0], [4.0], [0.004], []),
    branch([400.0, 150.0, 50.0], [3.5, 3.0, 6.0], [0.006, 0.02, 0.05], [0, 0, 0]),
    branch([300.0, 100.0, 149.5, 0.5, 20.0, 30.0, 0.0], [3.0, 2.0, 3.0, 1.0, 4.0, 3.0, 1.0], [0.01, 0.03, 0.02, 0.3, 0.08, 0.08, 0.1], [0, 0, 1, 1, 2, 2, 2]),
)


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, ...]:
    return simulate_paths(LEVELS, PATHS, 7)


def test_children_add_up_to_their_parent_in_every_path_and_step(drawn: tuple[np.ndarray, ...]) -> None:
    for above, below, level in zip(drawn[:-1], drawn[1:], LEVELS[1:], strict=True):
        for node in range(above.shape[1]):
            np.testing.assert_array_equal(below[:, level.parents == node].sum(axis=1), above[:, node])
    assert all(np.issubdtype(counts.dtype, np.integer) and (counts >= 0).all() for counts in drawn)


def test_means_are_those_of_the_forecast(drawn: tuple[np.ndarray, ...]) -> None:
    for counts, level in zip(drawn, LEVELS, strict=True):
        error = counts.std(axis=0) / np.sqrt(PATHS)
        assert (np.abs(counts.mean(axis=0) - level.mean) <= 4.5 * error + 0.03 * level.mean).all()


def test_the_bands_of_a_node_hold_what_they_say(drawn: tuple[np.ndarray, ...]) -> None:
    for counts, level in zip(drawn, LEVELS, strict=True):
        variance = level.dispersion * level.mean + level.spread * level.mean**2
        bands = negative_binomial_quantiles(level.mean, variance, (0.1, 0.9))
        for node in np.flatnonzero(level.mean.mean(axis=1) > 10):
            held = ((counts[:, node] >= bands[node, :, 0]) & (counts[:, node] <= bands[node, :, 1])).mean()
            assert 0.75 <= held <= 0.87, (node, held)


def test_totals_scatter_by_errors_that_last(drawn: tuple[np.ndarray, ...]) -> None:
    for counts, level in zip(drawn, LEVELS, strict=True):
        total, whole = counts.sum(axis=2), level.mean.sum(axis=1)
        wanted = np.sqrt((level.dispersion * level.mean).sum(axis=1) + level.spread.mean(axis=1) * whole**2)
        for node in np.flatnonzero(whole > 280):
            assert total[:, node].std() == pytest.approx(wanted[node], rel=0.25), node
        alone = np.sqrt((level.dispersion * level.mean).sum(axis=1))
        assert total[:, 0].std() > 1.5 * alone[0]  # independent days would scatter far less


def test_nothing_expected_of_a_parent_gives_nothing_to_its_children() -> None:
    root = branch([0.0], [1.0], [0.1], [])
    above = branch([0.0, 0.0], [1.0, 1.0], [0.1, 0.1], [0, 0])
    below = branch([0.0, 0.0, 0.0], [1.0, 2.0, 1.0], [0.1, 0.2, 0.1], [0, 0, 1])
    assert [counts.sum() for counts in simulate_paths((root, above, below), 50, 1)] == [0, 0, 0]


def test_the_same_seed_gives_the_same_paths() -> None:
    first, again, other = (simulate_paths(LEVELS, 3, seed)[-1] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()

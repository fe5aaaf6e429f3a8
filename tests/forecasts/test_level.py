"""Levels at some steps agree with a loop over all of them."""

import numpy as np
import pytest

from forecasts import level
from forecasts.level import HALF_LIVES, Replay, Season, horizon_blocks

RNG = np.random.default_rng(20261122)
SERIES, STEPS, AHEAD = 3, 500, 28


@pytest.mark.parametrize(("ends", "step"), [([499], 1), ([200], 7), ([182, 189, 196, 203], 1), ([26, 27, 28], 7)])
def test_discounted_sums_are_those_of_a_clerk(ends, step):
    values = RNG.poisson(3, (SERIES, STEPS)).astype(float)
    found = level._discounted(values, np.array(ends), step)
    for number, half_life in enumerate(HALF_LIVES):
        for series in range(SERIES):
            running, said = 0.0, {}
            for place, value in enumerate(values[series]):
                running = running * 0.5 ** (step / half_life) + value
                said[place] = running
            np.testing.assert_allclose(found[number, series], [said[end] for end in ends], rtol=1e-9)


def test_sums_after_an_origin_are_those_of_a_clerk():
    values = RNG.poisson(3, (SERIES, STEPS)).astype(float)
    origins = np.array([100, 107, 114])
    found = level._sums(values, origins, 7, 28)
    expected = [[values[series, origin + 1 + 7 : origin + 1 + 28].sum() for origin in origins] for series in range(SERIES)]
    np.testing.assert_allclose(found, expected)


def test_a_steady_series_keeps_its_level_and_one_that_changed_gets_the_new_one():
    season = np.tile(1 + 0.3 * np.sin(np.arange(STEPS + AHEAD) / 58), (2, 1))
    mean = season[:, :STEPS] * np.array([[50.0], [50.0]])
    mean[1, 400:] *= 3
    counts = RNG.poisson(mean).astype(float)
    counts[:, 300:310] = np.nan
    groups = np.array([0, 1]), 2
    replay = Replay.of(counts, Season(season, season, 250), np.ones(2), groups, 1)
    found = replay.level(horizon_blocks(AHEAD, 1))
    assert found.value.shape == (2, 2)
    assert found.value[0] == pytest.approx(50, rel=0.05)
    assert found.value[1] == pytest.approx(150, rel=0.1)
    assert (found.spread[1] > found.spread[0]).all()


def test_a_history_too_short_for_a_replay_still_has_a_level():
    counts = RNG.poisson(20, (2, 30)).astype(float)
    season = np.ones((2, 58))
    found = Replay.of(counts, Season(season, season, 15), np.ones(2), (np.arange(2), 2), 1).level(horizon_blocks(AHEAD, 1))
    assert found.value == pytest.approx(20, rel=0.15)
    assert (np.diff(found.spread, axis=1) > 0).all()

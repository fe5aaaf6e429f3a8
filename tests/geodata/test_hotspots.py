"""Hot spots put together: planted ones are found, named and dated; where there are none, hardly any are."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from geodata.emerging import HOT, NEITHER, Emerging
from geodata.hotspots import FALSE_DISCOVERIES, LEAST_COUNT, find_hotspots, judge_maps
from geodata.neighbours import Neighbours

SIDE, PERIODS, ALPHA = 12, 24, 0.05
ALONE, BLOCK = 40, (90, 91, 102, 103)
BEGAN = 20


def grid() -> tuple[Neighbours, np.ndarray]:
    """A made-up city of 144 square areas a kilometre wide."""
    row, column = np.divmod(np.arange(SIDE * SIDE), SIDE)
    near = (np.abs(row[:, None] - row) <= 1) & (np.abs(column[:, None] - column) <= 1)
    np.fill_diagonal(near, val=False)
    places = np.stack([116 + column / 85.0, 40 + row / 111.0], axis=1)
    return Neighbours(csr_array(near.astype("float64")), tuple(f"{place:03d}" for place in range(SIDE * SIDE))), places


def panel(seed: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    expected = np.outer(chance.lognormal(2.5, 0.6, SIDE * SIDE), 1 + 0.3 * np.cos(np.arange(PERIODS) / 2))
    return chance.negative_binomial(1 / ALPHA, 1 / (1 + ALPHA * expected)).astype("float64"), expected


@pytest.fixture(scope="module")
def planted():
    observed, expected = panel(1)
    for area in (ALONE, *BLOCK):
        observed[area, BEGAN:] = np.random.default_rng(area).poisson(expected[area, BEGAN:] * (4.0 if area == ALONE else 3.0))
    return find_hotspots(observed, expected, *grid(), seed=3)


def test_planted_spots_are_hot_from_their_first_period_on(planted) -> None:
    assert (planted.judged.states[ALONE, BEGAN:] == HOT).all()
    assert planted.kinds[ALONE] == Emerging.CONSECUTIVE
    assert planted.sides[ALONE] == HOT
    assert (planted.judged.states[list(BLOCK), BEGAN:] == HOT).mean() > 0.6
    assert planted.judged.low[ALONE, BEGAN:].min() > 1.3


def test_an_area_hot_by_itself_is_seen_by_its_own_count_where_neighbours_dilute_it(planted) -> None:
    assert planted.judged.q_many[ALONE, BEGAN:].max() < 0.01
    assert (planted.judged.q_hot[ALONE, BEGAN:] > planted.judged.q_many[ALONE, BEGAN:]).all()


def test_the_scan_names_both_and_dates_them(planted) -> None:
    sure = [cluster for cluster in planted.clusters.clusters if cluster.p_value <= 0.01]
    assert len(sure) == 2
    for wanted in ({ALONE}, set(BLOCK)):
        own = next(cluster for cluster in sure if wanted & set(cluster.areas))
        assert wanted <= set(own.areas)
        assert len(own.areas) <= len(wanted) + 5  # circles over squares
        assert abs(planted.first_scanned + own.first_period - BEGAN) <= 1
        assert planted.first_scanned + own.last_period == PERIODS - 1


def test_the_dispersion_is_that_of_the_counts(planted) -> None:
    assert planted.judged.dispersion == pytest.approx(ALPHA, abs=0.03)


def test_where_there_are_none_hardly_any_are_found() -> None:
    hot_maps, sure = [], 0
    for seed in range(12):
        found = find_hotspots(*panel(100 + seed), *grid(), seed=seed)
        hot_maps += (found.judged.states == HOT).any(axis=0).tolist()
        sure += bool(found.clusters.clusters and found.clusters.clusters[0].p_value <= 0.05)
    assert np.mean(hot_maps) <= 0.16  # two tests at 5 % each, and chance
    assert sure <= 3


def test_what_is_unknown_is_neither_hot_nor_cold() -> None:
    observed, expected = panel(2)
    observed[5, 3:6], expected[7] = np.nan, 0.0
    found = find_hotspots(observed, expected, *grid())
    assert (found.judged.states[5, 3:6] == NEITHER).all()
    assert (found.judged.states[7] == NEITHER).all()
    assert np.isnan(found.judged.ratio[7]).all()
    assert np.isnan(found.judged.p_many[5, 3:6]).all()
    assert len(found.table) == SIDE * SIDE * PERIODS


def test_without_neighbours_each_is_judged_by_itself_alone() -> None:
    observed, expected = panel(1)
    observed[ALONE, BEGAN:] = np.random.default_rng(ALONE).poisson(expected[ALONE, BEGAN:] * 4.0)
    neighbours, _places = grid()
    alone, beside = judge_maps(observed, expected, None), judge_maps(observed, expected, neighbours)
    assert np.isnan([alone.gi, alone.p_hot, alone.p_cold, alone.q_hot, alone.q_cold]).all()
    assert (alone.states[ALONE, BEGAN:] == HOT).all()
    for name in ("ratio", "low", "high", "p_many", "p_few", "q_many", "q_few"):
        np.testing.assert_array_equal(getattr(alone, name), getattr(beside, name))
    own_hot = (alone.q_many <= FALSE_DISCOVERIES) & (observed >= LEAST_COUNT)
    np.testing.assert_array_equal(alone.states == HOT, own_hot)
    assert ((beside.states == HOT) | ~own_hot).all()
    assert np.isfinite(alone.intensity).all()  # a trend is looked for in it
    assert alone.intensity[ALONE, BEGAN:].mean() > 3
    assert alone.dispersion == beside.dispersion
    assert judge_maps(observed, expected, None, dispersion=0.0).dispersion == 0.0


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_request_or_two_where_next_to_nothing_is_expected_are_no_hot_spot(count: int) -> None:
    observed, expected = panel(3)
    observed[7], expected[7] = 0.0, 1e-4
    observed[7, 10] = count
    judged = judge_maps(observed, expected, None)
    assert judged.q_many[7, 10] <= FALSE_DISCOVERIES, "it is unlikely all the same"
    assert judged.states[7, 10] == (HOT if count >= 3 else NEITHER)

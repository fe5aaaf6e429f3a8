"""Expected counts: they add up to the city's, follow its seasons, and neither see what begins now nor remember what is over."""

from __future__ import annotations

import numpy as np
import pytest

from geodata.expected import expected_counts

PROBLEMS, PLACES, PERIODS = 6, 40, 39


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    """Means of problems with seasons of their own at places of different sizes and likings."""
    chance = np.random.default_rng(2)
    size = chance.lognormal(0, 0.7, PLACES)
    liking = chance.lognormal(0, 0.4, (PROBLEMS, PLACES))
    season = np.exp(0.8 * np.cos(2 * np.pi * np.arange(PERIODS) / 13 + np.arange(PROBLEMS)[:, None]))
    return 12 * (size / size.mean())[None, :, None] * liking[:, :, None] * season[:, None, :]


@pytest.fixture(scope="module")
def observed(truth: np.ndarray) -> np.ndarray:
    return np.random.default_rng(3).poisson(truth).astype("float64")


def test_what_is_expected_adds_up_to_what_the_city_has(observed: np.ndarray) -> None:
    found = expected_counts(observed)
    np.testing.assert_allclose(found[:, :, 4:].sum(axis=1), observed[:, :, 4:].sum(axis=1), rtol=1e-9)
    assert np.isnan(found[:, :, :4]).all()
    assert (found[:, :, 4:] > 0).all()


def test_it_is_near_the_truth_and_nearer_than_either_simple_guess(observed: np.ndarray, truth: np.ndarray) -> None:
    last = slice(20, None)
    error = np.abs(expected_counts(observed) - truth)[:, :, last].mean()
    same_as_before = np.abs(observed[:, :, 7 : PERIODS - 13] - truth[:, :, last]).mean()  # a year before
    by_size = observed.sum(axis=(0, 2)) / observed.sum()
    by_size_alone = np.abs(by_size[None, :, None] * observed.sum(axis=1, keepdims=True) - truth)[:, :, last].mean()
    assert error < 0.4 * same_as_before
    assert error < 0.4 * by_size_alone


def test_nothing_from_the_gap_on_changes_the_shares(observed: np.ndarray) -> None:
    changed = observed.copy()
    changed[:, :, 30:] = changed[:, ::-1, 30:]  # other places, the same city
    first, other = expected_counts(observed), expected_counts(changed)
    np.testing.assert_allclose(first[:, :, 30].sum(axis=1), other[:, :, 30].sum(axis=1), rtol=1e-9)
    shares = [found / found.sum(axis=1, keepdims=True) for found in (first, other)]
    np.testing.assert_allclose(shares[0][:, :, 4:32], shares[1][:, :, 4:32], rtol=1e-9)
    assert not np.allclose(shares[0][:, :, 32], shares[1][:, :, 32], rtol=1e-3)


def test_nothing_from_before_the_baseline_changes_the_shares(observed: np.ndarray) -> None:
    changed = observed.copy()
    changed[:, :, :10] = changed[:, ::-1, :10]
    first, other = expected_counts(observed), expected_counts(changed)
    np.testing.assert_allclose(first[:, :, 37:], other[:, :, 37:], rtol=0.02)  # but for what the rounds before held in
    assert not np.allclose(first[:, :, 20], other[:, :, 20], rtol=0.02)


def test_a_hot_spot_neither_raises_what_is_expected_of_it_nor_hides_the_next(observed: np.ndarray) -> None:
    hot = observed.copy()
    hot[2, 7, 20:24] += 80
    before, after = expected_counts(observed)[2, 7], expected_counts(hot)[2, 7]
    assert (after[20:24] < before[20:24] + 15).all()
    assert (after[25:36] < 1.8 * before[25:36] + 3).all()
    summed = hot[2, 7, 12:25].sum() / hot[2, :, 12:25].sum() * hot[2, :, 26].sum()
    assert after[26] < 0.7 * summed  # plain shares would expect the hot spot back


def test_few_counts_borrow_from_the_places_share_of_all_problems(truth: np.ndarray) -> None:
    size = truth.mean(axis=(0, 2)) / truth.mean()
    alike = size[None, :, None] * truth.mean(axis=1, keepdims=True) / 25  # half a ticket a place and period
    few = np.random.default_rng(9).poisson(alike).astype("float64")
    running = np.cumsum(few, axis=2)
    behind = running[:, :, 24:-2] - running[:, :, 11:-15]  # the 13 periods that end one before periods 26 to 38
    plain = behind / np.maximum(behind.sum(axis=1, keepdims=True), 1)
    own = expected_counts(few)[:, :, 26:]
    own = own / np.maximum(own.sum(axis=1, keepdims=True), 1e-9)
    true = (alike / alike.sum(axis=1, keepdims=True))[:, :, 26:]
    has_any = np.broadcast_to(few.sum(axis=1, keepdims=True)[:, :, 26:] > 0, true.shape)
    assert np.abs(own - true)[has_any].mean() < 0.7 * np.abs(plain - true)[has_any].mean()


def test_problems_that_no_place_has_and_places_that_have_none(observed: np.ndarray) -> None:
    empty = observed.copy()
    empty[4] = 0
    empty[:, 11] = 0
    found = expected_counts(empty)
    assert (found[4, :, 4:] == 0).all()
    assert (found[:, 11, 20:] < 0.7).all()
    assert np.isfinite(found[:, :, 4:]).all()


def test_a_place_unknown_for_a_year_is_expected_to_have_what_it_had(observed: np.ndarray, truth: np.ndarray) -> None:
    gaps = observed.copy()
    gaps[:, 3, 10:23] = np.nan
    found = expected_counts(gaps)
    assert np.isnan(found[:, 3, 10:23]).all()
    assert np.isfinite(np.delete(found, 3, axis=1)[:, :, 4:]).all()
    ratio = found[:, 3, 27:].sum() / truth[:, 3, 27:].sum()
    assert 0.8 < ratio < 1.25
    np.testing.assert_allclose(np.nansum(found, axis=1)[:, 4:], np.nansum(gaps, axis=1)[:, 4:], rtol=1e-9)


def test_ordinary_scatter_is_not_held_in() -> None:
    """Large places scatter far beyond Poisson; held in one-sidedly they would lend what is theirs to the small ones."""
    sizes = np.repeat([400.0, 20.0], 20)
    chance = np.random.default_rng(5)
    alpha = 0.1
    counts = chance.negative_binomial(1 / alpha, 1 / (1 + alpha * sizes[None, :, None] * np.ones((3, 1, 40)))).astype("float64")
    found = expected_counts(counts)[:, :, 20:]
    assert found[:, 20:].mean() == pytest.approx(20, rel=0.03)


@pytest.mark.parametrize(("given", "said"), [(np.zeros((3, 4)), "三个维度"), (-np.ones((1, 2, 8)), "16 个负数"), (np.full((1, 1, 9), np.inf), "无穷大")])
def test_what_cannot_be_counts_is_refused(given: np.ndarray, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        expected_counts(given)

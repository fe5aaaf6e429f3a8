"""Emerging hot spots: one history for each class, and a trend test that does not take memory for a trend."""

from __future__ import annotations

import numpy as np
import pymannkendall
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from geodata.emerging import COLD, HOT, NEITHER, Emerging, classify, kendall_trend, runs_of

GOLD = {
    # + hot, - cold, . neither; ten steps, the last on the right; then what the intensity does
    "..........|": Emerging.NONE,
    ".........+|": Emerging.NEW,
    "-........+|": Emerging.NEW,
    ".......+++|": Emerging.CONSECUTIVE,
    "++++++++++|rises": Emerging.INTENSIFYING,
    "++++.+++++|rises": Emerging.INTENSIFYING,
    "++++++++++|stays": Emerging.PERSISTENT,
    ".+++++++++|stays": Emerging.PERSISTENT,
    "++++++++++|falls": Emerging.DIMINISHING,
    "..+..++..+|": Emerging.SPORADIC,
    "++++.++.++|rises": Emerging.SPORADIC,
    "..+.--+..+|": Emerging.OSCILLATING,
    "-+++++++++|rises": Emerging.INTENSIFYING,
    "+++++++++.|": Emerging.HISTORICAL,
    "++++++++..|": Emerging.NONE,
    "..++++++..|": Emerging.NONE,
}
SIGNS = {"+": HOT, ".": NEITHER, "-": COLD}
COURSES = {"rises": np.arange(10.0), "falls": -np.arange(10.0), "stays": np.array([3.0, 1, 4, 1, 5, 1, 4, 2, 3, 2]), "": np.zeros(10)}


def read(row: str) -> tuple[list[int], np.ndarray]:
    steps, course = row.split("|")
    return [SIGNS[step] for step in steps], COURSES[course]


@pytest.mark.parametrize("row", GOLD)
@pytest.mark.parametrize("side", [HOT, COLD])
def test_gold_table(row: str, side: int) -> None:
    states, intensity = read(row)
    kinds, sides = classify(side * np.array([states]), side * intensity[None], correlation=0.0)
    assert (kinds[0], sides[0]) == (GOLD[row], side if GOLD[row] != Emerging.NONE else NEITHER)


def test_a_place_that_was_hot_and_now_is_newly_cold() -> None:
    kinds, sides = classify(np.array([[HOT, NEITHER, NEITHER, COLD]]), np.zeros((1, 4)), correlation=0.0)
    assert (kinds[0], sides[0]) == (Emerging.NEW, COLD)


@pytest.mark.parametrize("side", [HOT, COLD])
def test_what_is_so_now_goes_before_what_was(side: int) -> None:
    kinds, sides = classify(side * np.array([[HOT] * 9 + [COLD]]), np.zeros((1, 10)), correlation=0.0)
    assert (kinds[0], sides[0]) == (Emerging.NEW, -side)


def test_every_history_has_one_class_and_one_side() -> None:
    states = np.stack(np.meshgrid(*[[HOT, NEITHER, COLD]] * 6, indexing="ij"), axis=-1).reshape(-1, 6)
    kinds, sides = classify(states, np.zeros(states.shape), correlation=0.0)
    assert ((sides == NEITHER) == (kinds == Emerging.NONE)).all()
    ended = kinds != Emerging.HISTORICAL
    is_class = (kinds != Emerging.NONE) & ended
    assert (sides[is_class] == states[is_class, -1]).all()
    assert set(kinds[(states[:, -1] != NEITHER)]) >= {Emerging.NEW, Emerging.CONSECUTIVE, Emerging.SPORADIC, Emerging.OSCILLATING, Emerging.PERSISTENT}
    mirrored, other = classify(-states, np.zeros(states.shape), correlation=0.0)
    assert (mirrored == kinds).all()
    assert (other == -sides).all()


def test_trends_equal_those_of_the_library() -> None:
    chance = np.random.default_rng(3)
    values = chance.normal(size=(60, 40))
    values[:20] = np.round(values[:20])
    values[20:40] += 0.03 * np.arange(40)
    found = kendall_trend(values)
    for row, tau, z, p in zip(values, found.tau, found.z, found.p, strict=True):
        known = pymannkendall.original_test(row)
        assert (z, p) == (pytest.approx(known.z, abs=1e-12), pytest.approx(known.p, abs=1e-12))
        assert np.isfinite(tau)
        assert np.sign(tau) == np.sign(known.Tau)


@given(arrays("float64", (3, 12), elements=st.sampled_from([0.0, 1.0, 2.0, 5.0])))
def test_trends_of_ties_equal_those_of_the_library(values: np.ndarray) -> None:
    found = kendall_trend(values)
    for row, z in zip(values, found.z, strict=True):
        if len(set(row)) > 1:
            assert z == pytest.approx(pymannkendall.original_test(row).z, abs=1e-12)
        else:
            assert np.isnan(z)


def test_unknown_steps_are_left_out() -> None:
    values = np.random.default_rng(4).normal(size=(1, 20))
    gaps = np.insert(values, [3, 9, 15], np.nan, axis=1)
    assert kendall_trend(gaps).z[0] == pytest.approx(kendall_trend(values).z[0])
    assert np.isnan(kendall_trend(np.full((1, 8), np.nan)).p[0])
    assert np.isnan(kendall_trend(np.array([[1.0, 2.0, 3.0]])).p[0])


def with_memory(series: int, steps: int, memory: float) -> np.ndarray:
    noise = np.random.default_rng(8).normal(size=(series, steps + 40))
    for step in range(1, steps + 40):
        noise[:, step] += memory * noise[:, step - 1]
    return noise[:, 40:]


@pytest.mark.parametrize("steps", [5, 7])
def test_short_series_are_judged_no_more_boldly_than_by_the_plain_test(steps: int) -> None:
    values = np.random.default_rng(5).normal(size=(4000, steps))
    assert (kendall_trend(values, None).p <= 0.05).mean() <= (kendall_trend(values).p <= 0.05).mean() <= 0.05


def test_unknown_and_constant_series_do_not_move_what_is_learned_of_the_others() -> None:
    values = with_memory(300, 24, 0.4)
    alone = kendall_trend(values, None).z
    filled = np.concatenate([values, np.full((300, 24), np.nan), np.full((50, 24), -0.7)])
    np.testing.assert_allclose(kendall_trend(filled, None).z[:300], alone, rtol=1e-9)


@pytest.mark.parametrize("steps", [24, 60])
@pytest.mark.parametrize("memory", [0.0, 0.4])
def test_memory_is_not_taken_for_a_trend(steps: int, memory: float) -> None:
    values = with_memory(3000, steps, memory)
    assert 0.03 <= (kendall_trend(values, None).p <= 0.05).mean() <= 0.07
    if memory:
        assert (kendall_trend(values).p <= 0.05).mean() > 0.14  # the plain test is why


def test_a_trend_is_found_through_memory() -> None:
    values = with_memory(1000, 60, 0.4) + 0.04 * np.arange(60)
    assert (kendall_trend(values, None).p <= 0.05).mean() > 0.8


def test_runs() -> None:
    rows = np.array([[1, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0], [1, 1, 1, 0]], dtype=bool)
    assert runs_of(rows).tolist() == [2, 4, 0, 0]

"""Concentration among units: what is unequal by definition, who is outside the funnel by chance, and who is found that should be."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from governance.unit_concentration import LEAST_UNITS, WINSORISED_VARIANCE, Funnel, funnel, gini, top_share

ALERT = stats.norm.ppf(0.999)
"""Quantile of the two-sided level 0.998."""

COUNTS = st.lists(st.integers(0, 10_000), min_size=1, max_size=25)
SOME_COUNTS = COUNTS.filter(lambda counts: sum(counts) > 0)


def city(random: np.random.Generator, units: int = 100, spread: float = 0.2, least: float = 20, most: float = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Counts of units without anything special, and what is expected of them as the caller computes it: adding up to the observed total."""
    size = np.exp(random.uniform(math.log(least), math.log(most), units))
    observed = random.poisson(size * np.exp(spread * random.normal(size=units) - spread**2 / 2)).astype("float64")
    return observed, size * observed.sum() / size.sum()


def plain_z(observed: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Scores without any allowance for differences between units."""
    return 2 * (np.maximum(np.sqrt(observed) - np.sqrt(expected), 0) + np.minimum(np.sqrt(observed + 1) - np.sqrt(expected), 0))


# --- Gini and top share ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("counts", "wanted"), [([1, 2, 3, 4], 0.25), ([4, 1, 3, 2], 0.25), ([5, 5, 5], 0.0), ([0, 0, 0, 8], 0.75), ([0, 6], 0.5), ([7], 0.0)])
def test_gini_by_hand(counts: list[int], wanted: float) -> None:
    """1, 2, 3, 4: the 16 pairs differ by 20 together, 1.25 on average, over twice the mean of 2.5."""
    assert gini(np.array(counts)) == pytest.approx(wanted, abs=1e-12)


@given(SOME_COUNTS)
def test_gini_is_the_mean_absolute_difference_over_twice_the_mean(counts: list[int]) -> None:
    """By its definition over all pairs, in one order or another, between 0 and (U - 1) / U."""
    values = np.array(counts, dtype="float64")
    wanted = np.abs(values[:, None] - values[None]).mean() / (2 * values.mean())
    assert gini(values) == pytest.approx(wanted, abs=1e-12)
    assert -1e-12 <= gini(values) <= 1 - 1 / len(values) + 1e-12


@given(SOME_COUNTS, st.floats(1e-3, 1e3), st.integers(2, 4), st.integers(1, 8))
def test_scale_and_copies_change_nothing(counts: list[int], scale: float, copies: int, units: int) -> None:
    """Twice the requests, or every unit twice, are spread no less evenly; shares do not depend on the scale."""
    values = np.array(counts, dtype="float64")
    assert gini(values * scale) == pytest.approx(gini(values), abs=1e-9)
    assert gini(np.tile(values, copies)) == pytest.approx(gini(values), abs=1e-9)
    assert top_share(values * scale, units) == pytest.approx(top_share(values, units))
    assert top_share(np.tile(values, copies), units * copies) == pytest.approx(top_share(values, units))


@given(SOME_COUNTS.filter(lambda counts: len(set(counts)) > 1))
def test_a_request_moved_to_a_larger_unit_raises_gini(counts: list[int]) -> None:
    """The principle of transfers."""
    values = np.sort(np.array(counts, dtype="float64"))
    moved = values.copy()
    low = int(np.flatnonzero(values > 0)[0])
    if low == len(values) - 1:
        return
    moved[low] -= 1
    moved[-1] += 1
    assert gini(moved) > gini(values)


def test_each_period_by_itself() -> None:
    """A period without requests is undefined; a unit of unknown count is left out of its period, one with none is not."""
    counts = np.array([[1, 0, 9, 9], [2, 0, np.nan, 0], [3, 0, 1, 1], [4, 0, 1, 1]], dtype="float64")
    assert gini(counts) == pytest.approx([gini(counts[:, 0]), np.nan, gini(np.array([9, 1, 1])), gini(np.array([9, 0, 1, 1]))], nan_ok=True)
    assert gini(counts)[2] < gini(counts)[3]
    assert top_share(counts, 2) == pytest.approx([0.7, np.nan, 10 / 11, 10 / 11], nan_ok=True)


def test_top_share_takes_the_largest() -> None:
    """Five by default, chosen by count and not by place; all there are when there are fewer."""
    assert top_share(np.array([1, 9, 1, 9, 9, 9, 9, 1, 2])) == pytest.approx(45 / 50)
    assert top_share(np.array([3, 1]), units=5) == 1.0
    assert top_share(np.array([3, 1]), units=1) == 0.75


def test_nothing_known_is_undefined() -> None:
    """No request, no known count, no unit."""
    for counts in (np.zeros(3), np.full(3, np.nan), np.zeros(0)):
        assert np.isnan(gini(counts))
        assert np.isnan(top_share(counts))


# --- Funnel: what ordinary units do -----------------------------------------------------------------------------------------


def test_few_ordinary_units_lie_outside_the_outer_limits() -> None:
    """Of 30,000 units that differ by a fifth 0.2 to 1 % lie outside 99.8 % limits (chance has 0.2 %); without the allowance a third do."""
    random = np.random.default_rng(20)
    outside, without, between = [], [], []
    for _ in range(300):
        observed, expected = city(random)
        found = funnel(observed, expected)
        outside.append(np.abs(found.z) > ALERT)
        without.append(np.abs(plain_z(observed, expected)) > ALERT)
        between.append(found.dispersion.tau_squared)
    assert 0.001 < np.mean(outside) < 0.01
    assert np.mean(without) > 0.05
    assert np.mean(between) == pytest.approx(0.2**2 / 4, rel=0.1)


def test_tau_squared_of_the_closed_formula_would_be_too_low() -> None:
    """Why the equation is solved instead: winsorised phi in the closed formula finds less than half of the differences, and names many times as many."""
    random = np.random.default_rng(21)
    closed, solved, outside, ours = [], [], [], []
    for _ in range(100):
        observed, expected = city(random)
        found = funnel(observed, expected)
        solved.append(found.dispersion.tau_squared)
        ours.append(np.abs(found.z) > ALERT)
        z = 2 * (np.sqrt(observed) - np.sqrt(expected))
        phi = np.mean(np.clip(z, *np.quantile(z, [0.1, 0.9])) ** 2)
        weight = 4 * expected
        closed.append((len(z) * phi - (len(z) - 1)) / (weight.sum() - (weight**2).sum() / weight.sum()))
        outside.append(np.abs(plain_z(observed, expected)) / np.sqrt(1 + weight * closed[-1]) > ALERT)
    assert np.mean(closed) < 0.5 * np.mean(solved)
    assert np.mean(outside) > 5 * np.mean(ours)


def test_one_factor_for_all_would_judge_by_size() -> None:
    """Why the scatter is added: multiplied, all units outside are large ones; added, small ones with thrice as many can be found."""
    random = np.random.default_rng(22)
    large, added, multiplied = [], [], []
    for _ in range(200):
        observed, expected = city(random, least=10, most=5000)
        observed[0], expected[0] = random.poisson(60), 20
        found, z = funnel(observed, expected), plain_z(observed, expected)
        inflated = z / math.sqrt(found.dispersion.phi)
        large.append((np.abs(inflated) > ALERT)[expected > 1000])
        added.append(found.z[0] > ALERT)
        multiplied.append(inflated[0] > ALERT)
    assert np.mean(np.concatenate(large)) > 0.01
    assert np.mean(multiplied) < 0.1
    assert np.mean(added) > 0.6


def test_chance_alone_needs_no_allowance() -> None:
    """Scatter is that of chance on average where only chance differs, tau^2 next to nothing, and neither side has more than its thousandth outside."""
    random = np.random.default_rng(23)
    found = [funnel(*city(random, spread=0.0, least=6, most=50)) for _ in range(300)]
    z = np.concatenate([each.z for each in found])
    assert np.mean([each.dispersion.phi for each in found]) == pytest.approx(1.0, abs=0.03)
    assert np.median([each.dispersion.tau_squared for each in found]) < 0.001
    assert np.mean(z > ALERT) < 0.0015
    assert np.mean(z < -ALERT) < 0.0015
    assert any(each.dispersion.tau_squared == 0 and each.dispersion.phi <= 1 for each in found)


def test_few_are_not_named_where_chance_gives_them() -> None:
    """None where five are expected happens by chance once in 150, so it is not beyond a limit of one in a thousand."""
    observed, expected = np.append(np.full(20, 100.0), 0.0), np.append(np.full(20, 100.0), 5.0)
    found = funnel(observed, expected)
    assert found.dispersion.tau_squared == 0
    assert found.p_few[-1] == pytest.approx(stats.poisson.cdf(0, 5), rel=0.05)
    assert found.limits(np.array([5.0])).alert_low[0] == 0


@pytest.mark.parametrize("expected", [10, 50, 400])
def test_tails_are_those_of_poisson_counts(expected: int) -> None:
    """Without differences between units p-values are within a third of the exact tail down to one in a thousand, or err on the careful side."""
    for chance in (0.05, 0.01, 0.002):
        many, few = stats.poisson.isf(chance, expected), stats.poisson.ppf(chance, expected)
        others = np.full(60, float(expected))
        upper = funnel(np.append(others, many), np.append(others, expected)).p_many[-1]
        lower = funnel(np.append(others, few), np.append(others, expected)).p_few[-1]
        assert 0.7 < upper / stats.poisson.sf(many - 1, expected) < 1.6
        assert 0.7 < lower / stats.poisson.cdf(few, expected) < 1.35


# --- Funnel: what is found ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("units", [20, 100])
def test_a_unit_with_thrice_its_expectation_is_found(units: int) -> None:
    """600 where 200 are expected, among units that differ by a fifth; it hardly widens the limits itself."""
    random = np.random.default_rng(24)
    scores = []
    for _ in range(100):
        observed, expected = city(random, units)
        observed[3], expected[3] = random.poisson(600), 200
        found = funnel(observed, expected)
        scores.append(found.z[3])
        assert found.p_many[3] < 0.01
    assert np.mean(np.array(scores) > 3) >= 0.99


def test_one_outlier_hardly_widens_the_limits() -> None:
    """A unit a thousand times its expectation leaves the others' differences where they were."""
    observed, expected = city(np.random.default_rng(25), 50)
    calm = funnel(observed, expected).dispersion.tau_squared
    observed[0] = 1000 * expected[0]
    assert funnel(observed, expected).dispersion.tau_squared < 1.6 * calm


def test_limits_say_what_z_says() -> None:
    """A ratio is outside the limits at its expectation exactly when its score is beyond the quantile, at both levels."""
    random = np.random.default_rng(26)
    observed, expected = city(random, 400, spread=0.4, least=5, most=500)
    found = funnel(observed, expected, level_watch=0.8, level_alert=0.95)
    limits = found.limits(expected)
    for low, high, level in ((limits.watch_low, limits.watch_high, 0.8), (limits.alert_low, limits.alert_high, 0.95)):
        reach = stats.norm.ppf((1 + level) / 2)
        assert ((found.ratio > high) == (found.z > reach))[expected >= 5].all()
        assert ((found.ratio < low) == (found.z < -reach))[expected >= 5].all()
        assert (found.ratio > high).any()
        assert (found.ratio < low).any()


def test_the_funnel_narrows_towards_the_usual_difference() -> None:
    """Limits fall with the expectation, alert outside watch, 0 at the least; never narrower than units differ. No expectation, no limit."""
    found = funnel(*city(np.random.default_rng(27)))
    limits = found.limits(np.array([5.0, 20.0, 100.0, 1e9, 0.0, np.nan]))
    tau = math.sqrt(found.dispersion.tau_squared)
    assert (np.diff(limits.alert_high[:4]) < 0).all()
    assert (np.diff(limits.alert_low[:4]) >= 0).all()
    assert (limits.alert_high > limits.watch_high)[:4].all()
    assert (limits.alert_low <= limits.watch_low)[:4].all()
    assert limits.alert_low[0] == 0
    assert limits.alert_high[3] == pytest.approx((1 + ALERT * tau) ** 2, rel=1e-4)
    assert limits.alert_low[3] == pytest.approx((1 - ALERT * tau) ** 2, rel=1e-4)
    wide = funnel(*city(np.random.default_rng(27), spread=1.2)).limits(np.array([20.0, 1e9]))
    assert wide.alert_low.tolist() == [0.0, 0.0]
    assert np.isnan([limits.watch_low[4:], limits.watch_high[4:], limits.alert_low[4:], limits.alert_high[4:]]).all()


# --- Funnel: odd inputs ---------------------------------------------------------------------------------------------------


def same(left: Funnel, right: Funnel, of_left: np.ndarray | slice = slice(None)) -> None:
    for name in ("ratio", "z", "p_many", "p_few"):
        assert getattr(left, name)[of_left] == pytest.approx(getattr(right, name), nan_ok=True)
    assert left.dispersion == right.dispersion


def test_units_that_cannot_be_judged_take_no_part() -> None:
    """Unknown or little expected: NaN, and the others are judged as if they were not there."""
    observed, expected = city(np.random.default_rng(28), 30)
    with_more = funnel(np.append(observed, [np.nan, 900, 900, 0]), np.append(expected, [50, np.nan, 4.99, 0]))
    same(with_more, funnel(observed, expected), slice(0, 30))
    for name in ("ratio", "z", "p_many", "p_few"):
        assert np.isnan(getattr(with_more, name)[30:]).all()
    assert with_more.dispersion.units == 30
    assert np.isfinite(funnel(np.array([9.0]), np.array([4.99]), least_expected=4).z[0])
    assert np.isfinite(funnel(np.array([9.0]), np.array([5.0])).z[0])


def test_a_single_unit_is_judged_by_chance_alone() -> None:
    """How much units differ cannot be told from one, nor from none."""
    found = funnel(np.array([30.0]), np.array([10.0]))
    assert found.z[0] == pytest.approx(2 * (math.sqrt(30) - math.sqrt(10)))
    assert math.isnan(found.dispersion.phi)
    assert (found.dispersion.tau_squared, found.dispersion.units) == (0.0, LEAST_UNITS - 1)
    nobody = funnel(np.zeros(0), np.zeros(0))
    assert nobody.z.shape == (0,)
    assert nobody.dispersion.units == 0


def test_all_as_expected() -> None:
    """Nobody is special, nothing is added, p is one half."""
    found = funnel(np.full(6, 40), np.full(6, 40))
    assert (found.dispersion.phi, found.dispersion.tau_squared) == (0.0, 0.0)
    assert found.ratio.tolist() == [1.0] * 6
    assert found.z.tolist() == [0.0] * 6
    assert found.p_many.tolist() == found.p_few.tolist() == [0.5] * 6


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 5000), st.floats(0, 5000)), max_size=30))
@example([(0, 5.0)] * 12)
@example([(0, 5.0), (5000, 5.0)])
@example([(80, 100.0), (90, 100.0), (100, 100.0), (110, 100.0), (120, 100.0)])
def test_whatever_the_counts(units: list[tuple[int, float]]) -> None:
    """Finite where judged; p-values add up to 1; more than expected has z of 0 or more; the order of units does not matter."""
    observed, expected = (np.array([unit[place] for unit in units], dtype="float64") for place in (0, 1))
    found = funnel(observed, expected)
    judged = expected >= 5
    assert (np.isfinite(found.z) == judged).all()
    assert found.p_many[judged] + found.p_few[judged] == pytest.approx(1)
    assert (found.z[judged & (observed >= expected)] >= 0).all()
    assert (found.z[judged & (observed <= expected)] <= 0).all()
    assert (found.dispersion.tau_squared > 0) == (found.dispersion.phi > 1)
    backwards = funnel(observed[::-1], expected[::-1])
    assert backwards.z[::-1] == pytest.approx(found.z, nan_ok=True, rel=1e-4, abs=1e-6)


def test_inputs_stay_and_whole_numbers_do() -> None:
    """Integer arrays are taken as they are and the caller's arrays are untouched."""
    for kind in ("int64", "float64"):
        observed, expected = np.array([90, 20, 0], dtype=kind), np.array([30, 20, 4], dtype=kind)
        funnel(observed, expected).limits(expected)
        assert gini(observed) == pytest.approx(gini(observed.astype("float32")))
        assert top_share(observed, 1) == pytest.approx(90 / 110)
        assert observed.tolist() == [90, 20, 0]
        assert expected.tolist() == [30, 20, 4]


def test_what_pulling_in_takes() -> None:
    """Mean square of standard normal scores of which the outer tenths were pulled in."""
    z = stats.norm.ppf((np.arange(200_000) + 0.5) / 200_000)
    assert np.mean(np.clip(z, *np.quantile(z, [0.1, 0.9])) ** 2) == pytest.approx(WINSORISED_VARIANCE, abs=1e-4)


TEN = np.full(3, 10.0)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: gini(np.zeros((2, 2, 2))), "各单位的件数应有一个维度(单位)或两个维度(单位、时段), 实际有 3 个"),
        (lambda: gini(np.float64(3)), "各单位的件数应有一个维度(单位)或两个维度(单位、时段), 实际有 0 个"),
        (lambda: top_share(np.zeros((2, 2, 2))), "各单位的件数应有一个维度(单位)或两个维度(单位、时段), 实际有 3 个"),
        (lambda: gini(np.array([-1, 2, -3])), "各单位的件数中有 2 个负数或无穷大; 应为 0 或正数, 未知留空"),
        (lambda: top_share(np.array([np.inf, 2])), "各单位的件数中有 1 个负数或无穷大; 应为 0 或正数, 未知留空"),
        (lambda: top_share(TEN, units=0), "取前几个单位应为 1 或更大的整数, 实际为 0"),
        (lambda: top_share(TEN, units=2.5), "取前几个单位应为 1 或更大的整数, 实际为 2.5"),  # type: ignore[arg-type]
        (lambda: top_share(TEN, units=math.nan), "取前几个单位应为 1 或更大的整数, 实际为 nan"),  # type: ignore[arg-type]
        (lambda: funnel(TEN, TEN[:2]), "各单位的件数的形状为 (3,), 期望件数的形状为 (2,); 应同为 (单位数,)"),
        (lambda: funnel(np.zeros((2, 2)), np.zeros((2, 2))), "各单位的件数的形状为 (2, 2), 期望件数的形状为 (2, 2); 应同为 (单位数,)"),
        (lambda: funnel(-TEN, TEN), "各单位的件数中有 3 个负数或无穷大; 应为 0 或正数, 未知留空"),
        (lambda: funnel(TEN, np.array([1, np.inf, 1])), "期望件数中有 1 个负数或无穷大; 应为 0 或正数, 未知留空"),
        (lambda: funnel(TEN, TEN).limits(-TEN), "期望件数中有 3 个负数或无穷大; 应为 0 或正数, 未知留空"),
        (
            lambda: funnel(TEN, TEN, level_watch=0.99, level_alert=0.9),
            "漏斗图的关注界限为 0.99, 警示界限为 0.9; 应都大于 0 且小于 1, 关注界限小于警示界限",
        ),
        (lambda: funnel(TEN, TEN, level_alert=1.0), "漏斗图的关注界限为 0.95, 警示界限为 1.0; 应都大于 0 且小于 1, 关注界限小于警示界限"),
        (lambda: funnel(TEN, TEN, least_expected=0), "参加比较的最少期望件数为 0; 应大于 0"),
        (lambda: funnel(TEN, TEN, least_expected=math.inf), "参加比较的最少期望件数为 inf; 应大于 0"),
    ],
)
def test_what_cannot_be_used_is_refused(call: Callable[[], object], sentence: str) -> None:
    """Each with what was found and what is allowed."""
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the whole sentence is compared below
        call()
    assert str(error.value) == sentence

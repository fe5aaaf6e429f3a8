"""Gi* and local Moran I: equal to esda, p-values as 19,999 permutations have them, right about empty maps, and able to see a hot spot."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pytest
from esda.getisord import G_Local
from esda.moran import Moran_Local
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from libpysal.weights import WSP, W, fill_diagonal
from scipy import stats
from scipy.sparse import csr_array
from shapely.geometry import box

from geodata.local_statistics import LocalStatistic, LocalStatisticError, false_discovery, getis_ord, local_moran, permuted_tails
from geodata.neighbours import Neighbours, contiguity
from geodata.smoothing import smoothed_rates, standardised_rates
from tests.factories import GEODATA

ALPHA = 0.06
RATE = 0.10
TOWNSHIPS = GEODATA / "beijing_townships.geojson"


class City(NamedTuple):
    """Areas with neighbours and population, large ones in the middle as everywhere."""

    neighbours: Neighbours
    population: np.ndarray

    def counts(self, maps: int, expected: float, seed: int, ratio: np.ndarray | float = 1.0) -> np.ndarray:
        """Requests of each area and map, with nothing but chance (negative binomial) and what ``ratio`` plants, N or 1 in size."""
        chance = np.random.default_rng(seed)
        means = (self.population / self.population.mean() * expected * ratio)[:, None]
        return chance.poisson(means * chance.gamma(1 / ALPHA, ALPHA, (len(self.population), maps))).astype("float64")


def lattice(rows: int, columns: int) -> Neighbours:
    places = [(row, column) for row in range(rows) for column in range(columns)]
    cells = [box(500_000 + 1000 * column, 4_400_000 + 1000 * row, 501_000 + 1000 * column, 4_401_000 + 1000 * row) for row, column in places]
    return contiguity(gpd.GeoDataFrame({"code": [str(number) for number in range(len(cells))]}, geometry=cells, crs="EPSG:32650"))


def made_up_city() -> City:
    rows, columns = 18, 19
    row, column = np.divmod(np.arange(rows * columns), columns)
    away = np.hypot(row - rows / 2, column - columns / 2)
    scatter = np.random.default_rng(11).lognormal(0, 0.5, rows * columns)
    return City(lattice(rows, columns), 120_000 * np.exp(-((away / 7) ** 2)) * scatter + 8_000)


def beijing() -> City:
    if not TOWNSHIPS.exists():
        pytest.skip(f"needs ../shared: {TOWNSHIPS.name}")
    areas = gpd.read_file(TOWNSHIPS)
    return City(contiguity(areas), areas["population_est"].to_numpy(dtype="float64"))


@pytest.fixture(scope="module", params=[made_up_city, beijing], ids=["made-up", "beijing"])
def city(request: pytest.FixtureRequest) -> City:
    return request.param()


@pytest.fixture(scope="module")
def small() -> Neighbours:
    return lattice(6, 7)


def rates(city: City, counts: np.ndarray) -> np.ndarray:
    return smoothed_rates(counts, city.population)


def weights(neighbours: Neighbours) -> W:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return WSP(neighbours.matrix.tocsr()).to_W(silence_warnings=True)


# Statistics


def test_gi_equals_esda(city: City) -> None:
    values = rates(city, city.counts(8, 204, 1))
    found = getis_ord(values, city.neighbours).statistic
    with_self = fill_diagonal(weights(city.neighbours), 1.0)
    for place in range(values.shape[1]):
        reference = G_Local(values[:, place], with_self, transform="B", permutations=0, star=True)
        np.testing.assert_allclose(found[:, place], reference.Zs, rtol=0, atol=1e-12)


def test_moran_equals_esda(city: City) -> None:
    values = rates(city, city.counts(8, 204, 2))
    found = local_moran(values, city.neighbours).statistic
    for place in range(values.shape[1]):
        reference = Moran_Local(values[:, place], weights(city.neighbours), transformation="r", permutations=0)
        np.testing.assert_allclose(found[:, place], reference.Is, rtol=0, atol=1e-12)


def test_gi_of_a_row_by_hand() -> None:
    """Five areas in a row with values 1, 2, 3, 4, 10: mean 4, variance 10, so z of the middle is (9 - 12) / sqrt(10 x 3 x 2 / 4)."""
    row = lattice(1, 5)
    found = getis_ord(np.array([1.0, 2, 3, 4, 10]), row)
    assert found.statistic[2] == pytest.approx(-3 / np.sqrt(15))
    assert found.statistic[4] == pytest.approx(6 / np.sqrt(15))


@pytest.mark.parametrize("statistic", [getis_ord, local_moran])
def test_shapes_and_batches(statistic, small: Neighbours, monkeypatch: pytest.MonkeyPatch) -> None:
    """One map as N, or many a few at a time: the same numbers."""
    values = np.random.default_rng(3).gamma(2, 1, (42, 9))
    whole = statistic(values, small)
    monkeypatch.setattr("geodata.local_statistics.CELLS_AT_ONCE", 100)
    few = statistic(values, small)
    single = statistic(values[:, 4], small)
    for name in ("statistic", "p_high", "p_low"):
        np.testing.assert_allclose(getattr(few, name), getattr(whole, name), rtol=1e-9)
        np.testing.assert_allclose(getattr(single, name), getattr(whole, name)[:, 4], rtol=1e-9)
    assert statistic(np.empty((42, 0)), small).statistic.shape == (42, 0)


# Probabilities


@pytest.mark.parametrize(("made", "expected"), [(smoothed_rates, 204.0), (standardised_rates, 204.0), (standardised_rates, 8.0)])
def test_tails_equal_permutations(city: City, made, expected: float) -> None:
    """On skewed rates the mean difference to 19,999 permutations is hardly more than their own noise, 0.002, and rare tails are as rare."""
    values = made(city.counts(12, expected, 4), city.population)
    found = getis_ord(values, city.neighbours)
    high, low = permuted_tails(values, city.neighbours, 19_999, 5)
    assert np.abs(found.p_high - high).mean() <= 0.003
    assert np.abs(found.p_low - low).mean() <= 0.003
    rare = high < 0.01
    assert rare.sum() > 10
    assert 0.75 < np.median(found.p_high[rare] / high[rare]) < 1.33


def test_normal_tails_would_fail(city: City) -> None:
    """What the third moment is for: without it the rare upper tails are far too rare."""
    values = rates(city, city.counts(12, 8, 4))
    found = getis_ord(values, city.neighbours)
    high, _ = permuted_tails(values, city.neighbours, 4999, 5)
    rare = high < 0.01
    normal = stats.norm.sf(found.statistic[rare])
    assert np.median(np.abs(np.log(normal / high[rare]))) > 1.5 * np.median(np.abs(np.log(found.p_high[rare] / high[rare])))


def test_moran_tails_are_those_of_the_neighbours_sum(city: City) -> None:
    values = rates(city, city.counts(4, 204, 6))
    found = local_moran(values, city.neighbours)
    high, low = permuted_tails(values, city.neighbours, 4999, 7)
    is_above = values > values.mean(axis=0)
    assert np.abs(found.p_high - np.where(is_above, high, low)).mean() < 0.006
    assert np.abs(found.p_low - np.where(is_above, low, high)).mean() < 0.006


def test_permutations_equal_a_plain_loop(small: Neighbours) -> None:
    """Drawing one by one, without the area itself, gives the same probabilities as the shared draws."""
    values = np.random.default_rng(8).gamma(0.7, 1, 42)
    high, low = permuted_tails(values, small, 4000, 9)
    chance = np.random.default_rng(10)
    for place in (0, 9, 41):
        k, actual = int(small.counts[place]), (small.matrix @ values)[place]
        others = np.delete(values, place)
        drawn = np.array([chance.choice(others, k, replace=False).sum() for _ in range(4000)])
        assert high[place] == pytest.approx((drawn >= actual).mean(), abs=0.035)
        assert low[place] == pytest.approx((drawn <= actual).mean(), abs=0.035)


def test_moments_are_exact() -> None:
    """Of all possible draws in a small map: where the sum has a symmetric distribution, half lies on each side, and the tails are near."""
    row = lattice(1, 9)
    values = np.array([5.0, 1, 2, 4, 3, 8, 9, 7, 6])
    found = getis_ord(values, row)
    for place in (1, 4, 7):
        others = np.delete(values, place)
        pairs = np.array([one + other for at, one in enumerate(others) for other in others[at + 1 :]])
        actual = values[place - 1] + values[place + 1]
        assert found.p_high[place] == pytest.approx((pairs > actual).mean() + (pairs == actual).mean() / 2, abs=0.02)


@pytest.mark.parametrize("sign", [1, -1])
def test_no_tail_is_impossible(city: City, sign: int) -> None:
    """Wild values, whose short tail Pearson's distribution ends too early: no p is 0, and rare ones are not rarer than by permutation."""
    values = sign * np.random.default_rng(12).gamma(0.3, 1, (len(city.population), 12))
    found = getis_ord(values, city.neighbours)
    high, low = permuted_tails(values, city.neighbours, 4999, 13)
    short, permuted = (found.p_low, low) if sign > 0 else (found.p_high, high)
    assert short.min() > 1e-6
    assert (short < 0.005).mean() <= (permuted < 0.005).mean() + 0.003


def test_equal_values_are_counted(city: City) -> None:
    """Three patches of areas without any request on a map of wild values.

    That k neighbours drawn have none either happens by C(c, k) / C(n - 1, k); Pearson's distribution would call it impossible.
    """
    values = np.random.default_rng(14).lognormal(0, 1.5, len(city.population))
    middles = np.argsort(-city.neighbours.counts, kind="stable")[[0, 20, 40]]
    for middle in middles:
        values[[middle, *city.neighbours.matrix[[middle]].indices]] = 0.0
    exact = stats.hypergeom.pmf(city.neighbours.counts, len(values) - 1, (values == 0).sum() - (values == 0), city.neighbours.counts)
    np.testing.assert_allclose(getis_ord(values, city.neighbours).p_low[middles], exact[middles], rtol=1e-6)
    np.testing.assert_allclose(getis_ord(-values, city.neighbours).p_high[middles], exact[middles], rtol=1e-6)


# Empty maps, and maps with a hot spot


def test_false_alarms_on_empty_maps(city: City) -> None:
    """400 maps without a hot spot: about a tenth has one at a false discovery rate of 10 %."""
    found = getis_ord(rates(city, city.counts(400, 204, 20)), city.neighbours)
    is_hot = (false_discovery(found.p_high) <= RATE).any(axis=0)
    assert 0.07 <= is_hot.mean() <= 0.13


@pytest.mark.parametrize("expected", [204.0, 20.0, 8.0, 2.0])
def test_standardised_rates_keep_their_promise_where_requests_are_few(city: City, expected: float) -> None:
    """Hot and cold spots on 400 empty maps, however rare the problem."""
    found = getis_ord(standardised_rates(city.counts(400, expected, 20), city.population), city.neighbours)
    for p in (found.p_high, found.p_low):
        assert 0.04 <= (false_discovery(p) <= RATE).any(axis=0).mean() <= 0.13


def test_smoothed_rates_would_not(city: City) -> None:
    """The tooth: with 8 requests an area, smoothed rates of small areas are pulled together, and a quarter of the empty maps shows a cold spot."""
    found = getis_ord(rates(city, city.counts(400, 8, 20)), city.neighbours)
    assert (false_discovery(found.p_low) <= RATE).any(axis=0).mean() > 0.2


def test_counts_would_be_hot_without_cause(city: City) -> None:
    """The tooth: on counts, most maps without a hot spot show one, where the people are."""
    found = getis_ord(city.counts(400, 204, 20), city.neighbours)
    assert (false_discovery(found.p_high) <= RATE).any(axis=0).mean() > 0.5


@pytest.mark.parametrize("made", [smoothed_rates, standardised_rates])
def test_a_doubled_cluster_is_seen(city: City, made) -> None:
    """Five contiguous areas of about 200 requests with twice as many: nine of ten maps show it, in a third of its areas or more, and little else."""
    means = city.population / city.population.mean() * 204
    start = int(np.argmin(np.abs(means - 200) + 1000 * (city.neighbours.counts < 5)))
    around = city.neighbours.matrix.indices[city.neighbours.matrix.indptr[start] : city.neighbours.matrix.indptr[start + 1]]
    cluster = np.array([start, *around[np.argsort(np.abs(means[around] - 200))][:4]])
    ratio = np.ones(len(means))
    ratio[cluster] = 2.0
    is_hot = false_discovery(getis_ord(made(city.counts(200, 204, 21, ratio), city.population), city.neighbours).p_high) <= RATE
    ring = np.unique(city.neighbours.matrix[cluster].indices)
    outside = np.setdiff1d(np.arange(len(means)), np.append(ring, cluster))
    assert is_hot[cluster].any(axis=0).mean() > 0.85
    assert is_hot[cluster].mean() > 0.33
    assert is_hot[outside].sum() / is_hot.sum() < 0.1


# Unknown values and degenerate maps


@pytest.mark.parametrize("statistic", [getis_ord, local_moran])
def test_unknown_areas_are_not_on_the_map(statistic, small: Neighbours) -> None:
    """As if the map had been made without them, each map its own."""
    values = np.random.default_rng(13).gamma(1, 1, (42, 3))
    values[[0, 17, 18], 0] = np.nan
    values[5, 2] = np.nan
    found = statistic(values, small)
    for column in range(3):
        rest = np.flatnonzero(~np.isnan(values[:, column]))
        less = Neighbours(csr_array(small.matrix[rest][:, rest]), tuple(small.codes[place] for place in rest))
        alone = statistic(values[rest, column], less)
        for name in ("statistic", "p_high", "p_low"):
            np.testing.assert_allclose(getattr(found, name)[rest, column], getattr(alone, name), rtol=1e-9)
            assert np.isnan(np.delete(getattr(found, name)[:, column], rest)).all()
    high, _ = permuted_tails(values, small, 99, 1)
    assert (np.isnan(high) == np.isnan(values)).all()


def nothing(found: LocalStatistic) -> bool:
    return all(np.isnan(part).all() for part in (found.statistic, found.p_high, found.p_low))


@pytest.mark.parametrize("statistic", [getis_ord, local_moran])
@pytest.mark.filterwarnings("error")
def test_degenerate_maps_say_nothing(statistic, small: Neighbours) -> None:
    """Constant maps (0.1 has no exact mean), maps with one or no known value, one area, and no areas: NaN and no warning."""
    constant = np.stack([np.full(42, 0.1), np.zeros(42), np.full(42, np.nan), np.full(42, 1e300 / 7)], axis=1)
    constant[3:, 1] = np.nan
    assert nothing(statistic(constant, small))
    single = np.full(42, np.nan)
    single[4] = 2.0
    assert nothing(statistic(single, small))
    assert nothing(statistic(np.array([3.0]), lattice(1, 1)))
    assert statistic(np.empty(0), Neighbours(csr_array((0, 0)), ())).statistic.shape == (0,)


@pytest.mark.filterwarnings("error")
def test_areas_without_known_neighbours_say_nothing(small: Neighbours) -> None:
    values = np.random.default_rng(14).gamma(1, 1, 42)
    values[[1, 7, 8]] = np.nan
    for statistic in (getis_ord, local_moran):
        found = statistic(values, small)
        assert np.isnan(found.statistic[0])
        assert np.isnan(found.p_high[0])
        assert np.isfinite(found.p_high[2])
    none = Neighbours(csr_array((5, 5)), tuple("abcde"))
    assert nothing(getis_ord(np.arange(5.0), none))
    assert nothing(local_moran(np.arange(5.0), none))


@pytest.mark.filterwarnings("error")
def test_where_dealing_anew_changes_nothing_there_is_no_probability() -> None:
    """All other areas are neighbours, or all others have one value."""
    full = Neighbours(csr_array(1.0 - np.eye(4)), tuple("abcd"))
    assert nothing(getis_ord(np.array([1.0, 2, 3, 5]), full))
    assert np.isfinite(local_moran(np.array([1.0, 2, 3, 5]), full).statistic).all()
    assert np.isnan(local_moran(np.array([1.0, 2, 3, 5]), full).p_high).all()
    one = np.full(12, 0.3)
    one[0] = 7.0
    found = getis_ord(one, lattice(3, 4))
    assert np.isnan(found.p_high[0])
    assert np.isfinite(found.p_high[1:]).all()


def test_an_area_at_the_mean_is_neither_like_nor_unlike() -> None:
    values = np.array([1.0, 2, 3, 4, 5, 6, 7, 8, 9])
    found = local_moran(values, lattice(1, 9))
    assert (found.statistic[4], found.p_high[4], found.p_low[4]) == (0.0, 1.0, 1.0)


@settings(max_examples=60)
@given(hnp.arrays("float64", (12, 2), elements=st.integers(0, 40)), st.permutations(range(12)), st.floats(0.01, 1000), st.floats(-1000, 1000))
def test_order_unit_and_origin_do_not_matter(values: np.ndarray, order: list[int], unit: float, origin: float) -> None:
    grid = lattice_of_twelve()
    mixed = Neighbours(csr_array(grid.matrix[order][:, order]), tuple(grid.codes[place] for place in order))
    for statistic in (getis_ord, local_moran):
        found, other = statistic(values, grid), statistic(values[order] * unit + origin, mixed)
        np.testing.assert_allclose(other.statistic, found.statistic[order], atol=1e-6)
        for name in ("p_high", "p_low"):
            at_mean = np.isclose(values, values.mean(axis=0))[order] & (statistic is local_moran)
            np.testing.assert_allclose(np.where(at_mean, 0, getattr(other, name)), np.where(at_mean, 0, getattr(found, name)[order]), atol=1e-5)


def lattice_of_twelve(kept: list[Neighbours] = []) -> Neighbours:  # noqa: B006 - made once for all examples
    if not kept:
        kept.append(lattice(3, 4))
    return kept[0]


@settings(max_examples=60)
@given(hnp.arrays("float64", 12, elements=st.integers(-20, 20)))
def test_the_negative_of_a_map_exchanges_the_tails(values: np.ndarray) -> None:
    found, turned = getis_ord(values, lattice_of_twelve()), getis_ord(-values, lattice_of_twelve())
    np.testing.assert_allclose(turned.statistic, -found.statistic, atol=1e-9)
    np.testing.assert_allclose(turned.p_high, found.p_low, atol=1e-7)
    np.testing.assert_allclose(found.p_high + found.p_low, np.where(np.isnan(found.p_high), np.nan, 1.0))


# False discovery


@settings(max_examples=100)
@given(hnp.arrays("float64", (9, 3), elements=st.floats(0, 1) | st.just(np.nan)))
def test_q_values_are_those_of_scipy(p: np.ndarray) -> None:
    found = false_discovery(p)
    for column in range(3):
        known = ~np.isnan(p[:, column])
        expected = stats.false_discovery_control(p[known, column]) if known.any() else []
        np.testing.assert_allclose(found[known, column], expected, rtol=1e-12)
        np.testing.assert_allclose(false_discovery(p[:, column]), found[:, column])
        assert np.isnan(found[~known, column]).all()


def test_what_cannot_be_used_is_refused(small: Neighbours) -> None:
    for statistic in (getis_ord, local_moran):
        with pytest.raises(LocalStatisticError, match=r"\(3,\), 邻接关系中有 42 个区域"):
            statistic(np.ones(3), small)
        with pytest.raises(LocalStatisticError, match="有 1 个无穷大"):
            statistic(np.append(np.ones(41), np.inf), small)
    with pytest.raises(LocalStatisticError, match="置换次数为 0"):
        permuted_tails(np.ones(42), small, 0, 1)
    with pytest.raises(LocalStatisticError, match="有 2 个概率"):
        false_discovery(np.array([0.5, 1.5, -0.1]))

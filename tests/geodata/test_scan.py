"""The scan statistic against SaTScan's figures, plain loops over all windows, planted clusters and maps without any."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata import scan_replicates
from geodata.boundaries import BoundarySchema, read_boundaries
from geodata.scan import Null, ScanError, Windows, gumbel_p_value, gumbel_ratio, scan
from geodata.scan_ratios import bernoulli_ratio, permutation_expected, poisson_ratio, thresholds_of
from geodata.scan_windows import circles_of, spans_of
from geodata.smoothing import pooled_overdispersion
from tests.factories import GEODATA, SHARED, needs_shared

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUES = SHARED / "reference" / "values"
TOWNSHIPS = GEODATA / "beijing_townships_light.geojson"
FEW = Null(dispersion=0.1, replicates=19)


def lattice(size: int, *, is_even: bool = False) -> np.ndarray:
    """Points about two kilometres apart, size x size; even ones have many equal distances."""
    row, column = np.divmod(np.arange(size**2), size)
    points = np.column_stack([116 + 0.02 * column, 39.9 + 0.015 * row])
    return points if is_even else points + np.random.default_rng(3).normal(0, 0.003, points.shape)


def drawn(expected: np.ndarray, alpha: float, seed: int) -> np.ndarray:
    chance = np.random.default_rng(seed)
    return chance.poisson(expected * chance.gamma(1 / alpha, alpha, expected.shape)) if alpha else chance.poisson(expected)


# --- The ratio, against SaTScan 10.3.2 ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("observed", "expected", "total", "ratio"),
    [
        # SaTScan's own unit tests
        (10, 1, 1175, 14.060436),
        (2, 1, 1175, 0.386720),
        # New York fever, space-time permutation: expected counts are products of whole margins over 194; O/E 5.97, 12.12, 6.81
        (4, 130 / 194, 194, 3.845418),
        (2, 32 / 194, 194, 3.164201),
        (2, 57 / 194, 194, 2.137259),
        (3, 3, 10, 0.0),
        (2, 3, 10, 0.0),
        (10, 4, 10, 10 * math.log(2.5)),
        (0, 0, 10, 0.0),
    ],
)
def test_poisson_ratio_has_the_reference_values(observed: float, expected: float, total: float, ratio: float) -> None:
    assert poisson_ratio(np.array(observed), np.array(expected), total) == pytest.approx(ratio, abs=1e-6)


@pytest.mark.parametrize(("cases", "size", "ratio"), [(4, 4, 4.836516), (5, 6, 3.712697), (3, 3, 3.609718), (1, 4, 0.0), (0, 3, 0.0)])
def test_bernoulli_ratio_has_the_values_of_north_humberside(cases: int, size: int, ratio: float) -> None:
    assert bernoulli_ratio(np.array(cases), np.array(size), 62, 203) == pytest.approx(ratio, abs=1e-6)


@needs_shared(VALUES / "nm.txt", VALUES / "NYCfever.txt")
@pytest.mark.parametrize(("name", "clusters"), [("nm", 3), ("NYCfever", 3)])
def test_reports_of_the_reference_program(name: str, clusters: int) -> None:
    """Expected counts are printed with two digits: the printed ratio lies between those of half a digit more and less."""
    text = (VALUES / f"{name}.txt").read_text(encoding="utf-8")
    total = float(re.findall(r"Total number of cases\.*: (\d+)", text)[0])
    found = re.findall(r"Number of cases\.*: (\d+)\s+Expected cases\.*: ([\d.]+)", text)
    ratios = re.findall(r"(?:Log likelihood ratio|Test statistic)\.*: ([\d.]+)", text)
    assert len(found) == len(ratios) == clusters
    for (observed, expected), ratio in zip(found, ratios, strict=True):
        low, high = poisson_ratio(np.array(float(observed)), float(expected) + np.array([0.005, -0.005]), total)
        assert low - 1e-5 <= float(ratio) <= high + 1e-5
        assert high - low < 0.5


@given(st.floats(0.05, 60), st.floats(1e-6, 0.999), st.floats(1, 1e5))
def test_thresholds_lose_no_window(ratio: float, share: float, total: float) -> None:
    """A count up to the threshold has at most the ratio; a tenth more excess has a larger one, so that few windows pass in vain."""
    grid, limits = thresholds_of(ratio, total)
    expected = np.array(share * total)
    limit = np.interp(expected, grid, limits)
    assert limit >= expected * (1 - 1e-9)
    assert poisson_ratio(limit, expected, total) <= ratio * (1 + 1e-6)
    more = limit + 0.1 * (limit - expected)
    if more < total and 1e-3 < share < 0.5:
        assert poisson_ratio(more, expected, total) > ratio


def test_permutation_expected_keeps_the_margins() -> None:
    observed = np.array([[1, 0, 3], [2, 2, 0]])
    expected = permutation_expected(observed)
    np.testing.assert_allclose(expected, [[1.5, 1, 1.5], [1.5, 1, 1.5]])
    assert (permutation_expected(np.zeros((2, 3))) == 0).all()


# --- All windows by plain loops -------------------------------------------------------------------------------------


def kilometres(one: np.ndarray, other: np.ndarray) -> float:
    (x1, y1), (x2, y2) = np.radians(one), np.radians(other)
    cosine = math.sin(y1) * math.sin(y2) + math.cos(y1) * math.cos(y2) * math.cos(x1 - x2)
    return 6371.0088 * math.acos(min(1.0, cosine))


def plain_windows(points: np.ndarray, weight: np.ndarray, periods: int, windows: Windows) -> Iterator[tuple[frozenset[int], int, int]]:
    """Every set of areas within some distance of an area, with every span."""
    shapes = set()
    for centre in points:
        apart = [kilometres(centre, point) for point in points]
        for place, radius in enumerate(sorted(apart)):
            inside = frozenset(area for area, distance in enumerate(apart) if distance <= radius + 1e-5)
            is_first = inside == frozenset(area for area, distance in enumerate(apart) if distance <= min(apart) + 1e-5)
            fits = sum(weight[area] for area in inside) <= windows.most_share * sum(weight) * (1 + 1e-9) and radius <= windows.most_km
            if fits or (is_first and place == 0):
                shapes.add(inside)
    for inside in shapes:
        for first in range(periods):
            for last in range(first, periods):
                if windows.kind == "spatial":
                    fits = (first, last) == (0, periods - 1)
                else:
                    fits = last - first < windows.most_periods and (windows.kind == "retrospective" or last == periods - 1)
                if fits:
                    yield inside, first, last


def plain_ratio(observed: float, expected: float, total: float) -> float:
    if observed <= expected:
        return 0.0
    rest = (total - observed) * math.log((total - observed) / (total - expected)) if total > observed else 0.0
    return observed * math.log(observed / expected) + rest


def plain_scan(observed: np.ndarray, expected: np.ndarray, points: np.ndarray, windows: Windows) -> dict[tuple[frozenset[int], int, int], float]:
    total, scale = float(observed.sum()), float(observed.sum() / expected.sum())
    found = {}
    for inside, first, last in plain_windows(points, expected.sum(axis=1), observed.shape[1], windows):
        seen = sum(float(observed[area, period]) for area in inside for period in range(first, last + 1))
        usual = sum(float(expected[area, period]) for area in inside for period in range(first, last + 1)) * scale
        found[inside, first, last] = plain_ratio(seen, usual, total) if seen >= windows.least_count else 0.0
    return found


@st.composite
def small_maps(draw: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, Windows]:
    chance = np.random.default_rng(draw(st.integers(0, 10**6)))
    areas, periods = draw(st.integers(1, 8)), draw(st.integers(1, 5))
    expected = chance.gamma(1, draw(st.sampled_from([0.3, 3.0, 40.0])), (areas, periods)) + 0.01
    observed = chance.poisson(expected * chance.gamma(2, 0.5, expected.shape))
    points = lattice(3, is_even=True)[chance.permutation(9)[:areas]] if draw(st.booleans()) else np.array([116, 39.9]) + chance.random((areas, 2)) / 10
    kind = draw(st.sampled_from(["prospective", "retrospective", "spatial"]))
    windows = Windows(
        kind,
        draw(st.integers(1, 6)),
        draw(st.sampled_from([0.2, 0.5, 1.0])),
        draw(st.sampled_from([3.0, math.inf])),
        draw(st.sampled_from([0, 2, 5])),
    )
    return observed, expected, points, windows


@settings(max_examples=120, deadline=None)
@given(small_maps())
def test_clusters_are_those_of_all_windows(case: tuple[np.ndarray, np.ndarray, np.ndarray, Windows]) -> None:
    """The highest window, then the highest that has no area in common with those before; of several as high any will do."""
    observed, expected, points, windows = case
    found = scan(observed, expected, points, windows, FEW).clusters
    left = plain_scan(observed, expected, points, windows) if observed.any() else {}
    for cluster in found:
        highest = max(left.values())
        own = (frozenset(cluster.areas), cluster.first_period, cluster.last_period)
        assert left[own] == pytest.approx(highest, rel=1e-9, abs=1e-9)
        assert cluster.log_likelihood_ratio == pytest.approx(highest, rel=1e-9, abs=1e-9)
        assert cluster.observed == observed[list(cluster.areas), cluster.first_period : cluster.last_period + 1].sum()
        assert cluster.centre == cluster.areas[0] or cluster.radius_km == 0
        assert cluster.radius_km == pytest.approx(max(kilometres(points[cluster.centre], points[area]) for area in cluster.areas), abs=1e-3)
        left = {window: ratio for window, ratio in left.items() if not window[0] & own[0]}
    assert len(found) == 10 or max(left.values(), default=0.0) < 1e-9


@settings(max_examples=40, deadline=None)
@given(small_maps(), st.booleans(), st.sampled_from([0.0, 0.3, 3.0]))
def test_maxima_of_replicates_are_those_of_all_windows(case: tuple[np.ndarray, np.ndarray, np.ndarray, Windows], is_conditioned: bool, alpha: float) -> None:
    """No window is lost to the bar, the pilot, single precision or the change of totals: each replicate is scanned by plain loops too."""
    _observed, expected, points, windows = case
    maps: list[tuple[np.ndarray, np.ndarray]] = []

    def record(*arguments: Any) -> tuple[np.ndarray, np.ndarray]:
        sums, totals = draw(*arguments)
        maps.append((sums.astype("float64"), totals.copy()))
        return sums, totals

    draw, scan_replicates._drawn = scan_replicates._drawn, record
    try:
        expected = expected * (max(round(expected.sum()), 1) / expected.sum())
        circles, spans = circles_of(points, expected.sum(axis=1), windows), spans_of(expected.shape[1], windows)
        null = Null(alpha, 70, 5, is_conditioned)
        maxima = scan_replicates.replicate_maxima(expected, circles, spans, null, windows.least_count)
    finally:
        scan_replicates._drawn = draw
    (sums, totals), total = maps[0], expected.sum()
    shapes = dict.fromkeys(plain_windows(points, expected.sum(axis=1), expected.shape[1], windows), 0.0)
    place = {tuple(span): number for number, span in enumerate(spans.tolist())}
    for replicate in range(0, 70, 7):
        whole, best = totals[replicate], 0.0
        for inside, first, last in shapes:
            seen = sums[list(inside), place[first, last], replicate].sum()
            usual = expected[list(inside), first : last + 1].sum() * whole / total
            if seen >= windows.least_count:
                best = max(best, plain_ratio(seen, usual, whole))
        assert maxima[replicate] == pytest.approx(best, rel=1e-6, abs=1e-6)


def test_a_larger_map_loses_nothing_either() -> None:
    """With pilot, later rounds and hundreds of circles: the fast search finds what a search without a bar finds."""
    expected = np.random.default_rng(1).gamma(1.5, 2, (64, 12))
    windows = Windows(most_periods=6)
    circles, spans = circles_of(lattice(8), expected.sum(axis=1), windows), spans_of(12, windows)
    chance = np.random.default_rng(0)
    sums, totals = scan_replicates._drawn(expected, spans, Null(0.3), 200, chance)
    within = np.stack([expected[:, first : last + 1].sum(axis=1) for first, last in spans], axis=1)
    whole = np.zeros(200)
    for near, is_circle in zip(circles.members, circles.is_circle, strict=True):
        seen, usual = np.cumsum(sums[near].astype("float64"), axis=0), np.cumsum(within[near], axis=0)
        ratio = poisson_ratio(seen, usual[:, :, None] * totals / expected.sum(), totals)
        whole = np.maximum(whole, np.where((seen >= 2) & is_circle[:, None, None], ratio, 0).max(axis=(0, 1)))
    search = scan_replicates._Search(circles, within, float(expected.sum()), 2, np.arange(64))
    np.testing.assert_allclose(search.maxima(sums, totals), whole, rtol=1e-9)


# --- Planted clusters -----------------------------------------------------------------------------------------------


def test_a_planted_cluster_is_found_with_its_areas_and_start() -> None:
    points, expected = lattice(8), np.full((64, 20), 8.0)
    planted = circles_of(points, np.ones(64), Windows()).members[27][:7]
    rates = expected.copy()
    rates[np.ix_(planted, range(17, 20))] *= 2.2
    result = scan(drawn(rates, 0.1, 1), expected, points, Windows(most_periods=8), Null(replicates=199))
    first = result.clusters[0]
    assert set(first.areas) == set(planted.tolist())
    assert (first.first_period, first.last_period) == (17, 19)
    assert first.relative_risk == pytest.approx(2.2, rel=0.2)
    assert first.p_value == 1 / 200
    assert first.gumbel_p_value < 1e-4
    assert first.recurrence_days == 7 * 200
    assert all(cluster.p_value > 0.05 for cluster in result.clusters[1:])
    assert result.frame().iloc[0].log_likelihood_ratio == first.log_likelihood_ratio


def test_two_planted_clusters_and_a_past_one() -> None:
    """Clusters have no area in common; one that is over is found looking back only."""
    points, expected = lattice(8), np.full((64, 16), 10.0)
    members = circles_of(points, np.ones(64), Windows()).members
    one, other = members[9][:5], members[54][:5]
    rates = expected.copy()
    rates[np.ix_(one, range(4, 8))] *= 2.5
    rates[np.ix_(other, range(13, 16))] *= 2.5
    observed = drawn(rates, 0.05, 2)
    back = scan(observed, expected, points, Windows("retrospective", 5), Null(0.05, 99)).clusters
    assert {(frozenset(cluster.areas), cluster.first_period, cluster.last_period) for cluster in back[:2]} == {
        (frozenset(one.tolist()), 4, 7),
        (frozenset(other.tolist()), 13, 15),
    }
    assert [cluster.p_value for cluster in back[:2]] == [0.01, 0.01]
    assert math.isnan(back[0].recurrence_days)
    areas = [area for cluster in back for area in cluster.areas]
    assert len(areas) == len(set(areas))
    now = scan(observed, expected, points, Windows(most_periods=5), Null(0.05, 99)).clusters
    assert set(now[0].areas) == set(other.tolist())
    assert now[1].p_value > 0.05


@needs_shared(TOWNSHIPS)
def test_a_planted_cluster_among_the_subdistricts_of_beijing() -> None:
    areas = read_boundaries(TOWNSHIPS, BoundarySchema("code", "name", "district_code", "district", "population"))
    points = areas[["longitude", "latitude"]].to_numpy()
    expected = np.random.default_rng(4).gamma(3, 1, (len(areas), 1)) * np.ones((1, 26))
    centre = int(np.flatnonzero(areas.name.str.contains("回龙观"))[0])
    planted = circles_of(points, np.ones(len(areas)), Windows()).members[centre][:6]
    rates = expected.copy()
    rates[planted, -2:] *= 3
    result = scan(drawn(rates, 0.06, 5), expected, points, Windows(most_periods=4), Null(0.06, 99))
    found = set(result.clusters[0].areas)
    assert result.clusters[0].p_value == 0.01
    assert result.clusters[0].first_period == 24
    assert len(found & set(planted.tolist())) >= 5
    assert len(found) <= 8


def test_of_two_clusters_as_high_either_may_come_first() -> None:
    points, expected = lattice(5, is_even=True), np.full((25, 3), 2.0)
    observed = np.full((25, 3), 2)
    observed[[0, 24], 2] = 9
    clusters = scan(observed, expected, points, Windows(), FEW).clusters
    assert {clusters[0].areas, clusters[1].areas} == {(0,), (24,)}
    assert clusters[0].log_likelihood_ratio == pytest.approx(clusters[1].log_likelihood_ratio, abs=1e-12)
    assert clusters[0].p_value == clusters[1].p_value


# --- Maps without a cluster -----------------------------------------------------------------------------------------


def test_overdispersed_replicates_keep_the_level_and_poisson_ones_do_not() -> None:
    """400 maps without a cluster, dispersion 0.15: 3 to 8 % are an alarm at 5 %; held against Poisson maps more than half are."""
    points, expected, windows = lattice(6), np.random.default_rng(8).gamma(4, 2.5, (36, 1)) * np.ones((1, 6)), Windows(most_periods=2)
    alarms = {0.15: [], 0.0: []}
    for seed in range(400):
        observed = drawn(expected, 0.15, 10_000 + seed)
        for alpha, found in alarms.items():
            if alpha or seed < 60:
                clusters = scan(observed, expected, points, windows, Null(alpha, 59, seed)).clusters
                found.append(clusters[0].p_value <= 0.05)
    assert 0.03 <= np.mean(alarms[0.15]) <= 0.08
    assert np.mean(alarms[0.0]) > 0.5


@pytest.mark.parametrize("is_conditioned", [False, True])
def test_poisson_replicates_keep_the_level_on_poisson_maps(is_conditioned: bool) -> None:
    points, expected = lattice(5), np.full((25, 4), 3.0)
    alarms = [
        scan(drawn(expected, 0, seed), expected, points, Windows(most_periods=2), Null(0.0, 19, seed, is_conditioned)).clusters[0].p_value <= 0.05
        for seed in range(150)
    ]
    assert 0.01 <= np.mean(alarms) <= 0.10


@pytest.mark.parametrize("is_conditioned", [False, True])
def test_replicates_have_the_mean_and_variance_asked_for(is_conditioned: bool) -> None:
    """Six areas, the last three of eight periods within reach; the others count in the total."""
    expected = np.random.default_rng(2).gamma(4, 5, (6, 8))
    expected *= 1000 / expected.sum()
    alpha = np.linspace(0, 0.5, 6)[:, None]
    spans = spans_of(8, Windows(most_periods=3))
    sums, totals = scan_replicates._drawn(expected, spans, Null(alpha, is_conditioned=is_conditioned), 4000, np.random.default_rng(1))
    mean, variance = expected[:, 7], (expected + alpha * expected**2)[:, 7]
    np.testing.assert_allclose(sums.mean(axis=2), np.cumsum(expected[:, ::-1], axis=1)[:, :3], rtol=0.05)
    np.testing.assert_allclose(sums[:, 0].mean(axis=1), mean, rtol=0.05)
    np.testing.assert_allclose(sums[:, 0].var(axis=1), variance, rtol=0.15)
    spread = 0 if is_conditioned else (expected + alpha * expected**2).sum()
    assert totals.mean() == pytest.approx(1000, rel=0.01)
    assert totals.var() == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize("alpha", [0.0, 0.06, 0.5, 2.0])
def test_dispersion_is_recovered(alpha: float) -> None:
    expected = np.random.default_rng(5).gamma(0.7, 10, (200, 30))
    assert pooled_overdispersion(drawn(expected, alpha, 6), expected) == pytest.approx(alpha, rel=0.1, abs=0.005)


def test_dispersion_of_what_scatters_less_than_poisson_is_none() -> None:
    assert pooled_overdispersion(np.full((4, 5), 7), np.full((4, 5), 7.0)) == 0
    assert np.isnan(pooled_overdispersion(np.zeros((4, 5)), np.zeros((4, 5))))  # of nothing, nothing is known


def test_gumbel_p_value_is_that_of_the_distribution() -> None:
    maxima = np.random.default_rng(7).gumbel(8, 1.5, 5000)
    for ratio in (7.0, 9.0, 12.0):
        assert gumbel_p_value(ratio, maxima) == pytest.approx((maxima >= ratio).mean(), abs=0.02)
    assert gumbel_p_value(30.0, maxima) == pytest.approx(math.exp(-22 / 1.5), rel=0.5)
    assert math.isnan(gumbel_p_value(3.0, np.zeros(9)))


# --- What must not matter, and borders ------------------------------------------------------------------------------


@pytest.mark.parametrize("dispersion", [None, "by area"])
def test_order_of_areas_does_not_matter(dispersion: str | None) -> None:
    points, expected = lattice(6), np.random.default_rng(1).gamma(2, 3, (36, 8))
    observed, alpha = drawn(expected, 0.3, 3), np.linspace(0, 0.6, 36)[:, None] if dispersion else None
    shuffled = np.random.default_rng(9).permutation(36)
    one = scan(observed, expected, points, null=Null(alpha, 49))
    other = scan(observed[shuffled], expected[shuffled], points[shuffled], null=Null(None if alpha is None else alpha[shuffled], 49))
    np.testing.assert_allclose(one.maxima, other.maxima)
    if alpha is not None:
        np.testing.assert_array_equal(one.dispersion, alpha)
    for first, second in zip(one.clusters, other.clusters, strict=True):
        assert set(first.areas) == {int(shuffled[area]) for area in second.areas}
        assert first.p_value == second.p_value
        assert first.log_likelihood_ratio == pytest.approx(second.log_likelihood_ratio)


def test_a_seed_repeats_exactly_and_another_does_not() -> None:
    points, expected = lattice(5), np.full((25, 6), 4.0)
    observed = drawn(expected, 0.2, 3)
    one, same, other = (scan(observed, expected, points, null=Null(None, 99, seed)) for seed in (1, 1, 2))
    assert one.clusters == same.clusters
    np.testing.assert_array_equal(one.maxima, same.maxima)
    assert not np.array_equal(one.maxima, other.maxima)


def test_unit_of_expected_does_not_matter() -> None:
    points, expected = lattice(4), np.random.default_rng(1).gamma(2, 3, (16, 5))
    observed = drawn(expected, 0.2, 3)
    one, other = (scan(observed, expected * unit, points, null=FEW).clusters for unit in (1, 50))
    assert [cluster.p_value for cluster in one] == [cluster.p_value for cluster in other]
    assert one[0].expected == pytest.approx(other[0].expected)


def test_population_rules_the_size_of_circles() -> None:
    points, expected = lattice(4), np.full((16, 3), 5.0)
    observed = expected.astype(int)
    observed[:6] *= 3
    population = np.where(np.arange(16) < 6, 100.0, 1.0)
    assert len(scan(observed, expected, points, null=FEW).clusters[0].areas) > 3
    assert max(len(cluster.areas) for cluster in scan(observed, expected, points, null=FEW, population=population).clusters if cluster.areas[0] < 6) <= 3


def test_empty_period_zero_expected_no_counts_and_one_area() -> None:
    points, expected = lattice(4), np.full((16, 5), 3.0)
    observed = drawn(expected, 0, 1)
    observed[:, 4] = 0
    quiet = scan(observed, expected, points, null=FEW)
    assert all(cluster.first_period < 4 for cluster in quiet.clusters)
    expected[:, 4] = 0
    expected[3] = observed[3] = 0
    assert np.isfinite(scan(observed, expected, points, null=FEW).maxima).all()
    nothing = scan(np.zeros((16, 5)), expected, points, null=FEW)
    assert nothing.clusters == ()
    assert nothing.frame().empty
    assert scan(np.zeros((16, 5)), np.zeros((16, 5)), points, null=FEW).clusters == ()
    alone = scan(np.array([[4, 5, 3, 30]]), np.full((1, 4), 5.0), points[:1], null=Null(0.05, 99)).clusters
    assert [(cluster.areas, cluster.first_period, cluster.radius_km) for cluster in alone] == [((0,), 3, 0.0)]
    assert alone[0].p_value == 0.01
    everything = scan(np.array([[0, 9], [0, 0]]), np.ones((2, 2)), points[:2], null=FEW).clusters[0]
    assert everything.relative_risk == math.inf


def test_areas_on_one_point_come_in_together() -> None:
    points = np.array([[116.0, 40.0], [116.0, 40.0], [116.1, 40.0], [116.2, 40.0]])
    observed, expected = np.array([[9], [1], [2], [2]]), np.full((4, 1), 3.0)
    assert set(scan(observed, expected, points, null=FEW).clusters[0].areas) == {0, 1}


GOOD = {"observed": np.ones((3, 2)), "expected": np.ones((3, 2)), "coordinates": np.array([[116.0, 40], [116.1, 40], [116.2, 40]])}


def put(name: str, value: float, place: tuple[int, int] = (1, 0)) -> dict[str, Any]:
    changed = GOOD[name].copy()
    changed[place] = value
    return {name: changed}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (put("observed", -2), "第 2 个区域第 1 期的值是 -2.*实际件数应为 0 或更大"),
        (put("observed", np.nan), "第 2 个区域第 1 期的值是 nan"),
        (put("observed", 1.5), "应为整数"),
        (put("expected", np.inf), "预期件数应为 0 或更大"),
        (put("expected", 0), "预期件数为 0 的地方不能有实际件数"),
        ({"expected": np.ones((3, 3))}, "大小相同"),
        ({"observed": np.empty((0, 2)), "expected": np.empty((0, 2))}, "不为空"),
        (put("coordinates", 200), "第 2 个区域的坐标"),
        (put("coordinates", np.nan), "第 2 个区域的坐标"),
        ({"coordinates": np.ones((2, 2))}, "坐标表为"),
        ({"population": np.array([1, -1, 2])}, "人口表"),
        ({"population": np.ones(2)}, "人口表"),
        ({"period_days": 0}, "一期的天数"),
        ({"null": Null(np.ones(3))}, "离散参数为"),
    ],
)
def test_wrong_input_is_named(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ScanError, match=says):
        scan(**(GOOD | wrong))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Windows("weekly"), "扫描方式"),  # type: ignore[arg-type]
        (lambda: Windows(most_periods=0), "最长期数"),
        (lambda: Windows(most_share=0), "比重"),
        (lambda: Windows(most_km=math.nan), "半径"),
        (lambda: Null(replicates=0), "模拟次数"),
        (lambda: Null(enough=0), "停止模拟所需的次数是 0"),
        (lambda: Null(enough=-3), "停止模拟所需的次数是 -3"),
        (lambda: Null(dispersion=-0.1), "离散参数"),
        (lambda: Null(dispersion=math.nan), "离散参数"),
    ],
)
def test_wrong_option_is_named(make: Any, says: str) -> None:
    with pytest.raises(ScanError, match=says):
        make()


# --- Drawing may stop -----------------------------------------------------------------------------------------------


def test_drawing_stops_early_where_there_is_no_cluster() -> None:
    points, expected = lattice(6), np.full((36, 10), 4.0)
    sizes = []
    for seed in range(6):
        observed = drawn(expected, 0.1, seed)
        full, soon = (scan(observed, expected, points, Windows(most_periods=4), Null(0.1, 399, seed, enough=enough)) for enough in (None, 2))
        assert len(full.maxima) == 399
        sizes.append(len(soon.maxima))
        if len(soon.maxima) < 399:
            assert (soon.maxima >= soon.clusters[0].log_likelihood_ratio - 1e-9).sum() >= 2
            assert soon.clusters[0].p_value > 1 / 400
        assert [cluster.areas for cluster in soon.clusters] == [cluster.areas for cluster in full.clusters]
    assert min(sizes) == 39
    assert sum(size < 399 for size in sizes) >= 5


def test_where_there_is_a_cluster_all_replicates_are_drawn_and_its_p_value_is_as_exact() -> None:
    points, expected = lattice(6), np.full((36, 10), 4.0)
    rates = expected.copy()
    rates[14, 6:] *= 4
    observed = drawn(rates, 0.1, 1)
    full, soon = (scan(observed, expected, points, Windows(most_periods=4), Null(0.1, 399, 5, enough=enough)) for enough in (None, 2))
    assert len(full.maxima) == len(soon.maxima) == 399
    assert full.clusters[0].areas == soon.clusters[0].areas == (14,)
    assert full.clusters[0].p_value == soon.clusters[0].p_value == 1 / 400
    # the draws of a batch depend on its size, so the two are two samples of one law
    assert soon.clusters[0].gumbel_p_value == pytest.approx(full.clusters[0].gumbel_p_value, rel=0.9)
    assert soon.maxima.mean() == pytest.approx(full.maxima.mean(), rel=0.05)


@pytest.mark.parametrize("replicates", [1, 5, 39, 40, 41, 199, 200])
@pytest.mark.parametrize("enough", [1, 50, 10**6])
def test_never_more_replicates_than_asked(replicates: int, enough: int) -> None:
    points, expected = lattice(3), np.full((9, 4), 3.0)
    drawn_now = len(scan(drawn(expected, 0.1, 3), expected, points, null=Null(0.1, replicates, enough=enough)).maxima)
    assert drawn_now == replicates if enough > replicates else 1 <= drawn_now <= replicates


def test_nothing_found_needs_one_batch() -> None:
    """A map without any window above what is expected is no higher than any replicate."""
    result = scan(np.full((9, 1), 3), np.full((9, 1), 3.0), lattice(3), null=Null(0.1, 399, enough=1))
    assert result.clusters == ()
    assert len(result.maxima) == 39


@given(st.floats(1e-12, 0.999), st.integers(0, 100))
def test_the_ratio_of_a_p_value_is_the_inverse_of_the_p_value_of_a_ratio(p_value: float, seed: int) -> None:
    maxima = np.random.default_rng(seed).gumbel(8, 1.5, 50)
    assert gumbel_p_value(gumbel_ratio(p_value, maxima), maxima) == pytest.approx(p_value, rel=1e-6)
    ratio = 4 + 30 * p_value
    if gumbel_p_value(ratio, maxima) < 1 - 1e-9:
        assert gumbel_ratio(gumbel_p_value(ratio, maxima), maxima) == pytest.approx(ratio, rel=1e-6)


def test_of_replicates_all_alike_no_ratio_is_known() -> None:
    assert math.isnan(gumbel_ratio(0.01, np.zeros(9)))
    assert math.isnan(gumbel_ratio(0.01, np.array([3.0])))
    assert math.isnan(gumbel_ratio(0.01, np.empty(0)))

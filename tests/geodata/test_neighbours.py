"""Neighbours: symmetric, forgiving of slivers, nobody left alone who has somebody to be attached to."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from shapely.geometry import Polygon, box

from geodata.boundaries import BoundarySchema, read_boundaries
from geodata.cells import schematic_cells
from geodata.neighbours import NeighbourError, Neighbours, contiguity, nearest, within_distance
from tests.factories import GEODATA, needs_shared

PLACES = Path(__file__).resolve().parents[2] / "cities" / "beijing_places.csv"
METRES = "EPSG:32650"
TOWNSHIPS = "beijing_townships.geojson"


def areas_of(*shapes: Polygon, crs: str = METRES) -> gpd.GeoDataFrame:
    """Areas "0", "1", ... with those shapes, metres."""
    return gpd.GeoDataFrame({"code": [str(number) for number in range(len(shapes))]}, geometry=list(shapes), crs=crs)


def square(x: float, y: float, side: float = 1000.0) -> Polygon:
    """A square whose lower left corner lies that far from a place in Beijing."""
    return box(450_000 + x, 4_420_000 + y, 450_000 + x + side, 4_420_000 + y + side)


def grid(rows: int, columns: int) -> gpd.GeoDataFrame:
    return areas_of(*(square(1000.0 * column, 1000.0 * row) for row in range(rows) for column in range(columns)))


def test_border_and_corner_make_neighbours() -> None:
    """In the middle of a grid eight neighbours, at the edge five, in the corner three."""
    found = contiguity(grid(4, 5))
    assert found.of("6") == ("0", "1", "2", "5", "7", "10", "11", "12")
    assert sorted(found.counts.tolist()) == [3] * 4 + [5] * 10 + [8] * 6
    assert found.islands == ()
    assert found.alone == ()
    with pytest.raises(KeyError):
        found.of("99")


@pytest.mark.parametrize("gap", [-15.0, 0.0, 15.0])
def test_slivers_are_forgiven(gap: float) -> None:
    """Overlap, exact border or gap of 15 m: the same neighbours; across a street of 60 m there are none."""
    assert contiguity(areas_of(square(0, 0), square(1000 + gap, 0), square(2000 + 2 * gap, 0))).of("1") == ("0", "2")
    far = contiguity(areas_of(square(0, 0), square(1060, 0), square(0, 1000), square(1060, 1000)))
    assert far.of("0") == ("2",)


def test_corner_on_a_straight_edge_touches_it() -> None:
    """A corner half way along another's edge lies off it by a hair in every other projection."""
    long = box(116.0, 39.9, 117.0, 40.0)
    found = contiguity(areas_of(long, box(116.31, 40.0, 116.32, 40.1), crs="EPSG:4326"), gap_metres=400)
    assert found.of("1") == ("0",)
    assert found.islands == ()


def test_an_island_is_attached_to_the_nearest() -> None:
    """The island's neighbour is the nearest area by distance between borders, and the fact is told."""
    found = contiguity(areas_of(square(0, 0), square(1000, 0), square(2500, 100), square(9000, 0)))
    assert found.islands == ("2", "3")
    assert [attachment.nearest_code for attachment in found.attachments] == ["1", "2"]
    assert [attachment.metres for attachment in found.attachments] == pytest.approx([500, 5500], rel=0.002)
    assert found.of("2") == ("1", "3")
    assert found.alone == ()


def test_of_equally_near_areas_the_first_is_taken() -> None:
    """Two areas end in one tip that points at the island, so they are exactly as far from it."""
    tip = (451_000, 4_421_000)
    lower = Polygon([(450_000, 4_420_500), tip, (450_000, 4_421_000)])
    upper = Polygon([(450_000, 4_421_000), tip, (450_000, 4_421_500)])
    for first, second in ((lower, upper), (upper, lower)):
        assert [found.nearest_code for found in contiguity(areas_of(first, second, square(2000, 500))).attachments] == ["0"]


def test_two_islands_have_each_other() -> None:
    pair = contiguity(areas_of(square(0, 0), square(5000, 0)))
    assert pair.islands == ("0", "1")
    assert pair.of("0") == ("1",)


def test_one_area_none_and_one_without_shape() -> None:
    single = contiguity(areas_of(square(0, 0)))
    assert (single.islands, single.alone) == ((), ("0",))
    assert contiguity(grid(2, 2).iloc[:0]).codes == ()
    empty = contiguity(areas_of(square(0, 0), Polygon(), square(5000, 0)))
    assert empty.alone == ("1",)
    assert empty.of("0") == ("2",)
    assert contiguity(areas_of(Polygon(), Polygon())).alone == ("0", "1")


def test_two_areas_with_the_same_shape_are_neighbours() -> None:
    assert contiguity(areas_of(square(0, 0), square(0, 0))).of("0") == ("1",)


def test_what_cannot_be_used_is_refused() -> None:
    good = grid(2, 2)
    with pytest.raises(NeighbourError, match="缺少 code"):
        contiguity(good.drop(columns="code"))
    with pytest.raises(NeighbourError, match="坐标系"):
        contiguity(good.set_crs(None, allow_override=True))
    with pytest.raises(NeighbourError, match="-1"):
        contiguity(good, gap_metres=-1)
    with pytest.raises(NeighbourError, match=r"编码有重复: 0"):
        contiguity(good.assign(code="0"))
    with pytest.raises(NeighbourError, match="大于 0"):
        within_distance(np.array([116.0]), np.array([39.0]), 0)
    with pytest.raises(NeighbourError, match="1 或更大"):
        nearest(np.array([116.0]), np.array([39.0]), 0)
    with pytest.raises(NeighbourError, match="经度有 1 个, 纬度有 2 个"):
        nearest(np.array([116.0]), np.array([39.0, 40.0]), 1)
    with pytest.raises(NeighbourError, match="有 1 个点"):
        nearest(np.array([116.0, np.inf]), np.array([39.0, 40.0]), 1)


@pytest.mark.parametrize("matrix", [[[0, 1], [0, 0]], [[0, 0.5], [0.5, 0]], [[1, 0], [0, 1]]], ids=["one-way", "weighted", "own-neighbour"])
def test_a_matrix_must_be_symmetric_and_binary(matrix: list[list[float]]) -> None:
    with pytest.raises(NeighbourError, match="对称"):
        Neighbours(csr_array(np.array(matrix, dtype="float64")), ("a", "b"))
    with pytest.raises(NeighbourError, match="2 x 2"):
        Neighbours(csr_array(np.array(matrix, dtype="float64")), ("a",))


# Points


def circle_metres(first: np.ndarray, second: np.ndarray) -> float:
    """Great-circle distance of two (longitude, latitude), by the haversine formula."""
    (x1, y1), (x2, y2) = np.radians(first), np.radians(second)
    half = np.sin((y2 - y1) / 2) ** 2 + np.cos(y1) * np.cos(y2) * np.sin((x2 - x1) / 2) ** 2
    return float(2 * 6_371_000 * np.arcsin(np.sqrt(half)))


def test_points_within_a_distance() -> None:
    """As pair by pair on the globe, pairs within half a percent of the limit aside."""
    chance = np.random.default_rng(1)
    points = np.column_stack([chance.uniform(116, 117, 60), chance.uniform(39.5, 40.5, 60)])
    points[7] = np.nan
    points[8] = points[9]
    found = within_distance(points[:, 0], points[:, 1], 15_000)
    linked = found.matrix.toarray()
    for one in range(60):
        for other in range(60):
            apart = circle_metres(points[one], points[other])
            if one != other and not abs(apart / 15_000 - 1) < 0.005:
                assert linked[one, other] == (apart < 15_000)
    assert "7" in found.alone
    assert linked[8, 9] == 1


def test_nearest_points_both_ways() -> None:
    """A line of points with growing gaps: each takes its two nearest, and is taken by others."""
    longitude = 116 + np.array([0.0, 0.01, 0.03, 0.07, 0.15])
    found = nearest(longitude, np.full(5, 40.0), 2, codes=["a", "b", "c", "d", "e"])
    assert found.of("a") == ("b", "c")
    assert found.of("e") == ("c", "d")
    assert found.of("c") == ("a", "b", "d", "e")


def test_nearest_with_few_or_equal_points() -> None:
    assert nearest(np.array([116.0, np.nan]), np.array([40.0, 40.0]), 3).alone == ("0", "1")
    assert nearest(np.array([]), np.array([]), 3).codes == ()
    all_three = nearest(np.array([116.0, 116.1, 116.3]), np.full(3, 40.0), 9)
    assert all_three.counts.tolist() == [2, 2, 2]
    heap = nearest(np.full(6, 116.0), np.full(6, 40.0), 2)
    assert (heap.counts >= 2).all()


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=12, unique=True), st.randoms(use_true_random=False))
def test_the_order_of_areas_does_not_matter(corners: list[tuple[int, int]], chance: object) -> None:
    """Reordered areas have the same neighbours, except that of several nearest to an island the first is taken."""
    areas = areas_of(*(square(1000.0 * x, 1000.0 * y) for x, y in corners))
    order = list(range(len(areas)))
    chance.shuffle(order)  # type: ignore[attr-defined]
    first, second = contiguity(areas), contiguity(areas.iloc[order])
    assert set(first.islands) == set(second.islands)
    settled = [code for code in first.codes if code not in first.islands]
    for code in settled:
        assert set(first.of(code)) - set(first.islands) == set(second.of(code)) - set(second.islands)
    assert (first.counts > 0).all()


# Real files


@pytest.mark.parametrize(
    ("name", "count", "mean", "islands"),
    [
        ("beijing_townships.geojson", 343, 5.84, ()),
        ("nyc_community_districts.geojson", 71, 4.37, ()),
        # Harbor Islands and Leather District stand alone in the file
        ("boston_neighborhoods.geojson", 26, 3.69, ("10", "12")),
    ],
)
def test_real_files(name: str, count: int, mean: float, islands: tuple[str, ...]) -> None:
    if not (GEODATA / name).exists():
        pytest.skip(f"needs ../shared: {name}")
    found = contiguity(read_boundaries(GEODATA / name, BoundarySchema("code", "name")))
    assert len(found.codes) == count
    assert found.counts.mean() == pytest.approx(mean, abs=0.005)
    assert found.islands == islands
    assert found.alone == ()


@needs_shared(GEODATA / TOWNSHIPS)
def test_townships_touch_those_that_share_a_border() -> None:
    """All pairs whose polygons intersect in the file are neighbours, and few others are."""
    areas = read_boundaries(GEODATA / TOWNSHIPS, BoundarySchema("code", "name"))
    first, second = areas.sindex.query(areas.geometry, predicate="intersects")
    linked = contiguity(areas).matrix.toarray()
    assert linked[first[first != second], second[first != second]].all()
    assert linked.sum() - (first != second).sum() <= 10


def test_schematic_cells_have_neighbours() -> None:
    """Cells are a coverage: exactly those that share a corner or more are neighbours."""
    cells = schematic_cells(pd.read_csv(PLACES, dtype={"code": "str", "parent_code": "str"}))
    found = contiguity(cells)
    assert found.islands == ()
    first, second = shapely.STRtree(cells.geometry.to_numpy()).query(cells.geometry.to_numpy(), predicate="intersects")
    assert 0 <= found.matrix.nnz - (first != second).sum() <= 0.03 * found.matrix.nnz
    assert 5 < found.counts.mean() < 6.5

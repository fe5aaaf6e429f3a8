"""Which areas are neighbours: by shared border, by distance, or the nearest few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from scipy.sparse import csr_array
from scipy.spatial import KDTree

from geodata.boundaries import WGS84

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Attachment", "NeighbourError", "Neighbours", "contiguity", "nearest", "within_distance"]

GAP_METRES = 20.0
"""Areas this close share a border. Hand-traced files leave slivers of some metres between areas that touch, and a corner on another's straight
edge leaves it by a hair in any other projection: the 343 subdistricts of Beijing have 1,994 ordered pairs at 0 m, 2,004 at 20 m, and 2,028 at
50 m, where areas across a third one begin to count."""

EAST, NORTH = 180.0, 90.0


class NeighbourError(ValueError):
    """Neighbours cannot be found; the message says what was found and what is needed."""


class Attachment(NamedTuple):
    """An area without a neighbour, the nearest other area, which it was made a neighbour of, and the metres between them."""

    code: str
    nearest_code: str
    metres: float


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Who neighbours whom among N areas.

    Attributes
    ----------
    matrix
        N x N, float64: 1 where two areas are neighbours, 0 elsewhere and on the diagonal; symmetric.
    codes
        Area codes in the order of the matrix.
    attachments
        Areas that had no neighbour of their own and were attached to the nearest, in the order of ``codes``.

    Raises
    ------
    NeighbourError
        The matrix does not fit the codes, is not symmetric, or holds anything but 0 and 1 off the diagonal.
    """

    matrix: csr_array
    codes: tuple[str, ...]
    attachments: tuple[Attachment, ...] = ()

    def __post_init__(self) -> None:
        size = len(self.codes)
        if self.matrix.shape != (size, size):
            message = f"邻接矩阵的大小为 {self.matrix.shape[0]} x {self.matrix.shape[1]}, 区域有 {size} 个; 两者应一致"
            raise NeighbourError(message)
        if len(set(self.codes)) != size:
            repeated = sorted({code for code in self.codes if self.codes.count(code) > 1})
            message = f"区域编码有重复: {', '.join(repeated[:5])}; 每个区域只能出现一次"
            raise NeighbourError(message)
        if (self.matrix.data != 1).any() or self.matrix.diagonal().any() or (self.matrix != self.matrix.T).nnz:
            message = "邻接矩阵应对称, 只含 0 和 1, 且对角线为 0 (区域不与自身相邻)"
            raise NeighbourError(message)

    @property
    def islands(self) -> tuple[str, ...]:
        """Codes of the areas that were attached to their nearest."""
        return tuple(attachment.code for attachment in self.attachments)

    @property
    def counts(self) -> np.ndarray:
        """Number of neighbours of each area, N, int64."""
        return np.diff(self.matrix.indptr).astype("int64")

    @property
    def alone(self) -> tuple[str, ...]:
        """Codes of the areas with no neighbour at all: the only area, an area without a shape, a point farther than the distance."""
        return tuple(self.codes[place] for place in np.flatnonzero(self.counts == 0))

    def of(self, code: str) -> tuple[str, ...]:
        """Codes of an area's neighbours, in the order of ``codes``; a ``KeyError`` where there is no such area."""
        if code not in self.codes:
            raise KeyError(code)
        place = self.codes.index(code)
        return tuple(self.codes[other] for other in sorted(self.matrix.indices[self.matrix.indptr[place] : self.matrix.indptr[place + 1]]))


def contiguity(areas: gpd.GeoDataFrame, gap_metres: float = GAP_METRES) -> Neighbours:
    """Areas that share a border or a corner (queen contiguity), small gaps and overlaps in the file forgiven.

    Parameters
    ----------
    areas
        Polygons with a column ``code``, as ``geodata.boundaries.read_boundaries`` returns them.
    gap_metres
        Areas no farther apart than this are neighbours, 0 or more.

    Returns
    -------
    Neighbours
        In the order of ``areas``. An area with no neighbour, such as an island, is attached to the nearest other one (of several, the first),
        because a local statistic of an area without neighbours says nothing; ``attachments`` names it. A single area stays alone, and so does
        an area with an empty shape.

    Raises
    ------
    NeighbourError
        There is no column ``code``, no coordinate system, a repeated code, or a gap below 0.

    Notes
    -----
    Distances are measured in an azimuthal equidistant projection around the middle of the areas: within 300 km of it they are right to 0.04 %.
    """
    if "code" not in areas.columns:
        message = f"区域表缺少 code 一列; 表中有: {', '.join(map(str, areas.columns))}"
        raise NeighbourError(message)
    if areas.crs is None:
        message = "区域表没有坐标系说明; 需要 WGS 84 (EPSG:4326) 或写明坐标系, 才能量出距离"
        raise NeighbourError(message)
    if not (np.isfinite(gap_metres) and gap_metres >= 0):
        message = f"相邻区域之间允许的缝隙为 {gap_metres} 米; 应为 0 或更大"
        raise NeighbourError(message)
    codes = tuple(areas["code"].astype("str"))
    shapes = _in_metres(areas.geometry)
    tree = shapely.STRtree(shapes)
    # a missing or empty shape is in no answer of the tree: it has no neighbour and nobody's island is attached to it
    first, second = tree.query(shapes, predicate="dwithin", distance=gap_metres)
    linked = np.zeros(len(codes), dtype=bool)
    linked[first[first != second]] = True
    attached = _attached(tree, np.flatnonzero(~linked))
    first = np.concatenate([first, attached[0].astype("int64")])
    second = np.concatenate([second, attached[1].astype("int64")])
    attachments = tuple(Attachment(codes[int(one)], codes[int(other)], float(metres)) for one, other, metres in zip(*attached, strict=True))
    return Neighbours(_symmetric(first, second, len(codes)), codes, attachments)


def _attached(tree: shapely.STRtree, islands: np.ndarray) -> np.ndarray:
    """Island, nearest other area and metres between them, 3 x islands that have one."""
    solid = islands[~(shapely.is_missing(tree.geometries[islands]) | shapely.is_empty(tree.geometries[islands]))]
    if len(solid) == 0:
        return np.empty((3, 0))
    # exclusive leaves out shapes equal to the asked one; two equal shapes are no islands, so this is the island itself alone
    pairs, metres = tree.query_nearest(tree.geometries[solid], exclusive=True, return_distance=True)
    order = np.lexsort((pairs[1], pairs[0]))
    of_each = order[np.unique(pairs[0][order], return_index=True)[1]]
    return np.stack([solid[pairs[0][of_each]], pairs[1][of_each], metres[of_each]])


def within_distance(longitude: np.ndarray, latitude: np.ndarray, metres: float, codes: Sequence[str] | None = None) -> Neighbours:
    """Points no farther apart than a distance (distance band).

    Parameters
    ----------
    longitude, latitude
        N, degrees (WGS 84); NaN where unknown.
    metres
        Above 0; at exactly this distance two points are neighbours.
    codes
        N codes; "0", "1", ... where left out.

    Returns
    -------
    Neighbours
        Points farther than ``metres`` from every other, and unknown ones, have no neighbours (``alone``). Points in one place are neighbours.

    Raises
    ------
    NeighbourError
        Lengths differ, a position is out of range, a code is repeated, or the distance is not above 0.
    """
    if not (np.isfinite(metres) and metres > 0):
        message = f"相邻距离为 {metres} 米; 应大于 0"
        raise NeighbourError(message)
    names, known, points = _points(longitude, latitude, codes)
    pairs = KDTree(points).query_pairs(metres, output_type="ndarray") if len(points) else np.empty((0, 2), dtype="int64")
    return Neighbours(_symmetric(known[pairs[:, 0]], known[pairs[:, 1]], len(names)), names)


def nearest(longitude: np.ndarray, latitude: np.ndarray, k: int, codes: Sequence[str] | None = None) -> Neighbours:
    """Points of which one is among the ``k`` nearest of the other.

    Parameters
    ----------
    longitude, latitude
        N, degrees (WGS 84); NaN where unknown.
    k
        1 or more; with fewer other points all of them.
    codes
        N codes; "0", "1", ... where left out.

    Returns
    -------
    Neighbours
        Symmetric, so a point has ``k`` neighbours or more; unknown points have none.

    Raises
    ------
    NeighbourError
        Lengths differ, a position is out of range, a code is repeated, or ``k`` is below 1.
    """
    if k < 1:
        message = f"最近邻的个数为 {k}; 应为 1 或更大的整数"
        raise NeighbourError(message)
    names, known, points = _points(longitude, latitude, codes)
    wanted = min(k, len(known) - 1)
    if wanted < 1:
        return Neighbours(_symmetric(known[:0], known[:0], len(names)), names)
    found = KDTree(points).query(points, k=wanted + 1)[1]
    # the point itself need not come first, nor at all, where several points lie in one place
    is_self = found == np.arange(len(points))[:, None]
    order = np.argsort(is_self, axis=1, kind="stable")[:, :wanted]
    others = np.take_along_axis(found, order, axis=1)
    return Neighbours(_symmetric(np.repeat(known, wanted), known[others.ravel()], len(names)), names)


def _points(longitude: np.ndarray, latitude: np.ndarray, codes: Sequence[str] | None) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Codes of all points, which positions are known, and these in metres, K x 2."""
    x, y = np.asarray(longitude, dtype="float64"), np.asarray(latitude, dtype="float64")
    names = tuple(map(str, range(len(x)))) if codes is None else tuple(map(str, codes))
    if not len(x) == len(y) == len(names):
        message = f"经度有 {len(x)} 个, 纬度有 {len(y)} 个, 编码有 {len(names)} 个; 三者应一样多"
        raise NeighbourError(message)
    if outside := int(((np.abs(x) > EAST) | (np.abs(y) > NORTH)).sum()):
        message = f"有 {outside} 个点的坐标超出经纬度范围 (经度 -180 至 180, 纬度 -90 至 90)"
        raise NeighbourError(message)
    known = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    metres = _in_metres(gpd.GeoSeries(shapely.points(x[known], y[known]), crs=WGS84))
    return names, known, shapely.get_coordinates(metres)


def _in_metres(shapes: gpd.GeoSeries) -> np.ndarray:
    """The shapes in metres, around their middle."""
    globe = shapes.to_crs(WGS84)
    bounds = globe.total_bounds
    if not np.isfinite(bounds).all():  # no shape at all
        return np.asarray(globe.to_numpy())
    longitude, latitude = (bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2
    return np.asarray(globe.to_crs(f"+proj=aeqd +lon_0={longitude:.6f} +lat_0={latitude:.6f} +datum=WGS84 +units=m").to_numpy())


def _symmetric(first: np.ndarray, second: np.ndarray, size: int) -> csr_array:
    """Ones at all pairs, both ways round, never on the diagonal."""
    apart = first != second
    rows, columns = np.concatenate([first[apart], second[apart]]), np.concatenate([second[apart], first[apart]])
    matrix = csr_array((np.ones(len(rows)), (rows, columns)), shape=(size, size))
    matrix.sum_duplicates()
    matrix.data[:] = 1.0
    return matrix

"""A city's boundaries: read from any GIS file, checked, simplified for the screen, asked which area holds a point."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

__all__ = [
    "BoundaryError",
    "BoundarySchema",
    "fingerprint",
    "keep_areas",
    "kept_areas",
    "locate",
    "merge_districts",
    "read_boundaries",
    "schema_by_codes",
    "simplify",
]

WGS84 = "EPSG:4326"
SIMPLIFY_DEGREES = 0.001
"""About 100 m: 343 subdistricts become 8-13 thousand vertices, which a browser without a graphics card still draws smoothly."""

SQUARE_METRES_PER_KM2 = 1e6
EQUAL_AREA = "EPSG:6933"


class BoundaryError(ValueError):
    """The boundary file cannot be used; the message says what was found and what is needed."""


@dataclass(frozen=True, slots=True)
class BoundarySchema:
    """Which properties of the file hold what. ``parent_*`` are None where the city has one level only."""

    code: str
    name: str
    parent_code: str | None = None
    parent_name: str | None = None
    population: str | None = None


def schema_by_codes(path: Path, codes: set[str]) -> BoundarySchema:
    """The schema of a boundary file nobody has described: the property that holds most of the codes is both code and name.

    Raises
    ------
    BoundaryError
        The file cannot be read, or no property holds any of the codes.
    """
    properties = _read(path).drop(columns="geometry", errors="ignore")
    held = {str(name): len(codes & set(properties[name].dropna().astype("str"))) for name in properties.columns}
    best = max(held, key=lambda name: held[name], default="")
    if not held.get(best):
        message = f"边界文件 {path.name} 没有一个属性含有所给的编码(如 {', '.join(sorted(codes)[:3])}); 文件中的属性有: {', '.join(held) or '无'}"
        raise BoundaryError(message)
    return BoundarySchema(best, best)


def _read(path: Path) -> gpd.GeoDataFrame:
    try:
        return gpd.read_file(path)
    except Exception as error:  # every GIS driver raises its own kind
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        message = f"边界文件 {path.name} 无法读取: {said[:200]}"
        raise BoundaryError(message) from error


def read_boundaries(path: Path, schema: BoundarySchema) -> gpd.GeoDataFrame:
    """The areas of a boundary file in WGS 84, one row an area, ordered by code.

    Parameters
    ----------
    path
        GeoJSON, TopoJSON, GeoPackage or Shapefile with polygons.
    schema
        The property names of code, name and, where given, parent and population.

    Returns
    -------
    GeoDataFrame
        Columns ``code``, ``name``, ``parent_code``, ``parent_name``, ``population`` (persons, NaN where unknown),
        ``area_km2``, ``longitude``, ``latitude`` (a point inside the area) and ``geometry``.

    Raises
    ------
    BoundaryError
        The file cannot be read, has no polygon, lacks a property, repeats a code or has no coordinate system.

    Notes
    -----
    Self-intersecting polygons are repaired (``shapely.make_valid``); a GeoJSON file is WGS 84 by its standard.
    """
    frame = _read(path)
    wanted = [name for name in (schema.code, schema.name, schema.parent_code, schema.parent_name, schema.population) if name]
    if missing := [name for name in wanted if name not in frame.columns]:
        message = f"边界文件 {path.name} 缺少属性 {', '.join(missing)}; 文件中有: {', '.join(map(str, frame.columns))}"
        raise BoundaryError(message)
    if frame.empty or "geometry" not in frame.columns:
        message = f"边界文件 {path.name} 中没有区域"
        raise BoundaryError(message)
    if frame.crs is None and path.suffix.lower() == ".topojson":
        frame = frame.set_crs(WGS84)  # the format has no place for a coordinate system and means degrees
    if frame.crs is None:
        message = f"边界文件 {path.name} 没有坐标系说明; 需要 WGS 84 (EPSG:4326) 或写明坐标系"
        raise BoundaryError(message)
    kinds = set(frame.geometry.geom_type.dropna())
    if frame.geometry.isna().any() or not kinds <= {"Polygon", "MultiPolygon"}:
        message = f"边界文件 {path.name} 中应只有面 (Polygon, MultiPolygon), 实际有: {', '.join(sorted(kinds))} 或空几何"
        raise BoundaryError(message)
    return _contract(frame.to_crs(WGS84), schema, path.name)


def _contract(frame: gpd.GeoDataFrame, schema: BoundarySchema, file_name: str) -> gpd.GeoDataFrame:
    def text(name: str | None) -> pd.Series:
        return frame[name].astype("str") if name else pd.Series([None] * len(frame), index=frame.index, dtype="str")

    for name in filter(None, (schema.code, schema.name)):
        if lacking := int(frame[name].isna().sum()):
            message = f"边界文件 {file_name} 有 {lacking} 个区域没有 {name}"
            raise BoundaryError(message)
    geometry = _polygons(shapely.make_valid(frame.geometry.to_numpy()))
    inside = shapely.point_on_surface(geometry)
    areas = gpd.GeoDataFrame(
        {
            "code": text(schema.code),
            "name": text(schema.name),
            "parent_code": text(schema.parent_code),
            "parent_name": text(schema.parent_name),
            "population": pd.to_numeric(frame[schema.population], errors="coerce") if schema.population else np.nan,
            "longitude": shapely.get_x(inside),
            "latitude": shapely.get_y(inside),
        },
        geometry=geometry,
        crs=WGS84,
    )
    repeated = areas.code[areas.code.duplicated()].unique()
    if len(repeated):
        message = f"边界文件 {file_name} 的编码 {schema.code} 有重复: {', '.join(repeated[:5])}"
        raise BoundaryError(message)
    if not areas.longitude.between(-180, 180).all() or not areas.latitude.between(-90, 90).all():
        message = f"边界文件 {file_name} 的坐标超出经纬度范围, 坐标系可能写错"
        raise BoundaryError(message)
    areas["area_km2"] = areas.to_crs(EQUAL_AREA).area / SQUARE_METRES_PER_KM2
    return areas.sort_values("code", ignore_index=True)


def _polygons(geometry: np.ndarray) -> np.ndarray:
    """The polygonal part of each geometry: repairing a spike leaves a line beside the area."""
    mixed = shapely.get_type_id(geometry) == shapely.GeometryType.GEOMETRYCOLLECTION
    kept = geometry.copy()
    for index in np.flatnonzero(mixed):
        parts = [part for part in shapely.get_parts(geometry[index]) if part.geom_type in ("Polygon", "MultiPolygon")]
        kept[index] = shapely.union_all(parts)
    return kept


def merge_districts(areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The districts: areas of one parent merged into one, same columns as the areas; empty where no area has a parent."""
    inner = areas[areas.parent_code.notna()]
    if inner.empty:
        return areas.iloc[0:0].copy()
    whole = {"parent_name": "first", "population": _sum_of_known, "area_km2": "sum"}
    merged = inner.dissolve(by="parent_code", aggfunc=whole).reset_index()
    inside = merged.geometry.representative_point()
    return gpd.GeoDataFrame(
        {
            "code": merged.parent_code,
            "name": merged.parent_name,
            "parent_code": pd.Series([None] * len(merged), dtype="str"),
            "parent_name": pd.Series([None] * len(merged), dtype="str"),
            "population": merged.population.where(merged.population > 0),
            "longitude": inside.x,
            "latitude": inside.y,
            "area_km2": merged.area_km2,
        },
        geometry=merged.geometry.to_numpy(),
        crs=WGS84,
    )


def _sum_of_known(values: pd.Series) -> float:
    """The sum, unknown where a part is unknown: residents of some of a district's areas are not the district's."""
    return float(values.sum(skipna=False))


def simplify(areas: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """The areas with fewer vertices; shared borders stay shared, so that no gap opens between neighbours."""
    simple = areas.copy()
    simple["geometry"] = shapely.set_precision(shapely.coverage_simplify(areas.geometry.to_numpy(), SIMPLIFY_DEGREES), 1e-4)
    empty = simple.geometry.is_empty
    simple.loc[empty, "geometry"] = areas.geometry[empty]
    return simple


def keep_areas(areas: gpd.GeoDataFrame, path: Path) -> None:
    """Keeps the areas in full detail as GeoParquet; readers see the old or the new file, never a part."""
    beside = path.with_suffix(".new")
    areas.to_parquet(beside)
    beside.replace(path)


def kept_areas(path: Path) -> gpd.GeoDataFrame:
    """The areas kept by ``keep_areas``."""
    return gpd.read_parquet(path)


def fingerprint(areas: gpd.GeoDataFrame) -> str:
    """Short hash of codes, names and shapes: changes whenever the map would."""
    digest = hashlib.sha256()
    for code, name, shape in zip(areas.code, areas.name, shapely.to_wkb(areas.geometry.to_numpy()), strict=True):
        digest.update(f"{code}\0{name}\0".encode())
        digest.update(shape)
    return digest.hexdigest()[:16]


def locate(areas: gpd.GeoDataFrame, longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
    """The code of the area that holds each point.

    Parameters
    ----------
    areas
        As returned by ``read_boundaries``.
    longitude, latitude
        Degrees, WGS 84; NaN where unknown.

    Returns
    -------
    ndarray of object
        Area codes; None where the point is unknown or in no area. On a border the area with the smaller code wins.
    """
    codes = np.full(len(longitude), None, dtype=object)
    known = np.flatnonzero(np.isfinite(longitude) & np.isfinite(latitude))
    points = shapely.points(longitude[known], latitude[known])
    hits = areas.sindex.query(points, predicate="intersects")
    # reversed, so that of several areas on a border the first (smallest code) is written last
    order = np.argsort(-hits[1], kind="stable")
    codes[known[hits[0][order]]] = areas.code.to_numpy()[hits[1][order]]
    return codes

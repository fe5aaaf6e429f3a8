"""Boundary files: what is read, repaired or refused, and which area holds a point."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, Polygon, box, mapping

from geodata.boundaries import BoundaryError, BoundarySchema, fingerprint, keep_areas, kept_areas, locate, merge_districts, read_boundaries, simplify
from tests import plain
from tests.factories import GEODATA, needs_shared

SCHEMA = BoundarySchema("code", "name", "parent", "parent_name")


def feature(geometry: Any, code: Any, **properties: Any) -> dict[str, Any]:
    shown = {"code": code, "name": f"街道{code}", "parent": "P", "parent_name": "区"} | properties
    return {"type": "Feature", "properties": shown, "geometry": mapping(geometry) if geometry is not None else None}


def write(path: Path, *items: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(items)}, ensure_ascii=False), encoding="utf-8")
    return path


LEFT, RIGHT = box(116.0, 39.0, 116.1, 39.1), box(116.1, 39.0, 116.2, 39.1)


def test_two_squares(tmp_path: Path) -> None:
    """Columns, order by code, area on the globe, a point inside, a shared border that goes to the smaller code."""
    areas = read_boundaries(write(tmp_path / "a.geojson", feature(RIGHT, "2"), feature(LEFT, "1")), SCHEMA)
    assert areas["code"].tolist() == ["1", "2"]
    # 0.1 degrees squared at 39.05 N: 11.1 km by 8.65 km
    assert areas["area_km2"].tolist() == pytest.approx([96.0, 96.0], rel=0.01)
    found = locate(areas, np.array([116.05, 116.15, 116.1, 117.0, np.nan, np.inf]), np.array([39.05, 39.05, 39.05, 39.05, 39.05, 39.05]))
    assert found.tolist() == ["1", "2", "1", None, None, None]
    districts = merge_districts(areas)
    assert districts["code"].tolist() == ["P"]
    assert districts.geometry.iloc[0].equals(box(116.0, 39.0, 116.2, 39.1))


def test_projected_file_is_brought_to_degrees(tmp_path: Path) -> None:
    """A file in metres that says so is converted."""
    metres = gpd.GeoDataFrame({"code": ["1"], "name": ["a"], "parent": ["P"], "parent_name": ["区"]}, geometry=[LEFT], crs="EPSG:4326").to_crs("EPSG:32650")
    metres.to_file(tmp_path / "a.gpkg")
    areas = read_boundaries(tmp_path / "a.gpkg", SCHEMA)
    assert areas.geometry.iloc[0].centroid.distance(LEFT.centroid) < 1e-3


def test_self_intersections_and_spikes_are_repaired(tmp_path: Path) -> None:
    """A bow tie becomes two triangles; a spike is dropped; both can be simplified and kept."""
    bow = Polygon([(116.0, 39.0), (116.1, 39.1), (116.1, 39.0), (116.0, 39.1)])
    spike = Polygon([(116.2, 39.0), (116.3, 39.0), (116.3, 39.1), (116.4, 39.1), (116.3, 39.1), (116.2, 39.1)])
    areas = read_boundaries(write(tmp_path / "a.geojson", feature(bow, "1"), feature(spike, "2")), SCHEMA)
    assert areas.geometry.is_valid.all()
    assert set(areas.geometry.geom_type) <= {"Polygon", "MultiPolygon"}
    assert locate(areas, np.array([116.02, 116.25]), np.array([39.05, 39.05])).tolist() == ["1", "2"]
    assert len(simplify(areas)) == 2
    keep_areas(areas, tmp_path / "areas.parquet")
    assert fingerprint(kept_areas(tmp_path / "areas.parquet")) == fingerprint(areas)


def test_fingerprint_follows_codes_names_and_shapes(tmp_path: Path) -> None:
    """Another name or shape is another map."""
    prints = set()
    for index, item in enumerate([feature(LEFT, "1"), feature(LEFT, "1", name="别名"), feature(RIGHT, "1"), feature(LEFT, "2")]):
        prints.add(fingerprint(read_boundaries(write(tmp_path / f"{index}.geojson", item), SCHEMA)))
    assert len(prints) == 4


@pytest.mark.filterwarnings("ignore:invalid value encountered in area")
@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([feature(LEFT, "1"), feature(RIGHT, "1")], "有重复: 1"),
        ([feature(LEFT, None)], "没有 code"),
        ([feature(LEFT, "1", name=None)], "没有 name"),
        ([feature(Point(116, 39), "1")], "只有面"),
        ([feature(LineString([(116, 39), (117, 40)]), "1")], "只有面"),
        ([feature(None, "1"), feature(LEFT, "2")], "空几何"),
        ([feature(box(500_000, 4_300_000, 510_000, 4_310_000), "1")], "坐标"),
        ([], "缺少属性"),
    ],
)
def test_unusable_files_are_refused_with_a_sentence(tmp_path: Path, items: list[dict[str, Any]], said: str) -> None:
    """Repeated or missing codes, points, lines, nothing, metres that claim to be degrees."""
    with pytest.raises(BoundaryError, match=said):
        read_boundaries(write(tmp_path / "a.geojson", *items), SCHEMA)


def test_missing_property_names_those_there_are(tmp_path: Path) -> None:
    """The message lists what the file has, so that the profile can be corrected."""
    with pytest.raises(BoundaryError, match="缺少属性 gbcode; 文件中有: code, name"):
        read_boundaries(write(tmp_path / "a.geojson", feature(LEFT, "1")), BoundarySchema("gbcode", "name"))


@pytest.mark.parametrize("content", [b"", b"{", b"not a map", b'{"type": "FeatureCollection", "features": [{"type": "Feat', b"\x00" * 200])
def test_broken_files_are_refused(tmp_path: Path, content: bytes) -> None:
    """Empty, truncated or foreign bytes are one sentence, whatever the driver says."""
    path = tmp_path / "a.geojson"
    path.write_bytes(content)
    with pytest.raises(BoundaryError, match=r"边界文件 a\.geojson") as caught:
        read_boundaries(path, SCHEMA)
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore:'crs' was not provided")
def test_no_coordinate_system_is_not_guessed(tmp_path: Path) -> None:
    """A shapefile without its .prj says nothing about its numbers."""
    frame = gpd.GeoDataFrame({"code": ["1"], "name": ["a"]}, geometry=[LEFT])
    frame.to_file(tmp_path / "a.shp")
    with pytest.raises(BoundaryError, match="坐标系"):
        read_boundaries(tmp_path / "a.shp", BoundarySchema("code", "name"))


@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(115.9, 116.5), st.floats(38.9, 39.5)), min_size=1, max_size=30), st.integers(0, 10**6))
def test_points_agree_with_asking_every_area(points: list[tuple[float, float]], seed: int) -> None:
    """Random overlapping areas and points, border hits included: the index finds what a loop finds."""
    chance = np.random.default_rng(seed)
    corners = chance.uniform([115.9, 38.9], [116.3, 39.3], (6, 2)).round(1)
    shapes = [(str(index), box(x, y, x + 0.2, y + 0.2)) for index, (x, y) in enumerate(corners)]
    areas = gpd.GeoDataFrame({"code": [code for code, _ in shapes]}, geometry=[area for _, area in shapes], crs="EPSG:4326")
    points = [*points, (corners[0][0], corners[0][1])]
    longitude, latitude = np.array(points).T
    assert locate(areas, longitude, latitude).tolist() == [plain.area_of(shapes, *point) for point in points]


@needs_shared(GEODATA / "beijing_townships_light.geojson", GEODATA / "beijing_townships_light.topojson")
def test_beijing_in_two_formats(tmp_path: Path) -> None:
    """343 subdistricts in 16 districts from GeoJSON and TopoJSON; simplified without a gap or an empty area."""
    schema = BoundarySchema("code", "name", "district_code", "district", "population")
    areas = read_boundaries(GEODATA / "beijing_townships_light.geojson", schema)
    other = read_boundaries(GEODATA / "beijing_townships_light.topojson", schema)
    assert len(areas) == 343
    assert areas["code"].tolist() == other["code"].tolist()
    assert (areas["area_km2"] / other["area_km2"]).between(0.99, 1.01).all()
    assert len(merge_districts(areas)) == 16
    assert areas["area_km2"].sum() == pytest.approx(16_410, rel=0.01)
    simple = simplify(areas)
    assert not simple.geometry.is_empty.any()
    own, whole = (shapely.area(frame.geometry.to_numpy()).sum() for frame in (simple, areas))
    assert own == pytest.approx(whole, rel=0.01)
    # the yearbook's area of the city is 16,410 square kilometres; a union without gaps has as much as its parts
    assert shapely.union_all(simple.geometry.to_numpy()).area == pytest.approx(own, rel=1e-3)


@needs_shared(
    *(GEODATA / f"{name}.geojson" for name in ("nyc_community_districts", "boston_neighborhoods", "chicago_community_areas", "san_francisco_neighborhoods"))
)
@pytest.mark.parametrize(
    ("name", "number"),
    [("nyc_community_districts", 71), ("boston_neighborhoods", 26), ("chicago_community_areas", 77), ("san_francisco_neighborhoods", 37)],
)
def test_other_cities(name: str, number: int) -> None:
    """Nothing is hard-wired to Beijing: every area holds its own label point."""
    areas = read_boundaries(GEODATA / f"{name}.geojson", BoundarySchema("code", "name"))
    assert len(areas) == number
    own = locate(areas, areas["longitude"].to_numpy(), areas["latitude"].to_numpy())
    assert own.tolist() == areas["code"].tolist()

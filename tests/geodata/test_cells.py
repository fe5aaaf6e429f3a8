"""Schematic cells: a valid coverage around every centroid, with about the known areas."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from geodata.boundaries import BoundarySchema, fingerprint, merge_districts, read_boundaries, simplify
from geodata.cells import schematic_cells, write_boundary_file

PLACES = Path(__file__).resolve().parents[2] / "cities" / "beijing_places.csv"


@pytest.fixture(scope="module")
def places() -> pd.DataFrame:
    return pd.read_csv(PLACES, dtype={"code": "str", "parent_code": "str"}).sort_values("code", ignore_index=True)


@pytest.fixture(scope="module")
def cells(places: pd.DataFrame) -> gpd.GeoDataFrame:
    return schematic_cells(places)


def test_every_place_has_one_valid_cell_with_its_centroid(cells: gpd.GeoDataFrame, places: pd.DataFrame) -> None:
    assert cells["code"].tolist() == places["code"].tolist()
    assert set(cells.geom_type) == {"Polygon"}
    assert cells.is_valid.all()
    assert shapely.contains_xy(cells.geometry.to_numpy(), places["longitude"], places["latitude"]).all()


def test_cells_are_a_coverage_without_gaps(cells: gpd.GeoDataFrame) -> None:
    """Neighbours share their borders exactly, and together the cells are one piece without holes."""
    shapes = cells.geometry.to_numpy()
    assert shapely.coverage_is_valid(shapes)
    whole = shapely.union_all(shapes)
    assert whole.geom_type == "Polygon"
    assert len(whole.interiors) == 0
    assert shapely.area(shapes).sum() == pytest.approx(whole.area, rel=1e-9)


def test_areas_are_about_right(cells: gpd.GeoDataFrame, places: pd.DataFrame) -> None:
    """The whole within 2 %; the middle half within 20 %; three quarters of the places within 35 %."""
    off = np.log(cells["area_km2"].to_numpy() / places["area_km2"].to_numpy())
    assert cells["area_km2"].sum() == pytest.approx(places["area_km2"].sum(), rel=0.02)
    assert np.quantile(np.abs(off), 0.5) < np.log(1.2)
    assert (np.abs(off) < np.log(1.35)).mean() > 0.75


def test_near_places_are_neighbours(cells: gpd.GeoDataFrame, places: pd.DataFrame) -> None:
    """The nearest other place is a neighbour in nearly all cases."""
    points = places[["longitude", "latitude"]].to_numpy() * [np.cos(np.radians(40)), 1]
    apart = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    np.fill_diagonal(apart, np.inf)
    nearest = apart.argmin(axis=1)
    shapes = cells.geometry.to_numpy()
    assert shapely.touches(shapes, shapes[nearest]).mean() > 0.97


def test_cells_survive_what_boundaries_go_through(cells: gpd.GeoDataFrame, tmp_path: Path) -> None:
    """Written, read as any boundary file, simplified and merged into districts."""
    schema = BoundarySchema("code", "name", "district_code", "district")
    write_boundary_file(cells, tmp_path / "cells.geojson", schema)
    areas = read_boundaries(tmp_path / "cells.geojson", schema)
    assert list(areas.columns) == ["code", "name", "parent_code", "parent_name", "population", "longitude", "latitude", "geometry", "area_km2"]
    assert (len(areas), len(merge_districts(areas))) == (343, 16)
    assert not simplify(areas).geometry.is_empty.any()


def test_the_same_places_give_the_same_cells(cells: gpd.GeoDataFrame, places: pd.DataFrame) -> None:
    """In whichever order they come."""
    assert fingerprint(schematic_cells(places.iloc[::-1])) == fingerprint(cells)

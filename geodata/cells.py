"""Schematic cells for a city without a boundary file: a map one can read, made from centroids and areas alone.

The cells are a power diagram (Aurenhammer 1987, SIAM J. Comput. 16(1)) whose weights are fitted until each cell has
about the area that is known of its subdistrict. They are no boundaries and must be called 示意 wherever they are shown.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from geodata.boundaries import EQUAL_AREA, SQUARE_METRES_PER_KM2, WGS84

if TYPE_CHECKING:
    from pathlib import Path

    from geodata.boundaries import BoundarySchema

__all__ = ["schematic_cells", "write_boundary_file"]

KM_A_DEGREE = 111.32
GRID_POINTS = 9_000
FITTING_ROUNDS = 60
OWN_CENTROID = 0.80
"""A weight may exceed another by this part of the squared distance: below 1 every centroid lies inside its own cell."""

SNAP_KM = 1e-3
GAP_KM = 4.0
ROUND_KM = 2.0
OUTLINE_ROUNDS = 12
MIN_DISC_KM = 0.3


def schematic_cells(places: pd.DataFrame) -> gpd.GeoDataFrame:
    """Cells that tile a made-up outline of the city, each around its centroid with about its area.

    Parameters
    ----------
    places
        Columns ``code``, ``name``, ``parent_code``, ``parent_name``, ``longitude``, ``latitude`` (degrees) and ``area_km2``.

    Returns
    -------
    GeoDataFrame
        As ``geodata.boundaries.read_boundaries``, ordered by code: a coverage without gaps or overlaps. ``area_km2`` is the
        cell's, ``population`` NaN.

    Notes
    -----
    The outline is the union of discs of each area, closed over gaps; its area is the sum of the areas. Areas are met as
    far as every cell can keep its centroid: small ones next to large ones stay somewhat off.
    """
    places = places.sort_values("code", ignore_index=True)
    latitude = float(places["latitude"].mean())
    scale = np.array([KM_A_DEGREE * np.cos(np.radians(latitude)), KM_A_DEGREE])
    sites = places[["longitude", "latitude"]].to_numpy(dtype="float64") * scale
    areas = places["area_km2"].to_numpy(dtype="float64")
    outline = _outline(sites, areas)
    weights = _fitted_weights(sites, areas * (outline.area / areas.sum()), outline)
    cells = _coverage(_power_cells(sites, weights, outline), sites, weights)
    return _frame(places, shapely.transform(cells, lambda points: points / scale))


def _outline(sites: np.ndarray, areas: np.ndarray) -> shapely.Polygon:
    """One polygon without holes around all sites whose area is the sum of the areas."""
    radius = np.maximum(np.sqrt(areas / np.pi), MIN_DISC_KM)
    low, high = 0.5, 3.0
    shape = shapely.Polygon()
    for _ in range(OUTLINE_ROUNDS):
        factor = (low + high) / 2
        discs = shapely.union_all(shapely.buffer(shapely.points(sites), radius * factor, quad_segs=8))
        closed = shapely.buffer(shapely.buffer(discs, GAP_KM + ROUND_KM), -GAP_KM - 2 * ROUND_KM)
        shape = shapely.union_all([shapely.buffer(closed, ROUND_KM), *shapely.buffer(shapely.points(sites), MIN_DISC_KM)])
        largest = max(shapely.get_parts(shape), key=shapely.area)
        shape = shapely.Polygon(largest.exterior)
        # too small also while a site is outside: cells tile one piece
        if shape.area < areas.sum() or not shapely.contains_xy(shape, sites[:, 0], sites[:, 1]).all():
            low = factor
        else:
            high = factor
    return shapely.simplify(shape, 0.1)


def _distances(sites: np.ndarray) -> np.ndarray:
    return ((sites[:, None, :] - sites[None, :, :]) ** 2).sum(axis=2)


def _kept_inside(weights: np.ndarray, apart: np.ndarray) -> np.ndarray:
    """The weights lowered until no site loses its own centroid."""
    for _ in range(len(weights)):
        bound = (weights[:, None] + OWN_CENTROID * apart).min(axis=0)
        if np.allclose(bound, weights):
            break
        weights = bound
    return weights


def _fitted_weights(sites: np.ndarray, areas: np.ndarray, outline: shapely.Polygon) -> np.ndarray:
    """Weights under which cells have about those areas, counted on a grid of points inside the outline."""
    left, low, right, high = outline.bounds
    step = np.sqrt(outline.area / GRID_POINTS)
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(left, right, step), np.arange(low, high, step)))
    inside = shapely.contains_xy(outline, x, y)
    points = np.column_stack([x[inside], y[inside]])
    apart = _distances(sites)
    np.fill_diagonal(apart, 0)
    squared = (points**2).sum(axis=1)[:, None] - 2 * points @ sites.T + (sites**2).sum(axis=1)[None, :]
    weights = np.zeros(len(sites))
    for number in range(FITTING_ROUNDS):
        owner = (squared - weights).argmin(axis=1)
        found = np.bincount(owner, minlength=len(sites)) * step**2
        # a ring of width dr changes a disc's area by 2 pi r dr and its squared radius by 2 r dr
        pace = 0.9 if number < FITTING_ROUNDS // 2 else 0.35
        weights = _kept_inside(weights + pace * (areas - np.maximum(found, 0.2 * step**2)) / np.pi * 0.7, apart)
        weights -= weights.mean()
    return weights


def _power_cells(sites: np.ndarray, weights: np.ndarray, outline: shapely.Polygon) -> np.ndarray:
    """The exact cells: the outline's box cut by the half-plane towards every other site, then by the outline."""
    left, low, right, high = outline.buffer(1).bounds
    box = np.array([[left, low], [right, low], [right, high], [left, high]])
    apart = _distances(sites)
    np.fill_diagonal(apart, 1.0)
    power = (sites**2).sum(axis=1) - weights
    cells = []
    for number, site in enumerate(sites):
        ring = box
        # how far from the site each border runs: beyond the cell's farthest corner no border can cut it
        far = (apart[number] + weights[number] - weights) / (2 * np.sqrt(apart[number]))
        far[number] = np.inf
        for other in np.argsort(far, kind="stable")[:-1]:
            if far[other] > np.sqrt(((ring - site) ** 2).sum(axis=1).max()):
                break
            ring = _cut(ring, ring @ (2 * (sites[other] - site)) - (power[other] - power[number]))
        cells.append(shapely.Polygon(ring))
    return shapely.intersection(np.array(cells), outline)


def _cut(ring: np.ndarray, beyond: np.ndarray) -> np.ndarray:
    """The part of a convex ring where ``beyond`` is not positive (Sutherland and Hodgman 1974)."""
    if (beyond <= 0).all():
        return ring
    kept = []
    for number in range(len(ring)):
        here, there = beyond[number - 1], beyond[number]
        if (here > 0) != (there > 0):
            kept.append(ring[number - 1] + (ring[number] - ring[number - 1]) * here / (here - there))
        if there <= 0:
            kept.append(ring[number])
    return np.array(kept)


def _coverage(cells: np.ndarray, sites: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The cells with exactly shared corners: all edges are joined into one net and its faces given to their sites."""
    net = shapely.union_all(shapely.boundary(cells), grid_size=SNAP_KM)
    faces = shapely.get_parts(shapely.polygonize([net]))
    inside = shapely.get_coordinates(shapely.point_on_surface(faces))
    owner = (((inside[:, None, :] - sites[None, :, :]) ** 2).sum(axis=2) - weights).argmin(axis=1)
    # the outline may cut a cell in two: the part with the site stays, the other goes to the neighbour it touches most
    home = shapely.contains_xy(faces, sites[owner, 0], sites[owner, 1])
    for stray in np.flatnonzero(~home):
        borders = shapely.length(shapely.intersection(shapely.boundary(faces[stray]), shapely.boundary(faces[home])))
        owner[stray] = owner[home][borders.argmax()]
    return np.array([shapely.union_all(faces[owner == number]) for number in range(len(sites))])


def _frame(places: pd.DataFrame, shapes: np.ndarray) -> gpd.GeoDataFrame:
    frame = gpd.GeoDataFrame(
        {
            "code": places["code"].astype("str"),
            "name": places["name"].astype("str"),
            "parent_code": places["parent_code"].astype("str"),
            "parent_name": places["parent_name"].astype("str"),
            "population": np.nan,
            "longitude": places["longitude"].astype("float64"),
            "latitude": places["latitude"].astype("float64"),
        },
        geometry=shapes,
        crs=WGS84,
    )
    frame["area_km2"] = frame.to_crs(EQUAL_AREA).area / SQUARE_METRES_PER_KM2
    return frame


def write_boundary_file(areas: gpd.GeoDataFrame, path: Path, schema: BoundarySchema) -> None:
    """The areas as a GeoJSON file with the property names of ``schema``, as a city would deliver its boundaries."""
    names = {schema.code: "code", schema.name: "name", schema.parent_code: "parent_code", schema.parent_name: "parent_name"}
    columns = {given: areas[own] for given, own in names.items() if given}
    frame = gpd.GeoDataFrame(columns, geometry=areas.geometry, crs=WGS84)
    path.write_text(json.dumps(json.loads(frame.to_json(drop_id=True)), ensure_ascii=False), encoding="utf-8")

"""A made-up city for the hot-spot figures: areas of unequal population with neighbours, and counts of them with or without a hot spot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import geopandas as gpd
import numpy as np
from scipy.sparse import csr_array

from geodata.neighbours import Neighbours, contiguity

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ALPHA", "City", "made_city", "read_city"]

ALPHA = 0.06
"""Dispersion of a month's counts around what is expected of them."""

ADJOINING = 5


@dataclass(frozen=True, slots=True)
class City:
    """N areas: their neighbours, population, and longitude and latitude (N x 2)."""

    neighbours: Neighbours
    population: np.ndarray
    coordinates: np.ndarray

    def means(self, expected: float) -> np.ndarray:
        """What each area lets expect where the average area has ``expected``, N."""
        return self.population / self.population.mean() * expected

    def counts(self, maps: int, expected: float, chance: np.random.Generator, ratio: np.ndarray | float = 1.0) -> np.ndarray:
        """Negative binomial counts, N x maps; ``ratio`` is the relative risk, a number or N x maps."""
        means = np.broadcast_to(self.means(expected)[:, None] * ratio, (len(self.population), maps))
        return chance.poisson(means * chance.gamma(1 / ALPHA, ALPHA, means.shape)).astype("float64")

    def shared_out(self, counts: np.ndarray) -> np.ndarray:
        """The total of each map by population, N x M: what is expected where nothing is special."""
        return np.outer(self.population / self.population.sum(), counts.sum(axis=0))

    def clusters(self, places: int, expected: float) -> list[np.ndarray]:
        """Five adjoining areas each, of about the average expectation: an area and those of its neighbours nearest to it."""
        away = np.abs(np.log(self.means(expected) / expected))
        starts = [start for start in np.argsort(away) if self.neighbours.counts[start] >= ADJOINING - 1][:places]
        found = []
        for start in starts:
            near = self.neighbours.matrix[[start]].indices
            found.append(np.append(start, near[np.argsort(away[near])][: ADJOINING - 1]))
        return found


def made_city(areas: int) -> City:
    """Square areas a kilometre wide, row by row; more people in the middle, and unevenly."""
    width = int(np.ceil(np.sqrt(areas)))
    row, column = np.divmod(np.arange(areas), width)
    beside = (np.abs(row[:, None] - row) <= 1) & (np.abs(column[:, None] - column) <= 1) & ~np.eye(areas, dtype=bool)
    chance = np.random.default_rng(11)
    away = np.hypot(row - width / 2, column - width / 2) / width
    population = (120_000 * np.exp(-((away * 2.7) ** 2)) + 8_000) * chance.lognormal(0, 0.5, areas)
    coordinates = np.column_stack([116 + column / 85.0, 39.5 + row / 111.0]) + chance.normal(0, 0.0015, (areas, 2))
    return City(Neighbours(csr_array(beside.astype("float64")), tuple(map(str, range(areas)))), population, coordinates)


def read_city(boundaries: Path, population: str) -> City:
    """Real areas: a file with the column ``code`` and a column of people."""
    areas = gpd.read_file(boundaries)
    points = areas.geometry.representative_point()
    return City(contiguity(areas), areas[population].to_numpy(dtype="float64"), np.column_stack([points.x, points.y]))

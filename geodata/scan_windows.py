"""The windows of a scan statistic: nested circles around each area, and the spans of periods that make them cylinders."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

__all__ = ["Circles", "ScanError", "Windows", "circles_of", "spans_of"]

EARTH_KM = 6371.0088
SAME_KM = 1e-6
"""Distances that differ by less than a millimetre are one: which of two equally near areas comes first must not hang on rounding."""

Kind = Literal["prospective", "retrospective", "spatial"]
KINDS: tuple[Kind, ...] = ("prospective", "retrospective", "spatial")


class ScanError(ValueError):
    """The scan cannot be run on this input; the message says where, what was found and what is allowed."""


@dataclass(frozen=True, slots=True)
class Windows:
    """Which windows are looked at.

    Attributes
    ----------
    kind
        ``prospective``: each circle with the last 1 to ``most_periods`` periods (what is going on now); ``retrospective``: with every run of
        at most ``most_periods`` periods; ``spatial``: with all periods.
    most_periods
        Longest span; where there are fewer periods, all of them.
    most_share
        Largest part of the population (of the expected counts where no population is given) that a circle may hold, above 0, at most 1.
    most_km
        Largest radius.
    least_count
        A window with fewer observed cases is no cluster, on the map and on the replicates alike.

    Raises
    ------
    ScanError
        A value is out of range.
    """

    kind: Kind = "prospective"
    most_periods: int = 4
    most_share: float = 0.5
    most_km: float = float("inf")
    least_count: int = 2

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            message = f"扫描方式是 {self.kind}; 可用的有: {', '.join(KINDS)}"
            raise ScanError(message)
        if self.most_periods < 1:
            message = f"扫描窗口最长期数是 {self.most_periods}; 应为 1 或更大的整数"
            raise ScanError(message)
        if not 0 < self.most_share <= 1:
            message = f"扫描圆最多可含的比重是 {self.most_share}; 应大于 0 且不超过 1"
            raise ScanError(message)
        if not self.most_km >= 0:
            message = f"扫描圆的最大半径是 {self.most_km} 公里; 应为 0 或更大"
            raise ScanError(message)


@dataclass(frozen=True, slots=True)
class Circles:
    """Nested circles around each of N areas.

    Attributes
    ----------
    members
        For each centre the areas by distance from it, the centre first; as many as the largest circle holds.
    radius_km
        For each centre the distance of each member: the radius of the circle that ends with it.
    is_circle
        For each centre, whether a circle ends with that member: not where the next area is just as far, as a circle holds both or neither.
    """

    members: tuple[np.ndarray, ...]
    radius_km: tuple[np.ndarray, ...]
    is_circle: tuple[np.ndarray, ...]


def circles_of(coordinates: np.ndarray, weight: np.ndarray, windows: Windows) -> Circles:
    """The circles around each area up to the largest share and radius.

    Parameters
    ----------
    coordinates
        N x 2, longitude and latitude in degrees, WGS 84.
    weight
        N, 0 or more: population or expected counts; the largest share is of their sum.
    windows
        Their ``most_share`` and ``most_km`` are used.

    Returns
    -------
    Circles
        The area alone is always a circle, also where it holds more than the largest share or shares its point with others
        (then they come in together).

    Notes
    -----
    Distances are great circles (haversine) on a sphere of 6,371 km; within a city they are off by 0.3 % at most.
    """
    apart = np.round(_great_circles(coordinates) / SAME_KM) * SAME_KM
    order = np.argsort(apart, axis=1, kind="stable")
    members, radii, ends = [], [], []
    most = windows.most_share * float(weight.sum()) * (1 + 1e-12)
    for centre, near in enumerate(order):
        distance = apart[centre, near]
        is_circle = np.append(distance[1:] > distance[:-1] + SAME_KM / 2, True)
        fits = (np.cumsum(weight[near]) <= most) & (distance <= windows.most_km)
        fits[: int(np.flatnonzero(is_circle)[0]) + 1] = True
        # circles are nested, so that the first that is too large ends the row; a row ends with a whole circle
        last = int(np.flatnonzero(fits & is_circle & np.logical_and.accumulate(fits))[-1]) + 1
        members.append(near[:last])
        radii.append(distance[:last])
        ends.append(is_circle[:last])
    return Circles(tuple(members), tuple(radii), tuple(ends))


def _great_circles(coordinates: np.ndarray) -> np.ndarray:
    longitude, latitude = np.radians(coordinates).T
    across = np.sin((longitude[:, None] - longitude) / 2) ** 2 * np.cos(latitude[:, None]) * np.cos(latitude)
    along = np.sin((latitude[:, None] - latitude) / 2) ** 2
    return 2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(across + along, 1.0)))


def spans_of(periods: int, windows: Windows) -> np.ndarray:
    """First and last period of every span, V x 2, from 0, both included; the shorter first."""
    most = min(windows.most_periods, periods)
    if windows.kind == "spatial":
        return np.array([[0, periods - 1]])
    if windows.kind == "prospective":
        return np.array([[periods - length, periods - 1] for length in range(1, most + 1)])
    return np.array([[first, first + length - 1] for length in range(1, most + 1) for first in range(periods - length + 1)])

"""Clusters of single points in space and time, and whether points close in space are close in time more often than chance has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NearRepeat", "near_repeat", "space_time_clusters"]

EARTH_METRES = 6_371_008.8
NOISE = -1

PAIRS_AT_ONCE = 2_000_000
"""Pairs of neighbours held at a time, about 50 MB; more are gone through in portions."""

FIRST_PORTION, LARGEST_PORTION = 4_096, 131_072
"""Points whose neighbours are asked for at a time; how many is learnt from the portion before."""

SAME_METRES = 1e-3
"""Distances that differ by less than a millimetre are one: who is a neighbour, and the nearest, must not hang on rounding."""

MOST_PAIRS = 20_000_000
"""Pairs close in space that the test of near repeats goes through for every replicate."""

REPAIRS = 50
"""Rounds in which a permutation is freed of events that became identical."""


@dataclass(frozen=True, slots=True)
class _Events:
    """E different (position, day), sorted by day, longitude and latitude.

    ``place`` are E x 2 metres, ``position`` numbers the different positions, ``weight`` says how many points are at the event, ``event`` the event of
    each of the P points, -1 where it has no position or day.
    """

    place: np.ndarray
    position: np.ndarray
    day: np.ndarray
    weight: np.ndarray
    event: np.ndarray


@dataclass(frozen=True, slots=True)
class NearRepeat:
    """The test of near repeats.

    Attributes
    ----------
    event_count
        Events that were looked at: different positions and days.
    close_count
        Pairs of events close in space, whenever they were.
    observed
        Of these, pairs close in time too.
    expected
        The same on average over the replicates.
    ratio
        ``observed`` through ``expected``; above 1 what happened here happens nearby again soon. NaN where nothing is expected.
    p_value
        Share of replicates, the data counted as one, that have at least as many such pairs; from 1 / (replicates + 1) to 1.
    """

    event_count: int
    close_count: int
    observed: int
    expected: float
    ratio: float
    p_value: float


def space_time_clusters(longitude: np.ndarray, latitude: np.ndarray, days: np.ndarray, *, metres: float, span_days: int, least: int) -> np.ndarray:
    """Cluster of every point: dense in space and in time at once (ST-DBSCAN).

    Parameters
    ----------
    longitude, latitude
        P, degrees (WGS 84); NaN where there is no position.
    days
        P, days since any fixed day, or datetime64; the time of the day is left out. NaN or NaT where there is none.
    metres
        Neighbours are at most so far apart (to the millimetre), above 0.
    span_days
        And at most so many whole days, 0 (the same day) or more.
    least
        A point with so many neighbours or more, itself counted, is a core of a cluster; 1 or more.

    Returns
    -------
    ndarray of int64
        P labels; -1 where a point is in no cluster or has no position or day. Clusters are numbered from 0 by their first day; of those that begin on
        one day the larger comes first, then the one whose westernmost point of that day lies further west (then south).

    Raises
    ------
    ValueError
        The arrays are not of one length, a position is not on the globe, or a parameter is out of range.

    Notes
    -----
    Cores that are neighbours share a cluster. Any other point with a core as its neighbour goes to the nearest core's; of equally near ones to that
    nearest in time, then the earlier, then the one further west (then south). So the labels do not depend on the order of the points.

    Points of one position and day are one event with a weight: a thousand tickets about one address make as many pairs as its days do, not half a
    million. Both are exact. Pairs are gone through in portions, so that memory stays bounded; time goes with the number of pairs of events.

    Distances are plane after an equirectangular projection around the middle latitude; east-west ones are off by tan(latitude) times the distance
    from it in radians: 0.7 % at most 50 km north or south of the middle at 40 degrees. A city across the 180th meridian is not provided for.

    References
    ----------
    Birant & Kut (2007), Data & Knowledge Engineering 60:208 (without their third threshold, on values); Ester, Kriegel, Sander & Xu (1996), KDD-96.
    """
    _check(metres, span_days)
    if not least >= 1:
        message = f"聚集核心的最少点数(least)是 {least}; 应为 1 或更大的整数"
        raise ValueError(message)
    events = _events_of(longitude, latitude, days)
    everyone = np.arange(len(events.day))
    near = events.weight.copy()
    for own, other, _distance in _pairs(events, everyone, everyone, metres, span_days):
        near += np.bincount(own, weights=events.weight[other], minlength=len(near)).astype("int64")
    cores, others = np.flatnonzero(near >= least), np.flatnonzero(near < least)
    label = np.full(len(everyone), NOISE, dtype="int64")
    label[cores] = _connected(events, cores, metres, span_days)
    label = _with_border(events, label, (cores, others), metres, span_days)
    label = _renumbered(label, events)
    found = np.full(len(events.event), NOISE, dtype="int64")
    known = events.event >= 0
    found[known] = label[events.event[known]]
    return found


def near_repeat(
    longitude: np.ndarray, latitude: np.ndarray, days: np.ndarray, *, metres: float, span_days: int, replicates: int = 199, seed: int = 0
) -> NearRepeat:
    """Whether what happens at one place happens nearby again soon, more often than places and times alone would have it (Knox's test).

    Parameters
    ----------
    longitude, latitude, days
        P points as for :func:`space_time_clusters`; those without a position or day are left out.
    metres, span_days
        Pairs are close in space up to so many metres, above 0, and close in time up to so many whole days, 0 or more.
    replicates
        Permutations of the days over the events, 1 or more; the least p-value is 1 / (replicates + 1).
    seed
        Of the permutations.

    Returns
    -------
    NearRepeat
        With fewer than two events nothing is observed or expected and the p-value is 1.

    Raises
    ------
    ValueError
        As for :func:`space_time_clusters`; ``replicates`` is below 1; or more than 20 million pairs of events are close in space.

    Notes
    -----
    Points identical in position and day are one event, as ten calls about one burst pipe say nothing of a second one; two days at one address are a
    pair. Permuted days could make events identical that never can be in the data: such events swap days with others until none is left (at most 50
    rounds; identical pairs that are still there are not counted).

    Permuting the days holds every position and every day as it is, so that neither dense quarters nor busy seasons count as repeats. It cannot tell
    repeats from quarters that grow while others shrink (Kulldorff & Hjalmars 1999, Biometrics 55:544): take spans short against such shifts.

    References
    ----------
    Knox (1964), Applied Statistics 13:25; Besag & Newell (1991), JRSS A 154:143 (Monte Carlo p-value); Townsley, Homel & Chaseling (2003), British
    Journal of Criminology 43:615 (near repeats).
    """
    _check(metres, span_days)
    if not replicates >= 1:
        message = f"随机置换次数(replicates)是 {replicates}; 应为 1 或更大的整数"
        raise ValueError(message)
    events = _events_of(longitude, latitude, days)
    one, other = _close_in_space(events, metres)
    apart = events.position[one] != events.position[other]

    def counted(day: np.ndarray) -> int:
        gap = np.abs(day[one] - day[other])
        return int(((gap <= span_days) & (apart | (gap > 0))).sum())

    chance = np.random.default_rng(seed)
    observed = counted(events.day)
    drawn = np.array([counted(_permuted(events, chance)) for _replicate in range(replicates)])
    expected = float(drawn.mean())
    ratio = observed / expected if expected > 0 else float("nan")
    p_value = (1 + int((drawn >= observed).sum())) / (replicates + 1)
    return NearRepeat(len(events.day), len(one), observed, expected, ratio, p_value)


def _check(metres: float, span_days: int) -> None:
    if not 0 < metres < float("inf"):
        message = f"空间距离(metres)是 {metres} 米; 应大于 0 且有限"
        raise ValueError(message)
    if not 0 <= span_days < float("inf"):
        message = f"时间间隔(span_days)是 {span_days} 天; 应为 0 或更大的整数"
        raise ValueError(message)


def _events_of(longitude: np.ndarray, latitude: np.ndarray, days: np.ndarray) -> _Events:
    east, north = np.asarray(longitude, dtype="float64"), np.asarray(latitude, dtype="float64")
    day = _whole_days(days)
    if east.ndim != 1 or not east.shape == north.shape == day.shape:
        message = f"经度、纬度、日期应为同样长的一维数组; 实际形状是 {east.shape}、{north.shape}、{day.shape}"
        raise ValueError(message)
    known = np.isfinite(east) & np.isfinite(north) & np.isfinite(day)
    if (wrong := known & ((np.abs(east) > 180) | (np.abs(north) > 90))).any():  # noqa: PLR2004 - the globe
        first = int(np.flatnonzero(wrong)[0])
        message = f"第 {first + 1} 个点的坐标是 ({east[first]}, {north[first]}), 共 {int(wrong.sum())} 个出界; 经度应在 ±180、纬度应在 ±90 之内, 未知留空"
        raise ValueError(message)
    event = np.full(len(east), NOISE, dtype="int64")
    east, north, day = east[known], north[known], day[known].astype("int64")
    order = np.lexsort((north, east, day))
    east, north, day = east[order], north[order], day[order]
    starts = np.append(True, (np.diff(day) != 0) | (np.diff(east) != 0) | (np.diff(north) != 0))[: len(day)]
    number = np.cumsum(starts) - 1
    event[np.flatnonzero(known)[order]] = number
    east, north, day = east[starts], north[starts], day[starts]
    return _Events(_in_metres(east, north), _positions(east, north), day, np.bincount(number, minlength=len(day)), event)


def _whole_days(days: np.ndarray) -> np.ndarray:
    """Days as whole float64 numbers, NaN where there is none."""
    given = np.asarray(days)
    if given.dtype.kind == "M":
        whole = given.astype("datetime64[D]")
        return np.where(np.isnat(whole), np.nan, whole.astype("int64").astype("float64"))
    return np.floor(given.astype("float64"))


def _in_metres(east: np.ndarray, north: np.ndarray) -> np.ndarray:
    """Positions on a plane around the middle, which depends on the outermost points alone and not on how many lie where."""
    if not len(east):
        return np.empty((0, 2))
    middle_east, middle_north = (east.min() + east.max()) / 2, (north.min() + north.max()) / 2
    across = np.radians(east - middle_east) * np.cos(np.radians(middle_north))
    return EARTH_METRES * np.column_stack([across, np.radians(north - middle_north)])


def _positions(east: np.ndarray, north: np.ndarray) -> np.ndarray:
    """A number for every different position."""
    order = np.lexsort((north, east))
    changes = (np.diff(east[order]) != 0) | (np.diff(north[order]) != 0)
    number = np.zeros(len(east), dtype="int64")
    number[order] = np.append(0, np.cumsum(changes))[: len(east)]
    return number


def _pairs(events: _Events, from_: np.ndarray, to: np.ndarray, metres: float, span_days: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Neighbours in portions: an event of ``from_``, another event of ``to`` and their distance in metres; every pair in both directions."""
    if not len(from_) or not len(to):
        return
    # with days stretched so that the span is as long as the distance, neighbours lie in a cube: 1.3 candidates are looked at for each one found
    stretch = (metres + SAME_METRES) / max(span_days, 0.5)
    solid = np.column_stack([events.place, (events.day - events.day.min()) * stretch])
    tree = cKDTree(solid[to])
    # along the tree's own order portions are compact and as dense as the one before
    queue = from_[tree.indices] if from_ is to else from_[cKDTree(solid[from_]).indices]
    done, portion = 0, FIRST_PORTION
    while done < len(queue):
        asked = queue[done : done + portion]
        found = cKDTree(solid[asked]).sparse_distance_matrix(tree, metres + 2 * SAME_METRES, p=np.inf, output_type="ndarray")
        done += len(asked)
        portion = int(np.clip(PAIRS_AT_ONCE * len(asked) // max(len(found), 1), 1, min(2 * portion, LARGEST_PORTION)))
        own, other = asked[found["i"]], to[found["j"]]
        step = events.place[own] - events.place[other]
        distance = np.round(np.hypot(step[:, 0], step[:, 1]) / SAME_METRES) * SAME_METRES
        keep = (distance <= metres + SAME_METRES / 2) & (np.abs(events.day[own] - events.day[other]) <= span_days) & (own != other)
        yield own[keep], other[keep], distance[keep]


def _connected(events: _Events, cores: np.ndarray, metres: float, span_days: int) -> np.ndarray:
    """Cluster of every core; pairs are forgotten as soon as the clusters they join are one."""
    label = np.arange(len(cores))
    place = np.zeros(len(events.day), dtype="int64")
    place[cores] = label
    for own, other, _distance in _pairs(events, cores, cores, metres, span_days):
        one, two = label[place[own]], label[place[other]]
        joins = one < two
        graph = coo_array((np.ones(int(joins.sum()), dtype="int8"), (one[joins], two[joins])), shape=(len(cores), len(cores)))
        label = connected_components(graph, directed=False)[1][label].astype("int64")
    return label


def _with_border(events: _Events, label: np.ndarray, parts: tuple[np.ndarray, np.ndarray], metres: float, span_days: int) -> np.ndarray:
    """Labels in which every event near a core has the nearest core's."""
    cores, others = parts
    found = label.copy()
    # an event is asked about in one portion alone, so that the nearest of the portion is the nearest of all
    for own, other, distance in _pairs(events, others, cores, metres, span_days):
        # events are numbered by day, longitude and latitude: the last key settles what distance and days leave open
        order = np.lexsort((other, np.abs(events.day[own] - events.day[other]), distance, own))
        first, at = np.unique(own[order], return_index=True)
        found[first] = label[other[order][at]]
    return found


def _renumbered(label: np.ndarray, events: _Events) -> np.ndarray:
    """Clusters numbered by first day, size and first event."""
    member = label >= 0
    if not member.any():
        return label
    known, first, inverse = np.unique(label[member], return_index=True, return_inverse=True)
    first_event = np.flatnonzero(member)[first]
    size = np.bincount(inverse, weights=events.weight[member])
    number = np.empty(len(known), dtype="int64")
    number[np.lexsort((first_event, -size, events.day[first_event]))] = np.arange(len(known))
    found = label.copy()
    found[member] = number[inverse]
    return found


def _close_in_space(events: _Events, metres: float) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of every pair of events at most ``metres`` apart, each pair once."""
    if len(events.day) < 2:  # noqa: PLR2004 - a pair
        return np.empty(0, dtype="int64"), np.empty(0, dtype="int64")
    tree = cKDTree(events.place)
    count = (int(tree.count_neighbors(tree, metres + SAME_METRES / 2)) - len(events.day)) // 2
    if count > MOST_PAIRS:
        message = f"{len(events.day)} 个事件中, 相距不超过 {metres} 米的有 {count} 对; 最多 {MOST_PAIRS} 对, 请减小 metres, 或按分类、地区分开检验"
        raise ValueError(message)
    found = tree.query_pairs(metres + SAME_METRES / 2, output_type="ndarray")
    return found[:, 0], found[:, 1]


def _permuted(events: _Events, chance: np.random.Generator) -> np.ndarray:
    """The days in another order, in which no two events have the same position and day."""
    day = chance.permutation(events.day)
    width = int(np.ptp(day)) + 1 if len(day) else 1
    for _round in range(REPAIRS):
        key = events.position * width + day
        order = np.argsort(key, kind="stable")
        same = np.diff(key[order]) == 0
        if not same.any():
            break
        for one, other in zip(order[1:][same], chance.integers(0, len(day), int(same.sum())), strict=True):
            day[one], day[other] = day[other], day[one]
    return day

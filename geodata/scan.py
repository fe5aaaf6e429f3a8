"""The scan statistic: where, and since when, more requests come in than expected, whatever the borders of the areas.

A circle around each area grows over its neighbours, and is joined with each span of periods to a cylinder. Of all cylinders the one least
like its surroundings is the most likely cluster. That it is the highest of more than a million is allowed for: its p-value is the share of
maps without a cluster on which the highest is as high. Such maps must scatter as counts do. Drawn as Poisson they scatter too little, and
an ordinary month is an alarm: with a dispersion of 0.15 on eight maps of ten.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from geodata.scan_ratios import poisson_ratio
from geodata.scan_replicates import Null, replicate_maxima
from geodata.scan_windows import Circles, ScanError, Windows, circles_of, spans_of
from geodata.smoothing import pooled_overdispersion

__all__ = ["Cluster", "Null", "Scan", "ScanError", "Windows", "gumbel_p_value", "gumbel_ratio", "scan"]

TIE = 1e-9


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cylinder with more requests than expected.

    Attributes
    ----------
    areas
        Positions of its areas, by distance from the centre.
    centre
        Position of the area at its centre.
    radius_km
        Distance of the farthest area from the centre, between their points; 0 for one area.
    first_period, last_period
        From 0, both included.
    observed, expected
        Requests, and how many were expected once the whole map's expected counts are brought to its observed total.
    relative_risk
        Observed to expected inside, divided by the same outside; infinite where nothing was observed outside.
    log_likelihood_ratio
        Above 0.
    p_value
        Share of the replicates, the map itself counted in, whose highest ratio is as high. For a secondary cluster that is more than it need
        be (Kulldorff 1997).
    gumbel_p_value
        The same from a Gumbel distribution fitted to the replicates, which goes on below 1 / (replicates + 1); NaN where they are all alike.
    recurrence_days
        Scanning as often as there are periods, one such cluster comes up by chance in so many days: length of a period over the p-value.
        NaN where the scan is not prospective.
    """

    areas: tuple[int, ...]
    centre: int
    radius_km: float
    first_period: int
    last_period: int
    observed: int
    expected: float
    relative_risk: float
    log_likelihood_ratio: float
    p_value: float
    gumbel_p_value: float
    recurrence_days: float


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan found.

    Attributes
    ----------
    clusters
        The most likely first; no two have an area in common.
    maxima
        Highest log-likelihood ratio of each replicate drawn, at most R; empty where nothing was observed.
    dispersion
        Alpha of the replicates, given or estimated: a number, N x 1 or N x T; NaN where nothing was observed.
    """

    clusters: tuple[Cluster, ...]
    maxima: np.ndarray
    dispersion: float | np.ndarray

    def frame(self) -> pd.DataFrame:
        """One row a cluster, in the order and with the names of the fields of ``Cluster``."""
        names = list(Cluster.__dataclass_fields__)
        return pd.DataFrame([[getattr(cluster, name) for name in names] for cluster in self.clusters], columns=names)


def scan(
    observed: np.ndarray,
    expected: np.ndarray,
    coordinates: np.ndarray,
    windows: Windows | None = None,
    null: Null | None = None,
    *,
    population: np.ndarray | None = None,
    period_days: float = 7.0,
    most_clusters: int = 10,
) -> Scan:
    """Clusters of requests in space and time, tested together.

    Parameters
    ----------
    observed
        N x T, requests of each area and period: whole numbers, 0 or more.
    expected
        N x T, what this problem, place and season lets expect, in any unit: it is brought to the observed total, so that a surge of the whole
        city is no cluster. Above 0 wherever something was observed.
    coordinates
        N x 2, longitude and latitude of a point of each area, degrees, WGS 84.
    windows
        Which cylinders are looked at; prospective, up to four periods and half of the map where left out.
    null
        How maps without a cluster are drawn; negative binomial with a dispersion estimated from the map where left out.
    population
        N, 0 or more: what the largest share of a circle is of; the expected counts where left out.
    period_days
        Length of a period, above 0.
    most_clusters
        At most so many are returned.

    Returns
    -------
    Scan
        Without clusters where nothing was observed or no window has more than expected. Whether a cluster counts is for the caller to say.

    Raises
    ------
    ScanError
        Shapes differ, a count is negative, unknown or (observed) not whole, a point is off the globe, something was observed where nothing
        was expected, or an option is out of range.

    Notes
    -----
    The replicates scatter independently around ``expected``. Where that is wrong for a place for weeks on end, the place is a cluster.
    A dispersion estimated from the map takes a cluster for scatter, so that p-values are rather too large; one known from earlier
    periods (``smoothing.pooled_overdispersion`` of them) finds more. Secondary clusters are the best windows of all that have no area in common with
    the clusters before them, not only the best of each centre.

    References
    ----------
    Kulldorff (1997), Communications in Statistics: Theory and Methods 26:1481 (statistic, Monte Carlo test); Kulldorff (2001), Journal of the
    Royal Statistical Society A 164:61 (prospective cylinders); Zhang, Zhang & Lin (2012), Statistics in Medicine 31:762 (overdispersion).
    """
    windows, null = windows or Windows(), null or Null()
    observed, expected = _checked_counts(observed, expected)
    coordinates, weight = _checked_places(coordinates, population, expected)
    if not period_days > 0:
        message = f"一期的天数是 {period_days}; 应大于 0"
        raise ScanError(message)
    total = float(observed.sum())
    if total == 0:
        return Scan((), np.empty(0), float("nan"))
    # West to east, whatever the caller's order: the draws of a seed go to the same places then, and ties fall the same way.
    order = np.lexsort((coordinates[:, 1], coordinates[:, 0]))
    observed, expected = observed[order], expected[order] * (total / expected.sum())
    null = replace(null, dispersion=_dispersion(null, observed, expected, order))
    circles, spans = circles_of(coordinates[order], weight[order], windows), spans_of(observed.shape[1], windows)
    chosen = _best_windows(observed, expected, circles, spans, windows.least_count, most_clusters)
    highest = chosen[0].ratio - TIE if chosen else 0.0
    maxima = replicate_maxima(expected, circles, spans, null, windows.least_count, highest)
    days = period_days if windows.kind == "prospective" else float("nan")
    found = tuple(_cluster(window, (observed, expected), circles, order, maxima, days) for window in chosen)
    return Scan(found, maxima, _in_order(null.dispersion, np.argsort(order)))


def _checked_counts(observed: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    seen, usual = np.asarray(observed, dtype="float64"), np.asarray(expected, dtype="float64")
    if seen.ndim != 2 or seen.size == 0 or seen.shape != usual.shape:  # noqa: PLR2004
        message = f"实际件数为 {seen.shape}, 预期件数为 {usual.shape}; 两者都应是 区域数 × 期数 的表, 大小相同且不为空"
        raise ScanError(message)
    for name, values in (("实际件数", seen), ("预期件数", usual)):
        _refuse(~np.isfinite(values) | (values < 0), values, f"{name}应为 0 或更大的有限数值")
    _refuse(seen != np.rint(seen), seen, "实际件数应为整数")
    _refuse((seen > 0) & (usual == 0), seen, "预期件数为 0 的地方不能有实际件数")
    return seen, usual


def _refuse(is_wrong: np.ndarray, values: np.ndarray, allowed: str) -> None:
    if is_wrong.any():
        area, period = np.argwhere(is_wrong)[0]
        message = f"第 {area + 1} 个区域第 {period + 1} 期的值是 {values[area, period]:g}, 共 {int(is_wrong.sum())} 处不符; {allowed}"
        raise ScanError(message)


def _checked_places(coordinates: np.ndarray, population: np.ndarray | None, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points, and what the share of a circle is of."""
    points = np.asarray(coordinates, dtype="float64")
    if points.shape != (len(expected), 2):
        message = f"坐标表为 {points.shape}; 应为 {len(expected)} 个区域 × (经度, 纬度)"
        raise ScanError(message)
    is_wrong = ~(np.abs(points) <= (180, 90)).all(axis=1)
    if is_wrong.any():
        area = int(np.flatnonzero(is_wrong)[0])
        message = f"第 {area + 1} 个区域的坐标是 {points[area].tolist()}; 经度应在 -180 至 180, 纬度应在 -90 至 90 之间"
        raise ScanError(message)
    if population is None:
        return points, expected.sum(axis=1)
    weight = np.asarray(population, dtype="float64")
    if weight.shape != (len(expected),) or not (np.isfinite(weight) & (weight >= 0)).all():
        message = f"人口表为 {weight.shape}; 应为 {len(expected)} 个区域各一个 0 或更大的有限数值"
        raise ScanError(message)
    return points, weight


def _dispersion(null: Null, observed: np.ndarray, expected: np.ndarray, order: np.ndarray) -> float | np.ndarray:
    if null.dispersion is None:
        return pooled_overdispersion(observed, expected)
    areas, periods = observed.shape
    shape = np.shape(null.dispersion)
    if shape not in {(), (areas, 1), (areas, periods)}:
        message = f"离散参数为 {shape}; 应为一个数, 或 {areas} × 1, 或 {areas} × {periods}"
        raise ScanError(message)
    return _in_order(null.dispersion, order)


def _in_order(dispersion: float | np.ndarray | None, order: np.ndarray) -> float | np.ndarray:
    values = np.asarray(dispersion, dtype="float64")
    return values[order] if values.ndim else float(values)


def gumbel_p_value(ratio: float, maxima: np.ndarray) -> float:
    """Probability of a highest ratio of at least ``ratio``, from a Gumbel distribution with the mean and standard deviation of the maxima.

    Parameters
    ----------
    ratio
        Log-likelihood ratio of the cluster.
    maxima
        Highest ratio of each replicate, R; 99 are enough.

    Returns
    -------
    float
        0 to 1; NaN where the maxima are all alike.

    References
    ----------
    Abrams, Kleinman & Kulldorff (2010), International Journal of Health Geographics 9:61; fitted by the method of moments.
    """
    mode, spread = _gumbel(maxima)
    if not spread > 0:
        return float("nan")
    return float(-np.expm1(-np.exp(-(ratio - mode) / spread)))


def gumbel_ratio(p_value: float, maxima: np.ndarray) -> float:
    """The log-likelihood ratio that has this p-value, above 0 and below 1: the inverse of ``gumbel_p_value``."""
    mode, spread = _gumbel(maxima)
    return float(mode - spread * np.log(-np.log1p(-p_value))) if spread > 0 else float("nan")


def _gumbel(maxima: np.ndarray) -> tuple[float, float]:
    """Mode and scale with the mean and standard deviation of the maxima; the scale is 0 where they do not differ."""
    spread = float(np.std(maxima, ddof=1)) * np.sqrt(6) / np.pi if len(maxima) > 1 else 0.0
    return (float(np.mean(maxima)) - np.euler_gamma * spread if len(maxima) else 0.0), spread


@dataclass(frozen=True, slots=True)
class _Window:
    """A chosen cylinder: position of its centre from west to east, number of its areas, its span, and its ratio."""

    centre: int
    size: int
    span: tuple[int, int]
    ratio: float


def _best_windows(observed: np.ndarray, expected: np.ndarray, circles: Circles, spans: np.ndarray, least_count: int, most: int) -> list[_Window]:
    """The window with the highest ratio, then the highest of those that have no area in common with it, and so on."""
    areas, total = len(observed), float(observed.sum())
    seen, usual = (np.stack([values[:, first : last + 1].sum(axis=1) for first, last in spans], axis=1) for values in (observed, expected))
    widest = max(map(len, circles.members))
    ratios, best_span = np.zeros((areas, widest)), np.zeros((areas, widest), dtype=int)
    members = np.full((areas, widest), areas)
    for centre, near in enumerate(circles.members):
        count = np.cumsum(seen[near], axis=0)
        ratio = np.where(count >= least_count, poisson_ratio(count, np.cumsum(usual[near], axis=0), total), 0.0)
        members[centre, : len(near)] = near
        best_span[centre, : len(near)] = ratio.argmax(axis=1)
        ratios[centre, : len(near)] = np.where(circles.is_circle[centre], ratio.max(axis=1), 0.0)
    is_taken = np.zeros(areas + 1, dtype=bool)
    found: list[_Window] = []
    while len(found) < most:
        # a circle that reaches a taken area overlaps, and so do all larger ones of its centre
        open_ratios = np.where(np.logical_or.accumulate(is_taken[members], axis=1), 0.0, ratios)
        centre, place = divmod(int(open_ratios.argmax()), widest)
        if open_ratios[centre, place] <= 0:
            break
        first, last = spans[best_span[centre, place]]
        found.append(_Window(centre, place + 1, (int(first), int(last)), float(ratios[centre, place])))
        is_taken[members[centre, : place + 1]] = True
    return found


def _cluster(window: _Window, counts: tuple[np.ndarray, np.ndarray], circles: Circles, order: np.ndarray, maxima: np.ndarray, period_days: float) -> Cluster:
    near = circles.members[window.centre][: window.size]
    first, last = window.span
    seen, usual = (float(values[near, first : last + 1].sum()) for values in counts)
    seen_outside, usual_outside = (float(values.sum()) - inside for values, inside in zip(counts, (seen, usual), strict=True))
    p_value = (1 + int((maxima >= window.ratio - TIE).sum())) / (len(maxima) + 1)
    return Cluster(
        areas=tuple(order[near].tolist()),
        centre=int(order[window.centre]),
        radius_km=float(circles.radius_km[window.centre][window.size - 1]),
        first_period=first,
        last_period=last,
        observed=round(seen),
        expected=usual,
        relative_risk=seen / usual / (seen_outside / usual_outside) if seen_outside else float("inf"),
        log_likelihood_ratio=window.ratio,
        p_value=p_value,
        gumbel_p_value=gumbel_p_value(window.ratio, maxima),
        recurrence_days=period_days / p_value,
    )

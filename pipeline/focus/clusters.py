"""Clusters at a cut-off: a scan of every problem, held to so many false ones a year over all of them together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import nbinom

from geodata.scan import Null, Windows, gumbel_p_value, gumbel_ratio, scan
from geodata.scan_ratios import poisson_ratio
from geodata.smoothing import pooled_overdispersion
from pipeline.focus.panels import ALL, CATEGORY, PROBLEM, Panel

if TYPE_CHECKING:
    from geodata.scan import Cluster

__all__ = ["EMPTY_FOUND", "EMPTY_SIGHT", "Rule", "find_clusters", "least_seen", "scanned_problems"]

SCANNED_WEEKS = 52
LONGEST_WEEKS = 26
LEAST_WEEKS = 8
MOST_SHARE = 0.1
"""A hot spot is a part of the city; what covers more is a matter of the city's."""

REPLICATES = 199
"""With a Gumbel distribution fitted to them as good as thousands (Abrams, Kleinman & Kulldorff 2010)."""

ENOUGH = 2
MOST_A_PROBLEM = 3
LEAST_COUNT = 3
LEAST_A_YEAR = 100
SMALLEST = 1e-6
HALF = 0.5
OF_ITS_OWN = 0.01
"""Probability from which a problem's count is no more than its place's general rise makes of it."""

WEEK_DAYS, YEAR_DAYS = 7.0, 365.0
FOUR_WEEKS = 4

EMPTY_FOUND = pd.DataFrame(
    {name: pd.Series(dtype="str") for name in ("level", "category_1", "category_2", "areas", "centre")}
    | {"since": pd.Series(dtype="datetime64[us]"), "is_folded": pd.Series(dtype="bool")}
    | {name: pd.Series(dtype="float64") for name in ("radius_km", "observed", "expected", "relative_risk", "strength", "p_value", "recurrence_days")}
)
EMPTY_SIGHT = pd.DataFrame({name: pd.Series(dtype="float64") for name in ("problem_id", "critical", "total", "usual", "least")})


@dataclass(frozen=True, slots=True)
class Rule:
    """When a cluster is a hot spot: chance brings one such in so many days, all problems of a week's scan taken together, and it is worth a visit.

    Attributes
    ----------
    recurrence_days
        Above 0.
    least_ratio
        Relative risk from which it counts: over a large part of the city a twentieth more is no chance, and nobody's business.
    seed
        Of the replicates.
    """

    recurrence_days: float
    least_ratio: float = 1.0
    seed: int = 0

    def p_value(self, scans: int) -> float:
        """The p-value that one of so many weekly scans may have."""
        return WEEK_DAYS / self.recurrence_days / max(scans, 1)


def scanned_problems(panel: Panel) -> np.ndarray:
    """Positions of the problems scanned: everything together, and the finest level that each category has."""
    names = panel.problems
    divided = set(names.loc[names["level"] == PROBLEM, "category_1"])
    is_scanned = (names["level"] == ALL) | (names["level"] == PROBLEM) | ((names["level"] == CATEGORY) & ~names["category_1"].isin(divided))
    return np.flatnonzero(is_scanned.to_numpy())


def find_clusters(panel: Panel, end: int, coordinates: np.ndarray | None, rule: Rule) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The clusters in the weeks before position ``end``, and what size of excess could have been seen.

    Parameters
    ----------
    panel
        By week.
    end
        Position after the last week known.
    coordinates
        N x 2, longitude and latitude; None where places have no position: each is then looked at by itself.

    Returns
    -------
    found
        One row a cluster, columns of ``EMPTY_FOUND``: ``areas`` are codes parted by blanks. One that its place's general rise explains is
        ``is_folded``.
    sight
        One row a problem: ``critical`` log-likelihood ratio, ``total`` requests of the scan, ``usual`` requests of a place with a middling number of
        them in four weeks, and the ``least`` number that would have been found there.
    """
    first = _first_known(panel, end)
    if end - first < LEAST_WEEKS:
        return EMPTY_FOUND, EMPTY_SIGHT
    alone = coordinates is None
    points = _apart(len(panel.members)) if coordinates is None else coordinates
    numbers = [number for number in scanned_problems(panel) if panel.observed[number, :, first:end].sum() >= LEAST_A_YEAR * (end - first) / SCANNED_WEEKS]
    limit = rule.p_value(len(numbers))
    rows, sights = [], []
    alphas: dict[int, float] = {}
    for number in numbers:
        observed, expected = panel.observed[number, :, first:end], np.maximum(panel.expected[number, :, first:end], SMALLEST)
        alphas[number] = alpha = float(np.nan_to_num(pooled_overdispersion(panel.observed[number, :, :end], panel.expected[number, :, :end])))
        longest = min(LONGEST_WEEKS, (end - first) // 2)
        windows = Windows(most_periods=longest, most_share=MOST_SHARE, most_km=0.0 if alone else float("inf"), least_count=LEAST_COUNT)
        result = scan(observed, expected, points, windows, Null(alpha, REPLICATES, rule.seed, enough=ENOUGH), most_clusters=MOST_A_PROBLEM)
        critical = gumbel_ratio(limit, result.maxima)
        usual = float(np.median(expected[:, -FOUR_WEEKS:].sum(axis=1)))
        sights.append((number, critical, observed.sum(), usual, least_seen(usual, critical, float(observed.sum()))))
        for cluster in result.clusters:
            p_value = gumbel_p_value(cluster.log_likelihood_ratio, result.maxima)
            if p_value <= limit and cluster.relative_risk >= rule.least_ratio:
                rows.append(_row(panel, number, first, cluster, p_value * len(numbers)))
    found = pd.DataFrame(rows, columns=list(EMPTY_FOUND.columns)) if rows else EMPTY_FOUND
    found = found.assign(is_folded=_folded(panel, end, found, alphas)) if rows else found
    return found.astype(EMPTY_FOUND.dtypes), pd.DataFrame(sights, columns=list(EMPTY_SIGHT.columns))


def _first_known(panel: Panel, end: int) -> int:
    """The first week that is scanned: a year back, or from where expected counts begin."""
    known = np.isfinite(panel.expected[0, :, :end]).all(axis=0)
    begun = int(np.argmax(known)) if known.any() else end
    return max(end - SCANNED_WEEKS, begun)


def _apart(size: int) -> np.ndarray:
    """Points so far apart that none is another's neighbour."""
    return np.stack([np.linspace(-170, 170, size), np.zeros(size)], axis=1)


def _row(panel: Panel, number: int, first: int, cluster: Cluster, p_value: float) -> tuple[object, ...]:
    names = panel.problems.iloc[number]
    return (
        *(names["level"], names["category_1"], names["category_2"]),
        " ".join(sorted(panel.members[area] for area in cluster.areas)),
        panel.members[cluster.centre],
        panel.starts[first + cluster.first_period],
        False,
        *(cluster.radius_km, float(cluster.observed), cluster.expected, cluster.relative_risk, cluster.log_likelihood_ratio),
        *(min(p_value, 1.0), WEEK_DAYS / p_value if p_value > 0 else float("inf")),
    )


def _folded(panel: Panel, end: int, found: pd.DataFrame, alphas: dict[int, float]) -> list[bool]:
    """Which clusters others explain.

    A place that has more of everything is one hot spot, not one of every problem: there a problem is one of its own only where it is beyond the
    place's other requests, in its own weeks and in those of the general rise. And a place has more of everything where no one problem of it makes half
    of what is too much.
    """
    position = {(names.category_1, names.category_2): number for number, names in enumerate(panel.problems.itertuples(index=False))}
    numbers = [position[row.category_1, row.category_2] for row in found.itertuples(index=False)]
    places = [np.flatnonzero(np.isin(panel.members, row.split())) for row in found["areas"]]
    spans = [slice(int(np.searchsorted(panel.starts, np.datetime64(since, "D"))), end) for since in found["since"]]
    general = [place for place, level in enumerate(found["level"]) if level == ALL]
    folded = []
    for row, number in enumerate(numbers):
        if number == 0:
            own = [other for other, name in enumerate(numbers) if name and np.isin(places[other], places[row]).any()]
            excess = [_sums(panel, numbers[place], places[place], spans[place]) for place in (row, *own)]
            most = max((seen - usual for seen, usual in excess[1:]), default=0.0)
            folded.append(most >= HALF * (excess[0][0] - excess[0][1]))
        else:
            over = [spans[place] for place in general if np.isin(places[row], places[place]).any()]
            folded.append(any(_is_general(panel, number, places[row], span, alphas[number]) for span in (spans[row], *over)))
    return folded


def _sums(panel: Panel, number: int, areas: np.ndarray, span: slice) -> tuple[float, float]:
    seen, usual = (float(values[number, areas, span].sum()) for values in (panel.observed, panel.expected))
    return seen, usual


def _is_general(panel: Panel, number: int, areas: np.ndarray, span: slice, alpha: float) -> bool:
    """Whether a problem has no more than the place's other requests let expect."""
    (seen, usual), (everything, all_usual) = _sums(panel, number, areas, span), _sums(panel, 0, areas, span)
    others = (everything - seen) / max(all_usual - usual, SMALLEST)
    mean = usual * max(others, 1.0)
    size = 1.0 / max(alpha, SMALLEST)
    return bool(nbinom(size, size / (size + mean)).sf(seen - 1) > OF_ITS_OWN)


def least_seen(usual: float, critical: float, total: float) -> float:
    """The least number of requests that a scan finds where ``usual`` are expected; NaN where the critical ratio is unknown."""
    if not np.isfinite(critical):
        return float("nan")
    counts = np.arange(1, int(total) + 1, dtype="float64")
    found = poisson_ratio(counts, np.full(len(counts), max(usual, SMALLEST)), total) >= critical
    return float(counts[found.argmax()]) if found.any() else float("nan")

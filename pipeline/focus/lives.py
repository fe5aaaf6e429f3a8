"""The lives of hot spots: findings of all cut-offs joined, each with its stage at every cut-off, its course, and what it amounts to now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geodata.hotspot_life import NOTIFIED, PATIENCE_DAYS, Finding, Life, Recent, Stage, follow, next_stage, renamed
from geodata.smoothing import pooled_overdispersion, standardised_ratio

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from pipeline.focus.panels import Panel

__all__ = ["Lives", "live"]

RECENT_WEEKS = 4
COURSE_WEEKS = 52
MOST_DISPERSION = 2.0
"""A few bursts in places where nothing is usual make the estimate boundless, and an interval that reaches everywhere says nothing."""

SHOWN_AFTER_DAYS = 182
"""A hot spot that is over stays on the list of those for half a year."""

NAMES = ["category_1", "category_2"]
SPOT_COLUMNS = (
    *("hotspot_id", "level", "category_1", "category_2", "areas", "centre"),
    *("since", "first_found_on", "last_found_on", "stage", "told_on", "until", "spells"),
)
SPOT_NUMBERS = ("observed", "expected", "low", "high", "recent_ratio", "recent_observed", "recent_expected", "p_value", "recurrence_days", "radius_km")


@dataclass(frozen=True, slots=True)
class Lives:
    """Tables: ``spots`` one row a hot spot, ``steps`` one a hot spot and cut-off, ``course`` one a hot spot, place and week."""

    spots: pd.DataFrame
    steps: pd.DataFrame
    course: pd.DataFrame


def live(panel: Panel, found: pd.DataFrame, cutoffs: Sequence[pd.Timestamp], known: pd.DataFrame | None = None) -> Lives:
    """Joins what was found.

    Parameters
    ----------
    panel
        By week; it reaches back to the first cut-off at least.
    found
        Of all cut-offs: columns of ``clusters.EMPTY_FOUND`` and ``cutoff``. Folded ones are no hot spots of their own, nor are those of problems that
        the panel no longer has: a name was entered as another's, or hardly anybody calls about it any more.
    cutoffs
        Those that were scanned, in order.
    known
        The hot spots of the version in use, whose names stay.
    """
    own = found[~found["is_folded"] & pd.MultiIndex.from_frame(found[NAMES]).isin(pd.MultiIndex.from_frame(panel.problems[NAMES]))]
    finding_rows = {_finding(row): row for row in own.itertuples(index=False)}
    alphas: dict[tuple[int, int], float] = {}
    spots, steps, courses = [], [], []
    every = follow(finding_rows)
    renamed(every, [] if known is None else [(row["hotspot_id"], _known(row)) for row in known.to_dict("records")])
    for life in every:
        counts = _Counts(panel, life.best, alphas)
        stages = _stages(life, panel, alphas, cutoffs)
        steps.append(stages.assign(hotspot_id=life.name))
        if (cutoffs[-1] - _over_since(stages, cutoffs[-1])).days > SHOWN_AFTER_DAYS:
            continue
        spells = sum(_is_before(other, life) for other in every) + 1
        spots.append(_spot(life, finding_rows[life.best], counts, (stages, spells), cutoffs[-1]))
        courses.append(counts.course(cutoffs[-1]).assign(hotspot_id=life.name))
    return Lives(
        pd.DataFrame(spots, columns=[*SPOT_COLUMNS, *SPOT_NUMBERS]),
        pd.concat(steps, ignore_index=True) if steps else pd.DataFrame(columns=["cutoff", "stage", "ratio", "low", "high", "hotspot_id"]),
        pd.concat(courses, ignore_index=True) if courses else pd.DataFrame(columns=["code", "week", "observed", "expected", "hotspot_id"]),
    )


def _finding(row: object) -> Finding:
    read = row.__getattribute__
    return Finding(
        read("cutoff").date(),
        (read("category_1"), read("category_2")),
        frozenset(read("areas").split()),
        read("centre"),
        read("since").date(),
        float(read("strength")),
    )


def _known(row: dict[Hashable, Any]) -> Finding:
    """A hot spot of the version in use as a finding."""
    problem = (str(row["category_1"]), str(row["category_2"]))
    return Finding(row["last_found_on"].date(), problem, frozenset(row["areas"].split()), str(row["centre"]), row["since"].date(), 1.0)


class _Counts:
    """Observed and expected counts of a finding's problem in its areas, by week; how they scatter is told by the weeks up to ``until`` alone."""

    def __init__(self, panel: Panel, finding: Finding, alphas: dict[tuple[int, int], float], until: pd.Timestamp | None = None) -> None:
        names = panel.problems
        self._starts = panel.starts
        number = int(np.flatnonzero((names["category_1"] == finding.problem[0]) & (names["category_2"] == finding.problem[1]))[0])
        self._codes = sorted(finding.areas & set(panel.members))
        areas = [panel.members.index(code) for code in self._codes]
        self._observed, self._expected = panel.observed[number, areas], panel.expected[number, areas]
        end = len(panel.starts) if until is None else self._place(until)
        if (number, end) not in alphas:
            alphas[number, end] = _of_four_weeks(panel.observed[number, :, :end], panel.expected[number, :, :end])
        self._alpha = alphas[number, end]

    def _place(self, day: pd.Timestamp) -> int:
        """Position of the first week that begins after a day."""
        return int(np.searchsorted(self._starts, np.datetime64(day, "D"), side="right"))

    def between(self, first: pd.Timestamp, last: pd.Timestamp) -> tuple[float, float, Recent]:
        """Observed, expected and their ratio over the weeks from a first day to a last."""
        span = slice(self._place(first - pd.Timedelta(days=1)), self._place(last))
        seen, usual = float(np.nansum(self._observed[:, span])), float(np.nansum(self._expected[:, span]))
        # places of one hot spot rise together, so their sum scatters as one place does
        ratio = standardised_ratio(np.array([[seen]]), np.array([[usual if usual > 0 else np.nan]]), self._alpha)
        return seen, usual, Recent(*(float(part[0, 0]) for part in (ratio.ratio, ratio.low, ratio.high)))

    def recent(self, cutoff: pd.Timestamp) -> tuple[float, float, Recent]:
        """The last four weeks before a cut-off."""
        return self.between(cutoff - pd.Timedelta(weeks=RECENT_WEEKS) + pd.Timedelta(days=1), cutoff)

    def course(self, cutoff: pd.Timestamp) -> pd.DataFrame:
        """The last year, place by place."""
        end = self._place(cutoff)
        first = max(end - COURSE_WEEKS, 0)
        size = end - first
        return pd.DataFrame(
            {
                "code": np.repeat(self._codes, size),
                "week": np.tile(self._starts[first:end], len(self._codes)),
                "observed": self._observed[:, first:end].ravel(),
                "expected": self._expected[:, first:end].ravel(),
            }
        )


def _of_four_weeks(observed: np.ndarray, expected: np.ndarray) -> float:
    """Dispersion of counts of four weeks, from the newest back; 0 where nothing is known."""
    number = observed.shape[1] // RECENT_WEEKS
    seen, usual = (
        values[:, values.shape[1] - number * RECENT_WEEKS :].reshape(len(values), number, RECENT_WEEKS).sum(axis=2) for values in (observed, expected)
    )
    return min(float(np.nan_to_num(pooled_overdispersion(seen, usual))), MOST_DISPERSION) if number else 0.0


def _stages(life: Life, panel: Panel, alphas: dict[tuple[int, int], float], cutoffs: Sequence[pd.Timestamp]) -> pd.DataFrame:
    """Stage of a life at each cut-off from the first finding on, until it is over for good; told by what had been found by then alone."""
    first, last = (pd.Timestamp(life.findings[place].cutoff) for place in (0, -1))
    stages: list[Stage] = []
    ratios: list[Recent] = []
    rows = []
    told = 0.0
    for cutoff in cutoffs:
        if cutoff < first:
            continue
        is_lost = (cutoff - last).days > PATIENCE_DAYS
        ratios.append(_Counts(panel, life.best_by(cutoff.date()), alphas, cutoff).recent(cutoff)[2])
        stages.append(Stage.ENDED if is_lost else next_stage(stages, ratios, told))
        if stages[-1] in NOTIFIED:
            told = ratios[-1].ratio
        rows.append((cutoff, str(stages[-1]), ratios[-1].ratio, ratios[-1].low, ratios[-1].high))
        if is_lost:
            break
    return pd.DataFrame(rows, columns=["cutoff", "stage", "ratio", "low", "high"])


def _over_since(stages: pd.DataFrame, cutoff: pd.Timestamp) -> pd.Timestamp:
    """The cut-off since which a hot spot has been over; ``cutoff`` where it is not."""
    on = np.flatnonzero((stages["stage"] != Stage.ENDED).to_numpy())
    last = int(on[-1]) if on.size else -1
    return cutoff if last == len(stages) - 1 else stages["cutoff"].iloc[last + 1]


def _is_before(other: Life, life: Life) -> bool:
    """Whether another hot spot is an earlier spell of the same problem at one of its places, over before this one began."""
    return other.best.problem == life.best.problem and other.findings[-1].cutoff < life.best.since and bool(other.best.areas & life.best.areas)


def _spot(life: Life, row: object, counts: _Counts, course: tuple[pd.DataFrame, int], cutoff: pd.Timestamp) -> tuple[object, ...]:
    """One hot spot as it stands: its excess since it began, and its last four weeks; ``course`` is its stages, and the how manieth spell it is."""
    stages, spells = course
    read = row.__getattribute__
    since = pd.Timestamp(life.best.since)
    stage = stages["stage"].iloc[-1]
    until = _over_since(stages, cutoff)
    seen, usual, whole = counts.between(since, until)
    now_seen, now_usual, now = counts.recent(cutoff)
    told = stages.loc[stages["stage"].isin(NOTIFIED), "cutoff"].max()  # never, where it was found when it was over
    numbers = (seen, usual, whole.low, whole.high, now.ratio, now_seen, now_usual, read("p_value"), read("recurrence_days"), read("radius_km"))
    days = (since, *(pd.Timestamp(life.findings[place].cutoff) for place in (0, -1)))
    return (life.name, read("level"), *life.best.problem, " ".join(sorted(life.best.areas)), life.best.centre, *days, stage, told, until, spells, *numbers)

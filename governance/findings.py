"""The few things that explain most of a change, each beyond chance, none counted twice, and what is left over.

Plain numbers and keys: the sentences are written in ui, the tickets behind a number are found by its evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from governance.decomposition import CELL, added_up, whole_contributions, with_chance

if TYPE_CHECKING:
    from governance.chance import Dispersion, Noise
    from governance.decomposition import Decomposition

__all__ = ["Evidence", "Finding", "Findings", "Rename", "findings", "possible_renames"]

Axis = Literal["category", "place_code"]
AXES: tuple[Axis, ...] = ("category", "place_code")
COUNTED = ["now_count", "before_count"]

FAMILIES = 3
"""Categories, places and cells are tested for one answer, each at a third of the level; at the full level each, 14 of 100 quiet months got an item."""

MIN_RENAMED = 20
"""A label with fewer tickets is not called renamed: among small labels some always have the same size."""

SIZE_TOLERANCE = 0.1
"""Old and new size of a renamed label may differ by a tenth, or by as much as chance would, whichever is more."""

SPREAD = 3.0
"""Standard errors within which chance is believed."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Which tickets a number is about; empty ``categories`` or ``place_codes`` are all of them, None in them is unknown.

    ``now`` and ``before`` are first and last day of the two periods.
    """

    categories: tuple[str | None, ...]
    place_codes: tuple[str | None, ...]
    now: tuple[date, date]
    before: tuple[date, date]


@dataclass(frozen=True, slots=True)
class Finding:
    """One contribution to a change: ``contribution_count`` whole tickets, with the interval from ``low`` to ``high``.

    The calendar is taken out. ``parts`` are the single cells within it that are beyond chance and go the same way, largest
    first; with ``rest_count`` they add up to ``contribution_count``. A part has no parts and its own number as rest.
    """

    evidence: Evidence
    now_count: int
    before_count: int
    contribution_count: int
    low: float
    high: float
    p_value: float
    parts: tuple[Finding, ...]
    rest_count: int


@dataclass(frozen=True, slots=True)
class Rename:
    """A label that may be an old one under a new name: ``old`` lost about what ``new`` has, in the same places."""

    old: str
    new: str
    lost_count: int
    gained_count: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What explains a change: ``calendar_count``, the contributions of ``items`` and ``rest_count`` add up to ``change_count``.

    ``more_count`` further contributions are beyond chance as well, but were too small for the number of items asked for.
    """

    change_count: int
    calendar_count: int
    items: tuple[Finding, ...]
    rest_count: int
    axis: Axis
    renames: tuple[Rename, ...]
    more_count: int = 0


def findings(change: Decomposition, *, noise: Noise, limit: int, part_limit: int) -> Findings:
    """The largest contributions to a change that are beyond chance.

    Either categories with their main places or places with their main categories, whichever explains more: the squared
    contributions of the at most ``limit`` largest labels, each over the square of its interval, added up. Single cells outside the
    labels that are beyond chance fill the places that are left. So no ticket is in two items. A category that
    may have been renamed is one with its former name. Categories, places and cells are each tested by Benjamini &
    Hochberg at a third of the level of the decomposition, so that where nothing changed an item is there with at most that
    probability; cells outside the named labels once more among themselves.

    Parameters
    ----------
    change
        From `decompose`.
    noise
        How much counts scatter, as given to `decompose`.
    limit, part_limit
        Items at most, and parts of an item at most; from 0.

    Returns
    -------
    Findings
        Without items where nothing is beyond chance.
    """
    renames = possible_renames(change, noise=noise)
    renamed = {item.new: item.old for item in renames}
    cells = change.cells.assign(category=change.cells["category"].replace({item.old: item.new for item in renames}))
    views = [_View(change, cells, noise, axis, renamed) for axis in AXES]
    best = max(views, key=lambda view: view.explained(limit))
    return best.report(limit, part_limit, renames)


class _View:
    """The change seen by one axis: its labels tested, its cells rounded to add up to them."""

    def __init__(self, change: Decomposition, cells: pd.DataFrame, noise: Noise, axis: Axis, renamed: dict[str, str]) -> None:
        self.change, self.axis, self.renamed = change, axis, renamed
        self.scatter = noise.cells
        cells = self._tested(added_up(cells, CELL, COUNTED), noise.cells, "category")
        self.calendar_count, shown = whole_contributions(cells, axis, change.calendar_units, change.exposure_before)
        self.cells = _by_size(cells.assign(contribution_count=shown))
        labels = added_up(self.cells, [axis], [*COUNTED, "contribution_count"])
        self.labels = _by_size(self._tested(labels, noise.categories if axis == "category" else noise.places, axis))

    def _tested(self, rows: pd.DataFrame, scatter: Dispersion, label: str) -> pd.DataFrame:
        exposures = (self.change.exposure_now, self.change.exposure_before)
        return with_chance(rows, exposures, dispersion=scatter.of(rows[label]), level=self.change.level, families=FAMILIES)

    def explained(self, limit: int) -> float:
        """How far the labels to be named are from chance together: the sum of their squared distances in interval widths."""
        named = self.labels[self.labels["is_beyond_chance"]].head(limit)
        return float((named["contribution"] / (named["high"] - named["low"])).pow(2).sum())

    def report(self, limit: int, part_limit: int, renames: tuple[Rename, ...]) -> Findings:
        """The items of this view."""
        beyond = self.labels[self.labels["is_beyond_chance"]]
        inside = {label: self.cells[_equals(self.cells[self.axis], label)] for label in beyond[self.axis]}
        taken = {index for rows in inside.values() for index in rows.index}
        # tested anew among themselves: beside many true discoveries the procedure grants some false ones, and here each would be an item of its own
        single = self._tested(self.cells[~self.cells.index.isin(list(taken))], self.scatter, "category")
        single = single[single["is_beyond_chance"]]
        items = [self._finding(row, inside[row[self.axis]], part_limit) for row in _rows(beyond.head(limit))]
        items += [self._finding(row, None, 0) for row in _rows(single.head(limit))]
        # a contribution that is shown as 0 has nothing to say
        items = sorted((item for item in items if item.contribution_count), key=lambda item: -abs(item.contribution_count))[:limit]
        found = sum(int((rows["contribution_count"] != 0).sum()) for rows in (beyond, single))
        rest = self.change.change_count - self.calendar_count - sum(item.contribution_count for item in items)
        return Findings(self.change.change_count, self.calendar_count, tuple(items), rest, self.axis, renames, found - len(items))

    def _finding(self, row: dict[Any, Any], cells: pd.DataFrame | None, part_limit: int) -> Finding:
        """A label with its cells, or a single cell where ``cells`` is None."""
        parts: list[Finding] = []
        if cells is not None:
            same_way = cells[cells["is_beyond_chance"] & (cells["contribution"] * row["contribution"] > 0)]
            parts = [self._finding(part, None, 0) for part in _rows(same_way.head(part_limit))]
        categories: tuple[str | None, ...] = (row["category"],) if "category" in row else ()
        if categories and categories[0] in self.renamed:
            categories = (categories[0], self.renamed[categories[0]])
        places = (row["place_code"],) if "place_code" in row else ()
        shown = int(row["contribution_count"])
        return Finding(
            evidence=Evidence(categories, places, self.change.now, self.change.before),
            now_count=int(row["now_count"]),
            before_count=int(row["before_count"]),
            contribution_count=shown,
            low=float(row["low"]),
            high=float(row["high"]),
            p_value=float(row["p_value"]),
            parts=tuple(parts),
            rest_count=shown - sum(part.contribution_count for part in parts),
        )


def _by_size(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values("contribution", key=np.abs, ascending=False, kind="stable").reset_index(drop=True)


def _rows(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    return frame.to_dict("records")


def _equals(labels: pd.Series, label: str | None) -> pd.Series:
    return labels.isna() if label is None else labels == label


def possible_renames(change: Decomposition, *, noise: Noise) -> tuple[Rename, ...]:
    """Categories that may be old ones under a new name.

    A category that was not there before, with at least 20 tickets, is paired with one that lost about as many, beyond chance: they differ by
    at most a tenth, or three standard errors. Either it is gone, or it shrank, when it was renamed in the middle of the period. And the new one's tickets
    must lie in the places of the old one as two samples of one distribution would: chi-square of homogeneity at most
    df + 3 sqrt(2 df), times the dispersion. Each category is used once, the pair closest in size first.

    References
    ----------
    Chi-square test of homogeneity of two samples of unequal size: Press et al., Numerical Recipes, 3rd edition 2007, section 14.3.
    """
    sums = added_up(change.cells, ["category"], COUNTED)
    sums = with_chance(sums, (change.exposure_now, change.exposure_before), dispersion=noise.categories.of(sums["category"]), level=change.level, families=1)
    sums = sums[sums["category"].notna()]
    gained = sums[(sums["before_count"] == 0) & (sums["now_count"] >= MIN_RENAMED)]
    lost = sums[(sums["contribution"] <= -MIN_RENAMED) & sums["is_beyond_chance"]]
    pairs = []
    for new in _rows(gained):
        for old in _rows(lost):
            gap = abs(new["contribution"] + old["contribution"])
            scale = noise.categories.of([new["category"], old["category"]]).max()
            slack = SPREAD * np.sqrt(scale * (new["now_count"] + old["now_count"] + change.ratio**2 * old["before_count"]))
            # a tenth alone for what is still there: many categories shrink by something like the size of a small new one
            allowed = SIZE_TOLERANCE * new["now_count"] if old["now_count"] else max(slack, SIZE_TOLERANCE * new["now_count"])
            if gap <= allowed and _same_places(change.cells, str(old["category"]), str(new["category"]), scale):
                pairs.append((gap, str(old["category"]), str(new["category"]), old["before_count"] - old["now_count"], new["now_count"]))
    found: list[Rename] = []
    for _gap, old_name, new_name, lost_count, gained_count in sorted(pairs):
        if not any(old_name == item.old or new_name == item.new for item in found):
            found.append(Rename(old_name, new_name, int(lost_count), int(gained_count)))
    return tuple(found)


def _same_places(cells: pd.DataFrame, old: str, new: str, scale: float) -> bool:
    """Whether the tickets of both lie in the same places, as far as chance lets one see."""
    before = cells[cells["category"] == old].set_index("place_code")["before_count"]
    now = cells[cells["category"] == new].set_index("place_code")["now_count"]
    both = pd.DataFrame({"before": before, "now": now}).fillna(0)
    both = both[both.sum(axis=1) > 0]
    weight = np.sqrt(both["before"].sum() / both["now"].sum())
    square = float(((weight * both["now"] - both["before"] / weight) ** 2 / both.sum(axis=1)).sum())
    freedom = len(both) - 1
    return square <= scale * (freedom + SPREAD * float(np.sqrt(2 * freedom)))

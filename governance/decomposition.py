"""The change of a count between two periods, taken apart: what the calendar did, and what each category in each place added.

The parts add up to the change exactly, as fractions and as the whole numbers shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from governance.chance import discoveries, p_values

if TYPE_CHECKING:
    from governance.chance import Noise
    from governance.day_weights import DayWeights

__all__ = ["CELL", "Decomposition", "added_up", "decompose", "whole_contributions", "whole_numbers", "with_chance"]

CELL = ["category", "place_code"]


@dataclass(frozen=True)
class Decomposition:
    """A change taken apart; the calendar effect and the contributions of ``cells`` add up to ``change_count``.

    ``cells`` has one row for each category and place with tickets in either period: ``category`` and ``place_code`` (NaN
    is unknown, a label like others), ``now_count``, ``before_count``, ``contribution`` (tickets, a fraction),
    ``contribution_units`` (the same exactly: whole numbers of 1 / ``exposure_before`` tickets), ``contribution_count``
    (whole tickets to be shown), ``low`` and ``high`` (interval of confidence 1 - ``level``), ``p_value`` and
    ``is_beyond_chance``. ``calendar_effect`` is in tickets, ``calendar_count`` the whole number to be shown.
    ``now`` and ``before`` are first and last day of the periods, exposures the sums of their days' weights.
    """

    cells: pd.DataFrame
    now: tuple[date, date]
    before: tuple[date, date]
    now_count: int
    before_count: int
    exposure_now: int
    exposure_before: int
    calendar_units: int
    calendar_count: int
    level: float

    @property
    def change_count(self) -> int:
        """Tickets more (or, negative, fewer) than before."""
        return self.now_count - self.before_count

    @property
    def ratio(self) -> float:
        """Exposure now over exposure before: 1.02 is two percent more tickets by the calendar alone."""
        return self.exposure_now / self.exposure_before

    @property
    def calendar_effect(self) -> float:
        """Tickets more than before that the kinds and number of days explain."""
        return self.calendar_units / self.exposure_before


def decompose(
    now: pd.DataFrame,
    before: pd.DataFrame,
    *,
    days_now: pd.DataFrame,
    days_before: pd.DataFrame,
    weights: DayWeights,
    noise: Noise,
    level: float,
) -> Decomposition:
    r"""The change of a count between two periods, as a calendar effect and contributions of categories in places.

    With exposures E_A and E_B (sums of day weights) of the current and the base period and totals N_A and N_B:
    calendar effect = N_B (E_A / E_B - 1); contribution of a cell = n_A - n_B E_A / E_B. Their sum is N_A - N_B, in whole
    numbers of 1 / E_B without any rounding. Periods may differ in length.

    Parameters
    ----------
    now, before
        Counts of the current and of the base period: columns ``category``, ``place_code``, ``count`` (whole tickets, not
        negative). Cells without tickets may be missing; rows of one cell are added up; NaN labels are a cell of their own.
    days_now, days_before
        The days of each period, columns ``day`` and ``kind``, one row each.
    weights
        Weights of the kinds of day; one set for all categories, so a category that alone reacts to weekends shows as a change.
    noise
        How much counts scatter.
    level
        False discovery rate over all cells, and 1 minus the confidence of the intervals.

    Returns
    -------
    Decomposition

    Raises
    ------
    ValueError
        A column is missing, a count is missing, negative or no whole number, or a period has no days.

    References
    ----------
    Shift-share: Dunn, A statistical and analytical technique for regional analysis, Papers of the Regional Science Association 6 (1960) 97-112.
    Additive decomposition without residual: Ang, Decomposition analysis for policymaking in energy, Energy Policy 32 (2004) 1131-1139.
    """
    cells = _cells(now, before)
    exposure_now, exposure_before = _exposure(days_now, weights), _exposure(days_before, weights)
    cells = with_chance(cells, (exposure_now, exposure_before), dispersion=noise.cells.of(cells["category"]), level=level, families=1)
    after_count, base_count = int(cells["now_count"].sum()), int(cells["before_count"].sum())
    calendar = base_count * (exposure_now - exposure_before)
    calendar_count, shown = whole_contributions(cells, "category", calendar, exposure_before)
    cells = cells.assign(contribution_count=shown)
    return Decomposition(cells, _ends(days_now), _ends(days_before), after_count, base_count, exposure_now, exposure_before, calendar, calendar_count, level)


def with_chance(rows: pd.DataFrame, exposures: tuple[int, int], *, dispersion: np.ndarray, level: float, families: int) -> pd.DataFrame:
    """The rows with their contribution, its interval, and whether it is beyond chance among them.

    Parameters
    ----------
    rows
        Columns ``now_count``, ``before_count``: whole numbers.
    exposures
        Of the current and of the base period, above 0.
    dispersion
        Of each row, at least 1.
    level
        1 minus the confidence of the intervals; divided by ``families``, the false discovery rate over these rows.
    families
        How many sets of rows are tested for one answer, at least 1.

    Returns
    -------
    DataFrame
        Added are ``contribution_units``, ``contribution``, ``low``, ``high``, ``p_value``, ``is_beyond_chance``. The interval is that
        of a normal distribution with variance f (n_A + r^2 n_B), f the dispersion and r the ratio of exposures.
    """
    now, before = rows["now_count"].to_numpy(dtype="int64"), rows["before_count"].to_numpy(dtype="int64")
    ratio = exposures[0] / exposures[1]
    units = now * exposures[1] - before * exposures[0]
    reach = NormalDist().inv_cdf(1 - level / 2) * np.sqrt(dispersion * (now + ratio**2 * before))
    p, share = p_values(now, before, ratio, dispersion), level / families
    return rows.assign(
        contribution_units=units,
        contribution=units / exposures[1],
        low=units / exposures[1] - reach,
        high=units / exposures[1] + reach,
        p_value=p,
        is_beyond_chance=discoveries(np.where(_testable(now + before, ratio, dispersion, share), p, np.nan), share),
    )


def _cells(now: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    sides = []
    for name, frame in (("now", now), ("before", before)):
        if missing := {*CELL, "count"} - set(frame.columns):
            message = f"decompose: {name} misses columns {sorted(missing)}; found {list(frame.columns)}"
            raise ValueError(message)
        counts = pd.to_numeric(frame["count"]).astype("float64")
        wrong = ~((counts >= 0) & (counts % 1 == 0))
        if wrong.any():
            message = f"decompose: counts of {name} must be whole numbers from 0; rows {list(frame.index[wrong][:5])} are not"
            raise ValueError(message)
        labels = frame[CELL].astype("object")
        sides.append(labels.where(labels.notna(), None).assign(**{f"{name}_count": counts.astype("int64")}))
    both = pd.concat(sides, ignore_index=True).fillna({"now_count": 0, "before_count": 0})
    cells = added_up(both, CELL, ["now_count", "before_count"])
    return cells[(cells["now_count"] > 0) | (cells["before_count"] > 0)].reset_index(drop=True)


def added_up(rows: pd.DataFrame, keys: list[str], columns: list[str]) -> pd.DataFrame:
    """The sums of some columns, as whole numbers, by some labels in the order of their names; an unknown label is None."""
    sums = rows.groupby(keys, dropna=False)[columns].sum().astype("int64").reset_index()
    labels = sums[keys].astype("object")
    return sums.assign(**labels.where(labels.notna(), None))


def _exposure(days: pd.DataFrame, weights: DayWeights) -> int:
    if days.empty:
        message = "decompose: a period has no days; give one row for each of its days, whether it has tickets or not"
        raise ValueError(message)
    return weights.exposure(days)


def _ends(days: pd.DataFrame) -> tuple[date, date]:
    return days["day"].min().date(), days["day"].max().date()


def _testable(both: np.ndarray, ratio: float, dispersion: np.ndarray, level: float) -> np.ndarray:
    """Cells that could be beyond chance at all, were their tickets all on one side.

    The others would only make the bar higher for those that could: Gilbert, A modified false discovery rate procedure for discrete
    data, Applied Statistics 54 (2005) 143-158. Which they are depends on the sum of both counts alone, not on their difference.
    """
    rarer = min(ratio, 1.0) / (1 + ratio)
    return 2 * rarer ** (both / dispersion) <= level


def whole_numbers(units: np.ndarray, unit: int, total: int) -> np.ndarray:
    """Whole numbers that add up to ``total``, each the fraction ``units / unit`` rounded down or up.

    All are rounded down; what is then missing goes, one each, to those with the largest remainders, the first ones on a tie.

    Parameters
    ----------
    units
        Whole numbers, shape (n,), of either sign.
    unit
        What makes 1, above 0.
    total
        The sum to keep: that of the fractions, rounded down or up.

    Raises
    ------
    ValueError
        The total is out of reach.

    References
    ----------
    Largest remainders (Hamilton): Balinski & Young, Fair Representation, 2nd edition 2001.
    """
    floors, remainders = np.divmod(np.asarray(units, dtype="int64"), unit)
    missing = total - int(floors.sum())
    if not 0 <= missing <= int((remainders > 0).sum()):
        message = f"whole_numbers: {total} is not the sum of the parts rounded down or up (they sum to {int(np.sum(units)) / unit})"
        raise ValueError(message)
    order = np.argsort(-remainders, kind="stable")
    floors[order[:missing]] += 1
    return floors


def whole_contributions(cells: pd.DataFrame, axis: str, calendar_units: int, unit: int) -> tuple[int, np.ndarray]:
    """The calendar effect and each cell's contribution as whole numbers that add up, from the top down.

    The calendar effect is rounded by itself, so that it is the same whatever the axis; then the sums by ``axis`` so that all add up
    to the change, then the cells of each label so that they add up to it: a label's shown number is never more than 1 from its
    exact one, however many cells it has.

    Parameters
    ----------
    cells
        Columns ``category``, ``place_code``, ``contribution_units``.
    axis
        Column of ``cells`` to sum by first.
    calendar_units, unit
        The calendar effect, and what makes 1 ticket, in the same units.
    """
    numbers, _labels = pd.factorize(cells[axis], use_na_sentinel=False)
    units = cells["contribution_units"].to_numpy(dtype="int64")
    sums = np.zeros(numbers.max(initial=-1) + 1, dtype="int64")
    np.add.at(sums, numbers, units)
    calendar_count = (2 * calendar_units + unit) // (2 * unit)
    top = whole_numbers(sums, unit, (calendar_units + int(units.sum())) // unit - calendar_count)
    shown = np.zeros(units.size, dtype="int64")
    for number in range(sums.size):
        rows = np.flatnonzero(numbers == number)
        shown[rows] = whole_numbers(units[rows], unit, int(top[number]))
    return calendar_count, shown

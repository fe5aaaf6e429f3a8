"""The three rates (三率) and changes between periods: the only place in the project that divides for a rate or a change.

Counts come in, fractions go out. A rate without a base is undefined (NaN), never 0 or 1: a month
without follow-ups has no resolution rate.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["COUNTS", "RATE_COUNTS", "change", "per_10k", "share", "three_rates"]

RATE_COUNTS: dict[str, tuple[str, str]] = {
    "response_rate": ("responded_count", "response_base_count"),
    "resolution_rate": ("resolved_count", "resolution_base_count"),
    "satisfaction_rate": ("satisfied_count", "satisfaction_base_count"),
}
"""Each rate's numerator and denominator column."""

COUNTS: tuple[str, ...] = (
    "intake_count",
    "request_count",
    "assessed_count",
    "open_count",
    "due_count",
    "overdue_count",
    "consultation_count",
    *(column for pair in RATE_COUNTS.values() for column in pair),
)
"""The additive counts that rollups hold and reads return."""


def _divide(numerator: pd.Series, denominator: pd.Series) -> pd.Series:
    top = numerator.to_numpy(dtype="float64")
    base = denominator.to_numpy(dtype="float64")
    quotient = np.full(top.shape, np.nan)
    np.divide(top, base, out=quotient, where=base > 0)
    return pd.Series(quotient, index=numerator.index)


def three_rates(counts: pd.DataFrame) -> pd.DataFrame:
    """Response, resolution and satisfaction rate of each row of counts.

    response_rate = responded / asked whether responded; resolution_rate = resolved / valid answers
    to "is it resolved"; satisfaction_rate = (satisfied + basically satisfied) / valid answers.
    Only assessed tickets enter; which they are is dated policy and decided where the counts are made.

    Parameters
    ----------
    counts
        Columns ``responded_count``, ``response_base_count``, ``resolved_count``,
        ``resolution_base_count``, ``satisfied_count``, ``satisfaction_base_count``: whole numbers,
        not negative, numerator at most the base.

    Returns
    -------
    DataFrame
        The caller's index; columns ``response_rate``, ``resolution_rate``, ``satisfaction_rate``,
        fractions in [0, 1]; NaN where the base is 0.

    Raises
    ------
    ValueError
        A column is missing, a count is negative, or a numerator exceeds its base.

    References
    ----------
    Names and meaning of the three rates: 北京市接诉即办工作条例 (2021-09-24); the exact wording of
    the bases is not published and stands in ``policy.toml`` as assumed.
    """
    rates = {}
    for rate, (top, base) in RATE_COUNTS.items():
        if missing := {top, base} - set(counts.columns):
            message = f"three_rates: missing columns {sorted(missing)}; found {list(counts.columns)}"
            raise ValueError(message)
        wrong = (counts[top] < 0) | (counts[top] > counts[base])
        if wrong.any():
            rows = list(counts.index[wrong][:5])
            message = f"three_rates: {top} must lie between 0 and {base}; rows {rows} do not"
            raise ValueError(message)
        rates[rate] = _divide(counts[top], counts[base])
    return pd.DataFrame(rates, index=counts.index)


def change(now: pd.Series, before: pd.Series) -> pd.Series:
    """Relative change from ``before`` to ``now`` (环比 or 同比): 0.1 is ten percent more.

    NaN where ``before`` is 0 or missing: growth from nothing has no percentage.
    """
    return _divide(now - before, before)


def share(part: pd.Series, whole: pd.Series) -> pd.Series:
    """The part as a fraction of the whole, in [0, 1]; NaN where the whole is 0."""
    return _divide(part, whole)


def per_10k(count: pd.Series, population: pd.Series) -> pd.Series:
    """Requests per ten thousand residents (万人诉求比), at least 0; NaN where the population is unknown or 0."""
    return _divide(count, population) * 10_000

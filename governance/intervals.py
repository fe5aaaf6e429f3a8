"""Ninety-five percent intervals of a share, of a count and of a change between two counts.

All three are score intervals: they stay within the possible values, and hold with few tickets and at 0 and 100 percent, where the
usual plus-minus of a standard error collapses to a point.

References
----------
Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927) 209-212.
Brown, Cai & DasGupta, Interval estimation for a binomial proportion, Statistical Science 16 (2001) 101-133.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["change_interval", "count_interval", "share_interval"]

Z = 1.959963984540054
"""Quantile of the normal distribution that leaves 2.5 percent on either side."""

Z2 = Z * Z


def _wilson(part: np.ndarray, whole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    base = np.where(whole > 0, whole, np.nan)
    centre = (part + Z2 / 2) / (base + Z2)
    half = Z * np.sqrt(part * (base - part) / base + Z2 / 4) / (base + Z2)
    return np.where(part == 0, 0.0 * base, centre - half), np.where(part == base, 1.0, centre + half)


def share_interval(part: pd.Series, whole: pd.Series) -> pd.DataFrame:
    """Wilson's score interval of a share: columns ``low`` and ``high``, fractions in [0, 1]; NaN where the whole is 0.

    Tickets are taken as independent draws; where the same people answer often the true interval is wider.
    """
    low, high = _wilson(part.to_numpy(dtype="float64"), whole.to_numpy(dtype="float64"))
    return pd.DataFrame({"low": low, "high": high}, index=part.index)


def count_interval(count: pd.Series) -> pd.DataFrame:
    """The score interval of a Poisson count: columns ``low`` and ``high``, not negative; NaN where the count is.

    All means m with (count - m) squared at most z squared times m.
    """
    seen = count.to_numpy(dtype="float64")
    half = Z * np.sqrt(seen + Z2 / 4)
    return pd.DataFrame({"low": np.maximum(seen + Z2 / 2 - half, 0.0), "high": seen + Z2 / 2 + half}, index=count.index)


def change_interval(now: pd.Series, before: pd.Series) -> pd.DataFrame:
    """The interval of the relative change between two Poisson counts: ``low`` and ``high``, at least -1; NaN where ``before`` is 0.

    Given both together, ``now`` is binomial; the ends of Wilson's interval of its share p become p / (1 - p) - 1. Tickets
    that come in clusters scatter more, so the interval is the least that chance does.
    """
    ends = share_interval(now, (now + before).where(before > 0))
    return ends / (1 - ends) - 1

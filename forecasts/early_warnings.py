"""Season warnings: for which problem and place a window of four weeks will be busier than usual, how sure, why, and how often such words came true."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecasts.counts import negative_binomial_cdf, negative_binomial_quantiles
from forecasts.silence import begun
from forecasts.warning_windows import WINDOW_DAYS, spans_of

if TYPE_CHECKING:
    from datetime import date

    from forecasts.panel import Panel
    from forecasts.pooled import PooledCounts, Shape
    from forecasts.warning_windows import Window

__all__ = ["CAUSES", "Rule", "Statements", "window_statements", "within_budget", "within_false_share", "worth"]

CAUSES = ("season", "calendar", "city", "neighbours", "own")
"""What a window's difference from usual is shared out over: the yearly wave, the calendar's events, the level of the problem in the whole city,
that in the place's own district beyond the city's, and what is left, the place's own level."""

YEAR_DAYS = 364
BANDS = (0.1, 0.25, 0.75, 0.9)
WEEK = 7
NO_DIFFERENCE = 1e-6


@dataclass(frozen=True, slots=True)
class Rule:
    """When a window is worth a warning; values of policy.

    Attributes
    ----------
    ratio
        A window is busy with this many times the usual count.
    enter, leave
        Probability of a busy window from which a warning is given, and below which one that was given eases.
    least_days, most_days
        Lead: days from the last known day to the window's first.
    least_count
        Usual count below which a series is not tested.
    false_share
        Share of warnings that may on average be false alarms.
    """

    ratio: float
    enter: float
    leave: float
    least_days: int
    most_days: int
    least_count: int
    false_share: float

    @property
    def horizon(self) -> int:
        """Days ahead that the windows reach at most."""
        return self.most_days + WINDOW_DAYS


@dataclass(frozen=True, slots=True)
class Statements:
    """What was said at a cut-off: the statements, the shape of the days ahead, and the logarithm of how the level of each series changes, S x windows."""

    frame: pd.DataFrame
    shape: Shape
    level: np.ndarray


def window_statements(
    panel: Panel, model: PooledCounts, cutoff: date, windows: tuple[Window, ...], rule: Rule, levels_above: tuple[np.ndarray, ...] = ()
) -> Statements:
    """What the model says at a cut-off of every series and window.

    Parameters
    ----------
    panel
        Daily counts; what comes after the cut-off is not looked at.
    windows
        All of them after the cut-off.
    levels_above
        ``Statements.level`` of the same problem in the whole city, S x windows, and after it that in each series' district, where there is one; what is
        not given is the series' own.

    Returns
    -------
    Statements
        The frame has one row a series and window, series by series: ``series`` (position), ``unique_id``, ``window_start``, ``window_end``, ``lead_days``,
        ``usual`` (28 times the mean day of the last year), ``threshold`` (least count that is busy), ``expected``, ``variance``, ``probability`` (of a
        busy window), ``low_80``, ``low_50``, ``high_50``, ``high_80``, ``starts_on`` (first day of the first busy week within the window, its first day
        where none is), ``is_tested`` (usual enough, and a year of history), and ``share_<cause>`` for each of ``CAUSES``: they add up to 1.
        NaN shares where expected equals usual.

    Notes
    -----
    Shares: with E expected, U usual and E/U the product of factors f, a factor's share is ln f / ln(E/U), the additive
    logarithmic mean Divisia decomposition (Ang 2004, Energy Policy 32:1131, equation 5), in which nothing is left over. A share may be
    negative; another is above 1 then.
    """
    past = begun(panel.until(cutoff))
    shape = model.shape(past, rule.horizon, spans_of(windows, cutoff))
    spans = spans_of(windows, cutoff)
    expected, variance = shape.totals(spans)
    daily = np.nan_to_num(np.nanmean(past.counts[:, -YEAR_DAYS:], axis=1))
    usual = np.repeat(daily[:, None] * WINDOW_DAYS, len(windows), axis=1)
    threshold = np.maximum(np.ceil(rule.ratio * usual - 1e-9), 1.0)
    bands = negative_binomial_quantiles(expected, variance, BANDS)
    size = len(past.ids)
    frame = pd.DataFrame(
        {
            "series": np.repeat(np.arange(size), len(windows)),
            "unique_id": np.repeat(np.asarray(past.ids, dtype="object"), len(windows)),
            "window_start": np.tile(_dates(window.start for window in windows), size),
            "window_end": np.tile(_dates(window.end for window in windows), size),
            "lead_days": np.tile([window.lead_days(cutoff) for window in windows], size),
            "usual": usual.ravel(),
            "threshold": threshold.ravel(),
            "expected": expected.ravel(),
            "variance": variance.ravel(),
            "probability": (1.0 - negative_binomial_cdf(threshold - 1, expected, variance)).ravel(),
            **{name: bands[:, :, place].ravel() for place, name in enumerate(("low_80", "low_50", "high_50", "high_80"))},
            "starts_on": _busy_from(shape.mean, daily * rule.ratio, windows, cutoff).ravel(),
            "is_tested": np.repeat((daily * WINDOW_DAYS >= rule.least_count) & (np.isfinite(past.counts).sum(axis=1) >= YEAR_DAYS), len(windows)),
        }
    )
    whole = np.log(np.maximum(expected, 1e-9) / np.maximum(usual, 1e-9))
    season, calendar = np.log(shape.season_ratio), np.log(shape.calendar_ratio)
    level = whole - season - calendar
    above = levels_above or (np.zeros_like(level),)
    city, district = above[0], above[-1]
    shares = _shares(whole, {"season": season, "calendar": calendar, "city": city, "neighbours": district - city, "own": level - district})
    return Statements(frame.join(shares), shape, level)


def _dates(days: object) -> np.ndarray:
    return np.asarray(list(days), dtype="datetime64[D]").astype("datetime64[us]")  # type: ignore[call-overload]


def _busy_from(mean: np.ndarray, busy: np.ndarray, windows: tuple[Window, ...], cutoff: date) -> np.ndarray:
    """First day of the first week within each window whose mean day is busy, S x windows."""
    found = np.empty((len(mean), len(windows)), dtype="datetime64[us]")
    for place, window in enumerate(windows):
        lead = window.lead_days(cutoff)
        weeks = mean[:, lead : lead + WINDOW_DAYS].reshape(len(mean), -1, WEEK).mean(axis=2) >= busy[:, None]
        found[:, place] = np.datetime64(window.start) + weeks.argmax(axis=1) * np.timedelta64(WEEK, "D")
    return found


def _shares(whole: np.ndarray, parts: dict[str, np.ndarray]) -> pd.DataFrame:
    """Each part of a logarithm as a share of it."""
    known = np.where(np.abs(whole) > NO_DIFFERENCE, whole, np.nan)
    return pd.DataFrame({f"share_{cause}": (parts[cause] / known).ravel() for cause in CAUSES})


def within_false_share(probability: np.ndarray, share: float) -> np.ndarray:
    """The largest set of the most probable warnings of which on average no more than ``share`` are false alarms.

    A warning that is true with probability p is false with 1 - p, so the expected share of false alarms of a set is the mean of 1 - p over it.

    Parameters
    ----------
    probability
        N, 0 to 1; NaN is never in the set.
    share
        0 to 1.

    Returns
    -------
    ndarray
        N, bool.

    References
    ----------
    Müller, Parmigiani, Robert & Rousseau (2004), Journal of the American Statistical Association 99:990, section 3.1 (posterior expected false discovery rate).
    """
    known = np.nan_to_num(probability, nan=-1.0)
    order = np.argsort(-known, kind="stable")
    ranked = known[order]
    mean_false = np.cumsum(1.0 - ranked) / np.arange(1, len(ranked) + 1)
    inside = (mean_false <= share) & (ranked >= 0)
    chosen = np.zeros(len(known), dtype=bool)
    if inside.any():
        chosen[order[: int(np.flatnonzero(inside)[-1]) + 1]] = True
    return chosen & (known >= 0)


def worth(expected: Any, usual: Any, probability: Any) -> Any:
    """What it is worth to know of a busy window, by which lists are ordered: requests expected beyond usual, times the probability of a busy window.

    Numbers or arrays of one shape; below 0 where less than usual is expected, NaN where one of the three is.
    """
    return (expected - usual) * probability


def within_budget(values: np.ndarray, owners: np.ndarray, budget: int) -> np.ndarray:
    """Of each owner the ``budget`` warnings that are worth most, N, bool; ties by position."""
    order = np.argsort(-values, kind="stable")
    place = pd.Series(owners[order]).groupby(owners[order]).cumcount().to_numpy()
    chosen = np.zeros(len(values), dtype=bool)
    chosen[order] = place < budget
    return chosen

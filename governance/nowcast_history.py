"""What the month-end nowcast would have said on the days of past months, what simpler rules say, and how good either was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from governance.nowcast import FIRST_PLACES, HIGH, LOW, checked_panel, drawn_volumes, last_of_list, quantiles
from governance.nowcast_rest import LEAST_DAYS, Procedure, rest_of_month, share_forecasts, weights_before

if TYPE_CHECKING:
    from collections.abc import Sequence

    from governance.nowcast_rest import Panel, Rest, Shares

__all__ = ["NowcastHistory", "Reliability", "brier", "carried", "nowcast_history", "reliability"]

BINS = 10
SEED = 1
AXES = 2
MONTH_DAYS = 31


@dataclass(frozen=True, slots=True)
class NowcastHistory:
    """Nowcasts of past days, C cut-offs in order by N places.

    Attributes
    ----------
    cutoffs
        Last known day of each, C, datetime64[D].
    days_left
        Days of the month after it, C.
    probability
        Probability then told of being among the first ten at the month's end, [0, 1].
    volume_low, volume_high
        Ends of the 80 % interval then told of the month's requests.
    volume
        Requests the month then brought.
    came
        Whether the place then was among the first ten.
    month_to_date
        Requests of the month up to the cut-off.
    last_month
        Requests of the month before, whole; NaN where that is not known from its first day on.
    """

    cutoffs: np.ndarray
    days_left: np.ndarray
    probability: np.ndarray
    volume_low: np.ndarray
    volume_high: np.ndarray
    volume: np.ndarray
    came: np.ndarray
    month_to_date: np.ndarray
    last_month: np.ndarray


@dataclass(frozen=True, slots=True)
class Reliability:
    """Probabilities told, by bins of equal width; arrays of B bins.

    Attributes
    ----------
    low, high
        Ends of the bin; a probability on the border of two belongs to the upper one, 1 to the last.
    count
        Cases in it.
    said
        Mean probability told; NaN where there is no case.
    came
        Share of them that came; NaN where there is no case.
    """

    low: np.ndarray
    high: np.ndarray
    count: np.ndarray
    said: np.ndarray
    came: np.ndarray


def nowcast_history(
    counts: np.ndarray,
    days: np.ndarray,
    *,
    kinds: np.ndarray | None = None,
    months: int = 24,
    days_of_month: Sequence[int] | None = None,
    draws: int = 1_000,
    procedure: Procedure | None = None,
    first: int = FIRST_PLACES,
) -> NowcastHistory:
    """The nowcast of each day of past months, each told from the days up to it alone, and what then came.

    Parameters
    ----------
    counts, days, kinds, procedure, first
        As of ``governance.nowcast.nowcast``; a month at the end that is not over takes no part.
    months
        So many of the last whole months, 1 or more; fewer where fewer have 28 known days before them.
    days_of_month
        Days of the month after which a nowcast is made, 1 to 31; None is all. A month without such a day has none.
    draws
        Simulated ends of the month, 100 or more. All cut-offs are drawn with the same seed, that of ``nowcast`` by default.

    Returns
    -------
    NowcastHistory
        One row a cut-off: what ``nowcast`` returns for the days up to it with as many draws.

    Raises
    ------
    ValueError
        As ``nowcast``; or no whole month has 28 known days before it, or an option is out of range.
    """
    procedure = procedure or Procedure()
    panel = checked_panel(counts, days, kinds, procedure, first, draws)
    wanted = range(1, MONTH_DAYS + 1) if days_of_month is None else sorted(set(days_of_month))
    if months < 1 or not wanted or wanted[0] < 1 or wanted[-1] > MONTH_DAYS:
        message = f"未进先治的回看: 月数为 {months}, 日为 {list(wanted)}; 月数应为 1 或更大, 日应在 1 到 31 之间"
        raise ValueError(message)
    whole = np.flatnonzero((panel.ends <= panel.known) & (panel.starts >= LEAST_DAYS))[-months:]
    if not whole.size:
        message = f"未进先治的回看: {panel.days[0]} 至 {panel.days[panel.known - 1]} 中没有一个整月之前有 {LEAST_DAYS} 天; 应至少有一个"
        raise ValueError(message)
    shares: dict[int, Shares] = {}
    rows = []
    for month in whole:
        weights = weights_before(panel, month, kinds)
        for day in wanted:
            left = int(panel.ends[month] - panel.starts[month]) - day
            if left < 0:
                continue
            if left not in shares:
                shares[left] = share_forecasts(panel, left, procedure)
            rest = rest_of_month(panel, month, left, shares[left], weights, procedure)
            rows.append(_row(panel, month, left, rest, draws, first))
    return NowcastHistory(*(np.stack(column) for column in zip(*rows, strict=True)))


def _row(panel: Panel, month: int, left: int, rest: Rest, draws: int, first: int) -> tuple[np.ndarray, ...]:
    """One cut-off, in the order of the fields of `NowcastHistory`."""
    cut, start, end = (int(place) for place in (panel.ends[month] - left, panel.starts[month], panel.ends[month]))
    so_far = (panel.sums[:, cut] - panel.sums[:, start]).astype("int32")
    volume = (panel.sums[:, end] - panel.sums[:, start]).astype("int32")
    before = int(panel.starts[month - 1])
    last_month = panel.sums[:, start] - panel.sums[:, before] if before >= 0 else np.full(len(so_far), np.nan)
    volumes = drawn_volumes(so_far, rest, draws, SEED)
    ends = quantiles(volumes, (LOW, HIGH))
    return (
        np.asarray(panel.days[cut - 1]),
        np.array(left),
        (volumes >= last_of_list(volumes, first)[0]).mean(axis=0),
        ends[:, 0],
        ends[:, 1],
        volume,
        volume >= last_of_list(volume[None], first)[0][0],
        so_far,
        last_month,
    )


def carried(volumes: np.ndarray, first: int = FIRST_PLACES) -> np.ndarray:
    """The simple rule that the first places by some volumes stay the first: 1 for them and 0 for the others.

    Parameters
    ----------
    volumes
        C x N requests, 0 or more, of the month to date or of the month before; NaN where unknown.
    first
        Places on the list, 1 to N - 1. Equal volumes share the better rank; a place without any request is not on the list.

    Returns
    -------
    ndarray
        C x N, 0 or 1; NaN in rows where a volume is unknown.

    Raises
    ------
    ValueError
        The array has not two axes, or there are no more places than the list is long.
    """
    values = np.asarray(volumes, dtype="float64")
    if values.ndim != AXES or not 1 <= first < values.shape[1]:
        message = f"未进先治的对照: 诉求量的形状为 {values.shape}, 取前 {first} 个; 应为 (次数, 街乡镇数), 街乡镇数大于所取个数"
        raise ValueError(message)
    unknown = np.isnan(values).any(axis=1, keepdims=True)
    return np.where(unknown, np.nan, values >= last_of_list(np.nan_to_num(values), first)[0])


def brier(probability: np.ndarray, came: np.ndarray) -> float:
    """Mean squared difference between what was said and what came.

    Parameters
    ----------
    probability
        Any shape, [0, 1]; NaN where nothing was said: such a case is left out.
    came
        The same shape, booleans or 0 and 1.

    Returns
    -------
    float
        [0, 1], 0 is perfect; NaN where there is no case.

    Raises
    ------
    ValueError
        The shapes differ, a probability is outside [0, 1], or an outcome is neither 0 nor 1.

    References
    ----------
    Brier (1950), Monthly Weather Review 78:1.
    """
    said, outcome = _cases(probability, came)
    return float(np.mean((said - outcome) ** 2)) if said.size else float("nan")


def reliability(probability: np.ndarray, came: np.ndarray, bins: int = BINS) -> Reliability:
    """How often that came which was said with about the same probability.

    Parameters
    ----------
    probability, came
        As of ``brier``.
    bins
        Bins of equal width, 1 or more.

    Raises
    ------
    ValueError
        As ``brier``, or there is no bin.

    References
    ----------
    Murphy & Winkler (1977), Applied Statistics 26:41.
    """
    said, outcome = _cases(probability, came)
    if bins < 1:
        message = f"未进先治的可靠性: 分档数为 {bins}; 应为 1 或更大"
        raise ValueError(message)
    at = np.minimum((said * bins).astype("int64"), bins - 1)
    count = np.bincount(at, minlength=bins)
    safe = np.where(count > 0, count, np.nan)
    edges = np.arange(bins + 1) / bins
    sums = (np.bincount(at, weights=values, minlength=bins) for values in (said, outcome))
    mean_said, share_came = (summed / safe for summed in sums)
    return Reliability(edges[:-1], edges[1:], count, mean_said, share_came)


def _cases(probability: np.ndarray, came: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cases of which something was said, flat."""
    said, outcome = np.asarray(probability, dtype="float64"), np.asarray(came, dtype="float64")
    if said.shape != outcome.shape:
        message = f"未进先治的评分: 概率的形状为 {said.shape}, 结果的形状为 {outcome.shape}; 应相同"
        raise ValueError(message)
    known = ~np.isnan(said)
    said, outcome = said[known], outcome[known]
    if ((said < 0) | (said > 1)).any() or not np.isin(outcome, (0.0, 1.0)).all():
        message = "未进先治的评分: 有概率不在 0 与 1 之间, 或结果不是 0 或 1; 概率应在 0 与 1 之间, 结果应为 0 或 1"
        raise ValueError(message)
    return said, outcome

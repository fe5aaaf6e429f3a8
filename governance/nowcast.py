"""Who will be among the ten subdistricts with most requests (接诉量) when the month ends, told on a day of the month (未进先治 before the list is made)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from governance.nowcast_rest import LEAST_DAYS, TAILS, Panel, Procedure, Rest, make_panel, rest_of_month, share_forecasts, weights_before

__all__ = ["FIRST_PLACES", "HIGH", "LIMIT_LEVELS", "LOW", "VOLUME_LEVELS", "Nowcast", "checked_panel", "drawn_volumes", "last_of_list", "nowcast", "quantiles"]

FIRST_PLACES = 10
"""Places on the list of the month."""

VOLUME_LEVELS = (0.1, 0.25, 0.5, 0.75, 0.9)
LIMIT_LEVELS = (0.5, 0.8)
"""Probabilities of staying out of the list for which a daily volume is named."""

LOW, HIGH = 0.1, 0.9
"""Ends of the 80 % intervals."""

MOST_SHOCK = 6.0
"""Scales beyond which the city's shock does not go: a t distribution has no end."""

DRAWS_AT_ONCE = 2_000
LEAST_DRAWS = 100
AXES = 2


@dataclass(frozen=True, slots=True)
class Nowcast:
    """The month's end as seen from its last known day; arrays of N places in the order given.

    Attributes
    ----------
    days_left
        Days of the month after the last known one, 0 to 30.
    month_to_date
        Requests of the month so far, 0 or more.
    probability
        Probability of being among the first ten by the month's requests, [0, 1]. The rank is one more than the number of places with more requests, so
        equal volumes share the better rank and the list may then hold more than ten; a place without any request is never on it.
    list_probability
        Probability of being on the list 未进先治: among the first ten and not in 治理类. Those in 治理类 are taken from the list and nobody moves up, so it
        is ``probability``, and 0 for them.
    expected_rank
        Mean rank at the month's end, 1 to N.
    rank_low, rank_high
        Ends of its 80 % interval, whole ranks.
    rest_mean
        Requests expected in the days left, 0 or more.
    volume_mean
        Requests expected of the whole month, mean of the draws.
    volume_quantiles
        N x 5, requests of the whole month, at the levels `VOLUME_LEVELS`; the first and the last are the ends of the 80 % interval.
    gap_mean, gap_low, gap_high
        Requests by which the place is ahead of the tenth of all others, mean and 80 % interval: 0 or more says on the list, below 0 so many too few.
    daily_limits
        N x 2, requests a day, 0 or more: the most that the place may have on each day left, the same every day, so as to stay off the list with at least
        the probability `LIMIT_LEVELS`; whole requests over the days left, over the number of those days. NaN where even a rest of the month without any
        request does not do, and on the month's last day.
    shock
        Scale of the logarithm of the factor common to all places, 0 or more; half of its values lie within 0.74 of it.
    spread
        Standard deviation of a place's own rate, relative to it, 0 or more; 0 on the month's last day.
    """

    days_left: int
    month_to_date: np.ndarray
    probability: np.ndarray
    list_probability: np.ndarray
    expected_rank: np.ndarray
    rank_low: np.ndarray
    rank_high: np.ndarray
    rest_mean: np.ndarray
    volume_mean: np.ndarray
    volume_quantiles: np.ndarray
    gap_mean: np.ndarray
    gap_low: np.ndarray
    gap_high: np.ndarray
    daily_limits: np.ndarray
    shock: float
    spread: np.ndarray


def nowcast(
    counts: np.ndarray,
    days: np.ndarray,
    *,
    kinds: np.ndarray | None = None,
    governance_class: np.ndarray | None = None,
    draws: int = 10_000,
    seed: int = 1,
    procedure: Procedure | None = None,
    first: int = FIRST_PLACES,
) -> Nowcast:
    r"""Volumes, ranks and the list at the end of the month, simulated for all places together.

    Parameters
    ----------
    counts
        N x T, requests of each place on each day, whole numbers, 0 or more; a day without any is 0. Nothing may be unknown.
    days
        T days without a gap, datetime64[D]; the last is the last known one, and the month in which it lies is forecast. At least 28.
    kinds
        Kind of each day (workday, weekend, holiday, makeup_workday), text, T and the rest of the month, more are ignored; None tells Saturdays and Sundays
        from other days.
    governance_class
        N booleans: whether a place is in 治理类 this month; None is nobody.
    draws
        Simulated ends of the month, 100 or more. A probability of 0.5 then has a standard error of 0.5 / root(draws).
    seed
        Seed of the draws; the same input with the same seed gives the same result. Places are drawn in an order of their own, so that another order
        of the input gives the same result in that order.
    procedure
        What the forecast uses; None is `Procedure()`.
    first
        Places on the list, 1 to N - 1.

    Returns
    -------
    Nowcast
        On the month's last day every probability is 0 or 1.

    Raises
    ------
    ValueError
        The shapes do not fit, days are missing, a count is negative, unknown or no whole number, fewer than 28 days are known, there are no more
        places than the list is long, or an option is out of range.

    Notes
    -----
    Month-end volume of place i: y_i = month to date + Poisson(m_i C G_i), with G_i ~ Gamma of mean 1 and variance f_i of the place's own, and C common to
    all places: (log C) / s has Student's t distribution with 4 degrees of freedom. m_i is the city's recent level times the weights of the days left,
    times the place's share. Level, season, the days over which the place's share is taken, s and f_i all come from what the same procedure would have
    said in earlier months with as many days left, see ``governance.nowcast_rest``; the weights of days come from the days before the month.

    References
    ----------
    Gamma-Poisson: McCullagh & Nelder, Generalized Linear Models, 2nd edition 1989, section 6.2.3. Combining forecasts by their past likelihoods:
    Raftery, Gneiting, Balabdaoui & Polakowski (2005), Monthly Weather Review 133:1155. The list: 未进先治, 公开材料 (2023).
    """
    procedure = procedure or Procedure()
    panel = checked_panel(counts, days, kinds, procedure, first, draws)
    is_governed = _checked_class(governance_class, len(panel.sums))
    month = len(panel.ends) - 1
    left = int(panel.ends[month]) - panel.known
    rest = rest_of_month(panel, month, left, share_forecasts(panel, left, procedure), weights_before(panel, month, kinds), procedure)
    so_far = (panel.sums[:, panel.known] - panel.sums[:, max(int(panel.starts[month]), 0)]).astype("int32")
    volumes = drawn_volumes(so_far, rest, draws, seed)
    return _summed_up(volumes, so_far, rest, left, is_governed, first)


def checked_panel(counts: np.ndarray, days: np.ndarray, kinds: np.ndarray | None, procedure: Procedure, first: int, draws: int) -> Panel:
    """The panel of counts and days that can be forecast from.

    Raises
    ------
    ValueError
        As ``nowcast``.
    """
    values, axis = np.asarray(counts, dtype="float64"), np.asarray(days).astype("datetime64[D]")
    if values.ndim != AXES or axis.ndim != 1 or values.shape[1] != len(axis):
        message = f"未进先治的推算: 诉求量的形状为 {values.shape}, 日期的形状为 {axis.shape}; 应为 (街乡镇数, 天数) 和 (天数,)"
        raise ValueError(message)
    if not 1 <= first < len(values):
        message = f"未进先治的推算: 取前 {first} 个, 共有 {len(values)} 个街乡镇; 应为 1 到 {len(values) - 1}"
        raise ValueError(message)
    if len(axis) < LEAST_DAYS:
        message = f"未进先治的推算: 只有 {len(axis)} 天的诉求量; 应不少于 {LEAST_DAYS} 天"
        raise ValueError(message)
    if (wrong := np.flatnonzero(np.diff(axis) != np.timedelta64(1, "D"))).size:
        message = f"未进先治的推算: 日期 {axis[wrong[0]]} 之后是 {axis[wrong[0] + 1]}; 应逐日连续"
        raise ValueError(message)
    if (odd := ~(np.isfinite(values) & (values >= 0) & (values == np.floor(values)))).any():
        place, day = np.argwhere(odd)[0]
        message = f"未进先治的推算: 第 {place + 1} 个街乡镇 {axis[day]} 的诉求量为 {values[place, day]:g}; 应为 0 或正整数, 没有诉求填 0"
        raise ValueError(message)
    if not procedure.half_lives or not all(np.isfinite(life) and life > 0 for life in procedure.half_lives):
        message = f"未进先治的推算: 半衰期为 {procedure.half_lives}; 应至少一个, 都大于 0 天"
        raise ValueError(message)
    if draws < LEAST_DRAWS:
        message = f"未进先治的推算: 模拟次数为 {draws}; 应不少于 {LEAST_DRAWS}"
        raise ValueError(message)
    panel = make_panel(values, axis, procedure)
    if kinds is not None and (np.ndim(kinds) != 1 or len(kinds) < len(panel.days)):
        message = f"未进先治的推算: 日期类型的形状为 {np.shape(kinds)}; 应从 {axis[0]} 起逐日给出, 至少到月末 {panel.days[-1]}, 共 {len(panel.days)} 天"
        raise ValueError(message)
    return panel


def _checked_class(governance_class: np.ndarray | None, places: int) -> np.ndarray:
    if governance_class is None:
        return np.zeros(places, dtype=bool)
    flags = np.asarray(governance_class)
    if flags.shape != (places,) or flags.dtype != np.dtype(bool):
        message = f"未进先治的推算: 治理类的形状为 {flags.shape}, 类型为 {flags.dtype}; 应为 ({places},) 的布尔值"
        raise ValueError(message)
    return flags


def drawn_volumes(so_far: np.ndarray, rest: Rest, draws: int, seed: int) -> np.ndarray:
    """Simulated volumes of the month, draws x N, int32.

    Places are drawn in the order of what is known of them, so that the order in which they are given does not matter.
    """
    if not rest.mean.any():
        return np.repeat(so_far[None], draws, axis=0)
    order = np.lexsort((rest.spread, rest.mean, so_far))
    chance = np.random.default_rng(seed)
    mean, spread = rest.mean[order].astype("float32"), rest.spread[order].astype("float32")
    volumes = np.empty((draws, len(order)), dtype="int32")
    for begin in range(0, draws, DRAWS_AT_ONCE):
        part = slice(begin, min(begin + DRAWS_AT_ONCE, draws))
        city = np.exp(rest.shock * np.clip(chance.standard_t(TAILS, (part.stop - begin, 1)), -MOST_SHOCK, MOST_SHOCK)).astype("float32")
        own = chance.standard_gamma(1.0 / spread, (part.stop - begin, len(order)), dtype="float32")
        volumes[part, order] = so_far[order] + chance.poisson(city * own * (mean * spread))
    return volumes


def last_of_list(volumes: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
    """The smallest volume on the list of each draw, and what it would be if one on the list were not there: the next smaller; each draws x 1, 1 or more."""
    places = volumes.shape[1]
    ordered = np.partition(volumes, (places - first - 1, places - first), axis=1)
    return tuple(np.maximum(ordered[:, place : place + 1], 1) for place in (places - first, places - first - 1))  # type: ignore[return-value]


def _ranks(volumes: np.ndarray) -> np.ndarray:
    """Ranks of each draw, draws x N: one more than the number of places with more requests."""
    order = np.argsort(-volumes, axis=1)
    ordered = np.take_along_axis(volumes, order, axis=1)
    position = np.broadcast_to(np.arange(1, volumes.shape[1] + 1, dtype="int32"), volumes.shape).copy()
    position[:, 1:][ordered[:, 1:] == ordered[:, :-1]] = 0  # a tie takes the rank of the one before it
    np.maximum.accumulate(position, axis=1, out=position)
    ranks = np.empty_like(position)
    np.put_along_axis(ranks, order, position, axis=1)
    return ranks


def quantiles(values: np.ndarray, levels: tuple[float, ...]) -> np.ndarray:
    """The smallest value that so large a part of the draws does not exceed, N x levels; whole numbers stay whole."""
    places = [max(int(np.ceil(level * len(values))) - 1, 0) for level in levels]
    return np.partition(np.ascontiguousarray(values.T), places, axis=1)[:, places]


def _summed_up(volumes: np.ndarray, so_far: np.ndarray, rest: Rest, left: int, is_governed: np.ndarray, first: int) -> Nowcast:
    last, after = last_of_list(volumes, first)
    # a place needs as many as the tenth of the others: of those on the list that is the next smaller
    needed = np.where(volumes >= last, after, last)
    is_first = volumes >= needed
    gap = volumes - needed
    ranks = _ranks(volumes)
    probability = is_first.mean(axis=0)
    rank_ends, gap_ends = quantiles(ranks, (LOW, HIGH)), quantiles(gap, (LOW, HIGH))
    return Nowcast(
        days_left=left,
        month_to_date=so_far,
        probability=probability,
        list_probability=np.where(is_governed, 0.0, probability),
        expected_rank=ranks.mean(axis=0),
        rank_low=rank_ends[:, 0],
        rank_high=rank_ends[:, 1],
        rest_mean=rest.mean,
        volume_mean=volumes.mean(axis=0),
        volume_quantiles=quantiles(volumes, VOLUME_LEVELS),
        gap_mean=gap.mean(axis=0),
        gap_low=gap_ends[:, 0],
        gap_high=gap_ends[:, 1],
        daily_limits=_daily_limits(needed, so_far, left),
        shock=rest.shock,
        spread=np.sqrt(rest.spread),
    )


def _daily_limits(needed: np.ndarray, so_far: np.ndarray, left: int) -> np.ndarray:
    """With a volume v the place stays out in the draws that need more: the largest v that stays out in enough of them, less what has come, a day."""
    if left == 0:
        return np.full((len(so_far), len(LIMIT_LEVELS)), np.nan)
    draws = len(needed)
    # enough draws need more than v when the k-th smallest does, k - 1 being as many as may let it in
    places = [draws - int(np.ceil(level * draws)) for level in LIMIT_LEVELS]
    most = np.partition(np.ascontiguousarray(needed.T), places, axis=1)[:, places] - 1
    room = (most - so_far[:, None]).astype("float64")
    return np.where(room >= 0, room, np.nan) / left

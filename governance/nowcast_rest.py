"""What the rest of a month brings: to the city, to each place, and how wrong the same procedure was in the months before.

The city's rest of the month is a recent level times the weights of the days left, moved by what earlier years did in the same days. A place has a share
of it, which is its own recent share: over how many days "recent" reaches is learnt place by place from past months, because most places stay as they are
and a few rise or fall. Everything is reckoned for all months at once at the same number of days left, so that a month's uncertainty is the size of the
errors of the months before it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.signal import lfilter
from scipy.special import gammaln, stdtrit, xlogy

from governance.day_weights import UNIT, day_weights

__all__ = ["LEAST_DAYS", "TAILS", "Panel", "Procedure", "Rest", "Shares", "make_panel", "rest_of_month", "share_forecasts", "weights_before"]

YEAR = 364
"""Whole weeks, so that the same days of an earlier year are the same weekdays."""

YEARS = 3
"""Earlier years looked at for the season."""

LEAST_DAYS = 28
"""Days that must be known before anything is forecast from them."""

SATURDAY = 5
LATELY = 24
"""Months whose errors tell the city's; before there are earlier years to tell the season, errors are larger than they are now."""

LEVEL_HALF_LIVES = (14.0, 28.0, 56.0)
BASE_HALF_LIFE = 60.0
"""Days of the half-life of the share that an earlier year's same days are compared with."""

SEASON_PRIOR = 100.0
"""Requests as many as a place's share would bring that are added to both sides of the comparison, so that small places have no season by chance."""

SEASON_POWERS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
PRIOR_MONTHS = 5.0
"""A place's half-life and scatter lean on those of all places as if so many months of them had been seen."""

SPREAD_MONTHS = 10.0
DEFAULT_SPREAD, DEFAULT_SHOCK = 0.1, 0.05
"""Relative standard deviations of a place and of the city while no month has been seen, counted as `DEFAULT_MONTHS`."""

ROUNDS = 20
DEFAULT_MONTHS = 2.0
TAILS = 4
"""Degrees of freedom of the t distribution of the city's shock."""

MEDIAN_OF_T = float(stdtrit(TAILS, 0.75))
"""Half of all values of that distribution are smaller than this in size."""

FITTED = 2
"""Numbers fitted to the city's past errors: the half-life and the slope of the season."""

HALF_TICKET = 0.5
SPREADS = tuple(float(spread) for spread in np.geomspace(1e-4, 3.0, 12))
"""Squared relative spreads tried."""


@dataclass(frozen=True, slots=True)
class Procedure:
    """What the forecast of the rest of a month uses; the defaults are what past months chose on the benchmark's grounds.

    Attributes
    ----------
    half_lives
        Days, above 0: over how many days a place's share loses half its weight. With several, each place leans on those that foretold it best.
    has_season
        Whether the same days of earlier years move the city's level.
    has_place_season
        Whether they also move the places' shares.
    has_shock
        Whether the city as a whole may bring more or less than expected; without it places vary alone.
    """

    half_lives: tuple[float, ...] = (15.0, 30.0, 60.0, 90.0, 150.0, 270.0, 540.0)
    has_season: bool = True
    has_place_season: bool = True
    has_shock: bool = True


@dataclass(frozen=True, slots=True)
class Panel:
    """Daily requests of N places on T days, with the months they lie in.

    Attributes
    ----------
    days
        T + R days, datetime64[D]: those known and the rest of the last month.
    known
        T.
    sums
        N x (T + 1): requests before each day, so that a span is a difference.
    starts, ends
        Places on the axis of days of each month's first day and of the day after its last, J; the last month may end after T, the first may begin
        before day 0.
    shares
        K x N x T: share of each place in the city, by half-life; sums to 1 over places.
    base
        N x T: the share that an earlier year's same days are compared with.
    """

    days: np.ndarray
    known: int
    sums: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    shares: np.ndarray
    base: np.ndarray


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of the places in the rest of each month at one number of days left, J x N, and the squared relative spread around them.

    ``shares`` is NaN for months before which too little is known; ``spread`` is the variance of a place's true rate over its square, given the city's.
    """

    shares: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True, slots=True)
class Rest:
    """The rest of one month.

    Attributes
    ----------
    mean
        Requests expected of each place, N, 0 or more.
    spread
        Variance of a place's rate over its square, N, above 0; 0 where no day is left.
    shock
        Scale of the logarithm of the city's common factor, 0 or more.
    """

    mean: np.ndarray
    spread: np.ndarray
    shock: float


def make_panel(counts: np.ndarray, days: np.ndarray, procedure: Procedure) -> Panel:
    """The panel of N x T counts on T consecutive days; the shares are reckoned here once for all months."""
    last = days[-1].astype("datetime64[M]")
    through = np.arange(days[0], (last + 1).astype("datetime64[D]"))
    months = np.arange(days[0].astype("datetime64[M]"), last + 1)
    starts, ends = (((months + step).astype("datetime64[D]") - days[0]).astype("int64") for step in (0, 1))
    values = np.asarray(counts, dtype="float64")
    sums = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    shares = np.stack([_shares(values, half_life) for half_life in procedure.half_lives])
    return Panel(through, len(days), sums, starts, ends, shares, _shares(values, BASE_HALF_LIFE))


def _faded(values: np.ndarray, half_life: float) -> np.ndarray:
    """Sums up to each day in which a day loses half its weight every so many days."""
    return np.asarray(lfilter([1.0], [1.0, -(0.5 ** (1.0 / half_life))], values, axis=-1))


def _shares(counts: np.ndarray, half_life: float) -> np.ndarray:
    faded = _faded(counts, half_life) + HALF_TICKET
    return np.asarray(faded / faded.sum(axis=0))


def weights_before(panel: Panel, month: int, kinds: np.ndarray | None) -> np.ndarray:
    """Weights of all days of the panel, learnt on the city's days before a month; 1 is the average day of an ordinary week."""
    weekdays = (panel.days.astype("int64") + 3) % 7  # day 0 of numpy is a Thursday
    names = np.where(weekdays >= SATURDAY, "weekend", "workday") if kinds is None else kinds[: len(panel.days)]
    size = max(int(panel.starts[month]), 0)
    city = np.diff(panel.sums.sum(axis=0))[:size]
    weights = day_weights(pd.DataFrame({"day": pd.to_datetime(panel.days[:size]), "kind": names[:size], "count": city}))
    pairs = pd.MultiIndex.from_arrays([names, weekdays])
    codes, found = pairs.factorize()
    return np.array([weights.of(str(kind), int(weekday)) / UNIT for kind, weekday in found])[codes]


def _origins(panel: Panel, left: int) -> np.ndarray:
    """Last known day of each month's forecast with so many days left; in a shorter month the day before it begins."""
    return np.maximum(panel.ends - left, panel.starts) - 1


def share_forecasts(panel: Panel, left: int, procedure: Procedure) -> Shares:
    """What part of the rest of each month falls on each place, each month told by those before it alone."""
    origins = _origins(panel, left)
    usable = origins >= LEAST_DAYS - 1
    at = np.clip(origins, 0, panel.known - 1)
    is_past = usable & (panel.ends <= panel.known)
    came = (panel.sums[:, np.minimum(panel.ends, panel.known)] - panel.sums[:, at + 1]).T * is_past[:, None]
    city = came.sum(axis=1, keepdims=True)
    candidates = panel.shares[:, :, at].transpose(0, 2, 1)
    shares = _blended(candidates, _deviance(came, candidates * city), is_past)
    if procedure.has_place_season:
        shares = _seasoned(shares, _season_of_places(panel, origins, left), came, is_past)
    spread = _spread(came, shares * city)
    return Shares(np.where(usable[:, None], shares, np.nan), spread)


def _deviance(came: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Poisson deviance of each count; 0 where nothing is expected, as in months that do not count."""
    safe = np.where(mean > 0, mean, 1.0)
    return np.where(mean > 0, 2.0 * (xlogy(came, np.where(came > 0, came, 1.0) / safe) - (came - safe)), 0.0)


def _before(values: np.ndarray, axis: int) -> np.ndarray:
    """Sums over the months before each month."""
    return np.cumsum(values, axis=axis) - values


def _blended(candidates: np.ndarray, deviance: np.ndarray, is_past: np.ndarray) -> np.ndarray:
    """Each place's shares by half-life, J x N, weighted by how well each has foretold it: exp(- deviance / (2 phi)), phi the place's own scatter."""
    seen = _before(is_past, 0)[None, :, None]
    summed = _before(deviance, 1)
    mean = summed / np.maximum(seen, 1)
    own = mean.min(axis=0, keepdims=True)
    scatter = np.maximum((own * seen + PRIOR_MONTHS * np.median(own, axis=2, keepdims=True)) / (seen + PRIOR_MONTHS), 1.0)
    scores = -0.5 * (summed / scatter + PRIOR_MONTHS * (mean / scatter).mean(axis=2, keepdims=True))
    weights = np.exp(scores - scores.max(axis=0))
    shares = (weights * candidates).sum(axis=0) / weights.sum(axis=0)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def _season_of_places(panel: Panel, origins: np.ndarray, left: int) -> np.ndarray:
    """Logarithm of how much larger each place's share was in the same days of earlier years than just before them, J x N; 0 where no year is known."""
    came, expected = (np.zeros((len(origins), len(panel.sums))) for _ in range(2))
    for year in range(1, YEARS + 1):
        cut = origins - YEAR * year
        known = cut >= LEAST_DAYS - 1
        at = np.maximum(cut, 0)
        end = np.minimum(at + 1 + np.minimum(left, panel.ends - panel.starts), panel.known)
        brought = (panel.sums[:, end] - panel.sums[:, at + 1]).T * known[:, None]
        came += brought
        expected += panel.base[:, at].T * brought.sum(axis=1, keepdims=True)
    return np.asarray(np.log((came + SEASON_PRIOR) / (expected + SEASON_PRIOR)))


def _seasoned(shares: np.ndarray, season: np.ndarray, came: np.ndarray, is_past: np.ndarray) -> np.ndarray:
    """Shares times the season to the power that would have been best in the months before; a power of 0 is no season."""
    powers = np.array(SEASON_POWERS)[:, None, None]
    moved = shares * np.exp(powers * season)
    moved = moved / moved.sum(axis=2, keepdims=True)
    loss = _deviance(came, moved * came.sum(axis=1, keepdims=True))
    # a place that scatters more counts for less, as one large place with bursts would otherwise decide for all
    usual = np.maximum(_before(loss[0], 0) / np.maximum(_before(is_past, 0)[:, None], 1), 1.0)
    loss = (loss / usual).sum(axis=2) * is_past
    # where no earlier year is known all powers are as good but for rounding; a power has to gain something
    best = (_before(loss, 1) + powers[:, :, 0]).argmin(axis=0)
    return np.asarray(np.take_along_axis(moved, best[None, :, None], axis=0)[0])


def _spread(came: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Squared relative spread of each place's rate, J x N: the likeliest in the months before, drawn to that of all places.

    Likelihoods of gamma-Poisson counts at the values of `SPREADS`; their logarithms are averaged by likelihood. Moments would let one burst decide.
    """
    known = np.where(mean > 0, mean, 1.0)
    shape = 1.0 / np.array(SPREADS)[:, None, None]
    chance = gammaln(came + shape) - gammaln(shape) - shape * np.log1p(known / shape) - came * np.log1p(shape / known)
    summed = _before(np.where(mean > 0, chance, 0.0), 1)
    found = np.exp(summed - summed.max(axis=0))
    usual = np.exp(-0.5 * np.log(shape * DEFAULT_SPREAD**2) ** 2)
    share = np.broadcast_to(usual / usual.sum(), (len(shape), len(came), 1))
    for _round in range(ROUNDS):
        weights = found * share
        weights /= weights.sum(axis=0)
        share = weights.mean(axis=2, keepdims=True)
    return np.asarray(np.exp((weights * -np.log(shape)).sum(axis=0)))


def rest_of_month(panel: Panel, month: int, left: int, shares: Shares, weights: np.ndarray, procedure: Procedure) -> Rest:
    """The rest of one month: the city's mean and common shock, shared out over the places."""
    if left == 0:
        return Rest(np.zeros(len(panel.sums)), np.zeros(len(panel.sums)), 0.0)
    mean, shock = _city(panel, month, left, weights, procedure)
    return Rest(mean * shares.shares[month], shares.spread[month], shock if procedure.has_shock else 0.0)


def _city(panel: Panel, month: int, left: int, weights: np.ndarray, procedure: Procedure) -> tuple[float, float]:
    """Median of the city's rest of the month, and the scale of its logarithm beyond chance."""
    origins = _origins(panel, left)[: month + 1]
    usable = np.flatnonzero(origins >= LEAST_DAYS - 1)[-LATELY - 1 :]
    origins, ends = origins[usable], panel.ends[usable]
    counts = np.concatenate([[0.0], np.cumsum(np.diff(panel.sums.sum(axis=0)))])
    exposure = np.concatenate([[0.0], np.cumsum(weights)])
    came = counts[ends[:-1]] - counts[origins[:-1] + 1]
    best: tuple[np.ndarray, float] | None = None
    for half_life in LEVEL_HALF_LIVES:
        level = (_faded(np.diff(counts), half_life) + HALF_TICKET) / _faded(weights[: panel.known], half_life)
        plain = level[origins] * (exposure[ends] - exposure[origins + 1])
        error = np.log((came + HALF_TICKET) / plain[:-1])
        season = _season_of_city(level, counts, exposure, origins, ends) if procedure.has_season else np.zeros(len(origins))
        # as far as the season has helped; the prior keeps a few months from deciding
        slope = float(np.clip(season[:-1] @ error / (season[:-1] @ season[:-1] + DEFAULT_SHOCK**2), 0.0, 1.0))
        wrong = np.abs(error - slope * season[:-1])
        if best is None or wrong.mean() < best[0].mean():
            best = wrong, float(plain[-1] * np.exp(slope * season[-1]))
    wrong, mean = best if best is not None else (np.zeros(0), 0.0)
    return mean, _scale(wrong, came)


def _scale(wrong: np.ndarray, came: np.ndarray) -> float:
    """Scale of the city's shock from the sizes of its past errors: by their median, for a month of festivals goes wrong by several times the usual."""
    if not wrong.size:
        return DEFAULT_SHOCK
    seen = max(len(wrong) - FITTED, 0)
    found = max(float(np.median(wrong)) ** 2 / MEDIAN_OF_T**2 - float(np.median(1.0 / np.maximum(came, 1.0))), 0.0)
    return float(np.sqrt((seen * found + DEFAULT_MONTHS * DEFAULT_SHOCK**2) / (seen + DEFAULT_MONTHS)))


def _season_of_city(level: np.ndarray, counts: np.ndarray, exposure: np.ndarray, origins: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Logarithm of how much higher the city's level was in the same days of earlier years than just before them; 0 where no year is known."""
    summed, years = np.zeros(len(origins)), np.zeros(len(origins))
    for year in range(1, YEARS + 1):
        cut = origins - YEAR * year
        known = cut >= LEAST_DAYS - 1
        at = np.maximum(cut, 0)
        end = np.minimum(np.maximum(ends - YEAR * year, at + 1), len(counts) - 1)
        brought = (counts[end] - counts[at + 1] + HALF_TICKET) / np.maximum(exposure[end] - exposure[at + 1], 1.0 / UNIT)
        summed += np.where(known, np.log(brought / level[at]), 0.0)
        years += known
    return np.asarray(summed / np.maximum(years, 1))

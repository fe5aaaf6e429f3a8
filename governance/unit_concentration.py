"""Where a problem gathers among the units that handle it (承办单位): how unequal their counts are, and which have more than units usually differ by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

__all__ = ["Funnel", "FunnelLimits", "Overdispersion", "funnel", "gini", "top_share"]

MOST_AXES = 2
WINSORISED = 0.1
"""Share of the z scores pulled in at each end before the scatter is taken, so that the few units looked for do not widen their own limits."""

LEAST_UNITS = 2
"""Of a single unit it cannot be told how much units differ."""

_EDGE = float(ndtri(1.0 - WINSORISED))
WINSORISED_VARIANCE = 1.0 - 2.0 * WINSORISED - 2.0 * _EDGE * float(np.exp(-(_EDGE**2) / 2.0) / np.sqrt(2.0 * np.pi)) + 2.0 * WINSORISED * _EDGE**2
"""Mean square of standard normal scores once the outer tenths are pulled in: 0.679. Pulling in takes a third of the scatter, which must be given back."""


@dataclass(frozen=True, slots=True)
class Overdispersion:
    """How much units differ beyond chance.

    Attributes
    ----------
    phi
        Scatter of the units as a multiple of what chance alone gives, 0 or more, about 1 where nothing but chance differs. NaN where fewer than
        two units are judged.
    tau_squared
        Variance between units of the square root of their true ratio, 0 or more; 0 where ``phi`` is at most 1 or NaN. For small values 2 tau is
        the standard deviation of the logarithm of the ratio: 0.01 are units that differ by a fifth.
    units
        Number of units judged.
    """

    phi: float
    tau_squared: float
    units: int


@dataclass(frozen=True, slots=True)
class FunnelLimits:
    """Limits of the ratio, arrays of the shape of the expectations asked for, 0 or more; NaN where the expectation is 0 or unknown.

    A ratio below a low limit or above a high one lies outside. A low limit of 0 says that no count is too few there.
    """

    watch_low: np.ndarray
    watch_high: np.ndarray
    alert_low: np.ndarray
    alert_high: np.ndarray


@dataclass(frozen=True, slots=True)
class Funnel:
    """Units against their expectation, arrays of U units; NaN where a unit is not judged.

    Attributes
    ----------
    ratio
        Observed over expected, 0 or more; 1 is as expected.
    z
        Standard deviations from what is expected, chance and the usual differences between units together; above 0 is more than expected.
    p_many, p_few
        Probability that a unit no different from the others has so many, or so few, in [0, 1]; the two add up to 1.
    dispersion
        How much units differ beyond chance.
    level_watch, level_alert
        Share of ordinary units that lie within the inner and the outer limits.
    """

    ratio: np.ndarray
    z: np.ndarray
    p_many: np.ndarray
    p_few: np.ndarray
    dispersion: Overdispersion
    level_watch: float
    level_alert: float

    def limits(self, expected_grid: np.ndarray) -> FunnelLimits:
        """Limits of the ratio at given expectations, for drawing the funnel; they say the same as ``z``.

        Parameters
        ----------
        expected_grid
            Any shape, requests, 0 or more; NaN where unknown.

        Returns
        -------
        FunnelLimits
            (1 + c s)^2 and max(1 - c s, 0)^2 - 1/E, not below 0, with s^2 = 1 / (4 E) + tau^2 and c the normal quantile of (1 + level) / 2.

        Raises
        ------
        ValueError
            An expectation is negative or infinite.
        """
        expected = np.asarray(expected_grid, dtype="float64")
        _check_counts("期望件数", expected)
        usable = np.where(expected > 0, expected, np.nan)
        scale = np.sqrt(0.25 / usable + self.dispersion.tau_squared)
        ends = []
        for level in (self.level_watch, self.level_alert):
            reach = float(ndtri((1.0 + level) / 2.0)) * scale
            ends += [np.maximum(np.maximum(1.0 - reach, 0.0) ** 2 - 1.0 / usable, 0.0), (1.0 + reach) ** 2]
        return FunnelLimits(*ends)


def gini(counts: np.ndarray) -> np.ndarray:
    """How unequally requests are spread over the units.

    Parameters
    ----------
    counts
        U units, or U x T periods; requests, 0 or more. NaN where unknown: such a unit is left out of the period. A unit that had none must stand
        there with 0, for leaving it out makes the spread look more even.

    Returns
    -------
    ndarray
        One value, or T: 0 where all units have equally many, (U - 1) / U where one has all. NaN where the total is 0.

    Raises
    ------
    ValueError
        ``counts`` has not one or two axes, or a count is negative or infinite.

    Notes
    -----
    With counts in rising order x_1 ... x_U the coefficient is sum_i (2 i - U - 1) x_i / (U sum_i x_i): the mean absolute difference of all U^2 pairs
    over twice the mean. It is not multiplied by U / (U - 1): that takes the bias from a sample of units, and these are all the units there are.
    So compare periods with the same units. With fewer requests than units it cannot be near 0, however evenly they fall (at least 1 - requests / U).

    References
    ----------
    Sen (1973), On Economic Inequality, chapter 2 (Gini coefficient). Deltas (2003), Review of Economics and Statistics 85:226 (correction for samples).
    Bernasco & Steenbeek (2017), Journal of Quantitative Criminology 33:451 (fewer events than places).
    """
    values, shape = _periods(counts)
    ordered = np.sort(values, axis=0)  # unknown counts come last
    known = np.isfinite(ordered)
    units = known.sum(axis=0)
    ordered = np.where(known, ordered, 0.0)
    rank = np.arange(1, len(ordered) + 1)[:, None]
    spread = np.where(known, (2 * rank - units - 1) * ordered, 0.0).sum(axis=0)
    return _over(spread, units * ordered.sum(axis=0), shape)


def top_share(counts: np.ndarray, units: int = 5) -> np.ndarray:
    """Share of the units with most requests in all requests.

    Parameters
    ----------
    counts
        U units, or U x T periods; requests, 0 or more. NaN where unknown: such a unit is left out of the period.
    units
        How many of the largest, 1 or more; they are chosen anew in each period. With no more units than that the share is 1.

    Returns
    -------
    ndarray
        One value, or T, in (0, 1]. NaN where the total is 0.

    Raises
    ------
    ValueError
        ``counts`` has not one or two axes, a count is negative or infinite, or ``units`` is below 1 or no whole number.

    References
    ----------
    Hall & Tideman (1967), Journal of the American Statistical Association 62:162 (concentration ratio CR_k).
    """
    values, shape = _periods(counts)
    if not (units >= 1 and float(units).is_integer()):
        message = f"取前几个单位应为 1 或更大的整数, 实际为 {units}"
        raise ValueError(message)
    ordered = np.sort(np.nan_to_num(values), axis=0)[::-1]
    return _over(ordered[: int(units)].sum(axis=0), ordered.sum(axis=0), shape)


def funnel(observed: np.ndarray, expected: np.ndarray, *, level_watch: float = 0.95, level_alert: float = 0.998, least_expected: float = 5.0) -> Funnel:
    """Which units have more, or fewer, requests of a problem than chance and the usual differences between units explain.

    Parameters
    ----------
    observed
        U units, whole counts, 0 or more; NaN where unknown.
    expected
        U, requests, 0 or more; NaN where unknown. As indirect standardisation gives them: the unit's requests of all kinds times the problem's share
        in all requests of the city. A unit that has much of the problem raises that share and is then compared with itself in part.
    level_watch, level_alert
        Shares of ordinary units within the inner and the outer limits, two-sided: above 0, below 1, watch below alert.
    least_expected
        Units of whom fewer are expected are not judged and take no part in the scatter; above 0.

    Returns
    -------
    Funnel
        Arrays of U; NaN where the count or the expectation is unknown, or the expectation is below ``least_expected``.

    Raises
    ------
    ValueError
        The arrays have not one axis each and the same length, a value is negative or infinite, or a level or ``least_expected`` is out of range.

    Notes
    -----
    The square root of a Poisson ratio has the variance 1 / (4 E) whatever the true ratio, so y = root(O / E) and y - 1 over
    s = root(1 / (4 E) + tau^2) are compared with the normal distribution. Below the expectation O + 1 takes the place of O (but at most the
    expectation), the usual continuity correction: without it a unit of whom 5 are expected would be outside the outer limit with 0, which chance alone
    gives once in 150. Of 20,000 ordinary units with 5 to 50 expected 0.3 % lay below the outer limit without it and 0.05 % with it, 0.1 % being right.

    The scatter is added to the variance (random effects) rather than multiplied by it. Units differ by their work, and that does not go away with
    size; multiplied by one phi, which units with thousands of requests push up, the limits of small units become far too wide while the largest are
    still named for what is usual: among units with 10 to 5,000 expected that differ by a fifth, 19 % of those with more than 1,000 lay outside 99.8 %
    and a unit with three times its expectation of 20 was never found; added, 0.3 % and 98 %. Where phi is at most 1 nothing is added.

    phi is the mean of the squared scores 2 (root O - root E), the outer tenths pulled in to the 10 % and 90 % quantiles (linearly interpolated),
    over 0.679, what that gives by chance alone. tau^2 is the value with which the scores (y - 1) / s, pulled in alike, have a mean square of 0.679
    (Paule & Mandel's equation on winsorised scores). The closed formula in the two papers on funnels below,
    (U phi - (U - 1)) / (sum w - sum w^2 / sum w) with w = 4 E and without the 0.679, is too low where E differs: on 100 units with 20 to 2,000
    expected and true log ratios of standard deviation 0.2 (tau^2 0.010) it gave 0.004, and 3.2 % of ordinary units outside the limits of 99.8 %;
    this one 0.010 and 0.3 %; without any allowance it was 32 %.

    More than a tenth of units that stand apart on one side count as the usual difference: where only few units have the problem at all, see
    ``top_share`` instead. Where few units are judged an outlier widens its own limits: of units with three times their expectation of 200 among
    others as above all are found (z above 3) among 20, 97 % among 12, 81 % among 8, and none among 5 or fewer.

    References
    ----------
    Spiegelhalter (2005), Statistics in Medicine 24:1185; Spiegelhalter (2005), Quality & Safety in Health Care 14:347 (winsorised
    scores, additive against multiplicative). Paule & Mandel (1982), Journal of Research of the National Bureau of Standards 87:377.
    Indirect standardisation: Breslow & Day (1987), chapter 2.
    """
    counts, means = _units(observed, expected)
    _check_levels(level_watch, level_alert, least_expected)
    with np.errstate(invalid="ignore"):
        judged = np.isfinite(counts) & (means >= least_expected)
    counts, means = np.where(judged, counts, np.nan), np.where(judged, means, np.nan)
    dispersion = _overdispersion(counts[judged], means[judged])
    above = np.maximum(np.sqrt(counts / means) - 1.0, 0.0)
    below = np.minimum(np.sqrt((counts + 1.0) / means) - 1.0, 0.0)
    z = (above + below) / np.sqrt(0.25 / means + dispersion.tau_squared)
    return Funnel(counts / means, z, ndtr(-z), ndtr(z), dispersion, level_watch, level_alert)


def _overdispersion(counts: np.ndarray, means: np.ndarray) -> Overdispersion:
    """The scatter of the units judged."""
    if len(counts) < LEAST_UNITS:
        return Overdispersion(float("nan"), 0.0, len(counts))
    apart = np.sqrt(counts / means) - 1.0

    def scatter(tau_squared: float) -> float:
        scores = apart / np.sqrt(0.25 / means + tau_squared)
        pulled_in = np.clip(scores, *np.quantile(scores, [WINSORISED, 1.0 - WINSORISED]))
        return float(np.mean(pulled_in**2)) / WINSORISED_VARIANCE

    phi = scatter(0.0)
    if phi <= 1:
        return Overdispersion(phi, 0.0, len(counts))
    # with so much no score exceeds root 0.679, so the root lies below
    most = float(np.max(apart**2)) / WINSORISED_VARIANCE
    return Overdispersion(phi, float(brentq(lambda tau_squared: scatter(tau_squared) - 1.0, 0.0, most, xtol=1e-10)), len(counts))


def _over(part: np.ndarray, whole: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Part over whole in the shape asked for, a plain number for (); NaN where the whole is 0."""
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0).reshape(shape)[()]


def _periods(counts: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """Counts as U x T, and the shape of the answer."""
    values = np.asarray(counts, dtype="float64")
    if not 1 <= values.ndim <= MOST_AXES:
        message = f"各单位的件数应有一个维度(单位)或两个维度(单位、时段), 实际有 {values.ndim} 个"
        raise ValueError(message)
    _check_counts("各单位的件数", values)
    return (values[:, None] if values.ndim == 1 else values), values.shape[1:]


def _units(observed: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    counts, means = np.asarray(observed, dtype="float64"), np.asarray(expected, dtype="float64")
    if counts.ndim != 1 or counts.shape != means.shape:
        message = f"各单位的件数的形状为 {counts.shape}, 期望件数的形状为 {means.shape}; 应同为 (单位数,)"
        raise ValueError(message)
    _check_counts("各单位的件数", counts)
    _check_counts("期望件数", means)
    return counts, means


def _check_counts(what: str, values: np.ndarray) -> None:
    if (wrong := (values < 0) | np.isinf(values)).any():
        message = f"{what}中有 {int(wrong.sum())} 个负数或无穷大; 应为 0 或正数, 未知留空"
        raise ValueError(message)


def _check_levels(level_watch: float, level_alert: float, least_expected: float) -> None:
    if not 0 < level_watch < level_alert < 1:
        message = f"漏斗图的关注界限为 {level_watch}, 警示界限为 {level_alert}; 应都大于 0 且小于 1, 关注界限小于警示界限"
        raise ValueError(message)
    if not (np.isfinite(least_expected) and least_expected > 0):
        message = f"参加比较的最少期望件数为 {least_expected}; 应大于 0"
        raise ValueError(message)

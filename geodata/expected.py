"""What every place would have if nothing were special there: the whole city's count of a problem, shared out as places have usually shared it."""

from __future__ import annotations

import numpy as np

__all__ = ["expected_counts"]

LEAST_PERIODS = 3
"""With fewer periods behind it no share can be told."""

ROUNDS = 2
CLIP = 3.0
ORDINARY = 0.1
"""Dispersion that ordinary counts may have before they are passed over. Fixed: estimated from all periods it would let the future into the past."""

SMALLEST = 1e-9
ONE_HALF = 0.5
"""Added to every place's count before shares are taken: of a place that never had any, some day one comes."""

LEAST_VARIANCE = 1e-3
"""Places are never taken to be quite alike: with less than this the share of one of 30 in a thousand would hardly count."""


def expected_counts(observed: np.ndarray, baseline: int = 13, gap: int = 1) -> np.ndarray:
    """Expected counts of every problem, place and period, from the periods before it.

    Parameters
    ----------
    observed
        M problems x N places x T periods, counts, 0 or more; NaN where nothing is known.
    baseline
        Periods that say what is usual; a year of them knows every season once.
    gap
        Periods before a period that do not: what begins now must not raise what is expected now. At least as many as a cluster may be looked for in.

    Returns
    -------
    ndarray
        M x N x T; over the places it adds up to the city's count of the problem in the period. NaN where the count is, and in periods with fewer than
        three before the gap.

    Raises
    ------
    ValueError
        ``observed`` has not three axes, or a count is negative or infinite.

    Notes
    -----
    The expected count of place i is C_t s_i: the city's count times the share the place has had. So neither a season of the whole city nor a change of
    its level is anything special. A share is p_i theta_i, with p_i the place's share of all problems (half a count added to each place) and theta_i the
    posterior mean of a gamma prior of mean 1 and variance A, theta_i = (O_i + 1/A) / (E_i + 1/A), where O_i and E_i = p_i sum O are the counts over the
    baseline and A is estimated by moments over the places, sum((O - E)^2 - E) / sum E^2. Counts beyond three standard deviations of what was expected
    of them (variance E + 0.1 E^2) count as just that when shares are taken again, so that a past hot spot does not hide the next.

    References
    ----------
    Clayton & Kaldor (1987), Biometrics 43:671, section 2 (gamma-Poisson empirical Bayes); indirect standardisation as in Breslow & Day (1987), chapter 2.
    """
    observed = np.asarray(observed, dtype="float64")
    if observed.ndim != 3:  # noqa: PLR2004 - problems, places, periods
        message = f"计数应有三个维度(问题、地方、时段), 实际有 {observed.ndim} 个"
        raise ValueError(message)
    if (wrong := (observed < 0) | np.isinf(observed)).any():
        message = f"计数中有 {int(wrong.sum())} 个负数或无穷大; 应为 0 或正数, 未知留空"
        raise ValueError(message)
    known = np.isfinite(observed)
    counts = np.where(known, observed, 0.0)
    city, calm = counts.sum(axis=1, keepdims=True), counts
    for _round in range(ROUNDS):
        expected = _shares(calm, known, baseline, gap) * city
        usual = np.nan_to_num(expected)
        limit = usual + CLIP * np.sqrt(usual + ORDINARY * usual**2) + CLIP
        calm = np.where(counts > np.where(np.isfinite(expected), limit, np.inf), usual, counts)
    return np.where(known, _shares(calm, known, baseline, gap) * city, np.nan)


def _shares(counts: np.ndarray, known: np.ndarray, baseline: int, gap: int) -> np.ndarray:
    """Share of each place in what comes of each problem, M x N x T; over the known places it sums to 1, NaN where too little is behind it.

    A place takes part in a period's total only where its own count is known: what came elsewhere meanwhile says nothing of its share.
    """
    behind = _behind(counts, baseline, gap)
    offered = _behind(np.where(known, counts.sum(axis=1, keepdims=True), 0.0), baseline, gap)
    own = (behind.sum(axis=0) + ONE_HALF) / (offered.sum(axis=0) + ONE_HALF * counts.shape[1])
    own = own / own.sum(axis=0)
    due = own[None] * offered
    variance = ((behind - due) ** 2 - due).sum(axis=1, keepdims=True) / np.maximum((due**2).sum(axis=1, keepdims=True), SMALLEST)
    strength = 1.0 / np.maximum(variance, LEAST_VARIANCE)
    shares = np.where(known, own[None] * (behind + strength) / (due + strength), 0.0)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), SMALLEST)
    shares[:, :, : gap + LEAST_PERIODS] = np.nan
    return shares


def _behind(counts: np.ndarray, baseline: int, gap: int) -> np.ndarray:
    """Sums of the ``baseline`` periods that end ``gap`` periods before each one."""
    running = np.concatenate([np.zeros((*counts.shape[:2], 1)), np.cumsum(counts, axis=2)], axis=2)
    place = np.arange(counts.shape[2])
    last, first = np.maximum(place - gap, 0), np.maximum(place - gap - baseline, 0)
    return np.asarray(running[:, :, last] - running[:, :, first])

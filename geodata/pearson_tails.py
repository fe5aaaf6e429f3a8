"""Tails of the Pearson type III distribution (a shifted gamma): of many sums at once, each with a skewness of its own."""

from __future__ import annotations

import numpy as np
from scipy.special import gammainc, gammaincc, ndtr

__all__ = ["pearson_tail"]

LEAST_SKEWNESS = 1e-4
"""Below this the distribution equals the normal one to 1e-5."""

MOST_SKEWNESS = 1.2
MOST_ETA = 1.5
"""Up to these the series is right to 5e-7, and to 4e-5 of the tail however small; what lies beyond is left to the incomplete gamma function."""

STIRLING = (1.0, 1 / 12, 1 / 288, -139 / 51840, -571 / 2488320)
"""Coefficients of the asymptotic series of the gamma function (NIST 5.11.4); as many as terms of Temme's series are used."""

DEGREE = 10
"""Of c_0 in eta; of each further one two less."""


def pearson_tail(distance: np.ndarray, skewness: np.ndarray, reach: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The tail beyond the distance, away from the mean, of the standardised distribution; and whether it is the upper one.

    The distribution ends on its short side. Where it would end before the smallest sum possible (``reach``), a sum between the two would be
    called impossible; there the short side has the skewness that lets it end at that sum.

    Parameters
    ----------
    distance
        From the mean, in standard deviations; arrays of one shape, NaN where unknown.
    skewness
        Third moment of the standardised distribution.
    reach
        Standard deviations from the mean to the end of what is possible on the short side, above 0.

    Returns
    -------
    small
        Probability of a distance as large, on the same side of the mean: 0 to 1. NaN where the distance is.
    is_high
        Whether the distance is above 0.

    Notes
    -----
    With g the skewness, negative on the short side, x the distance and a = 4 / g^2, the tail is the incomplete gamma function of a and a + 2 x / g, on the
    long side the upper, on the short the lower one. Temme's expansion gives both: with m = g x / 2 and eta^2 / 2 = m - log(1 + m), eta of the sign of
    m, the tail is the normal one beyond y = 2 eta / g, plus the normal density there times g / 2 times the sum over k of c_k(eta) / a^k. It takes a quarter
    of the time of the incomplete gamma function, and stays right beyond 4.5 standard deviations with a skewness of 0.0001, where that of SciPy 1.17 is
    off by half.

    References
    ----------
    Temme (1979), SIAM Journal on Mathematical Analysis 10: 757; NIST Digital Library of Mathematical Functions, 8.12.
    """
    is_high = distance > 0
    far = np.abs(distance)
    with np.errstate(invalid="ignore", divide="ignore"):  # beyond the end of the short side, and where the distance is unknown
        skew = np.maximum((2.0 * is_high - 1.0) * skewness, -2.0 / reach)
        is_normal = np.abs(skew) <= LEAST_SKEWNESS
        skew[is_normal] = 0.0
        m = skew * far
        m *= 0.5
        eta = np.sqrt(np.maximum(m - np.log1p(m), 0.0) * 2.0)
        is_near = is_normal | ((eta <= MOST_ETA) & (np.abs(skew) <= MOST_SKEWNESS))
        np.copysign(eta, skew, out=eta)
        y = np.where(is_normal, far, 2.0 * eta / skew)
        small = ndtr(-y) + np.exp(-0.5 * y * y) * (skew / np.sqrt(8.0 * np.pi)) * _correction(eta, skew)
    beyond = np.nonzero(~is_near)
    small[beyond] = _incomplete_gamma(far[beyond], skew[beyond])
    return small, is_high


def _correction(eta: np.ndarray, skew: np.ndarray) -> np.ndarray:
    """The sum over k of c_k(eta) / a^k."""
    inverse = 0.25 * skew * skew
    total = np.zeros_like(eta)
    term = np.empty_like(eta)
    # in place: with an array for every step, as numpy's polyval does it, these sums take three times as long
    for coefficients in reversed(SERIES):
        term.fill(coefficients[-1])
        for coefficient in coefficients[-2::-1]:
            term *= eta
            term += coefficient
        total *= inverse
        total += term
    return total


def _series() -> list[list[float]]:
    """Coefficients of each c_k by powers of eta; of the later ones, which count less, fewer.

    With lambda = 1 + sum of alpha_n eta^n the inverse of eta(lambda), d_0n = (n + 2) alpha_(n+2), less 1 where n is 0, and
    d_kn = (-1)^k gamma_k d_0n + (n + 2) d_(k-1)(n+2), gamma_k those of Stirling.
    """
    alpha = np.zeros(DEGREE + 3)
    alpha[1] = 1.0
    for n in range(2, DEGREE + 3):
        alpha[n] = (alpha[n - 1] - sum(alpha[j] * (n + 1 - j) * alpha[n + 1 - j] for j in range(2, n))) / (n + 1)
    power = np.arange(DEGREE + 1)
    first = (power + 2) * alpha[2:] - (power == 0)
    rows = [first]
    for k, gamma in enumerate(STIRLING[1:], start=1):
        left = len(first) - 2 * k
        rows.append((-1) ** k * gamma * first[:left] + (power[:left] + 2) * rows[-1][2:])
    return [row.tolist() for row in rows]


SERIES = _series()


def _incomplete_gamma(far: np.ndarray, skew: np.ndarray) -> np.ndarray:
    """The tail where the series does not hold."""
    shape = 4.0 / skew**2
    end = 2.0 * far / np.abs(skew)
    is_long = skew > 0
    small = np.empty_like(far)
    small[is_long] = gammaincc(shape[is_long], (shape + end)[is_long])
    small[~is_long] = gammainc(shape[~is_long], np.maximum(shape - end, 0.0)[~is_long])
    return small

"""How unlike its surroundings a window of a scan statistic is: the log-likelihood ratios, and the count from which one is exceeded."""

from __future__ import annotations

import numpy as np

__all__ = ["bernoulli_ratio", "permutation_expected", "poisson_ratio", "thresholds_of"]

GRID = 128
LEAST_EXPECTED = 1e-4
HALVINGS = 20


def poisson_ratio(observed: np.ndarray, expected: np.ndarray, total: np.ndarray | float) -> np.ndarray:
    r"""Log-likelihood ratio of a window with more cases than expected, of the Poisson and the space-time permutation model.

    .. math:: O \ln(O / E) + (C - O) \ln((C - O) / (C - E)) \text{ where } O > E, \text{ otherwise } 0

    Parameters
    ----------
    observed, expected
        Cases in the window, of one shape; the expected add up to ``total`` over the whole map.
    total
        Cases on the whole map, of that shape or one number.

    Returns
    -------
    ndarray
        0 or more; infinite where cases were observed and none expected.

    References
    ----------
    Kulldorff (1997), Communications in Statistics: Theory and Methods 26:1481 (Poisson model); Kulldorff et al. (2005), PLoS Medicine 2:e59
    (space-time permutation model).
    """
    inside, outside = np.asarray(observed, dtype="float64"), np.asarray(total - observed, dtype="float64")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = inside * np.log(inside / expected)
        rest = outside * np.log(outside / (total - expected))
    # nobody left outside adds nothing (0 ln 0); where no more are seen than expected there is nothing to explain
    return np.where(inside > expected, ratio + np.where(outside > 0, rest, 0.0), 0.0)


def bernoulli_ratio(cases: np.ndarray, size: np.ndarray, total_cases: float, total_size: float) -> np.ndarray:
    """Log-likelihood ratio of a window with a larger share of cases than elsewhere, of the Bernoulli model.

    Parameters
    ----------
    cases, size
        Cases, and cases and controls together, in the window.
    total_cases, total_size
        The same on the whole map.

    Returns
    -------
    ndarray
        0 or more; 0 where the share inside is not above that outside.

    References
    ----------
    Kulldorff (1997), Communications in Statistics: Theory and Methods 26:1481 (Bernoulli model).
    """
    inside, held = np.asarray(cases, dtype="float64"), np.asarray(size, dtype="float64")
    whole = _two_way(np.asarray(float(total_cases)), np.asarray(float(total_size)))
    ratio = _two_way(inside, held) + _two_way(total_cases - inside, total_size - held) - whole
    return np.where(inside * (total_size - held) > (total_cases - inside) * held, ratio, 0.0)


def _two_way(cases: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Largest log-likelihood of so many cases among so many; 0 ln 0 is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(cases > 0, cases * np.log(cases / size), 0.0) + np.where(size > cases, (size - cases) * np.log((size - cases) / size), 0.0)


def permutation_expected(observed: np.ndarray) -> np.ndarray:
    """What each area and period would have if the city's course over time were every area's: the expected counts of the space-time permutation model.

    Parameters
    ----------
    observed
        N x T, 0 or more.

    Returns
    -------
    ndarray
        N x T; rows and columns add up to those of ``observed``; 0 where nothing was observed at all.

    References
    ----------
    Kulldorff et al. (2005), PLoS Medicine 2:e59 (product of the margins).
    """
    total = float(observed.sum())
    return np.outer(observed.sum(axis=1), observed.sum(axis=0)) / (total or 1.0)


def thresholds_of(ratio: float, total: float) -> tuple[np.ndarray, np.ndarray]:
    """Expected counts from 0 to ``total``, and for each the count above which ``poisson_ratio`` can exceed ``ratio``.

    Between two of them the straight line is below the threshold: the ratio is convex in both counts, so the threshold is concave in the
    expected count. No window is lost by reading thresholds off the line.
    """
    least = min(LEAST_EXPECTED, total / 2)
    expected = np.geomspace(least, total, GRID)
    low = expected.copy()
    # E ((1 + x) ln(1 + x) - x) is at least E x^2 / (2 + 2x/3), so that this many cases have a larger ratio, whatever the total
    high = np.minimum(total, expected + np.sqrt(2 * ratio * expected) + ratio)
    for _halving in range(HALVINGS):
        middle = (low + high) / 2
        is_below = poisson_ratio(middle, expected, total) <= ratio
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return np.append(0.0, expected), np.append(0.0, low)

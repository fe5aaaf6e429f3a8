"""Tails of Pearson type III: equal to those of scipy, right where scipy's are not, and never 0 where a sum is possible."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from geodata.pearson_tails import MOST_ETA, MOST_SKEWNESS, SERIES, pearson_tail

UNLIMITED = 1e-6
"""A reach so small that the short side is never lengthened."""


def tails(distance: np.ndarray, skewness: np.ndarray | float, reach: float = UNLIMITED) -> np.ndarray:
    return pearson_tail(distance, np.broadcast_to(skewness, distance.shape), np.full(distance.shape, reach))[0]


@pytest.mark.parametrize("skewness", [0.003, 0.05, 0.2, 0.5, 0.9, MOST_SKEWNESS, 1.3, 2.0, 3.5])
@pytest.mark.parametrize("sign", [1, -1])
def test_tails_equal_those_of_scipy(skewness: float, sign: int) -> None:
    """Long and short sides, up to where scipy's own are right."""
    distance = np.linspace(-6, 6, 2401)
    law = stats.pearson3(sign * skewness)
    expected = np.where(distance > 0, law.sf(distance), law.cdf(distance))
    found = tails(distance, sign * skewness)
    np.testing.assert_allclose(found, expected, rtol=0, atol=6e-7)
    sure = (expected > 1e-12) & ((skewness > 0.01) | (np.abs(distance) < 4))
    np.testing.assert_allclose(found[sure], expected[sure], rtol=1e-4)


@pytest.mark.parametrize("skewness", [1e-5, 1.1e-4, 3e-4, 1e-3])
def test_far_tails_of_hardly_skewed_sums_are_right(skewness: float) -> None:
    """By adding up the density, since scipy's incomplete gamma function is off by half beyond 4.5 standard deviations."""
    shape = 4.0 / skewness**2

    def density(x: float) -> float:
        """Of the standardised distribution, from logarithms that leave out what cancels."""
        m = x * skewness / 2
        return np.exp(shape * (np.log1p(m) - m)) / (1 + m) / np.sqrt(2 * np.pi)

    for distance in (1.0, 4.4, 4.6, 5.5, 7.0):
        found = tails(np.array([distance, -distance]), skewness)
        expected = [integrate.quad(density, side * distance, side * (distance + 8), epsabs=0, epsrel=1e-10)[0] * side for side in (1, -1)]
        np.testing.assert_allclose(found, expected, rtol=2e-3)
    far = np.array([-5.0])
    assert tails(far, skewness)[0] == pytest.approx(stats.norm.cdf(-5.0), rel=0.05)


def test_coefficients_are_the_published_ones() -> None:
    """NIST Digital Library of Mathematical Functions, 8.12, and Temme (1979)."""
    np.testing.assert_allclose(SERIES[0][:5], [-1 / 3, 1 / 12, -2 / 135, 1 / 864, 1 / 2835], rtol=1e-12)
    np.testing.assert_allclose(SERIES[1][:4], [-1 / 540, -1 / 288, 1 / 378, -77 / 77760], rtol=1e-12)
    np.testing.assert_allclose(SERIES[2][:2], [25 / 6048, -139 / 51840], rtol=1e-12)


@pytest.mark.parametrize("side", [1, -1])
def test_there_is_no_step_where_the_series_ends(side: int) -> None:
    distance = np.linspace(0.1, 4, 40)
    inside, outside = (tails(side * distance, MOST_SKEWNESS * (1 + step)) for step in (-1e-9, 1e-9))
    np.testing.assert_allclose(inside, outside, rtol=1e-4, atol=1e-12)
    # eta reaches its limit on the long side of skewness 1 where m - log(1 + m) = limit^2 / 2
    m = np.linspace(2, 3, 100_001)
    edge = 2 * m[np.argmin(np.abs(m - np.log1p(m) - MOST_ETA**2 / 2))]
    falling = tails(np.linspace(edge - 1e-3, edge + 1e-3, 201), 1.0)
    assert (np.diff(falling) < 0).all()


@given(st.floats(-8, 8).filter(bool), st.floats(-3, 3), st.floats(0.01, 20))
def test_the_mirrored_sum_has_the_mirrored_tail(distance: float, skewness: float, reach: float) -> None:
    one, other = (pearson_tail(np.array([sign * distance]), np.array([sign * skewness]), np.array([reach])) for sign in (1, -1))
    assert one[0][0] == pytest.approx(other[0][0], rel=1e-9)
    assert one[1][0] == (distance > 0)
    assert 0 <= one[0][0] <= 1


def test_the_short_side_reaches_as_far_as_sums_do() -> None:
    """Skewness 2 ends at one standard deviation; where sums reach three, the tail at two is that of the skewness that ends at three."""
    distance = np.array([-2.0, -0.5])
    assert tails(distance, 2.0)[0] == 0.0
    np.testing.assert_allclose(tails(distance, 2.0, 3.0), stats.pearson3(2 / 3).cdf(distance), rtol=1e-5)
    np.testing.assert_allclose(tails(-distance, 2.0, 3.0), stats.pearson3(2.0).sf(-distance), rtol=1e-9)


@pytest.mark.filterwarnings("error")
def test_the_unknown_stays_unknown() -> None:
    distance = np.array([[np.nan, 1.0, np.nan], [0.0, np.nan, 2.0]])
    found, is_high = pearson_tail(distance, np.array([[0.0, 0.0, 0.3], [0.3, np.nan, 1.0]]), np.array([[1.0, 2.0, 0.0], [3.0, np.nan, 1.0]]))
    assert (np.isnan(found) == [[True, False, True], [False, True, False]]).all()
    assert found[0, 1] == pytest.approx(stats.norm.sf(1.0))
    assert is_high.tolist() == [[False, True, False], [False, False, True]]

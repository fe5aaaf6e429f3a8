"""The batched regression is the one of statsmodels, series by series."""

import numpy as np
import pytest

from forecasts.poisson import fit_poisson, overdispersion

RNG = np.random.default_rng(20261122)
STEPS, SERIES = 400, 7


@pytest.fixture(scope="module")
def design():
    place = np.arange(STEPS)
    waves = [np.cos(2 * np.pi * place / 90), np.sin(2 * np.pi * place / 90)]
    return np.stack([np.ones(STEPS), *waves, (place % 7 > 4).astype(float), place / STEPS], axis=1)


@pytest.fixture(scope="module")
def counts(design):
    truth = RNG.normal(0, 0.4, (SERIES, design.shape[1]))
    truth[:, 0] = np.linspace(-1, 4, SERIES)
    return RNG.poisson(np.exp(truth @ design.T)).astype(float)


def test_without_a_prior_it_is_the_poisson_regression_of_statsmodels(design, counts):
    models = pytest.importorskip("statsmodels.api")
    exact = fit_poisson(counts, design, precision=np.zeros(design.shape[1]), steps=30, gap=0)
    single = fit_poisson(counts, design.astype("float32"), precision=np.zeros(design.shape[1]), steps=30, gap=0)
    for number, series in enumerate(counts):
        known = models.GLM(series, design, family=models.families.Poisson()).fit(tol=1e-12).params
        np.testing.assert_allclose(exact[number], known, atol=1e-5)  # the smallest precision is 1e-6, not 0
        np.testing.assert_allclose(np.exp(single[number] @ design.T), np.exp(known @ design.T), rtol=2e-4)


def test_offsets_and_unknown_steps_are_as_statsmodels_has_them(design, counts):
    models = pytest.importorskip("statsmodels.api")
    offset = RNG.normal(0, 0.3, counts.shape)
    holed = counts.copy()
    holed[:, 50:90] = np.nan
    holed[2, :200] = np.nan
    found = fit_poisson(holed, design, precision=np.zeros(design.shape[1]), offset=offset, steps=30, gap=0)
    for number, series in enumerate(holed):
        known = ~np.isnan(series)
        fitted = models.GLM(series[known], design[known], family=models.families.Poisson(), offset=offset[number][known]).fit(tol=1e-12)
        np.testing.assert_allclose(found[number], fitted.params, atol=2e-5)


def test_at_the_end_the_slope_of_the_penalised_likelihood_is_zero(design, counts):
    precision = np.array([0.0, 4.0, 4.0, 25.0, 100.0])
    prior = RNG.normal(0, 0.2, (SERIES, len(precision)))
    found = fit_poisson(counts, design, precision=precision, prior=prior, steps=30, gap=0)
    slope = (counts - np.exp(found @ design.T)) @ design - np.maximum(precision, 1e-6) * (found - prior)
    assert np.abs(slope).max() < 1e-6


def test_a_strong_prior_wins_and_a_weak_one_does_not(design, counts):
    prior = np.full((SERIES, design.shape[1]), 0.3)
    free = np.array([0.0, 1e8, 1e8, 1e8, 1e8])
    held = fit_poisson(counts, design, precision=free, prior=prior, steps=30, gap=0)
    np.testing.assert_allclose(held[:, 1:], 0.3, atol=1e-4)
    assert np.ptp(held[:, 0]) > 1


def test_series_do_not_touch_one_another(design, counts, monkeypatch):
    whole = fit_poisson(counts, design, precision=np.ones(design.shape[1]), gap=0)
    monkeypatch.setattr("forecasts.poisson.SERIES_AT_ONCE", 2)
    np.testing.assert_allclose(fit_poisson(counts, design, precision=np.ones(design.shape[1]), gap=0), whole, atol=1e-5)
    backwards = fit_poisson(counts[::-1], design, precision=np.ones(design.shape[1]), gap=0)[::-1]
    np.testing.assert_allclose(backwards, whole, atol=1e-5)


def test_all_zero_series_stay_finite(design):
    found = fit_poisson(np.zeros((1, STEPS)), design, precision=np.ones(design.shape[1]), steps=20)
    assert np.isfinite(found).all()
    assert np.exp(found @ design.T).max() < 0.05


def test_scatter_is_the_variance_over_the_mean():
    mean = np.full((1, 20_000), 8.0)
    assert overdispersion(RNG.poisson(mean).astype(float), mean)[0] == pytest.approx(1, abs=0.05)
    wild = RNG.negative_binomial(4, 4 / 12, mean.shape).astype(float)  # variance 8 + 64 / 4 = 24
    assert overdispersion(wild, mean)[0] == pytest.approx(3, abs=0.2)
    stormy = wild.copy()
    stormy[0, :20] = 4_000
    assert overdispersion(stormy, mean)[0] < 3.6
    assert overdispersion(np.full((1, 5), np.nan), np.ones((1, 5)))[0] == 1

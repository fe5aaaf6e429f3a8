"""The pooled count regression on series whose truth is known."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from forecasts import city_calendar
from forecasts.baselines import LastYearLevel
from forecasts.counts import negative_binomial_quantiles
from forecasts.interface import LEVELS
from forecasts.level import Blocks
from forecasts.panel import Panel
from forecasts.pooled import PooledCounts
from forecasts.scores import randomised_coverage, weighted_quantile_loss

START, HISTORY, HORIZON = np.datetime64("2020-01-06"), 1400, 90
CUTOFF = (START + np.timedelta64(HISTORY - 1, "D")).astype(object)
SIZE = 4.0


def truth(sizes, seed):
    """Means of a city: a weekly and a yearly wave by group, a slow walk of the level by series."""
    chance = np.random.default_rng(seed)
    days = START + np.arange(HISTORY + HORIZON)
    place, groups = np.arange(len(days)), np.arange(len(sizes)) % 3
    peak = np.array([0.3, 2.2, 4.5])[groups][:, None]
    season = 0.8 * np.cos(2 * np.pi * place / 365.2425 - peak) - 0.5 * (place % 7 > 4)
    walk = np.cumsum(chance.normal(0, 0.008, (len(sizes), len(days))), axis=1)
    mean = np.asarray(sizes)[:, None] * np.exp(season + walk)
    return days, mean, tuple(f"group {number}" for number in groups), chance


def city(sizes=(0.3, 0.6, 1.0, 3.0, 8.0, 12.0, 20.0, 40.0, 80.0), seed=7):
    days, mean, groups, chance = truth(sizes, seed)
    counts = chance.negative_binomial(SIZE, SIZE / (SIZE + mean)).astype(float)
    return Panel(tuple(f"series {number}" for number in range(len(sizes))), days, counts, "D", groups), mean


@pytest.fixture(scope="module")
def panel():
    return city()[0]


@pytest.fixture(scope="module")
def forecast(panel):
    return PooledCounts().fit_predict(panel, HORIZON, CUTOFF)


def test_it_lies_between_the_truth_and_last_year(panel, forecast):
    _panel, mean = city()
    came = panel.counts[:, HISTORY:]
    oracle = negative_binomial_quantiles(mean[:, HISTORY:], mean[:, HISTORY:] + mean[:, HISTORY:] ** 2 / SIZE, LEVELS)
    simple = LastYearLevel().fit_predict(panel, HORIZON, CUTOFF).quantiles
    best, ours, plain = (weighted_quantile_loss(came, found, LEVELS).mean() for found in (oracle, forecast.quantiles, simple))
    assert 0.98 * best < ours < 1.25 * best
    assert ours < 0.8 * plain


def test_nothing_after_the_cutoff_is_looked_at(panel, forecast):
    changed = panel.counts.copy()
    changed[:, HISTORY:] = 1e6
    again = PooledCounts().fit_predict(replace(panel, counts=changed), HORIZON, CUTOFF)
    np.testing.assert_array_equal(again.mean, forecast.mean)
    np.testing.assert_array_equal(again.quantiles, forecast.quantiles)
    earlier = PooledCounts().fit_predict(panel, HORIZON, date(2023, 6, 1))
    assert earlier.days[0] == np.datetime64("2023-06-02")


def test_a_change_before_the_cutoff_matters(panel, forecast):
    changed = panel.counts.copy()
    changed[:, HISTORY - 60 : HISTORY] *= 3
    again = PooledCounts().fit_predict(replace(panel, counts=changed), HORIZON, CUTOFF)
    assert (again.mean.mean(axis=1) > 1.5 * forecast.mean.mean(axis=1)).sum() >= 7


def test_series_are_forecast_alike_in_any_order_and_in_parts(panel, forecast, monkeypatch):
    backwards = panel.of(np.arange(len(panel.ids))[::-1])
    # solved to three hundredths of a standard error
    np.testing.assert_allclose(PooledCounts().fit_predict(backwards, HORIZON, CUTOFF).mean[::-1], forecast.mean, rtol=3e-3)
    monkeypatch.setattr("forecasts.pooled.SERIES_AT_ONCE", 3)  # the three groups, one at a time
    np.testing.assert_allclose(PooledCounts().fit_predict(panel, HORIZON, CUTOFF).mean, forecast.mean, rtol=3e-3)


def test_means_alone_are_nearly_those_of_the_full_forecast(panel, forecast):
    came = panel.counts[:, HISTORY : HISTORY + 28]
    means = PooledCounts().means(panel.until(CUTOFF), HORIZON)
    assert means.shape == forecast.mean.shape
    np.testing.assert_allclose(means.sum(axis=1), forecast.mean.sum(axis=1), rtol=0.1)
    assert np.abs(came - means[:, :28]).mean() < 1.03 * np.abs(came - forecast.mean[:, :28]).mean()
    backwards = panel.until(CUTOFF).of(np.arange(len(panel.ids))[::-1])
    np.testing.assert_allclose(PooledCounts().means(backwards, HORIZON)[::-1], means, rtol=3e-3)


def test_a_span_is_last_year_times_its_season_its_calendar_and_the_change_of_level():
    """A year of one wave, few calls around Spring Festival, and twice as many of all in the last quarter."""
    days = np.arange("2020-01-01", "2025-02-01", dtype="datetime64[D]")
    wave = np.exp(0.6 * np.cos(2 * np.pi * (days.astype(int) % 365.2425) / 365.2425))
    effects = city_calendar.effects("CN-BJ", days[0].astype(object), days[-1].astype(object))
    mean = 200 * wave * np.where(effects[["spring_eve", "spring_first", "spring_late"]].any(axis=1), 0.3, 1.0)
    size = len(days) - 62
    counts = np.random.default_rng(5).poisson(np.where(np.arange(len(days)) >= size - 91, 2.0, 1.0) * mean, (6, len(days))).astype(float)
    panel = Panel(tuple("abcdef"), days[:size], counts[:, :size], "D", ("one",) * 6)
    spans = Blocks((0, 31), (31, 62))
    shape = PooledCounts("CN-BJ").shape(panel, 62, spans)
    last, ahead = mean[size - 364 : size].mean(), np.array([mean[size : size + 31].mean(), mean[size + 31 :].mean()])
    steady = np.array([wave[size : size + 31].mean(), wave[size + 31 :].mean()]) / wave[size - 364 : size].mean()
    np.testing.assert_allclose(shape.season_ratio.mean(axis=0), steady, rtol=0.05)
    np.testing.assert_allclose((shape.season_ratio * shape.calendar_ratio).mean(axis=0), ahead / last, rtol=0.05)
    assert shape.calendar_ratio[:, 1].mean() < 0.97  # the eve is on 28 January
    assert shape.calendar_ratio[:, 0].mean() > 0.97
    said = shape.totals(spans)[0] / 31
    np.testing.assert_allclose(said, 2 * last * shape.season_ratio * shape.calendar_ratio, rtol=0.06)


def test_days_and_totals_keep_their_promise():
    sizes = tuple(np.random.default_rng(3).uniform(5, 60, 60))
    panel, _mean = city(sizes, seed=11)
    spans = Blocks((0, 0), (7, 28))
    shape = PooledCounts().shape(panel.until(CUTOFF), HORIZON, spans)
    came = panel.counts[:, HISTORY:]
    for level, slack in ((0.8, 0.04), (0.95, 0.03)):
        assert randomised_coverage(came, shape.mean, shape.variance, level).mean() == pytest.approx(level, abs=slack)
    means, variances = shape.totals(spans)
    totals = np.stack([came[:, :7].sum(axis=1), came[:, :28].sum(axis=1)], axis=1)
    held = randomised_coverage(totals, means, variances, 0.8)
    assert 0.68 < held.mean() < 0.92


def test_odd_series_get_odd_but_finite_answers():
    panel, _mean = city()
    counts = panel.counts.copy()
    counts[0] = 0  # never anything
    counts[3, :1200] = np.nan  # a category that appears
    counts[5, 700:740] = np.nan  # days that were not delivered
    counts[6, 900:903] *= 40  # a storm of three days
    odd = PooledCounts().fit_predict(replace(panel, counts=counts), HORIZON, CUTOFF)
    usual = PooledCounts().fit_predict(panel, HORIZON, CUTOFF)
    assert np.isfinite(odd.mean).all()
    assert odd.mean[0].max() < 0.01
    assert (odd.quantiles[0] == 0).all()
    for number in (3, 5, 6):
        assert odd.mean[number].sum() == pytest.approx(usual.mean[number].sum(), rel=0.35)


def test_a_level_break_is_followed():
    panel, _mean = city()
    counts = panel.counts.copy()
    counts[:, HISTORY - 70 :] *= 0.4
    found = PooledCounts().fit_predict(replace(panel, counts=np.round(counts)), HORIZON, CUTOFF)
    usual = PooledCounts().fit_predict(panel, HORIZON, CUTOFF)
    change = found.mean[4:, :28].sum() / usual.mean[4:, :28].sum()  # further ahead it may come back
    assert change == pytest.approx(0.4, abs=0.12)


def test_series_of_the_last_months_and_of_nothing_known_get_sensible_answers():
    """In the replay nothing was known of either; the groups must not take what is not known for no tickets."""
    panel, _mean = city()
    counts = panel.counts.copy()
    counts[0] = np.nan
    counts[6:, : HISTORY - 200] = np.nan
    counts[:, 600:690] = np.nan
    late = replace(panel, counts=counts)
    found, usual = PooledCounts().fit_predict(late, HORIZON, CUTOFF), PooledCounts().fit_predict(panel, HORIZON, CUTOFF)
    assert (found.quantiles[0] == 0).all()
    np.testing.assert_allclose(found.mean[1:].sum(axis=1), usual.mean[1:].sum(axis=1), rtol=0.35)
    np.testing.assert_allclose(PooledCounts().means(late.until(CUTOFF), HORIZON)[1:].sum(axis=1), usual.mean[1:].sum(axis=1), rtol=0.35)


@pytest.mark.parametrize("steps", [3, 20, 200])
def test_short_histories_still_get_a_forecast(panel, steps):
    short = replace(panel, days=panel.days[:steps], counts=panel.counts[:, :steps])
    found = PooledCounts("CN-BJ").fit_predict(short, 28, date(2026, 1, 1))
    assert np.isfinite(found.mean).all()
    recent = panel.counts[4:, :steps].mean(axis=1)
    assert (found.mean[4:].mean(axis=1) < 3 * recent + 3).all()


def test_weeks_are_forecast_like_days(panel):
    weeks = panel.counts[:, :1484].reshape(len(panel.ids), -1, 7).sum(axis=2)
    weekly = Panel(panel.ids, panel.days[:1484:7], weeks, "W", panel.groups)
    found = PooledCounts().fit_predict(weekly, 12, CUTOFF)
    big = slice(4, None)
    assert found.mean[big].sum() == pytest.approx(weeks[big, 200:212].sum(), rel=0.2)
    assert found.days[0] == weekly.days[200]


def test_a_registered_shock_does_not_become_a_season():
    """The pandemic months of New York, 2020-03-13 to 06-07: a year later the same weeks are as usual."""
    chance = np.random.default_rng(2)
    days = np.arange("2017-01-02", "2021-07-01", dtype="datetime64[D]")
    mean = np.full((4, len(days)), 30.0)
    mean[:, (days >= np.datetime64("2020-03-13")) & (days <= np.datetime64("2020-06-07"))] *= 4
    panel = Panel(tuple("abcd"), days, chance.negative_binomial(20, 20 / (20 + mean)).astype(float))
    cutoff = date(2021, 3, 1)
    known, unknown = (PooledCounts(calendar).fit_predict(panel, 90, cutoff).mean.mean() for calendar in ("US-NY", "US"))
    assert known == pytest.approx(30, rel=0.08)
    assert unknown > 1.15 * known

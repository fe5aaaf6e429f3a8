"""Silences that are no chance, and those that are."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from forecasts.panel import Panel
from forecasts.pooled import PooledCounts
from forecasts.silence import begun, ended

DAYS = np.arange("2021-01-01", "2024-07-29", dtype="datetime64[D]")
CUTOFF = date(2024, 7, 28)


def series(mean, seed=5):
    mean = np.atleast_2d(mean) * np.ones(len(DAYS))
    return Panel(tuple(f"s{number}" for number in range(len(mean))), DAYS, np.random.default_rng(seed).poisson(mean).astype(float))


def test_a_category_that_came_in_late_keeps_its_level():
    panel = series(np.where(np.datetime64("2024-05-15") <= DAYS, 20.0, 0.0))
    assert np.isnan(begun(panel).counts[0]).sum() == (np.datetime64("2024-05-15") > DAYS).sum()
    ahead = PooledCounts().fit_predict(panel, 56, CUTOFF).mean.sum()
    assert ahead == pytest.approx(56 * 20, rel=0.2)
    assert PooledCounts().means(panel, 56).sum() == pytest.approx(56 * 20, rel=0.2)


def test_rare_and_silent_series_stay_as_they_are():
    rare = series(0.004)
    zero = replace(rare, counts=np.zeros_like(rare.counts))
    for panel in (rare, zero):
        assert begun(panel) is panel


def test_a_short_silence_at_the_start_is_kept():
    panel = series(np.where(np.arange(len(DAYS)) < 100, 0.0, 20.0))
    assert begun(panel) is panel


def test_a_renamed_category_does_not_come_back():
    panel = series(np.where(np.datetime64("2024-06-15") > DAYS, 15.0, 0.0))
    assert PooledCounts().fit_predict(panel, 56, CUTOFF).mean.sum() < 10
    assert PooledCounts().means(panel, 56).sum() < 10


def test_a_season_that_is_over_is_no_end():
    of_year = (DAYS - DAYS.astype("datetime64[Y]")).astype(int)
    wave = np.where((of_year >= 90) & (of_year < 140), 1.0, 0.001)
    panel = series(30 * wave)
    assert ended(panel.counts, wave[None], 1)[0] == 1.0


def test_the_end_by_hand():
    counts = np.concatenate([np.full(364, 2.0), np.zeros(40)])[None]
    assert ended(counts, np.ones_like(counts), 1)[0] == pytest.approx(1 / 80)
    assert ended(counts[:, :380], np.ones((1, 380)), 1)[0] == 1.0  # sixteen days may be anything
    assert ended(np.concatenate([np.full(364, 0.5), np.zeros(40)])[None], np.ones((1, 404)), 1)[0] == 1.0  # twenty counts due are too few


def test_days_that_were_not_delivered_are_no_silence():
    counts = np.concatenate([np.full(364, 2.0), np.full(40, np.nan)])[None]
    assert ended(counts, np.ones_like(counts), 1)[0] == 1.0

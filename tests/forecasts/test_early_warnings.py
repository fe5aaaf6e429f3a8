"""What is said of windows ahead, and which of it becomes a warning."""

from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from itertools import product
from math import ceil, isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from forecasts.early_warnings import CAUSES, Rule, window_statements, within_budget, within_false_share
from forecasts.level import Blocks
from forecasts.panel import Panel
from forecasts.pooled import PooledCounts, Shape
from forecasts.warning_windows import Window, windows_ahead

RULE = Rule(ratio=1.3, enter=0.5, leave=0.35, least_days=14, most_days=84, least_count=20, false_share=0.25)
"""The values of the policy; tests of the policy hold them."""

FIRST, CUTOFF = np.datetime64("2022-01-03"), date(2024, 8, 4)
STEPS = int((np.datetime64(CUTOFF) - FIRST).astype(int)) + 1
SHARES = [f"share_{cause}" for cause in CAUSES]


def panel_of(means, seed=1, later=120):
    """Negative binomial counts of a few series, some days beyond the cut-off."""
    chance = np.random.default_rng(seed)
    days = FIRST + np.arange(STEPS + later)
    season = 1 + 0.8 * np.cos(2 * np.pi * (days - days.astype("datetime64[Y]")).astype(int) / 365.25)
    mean = np.asarray(means)[:, None] * season
    counts = chance.negative_binomial(6, 6 / (6 + mean)).astype(float)
    return Panel(tuple(f"s{row}" for row in range(len(means))), days, counts, "D", ("all",) * len(means))


class Told:
    """A model that says what it is told, to check what is made of it."""

    def __init__(self, mean, *, dispersion=1.0, spread=0.0, season=1.0, calendar=1.0):
        self.mean, self.dispersion, self.spread, self.ratios = mean, dispersion, spread, (season, calendar)

    def shape(self, past: Panel, horizon: int, spans: Blocks) -> Shape:
        full = np.broadcast_to(self.mean[:, :horizon], (len(past.ids), horizon)).astype(float)
        ones = np.ones((len(past.ids), len(spans.starts)))
        return Shape(full, np.full_like(full, self.dispersion), np.full_like(full, self.spread), ones * self.spread, *(ones * ratio for ratio in self.ratios))


WINDOWS = windows_ahead(CUTOFF, RULE.least_days, RULE.most_days)


@pytest.fixture(scope="module")
def panel():
    return panel_of((0.1, 1.0, 4.0))


@pytest.fixture(scope="module")
def said(panel):
    return window_statements(panel, PooledCounts(), CUTOFF, WINDOWS, RULE)


def test_one_row_a_series_and_window(said, panel):
    frame = said.frame
    assert list(zip(frame["unique_id"], frame["window_start"].dt.date, strict=True)) == list(product(panel.ids, [window.start for window in WINDOWS]))
    assert frame["series"].tolist() == [row for row in range(3) for _window in WINDOWS]
    assert ((frame["window_end"] - frame["window_start"]).dt.days == 27).all()
    assert frame["lead_days"].tolist() == [(window.start - CUTOFF).days - 1 for window in WINDOWS] * 3
    assert said.level.shape == (3, len(WINDOWS))


def test_usual_and_threshold_are_those_of_a_plain_recount(said, panel):
    for row in said.frame.itertuples():
        counts = [count for when, count in zip(panel.days, panel.counts[row.series], strict=True) if when <= np.datetime64(CUTOFF)][-364:]
        usual = 28 * sum(counts) / 364
        assert row.usual == pytest.approx(usual, rel=1e-12)
        assert row.threshold == max(ceil(round(1.3 * usual, 9)), 1)


def test_a_threshold_that_is_whole_is_not_raised():
    counts = np.ones((1, STEPS))  # 28 in four weeks; 1.25 times as many are 35
    found = window_statements(Panel(("a",), FIRST + np.arange(STEPS), counts), Told(np.ones((1, 200))), CUTOFF, WINDOWS, replace(RULE, ratio=1.25)).frame
    assert set(found["usual"]) == {28.0}
    assert set(found["threshold"]) == {35.0}
    silent = window_statements(Panel(("a",), FIRST + np.arange(STEPS), counts * 0), Told(np.ones((1, 200))), CUTOFF, WINDOWS, RULE).frame
    assert set(silent["threshold"]) == {1.0}


def test_probability_and_bands_are_scipys(said):
    for row in said.frame.itertuples():
        assert row.variance > row.expected
        law = stats.nbinom(row.expected**2 / (row.variance - row.expected), row.expected / row.variance)
        assert row.probability == pytest.approx(1 - law.cdf(row.threshold - 1), rel=1e-6, abs=1e-9)
        assert [row.low_80, row.low_50, row.high_50, row.high_80] == law.ppf([0.1, 0.25, 0.75, 0.9]).tolist()
    assert 0.1 < said.frame["probability"].mean() < 0.9


def test_without_scatter_the_law_is_poissons(panel):
    found = window_statements(panel, Told(np.full((3, 200), 1.5)), CUTOFF, WINDOWS, RULE).frame
    assert (found["expected"] == 42).all()
    np.testing.assert_allclose(found["probability"], stats.poisson.sf(found["threshold"] - 1, 42), rtol=1e-9, atol=1e-12)
    assert found[["low_80", "high_80"]].drop_duplicates().to_numpy().tolist() == [stats.poisson(42).ppf([0.1, 0.9]).tolist()]


def test_spread_of_totals_widens_them(panel):
    found = window_statements(panel, Told(np.full((3, 200), 1.5), dispersion=2.0, spread=0.01), CUTOFF, WINDOWS, RULE).frame
    np.testing.assert_allclose(found["variance"], 2 * 42 + 0.01 * 42**2)


def test_shares_add_up(said):
    shares = said.frame[SHARES]
    assert shares.notna().all(axis=None)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-9)
    assert (shares["share_city"] == 0).all()


def test_shares_are_logarithms_of_the_factors(panel):
    """Expected 84 against usual 28: a season of 2, a calendar of 1.2, a city's level of 1.1, a district's of 1.3; the rest is the series' own."""
    flat = replace(panel, counts=np.ones_like(panel.counts))
    model = Told(np.full((3, 200), 3.0), season=2.0, calendar=1.2)
    city, district = (np.full((3, len(WINDOWS)), np.log(level)) for level in (1.1, 1.3))
    found = window_statements(flat, model, CUTOFF, WINDOWS, RULE, (city, district))
    own = 3 / (2 * 1.2 * 1.3)
    for cause, factor in zip(CAUSES, (2, 1.2, 1.1, 1.3 / 1.1, own), strict=True):
        np.testing.assert_allclose(found.frame[f"share_{cause}"], np.log(factor) / np.log(3), rtol=1e-9)
    np.testing.assert_allclose(found.level, np.log(1.3 * own))
    as_usual = window_statements(flat, Told(np.ones((3, 200)), season=2.0, calendar=0.5), CUTOFF, WINDOWS, RULE).frame
    assert as_usual[SHARES].isna().all(axis=None)


def test_the_citys_level_is_split_off_the_series_own(panel, said):
    city = np.full((3, len(WINDOWS)), 0.25)
    found = window_statements(panel, PooledCounts(), CUTOFF, WINDOWS, RULE, (city,)).frame
    assert (found["share_neighbours"] == 0).all()
    both = found["share_city"] + found["share_own"]
    np.testing.assert_allclose(both, said.frame["share_own"], rtol=1e-9)
    whole = np.log(found["expected"] / found["usual"])
    np.testing.assert_allclose(found["share_city"] * whole, 0.25, rtol=1e-9)


def test_the_first_busy_week_is_named():
    """1 a day usually, so busy is 1.3 a day; the step to 2 comes in the third week of the first window."""
    first = WINDOWS[0].lead_days(CUTOFF)
    mean = np.ones((1, 200))
    mean[:, first + 14 :] = 2.0
    mean[:, first + 28 + 21 :] = 1.0
    panel = Panel(("a",), FIRST + np.arange(STEPS), np.ones((1, STEPS)))
    starts = window_statements(panel, Told(mean), CUTOFF, WINDOWS, RULE).frame["starts_on"].dt.date.tolist()
    assert starts == [WINDOWS[0].start + timedelta(days=14), *(window.start for window in WINDOWS[1:])]
    mean[:, first + 14 : first + 17] = 1.0  # four days of two: 11 in the week is 1.57 a day
    assert window_statements(panel, Told(mean), CUTOFF, WINDOWS, RULE).frame["starts_on"].dt.date.iloc[0] == starts[0]
    mean[:, first + 14 : first + 20] = 1.0  # one day of two: 8 in the week is too few
    assert window_statements(panel, Told(mean), CUTOFF, WINDOWS, RULE).frame["starts_on"].dt.date.iloc[0] == starts[0] + timedelta(days=7)


@pytest.mark.parametrize(("a_day", "known", "tested"), [(20 / 28, 364, True), (19.9 / 28, 364, False), (5, 363, False), (5, 364, True)])
def test_tested_are_series_with_volume_and_a_year(a_day, known, tested):
    counts = np.full((1, STEPS), np.nan)
    counts[:, -known:] = a_day
    found = window_statements(Panel(("a",), FIRST + np.arange(STEPS), counts), Told(np.ones((1, 200))), CUTOFF, WINDOWS, RULE).frame
    assert set(found["is_tested"]) == {tested}


@settings(max_examples=3)
@given(st.integers(0, 10**6), st.sampled_from(["other", "none", "unknown"]))
def test_nothing_after_the_cutoff_is_looked_at(panel, said, seed, kind):
    counts = panel.counts.copy()
    later = counts[:, STEPS:]
    later[:] = {"other": np.random.default_rng(seed).poisson(50, later.shape), "none": 0, "unknown": np.nan}[kind]
    found = window_statements(replace(panel, counts=counts), PooledCounts(), CUTOFF, WINDOWS, RULE)
    np.testing.assert_array_equal(found.level, said.level)
    assert found.frame.equals(said.frame)


# Which statements become warnings


def largest_prefix(probabilities, share):
    """The largest number of the most probable whose mean chance to be false is within the share, each size tried."""
    ranked = sorted((value for value in probabilities if not isnan(value)), reverse=True)
    return max([0, *(size for size in range(1, len(ranked) + 1) if sum(1 - value for value in ranked[:size]) / size <= share)])


@given(st.lists(st.one_of(st.sampled_from([0, 0.25, 0.5, 0.75, 1]), st.just(float("nan")), st.floats(0, 1)), max_size=40), st.sampled_from([0, 0.25, 0.5, 1]))
def test_the_largest_set_within_the_share_is_taken(probabilities, share):
    values = np.array(probabilities, dtype=float)
    chosen = within_false_share(values, share)
    assert chosen.dtype == bool
    assert not chosen[np.isnan(values)].any()
    if chosen.any():
        assert np.mean(1 - values[chosen]) <= share + 1e-12
        assert values[chosen].min() >= np.max(values[~chosen], initial=-1, where=~np.isnan(values[~chosen]))
    wanted = largest_prefix(probabilities, share)
    # a sum taken in another order may differ in its last digit and tip the scales
    assert chosen.sum() in {wanted, largest_prefix(probabilities, share + 1e-12), largest_prefix(probabilities, share - 1e-12)}


def test_a_false_share_by_hand():
    assert within_false_share(np.array([0.4, 0.9, np.nan, 0.8, 0.55]), 0.25).tolist() == [False, True, False, True, True]  # 0.1, 0.15, 0.25, 0.34
    assert within_false_share(np.array([0.7, 0.7]), 0.25).tolist() == [False, False]
    assert within_false_share(np.array([]), 0.25).tolist() == []


@given(st.lists(st.tuples(st.sampled_from([1.0, 2.0, 3.0, 4.5]), st.sampled_from("abc")), max_size=25), st.integers(1, 4))
def test_each_owner_keeps_its_most_worthy(pairs, budget):
    worth, owners = np.array([value for value, _owner in pairs]), np.array([owner for _value, owner in pairs], dtype=object)
    chosen = within_budget(worth, owners, budget)
    for owner in "abc":
        own = [place for place, (_value, who) in enumerate(pairs) if who == owner]
        kept = sorted(own, key=lambda place: (-pairs[place][0], place))[:budget]
        assert [place for place in own if chosen[place]] == sorted(kept)


# A year of warnings on cities whose truth is known


@cache
def a_year_of_warnings(strength):
    """How many warnings at four times of a year, and how many of them came true; 60 series in four groups."""
    chance = np.random.default_rng(20)
    days = FIRST + np.arange(364 * 4)
    place = (days - days.astype("datetime64[Y]")).astype(int)
    group = np.arange(60) % 4
    wave = strength * np.cos(2 * np.pi * (place - 90 * group[:, None]) / 365.25)
    mean = chance.uniform(1.0, 8.0, (60, 1)) * np.exp(wave)
    counts = chance.negative_binomial(5, 5 / (5 + mean)).astype(float)
    panel = Panel(tuple(f"s{row}" for row in range(60)), days, counts, "D", tuple(f"g{row}" for row in group))
    found = []
    for back in range(0, 364, 91):
        cutoff = (days[-1] - np.timedelta64(84 + 28 + back, "D")).astype(object)
        windows: tuple[Window, ...] = windows_ahead(cutoff, RULE.least_days, RULE.most_days)
        frame = window_statements(panel, PooledCounts(), cutoff, windows, RULE).frame
        tested = frame["is_tested"].to_numpy()
        sure = within_false_share(frame["probability"].where(frame["is_tested"]).to_numpy(float), RULE.false_share)
        warned = frame[tested & sure & (frame["probability"] >= RULE.enter).to_numpy()]
        places = [(row.series, (panel.days >= row.window_start) & (panel.days <= row.window_end), row.threshold) for row in warned.itertuples()]
        hits = sum(counts[series, inside].sum() >= threshold for series, inside, threshold in places)
        found.append((len(warned), int(hits)))
    return found


def test_without_seasons_there_are_hardly_any_warnings():
    assert np.mean([warned for warned, _hits in a_year_of_warnings(0.0)]) <= 2


def test_of_strong_seasons_most_warnings_come_true():
    found = a_year_of_warnings(0.8)
    warned, hits = sum(warned for warned, _hits in found), sum(hits for _warned, hits in found)
    assert warned > 40
    assert hits / warned >= 1 - RULE.false_share - 0.1

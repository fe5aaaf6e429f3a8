"""The season atlas on series whose season is known, and on series that have none."""

from dataclasses import replace

import numpy as np
import pytest

from forecasts.panel import Panel
from forecasts.season import WEEKS, season_atlas, yearly_profiles

DAYS = np.arange("2020-01-01", "2024-01-01", dtype="datetime64[D]")
OF_YEAR = (DAYS - DAYS.astype("datetime64[Y]")).astype(int)


def panel(mean, seed=3):
    mean = np.atleast_2d(mean)
    return Panel(tuple(f"s{number}" for number in range(len(mean))), DAYS, np.random.default_rng(seed).negative_binomial(5, 5 / (5 + mean)).astype(float))


def bump(first, last, height):
    return 10 * np.where((first <= OF_YEAR) & (last > OF_YEAR), height, 1.0)


def test_a_season_is_found_with_its_weeks():
    row = season_atlas(panel(bump(140, 210, 4.0))).iloc[0]
    assert row["is_seasonal"]
    assert row["strength"] > 0.8
    assert row["onset_week"] == pytest.approx(20, abs=1)
    assert 20 <= row["peak_week"] <= 30
    assert row["end_week"] == pytest.approx(29, abs=1)
    assert row["onset_week_low"] <= row["onset_week"] <= row["onset_week_high"]
    assert (row["works_from_week"], row["works_until_week"]) == ((row["end_week"] + 2) % WEEKS, (row["onset_week"] - 4) % WEEKS)


def test_a_season_over_new_year_is_one():
    row = season_atlas(panel(10 * np.where((OF_YEAR > 318) | (OF_YEAR < 74), 4.0, 1.0))).iloc[0]
    assert row["onset_week"] == pytest.approx(45, abs=1)
    assert row["end_week"] == pytest.approx(10, abs=1)
    assert row["works_from_week"] < row["works_until_week"]


def test_what_has_no_season_is_hardly_ever_called_seasonal():
    chance = np.random.default_rng(8)
    walk = np.exp(np.cumsum(chance.normal(0, 0.02, (120, len(DAYS))), axis=1) / 2)  # persistent, but not yearly
    found = season_atlas(panel(10 * walk))
    assert (found["p_value"] < 0.05).mean() < 0.12
    assert found["is_seasonal"].sum() <= 3


def test_a_category_that_began_later_is_judged_by_its_own_years():
    began = len(DAYS) - 3 * 364 - 20
    late = bump(140, 210, 4.0) * (np.arange(len(DAYS)) >= began)
    found = season_atlas(panel(np.stack([late, bump(140, 210, 4.0)])))
    assert found["years"].tolist() == [3, 4]
    assert found["is_seasonal"].all()
    assert found["onset_week"].tolist() == pytest.approx([20, 20], abs=1)


def test_one_storm_is_not_a_season():
    mean = np.full(len(DAYS), 10.0)
    mean[900:930] *= 12
    assert not season_atlas(panel(mean)).iloc[0]["is_seasonal"]


def test_growth_is_not_a_season():
    assert not season_atlas(panel(40 * np.exp(np.arange(len(DAYS)) / 900))).iloc[0]["is_seasonal"]


def test_profiles_agree_with_a_plain_loop():
    given = panel(bump(100, 150, 3.0))
    short = replace(given, days=DAYS[-364:], counts=given.counts[:, -364:])
    weeks = {}
    for day, count in zip(short.days, short.counts[0], strict=True):
        weeks.setdefault(min(int((day - day.astype("datetime64[Y]")).astype(int)) // 7, 51), []).append(count)
    means = np.array([np.mean(weeks[week]) for week in range(WEEKS)])
    np.testing.assert_allclose(yearly_profiles(short)[0, 0], means / means.mean())


@pytest.mark.parametrize(("days", "size", "reason"), [(700, 10.0, "history is shorter than three years"), (1461, 0.05, "fewer than one ticket a week")])
def test_what_cannot_be_judged_says_why(days, size, reason):
    given = panel(np.full(len(DAYS), size))
    row = season_atlas(replace(given, days=DAYS[-days:], counts=given.counts[:, -days:])).iloc[0]
    assert row["reason"] == reason
    assert not row["is_seasonal"]
    assert np.isnan(row["strength"])


def test_days_and_weeks_tell_the_same():
    given = panel(bump(140, 210, 4.0))
    counts = given.counts[:, 5 : 5 + 208 * 7].reshape(1, 208, 7).sum(axis=2)
    weekly = season_atlas(Panel(given.ids, DAYS[5 : 5 + 208 * 7 : 7], counts, "W")).iloc[0]
    assert weekly["is_seasonal"]
    assert weekly["onset_week"] == pytest.approx(20, abs=1)


def test_the_same_seed_gives_the_same_atlas():
    given = panel(np.stack([bump(140, 210, 1.4), bump(10, 60, 2.0)]))
    assert season_atlas(given).equals(season_atlas(given))

"""The data alarm: tails against sums, false alarms by simulation, planted outages found, holidays and short histories left alone."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest

from governance.completeness import DropRule, alarm_runs, closest_name, delays, drop_bound, drop_rule, late_days, volume_drops
from governance.policy import load_policy

RULE = DropRule(tail=0.001, share=0.5, weeks=8)
WEEK = np.array([1.1, 1.0, 1.0, 1.0, 1.0, 0.6, 0.5])


def made(level: float, days: int, seed: int, dispersion: float = 1.0) -> pd.DataFrame:
    """A feed with a week in it; negative binomial with the given ratio of variance to mean."""
    chance = np.random.default_rng(seed)
    means = level * WEEK[np.arange(days) % 7]
    counts = chance.poisson(means) if dispersion == 1 else chance.negative_binomial(means / (dispersion - 1), 1 / dispersion)
    return pd.DataFrame({"day": pd.date_range("2024-01-01", periods=days), "count": counts, "kind": "workday"})


@pytest.mark.parametrize(
    ("mean", "expected"),
    [
        # Poisson tables: P(0 | 6.9) = 0.001008, P(0 | 7) = 0.000912; P(2 | 12) = 0.000522, P(3 | 12) = 0.002292
        (6.9, -1),
        (7.0, 0),
        (12.0, 2),
        (0.0, -1),
    ],
)
def test_bound_against_poisson_tables(mean: float, expected: int) -> None:
    assert drop_bound(mean, mean, 0.001) == expected


@pytest.mark.parametrize(("mean", "variance"), [(21.0, 21.0), (40.0, 100.0), (300.0, 1500.0), (499.0, 700.0), (15.5, 16.0)])
def test_bound_against_a_sum_of_chances(mean: float, variance: float) -> None:
    """A loop over the probabilities themselves, written with factorials."""
    total, found = 0.0, -1
    for count in range(1000):
        if variance == mean:
            total += math.exp(count * math.log(mean) - mean - math.lgamma(count + 1))
        else:
            size = mean**2 / (variance - mean)
            p = size / (size + mean)
            total += math.exp(math.lgamma(count + size) - math.lgamma(size) - math.lgamma(count + 1) + size * math.log(p) + count * math.log(1 - p))
        if total >= 0.001:
            break
        found = count
    assert drop_bound(mean, variance, 0.001) == found


def test_bound_of_large_means_is_normal() -> None:
    """10,000 - 3.0902 * 100 = 9690.98."""
    assert drop_bound(10_000, 10_000, 0.001) == 9690


@pytest.mark.parametrize(("level", "dispersion"), [(5, 1), (20, 1), (20, 3), (200, 1), (200, 8), (3000, 30)])
def test_false_alarms_are_rarer_than_the_rule_allows(level: float, dispersion: float) -> None:
    """Twelve feeds of two years each, nothing wrong with any; two tests a day share the tail, hence 0.002."""
    drops = [volume_drops(made(level, 730, seed, dispersion), rule=RULE) for seed in range(12)]
    tested = sum(int(item["expected"].notna().sum()) for item in drops)
    alarms = sum(int(item["is_alarm"].sum()) for item in drops)
    assert tested > 8000
    assert alarms <= 0.002 * tested


@pytest.mark.parametrize(("level", "dispersion"), [(30, 1), (200, 8), (3000, 30)])
def test_a_planted_outage_is_found_at_once_and_nothing_else(level: float, dispersion: float) -> None:
    days = made(level, 200, 3, dispersion)
    days.loc[150:152, "count"] = 0
    drops = volume_drops(days, rule=RULE)
    assert drops.index[drops["is_alarm"]].tolist() == [150, 151, 152]
    runs = alarm_runs(drops)
    assert runs[["day_count", "count"]].to_numpy().tolist() == [[3, 0]]
    assert runs["start"].tolist() == [days.loc[150, "day"]]
    assert runs["expected"].iloc[0] == pytest.approx(level * WEEK[[150 % 7, 151 % 7, 152 % 7]].sum(), rel=0.35)


def test_a_small_feed_is_seen_within_a_week() -> None:
    """Of five tickets a day one silent day is nothing; seven are."""
    days = made(5, 200, 4)
    days.loc[150:, "count"] = 0
    drops = volume_drops(days, rule=RULE)
    first = int(drops.index[drops["is_alarm"]].min())
    assert 151 <= first <= 156
    assert not volume_drops(days.loc[:150], rule=RULE)["is_alarm"].any()


def test_half_a_feed_lost_is_an_alarm_and_a_quarter_is_not() -> None:
    """A fall of a quarter may be real; the rule asks for half."""
    days = made(1000, 150, 5)
    for kept, alarms in ((0.45, True), (0.75, False)):
        cut = days.assign(count=[*days["count"][:-1], int(days["count"].iloc[-1] * kept)])
        assert bool(volume_drops(cut, rule=RULE)["is_alarm"].iloc[-1]) is alarms


def test_a_silent_feed_goes_on_alarming_and_a_new_level_is_accepted_in_the_end() -> None:
    days = made(100, 500, 6)
    days.loc[200:, "count"] = (days.loc[200:, "count"] * 0.3).astype("int64")
    drops = volume_drops(days, rule=RULE)
    assert drops.loc[200:300, "is_alarm"].all(), "days of alarm must not become the reference of the next"
    assert not drops.loc[420:, "is_alarm"].any()


def test_no_alarm_before_eight_weeks() -> None:
    days = made(100, 70, 7)
    days.loc[55, "count"] = 0
    days.loc[57, "count"] = 0
    drops = volume_drops(days, rule=RULE)
    assert drops["expected"].first_valid_index() == 56
    assert drops.index[drops["is_alarm"]].tolist() == [57]


def test_holidays_are_neither_tested_nor_compared_with() -> None:
    days = made(100, 120, 8)
    days.loc[100:106, "count"] = 2
    days.loc[100:106, "kind"] = ["holiday"] * 6 + ["makeup_workday"]
    drops = volume_drops(days, rule=RULE)
    assert drops.loc[100:106, "expected"].isna().all()
    assert not drops["is_alarm"].any()
    without = volume_drops(days.drop(columns="kind"), rule=RULE)
    assert without.loc[100:106, "is_alarm"].all()


def test_silent_holidays_do_not_lower_what_is_usual() -> None:
    """Five of the last eight of one weekday were holidays."""
    days = made(100, 120, 8)
    days.loc[72:100:7, ["count", "kind"]] = [2, "holiday"]
    assert volume_drops(days, rule=RULE).loc[107, "expected"] == pytest.approx(100 * WEEK[107 % 7], rel=0.2)


def test_days_that_are_missing_had_no_tickets() -> None:
    days = made(100, 120, 9)
    drops = volume_drops(days.drop(index=110), rule=RULE)
    assert len(drops) == 120
    assert drops.index[drops["is_alarm"]].tolist() == [110]


def test_no_days_no_alarm() -> None:
    drops = volume_drops(made(1, 1, 0).iloc[:0], rule=RULE)
    assert drops.empty
    assert alarm_runs(drops).empty


def test_the_rule_is_policy() -> None:
    today = date.fromisoformat("2026-01-01")
    assert drop_rule(load_policy(), today) == RULE
    assert late_days(load_policy(), today) == 7
    assert all(item.status == "assumed" for item in load_policy().entries if item.rule.startswith("quality."))


@pytest.mark.parametrize(("label", "expected"), [("东华门", "东华门街道"), ("景山街", "景山街道"), ("不详", None), ("Dorchestr", "Dorchester")])
def test_closest_name(label: str, expected: str | None) -> None:
    assert closest_name(label, ["东华门街道", "景山街道", "Dorchester", "Roxbury"]) == expected


def test_delays_are_quantiles_of_tickets() -> None:
    """Nine tickets after one day and one after eight; of three, the second."""
    arrivals = pd.DataFrame(
        [("2024-02", 8, 1), ("2024-02", 1, 9), ("2024-03", 7, 1), ("2024-03", 9, 1), ("2024-03", 0, 1)], columns=["month", "lag_days", "ticket_count"]
    )
    assert delays(arrivals, 7).to_numpy().tolist() == [["2024-02", 10, 1, 1, 1], ["2024-03", 3, 7, 9, 1]]
    assert delays(arrivals.iloc[:0], 7).empty

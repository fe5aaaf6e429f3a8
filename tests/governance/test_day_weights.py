"""Day weights: planted weekly patterns are found, trend and rare days do not bend them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from governance.day_weights import UNIT, DayWeights, day_weights

PLANTED = {("workday", weekday): 1.12 for weekday in range(5)} | {("weekend", 5): 0.75, ("weekend", 6): 0.65}


def days(start: str, count: int, special: dict[str, str] | None = None) -> pd.DataFrame:
    """Plain weeks, with some days of another kind."""
    frame = pd.DataFrame({"day": pd.date_range(start, periods=count)})
    frame["kind"] = np.where(frame["day"].dt.day_of_week >= 5, "weekend", "workday")
    for day, kind in (special or {}).items():
        frame.loc[frame["day"] == day, "kind"] = kind
    return frame


def weight(weights: DayWeights, kind: str, weekday: int) -> float:
    return weights.of(kind, weekday) / UNIT


def test_average_of_an_ordinary_week_is_one() -> None:
    history = days("2024-01-01", 70).assign(count=lambda rows: np.where(rows["kind"] == "weekend", 60, 116))
    weights = day_weights(history)
    assert weights.exposure(days("2024-03-04", 7)) == pytest.approx(7 * UNIT, abs=7)


def test_weights_by_hand() -> None:
    """116 on workdays, 60 at weekends: mean 100. Over 20 weeks shrinkage pulls to the kind, which is the same number."""
    history = days("2024-01-01", 140).assign(count=lambda rows: np.where(rows["kind"] == "weekend", 60, 116))
    weights = day_weights(history)
    assert weight(weights, "workday", 2) == pytest.approx(1.16, rel=0.01)
    assert weight(weights, "weekend", 6) == pytest.approx(0.60, rel=0.02)


@pytest.mark.parametrize("growth", [0.0, 0.5, 2.0])
def test_planted_weights_are_found_whatever_the_trend(growth: float) -> None:
    """A year that grows to three times its volume with a season on top: each weekday within two percent of what was planted."""
    frame = days("2023-01-02", 364)
    number = np.arange(len(frame))
    level = 1000 * (1 + growth * number / 364) * (1 + 0.2 * np.sin(number / 58))
    planted = [PLANTED[kind, day.weekday()] for day, kind in zip(frame["day"], frame["kind"], strict=True)]
    counts = np.random.default_rng(7).poisson(level * planted)
    weights = day_weights(frame.assign(count=counts))
    for (kind, weekday), true in PLANTED.items():
        assert weight(weights, kind, weekday) == pytest.approx(true / (5.6 + 1.4) * 7, rel=0.02)


def test_a_week_of_holidays_does_not_pull_its_neighbours_down() -> None:
    """Holidays at a third of the volume get their weight, and the level around them stays."""
    special = {f"2024-05-{day:02}": "holiday" for day in range(1, 8)} | {"2024-05-11": "makeup_workday"}
    frame = days("2024-01-01", 210, special)
    usual = np.where(frame["day"].dt.day_of_week >= 5, 70, 112)
    counts = np.select([frame["kind"] == "holiday", frame["kind"] == "makeup_workday"], [33, 105], usual)
    weights = day_weights(frame.assign(count=counts))
    assert weight(weights, "workday", 0) == pytest.approx(1.12, rel=0.005)
    assert weight(weights, "holiday", 0) == pytest.approx((7 * 0.33 + 4 * 0.70) / 11, rel=0.02)
    assert weight(weights, "holiday", 0) == weight(weights, "holiday", 6)
    assert weight(weights, "makeup_workday", 5) == pytest.approx((1.05 + 4 * 1.12) / 5, rel=0.01)


def test_kinds_never_seen_lean_on_their_parents() -> None:
    history = days("2024-01-01", 140).assign(count=lambda rows: np.where(rows["kind"] == "weekend", 60, 116))
    weights = day_weights(history)
    assert weight(weights, "holiday", 2) == pytest.approx((40 * 0.60 + 4) / 44, rel=0.005)  # weekend as a whole
    assert weight(weights, "makeup_workday", 6) == pytest.approx(1.16, rel=0.02)
    assert weight(weights, "workday", 5) == pytest.approx(1.16, rel=0.02)
    assert weight(weights, "strike", 5) == 1.0


@pytest.mark.parametrize("counts", [[], [0] * 20, [np.nan] * 20])
def test_without_tickets_all_days_are_alike(counts: list[float]) -> None:
    weights = day_weights(days("2024-01-01", len(counts)).assign(count=pd.Series(counts, dtype="float64")))
    assert weights.exposure(days("2024-02-01", 29)) == 29 * UNIT


def test_one_ticket_and_unknown_days_are_no_error() -> None:
    history = days("2024-01-01", 30).assign(count=0.0)
    history.loc[3, "count"] = 1
    history.loc[4:8, "count"] = np.nan
    assert all(value >= 1 for value in day_weights(history).units.values())


def test_unknown_days_are_left_out_and_gaps_closed_over() -> None:
    """Days without data are not days without tickets."""
    history = days("2024-01-01", 140).assign(count=lambda rows: np.where(rows["kind"] == "weekend", 60.0, 116.0))
    holed = history.copy()
    holed.loc[40:60, "count"] = np.nan
    holed.loc[holed["day"].dt.day_of_week.eq(0) & (holed.index > 70), "count"] = np.nan
    assert weight(day_weights(holed), "weekend", 5) == pytest.approx(weight(day_weights(history), "weekend", 5), rel=0.02)
    assert weight(day_weights(holed), "workday", 0) == pytest.approx(1.16, rel=0.02)


def test_holidays_on_the_rise_of_a_season_are_compared_with_their_own_time() -> None:
    """Three holidays with the volume of any other day of the rise: a level that lagged behind would give them a third too much."""
    history = days("2024-01-01", 364, dict.fromkeys(("2024-03-25", "2024-07-23", "2024-11-20"), "holiday"))
    history["count"] = 10_000 * (1 + 0.4 * np.sin((np.arange(364) - 84) / 120 * 2 * np.pi))
    assert weight(day_weights(history), "holiday", 0) == pytest.approx(1.0, rel=0.03)


def test_history_of_holidays_alone() -> None:
    history = days("2024-01-01", 5).assign(kind="holiday", count=10)
    assert day_weights(history).of("holiday", 0) >= 1


def test_rows_of_a_day_are_added_up_and_missing_columns_named() -> None:
    history = days("2024-01-01", 70).assign(count=lambda rows: np.where(rows["kind"] == "weekend", 60, 116))
    twice = pd.concat([history.assign(count=history["count"] // 2)] * 2)
    assert day_weights(twice).units == day_weights(history).units
    with pytest.raises(ValueError, match="kind"):
        day_weights(history.drop(columns="kind"))

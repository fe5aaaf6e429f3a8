"""The month-end nowcast: what is certain is said as certain, nothing after the cut-off is used, and what is said with 70 % comes 70 times in 100."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from governance.nowcast import FIRST_PLACES, LIMIT_LEVELS, Nowcast, drawn_volumes, nowcast
from governance.nowcast_history import brier, carried, nowcast_history, reliability
from governance.nowcast_rest import Procedure, make_panel, rest_of_month, share_forecasts, weights_before

START = np.datetime64("2023-01-01")
FEW = 300
"""Draws where the size of a probability does not matter."""

Counts = tuple[np.ndarray, np.ndarray]


def city(until: str, places: int = 40, level: float = 400.0, seed: int = 1, shock: float = 0.0, drift: float = 0.0) -> Counts:
    """Daily counts to a day: shares a few percent apart near the tenth place, quiet weekends, monthly shocks and shares that wander."""
    random = np.random.default_rng(seed)
    days = np.arange(START, np.datetime64(until) + 1)
    months = (days.astype("datetime64[M]") - START.astype("datetime64[M]")).astype("int64")
    weekend = (days.astype("int64") + 3) % 7 >= 5
    sizes = np.exp(np.linspace(0.7, -0.7, places))
    wander = np.exp(np.cumsum(random.normal(0, drift, (places, months[-1] + 1)), axis=1))[:, months]
    common = np.exp(random.normal(0, shock, months[-1] + 1))[months] * np.where(weekend, 0.5, 1.2)
    shares = sizes[:, None] * wander
    return random.poisson(level * common * shares / sizes.sum()), days


def at(found: Counts, day: str) -> Counts:
    """The counts known on that day."""
    known = int((np.datetime64(day) - found[1][0]).astype("int64")) + 1
    return found[0][:, :known], found[1][:known]


def month_volumes(counts: np.ndarray, days: np.ndarray, month: str) -> np.ndarray:
    return counts[:, days.astype("datetime64[M]") == np.datetime64(month)].sum(axis=1)


def ranks(volumes: np.ndarray) -> np.ndarray:
    """Shared ranks of each row, by pandas."""
    return pd.DataFrame(np.atleast_2d(volumes)).rank(axis=1, method="min", ascending=False).to_numpy()


def draws_of(counts: np.ndarray, days: np.ndarray, draws: int) -> tuple[np.ndarray, np.ndarray]:
    """Requests so far and the simulated volumes that ``nowcast`` sums up."""
    procedure = Procedure()
    panel = make_panel(counts, days, procedure)
    month = len(panel.ends) - 1
    left = int(panel.ends[month]) - panel.known
    rest = rest_of_month(panel, month, left, share_forecasts(panel, left, procedure), weights_before(panel, month, None), procedure)
    so_far = month_volumes(counts, days, str(days[-1].astype("datetime64[M]"))).astype("int32")
    return so_far, drawn_volumes(so_far, rest, draws, 1)


def is_same(one: Nowcast, other: Nowcast) -> bool:
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name), equal_nan=True) for field in fields(Nowcast))


CITY = city("2024-08-31")


# --- what is certain ------------------------------------------------------------------------------------------------------


def test_on_the_last_day_the_list_is_known() -> None:
    counts, days = at(CITY, "2024-06-30")
    told = nowcast(counts, days, draws=FEW)
    volume = month_volumes(counts, days, "2024-06")
    rank = ranks(volume)[0]
    assert np.array_equal(told.probability, rank <= FIRST_PLACES)
    assert np.array_equal([told.expected_rank, told.rank_low, told.rank_high], [rank] * 3)
    assert np.array_equal(told.volume_quantiles, np.repeat(volume[:, None], 5, axis=1))
    assert np.array_equal(told.month_to_date, volume)
    assert not told.rest_mean.any()
    assert np.isnan(told.daily_limits).all()
    ordered = np.sort(volume)[::-1]
    assert np.array_equal(told.gap_mean, volume - np.where(rank <= FIRST_PLACES, ordered[FIRST_PLACES], ordered[FIRST_PLACES - 1]))


def last_day_of(volumes: list[int]) -> Counts:
    """A city whose places have these requests in the month that has just ended, all on its first day, and one a day before."""
    days = np.arange(np.datetime64("2024-04-01"), np.datetime64("2024-06-01"))
    counts = np.zeros((len(volumes), len(days)), dtype="int64")
    counts[:, :30] = 1
    counts[:, 30] = volumes
    return counts, days


@pytest.mark.parametrize(
    ("volumes", "listed", "rank", "gap"),
    [
        ([*range(100, 91, -1), 50, 50, 40], 11, 10, 0),  # two share the tenth place: both are on the list
        ([*range(100, 92, -1), 50, 50, 50, 40], 11, 9, 0),  # three share the ninth
        ([*range(100, 91, -1), 51, 50, 40], 10, 10, 1),  # one request decides
        ([*range(100, 92, -1), 50, 0, 0, 0], 9, 10, -1),  # nine have requests: those without any are not listed
    ],
)
def test_ties_at_the_tenth_place(volumes: list[int], listed: int, rank: int, gap: int) -> None:
    told = nowcast(*last_day_of(volumes), draws=FEW)
    assert told.probability.sum() == listed
    assert told.expected_rank[9] == rank
    assert told.gap_mean[9] == gap
    assert (told.gap_mean >= 0).sum() == listed


def test_a_place_in_the_governance_class_is_not_on_the_list_and_nobody_moves_up() -> None:
    counts, days = at(CITY, "2024-06-12")
    plain = nowcast(counts, days, draws=FEW)
    assert np.array_equal(plain.list_probability, plain.probability)
    governance_class = np.zeros(len(counts), dtype=bool)
    governance_class[[0, 9, 30]] = True
    told = nowcast(counts, days, governance_class=governance_class, draws=FEW)
    assert np.array_equal(told.probability, plain.probability)
    assert not told.list_probability[governance_class].any()
    assert np.array_equal(told.list_probability[~governance_class], plain.probability[~governance_class])
    assert plain.probability[0] > 0.9


def test_on_the_first_day_the_past_speaks() -> None:
    """Of a day's ten requests a place nothing is seen; the months before say who is large."""
    counts, days = at(CITY, "2024-07-01")
    told = nowcast(counts, days, draws=2_000)
    assert told.days_left == 30
    assert told.probability[:3].min() > 0.99
    assert told.probability[20:].max() < 0.01
    assert 0.2 < told.probability[8:12].mean() < 0.8
    assert told.probability.sum() == pytest.approx(FIRST_PLACES, abs=0.5)
    came = month_volumes(*CITY, "2024-07")
    assert told.volume_mean.sum() == pytest.approx(came.sum(), rel=0.05)


# --- what the draws say ---------------------------------------------------------------------------------------------------


def test_probability_rank_gap_and_quantiles_are_those_of_the_draws() -> None:
    counts, days = at(CITY, "2024-06-10")
    told = nowcast(counts, days, draws=FEW)
    _, volumes = draws_of(counts, days, FEW)
    rank = ranks(volumes)
    assert told.probability == pytest.approx((rank <= FIRST_PLACES).mean(axis=0))
    assert told.expected_rank == pytest.approx(rank.mean(axis=0))
    assert np.array_equal(told.rank_low, np.quantile(rank, 0.1, axis=0, method="inverted_cdf"))
    assert np.array_equal(told.rank_high, np.quantile(rank, 0.9, axis=0, method="inverted_cdf"))
    assert told.volume_mean == pytest.approx(volumes.mean(axis=0))
    assert np.array_equal(told.volume_quantiles[:, 3], np.quantile(volumes, 0.75, axis=0, method="inverted_cdf"))
    tenth = np.array([[np.sort(np.delete(row, place))[-FIRST_PLACES] for place in range(len(row))] for row in volumes])
    assert told.gap_mean == pytest.approx((volumes - tenth).mean(axis=0))
    assert np.array_equal(told.gap_high, np.quantile(volumes - tenth, 0.9, axis=0, method="inverted_cdf"))


def test_the_daily_limit_keeps_out_just_as_often_as_it_says() -> None:
    """With the named volume a place is out in enough draws, with one request more in the rest of the month no longer."""
    counts, days = at(CITY, "2024-06-15")
    told = nowcast(counts, days, draws=FEW)
    so_far, volumes = draws_of(counts, days, FEW)
    assert np.isfinite(told.daily_limits).all()
    assert (told.daily_limits[:, 1] < told.daily_limits[:, 0]).all()
    for place in range(len(counts)):
        others = np.delete(volumes, place, axis=1)
        for level, limit in zip(LIMIT_LEVELS, told.daily_limits[place], strict=True):
            most = so_far[place] + round(limit * told.days_left)
            out = [((others > volume).sum(axis=1) >= FIRST_PLACES).mean() for volume in (most, most + 1)]
            assert out[0] >= level > out[1]
    in_danger = told.rest_mean / told.days_left > told.daily_limits[:, 0]
    assert in_danger[told.probability > 0.6].all()
    assert not in_danger[told.probability < 0.4].any()


def test_a_place_far_ahead_has_no_daily_limit() -> None:
    counts, days = at(CITY, "2024-06-20")
    counts = counts.copy()
    counts[0, -1] += 5_000
    told = nowcast(counts, days, draws=FEW)
    assert np.isnan(told.daily_limits[0]).all()
    assert told.probability[0] == 1
    assert np.isfinite(told.daily_limits[20:]).all()


def test_the_same_seed_gives_the_same_and_another_seed_nearly_the_same() -> None:
    counts, days = at(CITY, "2024-06-10")
    told = nowcast(counts, days, draws=2_500, seed=3)
    assert is_same(told, nowcast(counts, days, draws=2_500, seed=3))
    other = nowcast(counts, days, draws=2_500, seed=4)
    assert not is_same(told, other)
    assert told.probability == pytest.approx(other.probability, abs=0.06)


def test_the_order_of_places_does_not_matter() -> None:
    counts, days = at(CITY, "2024-06-10")
    order = np.random.default_rng(5).permutation(len(counts))
    told, moved = nowcast(counts, days, draws=2_000), nowcast(counts[order], days, draws=2_000)
    assert moved.rest_mean == pytest.approx(told.rest_mean[order])
    assert moved.probability == pytest.approx(told.probability[order], abs=0.002)
    assert moved.expected_rank == pytest.approx(told.expected_rank[order], abs=0.02)
    assert moved.daily_limits == pytest.approx(told.daily_limits[order], abs=0.11)


# --- what is learnt -------------------------------------------------------------------------------------------------------


def test_days_off_bring_less_where_they_did_before() -> None:
    counts, days = at(CITY, "2024-06-20")
    through = np.arange(days[0], np.datetime64("2024-07-01"))
    weekend = (through.astype("int64") + 3) % 7 >= 5
    kinds = np.where(weekend, "weekend", "workday")
    told = nowcast(counts, days, kinds=kinds, draws=FEW)
    assert is_same(told, nowcast(counts, days, draws=FEW))
    kinds[len(days) :] = "weekend"
    off = nowcast(counts, days, kinds=kinds, draws=FEW)
    expected = 10 * 0.5 / (6 * 1.2 + 4 * 0.5)
    assert off.rest_mean.sum() / told.rest_mean.sum() == pytest.approx(expected, rel=0.05)


def test_a_place_that_rises_is_followed_and_the_others_keep_their_long_memory() -> None:
    counts, days = at(CITY, "2024-06-10")
    counts = counts.copy()
    since = days >= np.datetime64("2024-01-01")
    counts[20, since] *= 2
    rest = np.arange(np.datetime64("2024-06-11"), np.datetime64("2024-07-01"))
    came = CITY[0][:, np.isin(CITY[1], rest)].sum(axis=1).astype("float64")
    came[20] *= 2
    told, slow = (nowcast(counts, days, draws=FEW, procedure=procedure).rest_mean for procedure in (None, Procedure(half_lives=(540.0,))))
    assert told[20] == pytest.approx(came[20], rel=0.15)
    assert slow[20] < 0.8 * told[20]
    quick = nowcast(counts, days, draws=FEW, procedure=Procedure(half_lives=(15.0,))).rest_mean
    sizes = np.delete(np.exp(np.linspace(0.7, -0.7, len(counts))), 20)
    apart = [np.std(np.log(np.delete(one, 20) / sizes)) for one in (told, quick)]
    assert apart[0] < 0.6 * apart[1]


def test_a_yearly_season_is_foreseen() -> None:
    """Each July the city has twice as many and a place of its own three times as many as that."""
    counts, days = city("2025-07-31", places=20)
    july = days.astype("datetime64[M]").astype("int64") % 12 == 6
    counts = counts * np.where(july, 2, 1)
    counts[15, july] *= 3
    known = days <= np.datetime64("2025-06-30")
    came = month_volumes(counts, days, "2025-07")
    before = np.append(days[known], np.datetime64("2025-07-01"))
    first_day = np.column_stack([counts[:, known], counts[:, known.sum()]])
    told = nowcast(first_day, before, draws=FEW)
    blind = nowcast(first_day, before, draws=FEW, procedure=Procedure(has_season=False, has_place_season=False))
    assert blind.volume_mean.sum() < 0.75 * came.sum()
    assert abs(told.volume_mean.sum() / came.sum() - 1) < 0.5 * abs(blind.volume_mean.sum() / came.sum() - 1)
    shares = [one.rest_mean[15] / one.rest_mean.sum() for one in (told, blind)]
    assert shares[0] > 1.15 * shares[1]


def test_months_that_went_wrong_together_widen_the_volumes() -> None:
    calm, shaken = (nowcast(*at(city("2024-08-31", shock=size), "2024-08-10"), draws=2_000) for size in (0.0, 0.3))
    assert calm.shock < 0.05
    assert 0.12 < shaken.shock < 0.6
    widths = [((one.volume_quantiles[:, 4] - one.volume_quantiles[:, 0]) / one.volume_mean)[:10].mean() for one in (calm, shaken)]
    assert widths[1] > 1.5 * widths[0]
    alone = nowcast(*at(city("2024-08-31", shock=0.3), "2024-08-10"), draws=2_000, procedure=Procedure(has_shock=False))
    assert alone.shock == 0
    assert alone.probability == pytest.approx(shaken.probability, abs=0.06)


def test_places_that_wander_are_spread_wider() -> None:
    steady, wandering = (nowcast(*at(city("2024-08-31", drift=size), "2024-08-10"), draws=FEW) for size in (0.0, 0.25))
    assert np.median(steady.spread) < 0.045
    assert np.median(wandering.spread) > 0.15


# --- the past -------------------------------------------------------------------------------------------------------------


def test_each_row_of_the_history_is_the_nowcast_of_its_day() -> None:
    history = nowcast_history(*CITY, months=3, days_of_month=[1, 12, 30, 31], draws=FEW)
    wanted = ["06-01", "06-12", "06-30", *(f"{month}-{day}" for month in ("07", "08") for day in ("01", "12", "30", "31"))]
    assert [str(day)[5:] for day in history.cutoffs] == wanted
    for row in (1, 2, 5):
        counts, days = at(CITY, str(history.cutoffs[row]))
        told = nowcast(counts, days, draws=FEW)
        assert told.days_left == history.days_left[row]
        assert history.probability[row] == pytest.approx(told.probability, abs=1e-9)
        assert np.array_equal(history.volume_low[row], told.volume_quantiles[:, 0])
        assert np.array_equal(history.volume_high[row], told.volume_quantiles[:, 4])
        assert np.array_equal(history.month_to_date[row], told.month_to_date)
        month = str(history.cutoffs[row].astype("datetime64[M]"))
        assert np.array_equal(history.volume[row], month_volumes(*CITY, month))
        assert np.array_equal(history.came[row], ranks(history.volume[row])[0] <= FIRST_PLACES)
        assert np.array_equal(history.last_month[row], month_volumes(*CITY, str(np.datetime64(month) - 1)))


def test_what_comes_later_changes_nothing() -> None:
    counts, days = CITY
    later = days > np.datetime64("2024-07-12")
    changed = counts.copy()
    changed[:, later] = np.random.default_rng(9).poisson(300, changed[:, later].shape)
    options = {"months": 4, "days_of_month": [3, 12], "draws": FEW}
    told, other = nowcast_history(counts, days, **options), nowcast_history(changed, days, **options)
    before = told.cutoffs <= np.datetime64("2024-07-12")
    assert before.sum() == 6
    for name in ("probability", "volume_low", "volume_high", "month_to_date", "last_month"):
        assert np.array_equal(getattr(told, name)[before], getattr(other, name)[before])
    assert not np.array_equal(told.volume[before], other.volume[before])
    assert not np.array_equal(told.probability[~before], other.probability[~before])


def test_an_unfinished_month_takes_no_part() -> None:
    counts, days = at(CITY, "2024-08-20")
    history = nowcast_history(counts, days, months=2, days_of_month=[10], draws=FEW)
    assert [str(day) for day in history.cutoffs] == ["2024-06-10", "2024-07-10"]


def test_what_is_said_comes_as_often_as_said() -> None:
    """Four cities with shocks and wandering shares, the last year of each."""
    said, came, inside, rules = [], [], [], []
    for seed in range(4):
        counts, days = city("2025-06-30", places=60, level=900.0, seed=seed, shock=0.1, drift=0.06)
        history = nowcast_history(counts, days, months=14, days_of_month=(5, 10, 20), draws=500)
        said.append(history.probability)
        came.append(history.came)
        inside.append((history.volume >= history.volume_low) & (history.volume <= history.volume_high))
        rules.append([brier(carried(volumes), history.came) for volumes in (history.month_to_date, history.last_month)])
    table = reliability(np.concatenate(said), np.concatenate(came), 5)
    assert (table.count > 120).all()
    assert np.abs(table.said - table.came).max() < 0.07
    assert 0.76 < np.mean(inside) < 0.88
    assert brier(np.concatenate(said), np.concatenate(came)) < 0.75 * np.mean(rules, axis=0).min()


# --- scores ---------------------------------------------------------------------------------------------------------------


def test_simple_rules_carry_the_order_on() -> None:
    found = carried(np.array([[5, 4, 4, 1], [0, 0, 3, 0], [1, np.nan, 2, 3]]), first=2)
    assert np.array_equal(found, [[1, 1, 1, 0], [0, 0, 1, 0], [np.nan] * 4], equal_nan=True)


def test_brier_and_reliability_by_hand() -> None:
    assert brier(np.array([1.0, 0.0, 0.5, np.nan]), np.array([1, 1, 0, 1])) == pytest.approx((0 + 1 + 0.25) / 3)
    assert np.isnan(brier(np.array([np.nan]), np.array([1])))
    table = reliability(np.array([0.0, 0.1, 0.5, 0.6, 1.0, np.nan]), np.array([0, 1, 1, 0, 1, 1]), bins=2)
    assert table.low.tolist() == [0.0, 0.5]
    assert table.high.tolist() == [0.5, 1.0]
    assert table.count.tolist() == [2, 3]
    assert table.said == pytest.approx([0.05, 0.7])
    assert table.came == pytest.approx([0.5, 2 / 3])
    assert np.isnan(reliability(np.array([0.1]), np.array([0]), bins=2).said[1])


# --- what cannot be used --------------------------------------------------------------------------------------------------

GOOD, AXIS = at(CITY, "2023-03-10")


def but(place: int, day: int, value: float) -> np.ndarray:
    wrong = GOOD.astype("float64")
    wrong[place, day] = value
    return wrong


@pytest.mark.parametrize(
    ("counts", "days", "options", "words"),
    [
        (GOOD[:, 1:], AXIS, {}, r"诉求量的形状为 \(40, 68\), 日期的形状为 \(69,\)"),
        (GOOD[:10], AXIS, {}, "取前 10 个, 共有 10 个街乡镇; 应为 1 到 9"),
        (GOOD, AXIS, {"first": 0}, "取前 0 个"),
        (GOOD[:, :27], AXIS[:27], {}, "只有 27 天的诉求量; 应不少于 28 天"),
        (GOOD, AXIS + (np.arange(69) > 40), {}, "日期 2023-02-10 之后是 2023-02-12; 应逐日连续"),
        (but(2, 3, -1), AXIS, {}, "第 3 个街乡镇 2023-01-04 的诉求量为 -1"),
        (but(2, 3, np.nan), AXIS, {}, "诉求量为 nan"),
        (GOOD, AXIS, {"draws": 99}, "模拟次数为 99; 应不少于 100"),
        (GOOD, AXIS, {"kinds": np.full(89, "workday")}, "日期类型的形状为 .*至少到月末 2023-03-31, 共 90 天"),
        (GOOD, AXIS, {"procedure": Procedure(half_lives=(30.0, 0.0))}, "半衰期为"),
        (GOOD, AXIS, {"governance_class": np.zeros(39, dtype=bool)}, r"治理类的形状为 \(39,\)"),
        (GOOD, AXIS, {"governance_class": np.zeros(40)}, "类型为 float64"),
    ],
)
def test_what_cannot_be_forecast_is_said(counts: np.ndarray, days: np.ndarray, options: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        nowcast(counts, days, **options)


def test_what_cannot_be_looked_back_on_is_said() -> None:
    for options, words in (({"months": 0}, "月数为 0"), ({"days_of_month": [0, 3]}, "日为"), ({"days_of_month": [32]}, "日为"), ({"draws": 5}, "次数为 5")):
        with pytest.raises(ValueError, match=words):
            nowcast_history(GOOD, AXIS, **options)
    with pytest.raises(ValueError, match="没有一个整月之前有 28 天"):
        nowcast_history(GOOD[:, :50], AXIS[:50])


def test_scores_of_what_is_no_probability_and_without_bins_or_places() -> None:
    for said, came in (([0.5], [1, 0]), ([1.1], [1]), ([-0.1], [1]), ([0.5], [2])):
        with pytest.raises(ValueError, match="未进先治的评分"):
            brier(np.array(said), np.array(came))
    with pytest.raises(ValueError, match="分档数为 0"):
        reliability(np.array([0.5]), np.array([1]), bins=0)
    with pytest.raises(ValueError, match="取前 10 个"):
        carried(np.ones((2, 10)))

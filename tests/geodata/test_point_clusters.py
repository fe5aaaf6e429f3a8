"""Clusters of points: what plain loops find, whatever the order, however many share an address; near repeats: found when planted, rare by chance."""

from __future__ import annotations

import time
from collections import deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import geodata.point_clusters
from geodata.point_clusters import NearRepeat, near_repeat, space_time_clusters

METRE = 1 / 111_195.0
"""Degrees of latitude of one metre."""


def on_the_ground(east: np.ndarray, north: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Longitude and latitude of metres east and north of a point on the equator, where a degree is as long either way."""
    return 30 + east * METRE, north * METRE


def plain_clusters(x: np.ndarray, y: np.ndarray, day: np.ndarray, metres: float, span: int, least: int) -> list[int]:
    """DBSCAN by loops over all points; positions in metres."""
    count = len(x)

    def distance(a: int, b: int) -> float:
        return round(float(np.hypot(x[a] - x[b], y[a] - y[b])), 3)

    near = [[b for b in range(count) if distance(a, b) <= metres and abs(day[a] - day[b]) <= span] for a in range(count)]
    core = [len(row) >= least for row in near]
    label = [-1] * count
    clusters = 0
    for start in range(count):
        if not core[start] or label[start] >= 0:
            continue
        queue = deque([start])
        label[start] = clusters
        while queue:
            for b in near[queue.popleft()]:
                if core[b] and label[b] < 0:
                    label[b] = clusters
                    queue.append(b)
        clusters += 1
    for a in range(count):
        reached = [b for b in near[a] if core[b]]
        if not core[a] and reached:
            label[a] = label[min(reached, key=lambda b, a=a: (distance(a, b), abs(day[a] - day[b]), day[b], x[b], y[b]))]
    members = {number: [a for a in range(count) if label[a] == number] for number in range(clusters)}
    order = sorted(members, key=lambda n: (min(day[a] for a in members[n]), -len(members[n]), min((day[a], x[a], y[a]) for a in members[n])))
    rank = {number: place for place, number in enumerate(order)} | {-1: -1}
    return [rank[number] for number in label]


@given(st.integers(0, 10_000), st.integers(1, 60), st.sampled_from([1, 2, 3, 5, 8]), st.integers(0, 4), st.sampled_from([30.0, 60.0, 140.0]))
@settings(max_examples=150, deadline=None)
def test_equals_plain_loops(seed: int, count: int, least: int, span: int, metres: float) -> None:
    chance = np.random.default_rng(seed)
    # few positions and days: identical points, equal distances and border points between two clusters come up often
    east, north, day = (chance.integers(0, most, count) * step for most, step in ((8, 30.0), (8, 30.0), (15, 1)))
    found = space_time_clusters(*on_the_ground(east, north), day, metres=metres, span_days=span, least=least)
    scale = np.cos(np.radians((north.min() + north.max()) / 2 * METRE))  # as good as 1
    assert scale == pytest.approx(1, abs=1e-8)
    assert found.tolist() == plain_clusters(east, north, day, metres, span, least)


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_equals_plain_loops_anywhere(seed: int) -> None:
    chance = np.random.default_rng(seed)
    east, north, day = chance.uniform(0, 400, 80), chance.uniform(0, 400, 80), chance.integers(0, 20, 80)
    found = space_time_clusters(*on_the_ground(east, north), day, metres=70, span_days=3, least=4)
    assert found.tolist() == plain_clusters(east, north, day, 70, 3, 4)


@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_order_does_not_matter(seed: int) -> None:
    chance = np.random.default_rng(seed)
    longitude, latitude = on_the_ground(chance.integers(0, 8, 120) * 30.0, chance.integers(0, 8, 120) * 30.0)
    day = chance.integers(0, 12, 120)
    first = space_time_clusters(longitude, latitude, day, metres=35, span_days=1, least=4)
    order = chance.permutation(120)
    again = space_time_clusters(longitude[order], latitude[order], day[order], metres=35, span_days=1, least=4)
    assert again.tolist() == first[order].tolist()


def test_portions_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(4)
    east, north, day = chance.uniform(0, 5000, 1500), chance.uniform(0, 5000, 1500), chance.integers(0, 30, 1500)
    whole = space_time_clusters(*on_the_ground(east, north), day, metres=200, span_days=4, least=4)
    monkeypatch.setattr(geodata.point_clusters, "PAIRS_AT_ONCE", 60)
    monkeypatch.setattr(geodata.point_clusters, "FIRST_PORTION", 7)
    parts = space_time_clusters(*on_the_ground(east, north), day, metres=200, span_days=4, least=4)
    assert whole.max() > 5
    assert parts.tolist() == whole.tolist()


def test_planted_clusters_are_found_and_numbered_by_first_day_then_size() -> None:
    chance = np.random.default_rng(5)
    planted = [(300.0, 300.0, 50, 30), (5000.0, 800.0, 20, 40), (5000.0, 800.0, 80, 25), (9000.0, 9000.0, 20, 60)]  # east, north, first day, points
    east = np.concatenate([chance.uniform(0, 20_000, 400), *(x + chance.normal(0, 40, n) for x, _y, _d, n in planted)])
    north = np.concatenate([chance.uniform(0, 20_000, 400), *(y + chance.normal(0, 40, n) for _x, y, _d, n in planted)])
    day = np.concatenate([chance.integers(0, 120, 400), *(d + np.arange(n) % 5 for _x, _y, d, n in planted)])
    found = space_time_clusters(*on_the_ground(east, north), day, metres=150, span_days=5, least=6)
    assert found.max() == 3
    assert (found[:400] == -1).mean() > 0.97
    truth = np.repeat([2, 1, 3, 0], [30, 40, 25, 60])  # same place, sixty days apart: two clusters; same day: the larger first
    assert (found[400:] == truth).mean() > 0.97


def test_one_address_counts_every_ticket() -> None:
    same = np.full(10, 116.4), np.full(10, 39.9)
    assert space_time_clusters(*same, np.zeros(10), metres=50, span_days=0, least=10).tolist() == [0] * 10
    assert space_time_clusters(*same, np.zeros(10), metres=50, span_days=0, least=11).tolist() == [-1] * 10
    assert space_time_clusters(*same, np.arange(10), metres=50, span_days=1, least=3).tolist() == [0] * 10  # both ends are border points
    assert space_time_clusters(*same, np.arange(10) * 2, metres=50, span_days=1, least=2).tolist() == [-1] * 10


def test_a_hundred_thousand_tickets_of_one_address_are_no_trouble() -> None:
    started = time.monotonic()
    found = space_time_clusters(np.full(100_000, 116.4), np.full(100_000, 39.9), np.arange(100_000) % 300, metres=50, span_days=3, least=5)
    assert (found == 0).all()
    assert time.monotonic() - started < 5


def test_missing_positions_and_days_are_noise() -> None:
    nothing = np.nan
    longitude, latitude = np.array([116.4, nothing, 116.4, 116.4, 116.4]), np.array([39.9, 39.9, nothing, 39.9, 39.9])
    found = space_time_clusters(longitude, latitude, np.array([1.0, 1.0, 1.0, nothing, 1.0]), metres=50, span_days=0, least=2)
    assert found.tolist() == [0, -1, -1, -1, 0]
    all_missing = space_time_clusters(np.full(3, nothing), np.full(3, nothing), np.zeros(3), metres=50, span_days=0, least=1)
    assert all_missing.tolist() == [-1, -1, -1]


def test_empty_input_gives_empty_labels() -> None:
    found = space_time_clusters(np.empty(0), np.empty(0), np.empty(0), metres=50, span_days=0, least=1)
    assert found.shape == (0,)
    assert found.dtype == np.int64


def test_dates_and_numbers_of_days_are_the_same() -> None:
    chance = np.random.default_rng(8)
    longitude, latitude = on_the_ground(chance.uniform(0, 300, 60), chance.uniform(0, 300, 60))
    day = chance.integers(0, 20, 60)
    hours = np.datetime64("2024-03-01T00:00") + day * np.timedelta64(24, "h") + chance.integers(0, 24, 60) * np.timedelta64(1, "h")
    hours = np.append(hours, np.datetime64("NaT"))
    numbers = space_time_clusters(longitude, latitude, day, metres=80, span_days=2, least=4)
    dates = space_time_clusters(np.append(longitude, 30.0), np.append(latitude, 0.0), hours, metres=80, span_days=2, least=4)
    assert dates[:-1].tolist() == numbers.tolist()
    assert dates[-1] == -1
    assert numbers.max() >= 0


def test_distances_are_metres_on_the_ground_in_a_city() -> None:
    """Two points 1,000 m apart on the sphere (haversine), east-west and north-south, 40 km off the middle latitude."""
    for latitude, turn in ((39.54, 0), (40.26, 1), (39.54, 1)):
        far = 1000 / 6_371_008.8
        step = (0.0, np.degrees(far)) if turn else (np.degrees(2 * np.arcsin(np.sin(far / 2) / np.cos(np.radians(latitude)))), 0.0)
        longitude = np.array([116.4, 116.4 + step[0], 116.0, 116.8])
        latitudes = np.array([latitude, latitude + step[1], 39.5, 40.3])
        near, far_off = (space_time_clusters(longitude, latitudes, np.zeros(4), metres=metres, span_days=0, least=2)[:2].tolist() for metres in (1008, 992))
        assert near == [0, 0]
        assert far_off == [-1, -1]


def test_two_hundred_thousand_points_take_seconds() -> None:
    chance = np.random.default_rng(6)
    east, north = chance.uniform(0, 40_000, 20_000), chance.uniform(0, 40_000, 20_000)
    weight = chance.lognormal(0, 1, 20_000)
    at = chance.choice(20_000, 200_000, p=weight / weight.sum())
    started = time.monotonic()
    found = space_time_clusters(*on_the_ground(east[at], north[at]), chance.integers(0, 365, 200_000), metres=200, span_days=3, least=5)
    assert time.monotonic() - started < 20
    assert found.max() > 10


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"metres": 0.0}, "空间距离.*0.0 米; 应大于 0"),
        ({"metres": float("nan")}, "空间距离"),
        ({"span_days": -1}, "时间间隔.*-1 天; 应为 0 或更大"),
        ({"least": 0}, "最少点数.*是 0; 应为 1"),
        ({"days": np.zeros(2)}, r"同样长的一维数组; 实际形状是 \(3,\)、\(3,\)、\(2,\)"),
        ({"latitude": np.array([39.9, 139.9, 39.9])}, r"第 2 个点的坐标是 \(116.4, 139.9\), 共 1 个出界"),
    ],
)
def test_errors_say_what_is_wrong(change: dict[str, object], said: str) -> None:
    given_ = {"longitude": np.full(3, 116.4), "latitude": np.full(3, 39.9), "days": np.zeros(3), "metres": 50.0, "span_days": 1, "least": 2}
    with pytest.raises(ValueError, match=said):
        space_time_clusters(**{**given_, **change})


def plain_knox(x: np.ndarray, y: np.ndarray, day: np.ndarray, metres: float, span: int) -> tuple[int, int]:
    """Pairs close in space, and in time too, among different (position, day)."""
    events = sorted(set(zip(x.tolist(), y.tolist(), day.tolist(), strict=True)))
    close = [(a, b) for i, a in enumerate(events) for b in events[:i] if np.hypot(a[0] - b[0], a[1] - b[1]) <= metres]
    return len(close), sum(abs(a[2] - b[2]) <= span for a, b in close)


def scattered(chance: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return chance.integers(0, 30, count) * 30.0, chance.integers(0, 30, count) * 30.0, chance.integers(0, 100, count)


def test_near_repeats_are_counted_as_plain_loops_count_them() -> None:
    chance = np.random.default_rng(10)
    east, north, day = scattered(chance, 150)
    east, north, day = (np.concatenate([values, values[:40]]) for values in (east, north, day))  # said twice
    found = near_repeat(*on_the_ground(east, north), day, metres=70, span_days=7, replicates=99)
    assert (found.close_count, found.observed) == plain_knox(east, north, day, 70, 7)
    assert found.event_count == len(set(zip(east, north, day, strict=True)))
    assert found.ratio == found.observed / found.expected


def forty_addresses() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Six of twelve days each: identical events come up whenever days are permuted."""
    chance = np.random.default_rng(12)
    day = np.concatenate([chance.permutation(12)[:6] for _ in range(40)])
    return *on_the_ground(np.repeat(np.arange(40) * 1000.0, 6), np.zeros(240)), day


def test_what_is_expected_is_the_chance_of_two_different_days_being_close() -> None:
    found = near_repeat(*forty_addresses(), metres=50, span_days=1)
    assert found.close_count == 40 * 15
    assert found.expected == pytest.approx(found.close_count * 22 / (12 * 11), rel=0.03)  # of two different days of twelve


def test_identical_events_that_cannot_be_told_apart_are_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geodata.point_clusters, "REPAIRS", 0)
    found = near_repeat(*forty_addresses(), metres=50, span_days=1)
    assert found.expected == pytest.approx(found.close_count * 22 / (12 * 12), rel=0.03)


def test_p_values_are_uniform_where_nothing_repeats() -> None:
    chance = np.random.default_rng(11)
    p_values = []
    for seed in range(150):
        east, north, day = scattered(chance, 120)
        p_values.append(near_repeat(*on_the_ground(east, north), day, metres=100, span_days=10, replicates=39, seed=seed).p_value)
    assert 0.42 < np.mean(p_values) < 0.62
    assert np.mean(np.array(p_values) <= 0.1) < 0.17
    assert np.mean(np.array(p_values) <= 0.5) > 0.36


def test_busy_places_in_a_busy_season_are_no_repeats() -> None:
    chance = np.random.default_rng(13)
    east, north = np.abs(chance.normal(0, 150, 400)), np.abs(chance.normal(0, 150, 400))
    day = chance.normal(180, 15, 400).astype("int64")
    assert near_repeat(*on_the_ground(east, north), day, metres=100, span_days=5, replicates=99).p_value > 0.05


def test_planted_near_repeats_are_found() -> None:
    chance = np.random.default_rng(14)
    east, north, day = scattered(chance, 200)
    later = [east[:60] + 30, north[:60], day[:60] + chance.integers(1, 5, 60)]
    east, north, day = (np.concatenate(both) for both in zip((east, north, day), later, strict=True))
    found = near_repeat(*on_the_ground(east, north), day, metres=50, span_days=5)
    assert found.p_value == 1 / 200
    assert found.ratio > 1.5
    assert near_repeat(*on_the_ground(east, north), day, metres=50, span_days=5) == found  # the seed decides


def test_the_same_call_again_is_no_repeat() -> None:
    chance = np.random.default_rng(15)
    east, north, day = scattered(chance, 120)
    once = near_repeat(*on_the_ground(east, north), day, metres=50, span_days=5)
    ten_times = near_repeat(*on_the_ground(np.tile(east, 10), np.tile(north, 10)), np.tile(day, 10), metres=50, span_days=5)
    assert ten_times == once


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_pair_is_no_repeat(count: int) -> None:
    found = near_repeat(np.full(count, 116.4), np.full(count, 39.9), np.zeros(count), metres=50, span_days=5, replicates=9)
    assert (found.event_count, found.close_count, found.observed, found.expected, found.p_value) == (count, 0, 0, 0.0, 1.0)
    assert np.isnan(found.ratio)
    assert isinstance(found, NearRepeat)


def test_too_many_pairs_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(geodata.point_clusters, "MOST_PAIRS", 5)
    with pytest.raises(ValueError, match=r"4 个事件中, 相距不超过 50.0 米的有 6 对; 最多 5 对"):
        near_repeat(np.full(4, 116.4), np.full(4, 39.9), np.arange(4), metres=50.0, span_days=5)
    with pytest.raises(ValueError, match=r"随机置换次数.*是 0"):
        near_repeat(np.zeros(2), np.zeros(2), np.zeros(2), metres=50.0, span_days=5, replicates=0)

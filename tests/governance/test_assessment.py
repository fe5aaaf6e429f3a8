"""The assessment of units: counted by hand, once more in plain loops, and ranges of rank against made-up truths."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.assessment import AssessmentRule, Grade, assess, nearest_peers, possible_ranks
from governance.policy import POLICY_FILE, PolicyError, load_policy
from governance.rates import RATE_COUNTS

BOOK = load_policy()
MAY, JUNE = date(2026, 5, 1), date(2026, 6, 1)
RULE = AssessmentRule.of(BOOK, MAY)
TEXT = POLICY_FILE.read_text(encoding="utf-8")
TOPS = [top for top, _base in RATE_COUNTS.values()]
BASES = [base for _top, base in RATE_COUNTS.values()]


def unit(
    code: str, tops: tuple[int, int, int], bases: tuple[int, int, int], *, kind: str | None = "街乡镇", month: date = MAY, requests: int = 500
) -> dict[str, Any]:
    return {
        "unit_code": code,
        "unit_type": kind,
        "month": month,
        "request_count": requests,
        **dict(zip(TOPS, tops, strict=True)),
        **dict(zip(BASES, bases, strict=True)),
    }


def frame(*units: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(units)


# --- Rates, score, grade, gap ---------------------------------------------------------------------------------------------


def test_one_unit_by_hand() -> None:
    """0.1 x 0.98 + 0.45 x 0.95 + 0.45 x 0.9 = 0.9305: fair; 97 percent of 200 are 194, of 100 are 97."""
    row = assess(frame(unit("A", (98, 190, 90), (100, 200, 100))), BOOK, seed=1).iloc[0]
    assert row["score"] == pytest.approx(93.05)
    assert row["grade"] is Grade.FAIR
    assert (row["response_rate_gap"], row["resolution_rate_gap"], row["satisfaction_rate_gap"]) == pytest.approx((0.0, -0.02, -0.07))
    assert (row["response_rate_missing_count"], row["resolution_rate_missing_count"], row["satisfaction_rate_missing_count"]) == (0, 4, 7)
    assert (row["unresolved_count"], row["is_small_base"]) == (10, False)
    # Wilson's interval of 190 of 200
    assert (row["resolution_rate_low"], row["resolution_rate_high"]) == pytest.approx((0.91042, 0.97262), abs=1e-5)
    assert (row["score_rank"], row["score_rank_low"], row["score_rank_high"], row["ranked_count"]) == (1, 1, 1, 1)


def test_a_month_without_follow_ups_is_undefined() -> None:
    """Neither 0 nor 1: no rate, no score, no gap, no rank, and not graded."""
    row = assess(frame(unit("A", (0, 0, 0), (0, 0, 0)), unit("B", (90, 90, 90), (100, 100, 100))), BOOK, seed=1).iloc[0]
    undefined = ["response_rate", "resolution_rate_low", "satisfaction_rate_gap", "resolution_rate_missing_count", "unresolved_count", "score", "score_rank"]
    assert row[undefined].isna().all()
    assert row["grade"] is Grade.UNGRADED
    assert row["is_small_base"]


@pytest.mark.parametrize(("answers", "grade", "ranked"), [(30, Grade.EXCELLENT, True), (29, Grade.UNGRADED, False)])
def test_small_base_of_one_question_is_enough(answers: int, grade: Grade, ranked: bool) -> None:
    """The score stands, grade and rank do not."""
    row = assess(frame(unit("A", (500, 500, answers), (500, 500, answers))), BOOK, seed=1).iloc[0]
    assert (row["score"], row["grade"], bool(pd.notna(row["score_rank_low"]))) == (pytest.approx(100.0), grade, ranked)


@pytest.mark.parametrize(
    ("good", "grade"), [(97, Grade.EXCELLENT), (96, Grade.GOOD), (94, Grade.GOOD), (93, Grade.FAIR), (90, Grade.FAIR), (89, Grade.WEAK), (0, Grade.WEAK)]
)
def test_grades_begin_at_their_bound(good: int, grade: Grade) -> None:
    """0.1 x 0.97 + 0.45 x 0.97 + 0.45 x 0.97 is not quite 0.97 in binary fractions, yet excellent."""
    assert assess(frame(unit("A", (good,) * 3, (100,) * 3)), BOOK, seed=1)["grade"].tolist() == [grade]


def test_missing_count_is_not_one_too_many() -> None:
    """0.97 x 300 is 291.00000000000006 or 290.99999999999994 by binary fractions; 291 of 300 reach the target."""
    bases = range(1, 500)
    enough = frame(*(unit(f"U{base}", (base, -(-97 * base // 100), base), (base,) * 3) for base in bases))
    assert set(assess(enough, BOOK, seed=1)["resolution_rate_missing_count"]) == {0}
    short = enough.assign(resolved_count=enough["resolved_count"] - 1)
    assert set(assess(short, BOOK, seed=1)["resolution_rate_missing_count"]) == {1}


def test_binary_fractions_cost_nobody_a_grade_or_an_answer(tmp_path: Path) -> None:
    """0.55 x 100 is 55.00000000000001, and 0.3, 0.35 and 0.35 of 90 points are 89.99999999999999; 55 answers and 90 points are enough."""
    path = tmp_path / "policy.toml"
    text = TEXT.replace("value = { response = 98, resolution = 97", "value = { response = 98, resolution = 55")
    path.write_text(
        text.replace("{ response = 0.1, resolution = 0.45, satisfaction = 0.45 }", "{ response = 0.3, resolution = 0.35, satisfaction = 0.35 }"),
        encoding="utf-8",
    )
    book = load_policy(path)
    assert assess(frame(unit("A", (100, 55, 100), (100,) * 3)), book, seed=1)["resolution_rate_missing_count"].tolist() == [0]
    assert assess(frame(unit("A", (90,) * 3, (100,) * 3)), book, seed=1)["grade"].tolist() == [Grade.FAIR]


def test_a_rate_without_weight_does_not_undefine_the_score() -> None:
    rule = replace(RULE, weights={"response_rate": 0.0, "resolution_rate": 0.5, "satisfaction_rate": 0.5})
    found = possible_ranks(frame(unit("A", (0, 90, 90), (0, 100, 100)), unit("B", (0, 10, 10), (0, 100, 100))), rule, seed=1)
    assert found["score_rank"].tolist() == [1, 2]


def test_each_month_has_its_own_policy(tmp_path: Path) -> None:
    """New weights, grades and targets from June: May is judged as before."""
    old = "value = { response = 0.1, resolution = 0.45, satisfaction = 0.45 }"
    head, tail = TEXT.split("[[assessment.weights]]\n", 1)
    entry, rest = tail.split("\n[[", 1)
    before = entry.replace('effective_to = ""', "effective_to = 2026-05-31")
    after = entry.replace(old, "value = { response = 0.0, resolution = 1.0, satisfaction = 0.0 }").replace(
        "effective_from = 1987-01-01", "effective_from = 2026-06-01"
    )
    path = tmp_path / "policy.toml"
    path.write_text(f"{head}[[assessment.weights]]\n{before}\n[[assessment.weights]]\n{after}\n[[{rest}", encoding="utf-8")
    found = assess(frame(unit("A", (98, 190, 90), (100, 200, 100), month=JUNE), unit("A", (98, 190, 90), (100, 200, 100))), load_policy(path), seed=1)
    assert found["score"].tolist() == pytest.approx([95.0, 93.05])
    assert found["grade"].tolist() == [Grade.GOOD, Grade.FAIR]


counts_of = st.integers(0, 400).flatmap(lambda base: st.tuples(st.integers(0, base), st.just(base)))
units_of = st.lists(st.tuples(counts_of, counts_of, counts_of), min_size=1, max_size=6)


@given(units_of)
@settings(max_examples=12, deadline=None)
def test_agrees_with_a_clerk(given_units: list[tuple[tuple[int, int], ...]]) -> None:
    """Scores and grades once more, unit by unit."""
    rows = [unit(f"U{place}", tuple(top for top, _ in item), tuple(base for _, base in item)) for place, item in enumerate(given_units)]
    found = assess(frame(*rows), BOOK, seed=1)
    for item, (_, row) in zip(given_units, found.iterrows(), strict=True):
        (a, n), (b, m), (c, k) = item
        if min(n, m, k) == 0:
            assert math.isnan(row["score"])
            assert row["grade"] is Grade.UNGRADED
            continue
        score = 10 * a / n + 45 * b / m + 45 * c / k
        assert row["score"] == pytest.approx(score)
        wanted = Grade.WEAK if score < 90 - 1e-7 else Grade.FAIR if score < 94 - 1e-7 else Grade.GOOD if score < 97 - 1e-7 else Grade.EXCELLENT
        assert row["grade"] is (Grade.UNGRADED if min(n, m, k) < 30 else wanted)
        assert row["unresolved_count"] == m - b
        assert b + row["resolution_rate_missing_count"] >= 0.97 * m - 1e-6


# --- Ranges of rank -------------------------------------------------------------------------------------------------------


def city(random: np.random.Generator, units: int, spread: float, correlation: float, least: int = 40, most: int = 600) -> tuple[pd.DataFrame, np.ndarray]:
    """Units with known true rates around 0.95, answers of one call going together, and the true ranks."""
    sizes = np.exp(random.uniform(math.log(least), math.log(most), units)).astype(int)
    alike = 0.95 * 0.05 / spread**2 - 1
    truth = random.beta(0.95 * alike, 0.05 * alike, size=(units, 3))
    rows = []
    for place, size in enumerate(sizes):
        together, luck = random.random(size) < correlation, random.random((size, 3))
        luck[together] = luck[together, :1]
        rows.append(unit(f"U{place:03d}", tuple(int(n) for n in (luck < truth[place]).sum(axis=0)), (int(size),) * 3))
    scores = truth @ np.array([0.1, 0.45, 0.45])
    return frame(*rows), (-scores).argsort().argsort() + 1


@pytest.mark.parametrize(("spread", "correlation"), [(0.02, 0.7), (0.005, 0.7), (0.02, 0.0)])
def test_true_ranks_lie_within_their_ranges(spread: float, correlation: float) -> None:
    """Of 1,600 true ranks nine in ten, also where units hardly differ; the rule is told how answers correlate."""
    random = np.random.default_rng(7)
    rule = replace(RULE, answer_correlation=correlation)
    held = []
    for seed in range(40):
        counts, truth = city(random, 40, spread, correlation)
        found = possible_ranks(counts, rule, seed=seed, draws=500)
        held.append(((found["score_rank_low"] <= truth) & (truth <= found["score_rank_high"])).mean())
    assert 0.87 <= np.mean(held) <= 0.95


def test_ranges_narrow_with_more_answers() -> None:
    few, _ = city(np.random.default_rng(3), 30, 0.02, 0.7, 40, 80)
    many = few.assign(**{name: few[name] * 100 for name in (*TOPS, *BASES)})
    width = [(found["score_rank_high"] - found["score_rank_low"]).mean() for found in (possible_ranks(counts, RULE, seed=1) for counts in (few, many))]
    assert width[1] < width[0] / 3


def test_clear_differences_have_sure_ranks() -> None:
    found = possible_ranks(frame(*(unit(name, (good,) * 3, (5000,) * 3) for name, good in [("A", 4000), ("B", 4900), ("C", 4500)])), RULE, seed=1)
    assert found[["score_rank", "score_rank_low", "score_rank_high"]].to_numpy().tolist() == [[3] * 3, [1] * 3, [2] * 3]


def test_units_all_alike_may_have_any_rank() -> None:
    """All at 100 percent: everybody shares rank 1, and nothing tells them apart."""
    found = possible_ranks(frame(*(unit(f"U{place}", (200,) * 3, (200,) * 3) for place in range(20))), RULE, seed=1)
    assert set(found["score_rank"]) == {1}
    assert (found["score_rank_low"] <= 2).all()
    assert (found["score_rank_high"] >= 19).all()


def test_types_and_months_are_ranked_apart() -> None:
    rows = [unit(code, (good,) * 3, (1000,) * 3, kind=kind, month=month) for code, good, kind, month in [
        ("A", 900, "街乡镇", MAY), ("B", 950, "街乡镇", MAY), ("C", 800, "委办局", MAY), ("A", 990, "街乡镇", JUNE), ("D", 990, None, MAY),
    ]]  # fmt: skip
    found = possible_ranks(frame(*rows), RULE, seed=1)
    assert found["score_rank"].tolist() == pytest.approx([2, 1, 1, 1, math.nan], nan_ok=True)
    assert found["ranked_count"].tolist() == pytest.approx([2, 2, 1, 1, math.nan], nan_ok=True)


def test_seed_decides_and_order_does_not() -> None:
    """The same seed the same ranges, whatever the order of rows and whatever else is in the frame."""
    counts, _ = city(np.random.default_rng(5), 25, 0.01, 0.7)
    once = possible_ranks(counts, RULE, seed=4)
    pd.testing.assert_frame_equal(once, possible_ranks(counts[::-1], RULE, seed=4).reindex(counts.index))
    others = frame(*(unit(f"X{place}", (90,) * 3, (100,) * 3, kind="国企") for place in range(5))).set_axis(range(100, 105))
    pd.testing.assert_frame_equal(once, possible_ranks(pd.concat([others, counts]), RULE, seed=4).loc[counts.index])
    assert not once.equals(possible_ranks(counts, RULE, seed=5))


def test_no_units_no_ranks() -> None:
    empty = frame(unit("A", (1,) * 3, (1,) * 3)).iloc[:0]
    assert possible_ranks(empty, RULE, seed=1).empty
    assert assess(empty, BOOK, seed=1).empty


# --- Peers ----------------------------------------------------------------------------------------------------------------


def sizes(**counts: int) -> pd.DataFrame:
    return pd.DataFrame({"unit_code": list(counts), "unit_type": "街乡镇", "request_count": list(counts.values())})


def test_peers_by_hand() -> None:
    """99 and 399 are a factor of four from 1599 and each other by one more than the requests; A and C are equally far from B, so by code."""
    found = nearest_peers(sizes(C=1599, A=99, B=399), count=2)
    assert found[["unit_code", "peer_code", "peer_order"]].to_numpy().tolist() == [
        ["A", "B", 1],
        ["A", "C", 2],
        ["B", "A", 1],
        ["B", "C", 2],
        ["C", "B", 1],
        ["C", "A", 2],
    ]
    assert found["distance"].tolist() == pytest.approx([math.log(4), math.log(16), math.log(4), math.log(4), math.log(4), math.log(16)])


def test_peers_are_of_the_same_type_and_no_more_than_asked() -> None:
    table = pd.concat([sizes(A=10, B=1000, C=900), sizes(D=11, E=12).assign(unit_type="委办局"), sizes(F=10).assign(unit_type=None)])
    found = nearest_peers(table, count=1)
    assert dict(zip(found["unit_code"], found["peer_code"], strict=True)) == {"A": "C", "B": "C", "C": "B", "D": "E", "E": "D"}


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=15), st.integers(1, 20))
@settings(max_examples=25, deadline=None)
def test_nobody_nearer_is_left_out(volumes: list[int], count: int) -> None:
    table = sizes(**{f"U{place:02d}": volume for place, volume in enumerate(volumes)})
    found = nearest_peers(table, count=count)
    of = dict(zip(table["unit_code"], table["request_count"], strict=True))
    for code in of:
        chosen = found.loc[found["unit_code"] == code]
        assert len(chosen) == min(count, len(of) - 1)
        distances = sorted(abs(math.log1p(of[other]) - math.log1p(of[code])) for other in of if other != code)
        assert chosen["distance"].tolist() == pytest.approx(distances[:count])


# --- What is refused ------------------------------------------------------------------------------------------------------

GOOD = frame(unit("A", (90,) * 3, (100,) * 3), unit("B", (90,) * 3, (100,) * 3))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda: assess(GOOD.drop(columns="resolved_count"), BOOK, seed=1), "考评数据缺少列 resolved_count;现有 unit_code"),
        (lambda: assess(GOOD.assign(unit_code="A"), BOOK, seed=1), "A 在同一月出现不止一次"),
        (lambda: assess(GOOD.set_axis([0, 0]), BOOK, seed=1), "行号有重复,如 0"),
        (lambda: assess(GOOD.assign(month=date(2026, 5, 2)), BOOK, seed=1), "月份 2026-05-02 不是某月的第一天"),
        (lambda: assess(GOOD.assign(month=pd.Timestamp("2026-05-01")), BOOK, seed=1), "不是某月的第一天;应写作每月 1 日的日期"),
        (lambda: possible_ranks(GOOD.drop(columns="unit_type"), RULE, seed=1), "缺少列 unit_type"),
        (lambda: possible_ranks(GOOD, RULE, seed=1, draws=0), "名次模拟的次数为 0;应为 1 或更大的整数"),
        (lambda: nearest_peers(sizes(A=1).drop(columns="request_count"), count=1), "缺少列 request_count"),
        (lambda: nearest_peers(pd.concat([sizes(A=1), sizes(A=2)]), count=1), "同类单位:A 出现不止一次"),
        (lambda: nearest_peers(sizes(A=1, B=-1), count=1), "同类单位:B 的诉求量为负数或空缺"),
        (lambda: nearest_peers(sizes(A=1, B=2), count=0), "同类单位的个数为 0"),
    ],
)
def test_errors_say_what_where_and_what_is_allowed(broken: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=r"[\u4e00-\u9fff]") as caught:
        broken()
    assert said in str(caught.value)


def test_counts_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(ValueError, match="resolved_count must lie between 0 and resolution_base_count"):
        assess(GOOD.assign(resolved_count=101), BOOK, seed=1)


# --- Policy ---------------------------------------------------------------------------------------------------------------


def test_rule_as_written() -> None:
    assert RULE.weights == {"response_rate": 0.1, "resolution_rate": 0.45, "satisfaction_rate": 0.45}
    assert RULE.grades == {Grade.EXCELLENT: 97, Grade.GOOD: 94, Grade.FAIR: 90}
    assert RULE.targets == {"response_rate": 0.98, "resolution_rate": 0.97, "satisfaction_rate": 0.97}
    assert (RULE.small_base, RULE.level, RULE.answer_correlation, RULE.peer_count) == (30, 0.9, 0.7, 8)
    assert {entry.status for entry in BOOK.entries if entry.rule.startswith("assessment.")} == {"assumed"}


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("weights", "{ response = 0.1, resolution = 0.45, satisfaction = 0.44 }"),
        ("weights", "{ response = -0.1, resolution = 0.55, satisfaction = 0.55 }"),
        ("weights", "{ response = 0.5, resolution = 0.5 }"),
        ("grades", "{ excellent = 97, good = 97, fair = 90 }"),
        ("grades", "{ excellent = 101, good = 97, fair = 90 }"),
        ("grades", "{ excellent = 97, good = 94, fair = 0 }"),
        ("grades", "{ excellent = 97, good = 94 }"),
        ("targets", "{ response = 98, resolution = 0, satisfaction = 97 }"),
        ("targets", "{ response = 98, resolution = 101, satisfaction = 97 }"),
        ("targets", "97"),
        ("comparison", "{ level = 1.0, answer_correlation = 0.7, peers = 8 }"),
        ("comparison", "{ level = 0.9, answer_correlation = 1.0, peers = 8 }"),
        ("comparison", "{ level = 0.9, answer_correlation = 0.7, peers = 0 }"),
        ("comparison", "{ level = 0.9, answer_correlation = 0.7, peers = 8.5 }"),
    ],
)
def test_bad_values_are_refused(tmp_path: Path, rule: str, value: str) -> None:
    head, rest = TEXT.split(f"[[assessment.{rule}]]\n", 1)
    path = tmp_path / "policy.toml"
    path.write_text(f"{head}[[assessment.{rule}]]\nvalue = {value}\n{rest.split(chr(10), 1)[1]}", encoding="utf-8")
    with pytest.raises(PolicyError, match=f"assessment.{rule} entry 1: value"):
        load_policy(path)

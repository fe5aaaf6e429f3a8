"""Findings joined to lives that keep one name, and the stage of a life from numbers made by hand."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.hotspot_life import NOTIFIED, PATIENCE_DAYS, Finding, Life, Recent, Stage, follow, next_stage, renamed

SUNDAY = date(2025, 6, 1)
RUBBISH, NOISE = ("市容环卫", "垃圾清运"), ("噪声", "施工噪声")


def finding(weeks: int = 0, areas: str = "a", problem: tuple[str, str] = RUBBISH, strength: float = 10.0) -> Finding:
    """Found so many weeks after the first cut-off in areas of one letter each; the first is the centre."""
    cutoff = SUNDAY + timedelta(weeks=weeks)
    return Finding(cutoff, problem, frozenset(areas), areas[0], cutoff - timedelta(weeks=4), strength)


def sets(lives: list[Life]) -> set[frozenset[Finding]]:
    return {frozenset(life.findings) for life in lives}


# Joined


def test_findings_of_one_problem_and_place_are_one_life() -> None:
    found = [finding(week, areas) for week, areas in enumerate(("ab", "abc", "bcd", "cd"))]
    (life,) = follow(found)
    assert life.findings == found  # in order of time, and the last shares nothing with the first


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("ab", "bc", True),  # one of two
        ("abc", "cde", False),  # one of three
        ("abc", "bcd", True),
        ("abcdefgh", "a", True),  # all of the smaller
        ("a", "abcdefgh", True),
        ("abcd", "defg", False),
        ("abcd", "cdef", True),  # half, just
        ("a", "b", False),
    ],
)
def test_half_of_the_smaller_must_be_shared(first: str, second: str, is_one: bool) -> None:
    assert len(follow([finding(0, first), finding(1, second)])) == (1 if is_one else 2)


def test_another_problem_is_another_life() -> None:
    lives = follow([finding(), finding(1, problem=NOISE)])
    assert [life.findings[0].problem for life in lives] == [RUBBISH, NOISE]
    assert len({life.name for life in lives}) == 2


@pytest.mark.parametrize(("weeks", "is_one"), [(1, True), (8, True), (9, False)])
def test_patience_is_eight_weeks(weeks: int, is_one: bool) -> None:
    assert PATIENCE_DAYS == 56
    lives = follow([finding(), finding(weeks)])
    assert len(lives) == (1 if is_one else 2)
    assert len({life.name for life in lives}) == len(lives)


def test_what_began_before_it_was_lost_is_the_same() -> None:
    """Windows reach back half a year: lost and found again with the same window, it holds the same requests."""
    again = replace(finding(20), since=SUNDAY - timedelta(weeks=1))
    assert len(follow([finding(), again])) == 1
    assert len(follow([finding(), replace(again, since=SUNDAY + timedelta(days=1))])) == 2


def test_people_find_it_under_the_name_they_know() -> None:
    known = [("known001", finding(0, "abc")), ("known002", finding(0, "xyz"))]
    lives = follow([finding(1, "abc"), finding(1, "abd", strength=5.0), finding(1, "q")])
    names = [life.name for life in lives]
    renamed(lives, known)
    assert lives[0].name == "known001"
    assert [life.name for life in lives[1:]] == names[1:]  # no name is given twice, and none to another place
    renamed(lives, [("known001", finding(0, "abc"))])
    assert lives[0].name == "known001"


def test_patience_is_counted_from_the_last_finding_not_the_first() -> None:
    assert len(follow([finding(weeks) for weeks in (0, 8, 16, 24)])) == 1


def test_two_findings_of_one_cutoff_are_never_one_life() -> None:
    """The stronger goes on with the life that both overlap; the other begins its own."""
    before, strong, weak = finding(0, "ab"), finding(1, "ac", strength=20), finding(1, "bd", strength=5)
    lives = follow([before, weak, strong])
    assert sets(lives) == {frozenset({before, strong}), frozenset({weak})}
    twice = follow([finding(0, "ab", strength=20), finding(0, "ab", strength=5)])
    assert [len(life.findings) for life in twice] == [1, 1]


def test_of_two_lives_the_one_that_shares_more_goes_on() -> None:
    one, other, later = finding(0, "abcd", strength=9), finding(0, "efgh", strength=8), finding(1, "cdefgh")
    assert sets(follow([one, other, later])) == {frozenset({one}), frozenset({other, later})}


def test_the_best_finding_is_the_strongest() -> None:
    found = [finding(week, strength=strength) for week, strength in enumerate((5.0, 30.0, 12.0))]
    assert follow(found)[0].best == found[1]


# Names


def test_a_name_says_problem_place_and_first_day() -> None:
    (life,) = follow([finding()])
    assert len(life.name) == 8
    changes = {"problem": NOISE, "centre": "b", "cutoff": SUNDAY + timedelta(days=7)}
    others = [follow([replace(finding(), areas=frozenset("ab"), **{name: value})])[0].name for name, value in changes.items()]
    assert len({life.name, *others}) == 4
    assert follow([replace(finding(), strength=99.0, since=SUNDAY, areas=frozenset("az"))])[0].name == life.name


def drawn(seed: int, number: int = 30) -> list[Finding]:
    """Findings of a few places, problems and cut-offs, none twice."""
    chance = random.Random(seed)
    found = {}
    for _turn in range(number):
        problem, areas = chance.choice((RUBBISH, NOISE)), "".join(chance.sample("abcdef", chance.randrange(1, 4)))
        item = finding(chance.randrange(12), areas, problem, strength=chance.random() * 30)
        found[item.cutoff, item.problem, item.centre] = item
    return list(found.values())


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_the_order_of_findings_does_not_matter_and_names_stay(seed: int) -> None:
    found = drawn(seed)
    lives = follow(found)
    random.Random(seed + 1).shuffle(found)
    assert follow(found) == lives
    assert sum(len(life.findings) for life in lives) == len(found)
    for life in lives:
        days = [item.cutoff for item in life.findings]
        assert days == sorted(set(days))
        assert all((later - earlier).days <= PATIENCE_DAYS for earlier, later in pairwise(days))
    names = {frozenset(life.findings): life.name for life in lives}
    for weeks in range(12):
        known = follow([item for item in found if item.cutoff <= SUNDAY + timedelta(weeks=weeks)])
        for life in known:  # each is the beginning of a life that all findings make, under the same name
            assert [name for all_found, name in names.items() if set(life.findings) <= all_found] == [life.name]


def test_nothing_found_is_no_life() -> None:
    assert follow([]) == []


# Stages


def recent(ratio: float, low: float | None = None) -> Recent:
    return Recent(ratio, ratio - 0.5 if low is None else low, ratio + 0.5)


NEW, WORSENING, ONGOING, EASING, ENDED = Stage.NEW, Stage.WORSENING, Stage.ONGOING, Stage.EASING, Stage.ENDED


@pytest.mark.parametrize(
    ("before", "ratios", "told", "stage"),
    [
        ((), (recent(3.0),), 0.0, NEW),
        ((), (recent(1.2, 0.8),), 0.0, ENDED),  # the scan found it, in a longer window, when it was over
        ((), (recent(float("nan"), float("nan")),), 0.0, ENDED),
        ((ENDED,), (recent(1.2, 0.8), recent(2.0)), 0.0, NEW),  # nobody was told of it before
        ((NEW,), (recent(3.0), recent(3.74)), 3.0, ONGOING),
        ((NEW,), (recent(3.0), recent(3.75)), 3.0, WORSENING),  # a quarter more, just
        ((NEW, ONGOING), (recent(3.0), recent(3.6), recent(3.8)), 3.0, WORSENING),  # against what was told, not against last week
        ((NEW, WORSENING), (recent(3.0), recent(4.0), recent(4.5)), 4.0, ONGOING),
        ((NEW,), (recent(3.0), recent(2.01)), 3.0, ONGOING),
        ((NEW,), (recent(3.0), recent(2.0)), 3.0, EASING),  # two thirds, just
        ((NEW, WORSENING, EASING), (recent(3.0), recent(6.0), recent(3.5), recent(3.9)), 6.0, EASING),  # of the peak, not of the first
        ((NEW, ONGOING), (recent(3.0), recent(3.7), recent(2.4)), 3.0, EASING),  # nor of what was told
        ((NEW,), (recent(3.0), recent(1.4, 1.0)), 3.0, ENDED),  # not above what is usual
        ((NEW,), (recent(3.0), recent(1.6, 1.01)), 3.0, EASING),
        ((NEW,), (recent(3.0), recent(float("nan"), float("nan"))), 3.0, ENDED),
        ((NEW, ENDED), (recent(3.0), recent(1.0), recent(1.0)), 3.0, ENDED),
        ((NEW, ENDED), (recent(3.0), recent(1.0), recent(1.8)), 3.0, WORSENING),  # it is back, though less than people were told
        ((NEW, ENDED, WORSENING), (recent(3.0), recent(1.0), recent(2.4), recent(2.5)), 2.4, ONGOING),
    ],
)
def test_the_stage_follows_from_the_numbers(before: tuple[Stage, ...], ratios: tuple[Recent, ...], told: float, stage: Stage) -> None:
    assert next_stage(before, ratios, told) is stage


def test_people_are_told_of_what_is_new_or_worse() -> None:
    assert {NEW, WORSENING} == NOTIFIED

"""The class 治理类: its register by days, and what speaks for entry, exit and relapse, counted by hand and by a clerk."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.governance_class import ClassRule, Criterion, Membership, Proposal, ProposalKind, Register, propose, volume_ranks
from governance.policy import POLICY_FILE, PolicyError, load_policy
from governance.rates import RATE_COUNTS

BOOK = load_policy()
JUNE = date(2026, 6, 1)
RULE = ClassRule.of(BOOK, JUNE)
TEXT = POLICY_FILE.read_text(encoding="utf-8")
NOBODY = Register(())
MONTHS = [date(2025 + place // 12, place % 12 + 1, 1) for place in range(18)]
"""January 2025 to June 2026."""

LAST_SIX = MONTHS[-6:]


def months_of(code: str, counts: list[int] | int, months: list[date] = LAST_SIX, **others: Any) -> pd.DataFrame:
    """A place's months: so many requests, ten thousand residents, 90 of 100 answers good."""
    values = [counts] * len(months) if isinstance(counts, int) else counts
    rates = {top: 90 for top, _base in RATE_COUNTS.values()} | {base: 100 for _top, base in RATE_COUNTS.values()}
    return pd.DataFrame({"subdistrict_code": code, "month": months, "request_count": values, "population": 10_000.0, **rates, **others})


def crowd(size: int, first: int = 1000, months: list[date] = LAST_SIX) -> list[pd.DataFrame]:
    """Places C00, C01 ... each with ten fewer requests than the one before."""
    return [months_of(f"C{place:02d}", first - 10 * place, months) for place in range(size)]


def of(code: str, frames: list[pd.DataFrame], register: Register = NOBODY, rule: ClassRule = RULE, month: date = JUNE) -> Proposal:
    return {item.code: item for item in propose(pd.concat(frames, ignore_index=True), register, month, rule)}[code]


def met(proposal: Proposal) -> dict[Criterion, bool | None]:
    return {item.criterion: item.is_met for item in proposal.evidence}


# --- Register -------------------------------------------------------------------------------------------------------------

REGISTER = Register(
    [
        Membership("B", date(2026, 5, 1), date(2026, 5, 15)),
        Membership("A", date(2025, 1, 1), date(2025, 12, 31)),
        Membership("A", date(2026, 1, 1)),
        Membership("B", date(2026, 6, 30), date(2026, 6, 30)),
    ]
)


@pytest.mark.parametrize(
    ("day", "codes"),
    [
        (date(2024, 12, 31), set()),
        (date(2025, 1, 1), {"A"}),
        (date(2025, 12, 31), {"A"}),
        (date(2026, 1, 1), {"A"}),
        (date(2026, 4, 30), {"A"}),
        (date(2026, 5, 1), {"A", "B"}),
        (date(2026, 5, 15), {"A", "B"}),
        (date(2026, 5, 16), {"A"}),
        (date(2026, 6, 30), {"A", "B"}),
        (date(2026, 7, 1), {"A"}),
    ],
)
def test_first_and_last_day_are_inside(day: date, codes: set[str]) -> None:
    """One membership may begin the day after another ended; an open one has no last day."""
    assert REGISTER.members_on(day) == codes


def test_members_of_a_month_are_those_of_any_day() -> None:
    """Also where the month is not over: what comes later in it is not known yet."""
    assert REGISTER.members_of(date(2026, 5, 20)) == {"A", "B"}
    assert REGISTER.members_of(date(2026, 4, 1)) == {"A"}
    assert REGISTER.members_of(date(2026, 6, 1)) == {"A", "B"}
    assert REGISTER.members_of(date(2026, 6, 1), until=date(2026, 6, 29)) == {"A"}


def test_day_of_leaving() -> None:
    """None for a member, for one that never was, and before it left; else its newest end."""
    assert REGISTER.left_on("B", date(2026, 5, 15)) is None
    assert REGISTER.left_on("B", date(2026, 5, 31)) == date(2026, 5, 15)
    assert REGISTER.left_on("B", date(2026, 6, 30)) is None
    assert REGISTER.left_on("B", date(2026, 7, 1)) == date(2026, 6, 30)
    assert REGISTER.left_on("A", date(2026, 5, 31)) is None
    assert REGISTER.left_on("C", date(2026, 5, 31)) is None


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20), st.booleans()), max_size=4), st.integers(0, 80))
def test_the_register_is_its_days(spans: list[tuple[int, int, bool]], asked: int) -> None:
    """Refused exactly where a day belongs to two; else the members of a day are those whose days hold it, and a month holds its days."""
    start = date(2026, 1, 1)
    items = [Membership("A", start + timedelta(days=first), None if is_open else start + timedelta(days=first + length)) for first, length, is_open in spans]
    days = [{start + timedelta(days=day) for day in range(200) if item.covers(start + timedelta(days=day))} for item in items]
    if any(one & other for place, one in enumerate(days) for other in days[place + 1 :]):
        with pytest.raises(ValueError, match="重叠"):
            Register(items)
        return
    register, day = Register(items), start + timedelta(days=asked)
    assert ("A" in register.members_on(day)) is any(day in one for one in days)
    assert ("A" in register.members_of(day)) is any((other.year, other.month) == (day.year, day.month) for one in days for other in one)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([Membership("", JUNE)], "治理类名册:自 2026-06-01 起的一条没有街乡镇代码"),
        ([Membership("A", JUNE, date(2026, 5, 31))], "A 的止日 2026-05-31 早于起日 2026-06-01;止日应不早于起日"),
        ([Membership("A", JUNE), Membership("A", date(2026, 5, 1), JUNE)], "A 自 2026-05-01 至 2026-06-01 的一条与自 2026-06-01 起的一条重叠"),
        ([Membership("A", date(2026, 5, 1)), Membership("A", JUNE)], "A 自 2026-05-01 至 今 的一条与自 2026-06-01 起的一条重叠"),
    ],
)
def test_registers_that_contradict_themselves(items: list[Membership], said: str) -> None:
    with pytest.raises(ValueError, match="治理类名册") as caught:
        Register(items)
    assert said in str(caught.value)


# --- Entry ----------------------------------------------------------------------------------------------------------------


def test_ranks_by_hand() -> None:
    assert volume_ranks(pd.Series([5, 7, 5, 0, 1, math.nan])).tolist() == pytest.approx([2, 1, 2, math.nan, 4, math.nan], nan_ok=True)


@pytest.mark.parametrize(("counts", "kind"), [([0, 995, 0, 995, 0, 995], "entry"), ([0, 0, 995, 0, 995, 0], "none"), ([0, 0, 0, 995, 995, 995], "entry")])
def test_entry_by_months_among_the_first_ten(counts: list[int], kind: str) -> None:
    """995 among 1000, 990 ... is rank 2; three of the last six months are needed."""
    proposal = of("X", [*crowd(12), months_of("X", counts, population=1e6)])
    evidence = proposal.evidence[0]
    assert (proposal.kind, evidence.value, evidence.bound, evidence.known_months) == (kind, sum(count > 0 for count in counts), 3, 6)


def test_rank_ten_is_among_the_first_ten_and_eleven_is_not() -> None:
    """Nine places have more than X; C09 ties with it, so both are tenth."""
    assert of("X", [*crowd(12), months_of("X", 910, population=1e6)]).kind is ProposalKind.ENTRY
    assert of("X", [*crowd(12), months_of("X", 909, population=1e6)]).kind is ProposalKind.NONE


def test_entry_by_requests_per_resident() -> None:
    """The smallest place by volume, but the highest per resident in all six months; five are not enough."""
    people = [100.0] * 6
    high = of("X", [*crowd(30), months_of("X", 100, population=people)])
    assert met(high) == {Criterion.FIRST_RANKS: False, Criterion.HIGH_PER_10K: True}
    assert high.kind is ProposalKind.ENTRY
    five = of("X", [*crowd(30), months_of("X", [10, *[100] * 5], population=[10_000.0, *people[1:]])])
    assert (five.evidence[1].value, five.evidence[1].is_met, five.kind) == (5, False, ProposalKind.NONE)


def test_who_is_like_all_others_is_not_above_them() -> None:
    """Thirty places with equally many requests per resident: the quantile is what each of them has."""
    alike = [months_of(f"C{place:02d}", 100) for place in range(30)]
    assert of("C00", alike).evidence[1].value == 0


def test_what_is_not_known_is_not_met() -> None:
    """Without populations, or with three months of data, nothing is told by what is missing; what is known may still decide."""
    assert met(of("X", [*crowd(30), months_of("X", 100, population=math.nan)]))[Criterion.HIGH_PER_10K] is None
    short = of("X", [*crowd(12), months_of("X", 995, LAST_SIX[-2:], population=1e6)])
    assert (short.evidence[0].value, short.evidence[0].known_months, short.evidence[0].is_met) == (2, 2, None)
    assert short.kind is ProposalKind.NONE
    assert met(of("X", [*crowd(12), months_of("X", 995, LAST_SIX[-3:], population=1e6)]))[Criterion.FIRST_RANKS] is True
    assert met(of("X", [*crowd(12), months_of("X", 0, LAST_SIX[-4:], population=1e6)]))[Criterion.FIRST_RANKS] is False


# --- Exit -----------------------------------------------------------------------------------------------------------------

IN_CLASS = Register([Membership("X", date(2025, 1, 1))])


def test_exit_needs_all_four() -> None:
    """Behind thirty places for six months and rates equal to the city's: out. One of them missing: stay."""
    proposal = of("X", [*crowd(30), months_of("X", 100)], IN_CLASS)
    assert proposal.kind is ProposalKind.EXIT
    assert [item.criterion for item in proposal.evidence] == [Criterion.BEYOND_RANK, Criterion.RESPONSE, Criterion.RESOLUTION, Criterion.SATISFACTION]
    assert proposal.evidence[2].value == proposal.evidence[2].bound == 0.9
    for frames, failed in [
        ([*crowd(29), months_of("X", 100)], Criterion.BEYOND_RANK),
        ([*crowd(30), months_of("X", [100, 100, 750, 100, 100, 100])], Criterion.BEYOND_RANK),
        ([*crowd(30), months_of("X", 100, resolved_count=[90, 89, 90, 90, 90, 90])], Criterion.RESOLUTION),
        ([*crowd(30), months_of("X", 100, responded_count=89)], Criterion.RESPONSE),
        ([*crowd(30), months_of("X", 100, satisfied_count=0)], Criterion.SATISFACTION),
    ]:
        stays = of("X", frames, IN_CLASS)
        assert [item.criterion for item in stays.evidence if item.is_met is False] == [failed]
        assert stays.kind is ProposalKind.STAY


def test_rates_of_the_months_together_and_of_the_city_together() -> None:
    """10 of 10, then 400 of 500 five times: 2010 of 2510, though the mean of the months' rates is 0.83; the city is its tickets, not the mean of places."""
    own = months_of("X", 100, resolved_count=[10, *[400] * 5], resolution_base_count=[10, *[500] * 5])
    other = months_of("C00", 900, resolved_count=8, resolution_base_count=10)
    evidence = of("X", [own, other], IN_CLASS).evidence[2]
    assert (evidence.value, evidence.bound) == (pytest.approx(2010 / 2510), pytest.approx(2058 / 2570))


@pytest.mark.parametrize(("answers", "is_met"), [(30, True), (29, None), (0, None)])
def test_few_answers_cannot_tell(answers: int, is_met: bool | None) -> None:
    """29 good answers of 29 in six months are no proof; no follow-ups at all are none either."""
    counts = [answers, 0, 0, 0, 0, 0]
    proposal = of("X", [*crowd(30), months_of("X", 100, resolved_count=counts, resolution_base_count=counts)], IN_CLASS)
    assert proposal.evidence[2].is_met is is_met
    assert proposal.kind is (ProposalKind.EXIT if is_met else ProposalKind.STAY)


def test_five_known_months_are_not_six() -> None:
    """None of the criteria can be told; a place without any request is beyond every rank."""
    proposal = of("X", [*crowd(30), months_of("X", 100, LAST_SIX[1:])], IN_CLASS)
    assert set(met(proposal).values()) == {None}
    assert proposal.kind is ProposalKind.STAY
    assert met(of("X", [*crowd(30), months_of("X", 0)], IN_CLASS))[Criterion.BEYOND_RANK] is True


# --- Watch ----------------------------------------------------------------------------------------------------------------


def watched(counts: list[int], left: date) -> Proposal:
    others = [months_of(f"C{place:02d}", 10_000 + place, MONTHS) for place in range(12)]
    return of("X", [*others, months_of("X", counts, MONTHS, population=1e6)], Register([Membership("X", date(2024, 1, 1), left)]))


CALM = [100] * 18


@pytest.mark.parametrize(
    ("left", "kind"),
    [
        (date(2026, 6, 15), "watch"),
        (date(2026, 5, 31), "watch"),
        (date(2025, 6, 30), "watch"),
        (date(2025, 6, 1), "watch"),
        (date(2025, 5, 31), "none"),
        (date(2026, 6, 30), "stay"),
    ],
)
def test_twelve_months_of_watch(left: date, kind: str) -> None:
    """Out in June 2025: watched to June 2026. On its last day in the class a place is a member still."""
    proposal = watched(CALM, left)
    assert proposal.kind == kind
    assert proposal.left_on == (left if kind == "watch" else None)


@pytest.mark.parametrize(
    ("may", "june", "running", "kind"), [(120, 120, 2, "relapse"), (119, 120, 1, "watch"), (120, 119, 0, "watch"), (300, 300, 2, "relapse"), (0, 0, 0, "watch")]
)
def test_relapse_is_a_fifth_more_than_a_year_ago_in_two_months_running(may: int, june: int, running: int, kind: str) -> None:
    proposal = watched([*CALM[:16], may, june], date(2025, 12, 31))
    rebound = proposal.evidence[-1]
    assert (rebound.criterion, rebound.value, rebound.bound, proposal.kind) == (Criterion.REBOUND, running, 2, kind)


@pytest.mark.parametrize(("left", "kind"), [(date(2026, 4, 30), "relapse"), (date(2026, 5, 1), "watch"), (date(2026, 5, 31), "watch")])
def test_only_whole_months_after_the_exit_count(left: date, kind: str) -> None:
    """A place that left in May has one month only."""
    proposal = watched([*CALM[:16], 200, 200], left)
    assert (proposal.kind, proposal.evidence[-1].is_met) == (kind, kind == "relapse")


def test_without_the_year_before_nothing_is_told() -> None:
    """Nothing in May 2025 to grow from: a rise in June alone leaves it open, none in June decides."""
    left = date(2025, 12, 31)
    unknown = [*CALM[:4], 0, *CALM[5:]]
    assert watched([*unknown[:16], 200, 200], left).evidence[-1].is_met is None
    assert watched([*unknown[:16], 200, 100], left).evidence[-1].is_met is False


def test_entry_goes_before_relapse_and_both_are_shown() -> None:
    frames = [months_of("A", 50, MONTHS), months_of("X", [*CALM[:12], *[200] * 6], MONTHS)]
    proposal = of("X", frames, Register([Membership("X", date(2024, 1, 1), date(2025, 12, 31))]))
    assert proposal.kind is ProposalKind.ENTRY
    assert met(proposal)[Criterion.REBOUND] is True


# --- All together ---------------------------------------------------------------------------------------------------------

rows = st.lists(st.lists(st.integers(0, 9), min_size=6, max_size=6), min_size=1, max_size=6)


@given(rows, st.integers(1, 4), st.integers(1, 6))
@settings(max_examples=25, deadline=None)
def test_agrees_with_a_clerk(counts: list[list[int]], first_ranks: int, needed: int) -> None:
    """Months among the first, once more in loops; the register and the frame are as they were."""
    frame = pd.concat([months_of(f"P{place}", values, population=math.nan) for place, values in enumerate(counts)], ignore_index=True)
    before = frame.copy()
    found = propose(frame, NOBODY, JUNE, replace(RULE, first_ranks=first_ranks, entry_months=needed))
    for place, values in enumerate(counts):
        among = sum(value > 0 and sum(other[month] > value for other in counts) < first_ranks for month, value in enumerate(values))
        assert found[place].evidence[0].value == among
        assert (found[place].kind is ProposalKind.ENTRY) is (among >= needed)
    assert [item.code for item in found] == sorted(item.code for item in found)
    pd.testing.assert_frame_equal(frame, before)


def test_later_months_are_not_known() -> None:
    """What June brings changes nothing in what was proposed for May."""
    frames = [*crowd(12), months_of("X", [0, 0, 0, 995, 995, 995], population=1e6)]
    assert of("X", frames, month=date(2026, 5, 31)).kind is ProposalKind.NONE
    assert of("X", frames).kind is ProposalKind.ENTRY


GOOD = pd.concat([months_of("A", 5), months_of("B", 6)], ignore_index=True)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda: propose(GOOD.drop(columns="population"), NOBODY, JUNE, RULE), "治理类评估的数据缺少列 population;现有 subdistrict_code"),
        (lambda: propose(GOOD.assign(subdistrict_code="A"), NOBODY, JUNE, RULE), "A 在 2026-01-01 出现不止一次;改名或合并的街乡镇应先归到现行代码"),
        (lambda: propose(GOOD.assign(request_count=-1), NOBODY, JUNE, RULE), "A 在 2026-01-01 的诉求量为 -1;应为 0 或正数"),
        (lambda: propose(GOOD.assign(request_count=math.nan), NOBODY, JUNE, RULE), "的诉求量为 nan"),
        (lambda: propose(GOOD.assign(month=[day + timedelta(days=1) for day in GOOD["month"]]), NOBODY, JUNE, RULE), "月份 2026-01-02、2026-02-02"),
        (lambda: propose(GOOD, NOBODY, date(2026, 7, 1), RULE), "2026-07 没有任何街乡镇的数据"),
        (lambda: propose(GOOD, IN_CLASS, JUNE, RULE), "治理类名册中的 X 在 2026-06 没有数据;改名或合并的街乡镇应以现行代码写入名册"),
    ],
)
def test_errors_say_what_where_and_what_is_allowed(broken: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match="治理类") as caught:
        broken()
    assert said in str(caught.value)


# --- Policy ---------------------------------------------------------------------------------------------------------------


def test_rule_as_written() -> None:
    """The suggested rule, all of it assumed."""
    assert replace(RULE) == ClassRule(10, 3, 6, 0.95, 6, 30, 6, 12, 0.2, 2, 30)
    assert {item.status for item in BOOK.entries if item.rule.startswith("governance_class.")} == {"assumed"}


def test_each_month_has_its_own_policy(tmp_path: Path) -> None:
    """Two months suffice from June 2026 on: the same counts speak for entry in June and not in May."""
    head, tail = TEXT.split("[[governance_class.entry]]\n", 1)
    entry, rest = tail.split("\n[[", 1)
    before = entry.replace('effective_to = ""', "effective_to = 2026-05-31")
    after = entry.replace(" months = 3", " months = 2").replace("effective_from = 1987-01-01", "effective_from = 2026-06-01")
    path = tmp_path / "policy.toml"
    path.write_text(f"{head}[[governance_class.entry]]\n{before}\n[[governance_class.entry]]\n{after}\n[[{rest}", encoding="utf-8")
    book = load_policy(path)
    frames = [*crowd(12), months_of("X", [0, 0, 995, 995, 0, 0], population=1e6)]
    may, june = (of("X", frames, rule=ClassRule.of(book, day), month=day) for day in (date(2026, 5, 31), date(2026, 6, 30)))
    assert (may.evidence[0].bound, may.evidence[0].is_met) == (3, None)
    assert (june.evidence[0].bound, june.kind) == (2, ProposalKind.ENTRY)


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("entry", "{ first_ranks = 10, months = 7, of_months = 6, per_10k_share = 0.95, per_10k_months = 6 }"),
        ("entry", "{ first_ranks = 0, months = 3, of_months = 6, per_10k_share = 0.95, per_10k_months = 6 }"),
        ("entry", "{ first_ranks = 10, months = 3, of_months = 6, per_10k_share = 95, per_10k_months = 6 }"),
        ("entry", "{ first_ranks = 10.5, months = 3, of_months = 6, per_10k_share = 0.95, per_10k_months = 6 }"),
        ("entry", "{ first_ranks = 10, months = 3, of_months = 6 }"),
        ("exit", "{ beyond_rank = 30, months = 0 }"),
        ("exit", "{ beyond_rank = 30 }"),
        ("watch", "{ months = 12, rise = 0.0, rise_months = 2 }"),
        ("watch", "{ months = 12, rise = 0.2, rise_months = 13 }"),
        ("watch", "{ months = 12.5, rise = 0.2, rise_months = 2 }"),
        ("watch", "{ months = 12, rise = 0.2, rise_months = 0 }"),
        ("watch", "12"),
    ],
)
def test_bad_values_are_refused(tmp_path: Path, rule: str, value: str) -> None:
    head, rest = TEXT.split(f"[[governance_class.{rule}]]\n", 1)
    path = tmp_path / "policy.toml"
    path.write_text(f"{head}[[governance_class.{rule}]]\nvalue = {value}\n{rest.split(chr(10), 1)[1]}", encoding="utf-8")
    with pytest.raises(PolicyError, match=f"governance_class.{rule} entry 1: value"):
        load_policy(path)


def test_months_of_these_tests_follow_each_other() -> None:
    assert all((later - earlier).days in range(28, 32) for earlier, later in pairwise(MONTHS))
    assert (MONTHS[0], MONTHS[-1]) == (date(2025, 1, 1), JUNE)

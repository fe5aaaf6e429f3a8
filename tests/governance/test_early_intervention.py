"""未进先治: exactly the first ten less the class, with ties, half months, days of membership and renamed places."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.case_stages import Lane
from governance.early_intervention import ClassDay, EarlyRule, ListReason, class_members, early_list, lane_of
from governance.governance_class import Membership, Register
from governance.periods import Grain, Period
from governance.policy import POLICY_FILE, PolicyError, load_policy

BOOK = load_policy()
MAY = Period(Grain.MONTH, date(2026, 5, 1), date(2026, 5, 31))
RULE = EarlyRule.of(BOOK, MAY.start)
TEXT = POLICY_FILE.read_text(encoding="utf-8")
NOBODY = Register(())


def places(*counts: int) -> pd.Series:
    """Places P01, P02 ... with that many requests."""
    return pd.Series(counts, index=[f"P{place:02d}" for place in range(1, len(counts) + 1)])


def members(*codes: str) -> Register:
    return Register(Membership(code, date(2025, 1, 1)) for code in codes)


TWELVE = places(120, 110, 100, 90, 80, 70, 60, 50, 40, 30, 20, 0)


def listed(counts: pd.Series, register: Register, period: Period = MAY, rule: EarlyRule = RULE) -> list[str]:
    table = early_list(counts, register, period, rule)
    return sorted(table.index[table["is_listed"]])


def test_the_first_ten_less_the_class_and_nobody_in_their_stead() -> None:
    """Two members among the first ten: eight places are listed, the eleventh is not."""
    table = early_list(TWELVE, members("P01", "P05", "P11"), MAY, RULE)
    assert sorted(table.index[table["is_listed"]]) == ["P02", "P03", "P04", "P06", "P07", "P08", "P09", "P10"]
    assert table["rank"].tolist() == pytest.approx([*range(1, 12), math.nan], nan_ok=True)
    assert table["reason"].tolist() == [
        ListReason.IN_CLASS, *[ListReason.LISTED] * 3, ListReason.IN_CLASS, *[ListReason.LISTED] * 5, ListReason.BEYOND, ListReason.WITHOUT_REQUESTS,
    ]  # fmt: skip
    assert table["short_count"].tolist() == pytest.approx([*[math.nan] * 10, 10, 30], nan_ok=True)
    assert not table["is_tied_last"].any()
    assert table["is_final"].all()
    assert table.index.name == "subdistrict_code"


def test_all_who_tie_with_the_tenth_are_in() -> None:
    """Three places share rank ten: twelve are among the first, and the next is not."""
    counts = places(90, 80, 70, 60, 50, 40, 30, 20, 15, 10, 10, 10, 9)
    table = early_list(counts, members("P11"), MAY, RULE)
    assert table["is_in_first_ten"].sum() == 12
    assert table.loc[["P10", "P11", "P12"], "rank"].tolist() == [10, 10, 10]
    assert table.index[table["is_tied_last"]].tolist() == ["P10", "P11", "P12"]
    assert listed(counts, members("P11")) == ["P01", "P02", "P03", "P04", "P05", "P06", "P07", "P08", "P09", "P10", "P12"]
    assert table.loc["P13", "short_count"] == 1


def test_a_tie_that_ends_above_the_tenth_leaves_no_room() -> None:
    """Ranks 1, 2, then nine places at rank 3: eleven are in, and the twelfth place has rank 12."""
    table = early_list(places(50, 40, *[30] * 9, 20), NOBODY, MAY, RULE)
    assert (table["is_in_first_ten"].sum(), table.loc["P12", "rank"]) == (11, 12)


def test_nobody_is_among_the_first_by_having_nothing() -> None:
    """Only three places have requests: three are in, and no shortfall can be told for the others."""
    table = early_list(places(3, 2, 1, *[0] * 12), NOBODY, MAY, RULE)
    assert table["is_in_first_ten"].sum() == 3
    assert table["short_count"].isna().all()
    assert set(table["reason"].iloc[3:]) == {ListReason.WITHOUT_REQUESTS}


@pytest.mark.parametrize(("class_day", "is_listed"), [(ClassDay.LAST, True), (ClassDay.ANY, False)])
def test_a_place_that_left_the_class_in_the_middle(class_day: ClassDay, is_listed: bool) -> None:
    """In the class until 15 May: on the last day it is not, on one day it was."""
    register = Register([Membership("P02", date(2025, 1, 1), date(2026, 5, 15))])
    assert ("P02" in listed(TWELVE, register, rule=replace(RULE, class_day=class_day))) is is_listed


@pytest.mark.parametrize("class_day", list(ClassDay))
def test_a_place_that_entered_the_class_in_the_middle(class_day: ClassDay) -> None:
    register = Register([Membership("P02", date(2026, 5, 31))])
    assert "P02" not in listed(TWELVE, register, rule=replace(RULE, class_day=class_day))


def test_a_month_that_is_not_over_knows_its_days_so_far() -> None:
    """On 14 May nobody can know that P02 enters on the 15th; the list is marked as running."""
    register = Register([Membership("P02", date(2026, 5, 15)), Membership("P03", date(2025, 1, 1), date(2026, 5, 14))])
    for day, last, any_day in [(14, {"P03"}, {"P03"}), (15, {"P02"}, {"P02", "P03"}), (31, {"P02"}, {"P02", "P03"})]:
        period = replace(MAY, end=date(2026, 5, day))
        assert class_members(register, period, ClassDay.LAST) == last
        assert class_members(register, period, ClassDay.ANY) == any_day
        assert set(early_list(TWELVE, register, period, RULE)["is_final"]) == {day == 31}


def test_a_renamed_place_must_come_under_its_new_code() -> None:
    """The register still holds the old code: better no list than one with a member on it."""
    with pytest.raises(ValueError, match="治理类名册中的 OLD 不在 2026-05 的街乡镇之列;改名或合并的应以现行代码写入名册"):
        early_list(TWELVE, members("OLD"), MAY, RULE)
    assert listed(TWELVE, Register([Membership("OLD", date(2025, 1, 1), date(2026, 4, 30)), Membership("P01", date(2026, 5, 1))]))[0] == "P02"


@given(
    st.dictionaries(st.sampled_from([f"C{place}" for place in range(15)]), st.integers(0, 8), min_size=1),
    st.sets(st.integers(0, 14)),
    st.integers(1, 12),
)
@settings(max_examples=80, deadline=None)
def test_agrees_with_a_clerk(counts: dict[str, int], chosen: set[int], first_ranks: int) -> None:
    """Who has fewer than so many places above them, and requests, and is no member."""
    in_class = {f"C{place}" for place in chosen} & set(counts)
    wanted = {code for code, count in counts.items() if count > 0 and sum(other > count for other in counts.values()) < first_ranks and code not in in_class}
    table = early_list(pd.Series(counts), members(*in_class), MAY, replace(RULE, first_ranks=first_ranks))
    assert set(table.index[table["is_listed"]]) == wanted
    assert ((table["reason"] == ListReason.LISTED) == table["is_listed"]).all()
    for code, short in table["short_count"].dropna().items():  # with so many more it is in, with one less it is not
        for more, is_in in ((int(short), True), (int(short) - 1, False)):
            raised = early_list(pd.Series({**counts, code: counts[code] + more}), NOBODY, MAY, replace(RULE, first_ranks=first_ranks))
            assert raised.loc[code, "is_in_first_ten"] == is_in


def test_the_order_of_rows_changes_nothing() -> None:
    pd.testing.assert_frame_equal(early_list(TWELVE, members("P02"), MAY, RULE), early_list(TWELVE[::-1], members("P02"), MAY, RULE))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda: early_list(pd.concat([TWELVE, TWELVE[:1]]), NOBODY, MAY, RULE), "P01 出现不止一次;改名或合并的街乡镇应先归到现行代码、合为一行"),
        (lambda: early_list(places(3, -1), NOBODY, MAY, RULE), "P02 的接诉量为 -1.0;应为 0 或正整数"),
        (lambda: early_list(places(3, 1).astype("float64") / 2, NOBODY, MAY, RULE), "P01 的接诉量为 1.5"),
        (lambda: early_list(places(3, 1).astype("Int64").mask([False, True]), NOBODY, MAY, RULE), "P02 的接诉量为 nan"),
        (lambda: early_list(pd.Series([5, 3], index=["P01", None]), NOBODY, MAY, RULE), "有 1 行没有街乡镇代码"),
        (lambda: early_list(TWELVE, NOBODY, Period(Grain.RANGE, MAY.start, MAY.end), RULE), "时段为 2026-05-01 至 2026-05-31;应为一个月"),
        (lambda: early_list(TWELVE, NOBODY, Period(Grain.MONTH, date(2026, 5, 2), MAY.end), RULE), "时段为 2026-05-02"),
        (lambda: early_list(TWELVE, NOBODY, Period(Grain.MONTH, MAY.start, date(2026, 6, 1)), RULE), "至 2026-06-01"),
        (lambda: lane_of(1.1, RULE), "概率为 1.1;应在 0 与 1 之间"),
        (lambda: lane_of(math.nan, RULE), "概率为 nan"),
    ],
)
def test_errors_say_what_where_and_what_is_allowed(broken: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=r"[\u4e00-\u9fff]") as caught:
        broken()
    assert said in str(caught.value)


@pytest.mark.parametrize(("probability", "lane"), [(0.0, None), (0.1999, None), (0.2, Lane.WATCH), (0.4999, Lane.WATCH), (0.5, Lane.ALERT), (1.0, Lane.ALERT)])
def test_lane_of_a_probability(probability: float, lane: Lane | None) -> None:
    assert lane_of(probability, RULE) is lane


# --- Policy ---------------------------------------------------------------------------------------------------------------


def test_rule_as_written() -> None:
    """Ten is published from the day of the text; for the months before it is assumed, and so is all else."""
    assert replace(RULE) == EarlyRule(first_ranks=10, class_day=ClassDay.LAST, watch_from=0.2, alert_from=0.5)
    assert [BOOK.entry("early_intervention.first_ranks", day).status for day in (date(2023, 3, 28), date(2023, 3, 29))] == ["assumed", "published"]
    assert {BOOK.entry(f"early_intervention.{name}", MAY.start).status for name in ("class_day", "alert")} == {"assumed"}


def test_each_month_has_its_own_policy(tmp_path: Path) -> None:
    """The first fifteen from June 2026 on."""
    text = TEXT.replace('effective_from = 2023-03-29\neffective_to = ""', "effective_from = 2023-03-29\neffective_to = 2026-05-31", 1)
    entry = TEXT.split("[[early_intervention.first_ranks]]\n")[1].replace("value = 10", "value = 11").replace("2023-03-29\n", "2026-06-01\n")
    path = tmp_path / "policy.toml"
    path.write_text(f"{text}\n[[early_intervention.first_ranks]]\n{entry}", encoding="utf-8")
    book = load_policy(path)
    assert [len(listed(TWELVE, NOBODY, rule=EarlyRule.of(book, day))) for day in (date(2026, 5, 31), date(2026, 6, 30))] == [10, 11]


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("first_ranks", "0"),
        ("first_ranks", "10.0"),
        ("class_day", '"first"'),
        ("class_day", "31"),
        ("alert", "{ watch = 0.5, alert = 0.5 }"),
        ("alert", "{ watch = 0.0, alert = 0.5 }"),
        ("alert", "{ watch = 0.2, alert = 1.0 }"),
        ("alert", "{ watch = 0.2 }"),
    ],
)
def test_bad_values_are_refused(tmp_path: Path, rule: str, value: str) -> None:
    head, rest = TEXT.split(f"[[early_intervention.{rule}]]\n", 1)
    path = tmp_path / "policy.toml"
    path.write_text(f"{head}[[early_intervention.{rule}]]\nvalue = {value}\n{rest.split(chr(10), 1)[1]}", encoding="utf-8")
    with pytest.raises(PolicyError, match=f"early_intervention.{rule} entry 1: value"):
        load_policy(path)

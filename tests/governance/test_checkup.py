"""The check-up by hand: values, references, statuses, what is not judged and why."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from statistics import median

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from governance.checkup import INDICATORS, Checkup, Reason, Status, examine, growing_problems, past_months
from governance.periods import Grain, Period
from governance.policy import CHECKED, load_policy
from governance.rates import COUNTS

POLICY = load_policy().on(date(2025, 6, 1))
NAN = float("nan")


def month(code: str = "a", back: int = 0, **counts: float) -> dict[str, object]:
    """A month of 200 intakes, 100 requests of which 60 were asked and 54 answered well; nothing overdue of 50 due."""
    base = {"intake_count": 200, "request_count": 100, "assessed_count": 100, "open_count": 5, "due_count": 50, "consultation_count": 40}
    base |= {"response_base_count": 60, "responded_count": 54, "resolution_base_count": 60, "resolved_count": 54}
    base |= {"satisfaction_base_count": 60, "satisfied_count": 54}
    return {"code": code, "months_back": back, "population": NAN, "top_count": 30.0, **dict.fromkeys(COUNTS, 0), **base, **counts}


def history(now: dict[str, object] | None = None, *, months: int = 24, others: tuple[dict[str, object], ...] = ()) -> pd.DataFrame:
    rows = [now or month()] + [month(back=back) for back in range(1, months + 1)]
    return pd.DataFrame([*rows, *others])


def row(result: Checkup, key: str) -> pd.Series:
    return result.table.loc[key]


def test_every_indicator_has_a_rule_and_the_other_way_round():
    assert [item.key for item in INDICATORS] == list(CHECKED)


def test_a_steady_place_is_normal_in_all_that_can_be_judged():
    table = examine(history(), "a", policy=POLICY).table
    assert set(table[table["status"] == Status.UNJUDGED].index) == {"requests_per_10k", "open_share"}
    assert set(table["status"]) == {Status.NORMAL, Status.UNJUDGED}
    assert table.loc["requests_per_10k", "reason"] == Reason.NO_DATA
    assert table.loc["open_share", "reason"] == Reason.NO_REFERENCE, "an open share has no fair past"


def test_values_by_hand():
    now = month(request_count=150, open_count=30, overdue_count=10, consultation_count=80, top_count=60, resolved_count=45, population=50_000)
    table = examine(history(now), "a", policy=POLICY).table["value"]
    assert table["request_change"] == pytest.approx(0.5)
    assert table["requests_per_10k"] == pytest.approx(30.0)
    assert table["response_rate"] == pytest.approx(0.9)
    assert table["resolution_rate"] == pytest.approx(0.75)
    assert table["unresolved_count"] == 15
    assert table["overdue_share"] == pytest.approx(0.2)
    assert table["open_share"] == pytest.approx(0.2)
    assert table["consultation_share"] == pytest.approx(0.4)
    assert table["top_problem_share"] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("changed", "key", "status"),
    [
        ({"request_count": 119, "top_count": 36}, "request_change", Status.NORMAL),
        ({"request_count": 149, "top_count": 45}, "request_change", Status.WATCH),
        ({"request_count": 150, "top_count": 45}, "request_change", Status.ALERT),
        ({"request_count": 20, "top_count": 6}, "request_change", Status.NORMAL),
        ({"resolution_base_count": 6000, "resolved_count": 5160}, "resolution_rate", Status.WATCH),
        ({"resolution_base_count": 6000, "resolved_count": 5000}, "resolution_rate", Status.ALERT),
        ({"resolution_base_count": 6000, "resolved_count": 5990}, "resolution_rate", Status.NORMAL),
        ({"overdue_count": 25}, "overdue_share", Status.ALERT),
        ({"consultation_count": 0}, "consultation_share", Status.ALERT),
        ({"consultation_count": 70}, "consultation_share", Status.WATCH),
        ({"top_count": 60}, "top_problem_share", Status.ALERT),
    ],
)
def test_a_status_follows_the_tolerance(changed, key, status):
    assert row(examine(history(month(**changed)), "a", policy=POLICY), key)["status"] == status


def test_what_chance_can_do_is_no_finding():
    """51 of 60 is 5 points below 54 of 60, well within its interval; 510 of 600 is not."""
    few = row(examine(history(month(resolved_count=51)), "a", policy=POLICY), "resolution_rate")
    assert few["difference"] == pytest.approx(-0.05)
    assert few["low"] < 0.9 < few["high"]
    assert few["status"] == Status.NORMAL
    many = row(examine(history(month(resolution_base_count=600, resolved_count=510)), "a", policy=POLICY), "resolution_rate")
    assert many["status"] == Status.WATCH


def test_without_follow_ups_nothing_is_judged_and_nothing_is_zero():
    none = {name: 0 for pair in ("response_base_count responded_count", "resolution_base_count resolved_count") for name in pair.split()}
    found = examine(history(month(**none)), "a", policy=POLICY).table
    for key in ("response_rate", "resolution_rate", "unresolved_count"):
        assert math.isnan(found.loc[key, "value"])
        assert (found.loc[key, "status"], found.loc[key, "reason"]) == (Status.UNJUDGED, Reason.NO_DATA)
    assert found.loc["satisfaction_rate", "status"] == Status.NORMAL


def test_too_few_answers_are_shown_and_not_judged():
    found = row(examine(history(month(resolution_base_count=29, resolved_count=0)), "a", policy=POLICY), "resolution_rate")
    assert (found["value"], found["status"], found["reason"]) == (0.0, Status.UNJUDGED, Reason.FEW)
    assert row(examine(history(month(resolution_base_count=30, resolved_count=0)), "a", policy=POLICY), "resolution_rate")["status"] == Status.ALERT


def test_a_short_past_is_no_reference():
    bad = month(overdue_count=50)
    assert row(examine(history(bad, months=5), "a", policy=POLICY), "overdue_share")["reason"] == Reason.NO_REFERENCE
    assert row(examine(history(bad, months=6), "a", policy=POLICY), "overdue_share")["status"] == Status.ALERT


def peers(count: int, **counts: float) -> tuple[dict[str, object], ...]:
    return tuple(month(code=f"p{number}", **counts) for number in range(count))


def test_peers_judge_what_the_past_cannot():
    bad = month(open_count=50)
    assert row(examine(history(bad, others=peers(3)), "a", policy=POLICY), "open_share")["status"] == Status.UNJUDGED
    found = row(examine(history(bad, others=peers(4)), "a", policy=POLICY), "open_share")
    assert (found["status"], found["reason"], found["rank"], found["peer_count"]) == (Status.ALERT, Reason.PEERS, 1, 4)
    assert found["peer_median"] == pytest.approx(0.05)
    assert found["since"] == 1


def test_peers_with_few_answers_do_not_count():
    found = row(examine(history(others=peers(4, resolution_base_count=29, resolved_count=29)), "a", policy=POLICY), "resolution_rate")
    assert found["peer_count"] == 0
    assert math.isnan(found["peer_median"])


def test_since_counts_months_in_a_row():
    rows = [month(back=back, overdue_count=25 if back in (0, 1, 2, 4) else 0) for back in range(25)]
    found = row(examine(pd.DataFrame(rows), "a", policy=POLICY), "overdue_share")
    assert (found["status"], found["since"]) == (Status.ALERT, 3)


def test_a_month_in_which_nobody_had_a_ticket_is_unknown_not_zero():
    rows = history(months=12)
    rows = rows[rows["months_back"] != 12]
    found = row(examine(rows, "a", policy=POLICY), "request_change")
    assert (found["status"], found["reason"]) == (Status.UNJUDGED, Reason.NO_DATA)
    rows = pd.concat([rows, pd.DataFrame([month(code="p", back=12)])])
    assert math.isnan(row(examine(rows, "a", policy=POLICY), "request_change")["value"]), "growth from nothing has no percentage"


@pytest.mark.parametrize("rows", [history().head(0), pd.DataFrame([month(code="p")])])
def test_an_object_without_any_ticket(rows):
    found = examine(rows, "a", policy=POLICY)
    assert found.count(Status.UNJUDGED) == len(INDICATORS)


def test_one_ticket():
    only = dict.fromkeys(COUNTS, 0) | {"intake_count": 1, "request_count": 1, "open_count": 1}
    found = examine(pd.DataFrame([month(**only) | {"top_count": 1.0}]), "a", policy=POLICY)
    assert found.count(Status.UNJUDGED) == len(INDICATORS)
    assert row(found, "open_share")["value"] == 1.0


def test_nothing_unresolved_as_always_is_normal():
    steady = pd.DataFrame([month(back=back, resolved_count=60) for back in range(25)])
    assert row(examine(steady, "a", policy=POLICY), "unresolved_count")["status"] == Status.NORMAL


def test_a_missing_column_is_named():
    with pytest.raises(ValueError, match="top_count"):
        examine(history().drop(columns="top_count"), "a", policy=POLICY)


def test_the_most_severe_comes_first():
    found = examine(history(month(overdue_count=25, consultation_count=70, request_count=149)), "a", policy=POLICY).marked
    assert found["status"].tolist() == sorted(found["status"].tolist())  # alert before watch
    assert found.index[0] == "overdue_share"


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300)), min_size=13, max_size=13), st.integers(0, 1000))
@settings(max_examples=30, deadline=None)
def test_medians_and_statuses_agree_with_a_loop(months, seed):
    rows = pd.DataFrame([month(back=back, due_count=max(pair), overdue_count=min(pair)) for back, pair in enumerate(months)])
    found = row(examine(rows.sample(frac=1, random_state=seed), "a", policy=POLICY), "overdue_share")
    shares = [min(pair) / max(pair) for pair in months[1:] if max(pair) >= POLICY.small_base]
    expected = median(shares) if len(shares) >= POLICY.least_months else NAN
    assert found["past_median"] == pytest.approx(expected, nan_ok=True)
    if found["status"] in (Status.WATCH, Status.ALERT):
        assert found["value"] - expected >= POLICY.checkup["overdue_share"]["past_watch"]
        assert expected < found["low"]


def test_a_month_cut_short_is_compared_with_as_many_days():
    running = past_months(Period(Grain.MONTH, date(2025, 3, 1), date(2025, 3, 30)), 12)
    assert [(period.start, period.end) for period in running[:3]] == [
        (date(2025, 3, 1), date(2025, 3, 30)),
        (date(2025, 2, 1), date(2025, 2, 28)),
        (date(2025, 1, 1), date(2025, 1, 30)),
    ]
    assert running[12] == Period(Grain.MONTH, date(2024, 3, 1), date(2024, 3, 30))


def test_leap_february():
    whole = past_months(Period(Grain.MONTH, date(2024, 2, 1), date(2024, 2, 29)), 12)
    assert whole[1].end == date(2024, 1, 31)
    assert whole[12].end == date(2023, 2, 28)


def test_growing_problems_are_beyond_tolerance_and_chance():
    now = pd.DataFrame({"problem": ["大", "小", "新", "稳", "降"], "request_count": [300, 12, 40, 105, 50]})
    then = pd.DataFrame({"problem": ["大", "小", "稳", "降"], "request_count": [200, 2, 100, 90]})
    found = growing_problems(now, then, policy=POLICY)
    assert found["problem"].tolist() == ["大", "新"]
    assert found["more_count"].tolist() == [100, 40]
    assert math.isnan(found["change"].iloc[1])


def test_a_tolerance_of_nothing_judges_nothing():
    blind = replace(POLICY, checkup={key: dict.fromkeys(limits, 0.0) for key, limits in POLICY.checkup.items()})
    assert examine(history(month(overdue_count=50)), "a", policy=blind).count(Status.UNJUDGED) == len(INDICATORS)

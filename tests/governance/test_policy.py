"""Dated policy: one entry a rule and day, sources and status, and no misspelt value that counts nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.policy import POLICY_FILE, PolicyError, load_policy
from governance.tickets import EARLIEST_ACCEPTED_ON

TEXT = POLICY_FILE.read_text(encoding="utf-8")


def refused(tmp_path: Path, old: str, new: str) -> str:
    assert old in TEXT
    path = tmp_path / "policy.toml"
    path.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load_policy(path).on(date(2024, 1, 1))
    return str(caught.value)


@given(st.dates(EARLIEST_ACCEPTED_ON, date.today() + timedelta(days=3650)))  # noqa: DTZ011
def test_every_day_since_the_hotline_opened_has_a_policy(day: date) -> None:
    """No gap and no overlap between 1987 and ten years from now."""
    policy = load_policy().on(day)
    assert policy.merge_repeats == (day >= date(2025, 7, 1))
    assert policy.time_limit_hours == {"1": 2, "2": 24, "3": 168, "4": 360}


def test_merging_begins_with_july_2025() -> None:
    """The day before and the day itself are judged by different entries."""
    book = load_policy()
    assert not book.on(date(2025, 6, 30)).merge_repeats
    assert book.on(date(2025, 7, 1)).merge_repeats
    assert book.entry("counting.merged_repeats", date(2025, 7, 1)).status == "assumed"


def test_assumed_values_are_marked() -> None:
    """Values without a public source are assumed, and every entry names what it rests on."""
    entries = load_policy().entries
    assert {entry.status for entry in entries} <= {"published", "assumed"}
    assert all(entry.source and entry.chinese for entry in entries)
    assert all(entry.status == "assumed" for entry in entries if "未公布" in entry.source)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"report"]', '"raport"]', "dispatchable_types"),
        ('value = "first"', 'value = "once"', "merged_repeats"),
        ('value = ["resolved"]', 'value = "resolved"', "resolved_answers"),
        ('value = ["resolved"]', "value = []", "resolved_answers"),
        ('"4" = 360', '"5" = 360', "time_limit_hours"),
        ('"4" = 360', '"4" = "360"', "time_limit_hours"),
        ("value = 30\n", "value = true\n", "small_base"),
        ('status = "assumed"', 'status = "guessed"', "status"),
        ('status = "assumed"', "", "missing status"),
        ('effective_to = ""', "effective_to = 1900-01-01", "in force"),
        ("effective_from = 1987-01-01", 'effective_from = "1987-01-01"', "dates are needed"),
        ("effective_to = 2025-06-30", 'effective_to = ""', "overlap"),
        ("effective_to = 2025-06-30", "effective_to = 2025-07-01", "overlap"),
        ("effective_from = 1987-01-01", "effective_from = 2024-06-01", "0 entries"),
        ("[[counting.excluded]]", "[counting.excluded]", "[[group.name]]"),
        ("[[counting.excluded]]", "[[counting.excluded", "TOML"),
    ],
)
def test_broken_policy_says_where(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Misspelt words, wrong types, overlaps, gaps and broken TOML are refused with the rule's name."""
    assert said in refused(tmp_path, old, new)


def test_only_counting_rules_decide_a_recount() -> None:
    """A display threshold changes no count, a rule of counting does."""
    policy = load_policy().on(date(2025, 8, 1))
    assert replace(policy, small_base=99).counting == policy.counting
    assert replace(policy, merge_repeats=False).counting != policy.counting

"""The rules of foresight: one value of each in force, and none that would warn of everything or of nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from governance.policy import POLICY_FILE, PolicyError, load_policy

TEXT = POLICY_FILE.read_text(encoding="utf-8")
DAY = date(2026, 1, 1)


def with_value(tmp_path: Path, rule: str, value: str) -> Path:
    head, rest = TEXT.split(f"[[foresight.{rule}]]\n", 1)
    _old, after = rest.split("\n", 1)
    path = tmp_path / "policy.toml"
    path.write_text(f"{head}[[foresight.{rule}]]\nvalue = {value}\n{after}", encoding="utf-8")
    return path


def test_every_rule_has_a_value() -> None:
    """As the file says, and all assumed."""
    book = load_policy()
    rules = {item.rule: item for item in book.entries if item.rule.startswith("foresight.")}
    assert {rule: item.value for rule, item in rules.items()} == {
        "foresight.busy_ratio": 1.3,
        "foresight.probability": {"enter": 0.5, "leave": 0.35},
        "foresight.lead_weeks": {"least": 2, "most": 12},
        "foresight.least_count": 20,
        "foresight.false_share": 0.25,
        "foresight.budget": {"leader": 5, "planner": 20, "district": 5, "subdistrict": 3},
        "foresight.triage_days": 2,
    }
    assert {item.status for item in rules.values()} == {"assumed"}


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ("busy_ratio", "1.0"),
        ("busy_ratio", "0.7"),
        ("busy_ratio", "2"),
        ("busy_ratio", '"1.3"'),
        ("probability", "{ enter = 0.5 }"),
        ("probability", "{ enter = 0.5, leave = 0.6 }"),
        ("probability", "{ enter = 1.0, leave = 0.4 }"),
        ("probability", "{ enter = 0.5, leave = 0.0 }"),
        ("probability", '{ enter = "0.5", leave = 0.3 }'),
        ("probability", "{ enter = 0.5, leave = 0.3, other = 0.1 }"),
        ("probability", "0.5"),
        ("lead_weeks", "{ least = 0, most = 12 }"),
        ("lead_weeks", "{ least = 12, most = 12 }"),
        ("lead_weeks", "{ least = 2, most = 53 }"),
        ("lead_weeks", "{ least = 2 }"),
        ("lead_weeks", "{ least = true, most = 12 }"),
        ("least_count", "0"),
        ("least_count", "20.5"),
        ("least_count", "true"),
        ("false_share", "0.0"),
        ("false_share", "1.0"),
        ("false_share", "25"),
        ("budget", "{ leader = 5, planner = 20, district = 5 }"),
        ("budget", "{ leader = 5, planner = 20, district = 5, subdistrict = 0 }"),
        ("budget", "{ leader = 5, planner = 20, district = -1, subdistrict = 3 }"),
        ("budget", "20"),
        ("triage_days", "0"),
        ("triage_days", "1.5"),
    ],
)
def test_bad_values_are_refused(tmp_path: Path, rule: str, value: str) -> None:
    """The message names the rule and the value."""
    with pytest.raises(PolicyError, match=f"foresight.{rule} entry 1: value"):
        load_policy(with_value(tmp_path, rule, value))


@pytest.mark.parametrize(
    ("rule", "value", "read"),
    [
        ("busy_ratio", "1.05", 1.05),
        ("probability", "{ enter = 0.6, leave = 0.6 }", {"enter": 0.6, "leave": 0.6}),
        ("lead_weeks", "{ least = 1, most = 52 }", {"least": 1, "most": 52}),
        ("triage_days", "1", 1),
    ],
)
def test_values_at_the_edge_are_taken(tmp_path: Path, rule: str, value: str, read: object) -> None:
    """Both ends of what is allowed."""
    assert load_policy(with_value(tmp_path, rule, value)).entry(f"foresight.{rule}", DAY).value == read

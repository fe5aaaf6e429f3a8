"""Dated policy: what counts and by which rule on a given day, with the source of each value.

Past months are judged by the policy of their month, so every rule is a list of dated entries and a
reader asks for the one in force on a day. Functions elsewhere take the resulting ``Policy``; none has a
default of its own.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from governance.checkup import INDICATORS
from governance.tickets import RequestType, Resolution, Satisfaction, Urgency

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CHECKED", "Policy", "PolicyBook", "PolicyEntry", "PolicyError", "load_policy"]

POLICY_FILE = Path(__file__).with_name("policy.toml")


def _words_of(kind: type[StrEnum]) -> Callable[[Any], bool]:
    words = {str(member) for member in kind}
    return lambda value: isinstance(value, list) and bool(value) and all(isinstance(word, str) for word in value) and set(value) <= words


def _is_hours(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {str(member) for member in Urgency} and all(type(hours) is int and hours > 0 for hours in value.values())


CHECKED: tuple[str, ...] = tuple(item.key for item in INDICATORS)
"""The indicators of a check-up, in the order shown; each has a rule ``checkup.<name>``."""

TOLERANCES = ("past_watch", "past_alert", "peer_watch", "peer_alert")
PERCENT = 100


def _is_tolerance(value: Any) -> bool:
    """Numbers in percent; 0 means not judged against that reference, and an alert is never below its watch."""
    if not isinstance(value, dict) or set(value) != set(TOLERANCES):
        return False
    if not all(type(number) in (int, float) and number >= 0 for number in value.values()):
        return False
    return all((value[f"{of}_watch"] == 0) == (value[f"{of}_alert"] == 0) and value[f"{of}_watch"] <= value[f"{of}_alert"] for of in ("past", "peer"))


def _has_whole_numbers(value: Any, *names: str) -> bool:
    return isinstance(value, dict) and set(value) == set(names) and all(type(number) is int for number in value.values())


WEEKS_OF_A_YEAR = 52
MODE_BOUNDS = ("seasonal_times", "special_share", "source_spells", "unit_count", "unit_share")


def _has_numbers(value: Any, *names: str) -> bool:
    return isinstance(value, dict) and set(value) == set(names) and all(type(number) in (int, float) for number in value.values())


RATES = ("response", "resolution", "satisfaction")
GRADES = ("excellent", "good", "fair")
ROUNDING = 1e-9


def _is_weights(value: Any) -> bool:
    return _has_numbers(value, *RATES) and min(value.values()) >= 0 and abs(sum(value.values()) - 1) < ROUNDING


def _is_grades(value: Any) -> bool:
    return _has_numbers(value, *GRADES) and PERCENT >= value["excellent"] > value["good"] > value["fair"] > 0


def _is_comparison(value: Any) -> bool:
    return (
        _has_numbers(value, "level", "answer_correlation", "peers")
        and 0 < value["level"] < 1
        and 0 <= value["answer_correlation"] < 1
        and type(value["peers"]) is int
        and value["peers"] > 0
    )


def _is_entry(value: Any) -> bool:
    if not _has_numbers(value, "first_ranks", "months", "of_months", "per_10k_share", "per_10k_months") or not 0 < value["per_10k_share"] < 1:
        return False
    whole = {name: number for name, number in value.items() if name != "per_10k_share"}
    return _has_whole_numbers(whole, *whole) and min(whole.values()) > 0 and value["months"] <= value["of_months"]


def _is_class_watch(value: Any) -> bool:
    if not _has_numbers(value, "months", "rise", "rise_months") or value["rise"] <= 0:
        return False
    return type(value["months"]) is int and type(value["rise_months"]) is int and 0 < value["rise_months"] <= value["months"]


VALUES: dict[str, Callable[[Any], bool]] = {
    "counting.dispatchable_types": _words_of(RequestType),
    "counting.merged_repeats": lambda value: value in ("first", "all"),
    "counting.excluded": lambda value: value == "flagged",
    "rates.resolved_answers": _words_of(Resolution),
    "rates.satisfied_answers": _words_of(Satisfaction),
    "handling.time_limit_hours": _is_hours,
    "display.small_base": lambda value: type(value) is int and value >= 0,
    "changes.false_discovery_rate": lambda value: type(value) is float and 0 < value < 1,
    "quality.drop_tail": lambda value: type(value) is float and 0 < value < 1,
    "quality.drop_share": lambda value: type(value) is float and 0 < value < 1,
    "quality.drop_weeks": lambda value: type(value) is int and value >= 1,
    "quality.late_days": lambda value: type(value) is int and value >= 0,
    "foresight.busy_ratio": lambda value: type(value) is float and value > 1,
    "foresight.probability": lambda value: _has_numbers(value, "enter", "leave") and 0 < value["leave"] <= value["enter"] < 1,
    "foresight.lead_weeks": lambda value: _has_whole_numbers(value, "least", "most") and 0 < value["least"] < value["most"] <= WEEKS_OF_A_YEAR,
    "foresight.least_count": lambda value: type(value) is int and value > 0,
    "foresight.false_share": lambda value: type(value) is float and 0 < value < 1,
    "foresight.budget": lambda value: _has_whole_numbers(value, "leader", "planner", "district", "subdistrict") and min(value.values()) > 0,
    "foresight.triage_days": lambda value: type(value) is int and value > 0,
    "focus.recurrence_days": lambda value: type(value) is int and value > 0,
    "focus.least_ratio": lambda value: type(value) is float and value >= 1,
    "focus.mode": lambda value: _has_numbers(value, *MODE_BOUNDS) and min(value.values()) > 0,
    "focus.budget": lambda value: _has_whole_numbers(value, "leader", "planner", "district", "subdistrict") and min(value.values()) > 0,
    "checkup.least_months": lambda value: type(value) is int and value > 0,
    "checkup.least_peers": lambda value: type(value) is int and value > 0,
    "assessment.weights": _is_weights,
    "assessment.grades": _is_grades,
    "assessment.targets": lambda value: _has_numbers(value, *RATES) and min(value.values()) > 0 and max(value.values()) <= PERCENT,
    "assessment.comparison": _is_comparison,
    "early_intervention.first_ranks": lambda value: type(value) is int and value > 0,
    "early_intervention.class_day": lambda value: value in ("last", "any"),
    "early_intervention.alert": lambda value: _has_numbers(value, "watch", "alert") and 0 < value["watch"] < value["alert"] < 1,
    "governance_class.entry": _is_entry,
    "governance_class.exit": lambda value: _has_whole_numbers(value, "beyond_rank", "months") and min(value.values()) > 0,
    "governance_class.watch": _is_class_watch,
    **{f"checkup.{name}": _is_tolerance for name in CHECKED},
}
"""What each rule's value may be: a misspelt word would count nothing and say nothing."""


class PolicyError(ValueError):
    """The policy file is incomplete or contradicts itself; the message says where."""


@dataclass(frozen=True, slots=True)
class PolicyEntry:
    """One rule's value over the days it is in force.

    ``effective_to`` is inclusive; ``None`` means still in force. ``status`` is ``"published"`` where a
    public text states the value and ``"assumed"`` where this project chose it.
    """

    rule: str
    chinese: str
    value: Any
    unit: str
    source: str
    effective_from: date
    effective_to: date | None
    status: Literal["published", "assumed"]

    def in_force(self, on: date) -> bool:
        """Whether the entry applies on that day."""
        return self.effective_from <= on and (self.effective_to is None or on <= self.effective_to)


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules in force on one day, ready for use.

    ``dispatchable_types`` are request types that count as 诉求; ``merge_repeats`` says whether a
    repeat group counts once; ``time_limit_hours`` maps urgency ("1".."4") to hours;
    ``small_base`` is the number of valid answers below which a rate is marked 样本不足. ``checkup`` maps an
    indicator to its ``past_watch``, ``past_alert``, ``peer_watch`` and ``peer_alert``, fractions, 0 for not judged;
    ``least_months`` and ``least_peers`` say how many are needed for a median to judge by. ``false_discovery_rate`` is the share of
    chance findings that "what changed" may have.
    """

    dispatchable_types: tuple[str, ...]
    merge_repeats: bool
    resolved_answers: tuple[str, ...]
    satisfied_answers: tuple[str, ...]
    time_limit_hours: dict[str, int]
    small_base: int
    checkup: dict[str, dict[str, float]]
    least_months: int
    least_peers: int
    false_discovery_rate: float

    @property
    def counting(self) -> tuple[object, ...]:
        """The rules that decide counts: a month counted under others must be counted again."""
        return (self.dispatchable_types, self.merge_repeats, self.resolved_answers, self.satisfied_answers, sorted(self.time_limit_hours.items()))


class PolicyBook:
    """All dated entries, and the policy of any day.

    Parameters
    ----------
    entries
        Entries of every rule; for one rule the days must not overlap.
    """

    def __init__(self, entries: tuple[PolicyEntry, ...]) -> None:
        self.entries = entries

    def entry(self, rule: str, on: date) -> PolicyEntry:
        """The entry of ``rule`` in force on that day.

        Raises
        ------
        PolicyError
            No entry, or more than one, is in force.
        """
        found = [item for item in self.entries if item.rule == rule and item.in_force(on)]
        if len(found) != 1:
            known = sorted({item.rule for item in self.entries})
            message = f"policy: {len(found)} entries of rule {rule!r} are in force on {on}; exactly one is needed (rules: {', '.join(known)})"
            raise PolicyError(message)
        return found[0]

    def on(self, day: date) -> Policy:
        """The policy in force on that day."""
        return Policy(
            dispatchable_types=tuple(self.entry("counting.dispatchable_types", day).value),
            merge_repeats=self.entry("counting.merged_repeats", day).value == "first",
            resolved_answers=tuple(self.entry("rates.resolved_answers", day).value),
            satisfied_answers=tuple(self.entry("rates.satisfied_answers", day).value),
            time_limit_hours=dict(self.entry("handling.time_limit_hours", day).value),
            small_base=int(self.entry("display.small_base", day).value),
            checkup={name: {key: number / PERCENT for key, number in self.entry(f"checkup.{name}", day).value.items()} for name in CHECKED},
            least_months=int(self.entry("checkup.least_months", day).value),
            least_peers=int(self.entry("checkup.least_peers", day).value),
            false_discovery_rate=float(self.entry("changes.false_discovery_rate", day).value),
        )


def load_policy(path: Path = POLICY_FILE) -> PolicyBook:
    """The policy book of a TOML file.

    Raises
    ------
    PolicyError
        The file cannot be parsed, an entry lacks a key, a status is unknown, or two entries of one
        rule overlap.
    """
    text = path.read_text(encoding="utf-8")
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"policy {path.name}: not readable as TOML: {error}"
        raise PolicyError(message) from error
    try:
        entries = tuple(
            _entry(f"{group}.{name}", index, raw) for group, rules in tree.items() for name, items in rules.items() for index, raw in enumerate(items, start=1)
        )
    except (AttributeError, TypeError) as error:
        message = f"policy {path.name}: every rule is written [[group.name]] with its entries below: {error}"
        raise PolicyError(message) from error
    _check_overlap(entries)
    return PolicyBook(entries)


def _entry(rule: str, index: int, raw: dict[str, Any]) -> PolicyEntry:
    if not isinstance(raw, dict):
        message = f"an entry is {raw!r}"
        raise TypeError(message)
    needed = {"value", "unit", "chinese", "source", "effective_from", "effective_to", "status"}
    if missing := needed - raw.keys():
        message = f"policy {rule} entry {index}: missing {', '.join(sorted(missing))}"
        raise PolicyError(message)
    if raw["status"] not in ("published", "assumed"):
        message = f"policy {rule} entry {index}: status is {raw['status']!r}, allowed are 'published' and 'assumed'"
        raise PolicyError(message)
    if (allowed := VALUES.get(rule)) and not allowed(raw["value"]):
        message = f"policy {rule} entry {index}: value {raw['value']!r} is not one this rule can have"
        raise PolicyError(message)
    start, end = raw["effective_from"], raw["effective_to"] or None
    if not isinstance(start, date) or not (end is None or (isinstance(end, date) and start <= end)):
        message = f"policy {rule} entry {index}: in force from {start!r} to {end!r}; dates are needed, the first not after the last"
        raise PolicyError(message)
    return PolicyEntry(
        rule=rule,
        chinese=raw["chinese"],
        value=raw["value"],
        unit=raw["unit"],
        source=raw["source"],
        effective_from=start,
        effective_to=end,
        status=raw["status"],
    )


def _check_overlap(entries: tuple[PolicyEntry, ...]) -> None:
    by_rule: dict[str, list[PolicyEntry]] = {}
    for item in entries:
        by_rule.setdefault(item.rule, []).append(item)
    for rule, items in by_rule.items():
        ordered = sorted(items, key=lambda item: item.effective_from)
        for earlier, later in pairwise(ordered):
            if earlier.effective_to is None or earlier.effective_to >= later.effective_from:
                message = f"policy {rule}: the entries from {earlier.effective_from} and {later.effective_from} overlap"
                raise PolicyError(message)

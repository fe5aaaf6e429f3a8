"""What happens to a request: who handles it, when, and what the caller answers at follow-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pipeline.demo.assumptions import Assumptions
    from pipeline.demo.plan import Plan

__all__ = ["NEVER", "Answers", "Events", "Units", "answer", "handle", "shifted_logits", "unit_table"]

NEVER = np.iinfo("int64").min
"""The second of what has not happened; it is numpy's NaT."""

HOUR = 3600
DAY = 86_400
LIMIT_HOURS = np.array([2, 24, 168, 360])
"""Four-level response (§2.2)."""

OFFICE_OPENS = 8.5 * HOUR
OFFICE_HOURS = 9.5 * HOUR
CALL_BACK_OPENS = 9 * HOUR
CALL_BACK_HOURS = 11 * HOUR
LONG_LIMIT = 100 * HOUR
HARDNESS = 0.62
STREET_SEED = 777
BISECTIONS = 24


@dataclass(frozen=True, slots=True)
class Units:
    """Who handles what: cumulative shares of each topic's departments and firms, the rest goes to the street.

    ``number`` points into the register of units: streets first, then departments and firms.
    """

    names: tuple[str, ...]
    topic: np.ndarray
    cumulative: np.ndarray
    number: np.ndarray

    def pick(self, topic: np.ndarray, street: np.ndarray, chance: np.ndarray) -> np.ndarray:
        """The handling unit of every row."""
        found = np.searchsorted(self.cumulative, topic + chance, side="right")
        number = self.number[np.minimum(found, len(self.number) - 1)]
        return np.where(number < 0, street, number).astype(np.int32)


def unit_table(assumed: Assumptions) -> Units:
    """The register of units, and each topic's share of them."""
    streets = assumed.streets["parent_name"] + assumed.streets["name"]
    names = (*streets, *assumed.units["name"])
    topics, cumulative, numbers = [], [], []
    for index, row in enumerate(assumed.topics.itertuples()):
        level = float(index)
        for listed, share in ((row.department, row.department_share), (row.firm, row.firm_share)):
            members = [name for name in str(listed).split("|") if name]
            parts = 1 / np.arange(1, len(members) + 1)
            for name, part in zip(members, parts / parts.sum() if members else [], strict=True):
                level += share * part
                topics.append(index)
                cumulative.append(level)
                numbers.append(names.index(name))
        topics.append(index)
        cumulative.append(index + 1.0)
        numbers.append(-1)
    return Units(tuple(names), np.array(topics), np.array(cumulative), np.array(numbers))


@dataclass(slots=True)
class Events:
    """Times of requests in seconds since 1970 (``NEVER`` where not, or not yet) and their urgency, 0 to 3."""

    urgency: np.ndarray
    dispatched: np.ndarray
    signed: np.ndarray
    responded: np.ndarray
    closed: np.ndarray
    followed_up: np.ndarray
    updated: np.ndarray
    due: np.ndarray


def _lognormal(rng: np.random.Generator, rule: list[float], count: int) -> np.ndarray:
    return rule[0] * np.exp(rule[1] * rng.standard_normal(count, dtype=np.float32))


def handle(rng: np.random.Generator, accepted: np.ndarray, topic: np.ndarray, assumed: Assumptions, *, progress: float, cut: int) -> Events:
    """The course of each request; nothing happens after ``cut``.

    Parameters
    ----------
    rng
        The stream of this part.
    accepted
        Seconds since 1970.
    topic
        Row numbers of the topics.
    assumed
        The tables.
    progress
        How far the month is in the whole span, 0 to 1: fewer are overdue towards the end.
    cut
        The end of the last day.
    """
    times, count = assumed.handling["times"], len(accepted)
    levels = np.cumsum(np.array([assumed.handling["urgency"][name] for name in assumed.topics["urgency"]]), axis=1)
    levels[:, -1] = 1.0
    urgency = (rng.random(count, dtype=np.float32)[:, None] >= levels[topic]).sum(axis=1).astype(np.int8)
    limit = (LIMIT_HOURS * HOUR)[urgency].astype("float64")
    dispatched = accepted + (60 * _lognormal(rng, times["dispatch_minutes"], count)).astype("int64") + 20
    signed = dispatched + (60 * _lognormal(rng, times["sign_minutes"], count)).astype("int64") + 10
    overdue = rng.random(count, dtype=np.float32) < times["overdue_start"] + progress * (times["overdue_end"] - times["overdue_start"])
    used = np.minimum(_lognormal(rng, times["close_share"], count), 0.97)
    used = np.where(overdue, 1.03 + 0.45 * rng.standard_exponential(count, dtype=np.float32), used)
    closed = dispatched + np.maximum(limit * used, 900).astype("int64")
    # slow work ends in office hours
    office = (closed // DAY) * DAY + (OFFICE_OPENS + OFFICE_HOURS * rng.random(count, dtype=np.float32)).astype("int64")
    closed = np.where((limit > LONG_LIMIT) & (office > signed + HOUR) & ((office <= dispatched + limit) | overdue), office, closed)
    signed = np.minimum(signed, closed - 600)
    responded = dispatched + (limit * np.minimum(_lognormal(rng, times["respond_share"], count), 0.9) * np.minimum(used, 1)).astype("int64")
    responded = np.maximum(np.minimum(responded, closed - 120), signed + 60)
    followed = closed + (DAY * _lognormal(rng, times["follow_up_days"], count)).astype("int64")
    followed = (followed // DAY) * DAY + (CALL_BACK_OPENS + CALL_BACK_HOURS * rng.random(count, dtype=np.float32)).astype("int64")
    followed = np.maximum(followed, closed + HOUR)
    followed = np.where(rng.random(count, dtype=np.float32) < times["never_followed_up"], NEVER, followed)
    late = closed + (DAY * _lognormal(rng, times["late_update_days"], count)).astype("int64")
    late = np.where(rng.random(count, dtype=np.float32) < times["late_update"], late, NEVER)
    events = [np.where(event > cut, NEVER, event) for event in (dispatched, signed, responded, closed, followed, late)]
    updated = np.maximum.reduce([accepted, *events])
    return Events(urgency, events[0], events[1], events[2], events[3], events[4], updated, dispatched + limit.astype("int64"))


def _expit(logits: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-logits))


def shifted_logits(weights: np.ndarray, effects: np.ndarray, goal: float) -> np.ndarray:
    """The effects, shifted so that the weighted mean probability is ``goal``: differences between streets must not move the city."""
    low, high = -12.0, 12.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        mean = float((weights * _expit(effects + middle)).sum() / weights.sum())
        low, high = (middle, high) if mean < goal else (low, middle)
    return effects + (low + high) / 2


def street_effects(assumed: Assumptions) -> np.ndarray:
    """How well each street does (logits), fixed for all seeds."""
    return np.random.default_rng(STREET_SEED).normal(0, assumed.handling["rates"]["street_spread"], len(assumed.streets))


def goals(assumed: Assumptions, month: np.datetime64) -> dict[str, float]:
    """The city's rates aimed at in a month, between the dated figures."""
    rates = assumed.handling["rates"]
    on = np.array(rates["on"], dtype="datetime64[D]").astype("float64")
    middle = float(month.astype("datetime64[D]").astype("int64") + 15)
    return {name: float(np.interp(middle, on, rates[name])) for name in ("response", "resolution", "satisfaction")}


@dataclass(slots=True)
class Answers:
    """Codes at follow-up, -1 where not asked or not answered.

    ``responded``: 0 yes, 1 no. ``resolution``: 0 resolved, 1 partly, 2 unresolved. ``satisfaction``: 0 satisfied,
    1 basically, 2 dissatisfied, 3 not rated. ``excluded``: number of the reason.
    """

    responded: np.ndarray
    resolution: np.ndarray
    satisfaction: np.ndarray
    excluded: np.ndarray


def answer(
    rng: np.random.Generator,
    rows: tuple[np.ndarray, np.ndarray],
    followed: np.ndarray,
    assumed: Assumptions,
    plan: Plan,
    effects: tuple[np.ndarray, np.ndarray, int],
) -> Answers:
    """What callers answer.

    Parameters
    ----------
    rng
        The stream of this part.
    rows
        Leaf and street of each request.
    followed
        Whether it was followed up.
    assumed, plan
        The tables and the plan.
    effects
        Planted logits by leaf and by street, and the month's number.
    """
    leaf, street = rows
    rates, flags, count = assumed.handling["rates"], assumed.handling["flags"], len(leaf)
    leaf_logit, street_logit, month = effects
    goal = goals(assumed, plan.span.months[month])
    topic_of_leaf = assumed.topic_of_leaf
    weight = assumed.topics["share"].to_numpy(dtype="float64")[:, None] * plan.streets_of(month)
    base = street_effects(assumed)[None, :] - HARDNESS * assumed.topics["hardness"].to_numpy(dtype="float64")[:, None]
    topic = topic_of_leaf[leaf]
    planted = leaf_logit[leaf] + street_logit[street]
    drawn = [rng.random(count, dtype=np.float32) for _ in range(3)]
    resolved_chance = _expit(shifted_logits(weight, base, goal["resolution"])[topic, street] + planted)
    responded_chance = _expit(shifted_logits(weight, 0.5 * base, goal["response"])[topic, street] + 0.5 * planted)
    excluded = rng.random(count, dtype=np.float32) < flags["excluded"]
    resolved = (drawn[0] < resolved_chance) & ~(excluded & (rng.random(count, dtype=np.float32) < flags["excluded_unresolved"]))
    partly = rng.random(count, dtype=np.float32) < rates["partly_if_unresolved"]
    otherwise = rates["satisfied_if_unresolved"]
    happy = np.clip((goal["satisfaction"] - (1 - goal["resolution"]) * otherwise) / goal["resolution"], 0, 0.998)
    satisfied = drawn[1] < np.where(resolved, happy, otherwise)
    basically = rng.random(count, dtype=np.float32) < rates["basically"]
    satisfaction = np.where(satisfied, basically.astype(np.int8), 2)
    satisfaction = np.where(rng.random(count, dtype=np.float32) < rates["not_rated"], 3, satisfaction)
    asked = [
        followed & (rng.random(count, dtype=np.float32) >= rates[name]) for name in ("no_response_answer", "no_resolution_answer", "no_satisfaction_answer")
    ]
    reasons = np.cumsum(flags["exclusion_weights"])
    reason = np.minimum(np.searchsorted(reasons, rng.random(count), side="right"), len(reasons) - 1)
    return Answers(
        responded=np.where(asked[0], (drawn[2] >= responded_chance).astype(np.int8), -1),
        resolution=np.where(asked[1], np.where(resolved, 0, np.where(partly, 1, 2)), -1),
        satisfaction=np.where(asked[2], satisfaction, -1),
        excluded=np.where(excluded, reason, -1),
    )

"""One part of the demo: some days of one month, drawn from a stream of its own and written as one delivered file.

A part never needs another part, so parts can be made in any order and in several processes, and memory is bounded by
the largest of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from pipeline.demo.assumptions import load_assumptions
from pipeline.demo.callers import draw_callers, find_repeats
from pipeline.demo.city import KINDS, build_city
from pipeline.demo.columns import Drawn, delivered
from pipeline.demo.handling import answer, handle, unit_table
from pipeline.demo.plan import Plan, make_plan
from pipeline.demo.span import Span
from pipeline.demo.truths import Planted, logit_offset, plant

if TYPE_CHECKING:
    from datetime import date

    from pipeline.demo.assumptions import Assumptions
    from storage.extracts import Phrases, Words

__all__ = ["Order", "Part", "draw_part", "parts_of", "planned"]

PART_ROWS = 300_000
"""About so many rows a part: some 400 MB while it is made."""

DAY = 86_400
HOUR = 3600
HOUR_STEPS = 4096


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for: the same order gives the same bytes."""

    tickets: int
    until: date
    seed: int


@dataclass(frozen=True, slots=True)
class Part:
    """Days ``first`` to ``last`` (numbers in the span) of month ``month``; ``number`` counts a month's parts from 0."""

    month: int
    number: int
    first: int
    last: int


@cache
def planned(order: Order) -> tuple[Plan, Planted]:
    """The plan and the planted requests of an order."""
    assumed = load_assumptions()
    plan = make_plan(assumed, Span(order.until, assumed.volume["months_back"]), order.tickets, order.seed)
    return plan, plant(assumed, build_city(), plan, KINDS, order.seed)


def parts_of(order: Order) -> list[Part]:
    """All parts in order of time."""
    plan, _ = planned(order)
    month_of_day = plan.span.month_of_day
    parts = []
    for month in range(len(plan.requests)):
        days = np.flatnonzero(month_of_day == month)
        a_day = (plan.requests[month] + plan.others[month]) / len(days)
        together = max(int(PART_ROWS // max(a_day, 1)), 1)
        pieces = np.array_split(days, -(-len(days) // together))
        parts += [Part(month, number, int(piece[0]), int(piece[-1])) for number, piece in enumerate(pieces)]
    return parts


def draw_part(order: Order, part: Part) -> dict[str, Words | Phrases | np.ndarray]:
    """The delivered columns of a part."""
    plan, planted = planned(order)
    assumed = load_assumptions()
    rng = np.random.default_rng([order.seed, 2, int(plan.span.months[part.month].astype("int64")), part.number])
    drawn = _draw(rng, order, part, assumed, plan, planted)
    progress = part.month / max(len(plan.span.months) - 1, 1)
    asked = drawn.is_request
    topic = assumed.topic_of_leaf[drawn.leaf[asked]]
    events = handle(rng, drawn.second[asked], topic, assumed, progress=progress, cut=plan.span.cut)
    leaf_logit, street_logit = logit_offset(assumed, plan, part.month)
    rows = (drawn.leaf[asked], drawn.street[asked])
    answers = answer(rng, rows, events.followed_up > 0, assumed, plan, (leaf_logit, street_logit, part.month))
    units = unit_table(assumed)
    unit = units.pick(topic, drawn.street[asked], rng.random(len(topic)))
    return delivered(rng, drawn, events, answers, unit, progress)


def _month_cells(order: Order, part: Part, plan: Plan, planted: Planted) -> tuple[np.ndarray, np.ndarray]:
    """Requests (days, leaves) and other tickets (days, topics) of the part's days; every part of a month draws the same whole."""
    days = np.flatnonzero(plan.span.month_of_day == part.month)
    rng = np.random.default_rng([order.seed, 3, int(plan.span.months[part.month].astype("int64"))])
    extra = len(planted.within(plan.span.days[days[0]], plan.span.days[days[-1]]).second)
    own = slice(part.first - days[0], part.last - days[0] + 1)
    found = []
    for weight, count in ((plan.leaf_day[days], plan.requests[part.month] - extra), (plan.inquiry_day[days], plan.others[part.month])):
        cells = rng.multinomial(max(int(count), 0), weight.ravel() / weight.sum()).reshape(weight.shape)
        found.append(cells[own])
    return found[0], found[1]


@cache
def _hour_steps() -> tuple[tuple[str, ...], np.ndarray]:
    """Hours at equal steps of probability, by curve."""
    curves = load_assumptions().volume["hours"]
    steps = (np.arange(HOUR_STEPS) + 0.5) / HOUR_STEPS
    table = [np.searchsorted(np.cumsum(curve) / np.sum(curve), steps) for curve in curves.values()]
    return tuple(curves), np.array(table, dtype=np.int64)


def _seconds(rng: np.random.Generator, day: np.ndarray, topic: np.ndarray, assumed: Assumptions, first: np.datetime64) -> np.ndarray:
    names, steps = _hour_steps()
    curve = np.array([names.index(name) for name in assumed.topics["hours"]])[topic]
    hour = steps[curve, rng.integers(0, HOUR_STEPS, len(day), dtype=np.int32)]
    return (int(first.astype("int64")) + day) * DAY + hour * HOUR + rng.integers(0, HOUR, len(day), dtype=np.int32)


def _spread(cells: np.ndarray, first: int) -> tuple[np.ndarray, np.ndarray]:
    """Day and column of every ticket of a table of counts."""
    where = np.repeat(np.arange(cells.size), cells.ravel())
    return first + where // cells.shape[1], where % cells.shape[1]


def _draw(rng: np.random.Generator, order: Order, part: Part, assumed: Assumptions, plan: Plan, planted: Planted) -> Drawn:
    """Who reports what, where and when: all tickets of the part in order of time."""
    city, span = build_city(), plan.span
    requests, others = _month_cells(order, part, plan, planted)
    own = planted.within(span.days[part.first], span.days[part.last])
    day, leaf = _spread(requests, part.first)
    other_day, other_topic = _spread(others, part.first)
    topics = assumed.topic_of_leaf
    topic = np.concatenate([topics[leaf], other_topic])
    second = _seconds(rng, np.concatenate([day, other_day]), topic, assumed, span.first)
    other_leaf = _leaf_of_topic(rng, other_topic, assumed)
    leaf = np.concatenate([leaf, other_leaf])
    shares = plan.streets_of(part.month)
    cumulative = (np.cumsum(shares, axis=1) / shares.sum(axis=1, keepdims=True) + np.arange(len(shares))[:, None]).ravel()
    street = np.searchsorted(cumulative, topic + rng.random(len(topic)), side="right") % city.streets
    where = np.array([KINDS.index(name) for name in assumed.leaves["where"]])[leaf]
    place = city.pick(street, where, rng.random(len(street)))
    total = int(plan.requests.sum() + plan.others.sum())
    caller = draw_callers(rng, street, plan, total)
    # planted requests come last and are sorted in
    second = np.concatenate([second, own.second.astype("int64")])
    leaf = np.concatenate([leaf, own.leaf])
    place = np.concatenate([place, own.place])
    street = np.concatenate([street, city.street[own.place]]).astype(np.int32)
    planted_callers = np.where(own.caller < 0, draw_callers(rng, city.street[own.place], plan, total), 29_900_000_000 + own.caller)
    caller = np.concatenate([caller, planted_callers])
    is_request = np.concatenate([np.ones(len(day), bool), np.zeros(len(other_day), bool), np.ones(len(own.second), bool)])
    at = np.argsort(second, kind="stable")
    second, leaf, place, street, caller, is_request = (values[at] for values in (second, leaf, place, street, caller, is_request))
    fixed = np.concatenate([np.zeros(len(day) + len(other_day), bool), own.caller >= 0])[at]
    number = _numbers(second)
    group, calls = find_repeats(rng, (leaf, street, place, caller), number, is_request & ~fixed, assumed.handling["flags"]["repeat"])
    return Drawn(number, second, leaf, street, place, caller, is_request, group, calls)


def _leaf_of_topic(rng: np.random.Generator, topic: np.ndarray, assumed: Assumptions) -> np.ndarray:
    """A third-level category of each topic by weight."""
    order = np.argsort(assumed.topic_of_leaf, kind="stable")
    share = assumed.leaves["share"].to_numpy()[order]
    owner = assumed.topic_of_leaf[order]
    cumulative = np.cumsum(share)
    cumulative = cumulative - np.concatenate([[0.0], cumulative])[np.searchsorted(owner, owner)] + owner
    found = np.searchsorted(cumulative, topic + rng.random(len(topic)) * (1 - 1e-9), side="right")
    return order[np.minimum(found, len(order) - 1)]


def _numbers(second: np.ndarray) -> np.ndarray:
    """Ticket numbers: the day as 20240131, then six digits in order of the day's tickets."""
    day = second // DAY
    first = np.searchsorted(day, day)
    date_ = day.astype("datetime64[D]")
    month = date_.astype("datetime64[M]")
    months = month.astype("int64")
    written = (months // 12 + 1970) * 10_000 + (months % 12 + 1) * 100 + (date_ - month.astype("datetime64[D]")).astype("int64") + 1
    return written * 1_000_000 + np.arange(len(second)) - first + 1

"""How many tickets of what fall on which day and where: expectations only, the same for every seed but for the daily noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.demo.seasons import season, storm_strength
from pipeline.demo.truths import leaf_factor, street_factor

if TYPE_CHECKING:
    from pipeline.demo.assumptions import Assumptions
    from pipeline.demo.span import Span

__all__ = ["Plan", "make_plan"]

FITTING_ROUNDS = 60
TASTE = 0.30
"""Spread (log) of a street's liking for a topic."""

RURAL_ONLY = 5.0
LEAST_OTHERS = 0.8


@dataclass(frozen=True, slots=True)
class Plan:
    """The demo's expectations.

    ``leaf_day`` (days, leaves) and ``inquiry_day`` (days, topics) are relative intensities; ``requests`` and ``others`` are
    whole numbers a month; ``streets`` (topics, streets) sums to 1 in each row; ``factor`` (months, streets) changes it.
    """

    span: Span
    leaf_day: np.ndarray
    inquiry_day: np.ndarray
    requests: np.ndarray
    others: np.ndarray
    streets: np.ndarray
    factor: np.ndarray

    def streets_of(self, month: int) -> np.ndarray:
        """Where requests of each topic arise in that month; rows sum to 1."""
        shares = self.streets * self.factor[month][None, :]
        return shares / shares.sum(axis=1, keepdims=True)


def make_plan(assumed: Assumptions, span: Span, tickets: int, seed: int) -> Plan:
    """The plan of a demo with that many requests (诉求) in all."""
    days = span.days
    share = assumed.topics["share"].to_numpy(dtype="float64")
    seasons = season(days, assumed)
    growth = (1 + assumed.volume["monthly_growth"]) ** _months_since(days, span)
    rng = np.random.default_rng([seed, 0])
    noise = np.exp(rng.normal(0, assumed.volume["day_noise"], (len(days), len(share))))
    topic_day = share * seasons * growth[:, None]
    ordinary = topic_day.sum(axis=1)
    storm = np.zeros(len(share))
    for topic, part in assumed.volume["storm"]["mix"].items():
        storm[assumed.topic_number(topic)] = part
    topic_day = topic_day * noise + (storm_strength(days, assumed) * np.median(ordinary))[:, None] * storm
    topics = assumed.topic_of_leaf
    leaf_day = topic_day[:, topics] * assumed.leaves["share"].to_numpy()
    leaf_day = leaf_factor(leaf_day, assumed, span)
    monthly = np.bincount(span.month_of_day, weights=leaf_day.sum(axis=1))
    requests = whole_numbers(monthly / monthly.sum() * tickets)
    others = _others(assumed, span, requests, tickets)
    consult = assumed.topics["consult"].to_numpy(dtype="float64")
    streets = fit_streets(assumed)
    return Plan(span, leaf_day, seasons * noise * consult, requests, others, streets, street_factor(assumed, span, streets))


def _months_since(days: np.ndarray, span: Span) -> np.ndarray:
    """Months from the start of the span, with fractions, so that growth is smooth."""
    month = days.astype("datetime64[M]")
    length = ((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]")).astype("float64")
    return span.month_of_day + (days - month.astype("datetime64[D]")).astype("float64") / length


def whole_numbers(expected: np.ndarray) -> np.ndarray:
    """Whole numbers with the same sum, each next to its expectation (largest remainder)."""
    floor = np.floor(expected).astype("int64")
    lacking = round(float(expected.sum())) - int(floor.sum())
    floor[np.argsort(floor - expected, kind="stable")[:lacking]] += 1
    return floor


def _others(assumed: Assumptions, span: Span, requests: np.ndarray, tickets: int) -> np.ndarray:
    """Inquiries, suggestions and praise a month: what the index of all intake (§4.4) leaves beside the requests."""
    index = np.asarray(assumed.volume["intake_index"])
    months = span.months
    yearly = (1 + assumed.volume["monthly_growth"]) ** 12
    level = index[months.astype("int64") % 12] * yearly ** (months.astype("datetime64[Y]").astype("int64") - 53)
    covered = np.bincount(span.month_of_day) / ((months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")).astype("float64")
    intake = level * covered
    intake *= tickets / assumed.volume["request_share"] / intake.sum()
    return whole_numbers(np.maximum(intake - requests, LEAST_OTHERS * requests))


def fit_streets(assumed: Assumptions) -> np.ndarray:
    """Where requests of each topic arise, shape (topics, streets).

    Streets differ in what they complain about (towns have village roads, old quarters have lifts), yet district
    shares (§4.3) and topic shares (§3.4) both hold: iterative proportional fitting.
    """
    streets = assumed.streets
    target = np.zeros(len(streets))
    shares = assumed.districts["share"].to_numpy(dtype="float64")
    for district, share in zip(assumed.districts["district"], shares / shares.sum(), strict=True):
        weight = streets["weight"].to_numpy(dtype="float64") * (streets["parent_name"] == district).to_numpy()
        target += share * weight / weight.sum()
    topic_share = assumed.topics["share"].to_numpy(dtype="float64")
    topic_share = topic_share / topic_share.sum()
    villages = streets["village_count"].to_numpy(dtype="float64")
    rural_part = villages / np.maximum(villages + streets["community_count"].to_numpy(), 1)
    rural = assumed.topics["rural"].to_numpy(dtype="float64")[:, None]
    liking = rural ** rural_part[None, :]
    liking = np.where((rural >= RURAL_ONLY) & (villages == 0)[None, :], 0.002, liking)
    rng = np.random.default_rng(len(streets))
    cells = target * topic_share[:, None] * liking * np.exp(rng.normal(0, TASTE, (len(topic_share), len(streets))))
    for _ in range(FITTING_ROUNDS):
        cells *= (target / cells.sum(axis=0))[None, :]
        cells *= (topic_share / cells.sum(axis=1))[:, None]
    return cells / cells.sum(axis=1, keepdims=True)

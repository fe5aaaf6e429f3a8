"""Made-up callers: numbers nobody can have, drawn again for later calls, and repeat groups within a month."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.demo.assumptions import load_assumptions

if TYPE_CHECKING:
    from pipeline.demo.plan import Plan

__all__ = ["draw_callers", "find_repeats"]

FIRST_CALLER = 20_000_000_000
"""Eleven digits like a mobile number, but none begins with 2."""

FREQUENT = 1.35
"""Above 1 some callers of a street call more often than others."""

LIKELIEST = 0.6
CENTURY = 20_000_000_000_000
"""Left out of a group's number: with its fourteen digits it could be taken for a telephone number and masked."""


def draw_callers(rng: np.random.Generator, street: np.ndarray, plan: Plan, total: int) -> np.ndarray:
    """A caller for every row out of the street's own; ``total`` is the number of all tickets."""
    assumed = load_assumptions()
    share = assumed.topics["share"].to_numpy(dtype="float64") @ plan.streets
    pool = np.ceil(share / share.sum() * total / assumed.handling["flags"]["calls_a_caller"]).astype("int64") + 1
    start = np.concatenate([[0], np.cumsum(pool)[:-1]])
    chosen = (rng.random(len(street)) ** FREQUENT * pool[street]).astype("int64")
    return FIRST_CALLER + start[street] + chosen


def find_repeats(
    rng: np.random.Generator, rows: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray], number: np.ndarray, may: np.ndarray, share: float
) -> tuple[np.ndarray, np.ndarray]:
    """Turns some requests into further calls about an earlier one: same caller and place, one repeat group.

    Parameters
    ----------
    rng
        The stream of this part.
    rows
        Leaf, street, place and caller in order of time; place and caller of further calls are changed in these arrays.
    number
        Ticket numbers.
    may
        Which rows may take part.
    share
        Part of them that should be further calls.

    Returns
    -------
    tuple of ndarray
        Repeat group (0 for none) and which call of the group it is (from 1).
    """
    leaf, street, place, caller = rows
    own = np.flatnonzero(may)
    key = leaf[own].astype("int64") * 100_000 + street[own]
    at = own[np.argsort(key, kind="stable")]  # by matter, then by time
    same = np.zeros(len(at), bool)
    same[1:] = (leaf[at][1:] == leaf[at][:-1]) & (street[at][1:] == street[at][:-1])
    chance = min(share * len(at) / max(int(same.sum()), 1), LIKELIEST)
    further = same & (rng.random(len(at)) < chance)
    position = np.arange(len(at))
    head = np.maximum.accumulate(np.where(further, 0, position))
    place[at] = place[at][head]
    caller[at] = caller[at][head]
    group = np.zeros(len(leaf), dtype="int64")
    calls = np.ones(len(leaf), dtype="int64")
    grouped = np.bincount(head, minlength=len(at))[head] > 1
    group[at] = np.where(grouped, number[at][head] - CENTURY, 0)
    calls[at] = position - head + 1
    return group, calls

"""One hot spot keeps one name through its life: what scans find week after week is joined, and each week said to be new, growing, easing or over."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

__all__ = ["NOTIFIED", "Finding", "Life", "Recent", "Stage", "follow", "next_stage", "renamed"]

SHARED = 0.5
"""Part of the smaller footprint that two findings of one hot spot share at least."""

PATIENCE_DAYS = 56
"""A hot spot not found for longer is over; what is found again later, and began later, is another one."""

WORSE = 1.25
BETTER = 2 / 3
USUAL = 1.0


class Stage(StrEnum):
    """Where a hot spot stands in its life."""

    NEW = "new"
    WORSENING = "worsening"
    ONGOING = "ongoing"
    EASING = "easing"
    ENDED = "ended"


NOTIFIED = frozenset({Stage.NEW, Stage.WORSENING})
"""Stages that people are told of; the others are on the list, and nobody is called."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A cluster that a scan at a cut-off found.

    Attributes
    ----------
    cutoff
        Last day that the scan knew.
    problem
        What was counted, by any name that says so.
    areas, centre
        Codes of its areas, and of the one in its middle.
    since
        First day of its window.
    strength
        Log-likelihood ratio, above 0.
    """

    cutoff: date
    problem: tuple[str, str]
    areas: frozenset[str]
    centre: str
    since: date
    strength: float


@dataclass(slots=True)
class Life:
    """A hot spot: its name, and the findings that are it, in order of time, none of them of the same cut-off."""

    name: str
    findings: list[Finding] = field(default_factory=list)

    @property
    def best(self) -> Finding:
        """The finding least like chance: it tells where and since when better than the first and the last do."""
        return max(self.findings, key=lambda finding: finding.strength)

    def best_by(self, cutoff: date) -> Finding:
        """The same of those found up to a cut-off, which is not before the first."""
        return max((finding for finding in self.findings if finding.cutoff <= cutoff), key=lambda finding: finding.strength)


@dataclass(frozen=True, slots=True)
class Recent:
    """Observed to expected of a hot spot's areas in the last weeks before a cut-off, with its 95 % interval; NaN where nothing was expected."""

    ratio: float
    low: float
    high: float


def follow(findings: Iterable[Finding]) -> list[Life]:
    """The lives that findings amount to.

    Parameters
    ----------
    findings
        Of any cut-offs and problems, in any order.

    Returns
    -------
    list of Life
        By the cut-off of their first finding. A name is made of the problem, the place and the day it was first found, so it stays the same when
        findings of later cut-offs come in.

    Notes
    -----
    A finding continues the life of the same problem whose last areas it shares most, where that is half of the smaller of both at least, and which was
    last found within 56 days before, or while the finding's own window had begun: windows that overlap hold the same requests. Of several findings of
    one cut-off the strongest chooses first. Others begin a life.
    """
    lives: list[Life] = []
    for finding in sorted(findings, key=lambda item: (item.cutoff, -item.strength, item.problem, item.centre)):
        own = max((life for life in lives if _may_continue(life, finding)), key=lambda life: _shared(life.findings[-1], finding), default=None)
        if own is None:
            own = Life(_name(finding))
            lives.append(own)
        own.findings.append(finding)
    return lives


def renamed(lives: list[Life], known: Iterable[tuple[str, Finding]]) -> None:
    """Gives lives the names under which people know them, in place: found anew, from other cut-offs, they would have others.

    Parameters
    ----------
    known
        Names, and the strongest finding of each. A life takes the name of that of the same problem with which it shares most areas, half of the smaller
        at least, and which began within 56 days of it; no name is given twice.
    """
    left = dict(known)
    for life in lives:
        if life.name in left:
            del left[life.name]
            continue
        near = [name for name, finding in left.items() if _is_same(finding, life.best)]
        if near:
            life.name = max(near, key=lambda name: _shared(left[name], life.best))
            del left[life.name]


def _is_same(one: Finding, other: Finding) -> bool:
    return one.problem == other.problem and abs((one.since - other.since).days) <= PATIENCE_DAYS and _shared(one, other) >= SHARED


def _name(finding: Finding) -> str:
    """Eight signs: people quote it."""
    text = "|".join((*finding.problem, finding.centre, str(finding.cutoff)))
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def _shared(one: Finding, other: Finding) -> float:
    return len(one.areas & other.areas) / min(len(one.areas), len(other.areas))


def _may_continue(life: Life, finding: Finding) -> bool:
    last = life.findings[-1]
    days = (finding.cutoff - last.cutoff).days
    is_near = days <= PATIENCE_DAYS or finding.since <= last.cutoff
    return last.problem == finding.problem and days > 0 and is_near and _shared(last, finding) >= SHARED


def next_stage(before: Sequence[Stage], ratios: Sequence[Recent], told: float) -> Stage:
    """The stage of a hot spot at a cut-off.

    Parameters
    ----------
    before
        Its stages at the cut-offs before, none where it is found for the first time.
    ratios
        What was recent at those cut-offs and at this one, last.
    told
        Ratio when people were last told of it.

    Returns
    -------
    Stage
        Over where the last weeks are not above what is usual beyond chance, also where it is found only then: nobody is called for what is past. Worse
        where they are a quarter above what people were told, or where it was over before; easing where they are at most two thirds of its peak.
    """
    now = ratios[-1]
    if not now.low > USUAL:
        return Stage.ENDED
    if NOTIFIED.isdisjoint(before):
        return Stage.NEW
    if now.ratio >= WORSE * told or before[-1] is Stage.ENDED:
        return Stage.WORSENING
    return Stage.EASING if now.ratio <= BETTER * max(recent.ratio for recent in ratios) else Stage.ONGOING

"""The class 治理类: who was in it on which days, and what speaks for a place's entry, its exit and a relapse after it.

The engine proposes with the evidence for each criterion; a person decides, and nothing here changes the register. The city's thresholds are not published:
all of them are dated policy and assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from governance.periods import month_end
from governance.rates import RATE_COUNTS, change, per_10k, three_rates

if TYPE_CHECKING:
    from collections.abc import Iterable

    from governance.policy import PolicyBook

__all__ = ["ClassRule", "Criterion", "Evidence", "Membership", "Proposal", "ProposalKind", "Register", "propose", "volume_ranks"]

YEAR = 12


@dataclass(frozen=True, slots=True)
class Membership:
    """The days on which a place is in the class: ``start`` to ``end``, both inclusive; an ``end`` of None is open."""

    code: str
    start: date
    end: date | None = None

    def covers(self, day: date) -> bool:
        """Whether that day is one of them."""
        return self.start <= day and (self.end is None or day <= self.end)


class Register:
    """All memberships, of places by their canonical codes.

    Parameters
    ----------
    memberships
        In any order. One place may have several, as long as they have no day in common.

    Raises
    ------
    ValueError
        A code is empty, a membership ends before it starts, or two of one place overlap; the Chinese message names the place and the days.
    """

    def __init__(self, memberships: Iterable[Membership]) -> None:
        self.memberships = tuple(sorted(memberships, key=lambda item: (item.code, item.start)))
        for item in self.memberships:
            if not item.code:
                message = f"治理类名册:自 {item.start} 起的一条没有街乡镇代码;每条须写明代码"
                raise ValueError(message)
            if item.end is not None and item.end < item.start:
                message = f"治理类名册:{item.code} 的止日 {item.end} 早于起日 {item.start};止日应不早于起日,未退出的留空"
                raise ValueError(message)
        for earlier, later in pairwise(self.memberships):
            if earlier.code == later.code and (earlier.end is None or earlier.end >= later.start):
                until = earlier.end or "今"
                message = f"治理类名册:{earlier.code} 自 {earlier.start} 至 {until} 的一条与自 {later.start} 起的一条重叠;同一街乡镇各条的日子不应相交"
                raise ValueError(message)

    def members_on(self, day: date) -> frozenset[str]:
        """Codes of the places in the class on that day."""
        return frozenset(item.code for item in self.memberships if item.covers(day))

    def members_of(self, month: date, until: date | None = None) -> frozenset[str]:
        """Codes of the places in the class on any day of the month of ``month``, up to ``until`` where the month is not over."""
        first, last = month.replace(day=1), min(month_end(month), until or date.max)
        return frozenset(item.code for item in self.memberships if item.start <= last and (item.end is None or item.end >= first))

    def left_on(self, code: str, by: date) -> date | None:
        """The last day of the place's newest membership that ended before ``by``; None where it never left, or is in the class on that day."""
        ends = [item.end for item in self.memberships if item.code == code and item.end is not None and item.end < by]
        return None if code in self.members_on(by) or not ends else max(ends)


class Criterion(StrEnum):
    """What is asked of a place."""

    FIRST_RANKS = "first_ranks"
    HIGH_PER_10K = "high_per_10k"
    BEYOND_RANK = "beyond_rank"
    RESPONSE = "response_rate"
    RESOLUTION = "resolution_rate"
    SATISFACTION = "satisfaction_rate"
    REBOUND = "rebound"


class ProposalKind(StrEnum):
    """What the engine proposes for a place."""

    ENTRY = "entry"
    STAY = "stay"
    EXIT = "exit"
    WATCH = "watch"
    RELAPSE = "relapse"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One criterion.

    Attributes
    ----------
    value, bound
        What was found and what is asked, ``value`` at least ``bound``: months, for the three rates fractions. NaN where unknown.
    is_met
        None where the data cannot tell: months or populations are missing, or there are too few answers.
    known_months
        Months the value rests on.
    """

    criterion: Criterion
    value: float
    bound: float
    is_met: bool | None
    known_months: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is proposed for a place in a month, and why; ``left_on`` is the last day of its membership where it is under watch."""

    code: str
    month: date
    kind: ProposalKind
    evidence: tuple[Evidence, ...]
    left_on: date | None = None


@dataclass(frozen=True, slots=True)
class ClassRule:
    """The rules of a month; policy ``governance_class.*`` and ``display.small_base``.

    Attributes
    ----------
    first_ranks, entry_months, entry_of
        Entry: among the first so many by requests in so many of the last so many months.
    high_share, high_months
        Or: requests per ten thousand residents above this quantile of all places, in (0, 1), in so many months running.
    beyond_rank, exit_months
        Exit: not among the first so many in so many months running, and the three rates of those months together not below the city's.
    watch_months, rise, rise_months
        Watch: months after exit; relapse where requests are this fraction above a year ago in so many months running.
    small_base
        Answers below which a rate is not judged.
    """

    first_ranks: int
    entry_months: int
    entry_of: int
    high_share: float
    high_months: int
    beyond_rank: int
    exit_months: int
    watch_months: int
    rise: float
    rise_months: int
    small_base: int

    @classmethod
    def of(cls, book: PolicyBook, month: date) -> ClassRule:
        """The rules in force on the first day of a month; they judge the months before it, too."""
        first = month.replace(day=1)
        entry, leave, watch = (book.entry(f"governance_class.{name}", first).value for name in ("entry", "exit", "watch"))
        return cls(
            first_ranks=entry["first_ranks"],
            entry_months=entry["months"],
            entry_of=entry["of_months"],
            high_share=entry["per_10k_share"],
            high_months=entry["per_10k_months"],
            beyond_rank=leave["beyond_rank"],
            exit_months=leave["months"],
            watch_months=watch["months"],
            rise=watch["rise"],
            rise_months=watch["rise_months"],
            small_base=book.on(first).small_base,
        )


def volume_ranks(counts: pd.Series) -> pd.Series:
    """Rank of each place by its requests, 1 is the most; places with equally many share the best rank (1, 2, 2, 4).

    Parameters
    ----------
    counts
        Requests by place, 0 or more.

    Returns
    -------
    Series
        The caller's index, whole numbers as floats. NaN for a place that had none or is unknown: nobody is among the first by having nothing.
    """
    return counts.where(counts > 0).rank(method="min", ascending=False)


def propose(counts: pd.DataFrame, register: Register, month: date, rule: ClassRule) -> tuple[Proposal, ...]:
    """What the criteria propose for every place at the end of a month, with the evidence.

    Parameters
    ----------
    counts
        One row a place and month: ``subdistrict_code`` (canonical), ``month`` (its first day), ``request_count``, ``population`` (NaN where unknown)
        and numerator and base of the three rates. Months after ``month`` are left aside. A place that had no requests must stand there with 0: a
        row that is missing is unknown. For the watch a year more is needed than for entry and exit.
    register
        Who is in the class; it is read as it stands on the last day of the month and never changed.
    month
        Any day of the month.
    rule
        The rules of the month.

    Returns
    -------
    tuple of Proposal
        One a place with a row in the month, by code. A member: ``EXIT`` where all criteria of exit are met, else ``STAY``. Others: ``ENTRY`` where one
        criterion of entry is met; else, up to ``watch_months`` after the month of exit, ``RELAPSE`` where the rise is met and ``WATCH`` where not;
        else ``NONE``. A criterion that the data cannot tell is never taken as met.

    Raises
    ------
    ValueError
        A column is missing, a place stands twice in a month, a count is negative or unknown, a month is not its first day or has no data, or a member
        has no row in the month: most likely its code is that of before a renaming or merger.

    Notes
    -----
    Suggested by this project; of the city only the class, its ten places and its supervision are public.
    """
    first, last = month.replace(day=1), month_end(month)
    _check(counts, first)
    table = _Months(counts, first)
    if strangers := sorted(register.members_on(last) - set(table.places)):
        message = f"治理类名册中的 {'、'.join(strangers[:5])} 在 {first:%Y-%m} 没有数据;改名或合并的街乡镇应以现行代码写入名册,没有诉求的应有一行 0"
        raise ValueError(message)
    found = []
    for code in table.places:
        left = register.left_on(code, last)
        if code in register.members_on(last):
            evidence = table.exit_evidence(code, rule)
            kind = ProposalKind.EXIT if all(item.is_met is True for item in evidence) else ProposalKind.STAY
        else:
            evidence = table.entry_evidence(code, rule)
            kind = ProposalKind.ENTRY if any(item.is_met is True for item in evidence) else ProposalKind.NONE
            if left is not None and _months_between(left, first) <= rule.watch_months:
                rebound = table.rebound(code, left, rule)
                evidence += (rebound,)
                if kind is ProposalKind.NONE:
                    kind = ProposalKind.RELAPSE if rebound.is_met is True else ProposalKind.WATCH
            else:
                left = None
        found.append(Proposal(code, first, kind, evidence, left))
    return tuple(found)


class _Months:
    """Counts up to a month, and what they say of a place."""

    def __init__(self, counts: pd.DataFrame, first: date) -> None:
        self.counts = counts[counts["month"] <= first].set_index(["subdistrict_code", "month"]).sort_index()
        self.first = first
        self.places = sorted(self.counts.xs(first, level="month").index)
        by_month = self.counts.groupby(level="month")
        self.ranks = by_month["request_count"].transform(volume_ranks)
        self.per_10k = per_10k(self.counts["request_count"], self.counts["population"])

    def _last(self, months: int) -> list[date]:
        return [_months_back(self.first, back) for back in range(months)]

    def _of(self, values: pd.Series, code: str, months: list[date]) -> list[float]:
        return values.reindex(pd.MultiIndex.from_product([[code], months])).astype("float64").to_list()

    def entry_evidence(self, code: str, rule: ClassRule) -> tuple[Evidence, ...]:
        """Months among the first, and months above the quantile."""
        months = [month for month in self._last(rule.entry_of) if (code, month) in self.counts.index]
        among = sum(rank <= rule.first_ranks for rank in self._of(self.ranks, code, months))
        high = self._last(rule.high_months)
        bounds = self.per_10k.groupby(level="month").quantile(rule.high_share)
        own = [(value, float(bounds[month])) for month, value in zip(high, self._of(self.per_10k, code, high), strict=True) if np.isfinite(value)]
        above = sum(value > bound for value, bound in own)
        return (
            _months_met(Criterion.FIRST_RANKS, among, rule.entry_months, len(months), rule.entry_of),
            _months_met(Criterion.HIGH_PER_10K, above, rule.high_months, len(own), rule.high_months),
        )

    def exit_evidence(self, code: str, rule: ClassRule) -> tuple[Evidence, ...]:
        """Months not among the first, and the three rates of those months together."""
        asked = self._last(rule.exit_months)
        months = [month for month in asked if (code, month) in self.counts.index]
        # without requests a place has no rank, and is not among the first
        beyond = sum(not rank <= rule.beyond_rank for rank in self._of(self.ranks, code, months))
        window = self.counts[self.counts.index.get_level_values("month").isin(asked)]
        totals = pd.DataFrame({"own": window.xs(code).sum(), "city": window.sum()}).T
        rates = three_rates(totals)
        found = [_months_met(Criterion.BEYOND_RANK, beyond, rule.exit_months, len(months), rule.exit_months)]
        for rate, (_top, base) in RATE_COUNTS.items():
            own, city = rates[rate].to_list()
            can_tell = float(totals[base].iloc[0]) >= max(rule.small_base, 1) and len(months) == len(asked)
            found.append(Evidence(Criterion(rate), own, city, own >= city if can_tell else None, len(months)))
        return tuple(found)

    def rebound(self, code: str, left: date, rule: ClassRule) -> Evidence:
        """Months running up to now, all of them after the exit, in which requests rose."""
        months = [month for month in self._last(rule.rise_months) if month > left]
        now = pd.Series(self._of(self.counts["request_count"], code, months), dtype="float64")
        before = pd.Series(self._of(self.counts["request_count"], code, [_months_back(month, YEAR) for month in months]), dtype="float64")
        rises = change(now, before)
        running = 0
        for rise in rises:
            if not rise >= rule.rise:
                break
            running += 1
        is_met: bool | None = running >= rule.rise_months
        # nothing is said where a month is unknown and all known ones rose; one that did not rise, or is still to come, decides
        if len(months) == rule.rise_months and rises.isna().any() and not (rises < rule.rise).any():
            is_met = None
        return Evidence(Criterion.REBOUND, float(running), float(rule.rise_months), is_met, int(rises.notna().sum()))


def _months_met(criterion: Criterion, count: int, bound: int, known: int, asked: int) -> Evidence:
    """Met where the known months are enough, not met where even the unknown ones could not change it, else open."""
    is_met = True if count >= bound else False if count + asked - known < bound else None
    return Evidence(criterion, float(count), float(bound), is_met, known)


def _months_between(earlier: date, later: date) -> int:
    return (later.year - earlier.year) * YEAR + later.month - earlier.month


def _months_back(first: date, months: int) -> date:
    for _ in range(months):
        first = (first - timedelta(days=1)).replace(day=1)
    return first


def _check(counts: pd.DataFrame, first: date) -> None:
    needed = ["subdistrict_code", "month", "request_count", "population", *(column for pair in RATE_COUNTS.values() for column in pair)]
    if missing := [name for name in needed if name not in counts.columns]:
        message = f"治理类评估的数据缺少列 {'、'.join(missing)};现有 {'、'.join(map(str, counts.columns))}"
        raise ValueError(message)
    if (twice := counts.duplicated(["subdistrict_code", "month"])).any():
        row = counts[twice].iloc[0].to_dict()
        message = f"治理类评估:{row['subdistrict_code']} 在 {row['month']} 出现不止一次;改名或合并的街乡镇应先归到现行代码、合为一行"
        raise ValueError(message)
    if not (counts["request_count"] >= 0).all():
        row = counts[~(counts["request_count"] >= 0)].iloc[0].to_dict()
        message = f"治理类评估:{row['subdistrict_code']} 在 {row['month']} 的诉求量为 {row['request_count']};应为 0 或正数,未知的月份不应有行"
        raise ValueError(message)
    if wrong := sorted({str(month) for month in counts["month"] if type(month) is not date or month.day != 1}):
        message = f"治理类评估的月份 {'、'.join(wrong[:5])} 不是某月的第一天;应写作每月 1 日的日期"
        raise ValueError(message)
    if first not in set(counts["month"]):
        message = f"治理类评估:{first:%Y-%m} 没有任何街乡镇的数据;应先有当月的汇总"
        raise ValueError(message)

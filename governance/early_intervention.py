"""未进先治: the places among the city's first ten by this month's requests that are not in the class 治理类, exactly, with nobody put in their stead."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from governance.case_stages import Lane
from governance.governance_class import volume_ranks
from governance.periods import Grain, month_end

if TYPE_CHECKING:
    from datetime import date

    from governance.governance_class import Register
    from governance.periods import Period
    from governance.policy import PolicyBook

__all__ = ["ClassDay", "EarlyRule", "ListReason", "class_members", "early_list", "lane_of"]


class ClassDay(StrEnum):
    """On which day of a month a place must be in the class to count as in it."""

    LAST = "last"
    ANY = "any"


class ListReason(StrEnum):
    """Why a place is on the list, or is not."""

    LISTED = "listed"
    IN_CLASS = "in_class"
    BEYOND = "beyond"
    WITHOUT_REQUESTS = "without_requests"


@dataclass(frozen=True, slots=True)
class EarlyRule:
    """The rules of a month; policy ``early_intervention.*``.

    Attributes
    ----------
    first_ranks
        How many ranks count as the first, 1 or more.
    class_day
        Which day decides whether a place is in the class.
    watch_from, alert_from
        Probability of being among the first at the month's end from which a place is watched, and from which there is an alert; in (0, 1).
    """

    first_ranks: int
    class_day: ClassDay
    watch_from: float
    alert_from: float

    @classmethod
    def of(cls, book: PolicyBook, month: date) -> EarlyRule:
        """The rules in force on the first day of a month, as for its counts."""
        first = month.replace(day=1)
        ranks, day, alert = (book.entry(f"early_intervention.{name}", first).value for name in ("first_ranks", "class_day", "alert"))
        return cls(first_ranks=int(ranks), class_day=ClassDay(day), watch_from=float(alert["watch"]), alert_from=float(alert["alert"]))


def class_members(register: Register, period: Period, class_day: ClassDay) -> frozenset[str]:
    """Codes of the places that count as in the class in a month.

    With ``LAST`` those in it on the last day: a place that left in the middle may be listed, one that entered in the middle is not. With ``ANY`` those
    in it on one day at least. A month that is not over is judged by the days it has so far, its last one being ``period.end``.
    """
    return register.members_on(period.end) if class_day is ClassDay.LAST else register.members_of(period.start, period.end)


def early_list(counts: pd.Series, register: Register, period: Period, rule: EarlyRule) -> pd.DataFrame:
    """Every place with its rank and whether it is on the list.

    Parameters
    ----------
    counts
        Requests of the period by canonical code, whole numbers, 0 or more; every place of the city once, also those without requests.
    register
        Memberships of the class, by the same codes.
    period
        A month, or its days so far.
    rule
        The rules of the month.

    Returns
    -------
    DataFrame
        Index ``subdistrict_code``, the most requests first, equal ones by code. ``count``; ``rank`` (1 is the most, equal counts share the best; NaN
        without requests); ``is_in_first_ten`` (rank within ``first_ranks``); ``is_tied_last`` (one of several that share the last rank within it, so
        that there may be more than ten); ``is_governance_class``; ``is_listed`` (the former without the latter); ``reason`` (``ListReason``);
        ``short_count`` (requests that are lacking to be among the first, 0 or more; NaN for those who are, and where fewer places than that have
        requests: one is enough then, yet says nothing); ``is_final`` (the month is over).

    Raises
    ------
    ValueError
        The period is no month from its first day; a code is empty or stands twice; a count is unknown, negative or no whole number; or the class has
        a member that is not among the codes.

    Notes
    -----
    The list is the first ten less the class. It is not filled up: with four members among the first ten it has six places. All who tie with the tenth
    are in, for nothing in the rule would tell them apart; the published text says nothing of ties (assumed).

    References
    ----------
    公开材料 (2023-03-29): 当月接诉量进入全市前十、未列入治理类的街乡镇, 约谈督导. It counts requests, not requests per resident.
    """
    _check(counts, period)
    members = class_members(register, period, rule.class_day)
    if strangers := sorted(members - set(counts.index)):
        message = f"治理类名册中的 {'、'.join(strangers[:5])} 不在 {period.start:%Y-%m} 的街乡镇之列;改名或合并的应以现行代码写入名册,没有诉求的应有一行 0"
        raise ValueError(message)
    table = pd.DataFrame({"count": counts.astype("int64")}).rename_axis("subdistrict_code").sort_index()
    table["rank"] = volume_ranks(table["count"])
    table["is_in_first_ten"] = table["rank"] <= rule.first_ranks
    inside = table[table["is_in_first_ten"]]
    last = inside["count"].min()
    is_last = table["is_in_first_ten"] & (table["count"] == last)
    table["is_tied_last"] = is_last & (is_last.sum() > 1)
    table["is_governance_class"] = table.index.isin(list(members))
    table["is_listed"] = table["is_in_first_ten"] & ~table["is_governance_class"]
    reasons = [_reason(*facts) for facts in zip(table["count"], table["is_in_first_ten"], table["is_governance_class"], strict=True)]
    table["reason"] = pd.Series(reasons, index=table.index, dtype="object")  # members stay members
    is_full = len(inside) >= rule.first_ranks
    table["short_count"] = (last - table["count"]).astype("float64").where(~table["is_in_first_ten"] & is_full)
    table["is_final"] = period.end == month_end(period.start)
    return table.sort_values("count", ascending=False, kind="stable")


def lane_of(probability: float, rule: EarlyRule) -> Lane | None:
    """The lane that a probability of being among the first at the month's end calls for, bounds included; None below both.

    Raises
    ------
    ValueError
        The probability is not in [0, 1].
    """
    if not 0 <= probability <= 1:
        message = f"进入前十的概率为 {probability};应在 0 与 1 之间"
        raise ValueError(message)
    if probability >= rule.alert_from:
        return Lane.ALERT
    return Lane.WATCH if probability >= rule.watch_from else None


def _reason(count: int, is_first: bool, is_member: bool) -> ListReason:
    if count == 0:
        return ListReason.WITHOUT_REQUESTS
    if not is_first:
        return ListReason.BEYOND
    return ListReason.IN_CLASS if is_member else ListReason.LISTED


def _check(counts: pd.Series, period: Period) -> None:
    if period.grain is not Grain.MONTH or period.start.day != 1 or period.end > month_end(period.start):
        message = f"未进先治名单的时段为 {period.start} 至 {period.end};应为一个月,或从 1 日起到当月某日"
        raise ValueError(message)
    if nameless := sum(not isinstance(code, str) or not code for code in counts.index):
        message = f"未进先治名单:有 {nameless} 行没有街乡镇代码;未落图的诉求不参加排名,应另行列出"
        raise ValueError(message)
    if counts.index.has_duplicates:
        twice = "、".join(counts.index[counts.index.duplicated()].unique()[:5])
        message = f"未进先治名单:{twice} 出现不止一次;改名或合并的街乡镇应先归到现行代码、合为一行"
        raise ValueError(message)
    values = counts.to_numpy(dtype="float64", na_value=np.nan)
    if (wrong := ~((values >= 0) & (values == np.floor(values)))).any():
        first = int(np.flatnonzero(wrong)[0])
        message = f"未进先治名单:{counts.index[first]} 的接诉量为 {values[first]};应为 0 或正整数"
        raise ValueError(message)

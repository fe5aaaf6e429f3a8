"""The check-up of a city, place, unit or category: a fixed list of indicators beside their own past and their peers.

An indicator is marked only where it is worse than a reference by more than the policy's tolerance *and* the reference lies
outside the indicator's 95 percent interval: what few answers can do by chance is no finding. Counts come in, plain numbers and
words of an enumeration go out; the sentences are written in ui.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from governance import rates
from governance.intervals import change_interval, count_interval, share_interval
from governance.periods import Grain, Period, month_end
from governance.rates import COUNTS

if TYPE_CHECKING:
    from governance.policy import Policy

__all__ = ["INDICATORS", "MONTHS_READ", "Checkup", "Indicator", "Reason", "Status", "examine", "growing_problems", "past_months"]

YEAR = 12
NEAR = 0.25
"""From this part of the alert tolerance on a normal indicator is worth naming."""

MONTHS_READ = 2 * YEAR
"""How many months back are read: twelve for the median, and for each of them the month a year before it."""


class Status(StrEnum):
    """Outcome of one indicator."""

    NORMAL = "normal"
    WATCH = "watch"
    ALERT = "alert"
    UNJUDGED = "unjudged"


class Reason(StrEnum):
    """What an indicator was judged against, or why it was not judged."""

    PAST = "past"
    PEERS = "peers"
    NO_DATA = "no_data"
    FEW = "few"
    NO_REFERENCE = "no_reference"


@dataclass(frozen=True, slots=True)
class Indicator:
    """One line of the check-up.

    A ``share`` is ``top / base``; a ``change`` is the relative change from ``base`` to ``top``; an ``amount`` is a number of
    things, compared in relation to its reference. ``worse`` is 1 where more is worse, -1 where less is, 0 where both are. With
    ``counts_in_full`` the base is no sample, so no least size is asked of it.
    """

    key: str
    kind: Literal["share", "change", "amount"]
    worse: Literal[1, 0, -1]
    top: str
    base: str
    counts_in_full: bool = False


INDICATORS: tuple[Indicator, ...] = (
    Indicator("request_change", "change", 1, "request_count", "year_ago_count"),
    Indicator("requests_per_10k", "amount", 1, "request_count", "population", counts_in_full=True),
    *(Indicator(rate, "share", -1, top, base) for rate, (top, base) in rates.RATE_COUNTS.items()),
    Indicator("unresolved_count", "amount", 1, "unresolved_count", "resolution_base_count"),
    Indicator("overdue_share", "share", 1, "overdue_count", "due_count"),
    Indicator("open_share", "share", 1, "open_count", "request_count"),
    Indicator("consultation_share", "share", 0, "consultation_count", "intake_count"),
    Indicator("top_problem_share", "share", 1, "top_count", "request_count"),
)


@dataclass(frozen=True, slots=True)
class Checkup:
    """The outcome.

    ``table``: index indicator; ``value``, ``low``, ``high`` (95 percent interval), ``base``, ``before`` (the month before),
    ``year_ago``, ``past_median`` of the last twelve months, ``peer_median`` of the others, ``peer_count`` (others with enough
    base), ``rank`` among them and itself (1 is largest), ``status``, ``reason``, ``reference``, ``difference`` (value less
    reference for shares and changes, relative for amounts), ``severity`` (1 at the alert tolerance), ``since`` (how many
    months in a row, this one included). NaN where unknown.

    ``peers``: ``indicator``, ``code``, ``value`` of this month's others with enough base. ``past``: ``indicator``,
    ``months_back``, ``value`` of the last twelve months.
    """

    table: pd.DataFrame
    peers: pd.DataFrame
    past: pd.DataFrame

    def count(self, status: Status) -> int:
        """How many indicators have that status."""
        return int((self.table["status"] == status).sum())

    @property
    def marked(self) -> pd.DataFrame:
        """The indicators on alert, then those to watch, the most severe first."""
        rows = self.table[self.table["status"].isin([Status.ALERT, Status.WATCH])]
        is_alert = rows["status"] == Status.ALERT
        return rows.assign(is_alert=is_alert).sort_values(["is_alert", "severity"], ascending=False, kind="stable").drop(columns="is_alert")

    @property
    def nearest(self) -> pd.DataFrame:
        """The normal indicator nearest to its tolerance; empty where none is on the way there."""
        rows = self.table[(self.table["status"] == Status.NORMAL) & (self.table["severity"] >= NEAR)]
        return rows.sort_values("severity", ascending=False, kind="stable").head(1)


def past_months(period: Period, months: int = MONTHS_READ) -> list[Period]:
    """The month and those before it, newest first; where it is cut short all are cut at as many days."""
    is_cut = period.end < month_end(period.start)
    found, start = [period], period.start
    for _ in range(months):
        start = (start - timedelta(days=1)).replace(day=1)
        end = month_end(start)
        found.append(Period(Grain.MONTH, start, min(end, start + timedelta(days=period.day_count - 1)) if is_cut else end))
    return found


def _completed(history: pd.DataFrame, code: str) -> pd.DataFrame:
    """A row for every code in every month in which anybody had a ticket, with the counts that indicators are made of; for ``code`` at least one."""
    intake = history.groupby("months_back")["intake_count"].sum()
    months = intake.index[intake > 0]
    codes = {code: None} | dict.fromkeys(history["code"])
    cells = pd.MultiIndex.from_product([list(codes), list(months) or [0]], names=["code", "months_back"])
    rows = history.set_index(["code", "months_back"]).reindex(cells)
    rows[list(COUNTS)] = rows[list(COUNTS)].fillna(0).astype("float64")
    rows["population"] = rows.groupby(level="code")["population"].transform("max")
    rows["unresolved_count"] = rows["resolution_base_count"] - rows["resolved_count"]
    earlier = pd.MultiIndex.from_arrays([cells.get_level_values(0), cells.get_level_values(1) + YEAR])
    rows["year_ago_count"] = rows["request_count"].reindex(earlier).to_numpy()
    return rows


def _measured(item: Indicator, counts: pd.DataFrame) -> pd.DataFrame:
    """``value``, ``low``, ``high`` and ``base`` of one indicator for each row of counts."""
    top, base = counts[item.top].astype("float64"), counts[item.base].astype("float64")
    match item.key, item.kind:
        case _, "share":
            value, ends = rates.share(top, base), share_interval(top, base)
        case _, "change":
            value, ends = rates.change(top, base), change_interval(top, base)
        case "requests_per_10k", _:
            ends = count_interval(top).apply(rates.per_10k, population=base)
            value = rates.per_10k(top, base)
        case _:
            value, ends = top.where(base > 0), count_interval(top.where(base > 0))
    return ends.assign(value=value, base=base)


def _difference(item: Indicator, value: pd.Series, reference: float) -> pd.Series:
    against = pd.Series(reference, index=value.index, dtype="float64")
    if item.kind != "amount":
        return value - against
    return rates.change(value, against).mask((value == 0) & (against == 0), 0.0)  # nothing, as before: no growth from nothing


def _worse_by(item: Indicator, difference: pd.Series) -> pd.Series:
    return difference.abs() if item.worse == 0 else difference * item.worse


def _median(values: pd.Series, least: int) -> float:
    """The median, NaN of fewer values than that."""
    return float(values.median()) if len(values) >= least else float("nan")


@dataclass(frozen=True, slots=True)
class _Judgement:
    status: Status
    reason: Reason
    reference: float
    difference: float
    severity: float
    since: float


def _against(item: Indicator, own: pd.DataFrame, reference: pd.Series, watch: float, alert: float, reason: Reason) -> _Judgement | None:
    """The judgement against one reference (one number for each month back); None where it does not apply."""
    if alert <= 0 or 0 not in reference.index or not np.isfinite(reference[0]):
        return None
    now, against = own.loc[0], float(reference[0])
    difference = float(_difference(item, own.loc[[0], "value"], against).iloc[0])
    worse = float(_worse_by(item, pd.Series([difference])).iloc[0])
    if not np.isfinite(worse):
        return None
    beyond_chance = against < now["low"] or against > now["high"]
    status = Status.NORMAL
    if beyond_chance and worse >= watch:
        status = Status.ALERT if worse >= alert else Status.WATCH
    since = 0
    for month in range(len(own)):
        if month not in own.index or month not in reference.index:
            break
        gap = _worse_by(item, _difference(item, own.loc[[month], "value"], float(reference[month])))
        if not gap.iloc[0] >= watch:
            break
        since += 1
    return _Judgement(status, reason, against, difference, worse / alert, since if status is not Status.NORMAL else float("nan"))


def _judged(item: Indicator, own: pd.DataFrame, past: float, peers: pd.Series, *, policy: Policy) -> _Judgement:
    """The more severe of the judgements against the own past and the peers."""
    nothing = float("nan")
    value, base = (float(own[name].astype("float64").get(0, nothing)) for name in ("value", "base"))
    if not np.isfinite(value):
        return _Judgement(Status.UNJUDGED, Reason.NO_DATA, nothing, nothing, nothing, nothing)
    if not item.counts_in_full and base < policy.small_base:
        return _Judgement(Status.UNJUDGED, Reason.FEW, nothing, nothing, nothing, nothing)
    limits = policy.checkup[item.key]
    constant = pd.Series(0.0 if item.kind == "change" else past, index=own.index)  # a change is judged against none
    found = [
        _against(item, own, constant, limits["past_watch"], limits["past_alert"], Reason.PAST),
        _against(item, own, peers, limits["peer_watch"], limits["peer_alert"], Reason.PEERS),
    ]
    order = [Status.NORMAL, Status.WATCH, Status.ALERT]
    known = sorted((one for one in found if one is not None), key=lambda one: (order.index(one.status), one.severity))
    return known[-1] if known else _Judgement(Status.UNJUDGED, Reason.NO_REFERENCE, nothing, nothing, nothing, nothing)


def _row(item: Indicator, measured: pd.DataFrame, code: str, *, policy: Policy) -> tuple[dict[str, object], pd.DataFrame, pd.DataFrame]:
    """One line of the table, this month's peers, and the own past."""
    enough = measured["value"].notna() & (item.counts_in_full | (measured["base"] >= policy.small_base))
    own = pd.DataFrame(measured.xs(code, level="code"))
    others = measured[enough & (measured.index.get_level_values("code") != code)]
    medians = others.groupby(level="months_back")["value"].agg(lambda values: _median(values, policy.least_peers))
    now = others[others.index.get_level_values("months_back") == 0]["value"].droplevel("months_back")
    earlier = own[enough.xs(code, level="code") & own.index.isin(range(1, YEAR + 1))]["value"]
    past = _median(earlier, policy.least_months)
    judged = _judged(item, own, past, medians, policy=policy)
    shown = own["value"].reindex([0, 1, YEAR])
    has_rank = len(now) >= policy.least_peers and np.isfinite(shown.iloc[0]) and judged.reason != Reason.FEW
    line = {
        "value": shown.iloc[0],
        **{name: own[name].reindex([0]).iloc[0] for name in ("low", "high", "base")},
        "before": shown.iloc[1],
        "year_ago": shown.iloc[2],
        "past_median": past,
        "peer_median": float(medians.get(0, float("nan"))),
        "peer_count": len(now),
        "rank": 1 + int((now > shown.iloc[0]).sum()) if has_rank else float("nan"),
        **{name: getattr(judged, name) for name in ("status", "reason", "reference", "difference", "severity", "since")},
    }
    history = own["value"][own.index <= YEAR].dropna().rename_axis("months_back").reset_index()
    return line, now.rename_axis("code").reset_index(), history


def examine(history: pd.DataFrame, code: str, *, policy: Policy) -> Checkup:
    """Check up one place, unit or category against its past and the others in the same frame.

    Parameters
    ----------
    history
        Columns ``code``, ``months_back`` (0 is the month looked at), the counts of ``rates.COUNTS``, ``population`` (NaN where
        unknown) and ``top_count`` (requests of the most frequent problem, NaN where not counted). A code without a row had
        no ticket; a month in which nobody had one is unknown.
    code
        Whose check-up it is.

    Raises
    ------
    ValueError
        A column is missing.
    """
    if missing := {"code", "months_back", "population", "top_count", *COUNTS} - set(history.columns):
        message = f"examine: missing columns {sorted(missing)}; found {list(history.columns)}"
        raise ValueError(message)
    rows = _completed(history, code)
    lines, peers, past = {}, [], []
    for item in INDICATORS:
        lines[item.key], now, own = _row(item, _measured(item, rows), code, policy=policy)
        peers.append(now.assign(indicator=item.key))
        past.append(own.assign(indicator=item.key))
    table = pd.DataFrame.from_dict(lines, orient="index").rename_axis("indicator")
    return Checkup(table, pd.concat(peers, ignore_index=True), pd.concat(past, ignore_index=True))


def growing_problems(now: pd.DataFrame, year_ago: pd.DataFrame, *, policy: Policy) -> pd.DataFrame:
    """Problems with more requests than a year ago, beyond the tolerance of the check-up and beyond chance, largest growth first.

    Parameters
    ----------
    now, year_ago
        Columns ``problem``, ``request_count``. A problem that is absent a year ago had none then.

    Returns
    -------
    DataFrame
        ``problem``, ``request_count``, ``year_ago_count``, ``more_count``, ``change`` (NaN where there were none).
    """
    both = now.merge(year_ago.rename(columns={"request_count": "year_ago_count"}), on="problem", how="left").fillna({"year_ago_count": 0})
    both["more_count"] = both["request_count"] - both["year_ago_count"]
    both["change"] = rates.change(both["request_count"], both["year_ago_count"])
    share_now = share_interval(both["request_count"], both["request_count"] + both["year_ago_count"])["low"]
    grew = (share_now > 0.5) & (both["request_count"] >= policy.small_base) & ~(both["change"] < policy.checkup["request_change"]["past_watch"])  # noqa: PLR2004 - a half: as many as a year ago
    return both[grew].sort_values(["more_count", "problem"], ascending=[False, True], ignore_index=True)[
        ["problem", "request_count", "year_ago_count", "more_count", "change"]
    ]

"""Cached reads of the check-up: two years of months of an object and its peers, judged under the month's policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from governance import checkup
from governance.policy import load_policy
from storage import reads
from storage.reads import Selection
from storage.scope import BOUND_ROLES, Role, Scope
from ui import loaders
from ui.kept import cached

if TYPE_CHECKING:
    from governance.checkup import Checkup
    from governance.periods import Period

__all__ = ["WHOLE", "checked", "growing", "problems"]

WHOLE = "city"
"""Kind and code of everything the reader may see."""

YEAR = 12


@cached(512)
def _one_month(version: str, scope: Scope, kind: str, period: Period) -> pd.DataFrame:
    """Counts of every object of a kind in one month; a check-up reads 25, of which the next month's shares all but one."""
    snapshot = loaders.snapshot(version)
    match kind:
        case "district" | "subdistrict":
            counts = reads.read_by_place(snapshot, scope, Selection(), period, kind)
        case "handler":
            counts = reads.read_by_unit(snapshot, scope, Selection(), period).rename(columns={"unit_code": "code"})
        case "category":
            counts = reads.read_by_category(snapshot, scope, Selection(), period).rename(columns={"category_1": "code"})
        case _:
            counts = reads.read_totals(snapshot, scope, Selection(), (period,)).assign(code=WHOLE)
    return counts.dropna(subset=["code"])


def _population(version: str, kind: str) -> pd.Series:
    """Residents by code; of the city only where every district's (or subdistrict's) is known."""
    register = loaders.place_register(version)
    if kind in ("district", "subdistrict"):
        return register[register["level"] == kind].set_index("code")["population"].astype("float64")
    if kind != WHOLE:
        return pd.Series(dtype="float64")
    level = "district" if (register["level"] == "district").any() else "subdistrict"
    return pd.Series({WHOLE: register.loc[register["level"] == level, "population"].astype("float64").sum(min_count=1, skipna=False)})


@cached(64)
def _months(version: str, scope: Scope, kind: str, period: Period) -> pd.DataFrame:
    """Counts of every object of a kind, for the month and the two years before it that the data cover."""
    known = loaders.facts(version)
    frames = [
        _one_month(version, scope, kind, month).assign(months_back=back)
        for back, month in enumerate(checkup.past_months(period))
        if back == 0 or month.start >= known.data_from
    ]
    rows = pd.concat(frames, ignore_index=True)
    population = _population(version, kind) if scope.role not in (Role.DEPARTMENT,) and (kind != WHOLE or scope.role not in BOUND_ROLES) else None
    rows["population"] = rows["code"].map(population) if population is not None else float("nan")
    return rows


def _narrowed(scope: Scope, kind: str, code: str) -> tuple[Scope, Selection]:
    """Scope and selection of one object's own tickets; never wider than the scope."""
    match kind:
        case "district":
            return scope, Selection(district_code=code)
        case "subdistrict":
            return scope, Selection(subdistrict_code=code)
        case "category":
            return scope, Selection(category_1=code)
        case "handler" if scope.role not in BOUND_ROLES:
            return Scope(Role.DEPARTMENT, code), Selection()
        case _:
            return scope, Selection()


@cached(256)
def problems(version: str, scope: Scope, kind: str, code: str, period: Period) -> pd.DataFrame:
    """Requests by problem of one object in one month: ``problem``, ``request_count``, most first; unclassified tickets left out."""
    own_scope, selection = _narrowed(scope, kind, code)
    level = 2 if kind == "category" else 1
    name = f"category_{level}"
    counts = reads.read_by_category(loaders.snapshot(version), own_scope, selection, period, level=level).dropna(subset=[name])
    counts = counts[counts["request_count"] > 0].rename(columns={name: "problem"})
    return counts.sort_values(["request_count", "problem"], ascending=[False, True], ignore_index=True)[["problem", "request_count"]]


@cached(256)
def checked(version: str, scope: Scope, kind: str, code: str, period: Period) -> Checkup:
    """The check-up of one object in one month, under the policy at the month's end."""
    rows = _months(version, scope, kind, period)
    tops = {}
    for back, month in enumerate(checkup.past_months(period, YEAR)):
        found = problems(version, scope, kind, code, month)
        tops[back] = float("nan") if found.empty else float(found["request_count"].iloc[0])
    rows = rows.assign(top_count=rows["months_back"].map(tops).where(rows["code"] == code))
    return checkup.examine(rows, code, policy=load_policy().on(period.end))


@cached(256)
def growing(version: str, scope: Scope, kind: str, code: str, period: Period) -> pd.DataFrame:
    """Problems that grew beyond chance against the same month a year ago; empty where the data do not reach back."""
    then = checkup.past_months(period, YEAR)[YEAR]
    now = problems(version, scope, kind, code, period)
    if then.start < loaders.facts(version).data_from:
        now = now.head(0)
    return checkup.growing_problems(now, problems(version, scope, kind, code, then), policy=load_policy().on(period.end))

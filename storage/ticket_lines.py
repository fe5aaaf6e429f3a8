"""The tickets behind a count, line by line, from the lake: placed and named as they are counted, texts masked when they came in."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from governance.policy import load_policy
from storage.engine import connect_worker
from storage.lake import Lake
from storage.naming import load_naming
from storage.places import load_register
from storage.profiles import parse_profile
from storage.scope import Role, ScopeError
from storage.sources import literal

if TYPE_CHECKING:
    import pandas as pd

    from storage.home import Home
    from storage.scope import Scope

__all__ = ["COLUMNS", "FEWEST_CALLERS", "POINT_COLUMNS", "TicketLines", "may_read_texts"]

COLUMNS = (
    "ticket_id",
    "accepted_at",
    "category_1",
    "category_2",
    "category_3",
    "title",
    "district_code",
    "subdistrict_code",
    "community",
    "place",
    "longitude",
    "latitude",
    "handling_unit",
    "status",
    "resolution",
    "repeat_group",
    "caller_key",
)
FEWEST_CALLERS = 5
"""The words of fewer callers than this are read by the unit that is responsible alone: they could be told who is meant."""


LOCATED = "longitude IS NOT NULL AND latitude IS NOT NULL AND category_1 IS NOT NULL"
DIGITS = 4
"""Of a degree: about ten metres, closer than two addresses are told apart."""

POINT_COLUMNS = ("accepted_at", "category_1", "category_2", "subdistrict_code", "community", "place", "longitude", "latitude", "caller_key")


def _days(first: date, last: date) -> str:
    return f"accepted_at >= DATE '{first}' AND accepted_at < DATE '{last}' + INTERVAL 1 DAY"


def may_read_texts(scope: Scope, district: str | None, subdistrict: str | None, callers: int) -> bool:
    """Whether a reader may read the words of so many callers of a place."""
    match scope.role:
        case Role.SUBDISTRICT:
            return scope.unit_code == subdistrict
        case Role.DISTRICT:
            return scope.unit_code == district
        case Role.DEPARTMENT:
            return False
        case _:
            return callers >= FEWEST_CALLERS


class TicketLines:
    """The tickets of a home, for a few months and one problem at a time. Close it after use."""

    def __init__(self, home: Home) -> None:
        self._lake = Lake(home)
        self._naming = load_naming(home)
        self._register = load_register(home, parse_profile(home.profile.read_text(encoding="utf-8"), home.profile.name))
        self._policies = load_policy()
        self._connection = connect_worker(home.root / "work")

    def close(self) -> None:
        """Lets go of the files."""
        self._connection.close()

    def read(self, scope: Scope, problem: tuple[str, str], places: frozenset[str], first: date, last: date) -> pd.DataFrame:
        """Tickets of a problem that count, of some places and days, newest first.

        Parameters
        ----------
        scope
            Of a district or a subdistrict: its own tickets alone.
        problem
            Names of the first and the second level; an empty second one stands for all of the first, two empty ones for everything.
        places
            Codes of subdistricts.

        Returns
        -------
        DataFrame
            ``COLUMNS``. Which of several tickets of one repeat counts hangs on the month's policy, as in the counts.

        Raises
        ------
        ScopeError
            A department asks: it has tickets of its own, and no places.
        """
        if scope.role is Role.DEPARTMENT:
            message = f"role {scope.role.value!r} may not read the tickets of places"
            raise ScopeError(message)
        relation = self._months(first, last)
        self._place(relation, f"{_days(first, last)} AND {self._of_problem(relation, problem)} AND {self._first_of_repeat(relation, first, last)}")
        codes = ", ".join(map(literal, sorted(places))) or "NULL"
        conditions = [f"subdistrict_code IN ({codes})"]
        if scope.role in (Role.DISTRICT, Role.SUBDISTRICT):
            conditions.append(f"{scope.role.value}_code = {literal(str(scope.unit_code))}")
        found: pd.DataFrame = self._connection.execute(
            f"SELECT {', '.join(COLUMNS)} FROM placed WHERE {self._counted(last)} AND {' AND '.join(conditions)} ORDER BY accepted_at DESC, ticket_id"
        ).df()
        return found

    def points(self, first: date, last: date) -> pd.DataFrame:
        """All tickets of those days with a position and a category: ``POINT_COLUMNS``. For batches, which see everything."""
        self._place(self._months(first, last), f"{_days(first, last)} AND {self._counted(last)} AND {LOCATED}")
        return self._connection.execute(
            f"SELECT {', '.join(POINT_COLUMNS)} FROM placed WHERE subdistrict_code IS NOT NULL ORDER BY accepted_at, ticket_id"
        ).df()

    def spots(self, first: date, last: date) -> pd.DataFrame:
        """How many tickets lay at each position in those days, to ten metres: ``category_1``, ``category_2``, ``longitude``, ``latitude``, ``ticket_count``."""
        positions = f"round(longitude, {DIGITS}) AS longitude, round(latitude, {DIGITS}) AS latitude"
        self._connection.execute(
            f"CREATE OR REPLACE TEMP TABLE located AS SELECT category_1, category_2, NULL::VARCHAR AS handling_unit, {positions}, count(*) AS ticket_count "
            f"FROM {self._months(first, last)} WHERE {_days(first, last)} AND {self._counted(last)} AND {LOCATED} GROUP BY ALL"
        )
        self._naming.apply(self._connection, "located")
        return self._connection.execute(
            "SELECT category_1, category_2, longitude, latitude, CAST(sum(ticket_count) AS BIGINT) AS ticket_count FROM located GROUP BY ALL ORDER BY ALL"
        ).df()

    def _months(self, first: date, last: date) -> str:
        """SQL: the files of the months that hold those days."""
        return self._lake.relation([item for item in self._lake.files() if f"{first:%Y-%m}" <= item.month <= f"{last:%Y-%m}"])

    def _first_of_repeat(self, relation: str, first: date, last: date) -> str:
        """SQL: the ticket is the first of its repeats in the month, wherever and of whatever problem they are; true of months that count them all."""
        months = [date(number // 12, number % 12 + 1, 1) for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month)]
        merged = ", ".join(f"DATE '{month}'" for month in months if self._policies.on(month).merge_repeats)
        if not merged:
            return "true"
        month = "date_trunc('month', accepted_at)"
        return (
            f"(repeat_group IS NULL OR {month} NOT IN ({merged}) OR ticket_id IN (SELECT arg_min(ticket_id, (accepted_at, ticket_id)) FROM {relation} "
            f"WHERE repeat_group IS NOT NULL AND {self._counted(last)} GROUP BY repeat_group, {month}))"
        )

    def _counted(self, on: date) -> str:
        """SQL: the ticket is of a type that counts."""
        return f"coalesce(request_type IN ({', '.join(map(literal, self._policies.on(on).dispatchable_types))}), false)"

    def _place(self, relation: str, condition: str) -> None:
        """Makes table ``placed``: the tickets under the places and names that count."""
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE asked AS SELECT * FROM {relation} WHERE {condition}")
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE placed AS SELECT * FROM {self._register.place_sql(self._connection, 'asked')}")
        self._naming.apply(self._connection, "placed")

    def _of_problem(self, relation: str, problem: tuple[str, str]) -> str:
        """SQL: the ticket's category, as delivered, is one that counts as the problem."""
        if problem == ("", ""):
            return "true"
        pairs = self._connection.execute(f"SELECT DISTINCT category_1, category_2 FROM {relation}").fetchall()
        own = []
        for one, two in pairs:
            settled = self._naming.category(one, two)
            if settled[0] == problem[0] and (not problem[1] or settled[1] == problem[1]):
                same = " AND ".join(
                    f"{name} IS NOT DISTINCT FROM {'NULL' if value is None else literal(value)}"
                    for name, value in zip(("category_1", "category_2"), (one, two), strict=True)
                )
                own.append(f"({same})")
        return f"({' OR '.join(own)})" if own else "false"

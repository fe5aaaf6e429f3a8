"""What the quality page reads. Administrators only: place labels and arrival times are about the feed, not about the city."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecasts.calendars import day_kinds
from storage.queries import fetch
from storage.scope import Role, Scope, ScopeError

if TYPE_CHECKING:
    from governance.periods import Period
    from storage.snapshot import Snapshot

__all__ = [
    "LABEL_LIMIT",
    "read_arrivals",
    "read_categories",
    "read_field_months",
    "read_intake_days",
    "read_quality_months",
    "read_unclassified",
    "read_unmatched_places",
    "read_untyped_units",
]

LABEL_LIMIT = 1000
"""Labels written freely may be as many as tickets; the most frequent ones are what somebody can mend."""


def read_quality_months(snapshot: Snapshot, scope: Scope) -> pd.DataFrame:
    """One row a month, oldest first: ``month`` and the counts of `storage.quality`'s ``quality_month``.

    Raises
    ------
    ScopeError
        Another role than administrator asks; so in every function of this module.
    """
    _check_administrator(scope)
    return fetch(snapshot, "SELECT * FROM quality_month ORDER BY month")


def read_field_months(snapshot: Snapshot, scope: Scope) -> pd.DataFrame:
    """How many tickets of each month hold each field: ``month``, ``field``, ``filled_count``, ``ticket_count``."""
    _check_administrator(scope)
    return fetch(snapshot, "SELECT month, field, filled_count, ticket_count FROM quality_field JOIN quality_month USING (month) ORDER BY field, month")


def read_intake_days(snapshot: Snapshot, scope: Scope) -> pd.DataFrame:
    """Tickets accepted on each day from the first to the last: ``day``, ``count``, ``kind`` (see `forecasts.calendars.DayKind`)."""
    _check_administrator(scope)
    counts = fetch(snapshot, "SELECT CAST(day AS TIMESTAMP) AS day, CAST(sum(intake_count) AS BIGINT) AS count FROM city_day GROUP BY 1 ORDER BY 1")
    if counts.empty:
        return counts.assign(kind=pd.Series(dtype="str"))
    city = _city(snapshot)
    days = day_kinds(city["calendar"], counts["day"].min().date(), counts["day"].max().date())[["day", "kind"]]
    found = days.merge(counts, on="day", how="left")
    return found.assign(count=found["count"].fillna(0).astype("int64"))[["day", "count", "kind"]]


def read_unmatched_places(snapshot: Snapshot, scope: Scope, period: Period) -> pd.DataFrame:
    """Labels that found no subdistrict, most frequent first: ``district``, ``subdistrict`` (None: not given), ``ticket_count``, ``label_count`` (of all)."""
    _check_administrator(scope)
    return fetch(
        snapshot,
        "SELECT district, subdistrict, CAST(sum(ticket_count) AS BIGINT) AS ticket_count, count(*) OVER () AS label_count FROM quality_place "
        f"WHERE month BETWEEN ? AND ? GROUP BY district, subdistrict ORDER BY ticket_count DESC, district, subdistrict LIMIT {LABEL_LIMIT}",
        (period.start, period.end),
    )


def read_unclassified(snapshot: Snapshot, scope: Scope, period: Period) -> pd.DataFrame:
    """Tickets without a category, by what is missing: ``category_1``, ``category_2``, ``ticket_count``.

    Rows where the first or the second level is None; a level that no ticket of the city has is not missing.
    """
    _check_administrator(scope)
    return fetch(
        snapshot,
        "SELECT category_1, category_2, CAST(sum(intake_count) AS BIGINT) AS ticket_count FROM category_day JOIN category USING (category_id) "
        "WHERE day BETWEEN ? AND ? AND (category_1 IS NULL OR (category_2 IS NULL AND EXISTS (SELECT 1 FROM category WHERE category_2 IS NOT NULL))) "
        "GROUP BY category_1, category_2 HAVING sum(intake_count) > 0 ORDER BY ticket_count DESC, category_1, category_2",
        (period.start, period.end),
    )


def read_categories(snapshot: Snapshot, scope: Scope) -> pd.DataFrame:
    """Categories by which tickets are counted, of all time: ``category_1``, ``category_2``, ``ticket_count``, ``first_on``, ``last_on``."""
    _check_administrator(scope)
    return fetch(
        snapshot,
        "SELECT category_1, category_2, CAST(sum(intake_count) AS BIGINT) AS ticket_count, CAST(min(day) AS TIMESTAMP) AS first_on, "
        "CAST(max(day) AS TIMESTAMP) AS last_on FROM category_day JOIN category USING (category_id) WHERE category_1 IS NOT NULL "
        "GROUP BY category_1, category_2 ORDER BY ticket_count DESC, category_1, category_2",
    )


def read_untyped_units(snapshot: Snapshot, scope: Scope, period: Period) -> pd.DataFrame:
    """Handling units of which the city's profile does not say what they are: ``unit_name``, ``ticket_count``; None is no unit at all."""
    _check_administrator(scope)
    return fetch(
        snapshot,
        "SELECT unit_name, CAST(sum(intake_count) AS BIGINT) AS ticket_count FROM unit_month JOIN unit USING (unit_id) "
        "WHERE unit_type IS NULL AND day BETWEEN ? AND ? GROUP BY unit_name ORDER BY ticket_count DESC, unit_name",
        (period.start, period.end),
    )


def read_arrivals(snapshot: Snapshot, scope: Scope) -> pd.DataFrame:
    """Days between acceptance and delivery of the versions now in the lake, the first batch apart.

    The first batch loads the past and says nothing about delay. Of a ticket that was sent again, with its closing or its
    follow-up, only the last delivery is known, so the numbers hold late results as well as late tickets.

    Returns
    -------
    DataFrame
        ``month`` (of acceptance), ``lag_days`` (at least 0; by the city's clock), ``ticket_count``. Empty while there is one batch.
    """
    _check_administrator(scope)
    city = _city(snapshot)
    began = fetch(snapshot, "SELECT received_no, min(batch_no) AS batch_no, arg_min(started_at, batch_no) AS started_at FROM batch GROUP BY received_no")
    began["arrived_on"] = pd.to_datetime(began["started_at"], utc=True).dt.tz_convert(city["timezone"]).dt.tz_localize(None).dt.normalize()
    later = began[began["batch_no"] > began["batch_no"].min()]
    listed = ", ".join(str(int(number)) for number in later["received_no"]) or "NULL"
    rows = fetch(snapshot, f"SELECT * FROM quality_arrival WHERE received_no IN ({listed}) ORDER BY month, accepted_on").merge(later, on="received_no")
    lag = (rows["arrived_on"] - pd.to_datetime(rows["accepted_on"])).dt.days.clip(lower=0)
    return rows.assign(lag_days=lag).groupby(["month", "lag_days"])["ticket_count"].sum().reset_index()


def _city(snapshot: Snapshot) -> dict[str, Any]:
    """The city as its profile describes it."""
    found: dict[str, Any] = json.loads(str(fetch(snapshot, "SELECT value FROM meta WHERE name = 'city'").iloc[0, 0]))
    return found


def _check_administrator(scope: Scope) -> None:
    if scope.role is not Role.ADMIN:
        message = f"role {scope.role.value!r} may not read the quality of the data; only {Role.ADMIN.value!r} may"
        raise ScopeError(message)

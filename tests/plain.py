"""The rules of tickets once more, in loops a clerk could follow: no SQL, no frames, nothing imported from the product.

Slow and boring on purpose; the product must agree with it.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import shapely
from shapely.geometry import Point, shape

COUNTED_TYPES = ("request", "complaint", "help", "report")
MERGED_FROM = date(2025, 7, 1)
LIMIT_HOURS = {"1": 2, "2": 24, "3": 168, "4": 360}
EVENTS = ("dispatched_at", "signed_at", "responded_at", "closed_at", "followed_up_at")


def version(row: dict[str, Any]) -> datetime:
    """When this version of the ticket was made: the update time, else the latest of its times."""
    if row.get("updated_at"):
        return row["updated_at"]
    return max(row[name] for name in ("accepted_at", *EVENTS) if row.get(name))


class PlainStore:
    """The upsert by ticket id: a dictionary and the order of versions."""

    def __init__(self) -> None:
        self.numbers: dict[Hashable, int] = {}
        self.tickets: dict[str, tuple[tuple[datetime, int], dict[str, Any]]] = {}

    def deliver(self, files: list[tuple[Hashable, list[dict[str, Any] | None]]]) -> list[dict[str, int]]:
        """Takes one batch of (content key, rows); None is a row that cannot be kept. The outcome of each file."""
        offers: dict[str, list[tuple[datetime, int, int, dict[str, Any]]]] = {}
        outcomes = []
        first: dict[int, dict[str, int]] = {}
        for key, rows in files:
            number = self.numbers.setdefault(key, len(self.numbers) + 1)
            outcome = {"read": len(rows), "loaded": 0, "updated": 0, "quarantined": sum(row is None for row in rows)}
            outcomes.append(outcome)
            if number in first:
                continue
            first[number] = outcome
            for position, row in enumerate(rows):
                if row is not None:
                    offers.setdefault(row["ticket_id"], []).append((version(row), number, position, row))
        for ticket_id, found in offers.items():
            when, number, _, row = max(found, key=lambda item: item[:3])
            held = self.tickets.get(ticket_id)
            if held is None:
                first[number]["loaded"] += 1
            elif (when, number) >= held[0] and row != held[1]:
                first[number]["updated"] += 1
            else:
                continue
            self.tickets[ticket_id] = ((when, number), row)
        for outcome in outcomes:
            outcome["unchanged"] = outcome["read"] - outcome["loaded"] - outcome["updated"] - outcome["quarantined"]
        return outcomes


def counted(tickets: list[dict[str, Any]]) -> list[bool]:
    """For each ticket whether it is a request that counts: its type, and only the first of a repeat group in a month."""
    first: dict[tuple[str, int, int], tuple[datetime, str]] = {}
    for row in tickets:
        if row["request_type"] in COUNTED_TYPES and row.get("repeat_group"):
            key = (row["repeat_group"], row["accepted_at"].year, row["accepted_at"].month)
            mine = (row["accepted_at"], row["ticket_id"])
            first[key] = min(first.get(key, mine), mine)
    answer = []
    for row in tickets:
        is_counted = row["request_type"] in COUNTED_TYPES
        if is_counted and row.get("repeat_group") and row["accepted_at"].date() >= MERGED_FROM:
            key = (row["repeat_group"], row["accepted_at"].year, row["accepted_at"].month)
            is_counted = first[key] == (row["accepted_at"], row["ticket_id"])
        answer.append(is_counted)
    return answer


def due(row: dict[str, Any]) -> datetime | None:
    """When the ticket must be closed: as delivered, else by its urgency from the dispatch, else from the acceptance."""
    if row.get("due_at"):
        return row["due_at"]
    hours = LIMIT_HOURS.get(str(row.get("urgency") or ""))
    return (row.get("dispatched_at") or row["accepted_at"]) + timedelta(hours=hours) if hours else None


class Marked(NamedTuple):
    """A ticket and what it adds to each count."""

    row: dict[str, Any]
    adds: Counter[str]


def _adds(row: dict[str, Any], is_counted: bool, now: datetime) -> Counter[str]:
    tally: Counter[str] = Counter()
    tally["intake_count"] += 1
    tally["consultation_count"] += row["request_type"] == "inquiry"
    if not is_counted:
        return tally
    tally["request_count"] += 1
    tally["open_count"] += row.get("closed_at") is None
    if limit := due(row):
        tally["due_count"] += 1
        tally["overdue_count"] += (row.get("closed_at") or now) > limit
    if row.get("is_assessed") is False or row.get("exclusion_reason"):
        return tally
    tally["assessed_count"] += 1
    tally["responded_count"] += row.get("is_responded") is True
    tally["response_base_count"] += row.get("is_responded") is not None
    tally["resolved_count"] += row.get("resolution") == "resolved"
    tally["resolution_base_count"] += row.get("resolution") is not None
    tally["satisfied_count"] += row.get("satisfaction") in ("satisfied", "basically")
    tally["satisfaction_base_count"] += row.get("satisfaction") in ("satisfied", "basically", "dissatisfied")
    return tally


def marked(tickets: list[dict[str, Any]]) -> list[Marked]:
    """Every ticket of a city with what it adds. Overdue is judged at the end of the last day of acceptance."""
    if not tickets:
        return []
    now = datetime.combine(max(row["accepted_at"] for row in tickets), time()) + timedelta(days=1)
    return [Marked(row, _adds(row, is_counted, now)) for row, is_counted in zip(tickets, counted(tickets), strict=True)]


def added(tickets: Iterable[Marked], **wanted: Hashable) -> Counter[str]:
    """The counts of the tickets that have the wanted values."""
    tally: Counter[str] = Counter()
    for row, adds in tickets:
        if all(row[name] == value for name, value in wanted.items()):
            tally.update(adds)
    return tally


def count(tickets: list[dict[str, Any]], key: Callable[[dict[str, Any]], Hashable] = lambda row: None) -> dict[Hashable, Counter[str]]:
    """The counts of each group of tickets; groups by ``key``. Overdue is judged at the end of the last day of acceptance."""
    groups: dict[Hashable, Counter[str]] = {}
    for row, adds in marked(tickets):
        groups.setdefault(key(row), Counter()).update(adds)
    return groups


def month_days(month: str, last: date = date.max) -> tuple[date, date]:
    """First and last day of a month written "2024-02"; the last day cut where the data end."""
    first = date.fromisoformat(f"{month}-01")
    following = (first + timedelta(days=31)).replace(day=1)
    return first, min(following - timedelta(days=1), last)


def change(now: float, before: float) -> float:
    """How much more than before, as a fraction; NaN where there was nothing."""
    return (now - before) / before if before > 0 else math.nan


def rate(top: int, base: int) -> float:
    """A fraction, or NaN where there is nothing to divide by."""
    return top / base if base else math.nan


def nyc_board(borough: str | None, board: str | None) -> str | None:
    """The community district of a New York label: "05 Brooklyn" is 305; a bare number is read in its borough."""
    boroughs = {"Manhattan": 1, "Bronx": 2, "Brooklyn": 3, "Queens": 4, "Staten Island": 5}
    match = re.match(r"^0*(\d{1,2})(?: (Manhattan|Bronx|Brooklyn|Queens|Staten Island))?$", (board or "").strip())
    name = (match[2] or (borough or "").strip()) if match else None
    return f"{boroughs[name]}{int(match[1]):02d}" if match and name in boroughs else None


def features(path: Path) -> list[dict[str, Any]]:
    """The features of a GeoJSON file."""
    return json.loads(path.read_text(encoding="utf-8"))["features"]


def area_of(shapes: Iterable[tuple[str, shapely.Geometry]], longitude: float, latitude: float) -> str | None:
    """The code of the area that holds a point, asked one by one; the smallest code where it lies on a border."""
    point = Point(longitude, latitude)
    return min((code for code, area in shapes if area.intersects(point)), default=None)


def shapes_of(path: Path, code: str) -> list[tuple[str, shapely.Geometry]]:
    """Code and polygon of each feature."""
    return [(str(item["properties"][code]), shape(item["geometry"])) for item in features(path)]

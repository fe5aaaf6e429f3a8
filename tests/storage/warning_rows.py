"""Warnings of a small ledger, deeds about them, and who may look; shared by the tests of the ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd

from storage.home import Home
from storage.records.audit import read_audit
from storage.records.warning_actions import WarningDeed
from storage.records.warning_stages import DeedKind
from storage.records.warnings import issue_warnings, read_warnings
from storage.scope import Role, Scope

LEADER, PLANNER, ADMIN = Scope(Role.LEADER), Scope(Role.PLANNER), Scope(Role.ADMIN)
DISTRICT, STREET, HEATING = Scope(Role.DISTRICT, "110101"), Scope(Role.SUBDISTRICT, "110101001"), Scope(Role.DEPARTMENT, "供热办")
PLACES = {"110101001": "110101", "110101002": "110101", "110102001": "110102"}

MONDAY = date(2026, 11, 16)
START, END = date(2026, 12, 7), date(2027, 1, 3)
AFTER = date(2027, 1, 4)
ID = "season|district|110101|供热|2026-12-07"


def day(count: int) -> date:
    return MONDAY + timedelta(days=count)


def warning(warning_id: str = ID, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "warning_id": warning_id,
        "level": "district",
        "place_code": "110101",
        "category_1": "公共服务",
        "category_2": "供热",
        "window_start": START,
        "window_end": END,
        "issued_on": MONDAY,
        "issued_at": datetime(2026, 11, 17, 6, 30, tzinfo=UTC),
        "probability": 0.8,
        "threshold": 120,
        "expected": 150.5,
        "usual": 80.25,
        "low_50": 140.0,
        "high_50": 160.0,
        "low_80": 130.0,
        "high_80": 175.0,
        "starts_on": date(2026, 11, 23),
        "due_on": date(2026, 12, 4),
        "owner": "供热办",
        "partner": "城管委",
        "reason": {"season": 0.7, "calendar": 0.1, "city": 0.15, "own": 0.05},
        "actions": ["排查老旧管网", "公布值班电话"],
        "model": "pooled",
        "version": "2026-11-16-abc",
        "rule": {"ratio": 1.5, "enter": 0.7},
    }
    return row | changes


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))


def issue(home: Home, *rows: dict[str, Any]) -> int:
    return issue_warnings(home, frame(*(rows or (warning(),))))


def statement(count: int, probability: float, *, is_budgeted: bool = True, warning_id: str = ID) -> pd.DataFrame:
    row = {"warning_id": warning_id, "stated_on": day(count), "probability": probability, "expected": 140.0, "is_budgeted": is_budgeted}
    return frame(row)


def outcome(*, count: int = 90, came_true: bool = False, warning_id: str = ID) -> pd.DataFrame:
    return frame({"warning_id": warning_id, "scored_on": AFTER, "count": count, "came_true": came_true})


def deed(kind: DeedKind, value: str = "", **changes: Any) -> WarningDeed:
    return replace(WarningDeed(ID, kind, value, None, "", "规划员", day(1)), **changes)


VERIFY = deed(DeedKind.VERIFY, "true")
ASSIGN = deed(DeedKind.ASSIGN, "热力集团")
ACKNOWLEDGE = deed(DeedKind.ACKNOWLEDGE, "更换老旧阀门")
PLAN_READY = deed(DeedKind.PLAN_READY, "预案见共享盘")
SNOOZE = deed(DeedKind.SNOOZE, until=day(10), reason="等待供暖试水")
WAKE = deed(DeedKind.WAKE)
REVIEW = deed(DeedKind.REVIEW, "missed")


def one(home: Home, today: date = MONDAY, scope: Scope = LEADER) -> pd.Series:
    table = read_warnings(home, scope, today=today, places=PLACES)
    assert len(table) == 1
    return table.iloc[0]


def subjects(home: Home) -> list[str]:
    return read_audit(home, ADMIN, "warning")["subject"].tolist()


LEDGER = [
    warning("city", level="city", place_code=None, owner="水务局", partner=None),
    warning("own", level="district", place_code="110101", owner="供热办", partner="城管委"),
    warning("other", level="district", place_code="110102", owner="水务局", partner="供热办"),
    warning("street", level="subdistrict", place_code="110101001", owner="水务局", partner=None),
    warning("next", level="subdistrict", place_code="110101002", owner="水务局", partner=None),
    warning("far", level="subdistrict", place_code="110102001", owner="供热办", partner=None),
    # a subdistrict that bears the code of a district is not that district
    warning("twin", level="subdistrict", place_code="110101", owner="水务局", partner=None),
]

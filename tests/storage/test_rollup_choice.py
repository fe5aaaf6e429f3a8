"""Monthly rollups must give what the daily ones give: the same counts by either road, whatever days a period has."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.periods import Grain, Period
from pipeline.ingest import ingest
from pipeline.refresh import refresh
from storage import reads
from storage.home import Home
from storage.scope import Role, Scope
from storage.snapshot import Snapshot, open_snapshot

if TYPE_CHECKING:
    from pathlib import Path

LEADER = Scope(Role.LEADER)
FIRST = date(2024, 11, 3)
DAYS = 200


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """Seven months of a few tickets a day, in two streets and two units, of two types."""
    folder: Path = tmp_path_factory.mktemp("rollups")
    lines = ["工单编号,工单类型,渠道,创建时间,被反映区,被反映街道,承办单位"]
    for number in range(DAYS * 3):
        day = FIRST + timedelta(days=number // 3)
        kind = "诉求" if number % 2 else "咨询"
        street = "景山街道" if number % 5 else "东华门街道"
        lines.append(f"T{number},{kind},{'电话' if number % 7 else '微信'},{day} 09:00:00,东城区,{street},单位{number % 2}")
    path = folder / "tickets.csv"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    home = Home(folder / "home")
    ingest(home, [path], city="beijing")
    refresh(home)
    return open_snapshot(home)


@given(st.integers(0, DAYS - 1), st.integers(0, DAYS - 1), st.sampled_from([None, "request", "inquiry"]), st.sampled_from([None, "phone"]))
def test_both_roads_agree(snapshot: Snapshot, one: int, other: int, request_type: str | None, channel: str | None) -> None:
    """Counts by street and by unit of any period equal the sum of its single days, which only daily rollups serve."""
    start, end = sorted((one, other))
    period = Period(Grain.RANGE, FIRST + timedelta(days=start), FIRST + timedelta(days=end))
    selection = reads.Selection(request_type=request_type, channel=channel)
    daily = reads.read_daily(snapshot, LEADER, selection, period)
    by_place = reads.read_by_place(snapshot, LEADER, selection, period, "subdistrict")
    by_unit = reads.read_by_unit(snapshot, LEADER, selection, period)
    assert len(daily) == period.day_count
    for column in ("intake_count", "request_count"):
        assert by_place[column].sum() == daily[column].sum()
        assert by_unit[column].sum() == daily[column].sum()
    expected: dict[str, int] = {}
    for number in range(start * 3, (end + 1) * 3):
        if request_type not in (None, "request" if number % 2 else "inquiry") or (channel and not number % 7):
            continue
        expected[f"单位{number % 2}"] = expected.get(f"单位{number % 2}", 0) + 1
    found = dict(zip(by_unit["unit_code"], by_unit["intake_count"], strict=True))
    assert {unit: count for unit, count in found.items() if count} == expected

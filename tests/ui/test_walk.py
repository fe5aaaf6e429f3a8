"""One ticket file from its rows to the numbers on the rendered page, beside a recount in plain loops."""

from __future__ import annotations

import csv
from collections.abc import Hashable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests import plain
from tests.ui import small_city
from tests.ui.key_figures import key_figures

TYPES = {"投诉": "complaint", "咨询": "inquiry"}
RATES = {"响应率": ("responded_count", "response_base_count"), "解决率": ("resolved_count", "resolution_base_count")}
RATES["满意率"] = ("satisfied_count", "satisfaction_base_count")
YES = {"是": True, "否": False, "": None}


def ticket(row: dict[str, str]) -> dict[str, Any]:
    """One delivered row in the words of ``tests/plain.py``."""
    first, second = row["问题分类"].split("->")
    return {
        "ticket_id": row["工单编号"],
        "request_type": TYPES[row["工单类型"]],
        "accepted_at": datetime.fromisoformat(row["创建时间"]),
        "closed_at": datetime.fromisoformat(row["办结时间"]) if row["办结时间"] else None,
        "category_1": first,
        "category_2": second,
        "subdistrict": row["被反映街乡镇"],
        "is_responded": YES[row["是否响应"]],
        "resolution": {"解决": "resolved", "未解决": "unresolved", "": None}[row["是否解决"]],
        "satisfaction": {"满意": "satisfied", "不满意": "dissatisfied", "": None}[row["是否满意"]],
    }


def tickets_in(path: Path, month: str) -> list[dict[str, Any]]:
    """The file as delivered, read again by the standard library; rows that cannot be kept are known by their number."""
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return [ticket(row) for row in csv.DictReader(handle) if row["创建时间"].startswith(month)]


def metrics(app) -> dict[str, str]:
    return {item.label: item.value for item in key_figures(app)}


def percent(tally: dict[str, int], rate: str) -> str:
    top, base = RATES[rate]
    return f"{plain.rate(tally[top], tally[base]) * 100:.1f}%"


def problems(app) -> list[tuple[str, int]]:
    table = next(item.value for item in app.dataframe if "problem" in item.value)
    return list(zip(table["problem"], table["request_count"], strict=True))


def ranked(tallies: dict[Hashable, Any]) -> list[tuple[Hashable, int]]:
    counted = [(name, tally["request_count"]) for name, tally in tallies.items() if tally["request_count"]]
    return sorted(counted, key=lambda item: (-item[1], str(item[0])))[:10]


@pytest.fixture(scope="session")
def delivered(city_home: Path) -> Path:
    return city_home.parent / "tickets.csv"


@pytest.mark.parametrize("month", ["2025-10", "2024-12"])
def test_the_page_says_what_the_file_holds(open_page, delivered, month):
    tickets = tickets_in(delivered, month)
    tally = plain.count(tickets)[None]
    app = open_page(month=f"{month[:4]}年{int(month[5:])}月")
    shown = metrics(app)
    assert shown["受理量"] == str(tally["intake_count"])
    assert shown["诉求量"] == str(tally["request_count"])
    assert shown["未解决件数"] == str(tally["resolution_base_count"] - tally["resolved_count"])
    assert {rate: shown[rate] for rate in RATES} == {rate: percent(tally, rate) for rate in RATES}
    assert problems(app) == ranked(plain.count(tickets, lambda row: row["category_1"]))


def test_the_second_level_of_a_chosen_category(open_page, delivered):
    tickets = [row for row in tickets_in(delivered, "2025-10") if row["category_1"] == "供暖问题"]
    app = open_page(month="2025年10月", category="供暖问题")
    assert problems(app) == ranked(plain.count(tickets, lambda row: row["category_2"]))
    table = next(item.value for item in app.dataframe if "problem" in item.value)
    weeks = [sum(trend) for trend in table["trend"]]
    assert all(total >= count for total, count in zip(weeks, table["request_count"], strict=True)), "thirteen weeks hold the month"


def test_places_of_the_map_table(open_page, delivered):
    tickets = tickets_in(delivered, "2025-10")
    app = open_page(month="2025年10月", level="街乡镇", areas_as="列表")
    table = next(item.value for item in app.dataframe if "parent" in item.value)
    counted = plain.count(tickets, lambda row: row["subdistrict"])
    assert dict(zip(table["name"], table["request_count"], strict=True)) == {
        name: tally["request_count"] for name, tally in counted.items() if name != "不在册的地方"
    }
    for name, rate in zip(table["name"], table["resolution_rate"], strict=True):
        assert f"{rate:.1f}%" == percent(counted[name], "解决率")


def one_ticket(**values: str) -> dict[str, str]:
    row = small_city.rows()[0] | {"工单编号": "WALK", "工单类型": "投诉", "创建时间": "2025-10-15 09:00:00", "办结时间": "", "问题分类": "独一问题->独一细类"}
    return row | {"被反映区": "东城区", "被反映街乡镇": "景山街道", "是否响应": "", "是否解决": "", "是否满意": ""} | values


def deliver(home: Path, path: Path, row: dict[str, str]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as handle:
        writer = csv.DictWriter(handle, list(row))
        writer.writeheader()
        writer.writerow(row)
    done = small_city.manage(home, "ingest", str(path), "--city", "beijing")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_one_ticket_from_its_row_to_the_page_and_again_after_its_follow_up(open_page, tmp_path):
    home = small_city.build(tmp_path)
    deliver(home, tmp_path / "new.csv", one_ticket())
    link = {"month": "2025年10月", "category": "独一问题", "subdistrict": "景山街道"}
    app = open_page(home=home, **link)
    shown = metrics(app)
    assert (shown["受理量"], shown["诉求量"], shown["未解决件数"], shown["解决率"]) == ("1", "1", "—", "—")
    assert problems(app) == [("独一细类", 1)]
    deliver(home, tmp_path / "later.csv", one_ticket(办结时间="2025-10-20 09:00:00", 是否响应="是", 是否解决="解决", 是否满意="不满意"))
    shown = metrics(open_page(home=home, **link))
    assert (shown["受理量"], shown["未解决件数"]) == ("1", "0")
    assert (shown["响应率"], shown["解决率"], shown["满意率"]) == ("100.0%", "100.0%", "0.0%")

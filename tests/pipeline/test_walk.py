"""One ticket file from its rows to what a page reads; the rendered number is followed in tests/ui."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from governance.periods import Grain, Period
from governance.rates import three_rates
from pipeline.refresh import check, refresh
from storage.home import Home
from storage.reads import Selection, read_batches, read_by_category, read_by_place, read_by_unit, read_daily, read_facts, read_quarantine, read_totals
from storage.scope import Role, Scope
from storage.snapshot import open_snapshot
from tests.factories import clock, counts, lake_by_id, load, quarantine_rows, ticket, write_csv

UNIT = "东华门街道办事处"
HERE = {"request_type": "诉求", "channel": "电话", "district": "东城区", "subdistrict": "东华门街道", "handling_unit": UNIT, "caller": "13812345678"}


def test_from_row_to_reads(tmp_path: Path) -> None:
    """Delivered row, lake row, quarantine row, rollup, read, rate: the same ticket at every step, and again after its follow-up."""
    home = Home(tmp_path / "home")
    first = [
        ticket("W1", "2024-03-05 09:30:00", category="住房->漏雨->屋顶", title="屋顶漏雨,电话13812345678", **HERE),
        ticket("W2", "2024-03-05 10:00:00", category="住房->漏雨->外墙", **HERE),
        ticket("W3", "2024-03-06 10:00:00", category="市容环卫->垃圾", **HERE | {"subdistrict": "不存在街道", "handling_unit": ""}),
        ticket("W4", "昨天", **HERE),
    ]
    result = load(home, write_csv(tmp_path / "first.csv", first))
    assert counts(result) == {"read": 4, "loaded": 3, "updated": 0, "unchanged": 0, "quarantined": 1}
    assert result.total("unplaced") == 1
    row = lake_by_id(home)["W1"]
    assert (row["accepted_at"], row["month"], row["category_1"], row["category_2"], row["category_3"]) == (
        clock("2024-03-05 09:30:00"),
        "2024-03",
        "住房",
        "漏雨",
        "屋顶",
    )
    assert row["title"] == "屋顶漏雨,电话[电话]"
    assert row["caller_key"] == lake_by_id(home)["W2"]["caller_key"]
    assert [(item["row"], item["column"], item["value"]) for item in quarantine_rows(home)] == [(4, "创建时间", "昨天")]

    assert refresh(home).ticket_count == 3
    leader, admin = Scope(Role.LEADER), Scope(Role.ADMIN)
    march = Period.containing(Grain.MONTH, date(2024, 3, 1))
    snapshot = open_snapshot(home)
    facts = read_facts(snapshot)
    assert (facts.ticket_count, facts.unplaced_count, facts.data_from, facts.data_until) == (3, 1, date(2024, 3, 5), date(2024, 3, 6))
    daily = read_daily(snapshot, leader, Selection(), march)
    assert daily["intake_count"].tolist() == [0] * 4 + [2, 1] + [0] * 25
    assert three_rates(read_totals(snapshot, leader, Selection(), (march,))).isna().all(axis=None)
    assert read_quarantine(snapshot, admin)["ticket_id"].tolist() == ["W4"]
    assert read_batches(snapshot, admin)[["read", "loaded", "quarantined", "unplaced"]].to_numpy().tolist() == [[4, 3, 1, 1]]

    answers = {
        "closed_at": "2024-03-09 10:00:00",
        "followed_up_at": "2024-03-12 10:00:00",
        "is_responded": "是",
        "resolution": "已解决",
        "satisfaction": "不满意",
    }
    later = [first[0] | answers, first[1] | answers | {"resolution": "未解决"}]
    assert counts(load(home, write_csv(tmp_path / "later.csv", later)))["updated"] == 2
    assert refresh(home).months == ("2024-03",)
    snapshot = open_snapshot(home)
    own = Scope(Role.SUBDISTRICT, "110101001")
    totals = read_totals(snapshot, own, Selection(category_1="住房"), (march,))
    assert int(totals["request_count"].iloc[0]) == 2
    assert three_rates(totals).iloc[0].tolist() == [1.0, 0.5, 0.0]
    places = read_by_place(snapshot, leader, Selection(), march, "subdistrict")
    assert dict(zip(places["code"].fillna("未落图"), places["intake_count"], strict=True)) == {"110101001": 2, "未落图": 1}
    categories = read_by_category(snapshot, leader, Selection(), march, level=2)
    assert dict(zip(categories["category_2"], categories["request_count"], strict=True)) == {"漏雨": 2, "垃圾": 1}
    units = read_by_unit(snapshot, Scope(Role.DEPARTMENT, UNIT), Selection(), march)
    assert dict(zip(units["unit_code"], units["resolved_count"], strict=True)) == {UNIT: 1}
    assert check(home).findings == ()

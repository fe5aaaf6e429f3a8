"""The two full real files, from ingest to reads, against loops over the same rows."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
import pytest

from governance.periods import Grain, Period
from governance.rates import COUNTS
from pipeline.refresh import check, refresh
from storage.home import Home
from storage.ledger import FileOutcome
from storage.reads import Selection, read_by_category, read_by_place, read_by_unit, read_daily, read_facts, read_totals
from storage.scope import Role, Scope
from storage.snapshot import Snapshot, open_snapshot
from tests import plain
from tests.factories import GEODATA, TICKETS, lake_ids, load, quarantine_rows

ALL = Scope(Role.LEADER)
JUNK = {"Please choose an issue...", "@getxlate.Udf_Code_Genera", "Select One", "SPAM MAIL"}
SAMPLE = 1500


class City(NamedTuple):
    """A loaded city: its home, what the ingest said, the plain tickets and the published snapshot."""

    home: Home
    outcome: FileOutcome
    rows: list[dict[str, Any]]
    tickets: list[dict[str, Any]]
    snapshot: Snapshot


def loaded(folder: Path, tickets_file: str, city: str, boundaries: str) -> tuple[Home, FileOutcome, list[dict[str, Any]], Snapshot]:
    if not (TICKETS / tickets_file).exists():
        pytest.skip(f"needs ../shared: {tickets_file}")
    home = Home(folder)
    result = load(home, TICKETS / tickets_file, city=city, boundaries=GEODATA / boundaries)
    refresh(home)
    return home, result.batch.files[0], pq.read_table(TICKETS / tickets_file).to_pylist(), open_snapshot(home)


def newest(offers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of several records of one ticket the newest version, and of equal ones the last."""
    kept: dict[str, dict[str, Any]] = {}
    for row in offers:
        held = kept.get(row["ticket_id"])
        if held is None or plain.version(row) >= plain.version(held):
            kept[row["ticket_id"]] = row
    return list(kept.values())


@pytest.fixture(scope="module")
def new_york(tmp_path_factory: pytest.TempPathFactory) -> City:
    folder = tmp_path_factory.mktemp("nyc")
    home, outcome, rows, snapshot = loaded(folder, "nyc_council_constituent_services.parquet", "nyc_council", "nyc_community_districts.geojson")
    codes = {item["properties"]["code"] for item in plain.features(GEODATA / "nyc_community_districts.geojson")}
    boroughs = {item["properties"]["borough"]: item["properties"]["borough_code"] for item in plain.features(GEODATA / "nyc_community_districts.geojson")}
    offers = []
    for row in rows:
        board = plain.nyc_board(row["borough"], row["community_board"])
        opened = datetime.combine(row["opendate"], datetime.min.time())
        closed = datetime.combine(row["closedate"], datetime.min.time()) if row["closedate"] else None
        if closed and closed < opened:
            continue
        offers.append(
            {
                "ticket_id": row["unique_key"].strip(),
                "request_type": "request",
                "accepted_at": opened,
                "closed_at": closed,
                "category_1": None if (row["complaint_type"] or "").strip() in JUNK | {""} else row["complaint_type"].strip(),
                "unit": row["account"].strip(),
                "subdistrict": board if board in codes else None,
                "district": board[0] if board in codes and board else boroughs.get((row["borough"] or "").strip()),
            }
        )
    return City(home, outcome, rows, newest(offers), snapshot)


@pytest.fixture(scope="module")
def boston(tmp_path_factory: pytest.TempPathFactory) -> City:
    home, outcome, rows, snapshot = loaded(tmp_path_factory.mktemp("boston"), "boston_311_animal.parquet", "boston", "boston_neighborhoods.geojson")
    offers = []
    for row in rows:
        opened = datetime.fromisoformat(row["open_dt"])
        closed = datetime.fromisoformat(row["closed_dt"]) if row["closed_dt"] else None
        if closed and closed < opened and not (closed.date() == opened.date() and closed.time() == datetime.min.time()):
            continue
        offers.append(
            {
                "ticket_id": row["case_enquiry_id"].strip(),
                "request_type": "request",
                "accepted_at": opened,
                "closed_at": closed,
                "category_1": (row["reason"] or "").strip() or None,
                "category_2": (row["type"] or "").strip() or None,
                "unit": (row["department"] or "").strip() or None,
                "neighborhood": (row["neighborhood"] or "").strip() or None,
                "due_at": datetime.fromisoformat(limit) if (limit := row.get("sla_target_dt") or row.get("target_dt")) else None,
                "point": (float(row["longitude"]), float(row["latitude"])) if row["longitude"] and row["latitude"] else None,
            }
        )
    return City(home, outcome, rows, newest(offers), snapshot)


def months_between(first: date, last: date) -> list[Period]:
    days = [date(year, month, 1) for year in range(first.year, last.year + 1) for month in range(1, 13)]
    return [Period.containing(Grain.MONTH, day) for day in days if date(first.year, first.month, 1) <= day <= last]


def as_counts(frame: Any) -> dict[str, int]:
    return {name: int(frame[name]) for name in COUNTS}


def check_counts(city: City) -> None:
    """Totals of the file, of every month and of every day of one year."""
    facts = read_facts(city.snapshot)
    assert facts.ticket_count == len(city.tickets) == len(lake_ids(city.home))
    assert facts.data_from == min(row["accepted_at"] for row in city.tickets).date()
    assert facts.data_until == max(row["accepted_at"] for row in city.tickets).date()
    expected = plain.count(city.tickets, lambda row: (row["accepted_at"].year, row["accepted_at"].month))
    periods = months_between(facts.data_from, facts.data_until)
    found = read_totals(city.snapshot, ALL, Selection(), tuple(periods))
    for period, (_, row) in zip(periods, found.iterrows(), strict=True):
        tally = expected.get((period.start.year, period.start.month), Counter())
        assert as_counts(row) == {name: tally[name] for name in COUNTS}, period
    year = Period.containing(Grain.YEAR, date(2019, 6, 1))
    days = Counter(row["accepted_at"].date() for row in city.tickets if row["accepted_at"].year == 2019)
    daily = read_daily(city.snapshot, ALL, Selection(), year)
    assert {row.day.date(): row.intake_count for row in daily.itertuples() if row.intake_count} == dict(days)
    assert check(city.home).findings == ()


def check_new_york_outcomes(new_york: City) -> None:
    """341,299 cases: the four outcomes, every month's counts, every day of 2019."""
    outcome = asdict(new_york.outcome)
    assert outcome["read"] == len(new_york.rows) == 341_299
    assert outcome["loaded"] == len(new_york.tickets)
    assert outcome["quarantined"] == 0
    assert outcome["updated"] == 0
    assert outcome["unchanged"] == 105
    assert outcome["unplaced"] == sum(row["subdistrict"] is None for row in new_york.tickets)
    check_counts(new_york)


def check_new_york_members(new_york: City) -> None:
    """Boroughs, community boards, the ten most frequent problems and council offices agree with the loops."""
    facts = read_facts(new_york.snapshot)
    whole = Period(Grain.RANGE, facts.data_from, facts.data_until)
    for level in ("district", "subdistrict"):
        expected = Counter(row[level] for row in new_york.tickets)
        found = read_by_place(new_york.snapshot, ALL, Selection(), whole, level)
        assert {None if row.code != row.code or row.code is None else row.code: row.intake_count for row in found.itertuples()} == dict(expected)
    expected = Counter(row["category_1"] for row in new_york.tickets)
    found = read_by_category(new_york.snapshot, ALL, Selection(), whole)
    by_name = {row.category_1 if isinstance(row.category_1, str) else None: row.intake_count for row in found.itertuples()}
    assert by_name == dict(expected)
    top = found.sort_values("intake_count", ascending=False)["category_1"].head(10).tolist()
    assert [expected[name if isinstance(name, str) else None] for name in top] == [count for _, count in expected.most_common(10)]
    units = read_by_unit(new_york.snapshot, ALL, Selection(), whole)
    assert dict(zip(units["unit_code"], units["intake_count"], strict=True)) == dict(Counter(row["unit"] for row in new_york.tickets))
    month = Period.containing(Grain.MONTH, date(2019, 12, 1))
    in_month = [row for row in new_york.tickets if (row["accepted_at"].year, row["accepted_at"].month) == (2019, 12)]
    brooklyn = read_by_category(new_york.snapshot, ALL, Selection(district_code="3"), month)
    by_name = {row.category_1 if isinstance(row.category_1, str) else None: row.intake_count for row in brooklyn.itertuples()}
    assert by_name == dict(Counter(row["category_1"] for row in in_month if row["district"] == "3"))


def check_boston_outcomes(boston: City) -> None:
    """Two overlapping extracts, cases closed before they were opened, no target date: outcomes and every month."""
    closed_first = [row for row in boston.rows if row["closed_dt"] and row["closed_dt"] < row["open_dt"] and not row["closed_dt"].endswith("00:00:00")]
    outcome = asdict(boston.outcome)
    assert outcome["read"] == len(boston.rows) == 80_590
    assert outcome["quarantined"] == len(closed_first) == len(quarantine_rows(boston.home))
    assert outcome["loaded"] == len(boston.tickets)
    assert outcome["updated"] == 0
    assert outcome["unchanged"] == outcome["read"] - outcome["loaded"] - outcome["quarantined"]
    assert {row["ticket_id"] for row in quarantine_rows(boston.home)} == {row["case_enquiry_id"] for row in closed_first}
    for row in quarantine_rows(boston.home):
        assert boston.rows[row["row"] - 1]["case_enquiry_id"] == row["ticket_id"]
        assert row["value"] == boston.rows[row["row"] - 1]["closed_dt"]
        assert row["column"] == "closed_dt"
    check_counts(boston)


def check_boston_points(boston: City) -> None:
    """A sample of points placed by asking every polygon in turn; the others by the label of the neighbourhood."""
    shapes = plain.shapes_of(GEODATA / "boston_neighborhoods.geojson", "code")
    assert boston.outcome.unplaced == read_facts(boston.snapshot).unplaced_count
    days = sorted({row["accepted_at"].date() for row in boston.tickets})
    chosen = set(random.Random(1).sample(days, 60))
    sample = [row for row in boston.tickets if row["accepted_at"].date() in chosen][:SAMPLE]
    complete = {
        day for day in chosen if sum(row["accepted_at"].date() == day for row in boston.tickets) == sum(row["accepted_at"].date() == day for row in sample)
    }
    names = {item["properties"]["name"]: item["properties"]["code"] for item in plain.features(GEODATA / "boston_neighborhoods.geojson")}
    names |= {"Greater Mattapan": "17", "Downtown / Financial District": "09", "Fenway / Kenmore / Audubon Circle / Longwood": "11"}
    assert len(complete) > 30
    for day in sorted(complete):
        expected: Counter[str | None] = Counter()
        for row in sample:
            if row["accepted_at"].date() == day:
                code = plain.area_of(shapes, *row["point"]) if row["point"] else None
                expected[code or names.get(row["neighborhood"] or "")] += 1
        found = read_by_place(boston.snapshot, ALL, Selection(), Period.containing(Grain.DAY, day), "subdistrict")
        counts = {row.code if isinstance(row.code, str) else None: row.intake_count for row in found.itertuples()}
        assert {code: number for code, number in counts.items() if number} == dict(expected), day


def check_boston_categories(boston: City) -> None:
    """Seven types under their reasons, and the department bound to its own rows."""
    facts = read_facts(boston.snapshot)
    whole = Period(Grain.RANGE, facts.data_from, facts.data_until)
    found = read_by_category(boston.snapshot, ALL, Selection(), whole, level=2)
    expected = Counter((row["category_1"], row["category_2"]) for row in boston.tickets)
    assert {(row.category_1, row.category_2): row.intake_count for row in found.itertuples()} == dict(expected)
    unit, number = Counter(row["unit"] for row in boston.tickets).most_common(1)[0]
    own = read_totals(boston.snapshot, Scope(Role.DEPARTMENT, unit), Selection(), (whole,))
    assert own["intake_count"].tolist() == [number]


def test_new_york_agrees_with_a_plain_recount(new_york: City) -> None:
    """Outcomes, months, days, boroughs, boards, top ten and offices of 341,299 council cases."""
    check_new_york_outcomes(new_york)
    check_new_york_members(new_york)


def test_boston_agrees_with_a_plain_recount(boston: City) -> None:
    """Outcomes, months, days, types, departments and a sample of points of 80,590 city cases."""
    check_boston_outcomes(boston)
    check_boston_points(boston)
    check_boston_categories(boston)

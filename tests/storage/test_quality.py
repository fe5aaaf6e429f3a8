"""Facts about what was delivered: the same as a loop over the delivered rows finds, month by month, and for administrators only."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from governance.completeness import DUPLICATE_DAYS
from governance.periods import Grain, Period
from governance.tickets import FIELDS
from pipeline.refresh import check, refresh
from storage import quality_reads
from storage.home import Home
from storage.places import load_register
from storage.profiles import load_profile
from storage.scope import BOUND_ROLES, Role, Scope, ScopeError
from storage.snapshot import Snapshot, open_snapshot
from tests.factories import lake_rows, load, ticket, write_csv

ADMIN = Scope(Role.ADMIN)
ALL_TIME = Period(Grain.RANGE, date.fromisoformat("2024-01-01"), date.fromisoformat("2024-12-31"))


def rows(seed: int = 7, number: int = 900) -> list[dict[str, str]]:
    """Tickets of spring 2024 with holes, odd labels and callers who call again."""
    chance = random.Random(seed)
    made = []
    for index in range(number):
        at = datetime.fromisoformat("2024-02-25T00:00") + timedelta(minutes=chance.randrange(60 * 24 * 60))
        fields = {
            "caller": f"138{chance.randrange(25):08d}" if chance.random() < 0.8 else "",
            "category": chance.choice(["供暖问题->不热", "供暖问题->漏水", "占道停车", "", "->无一级"]),
            "district": chance.choice(["东城区", "西城区", "", "东城"]),
            "subdistrict": chance.choice(["东华门街道", "景山街道", "东华门", "不详", ""]),
            "handling_unit": chance.choice(["市住建委", "热力集团", ""]),
            "closed_at": f"{at + timedelta(hours=5):%Y-%m-%d %H:%M:%S}" if chance.random() < 0.6 else "",
            "tags": chance.choice(["七有", "七有、五性", ""]),
        }
        made.append(ticket(f"T{index:05d}", f"{at:%Y-%m-%d %H:%M:%S}", **fields))
    return made


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("quality")
    made = Home(folder / "home")
    load(made, write_csv(folder / "a.csv", rows()))
    refresh(made)
    return made


@pytest.fixture(scope="module")
def snapshot(home: Home) -> Snapshot:
    return open_snapshot(home)


def first_of(moment: datetime) -> date:
    return moment.date().replace(day=1)


def resolved(home: Home, row: dict[str, Any]) -> str | None:
    return load_register(home, load_profile("beijing")).resolve(row["district"], row["subdistrict"])[1]


def recount(home: Home) -> dict[date, dict[str, int]]:
    """The facts that are one number a month, by a loop."""
    register = load_register(home, load_profile("beijing"))
    found: dict[date, Counter[str]] = {}
    last: dict[tuple[Any, ...], datetime] = {}
    for row in sorted(lake_rows(home), key=lambda item: (item["accepted_at"], item["ticket_id"])):
        month = first_of(row["accepted_at"])
        code = register.resolve(row["district"], row["subdistrict"])[1]
        place = code or row["subdistrict"]
        known = row["caller_key"] is not None and row["category_2"] is not None and place is not None
        key = (month, row["caller_key"], row["category_2"], place)
        before = last.get(key)
        counts = found.setdefault(month, Counter())
        counts["ticket_count"] += 1
        counts["unplaced_count"] += code is None
        counts["unclassified_count"] += row["category_1"] is None
        counts["no_unit_count"] += row["handling_unit"] is None
        counts["comparable_count"] += known
        counts["duplicate_count"] += known and before is not None and row["accepted_at"] - before <= timedelta(days=DUPLICATE_DAYS)
        last[key] = row["accepted_at"]
    return {month: dict(counts) for month, counts in found.items()}


def test_months_agree_with_a_loop(home: Home, snapshot: Snapshot) -> None:
    table = quality_reads.read_quality_months(snapshot, ADMIN).set_index("month")
    found = {month.date(): {name: int(value) for name, value in row.items()} for month, row in table.iterrows()}
    expected = recount(home)
    assert len(expected) == 3
    assert all(sum(row[name] for row in expected.values()) for name in table.columns), "the made rows must have some of everything"
    assert found == expected


def test_fields_agree_with_a_loop(home: Home, snapshot: Snapshot) -> None:
    table = quality_reads.read_field_months(snapshot, ADMIN)
    found = {(row.month.date(), row.field): row.filled_count for row in table.itertuples()}
    expected: Counter[tuple[date, str]] = Counter()
    for row in lake_rows(home):
        for item in FIELDS:
            expected[first_of(row["accepted_at"]), item.name] += row["caller_key" if item.name == "caller" else item.name] not in (None, [])
    assert found == dict(expected)
    totals = table.groupby("month")["ticket_count"].agg(["min", "max"])
    assert (totals["min"] == totals["max"]).all()
    assert set(table.loc[table["field"] == "ticket_id", "filled_count"]) == set(totals["min"])


def test_unmatched_labels_agree_with_a_loop(home: Home, snapshot: Snapshot) -> None:
    expected = Counter((row["district"], row["subdistrict"]) for row in lake_rows(home) if resolved(home, row) is None)
    table = quality_reads.read_unmatched_places(snapshot, ADMIN, ALL_TIME)
    found = {
        (row.district if isinstance(row.district, str) else None, row.subdistrict if isinstance(row.subdistrict, str) else None): row.ticket_count
        for row in table.itertuples()
    }
    assert found == dict(expected)
    assert set(table["label_count"]) == {len(expected)}
    assert table["ticket_count"].is_monotonic_decreasing


def test_unclassified_and_units_agree_with_a_loop(home: Home, snapshot: Snapshot) -> None:
    stored = lake_rows(home)
    unclassified = quality_reads.read_unclassified(snapshot, ADMIN, ALL_TIME)
    assert unclassified["ticket_count"].sum() == sum(row["category_1"] is None or row["category_2"] is None for row in stored)
    units = quality_reads.read_untyped_units(snapshot, ADMIN, ALL_TIME)
    profile = load_profile("beijing").units
    untyped = Counter(row["handling_unit"] for row in stored if row["handling_unit"] is None or not ({row["handling_unit"], "*"} & set(profile)))
    assert {row.unit_name if isinstance(row.unit_name, str) else None: row.ticket_count for row in units.itertuples()} == dict(untyped)


def test_intake_days_are_whole_and_know_holidays(home: Home, snapshot: Snapshot) -> None:
    days = quality_reads.read_intake_days(snapshot, ADMIN)
    counted = Counter(row["accepted_at"].date() for row in lake_rows(home))
    assert {row.day.date(): row.count_ for row in days.rename(columns={"count": "count_"}).itertuples() if row.count_} == dict(counted)
    assert days["day"].diff().dropna().dt.days.eq(1).all()
    assert days.set_index("day").loc["2024-04-04", "kind"] == "holiday"


def test_only_the_changed_month_is_counted_again(tmp_path: Path) -> None:
    """The facts of a month are those of the lake as it is, also after tickets of that month were sent again."""
    home = Home(tmp_path / "home")
    first = rows()
    load(home, write_csv(tmp_path / "a.csv", first))
    refresh(home)
    more = [item | {"ticket_id": f"N{item['ticket_id']}", "caller": ""} for item in first if item["accepted_at"].startswith("2024-03")]
    again = [item | {"handling_unit": "市住建委", "closed_at": "2024-04-20 12:00:00"} for item in first if item["accepted_at"].startswith("2024-03-1")]
    load(home, write_csv(tmp_path / "b.csv", more + again))
    assert refresh(home).months == ("2024-03",)
    table = quality_reads.read_quality_months(open_snapshot(home), ADMIN).set_index("month")
    assert table.index.is_unique
    assert {month.date(): {name: int(value) for name, value in row.items()} for month, row in table.iterrows()} == recount(home)
    assert check(home).findings == ()


def test_arrivals_leave_out_the_first_batch_and_count_days(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    load(home, write_csv(tmp_path / "a.csv", [ticket("A1", "2024-03-01 08:00:00"), ticket("A2", "2024-03-02 08:00:00")]))
    refresh(home)
    assert quality_reads.read_arrivals(open_snapshot(home), ADMIN).empty
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    load(
        home,
        write_csv(
            tmp_path / "b.csv",
            [
                ticket("B1", f"{yesterday - timedelta(days=4)} 08:00:00"),
                ticket("B2", f"{yesterday} 08:00:00"),
                ticket("A2", "2024-03-02 08:00:00", closed_at="2024-03-09 08:00:00"),
            ],
        ),
    )
    refresh(home)
    table = quality_reads.read_arrivals(open_snapshot(home), ADMIN)
    lags = sorted(table.loc[table["month"] > "2024-03-01", "lag_days"])
    assert lags[0] in (0, 1, 2), "today by the clock of the city"
    assert lags[1] - lags[0] == 4
    assert table.loc[table["month"] == "2024-03-01", "ticket_count"].sum() == 1, "A2 came again with its closing; A1 did not"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_refused_to_others(snapshot: Snapshot, role: Role) -> None:
    scope = Scope(role, "110101" if role in BOUND_ROLES else None)
    for read in (quality_reads.read_quality_months, quality_reads.read_field_months, quality_reads.read_intake_days, quality_reads.read_arrivals):
        with pytest.raises(ScopeError):
            read(snapshot, scope)
    for read in (quality_reads.read_unmatched_places, quality_reads.read_unclassified, quality_reads.read_untyped_units):
        with pytest.raises(ScopeError):
            read(snapshot, scope, ALL_TIME)

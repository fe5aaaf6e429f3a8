"""Hours, hexagons and communities: volumes agree with a plain loop, and no position of fewer than five tickets is shown."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import h3
import numpy as np
import pandas as pd
import pytest

from geodata.hexagons import FINEST, cells_at, outlines, parents
from governance.periods import Grain, Period
from pipeline.refresh import check, refresh
from storage import patterns
from storage.home import Home
from storage.queries import Selection
from storage.scope import Role, Scope
from storage.snapshot import Snapshot, open_snapshot
from tests.factories import load, ticket, write_csv

if TYPE_CHECKING:
    from pathlib import Path

LEADER = Scope(Role.LEADER)
STREETS = {"110101001": "东华门街道", "110101002": "景山街道"}
MONTHS = Period(Grain.RANGE, date(2024, 2, 1), date(2024, 3, 31))


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    """A thousand tickets over four months; one in five without a position, some communities with very few."""
    chance = random.Random(3)
    made = []
    for number in range(1000):
        code = chance.choice(list(STREETS))
        accepted = datetime.fromisoformat("2024-01-01") + timedelta(minutes=chance.randrange(120 * 24 * 60))
        spot = None if chance.random() < 0.2 else (round(116.40 + chance.random() / 20, 6), round(39.91 + chance.random() / 20, 6))
        community = chance.choice(["甲社区", "乙社区", "丙社区", ""]) if number > 3 else "小社区"
        made.append(
            {
                "id": f"P{number:04d}",
                "code": code,
                "accepted": accepted,
                "spot": spot,
                "community": community,
                "category": chance.choice(["住房", "教育"]),
                "is_request": chance.random() < 0.6,
            }
        )
    return made


@pytest.fixture(scope="module")
def snapshot(rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder: Path = tmp_path_factory.mktemp("patterns")
    home = Home(folder / "home")
    delivered = [
        ticket(
            row["id"],
            f"{row['accepted']:%Y-%m-%d %H:%M:%S}",
            request_type="诉求" if row["is_request"] else "咨询",
            district="东城区",
            subdistrict=STREETS[row["code"]],
            category=row["category"],
            community=row["community"],
            longitude=str(row["spot"][0]) if row["spot"] else "",
            latitude=str(row["spot"][1]) if row["spot"] else "",
        )
        for row in rows
    ]
    load(home, write_csv(folder / "a.csv", delivered))
    refresh(home)
    assert check(home).findings == ()
    return open_snapshot(home)


def tally(rows: list[dict[str, Any]], key: Any) -> dict[Any, tuple[int, int]]:
    every = Counter(key(row) for row in rows)
    requests = Counter(key(row) for row in rows if row["is_request"])
    return {name: (count, requests[name]) for name, count in every.items()}


def in_months(rows: list[dict[str, Any]], **fixed: str) -> list[dict[str, Any]]:
    return [row for row in rows if MONTHS.start <= row["accepted"].date() <= MONTHS.end and all(row[name] == value for name, value in fixed.items())]


@pytest.mark.parametrize(
    ("selection", "fixed", "left_out"),
    [
        (Selection(), {}, []),
        (Selection(subdistrict_code="110101001"), {"code": "110101001"}, []),
        (Selection(category_1="住房"), {"category": "住房"}, []),
        (Selection(subdistrict_code="110101001", category_1="住房"), {"code": "110101001"}, ["category_1_id"]),
    ],
)
def test_hours_agree_with_a_loop(snapshot: Snapshot, rows: list[dict[str, Any]], selection: Selection, fixed: dict[str, str], left_out: list[str]) -> None:
    """Weekday 1 is Monday; place and category cannot both narrow, and what was left out is named."""
    found = patterns.read_hours(snapshot, LEADER, selection, MONTHS)
    shown = {(row.weekday, row.hour): (row.intake_count, row.request_count) for row in found.itertuples()}
    assert shown == tally(in_months(rows, **fixed), lambda row: (row["accepted"].isoweekday(), row["accepted"].hour))
    assert found.attrs["left_out"] == left_out


def test_hexagons_agree_with_a_loop(snapshot: Snapshot, rows: list[dict[str, Any]]) -> None:
    """Every ticket is in one cell, those without a position in cell 0."""
    found = patterns.read_hexagons(snapshot, LEADER, Selection(category_1="住房", subdistrict_code="110101002"), MONTHS)

    def cell(row: dict[str, Any]) -> int:
        if row["spot"] is None:
            return 0
        longitude, latitude = row["spot"]
        return h3.str_to_int(h3.latlng_to_cell(round(latitude, 3), round(longitude, 3), FINEST))

    expected = tally(in_months(rows, category="住房", code="110101002"), cell)
    assert {row.hexagon: (row.intake_count, row.request_count) for row in found.itertuples()} == expected
    assert len(expected) > 3


def test_communities_agree_with_a_loop(snapshot: Snapshot, rows: list[dict[str, Any]]) -> None:
    """Counts of the months, positions from all months as the mean of the tickets; too few tickets show no position."""
    found = patterns.read_communities(snapshot, LEADER, Selection(), MONTHS)
    shown = {(row.subdistrict_code, row.community): (row.intake_count, row.request_count) for row in found.itertuples()}
    named = [row for row in rows if row["community"]]
    assert shown == tally(in_months(named), lambda row: (row["code"], row["community"]))
    for row in found.itertuples():
        spots = [item["spot"] for item in named if item["code"] == row.subdistrict_code and item["community"] == row.community and item["spot"]]
        if len(spots) < patterns.FEWEST_LOCATED:
            assert np.isnan(row.longitude)
            assert np.isnan(row.latitude)
        else:
            assert (row.longitude, row.latitude) == pytest.approx(np.mean(spots, axis=0), abs=1e-5)
    assert {name for name, shown in zip(found["community"], found["longitude"].notna(), strict=True) if not shown} <= {"小社区"}


def test_scope_holds(snapshot: Snapshot, rows: list[dict[str, Any]]) -> None:
    """A street office sees its own street whatever it asks for, a department nothing at all."""
    street = Scope(Role.SUBDISTRICT, "110101001")
    own = len(in_months(rows, code="110101001"))
    assert patterns.read_hours(snapshot, street, Selection(), MONTHS)["intake_count"].sum() == own
    assert patterns.read_hours(snapshot, street, Selection(category_1="住房"), MONTHS)["intake_count"].sum() == own
    assert patterns.read_hexagons(snapshot, street, Selection(), MONTHS)["intake_count"].sum() == own
    assert set(patterns.read_communities(snapshot, street, Selection(), MONTHS)["subdistrict_code"]) == {"110101001"}
    assert patterns.read_hours(snapshot, street, Selection(subdistrict_code="110101002"), MONTHS).empty
    for read in (patterns.read_hours, patterns.read_hexagons, patterns.read_communities):
        assert read(snapshot, Scope(Role.DEPARTMENT, "某局"), Selection(), MONTHS).empty


def test_cells_nest_and_close() -> None:
    """Cells are looked up as the library does, coarser cells hold finer ones, outlines are closed rings around the position."""
    cells = cells_at(np.array([116.4074, np.nan, 116.4071]), np.array([39.9042, 39.9, 39.9039]))
    assert list(cells) == [h3.str_to_int(h3.latlng_to_cell(39.904, 116.407, FINEST)), 0, h3.str_to_int(h3.latlng_to_cell(39.904, 116.407, FINEST))]
    coarse = parents(pd.Series(cells), 6)
    assert coarse[1] == 0
    assert h3.int_to_str(int(coarse[0])) == h3.cell_to_parent(h3.int_to_str(int(cells[0])), 6)
    with pytest.raises(ValueError, match="allowed are 0 to 8"):
        parents(pd.Series(cells), 9)
    ring = outlines([int(cells[0])])[int(cells[0])]
    assert ring[0] == ring[-1]
    assert len(ring) == 7
    longitudes, latitudes = zip(*ring, strict=True)
    assert min(longitudes) < 116.407 < max(longitudes)
    assert min(latitudes) < 39.904 < max(latitudes)

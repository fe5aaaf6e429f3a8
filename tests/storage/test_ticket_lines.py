"""The tickets behind a count: within the reader's scope, under the names that count, and as many as are counted."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from pipeline.refresh import refresh
from storage.home import Home
from storage.queries import fetch
from storage.records.aliases import AliasChange, AliasKind, write_alias
from storage.scope import Role, Scope, ScopeError
from storage.snapshot import Snapshot, open_snapshot
from storage.ticket_lines import COLUMNS, FEWEST_CALLERS, POINT_COLUMNS, TicketLines, may_read_texts
from tests.factories import load, ticket, write_csv

ALL, EAST, EAST_A = Scope(Role.LEADER), Scope(Role.DISTRICT, "110101"), Scope(Role.SUBDISTRICT, "110101001")
OFFICE = Scope(Role.DEPARTMENT, "城管委")
PLACES = {"110101001": ("东城区", "东华门街道"), "110101002": ("东城区", "景山街道"), "110102001": ("西城区", "西长安街街道")}
CODES = frozenset(PLACES)
FIRST, LAST = date(2025, 5, 1), date(2025, 9, 30)
"""Repeats are counted one by one until June and as one from July on."""

PROBLEMS = ("噪声->施工噪声", "噪声->商业噪声", "噪声->工地噪声", "市容环卫->垃圾清运", "卫生->垃圾清运", "卫生", "")
ALIASES = {"噪声->工地噪声": "噪声->施工噪声", "卫生": "市容环卫"}


def made_rows() -> list[dict[str, str]]:
    """Nine hundred tickets, a third of them of repeat groups that go over months, places and problems."""
    chance = random.Random(11)
    made = []
    for number in range(900):
        day = FIRST + timedelta(days=chance.randrange((LAST - FIRST).days + 1))
        district, subdistrict = chance.choice(list(PLACES.values()))
        made.append(
            ticket(
                f"T{number:03d}",
                f"{day} {chance.randrange(8, 20):02d}:00:00",
                request_type=chance.choice(("投诉", "投诉", "投诉", "求助", "咨询")),
                category=chance.choice(PROBLEMS),
                district=district,
                subdistrict=subdistrict if chance.randrange(20) else "不在册的地方",
                handling_unit=chance.choice(("城管委", "老城管", "生态局")),
                repeat_group=f"G{chance.randrange(80)}" if chance.randrange(3) == 0 else "",
                longitude="116.40" if number % 2 else "",
                latitude="39.92" if number % 2 else "",
            )
        )
    return made


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("lines")
    home = Home(folder / "home")
    load(home, write_csv(folder / "t.csv", made_rows()))
    known = {"噪声->施工噪声", "市容环卫", "城管委"}
    for label, target in ALIASES.items():
        write_alias(home, Scope(Role.ADMIN), AliasChange(AliasKind.CATEGORY, label, target, "改名", "管理员"), known)
    write_alias(home, Scope(Role.ADMIN), AliasChange(AliasKind.UNIT, "老城管", "城管委", "改名", "管理员"), known)
    refresh(home)
    return home


@pytest.fixture(scope="module")
def lines(home: Home) -> Iterator[TicketLines]:
    opened = TicketLines(home)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def snapshot(home: Home) -> Snapshot:
    return open_snapshot(home)


def counted(snapshot: Snapshot, problem: tuple[str, str], code: str, first: date, last: date) -> int:
    """What the mart counts of a problem and place; an empty name stands for all."""
    names = [(name, value) for name, value in zip(("category_1", "category_2"), problem, strict=True) if value]
    conditions = "".join(f" AND {name} = ?" for name, _value in names)
    rows = fetch(
        snapshot,
        "SELECT coalesce(sum(request_count), 0) AS total FROM cell_day JOIN place USING (place_id) JOIN category USING (category_id) "
        f"WHERE subdistrict_code = ? AND day BETWEEN ? AND ?{conditions}",
        (code, first, last, *(value for _name, value in names)),
    )
    return int(rows["total"].iloc[0])


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (FIRST, LAST),  # over the day from which repeats are one
        (date(2025, 5, 10), date(2025, 6, 20)),
        (date(2025, 7, 12), date(2025, 9, 12)),  # what repeats a ticket of 1 to 11 July is not counted
        (date(2025, 8, 20), date(2025, 8, 20)),
    ],
)
@pytest.mark.parametrize("problem", [("噪声", "施工噪声"), ("噪声", "商业噪声"), ("市容环卫", "垃圾清运"), ("市容环卫", ""), ("噪声", ""), ("", "")])
def test_there_are_as_many_lines_as_are_counted(lines: TicketLines, snapshot: Snapshot, problem: tuple[str, str], first: date, last: date) -> None:
    whole = lines.read(ALL, problem, CODES, first, last)
    for code in PLACES:
        number = counted(snapshot, problem, code, first, last)
        assert (whole["subdistrict_code"] == code).sum() == number
        assert len(lines.read(ALL, problem, frozenset({code}), first, last)) == number
        assert number or first == last


def test_repeats_are_merged_where_the_month_does(lines: TicketLines) -> None:
    early, late = lines.read(ALL, ("", ""), CODES, FIRST, date(2025, 6, 30)), lines.read(ALL, ("", ""), CODES, date(2025, 7, 1), LAST)
    for frame, is_merged in ((early, False), (late, True)):
        own = frame[frame["repeat_group"].notna()]
        assert own.assign(month=own["accepted_at"].dt.strftime("%Y-%m")).duplicated(["repeat_group", "month"]).any() != is_merged


def test_lines_have_the_names_that_count(lines: TicketLines) -> None:
    found = lines.read(ALL, ("噪声", "施工噪声"), CODES, FIRST, LAST)
    assert found.columns.tolist() == list(COLUMNS)
    assert set(found["category_2"]) == {"施工噪声"}
    ids = set(found["ticket_id"])
    assert any(row["ticket_id"] in ids and row["category"] == "噪声->工地噪声" for row in made_rows())
    assert set(found["handling_unit"]) == {"城管委", "生态局"}
    assert set(lines.read(ALL, ("市容环卫", ""), CODES, FIRST, LAST)["category_1"]) == {"市容环卫"}
    for gone in (("噪声", "工地噪声"), ("卫生", ""), ("没有", "的")):
        assert lines.read(ALL, gone, CODES, FIRST, LAST).empty
    assert found["accepted_at"].is_monotonic_decreasing
    assert not {"咨询"} & {row["request_type"] for row in made_rows() if row["ticket_id"] in ids}


@pytest.mark.parametrize("problem", [("噪声", "施工噪声"), ("", "")])
def test_the_scope_is_held(lines: TicketLines, problem: tuple[str, str]) -> None:
    everything = lines.read(ALL, problem, CODES, FIRST, LAST)
    assert set(everything["subdistrict_code"]) == CODES
    for scope, column, value in ((EAST, "district_code", "110101"), (EAST_A, "subdistrict_code", "110101001")):
        own = lines.read(scope, problem, CODES, FIRST, LAST)
        assert set(own[column]) == {value}
        assert own["ticket_id"].tolist() == everything[everything[column] == value]["ticket_id"].tolist()
        assert lines.read(scope, problem, frozenset({"110102001"}), FIRST, LAST).empty
    assert lines.read(ALL, problem, frozenset(), FIRST, LAST).empty
    assert lines.read(ALL, problem, CODES, date(2030, 1, 1), date(2030, 2, 1)).empty
    with pytest.raises(ScopeError, match="department"):
        lines.read(OFFICE, problem, CODES, FIRST, LAST)
    assert lines.read(Scope(Role.DISTRICT, "x' OR '1'='1"), problem, CODES, FIRST, LAST).empty


def test_points_and_spots_are_those_with_a_position_and_a_category(lines: TicketLines) -> None:
    points = lines.points(FIRST, LAST)
    assert points.columns.tolist() == list(POINT_COLUMNS)
    own = [row for number, row in enumerate(made_rows()) if number % 2 and row["category"] and row["request_type"] != "咨询"]
    assert len(points) == sum(row["subdistrict"] != "不在册的地方" for row in own)
    assert set(points["category_1"]) == {"噪声", "市容环卫"}
    spots = lines.spots(FIRST, LAST)
    assert spots["ticket_count"].sum() == len(own)
    names = spots[["category_1", "category_2"]].fillna("").to_numpy().tolist()
    assert sorted(names) == [["噪声", "商业噪声"], ["噪声", "施工噪声"], ["市容环卫", ""], ["市容环卫", "垃圾清运"]]
    late = [row for row in own if row["accepted_at"] >= "2025-09-01"]
    assert lines.spots(date(2025, 9, 1), LAST)["ticket_count"].sum() == len(late) > 0


@pytest.mark.parametrize(
    ("scope", "few", "many"),
    [
        (ALL, False, True),
        (Scope(Role.PLANNER), False, True),
        (Scope(Role.ADMIN), False, True),
        (EAST, True, True),
        (Scope(Role.DISTRICT, "110102"), False, False),
        (EAST_A, True, True),
        (Scope(Role.SUBDISTRICT, "110101002"), False, False),
        (OFFICE, False, False),
    ],
)
def test_who_may_read_the_words(scope: Scope, few: bool, many: bool) -> None:
    assert FEWEST_CALLERS == 5
    assert [may_read_texts(scope, "110101", "110101001", callers) for callers in (1, 4)] == [few, few]
    assert [may_read_texts(scope, "110101", "110101001", callers) for callers in (5, 50)] == [many, many]


def test_words_of_no_place_are_for_those_who_see_all() -> None:
    assert not may_read_texts(EAST, None, None, 9)
    assert not may_read_texts(EAST_A, "110101", None, 9)
    assert may_read_texts(ALL, None, None, 9)


def test_a_home_without_tickets_of_those_months_has_no_points(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    load(home, write_csv(tmp_path / "t.csv", [ticket("A1", request_type="投诉", category="噪声")]))
    lines = TicketLines(home)
    assert lines.points(FIRST, LAST).empty
    assert lines.spots(FIRST, LAST).empty

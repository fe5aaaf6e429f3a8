"""Names declared the same: how an alias is followed, and what the counts make of a category renamed in mid-year."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from governance.periods import Grain, Period
from pipeline.refresh import check, refresh
from storage import quality_reads
from storage.home import Home
from storage.naming import Naming
from storage.queries import Selection
from storage.reads import read_by_category, read_by_unit
from storage.records.aliases import AliasChange, AliasKind, write_alias
from storage.scope import Role, Scope
from storage.snapshot import open_snapshot
from tests.factories import lake_by_id, load, ticket, write_csv

ADMIN = Scope(Role.ADMIN)
YEAR = Period(Grain.RANGE, date.fromisoformat("2024-01-01"), date.fromisoformat("2024-12-31"))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("供热", "不热"), ("供暖", "不热")),
        (("供热", None), ("供暖", None)),
        (("噪声", "夜间施工"), ("施工管理", "夜间施工噪声")),
        (("噪声", "犬吠"), ("噪声", "犬吠")),
        (("旧旧", "x"), ("供暖", "x")),
        (("旧", "不热"), ("供暖", "不热")),
        (("并入", "x"), ("市容", "环卫")),
        ((None, None), (None, None)),
        (("别的", "不热"), ("别的", "不热")),
    ],
)
def test_category_is_followed_to_the_name_that_counts(given: tuple[str | None, str | None], expected: tuple[str | None, str | None]) -> None:
    naming = Naming({"供热": "供暖", "旧": "供热", "旧旧": "旧", "噪声->夜间施工": "施工管理->夜间施工噪声", "并入": "市容->环卫"}, {})
    assert naming.category(*given) == expected


def test_a_ring_ends() -> None:
    """It is refused when entered; should it be there all the same, the counting goes on."""
    assert Naming({"a": "b", "b": "a"}, {"x": "y", "y": "x"}).category("a", "1")[0] in ("a", "b")
    assert Naming({}, {"x": "y", "y": "x"}).unit("x") in ("x", "y")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    rows = [
        ticket(
            f"A{month}",
            f"2024-{month:02}-05 08:00:00",
            category="供热->不热" if month < 7 else "供暖->不热",
            handling_unit="市住建委" if month < 4 else "市住房城乡建设委",
        )
        for month in range(1, 13)
    ]
    rows.append(ticket("B1", "2024-03-05 08:00:00", category="噪声->犬吠", handling_unit="市公安局"))
    load(made, write_csv(tmp_path / "a.csv", rows))
    refresh(made)
    return made


def categories(home: Home, level: int) -> dict[object, int]:
    rows = read_by_category(open_snapshot(home), ADMIN, Selection(), YEAR, level)
    return {
        tuple(row[:level]) if level > 1 else row[0]: int(count)
        for *row, count in rows[[*["category_1", "category_2"][:level], "intake_count"]].itertuples(index=False)
    }


def units(home: Home) -> dict[str, int]:
    rows = read_by_unit(open_snapshot(home), ADMIN, Selection(), YEAR)
    return {row.unit_name: int(row.intake_count) for row in rows.itertuples()}


def test_both_names_of_a_renamed_category_count_as_one_and_again_as_two(home: Home) -> None:
    """The lake keeps what was delivered; lake and counts agree; taking the alias back brings the old counts."""
    before = categories(home, 2)
    assert before == {("供热", "不热"): 6, ("供暖", "不热"): 6, ("噪声", "犬吠"): 1}
    change = AliasChange(AliasKind.CATEGORY, "供热", "供暖", "七月起改名", "管理员")
    assert write_alias(home, ADMIN, change, {"供暖"})
    assert len(refresh(home).months) == 12
    assert categories(home, 1) == {"供暖": 12, "噪声": 1}
    assert categories(home, 2) == {("供暖", "不热"): 12, ("噪声", "犬吠"): 1}
    assert check(home).findings == ()
    assert not refresh(home).is_new
    assert {row["category_1"] for row in lake_by_id(home).values()} == {"供热", "供暖", "噪声"}
    spans = quality_reads.read_categories(open_snapshot(home), ADMIN).set_index("category_1")
    assert (spans.loc["供暖", "first_on"].month, spans.loc["供暖", "last_on"].month) == (1, 12)
    assert write_alias(home, ADMIN, replace(change, target=None), {"供暖"})
    refresh(home)
    assert categories(home, 2) == before


def test_two_names_of_a_unit_count_as_one(home: Home) -> None:
    assert units(home) == {"市住建委": 3, "市住房城乡建设委": 9, "市公安局": 1}
    assert write_alias(home, ADMIN, AliasChange(AliasKind.UNIT, "市住建委", "市住房城乡建设委", "简称", "管理员"), {"市住房城乡建设委"})
    refresh(home)
    assert units(home) == {"市住房城乡建设委": 12, "市公安局": 1}
    assert check(home).findings == ()


def test_a_new_batch_comes_under_the_name_that_counts(home: Home, tmp_path: Path) -> None:
    """Months counted later follow the alias as well, without counting the others again."""
    write_alias(home, ADMIN, AliasChange(AliasKind.CATEGORY, "供热->不热", "供暖->不热", "改名", "管理员"), {"供暖->不热"})
    refresh(home)
    load(
        home,
        write_csv(tmp_path / "b.csv", [ticket("C1", "2024-12-20 08:00:00", category="供热->不热"), ticket("C2", "2024-12-21 08:00:00", category="供热->漏水")]),
    )
    assert set(refresh(home).months) <= {"2024-11", "2024-12"}, "the month before may have become overdue meanwhile"
    assert categories(home, 2) == {("供暖", "不热"): 13, ("噪声", "犬吠"): 1, ("供热", "漏水"): 1}

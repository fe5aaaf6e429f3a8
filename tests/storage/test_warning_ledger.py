"""The ledger of warnings: kept as issued, said again, scored once, and seen by whom it concerns."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pandas as pd
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from storage.home import Home
from storage.records.aliases import RecordError
from storage.records.database import copy_records, has_records, open_records
from storage.records.models import Record
from storage.records.warning_actions import act_on_warning
from storage.records.warnings import issue_warnings, read_actions, read_statements, read_unscored, read_warnings, score_warnings, state_again
from storage.scope import Role, Scope, ScopeError
from tests.storage.warning_rows import (
    ADMIN,
    AFTER,
    DISTRICT,
    HEATING,
    ID,
    LEADER,
    LEDGER,
    MONDAY,
    PLACES,
    PLANNER,
    STREET,
    VERIFY,
    day,
    frame,
    issue,
    one,
    outcome,
    statement,
    warning,
)

# What is kept


def test_asking_makes_no_database(home: Home) -> None:
    table = read_warnings(home, LEADER, today=MONDAY)
    assert table.empty
    assert read_unscored(home).empty
    assert read_statements(home, LEADER, ID).empty
    assert read_actions(home, LEADER, ID).empty
    assert issue_warnings(home, frame(warning()).head(0)) == 0
    with pytest.raises(RecordError, match="预警台账里没有"):
        act_on_warning(home, LEADER, VERIFY)
    assert not has_records(home)
    issue(home)
    full = read_warnings(home, LEADER, today=MONDAY)
    assert table.columns.tolist() == full.columns.tolist()
    assert table.dtypes.astype(str).to_dict() == full.dtypes.astype(str).to_dict()


def test_a_warning_is_read_as_it_was_issued(either: Home) -> None:
    row = warning(place_code=None, level="city", category_2=None, partner=None)
    assert issue(either, row) == 1
    found = one(either)
    for name, value in row.items():
        if value is None:
            assert pd.isna(found[name]), name
        elif isinstance(value, datetime):
            assert found[name] == pd.Timestamp(value)
        elif isinstance(value, date):
            assert found[name].date() == value, name
        else:
            assert found[name] == value, name
    assert read_warnings(either, LEADER, today=MONDAY).dtypes[["window_start", "issued_at"]].astype(str).tolist() == ["datetime64[us]", "datetime64[us, UTC]"]


def test_issued_twice_the_first_stays(either: Home) -> None:
    assert issue(either) == 1
    assert issue(either, warning(probability=0.1, owner="别的单位"), warning("另一条"), warning("另一条", probability=0.2)) == 1
    table = read_warnings(either, LEADER, today=MONDAY).set_index("warning_id")
    assert table["probability"].to_dict() == {ID: 0.8, "另一条": 0.8}
    assert table.loc[ID, "owner"] == "供热办"


def test_many_runs_at_once_issue_each_warning_once(either: Home) -> None:
    open_records(either)
    start = Barrier(4, timeout=60)

    def send(turn: int) -> int:
        start.wait()
        rows = [warning(f"W{index:03}") for index in range(200)]
        return issue(either, *(rows if turn % 2 else reversed(rows)))

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(send, range(4))) == 200


def test_thousands_in_one_go(either: Home) -> None:
    open_records(either)
    rows = pd.DataFrame([warning(f"W{index:05}", probability=index / 5000) for index in range(5000)])
    started = time.perf_counter()
    assert issue_warnings(either, rows) == 5000
    assert time.perf_counter() - started < 10, "row by row"  # 0.9 s; the limit is for a busy machine
    table = read_warnings(either, LEADER, today=MONDAY)
    assert table["warning_id"].tolist() == [f"W{index:05}" for index in reversed(range(5000))]
    assert issue_warnings(either, rows) == 0


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"probability": float("nan")}, ValueError, r"warning\.probability: 1 of 2 values are missing"),
        ({"expected": float("inf")}, ValueError, r"warning\.expected: not every value is finite"),
        ({"owner": None}, ValueError, r"warning\.owner: 1 of 2 values are missing"),
        ({"warning_id": "长" * 121}, ValueError, r"warning\.warning_id: .* has 121 characters, at most 120"),
        ({"rule": {"why": "长" * 200}}, ValueError, r"warning\.rule: .* at most 200"),
        ({"reason": "no json"}, ValueError, "Expecting value"),
        ({"reason": {"season": float("nan")}}, ValueError, "JSON"),
    ],
)
def test_all_or_none_is_kept(home: Home, changes: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        issue(home, warning("好的"), warning(**changes))
    with pytest.raises(KeyError, match="partner"):
        issue_warnings(home, frame(warning()).drop(columns="partner"))
    assert not has_records(home)


def test_json_may_come_as_text(either: Home) -> None:
    issue(either, warning(actions='["先修再供"]', rule="{}"))
    assert one(either)[["actions", "rule"]].tolist() == [["先修再供"], {}]


def test_statements_and_scores_need_their_warning(either: Home) -> None:
    issue(either)
    with pytest.raises(ValueError, match="无此预警"):
        state_again(either, pd.concat([statement(1, 0.5), statement(1, 0.5, warning_id="无此预警")]))
    with pytest.raises(ValueError, match="无此预警"):
        score_warnings(either, outcome(warning_id="无此预警"))
    assert read_statements(either, LEADER, ID).empty


@pytest.mark.parametrize("table", ["warning", "warning_statement", "warning_outcome", "warning_action"])
@pytest.mark.parametrize("statement_of", ["UPDATE {0} SET warning_id = warning_id", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"])
def test_the_ledger_only_grows(either: Home, table: str, statement_of: str) -> None:
    fill(either)
    engine = open_records(either)
    said = "append-only" if engine.dialect.name == "postgresql" or "TRUNCATE" not in statement_of else "syntax error"
    with pytest.raises(DatabaseError, match=said), engine.begin() as connection:
        connection.execute(text(statement_of.format(table)))
    with engine.connect() as connection:
        assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 1


def fill(home: Home) -> None:
    """One row in each of the four tables."""
    issue(home)
    state_again(home, statement(7, 0.9))
    act_on_warning(home, PLANNER, VERIFY)
    score_warnings(home, outcome())


def test_tables_are_as_the_models_say(either: Home) -> None:
    engine = open_records(either)
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), Record.metadata)
    # SQLite has no lengths to widen, so there alias.target keeps the one it was made with
    assert [item for item in found if not (engine.dialect.name == "sqlite" and item[0][2:4] == ("alias", "target"))] == []


def test_a_copy_holds_the_ledger(home: Home, tmp_path: Path) -> None:
    fill(home)
    assert copy_records(home, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert [
            copy.execute(f"SELECT warning_id FROM {name}").fetchall() for name in ("warning", "warning_statement", "warning_outcome", "warning_action")
        ] == [[(ID,)]] * 4
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            copy.execute("DELETE FROM warning_outcome")


# What is said again, and what came


def test_the_newest_statement_counts(either: Home) -> None:
    issue(either, warning(), warning("另一条", window_start=day(30)))
    assert one_said(either) == (MONDAY, 0.8, 150.5, False)
    assert state_again(either, statement(14, 0.9)) == 1
    assert state_again(either, statement(7, 0.4, is_budgeted=False)) == 1
    assert state_again(either, statement(14, 0.1)) == 0
    assert one_said(either) == (day(14), 0.9, 140.0, True)
    said = read_statements(either, LEADER, ID)
    assert said["stated_on"].dt.date.tolist() == [day(14), day(7)]
    assert said["probability"].tolist() == [0.9, 0.4]
    assert said["is_budgeted"].tolist() == [True, False]
    assert read_warnings(either, LEADER, today=MONDAY)["warning_id"].tolist() == [ID, "另一条"]


def one_said(home: Home) -> tuple[date, float, float, bool]:
    found = read_warnings(home, LEADER, today=MONDAY).set_index("warning_id").loc[ID]
    return found["stated_on"].date(), found["stated_probability"], found["stated_expected"], found["is_budgeted"]


def test_scored_once(either: Home) -> None:
    issue(either, warning(), warning("另一条"))
    assert read_unscored(either)["warning_id"].tolist() == sorted([ID, "另一条"])
    assert read_unscored(either).set_index("warning_id").loc[ID, ["place_code", "threshold"]].tolist() == ["110101", 120]
    open_one = read_warnings(either, LEADER, today=MONDAY).iloc[0]
    assert pd.isna(open_one["scored_on"])
    assert np.isnan(open_one["count"])
    assert open_one["came_true"] is None
    assert score_warnings(either, outcome()) == 1
    assert score_warnings(either, outcome(count=500, came_true=True)) == 0
    assert read_unscored(either)["warning_id"].tolist() == ["另一条"]
    found = read_warnings(either, LEADER, today=AFTER).set_index("warning_id").loc[ID]
    assert (found["scored_on"].date(), found["count"], found["came_true"]) == (AFTER, 90, False)


def test_sorted_by_window_then_the_surer_first(either: Home) -> None:
    issue(either, warning("late", window_start=day(40), probability=0.99), warning("b", probability=0.7), warning("a", probability=0.9))
    assert read_warnings(either, LEADER, today=MONDAY)["warning_id"].tolist() == ["a", "b", "late"]


# Who sees what

EVERYTHING = {row["warning_id"] for row in LEDGER}
SEEN = [
    (LEADER, EVERYTHING),
    (PLANNER, EVERYTHING),
    (ADMIN, EVERYTHING),
    (DISTRICT, {"city", "own", "street", "next"}),
    (STREET, {"city", "street"}),
    (Scope(Role.SUBDISTRICT, "110101"), {"city", "twin"}),
    (HEATING, {"own", "other", "far"}),
    (Scope(Role.DEPARTMENT, "城管委"), {"own"}),
    (Scope(Role.DEPARTMENT, "供热"), set()),
]


@pytest.mark.parametrize(("scope", "seen"), SEEN)
def test_everyone_sees_what_concerns_them(either: Home, scope: Scope, seen: set[str]) -> None:
    issue(either, *LEDGER)
    for warning_id in EVERYTHING:
        state_again(either, statement(1, 0.5, warning_id=warning_id))
        act_on_warning(either, PLANNER, replace(VERIFY, warning_id=warning_id))
    table = read_warnings(either, scope, today=MONDAY, places=PLACES)
    assert set(table["warning_id"]) == seen
    assert len(table) == len(seen)
    assert set(table["stage"]) == ({"verified"} if seen else set())
    for warning_id in EVERYTHING:
        for read in (read_statements, read_actions):
            if warning_id in seen:
                assert len(read(either, scope, warning_id, places=PLACES)) == 1
            else:
                with pytest.raises(ScopeError, match=scope.role.value):
                    read(either, scope, warning_id, places=PLACES)


def test_every_role_has_a_case() -> None:
    assert {scope.role for scope, _ in SEEN} == set(Role)


def test_without_places_a_district_sees_itself_and_the_city(either: Home) -> None:
    issue(either, *LEDGER)
    assert set(read_warnings(either, DISTRICT, today=MONDAY)["warning_id"]) == {"city", "own"}


def test_what_is_not_there_is_nothing_or_refused(either: Home) -> None:
    issue(either)
    assert read_actions(either, LEADER, "无此预警").empty
    with pytest.raises(ScopeError):
        read_actions(either, DISTRICT, "无此预警")

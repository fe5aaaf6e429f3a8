"""The ledger of season warnings: every one ever issued, as it was issued, what later runs said of it, and what came.

Nothing in it is ever changed: a run that is repeated adds nothing, and one that thinks otherwise adds a statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sqlalchemy import func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from storage.records.database import has_records, open_records
from storage.records.frames import DAY, frame_of, rows_of
from storage.records.models import IssuedWarning, WarningAction, WarningOutcome, WarningStatement
from storage.records.warning_stages import STAGE_LABELS, TRIAGE_DAYS, DeedKind, Standing, is_overdue, stage_of, standing_of
from storage.scope import BOUND_ROLES, Role, Scope, ScopeError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from sqlalchemy import ColumnElement, FromClause, Select

    from storage.home import Home
    from storage.records.models import Record

__all__ = [
    "CITY",
    "issue_warnings",
    "read_actions",
    "read_statements",
    "read_unscored",
    "read_warnings",
    "score_warnings",
    "seen_by",
    "state_again",
]

CITY = "city"
"""Level of the warnings about the whole city, which everyone but a department sees."""

JSON_COLUMNS = ("reason", "actions", "rule")
IDENTITY = ("warning_id", "level", "place_code", "category_1", "category_2", "window_start", "window_end", "threshold")
OUTCOME = ("count", "came_true")
SHOWN_IDS = 3


def issue_warnings(home: Home, frame: pd.DataFrame) -> int:
    """Keeps warnings whose ``warning_id`` is not known yet, all or none; how many were new. Known ones stay as they were written.

    Parameters
    ----------
    frame
        The columns of the table ``warning``; ``reason``, ``actions`` and ``rule`` as objects or as JSON.

    Raises
    ------
    KeyError, ValueError
        A column or a value is missing, or a value does not fit; nothing is kept then. So in the next two functions.
    """
    return _append(home, IssuedWarning, frame, JSON_COLUMNS)


def state_again(home: Home, frame: pd.DataFrame) -> int:
    """Keeps what a run says of warnings that are still open, once a day of data; how many statements were new.

    Parameters
    ----------
    frame
        ``warning_id``, ``stated_on``, ``probability``, ``expected``, ``is_budgeted`` (within the number of alerts that run may give).
    """
    return _append(home, WarningStatement, frame)


def score_warnings(home: Home, frame: pd.DataFrame) -> int:
    """Keeps what came in windows that have ended; how many were new. A warning that was scored keeps its first score.

    Parameters
    ----------
    frame
        ``warning_id``, ``scored_on``, ``count``, ``came_true``.
    """
    return _append(home, WarningOutcome, frame)


def _append(home: Home, model: type[Record], frame: pd.DataFrame, written_as_json: tuple[str, ...] = ()) -> int:
    rows = rows_of(frame, model.__table__, written_as_json)
    rows.sort(key=lambda row: row["warning_id"])  # in one order, so that two runs at once wait for each other and not in a circle
    if not rows:
        return 0
    engine = open_records(home)
    insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
    # both drivers add up the rows of many inserts; having each new row returned instead took 2.5 s for 5000 warnings on PostgreSQL, this 0.9 s
    counted = {"preserve_rowcount": True}
    try:
        with engine.begin() as connection:
            return connection.execute(insert(model).on_conflict_do_nothing(), rows, execution_options=counted).rowcount
    except IntegrityError as error:
        with engine.connect() as connection:
            known = set(connection.scalars(select(IssuedWarning.warning_id)))
        unknown = sorted({row["warning_id"] for row in rows} - known)
        message = f"{model.__tablename__}: {len(unknown)} warnings are not in the ledger, for example {unknown[:SHOWN_IDS]}; issue them first"
        raise ValueError(message) from error


def read_unscored(home: Home) -> pd.DataFrame:
    """All warnings without an outcome, for the pipeline: who they are, their window and threshold. No scope: nobody looks at it."""
    columns = [IssuedWarning.__table__.columns[name] for name in IDENTITY]
    open_ones = select(*columns).where(IssuedWarning.warning_id.not_in(select(WarningOutcome.warning_id))).order_by(IssuedWarning.warning_id)
    return frame_of(_rows(home, open_ones), columns)


def read_warnings(home: Home, scope: Scope, *, today: date, places: Mapping[str, str] | None = None, triage_days: int = TRIAGE_DAYS) -> pd.DataFrame:
    """The warnings the scope may see, each with what is thought of it now, how far it has come and what came.

    Parameters
    ----------
    today
        The data's last day.
    places
        Code of each subdistrict and of the district it lies in; a district sees the warnings of its subdistricts through it alone.
    triage_days
        Working days after issue within which somebody has looked.

    Returns
    -------
    DataFrame
        By start of window, then the surer first. The columns as issued, and:

        - ``stated_on``, ``stated_probability``, ``stated_expected``, ``is_budgeted``: the newest statement; where there is none the
          values at issue, and not within the budget;
        - ``scored_on``, ``count``, ``came_true``: what came; NaT, NaN and None as long as it is open;
        - ``stage`` and ``label``, ``owner_now``, ``snoozed_until`` (NaT: not snoozed), ``is_snoozed``, ``is_overdue``.
    """
    statement = _warnings(seen_by(scope, places))
    frame = frame_of(_rows(home, statement), statement.selected_columns, JSON_COLUMNS, OUTCOME)
    done: dict[str, list[tuple[str, str, date | None]]] = {}
    for warning_id, *deed in _rows(home, _deeds(scope, places)):
        done.setdefault(warning_id, []).append((deed[0], deed[1], deed[2]))
    return _with_standing(frame, {warning_id: standing_of(deeds) for warning_id, deeds in done.items()}, today, triage_days)


def read_statements(home: Home, scope: Scope, warning_id: str, *, places: Mapping[str, str] | None = None) -> pd.DataFrame:
    """What each run said of a warning, newest first: ``stated_on``, ``probability``, ``expected``, ``is_budgeted``.

    Raises
    ------
    ScopeError
        A bound role asks for a warning it may not see, or that does not exist; so in the next function.
    """
    return _read_about(home, scope, warning_id, places, WarningStatement, WarningStatement.stated_on)


def read_actions(home: Home, scope: Scope, warning_id: str, *, places: Mapping[str, str] | None = None) -> pd.DataFrame:
    """What people did about a warning, newest first: ``acted_at``, ``acted_on``, ``acted_by``, ``kind``, ``value``, ``until``, ``reason``."""
    return _read_about(home, scope, warning_id, places, WarningAction, WarningAction.action_id)


def seen_by(scope: Scope, places: Mapping[str, str] | None = None) -> ColumnElement[bool]:
    """The condition on warnings that a scope may see.

    A department sees what it owned at issue, what was reassigned to it, and what it is partner of. Other bound roles see their place,
    and the city's; a district also its subdistricts, as far as ``places`` names them.
    """
    unit, level, place = scope.unit_code, IssuedWarning.level, IssuedWarning.place_code
    match scope.role:
        case Role.DEPARTMENT:
            newest = select(func.max(WarningAction.action_id)).where(WarningAction.kind == DeedKind.ASSIGN).group_by(WarningAction.warning_id)
            assigned = select(WarningAction.warning_id).where(WarningAction.action_id.in_(newest), WarningAction.value == unit)
            return or_(IssuedWarning.owner == unit, IssuedWarning.partner == unit, IssuedWarning.warning_id.in_(assigned))
        case Role.DISTRICT:
            inside = sorted(code for code, district in (places or {}).items() if district == unit)
            return or_(level == CITY, (level == "district") & (place == unit), (level == "subdistrict") & place.in_(inside))
        case Role.SUBDISTRICT:
            return or_(level == CITY, (level == "subdistrict") & (place == unit))
    return IssuedWarning.warning_id.is_not(None)


def _warnings(seen: ColumnElement[bool]) -> Select[Any]:
    """Every warning once, with its newest statement and its outcome."""
    newest = select(WarningStatement.warning_id, func.max(WarningStatement.stated_on).label("stated_on")).group_by(WarningStatement.warning_id).subquery()
    said = (WarningStatement.warning_id == newest.c.warning_id) & (WarningStatement.stated_on == newest.c.stated_on)
    return (
        select(
            *IssuedWarning.__table__.columns,
            func.coalesce(WarningStatement.stated_on, IssuedWarning.issued_on).label("stated_on"),
            func.coalesce(WarningStatement.probability, IssuedWarning.probability).label("stated_probability"),
            func.coalesce(WarningStatement.expected, IssuedWarning.expected).label("stated_expected"),
            func.coalesce(WarningStatement.is_budgeted, False).label("is_budgeted"),
            WarningOutcome.scored_on,
            WarningOutcome.count,
            WarningOutcome.came_true,
        )
        .outerjoin(newest, newest.c.warning_id == IssuedWarning.warning_id)
        .outerjoin(WarningStatement, said)
        .outerjoin(WarningOutcome, WarningOutcome.warning_id == IssuedWarning.warning_id)
        .where(seen)
        .order_by(IssuedWarning.window_start, IssuedWarning.probability.desc(), IssuedWarning.warning_id)
    )


def _deeds(scope: Scope, places: Mapping[str, str] | None) -> Select[str, str, str, date | None]:
    seen = select(IssuedWarning.warning_id).where(seen_by(scope, places))
    columns = (WarningAction.warning_id, WarningAction.kind, WarningAction.value, WarningAction.until)
    return select(*columns).where(WarningAction.warning_id.in_(seen)).order_by(WarningAction.action_id)


def _with_standing(frame: pd.DataFrame, known: dict[str, Standing], today: date, triage_days: int) -> pd.DataFrame:
    standings = [known.get(warning_id, Standing()) for warning_id in frame["warning_id"]]
    starts, issued = frame["window_start"].dt.date, frame["issued_on"].dt.date
    scored = frame["scored_on"].notna()
    stages = [stage_of(item, start, today, is_scored=is_scored) for item, start, is_scored in zip(standings, starts, scored, strict=True)]
    late = [is_overdue(item, stage, issue, start, today, triage_days) for item, stage, issue, start in zip(standings, stages, issued, starts, strict=True)]
    until = pd.to_datetime(pd.Series([item.snoozed_until for item in standings], dtype=object)).astype(DAY)
    owners = [item.owner for item in standings]
    return frame.assign(
        stage=pd.Series([stage.value for stage in stages], dtype="str"),
        label=pd.Series([STAGE_LABELS[stage] for stage in stages], dtype="str"),
        owner_now=pd.Series(owners, dtype="str").fillna(frame["owner"]),
        snoozed_until=until,
        is_snoozed=until >= np.datetime64(today),
        is_overdue=np.array(late, dtype=bool),
    )


def _read_about(
    home: Home, scope: Scope, warning_id: str, places: Mapping[str, str] | None, model: type[WarningStatement | WarningAction], order: Any
) -> pd.DataFrame:
    visible = select(IssuedWarning.warning_id).where(IssuedWarning.warning_id == warning_id, seen_by(scope, places))
    if scope.role in BOUND_ROLES and not _rows(home, visible):
        message = f"role {scope.role.value!r} bound to {scope.unit_code!r} may not see the warning {warning_id!r}"
        raise ScopeError(message)
    table: FromClause = model.__table__
    columns = [column for column in table.columns if not column.primary_key and column.name != "warning_id"]
    about = select(*columns).where(table.columns["warning_id"] == warning_id).order_by(order.desc())
    return frame_of(_rows(home, about), columns)


def _rows(home: Home, statement: Select[*tuple[Any, ...]]) -> list[Any]:
    """What a statement finds; nothing where nobody entered anything, which makes no database."""
    if not has_records(home):
        return []
    with Session(open_records(home)) as session:
        return list(session.execute(statement).all())

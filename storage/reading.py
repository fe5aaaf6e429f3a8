"""How one delivered file is read under a city profile: the ticket contract compiled to SQL.

Three layers of SELECT: ``t_`` columns are the delivered values as trimmed text, ``v_`` columns the typed
values, and checks say what is wrong with a row. Rules come from ``governance.tickets``; nothing is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from governance.tickets import EVENT_FIELDS, FREE_TEXT_FIELDS
from storage.compiling import BLANKLESS, IS_UNTIDY, LINE, UNTIDY, Check, Compiler, as_text, trimmed
from storage.home import InputError
from storage.lake import LAKE_COLUMNS
from storage.sources import first_line, identifier, literal

if TYPE_CHECKING:
    from storage.profiles import Profile
    from storage.sources import Source

__all__ = ["Reading", "plan_reading"]

SHOWN_COLUMNS = 40


@dataclass(frozen=True, slots=True)
class Reading:
    """A source read under a profile.

    ``columns`` maps a field to its source column; ``typed`` are the fields whose ``t_`` column keeps its type.
    ``parts`` are values cut out of a delivered column, over its ``t_`` column.
    ``values`` are over texts and parts, ``checks`` over those of ``typed_sql``.
    """

    source: Source
    columns: dict[str, str]
    kinds: dict[str, str]
    absent: tuple[str, ...]
    texts: dict[str, str]
    parts: dict[str, str]
    values: dict[str, str]
    checks: tuple[Check, ...]
    typed: frozenset[str]

    @property
    def id_sql(self) -> str:
        """SQL of the trimmed ticket id over the raw relation."""
        return trimmed(as_text(identifier(self.columns["ticket_id"]), self.kinds[self.columns["ticket_id"]]))

    @property
    def short_columns(self) -> list[str]:
        """SQL of the columns that hold no free text."""
        names = [column for key, column in self.columns.items() if key not in FREE_TEXT_FIELDS and self.kinds[column] not in BLANKLESS]
        return [as_text(identifier(name), self.kinds[name]) for name in names]

    def text_sql(self, rejects: str) -> str:
        """All delivered values as trimmed text (``t_`` columns)."""
        columns = ", ".join(f"{sql} AS {identifier('t_' + name)}" for name, sql in self.texts.items())
        untidy = " OR ".join(f"contains({LINE}, {signs})" for signs in UNTIDY)
        values = ", ".join(["''", *self.short_columns, "''"])
        lines = f"SELECT *, concat_ws(' ', {values}) AS {LINE} FROM {self.source.relation(rejects)}"
        return f"SELECT {columns} FROM (SELECT *, {untidy} AS {IS_UNTIDY} FROM ({lines}))"

    def typed_sql(self, texts: str) -> str:
        """Typed values (``v_`` columns) beside the texts of relation ``texts``."""
        columns = ", ".join(f"{sql} AS v_{name}" for name, sql in self.values.items())
        if self.parts:  # in layers of their own, because the engine computes anew what a CASE names twice
            parts = ", ".join(f"{sql} AS p_{name}" for name, sql in self.parts.items())
            cleaned = ", ".join(f"{trimmed(f'p_{name}')} AS p_{name}" for name in self.parts)
            texts = f"SELECT * REPLACE ({cleaned}) FROM (SELECT *, {parts} FROM ({texts}))"
        return f"SELECT *, {columns} FROM ({texts})"

    @property
    def bad_sql(self) -> str:
        """Condition over typed rows: at least one check fails."""
        return f"coalesce({' OR '.join(f'({check.condition})' for check in self.checks)}, false)"

    @property
    def raw_sql(self) -> str:
        """The row's texts as JSON, over typed rows; the caller's number stays out."""
        parts = ", ".join(f"{literal(name)}: {self.shown_sql(name)}" for name in self.texts if name != "caller")
        return f"CAST(to_json({{{parts}}}) AS VARCHAR)"

    def shown_sql(self, name: str) -> str:
        """A delivered value as text, over its ``t_`` column."""
        return as_text(identifier("t_" + name), self._kept_kind(name))

    def recalled_sql(self, raw: str) -> str:
        """The ``t_`` columns again, from texts as ``raw_sql`` gives them."""
        return ", ".join(f"CAST({raw}->>{literal(name)} AS {self._kept_kind(name)}) AS {identifier('t_' + name)}" for name in self.texts)

    def _kept_kind(self, name: str) -> str:
        return self.kinds[self.columns[name]] if name in self.typed else "VARCHAR"

    def lake_sql(self, received_no: int) -> str:
        """The lake's columns over typed rows, in order; texts and labels are as delivered (``storage.privacy`` masks them)."""
        parts = []
        for name, kind in LAKE_COLUMNS.items():
            if name == "version_at":
                parts.append(f"{self._version_sql()} AS version_at")
            elif name == "received_no":
                parts.append(f"{received_no}::INTEGER AS received_no")
            elif name in self.values:
                parts.append(f"v_{name} AS {name}")
            else:
                parts.append(f"NULL::{kind} AS {name}")
        return ", ".join(parts)

    def _version_sql(self) -> str:
        events = ", ".join(f"v_{name}" for name in ("accepted_at", *EVENT_FIELDS) if name in self.values)
        latest = f"greatest({events})"
        return f"coalesce(v_updated_at, {latest})" if "updated_at" in self.values else latest


def plan_reading(source: Source, profile: Profile, connection: duckdb.DuckDBPyConnection, caller_key: bytes) -> Reading:
    """How to read ``source`` under ``profile``.

    Raises
    ------
    InputError
        A column that the profile requires is not in the file.
    """
    described = [(name, "VARCHAR") for name in source.columns]
    if not source.is_csv:
        try:
            described = connection.execute(f"DESCRIBE SELECT * FROM {source.relation('')}").fetchall()
        except duckdb.Error as error:
            message = f"文件 {source.name} 无法读取: {first_line(error)}"
            raise InputError(message) from error
    # the engine renames columns whose names differ in case alone; of equal names the first is meant
    engine_names: dict[str, str] = {}
    for name, row in zip(source.columns, described, strict=True):
        engine_names.setdefault(name.strip(), row[0])
    columns, absent = _match_columns(source, profile, engine_names)
    kinds = {row[0]: row[1] for row in described}
    compiler = Compiler(profile, caller_key, columns, kinds)
    values = compiler.values()
    checks = tuple(compiler.checks(values, transcoded=source.is_transcoded))
    return Reading(source, columns, kinds, absent, compiler.texts(), compiler.parts(), values, checks, compiler.typed)


def _match_columns(source: Source, profile: Profile, engine_names: dict[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    found: dict[str, str] = {}
    absent: list[str] = []
    for key, candidates in profile.candidates().items():
        column = next((engine_names[name] for name in candidates if name in engine_names), None)
        if column is None:
            absent.append(key)
        else:
            found[key] = column
    needed = set(profile.required) if profile.required is not None else set(profile.candidates())
    if missing := [key for key in absent if key in needed]:
        wanted = ", ".join(f"{'|'.join(profile.candidates()[key])} (→ {key})" for key in missing)
        shown = ", ".join(source.columns[:SHOWN_COLUMNS]) + (" …" if source.columns[SHOWN_COLUMNS:] else "")
        message = f"文件 {source.name} 缺少列: {wanted}; 文件的列是: {shown}"
        raise InputError(message)
    return found, tuple(absent)

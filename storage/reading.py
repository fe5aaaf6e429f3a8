"""How one delivered file is read under a city profile: the ticket contract compiled to SQL.

Three layers of SELECT: ``t_`` columns are the delivered values as trimmed text, ``v_`` columns the typed
values, and checks say what is wrong with a row. Rules come from ``governance.tickets``; nothing is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from governance.tickets import EARLIEST_ACCEPTED_ON, EVENT_FIELDS, FIELDS, Field, Kind, enum_of, field
from storage.home import InputError
from storage.lake import LAKE_COLUMNS
from storage.privacy import caller_key_sql, mask_sql
from storage.sources import REPLACEMENT, identifier, literal

if TYPE_CHECKING:
    import duckdb

    from storage.profiles import Profile
    from storage.sources import Source

__all__ = ["Check", "Reading", "plan_reading"]

LABEL_LENGTH = 200
SHOWN_COLUMNS = 40
BLANKS = "' ' || chr(9) || chr(10) || chr(13) || chr(160) || chr(12288)"
TRUE_WORDS = ("是", "true", "True", "TRUE", "t", "T", "1", "Y", "y", "yes", "Yes", "YES", "有")
FALSE_WORDS = ("否", "false", "False", "FALSE", "f", "F", "0", "N", "n", "no", "No", "NO", "无")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be wrong with a row: the condition over ``t_`` and ``v_`` columns, and what to say."""

    field: str
    condition: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """A source read under a profile.

    ``columns`` maps a field to its source column. ``typed`` and ``checks`` are over relation ``rows_sql(rejects)``.
    """

    source: Source
    columns: dict[str, str]
    absent: tuple[str, ...]
    texts: dict[str, str]
    values: dict[str, str]
    checks: tuple[Check, ...]

    @property
    def id_sql(self) -> str:
        """SQL of the trimmed ticket id over the raw relation."""
        return self.texts["ticket_id"]

    def text_sql(self, rejects: str, extra: str = "") -> str:
        """All delivered values as trimmed text (``t_`` columns)."""
        columns = ", ".join(f"{sql} AS {identifier('t_' + name)}" for name, sql in self.texts.items())
        return f"SELECT {columns}{extra} FROM {self.source.relation(rejects)}"

    def typed_sql(self, texts: str) -> str:
        """Typed values (``v_`` columns) beside the texts of relation ``texts``."""
        columns = ", ".join(f"{sql} AS v_{name}" for name, sql in self.values.items())
        return f"SELECT *, {columns} FROM ({texts})"

    @property
    def bad_sql(self) -> str:
        """Condition over typed rows: at least one check fails."""
        return " OR ".join(f"coalesce({check.condition}, false)" for check in self.checks)

    @property
    def raw_sql(self) -> str:
        """The row's texts as JSON, over typed rows; the caller's number stays out."""
        parts = ", ".join(f"{literal(name)}: {identifier('t_' + name)}" for name in self.texts if name != "caller")
        return f"CAST(to_json({{{parts}}}) AS VARCHAR)"

    @property
    def mark_sql(self) -> str:
        """A hash of the row's texts, over text rows: recognises a row when the file is read once more."""
        parts = ", ".join(f"coalesce({identifier('t_' + name)}, '')" for name in self.texts)
        return f"md5(concat_ws(chr(31), {parts}))"

    def lake_sql(self, received_no: int) -> str:
        """The lake's columns over typed rows, in order."""
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
    columns, absent = _match_columns(source, profile)
    kinds = dict.fromkeys(columns.values(), "VARCHAR")
    if not source.is_csv:
        kinds = {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {source.relation('')}").fetchall()}
    compiler = _Compiler(profile, caller_key, columns, kinds)
    values = compiler.values()
    checks = tuple(compiler.checks(values, transcoded=source.is_csv))
    return Reading(source, columns, absent, compiler.texts(), values, checks)


def _match_columns(source: Source, profile: Profile) -> tuple[dict[str, str], tuple[str, ...]]:
    found: dict[str, str] = {}
    absent: list[str] = []
    present = set(source.columns)
    for key, candidates in profile.candidates().items():
        column = next((name for name in candidates if name in present), None)
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


class _Compiler:
    """Builds the SQL of one reading."""

    def __init__(self, profile: Profile, caller_key: bytes, columns: dict[str, str], kinds: dict[str, str]) -> None:
        self.profile = profile
        self.caller_key = caller_key
        self.columns = columns
        self.kinds = kinds
        self.split_parts: dict[str, tuple[str, int, str]] = {
            name: (f"split:{index}", position, item.separator)
            for index, item in enumerate(profile.split)
            if f"split:{index}" in columns
            for position, name in enumerate(item.into, start=1)
        }

    def texts(self) -> dict[str, str]:
        return {key: self._text(key, column) for key, column in self.columns.items()}

    def _text(self, key: str, column: str) -> str:
        quoted = identifier(column)
        value = quoted if self.kinds[column] == "VARCHAR" else f"CAST({quoted} AS VARCHAR)"
        trimmed = f"trim({value}, {BLANKS})"
        nothing = ["", *self.profile.empty.get("all", ()), *self.profile.empty.get(key, ())]
        if nothing == [""]:
            return f"nullif({trimmed}, '')"
        return f"CASE WHEN {trimmed} IN ({', '.join(map(literal, nothing))}) THEN NULL ELSE {trimmed} END"

    def values(self) -> dict[str, str]:
        """Lake column to SQL over text rows."""
        values: dict[str, str] = {}
        for item in FIELDS:
            if item.name in self.split_parts:
                key, position, separator = self.split_parts[item.name]
                text = f"nullif(trim(split_part({identifier('t_' + key)}, {literal(separator)}, {position}), {BLANKS}), '')"
            elif item.name in self.columns:
                text = identifier("t_" + item.name)
            elif item.name in self.profile.constants:
                text = literal(self.profile.constants[item.name])
            else:
                continue
            name = "caller_key" if item.kind is Kind.CALLER else item.name
            values[name] = self._value(item, text)
        return values

    def _value(self, item: Field, text: str) -> str:
        match item.kind:
            case Kind.TEXT:
                return mask_sql(text)
            case Kind.TIME:
                return self._time(text)
            case Kind.ENUM:
                return self._enum(item, text)
            case Kind.FLAG:
                return self._flag(item, text)
            case Kind.COUNT:
                return f"try_cast({text} AS INTEGER)"
            case Kind.NUMBER:
                return f"try_cast({text} AS DOUBLE)"
            case Kind.LABELS:
                return f"list_filter(string_split_regex({text}, '[,;|,;、]\\s*'), lambda label: label <> '')"
            case Kind.CALLER:
                return f"CASE WHEN {text} IS NULL THEN NULL ELSE {caller_key_sql(text, self.caller_key)} END"
            case _:
                return text

    def _time(self, text: str) -> str:
        zone = literal(self.profile.city.timezone)
        trials = []
        patterns = []
        for form in self.profile.times.formats:
            if form == "ISO":
                zoned = f"length({text}) > 16 AND ({text}[-1] IN ('Z', 'z') OR {text}[-6] IN ('+', '-') OR {text}[-3] IN ('+', '-'))"
                trials.append(f"CASE WHEN {zoned} THEN timezone({zone}, try_cast({text} AS TIMESTAMPTZ)) ELSE try_cast({text} AS TIMESTAMP) END")
            else:
                patterns.append(literal(form))
        if patterns:
            trials.append(f"try_strptime({text}, [{', '.join(patterns)}])")
        return trials[0] if len(trials) == 1 else f"coalesce({', '.join(trials)})"

    def _enum(self, item: Field, text: str) -> str:
        mapping = dict(self.profile.values.get(item.name, {}))
        fallback = mapping.pop("*", None)
        for member in enum_of(item):
            mapping.setdefault(str(member), str(member))
        cases = " ".join(f"WHEN {literal(key)} THEN {literal(value) if value else 'NULL'}" for key, value in mapping.items())
        otherwise = "NULL" if fallback is None else f"CASE WHEN {text} IS NULL THEN NULL ELSE {literal(fallback)} END"
        return f"CASE {text} {cases} ELSE {otherwise} END"

    def _flag(self, item: Field, text: str) -> str:
        mapping = self.profile.values.get(item.name, {})
        yes = [*TRUE_WORDS, *(key for key, value in mapping.items() if value == "true")]
        no = [*FALSE_WORDS, *(key for key, value in mapping.items() if value == "false")]
        return f"CASE WHEN {text} IN ({', '.join(map(literal, yes))}) THEN true WHEN {text} IN ({', '.join(map(literal, no))}) THEN false END"

    def checks(self, values: dict[str, str], *, transcoded: bool) -> list[Check]:
        checks: list[Check] = []
        for item in FIELDS:
            name = "caller_key" if item.kind is Kind.CALLER else item.name
            if name in values:
                checks += self._field_checks(item)
        latest = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%S")
        for name in ("accepted_at", *EVENT_FIELDS):
            if name in values:
                checks.append(Check(name, f"v_{name} > TIMESTAMP '{latest}'", "时间在未来"))
        for name in EVENT_FIELDS:
            if name in values:
                # a date without a clock may stand for any moment of its day
                same_day = f"v_{name} = date_trunc('day', v_{name}) AND CAST(v_{name} AS DATE) = CAST(v_accepted_at AS DATE)"
                checks.append(Check(name, f"v_{name} < v_accepted_at AND NOT ({same_day})", f"{field(name).chinese}早于{field('accepted_at').chinese}"))
        if transcoded:
            joined = " || ".join(f"coalesce({identifier('t_' + key)}, '')" for key in self.columns)
            checks.append(Check("", f"contains({joined}, '{REPLACEMENT}')", "含有无法解码的字节"))
        return checks

    def _field_checks(self, item: Field) -> list[Check]:
        text = identifier("t_" + item.name)
        value = f"v_{item.name}"
        checks = []
        if item.required:
            checks.append(Check(item.name, f"{value} IS NULL" if item.name not in self.columns else f"{text} IS NULL", f"缺少{item.chinese}"))
        delivered = item.name in self.columns
        if item.kind is Kind.LABEL:
            checks.append(Check(item.name, f"length({value}) > {LABEL_LENGTH}", f"超过{LABEL_LENGTH}个字符"))
        elif delivered and item.kind in (Kind.TIME, Kind.ENUM, Kind.FLAG, Kind.COUNT, Kind.NUMBER):
            mapped_away = [key for key, word in self.profile.values.get(item.name, {}).items() if not word]
            spared = f" AND {text} NOT IN ({', '.join(map(literal, mapped_away))})" if mapped_away else ""
            checks.append(Check(item.name, f"{text} IS NOT NULL AND {value} IS NULL{spared}", self._cannot_read(item)))
        if item.low is not None:
            checks.append(Check(item.name, f"NOT ({value} BETWEEN {item.low} AND {item.high})", f"应在{item.low:g}到{item.high:g}之间"))
        if item.name == "accepted_at":
            checks.append(Check(item.name, f"{value} < TIMESTAMP '{EARLIEST_ACCEPTED_ON}'", f"早于{EARLIEST_ACCEPTED_ON}"))
        return checks

    def _cannot_read(self, item: Field) -> str:
        match item.kind:
            case Kind.TIME:
                return f"时间格式不符,可用: {', '.join(self.profile.times.formats)}"
            case Kind.ENUM:
                mapping = self.profile.values.get(item.name, {})
                allowed = [key for key in mapping if key != "*"] or [str(member) for member in enum_of(item)]
                return f"取值不在范围内,可用: {'、'.join(allowed)}"
            case Kind.FLAG:
                return "应为是或否"
            case Kind.COUNT:
                return "应为非负整数"
            case _:
                return "应为数字"

"""Delivered values compiled to SQL: how each field of the ticket contract is trimmed, typed and checked under a city profile.

Rules come from ``governance.tickets``; nothing is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from governance.tickets import EARLIEST_ACCEPTED_ON, EVENT_FIELDS, FIELDS, FREE_TEXT_FIELDS, Field, Kind, enum_of, field
from storage.privacy import caller_key_sql
from storage.sources import REPLACEMENT, identifier, literal

if TYPE_CHECKING:
    from storage.profiles import Profile

__all__ = ["IS_UNTIDY", "LINE", "UNTIDY", "Check", "Compiler", "as_text", "trimmed"]

LABEL_LENGTH = 200
USUAL_TIMES = ("____-__-_____:__:__", "____-__-__")
"""LIKE patterns of nearly all times there are: too short to hold a zone or "PM", so the engine's own cast may read them."""

LOCAL_TIME = r"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}([ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?)?"
ZONED_TIME = r"[0-9]{4}[-/][0-9]{1,2}[-/][0-9]{1,2}[ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)? ?([Zz]|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?)"
"""Anything else is not ISO: the cast itself would read "01:00:00 PM" as one in the morning and skip a zone it does not know."""

WHOLE_NUMBER = r"[+-]?[0-9]+(\.0*)?"
LATEST_TIME = "9999-12-31 23:59:59"
BLANKS = (32, 9, 10, 13, 160, 12288)
"""Code points trimmed from both ends: blank, tab, line ends, no-break and full-width blank."""

UNTIDY = ("'  '", "chr(9)", "chr(10)", "chr(13)", "chr(160)", "chr(12288)")
"""What a row of short values, joined by blanks, contains when one of them may be empty or need trimming. One test a row:
trimming every value of every row costs as much as reading the file."""

LINE, IS_UNTIDY = '"\x01line"', '"\x01is_untidy"'
"""Names of two columns of ours beside those of the file, which may have any name that can be typed."""

TYPED: dict[Kind, tuple[str, ...]] = {
    Kind.TIME: ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATE"),
    Kind.NUMBER: ("DOUBLE", "BIGINT", "INTEGER", "SMALLINT", "TINYINT"),
    Kind.COUNT: ("DOUBLE", "BIGINT", "INTEGER", "SMALLINT", "TINYINT"),
}
"""Types of delivered columns whose values are taken as they are: going by way of text costs more than all the rest of the row."""

BLANKLESS = {*(kind for kinds in TYPED.values() for kind in kinds), "BOOLEAN", "FLOAT", "HUGEINT", "UBIGINT", "UINTEGER", "TIMESTAMP WITH TIME ZONE"}
"""Types whose texts need no trimming."""

BLANK_SQL = " || ".join(f"chr({point})" for point in BLANKS)
TRUE_WORDS = ("是", "true", "True", "TRUE", "t", "T", "1", "Y", "y", "yes", "Yes", "YES", "有")
FALSE_WORDS = ("否", "false", "False", "FALSE", "f", "F", "0", "N", "n", "no", "No", "NO", "无")


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be wrong with a row: the condition over ``t_`` and ``v_`` columns, and what to say."""

    field: str
    condition: str
    reason: str


def as_text(quoted: str, kind: str) -> str:
    """SQL of a delivered column as text. A table tool turns whole numbers with gaps into floats: 7.0 means 7; lists are joined."""
    if kind in ("DOUBLE", "FLOAT"):
        whole = f"{quoted} = trunc({quoted}) AND abs({quoted}) < 1e15"
        shortened = f"WHEN {whole} THEN CAST(try_cast({quoted} AS BIGINT) AS VARCHAR)"
        return f"CASE WHEN isnan({quoted}) THEN NULL {shortened} ELSE CAST({quoted} AS VARCHAR) END"
    if kind == "VARCHAR[]":
        return f"array_to_string({quoted}, '、')"
    return quoted if kind == "VARCHAR" else f"CAST({quoted} AS VARCHAR)"


def trimmed(value: str, is_untidy: str | None = None) -> str:
    """SQL of the value without blanks at its ends, NULL for nothing; only what may need it is trimmed."""
    if is_untidy is None:
        starts = [f"prefix({value}, chr({point}))" for point in BLANKS if point >= ord("!")]
        ends = [f"suffix({value}, chr({point}))" for point in BLANKS]
        is_untidy = " OR ".join([f"{value} < '!'", *starts, *ends])
    return f"CASE WHEN {is_untidy} THEN nullif(trim({value}, {BLANK_SQL}), '') ELSE {value} END"


def _typed_value(item: Field, value: str) -> str:
    """SQL of a value delivered with a type; NULL for a time or a number that is none."""
    match item.kind:
        case Kind.TIME:
            moment = f"try_cast({value} AS TIMESTAMP)"
            return f"CASE WHEN isfinite({moment}) THEN {moment} END"
        case Kind.COUNT:
            return f"CASE WHEN {value} = trunc({value}) THEN try_cast({value} AS INTEGER) END"
        case _:
            return f"CAST({value} AS DOUBLE)"


class Compiler:
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
        kept = {item.name for item in FIELDS if item.name in columns and kinds[columns[item.name]] in TYPED.get(item.kind, ())}
        self.typed = frozenset(name for name in kept if not self._nothing(name) and name not in profile.values and "ISO" in profile.times.formats)

    def _nothing(self, key: str) -> list[str]:
        """Texts that stand for nothing."""
        return [*self.profile.empty.get("all", ()), *self.profile.empty.get(key, ())]

    def texts(self) -> dict[str, str]:
        """Field, or number of a split rule, to SQL of its delivered value over the raw relation."""
        return {key: self._text(key, column) for key, column in self.columns.items()}

    def parts(self) -> dict[str, str]:
        """Field to SQL of the part of a delivered value that a split rule gives it."""
        return {
            name: f"split_part({identifier('t_' + key)}, {literal(separator)}, {position})" for name, (key, position, separator) in self.split_parts.items()
        }

    def _text(self, key: str, column: str) -> str:
        kind = self.kinds[column]
        if key in self.typed:
            return f"CASE WHEN NOT isnan({identifier(column)}) THEN {identifier(column)} END" if kind == "DOUBLE" else identifier(column)
        value = as_text(identifier(column), kind)
        is_text = kind not in BLANKLESS
        text = trimmed(value, None if key in FREE_TEXT_FIELDS else IS_UNTIDY) if is_text else value
        nothing = self._nothing(key)
        return f"CASE WHEN {text} IN ({', '.join(map(literal, nothing))}) THEN NULL ELSE {text} END" if nothing else text

    def values(self) -> dict[str, str]:
        """Lake column to SQL over text rows."""
        values: dict[str, str] = {}
        for item in FIELDS:
            if item.name in self.split_parts:
                nothing = ["", *self._nothing(item.name)]
                text = f"CASE WHEN p_{item.name} NOT IN ({', '.join(map(literal, nothing))}) THEN p_{item.name} END"
            elif item.name in self.columns:
                text = identifier("t_" + item.name)
            elif item.name in self.profile.constants:
                text = literal(self.profile.constants[item.name])
            else:
                continue
            name = "caller_key" if item.kind is Kind.CALLER else item.name
            values[name] = _typed_value(item, text) if item.name in self.typed else self._value(item, text)
        return values

    def _value(self, item: Field, text: str) -> str:
        match item.kind:
            case Kind.TEXT:
                return text
            case Kind.TIME:
                return self._time(text)
            case Kind.ENUM:
                return self._enum(item, text)
            case Kind.FLAG:
                return self._flag(item, text)
            case Kind.COUNT:
                # the cast alone rounds 1.5 and reads 0x1F
                return f"CASE WHEN strlen({text}) = 1 OR regexp_full_match({text}, {literal(WHOLE_NUMBER)}) THEN try_cast({text} AS INTEGER) END"
            case Kind.NUMBER:
                return f"try_cast({text} AS DOUBLE)"
            case Kind.LABELS:
                return f"list_filter(string_split_regex({text}, '[,;|,;、]\\s*'), lambda label: label <> '')"
            case Kind.CALLER:
                return f"CASE WHEN {text} IS NULL THEN NULL ELSE {caller_key_sql(text, self.caller_key)} END"
            case _:
                return self._label(item, text)

    def _label(self, item: Field, text: str) -> str:
        mapping = dict(self.profile.values.get(item.name, {}))
        if not mapping:
            return text
        fallback = mapping.pop("*", None)
        cases = " ".join(f"WHEN {literal(key)} THEN {literal(value) if value else 'NULL'}" for key, value in mapping.items())
        otherwise = text if fallback is None else literal(fallback)
        return f"CASE WHEN {text} IS NULL THEN NULL ELSE CASE {text} {cases or 'WHEN NULL THEN NULL'} ELSE {otherwise} END END"

    def _time(self, text: str) -> str:
        zone = literal(self.profile.city.timezone)
        trials = []
        patterns = []
        for form in self.profile.times.formats:
            if form == "ISO":
                usual = " OR ".join(f"{text} LIKE {literal(pattern)}" for pattern in USUAL_TIMES)
                zoned = f"regexp_replace(regexp_replace({text}, ' ?(Z|z|UTC|GMT)$', '+00'), ' ([+-])', '\\1')"
                trials.append(
                    f"CASE WHEN {usual} OR regexp_full_match({text}, {literal(LOCAL_TIME)}) THEN try_cast({text} AS TIMESTAMP) "
                    f"WHEN regexp_full_match({text}, {literal(ZONED_TIME)}) THEN timezone({zone}, try_cast({zoned} AS TIMESTAMPTZ)) END"
                )
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
        """All that can be wrong with a row; ``transcoded`` files may hold bytes that could not be decoded."""
        checks: list[Check] = []
        for item in FIELDS:
            name = "caller_key" if item.kind is Kind.CALLER else item.name
            if name in values:
                checks += self._field_checks(item)
        latest = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%d %H:%M:%S")
        for name in ("accepted_at", *EVENT_FIELDS, "updated_at"):
            if name in values:
                checks.append(Check(name, f"v_{name} > TIMESTAMP '{latest}'", "时间在未来"))
        for name in EVENT_FIELDS:
            if name in values:
                # a date without a clock may stand for any moment of its day
                same_day = f"v_{name} = date_trunc('day', v_{name}) AND CAST(v_{name} AS DATE) = CAST(v_accepted_at AS DATE)"
                checks.append(
                    Check(name, f"CASE WHEN v_{name} < v_accepted_at THEN NOT ({same_day}) END", f"{field(name).chinese}早于{field('accepted_at').chinese}")
                )
        if transcoded:
            joined = " || ".join(f"coalesce({identifier('t_' + key)}, '')" for key in self.columns if key != "caller")  # it is not kept with the row
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
            checks.append(
                Check(item.name, f"CASE WHEN strlen({value}) > {LABEL_LENGTH} THEN length({value}) > {LABEL_LENGTH} END", f"超过{LABEL_LENGTH}个字符")
            )
        elif delivered and item.kind in (Kind.TIME, Kind.ENUM, Kind.FLAG, Kind.COUNT, Kind.NUMBER):
            mapped_away = [key for key, word in self.profile.values.get(item.name, {}).items() if not word]
            spared = f" AND {text} NOT IN ({', '.join(map(literal, mapped_away))})" if mapped_away else ""
            checks.append(Check(item.name, f"{text} IS NOT NULL AND {value} IS NULL{spared}", self._cannot_read(item)))
        if item.low is not None:
            checks.append(Check(item.name, f"NOT ({value} BETWEEN {item.low} AND {item.high})", f"应在{item.low:g}到{item.high:g}之间"))
        if item.name in ("accepted_at", "updated_at", "due_at"):
            checks.append(Check(item.name, f"{value} < TIMESTAMP '{EARLIEST_ACCEPTED_ON}'", f"早于{EARLIEST_ACCEPTED_ON}"))
        if item.name == "due_at":
            checks.append(Check(item.name, f"{value} > TIMESTAMP '{LATEST_TIME}'", f"晚于{LATEST_TIME}"))
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

"""City profiles: one TOML file brings a city. It says which delivered column is which field, and how to read it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from forecasts.calendars import CALENDARS
from governance.tickets import FIELDS, Kind, enum_of, field
from storage.home import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["CITIES", "Profile", "load_profile", "parse_profile"]

CITIES = Path(__file__).resolve().parent.parent / "cities"
FIELD_NAMES = frozenset(item.name for item in FIELDS)
TIME_CODES = frozenset("aAbBdfHIjmMpSUwWyY%")
"""Letters after a percent sign that both Python and the engine read in a time format, zones apart: those are for ISO."""

SHOWN_NAME = 100
MAPPED_KINDS = (Kind.ENUM, Kind.FLAG, Kind.LABEL)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Candidates = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
"""Source columns in order of trial; the first one that the file has is used."""


class City(_Strict):
    """Who the city is and how it calls its levels."""

    code: str
    name: str
    timezone: str
    calendar: str
    district_word: str = "区"
    subdistrict_word: str = "街乡镇"
    unit_word: str = "承办单位"
    is_demo: bool = False

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        if value not in available_timezones():
            message = f"时区 {value!r} 不存在, 例: Asia/Shanghai"
            raise ValueError(message)
        return value

    @field_validator("calendar")
    @classmethod
    def _known_calendar(cls, value: str) -> str:
        if value not in CALENDARS:
            message = f"日历 {value!r} 不存在; 可用: {', '.join(CALENDARS)}"
            raise ValueError(message)
        return value

    @property
    def zone(self) -> ZoneInfo:
        """The city's time zone."""
        return ZoneInfo(self.timezone)


class Split(_Strict):
    """One delivered column that holds several fields, such as a category path."""

    column: Candidates
    into: tuple[str, ...] = Field(min_length=1)
    separator: str = Field(min_length=1)


class PlacePattern(_Strict):
    """A spelling of a place label and the code it stands for; ``{1}`` is the first group, ``{1:0>2}`` the same padded."""

    match: str
    code: str

    @model_validator(mode="after")
    def _usable(self) -> PlacePattern:
        try:
            groups = re.compile(self.match).groups
            self.code.format("", *[""] * groups, district="")
        except (re.error, IndexError, KeyError, ValueError) as error:
            message = f"match {self.match!r} 与 code {self.code!r} 不能用: {error}"
            raise ValueError(message) from error
        return self


class BoundaryColumns(_Strict):
    """Property names in the city's boundary file."""

    code: str = "code"
    name: str = "name"
    parent_code: str | None = None
    parent_name: str | None = None
    population: str | None = None


class Places(_Strict):
    """How a ticket finds its place on the map; ``population_file`` gives residents by code where the boundary file has none."""

    boundaries: BoundaryColumns = BoundaryColumns()
    register_file: str | None = None
    population_file: str | None = None
    order: tuple[str, ...] = ("label",)
    aliases: dict[str, str] = {}
    district_aliases: dict[str, str] = {}
    patterns: tuple[PlacePattern, ...] = ()

    @field_validator("register_file", "population_file")
    @classmethod
    def _shipped(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and (Path(value).name != value or not (CITIES / value).is_file()):
            message = f"cities/ 中没有{'人口表' if info.field_name == 'population_file' else '地名表'} {value!r}"
            raise ValueError(message)
        return value

    @field_validator("order")
    @classmethod
    def _known_ways(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value or not set(value) <= {"label", "coordinates"}:
            message = f"order 只能由 label 和 coordinates 组成, 实际为 {list(value)}"
            raise ValueError(message)
        return value


class Times(_Strict):
    """Date formats in order of trial: ``ISO`` or strptime patterns."""

    formats: tuple[str, ...] = ("ISO",)

    @field_validator("formats")
    @classmethod
    def _known_codes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for form in value:
            codes = re.findall(r"%(-?.?)", form, re.DOTALL)
            if form != "ISO" and (not codes or not {code.removeprefix("-") for code in codes} <= TIME_CODES):
                message = f"时间格式 {form!r} 不能用; 应为 ISO 或 strptime 写法, 例: %Y/%m/%d %H:%M:%S"
                raise ValueError(message)
        if not value:
            message = "formats 不能为空"
            raise ValueError(message)
        return value


class Profile(_Strict):
    """A city profile, checked.

    ``required`` lists the fields whose column every file must have; without it, all mapped columns.
    """

    city: City
    columns: dict[str, Candidates]
    split: tuple[Split, ...] = ()
    constants: dict[str, str] = {}
    values: dict[str, dict[str, str]] = {}
    empty: dict[str, tuple[str, ...]] = {}
    times: Times = Times()
    places: Places = Places()
    units: dict[str, str] = {}
    required: tuple[str, ...] | None = None
    sheet: str | None = None
    delimiter: str = Field(default=",", pattern=r'^[^"\r\n]$')
    source: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Profile:
        split_fields = [name for item in self.split for name in item.into]
        _check_fields("columns", self.columns)
        _check_fields("split", split_fields)
        if odd := [name for name in split_fields if field(name).kind not in (Kind.LABEL, Kind.TEXT)]:
            message = f"[split] 只能拆成标签或文本字段, 不能是 {', '.join(odd)}"
            raise ValueError(message)
        _check_fields("constants", self.constants)
        _check_fields("values", self.values)
        _check_fields("empty", set(self.empty) - {"all"})
        for item in FIELDS:
            if item.required and item.name not in self.columns:
                message = f"[columns] 缺少必填字段 {item.name} ({item.chinese})"
                raise ValueError(message)
        _check_fields("required", self.required or ())
        for name, mapping in self.values.items():
            if field(name).kind not in MAPPED_KINDS:
                message = f"[values] 对字段 {name} 没有作用: 只有枚举、是否和标签字段有取值对应"
                raise ValueError(message)
            _check_values(name, mapping.values())
        for name, value in self.constants.items():
            _check_values(name, [value])
        return self

    def candidates(self) -> dict[str, tuple[str, ...]]:
        """Field name, or the split columns' own key, to its source columns in order of trial."""
        return dict(self.columns) | {f"split:{index}": item.column for index, item in enumerate(self.split)}


def _check_fields(where: str, names: Iterable[str]) -> None:
    if unknown := sorted(set(names) - FIELD_NAMES):
        message = f"[{where}] 中没有这样的字段: {', '.join(unknown)}; 可用字段见 docs/glossary.md"
        raise ValueError(message)


def _check_values(name: str, values: Iterable[str]) -> None:
    item = field(name)
    if item.kind is Kind.ENUM:
        allowed = {str(member) for member in enum_of(item)}
    elif item.kind is Kind.FLAG:
        allowed = {"true", "false"}
    else:
        return
    if unknown := sorted(set(values) - allowed - {""}):
        message = f"字段 {name} 不能取值 {', '.join(unknown)}; 允许: {', '.join(sorted(allowed))}"
        raise ValueError(message)


def parse_profile(text: str, name: str) -> Profile:
    """The profile written in ``text``; ``name`` is used in messages.

    Raises
    ------
    InputError
        Not TOML, an unknown key or field, a value outside its enumeration.
    """
    try:
        return Profile.model_validate(tomllib.loads(text) | {"source": text})
    except tomllib.TOMLDecodeError as error:
        message = f"城市配置 {name} 不是有效的 TOML: {error}"
        raise InputError(message) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "整体"
        message = f"城市配置 {name} 的 {where} 有误: {first['msg'].removeprefix('Value error, ')}"
        raise InputError(message) from error


def load_profile(city: str) -> Profile:
    """The profile of a shipped city name, or of a path to a ``.toml`` file.

    Raises
    ------
    InputError
        There is no such profile, or it is wrong.
    """
    shipped = {path.stem: path for path in sorted(CITIES.glob("*.toml"))}
    path = Path(city) if city.endswith(".toml") else shipped.get(city)
    try:
        if path is None or not path.is_file():
            message = f"没有城市配置 {city[:SHOWN_NAME]!r}; 现有: {', '.join(shipped)}; 也可给出一个 .toml 文件的路径"
            raise InputError(message)
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"城市配置 {path} 无法读取: {error}"
        raise InputError(message) from error
    return parse_profile(text, path.name)

"""A table of the records as a frame, and a frame as rows of a table; the same from SQLite and from PostgreSQL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
from sqlalchemy import Boolean, Date, DateTime, Float, Integer, String

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import ColumnElement, FromClause

__all__ = ["DAY", "frame_of", "rows_of"]

DAY: Final = "datetime64[us]"
"""The type of days in frames."""

COMPACT = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def rows_of(frame: pd.DataFrame, table: FromClause, written_as_json: Collection[str] = ()) -> list[dict[str, Any]]:
    """Each row of the frame as a row to insert; numbers that the database gives itself are left out.

    Parameters
    ----------
    frame
        Has the columns of the table; others are not read.
    written_as_json
        Columns whose values are turned into JSON; text in them must be JSON already.

    Raises
    ------
    KeyError
        A column is missing.
    ValueError
        A value is missing, too long, not finite or not JSON: SQLite would keep it, or keep something else, where PostgreSQL refuses.
    """
    columns = [column for column in table.columns if not (column.primary_key and isinstance(column.type, Integer))]
    wanted = frame[[column.name for column in columns]]
    lists = []
    for column in columns:
        values = wanted[column.name]
        if column.name in written_as_json:
            values = values.map(_as_json)
        if not column.nullable and values.isna().any():
            message = f"{table}.{column.name}: {int(values.isna().sum())} of {len(values)} values are missing, none may be"
            raise ValueError(message)
        lists.append(_plain(f"{table}.{column.name}", values, column.type))
    names = [column.name for column in columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*lists, strict=True)]


def _as_json(value: object) -> str:
    if isinstance(value, str):
        json.loads(value)
        return value
    return COMPACT.encode(value)


def _plain(where: str, values: pd.Series, kind: object) -> list[Any]:
    """Values of Python's own types, as the drivers want them."""
    match kind:
        case DateTime():
            return pd.DatetimeIndex(pd.to_datetime(values, utc=True)).to_pydatetime().tolist()
        case Date():
            days = pd.to_datetime(values).dt.date
            return days.astype(object).where(days.notna(), None).tolist()
        case Boolean():
            return values.astype(bool).tolist()
        case Integer():
            return values.astype(int).tolist()
        case Float():
            numbers = values.astype(float)
            if not numbers.between(float("-inf"), float("inf"), inclusive="neither").all():
                message = f"{where}: not every value is finite"
                raise ValueError(message)
            return numbers.tolist()
        case String(length=limit):
            texts = [None if is_missing else str(text) for text, is_missing in zip(values, values.isna(), strict=True)]
            longest = max((text for text in texts if text), key=len, default="")
            if limit is not None and len(longest) > limit:
                message = f"{where}: {longest!r} has {len(longest)} characters, at most {limit} are kept"
                raise ValueError(message)
            return texts
    message = f"{where}: a column of type {kind!r} cannot be written"
    raise TypeError(message)


def frame_of(
    rows: Iterable[Sequence[Any]], columns: Iterable[ColumnElement[Any]], read_as_json: Collection[str] = (), open_until: Collection[str] = ()
) -> pd.DataFrame:
    """Rows that were read, each column of one type whether there are rows or not.

    Parameters
    ----------
    read_as_json
        Columns whose text is turned back into what it was made from.
    open_until
        Numbers and flags that may be missing as yet: NaN and None.

    Returns
    -------
    DataFrame
        Days are ``datetime64[us]``, moments the same in UTC, missing ones NaT; missing texts NaN.
    """
    named = {column.name: column.type for column in columns}
    frame = pd.DataFrame([tuple(row) for row in rows], columns=list(named), dtype=object)
    for name, kind in named.items():
        match kind:
            case _ if name in read_as_json:
                frame[name] = frame[name].map(json.loads)
            case DateTime():  # SQLite keeps no zone: what was written was UTC
                frame[name] = pd.to_datetime(frame[name], utc=True).astype("datetime64[us, UTC]")
            case Date():
                frame[name] = pd.to_datetime(frame[name]).astype(DAY)
            case Boolean():
                frame[name] = frame[name] if name in open_until else frame[name].astype(bool)
            case Integer():
                frame[name] = frame[name].astype("float64" if name in open_until else "int64")
            case Float():
                frame[name] = frame[name].astype("float64")
            case String():
                frame[name] = frame[name].astype("str")
    return frame

"""Counts of many series on one time axis, and the long frames they come from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

__all__ = ["FREQUENCIES", "Panel", "panel_of_long"]

FREQUENCIES = {"D": 1, "W": 7}
"""Days of one step, by the code of the frequency."""

COLUMNS = ("unique_id", "ds", "y")
MOST_STEPS = 40_000


@dataclass(frozen=True, slots=True)
class Panel:
    """Counts of series on a common axis of days or weeks.

    Attributes
    ----------
    ids
        Name of each of the S series.
    days
        First day of each of the T steps, datetime64[D], evenly spaced.
    counts
        S x T, float64, 0 or more; NaN where nothing is known of that step: before a series began, or a gap in the data.
    frequency
        "D" for days, "W" for weeks.
    groups
        Of each series, the name of the group whose season it shares, as its category; each series its own when left out.
    """

    ids: tuple[str, ...]
    days: np.ndarray
    counts: np.ndarray
    frequency: str = "D"
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.frequency not in FREQUENCIES:
            message = f"frequency is {self.frequency!r}; allowed are {', '.join(FREQUENCIES)}"
            raise ValueError(message)
        if self.counts.shape != (len(self.ids), len(self.days)):
            message = f"counts have shape {self.counts.shape}, but there are {len(self.ids)} series and {len(self.days)} steps"
            raise ValueError(message)
        if self.groups and len(self.groups) != len(self.ids):
            message = f"{len(self.groups)} groups for {len(self.ids)} series"
            raise ValueError(message)
        if len(self.days) > 1 and (np.diff(self.days) != np.timedelta64(self.step, "D")).any():
            message = f"the steps of a panel of frequency {self.frequency} must be {self.step} days apart"
            raise ValueError(message)

    @property
    def step(self) -> int:
        """Days of one step."""
        return FREQUENCIES[self.frequency]

    def until(self, cutoff: date) -> Panel:
        """The steps that are over by the end of ``cutoff``; what comes later is not in the result.

        Raises
        ------
        ValueError
            No step is over by then.
        """
        over = self.days + np.timedelta64(self.step - 1, "D") <= np.datetime64(cutoff, "D")
        if not over.any():
            last = self.days[0] + np.timedelta64(self.step - 1, "D")
            message = f"截止日 {cutoff} 早于第一期结束的 {last}; 没有可用的历史"
            raise ValueError(message)
        return replace(self, days=self.days[over], counts=self.counts[:, over])

    def ahead(self, horizon: int) -> np.ndarray:
        """First days of the ``horizon`` steps after the last one, datetime64[D]."""
        return self.days[-1] + np.timedelta64(self.step, "D") * np.arange(1, horizon + 1)

    def of(self, places: Sequence[int] | np.ndarray) -> Panel:
        """Some of the series, by position or by a mask."""
        chosen = np.arange(len(self.ids))[np.asarray(places)]
        groups = tuple(self.groups[place] for place in chosen) if self.groups else ()
        return replace(self, ids=tuple(self.ids[place] for place in chosen), counts=self.counts[chosen], groups=groups)

    @property
    def group_numbers(self) -> tuple[np.ndarray, int]:
        """Number of each series' group from 0, and how many groups there are."""
        if not self.groups:
            return np.arange(len(self.ids)), len(self.ids)
        names, numbers = np.unique(np.asarray(self.groups), return_inverse=True)
        return numbers, len(names)


def panel_of_long(frame: pd.DataFrame, frequency: str | None = None, group: str | None = None) -> Panel:
    """A panel of a long frame.

    A step between the first and the last of a series that has no row counts as 0, as tables of tickets leave out what did not happen; a
    step of which no series has a row is unknown, as data that were not delivered. So is an empty ``y``.

    Parameters
    ----------
    frame
        ``unique_id``, ``ds`` (a date or its text), ``y`` (a number, 0 or more, or empty); further columns are not read.
    frequency
        "D" or "W"; found from the smallest distance of two dates where left out.
    group
        Name of a further column with the group of each series.

    Raises
    ------
    ValueError
        A column is missing, a date or number cannot be read, a number is negative, a series has two rows for one date, weeks do not all
        begin on one weekday, or a series is in two groups; the sentence says where and what was found.
    """
    _check_columns(frame, group)
    ids = frame["unique_id"].astype("str")
    days = _days(frame)
    values = _values(frame)
    axis = np.unique(days)
    frequency = _frequency(axis) if frequency is None else frequency
    if frequency not in FREQUENCIES:
        message = f"频率是 {frequency!r}; 允许的是 {', '.join(FREQUENCIES)}(日、周)"
        raise ValueError(message)
    step = FREQUENCIES[frequency]
    offset = (axis - axis[0]).astype("int64")
    if (offset % step).any():
        found = axis[np.flatnonzero(offset % step)[0]]
        message = f"ds 列: {found} 与 {axis[0]} 相差不是整周; 按周的数据, 各行日期须是同一个星期几"
        raise ValueError(message)
    steps = int(offset[-1]) // step + 1
    if steps > MOST_STEPS:
        message = f"ds 列从 {axis[0]} 到 {axis[-1]} 共 {steps} 期; 最多 {MOST_STEPS} 期"
        raise ValueError(message)
    names, series = np.unique(ids.to_numpy(dtype="str"), return_inverse=True)
    column = (days - axis[0]).astype("int64") // step
    _check_twice(names, series, axis[0] + column * np.timedelta64(step, "D"))
    counts = np.full((len(names), steps), np.nan)
    known = np.zeros(steps, dtype=bool)
    known[column] = True
    first, last = np.full(len(names), steps), np.zeros(len(names), dtype="int64")
    np.minimum.at(first, series, column)
    np.maximum.at(last, series, column)
    place = np.arange(steps)
    counts[(place >= first[:, None]) & (place <= last[:, None]) & known] = 0.0
    counts[series, column] = values
    axis_days = axis[0] + np.arange(steps) * np.timedelta64(step, "D")
    return Panel(tuple(names.tolist()), axis_days, counts, frequency, _groups(frame, group, names, series))


def _check_columns(frame: pd.DataFrame, group: str | None) -> None:
    wanted = [*COLUMNS, *([group] if group else [])]
    if missing := [name for name in wanted if name not in frame.columns]:
        message = f"缺少列 {missing[0]}; 文件中有 {', '.join(map(str, frame.columns))}; 需要 {', '.join(wanted)}"
        raise ValueError(message)
    if frame.empty:
        message = "文件没有数据行; 至少要有一个序列的历史"
        raise ValueError(message)
    if frame["unique_id"].isna().any():
        message = f"unique_id 列第 {_row(frame['unique_id'].isna())} 行是空的; 每行都要写明序列"
        raise ValueError(message)


def _row(bad: pd.Series) -> int:
    """Number of the first bad row, counted from 1 without the heading."""
    return int(np.flatnonzero(bad.to_numpy())[0]) + 1


def _days(frame: pd.DataFrame) -> np.ndarray:
    days = pd.to_datetime(frame["ds"], errors="coerce", format=None if not isinstance(frame["ds"].dtype, pd.StringDtype) else "ISO8601")
    if days.isna().any():
        row = _row(days.isna())
        message = f"ds 列第 {row} 行: {frame['ds'].iloc[row - 1]!r} 不是日期; 允许的写法如 2026-11-22"
        raise ValueError(message)
    if days.dt.tz is not None:
        days = days.dt.tz_localize(None)
    return days.to_numpy().astype("datetime64[D]")


def _values(frame: pd.DataFrame) -> np.ndarray:
    values = pd.to_numeric(frame["y"], errors="coerce")
    unread = values.isna() & frame["y"].notna() & (frame["y"].astype("str").str.strip() != "")
    if unread.any():
        row = _row(unread)
        message = f"y 列第 {row} 行: {frame['y'].iloc[row - 1]!r} 不是数; 允许 0 或正数, 未知留空"
        raise ValueError(message)
    bad = (values < 0) | np.isinf(values)
    if bad.any():
        row = _row(bad)
        message = f"y 列第 {row} 行: {values.iloc[row - 1]} 不可用; 允许 0 或有限的正数, 未知留空"
        raise ValueError(message)
    return values.to_numpy(dtype="float64")


def _frequency(axis: np.ndarray) -> str:
    gaps = np.diff(axis).astype("int64")
    return "W" if gaps.size and (gaps % FREQUENCIES["W"] == 0).all() else "D"


def _check_twice(names: np.ndarray, series: np.ndarray, days: np.ndarray) -> None:
    rows = pd.DataFrame({"series": series, "day": days})
    twice = rows.duplicated()
    if twice.any():
        place = int(np.flatnonzero(twice.to_numpy())[0])
        which, number = names[series[place]], int(twice.sum())
        message = f"序列 {which} 在 {days[place]} 有不止一行(全文件共 {number} 行多出); 每个序列每期只能有一行"
        raise ValueError(message)


def _groups(frame: pd.DataFrame, group: str | None, names: np.ndarray, series: np.ndarray) -> tuple[str, ...]:
    if group is None:
        return ()
    pairs = pd.DataFrame({"series": series, "group": frame[group].astype("str")}).drop_duplicates()
    if pairs["series"].duplicated().any():
        several = names[pairs.loc[pairs["series"].duplicated(), "series"].iloc[0]]
        message = f"{group} 列: 序列 {several} 写了不止一个组; 每个序列只能属于一组"
        raise ValueError(message)
    return tuple(pairs.sort_values("series")["group"].tolist())

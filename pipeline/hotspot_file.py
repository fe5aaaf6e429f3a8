"""Hot spots of any long table of counts over any boundary file: an analyst's way to the methods the pages use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from geodata.boundaries import BoundaryError, read_boundaries, schema_by_codes
from geodata.emerging import NEITHER, Emerging
from geodata.expected import LEAST_PERIODS, expected_counts
from geodata.hotspots import STATE_NAMES, Hotspots, find_hotspots
from geodata.local_statistics import local_moran
from geodata.neighbours import contiguity
from geodata.smoothing import standardised_rates
from pipeline.long_tables import check_place, read_table, write_table
from storage.home import InputError

if TYPE_CHECKING:
    from pathlib import Path

    Areas = Any
    """A GeoDataFrame as ``read_boundaries`` gives it; only geodata knows the library."""

__all__ = ["CLASS_NAMES", "HotspotResult", "hotspot_file"]

NEEDED = ("area_code", "period", "observed")
OPTIONAL = ("expected", "population")
NUMBERS = ("observed", *OPTIONAL)
CLASS_NAMES = dict(zip(Emerging, ("新增", "连续", "加剧", "持续", "减弱", "零星", "震荡", "历史", "无类别"), strict=True))
GAP = 1
SURE = 0.05


@dataclass(frozen=True, slots=True)
class HotspotResult:
    """What was found, and where it was written. ``unplaced`` are codes of the table without an area, ``silent`` areas without a row."""

    out: str
    clusters_out: str
    areas: int
    periods: int
    hot: int
    cold: int
    classes: dict[str, int]
    clusters: int
    unplaced: tuple[str, ...]
    silent: int
    islands: tuple[str, ...]
    dispersion: float


@dataclass(frozen=True, slots=True)
class _Panel:
    """The table as arrays of N areas x T periods, in the order of the boundary file."""

    areas: Areas
    periods: list[str]
    observed: np.ndarray
    expected: np.ndarray
    period_days: float


def hotspot_file(file: Path, boundaries: Path, out: Path, *, seed: int = 0) -> HotspotResult:
    """Find hot spots in a long table and write statistics, classes and clusters.

    Parameters
    ----------
    file
        CSV or Parquet with ``area_code``, ``period`` (a date, a month or a number) and ``observed``; ``expected`` or ``population`` if known. Areas and
        periods without a row had nothing. Without ``expected`` it is the period's total shared out by ``population``, or else by the periods before.
    boundaries
        Any GIS file with polygons; the property that holds the codes is found by them.
    out
        CSV or Parquet: one row an area and period. The clusters go beside it as ``<name>_clusters``.

    Raises
    ------
    InputError
        A table, a boundary or the place to write to cannot be used; nothing is written.
    """
    beside = out.with_name(f"{out.stem}_clusters{out.suffix}")
    check_place(out)
    table = _read(file)
    areas, unplaced = _areas(boundaries, table["area_code"])
    panel = _panel(file, table[~table["area_code"].isin(unplaced)], areas)
    try:
        neighbours = contiguity(areas)
        found = find_hotspots(panel.observed, panel.expected, neighbours, _points(areas), period_days=panel.period_days, seed=seed)
    except ValueError as error:
        message = f"{file}: {error}"
        raise InputError(message) from error
    clusters = _clusters(found, panel)
    moran = local_moran(standardised_rates(panel.observed, panel.expected), neighbours)
    write_table(_table(found, panel).assign(moran=moran.statistic.ravel(), moran_p_high=moran.p_high.ravel(), moran_p_low=moran.p_low.ravel()), out)
    write_table(clusters, beside)
    kinds, counts = np.unique(found.kinds[found.sides != NEITHER].astype("str"), return_counts=True)
    last = np.flatnonzero(np.isfinite(found.judged.gi).any(axis=0))
    states = found.judged.states[:, last[-1]] if last.size else np.zeros(0)
    silent = int((~areas["code"].isin(table["area_code"])).sum())
    return HotspotResult(
        str(out), str(beside), len(areas), len(panel.periods), int((states > 0).sum()), int((states < 0).sum()),
        dict(zip(kinds.tolist(), counts.tolist(), strict=True)), int((clusters["p_value"] <= SURE).sum()), unplaced, silent, neighbours.islands,
        found.judged.dispersion,
    )  # fmt: skip


def _read(file: Path) -> pd.DataFrame:
    """The table with codes and periods as text and numbers as numbers, or a sentence on what is wrong with which row."""
    table = read_table(file, ("area_code", "period"))
    if missing := [name for name in NEEDED if name not in table.columns]:
        message = f"{file}: 缺少列 {missing[0]}; 文件中有 {', '.join(map(str, table.columns))}; 需要 {', '.join(NEEDED)}, 可有 {', '.join(OPTIONAL)}"
        raise InputError(message)
    if table.empty:
        message = f"{file}: 没有数据行"
        raise InputError(message)
    table = table[[*NEEDED, *(name for name in OPTIONAL if name in table.columns)]].copy()
    for name in ("area_code", "period"):
        if table[name].isna().any():
            message = f"{file}: {name} 列第 {_row(table[name].isna())} 行是空的; 每行都要写明"
            raise InputError(message)
        table[name] = table[name].astype("str").str.strip()
    for name in set(NUMBERS) & set(table.columns):
        values = pd.to_numeric(table[name], errors="coerce")
        bad = (values.isna() & table[name].notna()) | (values < 0) | np.isinf(values)
        if bad.any():
            row = _row(bad)
            message = f"{file}: {name} 列第 {row} 行是 {table[name].iloc[row - 1]!r}; 允许 0 或正数, 未知留空"
            raise InputError(message)
        table[name] = values
    twice = table.duplicated(["area_code", "period"])
    if twice.any():
        first = table[twice].iloc[0]
        message = f"{file}: 区域 {first['area_code']} 在 {first['period']} 有不止一行(共多出 {int(twice.sum())} 行); 每个区域每期只能有一行"
        raise InputError(message)
    return table


def _row(bad: pd.Series) -> int:
    return int(np.flatnonzero(bad.to_numpy())[0]) + 1


def _areas(boundaries: Path, codes: pd.Series) -> tuple[Areas, tuple[str, ...]]:
    """The areas, and the codes that are in none of them."""
    if not boundaries.is_file():
        message = f"--boundaries {boundaries}: 没有这个文件"
        raise InputError(message)
    wanted = set(codes)
    try:
        areas = read_boundaries(boundaries, schema_by_codes(boundaries, wanted))
    except BoundaryError as error:
        raise InputError(str(error)) from error
    return areas, tuple(sorted(wanted - set(areas["code"])))


def _panel(file: Path, table: pd.DataFrame, areas: Areas) -> _Panel:
    periods, days = _periods(file, table["period"])
    rows = pd.Index(areas["code"]).get_indexer(pd.Index(table["area_code"]))
    columns = pd.Index(periods).get_indexer(pd.Index(table["period"]))

    def spread(name: str, missing: float) -> np.ndarray:
        values = np.full((len(areas), len(periods)), missing)
        values[rows, columns] = table[name]
        return values

    observed = spread("observed", 0.0)
    if "expected" in table:
        expected = spread("expected", np.nan)
    elif "population" in table:
        people = np.nan_to_num(spread("population", 0.0)).max(axis=1)
        expected = people[:, None] / max(people.sum(), 1.0) * np.nansum(observed, axis=0)
    elif len(periods) < GAP + LEAST_PERIODS + 1:
        message = f"{file}: 没有 expected 或 population 列, 期望只能由以前各期推算, 至少需要 {GAP + LEAST_PERIODS + 1} 期, 实际 {len(periods)} 期"
        raise InputError(message)
    else:
        expected = expected_counts(observed[None], gap=GAP)[0]
    return _Panel(areas, periods, observed, expected, days)


def _periods(file: Path, given: pd.Series) -> tuple[list[str], float]:
    """The periods in order of time, and how many days one has; a number is a period of a day."""
    names = given.unique()
    numbers = pd.to_numeric(pd.Series(names), errors="coerce")
    if numbers.notna().all():
        order = np.argsort(numbers.to_numpy(), kind="stable")
        return [str(name) for name in names[order]], 1.0
    dates = pd.to_datetime(pd.Series(names), errors="coerce", format="ISO8601")
    if dates.isna().any():
        message = f"{file}: period 列的 {names[int(dates.isna().to_numpy().argmax())]!r} 不是日期、月份或数; 允许的写法如 2026-11-22、2026-11、17"
        raise InputError(message)
    order = np.argsort(dates.to_numpy(), kind="stable")
    gaps = np.diff(np.sort(dates.to_numpy())).astype("timedelta64[D]").astype("int64")
    return [str(name) for name in names[order]], float(np.median(gaps)) if gaps.size else 1.0


def _points(areas: Areas) -> np.ndarray:
    return areas[["longitude", "latitude"]].to_numpy(dtype="float64")


def _table(found: Hotspots, panel: _Panel) -> pd.DataFrame:
    size, steps = panel.observed.shape
    codes = panel.areas["code"].to_numpy()
    given = {
        "area_code": np.repeat(codes, steps),
        "period": np.tile(panel.periods, size),
        "observed": panel.observed.ravel(),
        "expected": panel.expected.ravel(),
    }
    ends = {"class": found.kinds.astype("str"), "side": [STATE_NAMES[side] for side in found.sides], "trend_tau": found.tau, "trend_p": found.trend_p}
    frame = pd.DataFrame(given).join(found.table.rename(columns={"low": "ratio_low", "high": "ratio_high"}))
    return frame.assign(**{name: np.repeat(np.asarray(values), steps) for name, values in ends.items()})


def _clusters(found: Hotspots, panel: _Panel) -> pd.DataFrame:
    codes, first = panel.areas["code"].to_numpy(), found.first_scanned
    frame = found.clusters.frame()
    return frame.assign(
        areas=[" ".join(codes[list(areas)]) for areas in frame["areas"]],
        centre=[codes[centre] for centre in frame["centre"]],
        first_period=[panel.periods[first + place] for place in frame["first_period"]],
        last_period=[panel.periods[first + place] for place in frame["last_period"]],
    )

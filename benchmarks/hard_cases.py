"""``python -m benchmarks.hard_cases``: a picture of what the pooled regression does where forecasts usually go wrong.

New York's spring of 2020 is real; the other cases are made, so that what should come is known. Writes docs/images/forecast-hard-cases.webp and prints, for each
case, what was expected over the horizon and what came.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import pandas as pd

from benchmarks.forecast_panels import SHARED
from forecasts.panel import Panel
from forecasts.pooled import PooledCounts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes

mpl.use("Agg")
import matplotlib.pyplot as plt

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "forecast-hard-cases.webp"
BAND = (0.1, 0.9)
SEED = 20261122
WEEK = 7


@dataclass(frozen=True, slots=True)
class Case:
    """One panel of the picture: the first series of ``panel`` is drawn, forecast at each cut-off."""

    title: str
    panel: Panel
    cutoffs: tuple[date, ...]
    horizon: int
    calendar: str
    shown_days: int


def _days(first: str, last: str) -> np.ndarray:
    return np.arange(np.datetime64(first), np.datetime64(last) + 1)


def _counts(mean: np.ndarray, chance: np.random.Generator) -> np.ndarray:
    size = 20.0
    return chance.negative_binomial(size, size / (size + np.maximum(mean, 1e-9))).astype("float64")


def _wave(days: np.ndarray, peak: int = 200, height: float = 0.4) -> np.ndarray:
    of_year = (days - days.astype("datetime64[Y]")).astype("int64")
    return np.exp(height * np.cos(2 * np.pi * (of_year - peak) / 365.25))


def _one(days: np.ndarray, counts: np.ndarray, frequency: str = "D") -> Panel:
    return Panel(("series",), days, counts[None, :], frequency)


def cases() -> Iterator[Case]:
    """The hard cases, one after the other."""
    chance = np.random.default_rng(SEED)
    tickets = pd.read_parquet(SHARED / "nyc_council_constituent_services.parquet").drop_duplicates("unique_key")
    opened = pd.to_datetime(tickets["opendate"], errors="coerce").dt.normalize()
    days = _days("2016-01-01", "2020-09-30")
    daily = opened.value_counts().reindex(pd.DatetimeIndex(days), fill_value=0).to_numpy(dtype="float64")
    cuts = (date(2020, 3, 15), date(2020, 4, 19), date(2020, 6, 28))
    yield Case("New York 2020: the break of March, seen from three cut-offs", _one(days, daily), cuts, 35, "US", 300)

    days = _days("2020-01-01", "2024-09-30")
    mean = 20 * _wave(days)
    mean[(days >= np.datetime64("2023-07-29")) & (days <= np.datetime64("2023-08-01"))] *= 15
    storm = Case("A three-day storm a year ago (registered shock) is no season", _one(days, _counts(mean, chance)), (date(2024, 7, 14),), 42, "CN-BJ", 420)
    yield storm

    old = 15 * _wave(days)
    appears = np.where(days >= np.datetime64("2024-05-15"), old, 0.0)
    both = np.stack([_counts(appears, chance), _counts(old, chance)])
    yield Case("A category that appeared ten weeks before", Panel(("new", "like"), days, both, "D", ("kind", "kind")), (date(2024, 7, 28),), 56, "none", 220)

    renamed = np.where(days < np.datetime64("2024-06-15"), old, 0.0)
    pair = np.stack([_counts(renamed, chance), _counts(old - renamed, chance)])
    yield Case("A category renamed six weeks before: the old name", Panel(("old", "new"), days, pair, "D"), (date(2024, 7, 28),), 56, "none", 220)

    gaps = _counts(old, chance)
    gaps[(days >= np.datetime64("2024-05-01")) & (days <= np.datetime64("2024-05-25"))] = np.nan
    yield Case("Twenty-five days that were not delivered", _one(days, gaps), (date(2024, 6, 9),), 56, "none", 220)

    leap = _days("2018-01-01", "2024-04-30")
    yield Case("29 February 2024", _one(leap, _counts(20 * _wave(leap, 30), chance)), (date(2024, 2, 4),), 56, "CN-BJ", 160)

    weeks = np.arange(np.datetime64("2015-01-05"), np.datetime64("2021-06-28"), 7)
    yield Case("Weeks over the 53-week year 2020", _one(weeks, _counts(140 * _wave(weeks, 0, 0.6), chance), "W"), (date(2020, 11, 29),), 16, "none", 600)

    spring = _days("2021-01-01", "2026-03-31")
    firsts = [np.datetime64(day) for day in ("2021-02-12", "2022-02-01", "2023-01-22", "2024-02-10", "2025-01-29", "2026-02-17")]
    away = np.min([np.abs((spring - first).astype("int64") - 2) for first in firsts], axis=0)
    festival = _counts(40 * np.where(away <= 4, 0.35, 1.0), chance)
    yield Case("Spring Festival: 29 January 2025, 17 February 2026", _one(spring, festival), (date(2026, 1, 18),), 56, "CN-BJ", 430)

    yield Case("A series that is always zero", _one(days, np.zeros(len(days))), (date(2024, 7, 28),), 56, "none", 220)


def draw(axes: Axes, case: Case) -> None:
    """Counts, and mean and 80 % band from each cut-off; prints what was expected and what came."""
    panel = case.panel
    shown = panel.days >= np.datetime64(case.cutoffs[0]) - case.shown_days
    axes.plot(panel.days[shown], panel.counts[0, shown], color="#8494a6", linewidth=0.8)
    for cutoff in case.cutoffs:
        found = PooledCounts(case.calendar).fit_predict(panel, case.horizon, cutoff, levels=BAND)
        axes.fill_between(found.days, found.quantiles[0, :, 0], found.quantiles[0, :, 1], color="#c2701e", alpha=0.3, linewidth=0)
        axes.plot(found.days, found.mean[0], color="#c2701e", linewidth=1.6)
        axes.axvline(np.datetime64(cutoff), color="#3b82c4", linewidth=0.8, linestyle="--")
        size = len(panel.until(cutoff).days)
        came = np.nansum(panel.counts[0, size : size + case.horizon])
        print(f"{case.title}; cut-off {cutoff}: expected {found.mean[0].sum():,.0f}, came {came:,.0f}")
    axes.set_title(case.title, fontsize=9)
    axes.tick_params(labelsize=7)
    axes.set_ylim(0, max(axes.get_ylim()[1], 1.0))


def main() -> None:
    """Draw all cases into one picture."""
    every = list(cases())
    figure, grid = plt.subplots(3, 3, figsize=(16, 10), layout="constrained")
    for axes, case in zip(grid.flat, every, strict=True):
        draw(axes, case)
    figure.savefig(PICTURE, dpi=90)
    print(f"-> {PICTURE.relative_to(PICTURE.parents[2])}")


if __name__ == "__main__":
    main()

"""``python -m benchmarks.forecasts``: the forecasters' contest on real tickets, and what forecasts cost.

Every model sees the same counts up to the same cut-offs and is scored on the same days after them, in one run. ``--statsforecast PYTHON`` names a
Python that has statsforecast, which holds pandas back and so lives in an environment of its own.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.forecast_panels import GROUNDS, Ground, evenly
from forecasts.baselines import LastYearLevel, SeasonalNaive
from forecasts.counts import negative_binomial_quantiles
from forecasts.interface import LEVELS
from forecasts.level import Blocks
from forecasts.library_models import PROPHET_CONFIGURATIONS, Ets, ProphetModel
from forecasts.panel import Panel
from forecasts.pooled import PooledCounts
from forecasts.scores import randomised_coverage, weighted_quantile_loss

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from forecasts.interface import Model

HORIZONS = {"D": (7, 28, 90), "W": (1, 4, 13)}
BUSY_A_DAY = 5.0
WEATHER = {False: "weather until then", True: "weather foreseen"}
STATSFORECAST = Path(__file__).with_name("statsforecast_models.py")
COSTS = {
    "full": (5_000, 10_000, 17_000),
    "points": (5_000, 10_000, 17_000, 20_000, 100_000),
    **dict.fromkeys(PROPHET_CONFIGURATIONS, (5,)),
}
"""What is reckoned for how many series: all quantiles, means alone, and Prophet for a handful."""
YEARS_DAYS = 1826
AHEAD = 90
KINDS = 50


@dataclass(frozen=True, slots=True)
class Score:
    """Weighted quantile loss to each horizon, a value for every series and cut-off, and processor seconds for a series and cut-off."""

    losses: list[np.ndarray]
    seconds: float

    def line(self, name: str, best: Score | None) -> str:
        """A row of the table; ``best`` is what the loss to the middle horizon is divided by."""
        means = [float(np.nanmean(loss)) for loss in self.losses]
        ratio = "" if best is None else f"{float(np.nanmean(best.losses[1])) / means[1]:>14.2f}"
        return f"  {name:<26}" + "".join(f"{mean:>9.3f}" for mean in means) + f"{self.seconds:>12.4f}" + ratio


def _losses(panel: Panel, cutoff: date, quantiles: np.ndarray) -> list[np.ndarray]:
    size = len(panel.until(cutoff).days)
    came = panel.counts[:, size : size + quantiles.shape[1]]
    return [weighted_quantile_loss(came[:, :end], quantiles[:, :end], LEVELS) for end in HORIZONS[panel.frequency]]


def _score(panel: Panel, model: Model, cutoffs: Sequence[date]) -> Score:
    horizon = HORIZONS[panel.frequency][-1]
    began, losses = _cpu(), []
    for cutoff in cutoffs:
        losses.append(_losses(panel, cutoff, model.fit_predict(panel, horizon, cutoff).quantiles))
    seconds = (_cpu() - began) / len(cutoffs) / len(panel.ids)
    return Score([np.concatenate(parts) for parts in zip(*losses, strict=True)], seconds)


def _cpu() -> float:
    """Processor seconds of this process and of those it has started and seen end."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _outside(panel: Panel, cutoffs: Sequence[date], python: Path) -> dict[str, Score]:
    """The models of statsforecast, run by another Python on the same counts."""
    horizon = HORIZONS[panel.frequency][-1]
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "asked.npz"), Path(folder, "answered.npz")
        sizes = np.array([len(panel.until(cutoff).days) for cutoff in cutoffs])
        np.savez(asked, counts=panel.counts, sizes=sizes, horizon=horizon, levels=np.array(LEVELS), season=7 if panel.frequency == "D" else 52)
        subprocess.run([str(python), str(STATSFORECAST), str(asked), str(answered)], check=True)
        with np.load(answered) as found:
            names = [name.removesuffix(".seconds") for name in found.files if name.endswith(".seconds")]
            scores = {}
            for name in names:
                losses = [_losses(panel, cutoff, found[name][number]) for number, cutoff in enumerate(cutoffs)]
                seconds = float(found[f"{name}.seconds"]) / len(cutoffs) / len(panel.ids)
                scores[name] = Score([np.concatenate(parts) for parts in zip(*losses, strict=True)], seconds)
    return scores


def contest(name: str, ground: Ground, frequency: str, origins: int, statsforecast: Path | None) -> None:
    """Print one contest's table."""
    panel, cutoffs = ground.panel(frequency), evenly(ground.cutoffs, origins)
    print(f"{name}, frequency {frequency}: {len(panel.ids)} series, {len(cutoffs)} cut-offs {cutoffs[0]} to {cutoffs[-1]}")
    heads = "".join(f"{f'WQL {end}':>9}" for end in HORIZONS[frequency])
    print(f"  {'':<26}{heads}{'CPU s/series':>12}{'ours/it':>14}")
    ours = _score(panel, PooledCounts(ground.calendar), cutoffs)
    print(ours.line("pooled_counts", None), flush=True)
    others: list[Model] = [SeasonalNaive(), LastYearLevel(), Ets(), *(ProphetModel(kind, ground.calendar) for kind in PROPHET_CONFIGURATIONS)]
    if ground.weather is not None:
        others[:0] = [PooledCounts(ground.calendar, name=f"pooled, {word}", weather=ground.weather(ahead)) for ahead, word in WEATHER.items()]
    if ground.truth is not None:
        others.insert(0, ground.truth(frequency))
    for model in others:
        print(_score(panel, model, cutoffs).line(model.name, ours), flush=True)
    if statsforecast is not None:
        for label, score in _outside(panel, cutoffs, statsforecast).items():
            print(score.line(label, ours), flush=True)


def coverage(name: str, ground: Ground, frequency: str) -> None:
    """Print how often the intervals of the pooled regression held, over all cut-offs."""
    panel = ground.panel(frequency)
    step, horizon = panel.step, HORIZONS[frequency][-1]
    ends = (28 // step,) if frequency == "W" else (7, 28)
    spans = Blocks((0,) * len(ends), ends)
    rows: dict[tuple[str, str], list[np.ndarray]] = {}
    for cutoff in ground.cutoffs:
        past = panel.until(cutoff)
        shape = PooledCounts(ground.calendar).shape(past, horizon, spans)
        came = panel.counts[:, len(past.days) : len(past.days) + horizon]
        rate = np.nanmean(past.counts[:, -(364 // step) :], axis=1) / step
        means, variances = shape.totals(spans)
        kinds = {"single steps": (came, shape.mean, shape.variance)}
        for place, end in enumerate(ends):
            total = came[:, :end].sum(axis=1, keepdims=True)
            kinds[f"totals of {end * step} days"] = (total, means[:, [place]], variances[:, [place]])
        for tier, chosen in {"above 5 a day": rate > BUSY_A_DAY, "1 to 5": (rate > 1) & (rate <= BUSY_A_DAY), "below 1": rate <= 1}.items():
            for kind, (actual, mean, variance) in kinds.items():
                held = [randomised_coverage(actual[chosen], mean[chosen], variance[chosen], level).ravel() for level in (0.8, 0.95)]
                rows.setdefault((kind, tier), []).append(np.stack(held))
    print(f"{name}, frequency {frequency}: share of counts within the 80 and 95 % intervals, over {len(ground.cutoffs)} cut-offs")
    for (kind, tier), parts in rows.items():
        held = np.concatenate(parts, axis=1)
        if held.size:
            print(f"  {kind:<20} {tier:<14} {held[0].mean():.3f}  {held[1].mean():.3f}   ({held.shape[1]} series and cut-offs)")


def points(name: str, ground: Ground, frequency: str, origins: int) -> None:
    """Print how near the means alone come to those of the full forecast: absolute errors, and the loss with the same variances around both."""
    panel, cutoffs = ground.panel(frequency), evenly(ground.cutoffs, origins)
    model, end = PooledCounts(ground.calendar), HORIZONS[frequency][1]
    errors: dict[str, list[tuple[float, float]]] = {"full": [], "means alone": []}
    for cutoff in cutoffs:
        past = panel.until(cutoff)
        shape = model.shape(past, end)
        came = panel.counts[:, len(past.days) : len(past.days) + end]
        for label, mean in zip(errors, (shape.mean, model.means(past, end)), strict=True):
            quantiles = negative_binomial_quantiles(mean, shape.dispersion * mean + shape.spread * mean**2, LEVELS)
            loss = weighted_quantile_loss(came, quantiles, LEVELS)
            errors[label].append((float(np.nanmean(np.abs(came - mean))), float(np.nanmean(loss))))
    print(f"{name}, frequency {frequency}, {len(cutoffs)} cut-offs, {end * panel.step} days ahead")
    for label, found in errors.items():
        absolute, loss = np.mean(found, axis=0)
        print(f"  {label:<26} MAE {absolute:.4f}  WQL {loss:.4f}", flush=True)


def _made_up(series: int) -> Panel:
    """A made-up city of 50 kinds of tickets: five years of days."""
    chance = np.random.default_rng(series)
    days = np.datetime64("2021-01-01") + np.arange(YEARS_DAYS)
    wave = np.exp(0.5 * np.cos(2 * np.pi * np.arange(YEARS_DAYS) / 365.2425 - np.linspace(0, 6, KINDS)[:, None]))
    sizes = chance.lognormal(0, 1.5, series)
    counts = np.empty((series, YEARS_DAYS))
    for number, size in enumerate(sizes):
        counts[number] = chance.negative_binomial(4, 4 / (4 + size * wave[number % KINDS]))
    return Panel(tuple(map(str, range(series))), days, counts, "D", tuple(f"kind {number % KINDS}" for number in range(series)))


def _peak() -> float:
    """Most megabytes this process has held. What getrusage tells is at least what the process that started it held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def measure(what: str, series: int) -> None:
    """Print the cost of one kind of forecast of a made-up city: 90 days ahead."""
    panel = _made_up(series)
    before = _peak()
    model: Model = PooledCounts("CN-BJ") if what in {"full", "points"} else ProphetModel(what, "CN-BJ")
    last = panel.days[-1].astype(object)
    model.fit_predict(panel.of([0]), AHEAD, last)  # loads what is loaded once
    began, clock = _cpu(), time.perf_counter()
    if what == "points":
        PooledCounts("CN-BJ").means(panel, AHEAD)
    else:
        model.fit_predict(panel, AHEAD, last)
    spent, waited = _cpu() - began, time.perf_counter() - clock
    each = f"{spent / series * 1000:.2f} ms a series"
    print(f"  {what:<22} {series:>7} series: {spent:7.1f} CPU s ({each:>20}), {waited:6.1f} s, peak {_peak():.0f} MB ({before:.0f} with the counts alone)")


def cost() -> None:
    """Print what forecasts of a made-up city cost as it grows, each size in a process of its own so that the memory is that size's.

    One thread each: idle threads of matrix products wait busily, which triples the seconds.
    """
    for what, sizes in COSTS.items():
        for series in sizes:
            command = [sys.executable, "-m", "benchmarks.forecasts", "--measure", what, str(series)]
            subprocess.run(command, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def main() -> None:
    """Runs what is asked for; without options every contest with days, two cut-offs, and the cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ground", choices=list(GROUNDS), nargs="+", default=list(GROUNDS))
    parser.add_argument("--frequency", choices=["D", "W"], nargs="+", default=["D", "W"])
    parser.add_argument("--origins", type=int, default=2, help="how many of the cut-offs the contest uses")
    parser.add_argument("--statsforecast", type=Path, default=None, help="a Python that has statsforecast")
    parser.add_argument("--only", choices=["contest", "coverage", "points", "cost"], nargs="+", default=["contest", "coverage", "points", "cost"])
    parser.add_argument("--measure", nargs=2, metavar=("WHAT", "SERIES"), help=f"the cost of one forecast alone: one of {', '.join(COSTS)}, and how many")
    options = parser.parse_args()
    if options.measure:
        measure(options.measure[0], int(options.measure[1]))
        return
    for name in options.ground:
        for frequency in options.frequency:
            if "contest" in options.only:
                contest(name, GROUNDS[name], frequency, options.origins, options.statsforecast)
            if "coverage" in options.only:
                coverage(name, GROUNDS[name], frequency)
            if "points" in options.only:
                points(name, GROUNDS[name], frequency, options.origins)
    if "cost" in options.only:
        cost()


if __name__ == "__main__":
    main()

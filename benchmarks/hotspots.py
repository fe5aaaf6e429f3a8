"""``python -m benchmarks.hotspots``: what the hot-spot methods are held to, one line a figure, with the bound it must keep.

Counts are made up, so that it is known where a hot spot is and where there is none. The areas are made up too unless ``--boundaries`` names a file.
"""

from __future__ import annotations

import argparse
import time
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pymannkendall
from esda.getisord import G_Local
from esda.moran import Moran_Local
from esda.smoothing import Empirical_Bayes, assuncao_rate
from libpysal.weights import WSP, fill_diagonal

from benchmarks.made_city import ALPHA, City, made_city, read_city
from geodata.emerging import HOT, NEITHER, classify, kendall_trend
from geodata.expected import expected_counts
from geodata.hotspots import FALSE_DISCOVERIES, MOST_SCANNED, MOST_SHARE, REPLICATES, judge_maps
from geodata.local_statistics import false_discovery, getis_ord, local_moran, permuted_tails
from geodata.scan import Null, Windows, scan
from geodata.smoothing import pooled_overdispersion, smoothed_rates, standardised_rates

if TYPE_CHECKING:
    from collections.abc import Callable

AREAS = 343
MONTHLY = 204.0
"""Requests an area and month: 70,000 a month in all."""

MAPS = 1_200
"""Twenty problems over sixty months."""

PROBLEMS, MONTHS, WEEKS = 20, 60, 52
PERMUTATIONS, DRAWS = 999, 19_999
RATE = 0.10
EMPTY_MAPS = 400
MORE_EMPTY_MAPS = 4_000
EMPTY_SCANS, POISSON_SCANS = 400, 100
PLACES, MAPS_A_PLACE = 20, 20
GROWN = {343: REPLICATES, 1_000: 499, 3_000: 249}
"""Areas, and how many of the scan's replicates are drawn for them; the seconds are scaled to all of them."""


def _cpu(run: Callable[[], object]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


def _weights(city: City) -> object:
    return WSP(city.neighbours.matrix.tocsr()).to_W(silence_warnings=True)


def _positive(values: np.ndarray) -> np.ndarray:
    """Moved above 0, which changes no Gi* of ours; esda divides by the sum of the map, and that of standardised rates is about 0."""
    return np.asarray(values - values.min(axis=0) + 1.0)


def agreement(city: City) -> None:
    """Print how far the statistics lie from those of the reference libraries, and the p-values from many permutations."""
    chance = np.random.default_rng(1)
    counts = city.counts(8, MONTHLY, chance)
    values, weights = standardised_rates(counts, city.population), _weights(city)
    positive = _positive(values)
    with_self = fill_diagonal(weights, 1.0)
    references = {
        "Gi*": (getis_ord, lambda map_: G_Local(map_, with_self, transform="B", permutations=0, star=True).Zs),
        "local Moran I": (local_moran, lambda map_: Moran_Local(map_, weights, transformation="r", permutations=0).Is),
    }
    for name, (statistic, reference) in references.items():
        ours = statistic(values, city.neighbours).statistic
        apart = max(float(np.abs(ours[:, place] - reference(positive[:, place])).max()) for place in range(values.shape[1]))
        print(f"{name}, largest difference to esda: {apart:.1e} [<= 1e-12]")
    rates = {
        "smoothed rates": (smoothed_rates, lambda map_: Empirical_Bayes(map_, city.population).r[:, 0]),
        "standardised rates": (standardised_rates, lambda map_: assuncao_rate(map_, city.population)),
    }
    for name, (made, reference) in rates.items():
        ours = made(counts, city.population)
        apart = max(float(np.abs(ours[:, place] / reference(counts[:, place]) - 1).max()) for place in range(counts.shape[1]))
        print(f"{name}, largest relative difference to esda: {apart:.1e} [<= 1e-12]")
    series = np.vstack([chance.normal(size=(100, MONTHS)), chance.poisson(3.0, (100, MONTHS))])
    apart = float(np.abs(kendall_trend(series).z - [pymannkendall.original_test(row).z for row in series]).max())
    print(f"Mann-Kendall z, largest difference to pymannkendall: {apart:.1e} [<= 1e-12]", flush=True)
    for expected in (MONTHLY, 8.0):
        values = standardised_rates(city.counts(12, expected, chance), city.population)
        ours, drawn = getis_ord(values, city.neighbours).p_high, [permuted_tails(values, city.neighbours, DRAWS, seed)[0] for seed in range(3)]
        apart = float(np.mean([np.abs(ours - one).mean() for one in drawn]))
        noise = float(np.mean([np.abs(drawn[place] - drawn[place - 1]).mean() for place in range(3)]))
        print(f"p of Gi* at {expected:g} an area, mean difference to {DRAWS:,} permutations: {apart:.4f} [<= 0.003]; theirs to others {noise:.4f}", flush=True)


def null(city: City) -> None:
    """Print how often maps without a hot spot show one."""
    chance = np.random.default_rng(20)
    for maps, expected, bound in ((EMPTY_MAPS, MONTHLY, " [0.07 to 0.13]"), *((MORE_EMPTY_MAPS, few, "") for few in (MONTHLY, 20.0, 8.0, 2.0))):
        counts = city.counts(maps, expected, chance)
        found = getis_ord(standardised_rates(counts, city.population), city.neighbours)
        hot, cold = ((false_discovery(p) <= RATE).any(axis=0).mean() for p in (found.p_high, found.p_low))
        either = _hot(city, counts, _dispersion(city, expected, 1, chance)).any(axis=0).mean()
        print(f"{maps} empty maps, {expected:g} an area: share with a hot spot by Gi* at {RATE:.0%} {hot:.3f}{bound}, with a cold one {cold:.3f};")
        print(f"  by Gi* or its own count at {FALSE_DISCOVERIES:.0%} each {either:.3f}{bound}", flush=True)
    for name, dispersion, scans, bound in (("negative binomial", None, EMPTY_SCANS, " [0.03 to 0.08]"), ("Poisson", 0.0, POISSON_SCANS, "")):
        alarms = []
        for seed in range(scans):
            counts = city.counts(12, 20.0, np.random.default_rng(10_000 + seed))
            expected = np.repeat(city.means(20.0)[:, None], 12, axis=1)
            found = scan(counts, expected, city.coordinates, Windows(most_periods=4, most_share=MOST_SHARE), Null(dispersion, 99, seed), most_clusters=1)
            alarms.append(bool(found.clusters) and found.clusters[0].p_value <= 0.05)
        print(f"{scans} empty panels of 12 weeks: share of scans alarmed at 5 % against {name} replicates {np.mean(alarms):.3f}{bound}", flush=True)


def _dispersion(city: City, expected: float, months: int, chance: np.random.Generator) -> float:
    """Alpha as two years before would tell it, of totals of so many months."""
    counts = sum(city.counts(24, expected, chance) for _month in range(months))
    return pooled_overdispersion(counts, city.shared_out(counts))


def _hot(city: City, counts: np.ndarray, dispersion: float) -> np.ndarray:
    """Which areas are hot by the rule of the product, N x M."""
    return np.asarray(judge_maps(counts, city.shared_out(counts), city.neighbours, dispersion).states == HOT)


def _planted(city: City, risk: float, expected: float, months: int, chance: np.random.Generator) -> tuple[float, float, float]:
    """Share of maps on which a cluster is found, share of its areas, and share of the hot areas that are farther than one neighbour from it."""
    dispersion = _dispersion(city, expected, months, chance)
    found, inside, far, hot_areas = 0, 0, 0, 0
    clusters = city.clusters(PLACES, expected)
    for cluster in clusters:
        ratio = np.ones((len(city.population), MAPS_A_PLACE))
        ratio[cluster] = risk
        hot = _hot(city, sum(city.counts(MAPS_A_PLACE, expected, chance, ratio) for _month in range(months)), dispersion)
        is_near = np.zeros(len(hot), dtype=bool)
        is_near[np.append(cluster, city.neighbours.matrix[cluster].indices)] = True
        found += int(hot[cluster].any(axis=0).sum())
        inside += int(hot[cluster].sum())
        far += int(hot[~is_near].sum())
        hot_areas += int(hot.sum())
    maps = len(clusters) * MAPS_A_PLACE
    return found / maps, inside / maps / len(clusters[0]), far / max(hot_areas, 1)


def power(city: City) -> None:
    """Print how often a planted hot spot of five adjoining areas is found, and how much is reported elsewhere."""
    chance = np.random.default_rng(21)
    found, inside, far = _planted(city, 2.0, 200.0, 1, chance)
    print(f"five adjoining areas of about 200 with relative risk 2: share of maps found {found:.3f} [>= 0.9], share of the five {inside:.2f}")
    print(f"  of all areas reported hot, share farther than one neighbour from the truth {far:.3f} [<= 0.1]", flush=True)
    print("share of maps found (share of the five areas; share reported elsewhere), by relative risk and requests an area and month")
    print(f"  {'':<18}" + "".join(f"{f'{expected:g} a month':>22}" for expected in (8, 30, 200)))
    for risk in (1.3, 1.6, 2.0):
        for months, name in ((1, "one month"), (6, "six months")):
            cells = [_planted(city, risk, expected, months, chance) for expected in (8.0, 30.0, 200.0)]
            line = "".join(f"{f'{found:.2f} ({inside:.2f}; {far:.2f})':>22}" for found, inside, far in cells)
            print(f"  {f'{risk:g}, {name}':<18}{line}", flush=True)


def _scan_seconds(city: City, replicates: int) -> float:
    counts = city.counts(WEEKS, MONTHLY * 12 / 52, np.random.default_rng(4))
    expected = np.repeat(city.means(MONTHLY * 12 / 52)[:, None], WEEKS, axis=1)
    windows = Windows(most_periods=MOST_SCANNED, most_share=MOST_SHARE)
    return _cpu(lambda: scan(counts, expected, city.coordinates, windows, Null(ALPHA, replicates)))


def _cube_seconds(city: City) -> float:
    """Of expectations, Gi*, false discovery rates, classes and trends, all problems and months: the least of three turns."""
    counts = city.counts(MAPS, MONTHLY / PROBLEMS, np.random.default_rng(5))
    observed = counts.reshape(len(counts), PROBLEMS, MONTHS).transpose(1, 0, 2)
    return min(_cpu(lambda: _cube(city, observed)) for _turn in range(3))


def _cube(city: City, observed: np.ndarray) -> None:
    expected = expected_counts(observed)
    maps = [values.transpose(1, 0, 2).reshape(len(city.population), -1) for values in (observed, expected)]
    found = getis_ord(standardised_rates(*maps), city.neighbours)
    is_hot, is_cold = (false_discovery(p) <= FALSE_DISCOVERIES for p in (found.p_high, found.p_low))
    states = np.where(is_hot, HOT, np.where(is_cold, -HOT, NEITHER))
    for problem in range(len(observed)):
        months = slice(problem * observed.shape[2], (problem + 1) * observed.shape[2])
        judged = np.isfinite(found.statistic[:, months]).any(axis=0)
        classify(states[:, months][:, judged], found.statistic[:, months][:, judged])
        kendall_trend(found.statistic[:, months][:, judged], None)


def speed(city: City) -> None:
    """Print processor seconds, ours and esda's by turns."""
    values = standardised_rates(city.counts(MAPS, MONTHLY, np.random.default_rng(3)), city.population)
    positive, with_self = _positive(values), fill_diagonal(_weights(city), 1.0)
    ours, theirs = [], []
    G_Local(positive[:, 0], with_self, transform="B", permutations=PERMUTATIONS, star=True)  # loads what is loaded once
    for turn in range(8):
        ours.append(_cpu(lambda: getis_ord(values, city.neighbours)))
        for place in range(4 * turn, 4 * turn + 4):
            theirs.append(_cpu(lambda map_=positive[:, place]: G_Local(map_, with_self, transform="B", permutations=PERMUTATIONS, star=True)))  # type: ignore[misc]
    one, other = float(np.median(ours)), float(np.median(theirs)) * MAPS
    compiled = "with numba" if find_spec("numba") else "without numba"
    size = f"{len(values)} areas x {MAPS:,} maps"
    print(f"Gi* with p, {size}: {one:.3f} CPU s; esda with {PERMUTATIONS} permutations, {compiled}: {other:.1f} CPU s; ratio {other / one:.0f} [>= 300]")
    seconds = min(_scan_seconds(city, REPLICATES) for _turn in range(3))
    print(f"prospective scan, {len(values)} areas x {WEEKS} weeks, up to {MOST_SCANNED}, {REPLICATES} overdispersed replicates: {seconds:.2f} CPU s [<= 5]")
    print(f"emerging hot spots, {len(values)} areas x {MONTHS} months x {PROBLEMS} problems: {_cube_seconds(city):.2f} CPU s [<= 1]", flush=True)


def growth(_city: City) -> None:
    """Print how the seconds grow with the areas, which are made up."""
    print(f"CPU s as the areas grow: Gi* of {MAPS:,} maps, emerging hot spots, scan scaled to {REPLICATES} replicates")
    for areas, replicates in GROWN.items():
        city = made_city(areas)
        values = standardised_rates(city.counts(MAPS, MONTHLY, np.random.default_rng(3)), city.population)
        gi = min(_cpu(lambda values=values, city=city: getis_ord(values, city.neighbours)) for _turn in range(3))  # type: ignore[misc]
        scanned = _scan_seconds(city, replicates) * REPLICATES / replicates
        print(f"  {areas:>5} areas: Gi* {gi:.2f}, emerging {_cube_seconds(city):.2f}, scan {scanned:.1f} ({replicates} replicates drawn)", flush=True)


def trend(_city: City) -> None:
    """Print how often series with memory but no trend are told to have one."""
    for memory in (0.0, 0.4):
        for steps in (24, 60):
            noise = np.random.default_rng(8).normal(size=(10_000, steps + 40))
            for step in range(1, steps + 40):
                noise[:, step] += memory * noise[:, step - 1]
            allowed, plain = ((kendall_trend(noise[:, 40:], correlation).p <= 0.05).mean() for correlation in (None, 0.0))
            print(f"trend test at 5 %, {steps} steps, correlation {memory:g}: {allowed:.3f} [0.03 to 0.07]; plain Mann-Kendall {plain:.3f}", flush=True)


FIGURES: dict[str, Callable[[City], None]] = {"speed": speed, "agreement": agreement, "power": power, "null": null, "growth": growth, "trend": trend}


def main() -> None:
    """Runs what is asked for; without options everything, on the made-up city."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=list(FIGURES), nargs="+", default=list(FIGURES))
    parser.add_argument("--boundaries", type=Path, default=None, help="a file of areas with the column code; a made-up city where left out")
    parser.add_argument("--population", default="population", help="its column of people")
    options = parser.parse_args()
    warnings.filterwarnings("ignore", module="esda|libpysal|numba")
    city = made_city(AREAS) if options.boundaries is None else read_city(options.boundaries, options.population)
    print(f"{len(city.population)} areas, {city.neighbours.counts.mean():.1f} neighbours each")
    for name in options.only:
        FIGURES[name](city)


if __name__ == "__main__":
    main()

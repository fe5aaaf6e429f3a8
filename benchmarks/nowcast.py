"""``python -m benchmarks.nowcast``: the month-end nowcast against simpler rules, on a city's own months and on New York's council districts.

Every nowcast is made from the days up to its cut-off alone. ``--home`` names the home of a city with tickets, ``--nyc`` the file of council casework; a
ground that is not there is left out.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecasts.calendars import day_kinds
from governance.nowcast import nowcast
from governance.nowcast_history import NowcastHistory, brier, carried, nowcast_history, reliability
from governance.nowcast_rest import Procedure
from storage.home import Home
from storage.queries import fetch
from storage.snapshot import open_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

SHARED = Path(__file__).resolve().parents[2] / "shared" / "tickets" / "nyc_council_constituent_services.parquet"
DAYS = (5, 10, 15, 20, 25)
BOUNDS = {10: 0.7, 20: 0.6}
LEAST_CASES = 50
MOST_APART = 0.07
DRAWS = 1_000
RESAMPLED = 5_000
PROCEDURES = {
    "as it is": Procedure(),
    "no season": Procedure(has_season=False, has_place_season=False),
    "none of places": Procedure(has_place_season=False),
    "no shock": Procedure(has_shock=False),
    **{f"one half-life {life}": Procedure(half_lives=(float(life),)) for life in (15, 30, 60, 90, 150, 270, 540)},
}


@dataclass(frozen=True, slots=True)
class Ground:
    """Daily counts of N places on T days that end with a whole month, the kinds of these days, and how many months are told."""

    name: str
    counts: np.ndarray
    days: np.ndarray
    kinds: np.ndarray
    months: int

    def history(self, days_of_month: tuple[int, ...] | None = DAYS, procedure: Procedure | None = None) -> NowcastHistory:
        """The nowcasts of the months told."""
        return nowcast_history(self.counts, self.days, kinds=self.kinds, months=self.months, days_of_month=days_of_month, draws=DRAWS, procedure=procedure)


def _ground(name: str, table: pd.DataFrame, calendar: str, months: int) -> Ground:
    """A ground of a table of places by days, up to the end of its last whole month."""
    known = pd.to_datetime(table.columns).to_numpy().astype("datetime64[D]")
    days = np.arange(known.min(), (known.max() + 1).astype("datetime64[M]").astype("datetime64[D]"))
    table = table.set_axis(known, axis=1).reindex(columns=days, fill_value=0).fillna(0)
    kinds = day_kinds(calendar, days[0].astype(object), days[-1].astype(object))["kind"].astype("str").to_numpy()
    return Ground(name, table.to_numpy(dtype="int64"), days, kinds, months)


def city(home: Home, calendar: str) -> Ground:
    """Subdistricts of a city with a snapshot: all of its register, also those without requests."""
    snapshot = open_snapshot(home)
    rows = fetch(
        snapshot,
        "SELECT day, subdistrict_code AS code, CAST(sum(request_count) AS INTEGER) AS request_count FROM place_day JOIN place USING (place_id) "
        "WHERE subdistrict_code IS NOT NULL GROUP BY ALL",
    )
    codes = fetch(snapshot, "SELECT code FROM register WHERE level = 'subdistrict' ORDER BY code")["code"]
    snapshot.close()
    table = rows.pivot_table(index="code", columns="day", values="request_count", aggfunc="sum", fill_value=0)
    return _ground(f"city {home.root}", table.reindex(codes, fill_value=0), calendar, 24)


def council_districts(file: Path) -> Ground:
    """New York's 51 council districts, 2016 to 2019, with 2015 to learn from. The file writes a district as NYCC1, NYCC01 or NYCC001."""
    tickets = pd.read_parquet(file, columns=["unique_key", "opendate", "council_dist"]).drop_duplicates("unique_key")
    day = pd.to_datetime(tickets["opendate"], errors="coerce").dt.normalize()
    district = pd.to_numeric(tickets["council_dist"].astype("str").str.extract(r"(\d+)$")[0], errors="coerce")
    kept = day.between(pd.Timestamp(date(2015, 1, 1)), pd.Timestamp(date(2019, 12, 31))) & district.between(1, 51)
    return _ground("New York council districts 2016-2019", pd.crosstab(district[kept], day[kept]), "US-NY", 48)


def _scores(history: NowcastHistory, rows: np.ndarray) -> tuple[float, float, float]:
    """Brier scores of ours, of the month to date and of the month before."""
    came = history.came[rows]
    told = (history.probability[rows], carried(history.month_to_date[rows]), carried(history.last_month[rows]))
    return tuple(brier(one, came) for one in told)  # type: ignore[return-value]


def _resampled(history: NowcastHistory, rows: np.ndarray) -> tuple[float, float]:
    """Ends of the 90 % interval of the ratio over months drawn anew; ``rows`` are cut-offs in months of their own."""
    came = history.came[rows]
    told = (history.probability[rows], carried(history.month_to_date[rows]), carried(history.last_month[rows]))
    ours, *rules = (((one - came) ** 2).mean(axis=1) for one in told)
    drawn = np.random.default_rng(1).integers(0, len(rows), (RESAMPLED, len(rows)))
    ratios = ours[drawn].mean(axis=1) / np.minimum(*(rule[drawn].mean(axis=1) for rule in rules))
    return float(np.quantile(ratios, 0.05)), float(np.quantile(ratios, 0.95))


def _selections(history: NowcastHistory) -> tuple[np.ndarray, np.ndarray]:
    """Day of the month of each cut-off, and whether its month is in the first half of those told."""
    months = history.cutoffs.astype("datetime64[M]")
    day = (history.cutoffs - months.astype("datetime64[D]")).astype("int64") + 1
    told = np.unique(months)
    return day, months < told[len(told) // 2]


def against_rules(ground: Ground) -> None:
    """Print Brier scores by day of the month, and ratios to the better rule."""
    history = ground.history()
    day, is_first_half = _selections(history)
    places = history.probability.shape[1]
    print(f"Brier score times {places} places (squared misses a list), and its ratio to the better of two rules, all months; first half; second half;")
    print("  and between which the ratio lies in 90 of 100 cases if the months told are drawn anew with replacement")
    for wanted in DAYS:
        parts = [_scores(history, (day == wanted) & half) for half in (np.ones(len(day), dtype=bool), is_first_half, ~is_first_half)]
        ratios = [one[0] / min(one[1:]) for one in parts]
        ours, so_far, before = (score * places for score in parts[0])
        bound = f" [<= {BOUNDS[wanted]:g}]" if wanted in BOUNDS else ""
        line = f"  day {wanted:>2}: {ours:.3f}; order of the month to date {so_far:.3f}, of the month before {before:.3f}; ratio {ratios[0]:.2f}{bound}"
        low, high = _resampled(history, np.flatnonzero(day == wanted))
        print(f"{line}; {ratios[1]:.2f}; {ratios[2]:.2f}; months drawn anew {low:.2f} to {high:.2f}")
    calm = float(np.mean(history.probability[day == 20] * (1 - history.probability[day == 20]))) * places
    print(f"  day 20: {calm:.3f} is what would be left were every probability right", flush=True)


def reliabilities(ground: Ground) -> None:
    """Print the reliability table and the coverage of the intervals of the volumes."""
    history = ground.history()
    table = reliability(history.probability, history.came)
    judged = table.count >= LEAST_CASES
    print(f"reliability on days {', '.join(str(day) for day in DAYS)}: cases, mean said, share came")
    for low, high, count, said, came in zip(table.low, table.high, table.count, table.said, table.came, strict=True):
        print(f"  {low:.1f} to {high:.1f}: {count:>6} {said:.3f} {came:.3f}")
    worst = float(np.abs(table.said - table.came)[judged].max())
    print(f"  {judged.sum()} bins with {LEAST_CASES} cases or more, largest difference {worst:.3f} [<= {MOST_APART:g}]")
    inside = (history.volume >= history.volume_low) & (history.volume <= history.volume_high)
    # whole numbers on the ends count as inside; half of them is what an interval of no whole numbers would hold
    edge = (history.volume == history.volume_low).astype("float64") + (history.volume == history.volume_high)
    largest = np.argsort(-history.volume.mean(axis=0))[:30]
    day, _ = _selections(history)
    for name, some in (("all places", slice(None)), ("the 30 largest", largest)):
        parts = [inside[day == wanted][:, some].mean() for wanted in DAYS]
        halved = (inside - edge / 2)[:, some].mean()
        whole = f"{inside[:, some].mean():.3f} (ends counted half {halved:.3f})"
        print(f"  80 % interval of the month's requests, {name}: holds {whole}; by day " + " ".join(f"{part:.3f}" for part in parts), flush=True)


def alternatives(ground: Ground) -> None:
    """Print what other procedures do to the score, on the first half of the months and on the second."""
    print(
        f"Brier score times {len(ground.counts)} places on days {', '.join(str(day) for day in DAYS)} together, first half and second half; 80 % interval holds"
    )
    for name, procedure in PROCEDURES.items():
        history = ground.history(procedure=procedure)
        _, is_first_half = _selections(history)
        parts = [brier(history.probability[half], history.came[half]) * len(ground.counts) for half in (is_first_half, ~is_first_half)]
        inside = float(((history.volume >= history.volume_low) & (history.volume <= history.volume_high)).mean())
        print(f"  {name:<18} {parts[0]:.3f} {parts[1]:.3f}  {inside:.3f}", flush=True)


def cost(ground: Ground) -> None:
    """Print processor seconds of one nowcast with 10,000 draws and of the nightly history of every day of 24 months."""
    cut = np.flatnonzero(ground.days.astype("datetime64[M]") == ground.days[-1].astype("datetime64[M]"))[9] + 1
    seconds = []
    for _turn in range(3):
        began = time.process_time()
        nowcast(ground.counts[:, :cut], ground.days[:cut], kinds=ground.kinds)
        seconds.append(time.process_time() - began)
    print(f"one nowcast, {len(ground.counts)} places x 10,000 draws, {cut} days: {min(seconds):.2f} CPU s [<= 2]", flush=True)
    began = time.process_time()
    rows = len(nowcast_history(ground.counts, ground.days, kinds=ground.kinds, draws=DRAWS).cutoffs)
    print(f"history, {rows} days of 24 months x {len(ground.counts)} places, {DRAWS:,} draws each: {time.process_time() - began:.1f} CPU s", flush=True)


FIGURES: dict[str, Callable[[Ground], None]] = {"rules": against_rules, "reliability": reliabilities, "cost": cost, "alternatives": alternatives}


def main() -> None:
    """Runs what is asked for; without options everything on the grounds that are there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, default=None, help="home of a city; WEISU_HOME or data/ where left out")
    parser.add_argument("--calendar", default="CN-BJ", help="its calendar")
    parser.add_argument("--nyc", type=Path, default=SHARED, help="file of New York's council casework")
    parser.add_argument("--only", choices=list(FIGURES), nargs="+", default=list(FIGURES))
    options = parser.parse_args()
    home = Home.from_environment() if options.home is None else Home(options.home.resolve())
    makers: dict[str, Callable[[], Ground]] = {str(home.root): lambda: city(home, options.calendar), str(options.nyc): lambda: council_districts(options.nyc)}
    for where, make in makers.items():
        try:
            ground = make()
        except FileNotFoundError as reason:
            print(f"left out: {where} ({reason})")
            continue
        print(f"{ground.name}: {len(ground.counts)} places, {ground.months} months to {ground.days[-1]}")
        for name in options.only:
            FIGURES[name](ground)


if __name__ == "__main__":
    main()

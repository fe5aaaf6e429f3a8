"""The hot spots of the snapshot in use: classes month by month, clusters week by week, their lives and what drives them; published as one version."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from geodata.boundaries import kept_areas
from geodata.hotspot_life import Stage
from geodata.neighbours import contiguity
from governance.mode_advice import ModeRule
from governance.policy import load_policy
from pipeline.focus.classes import class_months
from pipeline.focus.clusters import EMPTY_FOUND, EMPTY_SIGHT, Rule, find_clusters
from pipeline.focus.drivers import DRIVER_COLUMNS, advised, drivers_of, similar_places
from pipeline.focus.lives import live
from pipeline.focus.panels import build_panel
from pipeline.focus.points import find_near_repeats, find_points
from pipeline.focus.units import concentration
from storage.focus import focus_version, open_focus, write_focus
from storage.home import InputError
from storage.naming import load_naming
from storage.place_counts import read_place_months, read_place_weeks, read_unit_months
from storage.queries import fetch
from storage.reads import read_facts, read_places
from storage.snapshot import current_version, open_snapshot
from storage.ticket_lines import TicketLines

if TYPE_CHECKING:
    from collections.abc import Callable

    from geodata.neighbours import Neighbours
    from pipeline.focus.lives import Lives
    from pipeline.focus.panels import Panel
    from storage.home import Home
    from storage.reads import Facts
    from storage.snapshot import Snapshot

__all__ = ["FocusResult", "focus"]

Tables = dict[str, pd.DataFrame]
UNFINISHED = "-now"
"""Ends the name of a version in which the past has not been looked through."""

WEEK, YEAR_WEEKS, YEAR_MONTHS = 7, 52, 12
GAP_WEEKS, GAP_MONTHS, BASELINE_MONTHS = 26, 12, 24
REPLAY_WEEKS, REPLAY_STEP = 72, 4
"""At the first run the past is scanned every fourth week, so that hot spots have a life from the start; later runs add their own weeks."""

READ_WEEKS = REPLAY_WEEKS + 2 * YEAR_WEEKS + GAP_WEEKS + 8
READ_MONTHS = 24 + GAP_MONTHS + BASELINE_MONTHS + YEAR_MONTHS
LEAST_WEEKS = 40
"""Less tells nothing of what is usual."""

ROOT = Path(__file__).resolve().parents[2]
FINDS = ("geodata/scan*.py", "geodata/expected.py", "geodata/smoothing.py", "pipeline/focus/panels.py", "pipeline/focus/clusters.py")
SHOWS = ("geodata/*.py", "pipeline/focus/*.py", "governance/mode_advice.py", "governance/pinpoints.py", "governance/unit_concentration.py")
"""What clusters are found by, and what everything published is made by: findings of the past stay while only the second changes."""


@dataclass(frozen=True, slots=True)
class FocusResult:
    """What a run did."""

    version: str
    cutoff: date
    problems: int
    places: int
    scans: int
    hotspots: int
    new: int
    worsening: int
    points: int
    is_new: bool
    seconds: float


def _silent(_text: str) -> None:
    pass


def code_key(patterns: tuple[str, ...]) -> str:
    """Fingerprint of the code in some files: what other code found is not comparable."""
    digest = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in ROOT.glob(pattern)}):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def focus(home: Home, *, if_stale: bool = False, replays: int = REPLAY_WEEKS, tell: Callable[[str], None] = _silent) -> FocusResult:
    """Finds and publishes the hot spots of the snapshot in use.

    Parameters
    ----------
    if_stale
        Do nothing where the ones in use were found in this snapshot, by this code and under this rule.
    replays
        Weeks back to which the past is scanned where it has not been.
    tell
        Is told what is being worked on.

    Raises
    ------
    InputError
        There is no snapshot, its history is too short, or another process is at it.
    """
    began = time.monotonic()
    version = current_version(home)
    if version is None:
        message = f"{home.root} 还没有统计快照; 请先运行 ingest 或 demo"
        raise InputError(message)
    with home.focusing():
        snapshot = open_snapshot(home, version)
        try:
            with threadpool_limits(limits=1):
                return _Run(home, snapshot, replays, tell).made(if_stale=if_stale, began=began)
        finally:
            snapshot.close()


def last_sunday(day: date) -> date:
    """The last Sunday up to a day: weeks are whole ones from Monday."""
    return day - timedelta(days=(day.weekday() + 1) % WEEK)


class _Run:
    """One run over one snapshot."""

    def __init__(self, home: Home, snapshot: Snapshot, replays: int, tell: Callable[[str], None]) -> None:
        self.home, self.snapshot, self.replays, self.tell = home, snapshot, replays, tell
        self.facts: Facts = read_facts(snapshot)
        self.cutoff = last_sunday(self.facts.filled_until)
        policies = load_policy()
        recurrence_days, least_ratio = (float(policies.entry(f"focus.{name}", self.cutoff).value) for name in ("recurrence_days", "least_ratio"))
        self.rule = Rule(recurrence_days, least_ratio)
        self.mode_rule = ModeRule(**policies.entry("focus.mode", self.cutoff).value)
        self.finding_key = f"{code_key(FINDS)}|{self.rule!r}|{self.facts.boundaries_key}|{load_naming(home).key}"
        parts = [snapshot.version, repr(self.mode_rule), str(replays), code_key(SHOWS), self.finding_key]
        self.named: pd.DataFrame | None = None
        self._is_first = True
        self.version = f"{self.cutoff:%Y%m%d}-{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:12]}"

    def made(self, *, if_stale: bool, began: float) -> FocusResult:
        if if_stale and focus_version(self.home) == self.version:
            return FocusResult(self.version, self.cutoff, 0, 0, 0, 0, 0, 0, 0, is_new=False, seconds=time.monotonic() - began)
        self.tell("读取历史")
        weeks = read_place_weeks(self.snapshot, self.cutoff, READ_WEEKS)
        if not weeks.counts.any():
            message = f"{self.home.root} 里还没有落在区划内、计入诉求量的工单(截至 {self.cutoff}); 无从查找热点"
            raise InputError(message)
        if len(weeks.starts) < LEAST_WEEKS:
            message = f"历史只有 {len(weeks.starts)} 周(截至 {self.cutoff}); 查找热点至少需要 {LEAST_WEEKS} 周"
            raise InputError(message)
        panel = build_panel(weeks, YEAR_WEEKS, YEAR_WEEKS, GAP_WEEKS)
        coordinates, neighbours = self._space(panel.members)
        self.tell("各月类别")
        monthly = build_panel(read_place_months(self.snapshot, self.facts.filled_until, READ_MONTHS), YEAR_MONTHS, BASELINE_MONTHS, GAP_MONTHS)
        same = {"problem": monthly.problems, "class_month": class_months(monthly, neighbours)} | self._units()
        same["meta"] = self._meta(panel, neighbours)
        now = self._scan(panel, coordinates, self.cutoff)
        known, done = self._known()
        past = self._missing(done)
        if past and self._is_first:  # what is hot now is shown before the past is looked through, which takes minutes
            self._publish(f"{self.version}{UNFINISHED}", panel, same, (known, done), now)
        scans = len(now[1])
        for day in past:
            found, sight = self._scan(panel, coordinates, day)
            scans += len(sight)
            known = pd.concat([known, found.assign(cutoff=pd.Timestamp(day))], ignore_index=True).astype(known.dtypes)
            done = [*done, pd.Timestamp(day)]
        tables = self._publish(self.version, panel, same, (known, done), now)
        stages = tables["hotspot"]["stage"]
        return FocusResult(
            self.version,
            self.cutoff,
            len(panel.problems),
            len(panel.members),
            scans,
            int((stages != Stage.ENDED).sum()),
            int((stages == Stage.NEW).sum()),
            int((stages == Stage.WORSENING).sum()),
            len(tables["point"]),
            is_new=True,
            seconds=time.monotonic() - began,
        )

    def _publish(
        self, version: str, panel: Panel, same: Tables, past: tuple[pd.DataFrame, list[pd.Timestamp]], now: tuple[pd.DataFrame, pd.DataFrame]
    ) -> Tables:
        """Joins what was found at all cut-offs, explains it and publishes it with the tables that do not depend on it."""
        cutoff = pd.Timestamp(self.cutoff)
        found = pd.concat([past[0], now[0].assign(cutoff=cutoff)], ignore_index=True).astype(past[0].dtypes)
        cutoffs = sorted({*past[1], cutoff})
        lives = live(panel, found, cutoffs, self.named)
        tables = dict(same) | {"found": found, "cutoff": pd.DataFrame({"cutoff": cutoffs}), "step": lives.steps, "course": lives.course}
        tables["sight"] = now[1].merge(panel.problems, on="problem_id").drop(columns="problem_id")
        tables |= self._explained(lives, panel, same["class_month"].merge(same["problem"], on="problem_id"))
        self.tell("发布")
        write_focus(self.home, version, tables)
        return tables

    def _space(self, members: tuple[str, ...]) -> tuple[np.ndarray | None, Neighbours | None]:
        """Points and neighbours of the places; none where the city has no boundaries."""
        register = read_places(self.snapshot)
        own = register[register["level"] == "subdistrict"].set_index("code").loc[list(members)]
        points = own[["longitude", "latitude"]].to_numpy(dtype="float64")
        if not self.home.boundaries.exists():
            return (points, None) if len(points) and np.isfinite(points).all() else (None, None)
        areas = kept_areas(self.home.boundaries).set_index("code").loc[list(members)].reset_index()
        return points, contiguity(areas)

    def _missing(self, done: list[pd.Timestamp]) -> list[date]:
        """Past cut-offs still to be scanned: what was not looked for is not over, so weeks in which nobody ran this are made up for."""
        wanted = [self.cutoff - timedelta(weeks=back) for back in range(self.replays - self.replays % REPLAY_STEP, 0, -REPLAY_STEP)]
        return [day for day in wanted if not any(abs((pd.Timestamp(day) - known).days) < WEEK * REPLAY_STEP for known in done)]

    def _scan(self, panel: Panel, coordinates: np.ndarray | None, day: date) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Clusters and sight at a cut-off; nothing where too little lies before it."""
        end = int(np.searchsorted(panel.starts, np.datetime64(day, "D"), side="right"))
        if end < LEAST_WEEKS:
            return EMPTY_FOUND, EMPTY_SIGHT
        self.tell(f"扫描 {day}")
        return find_clusters(panel, end, coordinates, self.rule)

    def _known(self) -> tuple[pd.DataFrame, list[pd.Timestamp]]:
        """Findings and cut-offs before the present one of the version in use, where it was made by this code and rule."""
        nothing = EMPTY_FOUND.assign(cutoff=pd.Series(dtype="datetime64[us]"))
        try:
            before = open_focus(self.home)
        except OSError:
            return nothing, []
        self._is_first = before.version.endswith(UNFINISHED)
        try:
            self.named = fetch(before, "SELECT * FROM hotspot") if not self._is_first else None
            facts: dict[str, str] = dict(fetch(before, "SELECT name, value FROM meta").itertuples(index=False))
            if facts.get("finding_key") != self.finding_key:
                return nothing, []
            found = fetch(before, "SELECT * FROM found WHERE cutoff < ?", (self.cutoff,)).astype(nothing.dtypes)
            return found, list(fetch(before, "SELECT cutoff FROM cutoff WHERE cutoff < ? ORDER BY cutoff", (self.cutoff,))["cutoff"])
        finally:
            before.close()

    def _explained(self, lives: Lives, panel: Panel, classes: pd.DataFrame) -> Tables:
        """Each hot spot's drivers, similar places and the mode it calls for; and the points of the last weeks."""
        self.tell("成因和点位")
        spots = lives.spots
        lines = TicketLines(self.home)
        try:
            drivers = [drivers_of(spot, panel, lines, self.facts.data_from) for _place, spot in spots.iterrows()]
            points = find_points(lines, self.facts.filled_until)
            near = find_near_repeats(lines, self.facts.filled_until)
        finally:
            lines.close()
        similar = [similar_places(spot, panel) for _place, spot in spots.iterrows()]
        driver = pd.concat(drivers, ignore_index=True) if drivers else pd.DataFrame(columns=list(DRIVER_COLUMNS))
        like = pd.concat(similar, ignore_index=True) if similar else pd.DataFrame(columns=["hotspot_id", "code", "likeness", "observed", "expected"])
        advice = advised(spots, panel, driver, classes, self.mode_rule)
        return {"hotspot": spots.merge(advice, on="hotspot_id"), "driver": driver, "alike": like, "point": points, "near_repeat": near}

    def _units(self) -> Tables:
        self.tell("承办单位")
        counts = read_unit_months(self.snapshot, self.facts.filled_until, READ_MONTHS)
        panel = build_panel(counts, YEAR_MONTHS, BASELINE_MONTHS, GAP_MONTHS)
        pairs = class_months(panel, None)
        return {"unit_problem": panel.problems, "unit_month": pairs[(pairs["observed"] > 0) | (pairs["expected"] > 0)], "unit_share": concentration(panel)}

    def _meta(self, panel: Panel, neighbours: Neighbours | None) -> pd.DataFrame:
        values: dict[str, Any] = {
            "snapshot": self.snapshot.version,
            "cutoff": self.cutoff,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "finding_key": self.finding_key,
            "recurrence_days": self.rule.recurrence_days,
            "first_week": panel.starts[0],
            "islands": " ".join(neighbours.islands) if neighbours is not None else "",
            "has_neighbours": neighbours is not None,
        }
        return pd.DataFrame({"name": list(values), "value": [str(value) for value in values.values()]})

"""Foresight of the snapshot in use: forecasts, atlas, warnings with their past, the contest; published as one version."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from forecasts.pooled import PooledCounts
from forecasts.season import season_atlas, smoothed, yearly_profiles
from forecasts.warning_windows import windows_ahead
from governance.policy import load_policy
from pipeline.foresight.ahead import forecast_finer, forecast_levels, long_frame
from pipeline.foresight.contest import contest, serving
from pipeline.foresight.issued import Names, counted, to_issue, to_state
from pipeline.foresight.panels import build_hierarchy, category_panel
from pipeline.foresight.warned import HINDCAST_LEVELS, replay, replay_days, rule_of, statements_at, warned_levels
from storage.foresight import foresight_version, open_foresight, write_foresight
from storage.foresight_reads import read_foresight_facts
from storage.home import InputError
from storage.queries import fetch
from storage.reads import read_facts, read_places
from storage.records.warnings import issue_warnings, read_unscored, score_warnings, state_again
from storage.series import read_category_series, read_cell_series, read_lead_units
from storage.snapshot import current_version, open_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from forecasts.early_warnings import Rule
    from forecasts.interface import Model
    from forecasts.panel import Panel
    from pipeline.foresight.panels import Hierarchy, Level
    from storage.home import Home
    from storage.reads import Facts
    from storage.snapshot import Snapshot

__all__ = ["DAYS_AHEAD", "WEEKS_AHEAD", "ForesightResult", "foresee"]

DAYS_AHEAD = 90
WEEKS_AHEAD = 52
LEAST_DAYS = 182
"""Half a year: less tells nothing about any season, and little about a level."""

SOURCES = ("forecasts", "pipeline/foresight")
ROOT = Path(__file__).resolve().parents[2]

EMPTY_REPLAY = pd.DataFrame(
    {
        name: pd.Series(dtype=kind)
        for name, kind in (
            *(("series_id", "int64"), ("window_start", "datetime64[us]"), ("lead_days", "int64"), ("probability", "float64"), ("expected", "float64")),
            *(("usual", "float64"), ("threshold", "float64"), ("is_tested", "bool"), ("is_warned", "bool"), ("count", "float64")),
            *(("came_true", "bool"), ("cutoff", "datetime64[us]"), ("counts_key", "str")),
        )
    }
)
EMPTY_HINDCAST = pd.DataFrame(
    {"series_id": pd.Series(dtype="int64"), "day": pd.Series(dtype="datetime64[us]")}
    | {name: pd.Series(dtype="float64") for name in ("mean", "q0.1", "q0.25", "q0.75", "q0.9")}
    | {"cutoff": pd.Series(dtype="datetime64[us]")}
)
EMPTY_PROFILE = pd.DataFrame({"series_id": pd.Series(dtype="int64"), "week": pd.Series(dtype="int64"), "ratio": pd.Series(dtype="float64")})
"""Histories too short for a replay or a whole year leave tables without rows, not without columns."""


@dataclass(frozen=True, slots=True)
class ForesightResult:
    """What a run did."""

    version: str
    cutoff: date
    series: int
    replays: int
    warned: int
    issued: int
    scored: int
    is_new: bool
    seconds: float


def _silent(_text: str) -> None:
    pass


def code_key() -> str:
    """Fingerprint of the code that forecasts are made by: others are not comparable."""
    digest = hashlib.sha256()
    for path in sorted(path for folder in SOURCES for path in (ROOT / folder).glob("*.*") if path.suffix in {".py", ".csv", ".toml"}):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def counts_keys(panels: tuple[Panel, ...], ends: list[date]) -> list[str]:
    """Fingerprint of all counts of the panels up to each of the days, which are in order: a ticket that moved, came late or was withdrawn changes it."""
    digests = [hashlib.blake2b(str(panel.days[0]).encode(), digest_size=8) for panel in panels]
    keys, begun = [], 0
    for end in ends:
        size = int(np.searchsorted(panels[0].days, np.datetime64(end, "D"), side="right"))
        for digest, panel in zip(digests, panels, strict=True):
            digest.update(np.ascontiguousarray(panel.counts[:, begun:size].T).tobytes())
        keys.append("".join(digest.hexdigest() for digest in digests))
        begun = size
    return keys


def foresee(home: Home, *, if_stale: bool = False, tell: Callable[[str], None] = _silent) -> ForesightResult:
    """Makes and publishes the foresight of the snapshot in use, issues warnings and scores those whose window is over.

    Parameters
    ----------
    if_stale
        Do nothing where the foresight in use was made from this snapshot, by this code and under this rule.
    tell
        Is told what is being worked on.

    Raises
    ------
    InputError
        There is no snapshot, its history is shorter than half a year, or another process is at it.
    """
    began = time.monotonic()
    version = current_version(home)
    if version is None:
        message = f"{home.root} 还没有统计快照; 请先运行 ingest 或 demo"
        raise InputError(message)
    with home.foreseeing():
        snapshot = open_snapshot(home, version)
        try:
            # the matrices are small: a second thread of the linear algebra mostly waits, and three times the processor time is gone
            with threadpool_limits(limits=1):
                return _Run(home, snapshot, tell).made(if_stale=if_stale, began=began)
        finally:
            snapshot.close()


class _Run:
    """One run over one snapshot."""

    def __init__(self, home: Home, snapshot: Snapshot, tell: Callable[[str], None]) -> None:
        self.home, self.snapshot, self.tell = home, snapshot, tell
        self.facts: Facts = read_facts(snapshot)
        self.cutoff: date = self.facts.filled_until
        policies = load_policy()
        self.rule: Rule = rule_of(policies, self.cutoff)
        self.budget: dict[str, int] = policies.entry("foresight.budget", self.cutoff).value
        parts = [snapshot.version, repr(self.rule), repr(sorted(self.budget.items())), code_key()]
        self.names_key = ""
        self.version = f"{self.cutoff:%Y%m%d}-{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:12]}"

    def made(self, *, if_stale: bool, began: float) -> ForesightResult:
        if if_stale and foresight_version(self.home) == self.version:
            return ForesightResult(self.version, self.cutoff, 0, 0, 0, 0, 0, is_new=False, seconds=time.monotonic() - began)
        self.tell("读取历史")
        cells = read_cell_series(self.snapshot)
        if not cells.counts.any():
            message = f"{self.home.root} 里还没有计入诉求量的工单(截至 {self.cutoff}); 无可预测"
            raise InputError(message)
        hierarchy = build_hierarchy(cells, self.cutoff, has_districts=self.facts.has_districts)
        days = len(hierarchy.levels[0].panel.days)
        if days < LEAST_DAYS:
            message = f"历史只有 {days} 天(截至 {self.cutoff}); 预测至少需要 {LEAST_DAYS} 天"
            raise InputError(message)
        finer = category_panel(read_category_series(self.snapshot), self.cutoff, len(hierarchy.nodes))
        names = pd.concat([hierarchy.nodes, finer.series], ignore_index=True)
        self.names_key = str(pd.util.hash_pandas_object(names.astype("str"), index=False).sum())
        levels = warned_levels(hierarchy, finer, self.rule)
        known = self._known_contest()
        scores = contest(levels, self.facts.calendar, self.cutoff, self.tell) if known is None else known
        tables = {"contest": scores} | self._forecasts(hierarchy, finer, serving(scores, self.facts.calendar))
        said = self._statements(levels)
        tables["windows"] = said.drop(columns=["series", "unique_id", "level"])
        tables["replay"], tables["hindcast"], replays = self._replays(levels, (hierarchy.levels[-1].panel, finer.panel))
        tables["atlas"], tables["profile"] = self._seasons(levels)
        tables["meta"] = self._meta(len(tables["series"]))
        self.tell("发布")
        issued, scored = self._ledger(levels, said)  # before the version that says it was made: a run that fails here is made again
        write_foresight(self.home, self.version, tables)
        return ForesightResult(
            self.version,
            self.cutoff,
            len(tables["series"]),
            replays,
            int(said["is_warned"].sum()),
            issued,
            scored,
            is_new=True,
            seconds=time.monotonic() - began,
        )

    def _forecasts(self, hierarchy: Hierarchy, finer: Level, chosen: dict[str, Model]) -> dict[str, pd.DataFrame]:
        calendar = self.facts.calendar
        frames: dict[str, pd.DataFrame] = {}
        models: tuple[str, ...] = ()
        for name, steps, frequency, word in (("daily", DAYS_AHEAD, "D", "逐日"), ("weekly", WEEKS_AHEAD, "W", "逐周")):
            self.tell(f"{word}预测")
            ahead = forecast_levels(hierarchy, calendar, steps, frequency, chosen)
            below = forecast_finer(finer, hierarchy, ahead, calendar, steps, frequency)
            numbers = hierarchy.nodes["series_id"].to_numpy(), finer.series["series_id"].to_numpy()
            frames[name] = pd.concat([long_frame(ahead, numbers[0]), long_frame(below, numbers[1])], ignore_index=True)
            models = models or (*ahead.models, *below.models)
        series = pd.concat([hierarchy.nodes, finer.series.assign(level=finer.name)], ignore_index=True)
        daily = [np.nan_to_num(np.nanmean(level.panel.counts, axis=1)) for level in (*hierarchy.levels, finer)]
        return frames | {"series": series.assign(model=models, mean_a_day=np.concatenate(daily))}

    def _statements(self, levels: tuple[Level, ...]) -> pd.DataFrame:
        """What is said now of every window that is still to begin within the rule's reach; sooner ones too, for warnings that are open."""
        self.tell("季节预警")
        windows = windows_ahead(self.cutoff, 0, self.rule.most_days)
        frame, _shapes = statements_at(levels, self.facts.calendar, self.cutoff, windows, self.rule)
        return frame

    def _replays(self, levels: tuple[Level, ...], panels: tuple[Panel, ...]) -> tuple[pd.DataFrame, pd.DataFrame, int]:
        """The rule at past cut-offs; one that was replayed before, on the same counts and by the same code, is taken over."""
        known = self._known_replays()
        statements, days, made = [], [], 0
        cutoffs = replay_days(levels, self.cutoff, self.rule)
        ends = [windows_ahead(cutoff, self.rule.least_days, self.rule.most_days)[-1].end for cutoff in cutoffs]
        for cutoff, key in zip(cutoffs, counts_keys(panels, ends), strict=True):
            stamp = pd.Timestamp(cutoff)
            if known is not None and (same := known[0][(known[0]["cutoff"] == stamp) & (known[0]["counts_key"] == key)]).shape[0]:
                statements.append(same)
                days.append(known[1][known[1]["cutoff"] == stamp])
                continue
            self.tell(f"回放 {cutoff}")
            said, ahead = replay(levels, self.facts.calendar, cutoff, self.cutoff, self.rule)
            statements.append(said.assign(counts_key=key))
            days.append(ahead)
            made += 1
        if not statements:
            return EMPTY_REPLAY, EMPTY_HINDCAST, 0
        return pd.concat(statements, ignore_index=True), pd.concat(days, ignore_index=True), made

    def _known_replays(self) -> tuple[pd.DataFrame, pd.DataFrame] | None:
        found = self._before("replay_key", self._replay_key, ("replay", "hindcast"))
        return None if found is None else (found[0], found[1])

    def _known_contest(self) -> pd.DataFrame | None:
        """The contest of this month, where there was one by the same code: most of its time goes to Prophet, and a day changes nothing."""
        found = self._before("contest_key", self._contest_key, ("contest",))
        return None if found is None else found[0]

    def _before(self, key: str, value: str, tables: tuple[str, ...]) -> list[pd.DataFrame] | None:
        """Tables of the foresight in use, where its ``key`` has this value."""
        try:
            before = open_foresight(self.home)
        except OSError:
            return None
        try:
            if read_foresight_facts(before).get(key) != value:
                return None
            return [fetch(before, f"SELECT * FROM {name}") for name in tables]
        finally:
            before.close()

    @property
    def _contest_key(self) -> str:
        return f"{code_key()}|{self.facts.calendar}|{self.cutoff:%Y-%m}"

    @property
    def _replay_key(self) -> str:
        """What replays depend on beside the counts; series are numbered anew where a place or category is new, so their number is part of it."""
        return hashlib.sha256(f"{code_key()}|{self.rule!r}|{self.facts.calendar}|{self.names_key}".encode()).hexdigest()[:16]

    def _seasons(self, levels: tuple[Level, ...]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The season atlas and the mean course of the year of every category, in the city and its districts."""
        atlases, profiles = [], []
        for level in levels:
            if level.name not in HINDCAST_LEVELS:
                continue
            self.tell(f"季节图谱 {level.name}")
            numbers = level.series["series_id"].to_numpy()
            atlases.append(season_atlas(level.panel).drop(columns="unique_id").assign(series_id=numbers))
            courses = yearly_profiles(level.panel)
            if courses.shape[1]:
                with np.errstate(invalid="ignore"):  # a series whose years are all empty has no course: NaN
                    mean = np.nansum(courses, axis=1) / np.isfinite(courses).sum(axis=1)
                weeks = np.tile(np.arange(mean.shape[1]), len(mean))
                profiles.append(pd.DataFrame({"series_id": np.repeat(numbers, mean.shape[1]), "week": weeks, "ratio": smoothed(mean).ravel()}))
        return pd.concat(atlases, ignore_index=True), pd.concat(profiles, ignore_index=True) if profiles else EMPTY_PROFILE

    def _meta(self, series: int) -> pd.DataFrame:
        values: dict[str, Any] = {
            "snapshot": self.snapshot.version,
            "cutoff": self.cutoff,
            "calendar": self.facts.calendar,
            "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "code_key": code_key(),
            "replay_key": self._replay_key,
            "contest_key": self._contest_key,
            "rule": json.dumps(asdict(self.rule)),
            "series_count": series,
        }
        return pd.DataFrame({"name": list(values), "value": [str(value) for value in values.values()]})

    def _ledger(self, levels: tuple[Level, ...], said: pd.DataFrame) -> tuple[int, int]:
        """Issues, states again and scores; how many were new and how many scored."""
        names = Names(read_places(self.snapshot), read_lead_units(self.snapshot), self.facts.subdistrict_word)
        about = {"cutoff": self.cutoff, "budget": self.budget, "model": PooledCounts(self.facts.calendar).name, "version": self.snapshot.version}
        issued = to_issue(said[said["is_warned"]], levels, names, self.rule, about)
        new = issue_warnings(self.home, issued.drop(columns="is_budgeted"))
        unscored = read_unscored(self.home)
        state_again(self.home, to_state(unscored, said[said["lead_days"] >= 0], levels, self.cutoff, issued))
        return new, score_warnings(self.home, counted(unscored, levels, self.cutoff))

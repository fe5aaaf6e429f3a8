"""Season warnings of the present cut-off, and what the same rule would have said at past ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecasts.counts import negative_binomial_quantiles
from forecasts.early_warnings import Rule, window_statements, within_false_share
from forecasts.panel import Panel
from forecasts.pooled import PooledCounts
from forecasts.warning_windows import WINDOW_DAYS, replay_cutoffs, windows_ahead
from pipeline.foresight.panels import REST, Level

if TYPE_CHECKING:
    from datetime import date

    from forecasts.pooled import Shape
    from forecasts.warning_windows import Window
    from governance.policy import PolicyBook
    from pipeline.foresight.panels import Hierarchy

__all__ = ["HINDCAST_LEVELS", "replay", "replay_days", "rule_of", "statements_at", "warned_levels"]

YEAR_DAYS = 364
LEAST_HISTORY_DAYS = 728
MOST_REPLAYS = 26
"""Two years of four weeks."""

BANDS = (0.1, 0.25, 0.75, 0.9)
HINDCAST_LEVELS = ("city", "category", "district", "district_category", "category_2")
"""Levels whose past forecasts are kept for every day; of the many small series below only the windows are."""

MODEL_LEVEL = "category"
ABOVE: dict[str, dict[str, tuple[str, ...]]] = {
    "category_2": {MODEL_LEVEL: ("category_1",)},
    "district_category": {MODEL_LEVEL: ("category_1",)},
    "cell": {MODEL_LEVEL: ("category_1",), "district_category": ("district", "category_1")},
}
"""Of each level those whose change it shares in, the whole city's first, and the codes by which a series finds its own there."""


def rule_of(policies: PolicyBook, on: date) -> Rule:
    """The rule of warnings in force on a day."""
    value: dict[str, Any] = {
        name: policies.entry(f"foresight.{name}", on).value for name in ("busy_ratio", "probability", "lead_weeks", "least_count", "false_share")
    }
    return Rule(
        ratio=float(value["busy_ratio"]),
        enter=float(value["probability"]["enter"]),
        leave=float(value["probability"]["leave"]),
        least_days=int(value["lead_weeks"]["least"]) * 7,
        most_days=int(value["lead_weeks"]["most"]) * 7,
        least_count=int(value["least_count"]),
        false_share=float(value["false_share"]),
    )


def warned_levels(hierarchy: Hierarchy, finer: Level, rule: Rule) -> tuple[Level, ...]:
    """The levels that are tested, and those that explain them: city, its categories of both levels, districts, and cells that were ever busy enough."""
    levels = []
    for level in hierarchy.levels:
        if level.name == "cell":
            counts = np.nan_to_num(level.panel.counts)
            running = np.cumsum(counts, axis=1)
            yearly = running[:, YEAR_DAYS:] - running[:, :-YEAR_DAYS] if counts.shape[1] > YEAR_DAYS else running[:, -1:]
            chosen = (yearly.max(axis=1) / YEAR_DAYS * WINDOW_DAYS >= rule.least_count) & (level.series["subdistrict"] != "").to_numpy()
            if chosen.any():
                levels.append(Level(level.name, level.codes, level.series[chosen].reset_index(drop=True), level.panel.of(chosen)))
        elif level.name != "subdistrict":
            levels.append(level)
    return (*levels, finer)


def _is_testable(level: Level, *, finer_tells_more: bool) -> np.ndarray:
    """Which series warnings are about: problems with a name at places with a code; the city's by their finest category."""
    series = level.series
    named = (series["category_1"].fillna("") != "").to_numpy() if "category_1" in level.codes else np.zeros(len(series), dtype=bool)
    match level.name:
        case "category":
            return named & (not finer_tells_more)
        case "category_2":
            return named & finer_tells_more & ~series["category_2"].isin(["", REST]).to_numpy()
        case "district_category":
            return named & (series["district"] != "").to_numpy()
        case _:
            return named


def statements_at(levels: tuple[Level, ...], calendar: str, cutoff: date, windows: tuple[Window, ...], rule: Rule) -> tuple[pd.DataFrame, dict[str, Shape]]:
    """Statements of all levels at a cut-off, with ``level``, ``series_id``, ``is_tested`` and ``is_warned``, and the shapes of the days ahead by level.

    A warning is a tested statement that reaches the rule's probability, within the lead of the rule, in the largest set of which on average
    no more than the rule's share is false; all tests of the cut-off are one family.
    """
    model = PooledCounts(calendar)
    frames, shapes = [], {}
    found: dict[str, tuple[pd.Index, np.ndarray]] = {}
    finer = next((level for level in levels if level.name == "category_2"), None)
    coarse = next(level for level in levels if level.name == MODEL_LEVEL)
    finer_tells_more = finer is not None and int(_is_testable(finer, finer_tells_more=True).sum()) > len(coarse.series)
    for level in levels:
        above: tuple[np.ndarray, ...] = ()
        for name, codes in ABOVE.get(level.name, {}).items():
            if name in found:
                above = (*above, _level_of(level, found[name], codes, above[-1] if above else 0.0))
        said = window_statements(level.panel, model, cutoff, windows, rule, above)
        if level.name in (MODEL_LEVEL, "district_category"):
            found[level.name] = _keys(level, ABOVE["cell"][level.name]), said.level
        testable = _is_testable(level, finer_tells_more=finer_tells_more)
        numbers = np.repeat(level.series["series_id"].to_numpy(), len(windows))
        frames.append(said.frame.assign(level=level.name, series_id=numbers, is_tested=said.frame["is_tested"] & np.repeat(testable, len(windows))))
        shapes[level.name] = said.shape
    frame = pd.concat(frames, ignore_index=True)
    lead = frame["lead_days"].between(rule.least_days, rule.most_days)
    tested = frame["is_tested"] & lead
    sure = within_false_share(frame["probability"].where(tested).to_numpy(float), rule.false_share)
    return frame.assign(is_tested=tested, is_warned=tested & sure & (frame["probability"] >= rule.enter)), shapes


def _keys(level: Level, codes: tuple[str, ...]) -> pd.Index:
    return pd.Index(level.series[list(codes)].astype("str").agg("|".join, axis=1))


def _level_of(level: Level, above: tuple[pd.Index, np.ndarray], codes: tuple[str, ...], otherwise: np.ndarray | float) -> np.ndarray:
    """How the level of each series' problem changes in the area above it, S x windows; ``otherwise`` where there is no such area."""
    rows = above[0].get_indexer(_keys(level, codes))
    return np.where((rows >= 0)[:, None], above[1][rows], otherwise)


def replay_days(levels: tuple[Level, ...], cutoff: date, rule: Rule) -> tuple[date, ...]:
    """Past cut-offs the rule is tried at: as many as leave two years of history before them, at most two years of them."""
    days = levels[0].panel.days
    first = (days[0] + np.timedelta64(LEAST_HISTORY_DAYS, "D")).astype(object)
    return replay_cutoffs(first, cutoff, rule.least_days)[-MOST_REPLAYS:]


def replay(levels: tuple[Level, ...], calendar: str, cutoff: date, last: date, rule: Rule) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What the rule would have said at a past cut-off, and what came until ``last``.

    Returns
    -------
    statements
        Of windows that are over: ``series_id``, ``cutoff``, ``window_start``, ``lead_days``, ``probability``, ``expected``, ``usual``, ``threshold``,
        ``is_tested``, ``is_warned``, ``count`` and ``came_true``.
    days
        Of the four weeks after the cut-off: ``series_id``, ``cutoff``, ``day``, ``mean``, and the ends of the 50 and 80 % bands.
    """
    windows = tuple(window for window in windows_ahead(cutoff, rule.least_days, rule.most_days) if window.end <= last)
    frame, shapes = statements_at(levels, calendar, cutoff, windows, rule)
    parts, days = [], []
    for level in levels:
        said = frame[frame["level"] == level.name]
        size = len(level.panel.until(cutoff).days)
        came = np.stack([_total(level.panel, size, lead) for lead in said["lead_days"].unique()], axis=1)
        said = said.assign(count=came.ravel())
        parts.append(said[said["is_tested"] & said["count"].notna()])
        if level.name in HINDCAST_LEVELS:
            days.append(_days_ahead(level, shapes[level.name], cutoff))
    statements = pd.concat(parts, ignore_index=True)
    statements["came_true"] = statements["count"] >= statements["threshold"]
    columns = ["series_id", "window_start", "lead_days", "probability", "expected", "usual", "threshold", "is_tested", "is_warned", "count", "came_true"]
    return statements[columns].assign(cutoff=pd.Timestamp(cutoff)), pd.concat(days, ignore_index=True).assign(cutoff=pd.Timestamp(cutoff))


def _total(panel: Panel, size: int, lead: int) -> np.ndarray:
    """What came in a window, NaN where a day of it is unknown."""
    return np.asarray(panel.counts[:, size + lead : size + lead + WINDOW_DAYS].sum(axis=1))


def _days_ahead(level: Level, shape: Shape, cutoff: date) -> pd.DataFrame:
    mean, variance = shape.mean[:, :WINDOW_DAYS], shape.variance[:, :WINDOW_DAYS]
    quantiles = negative_binomial_quantiles(mean, variance, BANDS)
    first = np.datetime64(cutoff, "D") + 1
    columns: dict[str, Any] = {
        "series_id": np.repeat(level.series["series_id"].to_numpy(), WINDOW_DAYS),
        "day": np.tile((first + np.arange(WINDOW_DAYS)).astype("datetime64[us]"), len(level.series)),
        "mean": mean.ravel(),
    }
    return pd.DataFrame(columns | {f"q{end:g}": quantiles[:, :, place].ravel() for place, end in enumerate(BANDS)})

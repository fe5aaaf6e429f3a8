"""From warned statements to the ledger: who owns a warning, until when, what is usually done, and what became of older ones."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecasts.counts import negative_binomial_cdf
from forecasts.early_warnings import CAUSES, within_budget, worth
from governance.playbook import suggested_actions

if TYPE_CHECKING:
    from datetime import date

    from forecasts.early_warnings import Rule
    from pipeline.foresight.panels import Level

__all__ = ["Names", "budgeted", "counted", "to_issue", "to_state"]

LONGEST_ID = 120
DUE_BEFORE_DAYS = 7
"""Plans are due a week before the window: the last week is for telling people."""

PLACE_LEVELS = {"category_2": "city", "category": "city", "district_category": "district", "cell": "subdistrict"}
NOBODY = "待定"


class Names:
    """Names of places by code, and of the units that lead a category.

    Parameters
    ----------
    places
        The register: ``code``, ``name``.
    leads
        As ``storage.series.read_lead_units`` gives.
    subdistrict_word
        Type of the units that are subdistricts: they handle cases, they do not lead a category.
    """

    def __init__(self, places: pd.DataFrame, leads: pd.DataFrame, subdistrict_word: str) -> None:
        self._places = dict(zip(places["code"], places["name"], strict=True))
        ordered = leads.assign(is_street=leads["unit_type"] == subdistrict_word).sort_values(["is_street", "request_count"], ascending=[True, False])
        first = ordered.drop_duplicates("category_1")
        self._leads = dict(zip(first["category_1"], first["unit_name"], strict=True))

    def owner(self, level: str, code: str | None, category_1: str) -> tuple[str, str | None]:
        """Who must act, and with whom: the leading unit for the whole city, the place itself with that unit elsewhere."""
        lead = self._leads.get(category_1)
        if level == "city":
            return lead or NOBODY, None
        return self._places.get(code or "", code or NOBODY), lead


def warning_id(level: str, code: str | None, problem: str, start: date) -> str:
    """One name for a problem, place and window, the same whenever it is warned of."""
    whole = "|".join(["season", level, code or "", problem, str(start)])
    return whole if len(whole) <= LONGEST_ID else f"{whole[: LONGEST_ID - 17]}#{hashlib.sha256(whole.encode()).hexdigest()[:16]}"


def _identities(frame: pd.DataFrame, levels: tuple[Level, ...]) -> pd.DataFrame:
    """Statements with ``place_level``, ``place_code``, ``category_1``, ``category_2``, ``problem`` and ``warning_id``."""
    series = pd.concat([level.series for level in levels if level.name in PLACE_LEVELS], ignore_index=True)
    rows = frame.merge(series, on="series_id")
    rows["place_level"] = rows["level"].map(PLACE_LEVELS)
    below = rows["subdistrict"].where(rows["place_level"] == "subdistrict", None)
    code = rows["district"].where(rows["place_level"] == "district", below)
    rows["place_code"] = code
    finer = rows["category_2"] if "category_2" in rows else pd.Series(None, index=rows.index, dtype="object")
    rows["category_2"] = finer.where(rows["level"] == "category_2", None)
    rows["problem"] = [f"{first}/{second}" if isinstance(second, str) else first for first, second in zip(rows["category_1"], rows["category_2"], strict=True)]
    starts = rows["window_start"].dt.date
    names = zip(rows["place_level"], rows["place_code"], rows["problem"], starts, strict=True)
    rows["warning_id"] = [warning_id(level, code if isinstance(code, str) else None, problem, start) for level, code, problem, start in names]
    return rows


def budgeted(rows: pd.DataFrame, budget: dict[str, int]) -> np.ndarray:
    """Which warnings stand in the lists, worth most first: the expected number beyond usual, if they come true, times how likely they are.

    The city's share one list, every district and subdistrict has its own; of windows of one problem that follow each other only the first takes a place.
    """
    owners = np.where(rows["place_level"] == "city", "", rows["place_code"].astype("str"))
    values = worth(rows["expected"], rows["usual"], rows["probability"]).to_numpy(float)
    first = (rows["window_start"] == rows.groupby("series_id")["window_start"].transform("min")).to_numpy()
    chosen = np.zeros(len(rows), dtype=bool)
    for level, most in (("city", budget["planner"]), ("district", budget["district"]), ("subdistrict", budget["subdistrict"])):
        inside = np.flatnonzero(first & (rows["place_level"] == level).to_numpy())
        chosen[inside] = within_budget(values[inside], owners[inside], most)
    return np.asarray(rows["series_id"].isin(rows.loc[chosen, "series_id"]).to_numpy())


def to_issue(warned: pd.DataFrame, levels: tuple[Level, ...], names: Names, rule: Rule, about: dict[str, Any]) -> pd.DataFrame:
    """Rows of the ledger for the statements warned of at a cut-off.

    Parameters
    ----------
    about
        ``cutoff``, ``budget``, ``model`` and ``version`` of the run.
    """
    rows = _identities(warned, levels)
    cutoff: date = about["cutoff"]
    soonest = pd.Timestamp(cutoff + timedelta(days=2))
    owners = [names.owner(level, code, category) for level, code, category in zip(rows["place_level"], rows["place_code"], rows["category_1"], strict=True)]
    shares = rows[[f"share_{cause}" for cause in CAUSES]].rename(columns=lambda name: name.removeprefix("share_"))
    due = rows["window_start"] - pd.Timedelta(days=DUE_BEFORE_DAYS)
    due = due.where(due >= soonest, soonest)
    return pd.DataFrame(
        {
            "warning_id": rows["warning_id"],
            "level": rows["place_level"],
            "place_code": rows["place_code"],
            "category_1": rows["category_1"],
            "category_2": rows["category_2"],
            "window_start": rows["window_start"].dt.date,
            "window_end": rows["window_end"].dt.date,
            "issued_on": cutoff,
            "issued_at": datetime.now(UTC),
            **{name: rows[name].astype("float64") for name in ("probability", "expected", "usual", "low_50", "high_50", "low_80", "high_80")},
            "threshold": rows["threshold"].astype("int64"),
            "starts_on": rows["starts_on"].dt.date,
            "due_on": due.dt.date,
            "owner": [owner for owner, _partner in owners],
            "partner": [partner for _owner, partner in owners],
            "reason": [json.dumps({name: round(float(value), 4) for name, value in row.items()}) for row in shares.to_dict("records")],
            "actions": [json.dumps(suggested_actions(problem), ensure_ascii=False) for problem in rows["problem"]],
            "model": about["model"],
            "version": about["version"],
            "rule": json.dumps(asdict(rule)),
            "is_budgeted": budgeted(rows, about["budget"]),
        }
    )


def to_state(open_warnings: pd.DataFrame, statements: pd.DataFrame, levels: tuple[Level, ...], cutoff: date, issued: pd.DataFrame) -> pd.DataFrame:
    """What is now said of warnings whose window is still to come, against the threshold each was issued with."""
    rows = _identities(statements, levels)[["warning_id", "expected", "variance"]]
    ahead = open_warnings.merge(rows, on="warning_id")
    ahead["probability"] = 1.0 - negative_binomial_cdf(
        ahead["threshold"].to_numpy(float) - 1, ahead["expected"].to_numpy(float), ahead["variance"].to_numpy(float)
    )
    listed = set(issued.loc[issued["is_budgeted"], "warning_id"])
    return ahead.assign(stated_on=cutoff, is_budgeted=ahead["warning_id"].isin(listed))[["warning_id", "stated_on", "probability", "expected", "is_budgeted"]]


def counted(open_warnings: pd.DataFrame, levels: tuple[Level, ...], cutoff: date) -> pd.DataFrame:
    """What came in windows that are over: ``warning_id``, ``scored_on``, ``count``, ``came_true``; windows with unknown days are left for later."""
    over = open_warnings[pd.to_datetime(open_warnings["window_end"]) <= pd.Timestamp(cutoff)]
    found = []
    for row in over.itertuples():
        start, end = np.datetime64(str(row.window_start)), np.datetime64(str(row.window_end))
        for level in levels:
            rows = np.flatnonzero(_is_of(level, row))
            if rows.size:
                days = (level.panel.days >= start) & (level.panel.days <= end)
                count = level.panel.counts[rows[0], days].sum()
                if np.isfinite(count):
                    found.append((row.warning_id, cutoff, int(count), bool(count >= row.threshold)))
                break
    return pd.DataFrame(found, columns=["warning_id", "scored_on", "count", "came_true"])


def _is_of(level: Level, row: Any) -> np.ndarray:
    """Which series of a level a warning is about."""
    series = level.series
    is_finer = isinstance(row.category_2, str)
    if PLACE_LEVELS.get(level.name) != row.level or is_finer != (level.name == "category_2"):
        return np.zeros(len(series), dtype=bool)
    same = series["category_1"] == row.category_1
    if is_finer:
        same &= series["category_2"] == row.category_2
    return np.asarray(same if row.level == "city" else same & (series[row.level] == row.place_code))

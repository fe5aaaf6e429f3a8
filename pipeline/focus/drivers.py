"""What drives a hot spot: which sub-problems, communities, points and units have more than before; which places are like it; which mode it calls for."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from governance.mode_advice import Signs, advise
from governance.pinpoints import points_of
from pipeline.focus.clusters import scanned_problems
from pipeline.focus.panels import ALL
from storage.scope import Role, Scope
from storage.ticket_lines import FEWEST_CALLERS

if TYPE_CHECKING:
    from collections.abc import Hashable

    from governance.mode_advice import ModeRule
    from pipeline.focus.panels import Panel
    from storage.ticket_lines import TicketLines

__all__ = ["DRIVER_COLUMNS", "advised", "drivers_of", "similar_places"]

EVERYTHING = Scope(Role.ADMIN)
BEFORE_DAYS, WEEK = 364, 7
"""What is usual of a part is told by the year before the hot spot, brought to what the city has of the problem during it."""

MOST_PARTS = 8
FEWEST_HOT = 3
"""Places from which a problem can be one of the whole city: in a city of nine a single hot place is a ninth of it."""

LIKE = 5
SAME_WEEKS_YEARS = (1, 2, 3)
YEAR_WEEKS = 52
DRIVER_COLUMNS = ("hotspot_id", "kind", "code", "name", "observed", "usual")
PARTS = ("category_3", "community", "pinpoint", "handling_unit")


def drivers_of(spot: pd.Series, panel: Panel, lines: TicketLines, data_from: date) -> pd.DataFrame:
    """Parts of a hot spot by how much more they have than before.

    Returns
    -------
    DataFrame
        ``kind`` ("problem" where everything is meant; "category_3", "community", "pinpoint", "handling_unit"), ``code`` of the subdistrict it lies in,
        ``name``, ``observed`` since the hot spot began, ``usual`` as the year before and the city let expect. Points of fewer than five
        callers are left out.
    """
    since, until = spot["since"].date(), spot["until"].date()
    if spot["level"] == ALL:
        return _problems(spot, panel)
    problem = (spot["category_1"], spot["category_2"])
    first = max(since - timedelta(days=BEFORE_DAYS), data_from)
    tickets = lines.read(EVERYTHING, problem, frozenset(spot["areas"].split()), first, until)
    is_now = tickets["accepted_at"] >= pd.Timestamp(since)
    scale = _city_now(spot, panel) or ((until - since).days + 1) / max((since - first).days, 1)
    tickets = tickets.assign(pinpoint=points_of(tickets["place"])["pinpoint"].to_numpy())
    parts = []
    for kind in PARTS:
        named = tickets[tickets[kind].notna() & (tickets[kind] != "")]
        keys = ["subdistrict_code", kind] if kind in ("community", "pinpoint") else [kind]
        counted = named.assign(now=is_now, before=~is_now).groupby(keys, as_index=False)[["now", "before"]].sum()
        counted["usual"] = counted["before"] * scale
        if kind == "pinpoint":
            counted = counted[_callers(named, keys).reindex(pd.MultiIndex.from_frame(counted[keys])).to_numpy() >= FEWEST_CALLERS]
        top = counted.assign(more=counted["now"] - counted["usual"]).sort_values(["more", kind], ascending=[False, True]).head(MOST_PARTS)
        top = top[top["now"] > 0]
        code = top.get("subdistrict_code", "")
        parts.append(pd.DataFrame({"kind": kind, "code": code, "name": top[kind], "observed": top["now"].astype("float64"), "usual": top["usual"]}))
    return pd.concat(parts, ignore_index=True).assign(hotspot_id=spot["hotspot_id"])[list(DRIVER_COLUMNS)]


def _city_now(spot: pd.Series, panel: Panel) -> float:
    """The rest of the city's requests of the problem during the hot spot to those of the year before: season and level; 0 where there were none before."""
    elsewhere = ~np.isin(panel.members, spot["areas"].split())
    totals = panel.observed[_position(spot, panel)][elsewhere].sum(axis=0)
    span = _span(spot, panel)
    before = totals[max(span.start - BEFORE_DAYS // WEEK, 0) : span.start].sum()
    return float(totals[span].sum() / before) if before else 0.0


def _callers(tickets: pd.DataFrame, keys: list[str]) -> pd.Series:
    """Callers of each point, or its tickets where callers are not known: few of them could be told by its name."""
    groups = tickets.groupby(keys)
    return groups["caller_key"].nunique() if tickets["caller_key"].notna().any() else groups.size()


def _problems(spot: pd.Series, panel: Panel) -> pd.DataFrame:
    """The problems of a place that has more of everything."""
    areas = np.flatnonzero(np.isin(panel.members, spot["areas"].split()))
    own = _finest(panel)
    seen, usual = (np.nansum(values[own][:, areas][:, :, _span(spot, panel)], axis=(1, 2)) for values in (panel.observed, panel.expected))
    names = panel.problems.iloc[own]
    name = names["category_2"].where(names["category_2"] != "", names["category_1"]).to_numpy()
    frame = pd.DataFrame({"kind": "problem", "code": "", "name": name, "observed": seen, "usual": usual})
    top = frame.assign(more=seen - usual).sort_values("more", ascending=False).head(MOST_PARTS)
    return top.assign(hotspot_id=spot["hotspot_id"])[list(DRIVER_COLUMNS)]


def _finest(panel: Panel) -> np.ndarray:
    """Positions of the finest problems there are."""
    scanned = scanned_problems(panel)
    return scanned[(panel.problems["level"].iloc[scanned] != ALL).to_numpy()]


def _span(spot: pd.Series, panel: Panel) -> slice:
    """The weeks of a hot spot."""
    first = int(np.searchsorted(panel.starts, np.datetime64(spot["since"], "D")))
    after = int(np.searchsorted(panel.starts, np.datetime64(spot["until"], "D"), side="right"))
    return slice(first, after)


def similar_places(spot: pd.Series, panel: Panel) -> pd.DataFrame:
    """The places whose mix of problems is most like that of the hot spot's centre, and how they stand in its problem over the same weeks.

    Returns
    -------
    DataFrame
        ``hotspot_id``, ``code``, ``likeness`` (cosine of the shares of problems over the last year, 0 to 1), ``observed``, ``expected``.
    """
    mix = np.sqrt(panel.observed[_finest(panel)][:, :, -YEAR_WEEKS:].sum(axis=2).T)  # roots, so that one large problem does not rule
    length = np.linalg.norm(mix, axis=1)
    centre = panel.members.index(spot["centre"])
    likeness = mix @ mix[centre] / np.maximum(length * length[centre], 1e-12)
    likeness[np.isin(panel.members, spot["areas"].split())] = -1.0
    best = np.argsort(-likeness, kind="stable")[:LIKE]
    best = best[likeness[best] > 0]
    number, span = _position(spot, panel), _span(spot, panel)
    seen, usual = (np.nansum(values[number][best, span], axis=1) for values in (panel.observed, panel.expected))
    codes = [panel.members[place] for place in best]
    return pd.DataFrame({"hotspot_id": spot["hotspot_id"], "code": codes, "likeness": likeness[best], "observed": seen, "expected": usual})


def _position(spot: pd.Series, panel: Panel) -> int:
    names = panel.problems
    return int(np.flatnonzero((names["category_1"] == spot["category_1"]) & (names["category_2"] == spot["category_2"]))[0])


def advised(spots: pd.DataFrame, panel: Panel, drivers: pd.DataFrame, classes: pd.DataFrame, rule: ModeRule) -> pd.DataFrame:
    """The mode that each hot spot calls for, and the sign that decided: ``hotspot_id``, ``mode``, ``sign``, ``hot_share``."""
    rows = []
    newest = classes[classes["month"] == classes["month"].max()]
    for spot in spots.to_dict("records"):
        number = _position(pd.Series(spot), panel)
        own = newest[(newest["category_1"] == spot["category_1"]) & (newest["category_2"] == spot["category_2"])]
        hot = int((own["state"] > 0).sum())
        hot_share = hot / len(own) if hot >= FEWEST_HOT else 0.0
        units = drivers[(drivers["hotspot_id"] == spot["hotspot_id"]) & (drivers["kind"] == "handling_unit")]["observed"]
        shares = tuple((units / max(spot["observed"], 1.0)).tolist())
        found = advise(Signs(_earlier_years(spot, panel, number), hot_share, int(spot["spells"]), shares), rule)
        rows.append((spot["hotspot_id"], str(found.mode), found.sign, hot_share))
    return pd.DataFrame(rows, columns=["hotspot_id", "mode", "sign", "hot_share"])


def _earlier_years(spot: dict[Hashable, Any], panel: Panel, number: int) -> tuple[float, ...]:
    """The city's count of the problem in the hot spot's weeks of earlier years, in times those years' means."""
    totals = panel.observed[number].sum(axis=0)
    first = int(np.searchsorted(panel.starts, np.datetime64(spot["since"], "D")))
    times = []
    for years in SAME_WEEKS_YEARS:
        begin, end = first - years * YEAR_WEEKS, len(totals) - years * YEAR_WEEKS
        if begin < 0:
            break
        mean = totals[max(end - YEAR_WEEKS, 0) : end].mean()
        times.append(float(totals[begin:end].mean() / mean) if mean > 0 else 0.0)
    return tuple(times)

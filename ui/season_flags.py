"""Season warnings as cards: windows of one problem and place that follow each other are one card, with its news and its past."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecasts.early_warnings import CAUSES, worth
from forecasts.track_record import Record, record
from forecasts.warning_windows import WINDOW_DAYS
from storage.records.warning_stages import Stage
from ui import foresight_loaders, loaders
from ui.words import _

if TYPE_CHECKING:
    from collections.abc import Iterable

    from storage.scope import Scope
    from ui.foresight_loaders import Foresight

__all__ = ["NEWS", "SETTLED", "Card", "cards", "cards_of", "flag_record", "flag_records", "ranked", "to_review"]

IDENTITY = ["level", "place_code", "category_1", "category_2"]
NEWS = {"new": _("● 新发"), "ongoing": _("◐ 持续"), "easing": _("○ 缓解"), "closed": _("■ 关闭")}
SETTLED = frozenset({Stage.SCORED, Stage.REVIEWED, Stage.REJECTED})
LEVEL_OF = {"city": ("category_2", "category"), "district": ("district_category",), "subdistrict": ("cell",)}
FEWEST = 3
"""Fewer warnings in its own past than this, and a problem is judged by all warnings of its category."""


@dataclass(frozen=True, slots=True)
class Card:
    """One problem at one place, over one window or several that follow each other.

    ``warning`` is the ledger's row of the first window; ``warning_ids`` are those of all; what is expected is said of the first window, as bands of
    several windows do not add up. ``has_begun``: the window before it, too near for a new warning, is busy too.
    """

    warning: pd.Series
    warning_ids: tuple[str, ...]
    problem: str
    place: str
    starts_on: date
    ends_on: date
    news: str
    shares: dict[str, float]
    has_begun: bool

    @property
    def key(self) -> str:
        """By which it is known in the URL: the first warning's."""
        return str(self.warning["warning_id"])

    @property
    def worth(self) -> float:
        """What it is worth to know of it; see ``early_warnings.worth``."""
        return float(worth(self.warning["stated_expected"], self.warning["usual"], self.warning["stated_probability"]))

    @property
    def times_usual(self) -> float:
        """Expected over usual."""
        return float(self.warning["stated_expected"] / max(self.warning["usual"], 1.0))

    def lead_days(self, today: date) -> int:
        """Days until it begins; negative when it has."""
        return (self.starts_on - today).days


def problem_name(category_1: str, category_2: object) -> str:
    """The finer name, or the coarser one alone."""
    return _("{fine}（{coarse}）").format(fine=category_2, coarse=category_1) if isinstance(category_2, str) else category_1


def cards_of(snapshot: str, foresight: Foresight, scope: Scope) -> list[Card]:
    """All cards the reader may see on the foresight's last day, the soonest first."""
    today = foresight.cutoff
    bounds, lead = foresight_loaders.policy("probability", today), foresight_loaders.policy("lead_weeks", today)
    rows = foresight_loaders.warnings(snapshot, scope, today)
    running = foresight_loaders.running(foresight.version, scope, bounds["enter"], lead["least"] * 7)
    return cards(rows, snapshot, running, today, bounds["leave"])


def cards(frame: pd.DataFrame, version: str, running: pd.DataFrame, today: date, leave: float) -> list[Card]:
    """Cards of the ledger's rows, the soonest first; a window that is settled is a card of its own.

    Parameters
    ----------
    frame
        As ``foresight_loaders.warnings`` gives.
    version
        Snapshot whose names of places are shown.
    running
        As ``foresight_loaders.running`` gives.
    leave
        Probability below which a warning eases.
    """
    places = loaders.place_register(version).set_index("code")["name"].to_dict()
    begun = {(*_codes(row), start) for row, start in zip(running.itertuples(), pd.to_datetime(running["window_start"]), strict=True)}
    made: list[Card] = []
    is_settled = frame["stage"].isin([str(stage) for stage in SETTLED])
    active = [run for _key, rows in frame[~is_settled].groupby(IDENTITY, dropna=False, sort=False) for run in _runs(rows.sort_values("window_start"))]
    settled = [frame.loc[[row]] for row in frame.index[is_settled]]
    for run in [*active, *settled]:
        first = run.iloc[0]
        place = _("全市") if first["level"] == "city" else places.get(first["place_code"], first["place_code"])
        name = problem_name(first["category_1"], first["category_2"])
        shares = {cause: float(first["reason"].get(cause, 0.0)) for cause in CAUSES}
        last = pd.Timestamp(run["window_end"].iloc[-1]).date()
        before = pd.Timestamp(first["window_start"]) - pd.Timedelta(days=WINDOW_DAYS)
        has_begun = (first["level"], _text(first["place_code"]), first["category_1"], _text(first["category_2"]), before) in begun
        starts, news = pd.Timestamp(first["starts_on"]).date(), _news(first, today, leave)
        made.append(Card(first, tuple(run["warning_id"]), name, place, starts, last, news, shares, has_begun))
    return sorted(made, key=lambda card: (card.starts_on, -card.worth))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _codes(row: Any) -> tuple[str, str, str, str]:
    """Level, place and categories of a series, as a warning has them."""
    level = next((name for name, names in LEVEL_OF.items() if row.level in names), row.level)
    place = {"district": row.district, "subdistrict": row.subdistrict}.get(level, "")
    return level, _text(place), _text(row.category_1), _text(row.category_2)


def _runs(rows: pd.DataFrame) -> Iterable[pd.DataFrame]:
    """Windows of one series, split where one is missing between them."""
    gaps = pd.to_datetime(rows["window_start"]).diff() > pd.Timedelta(days=WINDOW_DAYS)
    return [part for _number, part in rows.groupby(gaps.cumsum())]


def _news(row: pd.Series, today: date, leave: float) -> str:
    if row["stage"] in SETTLED:
        return "closed"
    if pd.Timestamp(row["issued_on"]).date() == today:
        return "new"
    return "easing" if row["stated_probability"] < leave else "ongoing"


def ranked(found: list[Card], level: str, budget: int, *, whole: bool) -> tuple[list[Card], int]:
    """The cards of a level that the list holds, and how many more there are; settled ones are left out.

    Within the budget are those worth most; they are shown in the order in which they begin.
    """
    active = [card for card in found if card.warning["level"] == level and card.warning["stage"] not in SETTLED]
    if whole:
        return active, 0
    best = sorted(active, key=lambda card: -card.worth)[:budget]
    keys = {card.key for card in best}
    return [card for card in active if card.key in keys], len(active) - len(best)


def to_review(found: list[Card], level: str) -> list[Card]:
    """Cards of a level whose window is over and counted, and of which nobody has said yet what came of it."""
    return [card for card in found if card.warning["level"] == level and card.warning["stage"] == Stage.SCORED]


def flag_records(foresight: Foresight, scope: Scope) -> pd.DataFrame:
    """The replayed windows the reader may see, one row each, with codes."""
    return foresight_loaders.windows_replayed(foresight.version, scope)


def flag_record(replayed: pd.DataFrame, card: Card) -> tuple[Record, bool]:
    """How the same rule did on this problem and place, and whether that is its own past or that of its category."""
    row = card.warning
    of_level = replayed[replayed["level"].isin(LEVEL_OF[row["level"]]) & (replayed["category_1"] == row["category_1"])]
    own = of_level
    if isinstance(row["category_2"], str):
        own = own[own["category_2"] == row["category_2"]]
    if row["level"] != "city":
        own = own[own[row["level"]] == row["place_code"]]
    found = record(own)
    if found.hit_count + found.false_count >= FEWEST:
        return found, True
    return record(of_level), False

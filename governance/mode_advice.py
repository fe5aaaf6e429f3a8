"""Which mode of governance a hot spot calls for, by a documented rule: 前瞻, 重点, 专项, 源头, 协同."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Advice", "Mode", "ModeRule", "Signs", "advise"]


class Mode(StrEnum):
    """The five modes of proactive governance."""

    ANTICIPATORY = "anticipatory"
    FOCUSED = "focused"
    SPECIAL = "special"
    SOURCE = "source"
    COLLABORATIVE = "collaborative"


@dataclass(frozen=True, slots=True)
class ModeRule:
    """Bounds of the rule; policy ``focus.mode``.

    Attributes
    ----------
    seasonal_times
        From how many times its yearly mean in the same weeks of each earlier year a problem counts as seasonal.
    special_share
        From what share of the city's places with the problem hot it is a matter of the whole city, 0 to 1.
    source_spells
        From how many hot spells at one place, this one included, or years of being hot, its source must be sought.
    unit_count, unit_share
        From how many handling units that each have at least this share of the tickets, 0 to 1, no one of them can settle it alone.
    """

    seasonal_times: float
    special_share: float
    source_spells: int
    unit_count: int
    unit_share: float


@dataclass(frozen=True, slots=True)
class Signs:
    """What is known of a hot spot: ``earlier_years`` are its problem's weeks of the year in times the year's mean; NaN or none where unknown."""

    earlier_years: tuple[float, ...]
    hot_share: float
    spells: int
    unit_shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Advice:
    """A mode and the sign that decided: "spells", "seasonal", "spread", "units", or "place" where none of them did."""

    mode: Mode
    sign: str


def advise(signs: Signs, rule: ModeRule) -> Advice:
    """The mode a hot spot calls for.

    Notes
    -----
    Asked in turn, the first that holds decides: it comes back at its place (source); it came in the same weeks of all earlier years, and of one at
    least (anticipatory); it is hot in many places (special); several units share it (collaborative); otherwise it is a matter of its place (focused).
    The order is that of lasting: what removes a source goes before what is ready for the next season, and that before a drive. The rule is this
    project's own and assumed.
    """
    if signs.spells >= rule.source_spells:
        return Advice(Mode.SOURCE, "spells")
    if signs.earlier_years and all(times >= rule.seasonal_times for times in signs.earlier_years):
        return Advice(Mode.ANTICIPATORY, "seasonal")
    if signs.hot_share >= rule.special_share:
        return Advice(Mode.SPECIAL, "spread")
    if sum(share >= rule.unit_share for share in signs.unit_shares) >= rule.unit_count:
        return Advice(Mode.COLLABORATIVE, "units")
    return Advice(Mode.FOCUSED, "place")

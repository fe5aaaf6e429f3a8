"""The mode that a hot spot calls for: each sign in its turn, bounds included."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from governance.mode_advice import Advice, Mode, ModeRule, Signs, advise

RULE = ModeRule(seasonal_times=1.3, special_share=0.1, source_spells=2, unit_count=3, unit_share=0.2)
NONE = Signs(earlier_years=(1.0, 1.0), hot_share=0.05, spells=1, unit_shares=(0.9, 0.1))
HOLDS = {"spells": {"spells": 2}, "seasonal": {"earlier_years": (1.3, 1.9)}, "spread": {"hot_share": 0.1}, "units": {"unit_shares": (0.2, 0.3, 0.2, 0.1)}}
"""Each sign just at its bound."""

MODES = {"spells": Mode.SOURCE, "seasonal": Mode.ANTICIPATORY, "spread": Mode.SPECIAL, "units": Mode.COLLABORATIVE}
ORDER = list(MODES)


def test_where_no_sign_holds_it_is_a_matter_of_its_place() -> None:
    assert advise(NONE, RULE) == Advice(Mode.FOCUSED, "place")


@pytest.mark.parametrize("sign", ORDER)
def test_each_sign_decides_alone_and_at_its_bound(sign: str) -> None:
    assert advise(replace(NONE, **HOLDS[sign]), RULE) == Advice(MODES[sign], sign)


@pytest.mark.parametrize("place", range(4))
def test_of_several_signs_the_first_decides(place: int) -> None:
    signs = NONE
    for sign in ORDER[place:]:
        signs = replace(signs, **HOLDS[sign])
    assert advise(signs, RULE) == Advice(MODES[ORDER[place]], ORDER[place])


@pytest.mark.parametrize(
    "changed",
    [
        {"spells": 1},
        {"earlier_years": (1.29, 1.9)},  # not in every year
        {"earlier_years": ()},  # of no year
        {"earlier_years": (math.nan, 1.9)},  # nothing known of a year
        {"hot_share": 0.0999},
        {"unit_shares": (0.2, 0.3, 0.1999)},
        {"unit_shares": ()},
    ],
)
def test_below_its_bound_a_sign_does_not_hold(changed: dict[str, object]) -> None:
    assert advise(replace(NONE, **changed), RULE).mode is Mode.FOCUSED


def test_one_earlier_year_is_enough() -> None:
    assert advise(replace(NONE, earlier_years=(1.5,)), RULE).mode is Mode.ANTICIPATORY


def test_the_rule_is_asked() -> None:
    lax = ModeRule(seasonal_times=9.0, special_share=1.0, source_spells=1, unit_count=9, unit_share=1.0)
    assert advise(NONE, lax) == Advice(Mode.SOURCE, "spells")
    assert advise(replace(NONE, **HOLDS["units"]), replace(lax, source_spells=9)).mode is Mode.FOCUSED

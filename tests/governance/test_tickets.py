"""The ticket contract: names once, types that fit, and messages that help."""

from __future__ import annotations

import pytest

from governance.tickets import EVENT_FIELDS, FIELDS, FREE_TEXT_FIELDS, Kind, enum_of, field


def test_names_are_unique_and_required_fields_are_the_two_without_which_nothing_works() -> None:
    """No field twice, in English or Chinese; only id and time of acceptance are required."""
    assert len({item.name for item in FIELDS}) == len({item.chinese for item in FIELDS}) == len(FIELDS)
    assert {item.name for item in FIELDS if item.required} == {"ticket_id", "accepted_at"}


def test_suffixes_carry_the_type() -> None:
    """``_at`` is a time, ``_count`` a count, ``is_`` a flag, and the other way round."""
    for item in FIELDS:
        assert (item.kind is Kind.TIME) == item.name.endswith("_at")
        assert (item.kind is Kind.COUNT) == item.name.endswith("_count")
        assert (item.kind is Kind.FLAG) == item.name.startswith("is_")
        assert (item.kind is Kind.ENUM) == (item.enum is not None)
        assert item.low is None or item.low < (item.high or 0)


def test_no_field_can_hold_a_name_or_a_number_in_the_clear() -> None:
    """The caller is the only person in the contract, and is stored as a key; texts are masked."""
    assert [item.name for item in FIELDS if item.kind is Kind.CALLER] == ["caller"]
    assert set(FREE_TEXT_FIELDS) == {"title", "content", "place", "reply", "unresolved_reason"}
    assert not {"caller_name", "contact"} & {item.name for item in FIELDS}
    assert set(EVENT_FIELDS) < {item.name for item in FIELDS}


def test_unknown_field_lists_the_known_ones() -> None:
    """The message names the question and the possible answers."""
    with pytest.raises(KeyError, match="accepted_at"):
        field("accepted_on")
    with pytest.raises(TypeError, match="not an enumeration"):
        enum_of(field("title"))

"""Actions by words: every word of the playbook finds its actions, the finer part first."""

from __future__ import annotations

import tomllib

import pytest

from governance.playbook import PLAYBOOK_FILE, suggested_actions

PLAYS = tomllib.loads(PLAYBOOK_FILE.read_text(encoding="utf-8"))["play"]
FALLBACK = tuple(PLAYS[-1]["actions"])


@pytest.mark.parametrize(("place", "word"), [(place, word) for place, play in enumerate(PLAYS) for word in play["words"]])
def test_every_word_finds_the_actions_of_its_entry(place: int, word: str) -> None:
    """No word is hidden by an earlier entry, whether it stands alone, in the middle of a name, or as the finer part."""
    wanted = tuple(PLAYS[place]["actions"])
    assert suggested_actions(word) == wanted
    assert suggested_actions(f"其他{word}问题") == wanted
    assert suggested_actions(f"综合类/{word}") == wanted


def test_the_finer_part_decides() -> None:
    """Heating within noise is heating; a finer part that says nothing leaves it to the coarser one."""
    assert suggested_actions("噪声/供暖不热") == suggested_actions("供暖")
    assert suggested_actions("供暖/噪声") == suggested_actions("噪声")
    assert suggested_actions("供暖/别的") == suggested_actions("供暖")
    assert suggested_actions("供暖") != suggested_actions("噪声")


@pytest.mark.parametrize("problem", ["", "/", "从未听说", "甲/乙"])
def test_unknown_problems_get_the_last_entry(problem: str) -> None:
    """There is always something to do."""
    assert suggested_actions(problem) == FALLBACK


def test_every_entry_is_usable() -> None:
    """Only the last entry has no words; all have actions in whole sentences, and no word stands twice."""
    assert [bool(play["words"]) for play in PLAYS] == [True] * (len(PLAYS) - 1) + [False]
    assert all(play["actions"] and all(action.strip() for action in play["actions"]) for play in PLAYS)
    words = [word for play in PLAYS for word in play["words"]]
    assert len(set(words)) == len(words)
    assert all(words)

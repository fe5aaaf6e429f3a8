"""What is usually done before a problem's season: a list of actions by words in its name, all of them assumed."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

__all__ = ["suggested_actions"]

PLAYBOOK_FILE = Path(__file__).with_name("playbook.toml")


@cache
def _plays() -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    tree = tomllib.loads(PLAYBOOK_FILE.read_text(encoding="utf-8"))
    return tuple((tuple(play["words"]), tuple(play["actions"])) for play in tree["play"])


def suggested_actions(problem: str) -> tuple[str, ...]:
    """Actions for a problem; those of the last entry where no word of the playbook occurs in its name.

    Parameters
    ----------
    problem
        As "公共服务/供暖"; the finer part decides before the coarser one, as it says more.
    """
    for part in reversed(problem.split("/")):
        for words, actions in _plays():
            if any(word in part for word in words):
                return actions
    return _plays()[-1][1]

"""What is kept is kept once, for a while, in bounds, and one asker cannot spoil it for the next."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
import pytest

from ui import kept
from ui.kept import cached, forget


@dataclass(frozen=True)
class Found:
    """A result with a table in it."""

    rows: pd.DataFrame
    count: int
    names: list[str]


@pytest.fixture
def asked():
    return []


def table():
    return pd.DataFrame({"name": ["供暖", "噪声"], "count": [3, 1]})


@pytest.mark.parametrize(
    ("make", "rows"),
    [
        (table, lambda got: got),
        (lambda: (table(), 7), lambda got: got[0]),
        (lambda: Found(table(), 4, ["a"]), lambda got: got.rows),
    ],
    ids=["frame", "tuple", "dataclass"],
)
def test_each_asker_may_change_its_copy(make, rows, asked):
    @cached(4)
    def read(version):
        asked.append(version)
        return make()

    mine = rows(read("a"))
    mine.loc[0, "count"] = 99
    mine["more"] = 1
    assert list(rows(read("a")).columns) == ["name", "count"]
    assert rows(read("a"))["count"].tolist() == [3, 1]
    assert asked == ["a"]


def test_lists_and_dictionaries_are_copied():
    @cached(4)
    def read(kind):
        return [1, 2] if kind == "list" else {"a": 1}

    read("list").append(3)
    read("dict")["b"] = 2
    assert read("list") == [1, 2]
    assert read("dict") == {"a": 1}


def test_lists_within_a_result_are_copied():
    @cached(4)
    def read():
        return Found(table(), 4, ["a"])

    read().names.append("b")
    assert read().names == ["a"]


def test_answers_are_told_apart_by_all_arguments(asked):
    @cached(8)
    def read(version, limit=10):
        asked.append((version, limit))
        return limit

    assert [read("a"), read("a", 5), read("a", limit=5), read("b"), read("a")] == [10, 5, 5, 10, 10]
    assert asked == [("a", 10), ("a", 5), ("a", 5), ("b", 10)]


def test_the_oldest_goes_when_there_are_too_many(asked):
    @cached(2)
    def read(version):
        asked.append(version)
        return version

    for version in ("a", "b", "c", "b", "a"):
        read(version)
    assert asked == ["a", "b", "c", "a"]


def test_what_fails_is_asked_again(asked):
    @cached(2)
    def read(version):
        asked.append(version)
        if len(asked) == 1:
            raise OSError(version)
        return version

    with pytest.raises(OSError, match="a"):
        read("a")
    assert read("a") == "a"


def test_finished_things_are_made_once_and_forgotten_on_demand(asked):
    def make():
        asked.append(1)
        return object()

    first = kept.kept("test", make, "v1", 5)
    assert kept.kept("test", make, "v1", 5) is first
    assert kept.kept("test", make, "v2", 5) is not first
    forget()
    assert kept.kept("test", make, "v1", 5) is not first
    assert len(asked) == 3

"""The words of tickets: titles, contents and replies put together from parts, each part a vocabulary and a number a row."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from pipeline.demo.assumptions import load_assumptions
from pipeline.demo.city import KINDS, build_city
from storage.extracts import Phrases, Vocabulary, Words

if TYPE_CHECKING:
    from pipeline.demo.city import City

__all__ = ["Texts", "load_texts"]

BUILDINGS = 18
UNITS = 5


@dataclass(frozen=True, slots=True)
class Run:
    """Several lists of words in one vocabulary: list ``n`` stands from ``first[n]`` and has ``count[n]`` words."""

    words: Vocabulary
    first: np.ndarray
    count: np.ndarray

    def pick(self, which: np.ndarray, chance: np.ndarray) -> Words:
        """A word of list ``which`` for every row; a negative one gives nothing."""
        found = self.first[which] + (chance * self.count[which]).astype(np.int32)
        return Words(self.words, np.where(which < 0, -1, found))


def _run(lists: list[list[str]]) -> Run:
    counts = np.array([len(words) for words in lists], dtype=np.int32)
    return Run(Vocabulary([word for words in lists for word in words]), (np.cumsum(counts) - counts).astype(np.int32), counts)


@dataclass(frozen=True, slots=True)
class Texts:
    """All parts of texts; ``*_of_leaf`` say which list a leaf uses."""

    city: City
    openers: Vocabulary
    buildings: Vocabulary
    said: Run
    lasting: Vocabulary
    ends: Run
    titles: Vocabulary
    replies: Run
    reply_ends: Vocabulary
    asked: Run
    reasons: Vocabulary
    has_building: np.ndarray
    topic_of_leaf: np.ndarray

    def contents(self, rng: np.random.Generator, leaf: np.ndarray, street: np.ndarray, place: np.ndarray) -> Phrases:
        """Place, object, complaint, how long, effect and wish of each request."""
        count = len(leaf)
        building = np.where(self.has_building[leaf], rng.integers(1, len(self.buildings), count, dtype=np.int32), 0)
        return Phrases(
            (
                Words(self.openers, rng.integers(0, len(self.openers), count, dtype=np.int32)),
                Words(self.city.spoken_words, street),
                Words(self.city.place_words, place),
                Words(self.buildings, building),
                self.said.pick(leaf, rng.random(count, dtype=np.float32) * np.float32(0.9999)),
                Words(self.lasting, rng.integers(0, len(self.lasting), count, dtype=np.int32)),
                self.ends.pick(self.topic_of_leaf[leaf], rng.random(count, dtype=np.float32) * np.float32(0.9999)),
            )
        )

    def reply(self, rng: np.random.Generator, topic: np.ndarray, closed: np.ndarray) -> Phrases:
        """What the unit answered; nothing while the request is open."""
        chance = rng.random(len(topic), dtype=np.float32) * np.float32(0.9999)
        return Phrases(
            (
                self.replies.pick(np.where(closed, topic, -1), chance),
                Words(self.reply_ends, rng.integers(0, len(self.reply_ends), len(topic), dtype=np.int32)),
            )
        )


@cache
def load_texts() -> Texts:
    """The vocabularies of the shipped tables."""
    assumed = load_assumptions()
    texts = assumed.texts
    leaves, topics = assumed.leaves, assumed.topics
    ends = [[f"{effect}。{wish}。" for effect in texts["effects"][group] for wish in texts["wishes"][group]] for group in topics["wishes"]]
    inquiry = texts["inquiry"]
    asked = [[f"{opener}{title}{question}" for opener in inquiry["openers"] for question in inquiry["questions"]] for title in leaves["category_3"]]
    buildings = ["", *(f"{number}号楼{unit}单元" for number in range(1, BUILDINGS + 1) for unit in range(1, UNITS + 1))]
    estate = KINDS.index("estate")
    return Texts(
        city=build_city(),
        openers=Vocabulary(texts["openers"]),
        buildings=Vocabulary(buildings),
        said=_run([[f"，{said}，" for said in row.split("|")] for row in leaves["said"]]),
        lasting=Vocabulary([f"{word}，" for word in texts["lasting"]]),
        ends=_run(ends),
        titles=Vocabulary(leaves["title"].tolist()),
        replies=_run([texts["replies"][group] for group in topics["wishes"]]),
        reply_ends=Vocabulary(texts["reply_ends"]["ends"]),
        asked=_run(asked),
        reasons=Vocabulary(texts["reasons"]["unresolved"]),
        has_building=np.array([KINDS.index(where) == estate for where in leaves["where"]]),
        topic_of_leaf=assumed.topic_of_leaf,
    )

"""The made-up city: communities and the places (estates, roads, shops, schools ...) that tickets are about.

The city is the same for every seed. Districts, subdistricts and their centroids are real; everything below is invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from pipeline.demo.assumptions import load_assumptions
from storage.extracts import Vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.demo.assumptions import Assumptions

__all__ = ["City", "build_city"]

CITY_SEED = 12345
ESTATES_A_COMMUNITY = 3
STREET_LEVEL = {"school": 3, "hospital": 2, "park": 3, "hall": 1, "gym": 2, "beauty": 2, "service": 2, "store": 4, "food": 5}
STREET_LEVEL |= {"lesson": 3, "site": 2, "office": 4, "care": 1, "agent": 2}
KINDS = ("estate", "road", "village", *STREET_LEVEL)
KM_A_DEGREE = 111.32
SPREAD = 0.62
"""Communities lie within this share of the radius of a disc of the street's area."""


@dataclass(frozen=True, slots=True)
class City:
    """Places in arrays; one entry a place, sorted by street and kind.

    ``first`` and ``reach`` have shape (streets, kinds): cumulative weights of a street's places of a kind run from
    ``first`` to ``first + reach`` in ``cumulative``, so that one search finds places for all rows.
    """

    streets: int
    street: np.ndarray
    community: np.ndarray
    longitude: np.ndarray
    latitude: np.ndarray
    cumulative: np.ndarray
    first: np.ndarray
    reach: np.ndarray
    names: tuple[str, ...]
    place_words: Vocabulary
    community_words: Vocabulary
    street_words: Vocabulary
    district_words: Vocabulary
    spoken_words: Vocabulary
    district_of_street: np.ndarray

    def pick(self, street: np.ndarray, kind: np.ndarray, chance: np.ndarray) -> np.ndarray:
        """A place of that kind in that street for every row, ``chance`` in [0, 1)."""
        key = self.first[street, kind] + chance * self.reach[street, kind]
        return np.minimum(np.searchsorted(self.cumulative, key, side="right"), len(self.cumulative) - 1)


def _names(rng: np.random.Generator, first: list[str], second: list[str], third: list[str], count: int) -> list[str]:
    """Different names made of syllables; numbers follow where syllables run out."""
    total = len(first) * len(second) * len(third)
    chosen = rng.permutation(total)[:count]
    made = [first[n % len(first)] + second[n // len(first) % len(second)] + third[n // len(first) // len(second)] for n in map(int, chosen)]
    return made + [f"{made[n % total]}{n // total + 1}号" for n in range(total, count)]


class _Builder:
    """Collects places street by street."""

    def __init__(self, assumed: Assumptions) -> None:
        self.words = assumed.texts["names"]
        self.communities: list[str] = []
        self.rows: list[tuple[int, int, str, int, float, float, float]] = []

    def street(self, number: int, row: object) -> None:
        """Adds the communities and places of one street."""
        rng = np.random.default_rng([CITY_SEED, number])
        words = self.words
        town, villages = int(row.community_count), int(row.village_count)  # type: ignore[attr-defined]
        count = max(town + villages, 1)
        radius = SPREAD * np.sqrt(row.area_km2 / np.pi) / KM_A_DEGREE  # type: ignore[attr-defined]
        angle = rng.random(count) * 2 * np.pi
        far = np.sqrt(rng.random(count)) * radius
        latitude = row.latitude + far * np.sin(angle)  # type: ignore[attr-defined]
        longitude = row.longitude + far * np.cos(angle) / np.cos(np.radians(row.latitude))  # type: ignore[attr-defined]
        weight = rng.lognormal(0, 0.7, count)
        weight[town:] *= 0.45
        estates = _names(rng, words["estate_first"], words["estate_second"], words["estate_third"], town * ESTATES_A_COMMUNITY)
        village_names = _names(rng, words["village_first"], words["village_second"], [""], villages)
        roads = _names(rng, words["road_first"], words["road_second"], [""], count)
        offset = len(self.communities)
        stems = [estates[ESTATES_A_COMMUNITY * n] for n in range(town)]
        self.communities += [f"{stem}社区" for stem in stems] + village_names + (["中心社区"] if town + villages == 0 else [])

        def add(kind: str, name: str, own: int, share: float) -> None:
            shift = rng.normal(0, radius * 0.03, 2)
            where = (float(longitude[own] + shift[0]), float(latitude[own] + shift[1]))
            self.rows.append((number, KINDS.index(kind), name, offset + own, *where, weight[own] * share))

        for n, name in enumerate(estates):
            add("estate", name, n // ESTATES_A_COMMUNITY, float(rng.lognormal(0, 0.6)))
        for n, name in enumerate(village_names):
            add("village", name, town + n, 1.0)
            add("estate", name, town + n, 0.8)
        for n, name in enumerate(roads):
            add("road", name, n, float(rng.lognormal(0, 0.8)))
        for kind, name in self._street_level(rng, str(row.name_)):  # type: ignore[attr-defined]
            add(kind, name, int(rng.integers(count)), float(rng.lognormal(0, 0.8)))

    def _street_level(self, rng: np.random.Generator, street: str) -> Iterator[tuple[str, str]]:
        stem = street.removesuffix("街道").removesuffix("地区").removesuffix("镇").removesuffix("乡")
        for kind, count in STREET_LEVEL.items():
            if kind in self.words["shops"]:
                names = _names(rng, self.words["shop_first"], self.words["shops"][kind], [""], count)
            else:
                names = [f"{stem}{suffix}" for suffix in rng.permutation(self.words[kind])[:count]]
            for name in names:
                yield kind, name


def _fill_missing(rows: list, streets: int) -> list:
    """Gives a street without villages its estates instead, and one without estates its villages."""
    held: dict[tuple[int, int], list] = {}
    for row in rows:
        held.setdefault((row[0], row[1]), []).append(row)
    estate, village = KINDS.index("estate"), KINDS.index("village")
    for number in range(streets):
        for kind in range(len(KINDS)):
            if (number, kind) not in held:
                instead = held.get((number, estate)) or held[number, village]
                rows = rows + [(row[0], kind, *row[2:]) for row in instead]
    return sorted(rows, key=lambda row: (row[0], row[1]))


@cache
def build_city() -> City:
    """The places of the made-up city; the same on every call."""
    assumed = load_assumptions()
    frame = assumed.streets.rename(columns={"name": "name_"})
    builder = _Builder(assumed)
    for number, row in enumerate(frame.itertuples(index=False)):
        builder.street(number, row)
    rows = _fill_missing(builder.rows, len(frame))
    street, kind, names, community, longitude, latitude, weight = map(list, zip(*rows, strict=True))
    cumulative = np.cumsum(np.asarray(weight))
    group = np.asarray(street) * len(KINDS) + np.asarray(kind)
    last = np.searchsorted(group, np.arange(len(frame) * len(KINDS)), side="right") - 1
    ends = cumulative[last].reshape(len(frame), len(KINDS))
    starts = np.concatenate([[0.0], ends.ravel()[:-1]]).reshape(ends.shape)
    districts = sorted(set(frame["parent_name"]))
    return City(
        streets=len(frame),
        street=np.asarray(street, dtype=np.int32),
        community=np.asarray(community, dtype=np.int32),
        longitude=np.round(longitude, 5),
        latitude=np.round(latitude, 5),
        cumulative=cumulative,
        first=starts,
        reach=(ends - starts) * (1 - 1e-12),
        names=tuple(names),
        place_words=Vocabulary(names),
        community_words=Vocabulary(builder.communities),
        street_words=Vocabulary(frame["name_"].tolist()),
        district_words=Vocabulary(districts),
        spoken_words=Vocabulary((frame["parent_name"] + frame["name_"]).tolist()),
        district_of_street=np.array([districts.index(name) for name in frame["parent_name"]], dtype=np.int32),
    )

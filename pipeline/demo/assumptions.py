"""What the demo city assumes: the tables of ``cities/demo/``, read and checked once. Nothing in them is a published figure."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from storage.profiles import CITIES

__all__ = ["Assumptions", "load_assumptions"]

FOLDER = CITIES / "demo"
MONTH_COLUMNS = [f"m{number:02d}" for number in range(1, 13)]


@dataclass(frozen=True, slots=True)
class Assumptions:
    """All tables of the demo city.

    ``topics`` has one row a topic (share, month indices, who handles it), ``leaves`` one a third-level category,
    ``streets`` one a subdistrict with its weight within the district, ``units`` the departments and firms.
    ``topic_of_leaf`` is each leaf's row number in ``topics``. The nested dictionaries are the TOML files as written.
    """

    topics: pd.DataFrame
    leaves: pd.DataFrame
    districts: pd.DataFrame
    streets: pd.DataFrame
    units: pd.DataFrame
    holidays: pd.DataFrame
    volume: dict[str, Any]
    handling: dict[str, Any]
    texts: dict[str, Any]
    truths: dict[str, Any]
    topic_numbers: dict[str, int]
    topic_of_leaf: np.ndarray

    @property
    def month_index(self) -> np.ndarray:
        """Monthly index of each topic, shape (topics, 12), mean 1."""
        return self.topics[MONTH_COLUMNS].to_numpy(dtype="float64")

    def topic_number(self, name: str) -> int:
        """Row number of a topic."""
        return self.topic_numbers[name]

    def leaf_number(self, topic: str, category_3: str) -> int:
        """Row number of a leaf."""
        return int(np.flatnonzero((self.leaves["topic"] == topic) & (self.leaves["category_3"] == category_3))[0])


def _table(name: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / f"{name}.csv", comment="#", dtype={"code": "str"})


def _tree(name: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def load_assumptions() -> Assumptions:
    """The shipped tables; places carry names, districts and centroids from the city's table of places."""
    places = pd.read_csv(CITIES / "beijing_places.csv", dtype={"code": "str", "parent_code": "str"})
    streets = places.merge(_table("streets"), on="code", how="left", validate="one_to_one")
    truths = _tree("truths")
    born = truths["emerging"]
    new_leaf = {name: born[name] for name in ("topic", "category_2", "category_3", "where", "title", "said")} | {"weight": 0}
    leaves = pd.concat([_table("leaves"), pd.DataFrame([new_leaf])], ignore_index=True)
    topics = _table("topics").fillna({"firm": ""})
    numbers = {name: number for number, name in enumerate(topics["topic"])}
    leaves["share"] = leaves["weight"] / leaves.groupby("topic")["weight"].transform("sum")
    return Assumptions(
        topics=topics,
        leaves=leaves,
        districts=_table("districts"),
        streets=streets,
        units=_table("units"),
        holidays=pd.read_csv(FOLDER / "holidays.csv", comment="#", parse_dates=["first", "last"]),
        volume=_tree("volume"),
        handling=_tree("handling"),
        texts=_tree("texts"),
        truths=truths,
        topic_numbers=numbers,
        topic_of_leaf=np.array([numbers[name] for name in leaves["topic"]]),
    )

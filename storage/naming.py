"""Names that people declared the same: categories and units under the name that counts.

As with places, labels stay in the lake as delivered and are settled when counts are made.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa

from storage.records.aliases import PATH_SIGN, AliasKind, aliases_in_force

if TYPE_CHECKING:
    from storage.engine import Connection
    from storage.home import Home

__all__ = ["Naming", "load_naming"]


def load_naming(home: Home) -> Naming:
    """What people entered about categories and units of a home."""
    entered = aliases_in_force(home)
    return Naming(entered[AliasKind.CATEGORY], entered[AliasKind.UNIT])


class Naming:
    """Aliases of categories and units.

    Parameters
    ----------
    categories
        Path to path, levels parted by ``->``. The path of a first level stands for all below it. The levels that the target
        names are replaced, the others stay.
    units
        Name to name.
    """

    def __init__(self, categories: dict[str, str], units: dict[str, str]) -> None:
        self._categories = categories
        self._units = units

    @property
    def key(self) -> str:
        """What was entered, as text: counts made under something else must be made again."""
        return json.dumps([self._categories, self._units], sort_keys=True, ensure_ascii=False) if self._categories or self._units else ""

    def category(self, first: str | None, second: str | None) -> tuple[str | None, str | None]:
        """The category that counts, followed through as many aliases as there are; the longer path goes first."""
        for _turn in range(len(self._categories)):
            if first is None:
                break
            target = self._categories.get(f"{first}{PATH_SIGN}{second}") if second is not None else None
            target = target or self._categories.get(first)
            if target is None:
                break
            head, sign, tail = target.partition(PATH_SIGN)
            first, second = head, tail if sign else second
        return first, second

    def unit(self, name: str) -> str:
        """The unit that counts."""
        for _turn in range(len(self._units)):
            if name not in self._units:
                break
            name = self._units[name]
        return name

    def apply(self, connection: Connection, table: str) -> None:
        """Settles ``category_1``, ``category_2`` and ``handling_unit`` of a temporary table, label by label, not ticket by ticket."""
        run = connection.execute
        if self._categories:
            pairs = run(f"SELECT DISTINCT category_1, category_2 FROM {table}").fetchall()
            moved = [(*pair, *self.category(*pair)) for pair in pairs if self.category(*pair) != pair]
            names = ["category_1", "category_2", "to_1", "to_2"]
            connection.register(
                "settled", pa.table([pa.array(list(side), pa.string()) for side in zip(*moved, strict=True)] if moved else _empty(4), names=names)
            )
            run(
                f"UPDATE {table} t SET category_1 = s.to_1, category_2 = s.to_2 FROM settled s "
                "WHERE t.category_1 = s.category_1 AND t.category_2 IS NOT DISTINCT FROM s.category_2"
            )
            connection.unregister("settled")
        if self._units:
            moved = [(name, self.unit(name)) for name in self._units]
            connection.register("settled", pa.table([pa.array(list(side), pa.string()) for side in zip(*moved, strict=True)], names=["unit", "to_unit"]))
            run(f"UPDATE {table} t SET handling_unit = s.to_unit FROM settled s WHERE t.handling_unit = s.unit")
            connection.unregister("settled")


def _empty(count: int) -> list[pa.Array]:
    return [pa.array([], pa.string()) for _column in range(count)]

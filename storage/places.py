"""The register of places and how a ticket finds its own: by label, spelling pattern, alias or coordinates.

Labels stay in the lake as delivered. They are resolved when counts are made, so a corrected alias or a new
boundary file takes effect without delivering the tickets again.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import TYPE_CHECKING

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
from duckdb.func import ARROW, SPECIAL

from geodata.boundaries import BoundaryError, BoundarySchema, fingerprint, keep_areas, kept_areas, locate, merge_districts, read_boundaries, simplify
from storage.home import InputError, write_whole
from storage.profiles import CITIES
from storage.records.aliases import AliasKind, aliases_in_force

if TYPE_CHECKING:
    from pathlib import Path

    from storage.home import Home
    from storage.profiles import Profile

__all__ = ["PlaceRegister", "install_boundaries", "load_register"]

PLACE_COLUMNS = ["level", "code", "name", "parent_code", "parent_name", "longitude", "latitude", "area_km2", "population"]


def install_boundaries(home: Home, profile: Profile, path: Path) -> str:
    """Checks a boundary file, keeps it with the city and makes the simplified shapes for the browser; its fingerprint.

    Raises
    ------
    InputError
        The file cannot be used.
    """
    names = profile.places.boundaries
    schema = BoundarySchema(names.code, names.name, names.parent_code, names.parent_name, names.population)
    if not path.is_file():
        message = f"边界文件 {path} 不存在"
        raise InputError(message)
    try:
        areas = read_boundaries(path, schema)
    except BoundaryError as error:
        raise InputError(str(error)) from error
    home.boundaries.parent.mkdir(parents=True, exist_ok=True)
    simple = simplify(areas)
    for level, shapes in (("subdistrict", simple), ("district", merge_districts(simple))):
        kept = shapes[["code", "name", "geometry"]]
        text = kept.to_json(drop_id=True) if len(kept) else json.dumps({"type": "FeatureCollection", "features": []})
        compact = json.dumps(json.loads(text), ensure_ascii=False, separators=(",", ":"))
        write_whole(home.boundary_file(level), compact.encode())
    keep_areas(areas, home.boundaries)
    return fingerprint(areas)


def load_register(home: Home, profile: Profile, records: Home | None = None) -> PlaceRegister:
    """The city's places: from the installed boundaries, else the shipped table, else none; with the aliases that people entered.

    ``records`` is the home whose records count, where it is not ``home``: boundaries of a batch that is not yet committed lie elsewhere.
    """
    entered = aliases_in_force(records or home)
    aliases = {str(kind): entered[kind] for kind in (AliasKind.DISTRICT, AliasKind.SUBDISTRICT)}
    if home.boundaries.exists():
        areas = kept_areas(home.boundaries)
        return PlaceRegister(profile, areas, fingerprint(areas), aliases)
    if profile.places.register_file:
        table = pd.read_csv(CITIES / profile.places.register_file, dtype={"code": "str", "parent_code": "str"})
        return PlaceRegister(profile, table, None, aliases)
    return PlaceRegister(profile, pd.DataFrame(columns=["code", "name", "parent_code", "parent_name"], dtype="str"), None, aliases)


class PlaceRegister:
    """Known places of a city.

    Parameters
    ----------
    profile
        Says in which order labels and coordinates are asked, and which spellings mean which code.
    areas
        One row a subdistrict: ``code``, ``name``, ``parent_code``, ``parent_name``, and ``geometry`` where known.
    boundaries_key
        Fingerprint of the boundaries; None without shapes.
    aliases
        For each level, label to code as people entered it; goes before the profile's own.
    """

    def __init__(self, profile: Profile, areas: pd.DataFrame, boundaries_key: str | None, aliases: dict[str, dict[str, str]] | None = None) -> None:
        self.profile = profile
        self.areas = areas
        self.boundaries_key = boundaries_key
        self._entered = aliases or {}
        self._aliases = profile.places.aliases | self._entered.get("subdistrict", {})
        self._district_aliases = profile.places.district_aliases | self._entered.get("district", {})
        self._codes = set(areas["code"])
        self._by_name: dict[str, list[tuple[str, str | None]]] = {}
        for code, name, parent in zip(areas["code"], areas["name"], areas["parent_code"], strict=True):
            self._by_name.setdefault(name, []).append((code, parent if isinstance(parent, str) else None))
        inner = areas[areas["parent_code"].notna()]
        self._district_names = dict(zip(inner["parent_name"], inner["parent_code"], strict=True))
        self._district_codes = set(inner["parent_code"])
        self._parent = dict(zip(inner["code"], inner["parent_code"], strict=True))
        self._patterns = [(re.compile(item.match), item.code) for item in profile.places.patterns]

    @property
    def has_shapes(self) -> bool:
        """Whether areas are polygons, so that points can be located and maps drawn."""
        return "geometry" in self.areas.columns

    @property
    def aliases_key(self) -> str:
        """What the aliases that people entered say, as text: counts made under others must be made again."""
        return json.dumps(self._entered, sort_keys=True, ensure_ascii=False) if any(self._entered.values()) else ""

    def table(self) -> pd.DataFrame:
        """All places of both levels, columns ``PLACE_COLUMNS``; NaN where a fact is unknown."""
        lower = pd.DataFrame(self.areas.drop(columns=["geometry"], errors="ignore")).assign(level="subdistrict")
        if self.has_shapes:
            upper = pd.DataFrame(merge_districts(self.areas).drop(columns="geometry"))
        else:
            inner = self.areas[self.areas["parent_code"].notna()]
            upper = inner.groupby("parent_code", as_index=False).agg(name=("parent_name", "first")).rename(columns={"parent_code": "code"})
        both = pd.concat([upper.assign(level="district"), lower], ignore_index=True)
        both = both.reindex(columns=PLACE_COLUMNS)
        if self.profile.places.population_file:
            given = pd.read_csv(CITIES / self.profile.places.population_file, comment="#", dtype={"code": "str"}).set_index("code")["population"]
            both["population"] = both["population"].astype("float64").fillna(both["code"].map(given))
        return both

    def resolve(self, district: str | None, subdistrict: str | None) -> tuple[str | None, str | None]:
        """District and subdistrict code of a pair of delivered labels; None where unknown.

        Asked in turn: the code itself, an alias, a spelling pattern, the name (within the district where the
        name is not unique).
        """
        upper = self._district(district)
        lower = self._subdistrict(subdistrict, upper)
        if lower is not None:
            return self._parent.get(lower, upper), lower
        return upper, None

    def _district(self, label: str | None) -> str | None:
        if label is None:
            return None
        label = self._district_aliases.get(label, label)
        if label in self._district_codes:
            return label
        return self._district_names.get(label)

    def _subdistrict(self, label: str | None, district: str | None) -> str | None:
        if label is None:
            return None
        label = self._aliases.get(label, label)
        if label in self._codes:
            return label
        for pattern, template in self._patterns:
            if (match := pattern.match(label)) and ("{district}" not in template or district):
                code = template.format(match[0], *match.groups(), district=district)
                if code in self._codes:
                    return code
        named = self._by_name.get(label, [])
        if len(named) > 1:
            named = [item for item in named if item[1] == district]
        return named[0][0] if len(named) == 1 else None

    def place_sql(self, connection: duckdb.DuckDBPyConnection, tickets: str) -> str:
        """SQL over relation ``tickets`` with ``district_code`` and ``subdistrict_code`` added.

        Resolves the distinct labels once into table ``place_label``; coordinates, where the profile asks
        them, by a vectorised look-up.
        """
        labels = connection.execute(f"SELECT DISTINCT district, subdistrict FROM {tickets}").fetchall()
        resolved = [self.resolve(*pair) for pair in labels]
        columns = [[pair[0] or "" for pair in labels], [pair[1] or "" for pair in labels], *([item[side] for item in resolved] for side in (0, 1))]
        names = ["label_district", "label_subdistrict", "label_district_code", "label_subdistrict_code"]
        table = pa.table([pa.array(column, pa.string()) for column in columns], names=names)
        connection.register("place_label_delivered", table)
        connection.execute("CREATE OR REPLACE TEMP TABLE place_label AS SELECT * FROM place_label_delivered")
        connection.unregister("place_label_delivered")
        by_label = "p.label_subdistrict_code"
        code = by_label
        if "coordinates" in self.profile.places.order and self.has_shapes:
            self._offer_locate(connection)
            by_point = "CASE WHEN longitude IS NOT NULL AND latitude IS NOT NULL THEN place_at(longitude, latitude) END"
            ways = {"label": by_label, "coordinates": by_point}
            code = f"coalesce({', '.join(ways[way] for way in self.profile.places.order)})"
        parents = pa.table([pa.array(list(side), pa.string()) for side in (self._parent.keys(), self._parent.values())], names=["child", "parent"])
        connection.register("place_parent_given", parents)
        connection.execute("CREATE OR REPLACE TEMP TABLE place_parent AS SELECT * FROM place_parent_given")
        connection.unregister("place_parent_given")
        return (
            "(SELECT s.* EXCLUDE (label_district_code), coalesce(q.parent, s.label_district_code) AS district_code FROM ("
            f"SELECT t.*, p.label_district_code, {code} AS subdistrict_code FROM {tickets} t "
            "LEFT JOIN place_label p ON p.label_district = coalesce(t.district, '') AND p.label_subdistrict = coalesce(t.subdistrict, '')"
            ") s LEFT JOIN place_parent q ON q.child = s.subdistrict_code)"
        )

    def _offer_locate(self, connection: duckdb.DuckDBPyConnection) -> None:
        areas = self.areas

        def place_at(longitude: pa.Array, latitude: pa.Array) -> pa.Array:
            found = locate(areas, np.asarray(longitude, dtype="float64"), np.asarray(latitude, dtype="float64"))
            return pa.array(found, pa.string())

        with suppress(duckdb.InvalidInputException):  # there is no "create or replace" for functions
            connection.remove_function("place_at")
        connection.create_function("place_at", place_at, ["DOUBLE", "DOUBLE"], "VARCHAR", type=ARROW, null_handling=SPECIAL)

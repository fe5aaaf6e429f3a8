"""Work done once before the first visitor: imports, the snapshot, the first reads and figures."""

from __future__ import annotations

from storage.reads import Selection
from storage.scope import Role, Scope
from ui import areas, cards, catalog, figures, filters, intake, loaders, maps, measures, tables

__all__ = ["run"]

MODULES = (areas, cards, catalog, filters, intake, measures, tables)


def run() -> None:
    """Read and draw the home page's numbers for a leader; the caches then serve the first visitor."""
    version = loaders.pin_version()
    if version is None:
        return
    known = loaders.facts(version)
    key = (version, Scope(Role.LEADER), Selection(), loaders.default_period(known))
    loaders.place_register(version)
    loaders.unit_register(version)
    loaders.categories(version)
    loaders.small_base(version, key[-1])
    loaders.headline(*key)
    loaders.problems(*key)
    loaders.units(*key)
    figures.volume(loaders.volume(*key))
    level = "district" if known.has_districts else "subdistrict"
    places, _unplaced = loaders.places(*key, level)
    maps.choropleth(places, known.boundaries_key or "none", level, extent=None, dark=False)

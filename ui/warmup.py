"""Work done once before the first visitor: imports, the snapshot, the first reads and figures."""

from __future__ import annotations

import importlib
import pkgutil

import ui
from governance.periods import Period
from storage.reads import Selection
from storage.scope import Role, Scope
from ui import areas, change_loaders, checkup_loaders, figures, heat_loaders, loaders, maps
from ui.checkup_loaders import WHOLE

__all__ = ["run"]


def run() -> None:
    """Import what any page imports, then read and draw a leader's first pages; the caches serve the first visitor."""
    for module in pkgutil.iter_modules(ui.__path__):
        importlib.import_module(f"ui.{module.name}")
    version = loaders.pin_version()
    if version is None:
        return
    known = loaders.facts(version)
    key = (version, Scope(Role.LEADER), Selection(), loaders.default_period(known))
    loaders.place_register(version)
    loaders.unit_register(version)
    loaders.categories(version)
    _cockpit(key, areas.DISTRICT if known.has_districts else areas.SUBDISTRICT, known.boundaries_key or "none")
    heat_loaders.area_months(*key[:-1], areas.SUBDISTRICT, heat_loaders.COUNT)
    heat_loaders.hours(*key[:-1], known.filled_until.replace(day=1))
    target = (*key[:2], WHOLE, WHOLE, key[-1])
    checkup_loaders.checked(*target)
    checkup_loaders.growing(*target)
    checkup_loaders.problems(*target)


def _cockpit(key: tuple[str, Scope, Selection, Period], level: str, boundaries_key: str) -> None:
    loaders.small_base(key[0], key[-1])
    loaders.headline(*key)
    loaders.sparks(*key)
    loaders.problems(*key)
    loaders.units(*key)
    volume = loaders.volume(*key)
    figures.volume(volume, loaders.calendar_marks(key[0], volume.attrs["window"]))
    for against in change_loaders.possible(key[0], key[-1])[:1]:
        change_loaders.changes(*key, against)
    places, _unplaced = loaders.places(*key, level)
    maps.choropleth(places, boundaries_key, level, extent=None, dark=False)

"""Work done before a visitor asks: imports and the first pages before the first visitor, the usual selections while nobody waits."""

from __future__ import annotations

import gc
import importlib
import itertools
import logging
import pkgutil
import time
from functools import partial
from typing import TYPE_CHECKING

import ui
from governance.periods import Grain, Period
from storage.reads import Selection
from storage.scope import Role, Scope
from ui import areas, change_loaders, checkup_loaders, figures, heat_loaders, loaders, maps, turns
from ui.checkup_loaders import WHOLE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Read = Callable[[], object]

__all__ = ["keep_reading_ahead", "out_of_sight", "run", "usual_reads"]

LOG = logging.getLogger("weisu.warmup")
MONTHS_AHEAD = 12
BETWEEN_SECONDS = 0.01
AGAIN_SECONDS = 10.0


def run() -> None:
    """Import what any page imports, then read and draw a leader's first pages; the caches serve the first visitor."""
    for module in pkgutil.iter_modules(ui.__path__):
        importlib.import_module(f"ui.{module.name}")
    version = loaders.pin_version()
    if version is None:
        return
    known = loaders.facts(version)
    period = loaders.default_period(known)
    for read in (*_registers(version), *_page_reads(version, Selection(), period)):
        read()
    volume = loaders.volume(version, Scope(Role.LEADER), Selection(), period)
    figures.volume(volume, loaders.calendar_marks(version, volume.attrs["window"]))
    level = areas.DISTRICT if known.has_districts else areas.SUBDISTRICT
    places, _unplaced = loaders.places(version, Scope(Role.LEADER), Selection(), period, level)
    maps.choropleth(places, known.boundaries_key or "none", level, extent=None, dark=False)


def keep_reading_ahead() -> None:
    """Read the usual selections of every new snapshot, one read at a time, whenever no visitor waits; never returns."""
    read_for: str | None = None
    while True:
        try:
            version = loaders.pin_version()
            if version is not None and version != read_for:
                read_for = version  # also where it fails: what cannot be read now cannot be read in ten seconds either
                _read_ahead(version)
        except Exception:
            LOG.exception("reading ahead failed; pages read for themselves")
        time.sleep(AGAIN_SECONDS)


def _read_ahead(version: str) -> None:
    """Until all is read, or the snapshot has been replaced by another."""
    began = time.monotonic()
    for read in usual_reads(version):
        if loaders.pin_version() != version:
            return
        _when_idle(read)
    out_of_sight()
    LOG.info("usual selections read ahead in %.0f s", time.monotonic() - began)


def out_of_sight() -> None:
    """Take what lives now out of the garbage collector's sight: kept answers are many, do not die soon, and would be walked again and again."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _when_idle(read: Read) -> None:
    while True:
        with turns.idle_turn() as has_turn:
            if has_turn:
                read()
                break
        time.sleep(BETWEEN_SECONDS)
    time.sleep(BETWEEN_SECONDS)


def usual_reads(version: str) -> Iterator[Read]:
    """What a leader's pages read for the whole city and each district in the last twelve months, newest first."""
    known = loaders.facts(version)
    register = loaders.place_register(version)
    districts = register.loc[register["level"] == areas.DISTRICT, "code"]
    selections = [Selection(), *(Selection(district_code=code) for code in districts if known.has_districts)]
    newest = loaders.default_period(known)
    months = [newest]
    while len(months) < MONTHS_AHEAD and months[-1].start > known.data_from:
        months.append(Period.containing(Grain.MONTH, months[-1].before().start))
    yield from _registers(version)
    for period, selection in itertools.product(months, selections):
        yield from _page_reads(version, selection, period)


def _registers(version: str) -> Iterator[Read]:
    return (partial(read, version) for read in (loaders.place_register, loaders.unit_register, loaders.categories))


def _page_reads(version: str, selection: Selection, period: Period) -> Iterator[Read]:
    """The reads of cockpit, heat map and check-up for one place and month, as a leader's pages make them."""
    known = loaders.facts(version)
    seen = (version, Scope(Role.LEADER))
    key = (*seen, selection, period)
    level = areas.DISTRICT if known.has_districts and selection.district_code is None else areas.SUBDISTRICT
    yield partial(loaders.small_base, version, period)
    for read in (loaders.headline, loaders.sparks, loaders.problems, loaders.units, loaders.volume):
        yield partial(read, *key)
    yield from (partial(change_loaders.changes, *key, against) for against in change_loaders.possible(version, period)[:1])
    yield partial(loaders.places, *key, level)
    yield partial(loaders.places, *seen, selection, heat_loaders.month_period(period.start), areas.SUBDISTRICT)
    yield partial(heat_loaders.area_months, *seen, selection, areas.SUBDISTRICT, heat_loaders.COUNT)
    yield partial(heat_loaders.hours, *seen, selection, period.start)
    kind, code = ("district", selection.district_code) if selection.district_code else (WHOLE, WHOLE)
    for check in (checkup_loaders.checked, checkup_loaders.growing, checkup_loaders.problems):
        yield partial(check, *seen, kind, code, period)

"""What many visitors ask for is read and made once: reads, of which each asker gets a copy, and finished things, which are shared.

Streamlit's own caches pickle every answer and take every key apart field by field; for answers of a few kilobytes that costs more
than all the rest of a page that has been seen before. Pandas copies on write, so a copy here costs next to nothing.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import threading
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import pandas as pd
from cachetools import TTLCache
from cachetools.keys import hashkey

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["cached", "forget", "kept"]

Made = TypeVar("Made")
Asked = ParamSpec("Asked")
MOST = 1024
SECONDS = 86_400
"""Answers are asked for by snapshot and a snapshot never changes; a day is the time after which nobody looks at an old one."""

MISSING = object()
MUTABLE = (pd.DataFrame, pd.Series, list, dict)


class _Store:
    """Answers by key, bounded in number and age; what fails is not kept."""

    def __init__(self, most: int) -> None:
        self._answers: TTLCache[Hashable, Any] = TTLCache(most, SECONDS)
        self._lock = threading.Lock()
        STORES.append(self)

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        with self._lock:
            found = self._answers.get(key, MISSING)
        if found is MISSING:
            found = make()
            with self._lock:
                self._answers[key] = found
        return found

    def clear(self) -> None:
        with self._lock:
            self._answers.clear()


STORES: list[_Store] = []


def cached(max_entries: int) -> Callable[[Callable[Asked, Made]], Callable[Asked, Made]]:
    """Keep what a read gives by its arguments, bounded in number and for a day; each asker may change its copy.

    Frames, lists and dictionaries are copied, also within a tuple or as the fields of a dataclass.
    """

    def keep(read: Callable[Asked, Made]) -> Callable[Asked, Made]:
        store = _Store(max_entries)

        @functools.wraps(read)
        def ask(*args: Asked.args, **kwargs: Asked.kwargs) -> Made:
            return cast("Made", _own(store.get(hashkey(*args, **cast("dict[str, Hashable]", kwargs)), lambda: read(*args, **kwargs))))

        return ask

    return keep


def _own(value: Any) -> Any:
    """A copy for one asker."""
    match value:
        case pd.DataFrame() | pd.Series():
            return value.copy(deep=False)
        case tuple() if type(value) is tuple:
            return tuple(_own(part) for part in value)
        case list() | dict():
            return copy.copy(value)
        case _ if dataclasses.is_dataclass(value):
            parts = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
            own = copy.copy(value)
            for name, part in parts.items():
                if isinstance(part, MUTABLE):
                    object.__setattr__(own, name, _own(part))  # past the guard of a frozen one
            return own
        case _:
            return value


_FINISHED = _Store(MOST)


def kept(name: str, make: Callable[[], Made], *shows: Hashable) -> Made:
    """What ``make`` gives, made once for what it shows; it is shared, and whoever gets it must not change it.

    Parameters
    ----------
    name
        Of the kind of thing.
    make
        Makes it from cached reads.
    shows
        All that it depends on, the snapshot's version first.
    """
    return cast("Made", _FINISHED.get((name, *shows), make))


def forget() -> None:
    """Forget everything kept."""
    for store in STORES:
        store.clear()

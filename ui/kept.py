"""Finished things kept by what they show: a figure or a list of names that many visitors ask for is made once.

Making a figure costs several times what sending it does. What is kept is shared: whoever gets it must not change it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import streamlit as st

from governance.periods import Period
from storage.queries import Selection
from storage.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["cached", "kept"]

Made = TypeVar("Made")
Asked = ParamSpec("Asked")
MOST = 512
SECONDS = 3600
BY_WORDS: dict[str | type[Any], Callable[[Any], Any]] = {Period: repr, Scope: repr, Selection: repr}
"""Streamlit takes such keys apart field by field, which costs more than the look-up."""


def cached(max_entries: int) -> Callable[[Callable[Asked, Made]], Callable[Asked, Made]]:
    """``st.cache_data`` for a read, bounded in number and age; the caller gets a copy of its own."""
    keep: Callable[[Callable[Asked, Made]], Callable[Asked, Made]] = st.cache_data(
        max_entries=max_entries, ttl=SECONDS, show_spinner=False, hash_funcs=BY_WORDS
    )
    return keep


def kept(name: str, make: Callable[[], Made], *shows: Hashable) -> Made:
    """What ``make`` gives, made once for what it shows.

    Parameters
    ----------
    name
        Of the kind of thing.
    make
        Makes it from cached reads.
    shows
        All that it depends on, the snapshot's version first; told apart by ``repr``.
    """
    found: Made = _kept(name, repr(shows), make)
    return found


@st.cache_resource(max_entries=MOST, ttl=SECONDS, show_spinner=False)
def _kept(name: str, shows: str, _make: Callable[[], Any]) -> Any:
    del name, shows
    return _make()

"""Classes of a map: from values and bounds to class numbers, colours and the words of the legend."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ui import theme, words
from ui.words import _

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

__all__ = ["Scale", "classes", "scale"]


@dataclass(frozen=True, slots=True)
class Scale:
    """Class 0 is "no value"; the others run from low to high. ``names`` and ``shades`` have one entry a class."""

    title: str
    names: tuple[str, ...]
    shades: tuple[str, ...]


def classes(values: pd.Series, breaks: Sequence[float]) -> np.ndarray:
    """Class number of each value: 0 where it is NaN, else 1 for below the first bound up to ``len(breaks) + 1``."""
    numbers = values.to_numpy(dtype="float64")
    return np.where(np.isnan(numbers), 0, np.searchsorted(np.asarray(breaks, dtype="float64"), numbers, side="right") + 1)


def scale(title: str, breaks: Sequence[float], text: Callable[[float], str], *, dark: bool, diverging: bool = False) -> Scale:
    """The legend for the classes between inner bounds; ``text`` writes one bound."""
    shades = _shades(len(breaks) + 1, dark=dark, diverging=diverging)
    if not breaks:
        return Scale(title, (_("无数据"), _("有数据")), (theme.EMPTY_DARK if dark else theme.EMPTY, *shades))
    between = [_("{low}至{high}").format(low=text(low), high=text(high)) for low, high in itertools.pairwise(breaks)]
    names = (_("不足{high}").format(high=text(breaks[0])), *between, _("{low}及以上").format(low=text(breaks[-1])))
    return Scale(title, (words.DASH, *names), (theme.EMPTY_DARK if dark else theme.EMPTY, *shades))


def _shades(count: int, *, dark: bool, diverging: bool) -> tuple[str, ...]:
    light_and_dark = (theme.DIVERGING, theme.DIVERGING_DARK) if diverging else (theme.SEQUENTIAL, theme.SEQUENTIAL_DARK)
    every = light_and_dark[dark]
    picks = np.linspace(0, len(every) - 1, count).round().astype(int) if count > 1 else np.array([len(every) // 2])
    return tuple(every[index] for index in picks)

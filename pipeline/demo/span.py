"""The period of a demo and its months."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from datetime import date

__all__ = ["Span"]


@dataclass(frozen=True, slots=True)
class Span:
    """From the first of a month to the last day of the data.

    Parameters
    ----------
    until
        Last day with tickets.
    months_back
        The period begins on the first of the month so many months before the month of ``until``.
    """

    until: date
    months_back: int

    @property
    def last(self) -> np.datetime64:
        """The last day."""
        return np.datetime64(self.until, "D")

    @property
    def cut(self) -> int:
        """The end of the last day in seconds since 1970; nothing happens afterwards."""
        return int((self.last + 1).astype("datetime64[s]").astype("int64")) - 1

    @property
    def first(self) -> np.datetime64:
        """The first day."""
        return (self.last.astype("datetime64[M]") - self.months_back).astype("datetime64[D]")

    @property
    def days(self) -> np.ndarray:
        """All days."""
        return np.arange(self.first, self.last + 1)

    @property
    def months(self) -> np.ndarray:
        """All months."""
        return np.arange(self.first.astype("datetime64[M]"), self.last.astype("datetime64[M]") + 1)

    @property
    def month_of_day(self) -> np.ndarray:
        """Number of the month of each day, from 0."""
        return (self.days.astype("datetime64[M]") - self.months[0]).astype("int64")

"""Files that leave the screen: CSV that a spreadsheet opens in Chinese and does not execute."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["csv_bytes", "neutralise"]

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # and their full-width forms


def neutralise(value: object) -> object:
    """A text that a spreadsheet would run as a formula gets an apostrophe in front; else unchanged."""
    if isinstance(value, str) and value.lstrip(" ").startswith(FORMULA_STARTS):
        return f"'{value}"
    return value


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """UTF-8 with BOM, so that Excel recognises the Chinese."""
    safe = frame.map(neutralise)
    safe.columns = [neutralise(str(name)) for name in frame.columns]
    return safe.to_csv(index=False, lineterminator="\r\n").encode("utf-8-sig")

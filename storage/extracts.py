"""Extracts written as a city would deliver them: columns given as codes and words become one Parquet file.

Made-up data (``pipeline.demo``) comes in arrays of codes; the words are joined here, where Arrow is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["ExtractWriter", "Phrases", "Vocabulary", "Words"]

ROW_GROUP_ROWS = 122_880
DICTIONARY_WORDS = 4096
"""A longer vocabulary is written word by word."""


class Vocabulary:
    """Words that rows refer to by number, kept in the engine's own form so that many files can share them."""

    def __init__(self, words: Sequence[str]) -> None:
        self.array = pa.array(list(words), pa.string())
        # a dictionary that holds a word twice is not written as the same bytes twice
        self.is_dictionary = len(self.array) <= DICTIONARY_WORDS and len(set(words)) == len(self.array)

    def __len__(self) -> int:
        return len(self.array)


@dataclass(frozen=True, slots=True)
class Words:
    """A column of words: ``codes`` point into the vocabulary, a negative one means nothing."""

    vocabulary: Vocabulary
    codes: np.ndarray


@dataclass(frozen=True, slots=True)
class Phrases:
    """A column of texts: the words of all parts, one after the other; nothing where a part is nothing."""

    parts: tuple[Words, ...]


class ExtractWriter:
    """One Parquet file, written part by part; the same parts give the same bytes.

    Parameters
    ----------
    path
        The file; it is overwritten.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None

    def write(self, columns: Mapping[str, Words | Phrases | np.ndarray]) -> int:
        """Appends rows; their number.

        Parameters
        ----------
        columns
            By name: words, phrases, or plain numbers and times (NaN and NaT become nothing). All of one length, and in every
            part the same names.
        """
        table = pa.table({name: _array(column) for name, column in columns.items()})
        if self._writer is None:
            coded = [name for name, column in columns.items() if isinstance(column, Words) and column.vocabulary.is_dictionary]
            self._writer = pq.ParquetWriter(self._path, table.schema, compression="lz4", use_dictionary=coded, write_statistics=False)
        self._writer.write_table(table, ROW_GROUP_ROWS)
        return int(table.num_rows)

    def close(self) -> None:
        """Finishes the file."""
        if self._writer is not None:
            self._writer.close()


def _array(column: Words | Phrases | np.ndarray) -> pa.Array:
    if isinstance(column, Words) and not column.vocabulary.is_dictionary:
        return column.vocabulary.array.take(_indices(column))
    if isinstance(column, Words):
        return pa.DictionaryArray.from_arrays(_indices(column), column.vocabulary.array)
    if isinstance(column, Phrases):
        return pc.binary_join_element_wise(*(part.vocabulary.array.take(_indices(part)) for part in column.parts), "")
    return pa.array(column, from_pandas=True)


def _indices(words: Words) -> pa.Array:
    codes = words.codes.astype(np.int32, copy=False)
    missing = codes < 0
    return pa.array(codes, mask=missing) if missing.any() else pa.array(codes)

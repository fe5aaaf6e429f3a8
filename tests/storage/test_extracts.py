"""Extracts: what is read back is what the codes say, and the same columns give the same bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from storage.extracts import ExtractWriter, Phrases, Vocabulary, Words
from storage.home import Home
from storage.schematic import is_schematic, mark_schematic

CITIES = Vocabulary(["甲", "乙"])
MANY = Vocabulary([f"词{number}" for number in range(5000)])
TWICE = Vocabulary(["同", "同", "异"])


def write(path: Path) -> Path:
    writer = ExtractWriter(path)
    for start in (0, 3):
        codes = np.arange(start, start + 3) % 2
        missing = np.array([0, -1, 1])
        writer.write(
            {
                "词": Words(CITIES, missing),
                "多": Words(MANY, codes + 4000),
                "同": Words(TWICE, codes),
                "句": Phrases((Words(CITIES, codes), Words(CITIES, missing))),
                "数": np.array([1.0, np.nan, 3.0]),
                "时": np.array(["2024-01-01T00:00:01", "NaT", "2024-01-02T00:00:00"], dtype="datetime64[s]"),
            }
        )
    writer.close()
    return path


def test_words_phrases_numbers_and_times(tmp_path: Path) -> None:
    rows = pq.read_table(write(tmp_path / "a.parquet")).to_pydict()
    assert rows["词"] == ["甲", None, "乙"] * 2
    assert rows["多"][:2] == ["词4000", "词4001"]
    assert rows["同"] == ["同", "同", "同", "同", "同", "同"]
    assert rows["句"] == ["甲甲", None, "甲乙", "乙甲", None, "乙乙"]
    assert rows["数"][:3] == [1.0, None, 3.0]
    assert [str(value) for value in rows["时"][:3]] == ["2024-01-01 00:00:01", "None", "2024-01-02 00:00:00"]


def test_the_same_columns_give_the_same_bytes(tmp_path: Path) -> None:
    first = write(tmp_path / "a.parquet").read_bytes()
    assert all(write(tmp_path / "b.parquet").read_bytes() == first for _ in range(5))


@pytest.mark.parametrize(("asked", "answer"), [("k1", True), ("k2", False), ("", False), (None, False)])
def test_a_note_marks_one_set_of_boundaries_as_schematic(tmp_path: Path, asked: str | None, answer: bool) -> None:
    """Boundaries that are installed later have another fingerprint and are not schematic."""
    home = Home(tmp_path)
    assert not is_schematic(home, "k1")
    mark_schematic(home, "k1")
    assert is_schematic(home, asked) is answer

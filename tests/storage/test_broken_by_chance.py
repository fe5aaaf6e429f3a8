"""Files broken by chance: refused whole with nothing changed, or every record accounted for under its own number."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from storage.home import Home
from tests.factories import HEAD, csv_text, lake_by_id, load, outcome_is_sound, put, quarantine_rows, ticket, workbook

CELLS = st.one_of(
    st.sampled_from(
        ["", "x", "东城区", "2024-03-01", '"', '""', '"a,b"', '"a\nb"', 'a"b', '"a"b', "\r", "\0", "=1", "，", "\ufeff", "\u2028", "\\", "'", "1e999"]
    ),
    st.text(max_size=6),
)
CHANCE = settings(max_examples=int(os.environ.get("BROKEN_EXAMPLES", "20")), suppress_health_check=[HealthCheck.too_slow], deadline=None)


@CHANCE
@given(
    rows=st.lists(st.lists(CELLS, min_size=1, max_size=6), min_size=1, max_size=12),
    newline=st.sampled_from(["\n", "\r\n", "\r", "\n\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "gb18030", "utf-16"]),
    end=st.booleans(),
)
@example(rows=[['"'], ["", "\r"], ["", "", '"a\nb"']], newline="\r\n", encoding="utf-8", end=False)
def test_random_cells(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], newline: str, encoding: str, end: bool) -> None:
    """Any cells, quoted or not, any number of them, in any encoding: refused whole or accounted for row by row."""
    folder = tmp_path_factory.mktemp("cells")
    body = [f"A{index},2024-03-01," + ",".join(cells) for index, cells in enumerate(rows)]
    text = newline.join([HEAD, *body]) + (newline if end else "")
    outcome_is_sound(Home(folder / "home"), put(folder / "a.csv", text.encode(encoding, errors="surrogatepass" if encoding == "utf-8" else "replace")))


KINDS = {
    "good": "A,2024-03-01,x,y",
    "lines": 'A,2024-03-01,"over\n\nlines, ""quoted""",y',
    "inch": 'A,2024-03-01,5" pipe,y',
    "blank": "",
    "date": "A,never,x,y",
    "date lines": 'A,never,"over\n\n\nlines",y',
    "short": "A,2024-03-01",
    "long": "A,2024-03-01,x,y,z",
    "after": 'A,2024-03-01,"x"y,z',
    "bytes": "A,2024-03-01,\udcff\udcff,y",
    "open": 'A,2024-03-01,"open,y',
}
"""Records by what is wrong with them; all but the first four are faults, a blank line is no record."""


@CHANCE
@given(
    kinds=st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=14).filter(lambda kinds: kinds[0] != "blank"),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
)
@example(kinds=["good", "blank", "blank", "bytes", "date"], newline="\n")
@example(kinds=["date lines", "after", "blank", "open", "short", "blank", "long"], newline="\r\n")
@example(kinds=["inch", "blank", "short", "open", "date"], newline="\r")
def test_rows_are_numbered_as_a_person_would(tmp_path_factory: pytest.TempPathFactory, kinds: list[str], newline: str) -> None:
    """Whatever stands before a faulty record (blank lines, texts over lines, broken records), its number is its place."""
    folder = tmp_path_factory.mktemp("rows")
    records = [(kind, f"A{index}" + KINDS[kind][1:] if KINDS[kind] else "") for index, kind in enumerate(kinds)]
    records += [("good", f"Z{index},2024-03-01,x,y") for index in range(3)]
    text = "\n".join([HEAD, *(line for _, line in records), ""]).replace("\n", newline)
    home = Home(folder / "home")
    load(home, put(folder / "a.csv", text.encode("utf-8", errors="surrogateescape")))
    counted = [kind for kind, _ in records if kind != "blank"]
    assert sorted({row["row"] for row in quarantine_rows(home)}) == [
        number for number, kind in enumerate(counted, start=1) if kind not in ("good", "lines", "inch")
    ]
    assert set(lake_by_id(home)) == {line.split(",")[0] for kind, line in records if kind in ("good", "lines", "inch")}
    texts = [row["title"] for key, row in lake_by_id(home).items() if (key.startswith("A") and kinds[int(key[1:])] == "lines")]
    assert all(text.replace("\r\n", "\n").replace("\r", "\n") == 'over\n\nlines, "quoted"' for text in texts)


def sample_bytes(folder: Path, suffix: str) -> bytes:
    chance = random.Random(1)
    rows = [ticket(f"A{index}", f"2024-0{1 + index % 9}-01 08:00:00", title="楼上漏水" * chance.randint(1, 9), handling_unit="城管") for index in range(300)]
    if suffix == ".csv":
        return csv_text(rows).encode()
    if suffix == ".parquet":
        pq.write_table(
            pa.table(
                {"工单编号": [row["ticket_id"] for row in rows], "创建时间": [row["accepted_at"] for row in rows], "标题": [row["title"] for row in rows]}
            ),
            folder / "s.parquet",
        )
        return (folder / "s.parquet").read_bytes()
    return workbook(folder / "s.xlsx", ["工单编号", "创建时间", "标题"], *([row["ticket_id"], row["accepted_at"], row["title"]] for row in rows)).read_bytes()


@CHANCE
@given(
    suffix=st.sampled_from([".csv", ".parquet", ".xlsx"]),
    cut=st.floats(0, 1),
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), max_size=4),
)
def test_random_damage(tmp_path_factory: pytest.TempPathFactory, suffix: str, cut: float, flips: list[tuple[float, int]]) -> None:
    """Cut anywhere, bytes changed anywhere: a cut Parquet file or workbook is always refused."""
    folder = tmp_path_factory.mktemp("damage")
    content = bytearray(sample_bytes(folder, suffix))
    for place, change in flips:
        content[int(place * (len(content) - 1))] ^= change
    length = int(cut * len(content))
    verdict, _ = outcome_is_sound(Home(folder / "home"), put(folder / f"a{suffix}", bytes(content[:length])))
    if suffix == ".parquet" and length < len(content):
        assert verdict == "refused"

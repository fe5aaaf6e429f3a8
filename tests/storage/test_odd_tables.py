"""Workbooks and Parquet with odd types, names and sheets: read right, or refused in one sentence."""

from __future__ import annotations

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.home import Home
from storage.lake import lake_schema
from storage.month_files import MonthFiles
from tests.factories import clock, counts, lake_by_id, load, quarantine_rows, refuses, workbook, write_profile


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_workbook_with_cells_of_every_type(home: Home, tmp_path: Path) -> None:
    """Dates as cells, numbers as ids, booleans, formulas, blank rows; the first sheet is read."""
    path = workbook(
        tmp_path / "a.xlsx",
        ["工单编号", "创建时间", "办结时间", "退单次数", "紧急等级", "经度", "督办", "标题"],
        [1001, clock("2024-03-01 08:05:07"), dt.date(2024, 3, 2), 2, 1, 116.4, True, "=1+1"],
        ["A2", "2024-03-01 09:00:00", None, None, None, None, None, "x"],
        [None, None, None, None, None, None, None, "没有编号"],
        ["A4", "2024-03-01 10:00:00", None, 1.5, None, None, None, "x"],
        others=("说明",),
    )
    load(home, path)
    held = lake_by_id(home)
    assert set(held) == {"1001", "A2"}
    row = held["1001"]
    assert (row["accepted_at"], row["closed_at"]) == (clock("2024-03-01 08:05:07"), clock("2024-03-02 00:00:00"))
    assert (row["return_count"], row["urgency"], row["longitude"], row["is_escalated"]) == (2, "1", 116.4, True)
    assert {item["row"] for item in quarantine_rows(home)} == {3, 4}


def test_workbook_sheet_by_name(home: Home, tmp_path: Path) -> None:
    """The profile may name a sheet; one that is not there is said."""
    path = workbook(tmp_path / "a.xlsx", ["编号", "时间"], ["A1", "2024-03-01"], others=("说明",))
    columns = 'ticket_id = "编号"\naccepted_at = "时间"'
    sentence = refuses(home, path, city=str(write_profile(tmp_path / "1.toml", columns, top='sheet = "没有"')))
    assert "a.xlsx" in sentence
    assert counts(load(home, path, city=str(write_profile(tmp_path / "2.toml", columns, top='sheet = "Sheet"'))))["loaded"] == 1


@pytest.mark.parametrize("rows", [[], [["工单编号", "创建时间"]], [["a", "b"], [1, 2]]])
def test_empty_workbooks_are_refused(home: Home, tmp_path: Path, rows: list[list[Any]]) -> None:
    """No cell, a header alone, foreign columns."""
    assert "a.xlsx" in refuses(home, workbook(tmp_path / "a.xlsx", *rows))


def parquet(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_parquet_of_odd_types(home: Home, tmp_path: Path) -> None:
    """Whole numbers turned into floats by gaps, zoned and nanosecond times, dictionaries, nested and binary columns."""
    moment = pa.array([clock("2024-03-01 00:00:00")] * 3, pa.timestamp("ns", "UTC"))
    path = parquet(
        tmp_path / "a.parquet",
        工单编号=pa.array([101000729509.0, 2.0, 3.0]),
        创建时间=moment,
        办结时间=pa.array([dt.date(2024, 3, 2), None, None]),
        退单次数=pa.array([1.0, None, float("nan")]),
        紧急等级=pa.array([1.0, 2.0, None]),
        标题=pa.array([{"a": 1}, {"a": 2}, None]),
        承办单位=pa.array([["x"], [], None]),
        被反映区=pa.array(["东城区", "西城区", None]).dictionary_encode(),
        回复内容=pa.array([b"\xff\x00", b"", None]),
        督办=pa.array([True, False, None]),
        签收时间=pa.array([None] * 3, pa.null()),
    )
    result = load(home, path)
    assert counts(result)["loaded"] == 3
    held = lake_by_id(home)
    assert set(held) == {"101000729509", "2", "3"}
    assert held["3"]["return_count"] is None  # what a frame calls NaN is a gap
    assert {row["accepted_at"] for row in held.values()} == {clock("2024-03-01 08:00:00")}
    assert (held["101000729509"]["return_count"], held["101000729509"]["urgency"]) == (1, "1")


def test_parquet_column_names_that_the_engine_would_rename(home: Home, tmp_path: Path) -> None:
    """Names that differ in case, repeat or carry blanks are still the delivered columns."""
    names = ["ID", "id", " 时间 ", "时间", ""]
    arrays = [pa.array([value]) for value in ("upper", "lower", "2024-03-01", "2024-04-01", "x")]
    pq.write_table(pa.Table.from_arrays(arrays, names=names), tmp_path / "a.parquet")
    profile = write_profile(tmp_path / "p.toml", 'ticket_id = "id"\naccepted_at = "时间"\ntitle = "ID"')
    load(home, tmp_path / "a.parquet", city=str(profile))
    row = lake_by_id(home)["lower"]
    assert (row["title"], row["month"]) == ("upper", "2024-03")


@pytest.mark.parametrize("columns", [{}, {"工单编号": pa.array([], pa.string()), "创建时间": pa.array([], pa.string())}])
def test_empty_parquet_is_refused(home: Home, tmp_path: Path, columns: dict[str, Any]) -> None:
    """No column or no row."""
    refuses(home, parquet(tmp_path / "a.parquet", **columns))


def test_columns_named_like_our_own(home: Home, tmp_path: Path) -> None:
    """A file may have a column called line or is_untidy; blanks around ids and between levels go all the same."""
    path = tmp_path / "a.csv"
    path.write_text(
        "工单编号,创建时间,line,is_untidy,问题分类\nA1,2024-03-01,x,l, 噪音\u3000->\u00a0施工\t\n A1 ,2024-03-02,x,true,噪音->施工\n", encoding="utf-8"
    )
    assert counts(load(home, path))["read"] == 2
    held = lake_by_id(home)
    assert set(held) == {"A1"}
    assert (held["A1"]["category_1"], held["A1"]["category_2"]) == ("噪音", "施工")
    (tmp_path / "b.csv").write_text("工单编号,创建时间,问题分类\nA2,2024-03-01, 噪音\u3000->\u00a0施工\t\n", encoding="utf-8")
    load(home, tmp_path / "b.csv")
    assert lake_by_id(home)["A2"]["category_2"] == "施工"


def test_lists_of_labels(home: Home, tmp_path: Path) -> None:
    """Parquet may hold tags as lists; they come in as labels, masked."""
    table = pa.table({"工单编号": ["A1", "A2"], "创建时间": ["2024-03-01", "2024-03-01"], "标签": [["甲 ", "手机13800138000"], None]})
    pq.write_table(table, tmp_path / "a.parquet")
    load(home, tmp_path / "a.parquet")
    held = lake_by_id(home)
    assert (held["A1"]["tags"], held["A2"]["tags"]) == (["甲 ", "手机[电话]"], None)


def test_broken_bytes_in_the_caller_alone_cost_nothing(home: Home, tmp_path: Path) -> None:
    """The caller is not kept, so a number that cannot be decoded is no fault of the row; above all the row does not vanish."""
    lines = ["工单编号,创建时间,来电人电话/账号".encode("gb18030"), "A1,2024-03-01,13800138000".encode("gb18030"), b"A2,2024-03-01,138\xff\xff00"]
    lines += [f"B{index},2024-03-01,1380013{index:04d}".encode("gb18030") for index in range(300)]
    (tmp_path / "a.csv").write_bytes(b"\r\n".join(lines) + b"\r\n")
    result = counts(load(home, tmp_path / "a.csv"))
    assert result["read"] == 302 == result["loaded"] + result["quarantined"]
    assert "A2" in set(lake_by_id(home))


def test_a_table_without_any_text_is_read(home: Home, tmp_path: Path) -> None:
    """Numbers and times alone, as an update feed may have."""
    moment = pa.array([dt.datetime.fromisoformat("2024-03-01T08:00:00")] * 2, pa.timestamp("us"))
    result = load(home, parquet(tmp_path / "a.parquet", 工单编号=pa.array([1, 2]), 创建时间=moment))
    assert counts(result)["loaded"] == 2


def test_an_absurd_date_is_one_faulty_row(home: Home, tmp_path: Path) -> None:
    """A date that no time can hold quarantines its row, not the file."""
    moment = pa.array([dt.datetime.fromisoformat("2024-03-01T08:00:00")] * 2, pa.timestamp("us"))
    days = pa.array([19_800, 2_000_000_000], pa.int32()).cast(pa.date32())
    result = load(home, parquet(tmp_path / "a.parquet", 工单编号=pa.array(["A", "B"]), 创建时间=moment, 办结时间=days))
    assert (counts(result)["loaded"], counts(result)["quarantined"]) == (1, 1)


@pytest.mark.parametrize("broken", ["_encode", "close"])
def test_a_full_disk_ends_the_writing_with_its_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """The fault of the last rows, or of a file's foot, reaches the reader; nothing hangs and nothing is called good."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    months = MonthFiles(tmp_path / "months")
    monkeypatch.setattr(*((MonthFiles, "_encode", fail) if broken == "_encode" else (pq.ParquetWriter, "close", fail)))
    schema = lake_schema()
    rows = pa.RecordBatch.from_arrays([pa.nulls(2, field.type) for field in schema], schema.names)
    months.put(rows, pa.array([202403, 202404]))
    closing = ThreadPoolExecutor(1).submit(months.close)
    with pytest.raises(OSError, match="No space left"):
        closing.result(timeout=20)

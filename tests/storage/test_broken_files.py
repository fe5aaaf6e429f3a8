"""Broken files of every kind: refused in one sentence with nothing changed, or every row accounted for."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.home import Home
from tests.factories import (
    GEODATA,
    HEAD,
    adds_up,
    clock,
    counts,
    csv_text,
    good,
    lake_by_id,
    lines,
    load,
    outcome_is_sound,
    put,
    quarantine_rows,
    refuses,
    ticket,
    tree,
    write_csv,
    write_profile,
)

MILLION = 10**6


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def faults(home: Home) -> list[tuple[int, str, str, str | None]]:
    return [(row["row"], row["column"], row["value"], row["ticket_id"]) for row in quarantine_rows(home)]


# --- Refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "空"),
        ("a.csv", b"\xef\xbb\xbf", "没有表头"),
        ("a.csv", b"\n\n\n", "没有表头"),
        ("a.csv", HEAD.encode(), "只有表头"),
        ("a.csv", (HEAD + "\r\n").encode(), "只有表头"),
        ("a.csv", b"a,b\n1,2\n", "缺少列"),
        ("a.csv", lines(*good(5)).replace(b",", b";"), "缺少列"),
        ("a.csv", lines(*["x"] * 30), "无一能按列读取"),
        ("a.csv", lines(*good(5))[:-8].rsplit(b",", 2)[0], "截断"),
        ("a.csv", lines(*good(5), 'A6,2024-03-01,"open').rstrip(b"\n"), "截断"),
        ("a.csv", lines("", "", *good(5), "", "A6,2024").rstrip(b"\n"), "第 6 条记录处中断"),
        ("a.csv", b"PK\x03\x04" + b"\0" * 3000, "不是文本"),
        ("a.csv", b'"' + HEAD.encode() + b"\n" + b"A1,x\n" * 3, "表头"),
        ("a.csv", (HEAD + "," + "c" * 200_000 + "\n" + "A1,2024-03-01,x,y,z\n").encode(), "表头"),
        ("a.csv", bytes(range(128, 256)) * 60, "编码无法识别"),
        ("a.csv", lines(*[f"A{index},昨天,x,y" for index in range(40)]), "几乎全部不合格"),
        ("a.csv", lines(*[f",2024-03-01,x{index},y" for index in range(40)]), "缺少工单编号"),
        ("a.parquet", b"PAR1" + b"\0" * 100, "不是完整的 Parquet"),
        ("a.parquet", b"", "空"),
        ("a.xlsx", b"PK\x03\x04" + b"\0" * 100, "不是可读的工作簿"),
        ("a.xlsx", b"not a workbook", "不是可读的工作簿"),
        ("a.json", b"[]", "类型不支持"),
        ("a", b"x", "类型不支持"),
    ],
)
def test_unusable_file_is_one_sentence(home: Home, tmp_path: Path, name: str, content: bytes, said: str) -> None:
    """Empty, header only, cut off, foreign, undecodable, wrongly mapped: what is wrong is said, nothing is changed."""
    sentence = refuses(home, put(tmp_path / name, content))
    assert said in sentence
    assert name in sentence


@pytest.mark.parametrize("path", ["missing.csv", "x" * 300 + ".csv", ".", "../..", "/dev/null", "/dev/zero", "nul\0l.csv"])
def test_what_is_no_file_is_refused(home: Home, tmp_path: Path, path: str) -> None:
    """Missing, over-long, a folder, a device, a zero byte in the name."""
    assert "不存在" in refuses(home, tmp_path / path) or path == "/dev/null"


def test_dangling_link_and_pipe_are_refused_and_links_to_files_read(home: Home, tmp_path: Path) -> None:
    """A link is what it points to; a pipe would block for ever."""
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nowhere.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    for name in ("gone.csv", "pipe.csv"):
        assert "不存在" in refuses(home, tmp_path / name)
    put(tmp_path / "real.csv", lines(*good(2)))
    (tmp_path / "link.csv").symlink_to(tmp_path / "real.csv")
    assert counts(load(home, tmp_path / "link.csv"))["loaded"] == 2


@pytest.mark.parametrize("city", ["nowhere", "../boston", "/etc/passwd", "", "x.toml", "x" * 400 + ".toml", "beijing.toml/..", "beijing\n"])
def test_unknown_city_is_refused(home: Home, tmp_path: Path, city: str) -> None:
    """Names, paths and tricks that are no profile."""
    sentence = refuses(home, put(tmp_path / "a.csv", lines(*good(2))), city=city)
    assert "没有城市配置" in sentence or "无法读取" in sentence


def test_one_bad_file_refuses_the_whole_batch(home: Home, tmp_path: Path) -> None:
    """A good file beside a broken one is not half a batch; and a bad boundary file refuses it too."""
    fine = put(tmp_path / "fine.csv", lines(*good(3)))
    load(home, put(tmp_path / "first.csv", lines("B,2024-03-01,x,y")))
    refuses(home, fine, put(tmp_path / "bad.csv", b"a\n1\n"))
    refuses(home, fine, boundaries=put(tmp_path / "bad.geojson", b"{"))
    refuses(home, fine, city="boston")
    assert set(lake_by_id(home)) == {"B"}


def test_dry_run_tells_and_writes_nothing(home: Home, tmp_path: Path) -> None:
    """A rehearsal gives the counts of the real run and leaves the home as it was."""
    path = put(tmp_path / "a.csv", lines(*good(3), "A9,bad,x,y", "A1,2024-03-01 08:00:00,other,y"))
    rehearsed = load(home, path, dry_run=True)
    assert tree(home.root) == {}
    assert counts(load(home, path)) == counts(rehearsed)
    before = tree(home.root)
    assert counts(load(home, path, dry_run=True))["unchanged"] == 4
    assert tree(home.root) == before


# --- Rows ------------------------------------------------------------------------------------------------------------


def test_each_fault_has_row_column_value_and_reason(home: Home, tmp_path: Path) -> None:
    """Rows are counted as records, not lines: texts over several lines and broken records before them included."""
    rows = [
        "A1,2024-03-01,x,y",
        "A2,2024-03-01",
        'A3,2024-13-01,"a\nb\nc",y',
        "A4,2024-03-01,x,y,z",
        'A5,2024-03-01,"over\nlines",y',
        ",2024-03-01,x,y",
        "A7,,x,y",
        f"A8,2024-03-01,x,{'区' * 201}",
        'A9,2024-03-01,"x"y,z',
        "A10,0001-01-01,x,y",
        "A11,9999-01-01,x,y",
        "A12,2024-02-30,x,y",
        "A13,２０２４-03-01,x,y",
        "A14,2024-03-01 01:00:00 PM,x,y",
        "A15,infinity,x,y",
        "A16,2024-03-01,x,y",
    ]
    load(home, put(tmp_path / "a.csv", lines(*rows)))
    assert set(lake_by_id(home)) == {"A1", "A5", "A16"}
    assert faults(home) == [
        (2, "标题", "", None),
        (3, "创建时间", "2024-13-01", "A3"),
        (4, "", "", None),
        (6, "工单编号", "", None),
        (7, "创建时间", "", "A7"),
        (8, "被反映区", "区" * 120, "A8"),
        (9, "标题", "", None),
        (10, "创建时间", "0001-01-01", "A10"),
        (11, "创建时间", "9999-01-01", "A11"),
        (12, "创建时间", "2024-02-30", "A12"),
        (13, "创建时间", "２０２４-03-01", "A13"),
        (14, "创建时间", "2024-03-01 01:00:00 PM", "A14"),
        (15, "创建时间", "infinity", "A15"),
    ]
    reasons = {row["row"]: row["reason"] for row in quarantine_rows(home)}
    assert "列数少于表头" in reasons[2]
    assert "时间格式不符" in reasons[3]
    assert "列数多于表头" in reasons[4]
    assert "缺少工单编号" in reasons[6]
    assert "200" in reasons[8]
    assert "引号" in reasons[9]
    assert "早于1987" in reasons[10]
    assert "未来" in reasons[11]


def test_numbers_and_times_that_a_lenient_reader_would_bend(home: Home, tmp_path: Path) -> None:
    """1.5 is not 2, 0x1F not 31, NaN no place, infinity no time, and closing lies not before acceptance."""
    bent = [
        {"return_count": "1.5"},
        {"return_count": "0x1F"},
        {"return_count": "-1"},
        {"return_count": "三"},
        {"longitude": "NaN", "latitude": "39.9"},
        {"longitude": "inf", "latitude": "39.9"},
        {"longitude": "1163.4", "latitude": "39.9"},
        {"latitude": "１２"},
        {"due_at": "infinity"},
        {"due_at": "99999-01-01"},
        {"updated_at": "9999-12-31"},
        {"updated_at": "0001-01-01"},
        {"closed_at": "2024-02-28 08:00:00"},
        {"request_type": "诉求!"},
        {"is_responded": "maybe"},
        {"urgency": "9"},
    ]
    fine = [{"return_count": "2.0"}, {"return_count": "0"}, {"closed_at": "2024-03-01"}, {"due_at": "9999-12-31"}, {"urgency": "1"}, {"is_responded": "是"}]
    rows = [ticket(f"A{index}", **item) for index, item in enumerate([*bent, *fine], start=1)]
    assert counts(load(home, write_csv(tmp_path / "a.csv", rows))) == {"read": 22, "loaded": 6, "updated": 0, "unchanged": 0, "quarantined": 16}
    assert {row["row"] for row in quarantine_rows(home)} == set(range(1, 17))


def test_times_with_a_zone_are_brought_to_the_city(home: Home, tmp_path: Path) -> None:
    """Every usual way to write a zone gives the city's own clock; a zone nobody knows is refused, never skipped."""
    same = ["2024-03-01T00:00:00Z", "2024-03-01T00:00:00.000Z", "2024-03-01 00:00:00+0000", "2024-03-01 08:00:00+08:00", "2024-03-01 08:00:00 +0800"]
    same += ["2024-03-01 00:00:00 UTC", "2024-03-01 09:00+09", "2024-03-01 08:00:00", "2024/3/1 8:00", "2024-03-01T08:00:00.000", "2024年03月01日 08:00:00"]
    odd = ["2024-03-01 08:00:00 CST", "2024-03-01 08:00:00 AM", "2024-03-01 08:00 PM", "2024-03-01 08:00:00 Asia/Shanghai", "24-03-01 08:00:00", "1/3/24 8:00"]
    rows = [ticket(f"A{index:02d}", text) for index, text in enumerate([*same, *odd])]
    load(home, write_csv(tmp_path / "a.csv", rows))
    held = lake_by_id(home)
    assert {row["ticket_id"] for row in quarantine_rows(home)} == {f"A{index:02d}" for index in range(len(same), len(rows))}
    assert {row["accepted_at"] for row in held.values()} == {clock("2024-03-01 08:00:00")}


@pytest.mark.parametrize("newlines", [("\r\n", "\n"), ("\n", "\r\n"), ("\r", "\n"), ("\r", "\r")])
def test_line_ends_of_several_kinds(home: Home, tmp_path: Path, newlines: tuple[str, str]) -> None:
    """A file pasted together from two systems, broken bytes in it: rows and faults stay where they are."""
    first, second = newlines
    content = first.join([HEAD, *good(3)]) + first + second.join(["B1,bad,x,y", "B2,2024-03-01,x,y", "B3,2024-03-01,x,y"]) + second
    load(home, put(tmp_path / "a.csv", content.encode().replace(b"B3,2024-03-01,x", b"B3,2024-03-01,\xff")))
    assert set(lake_by_id(home)) == {"A1", "A2", "A3", "B2"}
    assert [(row["row"], row["ticket_id"]) for row in quarantine_rows(home)] == [(4, "B1"), (6, None)]


def test_open_quotes_cost_their_own_line_only(home: Home, tmp_path: Path) -> None:
    """A quote that nobody closed must not swallow the rows below it."""
    rows = [
        "A1,2024-03-01,x,y",
        'A2,2024-03-01,"open,y',
        "A3,2024-03-01,x,y",
        'A4,2024-03-01,"open again,y',
        "A5,2024-03-01,x,y",
        "A6,bad,x,y",
        "A7,2024-03-01,x,y",
    ]
    load(home, put(tmp_path / "a.csv", lines(*rows)))
    assert set(lake_by_id(home)) == {"A1", "A3", "A5", "A7"}
    assert [row["row"] for row in quarantine_rows(home)] == [2, 4, 6]


def test_fields_of_a_million_characters(home: Home, tmp_path: Path) -> None:
    """A text may be as long as it likes, quoted or not; a label may not."""
    rows = [f"A1,2024-03-01,{'长' * MILLION},y", 'A2,2024-03-01,"' + "行\n" * (MILLION // 2) + '",y', f"A3,2024-03-01,x,{'区' * MILLION}", *good(1)]
    result = load(home, put(tmp_path / "a.csv", lines(*rows[:3], "A4,2024-03-01,x,y")))
    assert adds_up(result)
    held = lake_by_id(home)
    assert set(held) == {"A1", "A2", "A4"}
    assert len(held["A1"]["title"]) == MILLION
    assert faults(home) == [(3, "被反映区", "区" * 120, "A3")]


def test_formulas_markup_and_control_characters_are_text(home: Home, tmp_path: Path) -> None:
    """Nothing delivered is ever interpreted: formulas, SQL, markup, zero bytes, emoji come back as they went in."""
    titles = [
        "=1+1",
        "@SUM(A1)",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "'; DROP TABLE tickets; --",
        "<script>alert(1)</script>",
        "\U0001f525\U0001f9d1\u200d\U0001f692",
        "a\x00b",
        "{0} %s $x",
    ]
    rows = [ticket(f"A{index}", title=title, handling_unit=title.replace("\x00", "")) for index, title in enumerate(titles)]
    load(home, write_csv(tmp_path / "a.csv", rows))
    held = lake_by_id(home)
    assert [held[f"A{index}"]["title"] for index in range(len(titles))] == titles
    assert held["A4"]["handling_unit"] == titles[4]


@pytest.mark.parametrize(
    "name", ["a[1].csv", "a*.csv", "a?{b,c}.csv", "a'; DROP TABLE x; --.csv", '"q".csv', "工单 (1).csv", "a%20b.csv", "-rf.csv", "a\nb.csv"]
)
def test_file_names_are_names_only(home: Home, tmp_path: Path, name: str) -> None:
    """Patterns, quotes and options in a file name find that file and no other."""
    put(tmp_path / "a1.csv", lines("OTHER,2024-03-01,x,y"))
    put(tmp_path / "ab.csv", lines("OTHER,2024-03-01,x,y"))
    load(home, put(tmp_path / name, lines(*good(2))))
    assert set(lake_by_id(home)) == {"A1", "A2"}


def test_folder_names_are_no_columns(home: Home, tmp_path: Path) -> None:
    """A folder called "column=value" is not read as a column of the file, whether CSV or Parquet."""
    folder = tmp_path / "工单编号=X" / "被反映区=Y"
    folder.mkdir(parents=True)
    load(home, put(folder / "a.csv", lines(*good(2))))
    pq.write_table(pa.table({"工单编号": ["B1"], "创建时间": ["2024-03-01"], "被反映区": ["东城区"]}), folder / "a.parquet")
    load(home, folder / "a.parquet")
    assert {key: row["district"] for key, row in lake_by_id(home).items()} == {"A1": "东城区", "A2": "东城区", "B1": "东城区"}


def test_hostile_and_repeated_column_names(home: Home, tmp_path: Path) -> None:
    """Names with quotes, SQL, paths and line ends can be mapped; of equal names the first is meant; blanks have none."""
    odd = '"; DROP TABLE x; --'
    profile = write_profile(tmp_path / "p.toml", f"ticket_id = 'id'\naccepted_at = '../x'\ntitle = '{odd}'\nhandling_unit = \"承办\\n单位\"")
    quoted = '"' + odd.replace('"', '""') + '"'
    content = f'id,../x,{quoted},id,,,id#2,"承办\n单位",ID\nA1,2024-03-01,t,B1,c,d,C1,城管,E1\n'
    load(home, put(tmp_path / "a.csv", content.encode()), city=str(profile))
    row = lake_by_id(home)["A1"]
    assert (row["title"], row["handling_unit"]) == ("t", "城管")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "big5", "shift-jis", "cp037"])
def test_any_encoding_is_read_or_refused(home: Home, tmp_path: Path, encoding: str) -> None:
    """What is read is read right; what cannot be known is refused or loses lines, never an exception."""
    path = put(tmp_path / "a.csv", csv_text([ticket(f"A{index}", title="漏水") for index in range(30)]).encode(encoding, errors="replace"))
    verdict, _ = outcome_is_sound(home, path)
    if encoding in ("utf-8", "utf-8-sig", "gb18030", "utf-16"):
        assert verdict == "loaded"
        assert {row["title"] for row in lake_by_id(home).values()} == {"漏水"}
    else:
        assert verdict == "refused"


def test_broken_bytes_cost_their_rows(home: Home, tmp_path: Path) -> None:
    """Stray bytes in UTF-8 and in GB18030 are faults of their rows; a replacement character that was delivered is not."""
    for name, encoding in (("u", "utf-8"), ("g", "gb18030")):
        rows = [f"{name}{index},2024-03-01,第{index}件漏水了没有人管,东城区" for index in range(200)]
        content = "\n".join([HEAD, *rows, ""]).encode(encoding)
        marker = f"{name}7,2024-03-01,".encode(encoding)
        result = load(home, put(tmp_path / f"{name}.csv", content.replace(marker, marker + b"\xff\xff")))
        assert counts(result)["quarantined"] == 1, encoding
        assert [row["row"] for row in quarantine_rows(home, result.batch.batch_no)] == [8]
    # one byte lost in a short file, of which all others would make sense in GB18030 as well
    short = lines("S2,2024-03-01,x,y", "S1,2024-03-01,漏水,东城区").replace(b"\xe4\xb8\x9c", b"\xb8\x9c")
    assert short.decode("gb18030")
    load(home, put(tmp_path / "s.csv", short))
    assert lake_by_id(home)["S2"]["district"] == "y"
    load(home, put(tmp_path / "r.csv", lines("R1,2024-03-01,早已\ufffd坏,y")))
    assert lake_by_id(home)["R1"]["title"] == "早已\ufffd坏"


def test_geodata_is_no_ticket_file(home: Home) -> None:
    """A boundary file given by mistake is refused."""
    path = GEODATA / "beijing_townships.csv"
    if not path.exists():
        pytest.skip("needs ../shared: beijing_townships.csv")
    assert "缺少列" in refuses(home, path)

"""Nobody's number or name reaches the store: keyed hashes, masks, and a search of every stored byte."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.refresh import refresh
from storage.home import Home
from storage.privacy import MASKS, SUSPICIOUS, caller_key_sql, mask_texts
from tests.factories import bytes_of, counts, lake_by_id, load, quarantine_rows, refuses, ticket, write_csv

KEY = bytes(range(32))
ENGINE = duckdb.connect()


def masked(text: str) -> str:
    return mask_texts(pa.array([text]))[0].as_py()


def caller_key(number: str, key: bytes = KEY) -> int:
    return ENGINE.execute(f"SELECT {caller_key_sql('t', key)} FROM (SELECT ?::VARCHAR AS t)", [number]).fetchone()[0]


def stdlib_key(number: str, key: bytes = KEY) -> int:
    return int.from_bytes(hmac.new(key, number.encode(), hashlib.sha256).digest()[:8], "big") >> 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("请回电13812345678谢谢", "请回电[电话]谢谢"),
        ("138 1234 5678", "[电话]"),
        ("138-1234-5678", "[电话]"),
        ("138.1234.5678", "[电话]"),
        ("138—1234—5678", "[电话]"),
        ("138 - 1234 - 5678", "[电话]"),
        ("１３８１２３４５６７８", "[电话]"),
        ("+8613812345678", "+86[电话]"),
        ("010-12345678转801", "[电话]转801"),
        ("(010)12345678", "[电话]"),
        ("(010)-64561234", "[电话]"),
        ("021 6543 2109", "021 [电话]"),
        ("64561234", "[电话]"),
        ("6456-1234", "[电话]"),
        ("(617) 555-1234", "[电话]"),
        ("617.555.1234", "[电话]"),
        ("400-810-8888", "[电话]"),
        ("110101199001011234", "[证件号]"),
        ("11010119900101123X", "[证件号]"),
        ("110101 19900101 123X", "[证件号]"),
        ("110101-19900101-1234", "[证件号]"),
        ("１１０１０１１９９００１０１１２３Ｘ", "[证件号]"),
        ("身份证110101900101123号", "身份证[证件号]号"),
        ("京A12345停在门口", "[车牌]停在门口"),
        ("京A·12345", "[车牌]"),
        ("京A 12345", "[车牌]"),
        ("京AD12345", "[车牌]"),
        ("京a12345", "[车牌]"),
        ("粤Z1234港", "[车牌]"),
        ("写信到zhang.san@example.com.cn", "写信到[邮箱]"),
        ("a_b+c@x-y.org,", "[邮箱],"),
        ("13812345678,110101199001011234;京A12345", "[电话],[证件号];[车牌]"),
    ],
)
def test_identifiers_in_texts_are_masked(text: str, shown: str) -> None:
    """Phones, identity cards, plates and addresses as people type them, full-width and grouped."""
    assert masked(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "2024年3月1日上午8时",
        "2024-03-01 08:00:00",
        "20240301",
        "3号楼2单元1201室,停水3天",
        "欠薪12500元",
        "面积89.5平方米,租金6500元/月",
        "12345热线、95598、110",
        "7x24小时",
        "京东快递A座12层",
        "楼下有5只狗,@物业",
        "2019-2020年度",
        "",
    ],
)
def test_ordinary_numbers_and_dates_survive(text: str) -> None:
    """Dates, rooms, sums, short numbers and years stay readable."""
    assert masked(text) == text


@given(st.text(alphabet="0123456789０１２-－ .·京A@xa中(),", max_size=40))
def test_the_cheap_test_spares_no_text_that_a_mask_would_change(text: str) -> None:
    """Whatever the patterns would replace is also found suspicious; otherwise the short cut would leak it."""
    full = pa.array([text])
    for pattern, replacement in MASKS:
        full = pc.replace_substring_regex(full, pattern, replacement)
    assert pc.match_substring_regex(pa.array([text]), SUSPICIOUS)[0].as_py() or full[0].as_py() == text


@given(st.from_regex(r"[01][0-9]{6,14}|[a-zA-Z0-9_]{1,80}|[\u4e00-\u9fff]{1,30}", fullmatch=True), st.binary(min_size=1, max_size=100))
def test_the_key_is_the_hmac_of_the_standard_library(number: str, key: bytes) -> None:
    """RFC 2104 in SQL gives what ``hmac`` gives, for keys shorter and longer than a block."""
    assert caller_key(number, key) == stdlib_key(number, key)


@pytest.mark.parametrize(
    ("written", "bare"),
    [
        ("138-1234-5678", "13812345678"),
        (" 138 1234 5678 ", "13812345678"),
        ("010-1234567", "0101234567"),
        ("(010)12345678", "01012345678"),
        ("+1381234567", "1381234567"),
    ],
)
def test_grouping_does_not_make_another_caller(written: str, bare: str) -> None:
    """Blanks, dashes and brackets are no part of a number, eleven bytes or not."""
    assert caller_key(written) == caller_key(bare) == stdlib_key(bare)


PHONES = [f"1390000{index:04d}" for index in range(12)]
NAME = "欧阳测试名"


def test_no_number_or_name_in_any_byte_of_the_home(tmp_path: Path) -> None:
    """Phones in the caller column, in texts, in faulty, short, open and over-long rows, and a name column: none is stored."""
    home = Home(tmp_path / "home")
    rows = [
        ticket("A1", caller=PHONES[0], caller_name=NAME, title="漏水", enterprise=f"某装修部{PHONES[1]}", exclusion_reason=f"已撤诉 {PHONES[1]}"),
        ticket(
            "A2",
            caller=PHONES[0],
            caller_name=NAME,
            title=f"请打{PHONES[1]}",
            content=f"{PHONES[2]}\n{PHONES[3]}",
            place=f"找{PHONES[4]}",
            reply=f"已回{PHONES[5]}",
        ),
        ticket("A3", "2024-13-01", caller=PHONES[6], caller_name=NAME, title=f"电话{PHONES[7]}"),
        ticket("A4", "", caller=PHONES[6], caller_name=NAME),
        ticket("A5", closed_at=PHONES[8], request_type=PHONES[9], caller_name=NAME),
        ticket("A6", handling_unit=PHONES[10] * 70, caller_name=NAME),
    ]
    path = write_csv(tmp_path / "a.csv", rows, encoding="utf-8")
    text = path.read_text(encoding="utf-8")
    text += f'A7,,2024-03-01\r\nA8,"open {PHONES[11]},{NAME}\r\nA9,2024-03-01 08:00:00\r\n'
    path.write_text(text, encoding="utf-8")
    for encoding in ("utf-8", "gb18030"):
        (tmp_path / f"{encoding}.csv").write_bytes(text.encode(encoding))
        result = load(home, tmp_path / f"{encoding}.csv")
    refresh(home)
    load(home, tmp_path / "utf-8.csv")
    assert counts(result)["quarantined"] >= 6
    held = lake_by_id(home)
    assert held["A1"]["caller_key"] == held["A2"]["caller_key"] == stdlib_key(PHONES[0], home.caller_key())
    assert held["A2"]["title"] == "请打[电话]"
    assert held["A1"]["enterprise"] == "某装修部[电话]"
    everything = bytes_of(home.root)
    for secret in [*PHONES, NAME]:
        for encoding in ("utf-8", "utf-16-le", "gb18030"):
            assert secret.encode(encoding) not in everything, secret
    assert not any(home.staging.rglob("*")) if home.staging.exists() else True
    assert {row["ticket_id"] for row in quarantine_rows(home)} >= {"A3", "A4", "A5", "A6"}


def test_a_wrong_mapping_shows_no_number(tmp_path: Path) -> None:
    """The example in the message about a wrongly mapped column is masked."""
    rows = [ticket(f"A{index}", PHONES[index % 12]) for index in range(40)]
    sentence = refuses(Home(tmp_path / "home"), write_csv(tmp_path / "a.csv", rows))
    assert "[电话]" in sentence
    assert not any(phone in sentence for phone in PHONES)


def test_each_home_has_its_own_key(tmp_path: Path) -> None:
    """The same caller cannot be recognised across homes, and the key is for the owner's eyes."""
    path = write_csv(tmp_path / "a.csv", [ticket("A1", caller=PHONES[0])])
    found = set()
    for name in ("one", "two"):
        home = Home(tmp_path / name)
        load(home, path)
        found.add(lake_by_id(home)["A1"]["caller_key"])
        assert (home.root / "keys" / "caller.key").stat().st_mode & 0o077 == 0
    assert len(found) == 2

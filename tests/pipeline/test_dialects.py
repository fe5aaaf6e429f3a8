"""Real ticket files of nine portals: each loads through a small profile, or is refused with a clear sentence."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from storage.home import Home
from tests.factories import TICKETS, adds_up, counts, lake_by_id, lake_rows, load, needs_shared, refuses, write_csv, write_profile

LA_2017 = """
ticket_id = "SRNumber"
accepted_at = "CreatedDate"
updated_at = "UpdatedDate"
closed_at = "ClosedDate"
category_1 = "RequestType"
status = "Status"
channel = "RequestSource"
handling_unit = "Owner"
subdistrict = "NCName"
place = "Address"
longitude = "Longitude"
latitude = "Latitude"
"""
LA_2020 = LA_2017.replace("SRNumber", "srnumber").replace("CreatedDate", "createddate").replace("UpdatedDate", "updateddate")
LA_2020 = (
    LA_2020.replace("ClosedDate", "closeddate").replace("RequestType", "requesttype").replace("Status", "status").replace("RequestSource", "requestsource")
)
LA_2020 = (
    LA_2020.replace("Owner", "owner")
    .replace("NCName", "ncname")
    .replace("Address", "address")
    .replace("Longitude", "longitude")
    .replace("Latitude", "latitude")
)
SOURCES = '[values.channel]\n"Call" = "phone"\n"Self Service" = "website"\n"Mobile App" = "app"\n"*" = "other"\n'
SODA = """
ticket_id = "unique_key"
accepted_at = "created_date"
closed_at = "closed_date"
updated_at = "resolution_action_updated_date"
category_1 = "complaint_type"
category_2 = "descriptor"
status = "status"
handling_unit = "agency"
district = "borough"
subdistrict = "community_board"
place = "incident_address"
content = "location"
longitude = "longitude"
latitude = "latitude"
"""
MESSAGES = """
ticket_id = "留言编号"
accepted_at = "留言时间"
title = "留言主题"
content = "留言详情"
caller = "留言用户"
"""


BOARD_TIMES = ("%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y/%m/%d")


def plain_csv(path: Path, encoding: str = "utf-8") -> list[dict[str, str]]:
    """The records of a file as the standard library reads them."""
    return list(csv.DictReader(io.StringIO(path.read_text(encoding=encoding), newline="")))


def plain_rows(path: Path) -> list[dict[str, Any]]:
    """The records of a CSV or Parquet file."""
    return pq.read_table(path).to_pylist() if path.suffix == ".parquet" else plain_csv(path)


def read_time(text: str | None, *formats: str) -> datetime | None:
    """The first format that fits."""
    for form in formats:
        try:
            return datetime.strptime((text or "").strip(), form)  # noqa: DTZ007
        except ValueError:
            continue
    return None


def recount(rows: list[dict[str, Any]], key: str, opened: str, closed: str | None, *formats: str) -> tuple[Counter[str], dict[str, tuple[Any, ...]]]:
    """Rows with an id and a readable, consistent pair of times, by month; and each ticket's own times."""
    months: Counter[str] = Counter()
    kept = {}
    for row in rows:
        start = read_time(row[opened], *formats)
        end = read_time(row[closed], *formats) if closed else None
        same_day = bool(start and end and end.date() == start.date() and end.time() == datetime.min.time())
        if row[key] and start and not (end and end < start and not same_day):
            kept[row[key].strip()] = (start, end)
    for start, _ in kept.values():
        months[f"{start:%Y-%m}"] += 1
    return months, kept


def check_loaded(home: Home, path: Path, profile: Path, expected: tuple[Counter[str], dict[str, tuple[Any, ...]]], row_count: int) -> None:
    result = load(home, path, city=str(profile))
    months, kept = expected
    held = lake_by_id(home)
    assert adds_up(result)
    assert counts(result)["read"] == row_count
    assert counts(result)["loaded"] == len(kept)
    assert Counter(row["month"] for row in held.values()) == months
    assert {key: (row["accepted_at"], row["closed_at"]) for key, row in held.items()} == kept


@pytest.mark.parametrize(
    ("name", "columns", "formats", "time_formats"),
    [
        ("la_myla311_2017_subset.parquet", LA_2017, '["%m/%d/%Y %I:%M:%S %p"]', ("%m/%d/%Y %I:%M:%S %p",)),
        ("la_myla311_2017_subset_first500.csv", LA_2017, '["ISO", "%m/%d/%Y %I:%M:%S %p"]', ("%m/%d/%Y %I:%M:%S %p",)),
        ("la_myla311_2020_lowercase.parquet", LA_2020, '["ISO"]', ("%Y-%m-%d %H:%M:%S",)),
        ("la_myla311_2020_us_dates_first200.csv", LA_2020, '["ISO", "%m/%d/%y %H:%M"]', ("%m/%d/%y %H:%M",)),
    ],
)
def test_three_dialects_of_one_feed(tmp_path: Path, name: str, columns: str, formats: str, time_formats: tuple[str, ...]) -> None:
    """Los Angeles in CamelCase, in lower case and with US dates: the same ids and times as the standard library reads."""
    path = TICKETS / name
    if not path.exists():
        pytest.skip(f"needs ../shared: {name}")
    profile = write_profile(tmp_path / "la.toml", columns, zone="America/Los_Angeles", rest=f"{SOURCES}\n[times]\nformats = {formats}")
    rows = plain_rows(path)
    names = ("SRNumber", "CreatedDate", "ClosedDate") if "2017" in name else ("srnumber", "createddate", "closeddate")
    check_loaded(Home(tmp_path / "home"), path, profile, recount(rows, *names, *time_formats), len(rows))


@needs_shared(TICKETS / "nyc311_soda_first300.csv")
def test_portal_dialect_with_a_dict_in_a_cell(tmp_path: Path) -> None:
    """New York's open-data portal: ISO times with milliseconds and a Python dictionary with doubled quotes in a cell."""
    path = TICKETS / "nyc311_soda_first300.csv"
    profile = write_profile(tmp_path / "soda.toml", SODA, zone="America/New_York")
    rows = plain_csv(path)
    check_loaded(Home(tmp_path / "home"), path, profile, recount(rows, "unique_key", "created_date", "closed_date", "%Y-%m-%dT%H:%M:%S.%f"), len(rows))
    held = lake_by_id(Home(tmp_path / "home"))
    assert all(held[row["unique_key"]]["category_1"] == row["complaint_type"] for row in rows if row["unique_key"] in held)
    assert any((row["content"] or "").startswith("{'latitude'") for row in held.values())


@needs_shared(TICKETS / "nyc_council_constituent_services_first2000_from_rda.csv")
def test_council_slice_as_csv_is_the_same_as_in_parquet(tmp_path: Path) -> None:
    """The first 2,000 cases as CSV give the very tickets that the same cases give from Parquet."""
    path = TICKETS / "nyc_council_constituent_services_first2000_from_rda.csv"
    rows = plain_csv(path)
    home, other = Home(tmp_path / "csv"), Home(tmp_path / "parquet")
    check_loaded(home, path, Path("nyc_council"), recount(rows, "unique_key", "opendate", "closedate", "%Y-%m-%d"), len(rows))
    ids = {row["unique_key"] for row in rows}
    table = pq.read_table(TICKETS / "nyc_council_constituent_services.parquet")
    wanted = table.filter(pa.array([key in ids for key in table["unique_key"].to_pylist()]))
    pq.write_table(wanted, tmp_path / "slice.parquet")
    load(other, tmp_path / "slice.parquet", city="nyc_council")
    assert lake_by_id(home) == lake_by_id(other)


@needs_shared(TICKETS / "tipdm_c_附件3_first300.csv")
def test_gb18030_and_utf8_give_the_same_tickets(tmp_path: Path) -> None:
    """One slice in two encodings, texts over many lines: the same tickets to the last character."""
    profile = write_profile(tmp_path / "messages.toml", MESSAGES, rest='[times]\nformats = ["%Y/%m/%d %H:%M:%S", "ISO"]')
    key = b"k" * 32
    found = []
    for name, encoding in (("tipdm_c_附件3_first300.csv", "utf-8"), ("tipdm_c_附件3_first300_gb18030.csv", "gb18030")):
        home = Home(tmp_path / encoding)
        (home.root / "keys").mkdir(parents=True)
        (home.root / "keys" / "caller.key").write_bytes(key)
        rows = plain_csv(TICKETS / name, encoding)
        check_loaded(home, TICKETS / name, profile, recount(rows, "留言编号", "留言时间", None, "%Y/%m/%d %H:%M:%S", "%Y-%m-%d %H:%M:%S"), len(rows))
        found.append(lake_by_id(home))
    assert found[0] == found[1]
    assert any("\n" in row["留言详情"] for row in rows)


@needs_shared(TICKETS / "tipdm_c_fj3_hot.parquet", TICKETS / "tipdm_c_fj4_reply.parquet")
@pytest.mark.parametrize("name", ["tipdm_c_fj3_hot.parquet", "tipdm_c_fj4_reply.parquet"])
def test_two_time_formats_in_one_column(tmp_path: Path, name: str) -> None:
    """Messages of a leaders' board: a column mixes two ways to write a time, and every row of both is read."""
    rest = '[times]\nformats = ["ISO", "%Y/%m/%d %H:%M:%S"]'
    columns = MESSAGES + ('reply = "答复意见"\nclosed_at = "答复时间"\n' if "fj4" in name else "")
    profile = write_profile(tmp_path / "messages.toml", columns, rest=rest)
    rows = pq.read_table(TICKETS / name).to_pylist()
    closed = "答复时间" if "fj4" in name else None
    check_loaded(Home(tmp_path / "home"), TICKETS / name, profile, recount(rows, "留言编号", "留言时间", closed, *BOARD_TIMES), len(rows))


@pytest.mark.parametrize("name", ["tipdm_c_fj1_taxonomy.parquet", "beijing_letters_shouduzhichuang.parquet"])
def test_files_without_id_and_date_are_refused(tmp_path: Path, name: str) -> None:
    """A category scheme and letters without date are no ticket files: one sentence that names the missing columns."""
    if not (TICKETS / name).exists():
        pytest.skip(f"needs ../shared: {name}")
    sentence = refuses(Home(tmp_path / "home"), TICKETS / name)
    assert "缺少列" in sentence
    assert "工单编号" in sentence
    assert name in sentence


@needs_shared(TICKETS / "la_myla311_2017_subset_first500.csv")
def test_wrong_date_format_is_a_wrong_mapping_not_500_bad_rows(tmp_path: Path) -> None:
    """A profile that cannot read a single date is refused with column, reason and an example."""
    profile = write_profile(tmp_path / "la.toml", LA_2017, zone="America/Los_Angeles", rest=SOURCES)
    sentence = refuses(Home(tmp_path / "home"), TICKETS / "la_myla311_2017_subset_first500.csv", city=str(profile))
    assert "CreatedDate" in sentence
    assert "ISO" in sentence
    assert "12/31/2017 11:59:58 PM" in sentence


def test_reference_schema_in_every_encoding_is_the_same(tmp_path: Path) -> None:
    """UTF-8, with BOM, GB18030, UTF-16 and three line ends: one file, the same tickets."""
    rows = [
        {
            "ticket_id": f"A{index}",
            "accepted_at": "2024-03-01 08:00:00",
            "request_type": "诉求",
            "title": "楼道\u201c灯\u201d不亮,\U0001f4a1",
            "content": "第一行\n第二行",
        }
        for index in range(30)
    ]
    found = []
    for encoding in ("utf-8", "utf-8-sig", "gb18030", "utf-16"):
        for name, newline in (("crlf", "\r\n"), ("lf", "\n")):
            home = Home(tmp_path / f"{encoding}-{name}")
            result = load(home, write_csv(tmp_path / f"{encoding}-{name}.csv", rows, encoding, newline))
            assert counts(result)["loaded"] == 30, (encoding, name)
            found.append(sorted(repr(row) for row in lake_rows(home)))
    assert all(item == found[0] for item in found)

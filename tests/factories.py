"""Small builders for tests: ticket rows and files of the reference schema, homes, and plain views of what is stored."""

from __future__ import annotations

import csv
import hashlib
import io
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from pipeline.ingest import IngestResult, ingest
from storage.home import Home, InputError
from storage.ledger import Ledger
from storage.snapshot import current_version

SHARED = Path(__file__).resolve().parents[2] / "shared"
TICKETS = SHARED / "tickets"
GEODATA = SHARED / "geodata"
HEAD = "工单编号,创建时间,标题,被反映区"
COUNTS = ("read", "loaded", "updated", "unchanged", "quarantined")

COLUMNS = {
    "ticket_id": "工单编号",
    "request_type": "工单类型",
    "channel": "渠道",
    "accepted_at": "创建时间",
    "dispatched_at": "派单时间",
    "closed_at": "办结时间",
    "followed_up_at": "回访时间",
    "updated_at": "更新时间",
    "due_at": "办理时限",
    "category": "问题分类",
    "tags": "标签",
    "title": "标题",
    "content": "主要内容",
    "district": "被反映区",
    "subdistrict": "被反映街乡镇",
    "community": "社区",
    "place": "问题点位",
    "longitude": "经度",
    "latitude": "纬度",
    "caller": "来电人电话/账号",
    "caller_name": "来电人",
    "enterprise": "企业名称",
    "handling_unit": "承办单位",
    "urgency": "紧急等级",
    "return_count": "退单次数",
    "reply": "回复内容",
    "is_responded": "是否响应",
    "resolution": "是否解决",
    "satisfaction": "是否满意",
    "is_assessed": "是否参评",
    "exclusion_reason": "剔除原因",
    "repeat_group": "重复来电组",
}
"""Field to delivered column; ``category`` is the path "a->b->c", ``caller_name`` a column that no profile maps."""


def needs_shared(*paths: Path) -> pytest.MarkDecorator:
    """Skips where the larger real files are absent."""
    missing = [path.name for path in paths if not path.exists()]
    return pytest.mark.skipif(bool(missing), reason=f"needs ../shared: {', '.join(missing)}")


def ticket(ticket_id: str, accepted_at: str = "2024-03-01 08:00:00", **fields: str) -> dict[str, str]:
    """One delivered row, by field name."""
    return {"ticket_id": ticket_id, "accepted_at": accepted_at, **fields}


def csv_text(rows: list[dict[str, str]], newline: str = "\r\n") -> str:
    """The rows as CSV of the reference schema; columns are those any row has."""
    names = [name for name in COLUMNS if any(name in row for row in rows)]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator=newline)
    writer.writerow([COLUMNS[name] for name in names])
    writer.writerows([row.get(name, "") for name in names] for row in rows)
    return out.getvalue()


def write_csv(path: Path, rows: list[dict[str, str]], encoding: str = "utf-8-sig", newline: str = "\r\n") -> Path:
    """Writes a delivered file; by default as the reference extracts come: UTF-8 with BOM, CRLF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(csv_text(rows, newline).encode(encoding))
    return path


def write_profile(path: Path, columns: str, **parts: str) -> Path:
    """Writes a city profile from the body of ``[columns]``; ``top`` goes before the first table, ``rest`` to the end."""
    city = 'code = "test"\nname = "测试"\ntimezone = "{zone}"\ncalendar = "CN"'.format(zone=parts.get("zone", "Asia/Shanghai"))
    path.write_text(f"{parts.get('top', '')}\n[city]\n{city}\n[columns]\n{columns}\n{parts.get('rest', '')}\n", encoding="utf-8")
    return path


def load(home: Home, *paths: Path, city: str = "beijing", **options: Any) -> IngestResult:
    """One ingest."""
    return ingest(home, list(paths), city=city, **options)


def counts(result: IngestResult) -> dict[str, int]:
    """The counts of an ingest, all files together."""
    return {name: result.total(name) for name in COUNTS}


def adds_up(result: IngestResult) -> bool:
    """Whether in every file the four outcomes make up the rows read."""
    return all(item.read == item.loaded + item.updated + item.unchanged + item.quarantined for item in result.batch.files)


def lake_rows(home: Home) -> list[dict[str, Any]]:
    """All tickets of the lake, read as any Delta reader would."""
    if not home.lake.exists():
        return []
    paths = [uri.removeprefix("file://") for uri in DeltaTable(home.lake).file_uris()]
    return [row | {"month": Path(path).parent.name.removeprefix("month=")} for path in paths for row in pq.ParquetFile(path).read().to_pylist()]


def lake_by_id(home: Home) -> dict[str, dict[str, Any]]:
    """Ticket by id; fails where an id is there twice."""
    rows = lake_rows(home)
    found = {row["ticket_id"]: row for row in rows}
    assert len(found) == len(rows), "an id is in the lake twice"
    return found


def lake_ids(home: Home) -> set[str]:
    """All ids of the lake; fails where one is there twice."""
    paths = [uri.removeprefix("file://") for uri in DeltaTable(home.lake).file_uris()]
    ids = [key for path in paths for key in pq.ParquetFile(path).read(columns=["ticket_id"])["ticket_id"].to_pylist()]
    assert len(set(ids)) == len(ids), "an id is in the lake twice"
    return set(ids)


def quarantine_rows(home: Home, batch_no: int | None = None) -> list[dict[str, Any]]:
    """Quarantined rows of one batch, or of all."""
    paths = sorted(home.quarantine.glob("*.parquet"))
    wanted = [path for path in paths if batch_no is None or int(path.stem) == batch_no]
    return [row for path in wanted for row in pq.ParquetFile(path).read().to_pylist()]


def tree(root: Path, *, but: tuple[str, ...] = ("write.lock", "caller.key")) -> dict[str, str]:
    """Path below ``root`` to the hash of its content, without lock and key."""
    if not root.exists():
        return {}
    files = [path for path in root.rglob("*") if path.is_file() and path.name not in but]
    return {path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def bytes_of(root: Path) -> bytes:
    """Everything below ``root`` decompressed as far as Parquet and JSON go, for searching."""
    parts = []
    for path in root.rglob("*"):
        if path.is_file():
            parts.append(path.read_bytes())
            if path.suffix == ".parquet":
                parts.append(repr(pq.ParquetFile(path).read().to_pylist()).encode())
    return b"\n".join(parts)


def refuses(home: Home, *paths: Path, city: str = "beijing", **options: Any) -> str:
    """The sentence with which an ingest is refused, after checking that it is one line and changed nothing."""
    before = tree(home.root)
    with pytest.raises(InputError) as caught:
        ingest(home, list(paths), city=city, **options)
    assert tree(home.root) == before
    sentence = str(caught.value)
    assert sentence
    assert "\n" not in sentence
    return sentence


def outcome_is_sound(home: Home, path: Path, city: str = "beijing") -> tuple[str, IngestResult | str]:
    """Ingests a file of any kind and checks what must hold always: refused with nothing changed, or counts that add up."""
    before = tree(home.root)
    refusal: InputError | None = None
    try:
        result = ingest(home, [path], city=city)
    except InputError as error:
        refusal = error
    if refusal is not None:
        assert tree(home.root) == before
        assert str(refusal)
        assert "\n" not in str(refusal)
        return "refused", str(refusal)
    assert adds_up(result)
    item = result.batch.files[0]
    rows = quarantine_rows(home, result.batch.batch_no)
    assert len({row["row"] for row in rows}) == item.quarantined
    assert all(1 <= row["row"] <= item.read and row["reason"] for row in rows)
    return "loaded", result


def ledger_entry(home: Home) -> dict[str, Any]:
    """The last batch of the ledger."""
    return asdict(Ledger(home, len(list(home.batches.glob("*.json")))).batches()[-1])


def snapshot_version(home: Home) -> str | None:
    """Version of the snapshot in use."""
    return current_version(home)


def lines(*rows: str, newline: str = "\n") -> bytes:
    """A small CSV file under ``HEAD``, its rows written by hand."""
    return (newline.join([HEAD, *rows]) + newline).encode()


def good(number: int) -> list[str]:
    """Rows under ``HEAD`` with nothing wrong."""
    return [f"A{index},2024-03-01 08:00:00,t{index},东城区" for index in range(1, number + 1)]


def put(path: Path, content: bytes) -> Path:
    """Writes a file."""
    path.write_bytes(content)
    return path


def workbook(path: Path, *rows: list[Any], others: tuple[str, ...] = ()) -> Path:
    """A workbook with these rows on its first sheet, and further sheets."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    for name in others:
        book.create_sheet(name).append(["a", "b"])
    book.save(path)
    return path


def clock(text: str) -> datetime:
    """A time on the city's own clock, as the lake holds it."""
    return datetime.fromisoformat(text)

"""Delivered files: CSV in its encodings, Parquet and XLSX become one thing, a readable relation with named columns."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import fastexcel
import pyarrow as pa
import pyarrow.parquet as pq

from storage.home import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from storage.profiles import Profile

__all__ = ["Source", "identifier", "literal", "open_source"]

CHUNK = 1 << 20
SMALL_FILE = 4096
MAX_LINE_BYTES = 16_000_000
BUFFER_BYTES = 33_554_432
REPLACEMENT = "\ufffd"


def identifier(name: str) -> str:
    """A quoted SQL identifier: delivered column names may hold anything."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A quoted SQL string."""
    return "'" + text.replace("'", "''") + "'"


@dataclass(slots=True)
class Source:
    """One delivered file, ready to be read.

    Parameters
    ----------
    name
        File name as delivered, for messages and the ledger.
    path
        What is read: the file itself, or its copy in UTF-8 or Parquet below the staging folder.
    sha256
        Of the delivered bytes.
    columns
        Names in order of delivery.
    is_csv
        Whether ``path`` is read as CSV; otherwise it is Parquet.
    removed
        Lines taken out of a CSV because an open quote swallowed what followed: record number to text.
    """

    name: str
    path: Path
    sha256: str
    columns: list[str]
    is_csv: bool
    delimiter: str = ","
    ends_open: bool = False
    removed: dict[int, str] = field(default_factory=dict)

    def relation(self, rejects: str) -> str:
        """SQL table function over the file's rows; CSV rows that break its structure go to table ``rejects``."""
        if not self.is_csv:
            return f"read_parquet({literal(str(self.path))})"
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in self.columns)
        return (
            f"read_csv({literal(str(self.path))}, auto_detect = false, header = true, delim = {literal(self.delimiter)}, "
            f"quote = '\"', escape = '\"', columns = {{{columns}}}, max_line_size = {MAX_LINE_BYTES}, buffer_size = {BUFFER_BYTES}, "
            f"store_rejects = true, rejects_table = '{rejects}', rejects_scan = '{rejects}_scan')"
        )


def open_source(path: Path, profile: Profile, staging: Path) -> Source:
    """The file at ``path``, opened by its ending and checked to be whole.

    Raises
    ------
    InputError
        No such file, empty, of a kind that is not read, truncated, or in no known encoding.
    """
    if not path.is_file():
        message = f"文件 {path} 不存在或不是普通文件"
        raise InputError(message)
    if path.stat().st_size == 0:
        message = f"文件 {path.name} 是空的 (0 字节)"
        raise InputError(message)
    try:
        digest = _sha256(path)
    except OSError as error:
        message = f"文件 {path.name} 无法读取: {error.strerror}"
        raise InputError(message) from error
    match path.suffix.lower():
        case ".csv" | ".txt" | ".tsv":
            return _open_csv(path, profile, staging, digest)
        case ".parquet":
            return _open_parquet(path, path.name, digest)
        case ".xlsx" | ".xlsm" | ".xls" | ".ods":
            return _open_workbook(path, profile, staging, digest)
    message = f"文件 {path.name} 的类型不支持; 可用: .csv .txt .tsv .parquet .xlsx .xls .ods"
    raise InputError(message)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _open_parquet(path: Path, name: str, digest: str) -> Source:
    try:
        schema = pq.ParquetFile(path).schema_arrow
    except (pa.ArrowException, OSError) as error:
        message = f"文件 {name} 不是完整的 Parquet 文件 (可能被截断): {str(error).splitlines()[0][:160]}"
        raise InputError(message) from error
    return Source(name, path, digest, list(schema.names), is_csv=False)


def _open_workbook(path: Path, profile: Profile, staging: Path, digest: str) -> Source:
    try:
        book = fastexcel.read_excel(path)
        sheet = profile.sheet or book.sheet_names[0]
        table = pa.table(book.load_sheet(sheet, dtypes="string").to_arrow())
    except Exception as error:  # the reader raises its own kinds for a broken archive, a missing sheet, an empty book
        message = f"文件 {path.name} 不是可读的工作簿 (可能被截断或加密): {str(error).splitlines()[0][:160]}"
        raise InputError(message) from error
    copy = staging / f"{digest[:16]}.parquet"
    pq.write_table(table, copy)
    return Source(path.name, copy, digest, list(table.column_names), is_csv=False)


def _open_csv(path: Path, profile: Profile, staging: Path, digest: str) -> Source:
    encoding = _encoding(path)
    readable = path
    if encoding != "utf-8":
        readable = staging / f"{digest[:16]}.csv"
        with path.open("r", encoding=encoding, errors="replace", newline="") as old, readable.open("w", encoding="utf-8", newline="") as new:
            while block := old.read(CHUNK):
                new.write(block)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else profile.delimiter
    header = _header(readable, path.name, delimiter)
    with readable.open("rb") as handle:
        handle.seek(-1, io.SEEK_END)
        ends_open = handle.read(1) not in b"\r\n"
    return Source(path.name, readable, digest, header, is_csv=True, delimiter=delimiter, ends_open=ends_open)


def _encoding(path: Path) -> str:
    """``utf-8``, ``utf-16`` or ``gb18030``: decided on the first megabyte that is not plain ASCII."""
    with path.open("rb") as handle:
        block = handle.read(CHUNK)
        if block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        while block.isascii() and (more := handle.read(CHUNK)):
            block = more
        if len(block) == CHUNK:
            block += handle.readline()  # so that no character is cut at the block's end
    if b"\0" in block[:SMALL_FILE] and block[:2] == b"PK":
        message = f"文件 {path.name} 内容不是文本 (像是压缩包或工作簿), 请用正确的扩展名"
        raise InputError(message)
    for encoding in ("utf-8", "gb18030"):
        # a few broken bytes in an otherwise readable file cost their lines, not the file
        decoded = block.decode(encoding, errors="replace")
        if decoded.count(REPLACEMENT) <= len(decoded) // 1000:
            return encoding
    if len(block) < SMALL_FILE and block.decode("utf-8", errors="replace").count(REPLACEMENT) <= block.count(b"\n"):
        return "utf-8"
    message = f"文件 {path.name} 的编码无法识别; 可读: UTF-8 (含 BOM)、GB18030/GBK、UTF-16"
    raise InputError(message)


def _header(path: Path, name: str, delimiter: str) -> list[str]:
    with path.open("r", encoding="utf-8-sig", errors="replace", newline="") as handle:
        first = handle.readline(CHUNK)
    try:
        columns = next(csv.reader([first], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        message = f"文件 {name} 的表头无法读取: {error}"
        raise InputError(message) from error
    columns = [column.strip() for column in columns]
    if not any(columns):
        message = f"文件 {name} 没有表头"
        raise InputError(message)
    seen: dict[str, int] = {}
    unique = []
    for position, column in enumerate(columns, start=1):
        label = column or f"第{position}列"
        seen[label.lower()] = seen.get(label.lower(), 0) + 1
        unique.append(label if seen[label.lower()] == 1 else f"{label}#{seen[label.lower()]}")
    return unique

"""Delivered files: CSV in its encodings, Parquet and XLSX become one thing, a readable relation with named columns."""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import secrets
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

import fastexcel
import pyarrow as pa
import pyarrow.parquet as pq

from storage.home import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from storage.profiles import Profile

__all__ = ["READABLE", "Digest", "Source", "first_line", "identifier", "literal", "open_source"]

CHUNK = 1 << 20
SMALL_FILE = 4096
PATTERN_SIGNS = frozenset("*?[]{}")
SHOWN_PATH = 300
SHOWN_ERROR = 160
MAX_LINE_BYTES = 16_000_000
BUFFER_BYTES = 33_554_432
REPLACEMENT = "\ufffd"
TEXTS = (".csv", ".txt", ".tsv")
WORKBOOKS = (".xlsx", ".xlsm", ".xls", ".ods")
READABLE = (*TEXTS, ".parquet", *WORKBOOKS)
"""Endings of files that are read."""


def identifier(name: str) -> str:
    """A quoted SQL identifier: delivered column names may hold anything."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A quoted SQL string."""
    return "'" + text.replace("'", "''") + "'"


def first_line(error: BaseException) -> str:
    """The first line of what a library says, for the end of a sentence; later lines may quote the data."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:SHOWN_ERROR]


class Digest:
    """Size in bytes and SHA-256 of a file; the hash is reckoned beside whatever else is done, one file at a time."""

    _one_at_a_time = threading.Lock()

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state = self._look()
        self.size = self._state[0]
        self._found: Future[str] = Future()
        threading.Thread(target=self._reckon, daemon=True).start()

    def _reckon(self) -> None:
        try:
            with self._one_at_a_time, self._path.open("rb") as handle:
                self._found.set_result(hashlib.file_digest(handle, "sha256").hexdigest())
        except BaseException as fault:  # noqa: BLE001 - handed to whoever asks for the hash, who would wait for ever otherwise
            self._found.set_exception(fault)

    def _look(self) -> tuple[int, int, int]:
        state = self._path.stat()
        return state.st_size, state.st_mtime_ns, state.st_ino

    @property
    def sha256(self) -> str:
        """Hexadecimal SHA-256; waits for it.

        Raises
        ------
        InputError
            The file could not be read, or is not what it was when it was opened: what was read may not be what was hashed.
        """
        try:
            found = self._found.result()
            state = self._look()
        except OSError as error:
            message = f"文件 {self._path.name} 无法读取: {error.strerror}"
            raise InputError(message) from error
        if state != self._state:
            message = f"文件 {self._path.name} 在读取时被改动; 请等它写完后再导入"
            raise InputError(message)
        return found


@dataclass(slots=True)
class Source:
    """One delivered file, ready to be read.

    Parameters
    ----------
    name
        File name as delivered, for messages and the ledger.
    path
        What is read: the file itself, or its copy in UTF-8 or Parquet below the staging folder.
    digest
        Of the delivered bytes.
    token
        Names this source's copies and tables.
    columns
        Names in order of delivery.
    is_csv
        Whether ``path`` is read as CSV; otherwise it is Parquet.
    ends_open
        Whether a CSV lacks the end of its last line.
    is_transcoded
        Whether bytes that could not be decoded were replaced.
    has_one_newline
        Whether ``path`` is a copy with one kind of line end.
    is_tidy
        Whether ``path`` is a copy without blank lines as well.
    removed, removed_at
        Records taken out of a CSV because an open quote swallowed what followed: their numbers, and where they stood.
    """

    name: str
    path: Path
    digest: Digest
    token: str
    columns: list[str]
    is_csv: bool
    delimiter: str = ","
    ends_open: bool = False
    is_transcoded: bool = False
    has_one_newline: bool = False
    is_tidy: bool = False
    removed: list[int] = field(default_factory=list)
    removed_at: list[int] = field(default_factory=list)

    def relation(self, rejects: str) -> str:
        """SQL table function over the file's rows; CSV rows that break its structure go to table ``rejects``."""
        if not self.is_csv:
            return f"read_parquet({literal(str(self.path))}, hive_partitioning = false)"
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in self.columns)
        return (
            f"read_csv({literal(str(self.path))}, auto_detect = false, header = true, delim = {literal(self.delimiter)}, "
            f"quote = '\"', escape = '\"', columns = {{{columns}}}, max_line_size = {MAX_LINE_BYTES}, buffer_size = {BUFFER_BYTES}, hive_partitioning = false, "
            f"store_rejects = true, rejects_table = '{rejects}', rejects_scan = '{rejects}_scan')"
        )


def open_source(path: Path, profile: Profile, staging: Path) -> Source:
    """The file at ``path``, opened by its ending and checked to be whole.

    Raises
    ------
    InputError
        No such file, empty, of a kind that is not read, truncated, or in no known encoding.
    """
    try:
        is_there = path.is_file()
    except (OSError, ValueError):  # a name too long for the file system, or with a zero byte
        is_there = False
    if not is_there:
        message = f"文件 {str(path)[:SHOWN_PATH]} 不存在或不是普通文件"
        raise InputError(message)
    if path.stat().st_size == 0:
        message = f"文件 {path.name} 是空的 (0 字节)"
        raise InputError(message)
    try:
        path.open("rb").close()
    except OSError as error:
        message = f"文件 {path.name} 无法读取: {error.strerror}"
        raise InputError(message) from error
    digest, token = Digest(path), secrets.token_hex(8)
    match path.suffix.lower():
        case ending if ending in TEXTS:
            return _open_csv(path, profile, staging, digest, token)
        case ".parquet":
            return _open_parquet(path, staging, digest, token)
        case ending if ending in WORKBOOKS:
            return _open_workbook(path, profile, staging, digest, token)
    message = f"文件 {path.name} 的类型不支持; 可用: {' '.join(READABLE)}"
    raise InputError(message)


def _plain_path(path: Path, staging: Path, token: str) -> Path:
    """The path, or a link to it under a plain name: to the engine ``a*.csv`` means many files."""
    if not set(str(path)) & PATTERN_SIGNS:
        return path
    link = staging / f"{token}.link{path.suffix}"
    link.unlink(missing_ok=True)
    link.symlink_to(path.resolve())
    return link


def _open_parquet(path: Path, staging: Path, digest: Digest, token: str) -> Source:
    name = path.name
    try:
        schema = pq.ParquetFile(path).schema_arrow
    except (pa.ArrowException, OSError) as error:
        message = f"文件 {name} 不是完整的 Parquet 文件 (可能被截断): {first_line(error)}"
        raise InputError(message) from error
    if not schema.names:
        message = f"文件 {name} 没有列"
        raise InputError(message)
    return Source(name, _plain_path(path, staging, token), digest, token, list(schema.names), is_csv=False)


def _open_workbook(path: Path, profile: Profile, staging: Path, digest: Digest, token: str) -> Source:
    try:
        book = fastexcel.read_excel(path)
        sheet = profile.sheet or book.sheet_names[0]
        table = pa.table(book.load_sheet(sheet, dtypes="string").to_arrow())
    except Exception as error:  # the reader raises its own kinds for a broken archive, a missing sheet, an empty book
        message = f"文件 {path.name} 不是可读的工作簿 (可能被截断或加密): {first_line(error)}"
        raise InputError(message) from error
    if not table.column_names:
        message = f"文件 {path.name} 的工作表 {sheet} 是空的"
        raise InputError(message)
    copy = staging / f"{token}.parquet"
    pq.write_table(table, copy)
    return Source(path.name, copy, digest, token, list(table.column_names), is_csv=False)


def _open_csv(path: Path, profile: Profile, staging: Path, digest: Digest, token: str) -> Source:
    encoding = _encoding(path)
    readable = _plain_path(path, staging, token)
    if encoding != "utf-8":
        readable = staging / f"{token}.csv"
        with path.open("r", encoding=encoding, errors="replace", newline="") as old, readable.open("w", encoding="utf-8", newline="") as new:
            while block := old.read(CHUNK):
                new.write(block)
    delimiter = "\t" if path.suffix.lower() == ".tsv" else profile.delimiter
    header = _header(readable, path.name, delimiter)
    with readable.open("rb") as handle:
        handle.seek(-1, io.SEEK_END)
        ends_open = handle.read(1) not in b"\r\n"
    return Source(path.name, readable, digest, token, header, is_csv=True, delimiter=delimiter, ends_open=ends_open, is_transcoded=encoding != "utf-8")


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
    # a few broken bytes in an otherwise readable file cost their lines, not the file
    length, broken, sound = _decoded(block, "utf-8")
    if broken <= max(length // 1000, sound // 5):
        return "utf-8"
    length, broken_otherwise, _ = _decoded(block, "gb18030")
    if broken_otherwise <= length // 1000:
        return "gb18030"
    if len(block) < SMALL_FILE and broken <= max(block.count(b"\n"), block.count(b"\r")):
        return "utf-8"
    message = f"文件 {path.name} 的编码无法识别; 可读: UTF-8 (含 BOM)、GB18030/GBK、UTF-16"
    raise InputError(message)


def _decoded(block: bytes, encoding: str) -> tuple[int, int, int]:
    """Characters in all, characters that could not be decoded, and those beyond ASCII that could."""
    text = block.decode(encoding, errors="replace")
    broken = text.count(REPLACEMENT) - block.count(REPLACEMENT.encode(encoding))
    ascii_count = len(text.encode("ascii", errors="ignore"))
    return len(text), broken, len(text) - ascii_count - broken


def _header(path: Path, name: str, delimiter: str) -> list[str]:
    with path.open("r", encoding="utf-8-sig", errors="replace", newline="") as handle:
        try:
            # not the first line only: spreadsheets break long column names over lines
            columns = next(csv.reader(_header_lines(handle), delimiter=delimiter, strict=True), [])
        except csv.Error as error:
            message = f"文件 {name} 的表头无法读取 (引号未闭合或一列过长): {error}"
            raise InputError(message) from error
    columns = [column.strip() for column in columns]
    if not any(columns):
        message = f"文件 {name} 没有表头"
        raise InputError(message)
    return _distinct(columns)


def _header_lines(handle: TextIO) -> Iterator[str]:
    while line := handle.readline(CHUNK):
        if len(line) == CHUNK:
            message = "line longer than a million characters"
            raise csv.Error(message)
        yield line


def _distinct(columns: list[str]) -> list[str]:
    """Names as delivered where they are the first of their kind; the engine knows no two that differ in case alone."""
    taken = {column.lower() for column in columns}
    seen: set[str] = set()
    unique = []
    for position, column in enumerate(columns, start=1):
        label, number = column or f"第{position}列", 1
        if not column or column.lower() in seen:
            stem = label
            while label.lower() in taken:
                number += 1
                label = f"{stem}#{number}"
        taken.add(label.lower())
        seen.add(label.lower())
        unique.append(label)
    return unique

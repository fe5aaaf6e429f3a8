"""The database of records: opened for a home, brought to the newest shape at first use."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from filelock import FileLock
from sqlalchemy import create_engine, event
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from storage.home import InputError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from storage.home import Home

__all__ = ["RECORD_FILES", "copy_records", "has_records", "open_records"]

URL_VARIABLE = "WEISU_RECORDS_URL"
MIGRATIONS = Path(__file__).with_name("migrations")
OPEN_DATABASES = 8
WAIT_SECONDS = 10
FILE_NAME = "records.db"
RECORD_FILES = (FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm", "records.lock")
"""What lies in a home: the database, what SQLite keeps beside it while it is in use, and the lock of its migration."""


def _file(home: Home) -> Path:
    return home.root / FILE_NAME


def has_records(home: Home) -> bool:
    """Whether there is anything to read; asking makes no database."""
    return bool(os.environ.get(URL_VARIABLE)) or _file(home).exists()


def copy_records(home: Home, target: Path) -> bool:
    """Copies the home's SQLite file as it is at one moment, while others write to it; whether there is one.

    The file alone may lack what still lies in the log beside it, and file and log copied one after the other need not match.
    Records on a PostgreSQL server are that server's to back up.

    Raises
    ------
    InputError
        The database is damaged.
    """
    if not _file(home).exists():
        return False
    try:
        with closing(sqlite3.connect(_file(home), timeout=WAIT_SECONDS)) as source, closing(sqlite3.connect(target)) as copy:
            source.backup(copy)
    except sqlite3.Error as error:
        message = f"{home.root} 中的 {FILE_NAME} 无法复制: {error}; 请检查文件是否完好"
        raise InputError(message) from error
    return True


def open_records(home: Home) -> Engine:
    """The engine of the home's records, migrated.

    Raises
    ------
    InputError
        The database cannot be reached, or WEISU_RECORDS_URL is no address of one. The message does not repeat the address,
        which may hold a password.
    """
    url = os.environ.get(URL_VARIABLE)
    if url:
        return _engine(url, str(home.root))
    home.root.mkdir(parents=True, exist_ok=True)
    path = _file(home)
    if not path.exists():
        path.touch(mode=0o600)
    return _engine(f"sqlite:///{path}", str(home.root))


@lru_cache(maxsize=OPEN_DATABASES)
def _engine(url: str, root: str) -> Engine:
    where = f"环境变量 {URL_VARIABLE} 所指的数据库" if os.environ.get(URL_VARIABLE) else f"{root} 中的 records.db"
    try:
        engine = create_engine(url, pool_pre_ping=True)
    except (ArgumentError, ImportError) as error:
        message = f"{where}无法使用: 地址写法不对, 或没有安装它的驱动; 例: postgresql+psycopg://用户@主机/库名"
        raise InputError(message) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with FileLock(Path(root) / "records.lock", timeout=WAIT_SECONDS), engine.begin() as connection:
            settings = Config()
            settings.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
            settings.attributes["connection"] = connection
            command.upgrade(settings, "head")
    except (SQLAlchemyError, OSError) as error:
        message = f"{where}无法打开: {type(error).__name__}; 请检查文件是否完好、数据库是否在运行"
        raise InputError(message) from error
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Readers beside one writer, durable commits; transactions begin where SQLAlchemy says, not where the driver guesses."""
    connection.isolation_level = None
    connection.execute(f"PRAGMA busy_timeout = {WAIT_SECONDS * 1000}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")

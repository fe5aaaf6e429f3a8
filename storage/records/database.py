"""The database of records: opened for a home, brought to the newest shape at first use."""

from __future__ import annotations

import os
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

__all__ = ["has_records", "open_records"]

URL_VARIABLE = "WEISU_RECORDS_URL"
MIGRATIONS = Path(__file__).with_name("migrations")
OPEN_DATABASES = 8
WAIT_SECONDS = 10


def _file(home: Home) -> Path:
    return home.root / "records.db"


def has_records(home: Home) -> bool:
    """Whether there is anything to read; asking makes no database."""
    return bool(os.environ.get(URL_VARIABLE)) or _file(home).exists()


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

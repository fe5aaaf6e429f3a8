"""Long tables in and out of the analyst's commands: CSV or Parquet, read with a sentence on what is wrong, written whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pandas as pd

from storage.home import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_place", "read_table", "write_table"]


def check_place(out: Path) -> None:
    """Refuse a place that cannot be written to, before any work is done.

    Raises
    ------
    InputError
        Neither CSV nor Parquet, or the folder is not there.
    """
    if out.suffix.lower() not in (".csv", ".parquet"):
        message = f"--out {out}: 只能写 .csv 或 .parquet"
        raise InputError(message)
    if not out.absolute().parent.is_dir():
        message = f"--out {out}: 文件夹 {out.absolute().parent} 不存在"
        raise InputError(message)


def read_table(file: Path, texts: tuple[str, ...]) -> pd.DataFrame:
    """The table of a file; of a CSV the columns ``texts`` stay text, so that codes keep their zeros.

    Raises
    ------
    InputError
        There is no such file, or it is neither Parquet nor a CSV in UTF-8.
    """
    if not file.is_file():
        message = f"{file}: 没有这个文件"
        raise InputError(message)
    kind = file.suffix.lower()
    try:
        if kind == ".parquet":
            return pd.read_parquet(file)
        if kind in (".csv", ".txt"):
            return pd.read_csv(file, dtype=dict.fromkeys(texts, "str"), encoding="utf-8-sig")
    except (ValueError, OSError) as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        message = f"{file}: 读不出来({said[:200]}); 允许 UTF-8 的 CSV 或 Parquet"
        raise InputError(message) from error
    message = f"{file}: 后缀是 {kind or '空'}; 允许 .csv 或 .parquet"
    raise InputError(message)


def write_table(frame: pd.DataFrame, out: Path) -> None:
    """Write beside the place and swap in, so that a broken-off run leaves no half a file.

    Raises
    ------
    InputError
        The place cannot be written to.
    """
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        if out.suffix.lower() == ".parquet":
            frame.to_parquet(beside, index=False)
        else:
            frame.to_csv(beside, index=False, float_format="%.6g", date_format="%Y-%m-%d")
        beside.replace(out)
    except OSError as error:
        beside.unlink(missing_ok=True)
        message = f"--out {out}: 写不进去({error.strerror})"
        raise InputError(message) from error

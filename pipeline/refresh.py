"""Refresh: counts the months that changed into a new snapshot and publishes it; ``check`` compares lake and mart."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from governance.policy import load_policy
from storage.engine import connect_worker
from storage.home import InputError
from storage.lake import Lake
from storage.ledger import Ledger
from storage.mart import MartBuilder, RefreshResult
from storage.places import load_register
from storage.profiles import parse_profile
from storage.verification import Finding, verify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from storage.home import Home

__all__ = ["CheckResult", "check", "refresh"]


@contextmanager
def _builder(home: Home) -> Iterator[MartBuilder]:
    if not home.profile.exists():
        message = f"{home.root} 还没有数据; 请先运行 ingest"
        raise InputError(message)
    profile = parse_profile(home.profile.read_text(encoding="utf-8"), home.profile.name)
    lake = Lake(home)
    connection = connect_worker(home.root / "work")
    try:
        yield MartBuilder(home, lake, Ledger(home, lake.batch_no), profile, load_register(home, profile), load_policy(), connection)
    finally:
        connection.close()


def refresh(home: Home, *, full: bool = False) -> RefreshResult:
    """Publishes a snapshot of the lake as it is now.

    Parameters
    ----------
    home
        The city's state.
    full
        Count every month again, not only the changed ones.

    Raises
    ------
    InputError
        Nothing was ingested yet, or another process is writing.
    """
    with home.writing():
        with _builder(home) as builder:
            result = builder.build(full=full)
        Lake(home).sweep()
    return result


@dataclass(frozen=True, slots=True)
class CheckResult:
    """Outcome of a check: what was compared, and every difference."""

    version: str | None
    months: int
    tickets: int
    findings: tuple[Finding, ...]


def check(home: Home) -> CheckResult:
    """Counts the whole lake again and compares with the snapshot in use; also lake against log and ledger."""
    with home.writing(), _builder(home) as builder:
        return CheckResult(*verify(builder))

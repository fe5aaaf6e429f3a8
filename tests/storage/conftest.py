"""Homes with records of both kinds: in a file, and on a private PostgreSQL server in a folder of its own, reached over a socket, removed afterwards."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.home import Home

START_SECONDS = 60
UNPRIVILEGED = "nobody"
"""PostgreSQL refuses to run as root."""


def _folder_of_programs() -> Path | None:
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted((path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")), reverse=True)
    return next((place for place in places if (place / "postgres").exists()), None)


class Postgres:
    """A running server."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder, self.made = programs, folder, 0
        self.user = UNPRIVILEGED if os.getuid() == 0 else None
        if self.user:
            shutil.chown(folder, self.user)
        self._run("initdb", "--pgdata", str(folder / "data"), "--username", "weisu", "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8")
        command = [str(programs / "postgres"), "-D", str(folder / "data"), "-k", str(folder), "-c", "listen_addresses=", "-c", "fsync=off"]
        self.process = subprocess.Popen(command, user=self.user, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        limit = time.monotonic() + START_SECONDS
        while self._run("pg_isready", "-h", str(folder), check=False) != 0:
            assert time.monotonic() < limit, "the server did not start"
            time.sleep(0.1)

    def _run(self, program: str, *words: str, check: bool = True) -> int:
        done = subprocess.run([str(self.programs / program), *words], user=self.user, cwd=self.folder, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0 or not check, done.stderr
        return done.returncode

    def new_database(self) -> str:
        """The address of an empty database."""
        self.made += 1
        self._run("createdb", "-h", str(self.folder), "-U", "weisu", f"records{self.made}")
        return f"postgresql+psycopg://weisu@/records{self.made}?host={self.folder}"

    def close(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=60)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    programs = _folder_of_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed (package postgresql)")
    # not below pytest's own folder: that one is closed to the unprivileged user, and too long a path for a socket
    folder = Path(tempfile.mkdtemp(prefix="weisu-pg-"))
    server = Postgres(programs, folder)
    yield server
    server.close()
    shutil.rmtree(folder)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home whose records lie in its own file, and one whose records lie on a real server."""
    if request.param == "postgresql":
        monkeypatch.setenv("WEISU_RECORDS_URL", request.getfixturevalue("postgres").new_database())
    return home

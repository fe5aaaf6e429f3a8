"""The command line: exit codes, one JSON object on standard output, sentences instead of tracebacks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import manage
from tests.factories import ticket, tree, write_csv

ROOT = Path(__file__).resolve().parents[2]


def run(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it."""
    environment = os.environ | {"WEISU_HOME": str(home), "PYTHONIOENCODING": "utf-8"}
    return subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *words], capture_output=True, text=True, env=environment, cwd=home.parent, check=False, timeout=120
    )


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """The same in this process, which spares the start of Python."""

    def called(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setenv("WEISU_HOME", str(home))
        monkeypatch.chdir(home.parent)
        monkeypatch.setattr(sys, "argv", ["manage.py", *words])
        code = 0
        try:
            manage.main()
        except SystemExit as end:
            code = int(end.code or 0)
        said = capfd.readouterr()
        return subprocess.CompletedProcess(list(words), code, said.out, said.err)

    return called


def the_object(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.strip().splitlines()) == 1
    return json.loads(done.stdout)


def test_from_ingest_to_restore_with_json(tmp_path: Path, call: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """Every command gives one object on standard output and nothing else there."""
    home = tmp_path / "home"
    path = write_csv(tmp_path / "工单.csv", [ticket("A1"), ticket("A2", "坏"), ticket("A1")])
    rehearsal = the_object(call(home, "ingest", str(path), "--city", "beijing", "--dry-run", "--json"))
    assert (rehearsal["dry_run"], rehearsal["read"], rehearsal["loaded"]) == (True, 3, 1)
    assert tree(home) == {}
    real = the_object(run(home, "ingest", str(path), "--city", "beijing", "--json"))
    names = ("read", "loaded", "updated", "unchanged", "quarantined", "unplaced")
    assert [real[name] for name in names] == [3, 1, 0, 1, 1, 1]
    assert [real["files"][0][name] for name in names] == [3, 1, 0, 1, 1, 1]
    assert the_object(call(home, "refresh", "--json"))["is_new"] is False
    assert the_object(call(home, "check", "--json"))["ok"] is True
    archive = tmp_path / "b.tar"
    assert the_object(call(home, "backup", str(archive), "--json"))["batch_no"] == 1
    assert the_object(call(tmp_path / "other", "restore", str(archive), "--json"))["batch_no"] == 1


@pytest.mark.parametrize(
    "words",
    [
        ("ingest", "missing.csv", "--city", "beijing"),
        ("ingest", "bad.csv", "--city", "beijing", "--json"),
        ("ingest", "good.csv", "--city", "../x"),
        ("ingest", "good.csv", "--city", "beijing", "--boundaries", "nowhere.geojson"),
        ("ingest", "good.csv"),
        ("refresh", "--json"),
        ("check",),
        ("backup", "b.tar"),
        ("restore", "good.csv"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_exit_code_2(
    tmp_path: Path, call: Callable[..., subprocess.CompletedProcess[str]], words: tuple[str, ...]
) -> None:
    """No traceback, nothing on standard output, nothing written."""
    write_csv(tmp_path / "good.csv", [ticket("A1")])
    (tmp_path / "bad.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    check_refused(call(tmp_path / "home", *words))
    assert tree(tmp_path / "home") == {}


def check_refused(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert done.stderr.strip().splitlines()[-1].startswith("错误: ")


def test_refusal_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Broken files through the real command: exit code 2 and one sentence."""
    write_csv(tmp_path / "good.csv", [ticket("A1")])
    (tmp_path / "cut.parquet").write_bytes(b"PAR1" + bytes(40))
    check_refused(run(tmp_path / "home", "ingest", "good.csv", "cut.parquet", "--city", "beijing", "--json"))
    assert tree(tmp_path / "home") == {}


def test_check_with_a_difference_ends_with_1(tmp_path: Path, call: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    """Findings are neither a success nor a misuse."""
    home = tmp_path / "home"
    path = write_csv(tmp_path / "a.csv", [ticket("A1")])
    assert call(home, "ingest", str(path), "--city", "beijing", "--no-refresh").returncode == 0
    done = call(home, "check", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["ok"] is False

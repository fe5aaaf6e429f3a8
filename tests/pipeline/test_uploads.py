"""A file handed in on the page: rehearsed, confirmed once, stored, removed; every step on a real home."""

from __future__ import annotations

import io
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.refresh import check, refresh
from pipeline.uploads import work_on_upload
from storage import uploads
from storage.home import Home, InputError
from storage.lake import Lake
from storage.records.audit import read_audit
from storage.scope import BOUND_ROLES, Role, Scope, ScopeError
from storage.snapshot import current_version
from storage.uploads import Stage, Upload, discard_upload, keep_upload, read_upload, request_work, upload_path
from tests.factories import lake_by_id, load, ticket, tree, write_csv

ADMIN = Scope(Role.ADMIN)
WHO = "管理员"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    load(made, write_csv(tmp_path / "1.csv", [ticket("A1"), ticket("A2", "2024-04-01")]))
    refresh(made)
    return made


def hand_in(home: Home, tmp_path: Path, name: str = "送来.csv") -> Upload:
    rows = [ticket("A1"), ticket("A3", "2024-04-02", caller="13812345678"), ticket("A4", "不详", title="回电13812345678")]
    content = write_csv(tmp_path / "sent.csv", rows).read_bytes()
    return keep_upload(home, ADMIN, name, io.BytesIO(content), WHO)


def rehearse(home: Home, upload: Upload) -> Upload:
    assert request_work(home, ADMIN, upload.token, Stage.REHEARSING, WHO)
    assert work_on_upload(home, upload.token)
    return read_upload(home, ADMIN)  # type: ignore[return-value]


def entries(home: Home) -> list[str]:
    return read_audit(home, ADMIN, "upload")["subject"].tolist()


def left(home: Home) -> list[str]:
    return sorted(path.name for path in (home.root / "uploads").rglob("*") if path.suffix != ".lock")


def test_rehearsal_says_everything_and_writes_nothing(home: Home, tmp_path: Path) -> None:
    before = {name: state for name, state in tree(home.root).items() if not name.startswith(("uploads", "write.lock"))}
    found = rehearse(home, hand_in(home, tmp_path))
    assert found.stage is Stage.REHEARSED
    counts = {name: found.outcome[name] for name in ("read", "loaded", "updated", "unchanged", "quarantined")}
    assert counts == {"read": 3, "loaded": 1, "updated": 0, "unchanged": 1, "quarantined": 1}
    assert [(item["record"], item["value"]) for item in found.outcome["faults"]] == [(3, "不详")]
    assert found.outcome["reasons"][0]["count"] == found.outcome["fault_count"] == 1
    assert "13812345678" not in (home.root / "uploads" / "state.json").read_text(encoding="utf-8")
    after = {name: state for name, state in tree(home.root).items() if not name.startswith(("uploads", "write.lock"))}
    assert after == before


def test_the_file_is_private_and_goes_when_its_rows_are_in(home: Home, tmp_path: Path) -> None:
    upload = hand_in(home, tmp_path)
    path = upload_path(home, upload)
    assert [stat.S_IMODE(item.stat().st_mode) for item in (path, path.parent, path.parent.parent)] == [0o600, 0o700, 0o700]
    rehearse(home, upload)
    version = current_version(home)
    assert request_work(home, ADMIN, upload.token, Stage.STORING, WHO)
    assert work_on_upload(home, upload.token)
    done = read_upload(home, ADMIN)
    assert done is not None
    assert (done.stage, done.outcome["loaded"], done.outcome["batch_no"]) == (Stage.DONE, 1, 2)
    assert set(lake_by_id(home)) == {"A1", "A2", "A3"}
    assert current_version(home) != version
    assert check(home).findings == ()
    assert left(home) == ["state.json"]
    audit = read_audit(home, ADMIN, "upload")
    assert audit["subject"].tolist() == ["upload.done", "upload.confirm"]
    assert set(audit["label"]) == {"送来.csv"}
    assert set(audit["reason"]) == {f"sha256 {upload.sha256}"}
    assert "新增 1" in audit["new"][0]
    assert discard_upload(home, ADMIN, upload.token, WHO)
    assert left(home) == []


def test_a_second_press_does_nothing(home: Home, tmp_path: Path) -> None:
    upload = rehearse(home, hand_in(home, tmp_path))
    with ThreadPoolExecutor(8) as pool:
        asked = list(pool.map(lambda _turn: request_work(home, ADMIN, upload.token, Stage.STORING, WHO), range(16)))
    assert sum(asked) == 1
    assert work_on_upload(home, upload.token)
    with pytest.raises(InputError, match="没有等待处理"):
        work_on_upload(home, upload.token)
    assert not request_work(home, ADMIN, upload.token, Stage.STORING, WHO)
    assert Lake(home).batch_no == 2
    assert entries(home) == ["upload.done", "upload.confirm"]


def test_only_the_file_that_was_looked_at_is_confirmed(home: Home, tmp_path: Path) -> None:
    first = rehearse(home, hand_in(home, tmp_path))
    with pytest.raises(InputError, match="还没有处理完"):
        hand_in(home, tmp_path)
    assert discard_upload(home, ADMIN, first.token, WHO)
    rehearse(home, hand_in(home, tmp_path))
    assert not request_work(home, ADMIN, first.token, Stage.STORING, WHO)
    assert not discard_upload(home, ADMIN, first.token, WHO)
    assert entries(home) == ["upload.discard"]


def test_without_a_rehearsal_nothing_is_stored(home: Home, tmp_path: Path) -> None:
    upload = hand_in(home, tmp_path)
    assert not request_work(home, ADMIN, upload.token, Stage.STORING, WHO)
    with pytest.raises(InputError):
        work_on_upload(home, upload.token)
    assert Lake(home).batch_no == 1


@pytest.mark.parametrize("stage", [Stage.REHEARSING, Stage.STORING])
def test_another_writer_is_said_and_can_be_waited_for(home: Home, tmp_path: Path, stage: Stage) -> None:
    upload = hand_in(home, tmp_path)
    if stage is Stage.STORING:
        upload = rehearse(home, upload)
    assert request_work(home, ADMIN, upload.token, stage, WHO)
    with home.writing():
        assert not work_on_upload(home, upload.token)
    found = read_upload(home, ADMIN)
    assert found is not None
    assert "正由另一进程写入" in found.message
    assert found.stage is (Stage.RECEIVED if stage is Stage.REHEARSING else Stage.REHEARSED)
    assert bool(found.outcome) == (stage is Stage.STORING), "what was looked at stays on the screen"
    assert request_work(home, ADMIN, upload.token, stage, WHO)
    assert work_on_upload(home, upload.token)


def test_a_file_that_cannot_be_read_is_said(home: Home) -> None:
    upload = keep_upload(home, ADMIN, "空.csv", io.BytesIO(b""), WHO)
    assert request_work(home, ADMIN, upload.token, Stage.REHEARSING, WHO)
    assert not work_on_upload(home, upload.token)
    found = read_upload(home, ADMIN)
    assert found is not None
    assert "是空的" in found.message
    assert discard_upload(home, ADMIN, upload.token, WHO)
    assert left(home) == []


@pytest.mark.parametrize(
    ("name", "kept"), [("../../etc/a.csv", "a.csv"), ("C:\\x\\b.XLSX", "b.XLSX"), ("长" * 300 + ".csv", "长" * 38 + ".csv"), ("a\0\nb.csv", "ab.csv")]
)
def test_names_lead_nowhere(home: Home, name: str, kept: str) -> None:
    upload = keep_upload(home, ADMIN, name, io.BytesIO(b"x"), WHO)
    assert upload.file == kept
    assert upload_path(home, upload).read_bytes() == b"x"


@pytest.mark.parametrize("name", ["a.exe", "csv", "..", ""])
def test_other_kinds_of_files_are_refused(home: Home, name: str) -> None:
    with pytest.raises(InputError, match="不支持"):
        keep_upload(home, ADMIN, name, io.BytesIO(b"x"), WHO)


def test_work_that_broke_off_can_be_done_again(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = rehearse(home, hand_in(home, tmp_path))
    assert request_work(home, ADMIN, upload.token, Stage.STORING, WHO)
    monkeypatch.setattr(uploads, "START_SECONDS", 0)
    found = read_upload(home, ADMIN)
    assert found is not None
    assert (found.stage, "中断" in found.message) == (Stage.REHEARSED, True)


def test_a_file_left_lying_goes_after_a_day(home: Home, tmp_path: Path) -> None:
    upload = hand_in(home, tmp_path)
    state = home.root / "uploads" / "state.json"
    old = (datetime.now(UTC) - timedelta(hours=25)).isoformat(timespec="seconds")
    state.write_text(state.read_text(encoding="utf-8").replace(upload.changed_at, old), encoding="utf-8")
    assert read_upload(home, ADMIN) is None
    assert left(home) == []


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
def test_refused_to_others(home: Home, tmp_path: Path, role: Role) -> None:
    scope = Scope(role, "110101" if role in BOUND_ROLES else None)
    upload = hand_in(home, tmp_path)
    for call in (
        lambda: keep_upload(home, scope, "a.csv", io.BytesIO(b"x"), WHO),
        lambda: read_upload(home, scope),
        lambda: request_work(home, scope, upload.token, Stage.REHEARSING, WHO),
        lambda: discard_upload(home, scope, upload.token, WHO),
    ):
        with pytest.raises(ScopeError):
            call()
    assert replace(read_upload(home, ADMIN), changed_at="") == replace(upload, changed_at="")  # type: ignore[type-var]

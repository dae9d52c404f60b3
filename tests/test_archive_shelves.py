"""Reading recordings wherever they are."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from obstore.store import from_url

from tests.support.archive import Archive
from twisted_hoop.archive import catalogue
from twisted_hoop.archive.shelves import FETCHED, KEPT_SECONDS, Shelves, tidy
from twisted_hoop.archive.storage import Storage, StorageFault
from twisted_hoop.errors import RecordingSealed, UnknownRecording
from twisted_hoop.recording.data_keys import key_path
from twisted_hoop.recording.library import Library


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(from_url(f"file://{tmp_path}/copies", mkdir=True), 500)


def opened(archive: Archive, storage: Storage | None, folder: Path | None = None) -> Shelves:
    found = Shelves(Library(folder or archive.folder, archive.library.ring), archive.office.database)
    found.storage = storage
    return found


def texts(found: Shelves, name: str = "session-0001") -> list[str]:
    return [entry["text"] for entry in found.read(name) if entry["kind"] == "command"]


def stored(archive: Archive, storage: Storage) -> Path:
    path = archive.record("session-0001", "select 1", "select 2")
    assert archive.spool().round(storage)
    return path


def test_in_the_folder_or_else_from_storage(archive: Archive, storage: Storage) -> None:
    path = stored(archive, storage)
    found = opened(archive, storage)
    assert texts(found) == ["select 1", "select 2"]
    path.unlink()
    assert texts(found) == ["select 1", "select 2"]
    fetched = archive.folder / FETCHED / "session-0001.hoop"
    assert fetched.stat().st_mode & 0o777 == 0o600
    with pytest.raises(UnknownRecording):
        opened(archive, None).read("session-0001")
    with pytest.raises(UnknownRecording):
        found.read("session-0002")


def test_another_replica_reads_with_the_key_in_the_store(archive: Archive, storage: Storage, tmp_path: Path) -> None:
    stored(archive, storage)
    (tmp_path / "other" / "recordings").mkdir(parents=True)
    assert texts(opened(archive, storage, tmp_path / "other" / "recordings")) == ["select 1", "select 2"]


def test_without_its_key_a_copy_is_closed(archive: Archive, storage: Storage) -> None:
    """R4: also for who has what was fetched before."""
    path = stored(archive, storage)
    path.unlink()
    found = opened(archive, storage)
    assert texts(found)
    key_path(path).unlink()
    change = {"key_json": ""}
    archive.office.database.write_now(lambda c: catalogue.note(c, "session-0001", **change))
    with pytest.raises(RecordingSealed):
        texts(found)


def test_what_was_deleted_is_not_there(archive: Archive, storage: Storage) -> None:
    stored(archive, storage).unlink()
    found = opened(archive, storage)
    assert texts(found)
    archive.remover(found).remove(archive.kept("session-0001"), "retention short")
    with pytest.raises(UnknownRecording):
        found.read("session-0001")
    assert not any((archive.state.parent / "copies").rglob("session-0001*"))


def test_a_copy_that_was_changed_is_not_shown(archive: Archive, storage: Storage, tmp_path: Path) -> None:
    """R4."""
    stored(archive, storage).unlink()
    (piece, *_) = sorted((tmp_path / "copies").rglob("session-0001.hoop.0*"))
    *kept, last = piece.read_bytes()
    piece.write_bytes(bytes((*kept, last ^ 1)))
    with pytest.raises(StorageFault, match="not what was stored"):
        opened(archive, storage).read("session-0001")
    assert list((archive.folder / FETCHED).iterdir()) == []


def test_what_was_fetched_goes_when_nobody_reads_it(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for path in (old, new):
        path.write_bytes(b"x")
    before = time.time() - KEPT_SECONDS - 10
    os.utime(old, (before, before))
    tidy(tmp_path)
    assert not old.exists() and new.exists()

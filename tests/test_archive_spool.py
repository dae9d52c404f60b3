"""What goes to object storage, and what leaves the folder."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest
from obstore.store import from_url

from tests.support.archive import Archive, session_at
from tests.support.recordings import command, recorder
from twisted_hoop.archive import spool
from twisted_hoop.archive.indexer import read_on
from twisted_hoop.archive.shelves import Shelves
from twisted_hoop.archive.storage import MIB, Storage, StorageConflict, StorageFault
from twisted_hoop.recording.data_keys import key_path
from twisted_hoop.recording.keys import public_keys
from twisted_hoop.recording.verification import FolderReport, verify_folder


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(from_url(f"file://{tmp_path}/copies", mkdir=True), MIB)


def verified(archive: Archive) -> FolderReport:
    return verify_folder(archive.folder, public_keys(archive.state))


def big(archive: Archive, name: str, started: float) -> Path:
    return archive.record(name, secrets.token_hex(300_000), started=started)


def test_every_closed_recording_once(archive: Archive, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "PAGE", 2)
    for number in range(5):
        archive.record(f"session-000{number}")
    one = archive.spool()
    assert one.round(storage) and one.stored == 5
    assert one.round(storage) and one.stored == 5
    kept = archive.kept("session-0003")
    assert kept.stored and kept.stored_at == archive.now() and "wrapped" in kept.key_json
    assert b"".join(storage.read(kept.path)) == (archive.folder / kept.path).read_bytes()


def test_storage_that_is_down_loses_nothing(archive: Archive, storage: Storage) -> None:
    """R5: what was not stored is stored when it is back; the recordings stay where they are until then."""

    class Down(Storage):
        def keep(self, path: Path, name: str) -> str:
            if name.endswith("session-0001.hoop"):
                raise StorageFault("down")
            return storage.keep(path, name)

    archive.record("session-0000")
    archive.record("session-0001")
    one = archive.spool()
    with pytest.raises(StorageFault):
        one.round(Down(None, MIB))
    assert archive.kept("session-0000").stored and not archive.kept("session-0001").stored
    assert one.round(storage) and archive.kept("session-0001").stored and one.stored == 2


def test_one_whose_name_is_taken_stops_no_other(
    archive: Archive, storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R4, R5: what is there stays, that recording stays here, and it is told; the rest is stored."""
    monkeypatch.setattr(spool, "PAGE", 1)
    paths = [big(archive, f"session-000{number}", 1_700_000_000.0 + number) for number in range(3)]
    taken = tmp_path / "copies" / archive.kept("session-0000").path
    taken.parent.mkdir(parents=True)
    taken.write_bytes(b"something else")
    with pytest.raises(StorageConflict, match="session-0000"):
        archive.spool(most=1).round(storage)
    assert [bool(archive.kept(f"session-000{n}").stored) for n in range(3)] == [False, True, True]
    assert taken.read_bytes() == b"something else" and paths[0].exists() and not paths[1].exists()


def test_one_process_of_a_folder_at_a_time(archive: Archive, storage: Storage) -> None:
    archive.record("session-0001")
    assert archive.spool(owner="worker-1").round(storage)
    assert not archive.spool(owner="worker-2").round(storage)
    archive.seconds += spool.LEASE_SECONDS
    assert archive.spool(owner="worker-2").round(storage)


def test_a_long_one_is_stored_while_it_grows(archive: Archive, tmp_path: Path) -> None:
    storage = Storage(from_url(f"file://{tmp_path}/copies", mkdir=True), 10_000)
    recording = recorder(archive.state).open(session_at("session-live"))
    for _ in range(8):
        recording.write(command(secrets.token_hex(5000)))
    read_on(archive.office.database, archive.library, "session-live")
    archive.spool().round(storage)
    pieces = sorted((tmp_path / "copies").rglob("session-live.hoop.0*"))
    data = (archive.folder / archive.kept("session-live").path).read_bytes()
    assert len(pieces) >= 3 and b"".join(each.read_bytes() for each in pieces) == data[: 10_000 * len(pieces)]
    assert archive.kept("session-live").stored == ""


def test_the_oldest_leave_when_there_is_too_much(archive: Archive, storage: Storage) -> None:
    """R4: what left is told by signed lines, its key is the store's alone, and it is read from storage."""
    paths = [big(archive, f"session-000{number}", 1_700_000_000.0 + number) for number in range(3)]
    one = archive.spool(most=1)
    one.round(storage)
    there = [path.exists() for path in paths]
    assert there == [False, False, True] and one.evicted == 2
    assert not key_path(paths[0]).exists() and archive.kept("session-0000").evicted
    report = verified(archive)
    assert report.ok and len(report.stored) == 2 and "in object storage, sha256" in report.stored[0]
    shelves = Shelves(archive.library, archive.office.database)
    shelves.storage = storage
    assert [entry["kind"] for entry in shelves.read("session-0000")] == ["open", "command", "close"]
    assert archive.remover(shelves).here(archive.kept("session-0000"))
    assert archive.remover(shelves).remove(archive.kept("session-0000"), "retention short") == ""
    report = verified(archive)
    assert report.ok and len(report.stored) == 1 and len(report.deleted) == 1


def test_what_storage_has_lost_does_not_leave(archive: Archive, storage: Storage, tmp_path: Path) -> None:
    """R5: looked at again before the last copy goes."""
    path = big(archive, "session-0001", 1_700_000_000.0)
    big(archive, "session-0002", 1_700_000_001.0)
    archive.spool().round(storage)
    for each in (tmp_path / "copies").rglob("session-0001*"):
        each.unlink()
    one = archive.spool(most=1)
    one.round(storage)
    assert path.exists() and not archive.kept("session-0001").evicted


@pytest.mark.parametrize("step", ["note", "destroy"])
def test_after_a_crash_while_one_leaves(
    archive: Archive, storage: Storage, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """R5: the next round ends it; in between it can be read."""
    path = big(archive, "session-0001", 1_700_000_000.0)
    big(archive, "session-0002", 1_700_000_001.0)
    places = {"note": "twisted_hoop.archive.spool.note", "destroy": "twisted_hoop.archive.spool.data_keys.destroy"}

    def crash(*arguments: Any, **more: Any) -> None:
        raise StorageFault("killed here")

    archive.spool().round(storage)
    with monkeypatch.context() as context:
        context.setattr(places[step], crash)
        with pytest.raises(StorageFault):
            archive.spool(most=1).round(storage)
    shelves = Shelves(archive.library, archive.office.database)
    shelves.storage = storage
    assert len(list(shelves.read("session-0001"))) == 3 and verified(archive).ok
    archive.spool(most=1).round(storage)
    archive.record("session-0003")
    archive.spool(most=1).round(storage)
    assert not path.exists() and not key_path(path).exists() and verified(archive).ok
    assert len(list(shelves.read("session-0001"))) == 3


@pytest.mark.parametrize("deleted", [False, True])
def test_files_and_keys_that_a_crash_left_of_an_evicted_one_go(
    archive: Archive, storage: Storage, monkeypatch: pytest.MonkeyPatch, deleted: bool
) -> None:
    """R5: killed behind the row and before the file; then another replica may delete it, and knows of neither."""
    path = big(archive, "session-0001", 1_700_000_000.0)
    big(archive, "session-0002", 1_700_000_001.0)

    def killed(path: Path, missing_ok: bool = False) -> None:
        raise OSError("killed here")

    with monkeypatch.context() as context:
        context.setattr("pathlib.Path.unlink", killed)
        with pytest.raises(OSError, match="killed here"):
            archive.spool(most=1).round(storage)
    assert archive.kept("session-0001").evicted and path.exists() and key_path(path).exists()
    if deleted:
        shelves = Shelves(archive.library, archive.office.database)
        shelves.storage = storage
        other = Archive(archive.office, archive.state.parent / "other", [], archive.seconds)
        assert other.remover(shelves).remove(archive.kept("session-0001"), "retention short") == ""
    archive.spool(most=100).round(storage)
    assert not path.exists() and not key_path(path).exists()
    if not deleted:
        assert verified(archive).ok

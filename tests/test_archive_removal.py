"""The end of one recording, step by step, and after a crash at each step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from obstore.store import from_url

from tests.support.archive import Archive, keeps
from tests.support.loop import Loop
from twisted_hoop.archive.holds import Holds
from twisted_hoop.archive.index import find
from twisted_hoop.archive.query import parse
from twisted_hoop.archive.shelves import Shelves
from twisted_hoop.archive.storage import MIB, Storage
from twisted_hoop.errors import RecordingFailed, RecordingSealed
from twisted_hoop.recording.data_keys import key_path
from twisted_hoop.recording.keys import public_keys
from twisted_hoop.recording.library import entries
from twisted_hoop.recording.verification import FolderReport, verify_folder


def verified(archive: Archive) -> FolderReport:
    return verify_folder(archive.folder, public_keys(archive.state))


def found(archive: Archive) -> list[str]:
    page = archive.office.database.read_now(lambda connection: find(connection, parse("", 0.0), 50))
    return [hit.session for hit in page.items]


def test_file_key_and_index_go_and_a_tombstone_stays(archive: Archive) -> None:
    """R4: the ledger says who deleted it and when, and verifies; a copy somebody kept cannot be read any more."""
    path = archive.record("session-0001")
    archive.record("session-0002")
    copy = archive.state / "copy.hoop"
    copy.write_bytes(path.read_bytes())
    for end in (".torn", ".torn-2"):
        path.with_suffix(end).write_bytes(b"what a crash left")
    assert archive.remover().remove(archive.kept("session-0001"), "retention short") == ""
    assert not list(path.parent.glob("session-0001*"))
    assert not path.exists() and not key_path(path).exists() and found(archive) == ["session-0002"]
    kept = archive.kept("session-0001")
    assert (kept.state, kept.deleted_by, kept.deleted_at) == ("deleted", "retention short", archive.now())
    report = verified(archive)
    assert report.ok and len(report.recordings) == 1
    assert report.deleted[0].startswith(f"{kept.path}: deleted by retention short at 2027-")
    with pytest.raises(RecordingSealed):
        list(entries(copy))


def test_a_deletion_without_a_tombstone_is_found(archive: Archive) -> None:
    """R4."""
    archive.record("session-0001").unlink()
    report = verified(archive)
    assert not report.ok and "missing" in report.problems[0] and report.deleted == []


def test_what_is_held_is_not_touched(archive: Archive, loop: Loop) -> None:
    path = archive.record("session-0001")
    made = loop.run(lambda: Holds(archive.office.database, archive.now).add("session", "session-0001", "case", "i|o"))
    assert made.by_key == "i|o"
    assert archive.remover().remove(archive.kept("session-0001"), "retention short") == "held"
    assert path.exists() and key_path(path).exists() and archive.kept("session-0001").state == "closed"


def test_two_replicas_delete_it_once(archive: Archive) -> None:
    archive.record("session-0001")
    kept = archive.kept("session-0001")
    assert archive.remover().remove(kept, "a") == "" and archive.remover().remove(kept, "b") == "gone"
    assert archive.kept("session-0001").deleted_by == "a" and len(verified(archive).deleted) == 1


@pytest.mark.parametrize("step", ["destroy", "append", "_note", "unlink", "_end"])
def test_after_a_crash_at_any_step_the_next_run_goes_on(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """R5: in between, the recording is `deleting`, and is never taken for one that is missing."""
    path = archive.record("session-0001")
    remover = archive.remover()
    places: dict[str, Any] = {
        "destroy": "twisted_hoop.archive.removal.data_keys.destroy",
        "append": "twisted_hoop.recording.ledger.Ledger.append",
        "_note": "twisted_hoop.archive.removal.Remover._note",
        "unlink": "pathlib.Path.unlink",
        "_end": "twisted_hoop.archive.removal.Remover._end",
    }

    def crash(*arguments: Any, **more: Any) -> None:
        raise RecordingFailed("killed here")

    with monkeypatch.context() as context:
        if step == "unlink":
            context.setattr("twisted_hoop.archive.removal.data_keys.destroy", lambda path: "")
        context.setattr(places[step], crash)
        with pytest.raises(RecordingFailed, match="killed here"):
            remover.remove(archive.kept("session-0001"), "retention short")
    assert archive.kept("session-0001").state == "deleting"
    assert not any("missing" in problem for problem in verified(archive).problems)
    assert remover.here(archive.kept("session-0001"))
    assert remover.remove(archive.kept("session-0001"), "retention short") == ""
    assert not path.exists() and archive.kept("session-0001").state == "deleted" and found(archive) == []
    assert verified(archive).ok


def test_what_another_replica_began_to_delete_is_left_to_it(archive: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    """R4: a recording is told to be deleted when its key is gone, and that only its own replica can see."""
    path = archive.record("session-0001")
    other = Archive(archive.office, archive.state.parent / "other", [keeps("short", 1)], archive.seconds)
    other.record("session-0002")
    remover = archive.remover()

    def crash(path: Any) -> str:
        raise RecordingFailed("killed here")

    with monkeypatch.context() as context:
        context.setattr("twisted_hoop.archive.removal.data_keys.destroy", crash)
        with pytest.raises(RecordingFailed, match="killed here"):
            remover.remove(archive.kept("session-0001"), "retention short")
    report = other.run()
    assert (report.deleted, report.elsewhere) == (1, 1)
    assert key_path(path).exists() and archive.kept("session-0001").state == "deleting"
    assert verified(other).deleted[0].count("session-0002") == 1 and len(verified(other).deleted) == 1
    archive.rules = [keeps("short", 1)]
    assert archive.run().deleted == 1
    assert not key_path(path).exists() and verified(archive).ok and archive.kept("session-0001").state == "deleted"


def test_a_copy_that_was_stored_meanwhile_goes_too(archive: Archive, tmp_path: Path) -> None:
    """R5: what retention read of a recording is old by the time it deletes it."""
    archive.record("session-0001")
    before = archive.kept("session-0001")
    shelves = Shelves(archive.library, archive.office.database)
    shelves.storage = storage = Storage(from_url(f"file://{tmp_path}/copies", mkdir=True), MIB)
    archive.spool().round(storage)
    assert (tmp_path / "copies" / before.path).exists()
    assert archive.remover(shelves).remove(before, "retention short") == ""
    assert not (tmp_path / "copies" / before.path).exists() and archive.kept("session-0001").key_json == ""

"""Reading recordings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.recordings import ALICE, STARTED, command, now, outcome, recorded, recorder, session, split
from twisted_hoop.errors import RecordingDamaged, UnknownRecording
from twisted_hoop.model import Outcome, Principal
from twisted_hoop.recording.library import Library, entries

DAY = 86400.0


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(tmp_path / "recordings")


def test_an_empty_folder_has_none(library: Library) -> None:
    assert library.list() == []
    with pytest.raises(UnknownRecording):
        library.read("session-0001")


def test_newest_first_across_days(tmp_path: Path, library: Library) -> None:
    for number, started in enumerate((0.0, 2 * DAY, DAY, DAY + 5)):
        recorded(tmp_path, command(), name=f"session-000{number}", started=STARTED + started)
    ids = [each.id[-1] for each in library.list()]
    assert ids == ["1", "3", "2", "0"]
    assert [each.id[-1] for each in library.list(2)] == ["1", "3"]
    assert [each.id[-1] for each in library.list(before=STARTED + DAY + 5)] == ["2", "0"]


def test_a_summary_says_who_what_and_how_it_ended(tmp_path: Path, library: Library) -> None:
    recorded(tmp_path, command(), outcome())
    (each,) = library.list()
    assert (each.who, each.subject, each.issuer) == ("alice via agent-7", "u-1", "https://issuer.example")
    assert (each.target, each.protocol, each.peer, each.gateway) == ("shop", "postgres", "192.0.2.7:40001", "hoop-test")
    assert (each.state, each.outcome, each.count, each.seconds) == ("closed", "closed", 2, 0.0)
    assert each.started == STARTED
    assert each == library.summary("session-0001")
    assert each.as_json()["groups"] == ("dev", "ops")


def test_selection_is_exact(tmp_path: Path, library: Library) -> None:
    place = recorder(tmp_path)
    place.open(session("session-0001"))
    place.open(session("session-0002", principal=Principal("https://other", "u-1")))
    assert [each.id for each in library.list(issuer="https://other")] == ["session-0002"]
    assert len(library.list(subject="u-1")) == 2
    assert library.list(subject="u-") == []
    assert [each.id for each in library.list(subject="u-1", issuer=ALICE.issuer, target="shop")] == ["session-0001"]
    assert library.list(target="other") == []


def test_a_live_recording_is_readable_and_says_so(tmp_path: Path, library: Library) -> None:
    recording = recorder(tmp_path).open(session())
    recording.write(command("select 1"))
    assert library.summary("session-0001").state == "live"
    assert library.summary("session-0001").count is None
    reading = library.read("session-0001")
    assert next(reading)["kind"] == "open"
    recording.write(command("select 2"))
    assert [entry["text"] for entry in reading] == ["select 1", "select 2"]
    now(recording.close(Outcome("closed")))
    assert library.summary("session-0001").state == "closed"


def test_a_live_recording_in_the_middle_of_a_frame_ends_before_it(tmp_path: Path, library: Library) -> None:
    import os

    recording = recorder(tmp_path).open(session())
    recording.write(command())
    os.write(recording._writer.descriptor, b"\x00\x00\x01")
    assert [entry["kind"] for entry in library.read("session-0001")] == ["open", "command"]
    recording._writer.release()
    assert library.summary("session-0001").state == "unfinished"
    with pytest.raises(RecordingDamaged):
        list(library.read("session-0001"))


def test_what_was_changed_is_found_while_reading(tmp_path: Path, library: Library) -> None:
    path = recorded(tmp_path, command("select 1"), command("select 2"))
    data = path.read_bytes()
    at = len(b"".join(split(data)[:3])) + 60
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
    reading = library.read("session-0001")
    assert [next(reading)["kind"], next(reading)["text"]] == ["open", "select 1"]
    with pytest.raises(RecordingDamaged) as caught:
        next(reading)
    assert 0 < caught.value.offset <= at


CHANGES: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("empty", lambda data: b""),
    ("other", lambda data: b"%PDF-1.4" + data),
    ("cut header", lambda data: data[:30]),
    ("no header", lambda data: data[:9]),
]


@pytest.mark.parametrize(("name", "change"), CHANGES)
def test_a_damaged_file_does_not_hide_the_others(
    tmp_path: Path, library: Library, name: str, change: Callable[[bytes], bytes]
) -> None:
    recorded(tmp_path, name="session-0001")
    path = recorded(tmp_path, name="session-0002")
    path.write_bytes(change(path.read_bytes()))
    assert sorted(each.state for each in library.list()) == ["closed", "damaged"]


def test_a_link_is_not_followed(tmp_path: Path, library: Library) -> None:
    path = recorded(tmp_path)
    path.rename(tmp_path / "elsewhere.hoop")
    path.symlink_to(tmp_path / "elsewhere.hoop")
    assert [each.state for each in library.list()] == ["damaged"]
    with pytest.raises(OSError, match="symbolic"):
        list(library.read("session-0001"))


def test_entries_of_a_file(tmp_path: Path) -> None:
    path = recorded(tmp_path, command())
    assert [entry["kind"] for entry in entries(path)] == ["open", "command", "close"]

"""What a start does with recordings that a crash left open."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.recordings import command, now, outcome, recorded, recorder, resealed, session, split
from twisted_hoop.errors import RecordingFailed
from twisted_hoop.model import Outcome
from twisted_hoop.recording.keys import public_keys
from twisted_hoop.recording.ledger import read
from twisted_hoop.recording.library import Library
from twisted_hoop.recording.recorder import Recorder
from twisted_hoop.recording.recovery import Recovered, put_aside
from twisted_hoop.recording.verification import verify_folder


def crashed(state: Path, entries: int = 3) -> Path:
    """A recording whose process is gone: its lock with it."""
    place = recorder(state)
    recording = place.open(session())
    for _ in range(entries):
        recording.write(command())
    recording._writer.release()
    return place.folder / recording.path


def recovered(state: Path) -> list[Recovered]:
    done: list[Recovered] = now(recorder(state).recover())
    return done


def well(state: Path) -> bool:
    return verify_folder(state / "recordings", public_keys(state)).ok


def test_nothing_to_do(tmp_path: Path) -> None:
    recorded(tmp_path, command())
    assert recovered(tmp_path) == []


def test_an_open_recording_is_ended_as_interrupted(tmp_path: Path) -> None:
    path = crashed(tmp_path)
    before = path.read_bytes()
    (done,) = recovered(tmp_path)
    assert (done.session, done.outcome, done.count, done.torn) == ("session-0001", "interrupted", 3, 0)
    assert path.read_bytes().startswith(before)
    last = list(Library(tmp_path / "recordings").read("session-0001"))[-1]
    assert (last["outcome"], last["torn"]) == ("interrupted", 0)
    assert "stopped without closing" in last["message"]
    assert well(tmp_path)
    assert recovered(tmp_path) == []


@pytest.mark.parametrize("cut", [1, 31, 32, 33, 60])
def test_a_torn_end_is_put_aside_and_noted(tmp_path: Path, cut: int) -> None:
    path = crashed(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    torn = len(split(whole)[-1]) - cut
    (done,) = recovered(tmp_path)
    assert (done.outcome, done.count, done.torn) == ("interrupted", 2, torn)
    assert path.with_suffix(".torn").read_bytes() == whole[-cut - torn : -cut]
    assert path.with_suffix(".torn").stat().st_mode & 0o777 == 0o600
    assert list(Library(tmp_path / "recordings").read("session-0001"))[-1]["torn"] == torn
    assert well(tmp_path)


def torn_again(path: Path) -> None:
    """A crash while the first torn end was being dealt with: the end that recovery wrote is torn as well."""
    parts = split(path.read_bytes())
    path.write_bytes(b"".join(parts[:-1]) + parts[-1][:-7])


def test_R5_a_second_crash_during_recovery_writes_over_nothing(tmp_path: Path) -> None:
    """R5: each torn end stays, under a name of its own; so does one that lies there for whatever other reason."""
    path = crashed(tmp_path)
    path.write_bytes(path.read_bytes()[:-9])
    ledger = tmp_path / "recordings" / "ledger.hoop"
    before, kept = ledger.read_bytes(), []
    for _ in range(3):
        found = path.read_bytes()
        assert [each.outcome for each in recovered(tmp_path)] == ["interrupted"]
        kept.append(put_aside(path)[-1].read_bytes())
        assert kept[-1] and found.endswith(kept[-1])
        assert [part.read_bytes() for part in put_aside(path)] == kept
        ledger.write_bytes(before)
        torn_again(path)
    assert [part.name for part in put_aside(path)] == [f"session-0001.torn{end}" for end in ("", "-2", "-3")]
    assert {part.stat().st_mode & 0o777 for part in put_aside(path)} == {0o600}
    recovered(tmp_path)
    assert well(tmp_path)


def test_R5_what_never_began_writes_over_nothing_either(tmp_path: Path) -> None:
    recorder(tmp_path)
    path = tmp_path / "recordings/2026/11/22/session-0002.hoop"
    path.parent.mkdir(parents=True)
    for content in (b"HOOPREC1\n\x00\x00", b"HOOPREC1"):
        path.write_bytes(content)
        assert [each.outcome for each in recovered(tmp_path)] == ["empty"]
    assert [part.read_bytes() for part in put_aside(path)] == [b"HOOPREC1\n\x00\x00", b"HOOPREC1"]


def test_a_machine_that_was_lost_may_leave_zeros(tmp_path: Path) -> None:
    path = crashed(tmp_path)
    path.write_bytes(path.read_bytes() + bytes(4096))
    (done,) = recovered(tmp_path)
    assert (done.outcome, done.torn) == ("interrupted", 4096)
    assert well(tmp_path)


def test_a_live_recording_of_another_process_is_left_alone(tmp_path: Path) -> None:
    place = recorder(tmp_path)
    recording = place.open(session())
    assert recovered(tmp_path) == []
    recording.write(command())
    now(recording.close(Outcome("closed")))
    assert well(tmp_path)


def test_a_recording_that_never_began_is_put_aside(tmp_path: Path) -> None:
    recorder(tmp_path)
    path = tmp_path / "recordings/2026/11/22/session-0002.hoop"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"HOOPREC1\n\x00\x00")
    (done,) = recovered(tmp_path)
    assert (done.outcome, done.torn) == ("empty", 11)
    assert path.with_suffix(".torn").exists()
    assert well(tmp_path)


def test_a_crash_between_the_end_and_the_ledger(tmp_path: Path) -> None:
    recorded(tmp_path, command(), outcome())
    ledger = tmp_path / "recordings" / "ledger.hoop"
    ledger.write_bytes(ledger.read_bytes().splitlines(keepends=True)[0])
    assert not well(tmp_path)
    assert [done.outcome for done in recovered(tmp_path)] == ["entered"]
    assert well(tmp_path)


def test_what_was_closed_and_then_changed_is_not_signed_again_r4(tmp_path: Path) -> None:
    """R4: recovery launders nothing, even where the ledger's last line was taken away too."""
    path = recorded(tmp_path, command("drop table x"), command())
    ledger = tmp_path / "recordings" / "ledger.hoop"
    ledger.write_bytes(ledger.read_bytes().splitlines(keepends=True)[0])
    parts = split(path.read_bytes())
    for tampered in (b"".join(parts[:2] + parts[3:]), resealed(parts[:2] + parts[3:])):
        path.write_bytes(tampered)
        assert [done.outcome for done in recovered(tmp_path)] == ["damaged"]
        assert path.read_bytes() == tampered
        assert not well(tmp_path)


def test_another_header_than_the_ledger_knows_is_not_signed_r4(tmp_path: Path) -> None:
    """R4: a crashed recording that is exchanged before the next start is left as it is."""
    path = crashed(tmp_path)
    parts = split(path.read_bytes())
    forged = parts[1].replace(b'"alice"', b'"mallo"')
    path.write_bytes(resealed([parts[0], forged, *parts[2:]]))
    (done,) = recovered(tmp_path)
    assert done.outcome == "damaged"
    assert "header" in done.problem
    assert not well(tmp_path)


def test_a_recording_the_ledger_never_saw_says_so(tmp_path: Path) -> None:
    path = crashed(tmp_path / "other")
    (tmp_path / "recordings/2026/11/22").mkdir(parents=True, mode=0o700)
    (tmp_path / "recordings").chmod(0o700)
    for name in ("session-0001.hoop", "session-0001.key"):
        (tmp_path / "recordings/2026/11/22" / name).write_bytes((path.parent / name).read_bytes())
    (tmp_path / "recording.kek").write_bytes((tmp_path / "other" / "recording.kek").read_bytes())
    (tmp_path / "recording.kek").chmod(0o600)
    assert [done.outcome for done in recovered(tmp_path)] == ["interrupted"]
    last = list(Library(tmp_path / "recordings").read("session-0001"))[-1]
    assert "unknown to the ledger" in last["message"]


def test_a_replaced_key_and_a_new_ledger_lose_nothing(tmp_path: Path) -> None:
    recorded(tmp_path, command(), name="session-0001")
    (tmp_path / "recording.key").unlink()
    assert recovered(tmp_path) == []
    recorded(tmp_path, command(), name="session-0002")
    assert well(tmp_path)
    (tmp_path / "recordings" / "ledger.hoop").rename(tmp_path / "aside")
    assert [done.outcome for done in recovered(tmp_path)] == ["entered", "entered"]
    assert well(tmp_path)


def test_a_damaged_ledger_is_not_added_to(tmp_path: Path) -> None:
    recorded(tmp_path, command())
    ledger = tmp_path / "recordings" / "ledger.hoop"
    ledger.write_bytes(ledger.read_bytes().splitlines(keepends=True)[1])
    before = ledger.read_bytes()
    (done,) = recovered(tmp_path)
    assert (done.outcome, "ledger" in done.problem) == ("damaged", True)
    assert ledger.read_bytes() == before


def test_a_symbolic_link_is_not_followed(tmp_path: Path) -> None:
    path = crashed(tmp_path)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert [done.outcome for done in recovered(tmp_path)] == ["damaged"]


def test_a_recording_that_failed_is_ended_as_failed(tmp_path: Path) -> None:
    """The disk took half an entry and no more; by the time of the close there is room for the end."""
    place: Recorder = recorder(tmp_path)
    recording = place.open(session())
    recording.write(command())
    os.write(recording._writer.descriptor, b"\x00\x00\x10\x00E half of an entry")
    with pytest.raises(RecordingFailed):
        recording._writer.fail(RecordingFailed("the disk is full"))
    with pytest.raises(RecordingFailed, match="the disk is full"):
        now(recording.close(Outcome("client-lost")))
    last = list(Library(place.folder).read("session-0001"))[-1]
    assert (last["outcome"], last["count"], last["torn"]) == ("failed", 1, 22)
    assert last["message"] == "client-lost: the disk is full"
    assert well(tmp_path)
    assert [line.outcome for _, line in read(place.folder / "ledger.hoop", place.key.trusted)] == ["", "failed"]

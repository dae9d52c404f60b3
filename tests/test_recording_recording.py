"""A recording while its session lives, and how it ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock
from zope.interface.verify import verifyObject

from tests.support.recordings import command, now, outcome, recorder, session
from twisted_hoop.errors import RecordingFailed
from twisted_hoop.interfaces import IRecording
from twisted_hoop.model import Outcome
from twisted_hoop.recording.keys import public_keys
from twisted_hoop.recording.library import Library
from twisted_hoop.recording.recorder import Recorder
from twisted_hoop.recording.recording import LAZY_SECONDS, Recording
from twisted_hoop.recording.verification import verify
from twisted_hoop.settings import RecordingSection


def opened(state: Path, **settings: Any) -> tuple[Recorder, Recording, Clock]:
    clock = Clock()
    place = recorder(state, clock, **settings)
    return place, place.open(session()), clock


def kinds(place: Recorder) -> list[str]:
    return [entry["kind"] for entry in Library(place.folder).read("session-0001")]


def test_it_is_an_irecording(tmp_path: Path) -> None:
    assert verifyObject(IRecording, opened(tmp_path)[1])


def test_entries_carry_numbers_and_seconds(tmp_path: Path) -> None:
    place, recording, clock = opened(tmp_path)
    clock.advance(1.25)
    recording.write(command("select 1"))
    clock.advance(0.000001)
    recording.write(outcome(), lazy=True)
    now(recording.close(Outcome("closed", "bye")))
    entries = list(Library(place.folder).read("session-0001"))
    assert [(entry["n"], entry["t"], entry["kind"]) for entry in entries] == [
        (0, 0.0, "open"),
        (1, 1.25, "command"),
        (2, 1.250001, "outcome"),
        (3, 1.250001, "close"),
    ]
    assert entries[1]["text"] == "select 1"
    assert (entries[3]["outcome"], entries[3]["message"], entries[3]["count"]) == ("closed", "bye", 2)


def test_lazy_entries_are_written_within_50_ms(tmp_path: Path) -> None:
    place, recording, clock = opened(tmp_path)
    recording.write(outcome(), lazy=True)
    recording.write(outcome(), lazy=True)
    assert len(clock.getDelayedCalls()) == 2  # for both entries, and for the next signed head
    assert kinds(place) == ["open"]
    clock.advance(LAZY_SECONDS)
    assert kinds(place) == ["open", "outcome", "outcome"]
    assert len(clock.getDelayedCalls()) == 1


def test_a_failed_lazy_entry_is_told_to_whoever_drives_the_session_r1(tmp_path: Path) -> None:
    """R1: the disk is full when the timer writes; the session is told, and the next write fails."""
    import os

    _place, recording, clock = opened(tmp_path)
    told: list[RecordingFailed] = []
    recording.on_failure = told.append
    recording.write(outcome(), lazy=True)
    with open("/dev/full", "wb") as full:
        os.dup2(full.fileno(), recording._writer.descriptor)
    clock.advance(LAZY_SECONDS)
    assert len(told) == 1
    assert "No space" in str(told[0])
    with pytest.raises(RecordingFailed):
        recording.write(command())
    with pytest.raises(RecordingFailed):
        now(recording.close(Outcome("failed")))


def test_close_is_idempotent_and_leaves_no_timer(tmp_path: Path) -> None:
    place, recording, clock = opened(tmp_path)
    recording.write(outcome(), lazy=True)
    first, second = recording.close(Outcome("closed")), recording.close(Outcome("failed"))
    assert (now(first), now(second), now(recording.close(Outcome("ended")))) == (None, None, None)
    assert not clock.getDelayedCalls()
    report = verify(place.folder / recording.path, public_keys(tmp_path))
    assert (report.ok, report.outcome, report.count) == (True, "closed", 1)
    with pytest.raises(RecordingFailed, match="closed"):
        recording.write(command())


def test_a_page_cache_recording_has_no_barrier(tmp_path: Path) -> None:
    assert opened(tmp_path)[1].barrier() is None


def test_under_fsync_a_barrier_waits_for_the_disk(tmp_path: Path) -> None:
    place, recording, _clock = opened(tmp_path, durability="fsync-per-command")
    recording.write(command())
    assert now(recording.barrier()) is None
    now(recording.close(Outcome("closed")))
    assert kinds(place) == ["open", "command", "close"]


class Later:
    """Threads that work when told to."""

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        done: Deferred[Any] = Deferred()
        self.work.append(lambda: execute(function, *arguments).chainDeferred(done))
        return done

    def step(self) -> None:
        self.work.pop(0)()


def test_close_waits_for_the_ledger_and_for_a_running_sync(tmp_path: Path) -> None:
    later = Later()
    section = RecordingSection(minimum_free=0, durability="fsync-per-command")
    place = Recorder(section, tmp_path, Clock(), "x", in_thread=later)
    recording = place.open(session())
    recording.write(command())
    barrier = recording.barrier()
    closed = recording.close(Outcome("closed"))
    assert len(later.work) == 2  # the ledger's line "opened", and the sync: not yet the end
    later.step()
    later.step()
    assert barrier is not None
    assert barrier.called
    assert not closed.called
    later.step()
    assert now(closed) is None
    assert not later.work


def test_idle_waits_for_what_is_being_closed_and_for_nothing_else(tmp_path: Path) -> None:
    later = Later()
    place = Recorder(RecordingSection(minimum_free=0), tmp_path, Clock(), "x", in_thread=later)
    first, _open = place.open(session("session-0001")), place.open(session("session-0002"))
    assert now(place.idle()) is None
    closed = first.close(Outcome("ended"))
    idle = place.idle()
    while later.work:
        assert not idle.called
        later.step()
    assert (now(idle), now(closed), now(place.idle())) == (None, None, None)
    assert Library(place.folder).summary("session-0001").outcome == "ended"


def test_on_a_real_reactor_with_real_threads(tmp_path: Path) -> None:
    program = f"""
from pathlib import Path
from twisted.internet.task import react
from tests.support.recordings import command, outcome, session
from twisted_hoop.model import Outcome
from twisted_hoop.recording.recorder import Recorder
from twisted_hoop.settings import RecordingSection

async def main(reactor):
    section = RecordingSection(minimum_free=0, durability="fsync-per-command")
    place = Recorder(section, Path({str(tmp_path)!r}), reactor, "hoop")
    assert await place.recover() == []
    recordings = [place.open(session(f"session-{{n:04}}")) for n in range(20)]
    for recording in recordings:
        for _ in range(5):
            recording.write(command())
            await recording.barrier()
            recording.write(outcome(), lazy=True)
    for done in [recording.close(Outcome("closed")) for recording in recordings]:
        await done

react(main)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    from twisted_hoop.recording.verification import verify_folder

    report = verify_folder(tmp_path / "recordings", public_keys(tmp_path))
    assert report.ok, report.problems
    assert [each.count for each in report.recordings] == [10] * 20
    assert report.lines == 40

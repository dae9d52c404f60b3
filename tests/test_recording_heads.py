"""Signed heads, told to the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, execute
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from tests.support.recordings import command, now, recorder, session
from twisted_hoop.model import Outcome
from twisted_hoop.recording.heads import GATHER, Heads
from twisted_hoop.recording.keys import load_signing_key, public_keys
from twisted_hoop.recording.ledger import MOST_HEADS, Ledger, last_heads, read
from twisted_hoop.recording.verification import verify_folder


def made(tmp_path: Path) -> tuple[Heads, Clock, Ledger]:
    clock, ledger = Clock(), Ledger(tmp_path / "ledger.hoop", load_signing_key(tmp_path))
    return Heads(ledger, clock, execute), clock, ledger


def told(tmp_path: Path) -> list[dict[str, Any]]:
    path = tmp_path / "ledger.hoop"
    return [line.heads for _, line in read(path, public_keys(tmp_path))] if path.exists() else []


def never(failure: Failure) -> None:
    raise AssertionError(failure)


def test_many_heads_are_one_line(tmp_path: Path) -> None:
    heads, clock, _ledger = made(tmp_path)
    for count, name in ((1, "session-a"), (2, "session-b"), (3, "session-a")):
        heads.add(name, count, bytes([count]) * 32, never)
    clock.advance(GATHER)
    assert told(tmp_path) == [{"session-a": [3, "03" * 32], "session-b": [2, "02" * 32]}]
    assert not clock.getDelayedCalls()


def test_very_many_are_several(tmp_path: Path) -> None:
    heads, clock, _ledger = made(tmp_path)
    for number in range(MOST_HEADS + 1):
        heads.add(f"session-{number:056}", number, b"h" * 32, never)
    clock.advance(GATHER)
    assert [len(line) for line in told(tmp_path)] == [MOST_HEADS, 1]


def test_what_was_closed_meanwhile_is_not_told(tmp_path: Path) -> None:
    heads, clock, _ledger = made(tmp_path)
    heads.add("session-a", 1, b"h" * 32, never)
    heads.drop("session-a")
    clock.advance(GATHER)
    assert told(tmp_path) == []


def test_a_ledger_that_does_not_take_them_fails_their_recordings_r1(tmp_path: Path) -> None:
    """R1: it was cut while the gateway runs; those who rely on it learn of it."""
    heads, clock, ledger = made(tmp_path)
    ledger.append("opened", "session-a", "x", b"h" * 32, 1.0)
    (tmp_path / "ledger.hoop").write_bytes(b"")
    failures: list[Failure] = []
    heads.add("session-a", 1, b"h" * 32, failures.append)
    heads.add("session-b", 1, b"h" * 32, failures.append)
    clock.advance(GATHER)
    assert ["was cut" in str(failure.value) for failure in failures] == [True, True]


def test_one_line_at_a_time_and_stop_waits_for_it(tmp_path: Path) -> None:
    clock, ledger = Clock(), Ledger(tmp_path / "ledger.hoop", load_signing_key(tmp_path))
    waiting: list[Deferred[None]] = []

    def thread(_function: object, *_arguments: object) -> Deferred[None]:
        waiting.append(Deferred())
        return waiting[-1]

    heads = Heads(ledger, clock, thread)
    for _ in range(3):
        heads.add("session-a", 1, b"h" * 32, never)
        clock.advance(GATHER)
    assert len(waiting) == 1
    stopped = heads.stop()
    assert not stopped.called
    assert not clock.getDelayedCalls()
    waiting[0].callback(None)
    assert stopped.called


def test_a_recording_that_grows_is_signed_again_and_again(tmp_path: Path) -> None:
    clock = Clock()
    recording = recorder(tmp_path, clock, head_every=30.0).open(session())
    for _ in range(3):
        recording.write(command())
        clock.advance(30)
        clock.advance(GATHER)
    clock.advance(500)  # nothing grows: nothing is signed
    lines = [line for _, line in read(tmp_path / "recordings/ledger.hoop", public_keys(tmp_path))]
    assert [line.event for line in lines] == ["opened", "heads", "heads", "heads"]
    assert last_heads(lines)["session-0001"][0] == 3
    (report,) = verify_folder(tmp_path / "recordings", public_keys(tmp_path)).recordings
    assert (report.ok, report.state, report.signed) == (True, "live", 3)
    now(recording.close(Outcome("closed")))
    assert verify_folder(tmp_path / "recordings", public_keys(tmp_path)).ok
    assert not clock.getDelayedCalls()

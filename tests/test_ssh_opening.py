"""Opening a session: target, rights, account, caps, recording, in this order; nothing is left behind by what fails."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.ssh_fakes import Bench
from twisted_hoop.errors import LimitExceeded, RecordingFailed, UnknownTarget


def test_a_session_is_registered_recorded_and_told_of() -> None:
    bench = Bench()
    session = bench.opening.open(bench.arrival, bench.client)
    assert bench.sessions.find(session.session.id) is not None and bench.told == [("opened", 0)]
    assert bench.recorder.recordings[0].id == session.session.id
    assert bench.door.logins == [], "nothing is connected to (S14)"


@pytest.mark.parametrize("what", ["target", "rights", "account", "objection"])
def test_what_stands_against_it_is_an_unknown_target(what: str) -> None:
    bench = Bench(login="root" if what == "account" else "")
    if what == "target":
        bench.halls.clear()
    bench.policy.authorized = what != "rights"
    bench.objection = "locked: leaver" if what == "objection" else ""
    with pytest.raises(UnknownTarget):
        bench.opening.open(bench.arrival, bench.client)
    assert len(bench.sessions) == 0 and bench.recorder.recordings == []


def test_caps() -> None:
    bench = Bench(limits={"sessions": 1})
    bench.opening.open(bench.arrival, bench.client)
    with pytest.raises(LimitExceeded):
        bench.opening.open(bench.arrival, bench.client)
    assert len(bench.sessions) == 1 and len(bench.recorder.recordings) == 1


def test_R1_without_a_recording_there_is_no_session() -> None:
    bench = Bench()

    def fails(*arguments: Any) -> Any:
        raise RecordingFailed("the disk is full")

    bench.recorder.open = fails  # type: ignore[method-assign, assignment]
    assert bench.wants().refused == (4, "hoop: the recording cannot be opened")
    assert len(bench.sessions) == 0


def test_a_cap_that_is_reached_meanwhile_closes_the_recording() -> None:
    bench = Bench()

    def full(*arguments: Any) -> Any:
        raise LimitExceeded("one too many")

    bench.sessions.open = full  # type: ignore[method-assign, assignment]
    with pytest.raises(LimitExceeded):
        bench.opening.open(bench.arrival, bench.client)
    assert bench.recorder.recordings[0].outcome is not None

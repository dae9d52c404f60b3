"""One session: one recording, one connection to the target made when it is needed, and one end for all channels."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.ssh_fakes import Bench, FakeConnection, direct, listen
from tests.support.ssh_relay import exec_, pty_, shell_, signal_, status_
from twisted_hoop.errors import ProtocolError, RecordingFailed
from twisted_hoop.model import Decision, Effect
from twisted_hoop.settings import MaskSection
from twisted_hoop.ssh.events import STDERR, STDOUT, Close, Data, Eof, Opened, Reply
from twisted_hoop.testing import FakeRecorder
from twisted_hoop.testing.fakes import FakeRecording


def running(bench: Bench, text: str = "sleep") -> tuple[Any, Any]:
    """A command that runs: the client's channel and the target's."""
    channel = bench.wants().open
    channel.receive(exec_(text))
    there = bench.target.opened[-1][2]
    there.receive(Opened(), Reply(True))
    return channel, there


def stderr(channel: Any) -> str:
    """What was said on stderr."""
    return b"".join(bytes(e.data) for e in channel.sent if isinstance(e, Data) and e.stream == STDERR).decode()


def test_all_channels_share_one_connection_and_one_recording() -> None:
    bench = Bench()
    bench.door.slow = True
    first, second = bench.wants().open, bench.wants().open
    first.receive(exec_("a"))
    second.receive(exec_("b"))
    bench.wants(b"direct-tcpip", direct(b"db", 1))
    assert bench.target.opened == []
    bench.door.let_in()
    assert [kind for kind, _, _ in bench.target.opened] == [b"session", b"session", b"direct-tcpip"]
    assert bench.door.logins == ["deploy"] and len(bench.recorder.recordings) == 1
    assert [e.data["channel"] for e in bench.entries] == [1, 2, 3]
    assert [e.data["command"] for e in bench.entries] == [1, 2, 3]


def test_a_target_that_cannot_be_had_is_tried_again_for_the_next_command() -> None:
    bench = Bench()
    bench.door.fault = ProtocolError("target web-1 did not answer in time", "target", "timeout")
    channel = bench.wants().open
    channel.receive(exec_("a"))
    assert "hoop: target web-1 did not answer in time" in stderr(channel) and status_(255) in channel.sent
    bench.door.fault = None
    running(bench)
    assert len(bench.door.logins) == 2


def test_a_fault_of_ours_tells_no_more_than_that() -> None:
    bench = Bench()
    bench.door.fault = ZeroDivisionError("secret")
    channel = bench.wants().open
    channel.receive(exec_("a"))
    assert stderr(channel) == "hoop: internal error\n"


def test_a_client_that_leaves_while_the_target_is_being_connected_to() -> None:
    bench = Bench()
    bench.door.slow = True
    bench.wants().open.receive(exec_("a"))
    bench.using.lost("gone")
    assert bench.told[-1] == ("client-lost", 1)
    bench.door.let_in()
    assert bench.target.opened == [] and bench.target.disconnected


def test_a_client_that_closes_meanwhile_opens_nothing() -> None:
    bench = Bench()
    bench.door.slow = True
    channel = bench.wants().open
    channel.receive(exec_("a"), Close())
    bench.door.let_in()
    assert bench.target.opened == [] and channel.sent == [Close()]


def test_ending_tells_every_channel_and_ends_both_legs() -> None:
    bench = Bench()
    one, there = running(bench)
    waiting = bench.wants().open
    bench.sessions.end_where(lambda session: True, "57P01", "hoop: locked: leaver")
    for channel in (one, waiting):
        assert stderr(channel) == "hoop: locked: leaver\n" and channel.sent[-1] == Close()
    assert there.sent[-2:] == [signal_(b"HUP"), Close()]
    assert bench.client.disconnected == bench.target.disconnected == ["hoop: locked: leaver"]
    assert len(bench.sessions) == 0 and bench.told[-1] == ("ended", 1)
    assert bench.approver.sessions_over


def test_nothing_opens_in_a_session_that_has_ended() -> None:
    bench = Bench()
    running(bench)
    bench.sessions.end_where(lambda session: True, "57P01", "over")
    assert bench.wants().refused == (4, "hoop: the session has ended")
    assert bench.asks(b"tcpip-forward", listen(b"localhost", 0)).answer == (False, b"")
    assert len(bench.target.opened) == 1 and bench.target.requested == []


def test_a_target_that_is_lost_ends_the_session() -> None:
    bench = Bench()
    channel, there = running(bench)
    there.handler.lost()
    bench.door.handlers[0].lost("reset by peer")
    assert "the target is gone" in stderr(channel)
    assert bench.client.disconnected == ["hoop: the connection to the target was lost"]
    assert bench.told[-1] == ("target-lost", 1)


class Failing(FakeRecorder):
    """Every recording fails after so many entries."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.after = after

    def open(self, session: Any, policy_version: str = "") -> FakeRecording:
        self.recordings.append(FakeRecording(session.id, self.after))
        return self.recordings[-1]


def _with_failing_recorder(after: int) -> Bench:
    bench = Bench()
    bench.recorder = Failing(after)
    object.__setattr__(bench.opening.services, "recorder", bench.recorder)
    return bench


def test_R1_what_cannot_be_recorded_is_not_carried_and_ends_every_channel() -> None:
    bench = _with_failing_recorder(after=2)
    one, there = running(bench, "one")
    other, elsewhere = running(bench, "two")
    there.receive(Data(STDOUT, b"seen by nobody"))
    assert Data(STDOUT, b"seen by nobody") not in one.sent
    elsewhere.receive(Data(STDOUT, b"nor this"))
    assert Data(STDOUT, b"nor this") not in other.sent
    bench.clock.advance(0)
    for channel in (one, other):
        assert "the recording failed" in stderr(channel)
    assert bench.client.disconnected and bench.target.disconnected and bench.told[-1][0] == "failed"


def test_R1_a_command_that_cannot_be_recorded_does_not_run() -> None:
    bench = _with_failing_recorder(after=0)
    bench.wants().open.receive(exec_("x"))
    assert bench.target.opened == [] and bench.door.logins == []


def test_R1_an_entry_that_fails_late_ends_the_session_too() -> None:
    bench = Bench()
    channel, _ = running(bench)
    bench.recorder.recordings[0].on_failure(RecordingFailed("the disk is full"))
    bench.clock.advance(0)
    assert "the recording failed" in stderr(channel) and bench.told[-1][0] == "failed"


def test_R15_a_fault_of_one_channel_is_not_the_others() -> None:
    bench = Bench()
    one, there = running(bench)
    other, elsewhere = running(bench)
    bench.using._session.lanes[1].relay.target_received = None  # type: ignore[union-attr, method-assign]
    there.receive(Data(STDOUT, b"x"))
    assert "internal error" in stderr(one)
    elsewhere.receive(Data(STDOUT, b"fine"))
    assert other.sent[-1] == Data(STDOUT, b"fine")


def test_the_registry_sees_what_goes_on() -> None:
    bench = Bench()
    assert len(bench.sessions) == 0
    channel, there = running(bench)
    live = next(iter(bench.sessions))
    assert live.handle.activity() == (1, True, False)
    there.receive(status_(0), Close())
    assert live.handle.activity() == (1, False, False)
    shell = bench.wants().open
    shell.receive(shell_())
    bench.target.opened[-1][2].receive(Opened(), Reply(True))
    assert live.handle.activity() == (2, False, False), "somebody's shell does not keep a session from being idle"
    shell.receive(Data(STDOUT, b"ls\r"))
    assert live.handle.activity()[0] == 5
    assert channel.sent[-1] == Close()


def test_R13_a_session_whose_target_changed_is_outdated() -> None:
    bench = Bench()
    running(bench)
    live = next(iter(bench.sessions))
    assert not live.handle.outdated()
    hall = bench.halls.pop("web-1")
    assert live.handle.outdated()
    bench.halls["web-1"] = hall
    assert not live.handle.outdated()


def test_cancelling_withdraws_what_waits() -> None:
    bench = Bench(Decision(Effect.REVIEW, "r", approvers=frozenset({"dba"}), wait=60.0))
    bench.gate.approver.pending.clear()
    channel = bench.wants().open
    channel.receive(pty_(), exec_("deploy"))
    live = next(iter(bench.sessions))
    live.handle.cancel()
    assert channel.sent, "told, approved or withdrawn"


def test_what_is_held_back_leaves_after_a_moment() -> None:
    bench = Bench(masks=[MaskSection(name="cards", detect=["card"])])
    channel, there = running(bench)
    there.receive(Data(STDOUT, b"name: "))
    assert Data(STDOUT, b"name: ") not in channel.sent
    bench.clock.advance(0.03)
    there.receive(Data(STDOUT, b"you "))
    bench.clock.advance(0.03)
    assert not any(isinstance(e, Data) for e in channel.sent), "a moment without anything"
    bench.clock.advance(0.03)
    assert channel.sent[-1] == Data(STDOUT, b"name: you ")
    there.receive(Eof(), Close())
    bench.clock.advance(1)
    assert not bench.clock.getDelayedCalls()


def test_the_attributes_of_a_session() -> None:
    bench = Bench()
    bench.wants()
    session = next(iter(bench.sessions)).session
    assert dict(session.attributes) == {"login": "deploy", "host": "web-1", "client": "SSH-2.0-Test"}
    assert session.target.protocol == "ssh" and isinstance(bench.client, FakeConnection)


@pytest.mark.parametrize("count", [0, 150])
def test_R10_notes_have_an_end(count: int) -> None:
    bench = Bench()
    bench.wants()
    for _ in range(count):
        bench.wants(b"unknown")
    assert len(bench.entries) == min(count, 100)

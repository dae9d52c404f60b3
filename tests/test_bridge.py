"""The bridge carries out steps, in order, and ends one session for any fault: never another (R1, R15)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.logger import Logger

from twisted_hoop.bridge import HELD_BACK, Bridge
from twisted_hoop.errors import ProtocolError, RecordingFailed
from twisted_hoop.model import Approval, ApprovalRequest, Decision, Effect, Entry, Outcome
from twisted_hoop.steps import Record, ToClient
from twisted_hoop.testing import DENIED, FakeApprover, FakeGate, FakePending, FakeRecording, make_session
from twisted_hoop.testing.postgres import SHOP, catalogue_of, kinds, knowledge_of, make_relay, message, query, ready

REVIEW = Decision(Effect.REVIEW, "four-eyes", approvers=frozenset({"dba"}), policy_version="v1")
SELECT = query(b"select 1")


class Wire(StringTransport):
    """Remembers that it was let go."""

    def unregisterProducer(self) -> None:
        """Twisted's; more than once is allowed here."""
        self.producer = None

    def pauseProducing(self) -> None:
        """Twisted's."""
        self.producerState = "paused"

    def resumeProducing(self) -> None:
        """Twisted's."""
        self.producerState = "producing"


class SlowPending(FakePending):
    """Waits until the test answers."""

    def __init__(self) -> None:
        super().__init__(ApprovalRequest("r1", "https://hoop.test/r1", "d", 60.0), Approval("r1", True, "granted", "d"))
        self.answer: Deferred[Approval] = Deferred()

    def wait(self) -> Any:
        """See IPendingApproval."""
        return self.answer


class SlowApprover(FakeApprover):
    """Files what is answered later."""

    def __init__(self) -> None:
        super().__init__()
        self.slow = SlowPending()

    async def file(self, session: Any, command: Any, decision: Any) -> FakePending:
        """See IApprover."""
        return self.slow


class World:
    """A bridge over a real relay, with wires of strings."""

    def __init__(
        self, gate: FakeGate | None = None, recording: FakeRecording | None = None, knowledge: Any = None
    ) -> None:
        self.client, self.target = Wire(), Wire()
        self.recording = recording or FakeRecording()
        self.outcomes: list[Outcome] = []
        self.refreshing: Callable[[], Awaitable[None]] = self._nothing
        self.meter: list[Decision] = []
        self.answers: list[tuple[str, int, int]] = []
        self.bridge = Bridge(
            make_session(),
            make_relay(knowledge=knowledge),
            gate or FakeGate(),
            self.recording,
            refresh=lambda: self.refreshing(),
            finished=self.outcomes.append,
            meter=self,
        )
        self.bridge.join(self.client, self.target)

    async def _nothing(self) -> None:
        return None

    def decided(self, target: str, decision: Decision, seconds: float) -> None:
        """See Meter."""
        self.meter.append(decision)

    def answered(self, target: str, masked: int, size: int) -> None:
        """See Meter."""
        self.answers.append((target, masked, size))


def test_a_command_goes_through_and_is_recorded_and_counted() -> None:
    world = World()
    world.bridge.client_received(SELECT)
    assert world.target.value() == SELECT
    assert [entry.kind for entry in world.recording.entries] == ["command"]
    assert (world.bridge.commands, len(world.meter)) == (1, 1)
    world.bridge.target_received(message(b"C", b"SELECT 1\0") + ready())
    assert kinds(world.client.value()) == "CZ"
    assert [entry.kind for entry in world.recording.entries] == ["command", "outcome"]


def test_r1_nothing_is_sent_that_could_not_be_recorded() -> None:
    """R1: one FATAL, and the end."""
    world = World(recording=FakeRecording(after=0))
    world.bridge.client_received(SELECT)
    assert world.target.value() == b""
    assert b"58030" in world.client.value()
    assert kinds(world.client.value()) == "E"
    assert [outcome.code for outcome in world.outcomes] == ["failed"]
    assert world.client.disconnecting
    assert world.target.disconnecting
    world.bridge.client_received(SELECT)
    assert world.target.value() == b""


def test_r1_a_recording_that_fails_later_ends_the_session_too() -> None:
    """R1: whoever writes in the background tells."""
    world = World()
    world.recording.on_failure(RecordingFailed("the disk is full"))
    assert [outcome.code for outcome in world.outcomes] == ["failed"]


def test_r1_under_fsync_a_command_leaves_when_its_entry_is_on_the_disk() -> None:
    """R1: and what comes meanwhile waits behind it, in order."""
    disk: Deferred[None] = Deferred()
    recording = FakeRecording()
    recording.waiting = disk
    world = World(recording=recording)
    world.bridge.client_received(SELECT)
    assert world.target.value() == b""
    assert [entry.kind for entry in recording.entries] == ["command"]
    world.bridge.client_received(query(b"select 2"))
    recording.waiting = None
    disk.callback(None)
    assert world.target.value() == SELECT + query(b"select 2")


def test_r1_under_fsync_a_disk_that_fails_ends_the_session() -> None:
    """R1: nothing leaves."""
    disk: Deferred[None] = Deferred()
    recording = FakeRecording()
    recording.waiting = disk
    world = World(recording=recording)
    world.bridge.client_received(SELECT)
    disk.errback(RecordingFailed("the disk is gone"))
    assert world.target.value() == b""
    assert [outcome.code for outcome in world.outcomes] == ["failed"]


@pytest.mark.parametrize(
    ("side", "data", "code"), [("client", message(b"?"), b"08P01"), ("target", message(b"?"), b"08P01")]
)
def test_p7_a_broken_protocol_ends_the_session_with_one_error(side: str, data: bytes, code: bytes) -> None:
    """P7: whichever side broke it."""
    world = World()
    getattr(world.bridge, f"{side}_received")(data)
    assert kinds(world.client.value()) == "E"
    assert code in world.client.value()
    assert world.outcomes[0].code == "failed"


def test_r15_a_fault_of_ours_ends_this_session_and_tells_no_detail(monkeypatch: pytest.MonkeyPatch) -> None:
    """R15: and it is logged, not lost."""
    logged: list[str] = []
    monkeypatch.setattr(Logger, "failure", lambda self, text, *args, **more: logged.append(text))
    gate = FakeGate(lambda session, command: 1 / 0)  # type: ignore[arg-type, return-value]
    world, other = World(gate), World()
    world.bridge.client_received(SELECT)
    assert b"internal error" in world.client.value()
    assert b"ZeroDivision" not in world.client.value()
    assert logged
    other.bridge.client_received(SELECT)
    assert other.target.value() == SELECT


def test_a_review_holds_the_command_until_people_answer() -> None:
    approver = SlowApprover()
    world = World(FakeGate(REVIEW, approver))
    world.bridge.client_received(SELECT)
    assert world.target.value() == b""
    assert b"waiting for approval" in world.client.value()
    assert [entry.kind for entry in world.recording.entries] == ["review"]
    approver.slow.answer.callback(Approval("r1", True, "granted", "d", by=("bob",)))
    assert world.target.value() == SELECT
    assert [entry.kind for entry in world.recording.entries] == ["review", "command"]


def test_a6_a_client_that_leaves_withdraws_what_it_waits_for() -> None:
    """A6: and the answer that comes later runs nothing."""
    approver = SlowApprover()
    world = World(FakeGate(REVIEW, approver))
    world.bridge.client_received(SELECT)
    world.bridge.lost("client")
    assert approver.slow.withdrawn == ["the client is gone"]
    approver.slow.answer.callback(Approval("r1", True, "granted", "d"))
    assert SELECT not in world.target.value()
    assert [outcome.code for outcome in world.outcomes] == ["client-lost"]


def test_a_cancel_withdraws_what_waits() -> None:
    approver = SlowApprover()
    world = World(FakeGate(REVIEW, approver))
    assert not world.bridge.cancel(), "nothing waits: the target must be told"
    world.bridge.client_received(SELECT)
    assert world.bridge.cancel()
    assert approver.slow.withdrawn
    assert b"hoop_refused_" in world.target.value()
    approver.slow.answer.callback(Approval("r1", True, "granted", "d"))
    assert SELECT not in world.target.value()


def test_s9_a_client_that_sends_while_it_waits_is_not_read_any_more() -> None:
    """S9, P8: what is held back is bounded; it is read again when the answer is there."""
    approver = SlowApprover()
    world = World(FakeGate(REVIEW, approver))
    world.bridge.client_received(SELECT)
    world.bridge.client_received(query(b"select '" + b"x" * HELD_BACK + b"'"))
    assert world.client.producerState == "paused"
    approver.slow.answer.callback(Approval("r1", False, "denied", "d"))
    assert world.client.producerState == "producing"


def test_rows_of_a_copy_that_come_early_are_bounded_and_go_on() -> None:
    world = World()
    copy = query(b"copy people (name) from stdin")
    rows = message(b"d", b"x" * 1000 + b"\n") * 300
    world.bridge.client_received(copy + rows)
    assert world.client.producerState == "paused"
    world.bridge.target_received(message(b"G", b"\0\0\1\0\0"))
    assert world.client.producerState == "producing"
    assert world.target.value() == copy + rows


def test_each_side_is_slowed_down_by_the_other() -> None:
    world = World()
    assert world.target.producer is world.client
    world.client.producer.pauseProducing()
    assert world.target.producerState == "paused"
    world.client.producer.resumeProducing()
    assert world.target.producerState == "producing"
    world.client.producer.stopProducing()
    assert world.target.disconnecting


def test_what_is_stale_is_read_again_before_the_command() -> None:
    knowledge = knowledge_of()
    knowledge.invalidate()
    world = World(knowledge=knowledge)
    read: Deferred[None] = Deferred()
    world.refreshing = lambda: read
    world.bridge.client_received(SELECT)
    assert world.target.value() == b""
    knowledge.learn(catalogue_of(SHOP))
    read.callback(None)
    assert world.target.value() == SELECT


def test_a_catalogue_that_cannot_be_read_ends_the_session() -> None:
    knowledge = knowledge_of()
    knowledge.invalidate()
    world = World(knowledge=knowledge)
    read: Deferred[None] = Deferred()
    world.refreshing = lambda: read
    world.bridge.client_received(SELECT)
    read.errback(ProtocolError("the target is gone", "target"))
    assert [outcome.code for outcome in world.outcomes] == ["failed"]


def test_the_end_is_said_once() -> None:
    world = World()
    world.bridge.end("57P01", "hoop: stop")
    world.bridge.end("57P01", "again")
    world.bridge.lost("client")
    assert kinds(world.client.value()) == "E"
    assert [outcome.code for outcome in world.outcomes] == ["ended"]
    assert world.bridge.cancel()


def test_a_target_that_is_lost() -> None:
    world = World()
    world.bridge.lost("target")
    assert b"08006" in world.client.value()
    assert [outcome.code for outcome in world.outcomes] == ["target-lost"]


def test_a_refusal_is_recorded_before_its_stand_in_leaves() -> None:
    world = World(FakeGate(DENIED))
    world.bridge.client_received(SELECT)
    assert [entry.kind for entry in world.recording.entries] == ["refused"]
    assert isinstance(world.recording.entries[0], Entry)
    assert b"hoop_refused_" in world.target.value()


def test_what_was_masked_in_an_answer_is_counted() -> None:
    world = World()
    world.bridge.client_received(SELECT)
    world.bridge.target_received(message(b"C", b"SELECT 1\0") + ready())
    assert [answer[1:] for answer in world.answers] == [(0, 0)]


def test_what_only_its_protocol_knows_of_is_carried_out_like_the_rest() -> None:
    world = World()
    world.bridge.carry(lambda: [Record(Entry("notice")), ToClient(b"a moment")])
    assert world.client.value() == b"a moment" and world.recording.entries[-1].kind == "notice"
    world.bridge.end("57P01", "over")
    world.client.clear()
    world.bridge.carry(lambda: [ToClient(b"late")])
    assert world.client.value() == b""

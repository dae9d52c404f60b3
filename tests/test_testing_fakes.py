"""The fakes keep the promises of the interfaces they stand for."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from twisted_hoop.errors import RecordingFailed
from twisted_hoop.interfaces import IApprover, IGate, IPendingApproval, IPolicy, IRecorder, IRecording
from twisted_hoop.model import Admission, Approval, ApprovalRequest, Command, Decision, Effect, Entry, Outcome, Refusal
from twisted_hoop.testing import (
    DENIED,
    FakeApprover,
    FakeGate,
    FakePending,
    FakePolicy,
    FakeRecorder,
    FakeRecording,
    make_session,
    run_now,
)

COMMAND = Command("query", "select 1")
REVIEW = Decision(Effect.REVIEW, "ask")


def test_every_fake_provides_its_interface() -> None:
    pending = FakePending(ApprovalRequest("r", "", "", 0.0), Approval("r", True, "granted", ""))
    for fake, interface in (
        (FakePolicy(), IPolicy),
        (pending, IPendingApproval),
        (FakeApprover(), IApprover),
        (FakeGate(), IGate),
        (FakeRecording(), IRecording),
        (FakeRecorder(), IRecorder),
    ):
        assert verifyObject(interface, fake)


def test_the_fake_gate_admits_and_refuses_as_the_real_one() -> None:
    assert isinstance(FakeGate().judge(make_session(), COMMAND), Admission)
    assert isinstance(FakeGate(DENIED).judge(make_session(), COMMAND), Refusal)
    gate = FakeGate(REVIEW)
    assert gate.judge(make_session(), COMMAND) is REVIEW
    seen: list[FakePending] = []
    verdict = run_now(gate.review(make_session(), COMMAND, REVIEW, seen.append))
    assert isinstance(verdict, Admission)
    assert seen == gate.approver.pending


def test_a_recording_fails_when_told_to() -> None:
    recording = FakeRecorder().open(make_session())
    recording.write(Entry("open"))
    broken = FakeRecording(after=1)
    broken.write(Entry("open"))
    with pytest.raises(RecordingFailed):
        broken.write(Entry("command"))
    recording.close(Outcome("closed"))
    recording.close(Outcome("failed"))
    assert recording.outcome == Outcome("closed")

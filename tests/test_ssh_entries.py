"""Entries of a channel: the command before it happens, the refusal, the notice, the outcome."""

from __future__ import annotations

from twisted_hoop.gate import Gate
from twisted_hoop.model import Admission, Command, Decision, Effect, Refusal
from twisted_hoop.ssh.entries import command_entry, notice_entry, outcome_entry, refused_entry
from twisted_hoop.testing import FakeApprover, FakePolicy
from twisted_hoop.testing.fakes import DENIED, make_session
from twisted_hoop.testing.script import run_now

COMMAND = Command("exec", "ls", reason="ticket 7")


def test_a_command_that_was_approved() -> None:
    review = Decision(Effect.REVIEW, "r", approvers=frozenset({"dba"}), policy_version="v1")
    gate = Gate(lambda: FakePolicy(review), FakeApprover())
    admission = run_now(gate.review(make_session(), COMMAND, review, lambda pending: None))
    assert isinstance(admission, Admission)
    entry = command_entry(2, 5, admission, {"env": {"LANG": "C"}})
    assert entry.kind == "command" and entry.data == {
        "channel": 2, "command": 5, "action": "exec", "text": "ls", "rule": "r", "policy": "v1", "env": {"LANG": "C"},
        "decision": "review", "approval": {"id": "request-1", "by": ("bob",)}, "reason": "ticket 7",
    }  # fmt: skip


def test_a_refusal() -> None:
    entry = refused_entry(2, 5, Refusal(COMMAND, DENIED, "pending", "needs an approval", "", "request-1"))
    assert entry.kind == "refused" and entry.data["decision"] == "deny" and entry.data["code"] == "pending"
    assert entry.data["approval"] == {"id": "request-1"} and entry.data["reason"] == "needs an approval"


def test_the_rest() -> None:
    assert notice_entry(0, "x", mask="m").data == {"channel": 0, "text": "x", "mask": "m"}
    assert outcome_entry(1, 2, status=3).data == {"channel": 1, "command": 2, "status": 3}

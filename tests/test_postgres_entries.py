"""What is written and told of commands and refusals."""

from __future__ import annotations

from twisted_hoop.model import Admission, Approval, Command, Decision, Effect, Refusal
from twisted_hoop.postgres.entries import command_entry, detail_of, refused_entry
from twisted_hoop.testing import FakeGate, make_session

DECISION = Decision(Effect.DENY, "no-drops", "tables stay", policy_version="v7")


def test_a_command() -> None:
    command = Command("execute", "select $1", parameters=("1", None), reason="ticket 7")
    admitted = FakeGate().judge(make_session(), command)
    assert isinstance(admitted, Admission)
    assert command_entry(3, command, admitted.decision, admitted) == {
        "command": 3,
        "action": "execute",
        "text": "select $1",
        "decision": "allow",
        "rule": "test: allow",
        "policy": "v1",
        "parameters": ("1", None),
        "reason": "ticket 7",
    }
    admitted.approval = Approval("r1", True, "granted", "d", by=("bob",))
    assert command_entry(3, command, admitted.decision, admitted)["approval"] == {"id": "r1", "by": ("bob",)}


def test_a_refusal() -> None:
    refusal = Refusal(Command("query", "drop table t"), DECISION, "pending", "tables stay", approval_id="r2")
    entry = refused_entry(4, refusal)
    assert (entry["command"], entry["decision"], entry["code"], entry["rule"], entry["policy"]) == (
        4,
        "deny",
        "pending",
        "no-drops",
        "v7",
    )
    assert entry["approval"] == {"id": "r2"}
    assert detail_of(refusal) == "Rule: no-drops. Request: r2."


def test_the_reason_is_told_once_and_a_missing_rule_by_its_absence() -> None:
    command = Command("query", "drop table t")
    assert detail_of(Refusal(command, DECISION, "expired", "nobody came")) == "Rule: no-drops. Reason: tables stay."
    assert detail_of(Refusal(command, Decision(Effect.DENY, ""), "denied", "no")) == "No rule matched."

"""The one way every command takes: policy, then people; a fault refuses."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from twisted_hoop.errors import LimitExceeded, StoreUnavailable
from twisted_hoop.gate import Gate
from twisted_hoop.interfaces import IGate
from twisted_hoop.model import Admission, Approval, Command, Decision, Effect, Refusal, Verdict
from twisted_hoop.testing import ALLOWED, DENIED, FakeApprover, FakePending, FakePolicy, make_session, run_now

COMMAND = Command("query", "drop table t")
REVIEW = Decision(Effect.REVIEW, "four-eyes", "look first", policy_version="v1")


def reviewed(
    policy: FakePolicy, approver: FakeApprover, decision: Decision = REVIEW
) -> tuple[Verdict, list[FakePending]]:
    filed: list[FakePending] = []
    gate = Gate(lambda: policy, approver)
    return run_now(gate.review(make_session(), COMMAND, decision, filed.append)), filed


def test_it_provides_the_interface() -> None:
    assert verifyObject(IGate, Gate(FakePolicy, FakeApprover()))


def test_policy_alone_decides_what_needs_no_people() -> None:
    def gate(decision: Decision) -> Gate:
        return Gate(lambda: FakePolicy(decision), FakeApprover())

    admitted = gate(ALLOWED).judge(make_session(), COMMAND)
    assert isinstance(admitted, Admission)
    assert (admitted.command, admitted.decision, admitted.approval) == (COMMAND, ALLOWED, None)
    refused = gate(DENIED).judge(make_session(), COMMAND)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.message) == ("denied", "not in this test")
    assert refused.hint
    assert gate(REVIEW).judge(make_session(), COMMAND) is REVIEW


def test_p10_what_only_prepares_is_reviewed_when_it_is_executed() -> None:
    """P10: but a denial holds at once."""
    prepare = Command("prepare", "drop table t", executes=False)
    assert isinstance(Gate(lambda: FakePolicy(REVIEW), FakeApprover()).judge(make_session(), prepare), Admission)
    assert isinstance(Gate(lambda: FakePolicy(DENIED), FakeApprover()).judge(make_session(), prepare), Refusal)


def test_a_granted_approval_admits() -> None:
    verdict, filed = reviewed(FakePolicy(REVIEW), FakeApprover())
    assert isinstance(verdict, Admission)
    assert verdict.approval is not None
    assert len(filed) == 1


def test_a_usable_approval_is_used_and_nothing_is_filed() -> None:
    granted = Approval("r0", True, "granted", "d")
    verdict, filed = reviewed(FakePolicy(REVIEW), FakeApprover(granted=granted))
    assert isinstance(verdict, Admission)
    assert (verdict.approval, filed) == (granted, [])


def test_without_waiting_it_is_filed_and_refused_with_the_way_on() -> None:
    approver = FakeApprover()
    verdict, filed = reviewed(FakePolicy(REVIEW), approver, Decision(Effect.REVIEW, "four-eyes", wait=0))
    assert isinstance(verdict, Refusal)
    assert (verdict.code, verdict.approval_id, filed) == ("pending", "request-1", [])
    assert "request-1" in verdict.hint
    assert approver.filed == [COMMAND]


@pytest.mark.parametrize(
    ("state", "code"), [("denied", "denied"), ("expired", "expired"), ("withdrawn", "withdrawn"), ("odd", "denied")]
)
def test_what_was_not_granted_is_refused(state: str, code: str) -> None:
    approval = Approval("r1", False, state, "d", by=("bob",), comment="not today")
    verdict, _ = reviewed(FakePolicy(REVIEW), FakeApprover(approval))
    assert isinstance(verdict, Refusal)
    assert (verdict.code, verdict.approval_id) == (code, "r1")
    assert "bob" in verdict.message
    assert "not today" in verdict.message


@pytest.mark.parametrize(
    "now",
    [
        DENIED,
        Decision(Effect.REVIEW, "another-rule", policy_version="v1"),
        Decision(Effect.REVIEW, "four-eyes", policy_version="v2"),
    ],
)
def test_a5_r13_what_was_approved_is_decided_again(now: Decision) -> None:
    """A5, R13: the rules changed while the command waited; the approval was for the old ones."""
    verdict, _ = reviewed(FakePolicy(now), FakeApprover())
    assert isinstance(verdict, Refusal)
    assert "the rules changed" in verdict.message


def test_a5_what_the_rules_now_allow_is_admitted() -> None:
    """A5: the decision that stands on it is the new one."""
    verdict, _ = reviewed(FakePolicy(ALLOWED), FakeApprover())
    assert isinstance(verdict, Admission)
    assert verdict.decision is ALLOWED


@pytest.mark.parametrize(
    ("fault", "code"), [(LimitExceeded("too many requests"), "limited"), (StoreUnavailable("no store"), "failed")]
)
def test_a7_a_fault_of_the_approver_refuses(fault: Exception, code: str) -> None:
    """A7: closed, not open."""
    approver = FakeApprover()
    approver.fault = fault
    verdict, _ = reviewed(FakePolicy(REVIEW), approver)
    assert isinstance(verdict, Refusal)
    assert verdict.code == code


def test_r13_the_policy_is_asked_for_at_each_decision() -> None:
    """R13: a reload holds for the next command."""
    policies = [FakePolicy(ALLOWED), FakePolicy(DENIED)]
    gate = Gate(lambda: policies.pop(0), FakeApprover())
    assert isinstance(gate.judge(make_session(), COMMAND), Admission)
    assert isinstance(gate.judge(make_session(), COMMAND), Refusal)

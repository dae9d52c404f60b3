"""What was decided of one request holds for its like, for some seconds."""

from __future__ import annotations

import asyncio
from typing import Any

from twisted_hoop.http.sharing import SECONDS, Shared
from twisted_hoop.model import Admission, Approval, Command, Decision, Effect, Refusal
from twisted_hoop.testing.fakes import FakeApprover, FakeGate, make_session

REVIEW = Decision(Effect.REVIEW, "ask", policy_version="v1")
NEVER = Decision(Effect.REVIEW, "ask", wait=0, policy_version="v1")


class Bench:
    def __init__(self, state: str = "granted", decide: Decision = REVIEW) -> None:
        granted = state == "granted"
        self.approver = FakeApprover(Approval("r1", granted, state, "d"))
        self.gate = FakeGate(decide, self.approver)
        self.now = 0.0
        self.key = "k"
        self.shared = Shared(self.gate, lambda: self.now)
        self.session = make_session()

    def ask(self, text: str = "GET /exec", **more: Any) -> Any:
        gate, command = self.shared.gate(lambda: self.key), Command("GET", text, ({},), **more)
        verdict = gate.judge(self.session, command)
        if not isinstance(verdict, Decision):
            return verdict

        async def review() -> Any:
            return await gate.review(self.session, command, verdict, lambda pending: None)

        return asyncio.run(review())


def test_one_approval_serves_its_like() -> None:
    bench = Bench()
    assert isinstance(bench.ask(), Admission) and isinstance(bench.ask("POST /exec"), Admission)
    assert len(bench.approver.filed) == 1


def test_one_denial_too() -> None:
    bench = Bench("denied")
    assert isinstance(bench.ask(), Refusal) and isinstance(bench.ask("POST /exec"), Refusal)
    assert len(bench.approver.filed) == 1


def test_another_key_another_body_and_later_are_asked_again() -> None:
    bench = Bench()
    bench.ask()
    bench.ask(context=(("body", "other"),))
    bench.key = "other"
    bench.ask()
    bench.key = "k"
    bench.now = SECONDS
    bench.ask()
    assert len(bench.approver.filed) == 4


def test_without_a_key_nothing_is_remembered() -> None:
    bench = Bench()
    bench.key = ""
    bench.ask()
    bench.ask()
    assert len(bench.approver.filed) == 2


def test_other_rules_are_asked_anew_and_policy_always() -> None:
    bench = Bench()
    bench.ask()
    bench.gate.policy.answer = Decision(Effect.REVIEW, "ask", policy_version="v2")
    bench.ask()
    assert len(bench.approver.filed) == 2
    bench.gate.policy.answer = Decision(Effect.DENY, "no", policy_version="v2")
    assert isinstance(bench.ask(), Refusal) and len(bench.approver.filed) == 2


def test_what_is_pending_is_asked_again_so_that_a_retry_passes() -> None:
    bench = Bench(decide=NEVER)
    first = bench.ask()
    assert isinstance(first, Refusal) and first.code == "pending"
    bench.approver.granted = Approval("r1", True, "granted", "d")
    assert isinstance(bench.ask(), Admission)


def test_what_is_remembered_has_an_end() -> None:
    bench = Bench()
    for number in range(600):
        bench.key = str(number)
        bench.ask()
    assert len(bench.shared._known) <= 256

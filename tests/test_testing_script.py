"""The playbook itself: what it carries out, and that it never hides that something waits."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from twisted_hoop.model import Decision, Effect
from twisted_hoop.testing import DENIED, FakeGate, Script, run_now
from twisted_hoop.testing.postgres import complete, kinds, make_relay, query, ready

REVIEW = Decision(Effect.REVIEW, "ask", approvers=frozenset({"dba"}), policy_version="v1")


def test_a_command_and_its_answer() -> None:
    script = Script(make_relay())
    heard = script.client(query(b"select 1"))
    assert heard.kinds == "Ask Record ToTarget"
    assert heard.target == query(b"select 1")
    assert [c.text for c in heard.asked] == ["select 1"]
    assert kinds(script.target(complete("SELECT 1"), ready()).client) == "CZ"
    assert heard.outcome is None


def test_a_refusal() -> None:
    heard = Script(make_relay(), FakeGate(DENIED)).client(query(b"select 1"))
    assert heard.kinds == "Ask Record ToTarget"
    assert b"select 1" not in heard.target


def test_a_review_waits_until_it_is_settled() -> None:
    script = Script(make_relay(), FakeGate(REVIEW))
    assert script.client(query(b"select 1")).kinds == "Ask"
    heard = script.settle()
    assert heard.kinds == "ToClient Record ToTarget"
    assert script.waiting is None


def test_what_waits_is_not_run_now() -> None:
    async def waiting() -> None:
        await Deferred()

    with pytest.raises(AssertionError, match="waits"):
        run_now(waiting())

"""What the gateway says on a channel: which rule, why, what next; nothing that moves a cursor (R6)."""

from __future__ import annotations

import json

from twisted_hoop.model import ApprovalRequest, Command, Decision, Effect, Refusal
from twisted_hoop.ssh.events import STDERR, Close, Data, Eof
from twisted_hoop.ssh.requests import exit_status
from twisted_hoop.ssh.telling import farewell, refusal_json, refusal_text, said, waiting_text

DECISION = Decision(Effect.DENY, "no rm", "not here", approvers=frozenset({"dba", "leads"}))


def refusal(**more: str) -> Refusal:
    given = {"code": "denied", "message": "not here", "hint": "Ask.", "approval_id": "", **more}
    return Refusal(Command("exec", "rm x"), DECISION, **given)


def test_a_refusal_for_people() -> None:
    assert refusal_text(refusal()) == "hoop: refused by rule no rm: not here\nAsk."
    assert refusal_text(refusal(code="expired", message="nobody approved in time", hint="")) == (
        "hoop: refused: nobody approved in time"
    )


def test_R6_nothing_of_it_is_a_terminal_sequence() -> None:
    assert refusal_text(refusal(message="a\x1b]0;x\x07b")) == "hoop: refused by rule no rm: a\\x1b]0;x\\x07b\nAsk."
    request = ApprovalRequest("1", "https://hoop.test/1", "digest", 0.0)
    odd = Decision(Effect.REVIEW, "r", "x\x9b2J", approvers=frozenset({"dba", "leads"}))
    assert waiting_text(request, odd) == "hoop: waiting for approval by dba, leads (x\\x9b2J): https://hoop.test/1"


def test_a_refusal_for_programs() -> None:
    told = json.loads(refusal_json(refusal(approval_id="7"), "session-1"))
    assert (told["error"], told["rule"], told["approval"], told["session"]) == ("denied", "no rm", "7", "session-1")
    assert "\n" not in refusal_json(refusal(message="a\nb"), "s")


def test_lines() -> None:
    assert said("a\nb", False) == Data(STDERR, b"a\nb\n") and said("a\nb", True) == Data(STDERR, b"a\r\nb\r\n")
    assert farewell(126) == [exit_status(126), Eof(), Close()]

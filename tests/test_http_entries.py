"""What is recorded of a request."""

from __future__ import annotations

from twisted_hoop.http.entries import command_entry, notice_entry, outcome_entry, refused_entry
from twisted_hoop.model import Approval, Command, Refusal
from twisted_hoop.testing.fakes import ALLOWED, DENIED

COMMAND = Command("GET", "GET /a", context=(("body", "d1"),), reason="why")


def test_a_command_is_recorded_with_all_that_let_it_pass() -> None:
    entry = command_entry(3, COMMAND, ALLOWED, Approval("r1", True, "granted", "d", ("bob",)))
    assert entry.kind == "command" and entry.data["command"] == 3 and entry.data["text"] == "GET /a"
    assert entry.data["approval"] == {"id": "r1", "by": ("bob",)} and entry.data["reason"] == "why"
    assert entry.data["rule"] == "test: allow" and entry.data["context"] == {"body": "d1"}
    assert "approval" not in command_entry(3, Command("GET", "x"), ALLOWED, None).data


def test_a_refusal_names_its_request() -> None:
    entry = refused_entry(3, Refusal(COMMAND, DENIED, "pending", "wait", approval_id="r1"))
    assert entry.data["approval"] == {"id": "r1"} and entry.data["code"] == "pending"


def test_an_outcome_and_a_notice() -> None:
    assert outcome_entry(1, 200, 5, 2).data == {"command": 1, "status": 200, "bytes": 5, "masked": 2}
    assert outcome_entry(1, 502, 0, 0, "gone").data["error"] == "gone"
    assert notice_entry(1, "odd", status=400).data == {"command": 1, "text": "odd", "status": 400}

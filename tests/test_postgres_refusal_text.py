"""What a refused client is told in DETAIL."""

from __future__ import annotations

import pytest

from twisted_hoop.model import Command, Decision, Effect, Refusal
from twisted_hoop.postgres.entries import detail_of


@pytest.mark.parametrize(
    ("decision", "request_id", "text"),
    [
        (Decision(Effect.DENY, ""), "", "No rule matched."),
        (Decision(Effect.DENY, "no-drop", "refused"), "", "Rule: no-drop."),
        (Decision(Effect.REVIEW, "four-eyes", "why"), "12ab", "Rule: four-eyes. Reason: why. Request: 12ab."),
    ],
)
def test_detail_names_what_decided(decision: Decision, request_id: str, text: str) -> None:
    assert detail_of(Refusal(Command("query", "x"), decision, "denied", "refused", "", request_id)) == text

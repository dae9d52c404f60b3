"""Words that are heard, and those that are told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.support.approvals import ALICE, DELETE, REVIEW, session_of
from tests.test_replicas_cancels import Wire
from twisted_hoop.approval.requests import Caps, make_request
from twisted_hoop.news.word import ACCESS, APPROVAL, CANCEL, DRAIN, ENDS, LOCKS, MISSED, VISIT, Word
from twisted_hoop.replicas.hearing import Hearing, telling


def hearing() -> tuple[Hearing, list[tuple[str, ...]]]:
    did: list[tuple[str, ...]] = []

    def noted(name: str) -> Any:
        return lambda *values: did.append((name, *values))

    return Hearing(*map(noted, ("changed", "look", "nudge", "cancel", "visit"))), did


@pytest.mark.parametrize("kind", [ACCESS, LOCKS, ENDS, DRAIN, MISSED])
def test_some_words_say_that_the_store_has_something(kind: str) -> None:
    heard, did = hearing()
    heard.heard(Word(kind, "value", "other"))
    assert did == [("look",)]


def test_others_say_what_it_is_about() -> None:
    heard, did = hearing()
    for kind in (APPROVAL, CANCEL, VISIT, "of-a-newer-version"):
        heard.heard(Word(kind, "value"))
    assert did == [("changed", "value"), ("nudge",), ("cancel", "value"), ("visit", "value")]


def test_changes_of_requests_are_told_but_not_their_uses() -> None:
    wire = Wire()
    tell = telling(wire)
    request = make_request(session_of(ALICE), DELETE, REVIEW, 0.0, Caps())
    for event in ("requested", "granted", "used"):
        tell(event, request)
    assert wire.told == [(APPROVAL, request.id)] * 2
    tell("granted", replace(request, action="access"))
    assert wire.told[2:] == [(APPROVAL, request.id), (ACCESS, "")]

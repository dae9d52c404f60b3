"""Where people look and decide."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.approvals import ALICE, BOB, CAROL, DELETE, REVIEW, Office, session_of
from tests.support.loop import Loop
from twisted_hoop.approval.ballots import Objection
from twisted_hoop.approval.lifecycle import State
from twisted_hoop.model import Principal

EVE = Principal(ALICE.issuer, "eve", groups=frozenset({"developers"}))


def test_looking_and_deciding(office: Office, loop: Loop) -> None:
    async def go() -> None:
        filed = await office.approver.file(session_of(), replace(DELETE, reason="CHG-1"), replace(REVIEW, quorum=2))
        ident = filed.request.id
        assert [each.id for each in await office.desk.list(BOB, [State.PENDING])] == [ident]
        assert (await office.desk.show(ALICE, ident)).reason == "CHG-1"
        first = await office.desk.decide(BOB, ident, True, "looks right")
        assert first.state is State.PENDING and first.votes[0].comment == "looks right"
        assert (await office.desk.decide(CAROL, ident, True)).state is State.GRANTED
        assert await office.desk.list(BOB, [State.PENDING]) == []

    loop.run(go)


def test_those_who_may_not_see_it_are_told_there_is_none(office: Office, loop: Loop) -> None:
    async def ask(ident: str) -> None:
        await office.desk.show(EVE, ident)

    filed = loop.run(lambda: office.approver.file(session_of(), DELETE, REVIEW))
    for ident in (filed.request.id, "nonesuch"):
        with pytest.raises(Objection) as caught:
            loop.run(lambda ident=ident: ask(ident))  # type: ignore[misc]
        assert caught.value.code == "missing"

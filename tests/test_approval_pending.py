"""Waiting for people."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock, deferLater

from tests.support.approvals import ALICE, BOB, CAROL, DELETE, REVIEW, Office, Time, open_office, session_of
from tests.support.loop import Loop
from twisted_hoop.approval.approver import Approver
from twisted_hoop.approval.pending import PendingApproval
from twisted_hoop.approval.shelf import Shelf
from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.interfaces import IPendingApproval
from twisted_hoop.model import Approval


def waiting(pending: PendingApproval) -> Deferred[Approval]:
    return ensureDeferred(pending.wait())


def test_a_grant_wakes_and_is_used(office: Office, loop: Loop) -> None:
    async def go() -> Approval:
        pending = await office.approver.file(session_of(), DELETE, REVIEW)
        assert IPendingApproval.providedBy(pending)
        answer = waiting(pending)
        await office.desk.decide(BOB, pending.request.id, True, "fine")
        return await answer

    approval = loop.run(go)
    assert approval.granted and approval.state == "granted" and approval.comment == "fine"
    assert approval.by == (f"Bob ({BOB.key})",) and approval.until == office.time() + REVIEW.valid


def test_a_denial_says_who_and_why(office: Office, loop: Loop) -> None:
    async def go() -> Approval:
        pending = await office.approver.file(session_of(), DELETE, replace(REVIEW, quorum=2))
        answer = waiting(pending)
        await office.desk.decide(BOB, pending.request.id, True, "fine")
        await office.desk.decide(CAROL, pending.request.id, False, "not\x1b now")
        return await answer

    approval = loop.run(go)
    assert (approval.granted, approval.state, approval.comment) == (False, "denied", "not\\u{1B} now")
    assert approval.by == (f"Carol ({CAROL.key})",)


def test_withdrawing_ends_the_wait_at_once(office: Office, loop: Loop) -> None:
    """A6: the client cancelled; whoever says yes afterwards is told so."""

    async def go() -> tuple[Approval, str]:
        pending = await office.approver.file(session_of(), DELETE, REVIEW)
        answer = waiting(pending)
        pending.withdraw("cancelled")
        pending.withdraw("twice")
        approval = await answer
        late = time.monotonic() + 60  # it is written in a thread, which may be a while behind
        while (found := await office.desk.show(BOB, pending.request.id)).state.value == "pending":
            assert time.monotonic() < late
        return approval, found.state.value

    approval, state = loop.run(go)
    assert (approval.granted, approval.state, approval.comment) == (False, "withdrawn", "cancelled")
    assert state == "withdrawn"


def test_withdrawn_before_waiting(office: Office, loop: Loop) -> None:
    async def go() -> Approval:
        pending = await office.approver.file(session_of(), DELETE, REVIEW)
        pending.withdraw("")
        return await pending.wait()

    assert loop.run(go).state == "withdrawn"


def test_the_deadline_ends_the_wait(office: Office, loop: Loop) -> None:
    async def go() -> tuple[Approval, float]:
        decision = replace(REVIEW, wait=0.05)
        pending = await office.approver.file(session_of(), DELETE, decision)
        answer = waiting(pending)
        office.time.seconds += 1
        started = loop.reactor.seconds()
        return await answer, loop.reactor.seconds() - started

    approval, took = loop.run(go)
    assert (approval.granted, approval.state) == (False, "expired")
    assert took < 5


def test_a_grant_that_another_session_used_is_none(office: Office, loop: Loop) -> None:
    """A4, A7: two sessions share a request with one use: one of them gets it."""

    async def go() -> list[Approval]:
        one = await office.approver.file(session_of(session_id="s-1"), DELETE, REVIEW)
        two = await office.approver.file(session_of(session_id="s-2"), DELETE, REVIEW)
        assert one.request.id == two.request.id
        answers = [waiting(one), waiting(two)]
        await office.desk.decide(BOB, one.request.id, True)
        return [await answer for answer in answers]

    approvals = loop.run(go)
    assert sorted(approval.granted for approval in approvals) == [False, True]
    assert sorted(approval.state for approval in approvals) == ["granted", "used"]


def test_a_principal_locked_meanwhile_gets_nothing(office: Office, loop: Loop) -> None:
    """A6: the lock came while people decided."""

    async def go() -> Approval:
        pending = await office.approver.file(session_of(), DELETE, REVIEW)
        office.locked.add(ALICE.key)
        answer = waiting(pending)
        await office.desk.decide(BOB, pending.request.id, True)
        return await answer

    assert not loop.run(go).granted


def test_decisions_of_another_process_are_noticed(office: Office, store_url: str, loop: Loop) -> None:
    other = open_office(store_url, loop.reactor, Time())

    async def go() -> Approval:
        pending = await office.approver.file(session_of(), DELETE, REVIEW)
        answer = waiting(pending)
        await other.desk.decide(BOB, pending.request.id, True)
        return await answer

    assert loop.run(go).granted
    other.database.stop()


class Away(Shelf):
    """A shelf whose store stops answering."""

    async def fetch(self, approval_id: str) -> None:  # type: ignore[override]
        raise StoreUnavailable("gone")


def test_without_the_store_nothing_is_granted_and_the_wait_still_ends(office: Office, loop: Loop) -> None:
    """Fails closed: until the deadline the store may come back, then the request has expired."""
    clock = Clock()
    shelf = Away(office.database, office.time, lambda _: True)
    approver = Approver(shelf, office.watch, clock, "http://x")

    async def go() -> Approval:
        pending = await approver.file(session_of(), DELETE, REVIEW)
        answer = waiting(pending)
        await office.desk.decide(BOB, pending.request.id, True)
        await deferLater(loop.reactor, 0.01, lambda: None)
        assert not answer.called
        office.time.seconds += 300
        clock.advance(300)
        return await answer

    approval = loop.run(go)
    assert (approval.granted, approval.state) == (False, "expired")
    assert clock.getDelayedCalls() == []


class CannotTake(Shelf):
    """A shelf whose store stops answering when a use is to be consumed."""

    async def take(self, session: object, digest: str) -> None:  # type: ignore[override]
        raise StoreUnavailable("gone")


def test_a_use_that_cannot_be_consumed_is_not_used(office: Office, loop: Loop) -> None:
    approver = Approver(CannotTake(office.database, office.time, lambda _: True), office.watch, Clock(), "http://x")

    async def go() -> Approval:
        pending = await approver.file(session_of(), DELETE, REVIEW)
        answer = waiting(pending)
        await office.desk.decide(BOB, pending.request.id, True)
        return await answer

    assert not loop.run(go).granted


@pytest.mark.parametrize("when", ["before", "while"])
def test_leaves_no_timer_behind(office: Office, loop: Loop, when: str) -> None:
    clock = Clock()
    shelf = Shelf(office.database, office.time, lambda _: True)
    approver = Approver(shelf, office.watch, clock, "http://x")

    async def go() -> None:
        pending = await approver.file(session_of(), DELETE, REVIEW)
        if when == "before":
            approver.ended(session_of())
        answer = waiting(pending)
        approver.ended(session_of())
        assert (await answer).state == "withdrawn"

    loop.run(go)
    assert clock.getDelayedCalls() == []

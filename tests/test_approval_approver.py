"""The provider of IApprover."""

from __future__ import annotations

from dataclasses import replace

import pytest
from twisted.internet.defer import ensureDeferred
from zope.interface.verify import verifyObject

from tests.support.approvals import ALICE, BOB, DELETE, RETRY, REVIEW, Office, open_office, session_of
from tests.support.loop import Loop
from twisted_hoop.approval.approver import Approver
from twisted_hoop.approval.requests import Caps
from twisted_hoop.errors import LimitExceeded
from twisted_hoop.interfaces import IApprover
from twisted_hoop.model import Approval, Command, Decision


def test_it_provides_the_interface(office: Office) -> None:
    assert verifyObject(IApprover, office.approver)


def test_what_is_filed_names_its_address(office: Office, loop: Loop) -> None:
    pending = loop.run(lambda: office.approver.file(session_of(), DELETE, REVIEW))
    assert pending.request.url == f"http://127.0.0.1:8080/v1/approvals/{pending.request.id}"
    assert pending.request.deadline == office.time() + REVIEW.wait


def granted(office: Office, loop: Loop, decision: Decision) -> None:
    async def go() -> None:
        pending = await office.approver.file(session_of(), DELETE, decision)
        await office.desk.decide(BOB, pending.request.id, True)

    loop.run(go)


def usable(office: Office, loop: Loop, command: Command, decision: Decision, **session: str) -> Approval | None:
    return loop.run(lambda: office.approver.usable(session_of(**session), command, decision))  # type: ignore[arg-type]


def test_refused_at_once_approved_later_retried_from_a_new_session(office: Office, loop: Loop) -> None:
    """wait = 0: the first connection is long gone; the retry consumes the use, and only one does."""
    granted(office, loop, RETRY)
    loop.run(lambda: office.approver.ended(session_of()))
    approval = usable(office, loop, DELETE, RETRY, session_id="session-2")
    assert approval is not None and approval.granted and approval.by == (f"Bob ({BOB.key})",)
    assert usable(office, loop, DELETE, RETRY, session_id="session-2") is None


def test_several_uses(office: Office, loop: Loop) -> None:
    decision = replace(RETRY, uses=3)
    granted(office, loop, decision)
    found = [usable(office, loop, DELETE, decision) for _ in range(4)]
    assert [each is not None for each in found] == [True, True, True, False]


def test_a_locked_principal_uses_nothing(office: Office, loop: Loop) -> None:
    """A6."""
    granted(office, loop, RETRY)
    office.locked.add(ALICE.key)
    assert usable(office, loop, DELETE, RETRY) is None
    office.locked.clear()
    loop.run(lambda: office.approver.locked(ALICE.key))
    assert usable(office, loop, DELETE, RETRY) is None


def test_the_end_of_a_session_withdraws_what_it_waits_for(office: Office, loop: Loop) -> None:
    """A6."""

    async def go() -> Approval:
        session = session_of()
        pending = await office.approver.file(session, DELETE, REVIEW)
        answer = ensureDeferred(pending.wait())
        office.approver.ended(session)
        return await answer

    approval = loop.run(go)
    assert (approval.granted, approval.state, approval.comment) == (False, "withdrawn", "the session ended")


def test_a_session_that_ends_while_its_request_is_filed_leaves_none(office: Office, loop: Loop) -> None:
    """A6: whichever of the two reaches the store first."""

    async def go() -> tuple[Approval, str]:
        session = session_of()
        filing = ensureDeferred(office.approver.file(session, DELETE, REVIEW))
        office.approver.ended(session)
        pending = await filing
        approval = await pending.wait()
        state = "pending"
        while state == "pending":  # the loop's own timeout ends it
            state = (await office.desk.show(BOB, pending.request.id)).state.value
        return approval, state

    approval, state = loop.run(go)
    assert approval.state == "withdrawn" and state == "withdrawn"


def test_limits_are_errors_of_the_caller(store_url: str, loop: Loop, office: Office) -> None:
    """A7, A3."""
    small = open_office(store_url, loop.reactor, office.time, Caps(pending=1, shown=50))
    loop.run(lambda: small.approver.file(session_of(), DELETE, REVIEW))
    with pytest.raises(LimitExceeded, match="wait for approval already") as flood:
        loop.run(lambda: small.approver.file(session_of(), replace(DELETE, text="DELETE"), REVIEW))
    assert flood.value.code == "53300"
    with pytest.raises(LimitExceeded, match="too long") as long:
        loop.run(lambda: small.approver.file(session_of(), replace(DELETE, text="x" * 51), REVIEW))
    assert long.value.code == "54000"
    small.database.stop()


def test_a_session_that_asked_for_nothing_costs_the_store_nothing(office: Office, loop: Loop) -> None:
    """Every session ends, few of them have asked: a transaction for each was half of what ending one cost."""

    class NoShelf:
        def session_ended(self, session_id: str) -> None:
            raise AssertionError(f"the store is asked for {session_id}")

    Approver(NoShelf(), office.watch, loop.reactor, "http://hoop.test").ended(session_of())  # type: ignore[arg-type]

"""Votes, uses and withdrawals in the store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.approvals import AGENT_FOR_ALICE, ALICE, BOB, CAROL, DELETE, RETRY, REVIEW, Office, session_of
from twisted_hoop.approval import changes, ledger
from twisted_hoop.approval.ballots import Objection, Vote
from twisted_hoop.approval.lifecycle import State
from twisted_hoop.approval.requests import Caps, Request, make_request
from twisted_hoop.model import Decision, Principal


def file(office: Office, decision: Decision = REVIEW, session: str = "s-1", who: Principal = ALICE) -> Request:
    request = make_request(session_of(who, session), DELETE, decision, office.time(), Caps())
    return office.database.write_now(lambda c: ledger.file(c, request, Caps())).request


def vote(office: Office, request: Request, who: Principal, granted: bool = True, digest: str = "") -> State:
    cast = Vote(who.key, who.name, granted, "", office.time())
    return office.database.write_now(lambda c: changes.cast_vote(c, request.id, who, cast, digest)).state


def refused(office: Office, request: Request, who: Principal, granted: bool = True, digest: str = "") -> str:
    with pytest.raises(Objection) as caught:
        vote(office, request, who, granted, digest)
    return caught.value.code


def use(office: Office, request: Request, session: str = "s-1", key: str = ALICE.key) -> bool:
    now = office.time()
    return office.database.write_now(lambda c: changes.consume(c, request.digest, session, key, now)) is not None


def state(office: Office, request: Request) -> State:
    found = office.database.read_now(lambda c: ledger.fetch(c, request.id, office.time()))
    assert found is not None
    return found.state


def test_one_yes_grants_and_one_use_uses_it(office: Office) -> None:
    request = file(office)
    assert not use(office, request)
    assert vote(office, request, BOB) is State.GRANTED
    assert use(office, request) and state(office, request) is State.USED
    assert not use(office, request)


def test_a2_a_quorum_is_of_distinct_people(office: Office) -> None:
    """A2: a second vote of the same person, now in another group, does not count."""
    request = file(office, replace(REVIEW, quorum=2, approvers=frozenset({"dba", "auditors"})))
    assert vote(office, request, BOB) is State.PENDING
    assert refused(office, request, replace(BOB, groups=frozenset({"auditors"}))) == "decided"
    assert vote(office, request, CAROL) is State.GRANTED


def test_one_denial_ends_it(office: Office) -> None:
    request = file(office, replace(REVIEW, quorum=2))
    assert vote(office, request, BOB) is State.PENDING
    assert vote(office, request, CAROL, granted=False) is State.DENIED
    assert not use(office, request)


def test_a8_no_vote_after_the_end(office: Office) -> None:
    """A8: approve after deny, after expiry, after a grant."""
    denied = file(office)
    vote(office, denied, BOB, granted=False)
    assert refused(office, denied, CAROL) == "decided" and state(office, denied) is State.DENIED
    granted = file(office)
    vote(office, granted, BOB)
    assert refused(office, granted, CAROL, granted=False) == "decided"
    late = file(office, RETRY)
    office.time.seconds = late.deadline
    assert refused(office, late, BOB) == "decided" and state(office, late) is State.EXPIRED


def test_who_may_not_see_it_learns_nothing(office: Office) -> None:
    request = file(office)
    assert refused(office, request, Principal(ALICE.issuer, "eve")) == "missing"
    assert refused(office, replace(request, id="nonesuch"), BOB) == "missing"
    assert refused(office, request, ALICE) == "forbidden"


def test_a3_a_vote_for_another_text_is_refused(office: Office) -> None:
    """A3: who says what they looked at is not taken to have looked at anything else."""
    request = file(office)
    assert refused(office, request, BOB, digest="0" * 64) == "changed"
    assert vote(office, request, BOB, digest=request.digest) is State.GRANTED


def test_a4_it_is_used_within_its_time_only(office: Office) -> None:
    """A4: counted uses, hard expiry, counted from the grant."""
    request = file(office, replace(REVIEW, uses=2, valid=100.0))
    office.time.seconds += 200
    vote(office, request, BOB)
    office.time.seconds += 99
    assert use(office, request) and state(office, request) is State.GRANTED
    office.time.seconds += 1
    assert not use(office, request) and state(office, request) is State.EXPIRED


def test_a4_it_is_used_by_its_principal_only(office: Office) -> None:
    """A4: even with the right digest in hand."""
    request = file(office, RETRY)
    vote(office, request, BOB)
    assert not use(office, request, key=BOB.key)
    assert use(office, request, session="another-session")


def test_a6_what_was_granted_to_a_session_ends_with_it(office: Office) -> None:
    """A6: pending ones are withdrawn, granted ones end; those meant for a retry stay."""
    granted, retry = file(office, replace(REVIEW, uses=5)), file(office, RETRY)
    vote(office, granted, BOB)
    assert use(office, granted) and not use(office, granted, session="s-2")
    pending = file(office, replace(REVIEW, rule="other"))
    office.database.write_now(lambda c: changes.session_ended(c, "s-1", office.time()))
    assert state(office, granted) is State.ENDED and state(office, pending) is State.WITHDRAWN
    assert state(office, retry) is State.PENDING
    assert vote(office, retry, BOB) is State.GRANTED and use(office, retry, session="s-2")


def test_a6_a_shared_request_ends_with_its_last_session(office: Office) -> None:
    request = file(office)
    file(office, session="s-2")
    office.database.write_now(lambda c: changes.session_ended(c, "s-1", office.time()))
    assert state(office, request) is State.PENDING
    office.database.write_now(lambda c: changes.withdraw(c, request.id, "s-1", office.time()))
    assert state(office, request) is State.PENDING  # s-1 has no say any more
    office.database.write_now(lambda c: changes.withdraw(c, request.id, "s-2", office.time()))
    assert state(office, request) is State.WITHDRAWN


def test_a6_a_lock_ends_everything_of_the_principal(office: Office) -> None:
    """A6: also what was granted for a retry."""
    granted = file(office, RETRY)
    vote(office, granted, BOB)
    pending = file(office)
    office.database.write_now(lambda c: changes.principal_ended(c, ALICE.key, office.time()))
    assert state(office, granted) is State.ENDED and state(office, pending) is State.WITHDRAWN
    assert not use(office, granted)


def test_a6_a_lock_of_an_agent_ends_what_it_asked_for_others(office: Office) -> None:
    """A6: an approval that was granted for a retry is not there any more when the lock is lifted; others' are."""
    agent = AGENT_FOR_ALICE.chain[0]
    granted, pending = file(office, RETRY, who=AGENT_FOR_ALICE), file(office, who=AGENT_FOR_ALICE)
    mine = file(office, RETRY)
    for each in (granted, mine):
        vote(office, each, BOB)
    office.database.write_now(lambda c: changes.principal_ended(c, f"{agent.issuer}|{agent.subject}", office.time()))
    assert state(office, granted) is State.ENDED and state(office, pending) is State.WITHDRAWN
    assert not use(office, granted) and state(office, mine) is State.GRANTED


def test_what_time_has_ended_was_not_withdrawn(office: Office) -> None:
    """Its session ends right afterwards, before anybody wrote the end down."""
    granted, pending = file(office), file(office, replace(REVIEW, rule="other"))
    vote(office, granted, BOB)
    office.time.seconds += 901
    ended = office.database.write_now(lambda c: changes.session_ended(c, "s-1", office.time()))
    assert {each.state for each in ended} == {State.EXPIRED}
    assert state(office, granted) is State.EXPIRED and state(office, pending) is State.EXPIRED

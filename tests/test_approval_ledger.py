"""Filing and listing in the store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.approvals import ALICE, BOB, CAROL, DELETE, RETRY, REVIEW, Office, session_of
from twisted_hoop.approval import ledger
from twisted_hoop.approval.ledger import Wanted
from twisted_hoop.approval.lifecycle import State
from twisted_hoop.approval.requests import Caps, Request, make_request
from twisted_hoop.errors import LimitExceeded
from twisted_hoop.model import Command, Decision, Principal

CAPS = Caps(pending=3, hourly=5)


def file(
    office: Office, command: Command = DELETE, decision: Decision = REVIEW, who: Principal = ALICE, session: str = "s-1"
) -> Request:
    request = make_request(session_of(who, session), command, decision, office.time(), CAPS)
    return office.database.write_now(lambda c: ledger.file(c, request, CAPS)).request


def listed(office: Office, who: Principal, *states: State) -> list[str]:
    wanted = states or (State.PENDING,)
    page = office.database.read_now(lambda c: ledger.listing(c, who, Wanted(wanted), office.time(), 10))
    return [r.id for r in page.items]


def other(number: int) -> Command:
    return replace(DELETE, text=f"DELETE FROM customers WHERE id = {number}")


def test_a7_identical_requests_share_one(office: Office) -> None:
    """A7: of the same principal, from any of its sessions; somebody else's is another."""
    first = file(office)
    assert file(office, session="s-2").id == first.id
    assert file(office, who=BOB).id != first.id
    assert file(office, decision=RETRY).id != first.id
    office.time.seconds += 300
    assert file(office).id != first.id  # the first has expired


def test_a7_one_principal_cannot_flood(office: Office) -> None:
    """A7: a cap on what waits, and one on what is filed within an hour."""
    ids = [file(office, other(number)).id for number in range(3)]
    with pytest.raises(LimitExceeded, match="3 requests"):
        file(office, other(3))
    assert file(office, other(0)).id == ids[0]  # sharing is not filing
    assert file(office, other(0), who=BOB)
    office.time.seconds += 301
    for number in (3, 4):
        file(office, other(number))
    with pytest.raises(LimitExceeded, match="within an hour"):
        file(office, other(5))
    office.time.seconds += 3600
    file(office, other(6))


def test_only_approvers_and_the_requester_see_it(office: Office) -> None:
    request = file(office)
    assert listed(office, ALICE) == listed(office, BOB) == listed(office, CAROL) == [request.id]
    assert listed(office, Principal(ALICE.issuer, "eve", groups=frozenset({"developers"}))) == []
    assert listed(office, Principal("https://other.example", "alice")) == []


def test_lists_go_by_the_clock_not_by_what_was_written_down(office: Office) -> None:
    request = file(office)
    office.time.seconds += 300
    assert listed(office, BOB) == []
    assert listed(office, BOB, State.EXPIRED) == [request.id]


def test_newest_first(office: Office) -> None:
    ids = []
    for number in range(3):
        office.time.seconds += 1
        ids.append(file(office, other(number)).id)
    assert listed(office, BOB) == ids[::-1]


def test_pages_follow_each_other_and_nothing_shifts(office: Office) -> None:
    ids = []
    for number in range(5):
        office.time.seconds += 1 if number != 3 else 0  # two of one time: the id keeps them apart
        ids.append(file(office, other(number), who=ALICE if number % 2 else CAROL).id)
    seen: list[str] = []
    cursor, wanted = "", Wanted(frozenset({State.PENDING}))
    for _ in range(3):
        page = office.database.read_now(
            lambda c, at=cursor: ledger.listing(c, BOB, wanted, office.time(), 2, at)  # type: ignore[misc]
        )
        seen += [request.id for request in page.items]
        file(office, replace(other(9), text=f"new {len(seen)}"), who=BOB)
        cursor = page.next
    assert len(seen) == 5 and set(seen) == set(ids) and cursor == ""


def test_auditors_may_see_everything_and_lists_can_be_narrowed(office: Office) -> None:
    mine, eve = file(office), Principal(ALICE.issuer, "eve", groups=frozenset({"security"}))

    def found(**wanted: object) -> list[str]:
        page = office.database.read_now(
            lambda c: ledger.listing(c, eve, Wanted(**wanted), office.time(), 10)  # type: ignore[arg-type]
        )
        return [request.id for request in page.items]

    assert found() == [] and found(everything=True) == [mine.id]
    assert found(everything=True, target="shop", action="query", subject_key=ALICE.key) == [mine.id]
    assert found(everything=True, target="other") == found(everything=True, states=frozenset({State.DENIED})) == []


def test_what_time_ended_is_told_once(office: Office) -> None:
    """Of several replicas that write it down, one gets each request: nobody is told twice."""
    request = file(office)
    assert office.database.write_now(lambda c: ledger.expire(c, office.time())) == []
    office.time.seconds += 300
    ended = office.database.write_now(lambda c: ledger.expire(c, office.time()))
    assert [(each.id, each.state) for each in ended] == [(request.id, State.EXPIRED)]
    assert office.database.write_now(lambda c: ledger.expire(c, office.time())) == []


def test_watchers_find_what_changed(office: Office) -> None:
    before = office.time()
    request = file(office)
    office.time.seconds += 10
    later = office.time()

    def changed(since: float) -> list[str]:
        found = office.database.read_now(lambda c: ledger.changed_since(c, since, office.time(), 10))
        return [each.id for each in found]

    assert changed(before) == [request.id] and changed(later) == []
    office.time.seconds += 300
    office.database.write_now(lambda c: ledger.expire(c, office.time()))
    assert changed(later) == [request.id]

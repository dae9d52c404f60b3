"""Requests as pages, over real HTTP and a real store."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.approvals import DELETE, RETRY, REVIEW
from tests.support.visitor import ConsoleHouse, text_of, words_of
from twisted_hoop.approval.lifecycle import State
from twisted_hoop.model import Decision


def filed(console: ConsoleHouse, who: str = "alice", decision: Decision = RETRY, text: str = DELETE.text) -> str:
    return console.api.file(console.person(who), decision, replace(DELETE, text=text, reason="ticket 7"))


def digest(console: ConsoleHouse, ident: str) -> str:
    bob = console.person("bob")
    return console.api.loop.run(lambda: console.parts.desk.show(bob, ident)).digest


def state(console: ConsoleHouse, ident: str) -> State:
    return console.api.loop.run(lambda: console.parts.desk.show(console.person("bob"), ident)).state


def test_an_empty_inbox(console: ConsoleHouse) -> None:
    words = words_of(console.visitor("bob").get("/approvals"))
    assert "Nothing waits for a decision" in words and "No request has been decided yet" in words


def test_a_request_says_everything_an_approver_needs(console: ConsoleHouse) -> None:
    ident = filed(console, decision=replace(RETRY, quorum=2))
    page = console.visitor("bob").get("/approvals")
    words = words_of(page)
    for part in (
        "Alice on shop",
        "DELETE FROM customers",
        "public.customers",
        "write",
        "writes – writes need a second pair of eyes",
        "ticket 7",
        "2 people, 0 so far",
        "1 h left",
    ):
        assert part in words
    assert f"/approvals/{ident}/decide" in text_of(page) and digest(console, ident) in text_of(page)
    whole = words_of(console.visitor("bob").get(f"/approvals/{ident}"))
    for part in (
        "search_path public",
        "database shop",
        "2 people of dba",
        "once, within 15 min",
        digest(console, ident),
    ):
        assert part in whole


def test_approving_and_denying_with_a_form(console: ConsoleHouse) -> None:
    bob = console.visitor("bob")
    for decision, expected in (("approve", State.GRANTED), ("deny", State.DENIED)):
        ident = filed(console, text=f"DELETE FROM {decision}")
        sent = bob.post(
            f"/approvals/{ident}/decide", decision=decision, comment="because", digest=digest(console, ident)
        )
        assert (sent.status, sent.headers["location"]) == (303, f"/approvals?done={ident}")
        assert state(console, ident) is expected
        words = words_of(bob.get(sent.headers["location"]))
        assert "Alice on shop" in words and "Bob" in words
        assert "because" in words_of(bob.get(f"/approvals/{ident}"))


def test_with_scripts_the_list_comes_back(console: ConsoleHouse) -> None:
    bob = console.visitor("bob")
    ident, other = filed(console), filed(console, text="DELETE FROM other")
    fields = {"decision": "approve", "comment": "", "digest": digest(console, ident)}
    answer = bob.post(f"/approvals/{ident}/decide", {"HX-Request": "true"}, **fields)
    assert answer.status == 200 and "<html" not in text_of(answer)
    assert "DELETE FROM other" in text_of(answer) and 'role="status"' in text_of(answer)
    assert f"/approvals/{other}/decide" in text_of(answer) and f"/approvals/{ident}/decide" not in text_of(answer)


def test_several_people_are_told_how_many_more(console: ConsoleHouse) -> None:
    ident = filed(console, decision=replace(RETRY, quorum=2))
    bob, carol = console.visitor("bob"), console.visitor("carol")
    sent = bob.post(f"/approvals/{ident}/decide", decision="approve", digest=digest(console, ident))
    assert "your vote counts, 1 more is needed" in words_of(bob.get(sent.headers["location"]))
    assert "You have voted. It waits for 1 more" in words_of(bob.get(f"/approvals/{ident}"))
    assert "approved Bob" in words_of(carol.get("/approvals"))
    carol.post(f"/approvals/{ident}/decide", decision="approve", digest=digest(console, ident))
    assert state(console, ident) is State.GRANTED


def test_who_comes_second_is_told(console: ConsoleHouse) -> None:
    """A8."""
    ident = filed(console)
    found = digest(console, ident)
    console.visitor("carol").post(f"/approvals/{ident}/decide", decision="deny", digest=found)
    bob = console.visitor("bob")
    late = bob.post(f"/approvals/{ident}/decide", decision="approve", digest=found)
    assert late.status == 409 and "does not count: the request is denied already" in words_of(late)
    scripted = bob.post(f"/approvals/{ident}/decide", {"HX-Request": "true"}, decision="approve", digest=found)
    assert "does not count" in words_of(scripted) and state(console, ident) is State.DENIED


@pytest.mark.parametrize(
    "fields",
    [
        {"decision": "approve"},
        {"decision": "", "digest": "0" * 64},
        {"decision": "yes", "digest": "0" * 64},
        {"decision": "approve", "digest": "0" * 64, "comment": "x" * 2001},
    ],
)
def test_forms_that_are_not_ours(console: ConsoleHouse, fields: dict[str, str]) -> None:
    ident = filed(console)
    assert console.visitor("bob").post(f"/approvals/{ident}/decide", **fields).status == 400
    assert state(console, ident) is State.PENDING


def test_others_do_not_see_it(console: ConsoleHouse) -> None:
    ident = filed(console)
    olga = console.visitor("olga")
    assert olga.get(f"/approvals/{ident}").status == 404
    assert olga.post(f"/approvals/{ident}/decide", decision="deny", digest="0" * 64).status == 404
    assert "DELETE" not in text_of(olga.get("/approvals"))


def test_a_requester_takes_it_back(console: ConsoleHouse) -> None:
    ident = filed(console)
    alice = console.visitor("alice")
    assert "Withdraw this request" in words_of(alice.get(f"/approvals/{ident}"))
    assert alice.post(f"/approvals/{ident}/take-back").headers["location"] == f"/approvals/{ident}"
    assert state(console, ident) is State.WITHDRAWN
    assert alice.post(f"/approvals/{ident}/take-back").status == 409
    assert console.visitor("olga").post("/approvals/aaaaaaaaaaaa/take-back").status == 404


def test_past_requests_by_state_and_page_by_page(console: ConsoleHouse) -> None:
    bob = console.visitor("bob")
    for number in range(3):
        console.office.time.seconds += 1
        filed(console, text=f"DELETE FROM t{number}")
    words = words_of(bob.get("/approvals/past?state=pending&target=shop&limit=2"))
    assert "t2" in words and "t0" not in words and "Older requests" in words
    assert "No request is like that" in words_of(bob.get("/approvals/past?state=denied"))
    assert bob.get("/approvals/past?state=nonsense").status == 400
    assert bob.get("/approvals/past?cursor=nonsense").status == 400
    assert bob.get("/approvals/past?scope=all").status == 403
    assert "DELETE FROM t0" in words_of(console.visitor("carol").get("/approvals/past?scope=all"))


def test_only_so_many_are_shown(console: ConsoleHouse) -> None:
    for number in range(51):
        console.api.file(console.person(f"p{number % 9}"), REVIEW, replace(DELETE, text=f"DELETE FROM t{number}"))
    page = text_of(console.visitor("bob").get("/approvals"))
    assert page.count('class="card request"') == 50 and "More wait" in page


def test_asking_for_access(console: ConsoleHouse) -> None:
    alice = console.visitor("alice")
    assert "vault" in words_of(alice.get("/access"))
    sent = alice.post("/access", target="vault", hours="1.5", reason="restore test")
    assert sent.status == 303
    words = words_of(console.visitor("bob").get(sent.headers["location"]))
    assert "vault" in words and "restore test" in words
    for fields in ({"hours": "x"}, {"hours": "nan"}, {"hours": "0"}, {"hours": "1", "target": "vault" * 40}):
        assert alice.post("/access", **{"target": "vault", "reason": "", **fields}).status == 400
    assert alice.post("/access", target="shop", hours="1", reason="x").status in (403, 404, 409, 422)

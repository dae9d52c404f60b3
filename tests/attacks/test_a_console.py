"""Attacks on approvals by way of the console: A1 (one's own), A2 (twice), A3 (what is shown), A8 (late)."""

from __future__ import annotations

import threading
from dataclasses import replace

from tests.support.approvals import DELETE, RETRY, session_of
from tests.support.visitor import ConsoleHouse, text_of, words_of
from twisted_hoop.approval.lifecycle import State
from twisted_hoop.approval.requests import Request
from twisted_hoop.approval.shown import shown
from twisted_hoop.model import Actor, Kind


def seen(console: ConsoleHouse, ident: str) -> Request:
    return console.api.loop.run(lambda: console.parts.desk.show(console.person("bob"), ident))


def vote(console: ConsoleHouse, who: str, ident: str, **claims: object) -> int:
    visitor = console.visitor(who, **claims)
    digest = seen(console, ident).digest
    return visitor.post(f"/approvals/{ident}/decide", decision="approve", digest=digest).status


def test_a1_the_requester_is_told_why_not(console: ConsoleHouse) -> None:
    """A1: no form is offered, and one made by hand does not count; the same for a request through an agent."""
    for requester in (console.person("bob"), replace(console.person("bob"), chain=(Actor("hoop", "agent-7"),))):
        ident = console.api.file(requester, RETRY, replace(DELETE, text=f"DELETE FROM {len(requester.chain)}"))
        page = console.visitor("bob").get(f"/approvals/{ident}")
        assert "You cannot decide this: nobody approves what they ask for themselves" in words_of(page)
        assert f"/approvals/{ident}/decide" not in text_of(page)
        assert vote(console, "bob", ident) == 409
        assert seen(console, ident).state is State.PENDING


def test_a1_the_agent_behind_a_request_does_not_approve_it(console: ConsoleHouse) -> None:
    """A1: an approver through whom alice acts."""
    issuer = console.provider.web.url
    ident = console.api.file(replace(console.person("alice"), chain=(Actor(issuer, "bob"),)), RETRY, DELETE)
    assert vote(console, "bob", ident) == 409 and seen(console, ident).votes == ()
    assert vote(console, "carol", ident) == 303


def test_a1_no_program_and_no_agent_logs_in_to_approve(console: ConsoleHouse) -> None:
    """A1: approvals are given by people, in person."""
    ident = console.api.file(console.person("alice"), RETRY, DELETE)
    assert vote(console, "robot", ident, kind=Kind.MACHINE.value) == 409
    assert vote(console, "bob", ident, act={"sub": "agent-7"}) == 404  # who acts for somebody sees its own alone
    assert seen(console, ident).state is State.PENDING


def test_a2_one_person_in_two_browsers(console: ConsoleHouse) -> None:
    """A2: two visits of one person are one vote."""
    ident = console.api.file(console.person("alice"), replace(RETRY, quorum=2), DELETE)
    assert [vote(console, "bob", ident), vote(console, "bob", ident)] == [303, 409]
    assert seen(console, ident).state is State.PENDING
    assert vote(console, "carol", ident) == 303 and seen(console, ident).state is State.GRANTED


HIDING = frozenset("\u202e\u2066\u2069\u200b\r\x1b\x9b\x08\x00\u2028\u0430\uff50\ud800")
HOSTILE = {
    "right-to-left override": "DELETE FROM a -- \u202e1 = di EREHW",
    "isolates": "DELETE FROM a \u2066WHERE id = 1\u2069",
    "zero width": "DELETE FROM us\u200bers",
    "carriage return": "DELETE FROM a\rSELECT 1",
    "escape sequence": "DELETE FROM a\x1b[2K\x1b[1A",
    "C1 control": "DELETE FROM a\x9b2J",
    "backspaces": "DELETE FROM a\x08\x08\x08\x08",
    "NUL": "DELETE\x00 FROM a",
    "line separator": "DELETE FROM a\u2028WHERE id = 1",
    "homoglyph": "DELETE FROM p\u0430yments",
    "fullwidth": "DELETE FROM \uff50ayments",
    "markup": "DELETE FROM a </code></pre><form><button>Deny</button></form><script>x()</script>",
    "entities": "DELETE FROM a &lt;b&gt; &#8238;",
    "template": "DELETE FROM {{ 7 * 7 }} {% raw %} ${7*7}",
    "forged escape": "DELETE FROM \\u{202E}",
    "lone surrogate": "DELETE FROM \ud800",
    "comment close": "DELETE FROM a --> <!-- ]]>",
    "attribute": 'DELETE FROM a" onmouseover="x() \'',
}


def test_a3_hostile_texts_are_shown_whole_and_as_they_are(console: ConsoleHouse) -> None:
    """A3: nothing hides, moves, is cut or becomes markup; in the inbox, on the request's page and in the lists."""
    bob = console.visitor("bob")
    for what, text in HOSTILE.items():
        command = replace(DELETE, text=text, reason=text, parameters=(text,), context=(("search_path", text),))
        ident = console.api.file(console.person("alice"), RETRY, command)
        for path in ("/approvals", f"/approvals/{ident}", "/approvals/past"):
            page = text_of(bob.get(path))
            assert not set(page) & HIDING, (what, path)
            assert "<script>x()" not in page and "<form><button>" not in page and 'onmouseover="' not in page
            assert "FROM 49" not in page
        assert seen(console, ident).text == text
        words = words_of(bob.get(f"/approvals/{ident}"))
        assert "".join(shown(text).split()) in "".join(words.split()), what
        assert bob.post(f"/approvals/{ident}/decide", decision="deny", digest=seen(console, ident).digest).status == 303


def test_a3_long_texts_are_whole(console: ConsoleHouse) -> None:
    """A3: the end of 60 kB is on the page, in the inbox as well."""
    text = "SELECT '" + "x" * 60_000 + "'; DELETE FROM customers"
    ident = console.api.file(console.person("alice"), RETRY, replace(DELETE, text=text))
    for path in ("/approvals", f"/approvals/{ident}"):
        assert "; DELETE FROM customers" in words_of(console.visitor("bob").get(path))


def test_a3_a_vote_is_for_what_was_seen(console: ConsoleHouse) -> None:
    """A3: a form whose digest is another request's does not count."""
    one = console.api.file(console.person("alice"), RETRY, DELETE)
    other = console.api.file(console.person("alice"), RETRY, replace(DELETE, text="DELETE FROM other"))
    bob = console.visitor("bob")
    sent = bob.post(f"/approvals/{one}/decide", decision="approve", digest=seen(console, other).digest)
    assert sent.status == 409 and "not the request you looked at" in words_of(sent)
    assert seen(console, one).state is State.PENDING


def test_a8_of_two_who_decide_at_once_one_counts(console: ConsoleHouse) -> None:
    """A8: bob approves while carol denies, from two browsers."""
    for number in range(4):
        ident = console.api.file(console.person("alice"), RETRY, replace(DELETE, text=f"DELETE FROM t{number}"))
        digest = seen(console, ident).digest
        both = {console.visitor("bob"): "approve", console.visitor("carol"): "deny"}
        for visitor in both:
            visitor.get("/may-i")
        answers: dict[str, int] = {}

        def decide(visitor: object, decision: str, path: str, digest: str, answers: dict[str, int]) -> None:
            answers[decision] = visitor.post(path, decision=decision, digest=digest).status  # type: ignore[attr-defined]

        where = f"/approvals/{ident}/decide"
        threads = [threading.Thread(target=decide, args=(*each, where, digest, answers)) for each in both.items()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(answers.values()) == [303, 409]
        won = State.GRANTED if answers["approve"] == 303 else State.DENIED
        assert seen(console, ident).state is won and len(seen(console, ident).votes) == 1


def test_a3_another_login_or_database_shows_where_one_decides(console: ConsoleHouse) -> None:
    """A3: one command as `root` and as `deploy` are two commands; so they look, on the card with the buttons too."""
    session = session_of(console.person("alice"), login="ro\u202eot", database="other", application_name="psql")
    command = replace(DELETE, context=(("search_path", "evil, public"),))
    terms = replace(RETRY, uses=3)
    ident = console.api.loop.run(lambda: console.api.office.approver.file(session, command, terms)).request.id
    for path in ("/approvals", f"/approvals/{ident}"):
        words = words_of(console.visitor("bob").get(path))
        for part in ("login ro\\u{202E}ot", "database other", "evil, public", "3 times"):
            assert part.replace(" ", "") in words.replace(" ", ""), (path, part)

"""Attacks on the console's door: I7 (log-ins begun elsewhere, replayed, open redirects), I1, I3, I8, I9, forgery."""

from __future__ import annotations

import urllib.parse
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.approvals import DELETE, RETRY
from tests.support.tokens import make_ring
from tests.support.visitor import CLIENT, ConsoleHouse, Visitor, text_of, words_of


def begun(console: ConsoleHouse, visitor: Visitor) -> str:
    """The address at the provider that a log-in leads to."""
    return visitor.get("/login/start").headers["location"]


def is_in(visitor: Visitor) -> bool:
    return visitor.get("/approvals").status == 200


def test_i7_a_log_in_ends_in_the_browser_it_began_in(console: ConsoleHouse) -> None:
    """I7: the attacker logs in as themselves and gives the victim the last address (log-in CSRF)."""
    attacker, victim = console.visitor(), console.visitor()
    stolen = console.provider.log_in(begun(console, attacker), "robot")
    for visitor in (victim, _with_an_attempt_of_its_own(console)):
        answer = visitor.get(f"/login/callback?{stolen}")
        assert answer.status == 400 and "another browser" in words_of(answer)
        assert not is_in(visitor)
    assert console.provider.asked == []  # the code was not even shown to the provider


def _with_an_attempt_of_its_own(console: ConsoleHouse) -> Visitor:
    visitor = console.visitor()
    begun(console, visitor)
    return visitor


def test_i7_an_answer_counts_once(console: ConsoleHouse) -> None:
    """I7: replayed with the very cookie of the browser that began it."""
    bob = console.visitor()
    address = begun(console, bob)
    before = bob.cookie
    query = console.provider.log_in(address, "bob")
    assert bob.get(f"/login/callback?{query}").status == 303 and is_in(bob)
    thief = console.visitor()
    thief.cookie = before
    fresh_code = console.provider.log_in(address, "bob")
    for answer in (query, fresh_code):
        thief.cookie = before
        assert thief.get(f"/login/callback?{answer}").status == 400 and not is_in(thief)


def test_i7_an_id_token_of_another_log_in_is_refused(console: ConsoleHouse) -> None:
    """I7: a code injected into the middle of somebody's log-in brings a token with another nonce."""
    bob, mallory = console.visitor(), console.visitor()
    ours = dict(urllib.parse.parse_qsl(begun(console, bob).partition("?")[2]))
    theirs = console.provider.log_in(begun(console, mallory), "carol")
    injected = urllib.parse.urlencode({**dict(urllib.parse.parse_qsl(theirs)), "state": ours["state"]})
    answer = bob.get(f"/login/callback?{injected}")
    assert answer.status == 403 and not is_in(bob)


def test_i7_the_code_is_worth_nothing_without_its_verifier(console: ConsoleHouse) -> None:
    """I7: PKCE, S256, with a verifier of its own for each log-in that never leaves the gateway but to the provider."""
    import base64
    import hashlib

    verifiers = set()
    for _ in range(2):
        bob = console.visitor()
        address = begun(console, bob)
        question = dict(urllib.parse.parse_qsl(address.partition("?")[2]))
        bob.get("/login/callback?" + console.provider.log_in(address, "bob"))
        sent = console.provider.asked[-1]["code_verifier"]
        challenge = base64.urlsafe_b64encode(hashlib.sha256(sent.encode()).digest()).rstrip(b"=").decode()
        assert question["code_challenge"] == challenge and question["code_challenge_method"] == "S256"
        assert sent not in address and sent not in bob.cookie
        verifiers.add(sent)
    assert len(verifiers) == 2


MISTAKES: list[dict[str, Any]] = [
    {"aud": "hoop"},
    {"aud": "another-client"},
    {"aud": [CLIENT, "another"], "azp": "another"},
    {"iss": "https://evil.example"},
    {"nonce": None},
    {"nonce": ""},
    {"exp": 1},
    {"sub": ""},
    {"groups": {"dba": True}},
    {"kind": "god"},
    {"act": {"sub": 7}},
]


def test_i3_tokens_that_are_not_for_this_log_in(console: ConsoleHouse) -> None:
    """I3, I8: the ID token goes through the door of all tokens, with this client as the only audience."""
    for mistakes in MISTAKES:
        console.provider.mistakes = mistakes
        bob = console.visitor()
        answer = console.log_in(bob, "bob")
        assert answer.status == 403 and not is_in(bob), mistakes
        assert "accepted" in words_of(answer)


def test_i1_a_token_of_other_keys(console: ConsoleHouse) -> None:
    """I1, I2: signed by somebody else who calls itself the issuer, under the issuer's own key id."""
    evil = make_ring(console.provider.web.url)
    kid = next(iter(console.provider.ring.keys))
    evil.keys = {kid: next(iter(evil.keys.values()))}
    console.provider.ring.keys, kept = evil.keys, console.provider.ring.keys
    bob = console.visitor()
    assert console.log_in(bob, "bob").status == 403 and not is_in(bob)
    console.provider.ring.keys = kept


def test_i3_an_answer_of_another_issuer(console: ConsoleHouse) -> None:
    """I3: RFC 9207, mix-up of authorization servers."""
    bob = console.visitor()
    query = console.provider.log_in(begun(console, bob), "bob")
    assert bob.get(f"/login/callback?{query}&iss=https%3A%2F%2Fevil.example").status == 403 and not is_in(bob)
    carol = console.visitor()
    query = console.provider.log_in(begun(console, carol), "carol")
    ours = urllib.parse.quote(console.provider.web.url, safe="")
    assert carol.get(f"/login/callback?{query}&iss={ours}").status == 303 and is_in(carol)


EVIL = [
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "/%09/evil.example",
    "/approvals@evil.example",
    "javascript:alert(1)",
    "/approvals/../../evil",
    "/approvals\r\nLocation: https://evil.example",
    "/logout",
    "/login/callback",
    "/approvals/events",
    "/v1/whoami",
    "/static/x",
    "https:/evil.example",
]


def test_i7_open_redirects(console: ConsoleHouse) -> None:
    """I7: whatever somebody is lured in with, they land on the first page."""
    bob = console.visitor("bob")
    for wanted in EVIL:
        to = urllib.parse.urlencode({"to": wanted})
        for path in ("/login", "/login/start"):
            assert bob.get(f"{path}?{to}").headers["location"] == "/", wanted
        stranger = console.visitor()
        assert "evil" not in text_of(stranger.get(f"/login?{to}"))
        landed = console.log_in(stranger, "bob", to=wanted)
        assert (landed.status, landed.headers["location"]) == (303, "/"), wanted


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60) | st.text(alphabet="/\\.@:?#%ehtps", max_size=30))
def test_i7_any_way_back_is_a_page_of_ours(console: ConsoleHouse, wanted: str) -> None:
    """I7."""
    bob = _visitor_of(console)
    answer = bob.get("/login?" + urllib.parse.urlencode({"to": wanted.encode("utf-8", "replace")}))
    location = answer.headers["location"]
    assert location.startswith("/") and location[1:2] not in ("/", "\\")


def _visitor_of(console: ConsoleHouse) -> Visitor:
    """One visitor for all examples."""
    known: Visitor | None = getattr(console, "bob", None)
    if known is None:
        known = console.visitor("bob")
        console.bob = known  # type: ignore[attr-defined]
    return known


def test_session_fixation(console: ConsoleHouse) -> None:
    """I7: an id planted before the log-in, of the attacker's own visit or made up, is nobody's afterwards."""
    mallory = console.visitor("robot")
    for planted in (mallory.cookie, "hoop=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"):
        victim = console.visitor()
        victim.cookie = planted
        if is_in(victim):  # the attacker's own visit: the victim sees who they are
            assert "Robot" in words_of(victim.get("/approvals"))
            continue
        console.log_in(victim, "bob")
        assert is_in(victim) and victim.cookie != planted
        thief = console.visitor()
        thief.cookie = planted
        assert not is_in(thief)


def test_forged_forms(console: ConsoleHouse) -> None:
    """Cross-site request forgery: another page cannot name our origin, and does not know the visit's token."""
    ident = console.api.file(console.person("alice"), RETRY, DELETE)
    bob, carol = console.visitor("bob"), console.visitor("carol")
    carol.get(f"/approvals/{ident}")
    digest = console.api.loop.run(lambda: console.parts.desk.show(console.person("bob"), ident)).digest
    path, vote = f"/approvals/{ident}/decide", {"decision": "approve", "digest": digest}
    ours = f"http://{console.host}"
    for headers in (
        {"Origin": ""},
        {"Origin": "null"},
        {"Origin": "https://evil.example"},
        {"Origin": ours + ".evil.example"},
        {"Origin": ours, "Sec-Fetch-Site": "cross-site"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json"},
    ):
        assert bob.post(path, headers, **vote).status in (403, 415)
    for token in ("", "x", carol.csrf, bob.csrf[:-1]):
        assert bob.post(path, **{**vote, "csrf": token}).status == 403
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        assert bob.ask(method, path + f"?decision=approve&digest={digest}").status == 405
    pending = console.api.loop.run(lambda: console.parts.desk.show(console.person("bob"), ident))
    assert pending.state.value == "pending" and pending.votes == ()
    assert bob.post(path, **vote).status == 303


def test_forged_log_outs(console: ConsoleHouse) -> None:
    bob = console.visitor("bob")
    assert bob.post("/logout", {"Origin": "https://evil.example"}).status == 403 and is_in(bob)
    assert bob.get("/logout").status == 405 and is_in(bob)


def test_i9_a_lock_ends_the_visit_at_once(console: ConsoleHouse) -> None:
    """I9."""
    bob = console.visitor("bob")
    assert is_in(bob)
    console.api.loop.run(lambda: console.api.provider.locks.lock("principal", console.person("bob").key))
    assert not is_in(bob)
    assert console.log_in(console.visitor(), "bob").status == 403


def test_i9_a_visit_ends_with_its_token(console: ConsoleHouse) -> None:
    """I9: as a session at a target would."""
    import time

    bob = console.visitor("bob", exp=int(time.time()) + 6)
    assert is_in(bob)
    deadline = time.monotonic() + 60
    while is_in(bob) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not is_in(bob)


def test_cookies_of_others(console: ConsoleHouse) -> None:
    """I8: nothing but a whole id of a visit that lives opens anything."""
    bob = console.visitor("bob")
    for cookie in ("hoop=", bob.cookie[:-1], bob.cookie + "x", bob.cookie + "; " + bob.cookie, "__Host-" + bob.cookie):
        thief = console.visitor()
        thief.cookie = cookie
        assert not is_in(thief), cookie

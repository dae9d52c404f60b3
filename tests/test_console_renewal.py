"""Identities that are renewed at their issuer while a visit goes on."""

from __future__ import annotations

import pytest

from tests.support.approvals import BOB
from tests.support.visitor import ConsoleHouse, Visitor, words_of
from twisted_hoop.console.renewal import AGAIN
from twisted_hoop.console.visits import renew_at
from twisted_hoop.model import Principal


@pytest.fixture
def bob(console: ConsoleHouse) -> Visitor:
    """Logged in at a provider whose tokens can be renewed; the store's clock is ahead, so that it is time already."""
    console.provider.refreshes = True
    return console.visitor("bob")


def grants(console: ConsoleHouse) -> list[str]:
    return [form["grant_type"] for form in console.provider.asked]


def test_when_it_is_time() -> None:
    def at(expires: float | None) -> float:
        return renew_at(Principal("i", "bob", expires=expires), 1000.0)

    assert (at(1300.0), at(900.0), at(None)) == (1200.0, 1000.0, 1000.0)


def test_what_the_issuer_says_then_counts(console: ConsoleHouse, bob: Visitor) -> None:
    """I9: other groups, other rights."""
    assert bob.get("/rules").status == 403
    assert grants(console) == ["authorization_code", "refresh_token"]
    console.provider.later = {"groups": ["auditors"]}
    for _ in range(2):  # the token that was given last still has the old groups
        console.office.time.seconds += AGAIN
        status = bob.get("/rules").status
    console.office.time.seconds += AGAIN
    assert bob.get("/rules").status == 200, status


def test_it_is_asked_once_and_each_refresh_token_used_once(console: ConsoleHouse, bob: Visitor) -> None:
    for _ in range(5):
        assert bob.get("/approvals").status == 200
    assert grants(console).count("refresh_token") == 1
    console.office.time.seconds += AGAIN
    assert bob.get("/approvals").status == 200
    first, second = (form["refresh_token"] for form in console.provider.asked if "refresh_token" in form)
    assert first != second


def test_who_may_not_come_back_is_not_renewed(console: ConsoleHouse, bob: Visitor) -> None:
    """I9: the visit goes on to the end of the token it has, and the issuer is not asked again."""
    console.provider.refreshed.clear()
    for _ in range(3):
        assert bob.get("/approvals").status == 200
        console.office.time.seconds += AGAIN
    assert grants(console).count("refresh_token") == 1


def test_a_renewed_token_of_somebody_else_does_not_count(console: ConsoleHouse, bob: Visitor) -> None:
    """I8: OpenID Connect Core section 12.2."""
    for claims in console.provider.refreshed.values():
        claims["sub"] = "carol"
    page = words_of(bob.get("/approvals"))
    assert "Subject bob" in page and "carol" not in page


def test_an_issuer_that_is_away_is_asked_again(console: ConsoleHouse, bob: Visitor) -> None:
    answer = console.provider.web.answers["/token"]
    console.provider.web.answers["/token"] = (503, b"")
    assert bob.get("/approvals").status == 200
    console.provider.web.answers["/token"] = answer
    assert bob.get("/approvals").status == 200 and grants(console) == ["authorization_code"]
    console.office.time.seconds += AGAIN
    assert bob.get("/approvals").status == 200 and grants(console)[-1] == "refresh_token"


def test_a_lock_is_not_renewed_away(console: ConsoleHouse, bob: Visitor) -> None:
    """I9."""
    console.api.loop.run(lambda: console.api.provider.locks.lock("principal", console.person("bob").key))
    assert bob.get("/approvals").status == 303
    assert BOB.subject == "bob" and grants(console) == ["authorization_code"]


def test_providers_without_refresh_tokens_are_not_asked(console: ConsoleHouse) -> None:
    visitor = console.visitor("bob")
    assert visitor.get("/approvals").status == 200 and grants(console) == ["authorization_code"]

from __future__ import annotations

import pytest

from tests.support.visitor import ConsoleHouse, text_of, words_of


def test_targets_that_open_and_for_some_all_there_are(console: ConsoleHouse) -> None:
    alice, olga = console.visitor("alice"), console.visitor("olga")
    mine = words_of(alice.get("/targets"))
    assert 'psql "host=hoop.example port=5432 dbname=shop"' in mine and "ssh -p 2222 deploy%web-1@" in mine
    assert "All that are configured" not in mine and "tcp:db:5432" not in mine
    everything = words_of(olga.get("/targets"))
    assert "All that are configured" in everything and "tcp:db:5432" in everything


def test_rules_are_for_auditors_and_operators(console: ConsoleHouse) -> None:
    for who, status in (("alice", 403), ("bob", 403), ("carol", 200), ("olga", 200)):
        assert console.visitor(who).get("/rules").status == status
    page = console.visitor("olga").get("/rules")
    assert "writes" in words_of(page) and "review" in words_of(page) and "dba" in words_of(page)


@pytest.mark.parametrize("who", ["alice", "olga"])
def test_no_page_shows_a_secret(console: ConsoleHouse, who: str) -> None:
    """R11."""
    visitor = console.visitor(who)
    for path in ("/targets", "/rules", "/health", "/may-i", "/access"):
        assert "VAULT_PASSWORD" not in text_of(visitor.get(path))


def test_may_i(console: ConsoleHouse) -> None:
    alice = console.visitor("alice")
    yes = words_of(alice.post("/may-i", target="shop", command="select 1"))
    assert "Yes" in yes and "allowed" in yes and "'reads' matches" in yes
    held = words_of(alice.post("/may-i", target="shop", command="delete from t where id = 1"))
    assert "When somebody agrees" in held and "1 of dba" in held
    no = alice.post("/may-i", target="vault", command="select 1")
    assert no.status == 404 and "No such target" in words_of(no) and "select 1" in text_of(no)


def test_may_somebody_else(console: ConsoleHouse) -> None:
    olga = console.visitor("olga")
    asked = {"target": "shop", "command": "select 1", "subject": "x", "groups": "developers, other", "kind": "machine"}
    assert "Yes" in words_of(olga.post("/may-i", **asked))
    assert "does not open" in words_of(olga.post("/may-i", **{**asked, "groups": "other", "actors": "agent-7"}))
    assert console.visitor("alice").post("/may-i", **asked).status == 403
    assert olga.post("/may-i", **{**asked, "subject": "a\x00b"}).status == 422
    assert olga.post("/may-i", target="x" * 70, command="y").status == 422


def test_health_is_for_auditors_and_operators(console: ConsoleHouse) -> None:
    assert console.visitor("alice").get("/health").status == 403
    page = words_of(console.visitor("olga").get("/health"))
    assert "ok" in page and "0 live" in page and "Listeners" in page


def test_the_bar_shows_what_one_may_see(console: ConsoleHouse) -> None:
    assert 'href="/rules"' not in text_of(console.visitor("alice").get("/approvals"))
    assert 'href="/rules"' in text_of(console.visitor("carol").get("/approvals"))

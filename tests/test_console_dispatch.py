from __future__ import annotations

import pytest

from tests.support.visitor import ConsoleHouse, text_of, words_of


def test_a_store_that_does_not_answer_is_told(console: ConsoleHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = console.visitor("bob")
    with monkeypatch.context() as patch:
        patch.setattr(console.office.database, "_engine", None)  # as before it is opened
        answer = bob.get("/approvals")
    assert answer.status == 503 and "the store does not answer" in words_of(answer).lower()
    assert bob.get("/approvals").status == 200


def test_an_internal_error_says_nothing(console: ConsoleHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """R15."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr("twisted_hoop.web.inbox.Inbox.approvals", broken)
    bob = console.visitor("bob")
    answer = bob.get("/approvals")
    assert answer.status == 500 and "hunter2" not in text_of(answer) and "an internal error" in words_of(answer).lower()
    scripted = bob.get("/approvals/list", hx_request="true")
    assert (scripted.status, scripted.body) == (500, b"")
    assert bob.get("/may-i").status == 200


def test_problems_are_pages(console: ConsoleHouse) -> None:
    bob = console.visitor("bob")
    missing = bob.get("/approvals/aaaaaaaaaaaa")
    assert missing.status == 404 and "Not here" in words_of(missing)
    assert missing.headers["x-request-id"] in words_of(missing)
    wrong = bob.ask("DELETE", "/approvals")
    assert wrong.status == 405
    assert bob.get("/nowhere").status == 404


def test_every_page_has_the_headers(console: ConsoleHouse) -> None:
    bob = console.visitor("bob")
    for path in ("/approvals", "/nowhere", "/login", "/approvals/list"):
        headers = bob.get(path).headers
        assert headers["cache-control"] == "no-store" and headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "same-origin" and headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-opener-policy"] == "same-origin"


def test_pages_are_not_served_in_the_clear_to_others(console: ConsoleHouse) -> None:
    """I8: a proxy here speaks for somebody elsewhere."""
    bob = console.visitor("bob")
    answer = bob.get("/approvals", x_forwarded_for="192.0.2.1")
    assert answer.status == 403 and "use TLS" in words_of(answer)

"""Requests for approval over HTTP."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.api import Api
from tests.support.approvals import ALICE, DELETE, RETRY


@pytest.fixture
def ident(api: Api) -> str:
    return api.file(ALICE, RETRY, replace(DELETE, text="DELETE FROM p\u0430yments", reason="CHG-1"))


def test_approvers_and_the_requester_see_it(api: Api, ident: str) -> None:
    for who, seen in (("bob", True), ("alice", True), ("olga", False)):
        listed = api.ask("GET", "/v1/approvals", who).json["approvals"]
        assert [each["id"] for each in listed] == ([ident] if seen else [])
        assert api.ask("GET", f"/v1/approvals/{ident}", who).status == (200 if seen else 404)
    assert api.ask("GET", "/v1/approvals?state=granted", "bob").json == {"approvals": [], "next": ""}
    assert len(api.ask("GET", "/v1/approvals?state=all&limit=1", "bob").json["approvals"]) == 1


def test_everything_there_is_to_know_is_shown(api: Api, ident: str) -> None:
    """A3."""
    seen = api.ask("GET", f"/v1/approvals/{ident}", "bob").json
    assert seen["text"] == "DELETE FROM p\u0430yments" and seen["shown"] == "DELETE FROM p\\u{430}yments"
    assert seen["notes"] and seen["reason"] == "CHG-1" and seen["tables"] == ["public.customers"]
    assert seen["principal"]["subject"] == "alice" and seen["context"] == {"search_path": "public"}
    assert seen["objection"] == "" and len(seen["digest"]) == 64
    assert "nobody approves" in api.ask("GET", f"/v1/approvals/{ident}", "alice").json["objection"]


def test_approve(api: Api, ident: str) -> None:
    digest = api.ask("GET", f"/v1/approvals/{ident}", "bob").json["digest"]
    answer = api.ask("POST", f"/v1/approvals/{ident}/approve", "bob", {"comment": "fine", "digest": digest})
    assert answer.status == 200 and answer.json["state"] == "granted"
    assert answer.json["votes"][0]["comment"] == "fine"
    assert api.ask("POST", f"/v1/approvals/{ident}/deny", "carol", {}).status == 409


def test_deny(api: Api, ident: str) -> None:
    assert api.ask("POST", f"/v1/approvals/{ident}/deny", "bob", {}).json["state"] == "denied"


@pytest.mark.parametrize(
    ("who", "body", "status"),
    [
        ("alice", {}, 403),
        ("robot", {}, 403),
        ("olga", {}, 404),
        ("bob", {"digest": "0" * 64}, 409),
        ("bob", {"digest": "short"}, 400),
        ("bob", {"comment": 1}, 400),
        ("bob", {"comment": "x" * 2001}, 400),
        ("bob", {"granted": True}, 400),
        ("bob", [], 400),
        ("bob", b"{", 415),
    ],
)
def test_what_is_refused(api: Api, ident: str, who: str, body: object, status: int) -> None:
    """A1, A3 at the API."""
    answer = api.ask("POST", f"/v1/approvals/{ident}/approve", who, body)
    assert answer.status == status == answer.json["status"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert api.ask("GET", f"/v1/approvals/{ident}", "bob").json["state"] == "pending"


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonp"]
)
def test_forms_of_other_sites_are_not_taken(api: Api, ident: str, content_type: str) -> None:
    """Cross-site requests: a browser sends other types without asking; and no cookie stands for anybody."""
    headers = {"Content-Type": content_type, "Cookie": f"token={api.token('bob')}"}
    answer = api.ask("POST", f"/v1/approvals/{ident}/approve", "bob", b"{}", headers)
    assert answer.status == 415
    headers = {"Content-Type": "application/json", "Cookie": f"token={api.token('bob')}"}
    assert api.ask("POST", f"/v1/approvals/{ident}/approve", "", b"{}", headers).status == 401


def test_texts_that_are_no_unicode_are_shown_too(api: Api) -> None:
    ident = api.file(ALICE, RETRY, replace(DELETE, text="\ud800\x00"))
    assert api.ask("GET", f"/v1/approvals/{ident}", "bob").json["shown"] == "\\u{D800}\\u{0}"

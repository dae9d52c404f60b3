"""Requests as values, for the API and the console."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.api import Api
from tests.support.approvals import ALICE, BOB, CAROL, DELETE, RETRY, REVIEW
from twisted_hoop.approval.ballots import Objection
from twisted_hoop.model import Principal
from twisted_hoop.web.inbox import Inbox
from twisted_hoop.web.inputs import AccessBody
from twisted_hoop.web.problems import Problem
from twisted_hoop.web.views import ApprovalQuery

OLGA = Principal(ALICE.issuer, "olga", groups=frozenset({"operators"}))


@pytest.fixture
def inbox(api: Api) -> Inbox:
    return Inbox(api.parts)


def test_what_a_command_touches_is_shown(api: Api, inbox: Inbox) -> None:
    ident = api.file(ALICE, RETRY, replace(DELETE, reason="CHG-1\u202e"))
    seen = api.loop.run(lambda: inbox.approval(BOB, ident))
    assert seen["facts"] == [{"class": ["write"], "table": ["public.customers"]}]
    assert seen["reason"] == "CHG-1\\u{202E}"


def test_pages_and_auditors(api: Api, inbox: Inbox) -> None:
    ids = []
    for number in range(3):
        api.office.time.seconds += 1
        ids.append(api.file(ALICE, RETRY, replace(DELETE, text=f"DELETE {number}")))
    page = api.loop.run(lambda: inbox.approvals(BOB, ApprovalQuery(limit=2)))
    rest = api.loop.run(lambda: inbox.approvals(BOB, ApprovalQuery(limit=2, cursor=page["next"])))
    assert [each["id"] for each in (*page["approvals"], *rest["approvals"])] == ids[::-1] and rest["next"] == ""
    auditor = replace(CAROL, groups=frozenset({"auditors"}))
    assert api.loop.run(lambda: inbox.approvals(auditor, ApprovalQuery()))["approvals"] == []
    everything = api.loop.run(lambda: inbox.approvals(auditor, ApprovalQuery(scope="all", target="shop")))
    assert len(everything["approvals"]) == 3 and everything["approvals"][0]["objection"]
    with pytest.raises(Problem):
        api.loop.run(lambda: inbox.approvals(BOB, ApprovalQuery(scope="all")))


def test_who_may_take_back(api: Api, inbox: Inbox) -> None:
    """Its requester, who may decide it, operators; nobody else learns that it is there."""
    for who in (ALICE, BOB, OLGA):
        ident = api.file(ALICE, RETRY, replace(DELETE, text=f"DELETE {who.subject}"))
        with pytest.raises(Objection, match="no such"):
            stranger = replace(ALICE, subject="eve")
            api.loop.run(lambda i=ident, s=stranger: inbox.take_back(s, i))  # type: ignore[misc]
        taken = api.loop.run(lambda i=ident, w=who: inbox.take_back(w, i))  # type: ignore[misc]
        assert taken["state"] == "withdrawn"
        with pytest.raises(Objection, match="already"):
            api.loop.run(lambda i=ident, w=who: inbox.take_back(w, i))  # type: ignore[misc]


def test_taking_back_what_was_granted_ends_it(api: Api, inbox: Inbox) -> None:
    ident = api.file(ALICE, RETRY, DELETE)
    api.loop.run(lambda: inbox.decide(BOB, ident, True))
    assert api.loop.run(lambda: inbox.take_back(ALICE, ident))["state"] == "ended"


def test_access_is_offered_asked_for_and_held(api: Api, inbox: Inbox) -> None:
    offers = api.loop.run(lambda: inbox.access(ALICE))["offers"]
    assert [each["target"] for each in offers] == ["vault"] and offers[0]["approvers"] == ["dba"]
    body = AccessBody(target="vault", seconds=3600, reason="CHG-1")
    asked = api.loop.run(lambda: inbox.ask(ALICE, body))
    assert asked["action"] == "access" and asked["valid"] == 3600.0
    listed = api.loop.run(lambda: inbox.approvals(BOB, ApprovalQuery(action="access")))["approvals"]
    assert [each["id"] for each in listed] == [asked["id"]]
    api.loop.run(lambda: inbox.decide(BOB, asked["id"], True, "", asked["digest"]))
    assert [each["target"] for each in api.loop.run(lambda: inbox.access(ALICE))["grants"]] == ["vault"]


def test_waiting_requests_are_withdrawn_too(api: Api, inbox: Inbox) -> None:
    ident = api.file(ALICE, REVIEW, DELETE)
    assert api.loop.run(lambda: inbox.take_back(BOB, ident))["state"] == "withdrawn"

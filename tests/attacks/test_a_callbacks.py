"""Attacks on callbacks of chats, carried out against the API as it listens: A9, and A1, A3, I9 by that way."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.api import Answer, Api, listening_api
from tests.support.approvals import ALICE, DELETE, ISSUER, RETRY, Office
from tests.support.loop import Loop
from tests.support.notices import Secrets
from tests.support.web import Web, running_web
from twisted_hoop.model import Command, Principal
from twisted_hoop.notify.posting import Poster
from twisted_hoop.notify.slack import APPROVE, DENY
from twisted_hoop.notify.slack_actions import SlackActions
from twisted_hoop.settings import Settings
from twisted_hoop.store.once import Once

SIGNING = "slack signing secret"


@dataclass
class Chat:
    """The API with a Slack channel, and Slack: `said` is what comes back to people there."""

    api: Api
    web: Web
    locked: set[str]
    said: list[dict[str, Any]] = field(default_factory=list)

    def press(self, ident: str, user: str = "UBOB", action: str = APPROVE, digest: str = "", **more: Any) -> Answer:
        """Somebody presses a button of the message about a request."""
        shown = digest or self.digest(ident)
        return self.send(self.payload(ident, user, action, shown), **more)

    def digest(self, ident: str) -> str:
        """What the message shows."""
        return str(self.api.ask("GET", f"/v1/approvals/{ident}", "bob").json["digest"])

    def payload(self, ident: str, user: str, action: str, digest: str) -> bytes:
        value = json.dumps({"id": ident, "digest": digest})
        said = {
            "type": "block_actions",
            "user": {"id": user, "name": "bob"},
            "actions": [{"action_id": action, "value": value}],
            "response_url": f"{self.web.url}/answer",
        }
        return urlencode({"payload": json.dumps(said)}).encode()

    def send(self, body: bytes, secret: str = SIGNING, age: float = 0.0, signature: str | None = None) -> Answer:
        timestamp = str(int(self.api.office.time() - age))
        signed = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={signed}" if signature is None else signature,
        }
        return self.api.ask("POST", "/v1/slack/actions", "", body, headers)

    def file(self, who: Principal = ALICE, command: Command = DELETE, **terms: Any) -> str:
        return self.api.file(who, replace(RETRY, **terms), command)

    def state(self, ident: str) -> str:
        return str(self.api.ask("GET", f"/v1/approvals/{ident}", "bob").json["state"])


@pytest.fixture
def chat(office: Office, loop: Loop, tmp_path: Path) -> Iterator[Chat]:
    locked: set[str] = set()
    said: list[dict[str, Any]] = []

    def answer(request: Any) -> bytes:
        said.append(json.loads(request.content.read()))
        return b"ok"

    with running_web(loop) as web:
        web.answers["/answer"] = answer
        users = [
            {"id": "UBOB", "issuer": ISSUER, "subject": "bob", "name": "Bob", "groups": ["dba"]},
            {"id": "UALICE", "issuer": ISSUER, "subject": "alice", "groups": ["dba"]},
            {"id": "UAGENT", "issuer": ISSUER, "subject": "agent-7", "groups": ["dba"]},
            {"id": "UEVE", "issuer": ISSUER, "subject": "eve", "groups": ["developers"]},
        ]
        channel = {"name": "chat", "kind": "slack", "url": "env:URL", "secret": "env:SIGNING", "users": users}
        settings = Settings.model_validate({"notify": [{**channel, "targets": ["shop"]}]})
        slack = SlackActions(
            lambda: settings,
            Secrets(URL=f"{web.url}/services/x", SIGNING=SIGNING),
            office.desk,
            Once(office.database, office.time),
            lambda principal: principal.key in locked,
            office.time,
            lambda section: Poster(loop.reactor),
        )
        with listening_api(office, loop, tmp_path / "state", slack=slack) as api:
            yield Chat(api, web, locked, said)


def test_a_button_decides_as_the_person_it_is_mapped_to(chat: Chat) -> None:
    ident = chat.file()
    assert chat.press(ident).status == 200
    seen = chat.api.ask("GET", f"/v1/approvals/{ident}", "bob").json
    assert seen["state"] == "granted" and seen["votes"][0]["by"] == f"{ISSUER}|bob"
    assert chat.said[0]["replace_original"] and "Bob approved" in chat.said[0]["text"]
    denied = chat.file(command=replace(DELETE, text="DELETE FROM other"))
    assert chat.press(denied, action=DENY).status == 200 and chat.state(denied) == "denied"


@pytest.mark.parametrize(
    "forged",
    [
        {"secret": "not the secret"},
        {"signature": ""},
        {"signature": "v0="},
        {"signature": "v0=" + "0" * 64},
        {"age": 301.0},
        {"age": -301.0},
    ],
)
def test_A9_a_spoofed_callback(chat: Chat, forged: dict[str, Any]) -> None:
    """A9: unsigned, signed by somebody else, signed for another time."""
    ident = chat.file()
    assert chat.press(ident, **forged).status == 401
    assert chat.state(ident) == "pending" and chat.said == []


def test_A9_a_body_that_was_changed_on_the_way(chat: Chat) -> None:
    """A9: the signature of a denial does not approve, nor for another request."""
    ident = chat.file()
    honest = chat.payload(ident, "UBOB", DENY, chat.digest(ident))
    timestamp = str(int(chat.api.office.time()))
    signed = hmac.new(SIGNING.encode(), f"v0:{timestamp}:".encode() + honest, hashlib.sha256).hexdigest()
    changed = honest.replace(DENY.encode(), APPROVE.encode())
    assert changed != honest and chat.send(changed, signature=f"v0={signed}").status == 401
    assert chat.state(ident) == "pending"


def test_A9_a_replayed_callback(chat: Chat) -> None:
    """A9: the same signed callback a second time, also when the first was in vain."""
    ident = chat.file(quorum=2)
    body = chat.payload(ident, "UEVE", APPROVE, chat.digest(ident))
    assert chat.send(body).status == 200
    assert chat.send(body).status == 401
    assert chat.state(ident) == "pending"


def test_A9_somebody_who_is_not_mapped(chat: Chat) -> None:
    """A9: a user of the same Slack whom the configuration does not know decides nothing."""
    ident = chat.file()
    assert chat.press(ident, user="USTRANGER").status == 200
    assert chat.state(ident) == "pending"
    assert "does not know you" in chat.said[0]["text"] and not chat.said[0]["replace_original"]


@pytest.mark.parametrize("user", ["UALICE", "UAGENT"])
def test_A1_A9_buttons_are_no_way_round(chat: Chat, user: str) -> None:
    """A1: neither the requester nor the agent behind it, though their chat users are mapped to an approver group."""
    from tests.support.approvals import AGENT_FOR_ALICE

    ident = chat.file(AGENT_FOR_ALICE)
    assert chat.press(ident, user=user).status == 200
    assert chat.state(ident) == "pending" and "nobody approves" in chat.said[0]["text"]


def test_A2_A9_one_person_by_button_and_by_token_is_one(chat: Chat) -> None:
    """A2: a quorum of two is not met by one person in two ways."""
    ident = chat.file(quorum=2)
    assert chat.api.ask("POST", f"/v1/approvals/{ident}/approve", "bob", {}).json["state"] == "pending"
    chat.press(ident)
    assert chat.state(ident) == "pending" and "voted already" in chat.said[0]["text"]


def test_A3_A9_a_button_is_for_the_text_that_was_shown(chat: Chat) -> None:
    """A3: a callback that names another digest, or none, does not count."""
    ident = chat.file()
    chat.press(ident, digest="0" * 64)
    assert "not the request you looked at" in chat.said[0]["text"]
    chat.send(chat.payload(ident, "UBOB", APPROVE, ""))
    assert chat.state(ident) == "pending"


def test_I9_A9_who_is_locked_decides_nothing_by_button(chat: Chat) -> None:
    """I9: a lock holds for chats, too."""
    ident = chat.file()
    chat.locked.add(f"{ISSUER}|bob")
    chat.press(ident)
    assert chat.state(ident) == "pending"


def test_A9_who_may_not_decide_or_see_it_learns_nothing(chat: Chat) -> None:
    ident = chat.file()
    chat.press(ident, user="UEVE")
    assert chat.state(ident) == "pending" and "no such request" in chat.said[0]["text"]


def test_A9_requests_of_other_channels(chat: Chat) -> None:
    """A9: a channel decides only what it is told of."""
    elsewhere = replace(ALICE, subject="alice-2")
    from tests.support.approvals import session_of

    session = session_of(elsewhere)
    other = replace(session, target=replace(session.target, name="payroll"))
    office = chat.api.office
    ident = chat.api.loop.run(lambda: office.approver.file(other, DELETE, RETRY)).request.id
    chat.press(ident)
    assert chat.state(ident) == "pending" and "not for this channel" in chat.said[0]["text"]


def test_A9_answers_go_to_slack_only_whatever_a_callback_says(chat: Chat, loop: Loop) -> None:
    """A9: a signed callback cannot make the gateway write to another server."""
    ident = chat.file()
    with running_web(loop) as elsewhere:
        body = chat.payload(ident, "UBOB", APPROVE, chat.digest(ident))
        port = str(chat.web.url.rpartition(":")[2]).encode()
        body = body.replace(port, str(elsewhere.url.rpartition(":")[2]).encode())
        assert chat.send(body).status == 200
        assert elsewhere.hits.total() == 0 and chat.said == []
    assert chat.state(ident) == "granted"


def test_A9_without_a_slack_channel_there_is_no_such_address(api: Api) -> None:
    assert api.ask("POST", "/v1/slack/actions", "", b"payload={}").status == 404

"""Agents over the API."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api import Api
from twisted_hoop.agent.enrolment import PREFIX, digest_of
from twisted_hoop.model import AgentCredential, Peer


def joined(api: Api, name: str = "office") -> str:
    """The id of an agent that used a token an operator made."""
    made = api.ask("POST", "/v1/agents/tokens", "olga", {"name": name})
    assert made.status == 201 and made.headers["cache-control"] == "no-store"
    desk: Any = api.parts.agents
    section = next(each for each in desk._settings().agents if each.name == name)
    token = made.json["token"]
    return api.loop.run(lambda: desk._enrolment.by_join_token(section, token, Peer("192.0.2.1"))).ident  # type: ignore[no-any-return]


def test_from_token_to_revocation(api: Api) -> None:
    ident = joined(api)
    listed = api.ask("GET", "/v1/agents", "carol").json
    assert [each["name"] for each in listed["names"]] == ["office", "lab"]
    [agent] = listed["agents"]
    assert (agent["ident"], agent["proof"], agent["revoked"]) == (ident, "join-token", 0)
    assert agent["by_key"].endswith("|olga")
    assert api.ask("GET", f"/v1/agents/{ident}", "carol").json == agent
    done = api.ask("POST", f"/v1/agents/{ident}/revoke", "olga", {"reason": "stolen"}).json
    assert done["revoked"] > 0 and done["revoked_reason"] == "stolen" and done["revoked_by"].endswith("|olga")
    assert api.ask("GET", f"/v1/agents/{'f' * 32}", "carol").status == 404
    assert api.ask("POST", f"/v1/agents/{'f' * 32}/revoke", "olga", {}).status == 404


def test_R11_a_token_is_in_its_own_answer_alone(api: Api) -> None:
    made = api.ask("POST", "/v1/agents/tokens", "olga", {"name": "office", "seconds": 60}).json
    assert made["token"].startswith(PREFIX) and made["name"] == "office"
    listed = api.ask("GET", "/v1/agents", "olga").body.decode()
    assert made["token"] not in listed and digest_of(made["token"]) not in listed


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "nobody"}, 409),
        ({"name": "office", "seconds": 0}, 400),
        ({"name": "office", "seconds": 1e9}, 400),
        ({"name": ""}, 400),
        ({"name": "x" * 65}, 409),
        ({"name": "x" * 2000}, 400),
        ({"name": "office", "more": 1}, 400),
        ({}, 400),
    ],
)
def test_tokens_there_are_not(api: Api, body: dict[str, Any], status: int) -> None:
    assert api.ask("POST", "/v1/agents/tokens", "olga", body).status == status


def test_I8_operators_change_auditors_look_nobody_else_does_either(api: Api) -> None:
    ident = joined(api)
    for who in ("alice", "bob", "robot"):
        assert api.ask("GET", "/v1/agents", who).status == 403
        assert api.ask("GET", f"/v1/agents/{ident}", who).status == 403
    for who in ("alice", "carol", "robot"):
        assert api.ask("POST", "/v1/agents/tokens", who, {"name": "office"}).status == 403
        assert api.ask("POST", f"/v1/agents/{ident}/revoke", who, {}).status == 403
    assert api.ask("GET", "/v1/agents", "").status == 401


def test_a_join_token_is_no_bearer_token(api: Api) -> None:
    """I8: what lets an agent in says nothing of a person."""
    made = api.ask("POST", "/v1/agents/tokens", "olga", {"name": "office"}).json["token"]
    assert AgentCredential(made).token == made and made not in repr(AgentCredential(made))
    assert api.ask("GET", "/v1/whoami", "", headers={"Authorization": f"Bearer {made}"}).status == 401

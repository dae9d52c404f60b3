"""Discovery, the device flow and refreshing, against a server that answers as told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.loop import Loop
from tests.support.web import Web, running_web
from twisted_hoop.cli.exits import CommandFailed
from twisted_hoop.cli.openid import Client, begin, discover, refresh, usable_token, wait

JWT = "aaa.bbb.ccc"


def issuer(web: Web, *answers: tuple[int, Any], **changed: Any) -> Client:
    """An issuer whose token endpoint gives these answers one after the other."""
    left = list(answers)

    def token(request: Any) -> bytes:
        status, body = left.pop(0)
        request.setResponseCode(status)
        return json.dumps(body).encode()

    metadata = {
        "issuer": web.url,
        "token_endpoint": f"{web.url}/token",
        "device_authorization_endpoint": f"{web.url}/device",
        **changed,
    }
    code = {"device_code": "d", "user_code": "AB-CD", "verification_uri": f"{web.url}/go", "expires_in": 30}
    web.answers["/.well-known/openid-configuration"] = json.dumps(metadata).encode()
    web.answers["/device"] = json.dumps({**code, "interval": 2}).encode()
    web.answers["/token"] = token
    return Client(web.url, "cli")


def test_the_flow_waits_slows_down_and_ends(loop: Loop) -> None:
    with running_web(loop) as web:
        pending, slow = (400, {"error": "authorization_pending"}), (400, {"error": "slow_down"})
        client = issuer(web, pending, slow, pending, (200, {"access_token": JWT}))
        slept: list[float] = []
        metadata = discover(client)
        code = begin(client, metadata)
        assert (code.user_code, code.complete) == ("AB-CD", f"{web.url}/go")
        assert wait(client, metadata, code, slept.append) == {"access_token": JWT}
        assert slept == [2, 2, 7, 7]


def test_nobody_comes(loop: Loop) -> None:
    with running_web(loop) as web:
        client = issuer(web, *[(400, {"error": "authorization_pending"})] * 15)
        metadata = discover(client)
        with pytest.raises(CommandFailed, match="before the code expired"):
            wait(client, metadata, begin(client, metadata), lambda _: None)


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        ((400, {"error": "access_denied", "error_description": "not you\x1b[2J"}), "not you"),
        ((500, {}), "answers 500"),
        ((200, []), "JSON object"),
    ],
)
def test_what_the_issuer_refuses_is_told(loop: Loop, answer: tuple[int, Any], part: str) -> None:
    with running_web(loop) as web:
        client = issuer(web, answer)
        metadata = discover(client)
        with pytest.raises(CommandFailed, match=part) as told:
            wait(client, metadata, begin(client, metadata), lambda _: None)
        assert "\x1b" not in told.value.message


def test_refreshing(loop: Loop) -> None:
    with running_web(loop) as web:
        client = issuer(web, (200, {"id_token": JWT}), (400, {"error": "invalid_grant"}))
        assert refresh(client, "again") == {"id_token": JWT}
        with pytest.raises(CommandFailed, match="run hoop login"):
            refresh(client, "again")


def test_another_issuers_metadata_is_refused(loop: Loop) -> None:
    """I3: a token would be sent to whom the metadata names."""
    with running_web(loop) as web:
        client = issuer(web, issuer="https://evil.example")
        with pytest.raises(CommandFailed, match="calls itself"):
            discover(client)


def test_nothing_is_sent_in_the_clear(loop: Loop) -> None:
    with running_web(loop) as web:
        client = issuer(web, token_endpoint="http://id.example/token")
        with pytest.raises(CommandFailed, match="not https"):
            refresh(client, "again")


def test_which_token_a_gateway_can_read() -> None:
    assert usable_token({"access_token": "opaque", "id_token": JWT}) == JWT
    assert usable_token({"access_token": JWT, "id_token": "a.b.d"}) == JWT
    assert usable_token({"access_token": "opaque"}, "access_token") == "opaque"
    with pytest.raises(Exception, match="JWT"):
        usable_token({"access_token": "opaque"})


@pytest.mark.parametrize(
    "where",
    ["file:///etc/passwd", "javascript:alert(1)", "--help", "http://other.example/go", "https://", "https://x/\x1b[2J"],
)
def test_only_pages_are_opened(loop: Loop, where: str) -> None:
    """R6: an issuer, or who speaks for it, opens no file and no program here, and writes nothing to the terminal."""
    with running_web(loop) as web:
        client = issuer(web)
        for name in ("verification_uri", "verification_uri_complete"):
            code = {"device_code": "d", "user_code": "A", "verification_uri": f"{web.url}/go", "expires_in": 30}
            web.answers["/device"] = json.dumps({**code, name: where}).encode()
            with pytest.raises(CommandFailed, match="no https address"):
                begin(client, discover(client))

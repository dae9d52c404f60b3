"""Tokens for tokens over HTTP (RFC 8693, RFC 6749): answers, errors, metadata."""

from __future__ import annotations

import contextlib
import gzip
import json
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jwt
import pytest

from tests.support.api import Api
from tests.support.approvals import Office
from tests.support.exchange import AGENTS, KIND, OTHER, URL, Exchanging, ask, exchanging_api, form_of
from tests.support.loop import Loop
from tests.support.tokens import ISSUER, PEER
from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.identity.jwks import parse_jwks
from twisted_hoop.web.calls import Call
from twisted_hoop.web.exchange import Exchange


@pytest.fixture
def house(office: Office, loop: Loop, tmp_path: Path) -> Iterator[tuple[Exchanging, Api]]:
    with exchanging_api(office, loop, tmp_path) as both:
        yield both


def claims_of(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = jwt.decode(answer.json["access_token"], options={"verify_signature": False})
    return found


def test_a_token_for_one_target(house: tuple[Exchanging, Api]) -> None:
    door, api = house
    answer = ask(api, form_of(door.person(), audience="shop", lifetime="60"))
    assert answer.status == 200 and answer.headers["cache-control"] == "no-store"
    told = answer.json
    assert (told["token_type"], told["issued_token_type"], told["scope"]) == ("Bearer", KIND, "target:shop")
    assert 55 <= told["expires_in"] <= 60
    claims = claims_of(answer)
    assert (claims["iss"], claims["aud"], claims["sub"]) == (URL, URL, f"{ISSUER}|alice") and "act" not in claims
    assert claims["hoop"]["targets"] == ["shop"] and (claims["hoop"]["iss"], claims["hoop"]["sub"]) == (ISSUER, "alice")
    who = door.proved(told["access_token"])
    assert who.targets == frozenset({"shop"}) and who.groups == frozenset({"dev", "dba"})


def test_an_agent_acts(house: tuple[Exchanging, Api]) -> None:
    door, api = house
    answer = ask(api, form_of(door.person(), door.agent(), resource=f"{URL}/targets/shop"))
    assert answer.status == 200
    claims = claims_of(answer)
    assert claims["act"] == {"iss": AGENTS, "sub": "agent-7", "groups": ["ai"]} and claims["groups"] == ["dba", "dev"]
    who = api.ask("GET", "/v1/whoami", token=answer.json["access_token"]).json
    assert (
        who["subject"] == "alice"
        and who["targets"] == ["shop"]
        and who["chain"] == [{"issuer": AGENTS, "subject": "agent-7"}]
    )
    targets = api.ask("GET", "/v1/targets", token=answer.json["access_token"]).json["targets"]
    assert [each["name"] for each in targets] == ["shop"]


def test_fewer_groups_and_a_jwt_by_name(house: tuple[Exchanging, Api]) -> None:
    door, api = house
    kind = "urn:ietf:params:oauth:token-type:jwt"
    answer = ask(api, form_of(door.person(), scope="group:dev", requested_token_type=kind))
    assert answer.json["scope"] == "group:dev" and answer.json["issued_token_type"] == kind
    assert claims_of(answer)["groups"] == ["dev"]


def test_another_service_verifies_it_with_what_is_published(house: tuple[Exchanging, Api]) -> None:
    door, api = house
    token = ask(api, form_of(door.person(), audience=OTHER)).json["access_token"]
    metadata = api.ask("GET", "/.well-known/openid-configuration")
    assert metadata.json == api.ask("GET", "/.well-known/oauth-authorization-server").json
    assert metadata.json["issuer"] == URL and metadata.json["jwks_uri"] == f"{URL}/oauth/keys"
    assert "max-age=300" in metadata.headers["cache-control"]
    keys = api.ask("GET", "/oauth/keys")
    (key,) = parse_jwks(keys.body).keys
    assert "max-age=300" in keys.headers["cache-control"]
    assert jwt.decode(token, key.public, ["EdDSA"], audience=OTHER, issuer=URL)["sub"] == f"{ISSUER}|alice"
    assert json.loads(keys.body)["keys"][0].keys() == {"kty", "crv", "x", "kid", "alg", "use", "key_ops"}
    assert api.ask("GET", "/v1/whoami", token=token).status == 401


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"grant_type": "client_credentials"}, "unsupported_grant_type"),
        ({"subject_token": "x.y.z"}, "invalid_request"),
        ({"audience": "bank-of-nowhere"}, "invalid_target"),
        ({"audience": ["shop", "nowhere"]}, "invalid_target"),
        ({"audience": ["shop", OTHER]}, "invalid_target"),
        ({"scope": "group:admins"}, "invalid_scope"),
        ({"lifetime": "soon"}, "invalid_request"),
    ],
)
def test_errors(house: tuple[Exchanging, Api], more: dict[str, Any], code: str) -> None:
    """RFC 6749, section 5.2; RFC 8693, section 2.2.2."""
    door, api = house
    answer = ask(api, form_of(door.person(), **more))
    assert answer.status == 400 and answer.json["error"] == code and answer.json["error_description"]
    assert answer.headers["cache-control"] == "no-store"


def test_a_body_that_is_no_form(house: tuple[Exchanging, Api]) -> None:
    _, api = house
    for body, kind in ((b"{}", "application/json"), (b"\xff", "application/x-www-form-urlencoded")):
        answer = api.ask("POST", "/oauth/token", body=body, headers={"Content-Type": kind})
        assert (answer.status, answer.json["error"]) == (400, "invalid_request")
    assert api.ask("GET", "/oauth/token").status == 405


USUAL = {"Content-Type": "application/x-www-form-urlencoded"}
DESCRIPTION = re.compile(r"[\x20-\x21\x23-\x5B\x5D-\x7E]+")


@pytest.mark.parametrize(
    ("headers", "query", "error"),
    [
        ({"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}, "", ""),
        ({"Content-Type": "Application/X-WWW-Form-urlencoded;charset=utf-8", "DPoP": "a.b.c"}, "", ""),
        ({"Content-Type": "application/x-www-form-urlencoded; charset=utf-16"}, "", "invalid_request"),
        ({"Content-Type": "application/x-www-form-urlencoded; charset=iso-8859-1"}, "", "invalid_request"),
        ({"Content-Type": "multipart/form-data; boundary=x"}, "", "invalid_request"),
        ({}, "", "invalid_request"),
        ({**USUAL, "Content-Encoding": "gzip"}, "gzip", "invalid_request"),
        (USUAL, "?audience=shop", "invalid_request"),
        ({**USUAL, "Authorization": "Basic aG9vcDpzZWNyZXQ="}, "", "invalid_client"),
        ({**USUAL, "Authorization": "Bearer x.y.z"}, "", "invalid_client"),
        ({**USUAL, "Authorization": '"; x=1'}, "", "invalid_client"),
    ],
)
def test_every_head(house: tuple[Exchanging, Api], headers: dict[str, str], query: str, error: str) -> None:
    """RFC 6749, sections 3.2, 5.1, 5.2, appendix B; what a DPoP proof asks for is not promised: the type is Bearer."""
    door, api = house
    body = urlencode(form_of(door.person())).encode()
    if query == "gzip":
        query, body = "", gzip.compress(body)
    answer = api.ask("POST", f"/oauth/token{query}", body=body, headers=headers)
    assert answer.headers["cache-control"] == "no-store" and answer.headers["pragma"] == "no-cache"
    assert answer.headers["content-type"] == "application/json"
    if not error:
        assert (answer.status, answer.json["token_type"]) == (200, "Bearer")
        return
    assert (answer.status, answer.json["error"]) == (401 if error == "invalid_client" else 400, error)
    assert DESCRIPTION.fullmatch(answer.json["error_description"])
    if error == "invalid_client":
        scheme = headers["Authorization"].partition(" ")[0]
        assert answer.headers["www-authenticate"] == f'{scheme if scheme.isalpha() else "Basic"} realm="hoop"'


def test_a_head_that_is_sent_twice(house: tuple[Exchanging, Api]) -> None:
    """As RFC 6749 says errors, not as the rest of the API does."""
    door, api = house
    body = urlencode(form_of(door.person())).encode()
    lines = [b"POST /oauth/token HTTP/1.1", b"Host: hoop", b"Connection: close", b"Content-Length: %d" % len(body)]
    lines += [b"Content-Type: application/x-www-form-urlencoded", b"Content-Type: application/json"]
    with socket.create_connection(("127.0.0.1", api.port), 20) as client:
        client.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        with client.makefile("rb") as answer:
            said = answer.read()
    assert said.startswith(b"HTTP/1.1 400 ") and b'{"error": "invalid_request"' in said


def test_a_form_that_is_too_long(house: tuple[Exchanging, Api]) -> None:
    """Refused before it is read; a token that is too long is no token."""
    door, api = house
    assert ask(api, form_of("x" * 20_000)).json["error"] == "invalid_request"
    with contextlib.suppress(OSError):  # it may be cut off while it is being sent
        assert ask(api, form_of("x" * 70_000)).status == 413
    many = [*form_of(door.person()), *((f"x{number}", "1") for number in range(200))]
    assert ask(api, many).json["error"] == "invalid_request"
    assert ask(api, [*form_of(door.person()), ("x", "1"), ("client_id", "cli")]).status == 200, "unknown: passed over"


def test_a_store_that_is_away(house: tuple[Exchanging, Api]) -> None:
    """It knows which one-time tokens were used: without it none is exchanged."""
    door, api = house

    class Away:
        async def authenticate(self, credential: str, peer: Any) -> Any:
            raise StoreUnavailable("away")

    handlers = Exchange(replace(api.parts, identity=Away()))
    body = urlencode(form_of(door.person())).encode()
    call = Call("POST", "/oauth/token", {}, {"content-type": [USUAL["Content-Type"]]}, body, PEER, False, "r1")
    answer: Any = api.loop.run(lambda: handlers.token(call, None))
    assert (answer.status, answer.content["error"]) == (503, "temporarily_unavailable")
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_actor_has_a_pace_too(house: tuple[Exchanging, Api]) -> None:
    """I10: whomever it acts for."""
    door, api = house
    handlers = Exchange(api.parts, now=lambda: 5.0)
    agent = door.agent()

    def once(token: str, actor: str) -> int:
        body = urlencode(form_of(token, actor)).encode()
        call = Call("POST", "/oauth/token", {}, {"content-type": [USUAL["Content-Type"]]}, body, PEER, False, "r1")
        return int(api.loop.run(lambda: handlers.token(call, None)).status)

    people = [door.person(f"person-{number}") for number in range(51)]
    assert {once(token, agent) for token in people[:50]} == {200}
    assert once(people[50], agent) == 429 and once(people[50], door.agent("agent-8")) == 200


def test_a_pace_for_each(house: tuple[Exchanging, Api]) -> None:
    """With a clock that stands: fifty for one, and another is not kept waiting by that."""
    door, api = house
    handlers = Exchange(api.parts, now=lambda: 5.0)

    def once(token: str) -> Any:
        body = urlencode(form_of(token)).encode()
        headers = {"content-type": ["application/x-www-form-urlencoded"]}
        call = Call("POST", "/oauth/token", {}, headers, body, PEER, False, "r1")
        return api.loop.run(lambda: handlers.token(call, None))

    alice = door.person()
    assert [once(alice).status for _ in range(50)] == [200] * 50
    refused = once(alice)
    assert (refused.status, refused.content["error"]) == (429, "temporarily_unavailable")
    assert refused.headers["Retry-After"] == "1" and once(door.person("bob")).status == 200


def test_where_there_is_no_issuer_there_is_nothing(office: Office, loop: Loop, tmp_path: Path) -> None:
    with exchanging_api(office, loop, tmp_path) as (door, api):
        token = door.person()
        door.reload(door.made(enabled=False))
        door.settings = door.made(enabled=False)
        assert ask(api, form_of(token)).status == 404
        for path in ("/oauth/keys", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"):
            assert api.ask("GET", path).status == 404


def test_a_token_for_targets_opens_nothing_else_at_the_api(house: tuple[Exchanging, Api]) -> None:
    """I8: no vote, no request for access, no list of sessions; the owner's own token still has all of them."""
    door, api = house
    narrow = ask(api, form_of(door.person(), audience="shop")).json["access_token"]
    for method, path in (
        ("GET", "/v1/approvals"),
        ("GET", "/v1/sessions"),
        ("POST", "/v1/access"),
        ("GET", "/v1/events"),
    ):
        answer = api.ask(method, path, token=narrow, body={} if method == "POST" else None)
        assert answer.status == 403 and "its targets only" in answer.json["detail"], path
    assert api.ask("GET", "/v1/approvals", token=door.person()).status == 200
    assert ask(api, form_of(narrow)).status == 200


def test_an_issuer_that_cannot_be_asked(office: Office, loop: Loop, tmp_path: Path) -> None:
    """Keys that cannot be had: 503, and no word about the token."""
    with exchanging_api(office, loop, tmp_path) as (door, api):
        token = door.person()
        door.paths[0].unlink()
        answer = ask(api, form_of(token))
        assert (answer.status, answer.json["error"]) == (503, "temporarily_unavailable")

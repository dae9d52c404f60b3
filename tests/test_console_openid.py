"""What is asked of a provider and what is believed of its answers; against a web server, and byte by byte."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, DeferredList
from twisted.web.http import Request

from tests.support.approvals import Time
from tests.support.loop import Loop
from tests.support.web import Web, running_web
from twisted_hoop.console.attempts import Attempts
from twisted_hoop.console.openid import FRESH, RETRY, OpenId, endpoints_of
from twisted_hoop.errors import AuthenticationFailed, IssuerUnavailable, SecretUnavailable
from twisted_hoop.identity.fetch import Fetcher
from twisted_hoop.settings import IssuerSection

ISSUER = "https://id.example"
GOOD = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/auth?tenant=1",
    "token_endpoint": f"{ISSUER}/token",
    "end_session_endpoint": f"{ISSUER}/end",
}
ATTEMPT, _ = Attempts(Time()).begin("/")
BACK = "https://hoop.example/login/callback"


def changed(**more: Any) -> bytes:
    return json.dumps({**GOOD, **more}).encode()


def test_a_discovery_document() -> None:
    found = endpoints_of(changed(authorization_response_iss_parameter_supported=True), ISSUER)
    assert found.authorization == f"{ISSUER}/auth?tenant=1" and found.basic and found.names_itself
    assert not endpoints_of(changed(token_endpoint_auth_methods_supported=["client_secret_post"]), ISSUER).basic
    assert endpoints_of(changed(token_endpoint_auth_methods_supported=["private_key_jwt"]), ISSUER).basic
    assert endpoints_of(changed(end_session_endpoint=None), ISSUER).end_session == ""


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"[]",
        b"[" * 100_000,
        changed(issuer="https://evil.example"),
        changed(issuer=None),
        changed(authorization_endpoint=None),
        changed(authorization_endpoint="http://id.example/auth"),
        changed(authorization_endpoint="http://127.0.0.1/auth"),
        changed(authorization_endpoint="javascript:alert(1)"),
        changed(authorization_endpoint=f"{ISSUER}/auth#x"),
        changed(authorization_endpoint=f"{ISSUER}/auth\r\nX: y"),
        changed(token_endpoint=7),
        changed(end_session_endpoint="//evil.example"),
    ],
)
def test_documents_that_are_not_believed(document: bytes) -> None:
    """I3."""
    with pytest.raises(IssuerUnavailable):
        endpoints_of(document, ISSUER)


@given(
    st.binary()
    | st.dictionaries(st.sampled_from(list(GOOD)), st.text() | st.none()).map(lambda d: json.dumps(d).encode())
)
def test_any_document_is_endpoints_or_unavailable(document: bytes) -> None:
    try:
        found = endpoints_of(document, ISSUER)
    except IssuerUnavailable:
        return
    assert found.token.startswith("https://")


@pytest.fixture
def web(loop: Loop) -> Iterator[Web]:
    with running_web(loop) as running:
        running.answers["/.well-known/openid-configuration"] = json.dumps(
            {
                "issuer": running.url,
                "authorization_endpoint": running.url + "/auth",
                "token_endpoint": running.url + "/token",
            }
        ).encode()
        yield running


def openid(
    loop: Loop, web: Web, secret: str = "env:SECRET", now: Any = None, fails: bool = False, **more: Any
) -> OpenId:
    given = {"name": "corp", "issuer": web.url, "audience": ["hoop"], "client_id": "a client", **more}
    section = IssuerSection.model_validate({**given, "client_secret": secret})

    async def resolve(reference: str) -> str:
        if fails:
            raise SecretUnavailable("it is not there")
        return "s:e/c&ret"

    return OpenId(section, Fetcher(loop.reactor), resolve, now or Time())


def test_where_browsers_are_sent(loop: Loop, web: Web) -> None:
    """OpenID Connect Core section 3.1.2.1, RFC 7636 section 4.3."""
    address = loop.run(lambda: openid(loop, web, scope="groups openid").address(ATTEMPT, BACK))
    url, _, query = address.partition("?")
    assert url == web.url + "/auth"
    assert dict(urllib.parse.parse_qsl(query)) == {
        "response_type": "code",
        "client_id": "a client",
        "redirect_uri": BACK,
        "scope": "openid groups",
        "state": ATTEMPT.state,
        "nonce": ATTEMPT.nonce,
        "code_challenge": ATTEMPT.challenge,
        "code_challenge_method": "S256",
    }


def token_endpoint(web: Web, status: int, answer: object) -> list[tuple[dict[str, str], str | None]]:
    seen: list[tuple[dict[str, str], str | None]] = []

    def token(request: Request) -> bytes:
        form = dict(urllib.parse.parse_qsl(request.content.read().decode()))
        seen.append((form, request.getHeader("authorization")))
        request.setResponseCode(status)
        return answer if isinstance(answer, bytes) else json.dumps(answer).encode()

    web.answers["/token"] = token
    return seen


def test_a_code_becomes_an_id_token(loop: Loop, web: Web) -> None:
    seen = token_endpoint(web, 200, {"id_token": "a.b.c", "access_token": "x"})
    got = loop.run(lambda: openid(loop, web).tokens(ATTEMPT, "the code", BACK))
    assert (got.id_token, got.refresh) == ("a.b.c", "")
    form, authorization = seen[0]
    assert form == {
        "grant_type": "authorization_code",
        "code": "the code",
        "redirect_uri": BACK,
        "code_verifier": ATTEMPT.verifier,
    }
    assert authorization is not None
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"a+client:s%3Ae%2Fc%26ret"


def test_a_client_without_a_secret_and_one_that_posts_it(loop: Loop, web: Web) -> None:
    seen = token_endpoint(web, 200, {"id_token": "a.b.c"})
    loop.run(lambda: openid(loop, web, secret="").tokens(ATTEMPT, "c", BACK))
    document = json.loads(web.answers["/.well-known/openid-configuration"])  # type: ignore[arg-type]
    document["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    web.answers["/.well-known/openid-configuration"] = json.dumps(document).encode()
    loop.run(lambda: openid(loop, web).tokens(ATTEMPT, "c", BACK))
    assert [(form.get("client_id"), form.get("client_secret"), basic) for form, basic in seen] == [
        ("a client", None, None),
        ("a client", "s:e/c&ret", None),
    ]


def test_a_refresh_token_becomes_new_tokens(loop: Loop, web: Web) -> None:
    """OpenID Connect Core section 12."""
    seen = token_endpoint(web, 200, {"id_token": "d.e.f", "refresh_token": "second"})
    got = loop.run(lambda: openid(loop, web).renewed("first"))
    assert (got.id_token, got.refresh) == ("d.e.f", "second") and "second" not in repr(got)
    assert seen[0][0] == {"grant_type": "refresh_token", "refresh_token": "first"}
    for odd in (7, "x" * 20_000, None):
        token_endpoint(web, 200, {"id_token": "d.e.f", "refresh_token": odd})
        assert loop.run(lambda: openid(loop, web).renewed("first")).refresh == ""


@pytest.mark.parametrize(
    ("status", "answer", "fault"),
    [
        (400, {"error": "invalid_grant"}, AuthenticationFailed),
        (200, {"access_token": "x"}, AuthenticationFailed),
        (200, {"id_token": 7}, AuthenticationFailed),
        (200, b"<html>", IssuerUnavailable),
        (200, [], IssuerUnavailable),
        (500, {"error": "x"}, IssuerUnavailable),
        (302, b"", IssuerUnavailable),
    ],
)
def test_answers_that_are_no_token(loop: Loop, web: Web, status: int, answer: object, fault: type[Exception]) -> None:
    token_endpoint(web, status, answer)
    with pytest.raises(fault):
        loop.run(lambda: openid(loop, web).tokens(ATTEMPT, "c", BACK))


def test_a_secret_that_cannot_be_had(loop: Loop, web: Web) -> None:
    with pytest.raises(IssuerUnavailable, match="it is not there"):
        loop.run(lambda: openid(loop, web, fails=True).tokens(ATTEMPT, "c", BACK))


def test_the_document_is_kept_for_a_while(loop: Loop, web: Web) -> None:
    time = Time()
    ours = openid(loop, web, now=time)
    for _ in range(3):
        loop.run(ours.endpoints)
    assert web.hits["/.well-known/openid-configuration"] == 1
    time.seconds += FRESH
    loop.run(ours.endpoints)
    assert web.hits["/.well-known/openid-configuration"] == 2


def test_a_failure_is_kept_for_a_moment_and_many_ask_once(loop: Loop, web: Web) -> None:
    """R14, S7: people nobody knows cannot make us flood the issuer."""
    time, path = Time(), "/.well-known/openid-configuration"
    document, web.answers[path] = web.answers[path], (500, b"")
    ours = openid(loop, web, now=time)

    async def asked() -> list[Any]:
        many = [Deferred.fromCoroutine(ours.endpoints()) for _ in range(20)]
        return list(await DeferredList(many, consumeErrors=True))

    for _ in range(2):
        results = loop.run(asked)
        assert all(not well and fault.check(IssuerUnavailable) for well, fault in results)
    assert web.hits[path] == 1
    web.answers[path] = document
    time.seconds += RETRY
    assert all(well for well, _ in loop.run(asked)) and web.hits[path] == 2


def test_a_farewell_only_where_there_is_one(loop: Loop, web: Web) -> None:
    assert loop.run(lambda: openid(loop, web).farewell("https://hoop.example/login")) == ""

"""The device flow against a server that answers as told, with a clock the test moves."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from twisted_hoop.errors import AuthenticationFailed, IssuerUnavailable, SecretUnavailable
from twisted_hoop.identity.device import GRANT, LONGEST, DeviceCode, DeviceFlow
from twisted_hoop.settings import IssuerSection
from twisted_hoop.testing import run_now

ISSUER = "https://login.example.org"
DOCUMENT = {
    "issuer": ISSUER,
    "device_authorization_endpoint": f"{ISSUER}/device",
    "token_endpoint": f"{ISSUER}/token",
}
ANSWER = {
    "device_code": "secret-code",
    "user_code": "ABCD-EFGH",
    "verification_uri": f"{ISSUER}/go",
    "verification_uri_complete": f"{ISSUER}/go?code=ABCD-EFGH",
    "expires_in": 120,
    "interval": 3,
}
PENDING, SLOW = (400, {"error": "authorization_pending"}), (400, {"error": "slow_down"})
JWT = "a.b.c"


class Issuer:
    """Provides what Fetcher does. `answers` are given one after another; an exception is raised."""

    def __init__(self, *answers: Any, document: Any = DOCUMENT) -> None:
        self.document = document
        self.answers = list(answers)
        self.asked: list[tuple[str, dict[str, str], str]] = []
        self.gets = 0

    async def get(self, url: str) -> bytes:
        self.gets += 1
        assert url == f"{ISSUER}/.well-known/openid-configuration"
        return self.document if isinstance(self.document, bytes) else json.dumps(self.document).encode()

    async def post(self, url: str, form: dict[str, str], authorization: str = "") -> tuple[int, bytes]:
        self.asked.append((url, dict(form), authorization))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        return status, body if isinstance(body, bytes) else json.dumps(body).encode()


class Vault:
    """Has one secret."""

    async def resolve(self, reference: str) -> str:
        if reference != "env:SECRET":
            raise SecretUnavailable("no such secret")
        return "p%ss: word"


def flow_of(issuer: Issuer, clock: Clock | None = None, **section: Any) -> DeviceFlow:
    given = {"name": "corp", "issuer": ISSUER, "audience": ["hoop"], "client_id": "gate way", **section}
    return DeviceFlow(IssuerSection.model_validate(given), clock or Clock(), Vault(), issuer)  # type: ignore[arg-type]


def started(*answers: Any, clock: Clock | None = None, **section: Any) -> tuple[Issuer, DeviceFlow, DeviceCode]:
    issuer = Issuer((200, ANSWER), *answers)
    flow = flow_of(issuer, clock, **section)
    return issuer, flow, run_now(flow.start())


def test_a_code_is_asked_for_and_shown() -> None:
    issuer, _, code = started(scope="openid groups")
    assert issuer.asked == [(f"{ISSUER}/device", {"client_id": "gate way", "scope": "openid groups"}, "")]
    assert (code.user_code, code.link, code.seconds, code.interval) == ("ABCD-EFGH", f"{ISSUER}/go", 120.0, 3.0)
    assert code.complete_link == f"{ISSUER}/go?code=ABCD-EFGH" and "secret-code" not in repr(code)


def wait(flow: DeviceFlow, code: DeviceCode, clock: Clock, seconds: float) -> list[Any]:
    """What came of it after so many seconds."""
    found: list[Any] = []
    work = Deferred.fromCoroutine(flow.tokens(code))
    work.addBoth(found.append)
    for _ in range(int(seconds * 2)):
        clock.advance(0.5)
    return found


def test_it_asks_until_somebody_agreed_and_slower_when_told_so() -> None:
    clock = Clock()
    away = IssuerUnavailable("away")
    tokens = (200, {"access_token": JWT, "id_token": "d.e.f"})
    issuer, flow, code = started(PENDING, SLOW, away, (503, b"<html>"), (200, b"[]"), tokens, clock=clock)
    assert wait(flow, code, clock, 3 + 3 + 8 + 13 + 18 + 22.5) == []
    assert len(issuer.asked) == 6
    clock.advance(1)
    assert issuer.asked[-1] == (
        f"{ISSUER}/token",
        {"client_id": "gate way", "grant_type": GRANT, "device_code": "secret-code"},
        "",
    )
    assert issuer.gets == 1, "the discovery document is known for a while"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"access_token": JWT, "id_token": "d.e.f"}, (JWT, "d.e.f")),
        ({"access_token": "opaque", "id_token": "d.e.f"}, ("d.e.f",)),
        ({"access_token": JWT}, (JWT,)),
    ],
)
def test_what_are_jwts_is_given(given: Any, expected: tuple[str, ...]) -> None:
    clock = Clock()
    _, flow, code = started((200, given), clock=clock)
    assert wait(flow, code, clock, 3) == [expected]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((400, {"error": "access_denied"}), "access_denied"),
        ((400, {"error": "expired_token"}), "expired_token"),
        ((400, {"error": ["x"]}), "400"),
        ((200, {"access_token": "opaque"}), "no JWT"),
    ],
)
def test_everything_else_ends_it(answer: Any, why: str) -> None:
    clock = Clock()
    _, flow, code = started(answer, clock=clock)
    found = wait(flow, code, clock, 3)
    assert len(found) == 1 and isinstance(found[0].value, AuthenticationFailed) and why in str(found[0].value)


def test_nobody_comes_and_nothing_goes_on() -> None:
    clock = Clock()
    issuer, flow, code = started(*[PENDING] * 100, clock=clock)
    found = wait(flow, code, clock, 125)
    assert "in time" in str(found[0].value)
    assert len(issuer.asked) == 1 + 39 and not clock.getDelayedCalls()


def test_giving_up_ends_the_timer() -> None:
    clock = Clock()
    _, flow, code = started(PENDING, clock=clock)
    work = Deferred.fromCoroutine(flow.tokens(code))
    work.addErrback(lambda _: None)
    work.cancel()
    assert not clock.getDelayedCalls()


def test_the_clients_secret_goes_where_the_issuer_wants_it() -> None:
    issuer, _, _ = started(client_secret="env:SECRET")
    _, form, authorization = issuer.asked[0]
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"gate+way:p%25ss%3A+word"
    assert "client_secret" not in form
    issuer = Issuer(
        (200, ANSWER), document={**DOCUMENT, "token_endpoint_auth_methods_supported": ["client_secret_post"]}
    )
    run_now(flow_of(issuer, client_secret="env:SECRET").start())
    assert issuer.asked[0][1]["client_secret"] == "p%ss: word" and issuer.asked[0][2] == ""
    with pytest.raises(IssuerUnavailable, match="no such secret"):
        run_now(flow_of(Issuer((200, ANSWER)), client_secret="env:OTHER").start())


@pytest.mark.parametrize(
    "document",
    [
        {**DOCUMENT, "issuer": "https://evil.example"},
        {**DOCUMENT, "token_endpoint": "http://login.example.org/token"},
        {**DOCUMENT, "device_authorization_endpoint": "http://127.0.0.1/device"},
        {"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token"},
        [],
        b"nothing",
    ],
    ids=range(6),
)
def test_I3_only_the_issuers_own_addresses_are_used(document: Any) -> None:
    issuer = Issuer((200, ANSWER), document=document)
    with pytest.raises(IssuerUnavailable):
        run_now(flow_of(issuer).start())
    assert issuer.asked == []


@pytest.mark.parametrize(
    "change",
    [
        {"device_code": None},
        {"user_code": "A\x1b[2J"},
        {"user_code": "x" * 501},
        {"verification_uri": "javascript:alert(1)"},
        {"verification_uri": "http://login.example.org/go"},
        {"verification_uri_complete": "http://evil.example/"},
        {"expires_in": 0},
        {"expires_in": True},
        {"interval": "5"},
        {"interval": 1e9},
    ],
    ids=str,
)
def test_what_cannot_be_shown_or_used_is_refused(change: Any) -> None:
    with pytest.raises(IssuerUnavailable, match="issuer corp"):
        run_now(flow_of(Issuer((200, {**ANSWER, **change}))).start())


def test_numbers_have_bounds() -> None:
    issuer = Issuer((200, {**ANSWER, "expires_in": 99999, "interval": 0.01}))
    code = run_now(flow_of(issuer).start())
    assert (code.seconds, code.interval) == (LONGEST, 1.0)
    least = {name: ANSWER[name] for name in ("device_code", "user_code", "verification_uri")}
    code = run_now(flow_of(Issuer((200, least))).start())
    assert (code.interval, code.complete_link) == (5.0, "")


def test_an_issuer_that_gives_no_code_is_told_why() -> None:
    with pytest.raises(IssuerUnavailable, match="unauthorized_client"):
        run_now(flow_of(Issuer((401, {"error": "unauthorized_client"}))).start())


@given(st.dictionaries(st.sampled_from([*ANSWER, "x"]), st.none() | st.text() | st.floats() | st.lists(st.none())))
def test_a_code_or_issuer_unavailable(changes: dict[str, Any]) -> None:
    body = json.dumps({**ANSWER, **changes}).encode()
    try:
        code = run_now(flow_of(Issuer((200, body))).start())
    except IssuerUnavailable:
        return
    assert code.user_code.isprintable() and 0 < code.seconds <= LONGEST

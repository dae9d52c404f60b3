"""Requests of plain APIs as rules see them."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.http_house import section_of
from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.messages import Framing, RequestHead, ResponseHead
from twisted_hoop.http.plain import PlainDialect
from twisted_hoop.model import ApprovalRequest, Command, Refusal
from twisted_hoop.policy.rules import RulePolicy
from twisted_hoop.settings import RuleSection, Settings
from twisted_hoop.testing.fakes import ALLOWED, DENIED, make_session

DIALECT = PlainDialect(section_of(1), b"k" * 32)


def head(path: bytes = b"/v1/x", method: bytes = b"GET", **more: bytes) -> RequestHead:
    headers = tuple((name.replace("_", "-").encode(), value) for name, value in more.items())
    return RequestHead(method, path, b"", b"API.gw:8443", headers)


def test_facts_are_what_is_sent() -> None:
    reading = DIALECT.read(head(method=b"POST", content_type=b"Application/JSON; charset=utf-8"))
    assert reading.facts == (
        {
            "class": frozenset({"write"}),
            "method": frozenset({"POST"}),
            "path": frozenset({"/v1/x"}),
            "host": frozenset({"api.gw"}),
            "content_type": frozenset({"application/json"}),
        },
    )
    assert DIALECT.read(head()) is DIALECT.read(head()), "so that policy need not look twice"


def test_connections_are_upgraded_to_websockets_only() -> None:
    with pytest.raises(ProtocolError) as caught:
        DIALECT.read(RequestHead(b"GET", b"/v1/x", b"", b"gw", (), upgrade=b"spdy/3.1"))
    assert caught.value.code == "501"


def test_a_websocket_is_a_class_that_rules_must_name() -> None:
    head = RequestHead(b"GET", b"/v1/x", b"", b"gw", (), upgrade=b"websocket")
    assert decided(RuleSection(name="r", effect="allow"), head) == "deny"
    assert decided(RuleSection(name="r", effect="allow", classes=["read", "websocket"]), head) == "allow"
    offering = RequestHead(b"GET", b"/", b"", b"gw", ((b"sec-websocket-extensions", b"x"),), upgrade=b"websocket")
    assert DIALECT.outgoing(offering, DIALECT.read(offering), make_session()).headers == ()


def decided(rule: RuleSection, request: RequestHead) -> str:
    command = Command("x", "x", DIALECT.read(request).facts)
    return RulePolicy(Settings(rules=[rule])).decide(make_session(), command).effect.value


def test_rules_match_method_path_host_and_content_type() -> None:
    rule = RuleSection(
        name="r",
        effect="allow",
        methods=["GET"],
        paths=["/v1/[a-z]+"],
        hosts=["api.gw"],
        content_types=["", "text/plain"],
    )
    assert decided(rule, head()) == decided(rule, head(content_type=b"text/plain")) == "allow"
    for other in (head(b"/v1/x/y"), head(method=b"PUT"), head(content_type=b"application/json")):
        assert decided(rule, other) == "deny"
    assert decided(rule, RequestHead(b"GET", b"/v1/x", b"", b"other", ())) == "deny"


@pytest.mark.parametrize(
    "path",
    [
        b"/a//b",
        b"/a/../b",
        b"/a/./b",
        b"/..",
        b"/%2e%2e/b",
        b"/a%2fb",
        b"/a%2Fb",
        b"/%61",
        b"/a;x=1",
        b"/a\\b",
        b"/%zz",
        b"/%",
    ],
)
def test_K6_what_servers_read_in_different_ways_is_refused(path: bytes) -> None:
    """K6."""
    with pytest.raises(ProtocolError):
        DIALECT.read(head(path))


def test_what_is_canonical_passes() -> None:
    for path in (b"/", b"/a/", b"/a.b/c..d", b"/%20%C3%A9", b"/a:b@c,d=e&f"):
        DIALECT.read(head(path))


@given(st.from_regex(rb"/[!-~]{0,30}", fullmatch=True))
def test_any_path_is_read_or_refused(path: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        assert DIALECT.read(head(path)).facts[0]["path"] == {path.decode()}


def test_K2_what_only_proxies_say_is_not_passed_on() -> None:
    """K2."""
    sent = DIALECT.outgoing(
        head(impersonate_user=b"root", x_remote_user=b"root", x_forwarded_for=b"1", forwarded=b"x", accept=b"*/*"),
        DIALECT.read(head()),
        make_session(),
    )
    assert sent.headers == ((b"accept", b"*/*"),)


@pytest.mark.parametrize(
    "name", ["x_forwarded_for", "X-Forwarded-Prefix", "x-original-url", "X-Rewrite-URL", "x-remote-user", "forwarded"]
)
def test_K2_neither_by_another_spelling_nor_about_another_path(name: str) -> None:
    """K2, K6: `X_Remote_User` is `X-Remote-User` behind WSGI, and some take `X-Original-URL` for the path."""
    for spelled in (name, name.replace("-", "_")):
        request = RequestHead(b"GET", b"/v1/x", b"", b"gw", ((spelled.lower().encode(), b"/admin"), (b"a", b"b")))
        assert DIALECT.outgoing(request, DIALECT.read(request), make_session()).headers == ((b"a", b"b"),)


@pytest.mark.parametrize("name", [b"x-api-key", b"x_api_key"])
def test_K2_a_client_shows_no_credential_in_the_place_of_the_gateways(name: bytes) -> None:
    """K2: of two headers of one name many targets take the first, and it would be the client's."""
    dialect = PlainDialect(section_of(1, credential="header", header="X-Api-Key"), b"k" * 32)
    request = RequestHead(b"GET", b"/v1/x", b"", b"gw", ((name, b"mine"),))
    assert dialect.outgoing(request, dialect.read(request), make_session()).headers == ()


@pytest.mark.parametrize("name", [b"x-http-method-override", b"x-http-method", b"x-method-override"])
def test_K5_the_method_is_what_is_judged(name: bytes) -> None:
    """K5: a POST that many frameworks take for a DELETE, when a header or the query says so."""
    for spelled in (name, name.replace(b"-", b"_")):
        with pytest.raises(ProtocolError, match="overridden"):
            DIALECT.read(RequestHead(b"POST", b"/v1/x", b"", b"gw", ((spelled, b"DELETE"),)))
    for query in (b"_method=DELETE", b"a=b&%5Fmethod=delete"):
        with pytest.raises(ProtocolError, match="overridden"):
            DIALECT.read(RequestHead(b"POST", b"/v1/x", query, b"gw", ()))
    DIALECT.read(RequestHead(b"POST", b"/v1/x", b"method=DELETE&x_method=1", b"gw", ((b"x-method-name", b"a"),)))


def test_K13_tokens_in_a_query_are_not_shown() -> None:
    """K13."""
    request = RequestHead(b"GET", b"/a", b"x=1&access_token=abc&token=def&y=2", b"gw", ())
    text = DIALECT.read(request).text
    assert "abc" not in text and "def" not in text and "x=1" in text and "y=2" in text
    assert DIALECT.outgoing(request, DIALECT.read(request), make_session()).query == request.query


@pytest.mark.parametrize(
    "name",
    [
        *(
            "access_token",
            "ACCESS-TOKEN",
            "id%5Ftoken",
            "client_secret",
            "X-Amz-Signature",
            "X-Amz-Security-Token",
            "sig",
        ),
        *(
            "api.key",
            "apikey",
            "password",
            "new_passwd",
            "client_assertion",
            "tokens[]",
            "Token",
            "SAMLResponse",
            "%73ig",
        ),
    ],
)
def test_K13_credentials_by_every_name(name: str) -> None:
    """K13: of clouds, of OAuth and SAML, in any case, with parts of the name encoded."""
    query = f"{name}=hunter2&x=1"
    assert "hunter2" not in DIALECT.read(RequestHead(b"GET", b"/a", query.encode(), b"gw", ())).text


def test_K13_words_that_are_no_credentials_are_shown() -> None:
    """A3: approvers see what there is to see."""
    query = b"code=EUR&key=a&design=b&monkey=c&passenger=d&tokenize=e&signal=f&secretary="
    reading = DIALECT.read(RequestHead(b"POST", b"/a", query, b"gw", ()))
    assert query.decode() in reading.text and not reading.unseen


def test_a4_what_is_not_shown_is_agreed_to_all_the_same() -> None:
    """A4: `?token=to-bob` and `?token=to-mallory` look the same to people: the digest tells them apart, and nothing
    else, as it has a key; so with what masks hide in path and query."""
    one, two, again = (
        DIALECT.read(RequestHead(b"POST", b"/a", query, b"gw", ()))
        for query in (b"token=bob", b"token=eve", b"token=bob")
    )
    assert one.text == two.text and one.unseen and one.unseen != two.unseen and one.unseen == again.unseen
    other = PlainDialect(section_of(1), b"another key".ljust(32))
    assert other.read(RequestHead(b"POST", b"/a", b"token=bob", b"gw", ())).unseen != one.unseen


def test_a_refusal_is_a_problem() -> None:
    answer = DIALECT.refusal(
        head(), Refusal(Command("x", "x"), DENIED, "pending", "wait", "later", "r1"), make_session(), "q"
    )
    told = json.loads(answer.body)
    assert (told["status"], told["approval"], told["rule"], told["request"]) == (403, "r1", "test: deny", "q")
    assert json.loads(DIALECT.failure(None, 502, "gone", "q").body)["detail"] == "gone"
    assert DIALECT.told(ApprovalRequest("r1", "", "", 0.0), ALLOWED, None) == ((b"x-hoop-approval", b"r1"),)


def test_nothing_is_filtered_without_masks() -> None:
    reading = DIALECT.read(head())
    assert DIALECT.with_body(head(), reading, b"x") is reading
    assert DIALECT.request_body(head(), reading, ()) is None
    assert DIALECT.response_body(head(), reading, ResponseHead(200, b"", (), Framing.LENGTH, 3), ()) is None

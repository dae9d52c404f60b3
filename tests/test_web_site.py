"""The API over real HTTP: bounds, headers, errors."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from tests.support.api import Api, listening_api
from tests.support.approvals import Office
from tests.support.loop import Loop
from twisted_hoop.demo.certificates import issue, make_ca
from twisted_hoop.web import site
from twisted_hoop.web.dispatch import Dispatcher
from twisted_hoop.web.site import IDLE, MAX_BODY, MAX_SAML, site_of


def raw(api: Api, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", api.port), 10) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        return received


def test_every_answer_has_the_headers(api: Api) -> None:
    for path in ("/healthz", "/nowhere", "/v1/whoami"):
        answer = api.ask("GET", path)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert len(answer.headers["x-request-id"]) == 16
        assert "twisted" not in answer.headers["server"].lower()
        assert "strict-transport-security" not in answer.headers


def test_over_tls(office: Office, loop: Loop, tmp_path: Path) -> None:
    certificate, key = issue(tmp_path / "ca", ["127.0.0.1"])
    tls = (make_ca(tmp_path / "ca"), certificate, key)
    with listening_api(office, loop, tmp_path / "state", tls) as api:
        answer = api.ask("GET", "/v1/whoami", "alice")
        assert answer.status == 200 and answer.headers["strict-transport-security"]
        assert api.ask("GET", "/v1/whoami", "alice", headers={"X-Forwarded-For": "192.0.2.1"}).status == 200


def test_bodies_are_bounded(api: Api) -> None:
    path = "/v1/approvals/aaaaaaaaaaaa/deny"
    fits = {"comment": "x" * 2000}
    assert api.ask("POST", path, "bob", fits).status == 404
    head = b"POST " + path.encode() + b" HTTP/1.1\r\nHost: x\r\n"
    assert raw(api, head + b"Content-Length: %d\r\n\r\n" % (MAX_BODY + 1)).startswith(b"HTTP/1.1 413")
    assert raw(api, head + b"Content-Length: 99999999999999\r\n\r\n").startswith(b"HTTP/1.1 413")
    chunks = b"".join(b"%x\r\n%s\r\n" % (8000, b"x" * 8000) for _ in range(9))
    assert raw(api, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n").startswith(b"HTTP/1.1 413")
    assert api.ask("GET", "/healthz").status == 200


@pytest.mark.parametrize(
    "request_line",
    [b"OPTIONS * HTTP/1.1", b"GET http://other/v1/whoami HTTP/1.1", b"GET // HTTP/1.1", b"BREW /v1 HTTP/1.1"],
)
def test_odd_requests_are_answered_and_give_nothing(api: Api, request_line: bytes) -> None:
    answer = raw(api, request_line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 ") and b"Traceback" not in answer and b"issuer" not in answer


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from([b"GET", b"POST", b"PUT", b"HEAD", b"DELETE", b"OPTIONS", b"X"]),
    st.binary(max_size=60),
    st.binary(max_size=60),
)
def test_nothing_a_client_sends_is_an_internal_error(api: Api, method: bytes, path: bytes, body: bytes) -> None:
    head = b"%s /%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n" % (method, path, len(body))
    answer = raw(api, head + b"Content-Type: application/json\r\n\r\n" + body)
    assert b" 500 " not in answer.split(b"\r\n")[0]


def test_a_client_that_leaves_harms_nobody(office: Office, loop: Loop, tmp_path: Path) -> None:
    """R15."""
    with listening_api(office, loop, tmp_path / "state") as api:
        for _ in range(5):
            connection = socket.create_connection(("127.0.0.1", api.port))
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            connection.close()
        assert api.ask("GET", "/healthz").status == 200


def test_parts_can_be_replaced_but_not_changed(api: Api) -> None:
    assert replace(api.parts, operators=frozenset()) != api.parts
    with pytest.raises(AttributeError):
        api.parts.operators = frozenset()  # type: ignore[misc]


def channel_on(clock: Clock, api: Api) -> tuple[Any, StringTransport]:
    """A connection to the API whose time is the clock's."""
    channel = site_of(Dispatcher(api.parts, api.loop.reactor), clock).buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
    transport = StringTransport()
    channel.makeConnection(transport)
    return channel, transport


def test_K15_a_byte_now_and_then_is_no_sign_of_life(api: Api) -> None:
    """K15: a request that never becomes whole ends in time, in its head or its body; one that is whole begins anew."""
    for head in (b"GET /healthz HTTP/1.1\r\nX: ", b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"):
        clock = Clock()
        channel, transport = channel_on(clock, api)
        clock.advance(IDLE * 0.9)
        channel.dataReceived(head)  # the first byte begins the time anew
        for _ in range(9):
            assert not transport.disconnecting
            clock.advance(IDLE / 9)
            channel.dataReceived(b"x")
        assert transport.disconnecting
        channel.connectionLost(Failure(ConnectionDone()))


def test_there_are_only_so_many_connections(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """K15, R15: what connects and says nothing takes no descriptors from sessions without end."""
    monkeypatch.setattr(site, "CONNECTIONS", 2)
    clock, address = Clock(), IPv4Address("TCP", "127.0.0.1", 1)
    made = site_of(Dispatcher(api.parts, api.loop.reactor), clock)
    channels = [made.buildProtocol(address) for _ in range(2)]
    for channel in channels:
        channel.makeConnection(StringTransport())
    assert made.buildProtocol(address) is None
    channels[0].connectionLost(Failure(ConnectionDone()))
    assert made.buildProtocol(address) is not None


def test_I6_answers_of_saml_providers_may_be_larger_and_nothing_else(api: Api) -> None:
    """I6: by the path alone, up to a cap of its own."""
    for path, longest in ((b"/saml/corp/acs", MAX_SAML), (b"/saml/corp/acs/x", MAX_BODY), (b"/saml/token", MAX_BODY)):
        head = b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
        assert raw(api, head % (path, longest + 1)).startswith(b"HTTP/1.1 413")
        assert not raw(api, head % (path, longest) + b"x" * longest).startswith(b"HTTP/1.1 413")

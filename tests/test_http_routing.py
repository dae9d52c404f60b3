"""Which target is meant, and the credential that is shown."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import AuthenticationFailed, ProtocolError
from twisted_hoop.http.reading import Heads, Request
from twisted_hoop.http.routing import BEARER_PROTOCOL, by_path, credential_of, plain_host


def request(*headers: bytes, path: bytes = b"/") -> Request:
    return Heads().request(b"\r\n".join([b"GET " + path + b" HTTP/1.1", b"Host: a", *headers]))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (b"/prod/api/v1", ("prod", b"/api/v1")),
        (b"/prod", ("prod", b"/")),
        (b"/prod/", ("prod", b"/")),
        (b"/pr%6fd/api", None),
        (b"//prod/api", None),
        (b"/Prod/api", None),
        (b"/", None),
    ],
)
def test_the_first_segment_names_the_target(path: bytes, expected: tuple[str, bytes] | None) -> None:
    found = by_path(request(path=path).head)
    assert (None if found is None else (found[0], found[1].path)) == expected


def test_a_host_is_compared_without_port_and_case() -> None:
    assert [plain_host(h) for h in (b"A.b:1", b"a.b.", b"[::1]:8", b"")] == ["a.b", "a.b", "::1", ""]


def test_a_bearer_token_is_shown() -> None:
    assert credential_of(request(b"Authorization: bearer  abc"))[0] == "abc"
    for shown in (b"X: 1", b"Authorization: Basic abc", b"Authorization: Bearer", b"Authorization: Bearer \xff"):
        with pytest.raises(AuthenticationFailed):
            credential_of(request(shown))


def upgraded(*protocols: bytes) -> Request:
    offered = b", ".join(protocols)
    return request(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Protocol: " + offered)


def test_K13_a_token_among_the_subprotocols_is_taken_out() -> None:
    """K13."""
    token = BEARER_PROTOCOL + base64.urlsafe_b64encode(b"abc").rstrip(b"=")
    credential, rest = credential_of(upgraded(b"v5.channel.k8s.io", token))
    assert credential == "abc" and rest.head.values(b"sec-websocket-protocol") == [b"v5.channel.k8s.io"]
    credential, rest = credential_of(upgraded(token))
    assert credential == "abc" and rest.head.values(b"sec-websocket-protocol") == []


@given(st.binary(max_size=40).map(lambda b: b.hex().encode()) | st.text("ab=-_!", max_size=20).map(str.encode))
def test_K13_any_token_there_is_a_credential_or_refused(text: bytes) -> None:
    """K13."""
    try:
        credential, rest = credential_of(upgraded(b"v5", BEARER_PROTOCOL + text))
    except (AuthenticationFailed, ProtocolError):
        return
    assert credential and BEARER_PROTOCOL not in rest.head.value(b"sec-websocket-protocol")

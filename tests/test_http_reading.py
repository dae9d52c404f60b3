"""Heads of messages, against llhttp: what is read here is read the same way there, and what is doubtful is refused."""

from __future__ import annotations

import contextlib
from typing import Any

import httptools
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.messages import Framing
from twisted_hoop.http.reading import MAX_HEADERS, Heads, Request


def read(text: str) -> Request:
    return Heads().request(text.replace("\n", "\r\n").encode("latin-1"))


def test_a_request_is_read() -> None:
    found = read("GET /v1/a?b=c&d HTTP/1.1\nHost: gw:1\nAccept:  text/plain \nX: 1\nx: 2\nContent-Length: 12")
    head = found.head
    assert (head.method, head.path, head.query, head.host) == (b"GET", b"/v1/a", b"b=c&d", b"gw:1")
    assert head.headers == ((b"accept", b"text/plain"), (b"x", b"1"), (b"x", b"2"))
    assert (head.framing, head.length, found.keep_alive, found.minor) == (Framing.LENGTH, 12, True, 1)
    assert head.values(b"x") == [b"1", b"2"] and head.value(b"none") == b""


def test_what_is_for_the_gateway_is_not_among_the_headers() -> None:
    found = read(
        "GET / HTTP/1.1\nHost: a\nAuthorization: Bearer secret\nX-Hoop-Reason: because\nProxy-Foo: x\nTE: trailers"
    )
    assert found.head.headers == () and found.authorization == b"Bearer secret" and found.reason == b"because"
    assert "secret" not in repr(found)


def test_an_upgrade_needs_both_headers_and_a_known_protocol() -> None:
    for upgrade, connection, expected in (
        ("WebSocket", "keep-alive, Upgrade", b"websocket"),
        ("SPDY/3.1", "upgrade", b"spdy/3.1"),
        ("h2c", "Upgrade, HTTP2-Settings", b""),
        ("websocket", "keep-alive", b""),
    ):
        found = read(f"GET / HTTP/1.1\nHost: a\nUpgrade: {upgrade}\nConnection: {connection}\nHTTP2-Settings: AAMA")
        assert found.head.upgrade == expected and found.head.headers == ()


def test_what_connection_names_goes_no_further() -> None:
    found = read("GET / HTTP/1.1\nHost: a\nConnection: close, X-Hop\nX-Hop: 1\nX-Other: 2")
    assert found.head.headers == ((b"x-other", b"2"),) and not found.keep_alive


@pytest.mark.parametrize("name", ["Impersonate-User", "authorization", "X-Remote-Group", "Content-Length", "Host"])
def test_K1_connection_may_not_name_what_others_set(name: str) -> None:
    """K1: CVE-2021-31999."""
    with pytest.raises(ProtocolError, match="K1"):
        read(f"GET / HTTP/1.1\nHost: a\nConnection: {name}\nContent-Length: 0")


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("GET / HTTP/2.0\nHost: a", "505"),
        ("GET http://other/ HTTP/1.1\nHost: a", "08P01"),
        ("OPTIONS * HTTP/1.1\nHost: a", "08P01"),
        ("CONNECT a:1 HTTP/1.1\nHost: a", "08P01"),
        ("GET /a b HTTP/1.1\nHost: a", "08P01"),
        ("GET /\xe9 HTTP/1.1\nHost: a", "08P01"),
        ("GET /a#b HTTP/1.1\nHost: a", "08P01"),
        ("get / HTTP/1.1\nHost: a", "08P01"),
        ("GET / HTTP/1.1", "08P01"),
        ("GET / HTTP/1.1\nHost: a\nHost: a", "08P01"),
        ("GET / HTTP/1.1\nHost: a b", "08P01"),
        ("GET / HTTP/1.1\nHost: a\nExpect: tea", "417"),
        ("GET / HTTP/1.1\nHost: a\nTransfer-Encoding: gzip, chunked", "501"),
        ("GET / HTTP/1.1\nHost: a\nAuthorization: a\nAuthorization: b", "08P01"),
        ("GET / HTTP/1.1\nHost: a\n" + "x: y\n" * MAX_HEADERS + "z: z", "431"),
    ],
)
def test_what_is_doubtful_is_refused(text: str, status: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        read(text)
    assert caught.value.code == status


def test_an_answer_is_read() -> None:
    found = Heads().response(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-A: b", b"GET")
    assert (found.head.status, found.head.framing, found.head.length) == (200, Framing.LENGTH, 3) and found.keep_alive
    assert Heads().response(b"HTTP/1.1 200", b"GET").head.framing is Framing.CLOSE
    for head, method in (
        (b"HTTP/1.1 200 OK\r\nContent-Length: 3", b"HEAD"),
        (b"HTTP/1.1 304 x\r\nContent-Length: 3", b"GET"),
    ):
        none = Heads().response(head, method)
        assert none.head.framing is Framing.NONE and none.declared == 3
    old = Heads().response(b"HTTP/1.0 200 OK\r\nContent-Length: 3", b"GET")
    assert not old.keep_alive
    for bad in (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked", b"ICY 200 OK", b"HTTP/1.1 99 x"):
        with pytest.raises(ProtocolError) as caught:
            Heads().response(bad, b"GET")
        assert caught.value.side == "target"


class _Oracle:
    """What llhttp reads."""

    def __init__(self) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.url = b""
        self.whole = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.whole = True


_words = st.sampled_from([
    b"GET", b"POST", b" ", b"/", b"/a", b"?q", b"HTTP/1.1", b"HTTP/1.0", b"\r\n", b"\n", b"\r", b"Host", b": ", b":",
    b"a",
    b"Content-Length", b"Transfer-Encoding", b"chunked", b"5", b"0", b"\t", b"\0", b"Connection", b"close", b"Upgrade",
    b"websocket", b"X-A", b"\xff", b",", b"-", b"+5", b"Host: a\r\n", b"GET / HTTP/1.1\r\nHost: a\r\n",
])  # fmt: skip


@given(st.lists(_words, max_size=24).map(b"".join) | st.binary(max_size=200))
@example(b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked")
@example(b"GET / HTTP/1.1\r\nHost : a")
@example(b"GET / HTTP/1.1\r\nHost: a\r\n folded: b")
def test_K7_any_bytes_are_refused_or_read_as_llhttp_reads_them(head: bytes) -> None:
    """K7: two readers of one head never come to two requests."""
    head = head.replace(b"\r\n\r\n", b"\r\n")
    try:
        found = Heads().request(head)
    except ProtocolError:
        return
    oracle = _Oracle()
    parser: Any = httptools.HttpRequestParser(oracle)
    with contextlib.suppress(httptools.HttpParserUpgrade):
        parser.feed_data(head + b"\r\n\r\n")
    assert oracle.whole and parser.get_method() == found.head.method
    assert oracle.url == found.head.path + (b"?" + found.head.query if b"?" in oracle.url else b"")
    assert [pair for pair in oracle.headers if pair in found.head.headers] == list(found.head.headers)
    lengths = [value for name, value in oracle.headers if name == b"content-length"]
    assert (found.head.framing is Framing.LENGTH) == bool(lengths)
    assert not lengths or int(lengths[0]) == found.head.length


@given(st.binary(max_size=200), st.sampled_from([b"GET", b"HEAD"]))
def test_any_answer_is_read_or_refused(head: bytes, method: bytes) -> None:
    try:
        Heads().response(b"HTTP/1.1 " + head, method)
    except ProtocolError as error:
        assert error.side == "target"


def test_K10_lines_that_are_remembered_have_an_end() -> None:
    """K10."""
    heads = Heads()
    for number in range(2000):
        heads.request(b"GET / HTTP/1.1\r\nHost: a\r\nX-N: %d\r\nY: " % number + b"y" * 5000)
    assert len(heads._known) <= 64 and max(map(len, heads._known)) <= 2048


def test_a_head_that_comes_again_is_not_read_again() -> None:
    """The same octets are the same request; a few short heads are kept, and never what was refused."""
    heads = Heads()
    first = heads.request(b"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x")
    assert heads.request(b"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x") is first
    other = heads.request(b"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer y")
    assert other is not first and other.authorization == b"Bearer y"
    for number in range(20):
        heads.request(b"GET /%d HTTP/1.1\r\nHost: a" % number)
    assert heads.request(b"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x") == first
    long = b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 4096
    assert heads.request(long) is not heads.request(long)
    for _ in range(2):
        with pytest.raises(ProtocolError):
            heads.request(b"GET /a HTTP/1.1\r\nHost: a\r\nHost: b")

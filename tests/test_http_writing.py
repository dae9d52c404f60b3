"""Messages are written anew, and what is the engine's is not a dialect's to send."""

from __future__ import annotations

import pytest

from twisted_hoop.http.messages import Answer, Framing, RequestHead, ResponseHead
from twisted_hoop.http.reading import Heads
from twisted_hoop.http.writing import answer_bytes, chunk, request_start, response_start


def head(*headers: tuple[bytes, bytes], upgrade: bytes = b"", method: bytes = b"GET") -> RequestHead:
    return RequestHead(method, b"/a", b"b=c", b"gw", headers, upgrade=upgrade)


def test_a_request_can_be_read_again() -> None:
    start = request_start(head((b"accept", b"*/*"), method=b"PUT"), b"target:1", Framing.LENGTH, 5)
    found = Heads().request(start.lines[:-2]).head
    assert (found.method, found.path, found.query, found.host) == (b"PUT", b"/a", b"b=c", b"target:1")
    assert found.headers == ((b"accept", b"*/*"),) and found.length == 5
    assert b"SPDY/3.1" in request_start(head(upgrade=b"spdy/3.1"), b"t", Framing.NONE, 0).lines
    assert b"chunked" in request_start(head(), b"t", Framing.CHUNKED, 0).lines


def test_only_what_changes_nothing_may_be_sent_twice() -> None:
    assert request_start(head(), b"t", Framing.NONE, 0).replayable
    assert not request_start(head(method=b"DELETE"), b"t", Framing.NONE, 0).replayable
    assert not request_start(head(), b"t", Framing.LENGTH, 1).replayable


@pytest.mark.parametrize("name", [b"authorization", b"connection", b"proxy-authorization", b"host", b"content-length"])
def test_K1_headers_of_the_engine_are_not_sent_by_a_dialect(name: bytes) -> None:
    """K1, asserted before sending."""
    with pytest.raises(ValueError, match="engine"):
        request_start(head((name, b"x")), b"t", Framing.NONE, 0)


def test_an_answer_says_how_it_ends() -> None:
    made = ResponseHead(200, b"OK", ((b"x", b"y"),))
    assert response_start(made, (), Framing.CHUNKED, 0, False).endswith(b"transfer-encoding: chunked\r\n\r\n")
    assert b"content-length: 7\r\nconnection: close" in response_start(made, (), Framing.LENGTH, 7, True)
    assert b"content-length" not in response_start(made, (), Framing.NONE, -1, False)
    upgraded = response_start(ResponseHead(101, b"", (), upgrade=b"websocket"), (), Framing.NONE, -1, True)
    assert b"connection: Upgrade\r\nupgrade: websocket" in upgraded


def test_answers_of_our_own_have_no_body_for_head() -> None:
    answer = Answer(403, b"{}")
    assert answer_bytes(answer, close=False).startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert answer_bytes(answer, close=False, method=b"HEAD").endswith(b"content-length: 2\r\n\r\n")
    assert chunk(b"") == b"" and chunk(b"abc") == b"3\r\nabc\r\n"

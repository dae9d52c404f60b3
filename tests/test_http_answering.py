"""The answer's side alone: how a client is told where it ends, and whether the connection may be used again."""

from __future__ import annotations

import pytest

from tests.test_http_exchange import Bench

CASES = [
    (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", b"content-length: 2\r\n\r\nok", True),
    (
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"content-length: 2\r\n\r\nok",
        True,
    ),
    (b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 204 No Content\r\n\r\n", True),
    (b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", b"content-length: 5\r\n\r\n", True),
    (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", b"\r\n\r\nok", False),
    (b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", b"\r\n\r\nok", False),
    (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n", b"\r\n\r\nok", False),
]


@pytest.mark.parametrize(("wire", "end", "reusable"), CASES)
def test_an_answer_that_comes_at_once(wire: bytes, end: bytes, reusable: bool) -> None:
    """K8: a connection with bytes behind the answer is not used again."""
    bench = Bench()
    bench.begin()
    bench.target(wire)
    assert bench.told.endswith(end) and bench.exchange.finished and bench.exchange.reusable is reusable


def test_head_has_a_length_and_no_body() -> None:
    bench = Bench("HEAD /a HTTP/1.1\nHost: gw")
    bench.begin()
    bench.target(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n")
    assert bench.told.endswith(b"content-length: 50\r\n\r\n") and bench.exchange.reusable


def test_an_answer_in_parts_is_passed_in_parts() -> None:
    bench = Bench()
    bench.begin()
    bench.target(b"HTTP/1.1 200 OK\r\ntransfer-enco")
    assert bench.told == b""
    bench.target(b"ding: chunked\r\n\r\n")
    assert bench.told.endswith(b"transfer-encoding: chunked\r\n\r\n"), "an idle watch shows its head at once"
    bench.target(b"3\r\nab")
    bench.target(b"c\r\n0\r\n\r\n")
    assert bench.told.endswith(b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n") and bench.exchange.reusable


def test_an_endless_head_is_a_fault() -> None:
    """K9, the target's side."""
    bench = Bench()
    bench.begin()
    bench.target(b"HTTP/1.1 200 OK\r\nx: ")
    for _ in range(20):
        bench.target(b"y" * 65536)
    assert bench.told.startswith(b"HTTP/1.1 502")


def test_a_target_that_speaks_first_is_a_fault() -> None:
    review = Bench("PUT /a HTTP/1.1\nHost: gw\nContent-Length: 3")
    review.dialect.wants = 3
    review.begin()
    review.target(b"HTTP/1.1 200 OK\r\n\r\n")
    assert review.told.startswith(b"HTTP/1.1 502")

"""Attacks on the HTTP engine, on real sockets: K4, K7, K8, K10. Others are with the module they are made against."""

from __future__ import annotations

import pytest

from tests.support.http_house import RawTarget, Wire, get, http_house, ok, replies, wait_until
from tests.support.loop import Loop

AUTH = b"Host: gw\r\nAuthorization: Bearer token-of-alice\r\n"
SMUGGLED = b"GET /orders/admin HTTP/1.1\r\n" + AUTH + b"\r\n"

_POST = b"POST /orders/a HTTP/1.1\r\n" + AUTH

CORPUS = {
    "CL.TE": b"POST /orders/a HTTP/1.1\r\n"
    + AUTH
    + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "TE.CL": b"POST /orders/a HTTP/1.1\r\n"
    + AUTH
    + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n1\r\na\r\n0\r\n\r\n",
    "two lengths": _POST + b"Content-Length: 0\r\nContent-Length: 44\r\n\r\n",
    "equal lengths": _POST + b"Content-Length: 0\r\nContent-Length: 0\r\n\r\n",
    "length list": _POST + b"Content-Length: 0, 0\r\n\r\n",
    "signed length": _POST + b"Content-Length: +0\r\n\r\n",
    "space before colon": _POST + b"Content-Length : 44\r\n\r\n",
    "obs-fold": _POST + b"X: a\r\n Content-Length: 44\r\n\r\n",
    "bare LF": b"GET /orders/a HTTP/1.1\n" + AUTH.replace(b"\r\n", b"\n") + b"\r\n\r\n",
    "bare LF in a value": b"GET /orders/a HTTP/1.1\r\n" + AUTH + b"X: a\nTransfer-Encoding: chunked\r\n\r\n",
    "bare CR": b"GET /orders/a HTTP/1.1\r\n" + AUTH + b"X: a\rY: b\r\n\r\n",
    "NUL": b"GET /orders/a HTTP/1.1\r\n" + AUTH + b"X: a\0b\r\n\r\n",
    "odd coding": _POST + b"Transfer-Encoding: xchunked\r\n\r\n",
    "coding with a tab": _POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n",
    "coding twice": _POST + b"Transfer-Encoding: chunked\r\n" * 2 + b"\r\n",
    "coding of 1.0": b"POST /orders/a HTTP/1.0\r\n" + AUTH + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "space in the target": b"GET /orders/a HTTP/1.1\r\nX: HTTP/1.1\r\n".replace(b"a H", b"a b H") + AUTH + b"\r\n",
    "absolute form": b"GET http://other/orders/a HTTP/1.1\r\n" + AUTH + b"\r\n",
    "empty line first": b"\r\nGET /orders/a HTTP/1.1\r\n" + AUTH + b"\r\n",
    "h2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("name", CORPUS)
def test_K7_what_can_be_read_twice_is_refused_and_nothing_behind_it_is_read(loop: Loop, name: str) -> None:
    """K7: CVE-2020-10108, CVE-2022-24801 and their kin."""
    with http_house(loop, replies(ok())) as house:
        wire = house.connect()
        wire.send(CORPUS[name] + SMUGGLED)
        assert wire.answer().status in (400, 501, 505)
        assert wire.all() == b"" and house.target.heads == []


@pytest.mark.parametrize("chunks", [b"3\nabc\n0\n\n", b"0x3\r\nabc\r\n0\r\n\r\n", b"3\r\nabcX\r\n0\r\n\r\n", b"-1\r\n"])
def test_K7_bad_chunks_end_the_request_and_what_follows_is_not_one(loop: Loop, chunks: bytes) -> None:
    """K7: what was sent of it is cut off at the target."""
    with http_house(loop, replies(ok())) as house:
        wire = house.connect()
        wire.send(_POST + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + SMUGGLED)
        assert wire.answer().status == 400
        assert not any(b"admin" in head for head in house.target.heads)
        wire.close()
        assert loop.run(lambda: house.hall.pool.idle) == 0


def test_K7_what_is_sent_is_written_anew(loop: Loop) -> None:
    """K7: extensions, trailers, spellings and order of the client's framing reach nobody."""
    request = _POST + b"tRaNsFeR-eNcOdInG: CHUNKED\r\nTE: trailers\r\n\r\n"
    with http_house(loop, replies(ok())) as house:
        wire = house.connect()
        wire.send(request + b"3;x=y\r\nabc\r\n0\r\nX-Trailer: 1\r\n\r\n")
        assert wire.answer().status == 200
        head = house.target.heads[0]
        assert b"tRaNs" not in head and b"\r\nte:" not in head.lower() and house.target.bodies == [b"abc"]
        wire.close()


def test_K7_a_target_cannot_smuggle_an_answer(loop: Loop) -> None:
    """K7: an answer that can be read in two ways is none."""
    both = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    with http_house(loop, replies(both + ok(b"for somebody else"))) as house:
        assert house.ask(get("/orders/a")).status == 502
        assert loop.run(lambda: house.hall.pool.idle) == 0


def test_K8_an_answer_nobody_asked_for_reaches_nobody(loop: Loop) -> None:
    """K8: CVE-2023-46137."""
    with http_house(loop, replies(ok(b"first") + ok(b"stolen"), ok(b"second"))) as house:
        assert house.ask(get("/orders/a")).body == b"first"
        assert house.ask(get("/orders/b")).body == b"second"
        assert house.target.connections == 2


def test_K8_one_request_is_in_flight_on_each_connection(loop: Loop) -> None:
    """K8: two clients at once have two connections, and each its own answer."""

    def serve(target: RawTarget, wire: Wire) -> None:
        while head := target.request(wire):
            wait_until(lambda: len(target.heads) >= 2)
            wire.send(ok(head.split(b" ")[1]))

    with http_house(loop, serve) as house:
        wires = [house.connect(), house.connect()]
        for number, wire in enumerate(wires):
            wire.send(get(f"/orders/{number}"))
        assert [wire.answer().body for wire in wires] == [b"/0", b"/1"] and house.target.connections == 2
        for wire in wires:
            wire.close()


def test_K4_a_redirect_is_an_answer_and_is_not_followed(loop: Loop) -> None:
    """K4: CVE-2020-8559."""
    evil = RawTarget(replies(ok()))
    answer = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/\r\nContent-Length: 0\r\n\r\n" % evil.port
    with http_house(loop, replies(answer)) as house:
        told = house.ask(get("/orders/a"))
        assert told.status == 302 and evil.connections == 0
    evil.stop()


def test_K10_an_endless_answer_passes_in_bounded_memory(loop: Loop) -> None:
    """K10: 200 MB through a gateway that never has more than a little of it."""
    size = 200 * 1024 * 1024

    def serve(target: RawTarget, wire: Wire) -> None:
        target.request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        piece = b"x" * 1024 * 1024
        for _ in range(200):
            wire.send(piece)

    with http_house(loop, serve) as house:
        wire = house.connect()
        wire.send(get("/orders/list"))
        assert wire.until(b"\r\n\r\n")
        most, left = 0, size
        while left > 0:
            left -= wire.skip(min(left, 20 * 1024 * 1024))
            most = max(most, *(c.transport._outbox.size for c in list(house.factory._connections)), 0)
        assert most < 1024 * 1024
        wire.close()

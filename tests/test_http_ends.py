"""The target's end of an exchange: nothing is collected without an end, in either direction."""

from __future__ import annotations

import threading

from tests.support.http_house import RawTarget, Wire, get, http_house, ok, wait_until
from tests.support.loop import Loop
from twisted_hoop.http.ends import MOST_WAITING

MEGABYTE = 1024 * 1024


def test_a_large_body_goes_in_whole(loop: Loop) -> None:
    def serve(target: RawTarget, wire: Wire) -> None:
        while target.request(wire):
            wire.send(ok())

    body = bytes(range(256)) * 20_000
    with http_house(loop, serve) as house:
        assert house.ask(get("/orders/a", method="PUT", body=body)).status == 200
        assert house.target.bodies == [body] and len(body) > MOST_WAITING


def test_K10_a_target_that_takes_nothing_slows_its_client_down(loop: Loop) -> None:
    """K10: what is sent stays in the client, and arrives when the target goes on."""
    go = threading.Event()

    def serve(target: RawTarget, wire: Wire) -> None:
        wire.until(b"\r\n\r\n")
        assert go.wait(30)
        target.bodies.append(b"%d" % wire.skip(64 * MEGABYTE))
        wire.send(ok())

    with http_house(loop, serve) as house:
        wire = house.connect()
        wire.send(get("/orders/a", f"Content-Length: {64 * MEGABYTE}", method="PUT"))
        sent = [0]

        def send() -> None:
            piece = b"x" * MEGABYTE
            for _ in range(64):
                wire.send(piece)
                sent[0] += 1

        sender = threading.Thread(target=send)
        sender.start()
        wait_until(lambda: house.target.connections)
        before = -1
        while sent[0] != before:  # until it stands still
            before = sent[0]
            threading.Event().wait(0.3)
        assert sent[0] < 40, "most of it is still in the client"
        go.set()
        sender.join(30)
        assert wire.answer().status == 200 and house.target.bodies == [b"%d" % (64 * MEGABYTE)]
        wire.close()


def test_K10_a_client_that_takes_nothing_slows_its_target_down(loop: Loop) -> None:
    """K10."""
    sent = [0]

    def serve(target: RawTarget, wire: Wire) -> None:
        target.request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (64 * MEGABYTE))
        for _ in range(64):
            wire.send(b"x" * MEGABYTE)
            sent[0] += 1

    with http_house(loop, serve) as house:
        wire = house.connect()
        wire.send(get("/orders/list"))
        wire.until(b"\r\n\r\n")
        before = -1
        while sent[0] != before:
            before = sent[0]
            threading.Event().wait(0.3)
        assert sent[0] < 40
        assert wire.skip(64 * MEGABYTE) == 64 * MEGABYTE
        wire.close()


def test_a_target_that_is_gone_is_told(loop: Loop) -> None:
    with http_house(loop, lambda target, wire: None) as house:
        told = house.ask(get("/orders/a", method="POST", body=b"x"))
        assert told.status == 502
        assert "before its answer" in house.recorded("outcome")[0]["error"]


def test_an_answer_that_is_cut_off_is_not_taken_for_a_whole_one(loop: Loop) -> None:
    def serve(target: RawTarget, wire: Wire) -> None:
        target.request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")

    with http_house(loop, serve) as house:
        told = house.ask(get("/orders/a"))
        assert told.status == 200 and told.body == b"abc" and not told.whole

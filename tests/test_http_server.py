"""Who may wait at the door, and how long anything may take."""

from __future__ import annotations

import pytest

from tests.support.http_house import HttpHouse, RawTarget, Wire, get, http_house, ok, replies, wait_until
from tests.support.loop import Loop
from twisted_hoop.http.server import DEADLINES
from twisted_hoop.model import Decision, Effect

REVIEW = Decision(Effect.REVIEW, "ask", approvers=frozenset({"dba"}), policy_version="v1")


def pass_time(house: HttpHouse) -> None:
    """More than any deadline, without waiting for it."""

    def sweep() -> None:
        house.factory.sweep()
        house.factory._connections = {c: (seen, at - 10_000) for c, (seen, at) in house.factory._connections.items()}
        house.factory.sweep()

    house.loop.run(sweep)


def test_K15_a_client_that_says_nothing_is_let_go_of(loop: Loop) -> None:
    """K15."""
    with http_house(loop, replies(ok())) as house:
        wire = house.connect()
        wait_until(lambda: len(house.factory._connections) == 1)
        pass_time(house)
        assert wire.all() == b""


def test_K15_a_head_that_trickles_makes_no_progress(loop: Loop) -> None:
    """K15: slow-loris, before and after the log-in."""
    with http_house(loop, replies(ok())) as house:
        for before in (b"", get("/orders/a")):
            wire = house.connect()
            wire.send(before + b"GET /orders/a HTTP/1.1\r\nX: ")
            if before:
                assert wire.answer().status == 200
            wait_until(lambda: any(c._buffer for c in list(house.factory._connections)))
            loop.run(house.factory.sweep)
            (connection,) = house.factory._connections
            seen = connection.standing()
            wire.send(b"y")
            wait_until(lambda c=connection: c._buffer.endswith(b"y"))
            assert connection.standing() == seen, "one byte more is no progress"
            pass_time(house)
            assert wire.answer().status == 408
            wire.close()
            wait_until(lambda: not house.factory._connections)


def test_K15_a_body_that_stops_is_not_waited_for(loop: Loop) -> None:
    """K15."""
    with http_house(loop, replies(ok())) as house:
        wire = house.connect()
        wire.send(get("/orders/a", "Content-Length: 10", method="PUT") + b"abc")
        wait_until(lambda: house.recorded("command"))
        pass_time(house)
        assert wire.answer().status == 408
        wire.close()


def test_K15_a_target_that_does_not_answer_is_not_waited_for(loop: Loop) -> None:
    """K15."""
    with http_house(loop, lambda target, wire: (target.request(wire), wire.all(), None)[2]) as house:
        wire = house.connect()
        wire.send(get("/orders/a"))
        wait_until(lambda: house.target.heads)
        pass_time(house)
        assert wire.answer().status == 504
        wait_until(lambda: house.target.closed)
        wire.close()


def test_K15_a_client_that_takes_nothing_is_let_go_of(loop: Loop) -> None:
    """K15."""

    def serve(target: RawTarget, wire: Wire) -> None:
        target.request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            wire.send(b"x" * 65536)

    with http_house(loop, serve) as house:
        wire = house.connect()
        wire.send(get("/orders/a"))
        wait_until(lambda: any(c.standing()[0] == "stalled" for c in list(house.factory._connections)))
        pass_time(house)
        wait_until(lambda: not house.factory._connections)
        wait_until(lambda: house.target.closed)
        wire.close()


def test_a_slow_client_is_given_the_end_of_an_answer_after_which_the_connection_closes(loop: Loop) -> None:
    """What is still to be sent then is for the transport to watch, not for the deadline of those who send on."""
    with http_house(loop, replies(ok(b"x" * 30_000))) as house:
        wire, asked = house.connect(), 0
        while not any(c.transport._outbox.size for c in list(house.factory._connections)):
            wire.send(get("/orders/a"))
            asked += 1
            wait_until(lambda: len(house.recorded("outcome")) == asked)  # noqa: B023  it is waited for at once
        wire.send(get("/orders/a", "Connection: close"))
        wait_until(lambda: all(c._closing for c in list(house.factory._connections)))
        pass_time(house)
        assert all(len(wire.answer().body) == 30_000 for _ in range(asked + 1))
        assert wire.all() == b""


def test_people_and_quiet_streams_may_take_their_time(loop: Loop) -> None:
    def serve(target: RawTarget, wire: Wire) -> None:
        target.request(wire)
        wire.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        wire.all()

    with http_house(loop, serve, REVIEW) as house:
        wire = house.connect()
        wire.send(get("/orders/watch"))
        wait_until(lambda: house.approver.thinking)
        pass_time(house)
        loop.run(lambda: house.approver.answer(True))
        assert wire.until(b"\r\n\r\n").startswith(b"HTTP/1.1 200")
        pass_time(house)
        assert len(house.factory._connections) == 1
        wire.close()


def test_K9_too_many_at_the_door_are_turned_away(loop: Loop) -> None:
    """K9: who has shown a valid token does not count."""
    with http_house(loop, replies(ok())) as house:
        house.factory._gateway = house.factory._gateway.model_copy(update={"preauth_per_address": 2})
        known = house.connect()
        known.send(get("/orders/a"))
        assert known.answer().status == 200
        waiting = [house.connect(), house.connect()]
        wait_until(lambda: house.factory._waiting.total() == 2)
        assert house.connect().all() == b""
        waiting[0].close()
        wait_until(lambda: house.factory._waiting.total() == 1)
        assert house.ask(get("/orders/a")).status == 200
        for wire in (known, waiting[1]):
            wire.close()
        wait_until(lambda: not house.factory._waiting)


@pytest.mark.parametrize("flood", [b"X: " + b"y" * 1_100_000, b"X-A: b\r\n" * 300 + b"\r\n"])
def test_K9_floods_of_headers_are_refused(loop: Loop, flood: bytes) -> None:
    """K9."""
    with http_house(loop, replies(ok())) as house:
        wire = house.connect()
        wire.send(b"GET /orders/a HTTP/1.1\r\nHost: gw\r\n")
        try:
            wire.send(flood)
        except OSError:
            return
        assert wire.answer().status == 431
        wire.close()


def test_a_large_token_is_no_flood(loop: Loop) -> None:
    with http_house(loop, replies(ok())) as house:
        assert house.ask(get("/orders/a", "X-Large: " + "y" * 1_000_000)).status == 200
        assert len(house.target.heads[0]) > 1_000_000


def test_every_phase_has_a_deadline() -> None:
    """K15: but people who think, and streams that are taken."""
    assert set(DEADLINES) == {"head", "idle", "body", "login", "answer", "stalled", "closing"}

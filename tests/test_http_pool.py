"""Connections to a target: kept, shared one after the other, never with bytes nobody asked for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.http_house import RawTarget, Wire, get, http_house, ok, replies, section_of, wait_until
from tests.support.loop import Loop
from twisted_hoop.errors import ProtocolError
from twisted_hoop.http.pool import IDLE_SECONDS, MOST_IDLE, Pool, TargetConnection, host_header, host_of
from twisted_hoop.transport.endpoints import client_endpoint


class Clock:
    """Seconds as the test says, and what is to be called."""

    def __init__(self) -> None:
        self.now = 0.0
        self.calls: list[tuple[float, Any]] = []

    def seconds(self) -> float:
        return self.now

    def callLater(self, delay: float, call: Any) -> Any:
        self.calls.append((delay, call))
        return self

    def cancel(self) -> None:
        self.calls.clear()


class Transport:
    def __init__(self) -> None:
        self.aborted = False

    def abortConnection(self) -> None:
        self.aborted = True


def bare() -> tuple[Clock, Pool]:
    clock = Clock()
    endpoint: Any = None
    return clock, Pool(clock, section_of(1), endpoint, None, None)  # type: ignore[arg-type]


def kept(pool: Pool) -> TargetConnection:
    connection = TargetConnection(pool)
    connection.transport = Transport()
    pool.put(connection)
    return connection


def test_the_one_used_last_is_taken_first() -> None:
    _, pool = bare()
    first, second = kept(pool), kept(pool)
    assert pool.take() is second and pool.take() is first and pool.take() is None


def test_idle_connections_have_an_end_in_number_and_time() -> None:
    clock, pool = bare()
    many = [kept(pool) for _ in range(MOST_IDLE + 1)]
    assert many[-1].transport.aborted and pool.idle == MOST_IDLE
    clock.now = IDLE_SECONDS
    late = kept(pool) if pool.take() else None
    clock.calls.pop()[1]()
    assert pool.idle == 1 and late is not None and not late.transport.aborted
    pool.close()
    assert late.transport.aborted and kept(pool).transport.aborted and not clock.calls


def test_K8_bytes_that_nobody_asked_for_end_an_idle_connection() -> None:
    """K8."""
    _, pool = bare()
    connection = kept(pool)
    connection.dataReceived(b"HTTP/1.1 200 OK\r\n\r\n")
    assert connection.transport.aborted and pool.take() is None


def test_one_that_closes_while_idle_is_forgotten() -> None:
    _, pool = bare()
    connection = kept(pool)
    connection.connectionLost()
    assert pool.take() is None and pool.idle == 0


def test_hosts() -> None:
    assert host_of("tcp:db:1") == "db" and host_of("unix:/x") == "localhost"
    assert host_header(section_of(1, endpoint="unix:/x")) == b"localhost"
    assert host_header(section_of(1, endpoint="tcp:a:443", tls="require", server_name="b")) == b"b"
    assert host_header(section_of(1, endpoint="tcp:\\:\\:1:80")) == b"[::1]"


def test_a_target_that_cannot_be_reached_is_a_fault_of_its_side(loop: Loop) -> None:
    section = section_of(1, endpoint="tcp:127.0.0.1:1")

    async def opened() -> None:
        endpoint = client_endpoint(loop.reactor, section.endpoint)
        await Pool(loop.reactor, section, endpoint, None, None).open()  # type: ignore[arg-type]

    with pytest.raises(ProtocolError) as caught:
        loop.run(opened)
    assert caught.value.side == "target" and caught.value.code == "502"


def test_a_dead_kept_connection_is_replaced_for_what_changes_nothing(loop: Loop) -> None:
    """The second connection answers; a POST is not sent twice."""

    def serve(target: RawTarget, wire: Wire) -> None:
        if target.request(wire):
            wire.send(ok())
        target.request(wire)

    with http_house(loop, serve) as house:
        wire = house.connect()
        for _ in range(3):
            wire.send(get("/orders/a"))
            assert wire.answer().status == 200
        wire.send(get("/orders/a", method="POST", body=b"x"))
        assert wire.answer().status == 502
        wire.close()


def test_a_closed_kept_connection_is_not_used(loop: Loop) -> None:
    def serve(target: RawTarget, wire: Wire) -> None:
        target.request(wire)
        wire.send(ok(b"1", b"Connection: close"))

    with http_house(loop, serve) as house:
        wire = house.connect()
        for _ in range(2):
            wire.send(get("/orders/a", method="POST", body=b"x"))
            assert wire.answer().body == b"1"
        wire.close()
        assert house.target.connections == 2 and loop.run(lambda: house.hall.pool.idle) == 0


def test_a_credential_that_was_not_taken_is_looked_up_again(loop: Loop) -> None:
    with http_house(loop, replies(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n", ok())) as house:
        assert house.ask(get("/orders/a")).status == 401
        house.secrets.secret = "newer"
        assert house.ask(get("/orders/a")).status == 200
        assert b"authorization: Bearer newer" in house.target.heads[1]


def test_the_credential_is_looked_up_once(loop: Loop) -> None:
    with http_house(loop, replies(ok())) as house:
        for _ in range(3):
            assert house.ask(get("/orders/a")).status == 200
        assert house.secrets.asked == 1
        house.secrets.secret = ""
        loop.run(house.hall.pool.credentials.doubt)
        told = house.ask(get("/orders/a"))
        assert told.status == 502 and b"credential" in told.body
        wait_until(lambda: len(house.recorded("outcome")) == 4)

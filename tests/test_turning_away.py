"""Refusals that clients understand, at a live gateway; open sessions go on, and connections come in again."""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from typing import Any, cast

import psycopg
import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from tests.support.gateway import Gateway, Plan, running_gateway, wait_for
from tests.support.postgres import Server
from tests.support.shed import PLAN
from twisted_hoop.sessions import Sessions
from twisted_hoop.settings import GatewaySection
from twisted_hoop.testing import make_session
from twisted_hoop.turning_away import Guard, Refusing, disconnect, resident


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> Iterator[Gateway]:
    postgres.create_login("turned", "hunter2")
    plan = Plan(PLAN.format(port=postgres.port), {"SECRET": "hunter2"}, gateway="sessions = 2")
    with running_gateway(tmp_path_factory.mktemp("turned"), plan) as found:
        yield found


def opened(gateway: Gateway) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(gateway.dsn("shop"), autocommit=True)


def can_open(gateway: Gateway) -> bool:
    try:
        opened(gateway).close()
    except psycopg.OperationalError:
        return False
    return True


def refused_with_tls(gateway: Gateway) -> str:
    with pytest.raises(psycopg.OperationalError) as caught:
        psycopg.connect(gateway.dsn("shop", more=f"sslmode=verify-full sslrootcert={gateway.ca}"))
    return str(caught.value)


def test_at_the_limit_each_protocol_says_so_and_afterwards_all_come_in_again(gateway: Gateway) -> None:
    first, second = opened(gateway), opened(gateway)
    with pytest.raises(psycopg.OperationalError, match="too many connections"):
        opened(gateway)
    assert "too many connections" in refused_with_tls(gateway)
    assert b" 503 " in (told := _said(gateway.ports["web"], b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"))
    assert b"retry-after: 5" in told and b"too many connections" in told
    assert _said(gateway.ports["ssh"], b"SSH-2.0-x\r\n").endswith(disconnect(12, _text()))
    assert "too many connections" in _ssh(gateway)
    assert gateway.api("GET", "/readyz").status == 200, "operators come in"
    assert second.execute("select 1").fetchone() == (1,), "live sessions go on"
    metrics = gateway.api("GET", "/metrics").body.decode()
    assert 'hoop_connections_refused_total{listener="pg",reason="sessions"} 2.0' in metrics
    assert "hoop_shedding 1.0" in metrics
    first.close()
    second.close()
    wait_for(lambda: can_open(gateway), "connections to be accepted again")
    gateway.logged("connections are accepted again")
    lines = [line for line in gateway.lines() if line["message"] == "new connections are refused: sessions"]
    assert len(lines) == 1, "one line for the period"


def test_a_cancel_request_goes_on_at_the_limit(gateway: Gateway) -> None:
    wait_for(lambda: can_open(gateway), "connections to be accepted")
    first = opened(gateway)
    second = wait_for(lambda: _or_none(gateway), "a second session")
    over = threading.Event()

    def cancel() -> None:
        while not over.wait(0.3):
            first.cancel()

    thread = threading.Thread(target=cancel)
    thread.start()
    try:
        with pytest.raises(psycopg.errors.QueryCanceled):
            first.execute("select pg_sleep(80)")
    finally:
        over.set()
        thread.join()
        first.close()
        second.close()


def _or_none(gateway: Gateway) -> psycopg.Connection[tuple[object, ...]] | None:
    try:
        return opened(gateway)
    except psycopg.OperationalError:
        return None


def test_s7_agents_are_kept_out_by_pressure_and_haste_but_not_by_sessions() -> None:
    """S7: over TLS or not, by SSH or by a WebSocket; whoever says nothing yet is not told."""
    clock, sessions = Clock(), Sessions()
    sessions.open(make_session(), cast(Any, None))
    limits = GatewaySection(sessions=1, sessions_per_address=1, connections_per_second=1, memory=1)
    guard = Guard(clock, limits, sessions)
    real = Factory.forProtocol(Protocol)
    factory = guard.guarded("agents", "agent", real, None)
    address = IPv4Address("TCP", "192.0.2.7", 1)
    assert type(factory.buildProtocol(address)) is Protocol, "in spite of the sessions"
    for words, told in (
        ([b"SS", b"H-2.0-agent\r\n"], disconnect(12, _text())),
        ([b"GET /agent HTTP/1.1\r\nhost: x\r\n", b"\r\n"], b"503 Service Unavailable"),
    ):
        refusing, transport = factory.buildProtocol(address), StringTransport()
        refusing.makeConnection(transport)
        refusing.dataReceived(words[0])
        assert transport.value() == b"" and not transport.disconnecting
        refusing.dataReceived(words[1])
        assert told in transport.value() and transport.disconnecting
        refusing.connectionLost(Failure(ConnectionDone()))
    assert guard.refused == {("agents", "rate"): 2}
    clock.advance(1)
    for _ in range(2):
        guard.shedder.measured(0.0, 2.0)
    assert isinstance(factory.buildProtocol(address), Refusing) and guard.refused["agents", "memory"] == 1


def _text() -> str:
    return "too many connections: try again in a moment"


def _said(port: int, words: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 60) as sock:
        sock.sendall(words)
        parts = []
        while part := sock.recv(4096):
            parts.append(part)
        return b"".join(parts)


def _ssh(gateway: Gateway) -> str:
    command = ["ssh", "-F", "none", "-p", str(gateway.ports["ssh"]), "-o", "BatchMode=yes", "-o"]
    command += ["StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "a@127.0.0.1"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60).stderr


def test_packets_are_whole_blocks_with_padding() -> None:
    for size in range(40):
        packet = disconnect(12, "x" * size)
        length, padding = struct.unpack_from(">IB", packet)
        assert len(packet) == length + 4 and len(packet) % 8 == 0 and padding >= 4


def test_memory_in_use() -> None:
    assert 1 < resident() < 1 << 20

"""Refusals that clients understand, at a live gateway; open sessions go on, and connections come in again."""

from __future__ import annotations

import socket
import struct
import subprocess
import threading
from collections.abc import Iterator

import psycopg
import pytest

from tests.support.gateway import Gateway, Plan, running_gateway, wait_for
from tests.support.postgres import Server
from tests.support.shed import PLAN
from twisted_hoop.turning_away import disconnect, resident


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

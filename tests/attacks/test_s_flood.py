"""S7: floods of connections that never speak."""

from __future__ import annotations

import resource
import socket
from contextlib import ExitStack, suppress
from pathlib import Path

import psycopg

from tests.support.gateway import Plan, running_gateway
from tests.support.postgres import Server
from tests.support.shed import PLAN

CONNECTIONS = 2000


def test_S7_2000_connections_that_never_speak_while_another_clients_queries_go_on(
    tmp_path: Path, postgres: Server
) -> None:
    """They come from another address of loopback; most are refused at the door, and the log stays short."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard < 0 else min(hard, max(soft, 8192)), hard))
    postgres.create_login("turned", "hunter2")
    plan = Plan(PLAN.format(port=postgres.port), {"SECRET": "hunter2"})
    with running_gateway(tmp_path, plan) as gateway, ExitStack() as held:
        client = held.enter_context(psycopg.connect(gateway.dsn("shop"), autocommit=True))
        for number in range(CONNECTIONS):
            sock = held.enter_context(socket.socket())
            sock.settimeout(60)
            sock.bind(("127.0.0.9", 0))
            with suppress(ConnectionError):
                sock.connect(("127.0.0.1", gateway.ports["pg"]))
            if number % 50 == 0:
                assert client.execute("select %s::int", (number,)).fetchone() == (number,)
        psycopg.connect(gateway.dsn("shop")).close()
        told = gateway.api("GET", "/metrics").body.decode()
        [count] = [line.split()[1] for line in told.splitlines() if 'refused_total{listener="pg",' in line]
        assert float(count) >= CONNECTIONS / 2
        assert sum("refused" in line["message"] for line in gateway.lines()) <= 3

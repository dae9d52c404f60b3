"""Connections to a target: log-in at a real server, TLS answers, time limits, cancelling."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import StringTransport

from tests.support.loop import Loop
from tests.support.postgres import Server
from tests.support.targets import door_of, section_of
from twisted_hoop.errors import ProtocolError, SecretUnavailable
from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.simple import simple_query
from twisted_hoop.postgres.target import TargetConnection
from twisted_hoop.transport import server_endpoint


def test_a_log_in_with_scram_and_a_query(loop: Loop, postgres: Server) -> None:
    async def go() -> Any:
        opened = await door_of(loop.reactor, section_of(postgres), postgres.password).open("postgres", {})
        rows = await simple_query(loop.reactor, opened.connection, "select 1")
        opened.connection.transport.loseConnection()
        return opened.login, rows

    login, rows = loop.run(go)
    assert rows == [[["1"]]]
    assert login.pid
    assert login.parameters["server_version"].startswith("18")


def opening(loop: Loop, door: Any, database: str = "postgres") -> ProtocolError:
    with pytest.raises(ProtocolError) as caught:
        loop.run(lambda: door.open(database, {}))
    assert caught.value.side == "target"
    return caught.value


def test_what_a_client_is_told_when_the_log_in_fails(loop: Loop, postgres: Server) -> None:
    wrong = opening(loop, door_of(loop.reactor, section_of(postgres), "wrong"))
    assert (wrong.code, str(wrong)) == ("08004", "the target refused the gateway's own login")
    assert opening(loop, door_of(loop.reactor, section_of(postgres), postgres.password), "nowhere").code == "3D000"
    nobody = section_of(postgres, endpoint="tcp:127.0.0.1:1")
    assert opening(loop, door_of(loop.reactor, nobody, "x")).code == "08001"


def test_a_secret_that_is_missing_is_said(loop: Loop, postgres: Server) -> None:
    door = door_of(loop.reactor, section_of(postgres, secret="env:NOWHERE"), "x")
    with pytest.raises(SecretUnavailable):
        loop.run(lambda: door.open("postgres", {}))


class Silent(Protocol):
    """Accepts and says nothing."""


def test_p5_a_silent_target_is_given_up(loop: Loop, postgres: Server) -> None:
    """P5: within the time limit, whatever it does not say."""

    async def go() -> None:
        port = await server_endpoint(loop.reactor, "tcp:0:interface=127.0.0.1").listen(Factory.forProtocol(Silent))
        address: Any = port.getHost()
        section = section_of(postgres, endpoint=f"tcp:127.0.0.1:{address.port}", connect_timeout="0.2s")
        try:
            await door_of(loop.reactor, section, "x").open("postgres", {})
        finally:
            await port.stopListening()

    with pytest.raises(ProtocolError) as caught:
        loop.run(go)
    assert (caught.value.code, str(caught.value)) == ("08001", "the target did not answer in time")


def test_a_cancel_reaches_what_runs(loop: Loop, postgres: Server) -> None:
    async def go() -> Any:
        door = door_of(loop.reactor, section_of(postgres), postgres.password)
        opened = await door.open("postgres", {})
        running = Deferred.fromCoroutine(simple_query(loop.reactor, opened.connection, "select pg_sleep(20)"))
        other = await door.open("postgres", {})
        ask = "select count(*) from pg_stat_activity where query = 'select pg_sleep(20)' and state = 'active'"
        while (await simple_query(loop.reactor, other.connection, ask))[0] != [["1"]]:
            pass
        await door.cancel(opened.login.pid, opened.login.key)
        try:
            await running
        finally:
            for one in (opened, other):
                one.connection.transport.loseConnection()

    with pytest.raises(ProtocolError, match="cancel"):
        loop.run(go)


class TlsWire(StringTransport):
    """Remembers whether TLS was begun."""

    started = False

    def start_tls(self, *arguments: object) -> None:
        """Ours."""
        self.started = True

    def handshake(self) -> Deferred[None]:
        """Ours."""
        done: Deferred[None] = Deferred()
        done.callback(None)
        return done


def answered(data: bytes) -> tuple[TlsWire, list[bool], list[BaseException]]:
    opened: list[bool] = []
    failed: list[BaseException] = []
    connection = TargetConnection(ssl.create_default_context(), "db", opened.append)
    connection.failed = failed.append
    wire = TlsWire()
    connection.makeConnection(wire)
    assert wire.value() == pg.ssl_request()
    connection.dataReceived(data)
    return wire, opened, failed


def test_p1_only_a_single_s_begins_tls() -> None:
    """P1: what a man in the middle puts behind it in the clear is not read as the target's."""
    wire, opened, failed = answered(b"S")
    assert (wire.started, opened, failed) == (True, [True], [])
    for data in (b"N", b"S" + pg.error("XX000", "injected"), b"E", b"SS"):
        wire, opened, failed = answered(data)
        assert (wire.started, opened, len(failed)) == (False, [], 1), data
        assert wire.disconnecting

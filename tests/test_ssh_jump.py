"""Jumping: a target's name and nothing else, an inner server for the name that was typed, gone with its outer (S10)."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address

from tests.support.ssh_fakes import ALICE, Bench, FakeOpening, FakeRequest, direct
from tests.support.ssh_relay import exec_
from tests.support.ssh_server import Inside, Visit, factory_of
from twisted_hoop.identity.ssh_certificates import is_certificate, parse_certificate
from twisted_hoop.model import Peer
from twisted_hoop.ssh.events import STDOUT, Data, Eof, Opened, OpenFailed, Reply
from twisted_hoop.ssh.jump import INNER, JumpConnection, Misled
from twisted_hoop.ssh.ways import Login

ENDS = (IPv4Address("TCP", "192.0.2.1", 50000), IPv4Address("TCP", "192.0.2.2", 22))


class Server:
    """An inner server that only knows for whom it was made."""

    def __init__(self, hall: Any, host: str) -> None:
        self.made_for = (hall.section.name, host)
        self.lost = False

    def makeConnection(self, transport: Any) -> None:
        self.transport = transport

    def connectionLost(self, reason: Any) -> None:
        self.lost = True


def jump(bench: Bench) -> tuple[JumpConnection, list[Server]]:
    """A connection that jumps, and the servers that were made."""
    made: list[Server] = []

    def make(jump: JumpConnection, hall: Any, host: str) -> Server:
        made.append(Server(hall, host))
        return made[-1]

    login = Login(ALICE, b"alice", "key", Peer("192.0.2.1"))
    return JumpConnection(bench.clock, bench.opening, login, ENDS, make), made


def wants(connection: JumpConnection, kind: bytes, data: bytes = b"") -> FakeOpening:
    opening = FakeOpening(kind, data)
    connection.open_requested(opening)
    return opening


def test_a_jump_to_a_target() -> None:
    connection, made = jump(Bench(names=[r"web-1\.internal"]))
    opening = wants(connection, b"direct-tcpip", direct(b"Web-1.internal", 22))
    assert opening.open is not None and made[0].made_for == ("web-1", "Web-1.internal")
    assert made[0].transport.getPeer() == ENDS[0]


@pytest.mark.parametrize("place", [direct(b"web-2", 22), direct(b"web-1", 80), direct(b"127.0.0.1", 22), b"\0"])
def test_S10_anywhere_else_is_refused(place: bytes) -> None:
    connection, made = jump(Bench())
    refused = wants(connection, b"direct-tcpip", place).refused
    assert refused == (1, "hoop: no such target or account, or it is not open to you") and made == []


def test_S10_a_target_that_is_not_open_to_them_is_told_as_none() -> None:
    bench = Bench()
    bench.policy.authorized = False
    connection, made = jump(bench)
    refused = wants(connection, b"direct-tcpip", direct(b"web-1", 22)).refused
    assert refused == (1, "hoop: no such target or account, or it is not open to you") and made == []


@pytest.mark.parametrize("kind", [b"session", b"x11", b"direct-streamlocal@openssh.com", b"tun@openssh.com", b"\xff"])
def test_S12_nothing_but_jumps(kind: bytes) -> None:
    connection, _ = jump(Bench())
    assert wants(connection, kind).refused is not None
    request = FakeRequest(b"tcpip-forward")
    connection.global_requested(request)
    assert request.answer == (False, b"")


def test_there_is_an_end_to_connections_inside() -> None:
    connection, _ = jump(Bench())
    openings = [wants(connection, b"direct-tcpip", direct(b"web-1", 22)) for _ in range(INNER + 1)]
    assert openings[-1].refused is not None and openings[-2].channel is not None
    connection.inner_ended("bye")
    assert wants(connection, b"direct-tcpip", direct(b"web-1", 22)).channel is not None


def test_the_login_ends_with_the_connection() -> None:
    connection, _ = jump(Bench())
    assert connection.login is not None
    connection.lost("bye")
    assert connection.login is None


def test_whoever_is_misled_is_told() -> None:
    misled = Misled("hoop: name a target")
    opening, request = FakeOpening(), FakeRequest(b"x")
    misled.open_requested(opening)
    misled.global_requested(request)
    misled.lost("bye")
    assert opening.refused == (1, "hoop: name a target") and request.answer == (False, b"")


# -- with the whole engine, in memory ---------------------------------------------------------------------------------


def jumped(bench: Bench, user: bytes, host: bytes = b"web-1") -> tuple[Visit, Inside, Any]:
    """A client inside a channel, as far as it gets."""
    visit = Visit(bench, factory_of(bench), b"alice").enter()
    channel = visit.client.open(b"direct-tcpip", direct(host, 22))
    visit.pump()
    inside = Inside(bench, user)
    inside.enter()

    def move() -> None:
        for _ in range(40):
            bench.clock.advance(0)
            data, channel.events[:] = channel.data(), []
            if data and not inside.wire.closed:
                inside.wire.protocol.dataReceived(data)
            if sent := inside.wire.taken():
                channel.send(Data(STDOUT, sent))
            visit.pump()

    move()
    return visit, inside, move


def test_S10_the_inner_connection_is_terminated_and_judged() -> None:
    bench = Bench()
    _, inside, move = jumped(bench, b"deploy")
    channel = inside.client.open()
    move()
    channel.send(exec_("ls"))
    move()
    assert bench.gate.policy.asked[0].text == "ls"
    there = bench.target.opened[0][2]
    there.receive(Opened(), Reply(True), Data(STDOUT, b"out"))
    move()
    assert channel.data() == b"out"
    session = next(iter(bench.sessions)).session
    assert session.principal == ALICE and session.attributes["host"] == "web-1"


def test_S10_the_host_key_is_certified_for_the_name_that_was_typed() -> None:
    bench = Bench(names=[r"web-1\.internal"])
    _, inside, _ = jumped(bench, b"deploy", b"web-1.internal")
    assert inside.client.connection is not None
    blob = inside.end._host_key[0]  # type: ignore[index]
    assert not is_certificate(blob) or parse_certificate(blob).principals == ("web-1.internal",)


@pytest.mark.parametrize("user", [b"root", b"a b", b"\xff", b"deploy%web-1"])
def test_S20_accounts_that_are_not_offered(user: bytes) -> None:
    bench = Bench()
    _, inside, move = jumped(bench, user)
    channel = inside.client.open()
    move()
    assert isinstance(channel.events[0], OpenFailed) and bench.told == []


def test_what_is_inside_ends_with_the_connection_around() -> None:
    bench = Bench()
    visit, inside, move = jumped(bench, b"deploy")
    channel = inside.client.open()
    move()
    channel.send(exec_("sleep"))
    move()
    visit.server_wire.lost()
    bench.clock.advance(0)
    assert bench.told[-1][0] == "client-lost" and bench.target.disconnected


def test_nobody_logs_in_inside_once_the_outer_is_gone() -> None:
    bench = Bench()
    visit = Visit(bench, factory_of(bench), b"alice").enter()
    channel = visit.client.open(b"direct-tcpip", direct(b"web-1", 22))
    visit.pump()
    visit.server_end.connection.handler.login = None  # type: ignore[union-attr]
    inside = Inside(bench, b"deploy")
    inside.enter()
    for _ in range(20):
        bench.clock.advance(0)
        data, channel.events[:] = channel.data(), []
        if data:
            inside.wire.protocol.dataReceived(data)
        if sent := inside.wire.taken():
            channel.send(Data(STDOUT, sent))
        visit.pump()
    assert inside.client.connection is None
    assert Eof() not in channel.events

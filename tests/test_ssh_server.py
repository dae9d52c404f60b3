"""The door of SSH clients: caps, deadlines, and what a user name leads to (S7, S8, S20)."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.address import IPv4Address

from tests.support.ssh import Memory
from tests.support.ssh_fakes import Bench, direct
from tests.support.ssh_relay import exec_, status_
from tests.support.ssh_server import Visit, factory_of
from twisted_hoop.ssh.events import STDOUT, Close, Data, Opened, OpenFailed, Reply
from twisted_hoop.ssh.server import SshFactory


def client_at(factory: SshFactory, host: str) -> Any:
    """A connection that says nothing."""
    protocol = factory.buildProtocol(IPv4Address("TCP", host, 1))
    if protocol is not None:
        wire = Memory()
        wire.protocol = protocol
        made: Any = protocol
        made.makeConnection(wire)
    return protocol


def test_a_command_by_user_name() -> None:
    bench = Bench()
    visit = Visit(bench, factory_of(bench), b"deploy%web-1").enter()
    channel = visit.client.open()
    visit.pump()
    channel.send(exec_("ls"))
    visit.pump()
    there = bench.target.opened[0][2]
    there.receive(Opened(), Reply(True), Data(STDOUT, b"out"), status_(3), Close())
    visit.pump()
    assert channel.data() == b"out" and channel.others() == [Opened(), Reply(True), status_(3), Close()]
    session = next(iter(bench.sessions)).session
    assert session.attributes["login"] == "deploy" and session.peer.address == "192.0.2.1"
    assert session.attributes["client"].startswith("SSH-2.0-")


@pytest.mark.parametrize("user", [b"a%b%c", b"deploy%", b"\xff%web-1", b"root%web-1", b"deploy%web-2", b"-x%web-1"])
def test_S20_names_that_lead_nowhere(user: bytes) -> None:
    bench = Bench()
    visit = Visit(bench, factory_of(bench), user).enter()
    channel = visit.client.open()
    visit.pump()
    assert isinstance(channel.events[0], OpenFailed) and bench.told == [] and bench.door.logins == []


def test_a_bare_name_jumps_and_opens_no_session() -> None:
    bench = Bench()
    visit = Visit(bench, factory_of(bench), b"alice").enter()
    channel = visit.client.open()
    jump = visit.client.open(b"direct-tcpip", direct(b"web-1", 22))
    visit.pump()
    refused = channel.events[0]
    assert isinstance(refused, OpenFailed) and "name a target" in refused.text
    assert jump.events[0] == Opened() and jump.data().startswith(b"SSH-2.0-")


def test_S7_caps_of_one_address_and_in_total() -> None:
    bench = Bench()
    factory = factory_of(bench, preauth_per_address=2, preauth_connections=3)
    first = client_at(factory, "192.0.2.1")
    assert client_at(factory, "192.0.2.1") is not None
    assert client_at(factory, "192.0.2.1") is None
    assert client_at(factory, "192.0.2.2") is not None and client_at(factory, "192.0.2.3") is None
    first.transport.lost()
    assert client_at(factory, "192.0.2.3") is not None


def test_S7_whoever_logged_in_does_not_wait_at_the_door() -> None:
    bench = Bench()
    factory = factory_of(bench, preauth_per_address=1)
    visit = Visit(bench, factory, b"deploy%web-1").enter()
    assert client_at(factory, "192.0.2.1") is not None
    visit.server_wire.lost()
    assert client_at(factory, "192.0.2.1") is None, "leaving later does not count twice"


def test_S7_whoever_does_not_log_in_in_time_is_ended() -> None:
    bench = Bench()
    factory = factory_of(bench, login_timeout="5s")
    protocol = client_at(factory, "192.0.2.1")
    bench.clock.advance(4.9)
    assert not protocol.transport.closing
    bench.clock.advance(0.2)
    assert protocol.transport.closing


def test_S8_a_proxy_header_is_not_believed_but_broken_protocol() -> None:
    bench = Bench()
    protocol = client_at(factory_of(bench), "192.0.2.1")
    protocol.dataReceived(b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\nSSH-2.0-x\r\n")
    assert protocol.transport.closing

"""twisted_hoop.agent.outside: what is encrypted once and what twice, over real TLS, with and without others between."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.protocol import Factory, Protocol

from tests.support.agent_house import AgentHouse, Target
from tests.support.gateway import wait_for
from tests.support.rogue_agent import rogue
from tests.support.transports import End
from twisted_hoop.agent.outside import AGENT, GATEWAY, OutsideOfAgent, OutsideOfGateway, proof
from twisted_hoop.agent.words import BARE, OUTER
from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh.bare import BareOut
from twisted_hoop.ssh.ciphers import Gcm
from twisted_hoop.transport import client_context, client_endpoint, server_context, server_endpoint

SECRET = b"a word that nobody on the way may read"


@pytest.fixture
def house(loop: Any, tmp_path: Path) -> Iterator[AgentHouse]:
    house = AgentHouse(loop, tmp_path)
    house.open()
    yield house
    house.close()


@pytest.fixture
def target(loop: Any) -> Iterator[Target]:
    target = Target(loop, End)
    yield target
    target.close()


def ends(house: AgentHouse) -> list[Any]:
    """The SSH transports of both ends: the gateway's, the agent's."""
    links = house.loop.run(lambda: [link._transport for link in house.hub.links()])
    return [*links, *(each.transport for agent in house.agents for each in agent._attached)]


def outwards(house: AgentHouse) -> set[type]:
    """How they send."""
    return {type(end._out) for end in ends(house)}


def spoken(house: AgentHouse, target: Target) -> None:
    """A stream that carries SECRET both ways."""
    near = house.connect(f"agent:office:tcp:127.0.0.1:{target.number}", End)
    far = target.end()
    for here, there in ((near, far), (far, near)):
        house.loop.run(lambda here=here: here.transport.write(SECRET))
        house.loop.run(lambda there=there: there.got(len(SECRET)))
    assert bytes(near.data) == bytes(far.data) == SECRET


@pytest.mark.parametrize("path", ["", "/v1/agent"])
def test_one_tls_is_enough_with_a_websocket_as_without(house: AgentHouse, target: Target, path: str) -> None:
    house.agent(uplink=house.uplink(path))
    house.joined()
    wait_for(lambda: outwards(house) == {BareOut}, "both to go over")
    spoken(house, target)


class _Middle(Protocol):
    """One side of somebody who ends TLS on the way; `seen` is what passes in the clear."""

    transport: Any

    def __init__(self, seen: bytearray, context: Any, onwards: Any = None) -> None:
        self.seen, self.context, self.onwards = seen, context, onwards
        self.other: Any = None
        self.waiting = b""

    def connectionMade(self) -> None:
        if self.onwards is not None:
            self.transport.start_tls(self.context, True)
            self.onwards(self)
        else:
            self.transport.start_tls(self.context, False, "localhost")

    def joined(self, other: Any) -> None:
        self.other, other.other = other, self
        other.transport.write(self.waiting)

    def dataReceived(self, data: bytes) -> None:
        self.seen += data
        if self.other is None:
            self.waiting += data
        else:
            self.other.transport.write(data)

    def connectionLost(self, reason: Any = None) -> None:
        if self.other is not None:
            self.other.transport.loseConnection()


class _Quiet(Factory):
    noisy = False


def middle(house: AgentHouse, seen: bytearray) -> Any:
    """Somebody who has the gateway's own certificate and key, as a proxy in front of it may: a listening port."""
    reactor = house.loop.reactor
    files = house.certificates
    inward, outward = server_context(files.cert, files.key), client_context("verify-full", files.ca)

    def onwards(near: _Middle) -> None:
        endpoint = client_endpoint(reactor, f"tcp:127.0.0.1:{house.port}")
        endpoint.connect(_Quiet.forProtocol(lambda: _Middle(seen, outward))).addCallback(near.joined)

    listening = server_endpoint(reactor, "tcp:0:interface=127.0.0.1")
    return house.loop.run(lambda: listening.listen(_Quiet.forProtocol(lambda: _Middle(seen, inward, onwards))))


@pytest.mark.parametrize("path", ["", "/v1/agent"])
def test_who_ends_tls_on_the_way_reads_nothing(house: AgentHouse, target: Target, path: str) -> None:
    """With the gateway's own certificate between agent and gateway, what is inside stays encrypted."""
    seen = bytearray()
    port = middle(house, seen)
    try:
        house.agent(uplink=house.uplink(path, port=port.getHost().port))
        house.joined()
        spoken(house, target)
        assert outwards(house) == {Gcm}
        assert len(seen) > 1000 and SECRET not in seen
    finally:
        house.loop.run(port.stopListening)


def test_an_agent_that_does_not_know_the_words_is_encrypted_for(house: AgentHouse) -> None:
    agent = rogue(house)
    [link] = house.loop.run(lambda: list(house.hub.links()))
    house.loop.run(lambda: agent.connection.request(b"anything", b"", True))
    assert isinstance(link._transport._out, Gcm) and isinstance(agent.transport._out, Gcm)


@pytest.mark.parametrize("said", [b"", bytes(32), b"its own back"])
def test_S4_a_proof_that_is_none_ends_the_connection(house: AgentHouse, said: bytes) -> None:
    """S4: whoever says that it encrypts no more, and cannot know that it may, is cut off."""
    agent = rogue(house)
    if said == b"its own back":
        said = house.loop.run(lambda: proof(agent.transport, GATEWAY))
        assert len(said) == 32
    house.loop.run(lambda: agent.connection.request(OUTER, said, False))
    wait_for(lambda: agent.reason, "its end")
    assert "a TLS that is not ours" in agent.reason


def test_S12_who_was_not_asked_changes_nothing(house: AgentHouse) -> None:
    """S12: before its greeting an agent is not asked; what it says then is a foul, as everything else it asks for."""
    agent = rogue(house, hello=b"")
    said = house.loop.run(lambda: proof(agent.transport, AGENT))
    ok, _ = house.loop.run(lambda: agent.connection.request(OUTER, said, True))
    assert not ok and not agent.reason


class _Transport:
    """An SSH transport that can do nothing but be asked."""

    sessionID = b"session"

    def __init__(self, transport: Any) -> None:
        self.transport = transport

    def expect_bare(self) -> None:
        raise AssertionError("nothing was proved")

    def go_bare(self, number: int, payload: bytes) -> bool:
        raise AssertionError("nothing was proved")


class _Request:
    want_reply = False

    def __init__(self, name: bytes, data: bytes) -> None:
        self.name, self.data = name, data

    def reply(self, ok: bool, data: bytes = b"") -> None:
        """Nobody waits for it."""


def test_without_tls_nothing_is_proved(loop: Any) -> None:
    target = Target(loop, End)
    near = loop.run(
        lambda: client_endpoint(loop.reactor, f"tcp:127.0.0.1:{target.number}").connect(_Quiet.forProtocol(End))
    )
    transport = _Transport(near.transport)
    assert proof(transport, GATEWAY) == b""
    OutsideOfGateway(transport).ask(None)
    agent = OutsideOfAgent(transport)
    assert not agent.asked(_Request(OUTER, b"")) and not agent.asked(_Request(BARE, b""))
    gateway = OutsideOfGateway(transport)
    assert not gateway.answered(b"")
    gateway._asked = True
    with pytest.raises(ProtocolError):
        gateway.answered(b"")
    loop.run(near.transport.loseConnection)
    target.close()

"""Two replicas of one store in one process, and an agent that is connected to the first of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from tests.support.agents import AgentHouse, agent_house, report_of, second_replica
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from twisted_hoop.agent.hub import Hub
from twisted_hoop.agent.peer_listening import PeerListening
from twisted_hoop.agent.peers import Peers
from twisted_hoop.errors import AgentUnavailable
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key
from twisted_hoop.model import AgentIdentity
from twisted_hoop.news.word import AGENTS
from twisted_hoop.settings import GatewaySection
from twisted_hoop.store.replicas import Replica, Replicas
from twisted_hoop.transport.connect import TcpPlace, connect_one
from twisted_hoop.transport.listen import address_of
from twisted_hoop.transport.names import Place
from twisted_hoop.transport.stream import EagerTransport

OFFICE = AgentIdentity("office", "1" * 32)


class Agent:
    """In the place of a `Link`: it dials from this process."""

    identity = OFFICE
    streams = 0
    usable, leaving = True, False

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self.asked: list[Place] = []

    async def open(self, place: Place) -> Any:
        self.asked.append(place)
        assert isinstance(place.where, TcpPlace)
        if place.where.port == 1:
            raise AgentUnavailable("127.0.0.1:1 is not on its allow-list", refused=True)
        try:
            [candidate] = await place.where.candidates(self._reactor, 5.0)
            sock = await connect_one(self._reactor, candidate, None, 5.0)
        except Exception as why:
            raise AgentUnavailable(f"cannot be reached: {why}") from why
        peer, host = (address_of(sock.family, name) for name in (sock.getpeername(), sock.getsockname()))
        return EagerTransport(self._reactor, sock, peer, host)

    def end(self, why: str) -> None:
        """See `Link`."""


class Echo(Protocol):
    """Sends back what comes; a producer, so that nothing waits without bound."""

    def connectionMade(self) -> None:
        self.transport.registerProducer(self.transport, True)  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        self.transport.write(data)  # type: ignore[union-attr]


class Client(Protocol):
    """Collects what comes."""

    transport: Any

    def __init__(self) -> None:
        self.data = bytearray()
        self.lost: Deferred[Failure] = Deferred()
        self.gone = False

    def dataReceived(self, data: bytes) -> None:
        self.data += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.gone = True


@dataclass
class Side:
    """One replica."""

    house: AgentHouse
    hub: Hub
    peers: Peers
    listening: PeerListening
    key: PrivateKey

    def lives(self, **changed: Any) -> None:
        """Write it down as one that lives, with its address and key."""
        given = {"peer": self.listening.address, "peer_key": self.key.public.line, **changed}
        row = Replica(self.house.replica, "hoop", "1", "v1", 1.0, 1.0, 0, **given)
        self.house.loop.run(lambda: Replicas(self.house.database).here(row))

    def connect(self, port: int, agent: str = "office") -> Client:
        """A stream to a port of this machine by an agent."""
        place = Place(TcpPlace("127.0.0.1", port), 20.0, None, agent)
        factory = Factory.forProtocol(Client)
        factory.noisy = False
        found = self.house.loop.run(lambda: self.hub.endpoint(place).connect(factory))
        assert isinstance(found, Client)
        return found


@dataclass
class Pair:
    """Both. The agent is connected to `one`; `echo` is a port that sends back what comes."""

    loop: Loop
    one: Side
    two: Side
    agent: Agent
    echo: int


@contextmanager
def two_replicas(loop: Loop, url: str, folder: Path, gateway: dict[str, Any] | None = None) -> Iterator[Pair]:
    """Both, for the length of a block."""
    house = agent_house(loop, url)
    sides = [_side(each, folder, gateway or {}) for each in (house, second_replica(house))]
    agent = Agent(loop.reactor)
    sides[0].hub._links["office"] = [agent]  # type: ignore[list-item]
    loop.run(lambda: house.registry.connected(OFFICE, report_of()))
    wait_for(lambda: AGENTS in house.told, "the agent's row")
    factory = Factory.forProtocol(Echo)
    factory.noisy = False
    echo: Any = loop.run(lambda: loop.reactor.listenTCP(0, factory, interface="127.0.0.1"))
    for side in sides:
        side.house.look()
    try:
        yield Pair(loop, sides[0], sides[1], agent, echo.getHost().port)
    finally:
        for side in sides:
            loop.run(side.peers.stop)
            loop.run(side.listening.stop)
        loop.run(echo.stopListening)
        house.database.stop()


def _side(house: AgentHouse, folder: Path, gateway: dict[str, Any]) -> Side:
    loop, key = house.loop, new_private_key()
    hub = Hub(loop.reactor, house.door)
    peers = Peers(loop.reactor, house.registry, house.replica, key)
    listening = PeerListening(loop.reactor, house.registry, hub, key, house.replica, folder)
    hub.elsewhere = peers

    def looked() -> None:
        peers.look()
        listening.look()

    house.registry.looked = looked
    loop.run(lambda: listening.listen(GatewaySection.model_validate(gateway)))
    side = Side(house, hub, peers, listening, key)
    side.lives()
    return side

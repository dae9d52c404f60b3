"""Streams by agents that are connected to another replica: asked for there, over SSH between the two.

Each replica has an Ed25519 key for as long as it lives; the store says whose key is whose, and where each is reached.
Both ends hold the other against that: who has no lease, or another key than its row says, is nobody. What is asked for
is one kind of channel, a stream to a place by an agent of a name; the other replica opens it as its own, by an agent
that is connected to it, and never passes it on to a third.
"""

from __future__ import annotations

from typing import Any

from twisted.conch.ssh.keys import Key
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from twisted_hoop.agent.hub import Stream
from twisted_hoop.agent.link import Led, opened
from twisted_hoop.agent.registry import Registry
from twisted_hoop.agent.stream import AgentStream, Counted
from twisted_hoop.agent.words import pack_place, parse_place
from twisted_hoop.errors import AgentUnavailable, HoopError, ProtocolError
from twisted_hoop.identity.ssh_keys import parse_line
from twisted_hoop.identity.ssh_private_keys import PrivateKey
from twisted_hoop.identity.ssh_wire import Reader, strings, u32
from twisted_hoop.ssh.events import ADMINISTRATIVELY_PROHIBITED
from twisted_hoop.ssh.handlers import IsConnection, IsGlobalRequest, IsOpening
from twisted_hoop.ssh.limits import Limits
from twisted_hoop.ssh.login import TargetLogin, WithKey
from twisted_hoop.ssh.transport import ClientTransport
from twisted_hoop.store.agents import PeerRow
from twisted_hoop.transport.connect import EagerClientEndpoint, explained
from twisted_hoop.transport.names import Place, client_place

STREAM = b"agent-stream@twisted-hoop"
"""The kind of channel that asks for a stream."""
LIMITS = Limits(channels=1 << 16, requests=16, packet=64 * 1024, window=1 << 20, unsent=1 << 22, grace=20.0)
KIND = b"ssh-ed25519"
LOGIN_SECONDS = 15.0
MOST_TRIED = 3
"""Replicas that are asked for one stream."""
_LONGEST = 600.0


def pack_stream(place: Place) -> bytes:
    """The data of a channel that asks for a stream."""
    kind, data = pack_place(place.where)
    return strings(place.agent.encode(), kind, data) + u32(int(place.timeout * 1000))


def parse_stream(data: bytes) -> Place:
    """The reverse, or ValueError."""
    reader = Reader(data)
    agent, kind, inner, within = reader.string(), reader.string(), reader.string(), reader.u32() / 1000
    reader.end()
    if not 0 < within <= _LONGEST:
        raise ValueError("nobody waits for so long, or so short")
    return Place(parse_place(kind, inner), within, None, agent.decode("ascii"))


class Peers:
    """See the module, and `hub.Elsewhere`. `key` is this replica's for this life, `ident` its id."""

    log = Logger()

    def __init__(self, reactor: Any, registry: Registry, ident: str, key: PrivateKey) -> None:
        self._reactor, self._registry, self._ident, self._key = reactor, registry, ident, key
        self._known: dict[str, _Peer] = {}

    @property
    def streams(self) -> int:
        """How many are open by way of other replicas."""
        return sum(each.streams for each in self._known.values())

    async def open(self, place: Place) -> Stream | None:
        """See `hub.Elsewhere`: the least loaded replica is asked first, then the next."""
        failure: AgentUnavailable | None = None
        for row in self._registry.peers_with(place.agent)[:MOST_TRIED]:
            try:
                return await self._peer(row).open(place)
            except AgentUnavailable as why:
                if why.refused:
                    raise
                failure = why
        if failure is not None:
            raise failure
        return None

    def _peer(self, row: PeerRow) -> _Peer:
        known = self._known.get(row.id)
        if known is None or known.row != row:
            if known is not None:
                known.close("the replica has another key, or is elsewhere")
            known = self._known[row.id] = _Peer(self._reactor, row, self._ident, self._key)
        return known

    def look(self) -> None:
        """Let go of replicas whose lease is over: whoever answers there now is not they."""
        for ident, known in list(self._known.items()):
            if self._registry.peer(ident) != known.row:
                del self._known[ident]
                known.close("the replica is gone")

    def stop(self) -> None:
        """End every connection."""
        known, self._known = self._known, {}
        for each in known.values():
            each.close("the gateway stops")


class _Peer:
    """The connection to one replica: made when it is needed, shared by all streams. A ConnectionHandler."""

    def __init__(self, reactor: Any, row: PeerRow, ident: str, key: PrivateKey) -> None:
        self.row = row
        self.streams = 0
        self._reactor, self._ident, self._key = reactor, ident, key
        self._counted = Counted()
        self._transport: ClientTransport | None = None
        self._connection: IsConnection | None = None
        self._waiting: list[Deferred[IsConnection]] = []

    async def open(self, place: Place) -> Stream:
        """A stream, to be attached to a protocol; AgentUnavailable when there is none."""
        connection = await self._connected()
        transport = self._transport
        if transport is None or transport.transport is None:
            raise AgentUnavailable("the other replica is gone")
        self.streams += 1
        host = transport.transport.getHost()
        stream = AgentStream(self._reactor, Led(place), host, self._counted, self._over)
        return await opened(connection, STREAM, pack_stream(place), stream)

    def _over(self) -> None:
        self.streams -= 1

    async def _connected(self) -> IsConnection:
        if self._connection is not None:
            return self._connection
        waiting: Deferred[IsConnection] = Deferred()
        self._waiting.append(waiting)
        if len(self._waiting) == 1:
            Deferred.fromCoroutine(self._connect()).addErrback(self._not_connected)
        return await waiting

    async def _connect(self) -> None:
        place = client_place(self.row.address)
        if place is None or place.agent:
            raise ProtocolError("its address is none", "target")
        transport = self._transport = ClientTransport(
            self._reactor,
            self._verify,
            lambda _: TargetLogin(self._ident, WithKey(self._key), self._refused),
            self,
            self._refused,
            (KIND,),
            LIMITS,
        )
        endpoint = EagerClientEndpoint(self._reactor, place.where, min(place.timeout, LOGIN_SECONDS))
        await endpoint.connect(_Single(transport))

    async def _verify(self, blob: bytes) -> Key:
        """The key that must have signed: the one of the replica's row and no other."""
        expected = parse_line(self.row.key)
        if blob != expected.blob:
            raise ProtocolError("what answers is not that replica: it has another key", "target", "host-key")
        return Key(expected.raw)

    def _refused(self, error: Exception) -> None:
        self._fail(str(error))

    def _not_connected(self, failure: Any) -> None:
        why = failure.value
        self._fail(str(why) if isinstance(why, HoopError) else explained(why))

    def _fail(self, why: str) -> None:
        transport, self._connection, self._transport = self._transport, None, None
        if transport is not None and transport.transport is not None:
            transport.transport.abortConnection()
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.called:
                each.errback(AgentUnavailable(f"the replica it is connected to cannot be reached: {why}"))

    def close(self, why: str) -> None:
        """End it, and every stream with it."""
        if self._connection is not None:
            self._connection.disconnect(11, why)
            self._transport = None
        self._fail(why)

    # -- ConnectionHandler ----------------------------------------------------------------------------------------

    def started(self, connection: IsConnection) -> None:
        """See ConnectionHandler."""
        self._connection = connection
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            if not each.called:
                each.callback(connection)

    def open_requested(self, opening: IsOpening) -> None:
        """See ConnectionHandler: who was asked does not ask."""
        opening.refuse(ADMINISTRATIVELY_PROHIBITED, "only the replica that connected opens streams")

    def global_requested(self, request: IsGlobalRequest) -> None:
        """See ConnectionHandler."""
        request.reply(False)

    def lost(self, reason: str) -> None:
        """See ConnectionHandler."""
        self._fail(reason)


class _Single(Factory):
    noisy = False

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: Any) -> Any:
        """The one there is."""
        return self._protocol

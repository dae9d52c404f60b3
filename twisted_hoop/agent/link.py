"""One connection of an agent, as the gateway has it: streams are opened, heartbeats watched, nothing else let in.

Only the gateway opens channels; what an agent opens or asks for besides is refused and logged, and who goes on with it
is cut off.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from zope.interface import implementer

from twisted_hoop.agent.outside import OutsideOfGateway
from twisted_hoop.agent.stream import AgentStream, Counted
from twisted_hoop.agent.words import (
    ALIVE,
    HELLO,
    LEAVES,
    LONGEST_LINE,
    OUTER,
    RENEW,
    Hello,
    pack_lines,
    pack_place,
    parse_hello,
)
from twisted_hoop.errors import AgentUnavailable, AuthenticationFailed
from twisted_hoop.identity.ssh_wire import Reader
from twisted_hoop.interfaces import IAgentDoor
from twisted_hoop.model import AgentIdentity, AgentReport, Peer
from twisted_hoop.ssh.events import ADMINISTRATIVELY_PROHIBITED
from twisted_hoop.ssh.fields import shown
from twisted_hoop.ssh.handlers import IsConnection, IsGlobalRequest, IsOpening
from twisted_hoop.transport.names import Place

WINDOW = 1 << 20
"""Bytes of one stream that may be on their way to us, and wait here at the most (S9)."""
FOULS = 16
"""Refused openings and requests after which the connection is ended."""
RENEWALS = 30
"""Certificates that one connection may be given within an hour."""
_FOULED, _TOO_MANY = 2, 12
"""Reasons of SSH_MSG_DISCONNECT (RFC 4253, section 11.1)."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """Seconds: how often a heartbeat is asked for, and after how long without a word the other end is dead."""

    every: float = 10.0
    dead: float = 25.0


class Owner(Protocol):
    """What a link tells: that it is there, that it lives, that it is gone."""

    def began(self, link: Link) -> bool:
        """It is logged in; whether its installation may have one more."""

    def joined(self, link: Link) -> None:
        """It may open streams from now on."""

    def beat(self, link: Link) -> None:
        """It lives."""

    def left(self, link: Link) -> None:
        """It opens no streams any more."""


class Link:
    """See the module: a ConnectionHandler. `transport` is the SSH transport under it."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        door: IAgentDoor,
        owner: Owner,
        identity: AgentIdentity,
        peer: Peer,
        transport: Any,
        keys: tuple[str, ...],
        pulse: Pulse,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`keys` are lines of the gateway's own host key and of the authority for hosts, which agents keep."""
        self.identity = identity
        self.leaving = False
        self.streams = 0
        self.ident = secrets.token_hex(8)
        self._reactor, self._door, self._owner = reactor, door, owner
        self._peer, self._transport, self._keys, self._pulse, self._now = peer, transport, keys, pulse, now
        self._connection: IsConnection | None = None
        self._outside = OutsideOfGateway(transport)
        self._hello: Hello | None = None
        self._counted = Counted()
        self._since = self._seen = now()
        self._fouls = 0
        self._renewed: list[float] = []
        self._beat: Any = None
        self._heard = -1
        self._heard_at = self._began = 0.0

    @property
    def usable(self) -> bool:
        """Whether streams may be opened."""
        return self._connection is not None and not self.leaving

    @property
    def gone(self) -> bool:
        """Whether the connection is lost."""
        return self._connection is None

    def report(self) -> AgentReport:
        """How it is."""
        hello = self._hello or Hello("", ())
        counted = self._counted
        return AgentReport(
            self.ident,
            self._peer.address,
            hello.version,
            hello.offered,
            self._since,
            self._seen,
            self.streams,
            counted.sent,
            counted.received,
        )

    # -- streams --------------------------------------------------------------------------------------------------

    async def open(self, place: Place) -> AgentStream:
        """A stream to a place, to be attached to a protocol; or AgentUnavailable."""
        if self._connection is None:
            raise AgentUnavailable("its connection was lost")
        kind, data = pack_place(place.where)
        self.streams += 1
        stream = AgentStream(self._reactor, Led(place), self._transport.transport.getHost(), self._counted, self._over)
        return await opened(self._connection, kind, data, stream)

    def _over(self) -> None:
        self.streams -= 1

    def end(self, why: str) -> None:
        """Close the connection, and with it every stream: the agent is told why, and not waited for."""
        self.leaving = True
        self._transport.disconnect(11, why)

    # -- ConnectionHandler ----------------------------------------------------------------------------------------

    def started(self, connection: IsConnection) -> None:
        """See ConnectionHandler. It counts from its Hello on."""
        self._connection = connection
        if not self._owner.began(self):
            self._transport.disconnect(_TOO_MANY, "this agent has as many connections as it may have")
            return
        self._heard_at = self._began = self._reactor.seconds()
        self._beat = self._reactor.callLater(self._pulse.every, self._ask)

    def open_requested(self, opening: IsOpening) -> None:
        """See ConnectionHandler: agents open nothing (S12)."""
        opening.refuse(ADMINISTRATIVELY_PROHIBITED, "only the gateway opens channels")
        self._foul(f"a channel of kind {shown(opening.kind[:64])}")

    def global_requested(self, request: IsGlobalRequest) -> None:
        """See ConnectionHandler."""
        if request.name == HELLO and self._hello is None:
            self._said_hello(request)
        elif request.name == RENEW:
            Deferred.fromCoroutine(self._renew(request)).addErrback(self._not_renewed, request)
        elif request.name == LEAVES:
            self.leaving = True
            self._owner.left(self)
        elif request.name == OUTER and self._outside.answered(request.data):
            self.log.info("agent {agent}: nothing is encrypted twice", agent=self.identity.name)
        else:
            request.reply(False)
            self._foul(f"a request {shown(request.name[:64])}")

    def _foul(self, what: str) -> None:
        self._fouls += 1
        self.log.warn("agent {agent} asks for what only the gateway may: {what}", agent=self.identity.name, what=what)
        if self._fouls >= FOULS:
            self._transport.disconnect(_FOULED, "agents open nothing and ask for nothing")

    def _said_hello(self, request: IsGlobalRequest) -> None:
        try:
            self._hello = parse_hello(request.data)
        except ValueError as error:
            self._transport.disconnect(_FOULED, f"a greeting that cannot be read: {error}")
            return
        request.reply(True, pack_lines(self._keys))
        self.log.info(
            "agent {agent} is connected",
            agent=self.identity.name,
            ident=self.identity.ident,
            proof=self.identity.proof,
            version=self._hello.version,
            address=self._peer.address,
        )
        self._door.connected(self.identity, self.report())
        self._outside.ask(self._connection)
        self._owner.joined(self)

    async def _renew(self, request: IsGlobalRequest) -> None:
        hour = self._now() - 3600
        self._renewed = [when for when in self._renewed if when > hour]
        if len(self._renewed) >= RENEWALS:
            raise AuthenticationFailed("too many certificates within an hour")
        self._renewed.append(self._now())
        reader = Reader(request.data)
        line = reader.string()
        reader.end()
        if len(line) > LONGEST_LINE:
            raise ValueError("a key that is too long")
        certificate = await self._door.renew(self.identity, line.decode())
        request.reply(True, pack_lines((certificate,)))

    def _not_renewed(self, failure: Any, request: IsGlobalRequest) -> None:
        if failure.check(AuthenticationFailed, ValueError) is None:
            self.log.failure("agent {agent} got no certificate", failure=failure, agent=self.identity.name)
        else:
            why = str(failure.value)
            self.log.warn("agent {agent} got no certificate: {why}", agent=self.identity.name, why=why)
        request.reply(False)

    def lost(self, reason: str) -> None:
        """See ConnectionHandler."""
        self._connection = None
        if self._beat is not None and self._beat.active():
            self._beat.cancel()
        self._owner.left(self)
        if self._hello is not None:
            self.log.info("agent {agent} is gone: {why}", agent=self.identity.name, why=reason)
            self._door.disconnected(self.identity, self.report())

    # -- heartbeats -----------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        connection = self._connection
        if connection is None:
            return
        if self._silent():
            self.log.warn("agent {agent} does not answer: it is taken for dead", agent=self.identity.name)
            self._transport.transport.abortConnection()
            return
        if self._hello is not None:
            self._door.heartbeat(self.identity, self.report())
            self._owner.beat(self)
        elif self._reactor.seconds() - self._began > self._pulse.dead:
            self._transport.disconnect(_FOULED, "no greeting came")
        connection.request(ALIVE, b"", True)
        self._beat = self._reactor.callLater(self._pulse.every, self._ask)

    def _silent(self) -> bool:
        """Whether nothing came for too long: no answer, and no data either, which is as good."""
        heard, now = self._transport.incomingPacketSequence, self._reactor.seconds()
        if heard != self._heard:
            self._heard, self._heard_at, self._seen = heard, now, self._now()
        return bool(now - self._heard_at > self._pulse.dead)


async def opened(connection: IsConnection, kind: bytes, data: bytes, stream: AgentStream) -> AgentStream:
    """The stream, once the other end has opened it, or AgentUnavailable; who gives up leaves nothing open there."""
    channel = connection.open(kind, data, stream, WINDOW)
    stream.began(channel)
    try:
        await stream.opened
    except BaseException:
        channel.abandon()
        raise
    return stream


@implementer(IAddress)
class Led:
    """Where a stream leads, as an address."""

    def __init__(self, place: Place) -> None:
        self.host = getattr(place.where, "host", "")
        self.port = getattr(place.where, "port", 0)
        self.name = getattr(place.where, "path", "")
        self.agent = place.agent

"""The agents that are connected here, and the way to a target by one of them: the least loaded that lives."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IProtocol, IProtocolFactory, IStreamClientEndpoint
from twisted.logger import Logger
from zope.interface import implementer

from twisted_hoop.agent.link import Link
from twisted_hoop.agent.words import described
from twisted_hoop.errors import AgentUnavailable
from twisted_hoop.interfaces import IAgentDoor
from twisted_hoop.transport.connect import Unreachable
from twisted_hoop.transport.names import Place

LOOK_EVERY = 1.0
"""Seconds between looks at who may go on."""
MOST_TRIED = 4
"""Agents of one name that are asked for one stream."""


class Stream(Protocol):
    """A transport that is open already and wants its protocol."""

    def attach(self, protocol: Any) -> None:
        """`protocol` speaks over it from now on."""

    def abortConnection(self) -> None:
        """Nobody wants it."""

    def getPeer(self) -> Any:
        """Where it leads."""


class Elsewhere(Protocol):
    """Agents that are connected to other replicas."""

    async def open(self, place: Place) -> Stream | None:
        """A stream by way of another replica; None when none has such an agent, AgentUnavailable when it fails."""


class Hub:
    """See the module: the Owner of every Link. `elsewhere` is asked when no agent of the name is connected here."""

    log = Logger()

    def __init__(self, reactor: Any, door: IAgentDoor) -> None:
        self.elsewhere: Elsewhere | None = None
        self.refused = 0
        """Connections beyond what their installations may have, since the start."""
        self._reactor = reactor
        self._door = door
        self._links: dict[str, list[Link]] = {}
        self._all: set[Link] = set()
        self._look: Any = None

    # -- who is there ---------------------------------------------------------------------------------------------

    def began(self, link: Link) -> bool:
        """See `link.Owner`. The newest is refused where there are as many as may be (S7, I10).

        Were the oldest ended in its place, whoever stole an identity could end the streams of its owner at will; so it
        can keep it from connecting anew at most, until it is revoked, and everybody hears of it.
        """
        ident = link.identity.ident
        if sum(each.identity.ident == ident for each in self._all) >= self._door.most_connections(link.identity):
            self.refused += 1
            self.log.warn(
                "agent {agent} is refused another connection: if it was not configured to have so many, revoke it",
                agent=link.identity.name,
                ident=ident,
                address=link.report().address,
            )
            return False
        self._all.add(link)
        if self._look is None:
            self._look = self._reactor.callLater(LOOK_EVERY, self._look_at_all)
        return True

    def joined(self, link: Link) -> None:
        """See `link.Owner`."""
        self._links.setdefault(link.identity.name, []).append(link)

    def beat(self, link: Link) -> None:
        """See `link.Owner`."""

    def left(self, link: Link) -> None:
        """See `link.Owner`: it opens nothing more; the streams it has may last."""
        links = self._links.get(link.identity.name, [])
        if link in links:
            links.remove(link)
        if not links:
            self._links.pop(link.identity.name, None)
        if link.gone:
            self._all.discard(link)

    def links(self) -> Iterator[Link]:
        """Those that may open streams."""
        for links in self._links.values():
            yield from links

    def has(self, name: str) -> bool:
        """Whether an agent of that name is connected here."""
        return bool(self._links.get(name))

    @property
    def streams(self) -> int:
        """How many are open, by all agents here."""
        return sum(link.streams for link in self._all)

    def look(self) -> None:
        """End every connection whose agent may not go on: revoked, or its certificate ended."""
        for link in list(self._all):
            if not self._door.still_valid(link.identity):
                self.log.warn("agent {agent} may not go on: its connection ends", agent=link.identity.name)
                link.end("this agent was revoked, or its proof has ended")

    def _look_at_all(self) -> None:
        self._look = None
        self.look()
        if self._all:
            self._look = self._reactor.callLater(LOOK_EVERY, self._look_at_all)

    def stop(self) -> None:
        """End every connection: the gateway stops."""
        if self._look is not None:
            self._look.cancel()
            self._look = None
        for link in list(self._all):
            link.end("the gateway stops")

    # -- the way to a target --------------------------------------------------------------------------------------

    def endpoint(self, place: Place) -> IStreamClientEndpoint:
        """The endpoint of a place behind an agent: what `client_endpoint` asks for."""
        return AgentEndpoint(self._reactor, self.open, place)

    async def open(self, place: Place, only_here: bool = False) -> Stream:
        """A stream to a place, or AgentUnavailable. The least loaded agent is asked first, then the next."""
        links = sorted(self._links.get(place.agent, ()), key=lambda link: link.streams)
        if not links and self.elsewhere is not None and not only_here:
            found = await self.elsewhere.open(place)
            if found is not None:
                return found
        failure = AgentUnavailable("is not connected")
        tried = links[:MOST_TRIED]
        for link in tried:
            try:
                return await self._by(link, place, len(tried))
            except AgentUnavailable as why:
                failure = why
        if links and self.elsewhere is not None and not only_here and not failure.refused:
            found = await self.elsewhere.open(place)
            if found is not None:
                return found
        raise failure

    async def _by(self, link: Link, place: Place, shares: int) -> Stream:
        """By one agent, in its share of the time: one that never answers, or was stolen, takes nobody else's (S9)."""
        work: Deferred[Stream] = Deferred.fromCoroutine(link.open(place))
        if shares > 1:
            work.addTimeout(place.timeout / shares, self._reactor, _silent)
        return await work


def _silent(_: object, within: float) -> Stream:
    raise AgentUnavailable(f"did not answer within {within:g} seconds")


@implementer(IStreamClientEndpoint)
class AgentEndpoint:
    """A place behind an agent. Failures are `Unreachable`, in words that name the agent and the place."""

    def __init__(self, reactor: Any, opening: Callable[[Place], Any], place: Place) -> None:
        self._reactor = reactor
        self._open = opening
        self._place = place

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """The connected protocol; may be cancelled."""
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        factory.doStart()
        try:
            stream = await self._stream()
            return self._joined(stream, factory)
        except CancelledError as why:
            raise error.ConnectingCancelledError(self._place) from why
        finally:
            factory.doStop()

    async def _stream(self) -> Stream:
        place = self._place
        work: Deferred[Stream] = Deferred.fromCoroutine(self._open(place))
        work.addTimeout(place.timeout, self._reactor, self._late)
        try:
            return await work
        except AgentUnavailable as why:
            raise Unreachable(f"agent {place.agent}: {why}") from why

    def _late(self, _: object, within: float) -> Stream:
        where = described(self._place.where)
        raise AgentUnavailable(f"{where} was not reached within {within:g} seconds")

    def _joined(self, stream: Stream, factory: IProtocolFactory) -> IProtocol:
        protocol: IProtocol | None = factory.buildProtocol(stream.getPeer())
        if protocol is None:
            stream.abortConnection()
            raise error.ConnectError(string="the factory made no protocol")
        stream.attach(protocol)
        return protocol

"""Connecting: a client endpoint that makes eager transports.

Names are resolved by the reactor's resolver, never in its thread. Addresses are tried in turn, in the order the
resolver gave them, and share the time there is.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from twisted.internet import error
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import (
    IAddress,
    IHostResolution,
    IProtocol,
    IProtocolFactory,
    IReadWriteDescriptor,
    IResolutionReceiver,
    IStreamClientEndpoint,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_hoop.transport.listen import address_of
from twisted_hoop.transport.stream import EagerTransport

CONNECT_TIMEOUT = 30.0
"""Seconds to resolve and connect, over all addresses."""


class Unreachable(error.ConnectError):
    """A place that cannot be connected to for a reason that explains itself."""

    def __init__(self, why: str) -> None:
        super().__init__(string=why)  # type: ignore[no-untyped-call]
        self.why = why

    def __str__(self) -> str:
        return self.why


def explained(why: Exception) -> str:
    """What a failure to connect says to an operator: its kind where the text alone would not tell."""
    if isinstance(why, Unreachable):
        return str(why)
    return f"{type(why).__name__}: {why}" if str(why) else type(why).__name__


@dataclass(frozen=True, slots=True)
class Candidate:
    """One address to try: a socket family and its `connect` argument."""

    family: int
    name: Any


@implementer(IReadWriteDescriptor)
class _Connecting:
    """Waits until a connecting socket can be written to; `settled` is then its SO_ERROR."""

    def __init__(self, reactor: Any, sock: socket.socket) -> None:
        self._reactor = reactor
        self._socket = sock
        self.settled: Deferred[int] = Deferred(lambda _: reactor.removeWriter(self))
        reactor.addWriter(self)

    def fileno(self) -> int:
        """The descriptor."""
        return self._socket.fileno()

    def logPrefix(self) -> str:
        """For the log."""
        return "connecting"

    def doRead(self) -> None:
        """Never asked for."""

    def doWrite(self) -> None:
        """Connected, or not."""
        self._reactor.removeWriter(self)
        self.settled.callback(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR))

    def connectionLost(self, reason: Failure) -> None:
        """The reactor saw a hang-up, which is how a refusal looks, or shuts down."""
        if not self.settled.called:
            self.settled.callback(self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or errno.ECONNABORTED)


async def connect_one(reactor: Any, where: Candidate, bind: tuple[str, int] | None, within: float) -> socket.socket:
    """A connected socket. ConnectError, ConnectBindError or TimeoutError (Twisted's) otherwise."""
    sock = socket.socket(where.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if bind is not None:
            _bind(sock, bind)
        code = sock.connect_ex(where.name)
        if code == errno.EINPROGRESS:
            code = await _settled(reactor, sock, within)
        if code:
            raise error.getConnectError((code, os.strerror(code)))
    except (OSError, OverflowError, TypeError, ValueError) as why:  # a name that cannot be an address
        sock.close()
        raise error.ConnectError(string=str(why)) from why
    except BaseException:
        sock.close()
        raise
    return sock


async def _settled(reactor: Any, sock: socket.socket, within: float) -> int:
    return await _Connecting(reactor, sock).settled.addTimeout(within, reactor, _timed_out)


def _timed_out(_: object, within: float) -> int:
    raise error.TimeoutError(string=f"no answer within {within:g} seconds")


def _bind(sock: socket.socket, bind: tuple[str, int]) -> None:
    try:
        sock.bind(bind)
    except (OSError, OverflowError, TypeError, ValueError) as why:
        raise error.ConnectBindError(string=str(why)) from why


@implementer(IResolutionReceiver)
class _Resolution:
    """Collects the addresses of a name."""

    def __init__(self) -> None:
        self._found: list[Candidate] = []
        self.complete: Deferred[list[Candidate]] = Deferred()

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """Started; a resolution that comes too late is not waited for."""

    def addressResolved(self, address: IAddress) -> None:
        """One more."""
        if isinstance(address, IPv6Address):
            name = (address.host, address.port, address.flowInfo, address.scopeID)
            self._found.append(Candidate(socket.AF_INET6, name))
        elif isinstance(address, IPv4Address):
            self._found.append(Candidate(socket.AF_INET, (address.host, address.port)))

    def resolutionComplete(self) -> None:
        """That is all."""
        if not self.complete.called:
            self.complete.callback(self._found)


@dataclass(frozen=True, slots=True)
class TcpPlace:
    """A host, by name or address, and a port."""

    host: str
    port: int

    async def candidates(self, reactor: Any, within: float) -> Sequence[Candidate]:
        """Its addresses, at least one. DNSLookupError or TimeoutError otherwise."""
        for family in (socket.AF_INET, socket.AF_INET6):
            with suppress(OSError, ValueError):
                socket.inet_pton(family, self.host)
                return [Candidate(family, (self.host, self.port))]
        resolution = _Resolution()
        reactor.nameResolver.resolveHostName(resolution, self.host, self.port)
        found = await resolution.complete.addTimeout(within, reactor, self._late)
        if not found:
            raise error.DNSLookupError(f"no address for {self.host}")
        return found

    def _late(self, _: object, within: float) -> list[Candidate]:
        raise error.TimeoutError(string=f"{self.host} was not resolved within {within:g} seconds")


@dataclass(frozen=True, slots=True)
class UnixPlace:
    """A path."""

    path: str

    async def candidates(self, reactor: Any, within: float) -> Sequence[Candidate]:
        """Itself."""
        return [Candidate(socket.AF_UNIX, self.path)]


@dataclass(frozen=True, slots=True)
class KnownPlace:
    """Addresses that were looked up, and checked, already (S11)."""

    found: tuple[Candidate, ...]

    async def candidates(self, reactor: Any, within: float) -> Sequence[Candidate]:
        """Themselves."""
        return self.found


@implementer(IStreamClientEndpoint)
class EagerClientEndpoint:
    """A place to connect to. Failures are those of Twisted's own endpoints (`twisted.internet.error`)."""

    def __init__(
        self,
        reactor: Any,
        place: TcpPlace | UnixPlace | KnownPlace,
        timeout: float = CONNECT_TIMEOUT,
        bind: tuple[str, int] | None = None,
    ) -> None:
        """`timeout` in seconds; `bind` is our own address and port."""
        self._reactor = reactor
        self._place = place
        self._timeout = timeout
        self._bind = bind

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:
        """The connected protocol; may be cancelled."""
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        factory.doStart()
        try:
            sock = await self._socket()
            return self._joined(sock, factory)
        except CancelledError as why:
            factory.doStop()
            raise error.ConnectingCancelledError(self._place) from why
        except BaseException:
            factory.doStop()
            raise

    async def _socket(self) -> socket.socket:
        deadline = self._reactor.seconds() + self._timeout
        candidates = await self._place.candidates(self._reactor, self._timeout)
        failure = error.ConnectError(string="no address")
        for tried, candidate in enumerate(candidates):
            share = max(deadline - self._reactor.seconds(), 0.001) / (len(candidates) - tried)
            try:
                return await connect_one(self._reactor, candidate, self._bind, share)
            except error.ConnectError as why:
                failure = why
        raise failure

    def _joined(self, sock: socket.socket, factory: IProtocolFactory) -> IProtocol:
        try:
            peer = address_of(sock.family, sock.getpeername())
            host = address_of(sock.family, sock.getsockname())
            protocol = factory.buildProtocol(peer)
        except BaseException:
            sock.close()
            raise
        if protocol is None:
            sock.close()
            raise error.ConnectError(string="the factory made no protocol")
        EagerTransport(self._reactor, sock, peer, host, factory.doStop).attach(protocol)
        return protocol

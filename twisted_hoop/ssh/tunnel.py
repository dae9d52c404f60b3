"""A channel as a transport: what an SSH connection inside an SSH connection runs over (`ssh -J`).

As with every transport, `dataReceived` and `connectionLost` are never called from within `write`, `loseConnection` or
`resumeProducing`; what the protocol raises ends this connection and not the one around it (R15).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IAddress, IConsumer, ITCPTransport
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_hoop.ssh.events import STDOUT, Close, Data, Eof, Event
from twisted_hoop.ssh.handlers import IsChannel

HIGH_WATER = 256 * 1024
"""Bytes that wait for the outer connection before the inner one is told to stop."""


@implementer(ITCPTransport, IConsumer)
class Tunnel:
    """See the module: a ChannelHandler for the outer connection. `attach` a protocol once the channel is accepted."""

    log = Logger()

    def __init__(self, reactor: Any, peer: IAddress, host: IAddress) -> None:
        self.disconnecting = False
        self._reactor = reactor
        self._peer = peer
        self._host = host
        self._channel: IsChannel | None = None
        self._protocol: Any = None
        self._producer: Any = None
        self._stopped = False
        self._reading = True
        self._waiting: list[bytes] = []
        self._again: Any = None
        self._gone = False

    def attach(self, channel: IsChannel, protocol: Any) -> None:
        """`protocol` speaks over `channel` from now on."""
        self._channel, self._protocol = channel, protocol
        self._guarded(protocol.makeConnection, self)

    # -- what the outer connection tells --------------------------------------------------------------------------

    def received(self, event: Event) -> None:
        """See ChannelHandler."""
        if isinstance(event, Data) and event.stream == STDOUT:
            self._data(event)
        elif isinstance(event, (Eof, Close)):
            self._lost(Failure(ConnectionDone()))

    def _data(self, event: Data) -> None:
        size = len(event.data)
        if self._gone or self.disconnecting:
            return
        if not self._reading or self._waiting:
            self._waiting.append(bytes(event.data))
            return
        self._guarded(self._protocol.dataReceived, bytes(event.data))
        self._credit(size)

    def _credit(self, size: int) -> None:
        if self._channel is not None and not self._gone:
            self._channel.credit(size)

    def drained(self) -> None:
        """See ChannelHandler."""
        if self._stopped:
            self._stopped = False
            if self._producer is not None:
                self._producer.resumeProducing()

    def lost(self) -> None:
        """See ChannelHandler."""
        self._lost(Failure(ConnectionLost("the connection around is gone")))

    def _lost(self, reason: Failure) -> None:
        if self._gone:
            return
        self._gone, self.disconnecting = True, True
        self._waiting.clear()
        if self._channel is not None:
            self._channel.send(Close())
        if self._protocol is not None:
            self._guarded(self._protocol.connectionLost, reason)

    def _guarded(self, call: Any, *arguments: Any) -> None:
        try:
            call(*arguments)
        except Exception:  # noqa: BLE001  the boundary of the inner connection (R15)
            self.log.failure("the connection inside a connection failed")
            self.abortConnection()

    # -- what the inner connection calls --------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """See ITransport."""
        channel = self._channel
        if channel is None or self._gone or self.disconnecting:
            return
        channel.send(Data(STDOUT, data))
        if channel.queued > HIGH_WATER and not self._stopped and self._producer is not None:
            self._stopped = True
            self._producer.pauseProducing()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """See ITransport."""
        self.write(b"".join(data))

    def loseConnection(self) -> None:
        """See ITransport: what was written leaves before the end."""
        if not self.disconnecting:
            self.disconnecting = True
            self._reactor.callLater(0, self._lost, Failure(ConnectionDone()))

    abortConnection = loseConnection

    def loseWriteConnection(self) -> None:
        """See ITCPTransport."""
        if self._channel is not None and not self.disconnecting:
            self._channel.send(Eof())

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """See IConsumer."""
        self._producer = producer

    def unregisterProducer(self) -> None:
        """See IConsumer."""
        self._producer = None

    def pauseProducing(self) -> None:
        """Give the protocol nothing for now; the outer window bounds what waits (S9)."""
        self._reading = False

    def resumeProducing(self) -> None:
        """Give it what waits, and what comes."""
        self._reading = True
        if self._waiting and self._again is None:
            self._again = self._reactor.callLater(0, self._read_on)

    def _read_on(self) -> None:
        self._again = None
        while self._waiting and self._reading and not self._gone:
            data = self._waiting.pop(0)
            self._guarded(self._protocol.dataReceived, data)
            self._credit(len(data))

    def stopProducing(self) -> None:
        """See IProducer."""
        self.loseConnection()

    def getPeer(self) -> Any:
        """Where the outer connection comes from."""
        return self._peer

    def getHost(self) -> Any:
        """Where it came to."""
        return self._host

    def setTcpNoDelay(self, enabled: bool) -> None:
        """See ITCPTransport; the outer connection's matter."""

    def getTcpNoDelay(self) -> bool:
        """See ITCPTransport."""
        return True

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """See ITCPTransport; the outer connection's matter."""

    def getTcpKeepAlive(self) -> bool:
        """See ITCPTransport."""
        return False

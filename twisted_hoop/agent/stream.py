"""A stream to a target that an agent connected to: a channel as a Twisted transport, with TLS inside when asked for.

What protocols of targets use of an eager transport is the same here: `write` sends at once, producers both ways,
half closes, `start_tls`, `handshake`, `tls`. `dataReceived` and `connectionLost` are never called from within `write`,
`loseConnection`, `start_tls` or `resumeProducing`; what the protocol raises ends this stream and no other (R15).
Window is given back when the protocol took what came, so that what waits here is bounded by the window (S9).
"""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IAddress, IConsumer, IHalfCloseableProtocol, IPushProducer, ITCPTransport
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import classImplements

from twisted_hoop.agent.memory_tls import MemoryTls
from twisted_hoop.errors import AgentUnavailable, ProtocolError
from twisted_hoop.ssh.events import (
    ADMINISTRATIVELY_PROHIBITED,
    STDOUT,
    Close,
    Data,
    Eof,
    Event,
    Opened,
    OpenFailed,
)
from twisted_hoop.ssh.handlers import IsChannel
from twisted_hoop.transport.tls import TlsSession

HIGH_WATER = 256 * 1024
"""Bytes that wait for the agent before the protocol's producer is told to stop."""
CLOSE_TIMEOUT = 30.0
"""Seconds in which what was written before a close may leave."""


class Counted:
    """Bytes of all streams of one connection."""

    __slots__ = ("received", "sent")

    def __init__(self) -> None:
        self.sent = self.received = 0


class AgentStream:
    """See the module: a ChannelHandler for the connection of the agent. `attach` a protocol once it is open."""

    log: ClassVar[Logger] = Logger()

    def __init__(
        self, reactor: Any, peer: IAddress, host: IAddress, counted: Counted, over: Callable[[], None]
    ) -> None:
        """`peer` is where the stream leads, `host` where the agent's connection came to. `over` is called once."""
        self.connected, self.disconnecting = False, False
        self.tls: TlsSession | None = None
        self._reactor = reactor
        self._peer, self._host = peer, host
        self._counted = counted
        self._over: Callable[[], None] | None = over
        self._channel: IsChannel | None = None
        self._protocol: Any = None
        self._producer: Any = None
        self._stopped = False
        self._reading = True
        self._waiting: deque[bytes | None] = deque()
        self._again: Any = None
        self._deadline: Any = None
        self._tls: MemoryTls | None = None
        self.opened: Deferred[IsChannel] = Deferred()
        """Fires when the agent has connected; fails with AgentUnavailable."""
        self._early: list[bytes] = []
        self._shaken: list[Deferred[None]] = []
        self._failed: ProtocolError | None = None
        self._gone = False

    def began(self, channel: IsChannel) -> None:
        """The channel was asked for."""
        self._channel = channel

    def attach(self, protocol: Any) -> None:
        """`protocol` speaks over the stream from now on. When it was lost meanwhile, it is told at once."""
        self._protocol, self.connected = protocol, True
        self._guarded(protocol.makeConnection, self)
        if self._gone and not self._waiting:
            self._reactor.callLater(0, self._end, ConnectionLost("the agent's connection is gone"))
        elif self._waiting:
            self._read_soon()

    # -- what the agent's connection tells ------------------------------------------------------------------------

    def received(self, event: Event) -> None:
        """See ChannelHandler. The other stream of a channel has no meaning here, and is only credited."""
        if isinstance(event, Data):
            if event.stream == STDOUT:
                self.bytes_received(event.data)
            else:
                self._credit(len(event.data))
        elif isinstance(event, Eof):
            self._waiting.append(None)
            self._read_on()
        elif isinstance(event, Close):
            self._closed_by_agent()
        elif isinstance(event, Opened):
            self._settle(None)
        elif isinstance(event, OpenFailed):
            self._settle(AgentUnavailable(_printable(event.text), event.code == ADMINISTRATIVELY_PROHIBITED))

    def _settle(self, error: AgentUnavailable | None) -> None:
        if self.opened.called:
            return
        if error is not None:
            self.opened.errback(error)
        elif self._channel is not None:
            self.opened.callback(self._channel)

    def bytes_received(self, data: bytes | memoryview) -> None:
        """See ChannelHandler: bytes of the target."""
        size = len(data)
        self._counted.received += size
        if not self._reading or self._waiting or not self.connected or self.disconnecting:
            if not self.disconnecting:
                self._waiting.append(bytes(data))
            return
        self._taken(data)
        self._credit(size)

    def _taken(self, data: bytes | memoryview) -> None:
        if self._tls is not None:
            self._through_tls(self._tls, data)
            return
        try:
            self._protocol.dataReceived(bytes(data))
        except Exception:  # noqa: BLE001  the boundary of one stream (R15)
            self._protocol_failed()

    def _credit(self, size: int) -> None:
        if self._channel is not None:
            self._channel.credit(size)

    def drained(self) -> None:
        """See ChannelHandler."""
        if self._stopped:
            self._stopped = False
            if self._producer is not None:
                self._guarded(self._producer.resumeProducing)

    def lost(self) -> None:
        """See ChannelHandler: the channel is over, or the whole connection."""
        self._gone = True
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        over, self._over = self._over, None
        if over is not None:
            over()
        self._settle(AgentUnavailable("its connection was lost"))
        if None not in self._waiting:  # else what came before an end that was announced is still to be taken
            self._end(ConnectionLost("the agent's connection is gone"))

    def _closed_by_agent(self) -> None:
        if None not in self._waiting:
            self._waiting.clear()
            self._end(ConnectionLost("the target, or the agent, broke the connection off"))
        if self._channel is not None:
            self._channel.send(Close())

    # -- reading --------------------------------------------------------------------------------------------------

    def _read_soon(self) -> None:
        if self._again is None and self.connected:
            self._again = self._reactor.callLater(0, self._read_again)

    def _read_again(self) -> None:
        self._again = None
        self._read_on()

    def _read_on(self) -> None:
        if self._tls is not None and self.tls is not None:
            self._read_tls(self._tls)
        while self._waiting and self._reading and self.connected and not self.disconnecting:
            data = self._waiting.popleft()
            if data is None:
                self._read_ended()
                return
            self._taken(data)
            self._credit(len(data))

    def _read_ended(self) -> None:
        protocol = IHalfCloseableProtocol(self._protocol, None)
        if self._tls is not None:
            self._end(ConnectionLost("the target closed without saying so in TLS"))
        elif protocol is None or self._gone:
            self._end(ConnectionDone())
        else:
            self._guarded(protocol.readConnectionLost)

    def pauseProducing(self) -> None:
        """Give the protocol nothing for now; the window bounds what waits (S9)."""
        self._reading = False

    def resumeProducing(self) -> None:
        """Give it what waits, and what comes."""
        self._reading = True
        if self._waiting or self._tls is not None:
            self._read_soon()

    def stopProducing(self) -> None:
        """Nobody wants what arrives here."""
        self.loseConnection()

    # -- TLS ------------------------------------------------------------------------------------------------------

    def start_tls(
        self, context: ssl.SSLContext, server_side: bool, server_hostname: str | None = None, unread: bytes = b""
    ) -> None:
        """As `EagerTransport.start_tls`; here always the client's side. What came in the clear and was not taken
        must not be believed inside TLS (P1): there must be none."""
        if server_side or self._tls is not None or self.disconnecting:
            raise RuntimeError("TLS was started before, or the stream is closing, or is a server's")
        if unread or self._waiting:
            raise ProtocolError("bytes in the clear around the start of TLS", "target")
        self._tls = MemoryTls(context, server_hostname)
        self._reactor.callLater(0, self._guarded, self._shake)

    def handshake(self) -> Deferred[None]:
        """When the handshake is complete. Fails with ProtocolError when it, or the stream before it, fails."""
        if self.tls is not None:
            return succeed(None)
        if self._failed is not None:
            return fail(self._failed)
        waiting: Deferred[None] = Deferred()
        self._shaken.append(waiting)
        return waiting

    def _shake(self) -> bool:
        """Go on with the handshake: whether it is complete now."""
        tls = self._tls
        if tls is None or not self.connected or self.tls is not None:
            return False
        try:
            done = tls.shake()
        except (OSError, ValueError) as why:
            self._send(tls.taken())
            self._end(ConnectionLost(str(why)))
            return False
        self._send(tls.taken())
        if done:
            self._handshake_done(tls)
        return done

    def _handshake_done(self, tls: MemoryTls) -> None:
        self.tls = tls.session
        early, self._early = self._early, []
        for data in early:
            self.write(data)
        waiting, self._shaken = self._shaken, []
        for each in waiting:
            each.callback(None)

    def _through_tls(self, tls: MemoryTls, data: bytes | memoryview) -> None:
        tls.feed(data)
        if self.tls is not None or self._shake():
            self._read_tls(tls)

    def _read_tls(self, tls: MemoryTls) -> None:
        try:
            while self._reading and self.connected and not self.disconnecting and (plain := tls.read()) is not None:
                if not plain:
                    self._end(ConnectionDone())
                    return
                self._protocol.dataReceived(plain)
        except OSError as why:
            self._end(ConnectionLost(str(why)))
        except Exception:  # noqa: BLE001  the boundary of one stream (R15)
            self._protocol_failed()
        self._send(tls.taken())  # an answer to a key update, say

    # -- writing --------------------------------------------------------------------------------------------------

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send at once, as far as window and socket let it."""
        if not self.connected or (self.disconnecting and self._producer is None):
            return
        tls = self._tls
        if tls is None:
            self._send(data)
        elif self.tls is None:
            self._early.append(bytes(data))
        else:
            tls.write(data)
            self._send(tls.taken())

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """See ITransport."""
        self.write(b"".join(data))

    def _send(self, data: bytes | bytearray | memoryview) -> None:
        channel = self._channel
        if channel is None or not data:
            return
        self._counted.sent += len(data)
        channel.write(data if isinstance(data, (bytes, memoryview)) else bytes(data))
        if channel.queued > HIGH_WATER and not self._stopped and self._producer is not None:
            self._stopped = True
            self._producer.pauseProducing()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """See IConsumer; push producers only."""
        if self._producer is not None:
            raise RuntimeError("there is a producer already")
        if not self.connected:
            producer.stopProducing()
            return
        self._producer = producer

    def unregisterProducer(self) -> None:
        """See IConsumer."""
        self._producer = None
        self._stopped = False
        if self.disconnecting:
            self._reactor.callLater(0, self._finish)

    # -- ends -----------------------------------------------------------------------------------------------------

    def loseConnection(self) -> None:
        """See ITransport: what was written leaves before the end, or is dropped after CLOSE_TIMEOUT seconds."""
        if self.connected and not self.disconnecting:
            self.disconnecting = True
            if self._producer is None:
                self._reactor.callLater(0, self._finish)

    def _finish(self) -> None:
        if not self.connected or self._producer is not None:
            return
        if self._tls is not None:
            self._tls.finish()
            self._send(self._tls.taken())
        self._end(ConnectionDone())

    def abortConnection(self) -> None:
        """Close now, dropping what was not sent; the target gets a reset. `connectionLost` follows in the next turn."""
        if not self.connected or self._channel is None:
            return
        self.disconnecting = True
        self._waiting.clear()
        self._channel.abandon()
        self._reactor.callLater(0, self._end, ConnectionAborted())

    def loseWriteConnection(self) -> None:
        """Nothing more is sent; under TLS this is `loseConnection`, as with eager transports."""
        if self._tls is not None:
            self.loseConnection()
        elif self._channel is not None and self.connected and not self.disconnecting:
            self._channel.send(Eof())

    def _end(self, why: Exception) -> None:
        """Once: the channel is closed behind what was written, the protocol told."""
        if not self.connected:
            return
        self.connected, self.disconnecting = False, True
        self._waiting.clear()
        if self._again is not None and self._again.active():
            self._again.cancel()
        self._close_channel(orderly=isinstance(why, ConnectionDone))
        producer, self._producer = self._producer, None
        if producer is not None:
            self._guarded(producer.stopProducing)
        if self.tls is None:
            self._failed = ProtocolError(f"TLS handshake failed: {why}", "target")
        waiting, self._shaken = self._shaken, []
        for each in waiting:
            each.errback(Failure(self._failed or ProtocolError("the stream is gone", "target")))
        protocol, self._protocol = self._protocol, None
        self._guarded(protocol.connectionLost, Failure(why))

    def _close_channel(self, orderly: bool) -> None:
        channel = self._channel
        if channel is None or self._over is None:
            return
        if orderly:
            channel.send(Eof())
        channel.send(Close())
        self._deadline = self._reactor.callLater(CLOSE_TIMEOUT, channel.abandon)

    def _guarded(self, call: Callable[..., Any], *arguments: Any) -> None:
        try:
            call(*arguments)
        except Exception:  # noqa: BLE001  the boundary of one stream (R15)
            self._protocol_failed()

    def _protocol_failed(self) -> None:
        self.log.failure("the protocol of a stream failed; the stream is closed")
        self.abortConnection()

    # -- about it -------------------------------------------------------------------------------------------------

    def getPeer(self) -> Any:
        """Where the stream leads."""
        return self._peer

    def getHost(self) -> Any:
        """Where the agent's connection came to."""
        return self._host

    def setTcpNoDelay(self, enabled: bool) -> None:
        """See ITCPTransport; the agent's matter."""

    def getTcpNoDelay(self) -> bool:
        """See ITCPTransport: it is set on both sockets."""
        return True

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """See ITCPTransport; heartbeats do it."""

    def getTcpKeepAlive(self) -> bool:
        """See ITCPTransport."""
        return False


# A decorator would keep mypyc from making it native.
classImplements(AgentStream, ITCPTransport, IConsumer, IPushProducer)


def _printable(text: str) -> str:
    """What an agent says, fit for a log and for a client (S19)."""
    return "".join(c if c.isprintable() else "?" for c in text[:300]) or "refused"

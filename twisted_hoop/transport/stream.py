"""The eager transport: an ordinary Twisted transport that sends at once.

Twisted's own `write` only queues, and sends one turn of the reactor later; here `write` sends when nothing is queued
and queues only the rest, which saves a third of the latency of every small message (docs/performance.md). The TLS below
works on the descriptor itself. Everything else is as `twisted.internet.interfaces.ITCPTransport` says, but for:

* after `loseConnection`, what is written is dropped (unless a producer is registered, which may finish);
* under TLS there is no half close: `loseWriteConnection` closes once everything has left;
* TLS is started with `start_tls` and a standard library `ssl.SSLContext`; there is no pyOpenSSL `startTLS`;
* a peer that takes nothing for CLOSE_TIMEOUT seconds after `loseConnection` is cut off (S9).

`dataReceived` and `connectionLost` are never called from within `write`, `loseConnection`, `start_tls` or
`resumeProducing`.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal, cast

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionAborted, ConnectionClosed, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import (
    IAddress,
    IConsumer,
    IDelayedCall,
    IHalfCloseableDescriptor,
    IHalfCloseableProtocol,
    IHandshakeListener,
    IProducer,
    IProtocol,
    IPushProducer,
    IReadWriteDescriptor,
    ISystemHandle,
    ITCPTransport,
)
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import classImplements

from twisted_hoop.errors import ProtocolError
from twisted_hoop.transport.outbox import Outbox, Piece
from twisted_hoop.transport.socket import SocketEnd
from twisted_hoop.transport.start import FirstByte, TlsStart, first_byte
from twisted_hoop.transport.tls import TlsSession
from twisted_hoop.transport.wire import PlainWire, TlsWire, Writing

READS_PER_EVENT: Final = 4
"""Reads of one connection before others have their turn."""
SENDS_PER_EVENT: Final = 4
"""The same for sends."""
CLOSE_TIMEOUT = 30.0
"""Seconds a closing connection may pass without its peer taking anything."""


OPEN, HELD, SHUT = Writing.OPEN, Writing.HELD, Writing.SHUT


class EagerTransport(SocketEnd):
    """One connection, plain or TLS. `attach` a protocol before anything else.

    `connected` and `disconnecting` mean what they do on Twisted's transports; `tls` is None in the clear and while a
    handshake is under way.
    """

    # fmt: off
    __slots__ = (
        "__weakref__", "_aborted", "_again", "_broken", "_deadline", "_first", "_half_closing", "_on_lost",
        "_outbox", "_paused", "_read_closed", "_start", "_wire", "_writing", "connected", "disconnecting", "tls",
    )
    # fmt: on

    def __init__(
        self,
        reactor: Any,
        sock: socket.socket,
        peer: IAddress,
        host: IAddress,
        on_lost: Callable[[], None] | None = None,
    ) -> None:
        """`reactor` provides IReactorFDSet and IReactorTime; `sock` is connected and belongs to the transport now."""
        super().__init__(reactor, sock, peer, host)
        self._on_lost = on_lost
        self._wire: PlainWire | TlsWire = PlainWire(sock)
        self._outbox = Outbox()
        self._start = TlsStart()
        self._first: FirstByte | None = None
        self._writing = OPEN
        self._paused = self._read_closed = self._half_closing = self._aborted = False
        self._broken: OSError | None = None
        self._again: IDelayedCall | None = None
        self._deadline: IDelayedCall | None = None
        self.connected = True
        self.disconnecting = False
        self.tls: TlsSession | None = None

    def attach(self, protocol: IProtocol) -> None:
        """Connect to the protocol and start reading. A protocol that fails is logged and loses this connection (R15).

        One that is an `IFirstByteListener` may make the connection TLS from its first byte on.
        """
        self._protocol = protocol
        self._first = getattr(protocol, "firstByte", None)
        self._guarded(protocol.makeConnection, self)
        self._arrange()

    def _guarded(self, call: Callable[..., Any], *arguments: Any) -> Any:
        """Call into the protocol: the error boundary of one connection (R15)."""
        try:
            return call(*arguments)
        except Exception:  # noqa: BLE001 - whatever it is, it must not harm another connection
            self._protocol_failed()
            return None

    def _protocol_failed(self) -> None:
        Logger().failure("{prefix}: the protocol failed; its connection is closed", prefix=self.logPrefix())
        self.abortConnection()

    # What the reactor calls.

    def doRead(self) -> None:
        """The socket has something to read, or `Wire.held` something to give."""
        if self._wire.write_wants_read:
            self._wire.write_wants_read = False
            self.doWrite()
        if self._start.wire is not None and not self._shake():
            return
        if self._first is not None and not self._look_first():
            return
        for _ in range(READS_PER_EVENT):
            if not self._flowing or not self._receive():
                return
        self._read_on()

    def _receive(self) -> bool:
        """Read once and give it to the protocol: whether to try again at once."""
        try:
            data = self._wire.receive()
        except OSError as why:
            self._fail(why)
            return False
        if not data:
            self._nothing_received(data)
            return False
        try:
            self._protocol.dataReceived(data)
        except Exception:  # noqa: BLE001 - as in _guarded, without its call in the hottest place of all
            self._protocol_failed()
        return self._wire.more

    def _nothing_received(self, data: bytes | None) -> None:
        if data is not None:
            self._read_ended()
        elif self._wire.read_wants_write:
            self._arrange()

    def doWrite(self) -> None:
        """The socket can be written to."""
        if self._start.wire is not None:
            self._shake()
            return
        if self._wire.read_wants_write:
            self._wire.read_wants_write = False
            self.doRead()
        self._flush()

    def _flush(self) -> None:
        if not self.connected:
            return
        try:
            self._send_queued()
        except OSError as why:
            self._write_failed(why)
            return
        self._outbox.relieve()
        self._if_drained()
        self._arrange()

    def _send_queued(self) -> None:
        outbox, wire = self._outbox, self._wire
        for _ in range(SENDS_PER_EVENT):
            if not outbox.size:
                return
            sent = wire.send(outbox.head())
            if not sent:
                return
            outbox.consumed(sent)

    def _if_drained(self) -> None:
        if not self.connected or self._outbox.size or self._outbox.pulls:
            return
        if self.disconnecting:
            self._end()
        elif self._half_closing:
            self._half_closing = False
            self._shut_write()

    def _arrange(self) -> None:
        """Make what the reactor watches fit what is waited for."""
        if not self.connected:
            return
        shaking, wire = self._start.wire, self._wire
        self._watch_reading(shaking is not None or self._flowing or wire.write_wants_read)
        queued = (self._outbox.size > 0 or self._outbox.pulls) and not wire.write_wants_read
        self._watch_writing(shaking.read_wants_write if shaking is not None else queued or wire.read_wants_write)

    @property
    def _flowing(self) -> bool:
        """Whether bytes that arrive go to the protocol."""
        stopped = self._paused or self.disconnecting or self._read_closed
        return not stopped and self._start.wire is None

    def _read_on(self) -> None:
        """Come back for what the socket will not announce, as OpenSSL has it already."""
        if self._again is None and self._flowing and self._wire.held():
            self._again = self._reactor.callLater(0, self._read_again)

    def _read_again(self) -> None:
        self._again = None
        if self._flowing:
            self.doRead()

    # ITransport and ITCPTransport.

    def write(self, data: Piece) -> None:
        """Send at once; what the socket does not take is queued."""
        if self._writing is not OPEN or self._outbox.size or not data:
            self._queue(data, 0)
            return
        try:
            sent = self._wire.send(data)
        except OSError as why:
            self._write_failed(why)
            return
        if sent < len(data):
            self._queue(data, sent)

    def writeSequence(self, data: Iterable[bytes]) -> None:
        """Send several pieces as one."""
        self.write(b"".join(data))

    def _queue(self, data: Piece, sent: int) -> None:
        if self._writing is not SHUT and data:
            self._outbox.append(data, sent)
            self._arrange()

    def loseConnection(self) -> None:
        """Close when everything written has left. What arrives from now on is not delivered."""
        if self.disconnecting:
            return
        self.disconnecting = True
        if self._start.wire is not None:  # nothing said before the handshake was complete is worth waiting for
            self._outbox.clear()
        if self._outbox.producer is None:
            self._writing = SHUT
        self._arrange()
        self._reactor.callLater(0, self._if_drained)
        self._watch_progress()

    def _watch_progress(self) -> None:
        if self._outbox.size or self._outbox.pulls:
            self._deadline = self._reactor.callLater(CLOSE_TIMEOUT, self._check_progress, self._outbox.size)

    def _check_progress(self, before: int) -> None:
        self._deadline = None
        if 0 < before <= self._outbox.size:
            self._fail(TimeoutError("the peer took nothing while the connection was closing"))
        else:
            self._watch_progress()

    def abortConnection(self) -> None:
        """Close now, dropping what was not sent; the peer gets a reset. `connectionLost` follows in the next turn."""
        if self.connected and not self._aborted:
            self._aborted = True
            self._stop_everything()
            self._reactor.callLater(0, self.connectionLost, Failure(ConnectionAborted()))

    def _stop_everything(self) -> None:
        self.disconnecting = True
        self._writing = SHUT
        self._start.wire = None
        self._outbox.clear()
        self._watch_reading(False)
        self._watch_writing(False)

    def loseWriteConnection(self) -> None:
        """Send a FIN when everything written has left, and go on reading. Under TLS this is `loseConnection`."""
        if self.tls is not None or self._start.wire is not None:
            self.loseConnection()
        elif not self.disconnecting and self._writing is OPEN:
            self._half_closing = True
            if self._outbox.producer is None:
                self._writing = SHUT
            self._reactor.callLater(0, self._if_drained)

    # IConsumer and IPushProducer.

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:
        """Hold `producer` back while much is queued (S9)."""
        if not self.connected or (self.disconnecting and self._writing is SHUT):
            producer.stopProducing()
        else:
            self._outbox.register(producer, streaming)
            self._arrange()

    def unregisterProducer(self) -> None:
        """The producer has given everything."""
        self._outbox.unregister()
        if self.connected and (self.disconnecting or self._half_closing):
            self._writing = SHUT
            self._reactor.callLater(0, self._if_drained)

    def pauseProducing(self) -> None:
        """Read nothing until `resumeProducing`, so that the peer is held back."""
        self._paused = True
        self._arrange()

    def resumeProducing(self) -> None:
        """Read again."""
        if self._paused:
            self._paused = False
            self._arrange()
            self._read_on()

    def stopProducing(self) -> None:
        """Nobody wants what arrives here."""
        self.loseConnection()

    # TLS.

    def start_tls(
        self, context: ssl.SSLContext, server_side: bool, server_hostname: str | None = None, unread: bytes = b""
    ) -> None:
        """Everything from here on is TLS; what is written meanwhile waits for the handshake.

        `unread` is what the protocol was given and has not consumed: bytes sent in the clear behind the request for
        TLS must not be taken for something said inside it, so there must be none (P1); what the kernel still holds
        goes to the handshake, and spoils it. ProtocolError for that, or when our own clear text has not left yet;
        RuntimeError when there is TLS already, or the connection is closing; ValueError when a name is missing.
        """
        side: Literal["client", "target"] = "client" if server_side else "target"
        if self.disconnecting or self.tls is not None or self._start.wire is not None:
            raise RuntimeError("TLS was started before, or the connection is closing")
        if unread or self._outbox.size:
            raise ProtocolError("bytes in the clear around the start of TLS", side)
        self._first = None
        self._wrap(context, server_side, server_hostname)
        if not server_side:
            self._reactor.callLater(0, self._shake)

    def _wrap(self, context: ssl.SSLContext, server_side: bool, hostname: str | None) -> None:
        self._watch_reading(False)  # the descriptor may be closed if the peer is gone, and epoll minds
        try:
            self._socket = self._start.wrap(self._socket, context, server_side, hostname)
        except OSError as why:
            self._stop_everything()
            self._reactor.callLater(0, self._fail, why)
            return
        self._wire = cast(TlsWire, self._start.wire)
        self._writing = HELD
        self._arrange()

    def handshake(self) -> Deferred[None]:
        """When the handshake is complete. Fails with ProtocolError when it, or the connection before it, fails."""
        return self._start.completed()

    def _look_first(self) -> bool:
        """Show the first byte to the protocol: whether to read on now."""
        if not self._flowing:
            return False
        try:
            byte = first_byte(self._socket)
        except OSError as why:
            self._fail(why)
            return False
        if byte is None:
            return False
        first, self._first = self._first, None
        context = self._guarded(first, byte) if first is not None and byte >= 0 else None
        if context is None or self.disconnecting:
            return not self.disconnecting
        self._wrap(context, True, None)
        return self._shake()

    def _shake(self) -> bool:
        """Go on with the handshake: whether it is complete and reading may go on."""
        if self._start.wire is None:
            return False
        try:
            session = self._start.shake()
        except (OSError, ValueError) as why:
            self._fail(why)
            return False
        if session is not None:
            self._shaken(session)
        self._arrange()
        return session is not None

    def _shaken(self, session: TlsSession) -> None:
        self.tls = session
        self._writing = OPEN
        if IHandshakeListener.providedBy(self._protocol):
            self._guarded(cast(IHandshakeListener, self._protocol).handshakeCompleted)
        self._start.succeeded()
        self._flush()

    # Ends.

    def _read_ended(self) -> None:
        protocol = IHalfCloseableProtocol(self._protocol, None)
        if self._broken is not None:
            self._fail(self._broken)
        elif protocol is None or self.tls is not None:
            self._end()
        else:
            self._read_closed = True
            self._arrange()
            self._half_ended(protocol.readConnectionLost)

    def _shut_write(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as why:
            self._fail(why)
            return
        self._writing = SHUT
        protocol = IHalfCloseableProtocol(self._protocol, None)
        self._half_ended(protocol.writeConnectionLost if protocol is not None else lambda: None)

    def _half_ended(self, tell: Callable[[], None]) -> None:
        """One direction has ended; with the other the connection does, unless something is still to be sent."""
        self._guarded(tell)
        if self._read_closed and self._writing is SHUT and not self._half_closing:
            self.loseConnection()

    def _write_failed(self, why: OSError) -> None:
        """A send failed. What the peer said last may still be in the kernel: it is read before the end is told."""
        self._broken = why
        self._writing = SHUT
        self._outbox.clear()
        self._arrange()
        self._reactor.callLater(0, self._last_words, why)

    def _last_words(self, why: OSError) -> None:
        while self._flowing and self._receive():
            pass
        self._fail(why)

    def _end(self) -> None:
        self.connectionLost(Failure(ConnectionDone()))

    def _fail(self, why: Exception) -> None:
        self.connectionLost(Failure(ConnectionLost(str(why))))

    def readConnectionLost(self, reason: Failure) -> None:
        """The reactor saw a hang-up instead of something to read (IHalfCloseableDescriptor)."""
        self._reading = False
        self.doRead()  # says whether it is an end or a fault: under TLS an end needs a close_notify
        if not self._read_closed:
            self.connectionLost(reason)

    def writeConnectionLost(self, reason: Failure) -> None:
        """The same for writing; the reactor never calls it."""
        self.connectionLost(reason)

    def connectionLost(self, reason: Failure) -> None:
        """The end, once: the reactor is let go of, the socket closed, the producer and the protocol told."""
        if not self.connected:
            return
        if reason.check(ConnectionClosed) is None:  # the reactor caught something that we let through
            reason = Failure(ConnectionLost(reason.getErrorMessage()))
        self._stop_everything()
        self.connected = False
        self._release(orderly=reason.check(ConnectionDone) is not None)
        self._stop_producer()
        self._start.failed(reason.getErrorMessage())
        self._guarded(self._protocol.connectionLost, reason)
        self._protocol = cast(IProtocol, None)  # breaks a circle, so that memory is freed at once
        if self._on_lost is not None:
            self._on_lost()

    def _release(self, orderly: bool) -> None:
        self._first = None
        for call in (self._again, self._deadline):
            if call is not None and call.active():
                call.cancel()
        self._wire.close(orderly)

    def _stop_producer(self) -> None:
        producer = self._outbox.producer
        self._outbox.unregister()
        if producer is not None:
            self._guarded(producer.stopProducing)


# A decorator would keep mypyc from making it native.
classImplements(EagerTransport, ITCPTransport, IConsumer, IPushProducer)
classImplements(EagerTransport, IReadWriteDescriptor, IHalfCloseableDescriptor, ISystemHandle)

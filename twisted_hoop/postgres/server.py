"""The Twisted side of PostgreSQL clients: from accept to a joined bridge, and who may wait at the door.

What is said is in `startup.py` and `opening.py`; what happens afterwards in `relay.py`.
"""

from __future__ import annotations

import ssl
from collections import Counter
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_hoop.bridge import Bridge
from twisted_hoop.errors import (
    AuthenticationFailed,
    HoopError,
    LimitExceeded,
    ProtocolError,
    SecretUnavailable,
    UnknownTarget,
)
from twisted_hoop.model import Peer
from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.authentication import Authentication
from twisted_hoop.postgres.opening import Opening
from twisted_hoop.postgres.startup import TLS_HANDSHAKE_BYTE, Answer, Cancel, Hello, Send, StartTls, Startup
from twisted_hoop.settings import GatewaySection, ListenerSection

ALPN = "postgresql"
CANCELS_PER_SECOND = 20


class PostgresFactory(Factory):
    """Accepts PostgreSQL clients on one listener. `opening` opens sessions, `context` makes the TLS context."""

    noisy = False
    log = Logger()

    def __init__(
        self,
        reactor: Any,
        gateway: GatewaySection,
        listener: ListenerSection,
        context: Callable[[], ssl.SSLContext] | None,
        opening: Opening,
        authentication: Callable[[dict[str, str], Peer], Authentication],
        cancel: Callable[[int, bytes], bool],
    ) -> None:
        self.reactor = reactor
        self.gateway = gateway
        self.listener = listener
        self.context = context
        self.opening = opening
        self.authentication = authentication
        self._cancel = cancel
        self._waiting: Counter[str] = Counter()
        self._cancels: Counter[str] = Counter()
        self._cancel_second = 0

    def buildProtocol(self, addr: Any) -> Protocol | None:
        """A protocol for a new client; None when too many wait at the door already (S7's kind of cap, P8)."""
        host = getattr(addr, "host", "local")
        if self._waiting.total() >= self.gateway.preauth_connections:
            self.log.debug("too many connections wait to authenticate", peer=host)
            return None
        if self._waiting[host] >= self.gateway.preauth_per_address:
            self.log.debug("too many connections of one address wait to authenticate", peer=host)
            return None
        self._waiting[host] += 1
        return PostgresClient(self, host)

    def left_the_door(self, host: str) -> None:
        """A client authenticated or gave up."""
        self._waiting[host] -= 1
        if self._waiting[host] <= 0:
            del self._waiting[host]

    def cancel(self, host: str, pid: int, key: bytes) -> None:
        """A CancelRequest; a flood is dropped, and no answer is ever given (P6)."""
        second = int(self.reactor.seconds())
        if second != self._cancel_second:
            self._cancel_second = second
            self._cancels.clear()
        self._cancels[host] += 1
        if self._cancels[host] > CANCELS_PER_SECOND:
            self.log.warn("cancel requests are dropped: too many", peer=host)
            return
        if not self._cancel(pid, key):
            self.log.info("a cancel request names no session", peer=host)


class PostgresClient(Protocol):
    """One client connection. Before the session opens it talks through `Startup`; then everything is the bridge's."""

    log = Logger()
    transport: Any

    def __init__(self, factory: PostgresFactory, host: str) -> None:
        self._factory = factory
        self._host = host
        self._startup = Startup(factory.context is not None)
        self._direct = False
        self._bridge: Bridge | None = None
        self._authentication: Authentication | None = None
        self._hello: Hello | None = None
        self._at_door = True
        self._gone = False
        self._timer: IDelayedCall | None = None

    # -- Twisted's ------------------------------------------------------------------------------------------------

    def firstByte(self, byte: int) -> ssl.SSLContext | None:
        """Direct TLS, when the first byte is that of a handshake (sslnegotiation=direct)."""
        if byte != TLS_HANDSHAKE_BYTE or self._factory.context is None:
            return None
        self._direct = True
        self._startup = Startup(False, tls_active=True)
        return self._factory.context()

    def connectionMade(self) -> None:
        """The clock for the log-in starts at accept."""
        self._timer = self._factory.reactor.callLater(self._factory.gateway.login_timeout, self._too_late)

    def dataReceived(self, data: bytes) -> None:
        """To the bridge, once there is one."""
        bridge = self._bridge
        if bridge is not None:
            bridge.client_received(data)
        elif not self._gone:
            self._guarded(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Whatever was being opened is let go."""
        self._gone = True
        self._leave_door()
        if self._bridge is not None:
            self._bridge.lost("client")

    # -- the door -------------------------------------------------------------------------------------------------

    def _leave_door(self) -> None:
        if self._at_door:
            self._at_door = False
            self._factory.left_the_door(self._host)
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def _too_late(self) -> None:
        self._refuse("57014", "the log-in took too long")

    def _peer(self) -> Peer:
        peer = self.transport.getPeer()
        tls = getattr(self.transport, "tls", None)
        return Peer(getattr(peer, "host", "local"), getattr(peer, "port", 0), tls is not None)

    def _guarded(self, data: bytes) -> None:
        try:
            self._check_direct()
            for step in self._startup.received(data):
                self._step(step)
        except ProtocolError as error:
            self._refuse(error.code, str(error))
        except Exception:  # noqa: BLE001  the boundary of the connection (R15)
            self.log.failure("a client connection failed before its session", peer=self._host)
            self._refuse("XX000", "internal error")

    def _check_direct(self) -> None:
        """Direct TLS without ALPN could be a confused deputy of another protocol: PostgreSQL refuses it too."""
        tls = self.transport.tls if self._direct else None
        if self._direct and (tls is None or tls.selected_alpn != ALPN):
            raise ProtocolError("direct TLS needs ALPN postgresql")

    def _step(self, step: Send | StartTls | Cancel | Hello | Answer) -> None:
        match step:
            case Send(data):
                self.transport.write(data)
            case StartTls():
                self._start_tls()
            case Cancel(pid, key):
                self._factory.cancel(self._host, pid, key)
                self.transport.loseConnection()
            case Hello():
                self._greet(step)
            case Answer(body):
                self._answer(body)

    def _start_tls(self) -> None:
        assert self._factory.context is not None
        self.transport.write(b"S")
        self.transport.start_tls(self._factory.context(), True)
        self._startup.tls_started()

    def _greet(self, hello: Hello) -> None:
        self._hello = hello
        peer = self._peer()
        if not peer.encrypted and not self._clear_allowed(peer):
            raise ProtocolError("this gateway needs TLS: connect with sslmode=require or stronger", code="28000")
        if self._startup.negotiation:
            self.transport.write(self._startup.negotiation)
        self._authentication = self._factory.authentication(hello.parameters, peer)
        self.transport.write(self._authentication.start())

    def _clear_allowed(self, peer: Peer) -> bool:
        loopback = peer.address in ("127.0.0.1", "::1", "local")
        return loopback and (self._factory.listener.tls == "optional" or self._factory.context is None)

    def _answer(self, body: bytes) -> None:
        assert self._authentication is not None
        self.transport.pauseProducing()
        Deferred.fromCoroutine(self._authenticate(body)).addErrback(self._failed)

    async def _authenticate(self, body: bytes) -> None:
        assert self._authentication is not None
        assert self._hello is not None
        outcome = await self._authentication.answered(body)
        if self._gone:
            return
        if isinstance(outcome, bytes):
            self.transport.write(outcome)
            self.transport.resumeProducing()
            return
        self._startup.authenticated()
        self._leave_door()
        opened = await self._factory.opening.open(outcome, self._hello, self._peer(), lambda: self._gone)
        if opened is not None:
            self._bridge = opened.start(self.transport, self._authentication.farewell, self._startup.rest)
            self.transport.resumeProducing()

    def _failed(self, failure: Failure) -> None:
        error = failure.value
        if isinstance(error, AuthenticationFailed):
            self.log.info("authentication failed: {why}", why=str(error), peer=self._host)
            self._refuse("28P01", f"hoop: {error.public}", "Get a fresh token and use it as the password.")
        elif isinstance(error, UnknownTarget):
            self.log.info("no such target, or not for this principal: {why}", why=str(error), peer=self._host)
            self._refuse("3D000", "hoop: no such target, or it is not open to you", "dbname is the target's name.")
        elif isinstance(error, (ProtocolError, LimitExceeded)):
            self._refuse(error.code, f"hoop: {error}")
        elif isinstance(error, HoopError):
            self.log.error("a session could not open: {why}", why=str(error), peer=self._host)
            # R11: where secrets lie is not for clients.
            self._refuse("58030", f"hoop: {error.public if isinstance(error, SecretUnavailable) else error}")
        else:
            self.log.failure("a session could not open", failure=failure, peer=self._host)
            self._refuse("XX000", "hoop: internal error")

    def _refuse(self, code: str, text: str, hint: str = "") -> None:
        """One FATAL and the end; nothing in answer to an SSLRequest, which old clients would read in the clear."""
        if self._gone:
            return
        self._gone = True
        if self._hello is not None or code != "08P01" or self._direct:
            self.transport.write(pg.fatal(code, text, hint=hint))
        self.transport.loseConnection()
        self._leave_door()

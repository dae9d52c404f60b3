"""One client connection: its requests one after the other, each proved, routed, joined to a session and carried out."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_hoop.bridge import Bridge
from twisted_hoop.errors import AuthenticationFailed, HoopError, LimitExceeded, ProtocolError, UnknownTarget
from twisted_hoop.http.answers import early_answer
from twisted_hoop.http.client_end import ClientEnd
from twisted_hoop.http.ends import TargetEnd
from twisted_hoop.http.exchange import Exchange, status_of
from twisted_hoop.http.hall import HttpHall
from twisted_hoop.http.joining import Joining
from twisted_hoop.http.messages import Framing
from twisted_hoop.http.reading import MAX_HEAD, Heads, Request
from twisted_hoop.http.routing import by_path, credential_of, plain_host
from twisted_hoop.http.session import HttpSession
from twisted_hoop.http.writing import answer_bytes
from twisted_hoop.interfaces import IIdentityProvider
from twisted_hoop.model import Command, Decision, Outcome, Peer, Principal, Refusal, Verdict

TLS_HANDSHAKE_BYTE = 0x16
MOMENT = 0.05
"""Seconds after which what was held back for want of more goes on."""
PROVED = 5.0
"""Seconds for which a token need not be looked at again on the same connection, while nothing revokes it."""
HELD_BACK = 256 * 1024
NO_TARGET = "no such target, or it is not open to you"
"""What clients are told whichever of these it is."""


@dataclass(frozen=True, slots=True)
class Door:
    """What the connections of one listener share."""

    reactor: Any
    context: Callable[[], ssl.SSLContext] | None
    clear: bool
    joining: Joining
    find: Callable[[str], HttpHall | None]
    named: Callable[[str], HttpHall | None]
    identity: Callable[[], IIdentityProvider]
    left: Callable[[str], None]
    gone: Callable[[HttpConnection], None]


@dataclass(frozen=True, slots=True)
class _Proof:
    """A token that was looked at on this connection."""

    credential: str
    principal: Principal
    provider: IIdentityProvider
    until: float


async def _nothing_to_refresh() -> None:
    """No exchange asks for it."""


class HttpConnection(Protocol):
    """See the module, and Running for what a session may do with the exchange under way."""

    log: ClassVar[Logger] = Logger()
    transport: Any

    def __init__(self, door: Door, host: str) -> None:
        self._door = door
        self._host = host
        self._heads = Heads()
        self._end = ClientEnd()
        self._buffer = b""
        self._scanned = 0
        self._exchange: Exchange | None = None
        self._bridge: Bridge | None = None
        self._session: HttpSession | None = None
        self._proof: _Proof | None = None
        self._peer: Peer | None = None
        self._at_door = True
        self._proving = self._gone = self._closing = self._uploading = False
        self._requests = self._moves = 0
        self._timer: Any = None
        self._last = 0.0

    # -- Twisted's ------------------------------------------------------------------------------------------------

    def firstByte(self, byte: int) -> ssl.SSLContext | None:
        """TLS from the first byte on."""
        return self._door.context() if byte == TLS_HANDSHAKE_BYTE and self._door.context is not None else None

    def connectionMade(self) -> None:
        """Twisted's."""
        self._end.made(self.transport)

    def dataReceived(self, data: bytes) -> None:
        """To the exchange under way, or to the head of the next one."""
        if self._closing:
            return
        bridge = self._bridge
        if bridge is not None:
            self._moves += 1
            bridge.client_received(data)
            self._soon()
            return
        self._buffer = self._buffer + data if self._buffer else data
        if self._proving:
            if len(self._buffer) > HELD_BACK:
                self.transport.pauseProducing()
        else:
            self._next()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Whatever is under way is given up."""
        self._gone = True
        self._leave_door()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._bridge is not None:
            self._bridge.lost("client")
        self._door.gone(self)

    # -- deadlines ------------------------------------------------------------------------------------------------

    def standing(self) -> tuple[str, object]:
        """(the phase it is in, what changes with every progress in that phase)."""
        if self._closing:
            # What only has to leave is the transport's: it minds whether the client takes anything (S9).
            return "leaving" if self.transport.disconnecting else "closing", 0
        if self._exchange is not None:
            if self._end.full:
                return "stalled", self._end.resumed
            return self._exchange.phase, self._moves
        if self._proving or self._at_door:
            return "login", 0
        return ("head", self._requests) if self._buffer else ("idle", self._requests)

    def too_late(self, phase: str) -> None:
        """It stood still for too long (K15)."""
        if phase in ("closing", "leaving", "stalled", "idle"):
            self.transport.abortConnection()
        elif self._bridge is not None and self._exchange is not None:
            exchange, status = self._exchange, 504 if phase == "answer" else 408
            self._bridge.carry(lambda: exchange.failed(status, f"the {phase} did not come in time"))
        elif self._buffer or self._proving:
            self._refuse(408, "the request did not come in time")
        else:
            self.transport.abortConnection()

    # -- requests -------------------------------------------------------------------------------------------------

    def _next(self) -> None:
        """The next request, if its head is there."""
        end = self._buffer.find(b"\r\n\r\n", self._scanned, MAX_HEAD)
        if end < 0:
            self._scanned = max(0, len(self._buffer) - 3)
            if len(self._buffer) >= MAX_HEAD:
                self._refuse(431, "the head of the request is too long")
            return
        head, self._buffer, self._scanned = self._buffer[:end], self._buffer[end + 4 :], 0
        self._requests += 1
        self._uploading = False
        try:
            request = self._heads.request(head)
            self._uploading = request.head.framing is Framing.CHUNKED or len(self._buffer) < request.head.length
            self._check_clear()
            credential, request = credential_of(request)
        except (ProtocolError, AuthenticationFailed) as error:
            self._failed(error)
            return
        principal = self._known(credential)
        if principal is not None:
            self._serve(request, principal)
        else:
            self._proving = True
            Deferred.fromCoroutine(self._prove(credential, request)).addErrback(self._not_proved)

    def _check_clear(self) -> None:
        """Tokens cross the wire: in the clear from this machine only, and where the listener says so."""
        if self.transport.tls is None and not (self._door.clear and self._from().address in _LOOPBACK):
            raise ProtocolError("this gateway needs TLS: use https", code="403")

    def _from(self) -> Peer:
        if self._peer is None:
            peer = self.transport.getPeer()
            encrypted = self.transport.tls is not None
            self._peer = Peer(getattr(peer, "host", "local"), getattr(peer, "port", 0), encrypted)
        return self._peer

    def _known(self, credential: str) -> Principal | None:
        proof = self._proof
        if proof is None or proof.credential != credential or proof.provider is not self._door.identity():
            return None
        fresh = self._door.reactor.seconds() < proof.until and proof.provider.still_valid(proof.principal)
        return proof.principal if fresh else None

    async def _prove(self, credential: str, request: Request) -> None:
        provider = self._door.identity()
        principal = await provider.authenticate(credential, self._from())
        if self._gone or self._closing:
            return
        self._proof = _Proof(credential, principal, provider, self._door.reactor.seconds() + PROVED)
        self._proving = False
        self._leave_door()
        self.transport.resumeProducing()
        self._serve(request, principal)

    def _not_proved(self, failure: Failure) -> None:
        self._proving = False
        self._failed(failure.value or RuntimeError("failed"), failure)

    def _failed(self, error: BaseException, failure: Failure | None = None) -> None:
        """There is no exchange that could tell."""
        if isinstance(error, AuthenticationFailed):
            self.log.info("authentication failed: {why}", why=str(error), peer=self._host)
            self._refuse(401, error.public)
        elif isinstance(error, ProtocolError):
            self.log.info("a request cannot be read: {why}", why=str(error), peer=self._host)
            self._refuse(status_of(error), str(error))
        elif isinstance(error, HoopError):
            self.log.error("a request cannot be served: {why}", why=str(error), peer=self._host)
            self._refuse(503, "the request cannot be served now")
        else:
            self.log.failure("a request failed", failure=failure or Failure(error), peer=self._host)
            self._refuse(500, "internal error")

    def _serve(self, request: Request, principal: Principal) -> None:
        try:
            session, request = self._joined(request, principal)
        except UnknownTarget as error:
            self.log.info("no such target, or not for this principal: {why}", why=str(error), peer=self._host)
            self._refuse(404, NO_TARGET)
        except LimitExceeded as error:
            self._refuse(429, str(error))
        except Exception as error:  # noqa: BLE001  the boundary of the connection (R15)
            self._failed(error)
        else:
            self._carry(session, request)

    def _joined(self, request: Request, principal: Principal) -> tuple[HttpSession, Request]:
        door, head = self._door, request.head
        hall = door.named(plain_host(head.host))
        if hall is None:
            found = by_path(head)
            hall = door.find(found[0]) if found is not None else None
            if hall is None or found is None:
                raise UnknownTarget("the path begins with no target")
            request = request.of(found[1])
        session = self._session
        if session is None or session.hall is not hall or not door.joining.usable(session, principal, hall):
            session = self._session = door.joining.session(principal, hall, self._from())
        return session, request

    def _carry(self, session: HttpSession, request: Request) -> None:
        number = session.begins(self)
        exchange = Exchange(session.terms, session.hall.heads, request, number, request.reason.decode("latin-1"))
        services = self._door.joining.services
        bridge = Bridge(
            session.session,
            exchange,
            session.shared.gate(lambda: exchange.key),
            session.recording.of(),
            refresh=_nothing_to_refresh,
            finished=self._finished,
            meter=services.meter,
        )
        end = TargetEnd(session.hall.pool, exchange, self._moved)
        end.bridge = bridge
        self._exchange, self._bridge = exchange, bridge
        bridge.join(self._end, end)  # type: ignore[arg-type]
        bridge.carry(exchange.begin)
        if self._buffer and bridge.outcome is None:
            data, self._buffer = self._buffer, b""
            bridge.client_received(data)

    def _finished(self, outcome: Outcome) -> None:
        """The exchange is over: the next one, or the end."""
        exchange, session = self._exchange, self._session
        self._exchange = self._bridge = None
        if session is not None:
            session.ends(self)
        if exchange is None or self._gone:
            return
        if exchange.close or not exchange.finished:
            self._close(exchange)
            return
        self._buffer = exchange.surplus + self._buffer
        self._end.resumeProducing()
        if self._buffer:
            self._door.reactor.callLater(0, self._again)

    def _again(self) -> None:
        """A request that came together with the one before."""
        if self._bridge is None and not (self._gone or self._closing or self._proving):
            self._next()

    def _close(self, exchange: Exchange) -> None:
        """A client that still sends is listened to for a moment, or it would not read the answer."""
        self._closing = True
        if exchange.cut and not exchange.request.minor:
            self.transport.abortConnection()
        elif exchange.uploading and not exchange.cut:
            self.transport.resumeProducing()
        else:
            self.transport.loseConnection()

    def _refuse(self, status: int, message: str) -> None:
        """An answer before there is an exchange, and the end. Who still sends is listened to, as in `_close`."""
        if self._gone or self._closing:
            return
        self._closing = True
        self.transport.write(answer_bytes(early_answer(status, message), close=True))
        if self._uploading:
            self.transport.resumeProducing()
        else:
            self.transport.loseConnection()
        self._leave_door()

    def _leave_door(self) -> None:
        if self._at_door:
            self._at_door = False
            self._door.left(self._host)

    # -- what a session does --------------------------------------------------------------------------------------

    def end(self, code: str, message: str) -> None:
        """See Running."""
        if self._bridge is not None:
            self._bridge.end(code, message)

    def cancel(self) -> None:
        """See Running."""
        if self._bridge is not None:
            self._bridge.cancel()

    def judge_again(self, judge: Callable[[Command], Verdict | Decision]) -> None:
        """See Running. Upgraded connections are judged as they go on, line by line and port by port."""
        exchange = self._exchange
        if exchange is None or exchange.tunnelled or exchange.admitted is None:
            return
        if not exchange.answered and exchange.request.head.method != b"GET":
            return  # what a write came to is told
        verdict = judge(exchange.admitted)
        if isinstance(verdict, Refusal):
            self.end("42501", f"hoop: {verdict.message}")

    # -- a moment -------------------------------------------------------------------------------------------------

    def _moved(self) -> None:
        """Bytes of the target have passed."""
        self._moves += 1
        self._soon()

    def _soon(self) -> None:
        exchange = self._exchange
        if exchange is None or not exchange.quiet:
            return
        self._last = self._door.reactor.seconds()
        if self._timer is None:
            self._timer = self._door.reactor.callLater(MOMENT, self._moment)

    def _moment(self) -> None:
        self._timer = None
        exchange, bridge = self._exchange, self._bridge
        if exchange is None or bridge is None or not exchange.quiet:
            return
        rest = self._last + MOMENT - self._door.reactor.seconds()
        if rest > 0:
            self._timer = self._door.reactor.callLater(rest, self._moment)
        else:
            bridge.carry(exchange.tick)


_LOOPBACK = ("127.0.0.1", "::1", "local")

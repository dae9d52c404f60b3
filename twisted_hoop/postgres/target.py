"""Opening connections to a PostgreSQL target as the gateway: TLS, log-in, time limit."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.threads import deferToThreadPool
from twisted.python.failure import Failure

from twisted_hoop.errors import HoopError, ProtocolError
from twisted_hoop.identity.scram_keys import SaltedPasswords, salted_password, tls_server_end_point
from twisted_hoop.interfaces import ISecretStore
from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.login import Derive, LoggedIn, LoginStep, SendTarget, TargetLogin, TargetRefused
from twisted_hoop.secrets.secret import Login
from twisted_hoop.settings import TargetSection
from twisted_hoop.transport import explained, target_host


@dataclass(frozen=True, slots=True)
class Opened:
    """A connection that is logged in, as `user`. Give `connection.receiver` somebody before reading goes on."""

    connection: TargetConnection
    login: LoggedIn
    user: str = ""


class TargetConnection(Protocol):
    """The Twisted side of one connection to a target. After log-in bytes go to `receiver`, the loss to `on_lost`."""

    transport: Any

    def __init__(self, context: ssl.SSLContext | None, hostname: str | None, opened: Callable[[bool], None]) -> None:
        self._context = context
        self._hostname = hostname
        self._stage: Callable[[bytes], None] = self._tls_answer
        self._opened = opened
        self._early = b""
        self.failed: Callable[[BaseException], None] | None = None
        self.receiver: Callable[[bytes], None] | None = None
        self.on_lost: Callable[[], None] | None = None

    def connectionMade(self) -> None:
        """TLS first when it is wanted."""
        if self._context is None:
            self._stage = self._hold
            self._opened(False)
        else:
            self.transport.write(pg.ssl_request())

    def dataReceived(self, data: bytes) -> None:
        """Twisted's."""
        receiver = self.receiver
        if receiver is not None:
            receiver(data)
        else:
            self._stage(data)

    def _hold(self, data: bytes) -> None:
        self._early += data

    def early(self) -> bytes:
        """What came before a receiver was set."""
        early, self._early = self._early, b""
        return early

    def _tls_answer(self, data: bytes) -> None:
        """Exactly one byte; what stands behind it was sent in the clear and is refused (P1, the target's side)."""
        if data != b"S":
            why = "the target does not speak TLS" if data[:1] == b"N" else "the target answered SSLRequest wrongly"
            self._fail(ProtocolError(f"{why}; set tls to what it offers", "target", "08001"))
            return
        self._stage = self._hold
        self.transport.start_tls(self._context, False, self._hostname)
        self.transport.handshake().addCallbacks(lambda _: self._opened(True), lambda f: self._fail(f.value))

    def _fail(self, error: BaseException) -> None:
        if self.failed is not None:
            self.failed(error)
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Twisted's."""
        if self.on_lost is not None:
            self.on_lost()
        elif self.failed is not None:
            self.failed(ProtocolError("the target closed the connection", "target", "08006"))


class _Quiet(Factory):
    """A factory for one connection, of which the log need not tell."""

    noisy = False


class TargetDoor:
    """Opens connections to one target. `endpoint` is made once; secrets are asked for at each log-in."""

    def __init__(
        self,
        reactor: Any,
        section: TargetSection,
        endpoint: IStreamClientEndpoint,
        secrets: ISecretStore,
        context: Callable[[], ssl.SSLContext] | None,
        salted: SaltedPasswords,
    ) -> None:
        self._reactor = reactor
        self._section = section
        self._endpoint = endpoint
        self._secrets = secrets
        self._context = context
        self._salted = salted
        self._hostname = section.server_name or target_host(section.endpoint) or None

    async def open(
        self, database: str, parameters: dict[str, str], version: int = pg.PROTOCOL_3_0, session: str = ""
    ) -> Opened:
        """A connection that is logged in, or ProtocolError (side "target") with a SQLSTATE, within the time limit.

        `session` is the id of whose it is, for log-ins that are made for one; "" for the gateway's own.
        """
        work = Deferred.fromCoroutine(self._open(database, parameters, version, session))
        work.addTimeout(self._section.connect_timeout, self._reactor)
        try:
            return await work
        except (defer.TimeoutError, CancelledError):
            raise ProtocolError("the target did not answer in time", "target", "08001") from None
        except HoopError:
            raise
        except Exception as error:
            raise ProtocolError(f"the target cannot be reached: {explained(error)}", "target", "08001") from error

    async def cancel(self, pid: int, key: bytes) -> None:
        """Send a CancelRequest of ours on a connection of its own; TLS when the target speaks it."""
        done: Deferred[bool] = Deferred()
        connection = await self._connect(done)
        try:
            await done
            connection.transport.write(pg.cancel_request(pid, key))
        finally:
            connection.failed = None
            connection.transport.loseConnection()

    async def _connect(self, done: Deferred[bool]) -> TargetConnection:
        context = self._context() if self._context is not None else None
        hostname = self._hostname if context is not None else None
        connection = TargetConnection(context, hostname, done.callback)
        connection.failed = lambda error: None if done.called else done.errback(error)
        await self._endpoint.connect(_Quiet.forProtocol(lambda: connection))
        return connection

    async def _open(self, database: str, parameters: dict[str, str], version: int, session: str) -> Opened:
        """With what the secret is now. Refused with it, it may have been rotated: once more with another, if any."""
        login = await self._secrets.login(self._section, session)
        try:
            return await self._opened(login, database, parameters, version)
        except TargetRefused as error:
            other = await self._secrets.login_anew(self._section, session, login) if error.credential else None
            if other is None:
                raise _explained(error) from error
        try:
            return await self._opened(other, database, parameters, version)
        except TargetRefused as error:
            raise _explained(error) from error

    async def _opened(self, given: Login, database: str, parameters: dict[str, str], version: int) -> Opened:
        done: Deferred[bool] = Deferred()
        connection = await self._connect(done)
        try:
            encrypted = await done
            login = TargetLogin(
                given.user,
                given.password,
                {"database": database, **parameters},
                version,
                encrypted,
                _binding(connection) if encrypted else None,
            )
            return Opened(connection, await self._login(connection, login), given.user)
        except BaseException:
            connection.failed = None
            connection.transport.abortConnection()
            raise

    async def _login(self, connection: TargetConnection, login: TargetLogin) -> LoggedIn:
        ready: Deferred[LoggedIn] = Deferred()

        def fail(error: BaseException) -> None:
            if not ready.called:
                ready.errback(error)

        def received(data: bytes) -> None:
            try:
                for step in login.received(data):
                    self._step(step, connection, login, ready, fail)
            except HoopError as error:
                fail(error)

        connection.failed = fail
        connection.receiver = received
        connection.transport.write(login.start())
        early = connection.early()
        if early:
            received(early)
        return await ready

    def _step(
        self,
        step: LoginStep,
        connection: TargetConnection,
        login: TargetLogin,
        ready: Deferred[LoggedIn],
        fail: Callable[[BaseException], None],
    ) -> None:
        match step:
            case SendTarget(data):
                connection.transport.write(data)
            case LoggedIn():
                connection.transport.pauseProducing()
                connection.receiver = None
                connection.failed = None
                ready.callback(step)
            case Derive(challenge):
                derived: Deferred[Any] = self._derive(login.password, challenge.salt, challenge.iterations)
                derived.addCallback(lambda key: connection.transport.write(login.derived(key)))
                derived.addErrback(lambda failure: fail(failure.value))  # type: ignore[call-overload]

    def _derive(self, password: str, salt: bytes, iterations: int) -> Deferred[bytes]:
        """PBKDF2 costs milliseconds: in a thread, and remembered (R14)."""
        known = self._salted.get(password, salt, iterations)
        if known is not None:
            found: Deferred[bytes] = Deferred()
            found.callback(known)
            return found
        pool = self._reactor.getThreadPool()
        work: Deferred[bytes] = deferToThreadPool(self._reactor, pool, salted_password, password, salt, iterations)

        def remember(key: bytes) -> bytes:
            self._salted.put(password, salt, iterations, key)
            return key

        return work.addCallback(remember)


def _explained(error: TargetRefused) -> ProtocolError:
    if error.credential:
        return ProtocolError("the target refused the gateway's own login", "target", "08004")
    return error


def _binding(connection: TargetConnection) -> bytes | None:
    session = connection.transport.tls
    certificate = session.peer_certificate if session is not None else None
    return tls_server_end_point(certificate) if certificate else None

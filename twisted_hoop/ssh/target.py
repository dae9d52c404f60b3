"""Connecting to an SSH target as the gateway: host key, login, one time limit over all of it."""

from __future__ import annotations

import hashlib
from typing import Any

from twisted.internet import defer
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.internet.threads import deferToThreadPool

from twisted_hoop.errors import HoopError, ProtocolError, SecretUnavailable
from twisted_hoop.identity.ssh_authority import SshAuthority, session_key_id
from twisted_hoop.identity.ssh_certificates import USER, parse_certificate_line
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key, parse_private_key
from twisted_hoop.interfaces import ISecretStore
from twisted_hoop.model import Session
from twisted_hoop.settings import TargetSection
from twisted_hoop.ssh.handlers import ConnectionHandler, IsConnection, IsGlobalRequest, IsOpening
from twisted_hoop.ssh.host_keys import TargetHostKeys
from twisted_hoop.ssh.limits import Limits
from twisted_hoop.ssh.login import Credential, TargetLogin, WithKey, WithPassword
from twisted_hoop.ssh.transport import ClientTransport
from twisted_hoop.transport import explained, target_host


class SshDoor:
    """Opens connections to one target. ConfigurationError when a host key of it is none."""

    def __init__(
        self,
        reactor: Any,
        section: TargetSection,
        endpoint: IStreamClientEndpoint,
        secrets: ISecretStore,
        authority: SshAuthority,
        limits: Limits | None = None,
    ) -> None:
        self._reactor = reactor
        self._section = section
        self._endpoint = endpoint
        self._secrets = secrets
        self._authority = authority
        self._limits = limits
        self._host_keys = TargetHostKeys(section, section.server_name or target_host(section.endpoint) or section.name)
        self._parsed: tuple[bytes, PrivateKey] | None = None

    async def open(self, session: Session, login: str, handler: ConnectionHandler) -> IsConnection:
        """A connection that is logged in as `login`; `handler` was told that it started.

        Raises ProtocolError of side "target" (code "host-key", "login", "timeout" or "unreachable") or
        SecretUnavailable; nothing is left open then, and the handler is never told of anything.
        """
        work: Deferred[IsConnection] = Deferred.fromCoroutine(self._open(session, login, handler))
        work.addTimeout(self._section.connect_timeout, self._reactor)
        try:
            return await work
        except (defer.TimeoutError, CancelledError):
            raise self._failed("did not answer in time", "timeout") from None
        except HoopError:
            raise
        except Exception as error:
            raise self._failed(f"cannot be reached: {explained(error)}", "unreachable") from error

    async def _open(self, session: Session, login: str, handler: ConnectionHandler) -> IsConnection:
        """With what the secret is now. Refused with it, it may have been rotated: once more with another, if any."""
        credential = await self._credential(session, login)
        try:
            return await self._opened(credential, login, handler)
        except ProtocolError as error:
            if error.code != "login" or self._section.login_with == "certificate":
                raise
            self._secrets.forget(self._section.secret)
            other = await self._credential(session, login)
            if other == credential:
                raise
        return await self._opened(other, login, handler)

    async def _opened(self, credential: Credential, login: str, handler: ConnectionHandler) -> IsConnection:
        started: Deferred[IsConnection] = Deferred()
        starting = _Starting(handler, started)
        transport = ClientTransport(
            self._reactor,
            self._host_keys.verify,
            lambda transport: TargetLogin(login, credential, starting.failed),
            starting,
            lambda error: starting.failed(self._explained(error)),
            self._host_keys.algorithms,
            self._limits,
        )
        await self._endpoint.connect(_Quiet.forProtocol(lambda: transport))
        try:
            return await started
        except BaseException:
            starting.give_up()
            transport.transport.abortConnection()
            raise

    def _explained(self, error: Exception) -> Exception:
        """What the engine says of an end is a reason; what we said ourselves names the target already."""
        if isinstance(error, HoopError) and getattr(error, "code", "") == "host-key":
            return error
        return self._failed(f"was lost before the gateway was logged in: {error}", "unreachable")

    def _failed(self, what: str, code: str) -> ProtocolError:
        return ProtocolError(f"target {self._section.name} {what}", "target", code)

    async def _credential(self, session: Session, login: str) -> Credential:
        way = self._section.login_with
        if way == "certificate" and self._section.secret.startswith("vault-ssh:"):
            return await self._signed_elsewhere(session, login)
        if way == "certificate":
            made = self._authority.issue_session(session, login)
            return WithKey(made.key, made.certificate)
        secret = await self._secrets.resolve(self._section.secret)
        return WithPassword(secret) if way == "password" else WithKey(await self._key(secret))

    async def _signed_elsewhere(self, session: Session, login: str) -> WithKey:
        """A key of this session's own, with the certificate that Vault signs for it: of that key and account alone."""
        key = new_private_key()
        line = await self._secrets.sign_ssh(self._section.secret, key.public.line, login, session_key_id(session))
        try:
            certificate = parse_certificate_line(line)
        except ValueError:
            raise SecretUnavailable(f"target {self._section.name}: what was signed is no certificate") from None
        if certificate.key.blob != key.public.blob or certificate.type != USER or certificate.principals != (login,):
            raise SecretUnavailable(f"target {self._section.name}: what was signed is not what was asked for")
        return WithKey(key, certificate)

    async def _key(self, text: str) -> PrivateKey:
        """The stored key. Reading one checks its numbers, which for RSA takes milliseconds: in a thread, once (R14)."""
        digest = hashlib.sha256(text.encode()).digest()
        if self._parsed is not None and self._parsed[0] == digest:
            return self._parsed[1]
        pool = self._reactor.getThreadPool()
        try:
            key: PrivateKey = await deferToThreadPool(self._reactor, pool, parse_private_key, text.encode())
        except ValueError as error:
            raise SecretUnavailable(f"the secret of target {self._section.name}: {error}") from None
        self._parsed = digest, key
        return key


class _Starting:
    """A ConnectionHandler that tells when the connection has started, and passes everything on from then."""

    def __init__(self, handler: ConnectionHandler, waiting: Deferred[IsConnection]) -> None:
        self._handler = handler
        self._waiting: Deferred[IsConnection] | None = waiting
        self._dead = False

    def failed(self, error: Exception) -> None:
        """It did not come to that; the first reason counts."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.errback(error)

    def give_up(self) -> None:
        """Nobody waits any more."""
        self._dead, self._waiting = True, None

    def started(self, connection: IsConnection) -> None:
        """See ConnectionHandler."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._handler.started(connection)
            waiting.callback(connection)

    def open_requested(self, opening: IsOpening) -> None:
        """See ConnectionHandler."""
        self._handler.open_requested(opening)

    def global_requested(self, request: IsGlobalRequest) -> None:
        """See ConnectionHandler."""
        self._handler.global_requested(request)

    def lost(self, reason: str) -> None:
        """See ConnectionHandler."""
        if not self._dead:
            self._handler.lost(reason)


class _Quiet(Factory):
    noisy = False

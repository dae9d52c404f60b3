"""An agent's connection to its gateway, from dialling to the first word: logged in, greeted, certified."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger

from twisted_hoop import __version__
from twisted_hoop.agent.dialling import Dialler
from twisted_hoop.agent.known import KnownGateway, keep_known
from twisted_hoop.agent.serving import Serving
from twisted_hoop.agent.uplink import Uplink, open_uplink
from twisted_hoop.agent.words import HELLO, RENEW, Hello, pack_hello, parse_lines
from twisted_hoop.errors import AuthenticationFailed, HoopError, ProtocolError
from twisted_hoop.identity.ssh_wire import string
from twisted_hoop.interfaces import IAgentCredentials
from twisted_hoop.model import AgentLogin
from twisted_hoop.ssh.handlers import IsConnection
from twisted_hoop.ssh.limits import Limits
from twisted_hoop.ssh.login import Credential, TargetLogin, WithKey, WithPassword
from twisted_hoop.ssh.transport import ClientTransport

_LOGIN_SECONDS = 30.0
MOST_CARRIED = 1 << 37
"""Bytes by one TLS: a third of what AES-GCM is good for with one key (RFC 8446, section 5.5: 2**24.5 full records)."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What every connection of this agent has in common. `uplink` is asked for anew: a proxy's login may change."""

    name: str
    uplink: Callable[[], Uplink]
    credentials: IAgentCredentials
    known: KnownGateway
    state: Path
    dialler: Dialler
    offered: tuple[str, ...]
    streams: int
    pulse: tuple[float, float]


@dataclass(slots=True, eq=False)
class Attachment:
    """A connection that runs. `ended` fires with the reason when it is gone."""

    serving: Serving
    transport: ClientTransport
    connection: IsConnection
    ended: Deferred[str] = field(default_factory=Deferred)
    since: float = 0.0
    most: int = MOST_CARRIED

    @property
    def worn(self) -> bool:
        """Whether its TLS has carried so much that it is time for another one, as nothing inside changes its keys."""
        return self.transport.carried_bare >= self.most

    def close(self) -> None:
        """End it, with what still runs over it."""
        self.transport.disconnect(11, "the agent leaves")


class Attaching:
    """See the module: one try to connect."""

    log = Logger()

    def __init__(self, reactor: Any, plan: Plan) -> None:
        self._reactor = reactor
        self._plan = plan
        self._started: Deferred[IsConnection] = Deferred()
        self._ended: Deferred[str] = Deferred()

    async def attach(self) -> Attachment:
        """The connection, ready for streams; or HoopError in words for an operator."""
        plan = self._plan
        login: AgentLogin = await plan.credentials.current()
        serving = Serving(self._reactor, plan.dialler, plan.streams, plan.pulse, self._started.callback, self._gone)
        transport = self._transport(serving, login)
        serving.over(transport)
        try:
            await open_uplink(self._reactor, plan.uplink(), lambda: transport)
            connection = await self._started.addTimeout(_LOGIN_SECONDS, self._reactor, _no_login)
            made = Attachment(serving, transport, connection, self._ended, self._reactor.seconds())
            await self._greet(connection)
            if plan.credentials.public_key() and login.token:
                await renew(plan.credentials, connection)
            return made
        except BaseException:
            if transport.transport is not None:
                transport.transport.abortConnection()
            raise

    def _transport(self, serving: Serving, login: AgentLogin) -> ClientTransport:
        plan = self._plan
        limits = Limits(
            channels=plan.streams + 64, packet=64 * 1024, window=1 << 20, unsent=1 << 22, grace=_LOGIN_SECONDS
        )
        return ClientTransport(
            self._reactor,
            plan.known.verify,
            lambda _: TargetLogin(plan.name, _credential(login), self._refused_login),
            serving,
            self._refused,
            plan.known.algorithms,
            limits,
        )

    def _refused_login(self, error: ProtocolError) -> None:
        if not self._started.called:
            self._started.errback(AuthenticationFailed("the gateway does not accept what this agent shows"))

    def _refused(self, error: Exception) -> None:
        if not self._started.called:
            self._started.errback(error if isinstance(error, HoopError) else ProtocolError(str(error), "target"))

    def _gone(self, reason: str) -> None:
        if not self._ended.called:
            self._ended.callback(reason)

    async def _greet(self, connection: IsConnection) -> None:
        plan = self._plan
        ok, answer = await connection.request(HELLO, pack_hello(Hello(__version__, plan.offered)), True)
        if not ok:
            raise ProtocolError("the gateway did not answer the greeting", "target")
        try:
            lines = plan.known.learned(parse_lines(answer))
        except ValueError as why:
            raise ProtocolError(f"the gateway names keys that are none: {why}", "target") from None
        if lines:
            pool = self._reactor.getThreadPool()
            await deferToThreadPool(self._reactor, pool, keep_known, plan.state, lines)
            self.log.info("the gateway's keys are known from now on", count=len(lines))


async def renew(credentials: IAgentCredentials, connection: IsConnection) -> None:
    """Ask for a new certificate and keep it; AuthenticationFailed when the gateway gives none."""
    ok, answer = await connection.request(RENEW, string(credentials.public_key().encode()), True)
    if not ok:
        raise AuthenticationFailed("the gateway gives this agent no certificate")
    try:
        lines = parse_lines(answer)
        if len(lines) != 1:
            raise ValueError("not one certificate")
        await credentials.renewed(lines[0])
    except ValueError as why:
        raise AuthenticationFailed(f"the gateway gives a certificate that is of no use: {why}") from None


def _credential(login: AgentLogin) -> Credential:
    return WithPassword(login.token) if login.token else WithKey(login.key, login.certificate)


def _no_login(_: object, within: float) -> IsConnection:
    raise ProtocolError(f"no log-in within {within:g} seconds", "target")

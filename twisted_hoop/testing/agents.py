"""Fakes of who an agent is, for tests of the transport: a door that knows tokens, credentials that are one."""

from __future__ import annotations

from collections.abc import Mapping

from zope.interface import implementer

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.interfaces import IAgentCredentials, IAgentDoor
from twisted_hoop.model import AgentCredential, AgentIdentity, AgentLogin, AgentReport, Peer


@implementer(IAgentDoor)
class FakeAgentDoor:
    """Lets in who shows the token of its name. `told` keeps what it was told; `revoked` names may not go on.

    Each has an id of its own unless `ident` is set; `most` are the connections of one.
    """

    def __init__(self, tokens: Mapping[str, str]) -> None:
        self.tokens = dict(tokens)
        self.told: list[tuple[str, str, AgentReport]] = []
        self.revoked: set[str] = set()
        self.certificates: list[str] = []
        self.ident = ""
        self.most = 1000

    async def authenticate(self, name: str, credential: AgentCredential, peer: Peer) -> AgentIdentity:
        """See IAgentDoor."""
        if not credential.token or self.tokens.get(name) != credential.token:
            raise AuthenticationFailed("no such agent, or not its token")
        return AgentIdentity(name, self.ident or f"{name}-{len(self.told)}", None, "join-token")

    def still_valid(self, identity: AgentIdentity) -> bool:
        """See IAgentDoor."""
        return identity.name not in self.revoked

    def most_connections(self, identity: AgentIdentity) -> int:
        """See IAgentDoor."""
        return self.most

    async def renew(self, identity: AgentIdentity, public_key: str) -> str:
        """See IAgentDoor: `certificates` in their order."""
        if not self.certificates:
            raise AuthenticationFailed("there are no certificates for this agent")
        return self.certificates.pop(0)

    def connected(self, identity: AgentIdentity, report: AgentReport) -> None:
        """See IAgentDoor."""
        self.told.append(("connected", identity.name, report))

    def heartbeat(self, identity: AgentIdentity, report: AgentReport) -> None:
        """See IAgentDoor."""
        self.told.append(("heartbeat", identity.name, report))

    def disconnected(self, identity: AgentIdentity, report: AgentReport) -> None:
        """See IAgentDoor."""
        self.told.append(("disconnected", identity.name, report))


@implementer(IAgentCredentials)
class FakeAgentCredentials:
    """A token, and nothing to be renewed unless `due` is set."""

    def __init__(self, token: str, key: str = "") -> None:
        self.token, self.key = token, key
        self.due: float | None = None
        self.kept: list[str] = []

    async def current(self) -> AgentLogin:
        """See IAgentCredentials."""
        return AgentLogin(token=self.token)

    def public_key(self) -> str:
        """See IAgentCredentials."""
        return self.key

    def renew_at(self) -> float | None:
        """See IAgentCredentials."""
        return self.due

    async def renewed(self, certificate: str) -> None:
        """See IAgentCredentials."""
        self.kept.append(certificate)
        self.due = None

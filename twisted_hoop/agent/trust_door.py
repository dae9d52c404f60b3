"""The one door for agents, on the gateway's side: who logs in, who may go on, whose certificate is renewed.

A certificate that we made is of use for nothing here but its own name; whose installation was revoked, or is not
configured any more, proves nobody. The store is asked at every log-in: without it nobody is let in (fail closed), while
those who are connected go on under what was known.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

from twisted.logger import Logger
from zope.interface import implementer

from twisted_hoop.agent.authorities import TODO, replica_with
from twisted_hoop.agent.enrolment import LONGEST_TOKEN, PREFIX, Enrolment, fits, section_of
from twisted_hoop.agent.registry import Registry
from twisted_hoop.agent.trust import AgentAuthority
from twisted_hoop.errors import AuthenticationFailed, ConfigurationError, StoreUnavailable
from twisted_hoop.identity.sources import SourceRanges
from twisted_hoop.identity.ssh_certificates import Certificate, certificate_kind, is_certificate, parse_certificate
from twisted_hoop.identity.ssh_keys import parse_line
from twisted_hoop.identity.tokens import looks_like_jwt
from twisted_hoop.interfaces import IAgentDoor, IIdentityProvider
from twisted_hoop.model import AgentCredential, AgentIdentity, AgentReport, Peer, Principal
from twisted_hoop.settings import AgentSection, Settings
from twisted_hoop.store.agents import AgentTable

ALGORITHM = certificate_kind(b"ssh-ed25519")
"""The only one agents sign their logins with."""


@implementer(IAgentDoor)
class AgentDoor:
    """See the module and IAgentDoor. `settings` and `identity` give those in force; `now` gives POSIX time."""

    _log = Logger()

    def __init__(
        self,
        settings: Callable[[], Settings],
        identity: Callable[[], IIdentityProvider],
        authority: AgentAuthority,
        table: AgentTable,
        registry: Registry,
        now: Callable[[], float],
    ) -> None:
        self._settings, self._identity, self._authority = settings, identity, authority
        self._table, self._registry, self._now = table, registry, now
        self.enrolment = Enrolment(table, settings, identity, now)
        self._until: dict[str, float] = {}
        self._workloads: dict[str, Principal] = {}

    # -- logging in -----------------------------------------------------------------------------------------------

    async def authenticate(self, name: str, credential: AgentCredential, peer: Peer) -> AgentIdentity:
        """See IAgentDoor."""
        section = section_of(self._settings(), name)
        if section is None:
            raise AuthenticationFailed("there is no agent of this name")
        _check_source(section, peer)
        try:
            identity = await self._proved(section, credential, peer)
        except StoreUnavailable:
            raise AuthenticationFailed("the store cannot be asked who this agent is") from None
        if identity.until is not None:
            self._until[identity.ident] = max(identity.until, self._until.get(identity.ident, 0.0))
        return identity

    async def _proved(self, section: AgentSection, credential: AgentCredential, peer: Peer) -> AgentIdentity:
        token = credential.token
        if len(token) > LONGEST_TOKEN:
            raise AuthenticationFailed("the token is too long")
        if token.startswith(PREFIX):
            return await self.enrolment.by_join_token(section, token, peer)
        if token and looks_like_jwt(token) and section.issuer:
            identity, principal = await self.enrolment.by_workload(section, token, peer)
            self._workloads[identity.ident] = principal
            return identity
        if credential.blob:
            return await self._by_certificate(section, credential)
        raise AuthenticationFailed("this proves no agent: neither a join token, nor a workload's, nor a certificate")

    async def _by_certificate(self, section: AgentSection, credential: AgentCredential) -> AgentIdentity:
        try:
            certificate = parse_certificate(credential.blob) if is_certificate(credential.blob) else None
        except ValueError as error:
            raise AuthenticationFailed(f"not a usable certificate: {error}") from None
        if certificate is None or credential.algorithm != ALGORITHM:
            raise AuthenticationFailed("agents log in with a certificate of an Ed25519 key (S5)")
        self._of_another_replica(certificate)
        found = self._authority.read(certificate)
        if not certificate.key.verify(credential.signature, credential.data, certificate.key.kind):
            raise AuthenticationFailed("the signature is not the shown key's (S5)")
        if found.name != section.name:
            raise AuthenticationFailed(f"the certificate is of agent {found.name}, not of {section.name}")
        if not section.join_tokens:
            raise AuthenticationFailed("this agent does not log in by certificate any more")
        if self._now() >= found.until + section.grace:
            raise AuthenticationFailed("the certificate has ended: enrol again with a new join token")
        row = await self._table.find(found.ident)
        if row is None or row.name != found.name or row.revoked:
            raise AuthenticationFailed("the agent is revoked, or was forgotten")
        proof_id = hashlib.sha256(credential.blob).hexdigest()
        return AgentIdentity(found.name, found.ident, found.until, "certificate", proof_id)

    def _of_another_replica(self, certificate: Certificate) -> None:
        """A certificate that another replica made is no forgery but a mistake of ours, and told as such (S6)."""
        if certificate.authority.blob == self._authority.public.blob:
            return
        if replica := replica_with(self._registry, certificate.authority):
            raise AuthenticationFailed(f"the certificate is signed by the authority of replica {replica} (S6): {TODO}")

    # -- going on -------------------------------------------------------------------------------------------------

    def still_valid(self, identity: AgentIdentity) -> bool:
        """See IAgentDoor."""
        section = section_of(self._settings(), identity.name)
        if section is None or identity.ident in self._registry.revoked:
            return False
        until = max(identity.until or 0.0, self._until.get(identity.ident, 0.0))
        if self._now() >= until + section.grace:
            return False
        return self._workload_holds(identity, section) if identity.proof == "jwt" else section.join_tokens

    def _workload_holds(self, identity: AgentIdentity, section: AgentSection) -> bool:
        """Whether it would be let in again, but for the end of its token: not locked, its issuer unchanged (I9)."""
        principal = self._workloads.get(identity.ident)
        if principal is None or not fits(principal, section, self._settings()):
            return False
        return bool(self._identity().still_valid(replace(principal, expires=None)))

    def most_connections(self, identity: AgentIdentity) -> int:
        """See IAgentDoor. What other replicas have is known as it was a moment ago."""
        section = section_of(self._settings(), identity.name)
        return 0 if section is None else section.connections - self._registry.elsewhere(identity.ident)

    async def renew(self, identity: AgentIdentity, public_key: str) -> str:
        """See IAgentDoor. A workload has no certificates: it shows its next token."""
        section = section_of(self._settings(), identity.name)
        if section is None or identity.proof == "jwt" or not self.still_valid(identity):
            raise AuthenticationFailed("there are no certificates for this agent")
        try:
            key = parse_line(public_key)
            made = self._authority.issue(identity.name, identity.ident, key, section.certificate_lifetime)
        except ValueError as error:
            raise AuthenticationFailed(f"no certificate: {error}") from None
        await self._written(identity, key.line, float(made.valid_before))
        self._until[identity.ident] = float(made.valid_before)
        self._log.info("agent {agent} has a new certificate", agent=identity.name, ident=identity.ident)
        return made.line

    async def _written(self, identity: AgentIdentity, line: str, until: float) -> None:
        """In the store before it is given: an installation that was revoked meanwhile gets none."""
        try:
            known = await self._table.certified(identity.ident, identity.name, line, until, self._now())
        except StoreUnavailable:
            raise AuthenticationFailed("the store cannot be asked whether this agent is revoked") from None
        if not known:
            raise AuthenticationFailed("the agent is revoked, or was forgotten")

    # -- being there ----------------------------------------------------------------------------------------------

    def connected(self, identity: AgentIdentity, report: AgentReport) -> None:
        """See IAgentDoor."""
        self._registry.connected(identity, report)

    def heartbeat(self, identity: AgentIdentity, report: AgentReport) -> None:
        """See IAgentDoor."""
        self._registry.heartbeat(identity, report)

    def disconnected(self, identity: AgentIdentity, report: AgentReport) -> None:
        """See IAgentDoor."""
        self._registry.disconnected(identity, report)
        if not self._registry.has(identity.ident):
            self._until.pop(identity.ident, None)
            self._workloads.pop(identity.ident, None)


def _check_source(section: AgentSection, peer: Peer) -> None:
    try:
        SourceRanges(section.sources, f"agents ({section.name})").check(peer)
    except ConfigurationError as error:  # looked at when the file was read
        raise AuthenticationFailed(str(error)) from None

"""How an agent is let in for the first time: by a one-time token of an operator, or by a workload's own token.

Of join tokens only digests are kept. Which of two that show the same one was first, the store decides.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from twisted_hoop.agent.trust import NAME
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.interfaces import IIdentityProvider
from twisted_hoop.model import AgentIdentity, Peer, Principal
from twisted_hoop.policy.patterns import Patterns
from twisted_hoop.settings import AgentSection, Settings
from twisted_hoop.store.agents import AgentRow, AgentTable

PREFIX = "hoop_join_"
"""What join tokens begin with: it lets scanners recognise one."""
LONGEST_TOKEN = 16 * 1024
LONGEST_LIFE = 7 * 86400.0
"""Seconds a join token may live."""
ENROLMENT = 120.0
"""Seconds between the use of a join token and the first certificate."""


@dataclass(frozen=True, slots=True)
class JoinToken:
    """A token as it is shown, once: to the operator who made it."""

    name: str
    token: str
    until: float


def digest_of(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def section_of(settings: Settings, name: str) -> AgentSection | None:
    """The agent that is configured under a name; None for what is no name, and for an agent that does not exist."""
    if not NAME.fullmatch(name):
        return None
    return next((each for each in settings.agents if each.name == name), None)


class Enrolment:
    """See the module. `identity` is the one door for tokens of people and workloads (I8); `now` gives POSIX time."""

    def __init__(
        self,
        table: AgentTable,
        settings: Callable[[], Settings],
        identity: Callable[[], IIdentityProvider],
        now: Callable[[], float],
    ) -> None:
        self._table, self._settings, self._identity, self._now = table, settings, identity, now

    async def join_token(self, name: str, seconds: float, by_key: str) -> JoinToken:
        """A fresh token, of 256 random bits. ValueError for an agent that does not exist or may not join so."""
        section = section_of(self._settings(), name)
        if section is None:
            raise ValueError("there is no such agent: write [[agents]] with its name")
        if not section.join_tokens:
            raise ValueError("this agent does not join by token: it is a workload of an issuer")
        if not 0 < seconds <= LONGEST_LIFE:
            raise ValueError("a join token lives for 7 days at most")
        now = self._now()
        made = JoinToken(name, PREFIX + secrets.token_urlsafe(32), now + seconds)
        await self._table.add_token(digest_of(made.token), name, made.until, by_key, now)
        return made

    async def by_join_token(self, section: AgentSection, token: str, peer: Peer) -> AgentIdentity:
        """A new installation, which must have its first certificate soon; AuthenticationFailed otherwise."""
        if not section.join_tokens:
            raise AuthenticationFailed("this agent does not join by token")
        now, ident, digest = self._now(), secrets.token_hex(16), digest_of(token)
        until = now + ENROLMENT
        row = AgentRow(ident, section.name, "join-token", "", "", now, until, peer.address, now)
        why = await self._table.enrol(digest, row)
        if why:
            raise AuthenticationFailed(why)
        return AgentIdentity(section.name, ident, until, "join-token", digest)

    async def by_workload(self, section: AgentSection, token: str, peer: Peer) -> tuple[AgentIdentity, Principal]:
        """The installation a workload's token proves, and the workload; AuthenticationFailed otherwise.

        All that show tokens of one subject are one installation: they are revoked together.
        """
        principal = await self._identity().authenticate(token, peer)
        if not fits(principal, section, self._settings()):
            # I4, I8: a token that is good for something else proves no agent.
            raise AuthenticationFailed(f"{principal.key} is not configured to be agent {section.name}")
        assert principal.expires is not None, "tokens end"
        ident = digest_of(f"{section.name}\0{principal.key}")[:32]
        now = self._now()
        row = AgentRow(ident, section.name, "jwt", "", principal.key, now, principal.expires, peer.address, now)
        if not await self._table.proved(row):
            raise AuthenticationFailed("the agent is revoked")
        return AgentIdentity(section.name, ident, principal.expires, "jwt", principal.proof_id), principal


def fits(principal: Principal, section: AgentSection, settings: Settings) -> bool:
    """Whether [[agents]] names this workload: its issuer, its subject, one of its groups; in person, by a token."""
    issuer = next((each for each in settings.issuers if each.name == section.issuer), None)
    if issuer is None or principal.issuer != issuer.issuer or principal.proof != "jwt" or principal.chain:
        return False
    if not (section.subjects or section.groups):
        return False
    named = not section.subjects or Patterns(section.subjects).matches(principal.subject)
    return named and (not section.groups or bool(principal.groups & frozenset(section.groups)))

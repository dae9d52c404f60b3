"""Who may come in, who may stay, and who is here: the identity provider in force, keys, locks, live sessions."""

from __future__ import annotations

from collections.abc import Callable

from twisted_hoop.gateway.ground import Ground
from twisted_hoop.gateway.one_time import OneTime
from twisted_hoop.identity.locks import Locks
from twisted_hoop.identity.own_issuer import OwnIssuer
from twisted_hoop.identity.own_tokens import own_issuer_of
from twisted_hoop.identity.provider import IdentityProvider
from twisted_hoop.identity.ssh_authority import SshAuthority
from twisted_hoop.identity.ssh_key_files import load_gateway_keys
from twisted_hoop.model import Principal, Session
from twisted_hoop.sessions import Sessions
from twisted_hoop.settings import Settings


class People:
    """See the module. Loads the gateway's keys, or makes them; raises ConfigurationError for those it cannot use.

    `identity` and `own` are replaced by a reload: who is given them for longer than a call is given `provider`.
    """

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self.locks = Locks()
        self._replay = OneTime(ground.once.first)
        self.keys = load_gateway_keys(ground.settings.ssh, ground.state)
        self.authority = SshAuthority(self.keys, ground.settings.ssh)
        self.own = own_issuer_of(ground.settings, ground.state)
        self.identity = self._identity_of(ground.settings, self.own, None)
        self.sessions = Sessions(lambda principal: self.identity.caps(principal))

    def provider(self) -> IdentityProvider:
        """The identity provider now."""
        return self.identity

    def still_valid(self, principal: Principal) -> bool:
        """See IIdentityProvider: by the one in force."""
        return self.identity.still_valid(principal)

    def lock_of(self, session: Session) -> str:
        """Why the session's people or its target are locked, or ""."""
        lock = self.locks.holds(session.principal, session.target.name)
        return f"{lock.kind} {lock.value} {lock.reason}".strip() if lock is not None else ""

    def replacing(self, settings: Settings) -> Callable[[], None]:
        """Make what these settings want, or raise; what is returned puts it in force, and cannot fail (R13)."""
        own = own_issuer_of(settings, self._ground.state)
        identity = self._identity_of(settings, own, self.identity)

        def replace() -> None:
            self.identity, self.own = identity, own

        return replace

    def _identity_of(
        self, settings: Settings, own: OwnIssuer | None, previous: IdentityProvider | None
    ) -> IdentityProvider:
        metrics = self._ground.metrics
        return IdentityProvider(
            settings,
            self._ground.reactor,
            locks=self.locks,
            replay=self._replay,
            previous=previous,
            counted=metrics.login,
            looked_up=metrics.token_looked_up,
            authority=self.authority,
            own=own,
        )

"""The identity provider in force, for those who are given it once: a reload puts another in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted_hoop.identity.provider import IdentityProvider
from twisted_hoop.model import Principal


class CurrentIdentity:
    """The identity provider in force, for those who were given it once."""

    def __init__(self, provider: Callable[[], IdentityProvider]) -> None:
        self._provider = provider

    def authenticate(self, credential: str, peer: Any) -> Any:
        """See IIdentityProvider."""
        return self._provider().authenticate(credential, peer)

    def still_valid(self, principal: Principal) -> bool:
        """See IIdentityProvider."""
        return self._provider().still_valid(principal)

    def issue(self, principal: Principal, lifetime: float | None = None, audience: str = "") -> Any:
        """See IdentityProvider."""
        return self._provider().issue(principal, lifetime, audience)

    def certify_ssh(self, principal: Principal, key: Any, seconds: float | None = None) -> Any:
        """See ISshIdentityProvider."""
        return self._provider().certify_ssh(principal, key, seconds)

    @property
    def saml(self) -> Any:
        """See IdentityProvider."""
        return self._provider().saml

    def saml_login(self, name: str, sent: str, request: str, peer: Any) -> Any:
        """See IdentityProvider."""
        return self._provider().saml_login(name, sent, request, peer)

    def browser_login(self, issuer: str, token: str, client_id: str, nonce: str, peer: Any, renews: Any = None) -> Any:
        """See IdentityProvider."""
        return self._provider().browser_login(issuer, token, client_id, nonce, peer, renews)

"""How clients may log in at one listener, and what a login is once it succeeded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from twisted_hoop.model import Peer, Principal
from twisted_hoop.settings import ListenerSection, Settings


@dataclass(frozen=True, slots=True)
class Login:
    """Who logged in, as what: `user` is the client's wish in its own bytes, `way` how it was proved."""

    principal: Principal
    user: bytes
    way: str
    peer: Peer


class DeviceLogin(Protocol):
    """A login by device code on its way (RFC 8628)."""

    text: str
    """What the person is to be told: the link and the code."""
    seconds: float
    """How long it may take."""

    def wait(self) -> Awaitable[Principal]:
        """The principal, once somebody agreed in a browser; AuthenticationFailed otherwise."""

    def close(self) -> None:
        """Nobody waits any more. Idempotent."""


class SshIdentity(Protocol):
    """What is asked of the one door (I8): IIdentityProvider and ISshIdentityProvider."""

    def authenticate(self, credential: str, peer: Peer) -> Awaitable[Principal]:
        """See IIdentityProvider."""

    def accepts_ssh(self, blob: bytes, algorithm: bytes, peer: Peer) -> bool:
        """See ISshIdentityProvider."""

    def authenticate_ssh(
        self, blob: bytes, algorithm: bytes, signature: bytes, data: bytes, peer: Peer
    ) -> Awaitable[Principal]:
        """See ISshIdentityProvider."""


@dataclass(frozen=True, slots=True)
class Ways:
    """What is offered: `names` of "certificate", "key", "token", "device".

    `identity` is asked for at every attempt: a reload changes it. `device` begins a login by device code, or raises
    AuthenticationFailed. `outer`, behind a jump, gives the login of the connection around, or None when that is gone:
    then method `none` is enough, and whoever shows something else must prove the same principal.
    """

    identity: Callable[[], SshIdentity]
    names: frozenset[str]
    banner: str = ""
    device: Callable[[Peer], Awaitable[DeviceLogin]] | None = None
    outer: Callable[[], Login | None] | None = None

    @property
    def methods(self) -> tuple[bytes, ...]:
        """As USERAUTH_FAILURE lists them."""
        found = [b"publickey"] if self.names & {"certificate", "key"} else []
        found += [b"keyboard-interactive"] if "device" in self.names and self.device is not None else []
        found += [b"password"] if "token" in self.names else []
        return tuple(found)


def ways_named(listener: ListenerSection, settings: Settings) -> frozenset[str]:
    """The ways of a listener: those it names, or all that the rest of the file makes possible."""
    if listener.auth:
        return frozenset(listener.auth)
    found = {"certificate"}
    found |= {"key"} if any(account.ssh_keys for account in settings.accounts) else set()
    found |= {"token"} if settings.issuers or any(account.token_sha256 for account in settings.accounts) else set()
    found |= {"device"} if any(issuer.client_id for issuer in settings.issuers) else set()
    return frozenset(found)

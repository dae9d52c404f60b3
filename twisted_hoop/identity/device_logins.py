"""Logins by device code as protocols use them: bounded in number, and each ends in a principal of the one door (I8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from twisted_hoop.errors import AuthenticationFailed, ConfigurationError
from twisted_hoop.identity.device import DeviceCode, DeviceFlow
from twisted_hoop.interfaces import ISecretStore
from twisted_hoop.model import Peer, Principal
from twisted_hoop.settings import Settings

TOTAL = 100
PER_ADDRESS = 5
"""Logins that wait at the same time: each costs the issuer a request and us a connection, for nobody known yet (S7)."""


class DeviceLogins:
    """Of one issuer. `identity` is asked for anew: a reload changes it."""

    def __init__(self, flow: DeviceFlow, identity: Callable[[], Any]) -> None:
        self._flow = flow
        self._identity = identity
        self._waiting: Counter[str] = Counter()

    async def begin(self, peer: Peer) -> PendingLogin:
        """A code to be shown; AuthenticationFailed when too many wait, IssuerUnavailable when there is none."""
        if self._waiting.total() >= TOTAL or self._waiting[peer.address] >= PER_ADDRESS:
            raise AuthenticationFailed("too many logins by device code at the same time (S7)")
        self._waiting[peer.address] += 1
        try:
            code = await self._flow.start()
        except BaseException:
            self._release(peer)
            raise
        return PendingLogin(self._flow, code, self._identity, peer, lambda: self._release(peer))

    def _release(self, peer: Peer) -> None:
        self._waiting[peer.address] -= 1
        self._waiting += Counter()  # drops those at zero


class PendingLogin:
    """One that waits. `text` is for the person, `seconds` how long it may take."""

    def __init__(
        self,
        flow: DeviceFlow,
        code: DeviceCode,
        identity: Callable[[], Any],
        peer: Peer,
        released: Callable[[], None],
    ) -> None:
        self._flow = flow
        self._code = code
        self._identity = identity
        self._peer = peer
        self._released: Callable[[], None] | None = released
        self._work: Deferred[Any] | None = None
        self.seconds = code.seconds
        self.text = _text(code)

    async def wait(self) -> Principal:
        """The principal; AuthenticationFailed when nobody agrees in time, or the token proves nobody."""
        self._work = Deferred.fromCoroutine(self._flow.tokens(self._code))
        failure: AuthenticationFailed | None = None
        for token in await self._work:
            try:
                found: Principal = await self._identity().authenticate(token, self._peer)
                return found
            except AuthenticationFailed as error:
                # Which of the two tokens is for our audience is a matter of the issuer's configuration.
                failure = failure or error
        raise failure or AuthenticationFailed("no token was given")

    def close(self) -> None:
        """Nobody waits any more: the issuer is not asked again. Idempotent."""
        released, self._released = self._released, None
        if released is not None:
            released()
        if self._work is not None:
            self._work.addErrback(lambda _: None)
            self._work.cancel()


def device_logins(
    settings: Settings, name: str, reactor: Any, secrets: ISecretStore, identity: Callable[[], Any]
) -> DeviceLogins | None:
    """Those of the issuer of that name (the first with a client when empty); None when no issuer has a client."""
    known = [section for section in settings.issuers if section.client_id]
    section = next((one for one in known if not name or one.name == name), None)
    if section is None and name:
        raise ConfigurationError([f"issuer {name} has no client_id, without which nobody logs in there by device code"])
    return DeviceLogins(DeviceFlow(section, reactor, secrets), identity) if section is not None else None


def _text(code: DeviceCode) -> str:
    link = code.complete_link or code.link
    minutes = max(int(code.seconds // 60), 1)
    return (
        f"To log in, open this link within {minutes} min and check that it shows the code {code.user_code}:\n"
        f"  {link}\n" + (f"  (or enter the code at {code.link})\n" if code.complete_link else "  and enter the code.\n")
    )

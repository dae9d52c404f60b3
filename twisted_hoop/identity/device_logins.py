"""Logins by device code as protocols use them: bounded in number, and each ends in a principal of the one door (I8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.device import DeviceCode, DeviceFlow
from twisted_hoop.model import Peer, Principal
from twisted_hoop.settings import IssuerSection, Settings

TOTAL = 100
PER_ADDRESS = 5
"""Logins that wait at the same time: each costs the issuer a request and us a connection, for nobody known yet (S7)."""


class DeviceLogins:
    """Logins at the issuer that `section` gives. That and `identity` are asked for anew: a reload changes them."""

    def __init__(
        self,
        section: Callable[[], IssuerSection | None],
        make_flow: Callable[[IssuerSection], DeviceFlow],
        identity: Callable[[], Any],
    ) -> None:
        self._section = section
        self._make_flow = make_flow
        self._identity = identity
        self._flow: tuple[IssuerSection, DeviceFlow] | None = None
        self._waiting: Counter[str] = Counter()

    async def begin(self, peer: Peer) -> PendingLogin:
        """A code to be shown; AuthenticationFailed when too many wait, IssuerUnavailable when there is none."""
        flow = self._present()
        if self._waiting.total() >= TOTAL or self._waiting[peer.address] >= PER_ADDRESS:
            raise AuthenticationFailed("too many logins by device code at the same time (S7)")
        self._waiting[peer.address] += 1
        try:
            code = await flow.start()
        except BaseException:
            self._release(peer)
            raise
        return PendingLogin(flow, code, self._identity, peer, lambda: self._release(peer))

    def _present(self) -> DeviceFlow:
        section = self._section()
        if section is None:
            raise AuthenticationFailed("no issuer has a client for logins by device code")
        if self._flow is None or self._flow[0] != section:
            self._flow = section, self._make_flow(section)
        return self._flow[1]

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


def issuer_for_devices(settings: Settings, name: str) -> IssuerSection | None:
    """The issuer of that name, or the first when empty, of those where the gateway has a client."""
    known = (section for section in settings.issuers if section.client_id)
    return next((section for section in known if name in ("", section.name)), None)


def _text(code: DeviceCode) -> str:
    link = code.complete_link or code.link
    minutes = max(int(code.seconds // 60), 1)
    return (
        f"To log in, open this link within {minutes} min and check that it shows the code {code.user_code}:\n"
        f"  {link}\n" + (f"  (or enter the code at {code.link})\n" if code.complete_link else "  and enter the code.\n")
    )

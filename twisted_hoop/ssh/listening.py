"""Requests to listen (`ssh -R`) in the shape of channels, so that they take the one way every command takes."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from twisted_hoop.errors import HoopError
from twisted_hoop.ssh.ends import ChannelEnd
from twisted_hoop.ssh.events import CONNECT_FAILED, Event, Open, Opened, OpenFailed
from twisted_hoop.ssh.forwards import ForwardRelay
from twisted_hoop.ssh.handlers import ChannelHandler, IsChannel, IsGlobalRequest
from twisted_hoop.ssh.session import SshSession
from twisted_hoop.ssh.wishes import Place, bound_place


class RequestOpening:
    """A global request as an IsOpening: accepted is REQUEST_SUCCESS, refused is REQUEST_FAILURE."""

    def __init__(self, request: IsGlobalRequest) -> None:
        self.kind = request.name
        self.data = request.data
        self._request = request

    def accept(self, handler: ChannelHandler, data: bytes = b"", window: int = 0) -> IsChannel:
        """Answer it; there is no channel behind it."""
        self._request.reply(True, data)
        return _NoChannel()

    def refuse(self, code: int, text: str) -> None:
        """Answer that it was refused; there is no place for why."""
        self._request.reply(False)


class _NoChannel:
    number = 0
    queued = 0

    def send(self, event: Event) -> None:
        """Nothing is there to send on."""

    def write(self, data: bytes | memoryview) -> None:
        """As `send`."""

    def abandon(self) -> None:
        """Nothing waits."""

    def credit(self, size: int) -> None:
        """Nothing comes."""


class ListenOpener:
    """Asks the target to listen, and keeps that it does: `relay` says whether bytes are recorded."""

    def __init__(self, session: SshSession, place: Place, relay: ForwardRelay) -> None:
        self._session = session
        self._place = place
        self._relay = relay

    def __call__(self, wish: Open, end: ChannelEnd) -> None:
        """See Opener."""
        Deferred.fromCoroutine(self._ask(wish, end)).addErrback(self._failed, end)

    async def _ask(self, wish: Open, end: ChannelEnd) -> None:
        connection = await self._session.target()
        ok, data = await connection.request(wish.kind, wish.data, True)
        if not ok:
            end.received(OpenFailed(CONNECT_FAILED, "the target does not listen there"))
            return
        self._session.listening[bound_place(self._place, data)] = self._relay.content
        end.received(Opened(data))

    def _failed(self, failure: Any, end: ChannelEnd) -> None:
        text = str(failure.value) if failure.check(HoopError) else "the target's answer cannot be read"
        end.received(OpenFailed(CONNECT_FAILED, text))

"""One connection to the gateway, as the agent has it: streams are dialled for the gateway, and nothing else is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger

from twisted_hoop.agent.dialling import Dialler, NotAllowed
from twisted_hoop.agent.outside import OutsideOfAgent
from twisted_hoop.agent.pump import Pump
from twisted_hoop.agent.words import ALIVE, BARE, LEAVES, OUTER, described, parse_place
from twisted_hoop.ssh.events import ADMINISTRATIVELY_PROHIBITED, CONNECT_FAILED, RESOURCE_SHORTAGE, UNKNOWN_CHANNEL_TYPE
from twisted_hoop.ssh.fields import shown
from twisted_hoop.ssh.handlers import IsConnection, IsGlobalRequest, IsOpening
from twisted_hoop.transport.connect import TcpPlace, UnixPlace, explained


class Serving:
    """See the module: a ConnectionHandler. `began` is called when the connection runs, `ended` when it is gone."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        dialler: Dialler,
        most: int,
        pulse: tuple[float, float],
        began: Callable[[IsConnection], None],
        ended: Callable[[str], None],
    ) -> None:
        """`most` streams at a time; `pulse` are seconds: between heartbeats, and without a word until it is dead."""
        self._reactor = reactor
        self._dialler = dialler
        self._most = most
        self._every, self._dead = pulse
        self._began, self._ended = began, ended
        self._transport: Any = None
        self._outside: OutsideOfAgent | None = None
        self._connection: IsConnection | None = None
        self._pumps: set[Pump] = set()
        self._dialling: set[Deferred[None]] = set()
        self._beat: Any = None
        self._heard, self._heard_at = -1, 0.0
        self._leaving = False

    def over(self, transport: Any) -> None:
        """The SSH transport it runs over."""
        self._transport = transport
        self._outside = OutsideOfAgent(transport)

    @property
    def streams(self) -> int:
        """How many there are, those that are being dialled too."""
        return len(self._pumps)

    def leave(self) -> None:
        """No new streams, please: this agent stops."""
        self._leaving = True
        if self._connection is not None:
            self._connection.request(LEAVES, b"", False)

    # -- ConnectionHandler ----------------------------------------------------------------------------------------

    def started(self, connection: IsConnection) -> None:
        """See ConnectionHandler."""
        self._connection = connection
        self._heard_at = self._reactor.seconds()
        self._beat = self._reactor.callLater(self._every, self._ask)
        self._began(connection)

    def open_requested(self, opening: IsOpening) -> None:
        """See ConnectionHandler: a stream to a target."""
        if self._leaving or self.streams >= self._most:
            opening.refuse(RESOURCE_SHORTAGE, "stops" if self._leaving else f"has {self._most} streams already")
            return
        try:
            place = parse_place(opening.kind, opening.data)
        except ValueError as why:
            opening.refuse(UNKNOWN_CHANNEL_TYPE, str(why))
            return
        pump = Pump(opening, self._pumps.discard)
        work: Deferred[None] = Deferred.fromCoroutine(self._dial(place, pump, opening))
        if not work.called:
            self._dialling.add(work)
            work.addBoth(self._dialled, work)

    async def _dial(self, place: TcpPlace | UnixPlace, pump: Pump, opening: IsOpening) -> None:
        """Whatever becomes of it, the gateway is told, once (R15)."""
        try:
            self._pumps.add(pump)
            await self._dialler.dial(place, pump)
        except NotAllowed as why:
            self._refused(pump, opening, ADMINISTRATIVELY_PROHIBITED, str(why))
            self.log.warn("refused, as the allow-list does not name it: {why}", why=str(why))
        except CancelledError:
            self._pumps.discard(pump)
        except (error.ConnectError, error.DNSLookupError, error.ConnectingCancelledError, ValueError, OSError) as why:
            self._refused(pump, opening, CONNECT_FAILED, f"{described(place)} cannot be reached: {explained(why)}")
        except Exception:  # noqa: BLE001  the boundary of one stream (R15)
            self.log.failure("a stream failed")
            self._refused(pump, opening, CONNECT_FAILED, f"{described(place)} cannot be reached: internal error")

    def _refused(self, pump: Pump, opening: IsOpening, code: int, text: str) -> None:
        self._pumps.discard(pump)
        if pump.waits:
            opening.refuse(code, text)

    def _dialled(self, _: object, work: Deferred[None]) -> None:
        self._dialling.discard(work)

    def global_requested(self, request: IsGlobalRequest) -> None:
        """See ConnectionHandler: a gateway asks for nothing but life, and for less encryption where that is safe."""
        if request.name in (OUTER, BARE) and self._outside is not None and self._outside.asked(request):
            return
        self.log.info("the gateway asks for {what}, which is not known here", what=shown(request.name[:64]))
        request.reply(False)

    def lost(self, reason: str) -> None:
        """See ConnectionHandler: streams are told by their channels."""
        self._connection = None
        if self._beat is not None and self._beat.active():
            self._beat.cancel()
        for work in list(self._dialling):
            work.cancel()
        self._ended(reason)

    # -- heartbeats -----------------------------------------------------------------------------------------------

    def _ask(self) -> None:
        connection = self._connection
        if connection is None:
            return
        heard, now = self._transport.incomingPacketSequence, self._reactor.seconds()
        if heard != self._heard:
            self._heard, self._heard_at = heard, now
        if now - self._heard_at > self._dead:
            self.log.warn("the gateway does not answer: the connection is given up")
            self._transport.transport.abortConnection()
            return
        connection.request(ALIVE, b"", True)
        self._beat = self._reactor.callLater(self._every, self._ask)

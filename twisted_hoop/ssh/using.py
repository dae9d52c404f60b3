"""A client's connection that uses one target: what it wants, each by its kind; nothing without a class (S12, S15)."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_hoop.errors import HoopError, LimitExceeded, ProtocolError, RecordingFailed, UnknownTarget
from twisted_hoop.ssh.ends import no_opener
from twisted_hoop.ssh.events import ADMINISTRATIVELY_PROHIBITED, RESOURCE_SHORTAGE, UNKNOWN_CHANNEL_TYPE, Open
from twisted_hoop.ssh.forwards import ForwardRelay
from twisted_hoop.ssh.handlers import IsConnection, IsGlobalRequest, IsOpening
from twisted_hoop.ssh.lane import Openers
from twisted_hoop.ssh.listening import ListenOpener, RequestOpening
from twisted_hoop.ssh.opening import Arrival, SshOpening
from twisted_hoop.ssh.relay import ChannelRelay
from twisted_hoop.ssh.requests import shown
from twisted_hoop.ssh.session import SshSession
from twisted_hoop.ssh.wishes import (
    CANCEL,
    DIRECT_SOCKET,
    DIRECT_TCP,
    LISTEN_SOCKET,
    LISTEN_TCP,
    NO_MORE_SESSIONS,
    SESSION,
    direct_place,
    forward_command,
    listen_command,
    listen_place,
)

NO_TARGET = "hoop: no such target or account, or it is not open to you"
"""What clients are told whichever of these it is."""


class UsingTarget:
    """A ConnectionHandler. The session opens with the first thing the client wants."""

    log = Logger()

    def __init__(self, opening: SshOpening, arrival: Arrival) -> None:
        self._opening = opening
        self._arrival = arrival
        self._connection: IsConnection | None = None
        self._session: SshSession | None = None
        self._no_more = False

    def started(self, connection: IsConnection) -> None:
        """See ConnectionHandler."""
        self._connection = connection

    # -- channels -------------------------------------------------------------------------------------------------

    def open_requested(self, opening: IsOpening) -> None:
        """See ConnectionHandler."""
        try:
            session = self._opened()
        except HoopError as error:
            opening.refuse(*self._told(error))
            return
        if opening.kind == SESSION and not self._no_more:
            relay = ChannelRelay(session.next_channel(), session.terms())
            session.lane(relay).from_client(opening, Open(opening.kind, opening.data))
        elif opening.kind in (DIRECT_TCP, DIRECT_SOCKET):
            self._forward(session, opening)
        else:
            session.note(f"channel {shown(opening.kind)[:100]} refused: it is not known here")
            opening.refuse(UNKNOWN_CHANNEL_TYPE, "hoop: channels of this type are not known here")

    def _forward(self, session: SshSession, opening: IsOpening) -> None:
        try:
            place = direct_place(opening.kind, opening.data)
        except ValueError as error:
            opening.refuse(ADMINISTRATIVELY_PROHIBITED, f"hoop: {error}")
            return
        if place.port is not None and self._opening.own(shown(place.host), place.port):
            session.note(f"forward to {place.destination} refused: that is the gateway itself (S11)")
            opening.refuse(ADMINISTRATIVELY_PROHIBITED, "hoop: the gateway does not lead to itself")
            return
        relay = ForwardRelay(session.next_channel(), session.count, forward_command(place))
        session.lane(relay).from_client(opening, Open(opening.kind, opening.data))

    # -- requests -------------------------------------------------------------------------------------------------

    def global_requested(self, request: IsGlobalRequest) -> None:
        """See ConnectionHandler. What is about the connection is answered here (S16)."""
        if request.name == NO_MORE_SESSIONS:
            self._no_more = True
            request.reply(True)
            return
        try:
            if request.name in (LISTEN_TCP, LISTEN_SOCKET):
                self._listen(self._opened(), request)
                return
            if request.name in CANCEL:
                self._cancel(request)
                return
        except (HoopError, ValueError) as error:
            self.log.info("request {name} refused: {why}", name=shown(request.name), why=str(error))
        if self._session is not None:
            self._session.note(f"request {shown(request.name)[:100]} refused")
        request.reply(False)

    def _listen(self, session: SshSession, request: IsGlobalRequest) -> None:
        place = listen_place(request.name, request.data)
        relay = ForwardRelay(session.next_channel(), session.count, listen_command(place), lasts=False)
        openers = Openers(no_opener, ListenOpener(session, place, relay))
        session.lane(relay, openers).from_client(RequestOpening(request), Open(request.name, request.data))

    def _cancel(self, request: IsGlobalRequest) -> None:
        place = listen_place(CANCEL[request.name], request.data)
        session = self._session
        if session is None or place not in session.listening:
            raise ValueError("nothing listens there")
        del session.listening[place]
        session.note(f"the client listens on {place.destination} no more")
        Deferred.fromCoroutine(self._cancelled(session, request)).addErrback(
            lambda failure: self.log.failure("a listener was not cancelled", failure=failure)
        )

    async def _cancelled(self, session: SshSession, request: IsGlobalRequest) -> None:
        connection = await session.target()
        ok, data = await connection.request(request.name, request.data, True)
        request.reply(ok, data)

    # -- the session ----------------------------------------------------------------------------------------------

    def _opened(self) -> SshSession:
        assert self._connection is not None
        if self._session is None:
            self._session = self._opening.open(self._arrival, self._connection)
        if self._session.over:
            raise ProtocolError("the session has ended")
        return self._session

    def _told(self, error: HoopError) -> tuple[int, str]:
        """(code, text) of CHANNEL_OPEN_FAILURE; why it was is for the log (I8)."""
        self.log.info("a session could not open: {why}", why=str(error), peer=self._arrival.peer.address)
        if isinstance(error, UnknownTarget):
            return ADMINISTRATIVELY_PROHIBITED, NO_TARGET
        if isinstance(error, LimitExceeded):
            return RESOURCE_SHORTAGE, f"hoop: {error}"
        text = "the recording cannot be opened" if isinstance(error, RecordingFailed) else str(error)
        return RESOURCE_SHORTAGE, f"hoop: {text}"

    def lost(self, reason: str) -> None:
        """See ConnectionHandler."""
        if self._session is not None:
            self._session.client_lost(reason)

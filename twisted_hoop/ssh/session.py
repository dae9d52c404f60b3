"""One client connection using one target: one recording, one connection to the target, many channels."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_hoop.errors import HoopError, ProtocolError, RecordingFailed, SecretUnavailable, UnknownTarget
from twisted_hoop.interfaces import IRecording
from twisted_hoop.model import Outcome, Session
from twisted_hoop.recording.shared import SharedRecording
from twisted_hoop.services import Services
from twisted_hoop.ssh.ends import ChannelEnd
from twisted_hoop.ssh.entries import notice_entry
from twisted_hoop.ssh.events import CONNECT_FAILED, Open, OpenFailed
from twisted_hoop.ssh.hall import SshHall
from twisted_hoop.ssh.handlers import ConnectionHandler, IsConnection
from twisted_hoop.ssh.lane import AnyRelay, Lane, Openers
from twisted_hoop.ssh.terms import Terms
from twisted_hoop.ssh.wishes import Place

NOTES = 100
"""Refusals without a channel that are recorded one by one."""
BY_APPLICATION = 11
"""SSH_DISCONNECT_BY_APPLICATION (RFC 4253, section 11.1)."""


class MakesHandler(Protocol):
    """Who is told of what the target wants; made for a session."""

    def __call__(self, session: SshSession) -> ConnectionHandler:
        """A handler."""


class SshSession:
    """See the module, and Ending for what the registry may do. `client` is the client's connection.

    The target is connected to when something was admitted that needs it, and not before (S14).
    """

    log = Logger()

    def __init__(
        self,
        services: Services[SshHall],
        session: Session,
        recording: IRecording,
        hall: SshHall,
        client: IsConnection,
        handler: MakesHandler,
    ) -> None:
        self.session = session
        self.hall = hall
        self.lanes: dict[int, Lane] = {}
        self.listening: dict[Place, bool] = {}
        self._services = services
        self._recording = recording
        self._channels = SharedRecording(recording, self._recording_failed)
        self._client = client
        self._make_handler = handler
        self._numbers = itertools.count(1)
        self.count: Callable[[], int] = itertools.count(1).__next__
        self._target: IsConnection | None = None
        self._waiting: list[Deferred[IsConnection]] | None = None
        self._commands = self._moved = self._notes = 0
        self._closed = self._cut = False
        self._durable = recording.barrier() is not None
        services.sessions.open(session, self)
        services.observe(session, None, 0)

    def terms(self) -> Terms:
        """What the relay of a channel is told."""
        hall, session = self.hall, self.session
        return Terms(
            session.id,
            self.count,
            hall.shell.read,
            hall.env,
            hall.masks,
            lambda: self._services.masks(session),
            hall.section.exec_only,
        )

    @property
    def over(self) -> bool:
        """Whether it has ended; its client is about to be disconnected."""
        return self._closed

    # -- channels -------------------------------------------------------------------------------------------------

    def next_channel(self) -> int:
        """A number for a channel in the recording."""
        return next(self._numbers)

    def lane(self, relay: AnyRelay, openers: Openers | None = None) -> Lane:
        """A lane for the relay; it is the session's until it is finished. `openers` open what is no channel."""
        openers = openers or Openers(self._open_at_client, self._open_at_target)
        lane = Lane(
            self._services, self.session, self._channels, relay, openers, self._lane_finished, durable=self._durable
        )
        self.lanes[relay.channel] = lane
        return lane

    def note(self, text: str) -> None:
        """Record that something was refused that has no channel; a flood of it is not recorded one by one (R10)."""
        self._notes += 1
        if self._notes <= NOTES and not self._closed:
            with contextlib.suppress(RecordingFailed):  # the session ends of it
                self._channels.write(notice_entry(0, text))

    def granted(self, kind: bytes) -> bool | None:
        """Whether to record the bytes of a channel of this kind that the target opens; None when it may open none."""
        found = [lane.relay.granted[kind] for lane in self.lanes.values() if kind in lane.relay.granted]
        return any(found) if found else None

    def _lane_finished(self, lane: Lane, outcome: Outcome) -> None:
        self._commands += lane.bridge.commands
        self._moved += lane.relay.moved
        self._cut = self._cut or outcome.code == "client-lost"
        self.lanes.pop(lane.relay.channel, None)

    def _open_at_client(self, wish: Open, end: ChannelEnd) -> None:
        end.channel = self._client.open(wish.kind, wish.data, end)

    def _open_at_target(self, wish: Open, end: ChannelEnd) -> None:
        Deferred.fromCoroutine(self._opened(wish, end)).addErrback(self._open_failed, end)

    async def _opened(self, wish: Open, end: ChannelEnd) -> None:
        connection = await self.target()
        if not end.closed:
            end.channel = connection.open(wish.kind, wish.data, end)

    def _open_failed(self, failure: Any, end: ChannelEnd) -> None:
        error = failure.value
        if not isinstance(error, HoopError):
            self.log.failure("a target could not be connected to", failure=failure, session=self.session.id)
        text = str(error) if isinstance(error, HoopError) else "internal error"
        if isinstance(error, SecretUnavailable):
            text = error.public  # R11: where secrets lie is not for clients
        end.received(OpenFailed(CONNECT_FAILED, text))

    # -- the target -----------------------------------------------------------------------------------------------

    async def target(self) -> IsConnection:
        """The connection to the target; it is made once. Raises HoopError."""
        if self._target is not None:
            return self._target
        if self._closed:
            raise ProtocolError("the session has ended", "target")
        waiting: Deferred[IsConnection] = Deferred()
        if self._waiting is None:
            self._waiting = [waiting]
            Deferred.fromCoroutine(self._connect()).addErrback(self._not_connected)
        else:
            self._waiting.append(waiting)
        return await waiting

    async def _connect(self) -> None:
        login = self.session.attributes["login"]
        connection = await self.hall.door.open(self.session, login, self._make_handler(self))
        waiting, self._waiting = self._waiting or [], None
        if self._closed:
            connection.disconnect(BY_APPLICATION, "the session has ended")
        else:
            self._target = connection
        for each in waiting:
            each.callback(connection)

    def _not_connected(self, failure: Any) -> None:
        waiting, self._waiting = self._waiting or [], None
        self.log.warn("a target cannot be had: {why}", why=str(failure.value), session=self.session.id)
        for each in waiting:
            each.errback(failure)

    def target_lost(self, reason: str) -> None:
        """The connection to the target is gone; its channels' bridges were told. The session is over."""
        self._target = None
        message = "hoop: the connection to the target was lost"
        self._finish(Outcome("target-lost", reason), message)

    def client_lost(self, reason: str) -> None:
        """The client's connection is gone."""
        cut = self._cut or bool(self.lanes)
        self._finish(Outcome("client-lost" if cut else "closed", reason), reason)

    # -- what the registry may do ---------------------------------------------------------------------------------

    def activity(self) -> tuple[int, bool, bool]:
        """(how much was done, whether something runs or waits that is not a shell, False): for limits."""
        lanes = list(self.lanes.values())
        done = self._commands + self._moved + sum(lane.bridge.commands + lane.relay.moved for lane in lanes)
        return done, any(lane.relay.busy for lane in lanes), False

    def outdated(self) -> bool:
        """See Ending. What is known here, masks above all, is then not what is in force (R13)."""
        try:
            return self._services.hall(self.session.target.name) is not self.hall
        except UnknownTarget:
            return True

    def end(self, code: str, message: str) -> None:
        """See Ending: every channel is told on stderr, then both connections are ended."""
        if self._closed:
            return
        for lane in list(self.lanes.values()):
            lane.bridge.end(code, message)
        self._finish(Outcome("ended", message), message)

    def cancel(self) -> None:
        """See Ending: what waits for approval is withdrawn."""
        for lane in list(self.lanes.values()):
            lane.bridge.cancel()

    # -- the end --------------------------------------------------------------------------------------------------

    def _recording_failed(self, error: RecordingFailed) -> None:
        """Nothing more is carried, on any channel (R1)."""
        if not self._closed:
            # The bridge whose entry it was ends itself first.
            self._services.reactor.callLater(0, self._give_up, error)

    def _give_up(self, error: RecordingFailed) -> None:
        self.log.error("recording failed, session ends: {error}", error=str(error), session=self.session.id)
        message = "hoop: the recording failed, the session ends"
        for lane in list(self.lanes.values()):
            lane.bridge.end("58030", message)
        self._finish(Outcome("failed", f"{message} ({error})"), message)

    def _finish(self, outcome: Outcome, message: str) -> None:
        """Everything that must happen when a session is over, once."""
        if self._closed:
            return
        self._closed = True
        for lane in list(self.lanes.values()):
            lane.bridge.end("ended", message)
        services = self._services
        services.sessions.close(self.session.id)
        services.approver.ended(self.session)
        self._client.disconnect(BY_APPLICATION, message)
        target, self._target = self._target, None
        if target is not None:
            target.disconnect(BY_APPLICATION, message)
        closing: Any = self._recording.close(outcome)
        if isinstance(closing, Deferred):
            closing.addErrback(lambda f: self.log.error("a recording did not close: {e}", e=str(f.value)))
        services.observe(self.session, outcome, self._commands)

"""Opening a session for a proved principal: target, caps, recording, the target's log-in, and the bridge."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import ITransport
from twisted.logger import Logger

from twisted_hoop.bridge import Bridge
from twisted_hoop.errors import RecordingFailed, UnknownTarget
from twisted_hoop.interfaces import IRecording
from twisted_hoop.model import Effect, Outcome, Peer, Principal, Session
from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.catalogue_source import CatalogueSource
from twisted_hoop.postgres.hall import Hall
from twisted_hoop.postgres.parameters import for_target, target_of
from twisted_hoop.postgres.relay import PostgresRelay
from twisted_hoop.postgres.simple import simple_query
from twisted_hoop.postgres.startup import Hello
from twisted_hoop.postgres.target import Opened
from twisted_hoop.services import Services
from twisted_hoop.sessions import OUTDATED, new_session_id


class Opening:
    """See the module."""

    def __init__(self, services: Services[Hall]) -> None:
        self._services = services

    async def open(
        self, principal: Principal, hello: Hello, peer: Peer, gone: Callable[[], bool]
    ) -> PostgresSession | None:
        """A session that only needs to be joined, or None when the client left meanwhile. Raises HoopError."""
        services = self._services
        name, asked = target_of(hello.parameters)
        hall = services.hall(name)
        if services.policy().authorize(principal, hall.target).effect is not Effect.ALLOW:
            raise UnknownTarget(f"{principal.label} may not open {name}")
        database = hall.database(asked)
        services.sessions.check(principal, hall.target)
        parameters = for_target(hello.parameters, hall.section.read_only)
        attributes = {"database": database, "application_name": parameters.get("application_name", "")}
        session = Session(new_session_id(), principal, hall.target, peer, time.time(), attributes)
        if objection := services.objection(session):  # I9: a target that is locked, a store that was not seen for long
            raise UnknownTarget(objection)
        recording = services.recorder.open(session, services.policy().version)
        opened = PostgresSession(services, session, recording, hall, hall.source(database), hello.version)
        try:
            await opened.connect(database, parameters)
        except BaseException as error:
            opened.close(Outcome("failed", str(error)))
            raise
        if gone():
            opened.close(Outcome("client-lost", "the client left before the session opened"))
            return None
        return opened


class PostgresSession:
    """One session: what the registry can end or cancel, and what is tidied up when it is over."""

    log = Logger()

    def __init__(
        self,
        services: Services[Hall],
        session: Session,
        recording: IRecording,
        hall: Hall,
        source: CatalogueSource,
        version: int,
    ) -> None:
        self.session = session
        self._services = services
        self._recording = recording
        self._hall = hall
        self._source = source
        self._version = version
        self._opened: Opened | None = None
        self._path = ""
        self._bridge: Bridge | None = None
        self._relay: PostgresRelay | None = None
        self._closed = False
        services.sessions.open(session, self)
        services.observe(session, None, 0)

    async def connect(self, database: str, parameters: dict[str, str]) -> None:
        """Log in at the target and make sure that its catalogue is known."""
        self._opened = await self._hall.door.open(database, parameters, session=self.session.id)
        if "search_path" not in self._opened.login.parameters:
            rows = await simple_query(self._services.reactor, self._opened.connection, "SHOW search_path", 10.0)
            self._path = str(rows[0][0][0] or "")
        if self._source.knowledge.stale or self._source.old():
            await self._source.refresh()

    def start(self, client: ITransport, farewell: bytes, rest: bytes) -> Bridge:
        """Tell the client that it is in, and join both sides."""
        assert self._opened is not None
        opened, services = self._opened, self._services
        reported = dict(opened.login.parameters)
        self._relay = PostgresRelay(
            self._source.knowledge,
            reported,
            masks=partial(services.masks, self.session),
            path=self._path,
            database=self.session.attributes["database"],
            login=opened.user,
            statements=self.session.target.limits.statements,
            functions=frozenset(self._hall.section.allow_functions),
        )
        self._bridge = bridge = Bridge(
            self.session,
            self._relay,
            services.gate,
            self._recording,
            refresh=self._source.refresh,
            finished=self.close,
            meter=services.meter,
        )
        client.write(farewell + self._welcome(reported))
        connection = opened.connection
        connection.receiver = bridge.target_received
        connection.on_lost = lambda: bridge.lost("target")
        bridge.join(client, connection.transport)
        if opened.login.rest:
            bridge.target_received(opened.login.rest)
        connection.transport.resumeProducing()
        if self.outdated():  # a reload came while it logged in
            self.end("57P01", OUTDATED)
        elif rest:
            bridge.client_received(rest)
        return bridge

    def _welcome(self, reported: dict[str, str]) -> bytes:
        length = 32 if self._version >= pg.PROTOCOL_3_2 else 4
        pid, key = self._services.sessions.issue_key(self.session.id, length)
        status = b"".join(pg.message(b"S", pg.cstring(n) + pg.cstring(v)) for n, v in reported.items())
        ok = pg.message(b"R", struct.pack(">I", 0))
        return ok + status + pg.message(b"K", struct.pack(">I", pid) + key) + pg.message(b"Z", b"I")

    # -- what the registry may do ---------------------------------------------------------------------------------

    def activity(self) -> tuple[int, bool, bool]:
        """(commands so far, whether something runs or waits, whether a transaction is open): for limits."""
        if self._bridge is None or self._relay is None:
            return 0, True, False
        return self._bridge.commands, self._relay.busy or self._relay.asking, self._relay.in_transaction

    def outdated(self) -> bool:
        """See Ending. What is known here, masks above all, is then not what is in force (R13)."""
        try:
            return self._services.hall(self.session.target.name) is not self._hall
        except UnknownTarget:
            return True

    def end(self, code: str, message: str) -> None:
        """See Ending."""
        if self._bridge is not None:
            self._bridge.end(code, message)

    def cancel(self) -> None:
        """See Ending. The target is told only while it runs something: a late cancel would hit the next statement."""
        bridge, relay, opened = self._bridge, self._relay, self._opened
        if bridge is None or relay is None or opened is None or bridge.cancel() or not relay.busy:
            return
        login = opened.login
        if login.pid:
            sent = Deferred.fromCoroutine(self._hall.door.cancel(login.pid, login.key))
            sent.addErrback(lambda f: self.log.warn("a cancel did not reach the target: {e}", e=str(f.value)))

    def close(self, outcome: Outcome) -> None:
        """Everything that must happen when a session is over, once."""
        if self._closed:
            return
        self._closed = True
        services = self._services
        if self._bridge is None and self._opened is not None:
            self._opened.connection.on_lost = None
            self._opened.connection.transport.abortConnection()
        if self._relay is not None:
            self._write_rest(self._relay)
        services.sessions.close(self.session.id)
        services.approver.ended(self.session)
        closing: Any = self._recording.close(outcome)
        if isinstance(closing, Deferred):
            closing.addErrback(lambda f: self.log.error("a recording did not close: {e}", e=str(f.value)))
        services.observe(self.session, outcome, self.activity()[0])

    def _write_rest(self, relay: PostgresRelay) -> None:
        try:
            for step in relay.recorded_close():
                self._recording.write(step.entry)
        except RecordingFailed as error:
            self.log.error("the last entries of a session are lost: {e}", e=str(error), session=self.session.id)

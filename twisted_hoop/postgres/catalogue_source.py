"""Reading a target's catalogue with the target's own login, when it is first needed and whenever it is stale."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_hoop.lineage.catalogue import Catalogue
from twisted_hoop.lineage.catalogue_reader import CATALOGUE_SQL, build
from twisted_hoop.postgres import messages as pg
from twisted_hoop.postgres.knowledge import Knowledge
from twisted_hoop.postgres.simple import Rows, simple_query
from twisted_hoop.postgres.target import TargetDoor

_PARAMETERS = {"application_name": "hoop catalogue", "client_encoding": "UTF8", "search_path": ""}


class CatalogueSource:
    """Keeps one Knowledge fresh: single flight, and one reading in `interval` seconds unless something changed.

    Changes made past the gateway are noticed by that: beside the sessions while they are used, else before the next
    command.

    What was bound once is remembered in `memory` (a JSON file), so that a rename while the gateway is down does not
    unmask a column.
    """

    log = Logger()

    def __init__(
        self, reactor: Any, door: TargetDoor, database: str, knowledge: Knowledge, memory: Path, interval: float = 60.0
    ) -> None:
        self._reactor = reactor
        self._door = door
        self._database = database
        self.knowledge = knowledge
        self._memory = memory
        self._interval = interval
        self._read_at = float("-inf")
        self._version = 0
        self._waiting: list[Deferred[None]] | None = None
        self._digest = b""
        self._timer: IDelayedCall | None = None
        knowledge.remembered = _recall(memory)

    def old(self) -> bool:
        """Whether the time has come to read it again, though nobody said that it changed."""
        return bool(self._reactor.seconds() - self._read_at > self._interval)

    async def refresh(self) -> None:
        """Read it now, or join a reading under way. Raises ProtocolError: without a catalogue nothing is judged."""
        if self._waiting is not None:
            joined: Deferred[None] = Deferred()
            self._waiting.append(joined)
            await joined
            return
        self._waiting = []
        error: Exception | None = None
        try:
            await self._read()
        except Exception as caught:  # noqa: BLE001  whatever it is, those who wait are told, and the next one tries again
            error = caught
        waiting, self._waiting = self._waiting, None
        for other in waiting:
            other.callback(None) if error is None else other.errback(error)
        if error is not None:
            raise error

    async def _read(self) -> None:
        changes = self.knowledge.changes
        if self.old():
            self.knowledge.forget_absent()
        results = await self._query()
        pool = self._reactor.getThreadPool()
        digest: bytes = await deferToThreadPool(self._reactor, pool, _digest, results)
        if digest == self._digest:
            self.knowledge.confirm(changes)
        else:
            self._version += 1
            catalogue: Catalogue = await deferToThreadPool(self._reactor, pool, build, results, self._version)
            self.knowledge.learn(catalogue, changes)
            self._digest = digest
            _remember(self._memory, self.knowledge.remembered)
        self._read_at = self._reactor.seconds()
        self._read_again_later()

    def _read_again_later(self) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = self._reactor.callLater(self._interval, self._read_again)

    def _read_again(self) -> None:
        if not self.knowledge.used:
            self.knowledge.invalidate()
            return
        self.knowledge.used = False
        Deferred.fromCoroutine(self.refresh()).addErrback(self._not_read)

    def _not_read(self, failure: Failure) -> None:
        self.log.warn("the catalogue of {name} was not read: {why}", name=self._database, why=str(failure.value))
        self.knowledge.invalidate()

    async def _query(self) -> list[Rows]:
        opened = await self._door.open(self._database, dict(_PARAMETERS))
        connection = opened.connection
        try:
            return await simple_query(self._reactor, connection, ";\n".join(CATALOGUE_SQL))
        finally:
            connection.transport.write(pg.message(b"X"))
            connection.transport.loseConnection()


def _digest(results: list[Rows]) -> bytes:
    return hashlib.sha256(repr(results).encode()).digest()


def _recall(path: Path) -> frozenset[tuple[str, int, int]]:
    try:
        return frozenset((str(m), int(o), int(a)) for m, o, a in json.loads(path.read_text()))
    except FileNotFoundError:
        return frozenset()


def _remember(path: Path, bound: frozenset[tuple[str, int, int]]) -> None:
    if bound == _recall(path):
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(sorted(bound)))
    draft.replace(path)

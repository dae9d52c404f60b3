"""Words between replicas on one PostgreSQL: LISTEN and NOTIFY.

One connection listens, and is read when there is something to read, by the reactor; only making it takes a thread. Told
is through the store's own threads, all that waits in one statement. A connection that breaks is made again, and
`MISSED` is heard once it is there: nobody knows what was said meanwhile.
"""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy import Connection, text
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.threads import deferToThreadPool
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.news.local import told
from twisted_hoop.news.word import MISSED, Heard, Word, decode
from twisted_hoop.store.database import Database

CHANNEL = "hoop_news"
AGAIN = 1.0
"""Seconds until a connection that broke is tried again."""
WAITING = 1000
"""Words that may wait to be told; further ones are lost."""
_TIMES = "connect_timeout=5 keepalives_idle=10 keepalives_interval=5 keepalives_count=3 tcp_user_timeout=20000"


@implementer(IReadDescriptor)
class PostgresNews:
    """See the module and INews. `ident` is this replica's."""

    _log = Logger()

    def __init__(self, reactor: Any, database: Database, ident: str, heard: Heard) -> None:
        self._reactor, self._database, self._ident, self._heard = reactor, database, ident, heard
        self._connection: Any = None
        self._descriptor = -1
        self._words: dict[str, None] = {}
        self._telling = False
        self._retry: Any = None
        self._stopped = False

    # -- telling --------------------------------------------------------------------------------------------------

    def tell(self, kind: str, value: str = "") -> None:
        """See INews."""
        if self._stopped or len(self._words) >= WAITING:
            return
        self._words[Word(kind, value, self._ident).encode()] = None
        if not self._telling:
            self._next()

    def _next(self) -> None:
        words, self._words = list(self._words), {}
        self._telling = bool(words)
        if words:
            self._database.write(lambda connection: _notify(connection, words)).addBoth(self._told)

    def _told(self, result: object) -> None:
        if isinstance(result, Failure):
            self._log.warn("the other replicas could not be told at once: {why}", why=str(result.value))
        self._next()

    # -- hearing --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """See INews."""
        await self._connect()

    async def _connect(self) -> None:
        """Never raises. Whoever is listening already goes on."""
        self._retry = None
        try:
            connection = await self._in_thread(_listening, self._database.libpq_url)
        except StoreUnavailable as fault:
            self._log.warn("the other replicas cannot be heard: {why}", why=str(fault))
            self._later()
            return
        if self._stopped:
            connection.close()
            return
        self._connection = connection
        # A descriptor of our own for the socket: libpq closes its one at once when the connection is lost.
        self._descriptor = os.dup(connection.pgconn.socket)
        self._reactor.addReader(self)
        told(self._heard, Word(MISSED), self._log)

    def _in_thread(self, function: Any, *arguments: Any) -> Deferred[Any]:
        return deferToThreadPool(self._reactor, self._reactor.getThreadPool(), function, *arguments)

    def _later(self) -> None:
        if not self._stopped:
            self._retry = self._reactor.callLater(AGAIN, self._try_again)

    def _try_again(self) -> None:
        tried = Deferred.fromCoroutine(self._connect())
        tried.addErrback(lambda failure: self._log.failure("listening failed", failure=failure))

    def doRead(self) -> None:
        """Something came, or the connection ended."""
        found = []
        try:
            self._connection.pgconn.consume_input()
            while (notification := self._connection.pgconn.notifies()) is not None:
                found.append(bytes(notification.extra))
        except Exception as fault:  # noqa: BLE001  whatever libpq says, this connection is over
            self._log.warn("the other replicas are not heard any more: {kind}", kind=type(fault).__name__)
            self._drop()
            self._later()
        for payload in found:
            self._take(payload)

    def _take(self, payload: bytes) -> None:
        word = decode(payload)
        if word is not None and word.sender != self._ident:
            told(self._heard, word, self._log)

    def fileno(self) -> int:
        """The descriptor; -1 when nothing is heard."""
        return self._descriptor

    def logPrefix(self) -> str:
        """See ILoggingContext."""
        return "news"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor gave up on the descriptor, or stops."""
        self._drop()
        self._later()

    def _drop(self) -> None:
        if self._connection is not None:
            self._reactor.removeReader(self)
            connection, self._connection = self._connection, None
            connection.close()
            os.close(self._descriptor)
            self._descriptor = -1

    async def stop(self) -> None:
        """See INews."""
        self._stopped = True
        if self._retry is not None and self._retry.active():
            self._retry.cancel()
        self._drop()


def _notify(connection: Connection, words: list[str]) -> None:
    """Blocks."""
    rows = [{"channel": CHANNEL, "word": word} for word in words]
    connection.execute(text("SELECT pg_notify(:channel, :word)"), rows)


def _listening(url: str) -> Any:
    """A connection that listens, or StoreUnavailable. Blocks."""
    try:
        import psycopg

        separator = "&" if "?" in url else "?"
        connection = psycopg.connect(url + separator + _TIMES.replace(" ", "&"), autocommit=True)
        connection.execute(f"LISTEN {CHANNEL}")
    except Exception as fault:
        # The driver's message may hold the URL: only its class is passed on (R11).
        raise StoreUnavailable(type(fault).__name__) from fault
    return connection

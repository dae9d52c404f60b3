"""The database, worked with in threads of its own: SQLite by default, PostgreSQL for several replicas.

Nothing here runs in the reactor thread but the handing over. Work is a plain function of a SQLAlchemy Connection and
runs in one transaction; it may be run by tests without any reactor through `write_now` and `read_now`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Executable, create_engine, event, make_url, select, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.store.files import private_file
from twisted_hoop.store.migrate import upgrade

T = TypeVar("T")
Work = Callable[[Connection], T]

THREADS = 4
BUSY_TIMEOUT = 5.0  # seconds SQLite waits for another process's transaction
_WRITES = "hoop_writes"
# Drivers let these through unwrapped: a lone surrogate, a full disk, a closed handle.
_FAULTS = (SQLAlchemyError, sqlite3.Error, OSError, UnicodeError)


class Database:
    """A store at a SQLAlchemy URL.

    `start` and `stop` block: call them before the reactor runs and when it is shutting down. `start` makes the file
    and the schema. Threads keep the process alive until `stop`.

    Every fault of the database is StoreUnavailable. A unique constraint that loses a race is tried once more, for the
    second look sees the winner's row.
    """

    def __init__(self, url: str, reactor: Any, threads: int = THREADS) -> None:
        try:
            self._url = make_url(url)
        except SQLAlchemyError as fault:
            raise StoreUnavailable("the store's URL cannot be read") from fault
        if self._url.drivername == "postgresql":
            self._url = self._url.set(drivername="postgresql+psycopg")  # the driver we have
        self._reactor = reactor
        self._pool = ThreadPool(0, threads, "hoop-store")
        self._engine: Engine | None = None
        # SQLite has one writer: queueing here is fairer than its busy handler, which sleeps.
        self._writing: AbstractContextManager[Any] = nullcontext()
        if self._url.get_backend_name() == "sqlite":
            self._writing = threading.Lock()

    @property
    def kind(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._url.get_backend_name()

    @property
    def libpq_url(self) -> str:
        """Where the store is, for libpq itself; with the password, so not for people."""
        return self._url.set(drivername="postgresql").render_as_string(hide_password=False)

    def start(self) -> None:
        """Open, migrate, start the threads. Raises StoreUnavailable. Blocks."""
        try:
            self._engine = _engine(self._url)
        except (*_FAULTS, ImportError) as fault:
            raise StoreUnavailable(f"the store cannot be opened: {type(fault).__name__}") from fault
        self.write_now(upgrade)
        self._pool.start()

    def stop(self) -> None:
        """Let running work finish, then close every connection. Blocks; idempotent."""
        if self._engine is not None:
            self._pool.stop()
            self._engine.dispose()
            self._engine = None

    def write(self, work: Work[T]) -> Deferred[T]:
        """Run `work` in a thread, in a transaction that no other writer overlaps on SQLite."""
        return deferToThreadPool(self._reactor, self._pool, self.write_now, work)

    def read(self, work: Work[T]) -> Deferred[T]:
        """Run `work`, which changes nothing, in a thread and a transaction of its own."""
        return deferToThreadPool(self._reactor, self._pool, self.read_now, work)

    def write_now(self, work: Work[T]) -> T:
        """`write` in the calling thread. Blocks: never call it in the reactor's."""
        with self._writing:
            try:
                return self._transact(work, writes=True)
            except IntegrityError:
                return self._guarded(work, writes=True)

    def read_now(self, work: Work[T]) -> T:
        """`read` in the calling thread. Blocks: never call it in the reactor's."""
        return self._guarded(work, writes=False)

    def _guarded(self, work: Work[T], writes: bool) -> T:
        try:
            return self._transact(work, writes)
        except IntegrityError as fault:
            raise StoreUnavailable("the store refused a row") from fault

    def _transact(self, work: Work[T], writes: bool) -> T:
        if self._engine is None:
            raise StoreUnavailable("the store is not open")
        try:
            with self._engine.connect().execution_options(**{_WRITES: writes}) as connection, connection.begin():
                return work(connection)
        except IntegrityError:
            raise
        except _FAULTS as fault:
            # The driver's message may hold values: only its class is passed on (R11).
            raise StoreUnavailable(f"the store did not answer: {type(fault).__name__}") from fault

    def forget(self) -> None:
        """Empty SQLite's log, in which rows stand that were deleted since; PostgreSQL's vacuum is its own. Blocks."""
        if self._engine is None or self.kind != "sqlite":
            return
        with self._writing, closing(self._engine.raw_connection()) as connection, suppress(sqlite3.Error):
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def ping(self) -> Deferred[bool]:
        """True, or fail with StoreUnavailable."""
        return self.read(lambda connection: connection.scalar(select(1)) == 1)


def running(statement: Executable) -> Work[None]:
    """Work that runs one statement and gives nothing back."""

    def run(connection: Connection) -> None:
        connection.execute(statement)

    return run


def store_time(connection: Connection, ours: float) -> float:
    """The time of the store, for several machines, whose clocks differ; SQLite is on this one, and has ours. Blocks."""
    if connection.dialect.name != "postgresql":
        return ours
    return float(connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())")) or ours)


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, hide_parameters=True, pool_size=THREADS)
    if url.database in (None, "", ":memory:"):
        raise OSError("SQLite in memory is one store a thread: name a file")
    private_file(url.database)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT}, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # BEGIN is ours, below: the driver's own would leave DDL outside
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # an approval that was used stays used after a power cut (A4)
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA secure_delete=ON")  # what retention deletes is not left in free pages


def _begin_sqlite(connection: Connection) -> None:
    # IMMEDIATE takes the write lock before the first look, so that look-then-change is atomic (A8).
    writes = connection.get_execution_options().get(_WRITES, True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

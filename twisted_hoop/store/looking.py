"""A look at a store that changes nothing in it, not even its schema: for `hoop doctor`. Blocks."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, inspect, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from twisted_hoop.errors import StoreUnavailable
from twisted_hoop.store.migrate import newest

T = TypeVar("T")
_FAULTS = (SQLAlchemyError, sqlite3.Error, OSError, ImportError)


@dataclass(frozen=True, slots=True)
class Looked:
    """`revision` is the schema's, "" before the first start; `newest` ours. `now` is the store's time, POSIX, 0.0 where
    it has none of its own (SQLite)."""

    kind: str
    revision: str
    newest: str
    writable: bool
    now: float


def look(url: str, patience: int = 5) -> Looked:
    """How the store at a SQLAlchemy URL is; StoreUnavailable, which holds no part of the URL, when nobody can say.

    `patience` is in seconds, for connecting.
    """
    try:
        place = make_url(url)
        if place.get_backend_name() == "sqlite":
            return _sqlite(place)
        return _server(place, patience)
    except _FAULTS as fault:
        raise StoreUnavailable(f"the store does not answer: {_kind(fault)}") from None


def read(url: str, work: Callable[[Connection], T], patience: int = 5) -> T | None:
    """What `work` reads there, which must write nothing; None where no store of our schema is. StoreUnavailable."""
    try:
        place = make_url(url)
        if place.get_backend_name() == "sqlite" and not Path(place.database or "").exists():
            return None
        engine = _engine(place, patience)
        if _revision(engine) != newest():
            return None
        with engine.connect() as connection:
            return work(connection)
    except _FAULTS as fault:
        raise StoreUnavailable(f"the store does not answer: {_kind(fault)}") from None


def _engine(url: URL, patience: int) -> Engine:
    """Without a pool; SQLite is opened for reading alone."""
    if url.get_backend_name() == "sqlite":
        return create_engine(
            f"sqlite:///file:{url.database}?mode=ro&uri=true", poolclass=NullPool, hide_parameters=True
        )
    driver = url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url
    more = {"connect_timeout": patience, "options": f"-c statement_timeout={patience * 1000}"}
    return create_engine(driver, poolclass=NullPool, hide_parameters=True, connect_args=more)


def _kind(fault: BaseException) -> str:
    """What can be told of a driver's error: class and SQLSTATE; its text may hold the password (R11)."""
    state = getattr(getattr(fault, "orig", None), "sqlstate", None)
    return f"{type(fault).__name__} {state}" if state else type(fault).__name__


def _sqlite(url: URL) -> Looked:
    file = Path(url.database or "")
    if not file.exists():
        folder = next(each for each in file.absolute().parents if each.exists())
        return Looked("sqlite", "", newest(), os.access(folder, os.W_OK | os.X_OK), 0.0)
    engine = _engine(url, 0)
    writable = os.access(file, os.W_OK) and os.access(file.parent, os.W_OK | os.X_OK)
    return Looked("sqlite", _revision(engine), newest(), writable, 0.0)


def _server(url: URL, patience: int) -> Looked:
    engine = _engine(url, patience)
    revision = _revision(engine)
    with engine.connect() as connection:
        now = float(connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())")) or 0.0)
        return Looked("postgresql", revision, newest(), _writable(connection), now)


def _writable(connection: Connection) -> bool:
    standby = connection.scalar(text("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool"))
    may = connection.scalar(text("SELECT has_schema_privilege(current_schema(), 'CREATE')"))
    return bool(may) and not standby


def _revision(engine: Engine) -> str:
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return str(connection.scalar(text("SELECT version_num FROM alembic_version")) or "")

"""Old rows leave the store, recordings stay: those have a life of their own, in files."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, and_, delete, select

from twisted_hoop.store.session_rows import LIVE
from twisted_hoop.store.tables import approvals, deliveries, locks, once, reads, sessions

BATCH = 1000
"""Rows of a table that go in one transaction: others want to write too."""
_OVER = ("denied", "expired", "withdrawn", "used", "ended", "interrupted")


def purge(connection: Connection, now: float, keep: float) -> int:
    """Delete up to BATCH rows a table that were over `keep` seconds ago; how many in all. What lives, stays."""
    before = now - keep
    # Their votes, groups and holders go with them.
    old_approvals = and_(approvals.c.state.in_(_OVER), approvals.c.created < before, approvals.c.changed < before)
    gone = _delete(connection, approvals.c.id, old_approvals)
    gone += _delete(connection, sessions.c.id, and_(sessions.c.state != LIVE, sessions.c.ended < before))
    gone += _delete(connection, reads.c.id, reads.c.at < before)
    gone += _delete(connection, deliveries.c.id, deliveries.c.at < before)
    connection.execute(delete(once).where(once.c.until < now))
    connection.execute(delete(locks).where(and_(locks.c.until != 0, locks.c.until < now)))
    return gone


def _delete(connection: Connection, ident: Column[Any], old: ColumnElement[bool]) -> int:
    found = list(connection.scalars(select(ident).where(old).limit(BATCH)))
    if found:
        connection.execute(delete(ident.table).where(ident.in_(found)))
    return len(found)

"""Rows of the index of sessions, put into the store: many at once, or again after a store that was away. Blocking."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import DataError, IntegrityError, StatementError

from twisted_hoop.store.tables import sessions

Rows = list[dict[str, Any]]
Ends = dict[str, dict[str, Any]]
"""Session id → the columns that tell its end."""
LIVE = "live"
INTERRUPTED = "interrupted"
_END = ("ended", "state", "commands")


def put(connection: Connection, rows: Rows, ends: Ends) -> list[str]:
    """Write all or fail; the first end of a session stays. No session is refused: the list is empty."""
    if rows:
        connection.execute(insert(sessions), rows)
    _end_all(connection, ends)
    return []


def put_again(connection: Connection, rows: Rows, ends: Ends) -> list[str]:
    """As `put`, of which a part may have been written before; the ids of sessions the store will never take.

    One row alone must not keep all later ones out. A fault of the store itself, not of a row, is raised.
    """
    refused = []
    for row in rows:
        try:
            with connection.begin_nested():
                _put_one(connection, row)
        except (DataError, IntegrityError, UnicodeError):
            refused.append(row["id"])
        except StatementError as fault:
            if not isinstance(fault.orig, UnicodeError):
                raise
            refused.append(row["id"])
    _end_all(connection, ends)
    return refused


def _put_one(connection: Connection, row: dict[str, Any]) -> None:
    if connection.scalar(select(sessions.c.id).where(sessions.c.id == row["id"])) is None:
        connection.execute(insert(sessions), [row])
    elif row["state"] != LIVE:
        _end_all(connection, {row["id"]: {name: row[name] for name in _END}})


def _end_all(connection: Connection, ends: Ends) -> None:
    for session_id, values in ends.items():
        change = update(sessions).where(sessions.c.id == session_id, sessions.c.state == LIVE)
        connection.execute(change.values(values))

"""The SQL of approvals: plain functions of a connection, each run inside one transaction of `store.Database`.

Every change names the state it expects and is checked by its row count, so that of two racers one wins (A8) on any
database and across replicas. Times come from the caller; a deadline is checked in the statement itself, so that
nothing depends on a timer having run.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, exists, func, insert, or_, select, text, update

from twisted_hoop.approval.ballots import Vote
from twisted_hoop.approval.lifecycle import Event, State, after
from twisted_hoop.approval.requests import Caps, Request
from twisted_hoop.approval.rows import request_of, values_of, vote_of
from twisted_hoop.errors import LimitExceeded
from twisted_hoop.model import Principal
from twisted_hoop.store.tables import approvals, approver_groups, holders, votes

_HOUR = 3600.0
_state = approvals.c.state
_PENDING, _GRANTED = State.PENDING.value, State.GRANTED.value


def file(connection: Connection, request: Request, caps: Caps) -> Request:
    """Store the request, or join the identical one that is pending (A7). Raises LimitExceeded."""
    _one_filer_at_a_time(connection, request.principal_key)
    expire(connection, request.created)
    query = select(approvals).where(approvals.c.digest == request.digest, _state == _PENDING)
    found = connection.execute(query).first()
    if found is None:
        _refuse_flood(connection, request, caps)
        connection.execute(insert(approvals).values(values_of(request)))
        groups = [{"approval_id": request.id, "name": name} for name in sorted(request.approvers)]
        if groups:
            connection.execute(insert(approver_groups), groups)
    stored = request if found is None else fetch(connection, found.id, request.created)
    assert stored is not None
    _hold(connection, stored.id, request.session_id)
    return stored


def _one_filer_at_a_time(connection: Connection, principal_key: str) -> None:
    """Makes the counting below exact on PostgreSQL; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": principal_key})


def _refuse_flood(connection: Connection, request: Request, caps: Caps) -> None:
    mine = select(func.count()).select_from(approvals).where(approvals.c.principal_key == request.principal_key)
    if connection.scalar(mine.where(_state == _PENDING)) >= caps.pending:  # type: ignore[operator]
        raise LimitExceeded(f"{caps.pending} requests of yours wait for approval already")
    if connection.scalar(mine.where(approvals.c.created > request.created - _HOUR)) >= caps.hourly:  # type: ignore[operator]
        raise LimitExceeded(f"{caps.hourly} requests for approval within an hour are the most")


def _hold(connection: Connection, approval_id: str, session_id: str) -> None:
    row = {"approval_id": approval_id, "session_id": session_id}
    if connection.execute(select(holders).filter_by(**row)).first() is None:
        connection.execute(insert(holders).values(row))


def expire(connection: Connection, now: float) -> None:
    """Write down what time has ended already."""
    overdue = update(approvals).where(_state == _PENDING, approvals.c.deadline <= now)
    connection.execute(overdue.values(state=after(State.PENDING, Event.EXPIRE).value))
    outlived = update(approvals).where(_state == _GRANTED, approvals.c.until <= now)
    connection.execute(outlived.values(state=after(State.GRANTED, Event.EXPIRE).value))


def fetch(connection: Connection, approval_id: str, now: float) -> Request | None:
    """One request as it stands at `now`, votes and all."""
    found = _many(connection, select(approvals).where(approvals.c.id == approval_id), now)
    return found[0] if found else None


def listing(
    connection: Connection, viewer: Principal, states: Iterable[State], now: float, limit: int
) -> list[Request]:
    """What the viewer asked for or may decide, newest first."""
    theirs = exists().where(approver_groups.c.approval_id == approvals.c.id, approver_groups.c.name.in_(viewer.groups))
    wanted = frozenset(states)
    # A row may still say pending or granted when time has ended it: look at those too, then judge by the clock.
    names = [state.value for state in wanted | ({State.PENDING, State.GRANTED} if State.EXPIRED in wanted else set())]
    query = (
        select(approvals)
        .where(or_(approvals.c.principal_key == viewer.key, theirs), _state.in_(names))
        .order_by(approvals.c.created.desc(), approvals.c.id)
        .limit(limit)
    )
    return [request for request in _many(connection, query, now) if request.state in wanted]


def _many(connection: Connection, query: Select[Any], now: float) -> list[Request]:
    rows = connection.execute(query).all()
    ids = [row.id for row in rows]
    groups: dict[str, set[str]] = {}
    for row in connection.execute(select(approver_groups).where(approver_groups.c.approval_id.in_(ids))):
        groups.setdefault(row.approval_id, set()).add(row.name)
    cast: dict[str, list[Vote]] = {}
    for row in connection.execute(select(votes).where(votes.c.approval_id.in_(ids)).order_by(votes.c.at)):
        cast.setdefault(row.approval_id, []).append(vote_of(row))
    return [request_of(row, groups.get(row.id, ()), cast.get(row.id, ()), now) for row in rows]

"""The SQL of approvals: plain functions of a connection, each run inside one transaction of `store.Database`.

Every change names the state it expects and is checked by its row count, so that of two racers one wins (A8) on any
database and across replicas. Times come from the caller; a deadline is checked in the statement itself, so that
nothing depends on a timer having run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, false, func, insert, or_, select, text, update

from twisted_hoop.approval.ballots import Vote
from twisted_hoop.approval.lifecycle import Event, State, after
from twisted_hoop.approval.requests import Caps, Request
from twisted_hoop.approval.rows import request_of, values_of, vote_of
from twisted_hoop.errors import LimitExceeded
from twisted_hoop.model import Principal
from twisted_hoop.store.owning import owned
from twisted_hoop.store.paging import Page, newest_first, page_of
from twisted_hoop.store.tables import approvals, approver_groups, holders, votes

_HOUR = 3600.0
_state = approvals.c.state
_PENDING, _GRANTED = State.PENDING.value, State.GRANTED.value


@dataclass(frozen=True, slots=True)
class Filed:
    """What filing came to: the request as it stands, whether it is `new`, and what time had ended meanwhile."""

    request: Request
    new: bool
    expired: tuple[Request, ...] = ()


def file(connection: Connection, request: Request, caps: Caps) -> Filed:
    """Store the request, or join the identical one that is pending (A7). Raises LimitExceeded."""
    _one_filer_at_a_time(connection, request.principal_key)
    expired = expire(connection, request.created, approvals.c.principal_key == request.principal_key)
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
    if request.session_id:
        _hold(connection, stored.id, request.session_id)
    return Filed(stored, found is None, tuple(expired))


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


def expire(connection: Connection, now: float, which: ColumnElement[bool] | None = None) -> list[Request]:
    """Write down what time has ended already; these requests. Of several replicas, one gets each."""
    overdue = (_state == _PENDING) & (approvals.c.deadline <= now)
    outlived = (_state == _GRANTED) & (approvals.c.until <= now)
    ids: list[str] = []
    for condition, state in ((overdue, State.PENDING), (outlived, State.GRANTED)):
        change = update(approvals).where(condition if which is None else condition & which)
        change = change.values(state=after(state, Event.EXPIRE).value, changed=now)
        ids += connection.scalars(change.returning(approvals.c.id))
    return fetch_all(connection, ids, now)


def fetch_all(connection: Connection, ids: Sequence[str], now: float) -> list[Request]:
    """Several requests as they stand at `now`."""
    return _many(connection, select(approvals).where(approvals.c.id.in_(ids)), now) if ids else []


def fetch(connection: Connection, approval_id: str, now: float) -> Request | None:
    """One request as it stands at `now`, votes and all."""
    found = _many(connection, select(approvals).where(approvals.c.id == approval_id), now)
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which requests a list is of; "" means any. `everything`: also those the viewer may not decide, for auditors."""

    states: frozenset[State] = frozenset(State)
    target: str = ""
    action: str = ""
    subject_key: str = ""
    everything: bool = False


def listing(
    connection: Connection, viewer: Principal, wanted: Wanted, now: float, limit: int, cursor: str = ""
) -> Page[Request]:
    """A page of what the viewer asked for or may decide, newest first. Raises BadCursor."""
    query = select(approvals).where(or_(*(_stands(state, now) for state in wanted.states)))
    if not wanted.everything:
        query = query.where(or_(owned(approvals, viewer), _decidable(viewer)))
    for column, value in (("target", wanted.target), ("action", wanted.action), ("principal_key", wanted.subject_key)):
        if value:
            query = query.where(approvals.c[column] == value)
    found = _many(connection, newest_first(query, approvals.c.created, approvals.c.id, cursor, limit), now)
    return page_of(found, limit, lambda request: (request.created, request.id))


def _decidable(viewer: Principal) -> ColumnElement[bool]:
    """The SQL of `ballots.may_see`."""
    if viewer.chain:
        return false()
    mine = approver_groups.c.approval_id == approvals.c.id
    everyone = (viewer, *viewer.within)
    return and_(*(exists().where(mine, approver_groups.c.name.in_(each.groups)) for each in everyone))


def _stands(state: State, now: float) -> ColumnElement[bool]:
    """The SQL of `lifecycle.effective`: a row may still say pending or granted when time has ended it."""
    written = _state == state.value
    if state is State.PENDING:
        return and_(written, approvals.c.deadline > now)
    if state is State.GRANTED:
        return and_(written, approvals.c.until > now)
    if state is not State.EXPIRED:
        return written
    overdue = and_(_state == _PENDING, approvals.c.deadline <= now)
    return or_(written, overdue, and_(_state == _GRANTED, approvals.c.until <= now))


def changed_since(connection: Connection, since: float, now: float, limit: int) -> list[Request]:
    """What changed at `since` (POSIX) or later, oldest change first: for watchers."""
    query = select(approvals).where(approvals.c.changed >= since).order_by(approvals.c.changed).limit(limit)
    return _many(connection, query, now)


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

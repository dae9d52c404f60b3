"""The SQL by which a request's state changes: votes, uses, withdrawals. Each runs in one transaction of the store.

An UPDATE names the state it expects and its row count tells whether it won (A8). On SQLite the transaction has the
write lock from its start; on PostgreSQL the row is locked before it is judged.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Update, and_, case, delete, exists, insert, or_, select, update

from twisted_hoop.approval.ballots import Objection, Vote, enough, may_see, objection
from twisted_hoop.approval.ledger import fetch, fetch_all
from twisted_hoop.approval.lifecycle import Event, State, after, possible
from twisted_hoop.approval.requests import Request
from twisted_hoop.approval.rows import vote_values
from twisted_hoop.model import Principal
from twisted_hoop.store.owning import acted, owns
from twisted_hoop.store.tables import approvals, holders, votes

_EVENT_OF_VOTE = {True: Event.GRANT, False: Event.DENY}


def cast_vote(connection: Connection, approval_id: str, voter: Principal, vote: Vote, digest: str) -> Request:
    """Count a vote and, when it decides, change the state. Raises Objection; the request comes back as it stands.

    `digest` is what the voter saw, or "" when they did not say: another one is refused (A3).
    """
    connection.execute(select(approvals.c.id).where(approvals.c.id == approval_id).with_for_update())
    request = _votable(fetch(connection, approval_id, vote.at), voter, vote, digest)
    connection.execute(insert(votes).values(vote_values(approval_id, vote)))
    connection.execute(update(approvals).where(approvals.c.id == approval_id).values(changed=vote.at))
    cast = (*request.votes, vote)
    if not vote.granted or enough(cast, request.quorum):
        _decide(connection, request, vote)
    stored = fetch(connection, approval_id, vote.at)
    assert stored is not None
    return stored


def _votable(request: Request | None, voter: Principal, vote: Vote, digest: str) -> Request:
    # Who may not see a request is told the same as when there is none.
    seen = request is not None and owns(voter, request.principal_key, request.principal)
    if request is None or not (seen or may_see(voter, request.approvers)):
        raise Objection("missing", "no such request")
    why = objection(voter, request.requesters, request.approvers)
    if why:
        raise Objection("forbidden", why)
    if digest and digest != request.digest:
        raise Objection("changed", "this is not the request you looked at")
    if not possible(request.state, _EVENT_OF_VOTE[vote.granted]):
        raise Objection("decided", f"the request is {request.state.value} already")
    if any(cast.key == voter.key for cast in request.votes):
        raise Objection("decided", "you have voted already")
    return request


def _decide(connection: Connection, request: Request, vote: Vote) -> None:
    change = _from(State.PENDING).where(approvals.c.id == request.id, approvals.c.deadline > vote.at)
    event = _EVENT_OF_VOTE[vote.granted]
    change = change.values(state=after(State.PENDING, event).value)
    if vote.granted:
        change = change.values(until=vote.at + request.valid, uses_left=request.uses)
    if connection.execute(change).rowcount != 1:
        raise Objection("decided", "somebody else decided it first")


def consume(connection: Connection, digest: str, session_id: str, principal_key: str, now: float) -> Request | None:
    """Take one use of a granted approval for exactly this, if there is one this session may use."""
    usable = and_(
        approvals.c.digest == digest,
        approvals.c.principal_key == principal_key,
        _is(State.GRANTED),
        approvals.c.until > now,
        approvals.c.uses_left > 0,
        # What was granted to a waiting session ends with it; what was granted for a retry does not (A6).
        or_(approvals.c.detached, _held_by(session_id)),
    )
    query = select(approvals.c.id).where(usable).order_by(approvals.c.until).limit(1).with_for_update()
    approval_id = connection.scalar(query)
    if approval_id is None:
        return None
    last = after(State.GRANTED, Event.EXHAUST).value
    still = after(State.GRANTED, Event.USE).value
    change = update(approvals).where(usable, approvals.c.id == approval_id)
    change = change.values(
        uses_left=approvals.c.uses_left - 1, state=case((approvals.c.uses_left == 1, last), else_=still), changed=now
    )
    return fetch(connection, approval_id, now) if connection.execute(change).rowcount == 1 else None


def _held_by(session_id: str) -> ColumnElement[bool]:
    return exists().where(holders.c.approval_id == approvals.c.id, holders.c.session_id == session_id)


def withdraw(connection: Connection, approval_id: str, session_id: str, now: float) -> list[Request]:
    """This session no longer wants it. The request ends when no other session shares it (A7). What ended by it."""
    mine = (holders.c.approval_id == approval_id, holders.c.session_id == session_id)
    if not connection.execute(delete(holders).where(*mine)).rowcount:
        return []
    return _end(connection, and_(approvals.c.id == approval_id, _unheld()), _attached(), now)


def session_ended(connection: Connection, session_id: str, now: float, event: Event = Event.WITHDRAW) -> list[Request]:
    """End what the session waited for and what was granted to it; requests meant for a retry stay (A6).

    `event` is INTERRUPT for a session that a killed gateway left behind.
    """
    held = select(holders.c.approval_id).where(holders.c.session_id == session_id)
    waiting = select(approvals.c.id).where(approvals.c.id.in_(held), _attached())
    ids = list(connection.scalars(waiting))
    connection.execute(delete(holders).where(holders.c.session_id == session_id))
    return _end(connection, and_(approvals.c.id.in_(ids), _unheld()), _attached(), now, event)


def principal_ended(connection: Connection, principal_key: str, now: float) -> list[Request]:
    """The principal is locked: nothing of theirs waits or may be used any more (A6), nor what they asked for others.

    Nor does their word count where others must still agree (I9): who is locked may be somebody who stole it.
    """
    waits = select(approvals.c.id).where(_is(State.PENDING))
    theirs = votes.c.voter_key == principal_key
    changed = approvals.c.id.in_(select(votes.c.approval_id).where(theirs))
    connection.execute(update(approvals).where(_is(State.PENDING), changed).values(changed=now))
    connection.execute(delete(votes).where(theirs, votes.c.approval_id.in_(waits)))
    mine = or_(approvals.c.principal_key == principal_key, acted(approvals, principal_key))
    return _end(connection, mine, mine, now)


def take_back(connection: Connection, approval_id: str, now: float) -> list[Request]:
    """End one request, pending or granted, because somebody who may says so."""
    this = approvals.c.id == approval_id
    return _end(connection, this, this, now)


def _end(
    connection: Connection,
    which: ColumnElement[bool],
    granted: ColumnElement[bool],
    now: float,
    event: Event = Event.WITHDRAW,
) -> list[Request]:
    # What time has ended was not withdrawn, also when nobody wrote that down yet.
    steps = (
        (State.PENDING, Event.EXPIRE, and_(which, approvals.c.deadline <= now)),
        (State.GRANTED, Event.EXPIRE, and_(which, granted, approvals.c.until <= now)),
        (State.PENDING, event, which),
        (State.GRANTED, Event.END, and_(which, granted)),
    )
    ids: list[str] = []
    for state, happens, rows in steps:
        change = _from(state).where(rows).values(state=after(state, happens).value, changed=now)
        ids += connection.scalars(change.returning(approvals.c.id))
    return fetch_all(connection, ids, now)


def _attached() -> ColumnElement[bool]:
    return approvals.c.detached.is_(False)


def _unheld() -> ColumnElement[bool]:
    return ~exists().where(holders.c.approval_id == approvals.c.id)


def _is(state: State) -> ColumnElement[bool]:
    return approvals.c.state.in_((state.value,))


def _from(state: State) -> Update:
    return update(approvals).where(_is(state))

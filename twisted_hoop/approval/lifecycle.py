"""The life of a request for approval, as a table: pure, and the only place that says which state follows which.

    pending ─grant→ granted ─use→ granted | used      pending ─deny→ denied
       │               ├─expire→ expired               pending ─expire→ expired
       ├─withdraw→     └─end→ ended                    pending ─withdraw→ withdrawn
       └─interrupt→ interrupted, when the gateway that waited was killed

States live in the store, where several processes change them by compare-and-set; that is why this is a table and not
a machine object: nobody holds the state in memory. `ledger.py` names the state it expects in every UPDATE (A8).
"""

from __future__ import annotations

from enum import Enum


class State(Enum):
    """Where a request stands; the value is what the store holds and the API shows."""

    PENDING = "pending"
    GRANTED = "granted"
    DENIED = "denied"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    USED = "used"
    ENDED = "ended"
    INTERRUPTED = "interrupted"


class Event(Enum):
    """What can happen to it. USE is one use of several, EXHAUST the last."""

    GRANT = "grant"
    DENY = "deny"
    EXPIRE = "expire"
    WITHDRAW = "withdraw"
    USE = "use"
    EXHAUST = "exhaust"
    END = "end"
    INTERRUPT = "interrupt"


_TABLE: dict[tuple[State, Event], State] = {
    (State.PENDING, Event.GRANT): State.GRANTED,
    (State.PENDING, Event.DENY): State.DENIED,
    (State.PENDING, Event.EXPIRE): State.EXPIRED,
    (State.PENDING, Event.WITHDRAW): State.WITHDRAWN,
    (State.PENDING, Event.INTERRUPT): State.INTERRUPTED,
    (State.GRANTED, Event.USE): State.GRANTED,
    (State.GRANTED, Event.EXHAUST): State.USED,
    (State.GRANTED, Event.EXPIRE): State.EXPIRED,
    (State.GRANTED, Event.END): State.ENDED,
}

LIVE = frozenset(state for state, _ in _TABLE)
"""States that something can still happen in."""


def after(state: State, event: Event) -> State:
    """The state that follows, or ValueError where nothing may: an approval after a denial, a use after the end."""
    try:
        return _TABLE[state, event]
    except KeyError:
        raise ValueError(f"{event.value} is not possible when {state.value}") from None


def possible(state: State, event: Event) -> bool:
    """Whether `after` has an answer."""
    return (state, event) in _TABLE


def effective(state: State, deadline: float, until: float, now: float) -> State:
    """The state at `now` (POSIX): time runs out whether or not anybody wrote that down yet."""
    if (state is State.PENDING and deadline <= now) or (state is State.GRANTED and until <= now):
        return after(state, Event.EXPIRE)
    return state

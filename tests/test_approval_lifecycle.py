"""The life of a request, as a table."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.approval.lifecycle import LIVE, Event, State, after, effective, possible


def test_nothing_follows_the_end() -> None:
    """A8: no event turns a denial, an expiry, a withdrawal or a used approval into anything else."""
    assert {State.PENDING, State.GRANTED} == LIVE
    for state, event in itertools.product(set(State) - LIVE, Event):
        assert not possible(state, event)
        with pytest.raises(ValueError, match=state.value):
            after(state, event)


def test_only_a_pending_request_is_granted() -> None:
    assert [state for state in State if possible(state, Event.GRANT)] == [State.PENDING]
    assert after(State.PENDING, Event.GRANT) is State.GRANTED
    assert after(State.GRANTED, Event.EXHAUST) is State.USED


@given(st.lists(st.sampled_from(Event)))
def test_every_history_ends_or_is_refused(events: list[Event]) -> None:
    state, granted = State.PENDING, 0
    for event in events:
        if possible(state, event):
            state = after(state, event)
            granted += event is Event.GRANT
    assert granted <= 1
    assert state not in (State.USED, State.ENDED) or granted == 1


@given(st.sampled_from(State), st.floats(0, 9), st.floats(0, 9), st.floats(0, 9))
def test_time_alone_only_expires(state: State, deadline: float, until: float, now: float) -> None:
    found = effective(state, deadline, until, now)
    overdue = (state is State.PENDING and now >= deadline) or (state is State.GRANTED and now >= until)
    assert found is (State.EXPIRED if overdue else state)

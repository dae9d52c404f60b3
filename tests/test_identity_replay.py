"""One-time tokens."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyObject

from tests.support.tokens import Time
from twisted_hoop.identity.replay import ReplayGuard
from twisted_hoop.interfaces import IReplayGuard


def use(guard: ReplayGuard, token_id: str, until: float, issuer: str = "iss") -> bool:
    return asyncio.run(guard.first_use(issuer, token_id, until))


def test_I10_a_token_is_used_once_per_issuer() -> None:
    guard = ReplayGuard(Time(0.0))
    assert verifyObject(IReplayGuard, guard)
    assert use(guard, "a", 10.0)
    assert not use(guard, "a", 10.0)
    assert use(guard, "a", 10.0, "other")


def test_I10_a_full_memory_refuses_until_something_expires() -> None:
    time = Time(0.0)
    guard = ReplayGuard(time, size=2)
    assert use(guard, "a", 10.0) and use(guard, "b", 20.0)
    assert not use(guard, "c", 30.0)
    time.now = 11.0
    assert use(guard, "c", 30.0)
    assert not use(guard, "b", 20.0)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 50), st.integers(0, 5)), max_size=50))
def test_no_unexpired_token_is_ever_used_twice(uses: list[tuple[str, int, int]]) -> None:
    time = Time(0.0)
    guard = ReplayGuard(time, size=4)
    held: dict[str, float] = {}
    for token_id, lifetime, step in uses:
        time.now += step
        if use(guard, token_id, time.now + lifetime):
            assert held.get(token_id, -1.0) < time.now
            held[token_id] = time.now + lifetime

"""Waking those who wait."""

from __future__ import annotations

from collections.abc import Awaitable

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from twisted_hoop.approval.watch import POLL, Watch
from twisted_hoop.errors import StoreUnavailable


def test_changes_here_wake_at_once() -> None:
    watch = Watch(lambda _: succeed([]), Clock())
    mine, others = watch.change_of("a"), watch.change_of("b")
    watch.changed("a")
    assert mine.called and not others.called


def test_changes_elsewhere_are_found_by_asking() -> None:
    clock, asked = Clock(), []

    def decided(ids: list[str]) -> Awaitable[list[str]]:
        asked.append(ids)
        return succeed(["b"] if len(asked) > 1 else [])

    watch = Watch(decided, clock)
    one, two = watch.change_of("a"), watch.change_of("b")
    clock.advance(POLL)
    assert not two.called
    clock.advance(POLL)
    assert two.called and not one.called and asked == [["a", "b"], ["a", "b"]]


def test_nobody_waits_nobody_asks() -> None:
    clock = Clock()
    watch = Watch(lambda _: succeed([]), clock)
    waiter = watch.change_of("a")
    watch.release("a", waiter)
    watch.release("a", waiter)
    assert waiter.called and clock.getDelayedCalls() == []
    watch.changed("a")


def test_a_store_that_is_away_is_asked_again() -> None:
    clock = Clock()
    answers = [fail(StoreUnavailable("gone")), succeed(["a"])]
    watch = Watch(lambda _: answers.pop(0), clock)  # type: ignore[arg-type, return-value]
    waiter = watch.change_of("a")
    clock.advance(POLL)
    assert not waiter.called
    clock.advance(POLL)
    assert waiter.called and clock.getDelayedCalls() == []


def test_a_slow_store_is_not_asked_twice_at_once() -> None:
    clock, slow = Clock(), Deferred()  # type: ignore[var-annotated]
    asked = []
    watch = Watch(lambda ids: asked.append(ids) or slow, clock)  # type: ignore[func-returns-value]
    waiter = watch.change_of("a")
    clock.advance(POLL)
    clock.advance(10 * POLL)
    assert len(asked) == 1
    watch.change_of("c")
    clock.advance(POLL)
    slow.callback(["a"])
    assert waiter.called

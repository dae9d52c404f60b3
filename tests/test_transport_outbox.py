"""The queue of what could not be sent yet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.transport.outbox import HIGH_WATER, LOW_WATER, SEND_SIZE, Outbox


@given(st.lists(st.integers(0, 3 * SEND_SIZE), max_size=12), st.randoms())
def test_order_and_size_are_kept_however_it_leaves(sizes: list[int], dice: object) -> None:
    outbox, expected, left = Outbox(), bytearray(), bytearray()
    for number, size in enumerate(sizes):
        piece = bytes([number]) * size
        sent = dice.randint(0, size)  # type: ignore[attr-defined]
        if sent < size:
            outbox.append(piece, sent)
            expected += piece[sent:]
        while outbox.size and dice.random() < 0.4:  # type: ignore[attr-defined]
            left += _take(outbox, dice)
    while outbox.size:
        left += _take(outbox, dice)
    assert left == expected


def _take(outbox: Outbox, dice: object) -> bytes:
    head, before = bytes(outbox.head()), outbox.size
    assert 0 < len(head) <= SEND_SIZE
    assert bytes(outbox.head()) == head  # a refused write is repeated with the same bytes
    count = dice.randint(1, len(head))  # type: ignore[attr-defined]
    outbox.consumed(count)
    assert outbox.size == before - count
    return head[:count]


def test_what_may_change_is_copied() -> None:
    outbox, piece = Outbox(), bytearray(b"abc")
    outbox.append(piece)  # type: ignore[arg-type]
    piece[:] = b"xyz"
    assert outbox.head() == b"abc"


def test_small_pieces_are_joined() -> None:
    outbox = Outbox()
    for _ in range(100):
        outbox.append(b"12345")
    assert bytes(outbox.head()) == b"12345" * 100


class Producer:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def pauseProducing(self) -> None:
        self.calls.append("pause")

    def resumeProducing(self) -> None:
        self.calls.append("resume")

    def stopProducing(self) -> None:
        self.calls.append("stop")


def test_S9_a_push_producer_is_paused_above_and_resumed_below_the_marks() -> None:
    outbox, producer = Outbox(), Producer()
    outbox.register(producer, True)  # type: ignore[arg-type]
    outbox.append(b"x" * HIGH_WATER)
    assert producer.calls == []
    outbox.append(b"x")
    outbox.append(b"x")
    assert producer.calls == ["pause"]
    while outbox.size > LOW_WATER:
        assert producer.calls == ["pause"]
        outbox.head()
        outbox.consumed(1)
        if outbox.size > LOW_WATER + 2:
            outbox.consumed(min(len(outbox.head()), outbox.size - LOW_WATER - 2))
        outbox.relieve()
    assert producer.calls == ["pause", "resume"]


def test_one_producer_at_a_time() -> None:
    outbox = Outbox()
    outbox.register(Producer(), True)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError):
        outbox.register(Producer(), True)  # type: ignore[arg-type]
    outbox.unregister()
    outbox.register(Producer(), True)  # type: ignore[arg-type]


def test_a_producer_that_comes_late_is_paused_at_once() -> None:
    outbox, producer = Outbox(), Producer()
    outbox.append(b"x" * (HIGH_WATER + 1))
    outbox.register(producer, True)  # type: ignore[arg-type]
    assert producer.calls == ["pause"]


def test_a_pull_producer_is_asked_when_all_has_left() -> None:
    outbox, producer = Outbox(), Producer()
    outbox.register(producer, False)  # type: ignore[arg-type]
    assert producer.calls == ["resume"] and outbox.pulls
    outbox.append(b"ab")
    outbox.relieve()
    assert producer.calls == ["resume"]
    outbox.consumed(len(outbox.head()))
    outbox.relieve()
    assert producer.calls == ["resume", "resume"]


def test_clear_forgets_everything() -> None:
    outbox = Outbox()
    outbox.append(b"abc")
    outbox.head()
    outbox.clear()
    outbox.append(b"d")
    assert outbox.head() == b"d" and outbox.size == 1

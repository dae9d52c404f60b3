"""twisted_hoop.ssh.answers: replies leave in the order of their requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.ssh.answers import Answers
from twisted_hoop.ssh.fields import MalformedMessage


@given(st.permutations(range(8)))
def test_in_whatever_order_they_are_known(order: list[int]) -> None:
    sent: list[int] = []
    answers = Answers(lambda number, payload: sent.append(number), 8)
    slots = [answers.owe() for _ in range(8)]
    for done, number in enumerate(order):
        slots[number].settle(number, b"")
        known = set(order[: done + 1])
        assert sent == [n for n in range(8) if set(range(n + 1)) <= known]


def test_the_first_word_counts_and_the_oldest_is_found() -> None:
    sent: list[tuple[int, bytes]] = []
    answers = Answers(lambda number, payload: sent.append((number, payload)), 3)
    assert answers.oldest() is None
    first, second = answers.owe(), answers.owe()
    second.settle(2, b"b")
    assert answers.oldest() is first
    first.settle(1, b"a")
    first.settle(9, b"z")
    assert sent == [(1, b"a"), (2, b"b")]
    assert answers.oldest() is None


def test_too_many_are_a_fault() -> None:
    """S9."""
    answers = Answers(lambda number, payload: None, 2)
    answers.owe(), answers.owe()
    with pytest.raises(MalformedMessage):
        answers.owe()

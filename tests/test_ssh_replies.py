"""Replies leave in the order of the requests, whoever gives them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.ssh.events import Reply
from twisted_hoop.ssh.replies import OwedReplies


def test_what_is_known_waits_for_what_is_not() -> None:
    owed = OwedReplies()
    owed.owe()
    assert owed.now(False) == []
    owed.owe()
    assert owed.answered(True) == [Reply(True), Reply(False)]
    assert owed.settle(False) == [Reply(False)] and owed.answered(True) == []


@given(st.lists(st.sampled_from(["owe", "yes", "no", "answer"])))
def test_one_reply_for_each_request_and_no_other(moves: list[str]) -> None:
    owed, out, asked = OwedReplies(), 0, 0
    for move in moves:
        if move == "owe":
            owed.owe()
            asked += 1
        elif move == "answer":
            out += len(owed.answered(True))
        else:
            out += len(owed.now(move == "yes"))
            asked += 1
    assert out <= asked
    assert out + len(owed.settle(True)) == asked

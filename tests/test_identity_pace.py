"""So many in a second, for each by itself."""

from __future__ import annotations

import pytest

from tests.support.tokens import Time
from twisted_hoop.errors import LimitExceeded
from twisted_hoop.identity.pace import Pace


def test_so_many_at_once_then_at_that_pace() -> None:
    time = Time(1000.0)
    pace = Pace(time)
    for _ in range(5):
        pace.take("alice", 5)
    with pytest.raises(LimitExceeded, match="5 in a second"):
        pace.take("alice", 5)
    pace.take("bob", 5)
    time.now += 0.5
    pace.take("alice", 5)
    pace.take("alice", 5)
    with pytest.raises(LimitExceeded):
        pace.take("alice", 5)


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    time = Time(1000.0)
    pace = Pace(time)
    pace.take("alice", 1)
    time.now = 10.0
    with pytest.raises(LimitExceeded):
        pace.take("alice", 1)


def test_what_is_remembered_has_an_end() -> None:
    pace = Pace(Time(0.0), size=3)
    for number in range(10):
        pace.take(str(number), 1)
    assert len(pace._left) == 3

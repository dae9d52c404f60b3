"""What waits with a channel: in order, copied, counted, and bounded (S9)."""

from __future__ import annotations

import pytest

from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh.events import STDOUT, Data, Eof
from twisted_hoop.ssh.holding import MOST_EVENTS, Holding


def test_views_are_copied_and_order_is_kept() -> None:
    buffer = bytearray(b"abc")
    holding = Holding()
    holding.add(Data(STDOUT, memoryview(buffer)))
    holding.add(Eof())
    buffer[:] = b"xyz"
    assert holding.size == 3 and holding.take() == [Data(STDOUT, b"abc"), Eof()]
    assert holding.size == 0 and holding.take() == []


def test_S9_there_is_an_end() -> None:
    holding = Holding()
    for _ in range(MOST_EVENTS):
        holding.add(Eof())
    with pytest.raises(ProtocolError):
        holding.add(Eof())

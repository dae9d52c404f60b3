"""Ends of a bridge: events become what a channel is told, and credit waits until the other side took everything on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.ssh_fakes import FakeChannel, FakeOpening
from twisted_hoop.ssh.ends import ChannelEnd, no_opener
from twisted_hoop.ssh.events import STDOUT, Close, Data, Eof, Event, Open, Opened, OpenFailed


class Producer:
    """Counts."""

    def __init__(self) -> None:
        self.paused = self.resumed = 0

    def pauseProducing(self) -> None:
        self.paused += 1

    def resumeProducing(self) -> None:
        self.resumed += 1


def end_with(channel: FakeChannel | None = None, **more: Any) -> tuple[ChannelEnd, list[Event]]:
    """An end over a channel, and what it delivers."""
    events: list[Event] = []
    end = ChannelEnd(events.append, lambda: events.append(Close()), **more)
    end.channel = channel
    if channel is not None:
        channel.handler = end
    return end, events


def pair() -> tuple[ChannelEnd, FakeChannel, ChannelEnd, FakeChannel]:
    """Two ends of one bridge."""
    here, there = FakeChannel(), FakeChannel()
    one, other = end_with(here)[0], end_with(there)[0]
    one.other, other.other = other, one
    return one, here, other, there


def test_events_are_sent_until_the_close() -> None:
    channel = FakeChannel()
    end, _ = end_with(channel)
    for event in (Data(STDOUT, b"x"), Eof(), Close(), Data(STDOUT, b"late")):
        end.write(event)
    end.loseConnection()
    assert channel.sent == [Data(STDOUT, b"x"), Eof(), Close()]


def test_an_opening_is_answered_once() -> None:
    opening = FakeOpening()
    end, events = end_with(None, opening=opening)
    end.write(Opened(b"data"))
    assert opening.confirmed == b"data" and end.channel is opening.channel
    opening.open.receive(Eof())
    assert events == [Eof()]
    refused = FakeOpening()
    end, _ = end_with(None, opening=refused)
    end.write(OpenFailed(1, "no"))
    end.loseConnection()
    assert refused.refused == (1, "no")


def test_what_was_not_answered_is_refused_when_the_bridge_lets_go() -> None:
    opening = FakeOpening()
    end, _ = end_with(None, opening=opening)
    end.loseConnection()
    assert opening.refused is not None and "session ended" in opening.refused[1]


def test_opening_is_asked_of_the_opener() -> None:
    wishes: list[Open] = []
    end, _ = end_with(None, opener=lambda wish, end: wishes.append(wish))
    end.write(Open(b"session"))
    end.write(Close())
    assert wishes == [Open(b"session")] and end.closed
    with pytest.raises(RuntimeError):
        no_opener(Open(b"session"), end)


def test_S9_credit_is_given_when_the_other_side_has_taken_everything_on() -> None:
    one, here, _, there = pair()
    here.receive(Data(STDOUT, b"abc"))
    assert here.credited == 3
    there.queued = 5
    here.receive(Data(STDOUT, b"defg"))
    assert here.credited == 3
    there.drain()
    assert here.credited == 7
    one.pauseProducing()
    here.receive(Data(STDOUT, b"h"))
    assert here.credited == 7
    one.resumeProducing()
    assert here.credited == 8


def test_resuming_does_not_credit_while_the_other_side_is_full() -> None:
    """Two reasons to wait: what the bridge holds back, and what the other side has queued."""
    one, here, _, there = pair()
    one.pauseProducing()
    there.queued = 1
    here.receive(Data(STDOUT, b"abc"))
    one.resumeProducing()
    assert here.credited == 0
    there.drain()
    assert here.credited == 3


def test_a_full_side_stops_who_produces_for_it_and_lets_go_on() -> None:
    channel, producer = FakeChannel(), Producer()
    end, _ = end_with(channel)
    end.registerProducer(producer, True)
    channel.queued = 10
    end.write(Data(STDOUT, b"x"))
    end.write(Data(STDOUT, b"y"))
    assert (producer.paused, producer.resumed) == (1, 0) and end.full
    channel.drain()
    assert producer.resumed == 1
    assert [end.full] == [False]
    end.unregisterProducer()
    channel.queued = 10
    end.write(Data(STDOUT, b"z"))
    assert producer.paused == 1


def test_a_lost_connection_is_told_once_and_nothing_is_sent_on_it() -> None:
    channel = FakeChannel()
    end, events = end_with(channel)
    end.lost()
    end.write(Eof())
    end.loseConnection()
    assert channel.sent == [] and events == [Close()]

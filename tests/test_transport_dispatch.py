"""Who is called for what epoll says."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.protocol import Protocol
from twisted.internet.task import Clock

from twisted_hoop.transport.dispatch import dispatch
from twisted_hoop.transport.stream import EagerTransport

HERE = IPv4Address("TCP", "127.0.0.1", 1)
IN, OUT, HUP = select.EPOLLIN, select.EPOLLOUT, select.EPOLLHUP


class Watched(Clock):
    """A reactor that only takes note."""

    def addReader(self, _: Any) -> None:
        """Nothing is watched."""

    removeReader = addWriter = removeWriter = addReader


class Taking(Protocol):
    """Keeps what it gets."""

    def __init__(self) -> None:
        self.taken = b""

    def dataReceived(self, data: bytes) -> None:
        self.taken += data


@pytest.fixture
def pair() -> Iterator[tuple[EagerTransport, socket.socket]]:
    ours, theirs = socket.socketpair()
    made = EagerTransport(Watched(), ours, HERE, HERE)
    made.attach(Taking())
    yield made, theirs
    ours.close()
    theirs.close()


def never(*_: object) -> None:
    raise AssertionError("nobody else should have been called")


def test_ours_reads_and_nobody_else_is_asked(pair: tuple[EagerTransport, socket.socket]) -> None:
    transport, peer = pair
    peer.sendall(b"hello")
    assert dispatch([(7, IN)], {7: transport}, never, never)
    assert transport._protocol.taken == b"hello"  # type: ignore[attr-defined]


def test_ours_writes(pair: tuple[EagerTransport, socket.socket]) -> None:
    transport, peer = pair
    transport._outbox.append(b"queued")
    assert dispatch([(7, OUT)], {7: transport}, never, never)
    assert peer.recv(10) == b"queued"


@pytest.mark.parametrize("event", [HUP, IN | HUP, IN | OUT, select.EPOLLERR])
def test_what_is_more_than_reading_or_writing_is_the_reactors(
    pair: tuple[EagerTransport, socket.socket], event: int
) -> None:
    seen: list[tuple[Any, int, int]] = []
    assert not dispatch([(7, event)], {7: pair[0]}, lambda *each: seen.append(each), never)
    assert seen == [(pair[0], 7, event)]


def test_others_go_the_usual_way_and_who_is_gone_none() -> None:
    seen: list[tuple[Any, int, int]] = []
    assert not dispatch([(3, IN), (9, IN)], {3: "waker"}, lambda *each: seen.append(each), never)
    assert seen == [("waker", 3, IN)]
    assert dispatch([(9, IN)], {}, never, never)


def test_r15_a_fault_goes_to_whoever_ends_that_one(pair: tuple[EagerTransport, socket.socket]) -> None:
    """R15: and the next descriptor has its turn."""
    transport, peer = pair
    peer.sendall(b"well")
    ours, theirs = socket.socketpair()
    broken = EagerTransport(Watched(), ours, HERE, HERE)
    broken.attach(Taking())
    broken._wire._recv = never  # type: ignore[assignment]
    failures: list[tuple[EagerTransport, Exception]] = []
    events = [(5, IN), (7, IN)]
    dispatch(events, {5: broken, 7: transport}, never, lambda *each: failures.append(each))
    assert [each[0] for each in failures] == [broken]
    assert transport._protocol.taken == b"well"  # type: ignore[attr-defined]
    ours.close()
    theirs.close()

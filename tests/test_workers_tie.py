"""What ties a worker to its parent: real pipes and sockets."""

from __future__ import annotations

import os
import socket
from typing import Any

import pytest
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, Protocol

from tests.support.gateway import wait_for
from tests.support.loop import Loop
from twisted_hoop.settings import ListenerSection
from twisted_hoop.workers.place import Worker, leaving, report
from twisted_hoop.workers.tie import Inherited, Tie


def tie(loop: Loop, orphaned: Any, sockets: dict[str, tuple[int, int]] | None = None) -> tuple[Tie, int, int]:
    """A tie, the parent's end of its standard input, and where its reports are read."""
    (theirs, mine), (reports, to) = os.pipe(), os.pipe()
    made = Tie(loop.reactor, Worker(0, 1, sockets or {}), orphaned, theirs, to)
    loop.run(made.start)
    return made, mine, reports


def test_it_reports_and_notices_the_parents_end_once(loop: Loop) -> None:
    gone: list[int] = []
    made, mine, reports = tie(loop, lambda: gone.append(1))
    loop.run(lambda: made.ready(["pg"]))
    loop.run(made.leaves)
    assert os.read(reports, 1000) == report(["pg"]) + leaving()
    assert gone == []
    os.close(mine)
    wait_for(lambda: gone == [1], "the parent's end")
    os.close(reports)
    loop.run(lambda: made.ready([]))  # nobody reads it, and nobody minds
    loop.run(lambda: made.connectionLost(None))  # type: ignore[arg-type]
    assert gone == [1]


def test_a_worker_that_stops_by_itself_is_no_orphan(loop: Loop) -> None:
    gone: list[int] = []
    made, mine, _ = tie(loop, lambda: gone.append(1))
    loop.run(made.stop)
    os.close(mine)
    loop.run(made.stop)
    assert gone == []


def test_it_listens_on_what_it_was_given_and_lets_go_of_it(loop: Loop) -> None:
    with socket.create_server(("127.0.0.1", 0)) as parents:
        given = os.dup(parents.fileno())
        section = ListenerSection(name="pg", protocol="postgres", endpoint="tcp:1")
        made, mine, _ = tie(loop, lambda: None, {"pg": (given, socket.AF_INET)})
        port = loop.run(lambda: made.endpoint(section).listen(Factory.forProtocol(Greets)))
        with socket.create_connection(parents.getsockname()) as client:
            assert client.recv(10) == b"hello"
        loop.run(port.stopListening)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(given)  # the parent alone says now how long there is somebody to connect to
        loop.run(made.stop)
        os.close(mine)


class Greets(Protocol):
    """Says hello."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"hello")


def test_what_is_no_socket_cannot_be_listened_on() -> None:
    reading, writing = os.pipe()
    with pytest.raises(CannotListenError):
        Inherited(reading).open()
    os.close(writing)

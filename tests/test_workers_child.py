"""One worker as its parent sees it. Real processes: tests/integration/test_workers.py."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field
from typing import Any

import pytest
from twisted.internet.error import ProcessDone, ProcessExitedAlready, ProcessTerminated
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from twisted_hoop.workers.child import LATEST, STEADY, Child, Told
from twisted_hoop.workers.place import PARENT, REPORT, VARIABLE, Worker, leaving, report, worker_of


@dataclass
class Process:
    """What was started."""

    protocol: Any
    command: list[str]
    environ: dict[str, str]
    descriptors: dict[int, Any]
    pid: int = 77
    signals: list[str] = field(default_factory=list)

    def signalProcess(self, name: str) -> None:
        if self.pid == 0:
            raise ProcessExitedAlready
        self.signals.append(name)

    def says(self, data: bytes) -> None:
        self.protocol.childDataReceived(REPORT, data)

    def ends(self, status: int = 9) -> None:
        self.protocol.processEnded(Failure(ProcessTerminated(status) if status else ProcessDone(0)))


class Spawner(Clock):
    """A reactor that remembers what it should have started."""

    def __init__(self) -> None:
        super().__init__()
        self.started: list[Process] = []

    def spawnProcess(self, protocol: Any, program: str, args: Any, env: Any, path: str, childFDs: Any) -> Process:
        self.started.append(Process(protocol, args, env, childFDs))
        return self.started[-1]


def child(reactor: Spawner) -> tuple[Child, list[Any]]:
    said: list[Any] = []
    told = Told(said.append, lambda why: said.append(f"gone {why}"), lambda: said.append("leaving"))
    worker = Worker(1, 2, {"pg": (4, 2)})
    return Child(reactor, worker, ["program", "x"], {"PATH": "/bin"}, {4: 99}, told), said


def test_it_is_told_its_place_and_given_its_sockets() -> None:
    reactor = Spawner()
    made, said = child(reactor)
    made.start()
    (process,) = reactor.started
    assert process.command == ["program", "x"] and process.environ["PATH"] == "/bin"
    assert worker_of({VARIABLE: process.environ[VARIABLE]}) == made.worker
    assert process.descriptors == {PARENT: "w", 1: 1, 2: 2, REPORT: "r", 4: 99}
    for byte in report(["pg 5432"]):
        process.says(bytes([byte]))
    assert said == [["pg 5432"]] and made.pid == 77


def test_one_that_ran_well_is_back_at_once_and_one_that_does_not_come_up_later_and_later() -> None:
    reactor = Spawner()
    made, said = child(reactor)
    made.start()
    reactor.started[0].says(report([]))
    reactor.advance(STEADY)
    reactor.started[0].ends()
    assert made.over and said[-1].startswith("gone ")
    made.start_again()
    made.start_again()
    reactor.advance(0.1)
    assert len(reactor.started) == 2
    waits = []
    for _ in range(12):
        reactor.started[-1].ends(1)
        made.start_again()
        (call,) = reactor.getDelayedCalls()
        waits.append(call.getTime() - reactor.seconds())
        reactor.advance(waits[-1])
    assert waits == sorted(waits) and waits[-1] == LATEST


def test_one_that_was_asked_to_stop_stays_away() -> None:
    reactor = Spawner()
    made, said = child(reactor)
    made.signal("HUP")  # nobody is there to get it
    made.start()
    made.signal("HUP")
    made.stop()
    assert reactor.started[0].signals == ["HUP", "TERM"] and not made.over
    reactor.started[0].ends(0)
    assert made.over and said == []
    made.start_again()
    assert reactor.getDelayedCalls() == [] and made.pid == 0


def test_one_that_waits_for_its_next_start_is_stopped_too() -> None:
    reactor = Spawner()
    made, _ = child(reactor)
    made.start()
    reactor.started[0].ends()
    made.start_again()
    made.stop()
    reactor.advance(LATEST)
    assert made.over and len(reactor.started) == 1


def test_one_that_leaves_is_not_started_again() -> None:
    reactor = Spawner()
    made, said = child(reactor)
    made.start()
    reactor.started[0].says(report([]) + b"nonsense\n" + leaving() + leaving())
    assert said == [[], "leaving"]
    reactor.started[0].ends(0)
    made.start_again()
    assert reactor.getDelayedCalls() == []


def test_R15_one_that_cannot_be_started_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process, memory or descriptor now: it counts as one that ended at once."""
    reactor = Spawner()
    made, said = child(reactor)

    def fails(*arguments: Any, **more: Any) -> Any:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    with monkeypatch.context() as context:
        context.setattr(reactor, "spawnProcess", fails)
        made.start()
    assert said == ["gone it cannot be started: Resource temporarily unavailable"] and made.over
    made.start_again()
    reactor.advance(LATEST)
    assert len(reactor.started) == 1 and not made.over


def test_one_that_was_asked_to_stop_is_not_started() -> None:
    reactor = Spawner()
    made, _ = child(reactor)
    made.stop()
    made.start()
    assert reactor.started == [] and made.over

"""One worker as its parent sees it: started, ready, gone, and started again after a while."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from twisted_hoop.workers.place import PARENT, REPORT, VARIABLE, Worker, read_report

STEADY = 10.0
"""Seconds after which a worker that was ready counts as one that runs: its next start is not put off."""
SOONEST, LATEST = 0.1, 30.0
_LONGEST = 65536


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told: `ready` with its listeners, `gone` (it ended and was not asked to) why, `leaving` when it drains."""

    ready: Callable[[list[str]], None]
    gone: Callable[[str], None]
    leaving: Callable[[], None]


class Child(ProcessProtocol):
    """See the module. `command` is the program with its arguments; `inherited` gives its descriptors from ours."""

    _log = Logger()

    def __init__(
        self,
        reactor: Any,
        worker: Worker,
        command: Sequence[str],
        environ: Mapping[str, str],
        inherited: Mapping[int, int],
        told: Told,
    ) -> None:
        self._reactor, self._command = reactor, list(command)
        self._environ = {**environ, VARIABLE: worker.encode()}
        self._inherited = dict(inherited)
        self.worker = worker
        self._hears = told
        self._process: Any = None
        self._timer: Any = None
        self._told = b""
        self._since: float | None = None
        self._failures = 0
        self._stopping = False

    @property
    def pid(self) -> int:
        """The process; 0 when there is none now."""
        return self._process.pid or 0 if self._process is not None else 0

    def start(self) -> None:
        """Start it. What it prints goes where the parent's goes. Nothing happens once it was asked to stop."""
        self._timer, self._told, self._since = None, b"", None
        if self._stopping:  # the first worker may become ready while all are stopping
            return
        descriptors: dict[int, Any] = {PARENT: "w", 1: 1, 2: 2, REPORT: "r", **self._inherited}
        program = self._command[0]
        try:
            self._process = self._reactor.spawnProcess(
                self, program, self._command, env=self._environ, path=str(Path.cwd()), childFDs=descriptors
            )
        except OSError as fault:  # no memory, processes or descriptors: perhaps later
            self._ended(f"it cannot be started: {fault.strerror}")

    def signal(self, name: str) -> None:
        """Send a signal, "HUP"; nothing happens to one that is gone."""
        if self._process is not None and self._process.pid:
            try:
                self._process.signalProcess(name)
            except ProcessExitedAlready:
                return

    def stop(self) -> None:
        """Ask it to stop, and do not start it again."""
        self._stopping = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.signal("TERM")

    @property
    def over(self) -> bool:
        """Whether there is no process, and none will come by itself."""
        return self._process is None and self._timer is None

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """Reports, one a line."""
        if childFD == REPORT:
            *lines, self._told = (self._told + data)[-_LONGEST:].split(b"\n")
            for line in lines:
                self._reported(read_report(line))

    def _reported(self, said: list[str] | bool | None) -> None:
        if isinstance(said, list):
            self._since = self._reactor.seconds()
            self._hears.ready(said)
        elif said and not self._stopping:
            self._stopping = True
            self._hears.leaving()

    def processEnded(self, reason: Failure) -> None:
        """It is gone."""
        self._process = None
        self._ended(str(reason.value))

    def _ended(self, why: str) -> None:
        steady = self._since is not None and self._reactor.seconds() - self._since >= STEADY
        self._failures = 0 if steady else self._failures + 1
        if self._stopping:
            return
        self._log.error("worker {number} ended: {why}", number=self.worker.number, why=why)
        self._hears.gone(why)

    def start_again(self) -> None:
        """Start it again: at once when it ran well, later and later when it does not come up."""
        if not self._stopping and self._timer is None and self._process is None:
            delay = min(LATEST, SOONEST * 2.0 ** min(self._failures, 20))
            self._timer = self._reactor.callLater(delay, self.start)

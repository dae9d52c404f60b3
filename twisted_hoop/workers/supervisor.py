"""The parent of the workers: it listens for them, starts them, passes signals on, and replaces those that die.

It serves nobody itself. The first worker starts alone: it migrates the store, makes what keys are missing and ends what
a crash left open, once. When the parent is killed, its workers see the end of their standard input, and stop as if they
had been asked to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from twisted_hoop.config import reload
from twisted_hoop.config.files import check_files
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.recording.files import private_folder
from twisted_hoop.settings import Settings
from twisted_hoop.workers.child import Child, Told
from twisted_hoop.workers.in_force import write_settings
from twisted_hoop.workers.place import FIRST, Worker
from twisted_hoop.workers.sockets import Listening, listen_for

Command = Callable[[int], Sequence[str]]
"""The program with its arguments that is the worker of a number."""
PATIENCE = 15.0
"""Seconds that workers get beyond `stop_timeout` before they are killed."""


class Supervisor(Service):
    """See the module. `command` starts one worker; `environ` is what it gets besides what it is told."""

    log = Logger()
    name = "hoop"

    def __init__(
        self, path: Path, settings: Settings, reactor: Any, environ: Mapping[str, str], command: Command
    ) -> None:
        self._path, self._settings, self._reactor = path, settings, reactor
        self._environ, self._command = dict(environ), command
        self._listening: list[Listening] = []
        self.children: list[Child] = []
        self._leaving: list[Child] = []
        self._ready: set[int] = set()
        self._began = False
        self._in_force = ""
        self.exit_code = 0

    # -- life -----------------------------------------------------------------------------------------------------

    def startService(self) -> None:
        """Listen, then start the first worker."""
        super().startService()  # type: ignore[no-untyped-call]
        count = self._settings.gateway.workers
        try:
            private_folder(Path(self._settings.gateway.state))
            self._in_force = str(write_settings(self._settings))
            self._listening = listen_for(self._settings.listeners, count, self._reactor)
        except (ConfigurationError, OSError) as fault:
            self._fails(str(fault))
            return
        self.children = [self._child(number, count) for number in range(count)]
        # Processes can be started, and waited for, only while the reactor runs.
        self._reactor.callWhenRunning(self.children[0].start)

    def _child(self, number: int, count: int) -> Child:
        sockets = [each.sockets[number] for each in self._listening]
        given = {
            each.name: (FIRST + place, int(sock.family))
            for place, (each, sock) in enumerate(zip(self._listening, sockets, strict=True))
        }
        inherited = {FIRST + place: sock.fileno() for place, sock in enumerate(sockets)}
        return Child(
            self._reactor,
            Worker(number, count, given, self._in_force),
            self._command(number),
            self._environ,
            inherited,
            Told(
                lambda listeners: self._is_ready(number, listeners),
                lambda why: self._is_gone(number, why),
                lambda: self._is_leaving(number),
            ),
        )

    def _is_ready(self, number: int, listeners: list[str]) -> None:
        self._ready.add(number)
        self.log.info("worker {number} is ready", number=number, process=self.children[number].pid)
        if self._began:
            return
        if self._ready == {0}:
            for child in self.children[1:]:
                child.start()
        if len(self._ready) == len(self.children):
            self._began = True
            self.log.info("hoop is ready", workers=len(self.children), listeners=listeners)

    def _is_gone(self, number: int, why: str) -> None:
        """R15: one worker's end is its own. But one that never came up would not do so the next time either."""
        self._ready.discard(number)
        if self._began:
            self.children[number].start_again()
        else:
            self._fails(f"worker {number} did not start: {why}")

    def _is_leaving(self, number: int) -> None:
        """It was asked to drain: another takes over what comes from now on, so that nobody waits for its end."""
        self._leaving = [each for each in self._leaving if not each.over] + [self.children[number]]
        self._ready.discard(number)
        self.children[number] = self._child(number, len(self.children))
        self.children[number].start()

    def _fails(self, why: str) -> None:
        self.log.critical("the gateway cannot start: {why}", why=why)
        self.exit_code = 1
        self._reactor.callWhenRunning(self._stop_reactor)

    def _stop_reactor(self) -> None:
        if self._reactor.running:
            self._reactor.stop()

    def reload(self) -> None:
        """SIGHUP: looked at here first, so that workers do not differ in what they take (R13)."""
        try:
            settings = reload(self._path, self._settings)
            problems = check_files(settings, self._path)
            if problems:
                raise ConfigurationError(problems)
            write_settings(settings)
        except Exception as error:  # noqa: BLE001  whatever is wrong, the old configuration stays
            self.log.error("the configuration was not reloaded, the old one stays: {why}", why=str(error))
            return
        self._settings = settings
        for child in self.children:
            child.signal("HUP")
        self.log.info("the workers were told to reload", workers=len(self.children))

    def stopService(self) -> Deferred[None]:
        """Every worker drains and stops; who does not within time is killed."""
        super().stopService()  # type: ignore[no-untyped-call]
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        for each in self._listening:
            each.close()
        every = [*self.children, *self._leaving]
        for child in every:
            child.stop()
        until = self._reactor.seconds() + self._settings.gateway.stop_timeout + PATIENCE
        while not all(child.over for child in every):
            if self._reactor.seconds() >= until:
                for child in every:
                    child.signal("KILL")
            await self._pause(0.02)

    def _pause(self, seconds: float) -> Deferred[None]:
        waited: Deferred[None] = Deferred()
        self._reactor.callLater(seconds, waited.callback, None)
        return waited

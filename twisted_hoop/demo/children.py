"""The processes the demo starts. They are stopped in reverse order, and none starts once stopping has begun."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted_hoop.demo.place import DemoFailed

STOPPING = 15.0


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a command: exit code, and everything it printed."""

    code: int
    output: str


@dataclass(frozen=True, slots=True)
class _Child:
    process: subprocess.Popen[str]
    signal: int
    group: bool


class Children:
    """Thread-safe. Children are in sessions of their own: a Ctrl-C is ours to pass on, in the right order."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = dict(environment)
        self._lock = threading.Lock()
        self._running: list[_Child] = []
        self._closed = False

    def serve(
        self, command: Sequence[str], log: Path, stop: int = signal.SIGTERM, **options: Any
    ) -> subprocess.Popen[str]:
        """Start something that stays. Its output goes to `log`; `stop` is the signal that ends it in good order."""
        with log.open("a", encoding="utf-8") as output:
            return self._start(command, stop, False, stdout=output, stderr=output, **options)

    def begin(self, command: str) -> subprocess.Popen[str]:
        """Start a line of shell, exactly as somebody would paste it."""
        return self._start(
            ["sh", "-c", command], signal.SIGTERM, True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )

    def finish(self, process: subprocess.Popen[str], patience: float = 60.0) -> Done:
        """Wait for what was begun, or stop it: a tour that hangs is a tour that failed."""
        try:
            output, _ = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            self._end(process)
            return Done(-1, f"no answer in {patience:.0f} seconds")
        return Done(process.returncode, output)

    def run(self, command: Sequence[str], text: str = "", **options: Any) -> Done:
        """Run a program to its end, with `text` as its input."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        process = self._start(command, signal.SIGTERM, False, **{**pipes, **options})
        output, _ = process.communicate(text)
        return Done(process.returncode, output)

    def _start(
        self,
        command: Sequence[str],
        stop: int,
        group: bool,
        *,
        environment: Mapping[str, str] | None = None,
        **options: Any,
    ) -> subprocess.Popen[str]:
        settings = {
            "stdin": subprocess.DEVNULL,
            "text": True,
            "errors": "replace",
            "start_new_session": True,
            **options,
        }
        with self._lock:
            if self._closed:
                raise DemoFailed("stopped")
            self._running = [child for child in self._running if child.process.poll() is None]
            process = subprocess.Popen(  # noqa: S603 - commands of this package, never of anybody else
                list(command), env={**self._environment, **(environment or {})}, **settings
            )
            self._running.append(_Child(process, stop, group))
        return process

    def stop(self) -> None:
        """Stop all, last started first, and wait for each. Blocking. Nothing is left behind."""
        with self._lock:
            self._closed = True
            running, self._running = self._running, []
        for child in reversed(running):
            _stop(child)

    def _end(self, process: subprocess.Popen[str]) -> None:
        with self._lock:
            found = [child for child in self._running if child.process is process]
        for child in found:
            _stop(child)


def _stop(child: _Child) -> None:
    if child.process.poll() is None:
        _send(child, child.signal)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(STOPPING)
    if child.process.poll() is None:
        _send(child, signal.SIGKILL)
        child.process.wait()


def _send(child: _Child, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        if child.group:
            os.killpg(child.process.pid, number)
        else:
            child.process.send_signal(number)

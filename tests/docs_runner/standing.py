"""Programs that go on while pages are run: a gateway somebody started in a terminal of its own.

python -m tests.docs_runner.standing FILE       # Ctrl-C to every group whose number stands there
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE = 120.0


class Standing:
    """A process in a group of its own, for the length of a `with` block; what it says is in `log`."""

    def __init__(
        self, command: Sequence[str], log: Path, environ: Mapping[str, str], folder: Path | None = None
    ) -> None:
        self.log = log
        self._command, self._environ, self._folder = list(command), dict(environ), folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Standing:
        with self.log.open("wb") as out:
            self._process = subprocess.Popen(
                # whoever ends us with SIGKILL leaves nothing behind
                ["setpriv", "--pdeathsig", "TERM", *self._command],
                env=self._environ,
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            end(self._process.pid)
            self._process.wait(PATIENCE)

    @property
    def over(self) -> bool:
        """Whether it has ended by itself."""
        return self._process is not None and self._process.poll() is not None


def waiting_for(program: Standing, text: str) -> None:
    """Until it said so; AssertionError when it ends before, or never does."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        said = program.log.read_text(errors="replace")
        if text in said:
            return
        if program.over:
            break
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {text!r}:\n{said[-4000:]}")


def gone(group: int) -> None:
    """Until a group that was ended is gone; AssertionError when it stays. One that nobody has buried yet is gone."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{group}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state == "Z":
            return
        time.sleep(0.05)
    raise AssertionError(f"processes of {group} do not end")


def end(group: int, by: signal.Signals = signal.SIGTERM) -> None:
    """A signal to all processes of a group that we began; gone ones are no fault."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, by)


def end_all(file: Path, by: signal.Signals = signal.SIGTERM) -> None:
    """End the groups whose numbers stand in a file, and wait until they are gone. Idempotent."""
    numbers = [int(number) for number in file.read_text().split()] if file.exists() else []
    for number in numbers:
        end(number, by)
    for number in numbers:
        gone(number)
    file.unlink(missing_ok=True)


if __name__ == "__main__":
    end_all(Path(sys.argv[1]), signal.SIGINT)

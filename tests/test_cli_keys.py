"""`hoop replay` in a real terminal, with keys."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

from tests.test_cli_terminals import state as state

ROOT = Path(__file__).parent.parent
PATIENCE = 60.0


class Viewer:
    """Somebody at a terminal who runs `hoop replay`."""

    def __init__(self, *arguments: str) -> None:
        ours, theirs = pty.openpty()
        program = "from twisted_hoop.cli.main import main; main()"
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
        command = [sys.executable, "-c", program, "replay", *arguments]
        self.process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ)
        os.close(theirs)
        self._keyboard = ours
        self.seen = ""

    def until(self, text: str) -> str:
        """What is shown from now until `text`."""
        deadline, start = time.monotonic() + PATIENCE, len(self.seen)
        while text not in self.seen[start:]:
            assert time.monotonic() < deadline, f"{text!r} is not in {self.seen[start:]!r}"
            if select.select([self._keyboard], [], [], 1.0)[0]:
                self.seen += os.read(self._keyboard, 65536).decode()
        return self.seen[start:]

    def press(self, keys: str) -> None:
        os.write(self._keyboard, keys.encode())

    def leave(self) -> int:
        code = self.process.wait(PATIENCE)
        os.close(self._keyboard)
        return code


def test_keys_pause_search_and_quit_r6(state: Path) -> None:
    """R6: and the recording's escapes are as harmless here as without keys."""
    viewer = Viewer("session-0001", "--state", str(state), "--skip-idle", "600")
    viewer.until("$ ")
    viewer.press(" ")
    assert "0:00:05 / 0:00:15" in viewer.until("? for help")
    viewer.press("/REFUSED\r")
    assert "refused" in viewer.until("0:00:15 / 0:00:15")
    viewer.press("g")
    viewer.until("0:00:00 / 0:00:15")
    viewer.press("q")
    assert viewer.leave() == 0
    assert "]52" not in viewer.seen


def test_ctrl_c_leaves_the_terminal_as_it_was(state: Path) -> None:
    viewer = Viewer("session-0001", "--state", str(state), "--skip-idle", "600")
    viewer.until("$ ")
    viewer.press("\x03")
    viewer.until("\x1b[0m\x1b(B")
    assert viewer.leave() == 0


def test_it_ends_by_itself(state: Path) -> None:
    viewer = Viewer("session-0001", "--state", str(state), "--skip-idle", "0.01")
    viewer.until("refused")
    assert viewer.leave() == 0

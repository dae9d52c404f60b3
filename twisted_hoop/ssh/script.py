"""The lines a shell without a terminal is fed (`ssh web-1 < script`), judged one by one. Pure.

Advisory, as with lines that are typed (C3): what runs is decided by a shell that may be told to do anything with its
input. A line that is refused ends the shell, for what stands behind it was written for what it would have done; of the
lines behind it none is sent. The shape is that of a TransferJudge (transfers.py), with `ended`.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted_hoop.errors import ProtocolError
from twisted_hoop.model import Command, Facts, Refusal, Verdict
from twisted_hoop.ssh.requests import shown
from twisted_hoop.ssh.streams import Objection
from twisted_hoop.ssh.transfers import Operations
from twisted_hoop.steps import Ask, Step, ToClient, ToTarget

LONGEST = 64 * 1024
"""Bytes of a line that can be judged."""
_SHELL = frozenset({"shell"})

LineFacts = Callable[[bytes], tuple[Facts, ...]]


class ScriptJudge:
    """See the module. `hide` takes out of a line's text what may not be recorded (M12)."""

    def __init__(self, facts: LineFacts, channel: int = 0, command: int = 0, hide: Callable[[str], str] = str) -> None:
        self._facts = facts
        self._hide = hide
        self._operations = Operations(channel, command)
        self._rest = bytearray()
        self._line = b""
        self._ended = False

    def held_back(self) -> int:
        """See TransferJudge."""
        return len(self._line) + len(self._rest)

    def client_received(self, data: bytes) -> list[Step]:
        """A part of the script."""
        self._rest += data
        return self._next() if not self._line else []

    def ended(self) -> list[Step]:
        """Nothing follows: the last line may have no end."""
        self._ended = True
        return self._next() if not self._line else []

    def target_received(self, data: bytes) -> list[Step]:
        """What is printed passes."""
        return [ToClient(data)]

    def decided(self, verdict: Verdict) -> list[Step]:
        """See TransferJudge. Raises Objection for a line that is refused."""
        line, self._line = self._line, b""
        if isinstance(verdict, Refusal):
            self._rest.clear()
            raise Objection.of_refusal(verdict)
        return [self._operations.admitted(verdict)[1], ToTarget(line), *self._next()]

    def finished(self) -> list[Step]:
        """See TransferJudge."""
        return []

    def _next(self) -> list[Step]:
        steps: list[Step] = []
        while self._rest:
            end = self._rest.find(b"\n") + 1
            if not end and len(self._rest) > LONGEST:  # nothing would ever let go of it (S9)
                raise ProtocolError(f"a script with a line of more than {LONGEST} bytes")
            if not end and not self._ended:
                break
            line = bytes(self._rest[: end or len(self._rest)])
            del self._rest[: len(line)]
            if line.strip():
                self._line = line
                return [*steps, Ask(self._command(line))]
            steps.append(ToTarget(line))
        return steps

    def _command(self, line: bytes) -> Command:
        found = self._facts(line)
        facts = tuple({**each, "class": _SHELL} for each in found) or ({"class": _SHELL},)
        return Command("line", self._hide(shown(line.rstrip(b"\r\n"))), facts)

"""The lines a person types into a shell, judged at Enter. Advisory, and says so (C3). Pure.

What runs is decided at the target, by a program that may do anything with what is typed; only exec requests are a hard
boundary, and targets can be `exec_only`. What is done here:

* Every line is asked for as Command(action="line") before its Enter is sent on: first as it was typed, key by key, and
  also as it stands on the screen, where history and completion show; both are judged, the stricter holds.
* What a target shows never lifts anything (C4): the alternate screen, colours, cursor tricks or no echo at all only add
  to what is judged. What was typed is judged in any case.
* A line that is not echoed (a password) is judged and its text kept nowhere: it is recorded as not echoed.
* Enter waits for the echo of its line: until it is seen, or `idle` says that a moment has passed.
* A refused line is taken back with Ctrl-C, and the person is told why.

The shape is that of a TransferJudge (transfers.py), with `idle` and `waiting` for the wait.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from twisted_hoop.model import Command, Facts, Refusal, Verdict
from twisted_hoop.ssh.keys import Keys, Stroke, strokes
from twisted_hoop.ssh.screen import Screen
from twisted_hoop.ssh.telling import refusal_text
from twisted_hoop.ssh.transfers import Operations
from twisted_hoop.steps import Ask, Step, ToClient, ToTarget

INTERRUPT: Final = b"\x03"
NOT_ECHOED: Final = "(typed without echo)"
_LONGEST_ESCAPE: Final = 64
_SEARCH: Final = re.compile(r"\(?(?:reverse-|bck-|fwd-)?i-search\)?[`:].*?(?:': |_ )(.*)")
"""readline's search shows what it found behind what is looked for."""
_SHELL: Final = frozenset(("shell",))

LineFacts = Callable[[bytes], tuple[Facts, ...]]
"""What a line of a shell does: `ShellReader().read(line).facts`."""


class TerminalJudge:
    """One shell on one terminal. `hide` takes out of a line's text what may not be recorded (M12)."""

    def __init__(
        self,
        facts: LineFacts,
        columns: int = 80,
        rows: int = 24,
        channel: int = 0,
        command: int = 0,
        hide: Callable[[str], str] = str,
    ) -> None:
        self._facts = facts
        self._hide = hide
        self._operations = Operations(channel, command)
        self._screen = Screen(columns, rows)
        self._keys = Keys()
        self._prompt: str | None = None
        self._queue: list[Stroke] = []
        self._rest = b""
        self._asking = False
        self._patient = False
        self._fresh = False
        self.lines = 0

    @property
    def waiting(self) -> bool:
        """Whether an Enter waits for its echo: `idle` is to be called in a moment."""
        return self._patient

    def held_back(self) -> int:
        """See TransferJudge."""
        return sum(len(stroke.data) for stroke in self._queue) + len(self._rest)

    def client_received(self, data: bytes) -> list[Step]:
        """Keys."""
        lost = self._screen.typed()
        told = [self._operations.notice("output came too fast to follow the screen")] if lost else []
        found, rest = strokes(self._rest + data)
        self._rest = b""
        if len(rest) > _LONGEST_ESCAPE or rest == b"\x1b":
            found, rest = [*found, Stroke(rest)], b""  # the escape key itself: it must not wait for another
        self._rest = rest
        self._queue += found
        return [*told, *self._go_on()]

    def target_received(self, data: bytes) -> list[Step]:
        """What is shown."""
        self._screen.feed(data)
        self._fresh = True
        steps: list[Step] = [ToClient(data)]
        return steps + self._go_on() if self._patient and self._is_seen() else steps

    def idle(self) -> list[Step]:
        """A moment has passed: an Enter waits for its echo no longer, nor an escape for its end."""
        if self._rest and not self._asking:
            self._queue.append(Stroke(self._rest))
            self._rest = b""
        return self._go_on(patient=False) if not self._asking else []

    def resize(self, columns: int, rows: int) -> None:
        """The terminal has another size now."""
        self._screen.resize(columns, rows)

    def decided(self, verdict: Verdict) -> list[Step]:
        """See TransferJudge."""
        self._asking = False
        enter = self._queue.pop(0)
        self._next_line()
        if isinstance(verdict, Refusal):
            text = f"\r\n{refusal_text(verdict)}\n".replace("\r\n", "\n").replace("\n", "\r\n")
            told = ToClient(text.encode("utf-8", "backslashreplace"))
            return [self._operations.refused(verdict), told, ToTarget(INTERRUPT), *self._go_on()]
        return [self._operations.admitted(verdict)[1], ToTarget(enter.data), *self._go_on()]

    def finished(self) -> list[Step]:
        """See TransferJudge."""
        return []

    # -- one stroke after the other -------------------------------------------------------------------------------

    def _go_on(self, patient: bool = True) -> list[Step]:
        steps: list[Step] = []
        self._patient = False
        while self._queue and not self._asking:
            stroke = self._queue[0]
            if not stroke.enter:
                self._press(stroke.data)
                steps.append(ToTarget(stroke.data))
            elif patient and not self._is_seen():
                self._patient = True
                break
            elif command := self._line():
                self._asking = True
                self.lines += 1
                return [*steps, Ask(command)]
            else:
                self._next_line()
                steps.append(ToTarget(stroke.data))
            self._queue.pop(0)
            patient = True
        return steps

    def _press(self, data: bytes) -> None:
        if not self._keys.pressed:
            self._prompt = self._screen.before_cursor()
        self._keys.press(data)
        self._fresh = False

    def _next_line(self) -> None:
        self._keys.clear()
        self._prompt = None

    def _is_seen(self) -> bool:
        """Whether the screen shows the line that was typed; of one that is not exact, whether it can."""
        if not self._keys.pressed or self._keys.pasting:
            return True
        if not self._keys.exact:
            return self._fresh
        typed = self._keys.text.strip()
        return not typed or self._is_visible(typed)

    def _is_visible(self, typed: str) -> bool:
        shown = self._shown()
        return typed in (self._screen.line() if shown is None else shown)

    def _line(self) -> Command | None:
        """The question about the line, or None for an empty one."""
        keys = self._keys
        typed = keys.text.strip()
        shown = self._shown() or ""
        if not (typed or shown):
            return None
        visible = [shown] if shown else []
        # Line editors show a paste when all of it has come. They ask for brackets; what asks for passwords does not.
        seen = keys.pasting or self._is_visible(typed)
        if typed and typed not in visible and seen and (keys.exact or not shown):
            visible.append(typed)
        facts = tuple(each for line in dict.fromkeys((shown, typed)) if line for each in self._of_line(line))
        return Command("line", self._hide(" / ".join(visible)) if visible else NOT_ECHOED, facts)

    def _shown(self) -> str | None:
        """The line on the screen behind its prompt; None when the prompt is not known, or not there any more."""
        line = self._screen.line()
        searched = _SEARCH.search(line)
        if searched is not None:
            return searched[1].strip()
        prompt = "" if self._prompt is None else self._prompt.strip()
        at = line.find(prompt) if prompt else -1
        return line[at + len(prompt) :].strip() if at >= 0 else None

    def _of_line(self, line: str) -> tuple[Facts, ...]:
        """A shell is already admitted: a line is class `shell`, with the programs, paths … of the commands in it."""
        found = self._facts(line.encode("utf-8", "replace"))
        return tuple({**each, "class": _SHELL} for each in found) or ({"class": _SHELL},)

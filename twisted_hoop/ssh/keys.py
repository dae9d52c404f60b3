"""What a person types into a terminal, key by key, as a line editor would take it. Pure.

Only keys that mean the same in every line editor are followed: characters, backspace, the cursor left and right, home,
end, delete, Ctrl-A, E, B, F, D, K, U, W. After any other (history, completion, search) the line is no longer `exact`:
the screen knows better.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

LONGEST: Final = 64 * 1024
"""Bytes of a line that are followed; a longer one is not exact."""

_KEY: Final = re.compile(
    rb"\x1b(?:\[[0-?]*+[ -/]*+[@-~]|O[@-~]|[^\[O\x00-\x1f\x7f])|[^\x00-\x1f\x7f]++|[\x00-\x1a\x1c-\x1f\x7f]|\x1b",
    re.DOTALL,
)
_PARTIAL: Final = re.compile(rb"\x1b(?:\[[0-?]*+[ -/]*+|O)?\Z")
_LEFT, _RIGHT = frozenset((b"\x1b[D", b"\x1bOD", b"\x02")), frozenset((b"\x1b[C", b"\x1bOC", b"\x06"))
_HOME = frozenset((b"\x1b[H", b"\x1bOH", b"\x1b[1~", b"\x01"))
_END = frozenset((b"\x1b[F", b"\x1bOF", b"\x1b[4~", b"\x05"))
_REPLY: Final = re.compile(rb"\x1b\[[0-?]*[cnRtIO]")
"""What terminals answer by themselves: what they are, where the cursor is, how large they are, focus."""
_PASTES: Final = (b"\x1b[200~", b"\x1b[201~")
_ABORTS: Final = frozenset((b"\x03", b"\x04", b"\x1a", b"\x1c"))
_ENTER: Final = frozenset((b"\r", b"\n", b"\x0f"))
"""Carriage return, line feed, and Ctrl-O: readline's operate-and-get-next runs the line as well."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """Keys as they came. `enter`: they are one key that runs the line."""

    data: bytes
    enter: bool = False


def strokes(data: bytes) -> tuple[list[Stroke], bytes]:
    """Cut what was typed at every key that runs a line; the rest is the beginning of an escape that is not whole."""
    found: list[Stroke] = []
    run = 0
    rest = _PARTIAL.search(data)
    whole = data[: rest.start()] if rest else data
    for match in _KEY.finditer(whole):
        if match[0] in _ENTER:
            if match.start() > run:
                found.append(Stroke(data[run : match.start()]))
            found.append(Stroke(match[0], True))
            run = match.end()
    body = whole[run:]
    return ([*found, Stroke(body)] if body else found), data[len(whole) :]


class Keys:
    """The line as typed. `exact`: every key had a certain meaning. `pasting`: a bracketed paste goes on."""

    __slots__ = ("_line", "_place", "exact", "pasting", "pressed")

    def __init__(self) -> None:
        self.pasting = False
        self.clear()

    def clear(self) -> None:
        """A new line begins."""
        self._line: list[str] = []
        self._place = 0
        self.exact = True
        self.pressed = False

    @property
    def text(self) -> str:
        """What was typed, as far as it is known."""
        return "".join(self._line)

    def press(self, data: bytes) -> None:
        """Keys that do not run the line."""
        for match in _KEY.finditer(data):
            self._key(match[0])

    def _key(self, key: bytes) -> None:
        if key in _ABORTS and not (key == b"\x04" and self._line):
            self.clear()
            return
        self.pressed = True
        if key[0] >= 0x20 and key != b"\x7f":
            self._insert(key.decode("utf-8", "replace"))
        elif key in _LEFT:
            self._place = max(self._place - 1, 0)
        elif key in _RIGHT:
            self._place = min(self._place + 1, len(self._line))
        elif key in _HOME:
            self._place = 0
        elif key in _END:
            self._place = len(self._line)
        elif key in _PASTES:
            self.pasting = key == _PASTES[0]
        elif not _REPLY.fullmatch(key):
            self._edit(key)

    def _insert(self, text: str) -> None:
        if len(self._line) + len(text) > LONGEST:
            self.exact = False
            return
        self._line[self._place : self._place] = list(text)
        self._place += len(text)

    def _edit(self, key: bytes) -> None:
        line, at = self._line, self._place
        if key in (b"\x7f", b"\x08"):
            del line[max(at - 1, 0) : at]
            self._place = max(at - 1, 0)
        elif key in (b"\x04", b"\x1b[3~"):
            del line[at : at + 1]
        elif key == b"\x0b":
            del line[at:]
        elif key == b"\x15":
            del line[:at]
            self._place = 0
        elif key == b"\x17":
            start = len("".join(line[:at]).rstrip().rpartition(" ")[0]) + 1 if " " in "".join(line[:at]).rstrip() else 0
            del line[start:at]
            self._place = start
        else:
            self.exact = False

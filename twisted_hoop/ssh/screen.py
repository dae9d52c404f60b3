"""A model of a terminal's screen: what a person sees, and what stands at the cursor. Pure; the emulator is avt's.

It is fed what the client is shown. It never slows a session: work is counted in advance, and what goes beyond the
budget is not followed. Whoever types next begins with a fresh screen and the end of what was shown: `lost` says so. An
emulator that fails begins again with an empty screen, some times.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import Final

from avt._avt import Vt  # the package re-exports it without saying so to type checkers

MOST_COLUMNS: Final = 500
MOST_ROWS: Final = 200
BUDGET: Final = 1 << 20
"""Units of work between two keys of the person, about 12 ns each: a byte is one, a line half as many as it has columns,
an escape that may touch the whole screen half as many as it has cells."""
PANICS: Final = 8
"""Failures of the emulator after which a session does without it; before, it begins again with an empty screen."""
TAIL: Final = 8 * 1024
"""Bytes that are kept of what was not followed: prompts stand at the end."""
_ESCAPE: Final = 16
_COSTLY: Final = re.compile(rb"\x1b(?:\[[0-?]*[JLMSTbhl]|c)")
_LARGE: Final = re.compile(rb"(?<=\x1b\[)[0-9]{4,}(?=[@-~])")
_PARTIAL: Final = re.compile(rb"\x1b(?:\[[0-?]{0,64})?\Z")


class Screen:
    """One terminal. Sizes are clamped to 2 … 500 columns and 1 … 200 rows (S21); one column holds no wide character."""

    __slots__ = ("_budget", "_columns", "_decoder", "_panics", "_partial", "_rows", "_tail", "_terminal", "lost")

    def __init__(self, columns: int, rows: int) -> None:
        self.lost = False
        self._columns, self._rows = _clamped(columns, rows)
        self._budget = BUDGET
        self._tail = b""
        self._partial = b""
        self._panics = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._terminal: Vt | None = Vt(self._columns, self._rows, 0)

    def feed(self, data: bytes) -> None:
        """What is shown next."""
        if b"\x1b" in data or self._partial:
            data = self._whole(data)
        self._budget -= self._cost(data)
        if self._budget < 0:
            self.lost = True
            self._tail = (self._tail + data[-TAIL:])[-TAIL:]
        else:
            self._draw(data)

    def _whole(self, data: bytes) -> bytes:
        """Escapes come whole, and repeat nothing more often than a screen is wide."""
        data = self._partial + data
        partial = _PARTIAL.search(data)
        self._partial = partial[0] if partial else b""
        return _LARGE.sub(b"999", data[: len(data) - len(self._partial)])

    def _cost(self, data: bytes) -> int:
        cost = len(data) + data.count(b"\n") * (self._columns >> 1)
        if b"\x1b" in data:
            cost += data.count(b"\x1b") * _ESCAPE + len(_COSTLY.findall(data)) * (self._columns * self._rows >> 1)
        return cost

    def typed(self) -> bool:
        """The person pressed a key: there is time again. True when something was not followed since the last one."""
        self._budget = BUDGET
        lost, self.lost = self.lost, False
        if lost and self._terminal is not None:
            self._terminal = Vt(self._columns, self._rows, 0)
            tail, self._tail = self._tail, b""
            self._draw(tail)
        return lost

    def resize(self, columns: int, rows: int) -> None:
        """It has another size now."""
        self._columns, self._rows = _clamped(columns, rows)
        terminal = self._terminal
        if terminal is not None:
            self._guarded(lambda: terminal.resize(self._columns, self._rows))

    def _draw(self, data: bytes) -> None:
        terminal = self._terminal
        if terminal is not None:
            text = self._decoder.decode(data)
            self._guarded(lambda: terminal.feed_str(text))

    def _guarded(self, work: Callable[[], object]) -> None:
        try:
            work()
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException:  # noqa: BLE001  a panic of the emulator is no Exception
            self._panics += 1
            self._terminal = Vt(self._columns, self._rows, 0) if self._panics < PANICS else None

    def before_cursor(self) -> str:
        """The text of the cursor's row up to the cursor: the prompt, when nothing has been typed yet."""
        if self._terminal is None:
            return ""
        cursor = self._terminal.cursor
        rows = self._texts()
        return rows[cursor.row][: cursor.col] if cursor.row < len(rows) else ""

    def line(self) -> str:
        """The line the cursor stands in, wrapped rows joined, without blanks at its end."""
        if self._terminal is None:
            return ""
        rows = self._texts()
        first = last = min(self._terminal.cursor.row, len(rows) - 1)
        # A row that is full to its last column goes on in the next one.
        while first > 0 and not rows[first - 1].endswith(" "):
            first -= 1
        while last + 1 < len(rows) and not rows[last].endswith(" "):
            last += 1
        return "".join(rows[first : last + 1]).rstrip()

    def _texts(self) -> list[str]:
        return [] if self._terminal is None else [line.text for line in self._terminal.view()]


def _clamped(columns: int, rows: int) -> tuple[int, int]:
    return min(max(columns, 2), MOST_COLUMNS), min(max(rows, 1), MOST_ROWS)

"""Where a value of JSON ends, found while it comes in. Pure, linear in what is fed however it is cut (K10).

Only quotes and brackets are looked at: whether the value is JSON is told by who parses it afterwards.
"""

from __future__ import annotations

import re
from typing import Final

_BRACKET: Final = re.compile(rb'[^{}\[\]"]*+(?:"(?:[^"\\]++|\\.)*+"[^{}\[\]"]*+)*+([{}\[\]])', re.DOTALL)
_AGAIN: Final = 1.25
"""What is scanned in vain is scanned again when it has grown by so much: a long string is not scanned for each byte."""


class EndScanner:
    """Finds the end of the object or array that begins at `start` of a buffer. The buffer may grow, not move."""

    __slots__ = ("_at", "_depth", "_next", "array")

    def __init__(self, start: int) -> None:
        self._at = start
        self._depth = 0
        self._next = 0
        self.array = -1
        """Where the array begins that is a member of the outermost object and was found last, or -1."""

    def end(self, data: bytes | bytearray, last: bool = False, until_array: bool = False) -> int:
        """Behind the closing bracket, or -1 while it is not there. `until_array`: 0 wherever an `array` begins.

        Raises ValueError for brackets that do not fit together.
        """
        if len(data) < self._next and not last:
            return -1
        while (match := _BRACKET.match(data, self._at)) is not None:
            self._at = match.end()
            self._depth += 1 if match[1] in b"{[" else -1
            if until_array and match[1] == b"[" and self._depth == 2:
                self.array = match.end() - 1
                return 0
            if self._depth <= 0:
                if self._depth < 0:
                    raise ValueError("a bracket closes nothing")
                return self._at
        self._next = self._at + int((len(data) - self._at) * _AGAIN)
        return -1

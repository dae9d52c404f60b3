"""Sizes of terminals as clients tell them: JSON objects, one after the other. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass

from twisted_hoop.errors import ProtocolError
from twisted_hoop.recording.asciicast import MOST

_LONGEST = 1024


@dataclass(frozen=True, slots=True)
class Size:
    """Columns and rows, clamped (S21)."""

    columns: int
    rows: int

    def encoded(self) -> bytes:
        """As targets read it."""
        return b'{"Width":%d,"Height":%d}\n' % (self.columns, self.rows)


class Sizes:
    """Reads the stream of them. Raises ProtocolError for what is none."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Size]:
        """Those that are whole."""
        found = []
        rest = self._rest + data
        while (end := rest.find(b"}") + 1) > 0:
            found.append(_size(rest[:end]))
            rest = rest[end:]
        if len(rest) > _LONGEST:
            raise _fault()
        self._rest = rest
        return found


def _size(text: bytes) -> Size:
    try:
        told = json.loads(text)
        columns, rows = told.get("Width", 0), told.get("Height", 0)
    except (ValueError, AttributeError, RecursionError):
        raise _fault() from None
    if type(columns) is not int or type(rows) is not int:
        raise _fault()
    return Size(min(max(columns, 0), MOST), min(max(rows, 0), MOST))


def _fault() -> ProtocolError:
    return ProtocolError("the size of a terminal that is none", "client", "400")

"""The items of a list, one by one, as they come. Pure, linear in what is fed (K10).

Between two items stand the same bytes as between the first two: the end of an item is found by searching for them, and
proved by parsing, as an object's text is whole exactly when it parses. Where that fails, brackets are counted.
"""

from __future__ import annotations

import re
from typing import Any, Final

import orjson

from twisted_hoop.kubernetes.documents import dumps, loads
from twisted_hoop.kubernetes.objects import Objects
from twisted_hoop.kubernetes.scanning import EndScanner

SPACE: Final = b" \t\r\n"
LONGEST: Final = 8 * 1024 * 1024
"""Bytes of one object: more than API servers store."""
_PATIENCE: Final = 256 * 1024
"""Bytes without an end of an item after which brackets are counted."""
_TRIES: Final = 3
_BETWEEN: Final = re.compile(rb'\s*,\s*(\{)\s*"[^"\\]{1,64}"\s*:')
_LONGEST_BETWEEN: Final = 1024


class Items:
    """The items of one list of this kind; `Table` means its rows."""

    __slots__ = (
        "_api",
        "_between",
        "_first",
        "_from",
        "_kind",
        "_objects",
        "_rows",
        "_scan",
        "_skip",
        "_start",
        "_tries",
    )

    def __init__(self, objects: Objects, kind: str, api: str) -> None:
        self._objects = objects
        self._kind = objects.item_kind(kind)
        self._api = api
        self._rows = kind == "Table"
        self._first = True
        self._start = True
        self._between = b""
        self._skip = 0
        self._from = 0
        self._tries = 0
        self._scan: EndScanner | None = None

    def run(self, buffer: bytearray, out: list[bytes], last: bool) -> bool:
        """Take what is whole out of the buffer; True when all that is left of it is what follows the last item.

        Raises ValueError for what is no list of objects.
        """
        while True:
            if self._start and self._between:
                self._search(buffer, out)
            at = len(buffer) - len(buffer.lstrip(SPACE)) if buffer[:1].isspace() else 0
            letter = bytes(buffer[at : at + 1])
            if not letter:
                return self._waits(last)
            if letter == b"]" and (self._first or not self._start):
                return True
            if self._start:
                if letter != b"{":
                    raise ValueError("an item is no object")
                if not self._count(buffer, at, out, last):
                    return self._waits(last)
            elif not self._next(buffer, last):
                return False

    def _waits(self, last: bool) -> bool:
        if last:
            raise ValueError("it ends in the middle of a list")
        return False

    def _search(self, buffer: bytearray, out: list[bytes]) -> None:
        """Items behind each of which the known separator stands."""
        start, at = 0, self._from
        while (end := buffer.find(self._between, at)) >= 0 and self._tries < _TRIES:
            raw = bytes(buffer[start : end + 1])
            try:
                thing = orjson.loads(raw)
            except orjson.JSONDecodeError:  # it stood inside the item
                self._tries += 1
                at = end + 1
                continue
            self._item(thing, raw, out)
            start = at = end + self._skip
        if start:
            del buffer[:start]
            self._scan = None
        self._from = max(at - start, len(buffer) - len(self._between) + 1) if end < 0 else at - start

    def _count(self, buffer: bytearray, at: int, out: list[bytes], last: bool) -> bool:
        """The item that begins there, if its end is there."""
        if self._between and self._tries < _TRIES and len(buffer) < _PATIENCE and not last:
            return False
        self._scan = self._scan or EndScanner(at)
        end = self._scan.end(buffer, last)
        if end < 0:
            return False
        raw = bytes(buffer[at:end])
        del buffer[:end]
        self._start, self._scan = False, None
        self._item(loads(raw), raw, out)
        return True

    def _next(self, buffer: bytearray, last: bool) -> bool:
        """What stands between two items; False when more of it must come."""
        match = _BETWEEN.match(buffer)
        if match is None:
            if last or len(buffer) > _LONGEST_BETWEEN:
                self._odd(buffer)
                return True
            return False
        self._between = b"}" + match[0]
        self._skip = 1 + match.start(1)
        del buffer[: match.start(1)]
        self._start, self._from = True, 0
        return True

    def _odd(self, buffer: bytearray) -> None:
        """A comma, and an item that begins in an unusual way."""
        rest = buffer.lstrip(SPACE)
        if rest[:1] != b",":
            raise ValueError("items are not apart")
        del buffer[: len(buffer) - len(rest) + 1]
        self._start, self._from, self._first = True, 0, False

    def _item(self, thing: Any, raw: bytes, out: list[bytes]) -> None:
        objects = self._objects
        if self._rows:
            objects.hide({"kind": "Table", "rows": [thing]}, "Table", raw=raw)
        else:
            objects.hide(thing, self._kind, self._api, raw)
        if not self._first:
            out.append(b",")
        out.append(dumps(thing))
        self._first = False
        self._tries = 0

"""A body of JSON objects on its way: lists item by item, watches event by event, whatever else as a whole. Pure.

The first items leave while the last ones come; memory holds one item, not the list (K10). Nothing passes that was not
parsed, and nothing that may have hidden members passes as the text it was: JSON may say a name twice (M10).
"""

from __future__ import annotations

import re
from typing import Any, Final

from twisted_hoop.kubernetes.documents import dumps, loads
from twisted_hoop.kubernetes.items import LONGEST, SPACE, Items
from twisted_hoop.kubernetes.objects import Objects
from twisted_hoop.kubernetes.scanning import EndScanner

_SMALL: Final = 64 * 1024
_LONGEST_TAIL: Final = 256 * 1024
_NEAR: Final = 64
_STRING: Final = rb'"(?:[^"\\]++|\\.)*+"'
_HEAD: Final = re.compile(
    rb'\s*\{(?:"(?:kind|apiVersion)":' + _STRING + rb',|"metadata":\{(?:[^{}"]++|' + _STRING + rb')*+\},)*+"items":\[',
    re.DOTALL,
)
_MEMBER: Final = re.compile(rb'"(items|rows)"\s*:\s*\Z')
_TAIL: Final = frozenset({"", "kind", "apiVersion", "metadata"})


class ObjectStream:
    """One body. `feed` and `flush` raise ValueError for what is not understood, RecursionError for what is too deep."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._buffer = bytearray()
        self._scan: EndScanner | None = None
        self._items: Items | None = None
        self._tail: bytearray | None = None
        self._pass = False

    @property
    def masked(self) -> int:
        """Values hidden so far."""
        return self._objects.masked

    def feed(self, data: bytes) -> bytes:
        """The next part; answers what may be shown now."""
        if self._pass:
            return data
        self._buffer += data
        return self._run(last=False)

    def flush(self) -> bytes:
        """The end: all that was held."""
        return b"" if self._pass else self._run(last=True)

    def _run(self, last: bool) -> bytes:
        out: list[bytes] = []
        if self._items is None and self._tail is None:
            self._documents(out, last)
        if self._items is not None and self._items.run(self._buffer, out, last):
            self._items, self._tail = None, bytearray()
        if self._tail is not None:
            self._end(self._tail, out, last)
        if len(self._buffer) > LONGEST:
            raise ValueError(f"an object is longer than {LONGEST} bytes")
        return b"".join(out)

    # -- documents ------------------------------------------------------------------------------------------------

    def _documents(self, out: list[bytes], last: bool) -> None:
        """Whole documents, one after the other, until one turns out to be a list."""
        while self._buffer and self._items is None and not self._pass:
            if self._scan is None:
                head = _HEAD.match(self._buffer)
                if head is not None and self._begin(head.end(), "items", out):
                    return
                if head is None and self._quick(out, last):
                    continue
                if head is None and not last and len(self._buffer) <= _SMALL:
                    return
            end = self._counted(out, last)
            if end < 0:
                return
            if end:
                self._document(end, None, out)

    def _quick(self, out: list[bytes], last: bool) -> bool:
        """Take a line, or everything, if that is a document."""
        buffer = self._buffer
        line, whole = buffer.find(b"\n") + 1, len(buffer)
        complete = last or (whole <= _SMALL and buffer.rstrip(SPACE)[-1:] == b"}")
        for end in dict.fromkeys((line, whole if complete else 0)):
            raw = bytes(buffer[:end])
            if not end or (raw.rstrip(SPACE)[-1:] not in (b"}", b"") and not last):
                continue
            try:
                thing = loads(raw) if raw.strip(SPACE) else None
            except ValueError:
                continue
            self._document(end, thing, out)
            return True
        return False

    def _counted(self, out: list[bytes], last: bool) -> int:
        """Behind the next document, by its brackets; 0 when it is a list that is taken item by item, -1: not yet."""
        buffer = self._buffer
        if self._scan is None:
            start = len(buffer) - len(buffer.lstrip(SPACE))
            if bytes(buffer[start : start + 1]) not in (b"{", b"["):
                raise ValueError("it is no object")
            self._scan = EndScanner(start)
        while (end := self._scan.end(buffer, last, until_array=True)) == 0:
            place = self._scan.array
            member = _MEMBER.search(bytes(buffer[max(0, place - _NEAR) : place]))
            if member is not None and self._begin(place + 1, member[1].decode(), out):
                return 0
        if end < 0 and last:
            raise ValueError("it ends in the middle of an object")
        return end

    def _document(self, end: int, thing: Any, out: list[bytes]) -> None:
        raw = bytes(self._buffer[:end])
        del self._buffer[:end]
        self._scan = None
        blank = raw[len(raw.rstrip(SPACE)) :]
        if len(blank) < len(raw):
            thing = loads(raw) if thing is None else thing
            self._objects.hide(thing, self._objects.kind, raw=raw)
            out.append(dumps(thing))
        out.append(blank)

    # -- lists ----------------------------------------------------------------------------------------------------

    def _begin(self, end: int, member: str, out: list[bytes]) -> bool:
        """A list's head is there, up to the bracket behind `items` or `rows`. False when it is no list after all."""
        objects = self._objects
        head = loads(bytes(self._buffer[:end]) + b"]}")
        kind, api = str(head.get("kind") or ""), str(head.get("apiVersion") or "")
        if (kind == "Table") is not (member == "rows") or (kind and kind != "Table" and not kind.endswith("List")):
            if self._scan is None:
                self._scan = EndScanner(len(self._buffer) - len(self._buffer.lstrip(SPACE)))
            return False
        if next(reversed(head)) != member:
            raise ValueError("the head of the list says a name twice")
        if member == "items" and kind == f"{objects.kind}List" and objects.plain(objects.kind, api):
            out.append(bytes(self._buffer))
            self._buffer.clear()
            self._pass = True
            return True
        objects.hide(head, kind, api)
        out.append(dumps(head)[:-2])
        del self._buffer[:end]
        self._scan = None
        self._items = Items(objects, kind, api)
        return True

    def _end(self, tail: bytearray, out: list[bytes], last: bool) -> None:
        """Behind the last item: the rest of the list, which says no more of its items."""
        tail += self._buffer
        self._buffer.clear()
        if len(tail) > _LONGEST_TAIL:
            raise ValueError("there is too much behind the last item")
        if last:
            rest = loads(b'{"":[' + bytes(tail))
            metadata = rest.get("metadata") or {}
            if not rest.keys() <= _TAIL or rest[""] or "annotations" in metadata:
                raise ValueError("there is something behind the last item")
            out.append(bytes(tail))

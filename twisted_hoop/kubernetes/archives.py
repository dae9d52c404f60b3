"""Which files a tar has that streams by: names, sizes, digests. Pure: an observer, which changes and refuses nothing.

What it cannot follow it stops at, and says so; the digest of the whole stream is kept elsewhere. Formats: ustar, pax
and GNU's long names (POSIX.1-2017, pax; GNU tar manual, "Basic Tar Format").
"""

from __future__ import annotations

import hashlib
from typing import Any

BLOCK = 512
MOST_FILES = 500
"""Files that are told one by one; of more only the number."""
_LONGEST = 64 * 1024
"""Bytes of a long name, or of pax records."""
_REGULAR, _LINKS = (b"0", b"\0", b"7"), (b"1", b"2")
_PAX, _LONG_NAME, _LONG_LINK = b"x", b"L", b"K"
_SPECIAL = (_PAX, _LONG_NAME, _LONG_LINK, b"g")
"""What is about the file that follows, or about all."""


class Archive:
    """See the module. `files` has what was seen: `path`; of regular files `bytes` and `sha256`, of links `link`."""

    def __init__(self) -> None:
        self.files: list[dict[str, object]] = []
        self.count = 0
        self.followed = True
        """Whether everything so far was understood."""
        self._rest = b""
        self._left = self._padding = 0
        self._collected: bytearray | None = None
        self._collecting = b""
        self._digest: Any = None
        self._name = self._link = ""
        self._size = -1

    def feed(self, data: bytes) -> None:
        """The next part of the stream."""
        view = memoryview(self._rest + data if self._rest else data)
        self._rest = b""
        while view and self.followed:
            if self._left:
                view = self._content(view)
            elif self._padding:
                skipped = min(self._padding, len(view))
                self._padding -= skipped
                view = view[skipped:]
            elif len(view) < BLOCK:
                self._rest = bytes(view)
                return
            else:
                self._header(bytes(view[:BLOCK]))
                view = view[BLOCK:]

    def _content(self, view: memoryview) -> memoryview:
        part = view[: self._left]
        self._left -= len(part)
        if self._collected is not None:
            self._collected += part
        elif self._digest is not None:
            self._digest.update(part)
        if not self._left:
            self._ended()
        return view[len(part) :]

    def _header(self, block: bytes) -> None:
        if not any(block):
            return  # the end, or what fills the last record
        size = _number(block[124:136])
        if size is None or _sum(block) != _number(block[148:156]):
            self.followed = False
            return
        kind = block[156:157]
        special = kind in _SPECIAL
        if not special and self._size >= 0:
            size = self._size
        if special and size > _LONGEST:
            self.followed = False
            return
        self._left, self._padding = size, -size % BLOCK
        self._collecting = kind if special else b""
        self._collected = bytearray() if special else None
        if not special:
            self._begun(block, kind, size)
        if not size:
            self._ended()

    def _begun(self, block: bytes, kind: bytes, size: int) -> None:
        self.count += 1
        told: dict[str, object] = {"path": self._name or _name(block)}
        if kind in _LINKS:
            told["link"] = self._link or _text(block[157:257].split(b"\0")[0])
        self._digest = hashlib.sha256() if kind in _REGULAR else None
        if self._digest is not None:
            told["bytes"] = size
        if self.count <= MOST_FILES:
            self.files.append(told)
        self._name, self._link, self._size = "", "", -1

    def _ended(self) -> None:
        if self._collected is not None:
            self._said(bytes(self._collected))
            self._collected = None
        elif self._digest is not None:
            if self.count <= MOST_FILES:
                self.files[-1]["sha256"] = self._digest.hexdigest()
            self._digest = None

    def _said(self, data: bytes) -> None:
        """What stands before a file about it."""
        if self._collecting == _LONG_NAME:
            self._name = _text(data.split(b"\0")[0])
        elif self._collecting == _LONG_LINK:
            self._link = _text(data.split(b"\0")[0])
        for key, value in _records(data) if self._collecting == _PAX else ():
            if key == b"path":
                self._name = _text(value)
            elif key == b"linkpath":
                self._link = _text(value)
            elif key == b"size" and value.isdigit() and len(value) < 19:
                self._size = int(value)

    def told(self) -> dict[str, object]:
        """For the outcome."""
        told: dict[str, object] = {"files": self.files}
        if self.count > len(self.files):
            told["more_files"] = self.count - len(self.files)
        return told if self.followed else {**told, "not_followed": True}


def _number(field: bytes) -> int | None:
    """Octal digits, or base 256 behind a set first bit."""
    if field[0] == 0x80:
        number = int.from_bytes(field[1:], "big")
        return number if number < 1 << 60 else None
    text = field.strip(b" \0")
    return int(text or b"0", 8) if all(0x30 <= digit < 0x38 for digit in text) else None


def _sum(block: bytes) -> int:
    return sum(block) - sum(block[148:156]) + 8 * 0x20


def _name(block: bytes) -> str:
    name = block[:100].split(b"\0")[0]
    prefix = block[345:500].split(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    return _text(prefix + b"/" + name if prefix else name)


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


def _records(data: bytes) -> list[tuple[bytes, bytes]]:
    """`LENGTH KEY=VALUE\\n`, one after the other; what is none ends them."""
    found = []
    while data:
        length, _, _ = data.partition(b" ")
        if not length.isdigit() or len(length) > 6 or not len(length) + 1 < int(length) <= len(data):
            break
        key, _, value = data[len(length) + 1 : int(length) - 1].partition(b"=")
        found.append((key, value))
        data = data[int(length) :]
    return found

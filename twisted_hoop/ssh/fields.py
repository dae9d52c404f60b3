"""The data types of SSH messages (RFC 4251, section 5), read with every length checked. Pure."""

from __future__ import annotations

import struct
from typing import NoReturn

from twisted_hoop.errors import ProtocolError

_UINT32 = struct.Struct(">L")
LONGEST_NAME_LIST = 16 * 1024
"""Bytes of one name-list; OpenSSH's longest has about 600."""


class MalformedMessage(ProtocolError):
    """A message that is not what its number says."""


def uint32(value: int) -> bytes:
    """Four bytes, the most significant first."""
    return _UINT32.pack(value)


def string(value: bytes) -> bytes:
    """Its length and the bytes."""
    return _UINT32.pack(len(value)) + value


def name_list(names: tuple[bytes, ...] | list[bytes]) -> bytes:
    """Names with commas between them, as a string."""
    return string(b",".join(names))


def shown(value: bytes) -> str:
    """Bytes of the other side as text for a log or a person: nothing in it moves a cursor or starts a line (S19)."""
    text = value.decode("utf-8", "backslashreplace")
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


class Reader:
    """Reads one message from its start. Whatever is missing or too long raises MalformedMessage."""

    __slots__ = ("_data", "_offset")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._offset = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        start = self._offset
        end = start + size
        if end > len(self._data):
            self._short()
        self._offset = end
        return self._data[start:end]

    def byte(self) -> int:
        """One byte."""
        return self.take(1)[0]

    def boolean(self) -> bool:
        """One byte; everything but 0 is true."""
        return self.take(1) != b"\0"

    def uint32(self) -> int:
        """An integer of four bytes."""
        start = self._offset
        if start + 4 > len(self._data):
            self._short()
        self._offset = start + 4
        value: int = _UINT32.unpack_from(self._data, start)[0]
        return value

    def string(self) -> bytes:
        """A string: as many bytes as its length says."""
        return self.take(self.uint32())

    def text(self) -> str:
        """A string that is meant to be shown: what is not UTF-8, or not printable, is escaped (S19)."""
        return shown(self.string())

    def name_list(self) -> tuple[bytes, ...]:
        """Names; the empty list is ()."""
        names = self.string()
        if len(names) > LONGEST_NAME_LIST:
            raise MalformedMessage("a list of names is too long")
        return tuple(names.split(b",")) if names else ()

    def rest(self) -> bytes:
        """Everything that was not read."""
        start, self._offset = self._offset, len(self._data)
        return self._data[start:]

    def end(self) -> None:
        """Nothing may follow."""
        if self._offset != len(self._data):
            raise MalformedMessage("a message is longer than it should be")

    def _short(self) -> NoReturn:
        raise MalformedMessage("a message is shorter than it says")

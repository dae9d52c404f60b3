"""How SSH writes values as bytes (RFC 4251, section 5): reading them strictly, and writing them. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterable

_U32 = struct.Struct(">I")
_U64 = struct.Struct(">Q")


class Reader:
    """Reads values one after another. Whatever is missing or malformed is a ValueError, never anything else."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        end = self._at + size
        if end > len(self._data):
            raise ValueError("the data ends too early")
        found = self._data[self._at : end]
        self._at = end
        return found

    def byte(self) -> int:
        """A byte."""
        return self.take(1)[0]

    def boolean(self) -> bool:
        """A boolean: everything but 0 is true."""
        return self.byte() != 0

    def u32(self) -> int:
        """A uint32."""
        return int(_U32.unpack(self.take(4))[0])

    def u64(self) -> int:
        """A uint64."""
        return int(_U64.unpack(self.take(8))[0])

    def string(self) -> bytes:
        """A string."""
        return self.take(self.u32())

    def mpint(self) -> int:
        """A positive mpint, written the one way the RFC allows."""
        data = self.string()
        number = int.from_bytes(data, "big", signed=True)
        if number <= 0 or mpint(number) != data:
            raise ValueError("a number is not positive, or not written the shortest way")
        return number

    def rest(self) -> bytes:
        """Everything that is left."""
        return self.take(len(self._data) - self._at)

    @property
    def position(self) -> int:
        """How many bytes were read."""
        return self._at

    @property
    def more(self) -> bool:
        """Whether anything is left."""
        return self._at < len(self._data)

    def end(self) -> None:
        """ValueError when something is left."""
        if self.more:
            raise ValueError("the data goes on behind its end")


def u32(number: int) -> bytes:
    """A uint32."""
    return _U32.pack(number)


def u64(number: int) -> bytes:
    """A uint64."""
    return _U64.pack(number)


def string(data: bytes) -> bytes:
    """A string."""
    return _U32.pack(len(data)) + data


def strings(*parts: bytes) -> bytes:
    """Several strings."""
    return b"".join(map(string, parts))


def mpint(number: int) -> bytes:
    """The content of an mpint that is not negative (its own length is put before it by `string`)."""
    return number.to_bytes(number.bit_length() // 8 + 1, "big") if number else b""


def names(items: Iterable[bytes]) -> bytes:
    """A name-list, without its length."""
    return b",".join(items)

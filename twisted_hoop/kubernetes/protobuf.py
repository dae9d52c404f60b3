"""Just enough of protobuf to say where in an object something stands. Pure.

Objects come in an envelope: `k8s`, a zero, and a message Unknown with type (1), the object (2), encoding (3) and
content type (4) (k8s.io/apimachinery, pkg/runtime/generated.proto). Of the wire format
(https://protobuf.dev/programming-guides/encoding) groups are left out: nobody writes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from twisted_hoop.kubernetes.sentinels import holds_sentinel

MAGIC: Final = b"k8s\x00"
_LARGEST: Final = (1 << 29) - 1
"""Largest number of a member."""
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_NAMES: Final = {
    ("Secret", 2): "data",
    ("Secret", 4): "stringData",
    ("ConfigMap", 2): "data",
    ("ConfigMap", 3): "binaryData",
}
_METADATA: Final = 1
_ANNOTATIONS: Final = 12


def fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(number, content) of the members that are bytes, texts or messages. Raises ValueError for what is no message."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if not 0 < number <= _LARGEST:  # Go cuts a number to 32 bits, and takes it for another member
            raise ValueError("a member of no number")
        if wire == _BYTES:
            size, at = _varint(data, at)
            if at + size > len(data):
                raise ValueError("a member is cut short")
            yield number, data[at : at + size]
            at += size
        elif wire == _VARINT:
            _, at = _varint(data, at)
        elif wire in (_FIXED64, _FIXED32):
            at += 8 if wire == _FIXED64 else 4
        else:
            raise ValueError("a member of unknown form")


def where(data: bytes) -> str:
    """The path of the first sentinel in an object, as far as it is known: `data.password`, or "a value"."""
    try:
        return _where(data)
    except (ValueError, UnicodeDecodeError):
        return "a value"


def _where(data: bytes) -> str:
    kind, thing = "", b""
    for number, content in fields(data.removeprefix(MAGIC)):
        if number == 1:
            kind = dict(fields(content)).get(2, b"").decode()
        elif number == 2:
            thing = content
    for number, content in fields(thing):
        if not holds_sentinel(content):
            continue
        if number == _METADATA:
            return _in_metadata(content)
        member = _NAMES.get((kind, number))
        return f"{member}.{_key(content)}" if member else "a value"
    return "a value"


def _in_metadata(metadata: bytes) -> str:
    for number, content in fields(metadata):
        if number == _ANNOTATIONS and holds_sentinel(content):
            return f"metadata.annotations[{_key(content)}]"
    return "metadata"


def _key(entry: bytes) -> str:
    return dict(fields(entry)).get(1, b"").decode()


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 64:
        if at >= len(data):
            raise ValueError("a number is cut short")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
        shift += 7
    raise ValueError("a number is too long")

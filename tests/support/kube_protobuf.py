"""Objects in protobuf, as clients write them."""

from __future__ import annotations

from collections.abc import Mapping


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes((value,)))


def field(number: int, content: bytes) -> bytes:
    """A member that is bytes, a text or a message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def entry(key: str, value: bytes) -> bytes:
    """One entry of a map."""
    return field(1, key.encode()) + field(2, value)


def enveloped(kind: str, thing: bytes, api_version: str = "v1") -> bytes:
    """An object as it is sent."""
    return b"k8s\x00" + field(1, field(1, api_version.encode()) + field(2, kind.encode())) + field(2, thing)


def secret_message(
    name: str = "db", data: Mapping[str, bytes] | None = None, strings: Mapping[str, bytes] | None = None
) -> bytes:
    """A Secret, without its envelope."""
    return b"".join(
        (
            field(1, field(1, name.encode())),
            *(field(2, entry(key, value)) for key, value in (data or {}).items()),
            *(field(4, entry(key, value)) for key, value in (strings or {}).items()),
        )
    )

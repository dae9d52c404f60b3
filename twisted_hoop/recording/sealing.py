"""Sealing one frame: the chain that binds it to all before it. What every entry needs, and compiled for that.

See `framing.py` for the format, and docs/recording-format.md.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from blake3 import blake3

MAGIC: Final = b"HOOPREC2\n"
ROOT: Final[bytes] = sha256(MAGIC).digest()
"""The chain value before the first frame."""
MAGIC_1: Final = b"HOOPREC1\n"
ROOT_1: Final[bytes] = sha256(MAGIC_1).digest()
"""Of version 1, whose entries are in the clear: it is read and verified, and never written."""

HEADER: Final = 72  # "H"
ENTRY: Final = 69  # "E", version 1: one entry in the clear
SEALED: Final = 83  # "S", version 2: a run of entries, encrypted
BULK: Final = 66  # "B", version 2: a sealed segment of output or input alone, of many bytes
SIGNED: Final = 67  # "C", version 2: a signed head on the way (a checkpoint)
FINAL: Final = 70  # "F"
CLEAR: Final = 29
"""Bytes of a segment that stand in the clear in front of it: `segments.HEAD`."""
MAX_HEADER: Final = 1 << 24
"""Bytes of the longest header that is written or read."""

_AT_ONCE: Final = 4096
"""Bytes of a body up to which one call of the hash costs less than two: what it copies is less."""


def seal(previous: bytes, kind: int, body: bytes) -> tuple[bytes, bytes]:
    """The frame's bytes for the file, and its chain value."""
    head = len(body).to_bytes(4, "big") + kind.to_bytes(1, "big")
    chain = chained(previous, head, body)
    return b"".join((head, body, chain)), chain


def chained(previous: bytes, head: bytes, body: bytes | memoryview) -> bytes:
    """The chain value of a frame with this head (length and kind, as they stand in the file) and body.

    Of a bulk frame the BLAKE3 of what is encrypted takes its place: that is had in a quarter of the time.
    """
    if head[4] == BULK:
        sealed = memoryview(body)[CLEAR:]
        return sha256(b"".join((previous, head, body[:CLEAR], blake3(sealed).digest()))).digest()
    if len(body) < _AT_ONCE:
        return sha256(b"".join((previous, head, body))).digest()
    value = sha256(previous + head)
    value.update(body)
    return value.digest()

"""Segments: runs of entries, packed and encrypted. The writer's side, compiled; `unsealing.py` is the reader's.

The body of a sealed frame is a head in the clear, so that who cannot read can still verify, and what AES-256-GCM made
of the entries (NIST SP 800-38D). The nonce is the segment's number, which counts up in one recording and is never used
again: no two recordings share a data key, and nothing is sealed in a recording once its writer is gone.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from twisted_hoop.recording.packing import pack

HEAD: Final = Struct(">QQIQB")
"""Segment's number, number of its first entry, how many entries, µs since the start of the last, how it is packed."""
NONCE: Final = 12
TAG: Final = 16
PLAIN: Final = 0
ZSTD: Final = 1
WORTH_PACKING: Final = 2048
"""Bytes from which on packing saves more than it costs."""
MOST_PACKED: Final = 1 << 20
"""Bytes up to which a segment is packed: one as large holds one entry, and must not stall other sessions longer."""
_DOMAIN: Final = b"hoop segment 2\0"


def binding(root: bytes) -> bytes:
    """What ties a segment to its recording: `root` is the chain value of the header, which names session and key."""
    return _DOMAIN + root


class Segments:
    """Seals the segments of one recording with its data key (32 bytes). One writer, one thread at a time."""

    __slots__ = ("_binding", "_encrypt", "number")

    def __init__(self, key: bytes, root: bytes) -> None:
        self._encrypt: Any = AESGCM(key).encrypt
        self._binding = binding(root)
        self.number = 0

    def seal(self, first: int, count: int, micros: int, entries: bytes, worth: bool) -> bytes:
        """The body of a sealed frame. `worth`: whether packing may make it smaller."""
        packing = PLAIN
        if worth and WORTH_PACKING <= len(entries) <= MOST_PACKED:
            packed = pack(entries)
            if len(packed) < len(entries):
                entries, packing = packed, ZSTD
        self.number += 1
        head = HEAD.pack(self.number, first, count, micros, packing)
        nonce = self.number.to_bytes(NONCE, "big")
        sealed: bytes = self._encrypt(nonce, entries, self._binding + head)
        return head + sealed

"""Segments: runs of entries, packed and encrypted. The writer's side, compiled; `unsealing.py` is the reader's.

The body of a sealed frame is a head in the clear, so that who cannot read can still verify, and what AES-256-GCM made
of the entries (NIST SP 800-38D). The nonce is the segment's number, which counts up in one recording and is never used
again: no two recordings share a data key, and nothing is sealed in a recording once its writer is gone.
"""

from __future__ import annotations

from hashlib import sha256
from struct import Struct
from typing import Any, Final

from blake3 import blake3
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from twisted_hoop.recording.packing import pack
from twisted_hoop.recording.sealing import BULK, SEALED

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
WORTH_BULK: Final = 4096
"""Bytes of output from which on BLAKE3 and a frame in pieces cost less than SHA-256 and a frame in one."""
_DOMAINS: Final = {SEALED: b"hoop segment 2\0", BULK: b"hoop bulk 2\0"}
_HEADS: Final = Struct(">IBQQIQB")
"""The head of a frame, and that of the segment in it."""
_MORE: Final = HEAD.size + TAG
_AT_ONCE: Final = 4096


def binding(root: bytes, kind: int) -> bytes:
    """What ties a segment to its recording, and to the kind of its frame.

    `root` is the chain value of the header, which names session and key.
    """
    return _DOMAINS[kind] + root


class Segments:
    """Seals the segments of one recording with its data key (32 bytes). One writer, one thread at a time."""

    __slots__ = ("_binding", "_bulk", "_encrypt", "number")

    def __init__(self, key: bytes, root: bytes) -> None:
        self._encrypt: Any = AESGCM(key).encrypt
        self._binding, self._bulk = binding(root, SEALED), binding(root, BULK)
        self.number = 0

    def seal(
        self, previous: bytes, first: int, count: int, micros: int, entries: bytes, worth: bool, streams: bool
    ) -> tuple[bytes, bytes, bytes]:
        """A sealed frame as it stands in the file, in three pieces: both heads, what is encrypted, the chain value.

        `previous` is the chain value before it. `worth`: whether packing may make it smaller; `streams`: whether all
        entries are output or input.
        """
        packing = PLAIN
        if worth and WORTH_PACKING <= len(entries) <= MOST_PACKED:
            packed = pack(entries)
            if len(packed) < len(entries):
                entries, packing = packed, ZSTD
        size = len(entries) + _MORE
        kind, bound = SEALED, self._binding
        if streams and size >= WORTH_BULK:
            kind, bound = BULK, self._bulk
        self.number += 1
        heads = _HEADS.pack(size, kind, self.number, first, count, micros, packing)
        nonce = self.number.to_bytes(NONCE, "big")
        sealed: bytes = self._encrypt(nonce, entries, bound + heads[5:])
        return heads, sealed, _chain(previous, kind, heads, sealed)


def _chain(previous: bytes, kind: int, heads: bytes, sealed: bytes) -> bytes:
    """As `sealing.chained` says, without a copy of many bytes."""
    if kind == BULK:
        return sha256(b"".join((previous, heads, blake3(sealed).digest()))).digest()
    if len(sealed) < _AT_ONCE:
        return sha256(b"".join((previous, heads, sealed))).digest()
    value = sha256(previous + heads)
    value.update(sealed)
    return value.digest()

"""Verifying many segments at a time: what makes the verification of a long recording fast. Pure.

Nearly every frame of a recording is a sealed one. Those are walked over in a buffer, one after another; whatever is not
as it should be ends the walk before it, and the patient reader (`framing.py`) says what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from struct import Struct

from blake3 import blake3

from twisted_hoop.recording.framing import CHAIN, HEAD
from twisted_hoop.recording.sealing import BULK, CLEAR, SEALED
from twisted_hoop.recording.segments import HEAD as SEGMENT
from twisted_hoop.recording.segments import PLAIN, TAG, ZSTD

BUFFER = 1 << 22
"""Bytes read at a time."""
_LEAST = SEGMENT.size + TAG
_HEADS = Struct(">IBQQIQB")
"""The head of a frame, and that of the segment in it."""
_PACKINGS = (PLAIN, ZSTD)
_AT_ONCE = 4096
_SEGMENTS = (SEALED, BULK)


@dataclass(slots=True)
class Walk:
    """How far it came: chain value, segments, entries, frames passed, µs of the last entry."""

    chain: bytes
    segments: int
    count: int
    frames: int = 0
    micros: int = 0

    def over(self, data: bytes) -> int:
        """Pass over the good segments that `data` begins with; how many bytes they have."""
        at, chain, segments, count, micros = 0, self.chain, self.segments, self.count, self.micros
        heads, before, last = _HEADS.unpack_from, HEAD.size, len(data) - CHAIN
        while at + before + _LEAST <= last:
            length, kind, number, first, entries, time, packing = heads(data, at)
            behind = at + before + length
            if kind not in _SEGMENTS or length < _LEAST or behind > last or not entries or packing not in _PACKINGS:
                break
            if kind == SEALED and length < _AT_ONCE:  # nearly all, so without a call
                value = sha256(chain + data[at:behind]).digest()
            else:
                value = _chained(chain, data, at, behind, kind)
            if value != data[behind : behind + CHAIN] or number != segments + 1 or first != count + 1:
                break
            at, chain, segments, count, micros = behind + CHAIN, value, number, count + entries, time
        self.frames += segments - self.segments
        self.chain, self.segments, self.count, self.micros = chain, segments, count, micros
        return at


def _chained(previous: bytes, data: bytes, start: int, end: int, kind: int) -> bytes:
    """As `sealing.chained` says, without copies of many bytes."""
    if kind == BULK:
        clear = start + HEAD.size + CLEAR
        return sha256(previous + data[start:clear] + blake3(memoryview(data)[clear:end]).digest()).digest()
    value = sha256(previous)
    value.update(memoryview(data)[start:end])
    return value.digest()

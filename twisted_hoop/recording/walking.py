"""Verifying many segments at a time: what makes the verification of a long recording fast. Pure.

Nearly every frame of a recording is a sealed one. Those are walked over in a buffer, one after another; whatever is not
as it should be ends the walk before it, and the patient reader (`framing.py`) says what it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from blake3 import blake3

from twisted_hoop.recording.framing import CHAIN, HEAD
from twisted_hoop.recording.sealing import BULK, CLEAR, SEALED
from twisted_hoop.recording.segments import HEAD as SEGMENT
from twisted_hoop.recording.segments import PLAIN, TAG, ZSTD

BUFFER = 1 << 22
"""Bytes read at a time."""
_LEAST = SEGMENT.size + TAG
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
        at, end, chain, segments, count = 0, len(data), self.chain, self.segments, self.count
        frame, segment = HEAD.unpack_from, SEGMENT.unpack_from
        while at + HEAD.size + _LEAST + CHAIN <= end:
            length, kind = frame(data, at)
            behind = at + HEAD.size + length
            if kind not in _SEGMENTS or length < _LEAST or behind + CHAIN > end:
                break
            value = _chained(chain, data, at, behind, kind)
            number, first, entries, micros, packing = segment(data, at + HEAD.size)
            if value != data[behind : behind + CHAIN] or number != segments + 1 or first != count + 1:
                break
            if not entries or packing not in (PLAIN, ZSTD):
                break
            at, chain, segments, count = behind + CHAIN, value, number, count + entries
            self.frames, self.micros = self.frames + 1, micros
        self.chain, self.segments, self.count = chain, segments, count
        return at


def _chained(previous: bytes, data: bytes, start: int, end: int, kind: int) -> bytes:
    """As `sealing.chained` says, without copies of many bytes."""
    if kind == BULK:
        clear = start + HEAD.size + CLEAR
        return sha256(previous + data[start:clear] + blake3(memoryview(data)[clear:end]).digest()).digest()
    if end - start < _AT_ONCE:
        return sha256(previous + data[start:end]).digest()
    value = sha256(previous)
    value.update(memoryview(data)[start:end])
    return value.digest()

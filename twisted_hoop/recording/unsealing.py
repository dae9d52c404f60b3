"""Reading segments: what stands in the clear in front of each, and its entries for who has the data key. Pure."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from twisted_hoop.errors import RecordingDamaged
from twisted_hoop.recording import framing
from twisted_hoop.recording.packing import Unpackable, unpack
from twisted_hoop.recording.segments import HEAD, NONCE, PLAIN, TAG, ZSTD, binding

_BEHIND = (("zstd", "zstd"), ("raw", "base64"))
_STREAMS = ("output", "input")
_MOST = framing.MAX_BODY + (1 << 20)
"""Bytes of entries in a segment: one of the longest, and the small ones that waited for it."""


@dataclass(frozen=True, slots=True)
class SegmentHead:
    """What anybody may know of a segment: `first` is its first entry's number, `seconds` its last entry's time."""

    number: int
    first: int
    count: int
    seconds: float
    packing: int

    @classmethod
    def parse(cls, frame: framing.Frame) -> SegmentHead:
        """Of a sealed frame; RecordingDamaged when there is none, or it says what cannot be."""
        if len(frame.body) < HEAD.size + TAG:
            raise RecordingDamaged(f"the segment at byte {frame.offset} is too short", frame.offset)
        number, first, count, micros, packing = HEAD.unpack_from(frame.body)
        if not count or packing not in (PLAIN, ZSTD):
            raise RecordingDamaged(f"the segment at byte {frame.offset} is none of this version", frame.offset)
        return cls(number, first, count, micros / 1_000_000, packing)


class Unsealer:
    """Opens the segments of one recording; `root` is the chain value of its header."""

    def __init__(self, key: bytes, root: bytes) -> None:
        self._decrypt = AESGCM(key).decrypt
        self._bindings = {kind: binding(root, kind) for kind in framing.SEGMENTS}

    def entries(self, frame: framing.Frame) -> list[dict[str, Any]]:
        """The entries of a sealed frame, or RecordingDamaged: what does not belong just here does not open."""
        head = SegmentHead.parse(frame)
        text, _, behind = self.opened(frame, head).partition(b"\0")
        try:
            found = [orjson.loads(line) for line in text.split(b"\n")]
        except orjson.JSONDecodeError as error:
            raise _damaged(frame, type(error).__name__) from error
        if len(found) != head.count or not all(isinstance(entry, dict) for entry in found):
            raise _damaged(frame, "other entries than it says")
        if frame.kind == framing.BULK and not all(entry.get("kind") in _STREAMS for entry in found):
            raise _damaged(frame, "other entries than its kind says")
        if _joined(found, behind) != len(behind):
            raise _damaged(frame, "other bytes than it says")
        return found

    def opened(self, frame: framing.Frame, head: SegmentHead) -> bytes:
        """What was encrypted: the entries' JSON, and the bytes that stand behind it. RecordingDamaged."""
        bound = self._bindings[frame.kind] + frame.body[: HEAD.size]
        try:
            data = self._decrypt(head.number.to_bytes(NONCE, "big"), frame.body[HEAD.size :], bound)
            return unpack(data, _MOST) if head.packing == ZSTD else data
        except (InvalidTag, Unpackable, EOFError) as error:
            raise _damaged(frame, type(error).__name__) from error

    def text(self, body: bytes, number: int, packing: int) -> bytes | None:
        """As `opened`, of the body of a frame of kind SEALED whose head was looked at; None when it does not open."""
        try:
            bound = self._bindings[framing.SEALED] + body[: HEAD.size]
            data = self._decrypt(number.to_bytes(NONCE, "big"), body[HEAD.size :], bound)
            return unpack(data, _MOST) if packing == ZSTD else data
        except (InvalidTag, Unpackable, EOFError):
            return None


def _joined(entries: list[dict[str, Any]], behind: bytes) -> int:
    """Give entries the bytes that stand behind them, in base64; how many bytes they say there are."""
    at = 0
    for entry in entries:
        for name, shown in _BEHIND if entry.get("kind") in _STREAMS else ():
            length = entry.get(name)
            if isinstance(length, int) and length >= 0:
                del entry[name]
                entry[shown] = base64.b64encode(behind[at : at + length]).decode()
                at += length
    return at


def _damaged(frame: framing.Frame, why: str) -> RecordingDamaged:
    return RecordingDamaged(f"the segment at byte {frame.offset} does not open: {why}", frame.offset)

"""Frames and the chain that binds them: pure, no files opened, no JSON. See docs/recording-format.md.

A file is `MAGIC`, then frames: u32 length of the body (big endian), u8 kind, body, 32 bytes of chain value. The chain
value is SHA-256(previous chain value ‖ length ‖ kind ‖ body), the bytes as they stand in the file, so that dropping,
moving, repeating or changing a frame breaks every frame after it (R4).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from twisted_hoop.errors import RecordingDamaged
from twisted_hoop.recording.sealing import BULK as BULK
from twisted_hoop.recording.sealing import ENTRY as ENTRY
from twisted_hoop.recording.sealing import FINAL as FINAL
from twisted_hoop.recording.sealing import HEADER as HEADER
from twisted_hoop.recording.sealing import MAGIC as MAGIC
from twisted_hoop.recording.sealing import MAGIC_1 as MAGIC_1
from twisted_hoop.recording.sealing import MAX_HEADER, chained
from twisted_hoop.recording.sealing import ROOT as ROOT
from twisted_hoop.recording.sealing import ROOT_1 as ROOT_1
from twisted_hoop.recording.sealing import SEALED as SEALED
from twisted_hoop.recording.sealing import SIGNED as SIGNED
from twisted_hoop.recording.sealing import seal as seal

HEAD = struct.Struct(">IB")
CHAIN = 32
OVERHEAD = HEAD.size + CHAIN
SEGMENTS = frozenset((SEALED, BULK))
"""Frames that hold a segment."""
MAX_BODY = (1 << 30) + (1 << 21)
"""Longest body written or read: a PostgreSQL message, which cannot be longer than 2^30, and what goes with it."""
MAX_FINAL = 1 << 13
"""Longest body of a final frame: how far from the end a reader has to look for it."""

_LONGEST = {HEADER: MAX_HEADER, SIGNED: MAX_FINAL, FINAL: MAX_FINAL}
"""Of what is read as JSON at once, and takes many times its bytes of memory then."""
_KINDS = {MAGIC: frozenset((HEADER, SEALED, BULK, SIGNED, FINAL)), MAGIC_1: frozenset((HEADER, ENTRY, FINAL))}
"""What a file of each version is made of. A reader cannot say what it would be passing over, so it refuses the rest."""


class Frame(NamedTuple):
    """One frame, its chain value verified. `offset` is its first byte in the file, `end` the byte after its last."""

    offset: int
    kind: int
    body: bytes
    chain: bytes

    @property
    def end(self) -> int:
        """The byte after this frame."""
        return self.offset + OVERHEAD + len(self.body)


class Torn(RecordingDamaged):
    """The file ends inside a frame: what a crash leaves behind. `offset` is where that frame begins."""


def frames(stream: BinaryIO) -> Iterator[Frame]:
    """Every frame of a whole file, verified one by one, or RecordingDamaged with the offset of the first bad one.

    Memory is bounded by the longest frame. Ends without complaint at the end of the file: whether a final frame came
    is the caller's to know.
    """
    magic, offset = begin(stream), len(MAGIC)
    previous = root_of(magic)
    while (frame := next_frame(stream, magic, offset, previous)) is not None:
        yield frame
        offset, previous = frame.end, frame.chain


def begin(stream: BinaryIO) -> bytes:
    """The magic bytes a recording begins with, or RecordingDamaged."""
    magic = stream.read(len(MAGIC))
    if magic not in _KINDS:
        raise RecordingDamaged("not a recording: the first bytes are neither HOOPREC2 nor HOOPREC1", 0)
    return magic


def next_frame(stream: BinaryIO, magic: bytes, offset: int, previous: bytes) -> Frame | None:
    """The frame that begins where the stream is, verified; None at the end of the file; or RecordingDamaged."""
    head = stream.read(HEAD.size)
    return _frame(stream, head, offset, previous, _KINDS[magic]) if head else None


def root_of(magic: bytes) -> bytes:
    """The chain value before the first frame of a file that begins with these bytes."""
    return ROOT if magic == MAGIC else ROOT_1


def _frame(stream: BinaryIO, head: bytes, offset: int, previous: bytes, kinds: frozenset[int]) -> Frame:
    if len(head) < HEAD.size:
        raise Torn(f"the file ends inside a frame at byte {offset}", offset)
    length, kind = HEAD.unpack(head)
    if kind not in kinds or length > _LONGEST.get(kind, MAX_BODY):
        raise RecordingDamaged(f"no frame of this version begins at byte {offset}", offset)
    rest = _read(stream, length + CHAIN)
    if len(rest) < length + CHAIN:
        raise Torn(f"the file ends inside a frame at byte {offset}", offset)
    body, chain = rest[:length], rest[length:]
    if chained(previous, head, body) != chain:
        raise RecordingDamaged(f"the frame at byte {offset} was changed or does not belong here", offset)
    return Frame(offset, kind, body, chain)


def _read(stream: BinaryIO, length: int) -> bytes:
    # A length that was tampered with must not make us allocate a gigabyte for a small file.
    if length <= 1 << 20:
        return stream.read(length)
    parts: list[bytes] = []
    while length and (part := stream.read(min(length, 1 << 20))):
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def find_final(tail: bytes) -> bytes | None:
    """The body of the final frame that ends exactly where `tail` (the file's last bytes) ends, without verifying it.

    In version 1 the length field of a final frame starts with two zero bytes, which JSON bodies cannot hold, so that no
    text a client sends looks like one. In version 2 what is before the end is encrypted under a key that nobody outside
    has, and can look like one by accident only, once in thousands of millions of recordings.
    """
    at = len(tail)
    while (at := tail.rfind(FINAL, HEAD.size - 1, at)) >= 0:
        start = at - HEAD.size + 1
        length = HEAD.unpack_from(tail, start)[0]
        if length <= MAX_FINAL and start + OVERHEAD + length == len(tail):
            return tail[at + 1 : at + 1 + length]
    return None

"""Reading a recording on from where it was: for who looks at one that grows again and again, for some of its entries.

Of what is not wanted as little as can be is looked at. Output in bulk is passed over unread, and its link of the chain
taken as it stands: what was changed there `verification.py` finds. Every segment that is opened is held against the
chain, and opens with the data key, in its recording and at its place only, so that nobody can put commands there (R4).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import Any, BinaryIO

import orjson

from twisted_hoop.errors import RecordingDamaged
from twisted_hoop.recording import files, framing
from twisted_hoop.recording.entries import decode
from twisted_hoop.recording.reading import opened
from twisted_hoop.recording.segments import TAG, ZSTD
from twisted_hoop.recording.unsealing import SegmentHead, Unsealer
from twisted_hoop.recording.wrapping import KeyRing

Line = bytes | dict[str, Any]
"""An entry as it stands in a segment, in JSON; read already where it stands in a frame of its own."""
Lines = tuple[int, list[Line]]
"""The number of the last entry that was passed, and those that were wanted; of "open" and "close" the number is 0."""
Found = tuple[int, list[dict[str, Any]]]
"""The same, read."""

_HEADS = Struct(">IBQQIQB")
_LEAST = _HEADS.size - framing.HEAD.size + TAG
_BUFFER = 1 << 14
"""Bytes that are read at a time: dozens of commands, and not much of what is passed over."""
_MOST_HELD = 1 << 20
"""Bytes of entries that are held at a time: of few that were packed many can come (R10)."""
_KIND = re.compile(rb'\{"n":([0-9]+),"t":[0-9.e-]+,"kind":"([a-z-]+)"')


class Follower:
    """What has been read so far of the recording at `path`; `kinds` are those of the entries that are wanted.

    `count` is the number of the last entry that was given, or passed over. Blocking, and for one thread at a time.
    After RecordingDamaged it is of no use any more; after the others it reads on.
    """

    def __init__(self, path: Path, ring: KeyRing, kinds: frozenset[str]) -> None:
        self._path, self._ring = path, ring
        self._kinds = frozenset(kind.encode() for kind in kinds)
        self._magic = b""
        self._offset, self._chain = 0, b""
        self._key, self._root = "", b""
        self._unsealer: Unsealer | None = None
        self._segments = 0
        self._closed = False
        self.count = 0
        self.header: dict[str, Any] = {}

    def more(self, known: int = 0) -> Iterator[Found]:
        """What came since the last time, piece by piece: "open" first, and "close" last once it is closed.

        Entries up to number `known` are passed over. Raises OSError; RecordingDamaged after the last good piece, also
        when the file ends inside a frame and nobody writes it any more; RecordingSealed when the key cannot be had.
        """
        for number, lines in self.lines(known):
            yield number, [read(line) for line in lines]

    def lines(self, known: int = 0) -> Iterator[Lines]:
        """As `more`, of entries that nobody has read as JSON yet: `read` does that."""
        with opened(self._path) as stream:
            try:
                yield from self._more(stream, known)
            except framing.Torn:
                if not files.is_locked(stream.fileno()):
                    raise

    def _more(self, stream: BinaryIO, known: int) -> Iterator[Lines]:
        if not self._magic:
            self._magic = framing.begin(stream)
            self._offset, self._chain = len(self._magic), framing.root_of(self._magic)
        while data := os.pread(stream.fileno(), _BUFFER, self._offset):
            found: list[Line] = []
            if self._run(data, known, found):
                yield self.count, found
            elif other := self._other(stream, data, known):
                yield other
            else:
                return

    def _run(self, data: bytes, known: int, found: list[Line]) -> bool:
        """Pass over the good sealed frames that `data` begins with; whether there was one.

        One that is not as it should be ends the run before it, and the patient way says what it is.
        """
        if self._closed or not self._root:
            return False
        at, chain, number, count, held = 0, self._chain, self._segments, self.count, 0
        heads, least, size = _HEADS.unpack_from, _HEADS.size, len(data) - framing.CHAIN
        opens = None if self._unsealer is None else self._unsealer.text
        while at + least <= size and held < _MOST_HELD:
            length, kind, segment, first, entries, _, packing = heads(data, at)
            end = at + framing.HEAD.size + length
            if kind != framing.SEALED or length < _LEAST or end > size or packing > ZSTD:
                break
            value = sha256(chain + data[at:end]).digest()
            if value != data[end : end + framing.CHAIN] or segment != number + 1 or first != count + 1 or not entries:
                break
            if count + entries > known:
                text = None if opens is None else opens(data[at + framing.HEAD.size : end], segment, packing)
                if text is None:
                    break
                found += self._wanted(text, known)
                held += len(text)
            at, chain, number, count = end + framing.CHAIN, value, segment, count + entries
        self._chain, self._segments, self.count = chain, number, count
        self._offset += at
        return at > 0

    def _segment(self, frame: framing.Frame, known: int) -> list[Line]:
        head = self._checked(frame)
        found: list[Line] = []
        if self.count + head.count > known:
            if self._unsealer is None:
                self._unsealer = Unsealer(self._ring.data_key(self._path, self._key), self._root)
            found = self._wanted(self._unsealer.opened(frame, head), known)
        self._pass(head, frame.end, frame.chain)  # last: without the key it is looked at again, when there is one
        return found

    def _wanted(self, text: bytes, known: int) -> list[Line]:
        """Those of a segment's entries that are wanted, and are not known."""
        if b"\0" in text:
            text = text.partition(b"\0")[0]
        found: list[Line] = []
        for line in text.split(b"\n"):
            match = _KIND.match(line)
            # One that looks like no entry is for `read` to say what it is.
            if match is None or (match[2] in self._kinds and int(match[1]) > known):
                found.append(line)
        return found

    def _pass(self, head: SegmentHead, end: int, chain: bytes) -> None:
        self._segments, self.count = head.number, self.count + head.count
        self._offset, self._chain = end, chain

    def _checked(self, frame: framing.Frame) -> SegmentHead:
        head = SegmentHead.parse(frame)
        if head.number != self._segments + 1 or head.first != self.count + 1:
            raise RecordingDamaged(f"the segment at byte {frame.offset} carries another number", frame.offset)
        return head

    def _other(self, stream: BinaryIO, data: bytes, known: int) -> Lines | None:
        """Whatever else begins where we are, one frame; None at the end."""
        if self._root and not self._closed and self._magic == framing.MAGIC and data[4:5] == b"B":
            self._pass_over(stream, data)
            return self.count, []
        stream.seek(self._offset)
        frame = framing.next_frame(stream, self._magic, self._offset, self._chain)
        if frame is None:
            return None
        if self._closed or (frame.kind == framing.HEADER) != (self._root == b""):
            raise RecordingDamaged(f"a frame out of place at byte {frame.offset}", frame.offset)
        if frame.kind == framing.SEALED:
            return self.count, self._segment(frame, known)
        found = self._plain(frame)
        self._offset, self._chain = frame.end, frame.chain
        return found

    def _pass_over(self, stream: BinaryIO, data: bytes) -> None:
        """A bulk segment: no more than its heads and its chain value are read."""
        if len(data) < framing.HEAD.size + _LEAST:
            raise framing.Torn(f"the file ends inside a frame at byte {self._offset}", self._offset)
        length, kind = framing.HEAD.unpack_from(data)
        if not _LEAST <= length <= framing.MAX_BODY:
            raise RecordingDamaged(f"no frame of this version begins at byte {self._offset}", self._offset)
        end = self._offset + framing.HEAD.size + length
        chain = os.pread(stream.fileno(), framing.CHAIN, end)
        if len(chain) < framing.CHAIN:
            raise framing.Torn(f"the file ends inside a frame at byte {self._offset}", self._offset)
        heads = data[framing.HEAD.size : framing.HEAD.size + _LEAST]
        self._pass(self._checked(framing.Frame(self._offset, kind, heads, chain)), end + framing.CHAIN, chain)

    def _plain(self, frame: framing.Frame) -> Lines:
        """What is not encrypted: the header, the end, a signed head, an entry of version 1."""
        if frame.kind == framing.SIGNED:
            return self.count, []
        value = decode(frame)
        if frame.kind == framing.ENTRY:
            self.count += 1
            if value.get("n") != self.count:
                raise RecordingDamaged(
                    f"entry {self.count} at byte {frame.offset} carries another number", frame.offset
                )
            return self.count, [value] if str(value.get("kind")).encode() in self._kinds else []
        if frame.kind == framing.HEADER:
            self.header, self._key, self._root = value, str(value.get("key")), frame.chain
        elif value.get("head") != self._chain.hex():  # what was passed over is not what was signed
            raise RecordingDamaged(f"the end at byte {frame.offset} belongs to another recording", frame.offset)
        self._closed = frame.kind == framing.FINAL
        return 0, [value]


def read(line: Line) -> dict[str, Any]:
    """The entry, or RecordingDamaged: a segment that holds none was sealed by who had the key, and not by us."""
    if not isinstance(line, bytes):
        return line
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise RecordingDamaged("a segment holds no JSON") from error
    if not isinstance(found, dict) or not isinstance(found.get("n"), int):
        raise RecordingDamaged("a segment holds no entries")
    return found

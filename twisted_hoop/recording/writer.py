"""One open recording file: frames in, one system call out. No reactor: `recorder.py` gives it time and threads."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from twisted_hoop.errors import RecordingFailed
from twisted_hoop.model import Entry
from twisted_hoop.recording import data_keys
from twisted_hoop.recording.encoding import encode
from twisted_hoop.recording.files import sync_folders
from twisted_hoop.recording.sealing import FINAL, HEADER, MAGIC, MAX_HEADER, ROOT, SIGNED, seal
from twisted_hoop.recording.segments import Segments
from twisted_hoop.recording.timing import Timing

MAX_PENDING: Final = 1 << 16
"""Bytes of lazy entries that may wait in memory (R10: bounded, and written when full, never dropped)."""
MAX_LATE: Final = 64
"""Outcomes that wait to be encoded."""
MAX_SEGMENT: Final = 1 << 30
"""Bytes of one entry, and what waited for it: no message of any protocol is longer."""


def apart(entry: Entry) -> tuple[Entry, bytes]:
    """An entry without its bytes, and them: they stand behind the JSON of their segment. b"": it has none.

    JSON would need base64, which costs more than to pack, hash and encrypt them.
    """
    data = entry.data
    for name in ("zstd", "raw"):
        found = data.get(name)
        if isinstance(found, bytes):
            return Entry(entry.kind, {**data, name: len(found)}), found
    return entry, b""


_STREAMS: Final = frozenset(("output", "input"))
_IN_PIECES: Final = 1 << 13
"""Bytes of a frame from which on joining its pieces costs more than handing them over one by one."""


class Writer:
    """Appends frames. The first failure is final: every later call raises RecordingFailed (R1).

    `path` is the file's own, when its name too must survive the loss of the machine.
    After a failed write the file's end is unknown, so nothing may follow it; `recovery.py` puts such a file in order.
    """

    __slots__ = (
        "_behind", "_late", "_micros", "_others", "_packable", "_path", "_pending", "_size", "_timing", "_written",
        "bytes", "chain", "count", "descriptor", "failure", "segments",
    )  # fmt: skip

    def __init__(self, descriptor: int, path: Path | None = None) -> None:
        self.descriptor = descriptor
        self._path = path
        self.chain = ROOT
        self.count = 0
        self.bytes = 0
        self.failure: RecordingFailed | None = None
        self.segments: Segments | None = None
        self._late: list[tuple[Entry, int]] = []  # outcomes, to be encoded together with what comes next
        self._timing = Timing()
        self._pending: list[bytes] = []
        self._behind: list[bytes] = []
        self._size = 0
        self._packable = 0
        self._others = 0  # entries that wait and are not of a stream
        self._micros = 0
        self._written = 0  # entries in segments that were written

    def begin(self, header: bytes, key: bytes) -> None:
        """Write magic and header; entries will be sealed with this data key."""
        if len(header) > MAX_HEADER:
            self.fail(RecordingFailed("cannot write the recording: its header is too long"))
        frame, self.chain = seal(self.chain, HEADER, header)
        self._put(MAGIC + frame)
        self.segments = Segments(key, self.chain)

    def write(self, entry: Entry, micros: int, lazy: bool = False) -> None:
        """Append an entry. When it returns and was not lazy, the operating system has it and all before it.

        `micros` is the time since the start.
        """
        if self.failure is not None:
            raise RecordingFailed(str(self.failure))
        if lazy and entry.kind == "outcome":
            self._late.append((entry, micros))
            if len(self._late) >= MAX_LATE:
                self.flush()
            return
        if self._late:
            self._encode_late()
        self._add(entry, micros)
        if not lazy or self._size >= MAX_PENDING:
            self.flush()
        else:  # what waits is copied: JSON that was just made holds many times its length of memory
            self._pending[-1] = bytes(memoryview(self._pending[-1]))

    def _encode_late(self) -> None:
        """What an outcome needs is done with the next command: all of it is at hand then, and in the caches."""
        late, self._late = self._late, []
        for entry, micros in late:
            self._add(entry, micros)

    def _add(self, entry: Entry, micros: int) -> None:
        behind = b""
        packs = True
        took = -1
        kind = entry.kind
        if kind == "command":
            self._others += 1
            self._timing.began(entry, micros)
        elif kind == "outcome":
            self._others += 1
            took = self._timing.took(entry, micros)
        elif kind in _STREAMS:
            entry, behind = apart(entry)
            packs = not behind and "base64" not in entry.data
        else:
            self._others += 1
        try:
            body = encode(self.count + 1, micros, entry, took)
        except RecordingFailed as error:
            self.fail(error)
        self.count += 1
        self._micros = micros
        self._pending.append(body)
        self._size += len(body) + len(behind) + 1
        if behind:
            self._behind.append(behind)
        if packs:
            self._packable += len(body)

    @property
    def pending(self) -> bool:
        """Whether lazy entries wait."""
        return bool(self._pending) or bool(self._late)

    def flush(self) -> None:
        """Write what waits, as one segment."""
        if self.failure is not None:
            raise RecordingFailed(str(self.failure))
        if self._late:
            self._encode_late()
        if not self._pending:
            return
        if self.segments is None or self._size > MAX_SEGMENT:
            self.fail(RecordingFailed("cannot write the recording: an entry is too long"))
        count, worth = len(self._pending), self._packable * 2 > self._size
        entries = self._pending[0] if count == 1 else b"\n".join(self._pending)
        if self._behind:
            entries = b"".join((entries, b"\0", *self._behind))
        heads, sealed, self.chain = self.segments.seal(
            self.chain, self._written + 1, count, self._micros, entries, worth, self._others == 0
        )
        self._forget()
        self._written += count
        if len(sealed) < _IN_PIECES:
            self._put(b"".join((heads, sealed, self.chain)))
        else:
            self._put_pieces([heads, sealed, self.chain])

    def _forget(self) -> None:
        self._pending, self._behind, self._late = [], [], []
        self._size = self._packable = self._others = 0

    def sign(self, body: bytes) -> None:
        """Write a signed head: `body` is signature and statement, made after a `flush`."""
        frame, self.chain = seal(self.chain, SIGNED, body)
        self._put(frame)

    def _put(self, data: bytes) -> None:
        try:
            written = os.write(self.descriptor, data)
        except OSError as error:
            self.fail(RecordingFailed(f"cannot write the recording: {error.strerror}"), error)
        self._taken(written, len(data))

    def _put_pieces(self, pieces: list[bytes]) -> None:
        try:
            written = os.writev(self.descriptor, pieces)
        except OSError as error:
            self.fail(RecordingFailed(f"cannot write the recording: {error.strerror}"), error)
        self._taken(written, sum(map(len, pieces)))

    def _taken(self, written: int, size: int) -> None:
        if written != size:  # the disk is full, or a file size limit was reached
            self.fail(RecordingFailed(f"cannot write the recording: only {written} of {size} bytes were taken"))
        self.bytes += written

    def fail(self, failure: RecordingFailed, cause: Exception | None = None) -> NoReturn:
        """Mark the recording as failed for good, and raise."""
        self.failure = failure
        self._forget()
        raise failure from cause

    def sync(self) -> None:
        """Wait until the disk has what was written. Blocking: call it in a thread. A failure is final.

        After a failed fsync the kernel may drop the dirty pages and report success the next time, so it is never tried
        twice.
        """
        try:
            os.fdatasync(self.descriptor)
            if self._path is not None:  # the name itself must be on disk too, once, and the key
                data_keys.sync(self._path)
                sync_folders(self._path.parent)
                self._path = None
        except OSError as error:
            self.fail(RecordingFailed(f"cannot sync the recording: {error.strerror}"), error)

    def end(self, body: bytes) -> int:
        """Write the final frame and sync it; the byte it begins at. Blocking."""
        self.flush()
        offset = self.bytes
        frame, self.chain = seal(self.chain, FINAL, body)
        self._put(frame)
        self.sync()
        return offset

    def release(self) -> None:
        """Close the file, and with it the lock. Idempotent."""
        if self.descriptor >= 0:
            with suppress(OSError):
                os.close(self.descriptor)
            self.descriptor = -1

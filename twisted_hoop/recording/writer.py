"""One open recording file: frames in, one system call out. No reactor: `recorder.py` gives it time and threads."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from twisted_hoop.errors import RecordingFailed
from twisted_hoop.model import Entry
from twisted_hoop.recording import framing
from twisted_hoop.recording.encoding import encode
from twisted_hoop.recording.files import sync_folders
from twisted_hoop.recording.sealing import ENTRY, FINAL, HEADER, MAGIC, ROOT, seal

MAX_PENDING = 1 << 16
"""Bytes of lazy entries that may wait in memory (R10: bounded, and written when full, never dropped)."""


class Writer:
    """Appends frames. The first failure is final: every later call raises RecordingFailed (R1).

    `folder` is the one the file stands in, when its name too must survive the loss of the machine.
    After a failed write the file's end is unknown, so nothing may follow it; `recovery.py` puts such a file in order.
    """

    __slots__ = ("_folder", "_pending", "bytes", "chain", "count", "descriptor", "failure")

    def __init__(self, descriptor: int, folder: Path | None = None) -> None:
        self.descriptor = descriptor
        self._folder = folder
        self.chain = ROOT
        self.count = 0
        self.bytes = 0
        self.failure: RecordingFailed | None = None
        self._pending = bytearray()

    def begin(self, header: bytes) -> None:
        """Write magic and header."""
        frame, self.chain = seal(self.chain, HEADER, header)
        self._put(MAGIC + frame)

    def write(self, entry: Entry, seconds: float, lazy: bool = False) -> None:
        """Append an entry. When it returns and was not lazy, the operating system has it and all before it."""
        if self.failure is not None:
            raise RecordingFailed(str(self.failure))
        try:
            body = encode(self.count + 1, seconds, entry)
        except RecordingFailed as error:
            self.fail(error)
        frame, self.chain = seal(self.chain, ENTRY, body)
        self.count += 1
        if self._pending or lazy:
            self._pending += frame
            if not lazy or len(self._pending) >= MAX_PENDING:
                self.flush()
        else:
            self._put(frame)

    @property
    def pending(self) -> bool:
        """Whether lazy entries wait."""
        return bool(self._pending)

    def flush(self) -> None:
        """Write what waits."""
        if self.failure is not None:
            raise RecordingFailed(str(self.failure))
        if self._pending:
            data, self._pending = self._pending, bytearray()
            self._put(data)

    def _put(self, data: bytes | bytearray) -> None:
        try:
            written = os.write(self.descriptor, data)
        except OSError as error:
            self.fail(RecordingFailed(f"cannot write the recording: {error.strerror}"), error)
        if written != len(data):  # the disk is full, or a file size limit was reached
            self.fail(RecordingFailed(f"cannot write the recording: only {written} of {len(data)} bytes were taken"))
        self.bytes += written

    def fail(self, failure: RecordingFailed, cause: Exception | None = None) -> NoReturn:
        """Mark the recording as failed for good, and raise."""
        self.failure = failure
        self._pending.clear()
        raise failure from cause

    def sync(self) -> None:
        """Wait until the disk has what was written. Blocking: call it in a thread. A failure is final.

        After a failed fsync the kernel may drop the dirty pages and report success the next time, so it is never tried
        twice.
        """
        try:
            os.fdatasync(self.descriptor)
            if self._folder is not None:  # the name itself must be on disk too, once
                sync_folders(self._folder)
                self._folder = None
        except OSError as error:
            self.fail(RecordingFailed(f"cannot sync the recording: {error.strerror}"), error)

    def end(self, body: bytes) -> framing.Frame:
        """Write the final frame and sync it. Blocking."""
        self.flush()
        offset = self.bytes
        frame, self.chain = seal(self.chain, FINAL, body)
        self._put(frame)
        self.sync()
        return framing.Frame(offset, FINAL, body, self.chain)

    def release(self) -> None:
        """Close the file, and with it the lock. Idempotent."""
        if self.descriptor >= 0:
            with suppress(OSError):
                os.close(self.descriptor)
            self.descriptor = -1

"""The entries of one recording, whatever version it is of. Blocking."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from twisted_hoop.errors import RecordingDamaged
from twisted_hoop.recording import files, framing
from twisted_hoop.recording.entries import decode
from twisted_hoop.recording.unsealing import Unsealer
from twisted_hoop.recording.wrapping import KeyRing


def opened(path: Path) -> BinaryIO:
    """The file, to read; links are not followed (R9)."""
    return os.fdopen(files.opened(path), "rb")


def entries(path: Path, ring: KeyRing) -> Iterator[dict[str, Any]]:
    """The entries in order: kind "open" first, and "close" last once it is closed. Raises OSError at once.

    The chain is verified while reading: RecordingDamaged (with the offset) comes after the last good entry, and
    RecordingSealed after "open" when the data key was destroyed or cannot be had. A live recording ends where it has
    got to. Signed heads are passed over.
    """
    with opened(path) as stream:
        reader = _Reader(path, ring)
        try:
            for frame in framing.frames(stream):
                yield from reader.take(frame)
        except framing.Torn:
            # The writer is in the middle of a frame, unless there is no writer.
            if not files.is_locked(stream.fileno()):
                raise


class _Reader:
    """What has been read so far."""

    def __init__(self, path: Path, ring: KeyRing) -> None:
        self._path = path
        self._ring = ring
        self._key = ""
        self._root = b""
        self._count = 0
        self._closed = False
        self._unsealer: Unsealer | None = None

    def take(self, frame: framing.Frame) -> list[dict[str, Any]]:
        """The entries of one more frame, or RecordingDamaged."""
        if self._closed or (frame.kind == framing.HEADER) != (self._root == b""):
            raise RecordingDamaged(f"a frame out of place at byte {frame.offset}", frame.offset)
        if frame.kind == framing.SIGNED:
            return []
        if frame.kind in framing.SEGMENTS:
            return self._unsealed(frame)
        value = decode(frame)
        if frame.kind == framing.HEADER:
            self._root, self._key = frame.chain, str(value.get("key"))
        self._closed = frame.kind == framing.FINAL
        return [value]

    def _unsealed(self, frame: framing.Frame) -> list[dict[str, Any]]:
        if self._unsealer is None:
            self._unsealer = Unsealer(self._ring.data_key(self._path, self._key), self._root)
        found = self._unsealer.entries(frame)
        if [entry.get("n") for entry in found] != list(range(self._count + 1, self._count + 1 + len(found))):
            raise RecordingDamaged(f"the entries at byte {frame.offset} carry other numbers", frame.offset)
        self._count += len(found)
        return found

"""The chain of recordings: a signed line when one is opened and when it is closed, so that none can vanish (R4).

`ledger.hoop` holds lines `<signature, 128 hex digits> <JSON>`. The JSON carries `previous`, the SHA-256 of the whole
line before it, and the signature covers the JSON. Cutting lines off the end is what a chain cannot show by itself: the
gateway notices while it runs, and the head printed by `hoop verify` can be kept elsewhere.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import orjson

from twisted_hoop.errors import RecordingDamaged, RecordingFailed
from twisted_hoop.recording.keys import PublicKeys, SigningKey

ROOT = sha256(b"hoop ledger 1\n").hexdigest()
"""`previous` of the first line."""
_DOMAIN = b"hoop ledger 1\0"
_MAX_LINE = 1 << 16


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `event` is "opened" or "closed"; `path` is relative to the folder; `head` is a chain value in hex.

    For "opened", `head` is the header's chain value; for "closed" the final frame's, and `count` the entries.
    """

    number: int
    previous: str
    event: str
    session: str
    path: str
    head: str
    time: float
    key: str
    count: int = 0
    outcome: str = ""


_FIELDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("previous", "event", "session", "path", "head", "key", "outcome"), str),
    "number": int,
    "count": int,
    "time": (int, float),
}


def _written(line: Line, key: SigningKey) -> bytes:
    body = orjson.dumps(line)
    return key.sign(_DOMAIN + body).hex().encode() + b" " + body + b"\n"


def digest(raw: bytes) -> str:
    """What the next line carries as `previous`: the SHA-256 of the line, its newline included."""
    return sha256(raw).hexdigest()


class Ledger:
    """Appends to the ledger; several processes and threads may do so at once. Blocking: call it in a thread.

    Without `sync` a lost machine may lose its last lines; recovery then adds the recordings it finds again.
    """

    def __init__(self, path: Path, key: SigningKey, sync: bool = True) -> None:
        self._path = path
        self._key = key
        self._sync = sync
        self._lock = threading.Lock()
        # What this process has seen of the file: where it ended, its last line's digest and number.
        self._end, self._head, self._number = 0, ROOT, 0

    def append(
        self, event: str, session: str, path: str, head: bytes, time: float, count: int = 0, outcome: str = ""
    ) -> str:
        """Add a line, and return its digest: the ledger's head. Raises RecordingFailed, and when the ledger was cut."""
        with self._lock:
            try:
                with self._opened() as stream:
                    self._catch_up(stream)
                    place = (self._number + 1, self._head)
                    line = Line(*place, event, session, path, head.hex(), time, self._key.id, count, outcome)
                    return self._put(stream, _written(line, self._key))
            except (OSError, RecordingDamaged) as error:
                raise RecordingFailed(f"the ledger {self._path}: {error}") from error

    def _opened(self) -> BinaryIO:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        stream = os.fdopen(os.open(self._path, flags, 0o600), "r+b", buffering=0)
        fcntl.flock(stream, fcntl.LOCK_EX)  # closing lets go of it
        return stream

    def _catch_up(self, stream: BinaryIO) -> None:
        """Read what other processes wrote since; cut off a line a crash left unfinished (never acknowledged)."""
        size = os.fstat(stream.fileno()).st_size
        if size < self._end:
            raise RecordingDamaged(f"was cut: it had {self._end} bytes and now has {size}", size)
        stream.seek(self._end)
        for raw, line in _lines(stream, self._end, self._head):
            self._end, self._head, self._number = self._end + len(raw), digest(raw), line.number
        if size > self._end:
            self._cut(stream, size - self._end)

    def _cut(self, stream: BinaryIO, length: int) -> None:
        stream.seek(self._end)
        if length >= _MAX_LINE or b"\n" in stream.read(length):  # no crash leaves that
            raise RecordingDamaged(f"is damaged at byte {self._end}", self._end)
        os.ftruncate(stream.fileno(), self._end)

    def _put(self, stream: BinaryIO, raw: bytes) -> str:
        if stream.write(raw) != len(raw):
            raise OSError("short write")
        if self._sync:
            os.fdatasync(stream.fileno())
        self._end, self._head, self._number = self._end + len(raw), digest(raw), self._number + 1
        return self._head


def _lines(stream: BinaryIO, offset: int, previous: str) -> Iterator[tuple[bytes, Line]]:
    """Every whole line from `offset` on, its place in the chain checked. An unfinished last line is not given."""
    number = None
    while (raw := stream.readline(_MAX_LINE)).endswith(b"\n"):
        line = _parsed(raw, offset)
        if line.previous != previous or number not in (None, line.number - 1):
            raise RecordingDamaged(f"the ledger's line at byte {offset} does not follow the one before it", offset)
        yield raw, line
        offset, previous, number = offset + len(raw), digest(raw), line.number


def _parsed(raw: bytes, offset: int) -> Line:
    try:
        line = Line(**orjson.loads(raw[129:]))
    except (orjson.JSONDecodeError, TypeError) as error:
        raise RecordingDamaged(f"the ledger's line at byte {offset} is not readable: {error}", offset) from error
    if not all(isinstance(getattr(line, name), kind) for name, kind in _FIELDS.items()):
        raise RecordingDamaged(f"the ledger's line at byte {offset} has a field of the wrong type", offset)
    return line


def read(path: Path, keys: PublicKeys) -> Iterator[tuple[str, Line]]:
    """(digest, line) for every line, chain and signature checked; RecordingDamaged at the first bad one."""
    offset = 0
    with path.open("rb") as stream:
        for raw, line in _lines(stream, 0, ROOT):
            if not keys.check(line.key, _signature(raw), _DOMAIN + raw[129:-1]):
                raise RecordingDamaged(f"the ledger's line at byte {offset} is not signed by a trusted key", offset)
            yield digest(raw), line
            offset += len(raw)
        if path.stat().st_size > offset and not stream.readline().endswith(b"\n"):
            raise RecordingDamaged(f"the ledger ends inside a line at byte {offset}", offset)


def _signature(raw: bytes) -> bytes:
    try:
        return bytes.fromhex(raw[:128].decode("ascii")) if raw[128:129] == b" " else b""
    except ValueError:
        return b""

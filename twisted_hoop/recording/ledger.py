"""The chain of recordings: a signed line when one is opened, when it is closed and when it is deleted, so that none can
vanish (R4); and now and then one with the heads of those that grow, so that none can be cut unseen.

`ledger.hoop` holds lines `<signature, 128 hex digits> <JSON>`. The JSON carries `previous`, the SHA-256 of the whole
line before it, and the signature covers the JSON. Cutting lines off the end is what a chain cannot show by itself: the
gateway notices while it runs, and the head printed by `hoop verify` can be kept elsewhere.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import orjson

from twisted_hoop.errors import RecordingDamaged, RecordingFailed
from twisted_hoop.recording import files
from twisted_hoop.recording.keys import PublicKeys, SigningKey

ROOT = sha256(b"hoop ledger 1\n").hexdigest()
"""`previous` of the first line."""
_DOMAIN = b"hoop ledger 1\0"
_MAX_LINE = 1 << 16
_SYNCED = frozenset(("deleted", "stored"))
"""Events that are on disk before what they tell of is done: else a lost machine leaves a recording that is missing."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `event` is "opened", "closed", "deleted" or "heads"; `path` is relative to the folder.

    `head` is a chain value in hex: for "opened" the header's, for "closed" the final frame's, and `count` the entries.
    "deleted": the recording was removed on purpose, and `outcome` says why. "heads" is of no one recording: `heads`
    has, by session, the entries that were signed so far and the chain value of the frame with the signature.
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
    heads: dict[str, tuple[int, str]] = field(default_factory=dict)


_FIELDS: dict[str, type | tuple[type, ...]] = {
    **dict.fromkeys(("previous", "event", "session", "path", "head", "key", "outcome"), str),
    "number": int,
    "count": int,
    "time": (int, float),
    "heads": dict,
}
MOST_HEADS = 400
"""Heads in one line: it stays below the longest that is read."""


def _written(line: Line, key: SigningKey) -> bytes:
    said = asdict(line)
    if not line.heads:
        del said["heads"]
    body = orjson.dumps(said)
    return key.sign(_DOMAIN + body).hex().encode() + b" " + body + b"\n"


def digest(raw: bytes) -> str:
    """What the next line carries as `previous`: the SHA-256 of the line, its newline included."""
    return sha256(raw).hexdigest()


class Ledger:
    """Appends to the ledger; several processes and threads may do so at once. Blocking: call it in a thread.

    Without `sync` a lost machine may lose its last lines; recovery then adds the recordings it finds again. Lines that
    tell of a recording's removal are synced always.
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
        return self._append(Line(0, "", event, session, path, head.hex(), time, self._key.id, count, outcome))

    def append_heads(self, heads: Mapping[str, tuple[int, bytes]], time: float) -> None:
        """Add the signed heads of recordings that grow, by session: entries, chain value. Raises RecordingFailed."""
        names = sorted(heads)
        for start in range(0, len(names), MOST_HEADS):
            some = {name: (heads[name][0], heads[name][1].hex()) for name in names[start : start + MOST_HEADS]}
            self._append(Line(0, "", "heads", "", "", "", time, self._key.id, heads=some))

    def tells(self, event: str, session: str) -> bool:
        """Whether a line of this event is about the session. It is searched for as text: nothing is verified."""
        wanted = f'"event":"{event}","session":"{session}"'.encode()
        try:
            with self._path.open("rb") as stream:
                return any(wanted in line for line in stream)
        except FileNotFoundError:
            return False

    def _append(self, line: Line) -> str:
        with self._lock:
            try:
                with self._opened() as stream:
                    self._catch_up(stream)
                    placed = replace(line, number=self._number + 1, previous=self._head)
                    return self._put(stream, _written(placed, self._key), self._sync or line.event in _SYNCED)
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

    def _put(self, stream: BinaryIO, raw: bytes, sync: bool) -> str:
        if len(raw) > _MAX_LINE:  # nobody could read it, nor any line behind it
            raise OSError("the line is too long")
        if stream.write(raw) != len(raw):
            raise OSError("short write")
        if sync:
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
    if not all(map(_is_head, line.heads.values())):
        raise RecordingDamaged(f"the ledger's line at byte {offset} has a head that is none", offset)
    return line


def _is_head(value: object) -> bool:
    """Entries, and a chain value in hex."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], int) and isinstance(value[1], str)


def last_heads(lines: Iterable[Line]) -> dict[str, tuple[int, str]]:
    """The last signed head of every session that has one: entries, chain value in hex."""
    heads: dict[str, tuple[int, str]] = {}
    for line in lines:
        heads.update(line.heads)
    return heads


def read(path: Path, keys: PublicKeys) -> Iterator[tuple[str, Line]]:
    """(digest, line) for every line, chain and signature checked; RecordingDamaged at the first bad one."""
    offset = 0
    with os.fdopen(files.opened(path, os.O_RDONLY), "rb") as stream:
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

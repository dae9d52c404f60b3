"""Proving that the copies in object storage are the recordings that the ledger knows (R3, R4). Blocks.

Only public keys, the ledger and the storage are needed: no store, no key that opens a recording. Of each recording that
was closed and not deleted the copy is fetched, its frames and signatures are checked as those of a file, and its end is
compared with the one in the ledger.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from twisted_hoop.archive.storage import MOST, Storage, StorageFault
from twisted_hoop.errors import RecordingDamaged
from twisted_hoop.recording.keys import PublicKeys
from twisted_hoop.recording.ledger import Line, read
from twisted_hoop.recording.verification import Report, verify

OK, WAITS, MISSING, ALTERED, LEFT = "ok", "waits", "missing", "altered", "left"
SETTLED = 3600.0
"""Seconds after its end within which a recording should have been stored."""
_STORED = "object storage, sha256 "


@dataclass(frozen=True, slots=True)
class Copy:
    """What was found of one copy; `path` is the recording's, relative to the folder.

    `state`: "ok"; "waits" (none yet, and the session has only just ended); "missing"; "altered"; "left" (the recording
    was deleted, and its copy is there: an object lock, or a run of retention that must be repeated). `what` says more,
    `where` is the object that is to be looked at, `offset` the first byte of the recording that cannot be trusted, -1
    when it is not a matter of one byte.
    """

    path: str
    state: str
    what: str = ""
    where: str = ""
    offset: int = -1

    @property
    def ok(self) -> bool:
        """Nothing is wrong with it."""
        return self.state in (OK, WAITS, LEFT)

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


def ledger_lines(path: Path, keys: PublicKeys) -> list[Line]:
    """The lines of a ledger, as far as they are good: that it is whole, `verify_folder` says."""
    lines: list[Line] = []
    with suppress(RecordingDamaged, OSError):
        for _, line in read(path, keys):
            lines.append(line)
    return lines


def check_copies(
    storage: Storage, lines: Sequence[Line], keys: PublicKeys, now: float, settled: float = SETTLED
) -> Iterator[Copy]:
    """Look at the copy of every recording that the ledger knows to be closed; `now` is POSIX time.

    StorageFault when the storage does not answer at all.
    """
    storage.check()
    deleted = {line.path for line in lines if line.event == "deleted"}
    stored = {line.path: line.outcome for line in lines if line.event == "stored"}
    closed = {line.path: line for line in lines if line.event == "closed"}
    with tempfile.TemporaryDirectory(prefix="hoop-copies-") as folder:
        for path, line in sorted(closed.items()):
            if path in deleted:
                yield from _left(storage, path)
            else:
                yield _checked(storage, line, stored.get(path, ""), keys, Path(folder), now - settled)


def _left(storage: Storage, path: str) -> Iterator[Copy]:
    found = storage.objects(path)
    if found:
        yield Copy(path, LEFT, "it was deleted, and its copy is there", found[0])


def _checked(storage: Storage, line: Line, said: str, keys: PublicKeys, folder: Path, before: float) -> Copy:
    """`said` is what the ledger says of a recording that is in storage alone."""
    if not storage.objects(line.path):
        if not said and line.time > before:
            return Copy(line.path, WAITS, "it is not stored yet")
        return Copy(line.path, MISSING, "there is no copy", line.path)
    draft = folder / Path(line.path).name
    try:
        digest = _fetch(storage, line.path, draft)
        return _compared(storage, line, said, verify(draft, keys), digest)
    except StorageFault as fault:
        return Copy(line.path, ALTERED, str(fault), _first_wrong(storage, line.path))
    finally:
        draft.unlink(missing_ok=True)


def _fetch(storage: Storage, path: str, draft: Path) -> str:
    """Its SHA-256 in hex. StorageFault when it is not whole."""
    digest = sha256()
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        for piece in storage.read(path, MOST):
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def _compared(storage: Storage, line: Line, said: str, report: Report, digest: str) -> Copy:
    if not report.ok:
        return Copy(line.path, ALTERED, report.problem, _object_at(storage, line.path, report.offset), report.offset)
    if (report.state, report.head, report.count) != ("closed", line.head, line.count):
        return Copy(
            line.path, ALTERED, f"it is not the recording that the ledger knows (line {line.number})", line.path
        )
    if said.startswith(_STORED) and digest != said[len(_STORED) :]:
        return Copy(line.path, ALTERED, "its SHA-256 is not the one in the ledger", line.path)
    return Copy(line.path, OK)


def _object_at(storage: Storage, path: str, offset: int) -> str:
    """The object that was altered: the first that is not what the list says, or else the one with this byte."""
    wrong = _first_wrong(storage, path)
    if wrong != path:
        return wrong
    found = [piece.name for piece in storage.pieces(path) if piece.offset <= offset]
    return found[-1] if found else path


def _first_wrong(storage: Storage, path: str) -> str:
    """The first object of a copy that is not there, or is not what the list says; the recording's own when all are."""
    try:
        wrong = [piece.name for piece in storage.pieces(path) if not storage.holds(piece)]
    except StorageFault:
        return f"{path}.end"
    return wrong[0] if wrong else path

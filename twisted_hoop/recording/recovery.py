"""Putting recordings in order that a crash or a full disk left without an end (R5). Blocking: call it in a thread."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import count as numbers
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO

from twisted_hoop.errors import HoopError, RecordingDamaged, RecordingFailed
from twisted_hoop.model import Outcome
from twisted_hoop.recording import data_keys, files, framing
from twisted_hoop.recording.entries import Statement, decode
from twisted_hoop.recording.finish import Finisher
from twisted_hoop.recording.ledger import Line, last_heads, read
from twisted_hoop.recording.unsealing import SegmentHead
from twisted_hoop.recording.verification import verify
from twisted_hoop.recording.writer import Writer

COPY = 1 << 20


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was done with one recording that had no line "closed" in the ledger.

    `outcome` is "interrupted" (ended by us), "entered" (it was whole, the ledger did not know), "empty" (it never
    began; moved to a name of `put_aside`) or "damaged" (left as it is: see `problem`). An interrupted one has a
    `problem` too when it is shorter than the ledger knows it to have been.
    """

    path: str
    outcome: str
    count: int = 0
    torn: int = 0
    problem: str = ""

    @property
    def session(self) -> str:
        """The session's id."""
        return Path(self.path).stem


@dataclass(slots=True)
class Scan:
    """How far a file can be trusted: `end` is the byte after its last good frame, `chain` that frame's chain value.

    `wanted` is a chain value to look for, that of the last signed head the ledger knows, and `met` whether it is there.
    """

    size: int
    wanted: bytes = b""
    met: bool = False
    end: int = 0
    chain: bytes = framing.ROOT
    root: bytes = b""
    count: int = 0
    seconds: float = 0.0
    final: framing.Frame | None = None
    after_final: bool = False

    def add(self, frame: framing.Frame) -> None:
        """Take one more verified frame into account."""
        self.after_final = self.final is not None
        self.end, self.chain = frame.end, frame.chain
        self.root = self.root or frame.chain
        self.met = self.met or frame.chain == self.wanted
        if frame.kind == framing.FINAL:
            self.final = frame
        elif frame.kind == framing.ENTRY:
            self.count += 1
            self.seconds = _seconds(frame)
        elif frame.kind in framing.SEGMENTS:
            head = SegmentHead.parse(frame)
            self.count, self.seconds = self.count + head.count, head.seconds


def _seconds(frame: framing.Frame) -> float:
    value = decode(frame).get("t")
    return value if isinstance(value, float) else 0.0


def scan(stream: BinaryIO, wanted: bytes = b"") -> Scan:
    """Read a file up to its first bad byte."""
    found = Scan(os.fstat(stream.fileno()).st_size, wanted)
    try:
        for frame in framing.frames(stream):
            found.add(frame)
    except RecordingDamaged:
        pass  # what follows `end` is torn or was tampered with; the caller looks which
    return found


def recover(folder: Path, finisher: Finisher) -> list[Recovered]:
    """Look at every recording the ledger does not know to be closed, and end it. Leaves live ones of others alone."""
    lines = _known(folder / files.LEDGER, finisher)
    closed = {line.session for line in lines if line.event in ("closed", "deleted")}
    opened = {line.session: line for line in lines if line.event == "opened"}
    heads = last_heads(lines)
    done = (
        _recover(folder, path, finisher, _Known(opened.get(path.stem), heads.get(path.stem)))
        for day in files.days(folder)
        for path in files.recordings(day)
        if path.stem not in closed
    )
    return [each for each in done if each is not None]


@dataclass(frozen=True, slots=True)
class _Known:
    """What the ledger says of one recording that is not closed: its first line, and its last signed head."""

    opened: Line | None
    head: tuple[int, str] | None = None


def _known(path: Path, finisher: Finisher) -> list[Line]:
    """The ledger's lines up to the first that cannot be trusted: the rest counts as unknown, and verify reports it."""
    lines: list[Line] = []
    with suppress(FileNotFoundError, RecordingDamaged):
        for _digest, line in read(path, finisher.trusted):
            lines.append(line)
    return lines


def _recover(folder: Path, path: Path, finisher: Finisher, known: _Known) -> Recovered | None:
    relative = str(path.relative_to(folder))
    try:
        descriptor = files.opened(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
    except OSError as error:
        return Recovered(relative, "damaged", problem=f"cannot open it: {error.strerror}")
    try:
        if not files.lock(descriptor):
            return None  # another process writes it
        return _judge(path, relative, descriptor, finisher, known)
    except (HoopError, OSError) as error:
        return Recovered(relative, "damaged", problem=str(error))
    finally:
        os.close(descriptor)


def _judge(path: Path, relative: str, descriptor: int, finisher: Finisher, known: _Known) -> Recovered | None:
    opened = known.opened
    found = _scanned(descriptor, _chain(known))
    if not found.root and opened is None:
        path.rename(_free(path))
        data_keys.destroy(path)  # nothing was ever sealed with it
        return Recovered(relative, "empty", torn=found.size)
    if opened is not None and opened.head != found.root.hex():
        raise RecordingDamaged("its header is not the one the ledger knows", len(framing.MAGIC))
    if found.final is not None and found.end == found.size and not found.after_final:
        # Another process may have closed it after we read the ledger: it lets go of the file only behind its line.
        if any(line.session == path.stem and line.event == "closed" for line in _known(_ledger(path), finisher)):
            return None
        return _entered(path, relative, found, finisher)
    if found.final is not None or _ends_with_final(descriptor, found.size):
        raise RecordingDamaged(f"it was closed and then changed at byte {found.end}", found.end)
    why, lost = _why(known, found)
    mend(path, relative, descriptor, finisher, Outcome("interrupted", why), found)
    return Recovered(relative, "interrupted", found.count, found.size - found.end, lost)


def _chain(known: _Known) -> bytes:
    try:
        return bytes.fromhex(known.head[1]) if known.head is not None else b""
    except ValueError:
        return b""


def _why(known: _Known, found: Scan) -> tuple[str, str]:
    """What the recording's end says, and what is wrong besides: entries are gone that were signed for (R4)."""
    why = "the gateway stopped without closing it" if known.opened else "found without an end, unknown to the ledger"
    if known.head is None or found.met:
        return why, ""
    lost = f"it was cut at byte {found.end}: the ledger has a signed head of {known.head[0]} entries"
    return f"{why}; {lost}, and {found.count} are left", lost


def _ledger(path: Path) -> Path:
    """The ledger of the folder a recording stands in, below its year, month and day."""
    return path.parents[3] / files.LEDGER


def _scanned(descriptor: int, wanted: bytes = b"") -> Scan:
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        stream.seek(0)
        return scan(stream, wanted)


def _ends_with_final(descriptor: int, size: int) -> bool:
    length = min(size, framing.MAX_FINAL + framing.OVERHEAD)
    return framing.find_final(os.pread(descriptor, length, size - length)) is not None


def _entered(path: Path, relative: str, found: Scan, finisher: Finisher) -> Recovered:
    """A crash came between the final frame and the ledger. Only our own signature gets it in."""
    assert found.final is not None
    report = verify(path, finisher.trusted)
    if not report.ok:
        raise RecordingDamaged(report.problem, report.offset)
    finisher.enter(path.stem, relative, Statement.parse(found.final.body)[1], found.chain)
    return Recovered(relative, "entered", found.count)


def mend(
    path: Path, relative: str, descriptor: int, finisher: Finisher, outcome: Outcome, found: Scan | None = None
) -> None:
    """Put the torn tail aside, then end the recording after its last whole frame. Or RecordingFailed."""
    found = found or _scanned(descriptor)
    torn = found.size - found.end
    try:
        if torn:
            _put_aside(_free(path), descriptor, found)
            os.ftruncate(descriptor, found.end)
    except OSError as error:
        raise RecordingFailed(f"cannot put the torn end of {path} aside: {error.strerror}") from error
    writer = Writer(descriptor, path)
    writer.chain, writer.count, writer.bytes = found.chain, found.count, found.end
    finisher.finish(writer, path.stem, relative, outcome, found.seconds, torn)


def put_aside(path: Path) -> list[Path]:
    """What was put aside of a recording, the oldest first: `<id>.torn`, then `<id>.torn-2`, and on."""
    return list(takewhile(os.path.lexists, _names(path)))


def _free(path: Path) -> Path:
    """The next of those names: what an earlier crash left is never written over (R5). Only who holds its lock asks."""
    return next(name for name in _names(path) if not os.path.lexists(name))


def _names(path: Path) -> Iterator[Path]:
    yield path.with_suffix(".torn")
    yield from (path.with_suffix(f".torn-{number}") for number in numbers(2))


def _put_aside(path: Path, descriptor: int, found: Scan) -> None:
    target = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(target, "wb") as stream:
        for part in _parts(descriptor, found.end, found.size):
            stream.write(part)
        stream.flush()
        os.fsync(stream.fileno())


def _parts(descriptor: int, start: int, end: int) -> Iterator[bytes]:
    while start < end and (part := os.pread(descriptor, min(COPY, end - start), start)):
        yield part
        start += len(part)

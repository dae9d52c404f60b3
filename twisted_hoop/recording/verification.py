"""Proving that recordings are what the gateway wrote: chain, signature, ledger (R3, R4). Offline, by public keys."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from twisted_hoop.errors import RecordingDamaged, RecordingSealed
from twisted_hoop.recording import data_keys, files, framing
from twisted_hoop.recording.entries import SIGNATURE, Head, Statement, decode, head_to_sign, to_sign
from twisted_hoop.recording.keys import PublicKeys
from twisted_hoop.recording.ledger import Line, last_heads, read
from twisted_hoop.recording.unsealing import SegmentHead
from twisted_hoop.recording.walking import BUFFER, Walk


@dataclass(frozen=True, slots=True)
class Report:
    """What was found about one file. `ok` when it is whole and signed; `problem` says what is wrong otherwise.

    `offset` is the first byte that cannot be trusted (-1: none, or not a matter of bytes), `frame` the number of its
    frame (the header is 1), `seconds` the time of the last entry that can be, since the start. `state` is "closed",
    "live", "unfinished" or "damaged". `head` is the last chain value in hex; `signed` counts the entries that a
    signature covers; `key` is the id of the data key.
    """

    path: str
    ok: bool
    state: str
    session: str = ""
    outcome: str = ""
    count: int = 0
    bytes: int = 0
    torn: int = 0
    head: str = ""
    root: str = ""
    problem: str = ""
    offset: int = -1
    frame: int = -1
    seconds: float = 0.0
    signed: int = 0
    key: str = ""

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class FolderReport:
    """What was found about a whole folder: every recording, and what the ledger says besides.

    `problems` are the ledger's: damaged, missing recordings, ones it does not know, heads that differ. `deleted` tells
    of those that were removed on purpose: when, and by which policy; `stored` of those that are in object storage
    alone. `head` is the ledger's head: kept elsewhere, it later shows that no line was cut off its end.
    """

    recordings: list[Report] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    head: str = ""
    lines: int = 0
    deleted: list[str] = field(default_factory=list)
    stored: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Nothing is wrong anywhere."""
        return not self.problems and all(report.ok for report in self.recordings)


@dataclass(slots=True)
class _Reading:
    """What has been read of a file so far. `wanted` is a chain value that must occur in it."""

    keys: PublicKeys
    wanted: str = ""
    session: str = ""
    key: str = ""
    root: str = ""
    chain: bytes = b""
    count: int = 0
    segments: int = 0
    frames: int = 0
    seconds: float = 0.0
    signed: int = 0
    end: int = len(framing.MAGIC)
    met: bool = False
    said: Statement | None = None

    def whole(self, stream: BinaryIO) -> None:
        """The whole file, or RecordingDamaged."""
        magic = framing.begin(stream)
        self.chain = framing.root_of(magic)
        while True:
            if self.root and magic == framing.MAGIC and self.said is None:
                self._walk(stream)
            stream.seek(self.end)
            frame = framing.next_frame(stream, magic, self.end, self.chain)
            if frame is None:
                return
            self.take(frame)

    def _walk(self, stream: BinaryIO) -> None:
        """Pass over the segments that follow, as far as they are good and fit the buffer."""
        walk = Walk(self.chain, self.segments, self.count)
        while passed := walk.over(os.pread(stream.fileno(), BUFFER, self.end)):
            self.end += passed
        if walk.frames:
            self.chain, self.segments, self.count = walk.chain, walk.segments, walk.count
            self.frames, self.seconds = self.frames + walk.frames, walk.micros / 1_000_000

    def take(self, frame: framing.Frame) -> None:
        """One more frame, in its place, or RecordingDamaged."""
        if self.said is not None or (frame.kind == framing.HEADER) != (self.root == ""):
            raise RecordingDamaged(f"a frame out of place at byte {frame.offset}", frame.offset)
        if frame.kind in framing.SEGMENTS:  # most are: first
            self._segment(frame)
        elif frame.kind == framing.HEADER:
            said = decode(frame)
            self.session, self.key = str(said.get("session")), str(said.get("key") or "")
            self.root = frame.chain.hex()
        elif frame.kind == framing.FINAL:
            self._final(frame)
        elif frame.kind == framing.SIGNED:
            self._head(frame)
        else:
            self._entry(frame)
        self.chain, self.end = frame.chain, frame.offset + framing.OVERHEAD + len(frame.body)
        self.frames += 1

    def _segment(self, frame: framing.Frame) -> None:
        head = SegmentHead.parse(frame)
        self.segments += 1
        if head.number != self.segments or head.first != self.count + 1:
            raise RecordingDamaged(f"the segment at byte {frame.offset} carries another number", frame.offset)
        self.count += head.count
        self.seconds = head.seconds

    def _entry(self, frame: framing.Frame) -> None:
        value = decode(frame)
        self.count += 1
        if value.get("n") != self.count:
            raise RecordingDamaged(f"entry {self.count} at byte {frame.offset} carries another number", frame.offset)
        self.seconds = seconds if isinstance(seconds := value.get("t"), float) else self.seconds

    def _head(self, frame: framing.Frame) -> None:
        signature, said = Head.parse(frame.body, frame.offset)
        if not self.keys.check(said.key, signature, head_to_sign(frame.body[SIGNATURE:])):
            raise RecordingDamaged(f"no trusted key signed the head at byte {frame.offset}", frame.offset)
        self._belongs((said.session, said.head, said.count), frame)
        self.signed = self.count
        self.met = self.met or frame.chain.hex() == self.wanted

    def _final(self, frame: framing.Frame) -> None:
        signature, said = Statement.parse(frame.body, frame.offset)
        if not self.keys.check(said.key, signature, to_sign(frame.body[SIGNATURE:])):
            raise RecordingDamaged(f"no trusted key signed the final frame at byte {frame.offset}", frame.offset)
        self._belongs((said.session, said.head, said.count), frame)
        self.said, self.signed = said, self.count

    def _belongs(self, said: tuple[str, str, int], frame: framing.Frame) -> None:
        if said != (self.session, self.chain.hex(), self.count):
            raise RecordingDamaged(f"the signature at byte {frame.offset} belongs to another recording", frame.offset)


def verify(path: Path, keys: PublicKeys, head: str = "") -> Report:
    """Check one file: every frame, the numbering, the signatures. Never raises for what is in the file.

    `head` is the last signed head the ledger knows, a chain value in hex: a file without it was cut.
    """
    reading = _Reading(keys, head)
    size = 0
    try:
        size = path.stat().st_size
        with os.fdopen(files.opened(path, os.O_RDONLY), "rb") as stream:
            locked = files.is_locked(stream.fileno())
            reading.whole(stream)
    except framing.Torn as error:
        if locked and (reading.met or not head):
            return _report(path, reading, size, "live", "", error.offset)
        return _report(path, reading, size, "damaged", str(error), error.offset)
    except (RecordingDamaged, OSError) as error:
        return _report(path, reading, size, "damaged", str(error), getattr(error, "offset", -1))
    return _whole(path, reading, size, locked)


def _whole(path: Path, reading: _Reading, size: int, locked: bool) -> Report:
    """Of a file whose frames are all good."""
    if reading.wanted and not reading.met:
        return _report(path, reading, size, "damaged", f"it was cut at byte {reading.end}", reading.end)
    if reading.said is None:
        problem = "" if locked else "it has no signed end"
        return _report(path, reading, size, "live" if locked else "unfinished", problem, reading.end)
    if path.stem != reading.session:
        return _report(path, reading, size, "damaged", f"it is the recording of session {reading.session}", -1)
    return _report(path, reading, size, "closed", "", -1)


def _report(path: Path, reading: _Reading, size: int, state: str, problem: str, offset: int) -> Report:
    located = bool(problem) and offset >= 0
    place = f" (frame {reading.frames + 1}, after {reading.seconds:.3f} s; {reading.signed} entries are signed)"
    return Report(
        path=str(path),
        ok=not problem,
        state=state,
        session=reading.session,
        outcome=reading.said.outcome if reading.said else "",
        count=reading.count,
        bytes=size,
        torn=reading.said.torn if reading.said else 0,
        head=reading.chain.hex(),
        root=reading.root,
        problem=problem + (place if located else ""),
        offset=offset if problem else -1,
        frame=reading.frames + 1 if located else -1,
        seconds=reading.seconds,
        signed=reading.signed,
        key=reading.key,
    )


def verify_folder(folder: Path, keys: PublicKeys) -> FolderReport:
    """Check every recording, the ledger, and each against the other: nothing missing, cut, added or exchanged (R4)."""
    paths = list(_everything(folder))
    if not paths and not (folder / files.LEDGER).exists():
        return FolderReport()  # nothing was recorded yet, or all was wiped out: only a head kept elsewhere shows it
    lines: list[Line] = []
    head, problems = "", []
    try:
        for digest, line in read(folder / files.LEDGER, keys):
            lines.append(line)
            head = digest
    except (RecordingDamaged, OSError) as error:
        problems.append(str(error))
    heads = last_heads(lines)
    reports = {str(path.relative_to(folder)): verify(path, keys, heads.get(path.stem, (0, ""))[1]) for path in paths}
    problems.extend(_compared(reports, lines))
    problems.extend(_sealed(folder, reports))
    return FolderReport(list(reports.values()), problems, head, len(lines), *_moved(lines, reports))


def _moved(lines: list[Line], reports: Mapping[str, Report]) -> tuple[list[str], list[str]]:
    """What was removed on purpose, and what is elsewhere, each once; signed lines as all others: nobody can add one."""
    gone = {line.path: f"deleted by {_when(line)}" for line in reversed(lines) if line.event == "deleted"}
    away = {line.path: f"in {_when(line)}" for line in lines if line.event == "stored"}
    stored = {path: said for path, said in away.items() if path not in gone and path not in reports}
    return _listed(gone), _listed(stored)


def _listed(found: Mapping[str, str]) -> list[str]:
    return [f"{path}: {said}" for path, said in sorted(found.items())]


def _when(line: Line) -> str:
    at = datetime.fromtimestamp(line.time, UTC).isoformat(" ", "seconds")
    return f"{line.outcome} at {at} (line {line.number})"


def _everything(folder: Path) -> Iterator[Path]:
    for day in files.days(folder):
        yield from sorted(files.recordings(day))


def _compared(reports: dict[str, Report], lines: list[Line]) -> Iterator[str]:
    closed = {line.path for line in lines if line.event == "closed"}
    deleted = {line.path for line in lines if line.event == "deleted"}
    stored = {line.path for line in lines if line.event == "stored"}
    for line in lines:
        report = reports.get(line.path)
        if line.event == "deleted" and report is not None:
            yield f"{line.path}: the ledger says it was deleted (line {line.number}), and it is there"
        elif line.event in ("opened", "closed") and line.path not in deleted and (report or line.path not in stored):
            yield from _held(line, report)
    for path, report in reports.items():
        if report.state == "closed" and path not in closed:
            yield f"{path}: closed, and the ledger does not know it"


def _sealed(folder: Path, reports: Mapping[str, Report]) -> Iterator[str]:
    """Key files that are gone or another recording's: what they open is lost, and nothing signed says so (R4).

    A copy of the folder without any key verifies all the same.
    """
    if not any(data_keys.key_path(folder / path).exists() for path in reports):
        return
    for path, report in reports.items():
        try:
            found = data_keys.read(folder / path) if report.key else None
        except (RecordingSealed, RecordingDamaged) as error:
            if (folder / path).exists():  # else it was deleted while we looked
                yield f"{path}: {error}"
        else:
            if found is not None and (found.key, found.session) != (report.key, report.session):
                yield f"{path}: the key file beside it is another recording's"


def _held(line: Line, report: Report | None) -> Iterator[str]:
    """One line of the ledger against the recording it tells of."""
    if report is None:
        if line.event == "opened":
            yield f"{line.path}: the ledger knows it (line {line.number}) and it is missing"
    elif line.head != (report.root if line.event == "opened" else report.head):
        yield f"{line.path}: it is not the recording that the ledger knows (line {line.number})"
    elif line.event == "closed" and (line.count, line.outcome) != (report.count, report.outcome):
        yield f"{line.path}: count or outcome differ from the ledger's (line {line.number})"

"""Proving that recordings are what the gateway wrote: chain, signature, ledger (R3, R4). Offline, by public keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from twisted_hoop.errors import RecordingDamaged
from twisted_hoop.recording import files, framing
from twisted_hoop.recording.entries import SIGNATURE, Statement, decode, to_sign
from twisted_hoop.recording.keys import PublicKeys
from twisted_hoop.recording.ledger import Line, read


@dataclass(frozen=True, slots=True)
class Report:
    """What was found about one file. `ok` when it is whole and signed; `problem` says what is wrong otherwise.

    `offset` is the first byte that cannot be trusted (-1: none, or not a matter of bytes). `state` is "closed", "live",
    "unfinished" or "damaged". `head` is the last chain value in hex.
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

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class FolderReport:
    """What was found about a whole folder: every recording, and what the ledger says besides.

    `problems` are the ledger's: damaged, missing recordings, ones it does not know, heads that differ. `head` is the
    ledger's head: kept elsewhere, it later shows that no line was cut off its end.
    """

    recordings: list[Report] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    head: str = ""
    lines: int = 0

    @property
    def ok(self) -> bool:
        """Nothing is wrong anywhere."""
        return not self.problems and all(report.ok for report in self.recordings)


@dataclass(slots=True)
class _Reading:
    """What has been read of a file so far."""

    session: str = ""
    root: str = ""
    head: str = ""
    count: int = 0
    end: int = len(framing.MAGIC)
    said: Statement | None = None

    def take(self, frame: framing.Frame, keys: PublicKeys) -> None:
        """One more frame, in its place, or RecordingDamaged."""
        if self.said is not None or (frame.kind == framing.HEADER) != (self.root == ""):
            raise RecordingDamaged(f"a frame out of place at byte {frame.offset}", frame.offset)
        value = decode(frame)
        if frame.kind == framing.HEADER:
            self.session, self.root = str(value.get("session")), frame.chain.hex()
        elif frame.kind == framing.FINAL:
            self.said = self._signed(frame, keys)
        else:
            self._counted(frame, value)
        self.head, self.end = frame.chain.hex(), frame.end

    def _counted(self, frame: framing.Frame, value: dict[str, Any]) -> None:
        self.count += 1
        if value.get("n") != self.count:
            raise RecordingDamaged(f"entry {self.count} at byte {frame.offset} carries another number", frame.offset)

    def _signed(self, frame: framing.Frame, keys: PublicKeys) -> Statement:
        signature, said = Statement.parse(frame.body, frame.offset)
        if not keys.check(said.key, signature, to_sign(frame.body[SIGNATURE:])):
            raise RecordingDamaged(f"no trusted key signed the final frame at byte {frame.offset}", frame.offset)
        if (said.session, said.head, said.count) != (self.session, self.head, self.count):
            raise RecordingDamaged(f"the signature at byte {frame.offset} belongs to another recording", frame.offset)
        return said


def verify(path: Path, keys: PublicKeys) -> Report:
    """Check one file: every frame, the numbering, the signature. Never raises for what is in the file."""
    reading = _Reading()
    size = 0
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            locked = files.is_locked(stream.fileno())
            for frame in framing.frames(stream):
                reading.take(frame, keys)
    except framing.Torn as error:
        return _report(path, reading, size, "live" if locked else "damaged", "" if locked else str(error), error.offset)
    except (RecordingDamaged, OSError) as error:
        return _report(path, reading, size, "damaged", str(error), getattr(error, "offset", -1))
    if reading.said is None:
        problem = "" if locked else "it has no signed end"
        return _report(path, reading, size, "live" if locked else "unfinished", problem, reading.end)
    if path.stem != reading.session:
        return _report(path, reading, size, "damaged", f"it is the recording of session {reading.session}", -1)
    return _report(path, reading, size, "closed", "", -1)


def _report(path: Path, reading: _Reading, size: int, state: str, problem: str, offset: int) -> Report:
    return Report(
        path=str(path),
        ok=not problem,
        state=state,
        session=reading.session,
        outcome=reading.said.outcome if reading.said else "",
        count=reading.count,
        bytes=size,
        torn=reading.said.torn if reading.said else 0,
        head=reading.head,
        root=reading.root,
        problem=problem,
        offset=offset if problem else -1,
    )


def verify_folder(folder: Path, keys: PublicKeys) -> FolderReport:
    """Check every recording, the ledger, and each against the other: nothing missing, added or exchanged (R4)."""
    reports = {str(path.relative_to(folder)): verify(path, keys) for path in _everything(folder)}
    lines: list[tuple[str, Line]] = []
    problems: list[str] = []
    if not reports and not (folder / files.LEDGER).exists():
        return FolderReport()  # nothing was recorded yet, or all was wiped out: only a head kept elsewhere shows it
    try:
        for line in read(folder / files.LEDGER, keys):
            lines.append(line)
    except (RecordingDamaged, OSError) as error:
        problems.append(str(error))
    problems.extend(_compared(reports, [line for _digest, line in lines]))
    return FolderReport(list(reports.values()), problems, lines[-1][0] if lines else "", len(lines))


def _everything(folder: Path) -> Iterator[Path]:
    for day in files.days(folder):
        yield from sorted(files.recordings(day))


def _compared(reports: dict[str, Report], lines: list[Line]) -> Iterator[str]:
    closed = {line.path for line in lines if line.event == "closed"}
    for line in lines:
        report = reports.get(line.path)
        if report is None:
            if line.event == "opened":
                yield f"{line.path}: the ledger knows it (line {line.number}) and it is missing"
        elif line.head != (report.root if line.event == "opened" else report.head):
            yield f"{line.path}: it is not the recording that the ledger knows (line {line.number})"
        elif line.event == "closed" and (line.count, line.outcome) != (report.count, report.outcome):
            yield f"{line.path}: count or outcome differ from the ledger's (line {line.number})"
    for path, report in reports.items():
        if report.state == "closed" and path not in closed:
            yield f"{path}: closed, and the ledger does not know it"

"""Reading recordings: a list, one recording's entries. Blocking: call it in a thread, or from the command line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from twisted_hoop.errors import RecordingDamaged, UnknownRecording
from twisted_hoop.recording import files, framing, reading
from twisted_hoop.recording.entries import Statement, decode
from twisted_hoop.recording.wrapping import KeyRing, beside


@dataclass(frozen=True, slots=True)
class Summary:
    """A recording at a glance, not verified.

    `state` is "closed", "live", "unfinished" (a crash; the next start of the gateway ends it) or "damaged".
    `outcome`, `message`, `count`, `seconds` are known once it is closed. `who` is fit for people.
    """

    id: str
    path: str
    state: str
    started: float = 0.0
    who: str = ""
    issuer: str = ""
    subject: str = ""
    groups: tuple[str, ...] = ()
    target: str = ""
    protocol: str = ""
    peer: str = ""
    gateway: str = ""
    outcome: str = ""
    message: str = ""
    count: int | None = None
    seconds: float | None = None
    bytes: int = 0

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        return asdict(self)


class Library:
    """The recordings in one folder. Ids are checked before they touch a path (R9).

    `ring` opens their data keys; by default the wrapping key in the folder or in the one above, the state folder.
    """

    def __init__(self, folder: Path, ring: KeyRing | None = None) -> None:
        self.folder = folder
        self.ring = ring or beside(folder)

    def list(
        self, limit: int = 100, *, subject: str = "", issuer: str = "", target: str = "", before: float | None = None
    ) -> list[Summary]:
        """Newest first. `subject`, `issuer` and `target` select exactly; `before` is a POSIX time, for paging.

        Reads the header and the end of each file of a day until there are enough; memory is one day's summaries.
        """
        found: list[Summary] = []
        for day in files.days(self.folder):
            summaries = (self._summary(path) for path in files.recordings(day))
            chosen = [each for each in summaries if _matches(each, subject, issuer, target, before)]
            found.extend(sorted(chosen, key=lambda each: (-each.started, each.id)))
            if len(found) >= limit:
                break
        return found[:limit]

    def find(self, session: str) -> Path:
        """The recording's file, or UnknownRecording: no such id, or not an id at all."""
        path = files.find(self.folder, session)
        if path is None:
            raise UnknownRecording(f"there is no recording {session}")
        return path

    def summary(self, session: str) -> Summary:
        """One recording at a glance, or UnknownRecording."""
        return self._summary(self.find(session))

    def read(self, session: str) -> Iterator[dict[str, Any]]:
        """The entries in order: kind "open" first, and "close" last once it is closed. Raises UnknownRecording at once.

        The chain is verified while reading: RecordingDamaged (with the offset) comes after the last good entry, and
        RecordingSealed after "open" when the data key was destroyed. A live recording ends where it has got to.
        """
        return reading.entries(self.find(session), self.ring)

    def _summary(self, path: Path) -> Summary:
        relative = str(path.relative_to(self.folder))
        try:
            with reading.opened(path) as stream:
                return _summarised(path.stem, relative, stream)
        except (RecordingDamaged, OSError) as error:
            return Summary(path.stem, relative, "damaged", message=str(error))


def _matches(each: Summary, subject: str, issuer: str, target: str, before: float | None) -> bool:
    return (
        subject in ("", each.subject)
        and issuer in ("", each.issuer)
        and target in ("", each.target)
        and (before is None or each.started < before)
    )


def _summarised(session: str, relative: str, stream: BinaryIO) -> Summary:
    header = decode(_first(stream))
    size = os.fstat(stream.fileno()).st_size
    said = _end(stream, size)
    state = "closed" if said else "live" if files.is_locked(stream.fileno()) else "unfinished"
    return Summary(
        session,
        relative,
        state,
        **_header(header),
        outcome=said.outcome if said else "",
        message=said.message if said else "",
        count=said.count if said else None,
        seconds=said.seconds if said else None,
        bytes=size,
    )


def _first(stream: BinaryIO) -> framing.Frame:
    frame = next(framing.frames(stream), None)
    if frame is None or frame.kind != framing.HEADER:
        raise RecordingDamaged("it does not begin with a header", len(framing.MAGIC))
    return frame


def _end(stream: BinaryIO, size: int) -> Statement | None:
    length = min(size, framing.MAX_FINAL + framing.OVERHEAD)
    body = framing.find_final(os.pread(stream.fileno(), length, size - length))
    return None if body is None else Statement.parse(body, size - length)[1]


def _header(header: dict[str, Any]) -> dict[str, Any]:
    try:
        who, peer = header["principal"], header["peer"]
        via = ", ".join(actor["subject"] for actor in who["chain"])
        name = str(who["name"] or who["subject"])
        return {
            "started": float(header["started"]),
            "who": f"{name} via {via}" if via else name,
            "issuer": str(who["issuer"]),
            "subject": str(who["subject"]),
            "groups": tuple(map(str, who["groups"])),
            "target": str(header["target"]),
            "protocol": str(header["protocol"]),
            "peer": f"{peer['address']}:{peer['port']}",
            "gateway": str(header["gateway"]),
        }
    except (KeyError, TypeError, ValueError) as error:
        raise RecordingDamaged(f"the header is incomplete: {error!r}", len(framing.MAGIC)) from error


def entries(path: Path, ring: KeyRing | None = None) -> Iterator[dict[str, Any]]:
    """The entries of a file of either version, as `Library.read` gives them.

    `ring` opens its data key; by default the wrapping key in the state folder that the recordings folder lies in.
    """
    return reading.entries(path, ring or beside(path.parents[min(3, len(path.parents) - 1)]))

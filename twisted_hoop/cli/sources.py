"""Where `hoop sessions` reads recordings: the state folder of this machine, or the API."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import click

from twisted_hoop.errors import HoopError, RecordingDamaged
from twisted_hoop.recording.files import LEDGER, checked_id
from twisted_hoop.recording.keeper import ring_of
from twisted_hoop.recording.library import Library
from twisted_hoop.recording.wrapping import KeyRing

Rows = list[dict[str, Any]]


class Source(Protocol):
    """Both kinds give the same dictionaries. Every method may raise HoopError."""

    def recent(self, limit: int, target: str, subject: str) -> Rows:
        """Summaries, newest first."""

    def summary(self, session: str) -> dict[str, Any]:
        """One summary."""

    def entries(self, session: str) -> Iterator[dict[str, Any]]:
        """One recording's entries."""


class LocalSource:
    """Recordings in a folder on this machine: for those who may read the files anyway."""

    def __init__(self, folder: Path, ring: KeyRing | None = None) -> None:
        self._library = Library(folder, ring)

    def recent(self, limit: int, target: str, subject: str) -> Rows:
        """See Source."""
        return [each.as_json() for each in self._library.list(limit, target=target, subject=subject)]

    def summary(self, session: str) -> dict[str, Any]:
        """See Source."""
        return self._library.summary(session).as_json()

    def entries(self, session: str) -> Iterator[dict[str, Any]]:
        """See Source."""
        return self._library.read(session)


class RemoteSource:
    """Recordings through the API, where each reading is itself recorded (R2).

    `get` fetches a path as JSON, `lines` as lines of text; both raise HoopError or click's own errors.
    """

    def __init__(self, get: Callable[[str], Any], lines: Callable[[str], Iterable[str]]) -> None:
        self._get = get
        self._lines = lines

    def recent(self, limit: int, target: str, subject: str) -> Rows:
        """See Source."""
        query = {"limit": str(limit), "target": target, "subject": subject}
        answer = self._get("/v1/sessions?" + urlencode({name: value for name, value in query.items() if value}))
        rows = answer.get("sessions", []) if isinstance(answer, dict) else answer
        return [row for row in rows if isinstance(row, dict)]

    def summary(self, session: str) -> dict[str, Any]:
        """See Source."""
        answer = self._get(f"/v1/sessions/{quote(checked_id(session))}")
        return answer if isinstance(answer, dict) else {}

    def entries(self, session: str) -> Iterator[dict[str, Any]]:
        """See Source."""
        for line in self._lines(f"/v1/sessions/{quote(checked_id(session))}/recording"):
            if line.strip():
                yield _entry(line)


def _entry(line: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise HoopError(f"the API sent an entry that is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise HoopError("the API sent an entry that is no object")
    if value.get("kind") == "damaged" and "n" not in value:  # not an entry: how the API ends a damaged recording
        raise RecordingDamaged(str(value.get("message")))
    return value


def local_ring(state: Path, environ: Mapping[str, str]) -> KeyRing:
    """What opens the recordings of a state folder: its wrapping key, the file HOOP_WRAPPING_KEY names, and Vault."""
    from twisted_hoop.secrets.transit import transit_of

    folder = state.parent if (state / LEDGER).exists() else state
    return ring_of(folder, environ.get("HOOP_WRAPPING_KEY", ""), transit_of(_PLACE, environ))


_PLACE = "transit/hoop"
"""Of no meaning here: a key file names the key it was wrapped with."""


def recordings_folder(state: Path) -> Path:
    """The recordings of a state folder, or the folder itself when it holds a ledger. UsageError when there are none."""
    folder = state if (state / LEDGER).exists() else state / "recordings"
    if not folder.is_dir():
        raise click.UsageError(f"there are no recordings in {state}: name the gateway's state folder with --state")
    return folder

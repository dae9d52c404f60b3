"""Searching without an index: recordings in a folder read through, newest first. Blocks."""

from __future__ import annotations

from collections.abc import Iterator

from twisted_hoop.archive.query import Query
from twisted_hoop.archive.rows import ASKED, Row, RowMaker
from twisted_hoop.errors import RecordingDamaged, UnknownRecording
from twisted_hoop.recording import files
from twisted_hoop.recording.following import Follower
from twisted_hoop.recording.library import Library


def search_files(library: Library, query: Query) -> Iterator[Row]:
    """Commands that match, by the day their session began, newest first within it; memory is one day's hits.

    What of a recording is damaged or cannot be opened is passed over: `hoop verify` tells of that.
    """
    for day in files.days(library.folder):
        rows = [row for path in files.recordings(day) for row in _matching(library, path.stem, query)]
        yield from sorted(rows, key=lambda row: -row.id)


def _matching(library: Library, session: str, query: Query) -> Iterator[Row]:
    try:
        follower = Follower(library.find(session), library.ring, ASKED)
        for _, entries in follower.more():
            maker = RowMaker(follower.header)
            rows = [maker.row(entry) for entry in entries if entry["kind"] in ASKED]
            yield from (row for row in rows if query.matches(row.words, row.marks, row.at))
    except (RecordingDamaged, UnknownRecording, OSError, LookupError, TypeError, ValueError, AttributeError):
        return

"""Searching without an index: recordings in a folder read through, newest first. Blocks."""

from __future__ import annotations

from collections.abc import Iterator

from twisted_hoop.archive.query import Query
from twisted_hoop.archive.rows import ASKED, Row, row_of
from twisted_hoop.errors import RecordingDamaged, UnknownRecording
from twisted_hoop.recording import files
from twisted_hoop.recording.library import Library


def search_files(library: Library, query: Query) -> Iterator[Row]:
    """Commands that match, by the day their session began, newest first within it; memory is one day's hits.

    What of a recording is damaged or cannot be opened is passed over: `hoop verify` tells of that.
    """
    for day in files.days(library.folder):
        rows = [row for path in files.recordings(day) for row in _matching(library, path.stem, query)]
        yield from sorted(rows, key=lambda row: -row.id)


def _matching(library: Library, session: str, query: Query) -> Iterator[Row]:
    header = None
    try:
        for entry in library.read(session):
            header = header or entry
            if entry["kind"] not in ASKED:
                continue
            row = row_of(header, entry)
            if query.matches(row.words, row.marks, row.at):
                yield row
    except (RecordingDamaged, UnknownRecording, OSError, LookupError, TypeError, ValueError, AttributeError):
        return

"""Searching files without an index."""

from __future__ import annotations

from pathlib import Path

from tests.support.recordings import STARTED, command, recorded, spans
from twisted_hoop.archive.query import parse
from twisted_hoop.archive.reading import search_files
from twisted_hoop.recording.library import Library

NOW = STARTED + 1000


def test_what_matches_newest_first(tmp_path: Path) -> None:
    recorded(tmp_path, command("select 1"), command("drop table a"), name="session-0001")
    recorded(tmp_path, command("drop table b"), name="session-0002", started=STARTED + 60)
    damaged = recorded(tmp_path, command("drop table c"), command("drop table d"), name="session-0003")
    data = bytearray(damaged.read_bytes())
    data[list(spans(bytes(data)))[3][1] - 40] ^= 1  # in the second command's frame
    damaged.write_bytes(data)
    rows = list(search_files(Library(tmp_path / "recordings"), parse("drop person:alice", NOW)))
    assert [row.about["text"] for row in rows] == ["drop table b", "drop table a", "drop table c"]

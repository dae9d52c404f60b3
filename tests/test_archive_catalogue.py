"""Recordings as the store knows them."""

from __future__ import annotations

from dataclasses import replace

from tests.support.archive import Archive
from twisted_hoop.archive import catalogue
from twisted_hoop.archive.catalogue import DELETED, incomplete, save


def test_what_search_does_not_know_yet(archive: Archive) -> None:
    archive.record("session-0001")
    names = [f"session-{number:04}" for number in range(1200)]
    left = archive.office.database.read_now(lambda connection: incomplete(connection, names))
    assert left == [name for name in names if name != "session-0001"]


def test_reading_on_changes_nothing_of_what_others_know(archive: Archive) -> None:
    """R4: an indexer that is late does not bring back what was deleted."""
    archive.record("session-0001")
    late = archive.kept("session-0001")
    archive.remover().remove(late, "retention short")
    archive.office.database.write_now(lambda connection: save(connection, late))
    assert archive.kept("session-0001").state == DELETED
    other = replace(late, id="session-0009")
    archive.office.database.write_now(lambda connection: save(connection, other))
    assert archive.kept("session-0009") == other
    assert archive.office.database.read_now(lambda connection: catalogue.get(connection, "nothing")) is None

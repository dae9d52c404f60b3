"""Storing by itself, and what happens while storage is down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import succeed

from tests.support.archive import Archive
from tests.support.gateway import wait_for
from tests.support.loop import Loop
from twisted_hoop.archive.shelves import Shelves
from twisted_hoop.archive.uploading import Uploading
from twisted_hoop.errors import SecretUnavailable
from twisted_hoop.settings import StorageSection


def uploading(archive: Archive, loop: Loop, section: StorageSection, resolve: Any = succeed) -> Uploading:
    shelves = Shelves(archive.library, archive.office.database)
    return Uploading(loop.reactor, section, resolve, archive.spool(), shelves)


def test_what_is_closed_is_stored_soon(archive: Archive, loop: Loop, tmp_path: Path) -> None:
    one = uploading(archive, loop, StorageSection(url=f"file://{tmp_path}/copies", every=0.05))
    archive.record("session-0001")
    loop.run(one.start)
    wait_for(lambda: archive.kept("session-0001").stored, "the copy")
    archive.record("session-0002")
    wait_for(lambda: archive.kept("session-0002").stored, "the second copy")
    loop.run(one.stop)
    assert one.problem == ""


def test_down_and_back(archive: Archive, loop: Loop, tmp_path: Path) -> None:
    """R5: a file in the place of the folder is storage that refuses; when it is gone, all is stored."""
    (tmp_path / "copies").mkdir()
    blocked = tmp_path / "copies" / archive.record("session-0001").relative_to(archive.folder).parts[0]
    blocked.write_bytes(b"in the way")
    one = uploading(archive, loop, StorageSection(url=f"file://{tmp_path}/copies", every=0.05))
    loop.run(one.start)
    wait_for(lambda: one.problem, "the problem")
    assert not archive.kept("session-0001").stored
    blocked.unlink()
    wait_for(lambda: archive.kept("session-0001").stored and not one.problem, "the copy")
    loop.run(one.stop)


def test_a_secret_that_cannot_be_had_is_tried_again(archive: Archive, loop: Loop, tmp_path: Path) -> None:
    tries: list[str] = []

    async def resolve(reference: str) -> str:
        tries.append(reference)
        if len(tries) < 3:
            raise SecretUnavailable("not now")
        return "a secret"

    url = f"file://{tmp_path}/copies"
    section = StorageSection(url=url, access_key="env:A", secret_key="env:B", every=0.05)
    one = uploading(archive, loop, section, resolve)
    archive.record("session-0001")
    loop.run(one.start)
    wait_for(lambda: archive.kept("session-0001").stored, "the copy")
    loop.run(one.stop)
    assert tries[:2] == ["env:A", "env:A"]


def test_without_a_url_nothing_is_done(archive: Archive, loop: Loop) -> None:
    one = uploading(archive, loop, StorageSection())
    archive.record("session-0001")
    loop.run(one.start)
    loop.run(one.stop)
    assert archive.kept("session-0001").stored == ""


@pytest.mark.parametrize("moments", [1, 3])
def test_it_stops_between_two_recordings(archive: Archive, loop: Loop, tmp_path: Path, moments: int) -> None:
    for number in range(6):
        archive.record(f"session-000{number}")
    one = uploading(archive, loop, StorageSection(url=f"file://{tmp_path}/copies", every=0.05))
    loop.run(one.start)
    wait_for(lambda: sum(bool(archive.kept(f"session-000{n}").stored) for n in range(6)) >= moments, "some copies")
    loop.run(one.stop)
    for number in range(6):
        kept = archive.kept(f"session-000{number}")
        assert bool(kept.stored) == (tmp_path / "copies" / kept.path).exists()

"""Recordings in object storage: a real engine that speaks S3, and a folder."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import from_url

from tests.support.moto import Moto
from tests.support.s3 import Seaweed, bucket
from twisted_hoop.archive.catalogue import Kept
from twisted_hoop.archive.storage import Storage, StorageFault

SEGMENT = 100_000


@dataclass
class Place:
    """Storage of one's own, and the store behind it, to look and to spoil."""

    storage: Storage
    store: Any

    def names(self) -> list[str]:
        return [each["path"] for some in obstore.list(self.store) for each in some]


@pytest.fixture(params=["seaweed", "moto", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "folder":
        store = from_url(f"file://{tmp_path}/copies", mkdir=True)
        return Place(Storage(store, SEGMENT), store)
    return over_s3(request.getfixturevalue(request.param))


def over_s3(server: Seaweed | Moto) -> Place:
    store = bucket(server.endpoint, secrets.token_hex(6))
    return Place(Storage(store, SEGMENT), store)


def file_of(folder: Path, size: int) -> tuple[Path, Kept]:
    path = folder / "session-0001.hoop"
    path.write_bytes(secrets.token_bytes(size))
    name = "2026/11/22/session-0001.hoop"
    return path, Kept("session-0001", name, "closed", 0.0, 1.0, "shop", "ssh", "i|u", {}, size, 1, True)


@pytest.mark.parametrize("size", [0, 1, SEGMENT, SEGMENT + 1, 5 * SEGMENT // 2])
def test_what_is_kept_is_read_back(place: Place, tmp_path: Path, size: int) -> None:
    path, found = file_of(tmp_path, size)
    assert not place.storage.has(found)
    digest = place.storage.keep(path, found.path)
    assert place.storage.keep(path, found.path) == digest, "a second time, as after a crash"
    assert place.storage.has(found) and not place.storage.has(replace(found, bytes=size + 1))
    assert b"".join(place.storage.read(found.path)) == path.read_bytes()
    assert place.storage.delete(found) == "" and not place.storage.has(found)
    assert place.storage.delete(found) == "", "a second time, as after a crash"
    with pytest.raises(StorageFault):
        list(place.storage.read(found.path))


def test_a_recording_that_grows_is_stored_on_the_way(place: Place, tmp_path: Path) -> None:
    path, found = file_of(tmp_path, SEGMENT // 2)
    assert place.storage.begin(path, found.path, 0) == 0
    with path.open("ab") as file:
        file.write(secrets.token_bytes(2 * SEGMENT))
    assert place.storage.begin(path, found.path, 0) == 2 * SEGMENT
    assert place.storage.begin(path, found.path, 0) == 2 * SEGMENT, "a second time, as after a crash"
    found = replace(found, bytes=path.stat().st_size)
    place.storage.keep(path, found.path)
    assert b"".join(place.storage.read(found.path)) == path.read_bytes()


def test_a_torn_end_that_was_stored_is_in_no_list(place: Place, tmp_path: Path) -> None:
    """R5: what a crash left half written may have been stored; recovery cut it off, and the copy is without it."""
    path, found = file_of(tmp_path, SEGMENT + 10)
    place.storage.begin(path, found.path, 0)
    data = path.read_bytes()[: SEGMENT - 5] + secrets.token_bytes(300)
    path.write_bytes(data)
    place.storage.keep(path, found.path)
    assert b"".join(place.storage.read(found.path)) == data
    assert place.storage.delete(replace(found, bytes=len(data))) == ""
    assert place.names() == []


def test_something_else_under_the_name_is_a_fault_and_stays(seaweed: Seaweed, tmp_path: Path) -> None:
    """R4, R5: put if absent; whoever was there first is not overwritten, and the recording does not count as stored."""
    place = over_s3(seaweed)
    path, found = file_of(tmp_path, 100)
    obstore.put(place.store, found.path, b"something else")
    with pytest.raises(StorageFault, match="not what was recorded"):
        place.storage.keep(path, found.path)
    assert b"".join(place.storage.read(found.path)) == b"something else"


def test_a_piece_that_is_gone_or_a_list_that_is_none(seaweed: Seaweed, tmp_path: Path) -> None:
    """R4."""
    place = over_s3(seaweed)
    path, found = file_of(tmp_path, 2 * SEGMENT)
    place.storage.keep(path, found.path)
    piece = next(name for name in place.names() if "hoop.0" in name)
    obstore.delete(place.store, piece)
    assert not place.storage.has(found)
    with pytest.raises(StorageFault, match="not whole"):
        list(place.storage.read(found.path))
    obstore.put(place.store, f"{found.path}.end", b"[]")
    with pytest.raises(StorageFault, match="cannot be read"):
        list(place.storage.read(found.path))

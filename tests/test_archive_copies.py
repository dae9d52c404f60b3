"""Copies in object storage proved by public keys: a folder, and a real engine that speaks S3."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

import obstore
import pytest
from obstore.store import from_url

from tests.support.recordings import STARTED, command, recorded, recorder
from tests.support.s3 import bucket
from tests.test_archive_storage import Place, over_s3
from twisted_hoop.archive.copies import SETTLED, Copy, check_copies, ledger_lines
from twisted_hoop.archive.storage import Storage, StorageFault
from twisted_hoop.recording.keys import PublicKeys, public_keys

LONG, SHORT = "session-0001", "session-0002"
LATER = STARTED + 1e9
SEGMENT = 5000


@dataclass
class Kept:
    """Two recordings and their copies: a long one in pieces, and a short one."""

    state: Path
    place: Place
    paths: dict[str, str]

    def check(self, now: float = LATER) -> dict[str, Copy]:
        keys = public_keys(self.state)
        lines = ledger_lines(self.state / "recordings" / "ledger.hoop", keys)
        return {Path(each.path).stem: each for each in check_copies(self.place.storage, lines, keys, now)}

    def pieces(self) -> list[str]:
        return [piece.name for piece in self.place.storage.pieces(self.paths[LONG])]

    def data(self, name: str) -> bytes:
        return bytes(obstore.get(self.place.store, name).bytes())

    def spoil(self, name: str, at: int) -> None:
        data = bytearray(self.data(name))
        data[at] ^= 1
        obstore.put(self.place.store, name, bytes(data))

    def delete(self, name: str) -> None:
        obstore.delete(self.place.store, name)


@pytest.fixture(params=["folder", "seaweed"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    """Of the folder, and of the engine."""
    if request.param == "folder":
        store = from_url(f"file://{tmp_path}/copies", mkdir=True)
    else:
        store = over_s3(request.getfixturevalue("seaweed")).store
    return stored(tmp_path / "state", Place(Storage(store, SEGMENT), store))


def stored(state: Path, place: Place) -> Kept:
    long = recorded(state, *(command(f"select '{secrets.token_hex(4000)}'") for _ in range(4)), name=LONG)
    short = recorded(state, command(), name=SHORT)
    found = Kept(state, place, {})
    for path in (long, short):
        found.paths[path.stem] = str(path.relative_to(state / "recordings"))
        place.storage.keep(path, found.paths[path.stem])
    assert len(found.pieces()) > 2 and short.stat().st_size < SEGMENT
    return found


def test_copies_that_are_well(kept: Kept) -> None:
    assert {name: each.state for name, each in kept.check().items()} == {LONG: "ok", SHORT: "ok"}
    assert all(each.ok and each.as_json()["what"] == "" for each in kept.check().values())


def test_R3_an_altered_byte_is_located(kept: Kept) -> None:
    """R3: in which object, and where in the recording; the other copy is well."""
    second = kept.pieces()[1]
    kept.spoil(second, 100)
    kept.spoil(kept.paths[SHORT], -40)
    found = kept.check()
    assert not found[LONG].ok and found[LONG].where == second and "byte" in found[LONG].what
    assert found[LONG].offset <= SEGMENT + 100
    assert found[SHORT].state == "altered" and found[SHORT].where == kept.paths[SHORT]


@pytest.mark.parametrize("which", [0, 1, -1])
def test_R4_a_missing_piece_is_located(kept: Kept, which: int) -> None:
    """R4: the first, one of the middle, the last."""
    name = kept.pieces()[which]
    kept.delete(name)
    found = kept.check()
    assert (found[LONG].state, found[LONG].where) == ("altered", name)
    assert found[SHORT].ok


def test_R4_a_missing_copy_and_a_missing_list(kept: Kept) -> None:
    """R4: a recording that is stored nowhere; one whose pieces nobody can join."""
    kept.delete(kept.paths[SHORT])
    kept.delete(kept.paths[LONG] + ".end")
    found = kept.check()
    assert (found[SHORT].state, found[SHORT].where) == ("missing", kept.paths[SHORT])
    assert found[LONG].state == "altered" and found[LONG].where == kept.paths[LONG] + ".end"


def test_what_ended_just_now_may_wait(kept: Kept) -> None:
    kept.delete(kept.paths[SHORT])
    keys = public_keys(kept.state)
    lines = ledger_lines(kept.state / "recordings" / "ledger.hoop", keys)
    at = next(line.time for line in lines if line.event == "closed" and line.session == SHORT)
    assert kept.check(at + SETTLED / 2)[SHORT].state == "waits"
    assert kept.check(at + SETTLED + 1)[SHORT].state == "missing"


def test_R4_copies_that_were_exchanged_or_cut(kept: Kept) -> None:
    """R4: another recording's bytes under the name; a copy without its end; a list that is garbage."""
    whole = b"".join(kept.place.storage.read(kept.paths[LONG]))
    obstore.put(kept.place.store, kept.paths[SHORT], whole)
    assert "session-0001" in kept.check()[SHORT].what
    obstore.put(kept.place.store, kept.paths[SHORT], whole[: len(whole) // 2])
    assert kept.check()[SHORT].state == "altered"
    obstore.put(kept.place.store, kept.paths[LONG] + ".end", b"\xff{}")
    assert kept.check()[LONG].where == kept.paths[LONG] + ".end"


def test_R4_a_recording_of_ours_in_anothers_place(kept: Kept, tmp_path: Path) -> None:
    """R4: signed by the very key, whole, of the same session, and not the one the ledger knows."""
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    for each in kept.state.glob("recording*"):
        if each.is_file():
            (other / each.name).write_bytes(each.read_bytes())
            (other / each.name).chmod(0o600)
    made = recorded(other, command("select 'forged'"), name=SHORT)
    kept.delete(kept.paths[SHORT])
    obstore.put(kept.place.store, kept.paths[SHORT], made.read_bytes())
    assert "not the recording that the ledger knows" in kept.check()[SHORT].what


def test_what_left_the_folder_is_compared_with_its_line(kept: Kept) -> None:
    ledger, data = recorder(kept.state).ledger, kept.data(kept.paths[SHORT])
    said = f"object storage, sha256 {secrets.token_hex(32)}"
    ledger.append("stored", SHORT, kept.paths[SHORT], b"", STARTED, outcome=said)
    assert data and "SHA-256" in kept.check()[SHORT].what
    kept.delete(kept.paths[SHORT])
    assert kept.check(STARTED)[SHORT].state == "missing", "the ledger says that it is there: it does not wait"


def test_what_was_deleted_and_is_there_is_told(kept: Kept) -> None:
    recorder(kept.state).ledger.append("deleted", SHORT, kept.paths[SHORT], b"", STARTED, outcome="retention tests")
    found = kept.check()
    assert found[SHORT].state == "left" and found[SHORT].ok
    kept.delete(kept.paths[SHORT])
    assert SHORT not in kept.check()


def test_storage_that_does_not_answer(tmp_path: Path) -> None:
    store = bucket("http://127.0.0.1:1")
    with pytest.raises(StorageFault):
        list(check_copies(Storage(store, SEGMENT), [], public_keys_of(tmp_path), LATER))


def public_keys_of(folder: Path) -> PublicKeys:
    recorded(folder / "state", command())
    return public_keys(folder / "state")


def test_a_damaged_ledger_gives_what_is_good_of_it(kept: Kept) -> None:
    path = kept.state / "recordings" / "ledger.hoop"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]) + b"garbage\n" + b"".join(lines[2:]))
    assert set(kept.check()) == {LONG}

"""Rows R4, R9 and R15: files in the folder of recordings that no gateway wrote."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from obstore.store import from_url

from tests.support.archive import Archive
from tests.support.recordings import command, recorded
from twisted_hoop.archive.indexer import read_on
from twisted_hoop.archive.query import parse
from twisted_hoop.archive.reading import search_files
from twisted_hoop.archive.storage import MIB, Storage, StorageFault
from twisted_hoop.errors import RecordingDamaged
from twisted_hoop.recording import framing
from twisted_hoop.recording.asciicast import asciicast, first_terminal, plain_text
from twisted_hoop.recording.data_keys import key_path
from twisted_hoop.recording.keys import PublicKeys, public_keys
from twisted_hoop.recording.library import Library, entries
from twisted_hoop.recording.playing import mentions, place_in_terminal
from twisted_hoop.recording.replay import timeline
from twisted_hoop.recording.sealing import MAX_HEADER
from twisted_hoop.recording.verification import verify, verify_folder

DAY = "2026/11/22"


def forged(path: Path, *frames: tuple[int, bytes], magic: bytes = framing.MAGIC_1) -> Path:
    """A file with a chain that is right: everybody can compute one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    chain, parts = framing.root_of(magic), [magic]
    for kind, body in frames:
        frame, chain = framing.seal(chain, kind, body)
        parts.append(frame)
    path.write_bytes(b"".join(parts))
    return path


def header_of(path: Path) -> bytes:
    with path.open("rb") as stream:
        return next(framing.frames(stream)).body


LOOKING = """
import sys
from pathlib import Path
from tests.support.recordings import recorder, now
from twisted_hoop.archive.query import parse
from twisted_hoop.archive.reading import search_files
from twisted_hoop.recording.keys import public_keys
from twisted_hoop.recording.verification import verify_folder
state = Path(sys.argv[1])
made = recorder(state)
print("recovered", sorted((each.session, each.outcome) for each in now(made.recover())))
report = verify_folder(made.folder, public_keys(state))
print("verified", sorted(Path(each.path).stem for each in report.recordings if each.ok))
print("listed", sorted(each.id for each in made.library.list() if each.state == "closed"))
print("found", [row.session for row in search_files(made.library, parse("", 0.0))])
"""


def test_R15_pipes_devices_links_and_folders_stop_nobody(tmp_path: Path) -> None:
    """R4, R9, R15: a pipe would be waited for, a device read for ever, a link leads elsewhere."""
    state = tmp_path / "state"
    good = recorded(state, command("select 1"), name="session-good")
    day = good.parent
    os.mkfifo(day / "session-pipe.hoop")
    (day / "session-zero.hoop").symlink_to("/dev/zero")
    (day / "session-self.hoop").symlink_to("session-self.hoop")
    (day / "session-fold.hoop").mkdir()
    piped = recorded(state, command("select 2"), name="session-keyp")
    piped.with_suffix(".key").unlink()
    os.mkfifo(piped.with_suffix(".key"))
    run = [sys.executable, "-c", LOOKING, str(state)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, done.stderr
    recovered, verified, listed, found = done.stdout.splitlines()
    assert recovered.count("'damaged'") == 4
    assert verified == "verified ['session-good', 'session-keyp']" == listed.replace("listed", "verified")
    assert found == "found ['session-good']"


@pytest.mark.parametrize("kind", [framing.HEADER, framing.SIGNED, framing.FINAL])
def test_R4_a_length_that_no_writer_writes_is_not_read(tmp_path: Path, kind: int) -> None:
    """JSON of a gigabyte takes many times as much memory; a sparse file of that length takes no disk at all."""
    path = tmp_path / "session-0001.hoop"
    with path.open("wb") as stream:
        stream.write(framing.MAGIC + framing.HEAD.pack(MAX_HEADER + 1, kind))
        stream.truncate(MAX_HEADER + 100)
    report = verify(path, PublicKeys(()))
    assert (report.state, report.offset) == ("damaged", 9) and "no frame of this version" in report.problem


def test_R4_a_recording_under_another_name_says_nothing_of_the_other(archive: Archive) -> None:
    """Of version 1 everybody can make one that says it is session-0001: search and retention go by the name."""
    path = archive.record("session-0001", "select 1")
    before = archive.kept("session-0001")
    other = forged(path.with_name("session-0002.hoop"), (framing.HEADER, header_of(path)), (framing.ENTRY, b"{}"))
    assert read_on(archive.office.database, archive.library, "session-0002") is False
    assert archive.kept("session-0001") == before and not verify(other, PublicKeys(())).ok


def test_R4_keys_that_were_removed_swapped_or_broken_are_found(tmp_path: Path) -> None:
    """Who removes a key destroys what was recorded, without a tombstone; a copy without any key verifies."""
    one, two = (recorded(tmp_path, command(), name=f"session-000{n}") for n in (1, 2))
    keys, folder = public_keys(tmp_path), tmp_path / "recordings"
    first, second = key_path(one).read_bytes(), key_path(two).read_bytes()
    assert verify_folder(folder, keys).ok
    for left in (None, second, b"{}", first.replace(b"session-0001", b"session-0009")):
        key_path(one).unlink()
        if left is not None:
            key_path(one).write_bytes(left)
        report = verify_folder(folder, keys)
        assert not report.ok and len(report.problems) == 1 and "session-0001.hoop" in report.problems[0], left
        key_path(one).write_bytes(first)
    key_path(one).unlink()
    key_path(two).unlink()
    assert verify_folder(folder, keys).ok


@pytest.mark.parametrize("segment", [MIB, 400])
def test_R4_what_object_storage_puts_in_place_of_a_recording_fills_no_memory(
    archive: Archive, tmp_path: Path, segment: int
) -> None:
    """Larger than what was stored, whole or in pieces, or a list of nonsense: refused before it is read."""
    archive.record("session-0001", "select 1", "select 2")
    store = from_url(f"file://{tmp_path}/copies", mkdir=True)
    storage, kept = Storage(store, segment), archive.kept("session-0001")
    storage.keep(archive.folder / kept.path, kept.path)
    assert b"".join(storage.read(kept.path, kept.bytes)) == (archive.folder / kept.path).read_bytes()
    copy = tmp_path / "copies" / kept.path
    files = [copy] if segment == MIB else [*copy.parent.glob("*.hoop.0*")]
    with files[0].open("r+b") as stream:
        stream.truncate(1 << 40)  # sparse: a terabyte of nothing
    with pytest.raises(StorageFault, match="larger"):
        list(storage.read(kept.path, kept.bytes))
    if segment != MIB:
        for said in (b'{"pieces": [{"name": 1, "offset": 0, "size": "x", "sha256": ""}]}', b'{"pieces": [[]]}', b"[]"):
            copy.with_name(copy.name + ".end").write_bytes(said)
            with pytest.raises(StorageFault):
                list(storage.read(kept.path, kept.bytes))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KINDS = st.sampled_from(["open", "command", "refused", "review", "outcome", "output", "input", "resize", "terminal"])
NAMES = ["n", "t", "text", "channel", "stream", "zstd", "base64", "columns", "rows", "terminal", "status", "approval"]
NAMES += [
    "parameters",
    "paths",
    "tables",
    "decision",
    "action",
    "operation",
    "result",
    "term",
    "rule",
    "code",
    "signal",
]
ENTRY = st.builds(
    lambda kind, more: {**more, **({"kind": kind} if kind else {})},
    KINDS | st.none(),
    st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), JSON, max_size=6),
)


@settings(max_examples=120, deadline=None)
@given(head=st.dictionaries(st.sampled_from(["session", "principal", "peer", "started", "target"]), JSON), made=ENTRY)
@example(head={}, made={"t": float("inf")})
@example(head={}, made={"t": 10**400})
def test_R4_whatever_a_forged_recording_says_it_is_shown_or_refused(
    tmp_path_factory: pytest.TempPathFactory, head: dict[str, Any], made: dict[str, Any]
) -> None:
    """Everything a person looks at recordings with: shown, or RecordingDamaged; never a crash."""
    folder = tmp_path_factory.mktemp("forged")
    bodies = [json.dumps(each, ensure_ascii=False).encode("utf-8", "surrogatepass") for each in (head, made)]
    path = folder / DAY / "session-0001.hoop"
    forged(path, (framing.HEADER, bodies[0]), (framing.ENTRY, bodies[1]), (framing.ENTRY, bodies[1]))
    assert not verify(path, PublicKeys(())).ok
    library = Library(folder)
    library.list()
    list(search_files(library, parse("", 0.0)))
    try:
        found = list(entries(path))
    except RecordingDamaged:
        found = [made]
    for moment in timeline(found):
        assert moment.lines
    channel = first_terminal(found)
    channel = 0 if channel is None else channel
    assert list(asciicast(found, channel))
    list(plain_text(found, channel))
    place_in_terminal(found, channel, "x")
    [mentions(each, "x") for each in found]

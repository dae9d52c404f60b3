"""R3, R4: recordings that are changed, cut, reordered, exchanged or deleted are found, and the place is named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from twisted.internet.task import Clock

from tests.support.recordings import command, now, outcome, recorded, recorder, resealed, session, spans, split
from twisted_hoop.errors import RecordingDamaged
from twisted_hoop.recording import framing
from twisted_hoop.recording.heads import GATHER
from twisted_hoop.recording.keys import load_signing_key, public_keys
from twisted_hoop.recording.ledger import Ledger
from twisted_hoop.recording.library import Library
from twisted_hoop.recording.verification import FolderReport, verify, verify_folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return recorded(tmp_path, command("select 1"), outcome(), command("drop table x", decision="deny"))


def folder(tmp_path: Path) -> FolderReport:
    return verify_folder(tmp_path / "recordings", public_keys(tmp_path))


def test_r3_every_byte_flipped_is_found_in_its_frame(tmp_path: Path, path: Path) -> None:
    """R3: magic, lengths, kinds, bodies, chain values, signature, statement: every byte of the file, one at a time."""
    data, keys = path.read_bytes(), public_keys(tmp_path)
    for start, end in spans(data):
        for at in range(start, end):
            path.write_bytes(data[:at] + bytes([data[at] ^ 0x01]) + data[at + 1 :])
            report = verify(path, keys)
            assert not report.ok, at
            assert report.offset == start, at
    path.write_bytes(data)
    assert folder(tmp_path).ok


def test_r4_cut_anywhere(tmp_path: Path, path: Path) -> None:
    """R4: truncated at every length, also between frames; the place is where the first missing frame began."""
    data, keys = path.read_bytes(), public_keys(tmp_path)
    starts = [start for start, _end in spans(data)]
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        report = verify(path, keys)
        assert not report.ok, cut
        assert report.offset == max(start for start in starts if start <= cut), cut


def rearranged(parts: list[bytes]) -> list[tuple[str, list[bytes]]]:
    changed = []
    for at in range(1, len(parts)):
        changed.append((f"drop {at}", parts[:at] + parts[at + 1 :]))
        changed.append((f"repeat {at}", [*parts[: at + 1], parts[at], *parts[at + 1 :]]))
        if at + 1 < len(parts):
            changed.append((f"swap {at}", [*parts[:at], parts[at + 1], parts[at], *parts[at + 2 :]]))
    return changed


def test_r4_frames_dropped_repeated_swapped(tmp_path: Path, path: Path) -> None:
    """R4: and the place is the frame where the order first differs."""
    parts, keys = split(path.read_bytes()), public_keys(tmp_path)
    for name, changed in rearranged(parts):
        path.write_bytes(b"".join(changed))
        report = verify(path, keys)
        assert not report.ok, name
        same = next((n for n, (a, b) in enumerate(zip(parts, changed, strict=False)) if a != b), len(changed))
        assert report.offset == len(b"".join(parts[:same])), name


def test_r4_an_attacker_who_computes_the_chain_anew_lacks_the_key(tmp_path: Path, path: Path) -> None:
    """R4: with a fresh chain only the signature is wrong, and it covers head, count, outcome and session."""
    parts, keys = split(path.read_bytes()), public_keys(tmp_path)
    for name, changed in rearranged(parts):
        path.write_bytes(resealed(changed))
        assert not verify(path, keys).ok, name
    for old, new in ((b'"alice"', b'"carol"'), (b'"closed"', b'"failed"')):
        altered = [part.replace(old, new) for part in parts]
        assert altered != parts
        path.write_bytes(resealed(altered))
        report = verify(path, keys)
        assert not report.ok, new
        assert not folder(tmp_path).ok


def test_r4_an_attacker_with_a_key_of_his_own(tmp_path: Path, path: Path) -> None:
    """R4: a whole recording made and signed elsewhere, under the same name, is nobody's."""
    forged = recorded(tmp_path / "elsewhere", command("select 1"))
    path.write_bytes(forged.read_bytes())
    report = verify(path, public_keys(tmp_path))
    assert "no trusted key" in report.problem
    assert load_signing_key(tmp_path).id != load_signing_key(tmp_path / "elsewhere").id


def test_r4_a_recording_is_deleted(tmp_path: Path, path: Path) -> None:
    """R4: closed or only opened, the ledger misses it."""
    path.unlink()
    report = folder(tmp_path)
    assert not report.ok
    assert len(report.problems) == 1
    assert "session-0001.hoop: the ledger knows it" in report.problems[0]
    assert "missing" in report.problems[0]


def test_r4_a_recording_is_replaced_by_another_of_the_same_gateway(tmp_path: Path, path: Path) -> None:
    """R4: both are signed; the name says which one belongs there, and so does the ledger."""
    other = recorded(tmp_path, command(), name="session-0002")
    path.write_bytes(other.read_bytes())
    report = folder(tmp_path)
    assert "it is the recording of session session-0002" in report.recordings[0].problem
    assert any("session-0001.hoop: it is not the recording" in problem for problem in report.problems)


def test_r4_a_recording_is_added(tmp_path: Path, path: Path) -> None:
    """R4: an old, properly signed recording that the ledger does not list is not accepted."""
    path.rename(path.with_name("session-0009.hoop"))
    assert not folder(tmp_path).ok
    path.with_name("session-0009.hoop").rename(path)
    assert folder(tmp_path).ok
    moved = path.parent.parent / "01" / path.name
    moved.parent.mkdir()
    moved.write_bytes(path.read_bytes())
    assert any(
        "01/session-0001.hoop: closed, and the ledger does not" in problem for problem in folder(tmp_path).problems
    )


LEDGER: list[tuple[str, Callable[[list[bytes]], list[bytes]]]] = [
    ("first line dropped", lambda lines: lines[1:]),
    ("line dropped", lambda lines: [lines[0], *lines[2:]]),
    ("lines swapped", lambda lines: [lines[1], lines[0], *lines[2:]]),
    ("line repeated", lambda lines: [lines[0], lines[0], *lines[1:]]),
    ("outcome changed", lambda lines: [line.replace(b'"closed","', b'"failed","') for line in lines]),
    ("count changed", lambda lines: [line.replace(b'"count":3', b'"count":2') for line in lines]),
    ("emptied", lambda lines: []),
    ("last line torn", lambda lines: [*lines[:-1], lines[-1][:40]]),
]


@pytest.mark.parametrize(("name", "change"), LEDGER)
def test_r4_the_ledger_is_changed(
    tmp_path: Path, path: Path, name: str, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    """R4: a line covers the one before it, and is signed."""
    ledger = tmp_path / "recordings" / "ledger.hoop"
    lines = ledger.read_bytes().splitlines(keepends=True)
    changed = change(list(lines))
    ledger.write_bytes(b"".join(changed))
    if changed != lines:
        assert not folder(tmp_path).ok, name
    else:
        pytest.fail(f"{name} changed nothing")


def test_r4_every_byte_of_the_ledger(tmp_path: Path, path: Path) -> None:
    """R4: one at a time, with the line named by its offset."""
    ledger = tmp_path / "recordings" / "ledger.hoop"
    data = ledger.read_bytes()
    for at in range(0, len(data), 3):
        ledger.write_bytes(data[:at] + bytes([data[at] ^ 0x02]) + data[at + 1 :])
        assert not folder(tmp_path).ok, at


def test_r4_the_final_frame_is_no_frame_of_another_recording(tmp_path: Path, path: Path) -> None:
    """R4: a signed end cannot be moved to a shorter or another recording."""
    parts = split(path.read_bytes())
    other = split(recorded(tmp_path, command(), name="session-0002").read_bytes())
    for changed in ([*parts[:-1], other[-1]], [*other[:-1], parts[-1]]):
        path.write_bytes(resealed(changed))
        assert "belongs to another" in verify(path, public_keys(tmp_path)).problem
    assert framing.find_final(path.read_bytes()) is not None


def growing(tmp_path: Path, count: int) -> tuple[Path, list[int]]:
    """A live recording whose gateway was killed, with a signed head behind every entry; where the entries end."""
    clock = Clock()
    recording = recorder(tmp_path, clock, head_every=30.0).open(session())
    path, ends = tmp_path / "recordings" / recording.path, []
    for number in range(count):
        recording.write(command(f"select {number}"))
        clock.advance(30)
        clock.advance(GATHER)
        ends.append(path.stat().st_size)
    recording._writer.release()
    return path, ends


def test_r4_a_live_recording_that_is_cut_is_noticed_up_to_its_last_signed_head(tmp_path: Path) -> None:
    """R4: cut at a frame's edge, so that nothing in the file itself is wrong: the ledger has the head."""
    path, ends = growing(tmp_path, 3)
    data = path.read_bytes()
    for kept, end in enumerate(ends[:-1], 1):
        path.write_bytes(data[:end])
        (report,) = folder(tmp_path).recordings
        assert (report.ok, report.state, report.offset, report.signed) == (False, "damaged", end, kept)
        assert f"it was cut at byte {end}" in report.problem
        assert f"after {35.0 * (kept - 1):.3f} s" in report.problem


def test_r4_a_restart_launders_no_cut(tmp_path: Path) -> None:
    """R4: the next start ends the recording, says what is missing, and it never verifies again."""
    path, ends = growing(tmp_path, 3)
    path.write_bytes(path.read_bytes()[: ends[0]])
    (done,) = now(recorder(tmp_path).recover())
    assert (done.outcome, done.count) == ("interrupted", 1)
    assert "signed head of 3 entries" in done.problem
    last = list(Library(tmp_path / "recordings").read("session-0001"))[-1]
    assert "the ledger has a signed head of 3 entries, and 1 are left" in last["message"]
    assert not folder(tmp_path).ok


def test_r4_entries_before_a_signed_head_cannot_be_exchanged_in_an_unfinished_recording(tmp_path: Path) -> None:
    """R4: with the chain computed anew the head's signature is that of another recording."""
    path, _ends = growing(tmp_path, 3)
    parts, keys = split(path.read_bytes()), public_keys(tmp_path)
    for changed in (parts[:2] + parts[3:], parts[:3] + parts[5:], [*parts[:2], parts[4], parts[3], *parts[5:]]):
        path.write_bytes(resealed(changed))
        assert verify(path, keys).state == "damaged"


def test_r4_the_nonce_of_a_segment_is_never_used_again(tmp_path: Path) -> None:
    """R4: a crash in the middle of a segment, a new start: what was put aside and what was kept share no number."""
    recording = recorder(tmp_path).open(session())
    for number in range(4):
        recording.write(command(f"select {number}"))
    path = tmp_path / "recordings" / recording.path
    recording._writer.release()
    path.write_bytes(path.read_bytes()[:-20])
    now(recorder(tmp_path).recover())
    kept = [part for part in split(path.read_bytes())[1:] if part[4] == framing.SEALED]
    torn = path.with_suffix(".torn").read_bytes()
    numbers = [int.from_bytes(part[5:13], "big") for part in (*kept, torn)]
    assert numbers == [1, 2, 3, 4]


def test_r4_a_segment_of_another_recording_does_not_open_here(tmp_path: Path, path: Path) -> None:
    """R4: even whoever has the key cannot put what was said elsewhere into this session."""
    other = split(recorded(tmp_path, command("drop table y"), name="session-0002").read_bytes())
    parts = split(path.read_bytes())
    path.write_bytes(resealed([*parts[:2], other[2], *parts[3:]]))
    reading = Library(tmp_path / "recordings").read("session-0001")
    next(reading)
    with pytest.raises(RecordingDamaged, match="does not open"):
        next(reading)


def test_r4_a_deletion_is_on_the_record_and_nothing_else_is(tmp_path: Path, path: Path) -> None:
    """R4: with the ledger's signed line a missing recording is well; without it, or with the file back, it is not."""
    held = path.read_bytes()
    path.unlink()
    assert not folder(tmp_path).ok
    ledger = Ledger(tmp_path / "recordings" / "ledger.hoop", load_signing_key(tmp_path))
    relative = str(path.relative_to(tmp_path / "recordings"))
    ledger.append("deleted", "session-0001", relative, bytes(32), 1.0, outcome="retention: 30 days")
    assert folder(tmp_path).ok
    path.write_bytes(held)
    (problem,) = folder(tmp_path).problems
    assert "says it was deleted" in problem
    assert now(recorder(tmp_path).recover()) == []

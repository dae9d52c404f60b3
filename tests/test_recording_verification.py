"""Reports. The tampering itself is in attacks/test_r_tampering.py."""

from __future__ import annotations

from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.recordings import command, now, recorded, recorder, resealed, session, split
from twisted_hoop.model import Outcome
from twisted_hoop.recording.keys import PublicKeys, load_signing_key, public_keys
from twisted_hoop.recording.verification import verify, verify_folder


def test_a_closed_recording_verifies(tmp_path: Path) -> None:
    path = recorded(tmp_path, command(), command())
    report = verify(path, public_keys(tmp_path))
    assert (report.ok, report.state, report.session, report.count) == (True, "closed", "session-0001", 2)
    assert report.bytes == path.stat().st_size
    assert (report.problem, report.offset) == ("", -1)
    assert report.as_json()["ok"] is True


def test_without_the_right_key_nothing_verifies(tmp_path: Path) -> None:
    path = recorded(tmp_path, command())
    for keys in (PublicKeys(()), load_signing_key(tmp_path / "other").trusted):
        report = verify(path, keys)
        assert not report.ok
        assert "no trusted key" in report.problem


def test_a_key_that_was_replaced_still_verifies_what_it_signed(tmp_path: Path) -> None:
    recorded(tmp_path, command(), name="session-0001")
    (tmp_path / "recording.key").unlink()
    recorded(tmp_path, command(), name="session-0002")
    assert verify_folder(tmp_path / "recordings", public_keys(tmp_path)).ok


def test_live_and_unfinished(tmp_path: Path) -> None:
    place = recorder(tmp_path)
    recording = place.open(session())
    recording.write(command())
    keys = public_keys(tmp_path)
    assert verify_folder(place.folder, keys).ok
    assert verify(place.folder / recording.path, keys).state == "live"
    recording._writer.release()
    report = verify(place.folder / recording.path, keys)
    assert (report.ok, report.state, report.problem) == (
        False,
        "unfinished",
        "it has no signed end (frame 3, after 0.000 s; 0 entries are signed)",
    )


def test_an_empty_folder_is_well_and_a_missing_file_is_not(tmp_path: Path) -> None:
    assert verify_folder(tmp_path, PublicKeys(())).ok
    assert verify(tmp_path / "nowhere.hoop", PublicKeys(())).state == "damaged"


def test_the_heads_of_two_runs_tell_that_lines_were_cut_off(tmp_path: Path) -> None:
    recorded(tmp_path, name="session-0001")
    keys, folder = public_keys(tmp_path), tmp_path / "recordings"
    before = verify_folder(folder, keys)
    path = recorded(tmp_path, name="session-0002")
    assert verify_folder(folder, keys).lines == before.lines + 2
    path.unlink()
    ledger = folder / "ledger.hoop"
    ledger.write_bytes(b"".join(ledger.read_bytes().splitlines(keepends=True)[:2]))
    after = verify_folder(folder, keys)
    assert after.ok  # a chain alone cannot show this
    assert (after.head, after.lines) == (before.head, before.lines)


def test_numbers_must_count(tmp_path: Path) -> None:
    path = recorded(tmp_path, command("a"), command("b"))
    parts = split(path.read_bytes())
    path.write_bytes(resealed([*parts[:2], parts[3], parts[2], parts[4]]))
    report = verify(path, public_keys(tmp_path))
    assert "carries another number" in report.problem
    assert (report.offset, report.frame) == (len(parts[0]) + len(parts[1]), 2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(st.binary(max_size=400), st.booleans())
def test_any_file_gets_a_report(tmp_path: Path, data: bytes, sealed: bool) -> None:
    path = tmp_path / "x.hoop"
    good = b"HOOPREC2\n" + data
    path.write_bytes(resealed([b"HOOPREC2\n", b"\0\0\0\0H" + data + bytes(32)]) if sealed else good)
    assert not verify(path, PublicKeys(())).ok


def test_closing_after_a_report_changes_nothing(tmp_path: Path) -> None:
    place = recorder(tmp_path)
    recording = place.open(session())
    verify_folder(place.folder, public_keys(tmp_path))
    now(recording.close(Outcome("closed")))
    assert verify_folder(place.folder, public_keys(tmp_path)).ok

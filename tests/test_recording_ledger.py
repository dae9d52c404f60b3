"""The chain of recordings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from twisted_hoop.errors import RecordingDamaged, RecordingFailed
from twisted_hoop.recording.keys import SigningKey, load_signing_key
from twisted_hoop.recording.ledger import ROOT, Ledger, read


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    return load_signing_key(tmp_path / "state")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.hoop"


def filled(path: Path, key: SigningKey, lines: int = 4) -> Ledger:
    ledger = Ledger(path, key)
    for number in range(lines):
        ledger.append("closed", f"session-{number:04}", "2026/11/22/x.hoop", bytes(32), 1.0, count=3, outcome="closed")
    return ledger


def numbers(path: Path, key: SigningKey) -> list[int]:
    return [line.number for _digest, line in read(path, key.trusted)]


def test_lines_follow_each_other(path: Path, key: SigningKey) -> None:
    filled(path, key)
    found = list(read(path, key.trusted))
    assert [line.number for _, line in found] == [1, 2, 3, 4]
    assert [line.previous for _, line in found] == [ROOT, *(head for head, _ in found[:-1])]
    assert found[0][1].count == 3
    assert path.stat().st_mode & 0o777 == 0o600


def test_two_writers_share_one_chain(path: Path, key: SigningKey) -> None:
    one, two = Ledger(path, key), Ledger(path, key)
    for ledger in (one, two, two, one, two):
        head = ledger.append("opened", "session-0001", "x", bytes(32), 1.0)
    assert numbers(path, key) == [1, 2, 3, 4, 5]
    assert [digest for digest, _ in read(path, key.trusted)][-1] == head


def test_processes_and_threads_share_one_chain(tmp_path: Path, path: Path, key: SigningKey) -> None:
    program = f"""
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from twisted_hoop.recording.keys import load_signing_key
from twisted_hoop.recording.ledger import Ledger
ledger = Ledger(Path({str(path)!r}), load_signing_key(Path({str(tmp_path / "state")!r})))
with ThreadPoolExecutor(4) as pool:
    list(pool.map(lambda n: ledger.append("opened", "session-0001", "x", bytes(32), 1.0), range(25)))
"""
    running = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [process.wait(60) for process in running] == [0, 0]
    assert numbers(path, key) == list(range(1, 51))


def test_an_unfinished_line_is_cut_by_the_next_writer(path: Path, key: SigningKey) -> None:
    filled(path, key)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:50])
    with pytest.raises(RecordingDamaged, match="ends inside a line") as caught:
        numbers(path, key)
    assert caught.value.offset == len(whole)
    Ledger(path, key).append("opened", "session-0009", "x", bytes(32), 1.0)
    assert numbers(path, key) == [1, 2, 3, 4, 5]


def test_a_running_gateway_notices_a_cut_ledger_r4(path: Path, key: SigningKey) -> None:
    """R4: lines cut off the end while the gateway runs stop it from recording more."""
    ledger = filled(path, key)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))
    with pytest.raises(RecordingFailed, match="was cut"):
        ledger.append("opened", "session-0009", "x", bytes(32), 1.0)


def test_a_writer_does_not_carry_on_behind_damage(path: Path, key: SigningKey) -> None:
    filled(path, key)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[2], lines[3]]))
    with pytest.raises(RecordingFailed, match="does not follow"):
        Ledger(path, key).append("opened", "session-0009", "x", bytes(32), 1.0)
    assert path.read_bytes() == b"".join([lines[0], lines[2], lines[3]])


def test_a_full_disk_is_a_failed_recording(key: SigningKey) -> None:
    with pytest.raises(RecordingFailed):
        Ledger(Path("/dev/full"), key).append("opened", "session-0009", "x", bytes(32), 1.0)


def test_a_line_with_a_field_of_the_wrong_type_is_damage(path: Path, key: SigningKey) -> None:
    filled(path, key, 2)
    path.write_bytes(path.read_bytes().replace(b'"number":2', b'"number":"2"'))
    with pytest.raises(RecordingDamaged, match="wrong type"):
        numbers(path, key)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(st.binary(max_size=300), st.booleans())
def test_any_bytes_are_lines_or_damaged(path: Path, key: SigningKey, data: bytes, line_feed: bool) -> None:
    path.write_bytes(data + b"\n" * line_feed)
    try:
        assert numbers(path, key) == []
        assert not data
    except RecordingDamaged as error:
        assert 0 <= error.offset <= len(data)


def test_lines_about_a_removal_are_on_disk_before_it(
    path: Path, key: SigningKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R5: a machine that is lost does not leave recordings that are gone, and whose tombstones are too."""
    synced: list[int] = []
    monkeypatch.setattr("os.fdatasync", synced.append)
    ledger = Ledger(path, key, sync=False)
    for count, event in enumerate(("opened", "deleted", "closed", "stored")):
        ledger.append(event, "session-0001", "2026/11/22/x.hoop", b"", 1.0)
        assert len(synced) == (count + 1) // 2, event


def test_no_line_is_longer_than_any_that_is_read(path: Path, key: SigningKey) -> None:
    """R5: it would make all that follows unreadable."""
    ledger = filled(path, key)
    with pytest.raises(RecordingFailed, match="too long"):
        ledger.append("deleted", "session-0001", "x", b"", 1.0, outcome="a" * (1 << 16))
    ledger.append("deleted", "session-0001", "x", b"", 1.0, outcome="short")
    assert numbers(path, key) == [1, 2, 3, 4, 5]


def test_it_knows_what_it_tells_of(path: Path, key: SigningKey) -> None:
    ledger = Ledger(path, key)
    assert not ledger.tells("deleted", "session-0001")
    ledger.append("deleted", "session-0001", "x", b"", 1.0)
    assert ledger.tells("deleted", "session-0001")
    assert not ledger.tells("deleted", "session-000") and not ledger.tells("stored", "session-0001")

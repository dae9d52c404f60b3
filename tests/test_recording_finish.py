"""How a recording ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support.recordings import recorder, session
from twisted_hoop.errors import RecordingFailed
from twisted_hoop.model import Outcome
from twisted_hoop.recording import files
from twisted_hoop.recording.finish import Finisher
from twisted_hoop.recording.keys import SigningKey, load_signing_key
from twisted_hoop.recording.ledger import Ledger, read
from twisted_hoop.recording.writer import Writer


def finisher(tmp_path: Path, key: SigningKey) -> tuple[Finisher, Writer]:
    path = tmp_path / "session-0001.hoop"
    writer = Writer(files.create(path), path)
    writer.begin(b"{}", bytes(32))
    return Finisher(key, Ledger(tmp_path / "ledger.hoop", key, sync=False), key.trusted), writer


def test_it_returns_the_ledgers_head(tmp_path: Path) -> None:
    key = load_signing_key(tmp_path / "state")
    end, writer = finisher(tmp_path, key)
    head = end.finish(writer, "session-0001", "session-0001.hoop", Outcome("closed", "x" * 5000), 2.5)
    ((digest, line),) = read(tmp_path / "ledger.hoop", key.trusted)
    assert digest == head
    assert line.head == writer.chain.hex()


def test_a_signature_that_does_not_verify_fails_the_close_r3(tmp_path: Path) -> None:
    """R3: what signing makes does not verify with the key that verifiers have: never a silent success."""
    good = load_signing_key(tmp_path / "state")
    bad = SigningKey(Ed25519PrivateKey.generate(), good.public)
    end, writer = finisher(tmp_path, bad)
    with pytest.raises(RecordingFailed, match="does not verify"):
        end.finish(writer, "session-0001", "session-0001.hoop", Outcome("closed"), 1.0)
    assert not (tmp_path / "ledger.hoop").exists()


def test_what_is_checked_is_what_is_on_disk_r3(tmp_path: Path) -> None:
    """R3: the frame is read back; a disk that kept something else is noticed."""
    key = load_signing_key(tmp_path / "state")
    end, writer = finisher(tmp_path, key)
    offset = writer.end(end.statement(writer, "session-0001", Outcome("closed"), 1.0, 0))
    end.check(writer.descriptor, offset, writer.bytes)
    path = tmp_path / "session-0001.hoop"
    data = bytearray(path.read_bytes())
    data[offset + 40] ^= 1
    path.write_bytes(data)
    with pytest.raises(RecordingFailed, match="does not verify"):
        end.check(writer.descriptor, offset, writer.bytes)


def test_support_recorder_signs_with_the_published_key(tmp_path: Path) -> None:
    place = recorder(tmp_path)
    place.open(session())
    assert place.key.trusted.ids == [place.key.id]

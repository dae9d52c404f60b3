"""Wrapping keys."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.support.recordings import Vaulted, command, recorded
from twisted_hoop.errors import ConfigurationError, HoopError, RecordingSealed
from twisted_hoop.recording import data_keys
from twisted_hoop.recording.library import Library
from twisted_hoop.recording.wrapping import FILE, KeyRing, WrappingKey, beside, file_key, transit_key


def test_a_data_key_is_wrapped_and_comes_out_again(tmp_path: Path) -> None:
    key = file_key(tmp_path)
    made, wrapped = key.new("session-0001")
    assert key.unwrap(wrapped) == made
    assert made.hex() not in str(wrapped)
    assert (wrapped.session, wrapped.key, wrapped.by) == ("session-0001", data_keys.key_id(made), key.id)
    assert key.new("session-0001")[0] != made


def test_another_key_or_a_changed_file_opens_nothing(tmp_path: Path) -> None:
    key = file_key(tmp_path)
    _made, wrapped = key.new("session-0001")
    other = WrappingKey(bytes(32))
    for bad in (key.new("session-0001")[1].wrapped, "00" * 40, "xyz", ""):
        with pytest.raises(RecordingSealed):
            key.unwrap(dataclasses.replace(wrapped, wrapped=bad))
    with pytest.raises(RecordingSealed, match="does not unwrap"):
        other.unwrap(wrapped)


def test_the_file_is_made_once_and_is_private(tmp_path: Path) -> None:
    first, second = file_key(tmp_path), file_key(tmp_path)
    assert first == second
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / FILE).read_bytes().hex() not in repr(first)


def test_r11_a_wrapping_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """R11: the file opens every recording."""
    file_key(tmp_path)
    (tmp_path / FILE).chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        file_key(tmp_path)


def test_what_is_no_key_or_is_missing(tmp_path: Path) -> None:
    bad = tmp_path / "short.kek"
    bad.write_bytes(b"x" * 31)
    bad.chmod(0o600)
    for path in (bad, tmp_path / "nowhere"):
        with pytest.raises(ConfigurationError):
            file_key(tmp_path, str(path))


def test_a_key_of_vaults_exists_at_rest_only_as_vault_gave_it() -> None:
    key = transit_key(Vaulted())
    made, wrapped = key.new("session-0001")
    assert (wrapped.provider, wrapped.place) == ("vault-transit", "transit/hoop")
    assert key.key.hex() not in str(wrapped)
    with pytest.raises(HoopError, match="another key"):
        transit_key(Vaulted(honest=False))
    assert WrappingKey(Vaulted().decrypt(wrapped.sealed, wrapped.place)).unwrap(wrapped) == made


def stored(tmp_path: Path, key: WrappingKey) -> tuple[bytes, str, Path]:
    made, wrapped = key.new("session-0001")
    path = tmp_path / "session-0001.hoop"
    data_keys.store(path, wrapped)
    return made, wrapped.key, path


def test_a_ring_asks_vault_for_what_vault_encrypted(tmp_path: Path) -> None:
    made, name, path = stored(tmp_path, transit_key(Vaulted()))
    assert KeyRing((), Vaulted()).data_key(path, name) == made
    with pytest.raises(RecordingSealed, match="without Vault"):
        KeyRing().data_key(path, name)
    with pytest.raises(RecordingSealed, match="not at hand"):
        KeyRing((), Vaulted(honest=False)).data_key(path, name)
    other = Vaulted()
    other.place = "transit/other"
    with pytest.raises(RecordingSealed, match="no such key"):
        KeyRing((), other).data_key(path, name)


def test_a_ring_finds_the_file_whose_key_it_is(tmp_path: Path) -> None:
    old = file_key(tmp_path / "old")
    made, name, path = stored(tmp_path, old)
    file_key(tmp_path / "new")
    places = [tmp_path / "nowhere", tmp_path / "new" / FILE, tmp_path / "old" / FILE]
    assert KeyRing(tuple(places)).data_key(path, name) == made
    with pytest.raises(RecordingSealed, match="not at hand"):
        KeyRing(tuple(places[:2])).data_key(path, name)
    with pytest.raises(RecordingSealed, match="another recording's"):
        KeyRing(tuple(places)).data_key(path, "ab" * 32)
    (tmp_path / "old" / FILE).chmod(0o644)
    with pytest.raises(RecordingSealed, match="others can read"):
        KeyRing(tuple(places[2:])).data_key(path, name)


def test_key_files_that_were_exchanged_open_nothing(tmp_path: Path) -> None:
    """Two recordings of one gateway, both wrapped by its key: the header says which data key is its own."""
    first, second = recorded(tmp_path, command()), recorded(tmp_path, command(), name="session-0002")
    keys = [data_keys.key_path(path).read_bytes() for path in (first, second)]
    data_keys.key_path(first).write_bytes(keys[1])
    reading = Library(tmp_path / "recordings").read("session-0001")
    next(reading)
    with pytest.raises(RecordingSealed, match="another recording's"):
        next(reading)
    assert beside(tmp_path / "recordings").files[1] == tmp_path / FILE

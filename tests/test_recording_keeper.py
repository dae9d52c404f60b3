"""Which key a gateway wraps with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.recordings import Vaulted
from twisted_hoop.errors import ConfigurationError, HoopError, RecordingFailed, SecretUnavailable
from twisted_hoop.recording.keeper import KeyKeeper, ring_of
from twisted_hoop.recording.wrapping import FILE, file_key
from twisted_hoop.settings import RecordingSection


class Down(Vaulted):
    """A Vault that does not answer."""

    def encrypt(self, key: bytes) -> str:
        raise SecretUnavailable("status 503")


def vaulted() -> RecordingSection:
    return RecordingSection(key_provider="vault-transit")


def test_a_file_is_at_hand_at_once(tmp_path: Path) -> None:
    keeper = KeyKeeper(RecordingSection(), tmp_path, None)
    assert keeper.new("session-0001")[1].by == file_key(tmp_path).id
    keeper.prepare()


def test_a_configured_file_is_used_and_the_one_in_the_state_folder_still_opens(tmp_path: Path) -> None:
    file_key(tmp_path)
    other = file_key(tmp_path / "other")
    where = str(tmp_path / "other" / FILE)
    assert KeyKeeper(RecordingSection(wrapping_key=where), tmp_path, None).new("session-0001")[1].by == other.id
    assert ring_of(tmp_path, where).files == (Path(where), tmp_path / FILE)


def test_vault_is_asked_before_the_first_session(tmp_path: Path) -> None:
    keeper = KeyKeeper(vaulted(), tmp_path, Vaulted())
    with pytest.raises(RecordingFailed, match="no key yet"):
        keeper.new("session-0001")
    keeper.prepare()
    assert keeper.new("session-0001")[1].provider == "vault-transit"
    assert not (tmp_path / FILE).exists()


def test_without_vault_nothing_is_recorded(tmp_path: Path) -> None:
    """Fail closed: no start, and no session."""
    with pytest.raises(ConfigurationError, match="VAULT_ADDR"):
        KeyKeeper(vaulted(), tmp_path, None)
    keeper = KeyKeeper(vaulted(), tmp_path, Down())
    with pytest.raises(HoopError, match="cannot be encrypted: status 503"):
        keeper.prepare()
    with pytest.raises(RecordingFailed):
        keeper.new("session-0001")

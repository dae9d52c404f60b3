"""A key that stays in a real Vault (OpenBao): recordings encrypted with what only it gives back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.defer import execute
from twisted.internet.task import Clock

from tests.support.recordings import command, now, session
from tests.support.vault import Vault, enable_approle, running_vault
from twisted_hoop.errors import ConfigurationError, RecordingSealed, SecretUnavailable
from twisted_hoop.model import Outcome
from twisted_hoop.recording.keeper import ring_of
from twisted_hoop.recording.library import Library
from twisted_hoop.recording.recorder import Recorder
from twisted_hoop.secrets.transit import VaultTransit, transit_of
from twisted_hoop.settings import RecordingSection, VaultSection

PLACE = "transit/hoop"


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    with running_vault(tmp_path_factory.mktemp("bao")) as server:
        server.call("POST", "sys/mounts/transit", {"type": "transit"})
        server.call("POST", "transit/keys/hoop")
        server.call("POST", "transit/keys/other")
        yield server


def environ(vault: Vault, **more: str) -> dict[str, str]:
    return {"VAULT_ADDR": vault.address, "VAULT_TOKEN": vault.token, **more}


def test_what_the_server_encrypts_it_decrypts(vault: Vault) -> None:
    transit = VaultTransit(PLACE, environ(vault))
    sealed = transit.encrypt(b"k" * 32)
    assert sealed.startswith("vault:v1:")
    assert transit.decrypt(sealed, PLACE) == b"k" * 32
    with pytest.raises(SecretUnavailable, match="status 400"):
        transit.decrypt(sealed, "transit/other")


def test_a_recording_opens_with_vault_and_not_without(vault: Vault, tmp_path: Path) -> None:
    transit = VaultTransit(PLACE, environ(vault))
    section = RecordingSection(minimum_free=0, key_provider="vault-transit")
    place = Recorder(section, tmp_path, Clock(), "hoop", in_thread=execute, transit=transit)
    assert now(place.recover()) == []
    recording = place.open(session())
    recording.write(command("select 1"))
    now(recording.close(Outcome("closed")))
    assert [each["kind"] for each in place.library.read("session-0001")] == ["open", "command", "close"]
    later = Library(place.folder, ring_of(tmp_path, "", VaultTransit("transit/renamed", environ(vault))))
    assert [each["kind"] for each in later.read("session-0001")] == ["open", "command", "close"]
    for ring in (ring_of(tmp_path), ring_of(tmp_path, "", VaultTransit(PLACE, environ(vault, VAULT_TOKEN="wrong")))):
        reading = Library(place.folder, ring).read("session-0001")
        next(reading)
        with pytest.raises(RecordingSealed):
            next(reading)


def test_a_token_from_a_file_and_none_at_all(vault: Vault, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(vault.token + "\n")
    file.chmod(0o600)
    fit = {"VAULT_ADDR": vault.address, "VAULT_TOKEN_FILE": str(file)}
    assert VaultTransit(PLACE, fit).encrypt(b"x")
    with pytest.raises(SecretUnavailable, match="VAULT_TOKEN"):
        VaultTransit(PLACE, {"VAULT_ADDR": vault.address}).encrypt(b"x")


def test_the_log_in_of_the_gateway_is_used_and_given_back(vault: Vault, tmp_path: Path) -> None:
    """R11: by an AppRole that may use this key only: no token is in the environment, and none is left behind."""
    policy = 'path "transit/encrypt/hoop" { capabilities = ["update"] }\n'
    policy += 'path "transit/decrypt/hoop" { capabilities = ["update"] }'
    role_id, secret_id = enable_approle(vault)
    vault.call("PUT", "sys/policies/acl/wraps", {"policy": policy})
    vault.call("POST", "auth/approle/role/hoop", {"token_policies": ["wraps"]})
    section = VaultSection(address=vault.address, auth="approle", role_id=role_id, secret_id="env:ID")
    transit = transit_of(PLACE, {"ID": secret_id}, section)
    assert transit is not None
    before = tokens(vault)
    assert transit.decrypt(transit.encrypt(b"k" * 32), PLACE) == b"k" * 32
    with pytest.raises(SecretUnavailable, match="status 403"):
        transit.decrypt("vault:v1:AAAA", "transit/other")
    assert tokens(vault) == before
    for environ in ({"ID": "wrong"}, {}, {"VAULT_TOKEN": vault.token}):
        with pytest.raises(SecretUnavailable) as caught:
            VaultTransit(PLACE, environ, section).encrypt(b"x")
        assert secret_id not in str(caught.value)


def tokens(vault: Vault) -> int:
    """How many there are."""
    return len(json.loads(vault.call("LIST", "auth/token/accessors"))["data"]["keys"])


def test_r11_errors_never_quote_the_token(vault: Vault) -> None:
    """R11: a wrong token, and a key that does not exist."""
    for place, token in ((PLACE, "s.very-secret"), ("transit/absent", vault.token)):
        with pytest.raises(SecretUnavailable) as caught:
            VaultTransit(place, environ(vault, VAULT_TOKEN=token)).decrypt("vault:v1:AAAA", place)
        assert token not in str(caught.value)


@pytest.mark.parametrize("address", ["", "http://vault.example:8200", "ftp://127.0.0.1", "http://127.0.0.1:1"])
def test_addresses_that_are_not_asked_or_do_not_answer(address: str) -> None:
    with pytest.raises(SecretUnavailable):
        VaultTransit(PLACE, {"VAULT_ADDR": address, "VAULT_TOKEN": "x"}).encrypt(b"x")


@pytest.mark.parametrize("place", ["", "hoop", "../sys/hoop", "transit/../x", "transit/a?b", "/transit/hoop"])
def test_what_is_no_mount_and_name(place: str) -> None:
    with pytest.raises(ConfigurationError, match="MOUNT/NAME"):
        VaultTransit(place, {})
    with pytest.raises(SecretUnavailable):
        VaultTransit(PLACE, {}).decrypt("vault:v1:x", place)


def test_without_an_address_there_is_none() -> None:
    assert transit_of(PLACE, {}) is None
    assert transit_of(PLACE, {"VAULT_ADDR": "http://127.0.0.1:1"}) is not None

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.config import WELL, written
from twisted_hoop.config import check_file, load
from twisted_hoop.config.files import absolute, check_files
from twisted_hoop.settings import Settings

FILES = """
[gateway]
state = "state"
[recording]
key = "keys/recording.pem"
[[issuers]]
name = "a"
issuer = "https://a"
audience = ["x"]
jwks = "keys/jwks.json"
[[issuers]]
name = "b"
issuer = "https://b"
audience = ["x"]
jwks = "https://b/keys"
[[targets]]
name = "t"
protocol = "postgres"
endpoint = "tcp:db:5432"
database = "t"
login = "t"
secret = "file:keys/password"
ca = "/etc/ssl/ca.pem"
"""


def test_relative_files_are_taken_from_the_configurations_folder(tmp_path: Path) -> None:
    settings = load(written(tmp_path, FILES))
    assert settings.gateway.state == str(tmp_path / "state")
    assert settings.recording.key == str(tmp_path / "keys/recording.pem") and settings.recording.folder == ""
    assert settings.issuers[0].jwks == str(tmp_path / "keys/jwks.json") and settings.issuers[1].jwks == "https://b/keys"
    assert settings.targets[0].secret == f"file:{tmp_path}/keys/password"
    assert settings.targets[0].ca == "/etc/ssl/ca.pem"


def test_other_references_stay_as_they_are(tmp_path: Path) -> None:
    settings = Settings.model_validate({"targets": [
        {"name": "t", "protocol": "postgres", "endpoint": "unix:/x", "secret": "env:PGPASSWORD"},
    ]})  # fmt: skip
    assert absolute(settings, tmp_path).targets[0].secret == "env:PGPASSWORD"


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_R11_keys_and_secrets_that_others_can_read_are_told(tmp_path: Path, mode: int) -> None:
    (tmp_path / "keys").mkdir()
    for name in ("recording.pem", "password", "jwks.json"):
        (tmp_path / "keys" / name).write_text("x")
        (tmp_path / "keys" / name).chmod(mode)
    text = FILES.replace('ca = "/etc/ssl/ca.pem"', "")
    found = check_file(written(tmp_path, text))
    assert [line.split(": ")[1] for line in found] == ["recording.key", "targets.0.secret"]
    assert all("chmod 600" in line for line in found)


def test_R11_keys_of_ssh_and_the_clients_secret_are_files_of_the_same_kind(tmp_path: Path) -> None:
    text = """[gateway]
state = "s"
[ssh]
user_ca = "keys/user_ca"
host_key = "/keys/host"
[[issuers]]
name = "corp"
issuer = "https://login.example.org"
audience = ["hoop"]
client_id = "hoop"
client_secret = "file:keys/client"
"""
    (tmp_path / "keys").mkdir()
    for name in ("user_ca", "client"):
        (tmp_path / "keys" / name).write_text("x")
        (tmp_path / "keys" / name).chmod(0o640)
    path = written(tmp_path, text)
    found = load(path)
    assert found.ssh.user_ca == str(tmp_path / "keys/user_ca") and found.ssh.host_key == "/keys/host"
    assert found.issuers[0].client_secret == f"file:{tmp_path}/keys/client"
    lines = check_file(path)
    assert [line.split(": ")[1] for line in lines] == ["ssh.host_key", "ssh.user_ca", "issuers.0.client_secret"]
    assert "cannot be read" in lines[0] and all("chmod 600" in line for line in lines[1:])


def test_R11_a_configuration_with_verifiers_is_not_for_everybody(tmp_path: Path) -> None:
    path = written(tmp_path, f"[[accounts]]\nname='bot'\ntoken_sha256='{'0' * 64}'\n[gateway]\nstate='s'\n")
    path.chmod(0o644)
    assert "chmod o=" in check_files(load(path), path)[0]
    path.chmod(0o640)
    assert check_files(load(path), path) == []


def test_R11_the_state_folder_is_ours_alone(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o755)
    path = written(tmp_path, "[gateway]\nstate='state'\n")
    assert "chmod 700" in check_file(path)[0]
    (tmp_path / "state").chmod(0o700)
    assert check_file(path) == []
    (tmp_path / "state").rmdir()
    (tmp_path / "state").write_text("")
    assert "no folder" in check_file(path)[0]


def test_missing_files_are_told(tmp_path: Path) -> None:
    path = written(tmp_path, WELL + "[recording]\nkey='gone.pem'\n[gateway]\nstate='s'\n")
    assert [line.split(": ")[1] for line in check_file(path)] == ["recording.key"]

"""The gateway's own keys on disk."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from tests.support.ssh_identity import ssh_keygen
from tests.support.sshd import make_key, public_line
from twisted_hoop.errors import ConfigurationError
from twisted_hoop.identity.ssh_key_files import GatewayKeys, load_gateway_keys
from twisted_hoop.settings import SshSection

NAMES = ("ssh_user_ca", "ssh_host_ca", "ssh_host_key", "ssh_agent_ca")


def test_R11_they_are_made_once_and_for_us_alone(tmp_path: Path) -> None:
    first = load_gateway_keys(SshSection(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)
    for name in NAMES:
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        assert ssh_keygen("-y", "-f", tmp_path / name).startswith("ssh-ed25519 ")
    again = load_gateway_keys(SshSection(), tmp_path)
    assert first.user_ca.public == again.user_ca.public and first.host_key.public == again.host_key.public


def test_two_processes_that_start_at_once_have_the_same(tmp_path: Path) -> None:
    found: list[GatewayKeys] = []
    threads = [
        threading.Thread(target=lambda: found.append(load_gateway_keys(SshSection(), tmp_path))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len({keys.user_ca.public.blob for keys in found}) == 1
    assert len(list(tmp_path.iterdir())) == 4


def test_those_of_the_configuration_are_taken(tmp_path: Path) -> None:
    ca = make_key(tmp_path / "ca", "rsa", "-b", "2048")
    keys = load_gateway_keys(SshSection(user_ca=str(ca)), tmp_path)
    assert keys.user_ca.public.line == public_line(ca)
    assert not (tmp_path / "ssh_user_ca").exists()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o604])
def test_R11_what_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    make_key(tmp_path / "ca").chmod(mode)
    with pytest.raises(ConfigurationError, match=r"ssh\.user_ca: .*chmod 600"):
        load_gateway_keys(SshSection(user_ca=str(tmp_path / "ca")), tmp_path)


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no key")
    (tmp_path / "text").chmod(0o600)
    section = SshSection(user_ca=str(tmp_path / "gone"), host_ca=str(tmp_path / "text"))
    with pytest.raises(ConfigurationError) as caught:
        load_gateway_keys(section, tmp_path)
    gone, text = caught.value.problems
    assert "ssh.user_ca" in gone and "No such file" in gone and "ssh.host_ca" in text and "not an unencrypted" in text


def test_a_passphrase_another_kind_and_one_key_for_two_purposes_are_refused(tmp_path: Path) -> None:
    ssh_keygen("-q", "-t", "ed25519", "-N", "secret", "-f", tmp_path / "locked")
    one, other = make_key(tmp_path / "one"), make_key(tmp_path / "other", "ecdsa")
    for section, told in (
        (SshSection(user_ca=str(tmp_path / "locked")), "passphrase"),
        (SshSection(host_key=str(other)), "Ed25519"),
        (SshSection(user_ca=str(one), host_ca=str(one)), "different keys"),
        (SshSection(user_ca=str(tmp_path)), "cannot be read"),
    ):
        with pytest.raises(ConfigurationError, match=told):
            load_gateway_keys(section, tmp_path)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be made"):
        load_gateway_keys(SshSection(), tmp_path / "gone")

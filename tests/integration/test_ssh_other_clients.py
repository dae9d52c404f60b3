"""Clients that are not OpenSSH's: dropbear's dbclient; PuTTY's plink, pscp and psftp."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.ssh_house import SshHouse
from tests.support.sshd import ACCOUNT

WHO = f"{ACCOUNT}%web-1"
BIG = os.urandom(3_000_000)


def run(house: SshHouse, *argv: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return house.do(argv, stdin)


def key_of(house: SshHouse, folder: Path, *command: str) -> Path:
    """The key of `sue` as a program wants it."""
    made = folder / "key"
    subprocess.run([*command, str(made)], check=True, capture_output=True, timeout=60)
    return made


def test_dropbear(house_of_ssh: SshHouse, tmp_path: Path) -> None:
    key = key_of(house_of_ssh, tmp_path, "dropbearconvert", "openssh", "dropbear", str(house_of_ssh.folder / "key-sue"))
    command = ["dbclient", "-y", "-y", "-i", str(key), "-p", str(house_of_ssh.port), f"{WHO}@127.0.0.1"]
    done = run(house_of_ssh, *command, "cat; exit 3", stdin=BIG)
    assert (done.returncode, done.stdout) == (3, BIG)
    refused = run(house_of_ssh, *command, "rm x")
    assert refused.returncode == 126 and b"hoop: refused by rule nothing is removed" in refused.stderr


@pytest.fixture
def putty(house_of_ssh: SshHouse, tmp_path: Path) -> list[str]:
    """Options of PuTTY's programs."""
    source = str(house_of_ssh.folder / "key-sue")
    key = tmp_path / "key.ppk"
    subprocess.run(["puttygen", source, "-O", "private", "-o", str(key)], check=True, capture_output=True, timeout=60)
    gateway = house_of_ssh.gateway.api("GET", "/v1/ssh/authorities").json["gateway"]
    (tmp_path / "gateway.pub").write_text(gateway + "\n")
    told = subprocess.run(["ssh-keygen", "-lf", str(tmp_path / "gateway.pub")], capture_output=True, check=True)
    print_of = told.stdout.split()[1].decode()
    return ["-batch", "-hostkey", print_of, "-i", str(key), "-P", str(house_of_ssh.port)]


def test_plink(house_of_ssh: SshHouse, putty: list[str]) -> None:
    done = run(house_of_ssh, "plink", *putty, f"{WHO}@127.0.0.1", "cat; exit 4", stdin=BIG)
    assert (done.returncode, done.stdout) == (4, BIG)


@pytest.mark.parametrize("way", ["-sftp", "-scp"])
def test_pscp(house_of_ssh: SshHouse, putty: list[str], tmp_path: Path, way: str) -> None:
    (tmp_path / "here").write_bytes(BIG)
    for source, destination in (
        (str(tmp_path / "here"), f"{WHO}@127.0.0.1:{tmp_path}/there"),
        (f"{WHO}@127.0.0.1:{tmp_path}/there", str(tmp_path / "back")),
    ):
        done = run(house_of_ssh, "pscp", way, *putty, source, destination)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "back").read_bytes() == BIG


def test_psftp(house_of_ssh: SshHouse, putty: list[str], tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(BIG)
    script = f"ls {tmp_path}\nget {tmp_path}/there {tmp_path}/got\nquit\n".encode()
    done = run(house_of_ssh, "psftp", *putty, f"{WHO}@127.0.0.1", stdin=script)
    assert done.returncode == 0 and b"there" in done.stdout
    assert (tmp_path / "got").read_bytes() == BIG

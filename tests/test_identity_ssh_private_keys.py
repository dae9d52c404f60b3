"""Private keys: what ssh-keygen and openssl write, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ssh_identity import rsa_key, ssh_keygen
from tests.support.sshd import make_key
from twisted_hoop.identity.ssh_keys import parse_line
from twisted_hoop.identity.ssh_private_keys import new_private_key, parse_private_key


@pytest.mark.parametrize(
    "options",
    ["ed25519", "ecdsa -b 256", "ecdsa -b 384", "rsa -b 2048", "rsa -m PEM", "ecdsa -m PKCS8"],
)
def test_keys_of_ssh_keygen(tmp_path: Path, options: str) -> None:
    path = make_key(tmp_path / "key", *options.split())
    key = parse_private_key(path.read_bytes().replace(b"\n", b"\r\n"))
    assert key.public == parse_line((tmp_path / "key.pub").read_text())
    assert key.public.verify(key.sign(b"data"), b"data")


def test_what_is_written_is_read_by_both(tmp_path: Path) -> None:
    key = new_private_key()
    path = tmp_path / "key"
    path.write_bytes(key.openssh())
    path.chmod(0o600)
    assert ssh_keygen("-y", "-f", path).split()[:2] == key.public.line.split()
    assert parse_private_key(key.openssh()).public == key.public


@pytest.mark.parametrize("options", [(), ("-m", "PEM"), ("-m", "PKCS8")], ids=str)
def test_a_passphrase_is_told(tmp_path: Path, options: tuple[str, ...]) -> None:
    path = tmp_path / "key"
    ssh_keygen("-q", "-t", "ecdsa", "-N", "secret", "-f", path, *options)
    with pytest.raises(ValueError, match="passphrase"):
        parse_private_key(path.read_bytes())


def test_S3_dsa_and_small_keys_are_refused() -> None:
    with pytest.raises(ValueError, match="2048"):
        rsa_key(1024)
    pem = dsa.generate_private_key(2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="Ed25519, ECDSA"):
        parse_private_key(pem)


def test_R11_a_key_shows_nothing_of_itself() -> None:
    key = new_private_key()
    assert key.openssh().split(b"\n")[3].decode() not in repr(key) + str(vars(type(key)))


def test_it_signs_with_its_own_algorithms_only() -> None:
    with pytest.raises(ValueError, match="ssh-rsa"):
        rsa_key().sign(b"data", b"ssh-rsa")


@given(st.binary(max_size=300), st.integers(0, 400))
def test_a_key_or_a_value_error_that_does_not_quote_it(junk: bytes, at: int) -> None:
    text = TEXT[:at] + junk + TEXT[at + len(junk) :]
    try:
        parse_private_key(text)
    except ValueError as error:
        assert len(str(error)) < 120


TEXT = new_private_key().openssh()

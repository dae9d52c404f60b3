"""Public keys: what ssh-keygen writes, what signatures verify, and what is no key."""

from __future__ import annotations

import base64
import contextlib
import hashlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from tests.support.ssh_identity import ecdsa_key, rsa_key, ssh_keygen
from tests.support.sshd import make_key
from twisted_hoop.identity.ssh_keys import SK_ED25519, PublicKey, parse_blob, parse_line, public_key_of
from twisted_hoop.identity.ssh_private_keys import PrivateKey, new_private_key
from twisted_hoop.identity.ssh_wire import mpint, strings

RSA = rsa_key()
KEYS = [new_private_key(), ecdsa_key(), ecdsa_key(ec.SECP384R1()), ecdsa_key(ec.SECP521R1()), RSA]
IDS = [key.public.kind.decode() for key in KEYS]


@pytest.mark.parametrize(("kind", "bits"), [("ed25519", "256"), ("ecdsa", "521"), ("rsa", "2048")])
def test_keys_of_ssh_keygen(tmp_path: Path, kind: str, bits: str) -> None:
    path = make_key(tmp_path / "key", kind, "-b", bits)
    key = parse_line((tmp_path / "key.pub").read_text())
    assert key.line == " ".join((tmp_path / "key.pub").read_text().split()[:2])
    assert key.fingerprint == ssh_keygen("-lf", path).split()[1]


@pytest.mark.parametrize("key", KEYS, ids=IDS)
def test_a_signature_is_of_its_key_data_and_algorithm(key: PrivateKey) -> None:
    public = parse_blob(key.public.blob)
    assert public == key.public
    for algorithm in public.algorithms:
        signature = key.sign(b"data", algorithm)
        assert public.verify(signature, b"data", algorithm) and public.verify(signature, b"data")
        assert not public.verify(signature, b"other", algorithm)
        assert not public.verify(signature + b"\0", b"data", algorithm)
        assert not public.verify(signature[:-1], b"data", algorithm)
        assert not new_private_key().public.verify(signature, b"data")


def test_S3_sha_1_and_algorithms_that_were_not_announced_verify_nothing() -> None:
    """twisted#12496: a signature in another algorithm than the one that was announced."""
    assert not RSA.public.verify(RSA.sign(b"data", b"rsa-sha2-256"), b"data", b"rsa-sha2-512")
    relabelled = strings(b"ssh-rsa", RSA.sign(b"data", b"rsa-sha2-256")[-256:])
    assert not RSA.public.verify(relabelled, b"data") and not RSA.public.verify(relabelled, b"data", b"ssh-rsa")
    assert b"ssh-rsa" not in RSA.public.algorithms


def security_key(flags: int = 1, touched: bytes = b"data") -> tuple[PublicKey, bytes]:
    """A security key as OpenSSH's PROTOCOL.u2f has it, played by software, and its signature of `touched`."""
    raw = ed25519.Ed25519PrivateKey.generate()
    public = parse_blob(strings(SK_ED25519, raw.public_key().public_bytes_raw(), b"ssh:"))
    counter = b"\0\0\0\7"
    signed = hashlib.sha256(b"ssh:").digest() + bytes((flags,)) + counter + hashlib.sha256(touched).digest()
    return public, strings(SK_ED25519, raw.sign(signed)) + bytes((flags,)) + counter


def test_security_keys_need_a_touch() -> None:
    public, signature = security_key()
    assert public.application == b"ssh:" and public.verify(signature, b"data", SK_ED25519)
    assert not public.verify(signature, b"other")
    assert not public.verify(signature[:-5] + b"\5" + signature[-4:], b"data")
    untouched, signature = security_key(flags=0)
    assert not untouched.verify(signature, b"data")


POINT = ec.generate_private_key(ec.SECP256R1()).public_key()
BAD = {
    "empty": b"",
    "unknown kind": strings(b"ssh-dss", b"x"),
    "certificate": strings(b"ssh-ed25519-cert-v01@openssh.com", b"x"),
    "short": strings(b"ssh-ed25519", b"x"),
    "long": strings(b"ssh-ed25519", bytes(32)) + b"x",
    "rsa 1024": strings(b"ssh-rsa", mpint(65537), mpint(2**1023 + 1)),
    "rsa 16384": strings(b"ssh-rsa", mpint(65537), mpint(2**16383 + 1)),
    "rsa exponent 1": strings(b"ssh-rsa", mpint(1), mpint(2**2047 + 1)),
    "rsa padded": strings(b"ssh-rsa", b"\0" + mpint(65537), mpint(2**2047 + 1)),
    "curve of another kind": strings(b"ecdsa-sha2-nistp256", b"nistp384", b"\4" + bytes(64)),
    "not on the curve": strings(b"ecdsa-sha2-nistp256", b"nistp256", b"\4" + b"\1" * 64),
    "compressed": strings(b"ecdsa-sha2-nistp256", b"nistp256", b"\2" + bytes(32)),
    "security key for nothing": strings(SK_ED25519, bytes(32), b""),
    "too large": bytes(20_000),
}


@pytest.mark.parametrize("blob", BAD.values(), ids=BAD)
def test_what_is_no_key_is_a_value_error(blob: bytes) -> None:
    with pytest.raises(ValueError):
        parse_blob(blob)


@pytest.mark.parametrize(
    "line",
    ["", "ssh-ed25519", "ssh-ed25519 %%%", "ssh-ed25519 AAAA", "ssh-rsa " + KEYS[0].public.line.split()[1], "ü ü"],
    ids=range(6),
)
def test_what_is_no_line_is_a_value_error(line: str) -> None:
    with pytest.raises(ValueError):
        parse_line(line)


def test_curves_ssh_does_not_know_are_refused() -> None:
    with pytest.raises(ValueError, match="curve"):
        public_key_of(ec.generate_private_key(ec.BrainpoolP256R1()).public_key())


@given(st.binary(max_size=200), st.integers(0, 200), st.sampled_from(KEYS))
def test_a_key_or_a_value_error(junk: bytes, at: int, key: PrivateKey) -> None:
    blob = key.public.blob
    for data in (junk, blob[:at] + junk, blob[:at] + junk + blob[at + len(junk) :]):
        with contextlib.suppress(ValueError):
            assert parse_blob(data).blob == data


@given(st.binary(max_size=100), st.sampled_from(KEYS))
def test_signatures_that_are_none_never_raise(junk: bytes, key: PrivateKey) -> None:
    assert not key.public.verify(junk, b"data")
    assert not key.public.verify(strings(key.public.algorithms[0], junk), b"data")


@given(st.text())
def test_a_line_or_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_line("ssh-ed25519 " + base64.b64encode(text.encode()).decode())

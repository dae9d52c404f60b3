"""twisted_hoop.ssh.agreements: a client's half of every key exchange, against the server's half computed here."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from twisted.conch.ssh.common import MP

from twisted_hoop.errors import ProtocolError
from twisted_hoop.ssh.agreements import make_agreement, mpint
from twisted_hoop.ssh.algorithms import KEY_EXCHANGES
from twisted_hoop.ssh.exchange import BROKEN
from twisted_hoop.ssh.fields import string


@given(st.binary(max_size=70))
def test_numbers_as_conch_writes_them(value: bytes) -> None:
    assert mpint(value) == MP(int.from_bytes(value, "big"))


@pytest.mark.parametrize("name", [b"curve25519-sha256", b"curve25519-sha256@libssh.org"])
def test_curve25519(name: bytes) -> None:
    agreement, key = make_agreement(name), x25519.X25519PrivateKey.generate()
    expected = key.exchange(x25519.X25519PublicKey.from_public_bytes(agreement.public))
    assert agreement.secret(key.public_key().public_bytes_raw()) == mpint(expected)
    assert agreement.digest(b"").name == "sha256"


@pytest.mark.parametrize(
    ("curve", "digest"), [(ec.SECP256R1(), "sha256"), (ec.SECP384R1(), "sha384"), (ec.SECP521R1(), "sha512")]
)
def test_nist_curves(curve: ec.EllipticCurve, digest: str) -> None:
    agreement, key = make_agreement(b"ecdh-sha2-nistp%d" % curve.key_size), ec.generate_private_key(curve)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(curve, agreement.public)
    ours = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert agreement.secret(ours) == mpint(key.exchange(ec.ECDH(), theirs))
    assert agreement.digest(b"").name == digest


def test_hybrid() -> None:
    agreement = make_agreement(b"mlkem768x25519-sha256")
    assert len(agreement.public) == 1184 + 32
    lattice, cipher = mlkem.MLKEM768PublicKey.from_public_bytes(agreement.public[:1184]).encapsulate()
    key = x25519.X25519PrivateKey.generate()
    curve = key.exchange(x25519.X25519PublicKey.from_public_bytes(agreement.public[1184:]))
    expected = string(hashlib.sha256(lattice + curve).digest())
    assert agreement.secret(cipher + key.public_key().public_bytes_raw()) == expected


@pytest.mark.parametrize("name", KEY_EXCHANGES)
@pytest.mark.parametrize(
    "answer", [b"", b"\0" * 32, b"\4" + b"\0" * 64, b"\0" * 1120, b"\xff" * 33, b"\4" + b"\xff" * 132]
)
def test_answers_that_cannot_be(name: bytes, answer: bytes) -> None:
    """Points that are not on the curve, of low order, or of a wrong length."""
    with pytest.raises((ProtocolError, *BROKEN)):
        make_agreement(name).secret(answer)

"""The keys of the gateway's own tokens: made once, of two kinds, named by their thumbprints, kept from others."""

from __future__ import annotations

import base64
import contextlib
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from twisted_hoop.errors import ConfigurationError
from twisted_hoop.identity.jwks import parse_jwks
from twisted_hoop.identity.own_keys import FILE, OwnKey, load_own_keys, make_own_key, parse_own_key
from twisted_hoop.settings import OwnIssuerSection


def pem(private: object, encryption: object = NoEncryption()) -> bytes:
    found: bytes = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)  # type: ignore[attr-defined]
    return found


def written(path: Path, private: object, mode: int = 0o600) -> str:
    path.write_bytes(pem(private))
    path.chmod(mode)
    return str(path)


def test_without_configured_keys_one_is_made_and_stays(tmp_path: Path) -> None:
    first, again = (load_own_keys(OwnIssuerSection(), tmp_path) for _ in range(2))
    assert first.signing.kid == again.signing.kid and first.signing.algorithm == "EdDSA"
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_the_first_signs_and_all_are_published(tmp_path: Path) -> None:
    new, old = ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate()
    keys = load_own_keys(
        OwnIssuerSection(keys=[written(tmp_path / "new", new), written(tmp_path / "old", old)]), tmp_path
    )
    assert [key.algorithm for key in keys.keys] == ["ES256", "EdDSA"] and keys.signing is keys.keys[0]
    published = parse_jwks(json.dumps(keys.jwks()).encode())
    assert [key.kid for key in published.keys] == [key.kid for key in keys.keys]
    assert all("d" not in jwk for jwk in keys.jwks()["keys"])
    for key in keys.keys:
        assert keys.find(key.kid, key.algorithm) is key
        assert keys.find(key.kid, "RS256") is None and keys.find(None, key.algorithm) is None


def test_the_thumbprint_of_rfc_8037() -> None:
    """Appendix A.3."""
    seed = base64.urlsafe_b64decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=")
    key = make_own_key(ed25519.Ed25519PrivateKey.from_private_bytes(seed))
    assert key.kid == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_what_is_wrong_is_said_for_each(tmp_path: Path) -> None:
    """R11: a key that others can read is none."""
    good = ed25519.Ed25519PrivateKey.generate()
    paths = [
        written(tmp_path / "good", good),
        written(tmp_path / "open", ed25519.Ed25519PrivateKey.generate(), 0o644),
        written(tmp_path / "rsa", rsa.generate_private_key(65537, 2048)),
        written(tmp_path / "twice", good),
        str(tmp_path / "missing"),
    ]
    with pytest.raises(ConfigurationError) as caught:
        load_own_keys(OwnIssuerSection(keys=paths), tmp_path)
    told = caught.value.problems
    assert [line.partition(":")[0] for line in told] == [f"own_issuer.keys.{n}" for n in (1, 2, 3, 4)]
    for line, words in zip(
        told, ("open to others", "neither Ed25519 nor", "the same key", "cannot be read"), strict=True
    ):
        assert words in line


def test_keys_that_cannot_be_used() -> None:
    with pytest.raises(ValueError, match="passphrase"):
        parse_own_key(pem(ed25519.Ed25519PrivateKey.generate(), BestAvailableEncryption(b"secret")))
    with pytest.raises(ValueError, match="neither"):
        parse_own_key(pem(ec.generate_private_key(ec.SECP384R1())))


@given(st.binary(max_size=400) | st.binary(max_size=200).map(lambda b: b"-----BEGIN PRIVATE KEY-----\n" + b))
def test_a_key_or_a_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(parse_own_key(data), OwnKey)

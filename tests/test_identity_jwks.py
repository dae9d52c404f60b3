"""Key sets: which keys are kept, how one is found."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa, x25519
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tokens import make_ring
from twisted_hoop.demo.keyring import public_jwk
from twisted_hoop.identity.jwks import MAX_DOCUMENT, KeySet, parse_jwks

RING = make_ring("x", "EdDSA", "ES256", "RS256")
ED, EC, RSA = RING.jwks()["keys"]
SMALL = public_jwk(rsa.generate_private_key(public_exponent=65537, key_size=1024), "small")


def parsed(*keys: Any) -> KeySet:
    return parse_jwks(json.dumps({"keys": list(keys)}).encode())


def test_keys_are_found_by_id_and_algorithm() -> None:
    keys = parsed(ED, EC, RSA)
    for jwk, algorithm in ((ED, "EdDSA"), (EC, "ES256"), (RSA, "RS256")):
        found = keys.find(jwk["kid"], algorithm)
        assert found is not None and found.kid == jwk["kid"]
    assert keys.find(ED["kid"], "ES256") is None
    assert keys.find(ED["kid"].upper(), "EdDSA") is None
    assert keys.find("", "EdDSA") is None


def test_without_an_id_the_set_must_have_one_key() -> None:
    assert parsed(ED).find(None, "EdDSA") is not None
    assert parsed(ED).find(None, "RS256") is None
    assert parsed(ED, EC).find(None, "EdDSA") is None
    assert parsed().find(None, "EdDSA") is None


def test_two_keys_with_one_id_are_ambiguous() -> None:
    other = make_ring("x", "EdDSA").jwks()["keys"][0]
    assert parsed(ED, {**other, "kid": ED["kid"]}).find(ED["kid"], "EdDSA") is None
    mixed = parsed(ED, {**EC, "kid": ED["kid"]})
    assert mixed.find(ED["kid"], "ES256") is not None


def test_an_rsa_key_without_alg_takes_all_rsa_algorithms_and_no_others() -> None:
    bare = {name: value for name, value in RSA.items() if name != "alg"}
    keys = parsed(bare)
    assert all(keys.find(RSA["kid"], name) for name in ("RS256", "RS512", "PS256", "PS512"))
    assert keys.find(RSA["kid"], "ES256") is None


@pytest.mark.parametrize(
    "jwk",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "k", "alg": "HS256"},
        {**ED, "use": "enc"},
        {**ED, "key_ops": ["sign"]},
        {**ED, "key_ops": "verify"},
        {**ED, "alg": "HS256"},
        {**ED, "alg": 7},
        {**ED, "kid": 7},
        {**ED, "crv": "secp256k1"},
        {**ED, "x": "AAAA"},
        {**ED, "x": 7},
        {**EC, "crv": "P-521"},
        {**EC, "y": EC["x"]},
        {**RSA, "e": "AA"},
        {**RSA, "n": 7},
        {**RSA, "n": None},
        SMALL,
        {"kty": "RSA"},
        {"kty": ["RSA"]},
        {},
        "no key",
        None,
    ],
)
def test_unusable_keys_are_left_out(jwk: Any) -> None:
    assert parsed(jwk).keys == ()
    assert len(parsed(jwk, EC).keys) == 1


def test_curves() -> None:
    ed448_jwk = public_jwk(ed448.Ed448PrivateKey.generate(), "ed448")  # type: ignore[arg-type]
    assert parsed(ed448_jwk).find("ed448", "EdDSA") is not None
    k1 = {**EC, "crv": "secp256k1"}
    numbers = ec.generate_private_key(ec.SECP256K1()).public_key().public_numbers()
    assert parsed({**k1, "x": _b64(numbers.x), "y": _b64(numbers.y)}).keys == ()
    raw = x25519.X25519PrivateKey.generate().public_key().public_bytes_raw()
    assert parsed({"kty": "OKP", "crv": "X25519", "x": _b64(int.from_bytes(raw, "big")), "kid": "x"}).keys == ()


def _b64(number: int) -> str:
    import base64

    return base64.urlsafe_b64encode(number.to_bytes(32, "big")).rstrip(b"=").decode()


def test_a_private_key_in_a_public_set_is_read_as_public() -> None:
    key = parsed({**ED, "d": "c2VjcmV0"}).keys[0]
    assert not hasattr(key.public, "sign")


@pytest.mark.parametrize(
    "document", [b"", b"[]", b"{}", b'{"keys": {}}', b"\xff", b"[" * 100_000, b" " * (MAX_DOCUMENT + 1)]
)
def test_what_is_no_key_set(document: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_jwks(document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["kty", "kid", "use", "alg", "n", "e", "crv", "x", "y", "key_ops"])


@given(st.sampled_from([ED, EC, RSA]), st.dictionaries(NAMES, JSON))
def test_any_key_is_usable_or_left_out(jwk: dict[str, Any], changes: dict[str, Any]) -> None:
    for key in parsed({**jwk, **changes}).keys:
        assert key.algorithms and isinstance(key.kid, str)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_document_is_a_key_set_or_a_value_error(document: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(parse_jwks(document), KeySet)

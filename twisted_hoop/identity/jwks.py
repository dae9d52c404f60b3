"""JSON Web Key Sets (RFC 7517): which keys an issuer signs with. Pure.

Only public signature keys are kept: RSA from 2048 bits, P-256/384/521, Ed25519 and Ed448. Symmetric keys, encryption
keys, weak and unknown ones are left out, so that nothing can be verified with them (I1).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Union

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa

MAX_DOCUMENT = 1024 * 1024
PublicKey = Union[rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey, ed448.Ed448PublicKey]

_RSA = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}
_MAX_RSA_BITS = 8192


@dataclass(frozen=True, slots=True)
class Key:
    """One public key and the algorithms it may verify."""

    kid: str
    algorithms: frozenset[str]
    public: PublicKey


@dataclass(frozen=True, slots=True)
class KeySet:
    """An issuer's usable keys."""

    keys: tuple[Key, ...] = ()

    def find(self, kid: str | None, algorithm: str) -> Key | None:
        """The one key with exactly this id; without an id the only key there is. None also when several would do."""
        if kid is None:
            found = list(self.keys)
        else:
            found = [key for key in self.keys if key.kid == kid and algorithm in key.algorithms]
        return found[0] if len(found) == 1 and algorithm in found[0].algorithms else None


def parse_jwks(document: bytes) -> KeySet:
    """The usable keys of a JWK Set, or ValueError when it is none (or too large)."""
    if len(document) > MAX_DOCUMENT:
        raise ValueError("the key set is too large")
    try:
        value = json.loads(document)
    except RecursionError:
        raise ValueError("the key set is nested too deeply") from None
    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list):
        raise ValueError("a key set has a list of keys")
    found = [_key(jwk) for jwk in keys if isinstance(jwk, dict)]
    return KeySet(tuple(key for key in found if key is not None))


def _key(jwk: Mapping[str, Any]) -> Key | None:
    """RFC 7517 section 5: what is not understood or does not fit is ignored."""
    kid, use, operations = jwk.get("kid", ""), jwk.get("use", "sig"), jwk.get("key_ops", ["verify"])
    meant = isinstance(kid, str) and use == "sig" and isinstance(operations, list) and "verify" in operations
    if not meant or jwk.get("kty") not in ("RSA", "EC", "OKP"):
        return None
    public = _public_key(jwk)
    algorithms = _algorithms(public) if public is not None else frozenset()
    if "alg" in jwk:
        algorithms &= {jwk["alg"]} if isinstance(jwk["alg"], str) else set()
    return Key(kid, algorithms, public) if public is not None and algorithms else None


def _public_key(jwk: Mapping[str, Any]) -> PublicKey | None:
    public = {name: value for name, value in jwk.items() if name in ("kty", "n", "e", "crv", "x", "y")}
    family = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}[jwk["kty"]]
    try:
        key = jwt.get_algorithm_by_name(family).from_jwk(public)
    except (jwt.InvalidKeyError, ValueError, TypeError, AttributeError, KeyError):
        return None
    kinds = (rsa.RSAPublicKey, ec.EllipticCurvePublicKey, ed25519.Ed25519PublicKey, ed448.Ed448PublicKey)
    return key if isinstance(key, kinds) else None


def _algorithms(public: PublicKey) -> frozenset[str]:
    if isinstance(public, rsa.RSAPublicKey):
        return _RSA if 2048 <= public.key_size <= _MAX_RSA_BITS else frozenset()
    if isinstance(public, ec.EllipticCurvePublicKey):
        return frozenset({_CURVES[public.curve.name]} if public.curve.name in _CURVES else ())
    return frozenset({"EdDSA"})

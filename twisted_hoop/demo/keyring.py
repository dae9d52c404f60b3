"""Keys and tokens of the development issuer: a folder of keys, a few people and machines, `mint` to sign for them.

Used by the demo, by `hoop` offline, and by tests to sign any token they like. Never for production.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

DEFAULT_ISSUER = "http://127.0.0.1:8081"
AUDIENCE = "hoop"

SigningKey = Union[rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey]


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person or machine the development issuer knows."""

    name: str
    groups: tuple[str, ...]
    kind: str = "human"


PEOPLE: Mapping[str, Somebody] = {
    one.name: one
    for one in (
        Somebody("alice", ("developers",)),
        Somebody("bob", ("dba", "approvers")),
        Somebody("carol", ("auditors", "approvers")),
        Somebody("ci-bot", ("ci",), "machine"),
        Somebody("agent-7", ("agents",), "machine"),
    )
}


class KeyRing:
    """Named private keys that sign tokens of one issuer; `jwks()` is its public half (RFC 7517)."""

    def __init__(self, issuer: str = DEFAULT_ISSUER) -> None:
        self.issuer = issuer
        self.keys: dict[str, SigningKey] = {}

    def add(self, algorithm: str, kid: str = "", key: SigningKey | None = None) -> str:
        """Make (or take) a key for `algorithm` and name it; gives its key id."""
        chosen = key if key is not None else _generate(algorithm)
        name = kid or f"{algorithm.lower()}-{_fingerprint(chosen)}"
        self.keys[name] = chosen
        return name

    def remove(self, kid: str) -> None:
        """Forget a key, as an issuer that rotates does."""
        del self.keys[kid]

    def jwks(self) -> dict[str, list[dict[str, Any]]]:
        """The JWK Set, public halves only."""
        return {"keys": [public_jwk(key, kid) for kid, key in self.keys.items()]}

    def sign(self, claims: Mapping[str, Any], kid: str | None = None, headers: Mapping[str, Any] | None = None) -> str:
        """A JWT with exactly these claims, signed by the key `kid` (the first one by default).

        `headers` add to `kid` and `typ`; None takes one away. The claims are not looked at: tests sign nonsense too.
        """
        name = kid if kid is not None else next(iter(self.keys))
        key = self.keys[name]
        merged = {"kid": name, "typ": "JWT", **(headers or {})}
        given = {header: value for header, value in merged.items() if value is not None}
        return jwt.PyJWS().encode(json.dumps(dict(claims)).encode("utf-8"), key, algorithm_of(key), given)

    def token(self, subject: str, lifetime: float = 3600.0, kid: str | None = None, **claims: Any) -> str:
        """A token with the usual claims (iss, aud, iat, exp, jti); `claims` add to them, None takes one away."""
        now = int(time.time())
        usual = {"iss": self.issuer, "sub": subject, "aud": AUDIENCE, "iat": now, "exp": int(now + lifetime)}
        merged = {**usual, "jti": secrets.token_urlsafe(12), **claims}
        return self.sign({name: value for name, value in merged.items() if value is not None}, kid)


def open_keyring(folder: Path | str, issuer: str = "") -> KeyRing:
    """The folder's key ring (RSA and Ed25519), made at the first call. `issuer` is remembered when given."""
    place = Path(folder)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    ring = KeyRing(_remembered_issuer(place, issuer))
    for algorithm in ("RS256", "EdDSA"):
        ring.add(algorithm, key=_kept_key(place / f"{algorithm.lower()}.key", algorithm))
    return ring


def mint(
    folder: Path | str,
    who: str,
    actor: str | None = None,
    lifetime: float = 3600.0,
    *,
    issuer: str = "",
    audience: str = AUDIENCE,
    **claims: Any,
) -> str:
    """A token for one of `PEOPLE`, signed offline with the folder's keys; KeyError for somebody unknown.

    `actor` makes a delegation (RFC 8693 section 4.1): `agent-7`, or `agent-7,ci-bot`, the current actor first.
    """
    return mint_with(open_keyring(folder, issuer), who, actor, lifetime, aud=audience, **claims)


def mint_with(ring: KeyRing, who: str, actor: str | None = None, lifetime: float = 3600.0, **claims: Any) -> str:
    """As `mint`, with an open key ring."""
    somebody = PEOPLE[who]
    chain = actor_claim([PEOPLE[name].name for name in actor.split(",")], ring.issuer) if actor else None
    about = {"preferred_username": who, "groups": list(somebody.groups), "kind": somebody.kind, "act": chain}
    return ring.token(who, lifetime, **{**about, **claims})


def actor_claim(actors: list[str], issuer: str) -> dict[str, Any] | None:
    """The nested `act` claim: the first of `actors` is the current one."""
    claim: dict[str, Any] | None = None
    for name in reversed(actors):
        claim = {"sub": name, "iss": issuer, **({"act": claim} if claim else {})}
    return claim


def algorithm_of(key: SigningKey) -> str:
    """The JWS algorithm a key signs with (RFC 7518 section 3.1, RFC 8037)."""
    if isinstance(key, rsa.RSAPrivateKey):
        return "RS256"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return {256: "ES256", 384: "ES384", 521: "ES512"}[key.curve.key_size]
    return "EdDSA"


def public_jwk(key: SigningKey, kid: str) -> dict[str, Any]:
    """The public JWK of a private key."""
    algorithm = algorithm_of(key)
    maker = jwt.get_algorithm_by_name(algorithm)
    public: dict[str, Any] = json.loads(maker.to_jwk(key.public_key()))
    return {**public, "kid": kid, "use": "sig", "alg": algorithm}


def _generate(algorithm: str) -> SigningKey:
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    curves: dict[str, ec.EllipticCurve] = {"ES256": ec.SECP256R1(), "ES384": ec.SECP384R1(), "ES512": ec.SECP521R1()}
    if algorithm in curves:
        return ec.generate_private_key(curves[algorithm])
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _fingerprint(key: SigningKey) -> str:
    """A short stable name for a key: the digest of its public half."""
    spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(spki)
    return base64.urlsafe_b64encode(digest.finalize())[:12].decode("ascii")


def _kept_key(path: Path, algorithm: str) -> SigningKey:
    if path.exists():
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        assert isinstance(key, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey, ed25519.Ed25519PrivateKey))
        return key
    key = _generate(algorithm)
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    return key


def _remembered_issuer(place: Path, issuer: str) -> str:
    path = place / "issuer"
    if issuer:
        path.write_text(issuer, encoding="utf-8")
        return issuer
    return path.read_text(encoding="utf-8").strip() if path.exists() else DEFAULT_ISSUER

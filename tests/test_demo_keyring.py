"""The development key ring, and tokens minted offline."""

from __future__ import annotations

from pathlib import Path

import jwt
import pytest

from twisted_hoop.demo.keyring import PEOPLE, KeyRing, actor_claim, mint, open_keyring


def read(ring: KeyRing, token: str) -> dict[str, object]:
    kid = jwt.get_unverified_header(token)["kid"]
    key = jwt.PyJWK(next(jwk for jwk in ring.jwks()["keys"] if jwk["kid"] == kid))
    claims: dict[str, object] = jwt.decode(token, key, audience="hoop", issuer=ring.issuer)
    return claims


@pytest.mark.parametrize("who", PEOPLE)
def test_a_minted_token_verifies_with_the_published_keys(tmp_path: Path, who: str) -> None:
    claims = read(open_keyring(tmp_path), mint(tmp_path, who))
    assert claims["sub"] == who and claims["groups"] == list(PEOPLE[who].groups) and claims["kind"] == PEOPLE[who].kind
    assert "act" not in claims


def test_delegation(tmp_path: Path) -> None:
    ring = open_keyring(tmp_path, "https://dev.example")
    claims = read(ring, mint(tmp_path, "alice", actor="agent-7,ci-bot"))
    inner = {"sub": "ci-bot", "iss": "https://dev.example"}
    assert claims["act"] == {"sub": "agent-7", "iss": "https://dev.example", "act": inner}
    assert actor_claim([], "x") is None


def test_claims_can_be_added_and_taken_away(tmp_path: Path) -> None:
    claims = read(open_keyring(tmp_path), mint(tmp_path, "alice", email="alice@example.org", jti=None))
    assert claims["email"] == "alice@example.org" and "jti" not in claims


def test_nobody_else_is_known(tmp_path: Path) -> None:
    for who, actor in (("mallory", None), ("alice", "mallory")):
        with pytest.raises(KeyError):
            mint(tmp_path, who, actor)


def test_the_folder_keeps_keys_and_issuer(tmp_path: Path) -> None:
    first = open_keyring(tmp_path / "keys", "https://dev.example")
    again = open_keyring(tmp_path / "keys")
    assert again.jwks() == first.jwks() and again.issuer == "https://dev.example"
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "keys").glob("*.key")} == {0}
    assert all("d" not in jwk and jwk["use"] == "sig" for jwk in first.jwks()["keys"])


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "ES384", "ES512", "EdDSA"])
def test_a_ring_signs_with_every_kind_of_key(algorithm: str) -> None:
    ring = KeyRing("https://x")
    kid = ring.add(algorithm)
    token = ring.token("somebody")
    assert jwt.get_unverified_header(token) == {"alg": algorithm, "kid": kid, "typ": "JWT"}
    assert read(ring, token)["sub"] == "somebody"
    ring.remove(kid)
    assert ring.jwks() == {"keys": []}

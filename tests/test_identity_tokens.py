"""JWTs: what is read without trust, what is verified, what is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.tokens import ISSUER, key_set, make_ring
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity import tokens

NOW = 1_800_000_000.0
RING = make_ring(ISSUER, "EdDSA")
KEY = key_set(RING).keys[0]
RULES = tokens.TokenRules(ISSUER, frozenset({"hoop", "hoop-cli"}), frozenset({"EdDSA"}), 30.0)
GOOD = {"iss": ISSUER, "sub": "alice", "aud": "hoop", "iat": NOW - 10, "exp": NOW + 600}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def signed(**changes: Any) -> str:
    claims = {**GOOD, **changes}
    return RING.sign({name: value for name, value in claims.items() if value is not ...})


def verified(rules: tokens.TokenRules = RULES, **changes: Any) -> tokens.Claims:
    return tokens.verify(signed(**changes), KEY, rules, NOW)


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def test_a_good_token_gives_its_claims() -> None:
    assert verified()["sub"] == "alice"
    seen = tokens.peek(signed())
    assert (seen.issuer, seen.algorithm, seen.kid) == (ISSUER, "EdDSA", KEY.kid)


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "ES384", "ES512", "EdDSA"])
def test_every_signing_algorithm(algorithm: str) -> None:
    ring = make_ring(ISSUER, algorithm)
    rules = tokens.TokenRules(ISSUER, RULES.audience, frozenset({algorithm}))
    assert tokens.verify(ring.sign(GOOD), key_set(ring).keys[0], rules, NOW)["sub"] == "alice"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"iss": "https://login.example.org/"}, "another issuer"),
        ({"iss": "https://login.example.orG"}, "another issuer"),
        ({"sub": ...}, "no usable subject"),
        ({"sub": ""}, "no usable subject"),
        ({"sub": 7}, "no usable subject"),
        ({"sub": "alice\n"}, "no usable subject"),
        ({"aud": ...}, "no audience"),
        ({"aud": 7}, "no audience"),
        ({"aud": ["hoop", 7]}, "no audience"),
        ({"aud": []}, "another audience"),
        ({"aud": "hoops"}, "another audience"),
        ({"aud": ["a", "b"]}, "another audience"),
        ({"aud": ["hoop", "b"], "azp": "b"}, "another party"),
        ({"aud": ["hoop", "b"], "azp": ["hoop"]}, "another party"),
        ({"exp": ...}, "never expires"),
        ({"exp": None}, "never expires"),
        ({"exp": "2030"}, "no time"),
        ({"exp": True}, "no time"),
        ({"exp": 10**400}, "no time"),
        ({"exp": -(10**400)}, "no time"),
        ({"exp": NOW - 30}, "expired"),
        ({"iat": NOW + 31}, "not valid yet"),
        ({"nbf": NOW + 31}, "not valid yet"),
        ({"nbf": "soon"}, "no time"),
        ({"events": {}}, "security event"),
        ({"cnf": {"jkt": "x"}}, "possession"),
    ],
)
def test_claims_that_are_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(AuthenticationFailed, match=why):
        verified(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": ["other", "hoop-cli"]},
        {"aud": ["hoop", "other"], "azp": "hoop-cli"},
        {"aud": "hoop", "azp": "some-client"},
        {"exp": NOW - 29},
        {"exp": NOW + 0.5},
        {"iat": NOW + 29, "nbf": NOW + 29},
        {"iat": ...},
    ],
)
def test_claims_that_are_accepted(changes: dict[str, Any]) -> None:
    assert verified(**changes)["sub"] == "alice"


def test_lifetime_is_bounded_with_and_without_iat() -> None:
    rules = tokens.TokenRules(ISSUER, RULES.audience, RULES.algorithms, 30.0, 300.0)
    assert verified(rules, exp=NOW + 290)
    assert verified(rules, iat=..., exp=NOW + 300)
    for changes in ({"exp": NOW + 291}, {"iat": ..., "exp": NOW + 301}):
        with pytest.raises(AuthenticationFailed, match="longer than allowed"):
            verified(rules, **changes)


@pytest.mark.parametrize("kind", ["JWT", "jwt", "at+jwt", "application/at+jwt", "JOSE"])
def test_types_of_tokens_that_log_in(kind: str) -> None:
    assert tokens.verify(RING.sign(GOOD, headers={"typ": kind}), KEY, RULES, NOW)


@pytest.mark.parametrize("headers", [{"typ": "logout+jwt"}, {"typ": "dpop+jwt"}, {"crit": ["x"], "x": 1}])
def test_other_types_and_critical_extensions_are_refused(headers: dict[str, Any]) -> None:
    with pytest.raises(AuthenticationFailed, match=r"another type|critical"):
        tokens.verify(RING.sign(GOOD, headers=headers), KEY, RULES, NOW)


@pytest.mark.parametrize(
    "token",
    [
        "",
        "..",
        "a.b",
        "a.b.c.d.e",
        part({"alg": "EdDSA"}) + "." + part([]) + ".x",
        part([]) + "." + part({"iss": "x"}) + ".x",
        part({"alg": "EdDSA", "kid": 7}) + "." + part({"iss": ISSUER}) + ".x",
        part({"alg": "EdDSA"}) + "." + part({}) + ".x",
        part({"alg": "EdDSA"}) + "." + "=" * 4 + ".x",
        part({"alg": "EdDSA"}) + ".\u00e4.x",
        base64.urlsafe_b64encode(b"[" * 9000).decode().rstrip("=") + ".e30.x",
        signed() + "\n",
        " " + signed(),
        signed() + "=",
    ],
    ids=range(14),  # the keys are random, and parallel workers must agree on the tests there are
)
def test_what_is_no_token(token: str) -> None:
    with pytest.raises(AuthenticationFailed):
        tokens.verify(token, KEY, RULES, NOW)


def test_a_repeated_claim_is_refused() -> None:
    """Two parsers could read two subjects."""
    payload = base64.urlsafe_b64encode(b'{"iss":"x","iss":"y"}').rstrip(b"=").decode()
    with pytest.raises(AuthenticationFailed, match="no JSON object"):
        tokens.peek(part({"alg": "EdDSA"}) + "." + payload + ".x")


def test_size_is_capped() -> None:
    signed_large = signed(padding="x" * tokens.MAX_TOKEN)
    with pytest.raises(AuthenticationFailed, match="too long"):
        tokens.peek(signed_large)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_every_part_is_covered_by_the_signature(index: int) -> None:
    parts = signed().split(".")
    other = RING.sign({**GOOD, "sub": "mallory"}, headers={"x": "y"}).split(".")
    parts[index] = other[index]
    with pytest.raises(AuthenticationFailed):
        tokens.verify(".".join(parts), KEY, RULES, NOW)


@given(st.text(max_size=200), JSON, JSON, st.text(max_size=20))
def test_any_text_is_a_token_or_refused(text: str, header: Any, payload: Any, signature: str) -> None:
    for token in (text, f"{part(header)}.{part(payload)}.{signature}"):
        with pytest.raises(AuthenticationFailed):
            tokens.verify(token, KEY, RULES, NOW)


@given(st.dictionaries(st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "azp"]), JSON))
def test_any_signed_claims_are_accepted_or_refused(changes: dict[str, Any]) -> None:
    try:
        token = RING.sign({**GOOD, **changes})
    except (ValueError, TypeError, OverflowError):
        return
    try:
        claims = tokens.verify(token, KEY, RULES, NOW)
    except AuthenticationFailed:
        return
    assert claims["iss"] == ISSUER and claims["exp"] > NOW - 30

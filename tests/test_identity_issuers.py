"""Issuers as the settings describe them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.loop import Loop, running_loop
from tests.support.tokens import ISSUER, PEER, issuer_section, make_ring, make_settings, write_jwks
from twisted_hoop.errors import AuthenticationFailed, ConfigurationError
from twisted_hoop.identity.issuers import Issuer, make_issuers
from twisted_hoop.identity.tokens import peek
from twisted_hoop.model import Peer


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with running_loop() as running:
        yield running


def one_issuer(loop: Loop, tmp_path: Path, **more: Any) -> tuple[Any, Issuer]:
    ring = make_ring()
    section = issuer_section(ring, write_jwks(ring, tmp_path / "jwks"), **more)
    return ring, loop.run(lambda: make_issuers(make_settings(section), loop.reactor, time.time))[ISSUER]


def test_a_token_becomes_a_principal_and_its_claims(loop: Loop, tmp_path: Path) -> None:
    ring, issuer = one_issuer(loop, tmp_path)
    token = ring.token("alice", email="alice@example.org")
    principal, claims = loop.run(lambda: issuer.principal(token, peek(token), "d"))
    assert (principal.key, principal.proof_id) == (f"{ISSUER}|alice", "d")
    assert claims["email"] == "alice@example.org"


def test_I10_one_time_tokens_need_a_jti(loop: Loop, tmp_path: Path) -> None:
    ring, issuer = one_issuer(loop, tmp_path, one_time=True)
    for jti in (None, 7):
        token = ring.token("alice", jti=jti)
        with pytest.raises(AuthenticationFailed, match="no jti"):
            loop.run(lambda token=token: issuer.principal(token, peek(token), "d"))


def test_I10_sources(loop: Loop, tmp_path: Path) -> None:
    _, issuer = one_issuer(loop, tmp_path, sources=["192.0.2.0/24"])
    issuer.check(PEER)
    with pytest.raises(AuthenticationFailed):
        issuer.check(Peer("198.51.100.1"))


def test_an_issuer_is_kept_only_while_its_settings_are_the_same(loop: Loop, tmp_path: Path) -> None:
    ring = make_ring()
    section = issuer_section(ring, write_jwks(ring, tmp_path / "jwks"))
    first = loop.run(lambda: make_issuers(make_settings(section), loop.reactor, time.time))
    again = loop.run(lambda: make_issuers(make_settings(section), loop.reactor, time.time, first))
    other = section.model_copy(update={"leeway": 31.0})
    changed = loop.run(lambda: make_issuers(make_settings(other), loop.reactor, time.time, first))
    assert again[ISSUER] is first[ISSUER] and changed[ISSUER] is not first[ISSUER]


def test_settings_that_confuse_issuers_are_refused_at_load(loop: Loop) -> None:
    section = issuer_section(make_ring(), "keys.json")
    for settings, why in (
        (make_settings(section, section), "two have the same"),
        (make_settings(section, gateway={"name": ISSUER}), "also an issuer"),
    ):
        with pytest.raises(ConfigurationError, match=why):
            loop.run(lambda settings=settings: make_issuers(settings, loop.reactor, time.time))


def logged_in(loop: Loop, issuer: Issuer, token: str, client: str = "hoop-web", nonce: str = "n-1") -> Any:
    return loop.run(lambda: issuer.browser_login(token, client, nonce, "d"))


def test_an_id_token_is_taken_from_the_client_it_was_issued_to(loop: Loop, tmp_path: Path) -> None:
    """I3: audience and authorized party are the OAuth client, and nobody else."""
    ring, issuer = one_issuer(loop, tmp_path, groups_claim="groups")
    good = ring.token("alice", aud="hoop-web", nonce="n-1", groups=["dba"])
    assert logged_in(loop, issuer, good).groups == {"dba"}
    for claims in (
        {"aud": "hoop"},
        {"aud": "other"},
        {"aud": ["hoop-web", "other"], "azp": "other"},
        {"iss": "https://evil.example"},
        {"exp": 1},
    ):
        with pytest.raises(AuthenticationFailed):
            logged_in(loop, issuer, ring.token("alice", **{"aud": "hoop-web", "nonce": "n-1", **claims}))


def test_I7_an_id_token_is_for_one_log_in(loop: Loop, tmp_path: Path) -> None:
    ring, issuer = one_issuer(loop, tmp_path)
    for nonce in ("n-2", "", None, 7, ["n-1"]):
        with pytest.raises(AuthenticationFailed, match="another log-in"):
            logged_in(loop, issuer, ring.token("alice", aud="hoop-web", nonce=nonce))
    with pytest.raises(AuthenticationFailed, match="another log-in"):
        logged_in(loop, issuer, ring.token("alice", aud="hoop-web", nonce=""), nonce="")


def test_a_renewed_id_token_may_leave_its_nonce_out(loop: Loop, tmp_path: Path) -> None:
    """I7: but another nonce stays another log-in's (OIDC Core section 12.2)."""
    ring, issuer = one_issuer(loop, tmp_path)

    def renewed(**claims: Any) -> Any:
        token = ring.token("alice", aud="hoop-web", **claims)
        return loop.run(lambda: issuer.browser_login(token, "hoop-web", "n-1", "d", renewed=True))

    assert renewed().subject == renewed(nonce="n-1").subject == "alice"
    for nonce in ("n-2", "", 7):
        with pytest.raises(AuthenticationFailed, match="another log-in"):
            renewed(nonce=nonce)

"""The one door: every credential, the cache behind it, and live sessions."""

from __future__ import annotations

import dataclasses
import time
import timeit
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from zope.interface.verify import verifyObject

from tests.support.loop import Loop, running_loop
from tests.support.tokens import (
    ISSUER,
    PEER,
    Door,
    Time,
    issuer_section,
    make_ring,
    make_settings,
    write_jwks,
)
from twisted_hoop.errors import AuthenticationFailed
from twisted_hoop.identity.accounts import new_account_token
from twisted_hoop.identity.keys import FILE_CHECK
from twisted_hoop.identity.provider import MAX_CACHED, IdentityProvider, ScramLogin
from twisted_hoop.identity.scram import PLAIN, PLUS, ScramClient
from twisted_hoop.identity.scram_keys import salted_password, scram_verifier
from twisted_hoop.interfaces import IIdentityProvider, IScramProvider
from twisted_hoop.model import Peer, Principal

TOKEN, DIGEST = new_account_token()
ETL = {"name": "etl", "token_sha256": DIGEST, "scram": scram_verifier("pencil"), "groups": ["jobs"]}


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    with running_loop() as running:
        yield running


class World:
    """One issuer with keys in a file, one account, a clock."""

    def __init__(self, loop: Loop, folder: Path, gateway: dict[str, Any] | None = None, **issuer: Any) -> None:
        self.ring = make_ring()
        self.path = write_jwks(self.ring, folder / "jwks")
        self.time = Time(time.time())
        section = issuer_section(self.ring, self.path, **issuer)
        settings = make_settings(section, accounts=[ETL], gateway=gateway or {})
        self.door = Door(loop, settings, self.time)
        self.provider = self.door.provider


@pytest.fixture
def world(loop: Loop, tmp_path: Path) -> World:
    return World(loop, tmp_path)


def test_it_provides_both_interfaces(world: World) -> None:
    assert verifyObject(IIdentityProvider, world.provider)
    assert verifyObject(IScramProvider, world.provider)


def test_a_jwt_and_an_account_token_prove_principals(world: World) -> None:
    assert world.door(world.ring.token("alice", groups=["dev"])).groups == {"dev"}
    etl = world.door(TOKEN)
    assert (etl.key, etl.proof, etl.groups) == ("hoop|etl", "account-token", {"jobs"})


WRONG = ["", "hoop_", "hoop_x", DIGEST, "a.b.c", "..", TOKEN + " ", "\ud800", "\ud800.a.b"]


@pytest.mark.parametrize("credential", WRONG, ids=range(len(WRONG)))
def test_everything_else_proves_nobody(world: World, credential: str) -> None:
    with pytest.raises(AuthenticationFailed) as caught:
        world.door(credential)
    assert caught.value.public == "authentication failed"
    assert len(credential) < 5 or credential not in str(caught.value)


def test_a_token_is_verified_once_and_then_known(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    token = world.ring.token("alice")
    first = world.door(token)
    monkeypatch.setattr("twisted_hoop.identity.provider.peek", None)
    assert world.door(token) is first


def test_a_known_token_still_expires(world: World) -> None:
    token = world.ring.token("alice", lifetime=60.0)
    world.door(token)
    world.time.now += 59
    world.door(token)
    world.time.now += 32
    with pytest.raises(AuthenticationFailed, match="expired"):
        world.door(token)


def test_I3_a_known_token_dies_with_its_key(world: World) -> None:
    token, old = world.ring.token("alice"), next(iter(world.ring.keys))
    world.door(token)
    world.ring.add("EdDSA")
    world.ring.remove(old)
    write_jwks(world.ring, world.path)
    world.time.now += FILE_CHECK
    with pytest.raises(AuthenticationFailed, match="no such key"):
        world.door(token)


def test_the_cache_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("twisted_hoop.identity.provider.MAX_CACHED", 3)
    for number in range(5):
        world.door(world.ring.token(f"user{number}"))
    assert len(world.provider._known) == 3 < MAX_CACHED


def test_a_known_token_costs_microseconds(world: World) -> None:
    """A generous bound for busy machines; the benchmark measures it properly."""
    token = world.ring.token("alice")
    world.door(token)

    def once() -> None:
        try:
            world.provider.authenticate(token, PEER).send(None)  # type: ignore[attr-defined]
        except StopIteration:
            return
        raise AssertionError("waited")

    best = min(timeit.repeat(once, number=1000, repeat=5)) / 1000
    assert best < 50e-6, f"{best * 1e6:.1f} µs"


def login(provider: IdentityProvider, password: str, user: str = "etl", peer: Peer = PEER) -> Principal:
    server: ScramLogin = provider.scram(user, peer)
    client = ScramClient()
    challenge = client.challenge(server.first(client.first()))
    answer, principal = server.final(client.final(salted_password(password, challenge.salt, challenge.iterations)))
    client.verify(answer)
    return principal


def test_scram(world: World) -> None:
    etl = login(world.provider, "pencil")
    assert (etl.key, etl.proof) == ("hoop|etl", "scram")
    assert world.provider.has_scram("etl") and not world.provider.has_scram("alice")
    for user, password in (("etl", "wrong"), ("nobody", "pencil")):
        with pytest.raises(AuthenticationFailed):
            login(world.provider, password, user)


def test_scram_with_channel_binding(world: World) -> None:
    server = world.provider.scram("etl", PEER, b"binding")
    assert server.mechanisms == (PLUS, PLAIN)
    client = ScramClient(channel_binding=b"binding", mechanism=PLUS)
    challenge = client.challenge(server.first(client.first(), PLUS))
    _, principal = server.final(client.final(salted_password("pencil", challenge.salt, challenge.iterations)))
    assert principal.subject == "etl"


def test_grace(loop: Loop, tmp_path: Path) -> None:
    world = World(loop, tmp_path, gateway={"grace": 10.0})
    alice = dataclasses.replace(world.door(world.ring.token("alice")), expires=world.time.now + 5)
    world.time.now += 14
    assert world.provider.still_valid(alice)
    world.time.now += 1
    assert not world.provider.still_valid(alice)


def test_a_principal_of_an_issuer_no_longer_configured_is_not_valid(world: World) -> None:
    alice = world.door(world.ring.token("alice"))
    assert world.provider.still_valid(alice)
    assert alice.issuer == ISSUER
    assert not world.provider.still_valid(dataclasses.replace(alice, issuer="https://former.example.org"))


def browser_login(loop: Loop, world: World, token: str, issuer: str = ISSUER) -> Principal:
    return loop.run(lambda: world.provider.browser_login(issuer, token, "hoop-web", "n-1", PEER))


def test_I8_an_id_token_logs_a_browser_in_and_is_no_bearer_token(loop: Loop, world: World) -> None:
    token = world.ring.token("alice", aud="hoop-web", nonce="n-1")
    principal = browser_login(loop, world, token)
    assert principal.key == f"{ISSUER}|alice" and world.provider.still_valid(principal)
    with pytest.raises(AuthenticationFailed, match="another audience"):
        world.door(token)
    with pytest.raises(AuthenticationFailed, match="not configured"):
        browser_login(loop, world, token, "https://former.example.org")


def test_I8_a_renewed_token_is_of_the_same_person(loop: Loop, world: World) -> None:
    alice = browser_login(loop, world, world.ring.token("alice", aud="hoop-web", nonce="n-1"))

    def renewed(who: str) -> Principal:
        token = world.ring.token(who, aud="hoop-web")
        return loop.run(lambda: world.provider.browser_login(ISSUER, token, "hoop-web", "n-1", PEER, alice))

    assert renewed("alice").key == alice.key
    with pytest.raises(AuthenticationFailed, match="somebody else"):
        renewed("bob")


def test_I9_a_locked_person_does_not_log_in(loop: Loop, world: World) -> None:
    world.provider.locks.lock("principal", f"{ISSUER}|alice")
    with pytest.raises(AuthenticationFailed, match="locked"):
        browser_login(loop, world, world.ring.token("alice", aud="hoop-web", nonce="n-1"))
